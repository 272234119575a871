//! What a run used, step by step and site by site: what is moved when the run is.

/// A step of a run at one site. Its energy lies uniformly over its overlap with the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileStep {
    pub site: i32,
    pub step: i32,
    pub active_mj: i64,
    /// Of the pods that were there.
    pub cpu_request_milli: i64,
}

/// Sorted by step, then site.
pub type Profile = Vec<ProfileStep>;
