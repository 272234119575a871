//! Which of the period's energy could have waited, how much of it did, and what the rest could have had.
//!
//! In: all runs, placed or not, and the period's workloads with their active energy and class. Rule (method, section 8): a workload with runs is of their classes:
//! each run's own part of the period goes to its class, the rest (what no run of this period holds) to the class of most of that energy; a workload without
//! runs is of the class that its labels, the policy or its kind give it. So the rows add up to the period's active energy, to the millijoule.

use std::collections::{BTreeMap, HashMap};

use super::WorkloadClass;
use crate::disclosure::statement::{ClassRow, Deferrability, JobRunStatement, MoveNext};
use crate::model::{Cause, ClassBasis, DeferralClass};
use crate::units::{MicrogramsCo2e, Millijoules};

type Class = (DeferralClass, ClassBasis);
type Workload<'a> = (&'a str, &'a str, &'a str);

pub fn of(runs: &[JobRunStatement], workloads: &[WorkloadClass]) -> Vec<ClassRow> {
    let mut rows = BTreeMap::new();
    let mut by_workload: HashMap<Workload<'_>, BTreeMap<Class, Part>> = HashMap::new();
    for run in runs {
        let class = (run.class, run.class_basis);
        let of_period = run.active_mj - run.outside_mj;
        add_run(row(&mut rows, class), run, of_period);
        let part = by_workload.entry((&run.cluster, &run.namespace, &run.workload)).or_default().entry(class).or_default();
        part.active_mj += of_period;
        part.runs += 1;
    }
    for workload in workloads {
        let key = (workload.cluster.as_str(), workload.namespace.as_str(), workload.workload.as_str());
        match by_workload.get(&key) {
            None => add_workload(row(&mut rows, (workload.class, workload.basis)), workload.active_mj),
            Some(parts) => {
                let held: Millijoules = parts.values().map(|part| part.active_mj).sum();
                parts.iter().for_each(|(class, part)| add_workload(row(&mut rows, *class), part.active_mj));
                row(&mut rows, most(parts)).active_mj += workload.active_mj - held;
            }
        }
    }
    rows.into_values().collect()
}

/// Sums of two months. Which workloads they have in common is not known of a row, so a row's are the most that any month had.
pub fn add(year: &mut Deferrability, month: &Deferrability) {
    let mut rows: BTreeMap<Class, ClassRow> = year.classes.drain(..).map(|row| ((row.class, row.basis), row)).collect();
    for other in &month.classes {
        let sum = row(&mut rows, (other.class, other.basis));
        sum.workloads = sum.workloads.max(other.workloads);
        sum.runs += other.runs;
        sum.active_mj += other.active_mj;
        sum.shifted_mj += other.shifted_mj;
        sum.shifted_for_carbon_mj += other.shifted_for_carbon_mj;
        let known = [sum.could_have_avoided_ugco2e, other.could_have_avoided_ugco2e];
        sum.could_have_avoided_ugco2e = known.into_iter().flatten().reduce(|a, b| a + b);
    }
    year.classes = rows.into_values().collect();
    add_moves(&mut year.move_next, &month.move_next);
}

/// A workload stands once for each delay and zone that a month found best: what another delay would have saved in that month is not known here.
fn add_moves(year: &mut Vec<MoveNext>, month: &[MoveNext]) {
    for other in month {
        let is_same = |row: &&mut MoveNext| {
            (&row.cluster, &row.namespace, &row.workload, &row.zone) == (&other.cluster, &other.namespace, &other.workload, &other.zone)
                && (row.basis, row.delay_seconds) == (other.basis, other.delay_seconds)
        };
        match year.iter_mut().find(is_same) {
            Some(row) => {
                row.runs += other.runs;
                row.active_mj += other.active_mj;
                row.actual_ugco2e += other.actual_ugco2e;
                row.max_delay_seconds = row.max_delay_seconds.min(other.max_delay_seconds);
                row.saved_by_delay_ugco2e += other.saved_by_delay_ugco2e;
                row.saved_at_best_ugco2e += other.saved_at_best_ugco2e;
            }
            None => year.push(other.clone()),
        }
    }
    year.sort_by(|a, b| {
        let key = |row: &MoveNext| (row.cluster.clone(), row.namespace.clone(), row.workload.clone(), row.delay_seconds, row.zone.clone());
        b.saved_by_delay_ugco2e.cmp(&a.saved_by_delay_ugco2e).then_with(|| key(a).cmp(&key(b)))
    });
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    active_mj: Millijoules,
    runs: u64,
}

