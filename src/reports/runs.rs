//! The order in which job runs are shown: shifted first by the size of what they avoided, then the rest, then the unplaced.

use crate::disclosure::figure_ids::{RowId, run_ids};
use crate::disclosure::statement::JobRunStatement;
use crate::model::Cause;

/// All runs of a statement, each in exactly one list.
pub struct Runs<'a> {
    /// Largest effect first, gain or loss; ties by cluster, namespace, job.
    pub shifted: Vec<&'a JobRunStatement>,
    pub unshifted: Vec<&'a JobRunStatement>,
    pub unplaced: Vec<&'a JobRunStatement>,
    all: &'a [JobRunStatement],
    /// In the order of the statement.
    ids: Vec<RowId>,
}

impl<'a> Runs<'a> {
    pub fn of(runs: &'a [JobRunStatement]) -> Self {
        let ids = run_ids(runs.iter().map(|run| (&*run.cluster, &*run.namespace, &*run.job, run.start)));
        let all = runs;
        let (unplaced, placed): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.unplaced_reason.is_some());
        let (mut shifted, unshifted): (Vec<_>, Vec<_>) = placed.into_iter().partition(|run| is_shifted(run));
        // The sort is stable and the statement's lists are sorted by key, so ties keep their order.
        shifted.sort_by_key(|run| std::cmp::Reverse(avoided(run).unsigned_abs()));
        Self { shifted, unshifted, unplaced, all, ids }
    }

    /// The id of one of the runs.
    pub fn id(&self, run: &JobRunStatement) -> String {
        self.all.element_offset(run).map_or_else(String::new, |at| self.ids[at].to_string())
    }

    pub fn in_order(&self) -> impl Iterator<Item = &'a JobRunStatement> + '_ {
        self.shifted.iter().chain(&self.unshifted).chain(&self.unplaced).copied()
    }
}

/// A run that moved in time or place has a cause (method, section 7); an effect without a cause is shown rather than folded away.
fn is_shifted(run: &JobRunStatement) -> bool {
    run.cause != Cause::None || avoided(run) != 0
}

fn avoided(run: &JobRunStatement) -> i64 {
    run.avoided_ugco2e.map_or(0, |avoided| avoided.get())
}
