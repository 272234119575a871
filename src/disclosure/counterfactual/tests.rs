//! The section as a whole: the order of runs is in no digit, a year is its months, and nothing of it is in the inventory.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::story::{bounded, forecast, marginal, mj, priced, run, ug, with_overhead};
use super::*;
use crate::disclosure::statement::{BaselinePolicyStatement, Statement};
use crate::disclosure::{finish, year};
use crate::model::policy::LocationBased;
use crate::model::{BaselineRule, Cause, ClassBasis, DeferralClass, HoldOutPolicy};
use crate::reports::fixture;
use crate::units::ReportingPeriod;

fn about() -> About {
    About {
        policy: BaselinePolicyStatement::default(),
        hold_out: Some(HoldOutPolicy { share: 0.2, seed: "example".to_owned() }),
        location_based: LocationBased::Hourly,
        has_cloud: true,
        capacity: CapacityStatement::default(),
        move_next: Vec::new(),
        timelines: Vec::new(),
        marginal_series: vec!["NL, example, 2026".to_owned()],
        workloads: vec![WorkloadClass {
            cluster: "prod-nl".to_owned(),
            namespace: "etl".to_owned(),
            workload: "CronJob/nightly".to_owned(),
            active_mj: mj(1 << 40),
            class: DeferralClass::Unclassified,
            basis: ClassBasis::None,
        }],
    }
}

fn shown(section: &Counterfactual) -> Value {
    serde_json::to_value(section).unwrap()
}

prop_compose! {
    fn any_run()(
        figures in (1_i64..1 << 30, 0_i64..1 << 30, 0_i64..1 << 30, -(1_i64 << 30)..1 << 30),
        cause in proptest::sample::select(vec![Cause::Carbon, Cause::Other, Cause::None]),
        rule in proptest::sample::select(vec![BaselineRule::Decision, BaselineRule::Schedule, BaselineRule::OwnStart]),
        class in proptest::sample::select(vec![(DeferralClass::Deferrable, ClassBasis::Policy), (DeferralClass::Unclassified, ClassBasis::None)]),
        held_out in proptest::option::of(any::<bool>()),
        has in proptest::collection::vec(any::<bool>(), 6),
    ) -> JobRunStatement {
        let (energy, actual, counterfactual, other) = figures;
        let mut run = run("a", cause, actual, counterfactual);
        run.active_mj = mj(energy);
        run.outside_mj = mj(energy / 7);
        (run.class, run.class_basis) = class;
        run.baseline_rule = Some(rule);
        run.held_out = held_out;
        run.was_suspended = other % 2 == 0;
        run = if has[0] { bounded(run, actual.min(counterfactual) / 2, actual + counterfactual, counterfactual) } else { run };
        run = if has[1] { priced(run, other, other / 3) } else { run };
        run = if has[2] { marginal(run, counterfactual, actual) } else { run };
        run = if has[3] { forecast(run, other, other as f64 / 1e7, actual as f64 / 1.3e7) } else { run };
        run = if has[4] { with_overhead(run, energy / 9, actual / 9) } else { run };
        if has[5] && energy % 5 == 0 {
            (run.actual_ugco2e, run.counterfactual_ugco2e, run.avoided_ugco2e) = (None, None, None);
        }
        run
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_order_of_the_runs_the_digits_are_the_same(
        (runs, shuffled) in proptest::collection::vec(any_run(), 0..40).prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle()))
    ) {
        prop_assert_eq!(shown(&section(&runs, about())), shown(&section(&shuffled, about())));
    }

    /// All but what needs single runs: means of doubles, which a year makes of its months' means, and workloads and their rest, which a month knows better.
    #[test]
    fn a_year_is_the_sum_of_its_months(first in proptest::collection::vec(any_run(), 0..20), second in proptest::collection::vec(any_run(), 0..20)) {
        let months = [section(&first, about()), section(&second, about())];
        let (mut year, mut whole) = (shown(&of_months(months.iter()).unwrap()), shown(&section(&[first, second].concat(), about())));
        for section in [&mut year, &mut whole] {
            section["deferrability"]["classes"] = json!([]);
            for mean in ["mean_error_gco2e_per_kwh", "mean_absolute_error_gco2e_per_kwh"] {
                if section["forecast"].is_object() {
                    section["forecast"][mean] = Value::Null;
                }
            }
            let hold_out = section["hold_out"].as_object_mut().unwrap();
            hold_out.retain(|key, _| ["modelled_avoided_ugco2e", "broken_runs", "share", "seed"].contains(&key.as_str()));
        }
        prop_assert_eq!(year, whole);
    }
}

#[test]
fn the_totals_are_the_three_causes_and_an_unplaced_run_is_in_none_of_them() {
    let runs = [
        run("a", Cause::Carbon, 100, 160),
        run("b", Cause::Other, 100, 90),
        run("c", Cause::None, 30, 30),
        JobRunStatement { actual_ugco2e: None, counterfactual_ugco2e: None, avoided_ugco2e: None, ..run("d", Cause::Carbon, 0, 0) },
    ];

    let found = section(&runs, about());

    let causes = [&found.by_cause.carbon, &found.by_cause.other, &found.by_cause.none];
    assert_eq!((found.total.runs, found.unplaced_runs), (3, 1));
    assert_eq!(causes.map(|figures| figures.avoided_ugco2e), [ug(60), ug(-10), ug(0)]);
    assert_eq!(found.total.avoided_ugco2e, ug(50));
    assert_eq!(found.overheads.avoided_less_overheads_ugco2e, ug(50));
    assert!(found.double_count_statement.contains("cloud"));
}

/// The statement without what this module is about.
fn inventory(statement: &Statement) -> Value {
    let mut shown = serde_json::to_value(statement).unwrap();
    shown.as_object_mut().unwrap().retain(|key, _| key != "job_runs" && key != "counterfactual");
    shown
}

#[test]
fn nothing_of_it_is_netted_from_the_inventory() {
    let as_it_is = fixture::statement();
    let mut other = as_it_is.clone();
    for run in &mut other.job_runs {
        run.counterfactual_ugco2e = run.counterfactual_ugco2e.map(|amount| amount + ug(999_999_999_999));
        run.avoided_ugco2e = run.avoided_ugco2e.map(|amount| amount + ug(999_999_999_999));
    }
    other.counterfactual = section(&other.job_runs, about());
    let mut as_it_is = as_it_is;
    finish(&mut as_it_is);
    finish(&mut other);

    assert_ne!(shown(&as_it_is.counterfactual), shown(&other.counterfactual));
    assert_eq!(inventory(&as_it_is), inventory(&other));
    let year = |month: &Statement| {
        let period = ReportingPeriod::parse_year("2026", chrono_tz::Europe::Amsterdam).unwrap();
        let mut year = year::of_months(std::slice::from_ref(month), period, Vec::new());
        finish(&mut year);
        year
    };
    assert_eq!(inventory(&year(&as_it_is)), inventory(&year(&other)));
}
