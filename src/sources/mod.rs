//! Sources: nouns that give columns.
//!
//! In: a Prometheus server, files of grid intensity. Out: `model::SampleTable`, `model::IntensitySeries`, findings.
//! Rule: samples and values are taken as they are, checked, and nothing is made of them here. An answer that is not whole is refused.
//! Assumes: the exporters and file shapes that each module names. Does not: write anything, or difference a counter.

pub mod intensity;
pub mod prometheus;
mod refusal;

pub use refusal::{Reach, Refusal};