/// The class of most energy, then of most runs, then the first.
fn most(parts: &BTreeMap<Class, Part>) -> Class {
    let largest = parts.iter().rev().max_by_key(|(_, part)| **part);
    largest.map_or((DeferralClass::Unclassified, ClassBasis::None), |(class, _)| *class)
}

fn row(rows: &mut BTreeMap<Class, ClassRow>, class: Class) -> &mut ClassRow {
    rows.entry(class).or_insert_with(|| ClassRow {
        class: class.0,
        basis: class.1,
        workloads: 0,
        runs: 0,
        active_mj: Millijoules::ZERO,
        shifted_mj: Millijoules::ZERO,
        shifted_for_carbon_mj: Millijoules::ZERO,
        could_have_avoided_ugco2e: None,
    })
}

fn add_workload(row: &mut ClassRow, active_mj: Millijoules) {
    row.workloads += 1;
    row.active_mj += active_mj;
}

fn add_run(row: &mut ClassRow, run: &JobRunStatement, of_period: Millijoules) {
    row.runs += 1;
    if run.cause != Cause::None {
        row.shifted_mj += of_period;
    }
    if run.cause == Cause::Carbon {
        row.shifted_for_carbon_mj += of_period;
    }
    if let (Cause::None, Some(actual), Some(best)) = (run.cause, run.actual_ugco2e, run.best_ugco2e) {
        *row.could_have_avoided_ugco2e.get_or_insert(MicrogramsCo2e::ZERO) += actual - best;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::story::{bounded, mj, run, ug};
    use super::*;
    use crate::accounting::counterfactual::window::WindowBasis;

    fn classed(run: JobRunStatement, class: DeferralClass, basis: ClassBasis, active: i64, outside: i64) -> JobRunStatement {
        JobRunStatement { class, class_basis: basis, active_mj: mj(active), outside_mj: mj(outside), ..run }
    }

    fn workload(name: &str, active: i64, class: DeferralClass, basis: ClassBasis) -> WorkloadClass {
        WorkloadClass { cluster: "prod-nl".into(), namespace: "etl".into(), workload: name.into(), active_mj: mj(active), class, basis }
    }

    #[test]
    fn a_workloads_energy_is_split_by_its_runs_and_the_rest_is_of_most_of_them() {
        use ClassBasis::{Kind, Label, Policy};
        use DeferralClass::{Deferrable, NotDeferrable, Unclassified};
        // CronJob/nightly used 1,000 in the period: 600 (700 less 100 before it) and 100 in runs by policy, 250 in a run by label, 50 in a run that still went on.
        let runs = [
            classed(bounded(run("a", Cause::None, 100, 100), 60, 130, 90), Deferrable, Policy, 700, 100),
            classed(run("b", Cause::Other, 100, 120), Deferrable, Policy, 100, 0),
            classed(run("c", Cause::Carbon, 100, 160), Deferrable, Label, 250, 0),
        ];
        let workloads = [
            workload("CronJob/nightly", 1_000, Unclassified, ClassBasis::None),
            workload("Deployment/web", 5_000, NotDeferrable, Kind),
            workload("Deployment/api", 40, NotDeferrable, Kind),
        ];

        let rows = of(&runs, &workloads);

        let row = |class, basis, workloads, runs, active, shifted, for_carbon, could: Option<i64>| ClassRow {
            class,
            basis,
            workloads,
            runs,
            active_mj: mj(active),
            shifted_mj: mj(shifted),
            shifted_for_carbon_mj: mj(for_carbon),
            could_have_avoided_ugco2e: could.map(ug),
        };
        let expected = [
            row(Deferrable, Label, 1, 1, 250, 250, 250, None),
            row(Deferrable, Policy, 1, 2, 750, 100, 0, Some(40)),
            row(NotDeferrable, Kind, 2, 0, 5_040, 0, 0, None),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn what_a_shifted_run_left_over_is_not_what_the_rest_could_have_had() {
        let runs = [bounded(run("a", Cause::Carbon, 100, 160), 60, 170, 90), bounded(run("b", Cause::None, 100, 100), 100, 170, 120)];
        assert_eq!(of(&runs, &[])[0].could_have_avoided_ugco2e, Some(ug(0)));
    }

    fn class() -> impl Strategy<Value = Class> {
        use DeferralClass::{Deferrable, NotDeferrable, Unclassified};
        let classes = [
            (Deferrable, ClassBasis::Label),
            (Deferrable, ClassBasis::Policy),
            (NotDeferrable, ClassBasis::Kind),
            (Unclassified, ClassBasis::None),
        ];
        proptest::sample::select(classes.to_vec())
    }

    proptest! {
        #[test]
        fn the_rows_hold_the_periods_active_energy_to_the_millijoule(
            workloads in proptest::collection::vec((0_i64..1_000_000, class(), proptest::collection::vec((0_i64..90_000, class()), 0..5)), 0..20)
        ) {
            let name = |i: usize| format!("CronJob/{i}");
            let runs: Vec<JobRunStatement> = (workloads.iter().enumerate())
                .flat_map(|(i, (_, _, runs))| runs.iter().map(move |(active, (class, basis))| {
                    let run = JobRunStatement { workload: name(i).into(), ..run("a", Cause::None, 1, 1) };
                    classed(run, *class, *basis, *active, active / 3)
                }))
                .collect();
            let of_period: Vec<WorkloadClass> = (workloads.iter().enumerate())
                .map(|(i, (rest, (class, basis), runs))| {
                    let held: i64 = runs.iter().map(|(active, _)| active - active / 3).sum();
                    workload(&name(i), rest + held, *class, *basis)
                })
                .collect();

            let rows = of(&runs, &of_period);

            let sum = |all: &mut dyn Iterator<Item = Millijoules>| all.sum::<Millijoules>();
            prop_assert_eq!(sum(&mut rows.iter().map(|row| row.active_mj)), sum(&mut of_period.iter().map(|workload| workload.active_mj)));
            prop_assert!(rows.iter().all(|row| row.active_mj >= Millijoules::ZERO));
            prop_assert_eq!(rows.iter().map(|row| row.runs).sum::<u64>(), runs.len() as u64);
        }
    }

    #[test]
    fn a_year_sums_rows_and_keeps_apart_moves_by_another_delay() {
        let moved = |delay_seconds, saved| MoveNext {
            cluster: "prod-nl".into(),
            namespace: "etl".into(),
            workload: "CronJob/nightly".into(),
            basis: WindowBasis::Suggested,
            runs: 30,
            active_mj: mj(900),
            actual_ugco2e: ug(500),
            max_delay_seconds: 28_800,
            delay_seconds,
            zone: "NL".into(),
            saved_by_delay_ugco2e: ug(saved),
            saved_at_best_ugco2e: ug(2 * saved),
        };
        let classes = of(
            &[bounded(run("a", Cause::None, 100, 100), 60, 130, 90)],
            &[workload("CronJob/nightly", 90, DeferralClass::Unclassified, ClassBasis::None)],
        );
        let month = |delay, saved| Deferrability { classes: classes.clone(), move_next: vec![moved(delay, saved)] };
        let mut year = month(3_600, 10);
        add(&mut year, &month(7_200, 15));
        add(&mut year, &month(3_600, 20));

        assert_eq!((year.classes[0].workloads, year.classes[0].runs, year.classes[0].active_mj), (1, 3, mj(270)));
        assert_eq!(year.classes[0].could_have_avoided_ugco2e, Some(ug(120)));
        assert_eq!(year.move_next[0], MoveNext { runs: 60, active_mj: mj(1_800), actual_ugco2e: ug(1_000), ..moved(3_600, 30) });
        assert_eq!(year.move_next[1..], [moved(7_200, 15)]);
    }
}
