//! Workloads of a month by who said whether they may wait, with what they used and what their windows had to offer.
//!
//! In: every workload with its active energy and the class that labels, policy and kind give it, and every run. Out: [`Row`]s. Rule: as in the report (method,
//! section 8), a run's own part of the month goes to the run's class, what no run holds to the class of most of it, so rows add up to the month's active energy. What
//! a window had to offer is each run at the best start that was open to it, against its baseline; what is left of that is counted over runs that nobody shifted.
//! Does not: guess.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::accounting::counterfactual::window::WindowBasis;
use crate::model::{Cause, ClassBasis, DeferralClass};
use crate::units::{MicrogramsCo2e, Millijoules};

/// A workload of the month, before its runs are looked at.
#[derive(Clone, Debug)]
pub struct Workload<'a> {
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub active_mj: Millijoules,
    pub class: DeferralClass,
    pub basis: ClassBasis,
}

/// A run that ended in the month.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub workload: &'a str,
    pub class: DeferralClass,
    pub basis: ClassBasis,
    /// Within the month.
    pub active_mj: Millijoules,
    pub cause: Cause,
    pub is_held_out: bool,
    /// None: it has no place in the counterfactual.
    pub avoided: Option<MicrogramsCo2e>,
    pub window: Option<(i64, WindowBasis)>,
    /// What the best start of its window avoids against its baseline, or why that is not known; none where it has no window.
    pub best: Option<Result<MicrogramsCo2e, String>>,
}

/// Workloads of one class: a workload whose runs are of several stands once for each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub cluster: String,
    pub namespace: String,
    /// `*` stands for what tells several apart that are alike: `Job/train-*`.
    pub workload: String,
    pub class: DeferralClass,
    pub said_by: ClassBasis,
    pub workloads: u64,
    pub active_mj: Millijoules,
    pub runs: u64,
    pub shifted_runs: u64,
    /// Left where they were on purpose, to compare with.
    pub held_out_runs: u64,
    /// By shifting, losses counted; null where no run was shifted.
    pub avoided_ugco2e: Option<MicrogramsCo2e>,
    /// The shortest window of its runs; null where none has one.
    pub max_delay_seconds: Option<i64>,
    pub window_basis: Option<WindowBasis>,
    /// What every run would have avoided at the best start of its window, shifted or not; null where that is known of none.
    pub best_ugco2e: Option<MicrogramsCo2e>,
    /// Of that, what is left of runs that nobody shifted, but for those that were held out.
    pub could_have_avoided_ugco2e: Option<MicrogramsCo2e>,
    /// Runs with a window of which it is not known, and why the first of them.
    pub unknown_runs: u64,
    pub unknown_reason: Option<String>,
}

type Key<'a> = (&'a str, &'a str, &'a str);
type Class = (DeferralClass, ClassBasis);

impl Row {
    fn of((cluster, namespace, workload): Key<'_>, (class, said_by): Class) -> Self {
        Self {
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            workload: workload.to_owned(),
            class,
            said_by,
            workloads: 1,
            active_mj: Millijoules::ZERO,
            runs: 0,
            shifted_runs: 0,
            held_out_runs: 0,
            avoided_ugco2e: None,
            max_delay_seconds: None,
            window_basis: None,
            best_ugco2e: None,
            could_have_avoided_ugco2e: None,
            unknown_runs: 0,
            unknown_reason: None,
        }
    }

    fn add_run(&mut self, run: &Run<'_>) {
        self.runs += 1;
        self.active_mj += run.active_mj;
        if run.cause != Cause::None {
            self.shifted_runs += 1;
            if let Some(avoided) = run.avoided {
                *self.avoided_ugco2e.get_or_insert(MicrogramsCo2e::ZERO) += avoided;
            }
        }
        if let Some((max_delay_ms, basis)) = run.window {
            self.see_window(max_delay_ms / 1_000, basis);
        }
        self.held_out_runs += u64::from(run.is_held_out);
        match &run.best {
            Some(Ok(best)) => {
                *self.best_ugco2e.get_or_insert(MicrogramsCo2e::ZERO) += *best;
                if run.cause == Cause::None && !run.is_held_out {
                    let left = *best - run.avoided.unwrap_or(MicrogramsCo2e::ZERO);
                    *self.could_have_avoided_ugco2e.get_or_insert(MicrogramsCo2e::ZERO) += left;
                }
            }
            Some(Err(reason)) => {
                self.unknown_runs += 1;
                self.unknown_reason.get_or_insert_with(|| reason.clone());
            }
            None => {}
        }
    }

