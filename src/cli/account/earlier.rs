//! What the days before the period know of the runs that end in it: when they first started, what was said of them.
//!
//! In: store, period, the survey of the period. Out: the survey with those runs completed, and the tables that say so. Rule (method, section 7): a run starts when
//! it first started, also where that was before the period and it was suspended since. Does not: read energy: that is the ledger's.

use anyhow::Result;

use super::counterfactual::jobs_of;
use crate::accounting::survey::{MonthTerms, Survey};
use crate::disclosure::statement::EvidenceFile;
use crate::evidence::Store;
use crate::units::UtcDay;

/// Beyond a quarter of a year nobody looks: what is left of an older run is as the period knows it.
const MOST_DAYS: usize = 92;

pub fn complete(store: &Store, terms: &MonthTerms, survey: &mut Survey) -> Result<Vec<EvidenceFile>> {
    let mut evidence = Vec::new();
    let first = UtcDay::containing(terms.period.from());
    for (cluster, survey) in terms.clusters.iter().zip(&mut survey.clusters) {
        let Some(earliest) = survey.first_created_before(first).map(UtcDay::containing) else { continue };
        let days = std::iter::successors(Some(first.previous()), |day| Some(day.previous()));
        for day in days.take(MOST_DAYS).take_while(|day| *day >= earliest) {
            let Some((jobs, tables)) = jobs_of(store, &cluster.name, day)? else { continue };
            survey.complete_runs(&jobs);
            evidence.extend(tables);
        }
    }
    Ok(evidence)
}
