//! The hourly ledger of a cluster, as the levels between a workload and its steps look at it.
//!
//! In: the workings of a month, a cluster. Out: its days in order. Rule: contracts are shared over the hours of a month in their order, so a day is never made alone.
//! Assumes: several figures of one month are walked one after the other, and most look at the same clusters.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;

use super::walk::Walk;
use crate::cli::account::{AccountedDay, Engine, Run};
use crate::disclosure::hourly::{HourlyLedger, LedgerDay};
use crate::units::UtcDay;

/// Rows that are kept for the next figure; a row has about 200 bytes. Larger clusters are accounted again for each.
const KEPT_ROWS: usize = 2_000_000;

/// The hourly ledgers that were looked at, while they are small enough to be kept.
#[derive(Default)]
pub struct KeptLedgers {
    rows: usize,
    clusters: BTreeMap<usize, Rc<Vec<LedgerDay>>>,
}

impl Walk<'_> {
    /// The hourly ledger of a cluster, day by day.
    pub fn ledger_days(&self, cluster: usize, mut visit: impl FnMut(&LedgerDay)) -> Result<()> {
        let kept = self.ledgers.borrow().clusters.get(&cluster).cloned();
        if let Some(days) = kept {
            days.iter().for_each(visit);
            return Ok(());
        }
        let room = KEPT_ROWS.saturating_sub(self.ledgers.borrow().rows);
        let (mut rows, mut days) = (0, Some(Vec::new()));
        self.account_days(cluster, |day| {
            visit(&day);
            rows += day.len();
            // What does not fit is let go at once.
            days = days.take().filter(|_| rows <= room);
            if let Some(days) = &mut days {
                days.push(day);
            }
        })?;
        if let Some(days) = days {
            let mut ledgers = self.ledgers.borrow_mut();
            ledgers.rows += rows;
            ledgers.clusters.insert(cluster, Rc::new(days));
        }
        Ok(())
    }

    fn account_days(&self, cluster: usize, mut visit: impl FnMut(LedgerDay)) -> Result<()> {
        let workings = self.workings;
        let first = UtcDay::containing(workings.plan.terms.period.from());
        let mut of_cluster: Vec<_> = workings.days.iter().filter(|day| day.cluster == cluster && day.day >= first).collect();
        of_cluster.sort_by_key(|day| day.day);
        let mut hourly = HourlyLedger::new(workings.plan, workings.inventory, workings.market);
        let run = &Run { engine: Engine::Columns, workers: 1, with_content: false };
        for day in of_cluster {
            let accounted = AccountedDay::new(workings.store, workings.plan, day, run)?;
            visit(hourly.day(cluster, day.day, &accounted.dimensions, &accounted.fold));
        }
        Ok(())
    }
}
