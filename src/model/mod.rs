//! The words of the ledger: boundary, scope, job run, finding, and the name of every table and column.
//!
//! In: nothing. Out: types and names that all rooms share. Rule: a thing is named once, here.
//! Assumes: nothing. Does not: read, ask the time, or compute.

mod access;
mod boundary;
mod decision;
mod deferral;
mod digest;
mod endpoint;
mod engine_address;
mod finding;
mod gate;
mod group;
mod hardware;
mod hint;
mod instrument;
mod intensity;
mod jobs;
mod labels;
mod metering;
mod name;
mod pattern;
mod place;
pub mod policy;
mod price;
mod refusal;
mod samples;
mod shard;
pub mod tables;
mod tier;

pub use access::AccessScope;
pub use boundary::{Boundary, ColocatedAs, Placement};
pub use decision::{Decision, DecisionReason, DecisionRecord, DecisionSource, Forecast};
pub use deferral::{ClassBasis, DeferrableRule, DeferralClass, HoldOutPolicy, serves_users};
pub use digest::{hex, sha256};
pub use endpoint::Endpoint;
pub use engine_address::EngineAddress;
pub use finding::{Finding, Severity};
pub use gate::{Deadline, GateTerms, LatestStart};
pub use group::{Consolidation, Entity, Group, InternalCloud, PublishedRate, RatePeriod};
pub use hardware::{EmbodiedTerms, FunctionalUnit, PublishedYear};
pub use hint::Hint;
pub use instrument::{CriterionAnswer, EnergySource, Instrument, InstrumentKind, InstrumentPeriod, Matching, RestRule};
pub use intensity::{IntensitySeries, Signal, Version};
pub use jobs::{BaselineRule, Cause, CauseBasis, JobRun};
pub use labels::{KUBERNETES_API, RenamedLabels, kube_state_metrics_name};
pub use metering::{Exporter, MeteringTerms, NodeTerms, PoolTerms, PowerRange};
pub use name::{Name, Names};
pub use place::{BucketPlace, EvidencePlace};
pub use price::PriceSeries;
pub use refusal::Refusal;
pub use samples::{SampleTable, Series};
pub use shard::Shard;
pub use tier::Tier;

/// Energy that no workload used: what a machine draws for being on.
pub const IDLE: &str = "(idle)";
/// Energy of processes outside pods.
pub const SYSTEM: &str = "(system)";
/// Energy that no meter saw, filled from the node's own mean.
pub const GAP: &str = "(gap)";

/// The cost centre of what has none.
pub const UNLABELLED: &str = "(unlabelled)";

/// Row numbers of the three that are not pods, in the order of their names, below every pod's.
pub const GAP_ROW: i32 = -3;
pub const IDLE_ROW: i32 = -2;
pub const SYSTEM_ROW: i32 = -1;
