//! What shifting itself used: idle while waiting, suspend and resume, moving data.
//!
//! Rule: over placed runs that were shifted; one of which nobody said an overhead is counted as unknown, not as none.

use super::Placed;
use crate::disclosure::statement::Overheads;
use crate::model::Cause;
use crate::units::MicrogramsCo2e;

/// `avoided` is that of all placed runs.
pub fn of(placed: &[Placed<'_>], avoided: MicrogramsCo2e) -> Overheads {
    let mut sum = Overheads::default();
    for run in placed.iter().map(|run| run.run).filter(|run| run.cause != Cause::None) {
        sum.suspended_runs += u64::from(run.was_suspended);
        match run.overhead {
            Some(overhead) => {
                sum.known_runs += 1;
                sum.energy_mj += overhead.energy_mj;
                sum.emissions_ugco2e += overhead.emissions_ugco2e;
            }
            None => sum.unknown_runs += 1,
        }
    }
    sum.avoided_less_overheads_ugco2e = avoided - sum.emissions_ugco2e;
    sum
}

pub fn add(year: &mut Overheads, month: &Overheads) {
    year.known_runs += month.known_runs;
    year.unknown_runs += month.unknown_runs;
    year.suspended_runs += month.suspended_runs;
    year.energy_mj += month.energy_mj;
    year.emissions_ugco2e += month.emissions_ugco2e;
    year.avoided_less_overheads_ugco2e += month.avoided_less_overheads_ugco2e;
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{mj, run, ug, with_overhead};
    use super::*;
    use crate::disclosure::statement::JobRunStatement;

    #[test]
    fn overheads_are_taken_off_what_was_avoided_and_unknown_ones_are_counted() {
        let runs = [
            with_overhead(run("known", Cause::Carbon, 100, 160), 7, 9),
            JobRunStatement { was_suspended: true, ..run("unknown", Cause::Other, 100, 110) },
            JobRunStatement { was_suspended: true, ..with_overhead(run("not shifted", Cause::None, 50, 50), 1_000, 1_000) },
        ];

        let mut sum = of(&placed(&runs), ug(70));

        assert_eq!((sum.known_runs, sum.unknown_runs, sum.suspended_runs), (1, 1, 1));
        assert_eq!((sum.energy_mj, sum.emissions_ugco2e, sum.avoided_less_overheads_ugco2e), (mj(7), ug(9), ug(61)));
        let month = sum.clone();
        add(&mut sum, &month);
        assert_eq!((sum.known_runs, sum.energy_mj, sum.avoided_less_overheads_ugco2e), (2, mj(14), ug(122)));
    }
}
