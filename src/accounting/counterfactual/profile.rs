//! What a run used, step by step and site by site: what is moved when the run is.
//!
//! In: the run's rows of a cluster-day. Out: its [`Profile`], sorted and with one row for each step and site, whatever order the days came in.
//! Does not: know when the run began or ended.

use crate::accounting::ledger::RunStep;

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

impl From<&RunStep> for ProfileStep {
    fn from(row: &RunStep) -> Self {
        Self { site: row.site, step: row.step, active_mj: row.active_mj, cpu_request_milli: row.cpu_request_milli }
    }
}

impl ProfileStep {
    fn key(&self) -> (i32, i32) {
        (self.step, self.site)
    }
}

/// Adds rows that are sorted by step and site. Days mostly come one after the other, which costs no more than the rows.
pub fn add(profile: &mut Profile, rows: impl ExactSizeIterator<Item = ProfileStep>) {
    let known = profile.len();
    profile.reserve_exact(rows.len());
    profile.extend(rows);
    if known == 0 || known == profile.len() || profile[known - 1].key() < profile[known].key() {
        return;
    }
    profile.sort_unstable_by_key(ProfileStep::key);
    profile.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            kept.active_mj += next.active_mj;
            kept.cpu_request_milli += next.cpu_request_milli;
        }
        is_same
    });
}
