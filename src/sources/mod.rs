//! Sources: nouns that give columns.
//!
//! In: a Prometheus server, a Kubernetes API server, providers and files of grid intensity, files of prices,
//! decision logs. Out: `model::SampleTable`, `model::IntensitySeries`, `model::PriceSeries`, `model::DecisionRecord`, findings.
//! Rule: samples and values are taken as they are, checked, and nothing is made of them here. An answer that is not whole is refused.
//! Assumes: the exporters and file shapes that each module names. Does not: write anything, or difference a counter.

pub mod decisions;
pub(crate) mod delimited;
pub(crate) mod digest;
pub mod intensity;
pub mod kubernetes;
mod local_time;
pub mod prices;
pub mod prometheus;
mod refusal;
pub mod time_stamp;
pub mod usage;
mod words;

pub use refusal::{Reach, Refusal};