    fn see_window(&mut self, max_delay_seconds: i64, basis: WindowBasis) {
        self.max_delay_seconds = Some(self.max_delay_seconds.map_or(max_delay_seconds, |known| known.min(max_delay_seconds)));
        self.window_basis = Some(self.window_basis.map_or(basis, |known| known.max(basis)));
    }

    fn add(&mut self, other: &Self) {
        let sum = |a: Option<MicrogramsCo2e>, b: Option<MicrogramsCo2e>| [a, b].into_iter().flatten().reduce(|a, b| a + b);
        self.workloads += other.workloads;
        self.active_mj += other.active_mj;
        self.runs += other.runs;
        self.shifted_runs += other.shifted_runs;
        self.held_out_runs += other.held_out_runs;
        self.avoided_ugco2e = sum(self.avoided_ugco2e, other.avoided_ugco2e);
        self.best_ugco2e = sum(self.best_ugco2e, other.best_ugco2e);
        self.could_have_avoided_ugco2e = sum(self.could_have_avoided_ugco2e, other.could_have_avoided_ugco2e);
        if let (Some(seconds), Some(basis)) = (other.max_delay_seconds, other.window_basis) {
            self.see_window(seconds, basis);
        }
        self.unknown_runs += other.unknown_runs;
        if self.unknown_reason.is_none() {
            self.unknown_reason.clone_from(&other.unknown_reason);
        }
    }
}

/// A row for each workload and class.
pub fn of(workloads: &[Workload<'_>], runs: &[Run<'_>]) -> Vec<Row> {
    let mut by_workload: BTreeMap<Key<'_>, BTreeMap<Class, Row>> = BTreeMap::new();
    for run in runs {
        let key = (run.cluster, run.namespace, run.workload);
        let class = (run.class, run.basis);
        by_workload.entry(key).or_default().entry(class).or_insert_with(|| Row::of(key, class)).add_run(run);
    }
    for workload in workloads {
        let key = (workload.cluster, workload.namespace, workload.name);
        let rows = by_workload.entry(key).or_default();
        if rows.is_empty() {
            let class = (workload.class, workload.basis);
            rows.insert(class, Row::of(key, class));
        }
        let held: Millijoules = rows.values().map(|row| row.active_mj).sum();
        let most = rows.values_mut().rev().max_by_key(|row| (row.active_mj, row.runs)).expect("one was put there at least");
        most.active_mj += workload.active_mj - held;
    }
    by_workload.into_values().flat_map(BTreeMap::into_values).collect()
}

/// The same, with those in one row that differ only by what a controller or a scheduler appends to a name.
pub fn alike(rows: Vec<Row>) -> Vec<Row> {
    let mut groups: BTreeMap<(String, String, String, Class), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let key = (row.cluster.clone(), row.namespace.clone(), without_suffix(&row.workload), (row.class, row.said_by));
        groups.entry(key).or_default().push(row);
    }
    let together = |((_, _, pattern, _), rows): ((String, String, String, Class), Vec<Row>)| {
        let mut rows = rows.into_iter();
        let mut sum = rows.next().expect("a group was made for a row");
        for row in rows {
            sum.workload.clone_from(&pattern);
            sum.add(&row);
        }
        sum
    };
    groups.into_iter().map(together).collect()
}

