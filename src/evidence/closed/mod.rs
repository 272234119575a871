//! Closed months: sealed once, with everything that was used, and never written again.
//!
//! In: files of a month, its seal, signature and time stamp. Out: `closed/<YYYY-MM>/<edition>/`, and back, checked. Rule: a month is closed when its seal is
//! there; the seal is written last and only where none is. An edition is never changed: a restatement is another one, chained to all before it.
//! Assumes: one process closes at a time (the store's lock). Does not: account, or trust a key that lies beside what it signs.

mod chain;
mod folder;
pub mod keys;
mod seal;
pub mod stamp;
#[cfg(test)]
mod tests;
mod view;

pub use chain::{Chain, broken_links};
pub use folder::{CLOSED_FOLDER, Sealed, Unreadable, Written};
pub use keys::{PublicKey, SigningKey};
pub use seal::{Link, Replaced, SEAL_SCHEMA, Seal, SealKind, SealedDay, SealedFile, SealedLedger, SealedPeriod, require_consistent};
pub use view::{Reading, Readings, closed_manifest, manifest_key};