/// `Job/train-7` and `Job/runner-x7f2a-9` without what is new in every run: `Job/train-*`, `Job/runner-*`.
fn without_suffix(workload: &str) -> String {
    let is_new_each_time = |word: &str| !word.is_empty() && word.bytes().any(|byte| byte.is_ascii_digit());
    let mut kept = workload;
    while let Some((before, last)) = kept.rsplit_once('-').filter(|(before, last)| is_new_each_time(last) && !before.ends_with('/')) {
        debug_assert!(!last.is_empty());
        kept = before;
    }
    if kept.len() == workload.len() { workload.to_owned() } else { format!("{kept}-*") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn mj(millijoules: i64) -> Millijoules {
        Millijoules::new(millijoules)
    }

    const fn ug(micrograms: i64) -> MicrogramsCo2e {
        MicrogramsCo2e::new(micrograms)
    }

    fn workload(name: &str, active: i64, class: DeferralClass, basis: ClassBasis) -> Workload<'_> {
        Workload { cluster: "a", namespace: "etl", name, active_mj: mj(active), class, basis }
    }

    fn run(workload: &str, active: i64) -> Run<'_> {
        Run {
            cluster: "a",
            namespace: "etl",
            workload,
            class: DeferralClass::Deferrable,
            basis: ClassBasis::Policy,
            active_mj: mj(active),
            cause: Cause::None,
            is_held_out: false,
            avoided: Some(ug(0)),
            window: Some((3_600_000, WindowBasis::Policy)),
            best: Some(Ok(ug(40))),
        }
    }

    #[test]
    fn what_shifted_and_what_could_have_are_counted_apart() {
        // Two runs that nobody shifted: 40 + 25 to be had. One that was, beyond its window, which had 40: 60 avoided. One held out, with 40. One of which it is not known.
        let runs = [
            run("CronJob/n", 100),
            Run { best: Some(Ok(ug(25))), window: Some((1_800_000, WindowBasis::Label)), ..run("CronJob/n", 50) },
            Run { cause: Cause::Carbon, avoided: Some(ug(60)), ..run("CronJob/n", 100) },
            Run { is_held_out: true, ..run("CronJob/n", 10) },
            Run { best: Some(Err("no data".to_owned())), ..run("CronJob/n", 10) },
        ];
        let rows = of(&[workload("CronJob/n", 300, DeferralClass::Unclassified, ClassBasis::None)], &runs);

        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.runs, row.shifted_runs, row.held_out_runs, row.unknown_runs), (5, 1, 1, 1));
        assert_eq!((row.active_mj, row.avoided_ugco2e, row.could_have_avoided_ugco2e), (mj(300), Some(ug(60)), Some(ug(65))));
        assert_eq!(
            (row.max_delay_seconds, row.window_basis, row.unknown_reason.as_deref()),
            (Some(1_800), Some(WindowBasis::Policy), Some("no data"))
        );
    }

    #[test]
    fn what_has_no_runs_has_no_window_and_nothing_is_not_zero() {
        let rows = of(&[workload("Deployment/web", 7, DeferralClass::NotDeferrable, ClassBasis::Kind)], &[]);
        assert_eq!(
            (rows[0].avoided_ugco2e, rows[0].could_have_avoided_ugco2e, rows[0].max_delay_seconds, rows[0].runs),
            (None, None, None, 0)
        );
        assert_eq!(rows[0].active_mj, mj(7));
    }

    #[test]
    fn names_that_differ_by_a_number_are_one_row() {
        let names = ["Job/train-7", "Job/train-8", "Job/runner-x7f2a-9", "Job/migrate", "Job/7"];
        let workloads: Vec<_> = names.iter().map(|name| workload(name, 10, DeferralClass::Unclassified, ClassBasis::None)).collect();
        let rows = alike(of(&workloads, &[run("Job/train-7", 4), run("Job/train-8", 4)]));

        let shown: Vec<_> = rows.iter().map(|row| (row.workload.as_str(), row.workloads, row.active_mj.get())).collect();
        // The only one of its pattern keeps its name.
        assert_eq!(shown, [("Job/7", 1, 10), ("Job/migrate", 1, 10), ("Job/runner-x7f2a-9", 1, 10), ("Job/train-*", 2, 20)]);
        assert_eq!(rows[3].could_have_avoided_ugco2e, Some(ug(80)));
    }

    proptest! {
        #[test]
        fn rows_add_up_to_the_energy_of_all_workloads(parts in proptest::collection::vec((0_i64..1_000_000, proptest::collection::vec((0_i64..90_000, 0_usize..3), 0..5)), 0..20)) {
            let classes = [
                (DeferralClass::Deferrable, ClassBasis::Label),
                (DeferralClass::Deferrable, ClassBasis::Policy),
                (DeferralClass::Unclassified, ClassBasis::None),
            ];
            let names: Vec<String> = (0..parts.len()).map(|number| format!("Job/j-{number}")).collect();
            let runs: Vec<Run<'_>> = parts.iter().zip(&names)
                .flat_map(|((_, runs), name)| runs.iter().map(|(active, class)| {
                    let (class, basis) = classes[*class];
                    Run { class, basis, ..run(name, *active) }
                }))
                .collect();
            let workloads: Vec<Workload<'_>> = parts.iter().zip(&names)
                .map(|((rest, runs), name)| {
                    let held: i64 = runs.iter().map(|(active, _)| active).sum();
                    workload(name, rest + held, DeferralClass::Unclassified, ClassBasis::None)
                })
                .collect();
            let rows = of(&workloads, &runs);
            let together = alike(rows.clone());

            let energy = |rows: &[Row]| rows.iter().map(|row| row.active_mj).sum::<Millijoules>();
            let count = |rows: &[Row]| rows.iter().map(|row| row.runs).sum::<u64>();
            let all: Millijoules = workloads.iter().map(|workload| workload.active_mj).sum();
            prop_assert_eq!((energy(&rows), energy(&together)), (all, all));
            prop_assert_eq!((count(&rows), count(&together)), (runs.len() as u64, runs.len() as u64));
        }
    }
}
