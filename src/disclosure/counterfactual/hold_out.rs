//! The estimate that needs no modelled baseline: deferrable runs that a seed left unshifted, against those that it did not.
//!
//! In: placed runs of which the seed said which group they are of. Rule: each run is one observation, its emissions per active energy; the difference of means has
//! Welch's interval of 95 %; times the energy of the runs that were not held out it estimates what was avoided. A run stays in the group that the seed gave it,
//! whatever became of it. Observations are summed in the order of their size, so that the order of runs is in no digit. Assumes: each run counts once, whatever
//! it used, so the estimate is of the total only as far as large runs gain as much a kWh as small ones. Does not: compare work of
//! different kinds for the reader: that is what drawing by a seed is for; state an interval where all runs of both groups are alike: so few draws know no spread.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Placed;
use crate::disclosure::statement::{HoldOut, HoldOutGroup};
use crate::model::{Cause, HoldOutPolicy};
use crate::units::{MicrogramsCo2e, Millijoules};

/// µg per mJ → g per kWh.
const GRAMS_PER_KWH: f64 = 3_600.0;
/// Two-sided 95 %.
const UPPER_QUANTILE: f64 = 0.975;

pub fn of(placed: &[Placed<'_>], policy: &HoldOutPolicy) -> HoldOut {
    let (mut groups, mut modelled, mut broken_runs) = ([Observed::default(), Observed::default()], MicrogramsCo2e::ZERO, 0);
    for run in placed.iter().filter(|run| run.run.active_mj > Millijoules::ZERO) {
        let Some(is_held_out) = run.run.held_out else { continue };
        let group = &mut groups[usize::from(is_held_out)];
        group.active_mj += run.run.active_mj;
        group.gco2e_per_kwh.push(run.actual.get() as f64 / run.run.active_mj.get() as f64 * GRAMS_PER_KWH);
        if is_held_out {
            broken_runs += u64::from(run.run.cause == Cause::Carbon);
        } else {
            modelled += run.avoided;
        }
    }
    let [shifted, held_out] = groups.map(Observed::group);
    compare(HoldOut {
        share: policy.share,
        seed: policy.seed.clone(),
        held_out,
        shifted,
        modelled_avoided_ugco2e: modelled,
        broken_runs,
        difference_gco2e_per_kwh: None,
        low_gco2e_per_kwh: None,
        high_gco2e_per_kwh: None,
        estimated_avoided_ugco2e: None,
        low_avoided_ugco2e: None,
        high_avoided_ugco2e: None,
    })
}

/// Groups of two months as one; what they say is worked out anew.
pub fn add(year: &mut Option<HoldOut>, month: Option<&HoldOut>) {
    let Some(month) = month else { return };
    let Some(sum) = year else {
        *year = Some(month.clone());
        return;
    };
    sum.share = month.share;
    sum.seed.clone_from(&month.seed);
    sum.held_out = merged(&sum.held_out, &month.held_out);
    sum.shifted = merged(&sum.shifted, &month.shifted);
    sum.modelled_avoided_ugco2e += month.modelled_avoided_ugco2e;
    sum.broken_runs += month.broken_runs;
    *sum = compare(sum.clone());
}

#[derive(Default)]
struct Observed {
    active_mj: Millijoules,
    gco2e_per_kwh: Vec<f64>,
}

impl Observed {
    fn group(mut self) -> HoldOutGroup {
        self.gco2e_per_kwh.sort_by(f64::total_cmp);
        let n = self.gco2e_per_kwh.len() as f64;
        let mean = (n > 0.0).then(|| self.gco2e_per_kwh.iter().sum::<f64>() / n);
        let squares = |mean: f64| self.gco2e_per_kwh.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        HoldOutGroup {
            runs: self.gco2e_per_kwh.len() as u64,
            active_mj: self.active_mj,
            mean_gco2e_per_kwh: mean,
            variance: mean.filter(|_| n > 1.0).map(|mean| squares(mean) / (n - 1.0)),
        }
    }
}

/// Mean and variance of two groups taken together, from theirs (the parallel formula of Chan, Golub and LeVeque).
fn merged(a: &HoldOutGroup, b: &HoldOutGroup) -> HoldOutGroup {
    let (Some(mean_a), Some(mean_b)) = (a.mean_gco2e_per_kwh, b.mean_gco2e_per_kwh) else {
        return if a.runs > 0 { a.clone() } else { b.clone() };
    };
    let (n_a, n_b) = (a.runs as f64, b.runs as f64);
    let (n, difference) = (n_a + n_b, mean_b - mean_a);
    let squares = |group: &HoldOutGroup| group.variance.map_or(0.0, |variance| variance * (group.runs as f64 - 1.0));
    HoldOutGroup {
        runs: a.runs + b.runs,
        active_mj: a.active_mj + b.active_mj,
        mean_gco2e_per_kwh: Some(mean_a + difference * n_b / n),
        variance: Some((squares(a) + squares(b) + difference.powi(2) * n_a * n_b / n) / (n - 1.0)),
    }
}

/// Fills in what the two groups say: nothing with fewer than two runs in one.
fn compare(groups: HoldOut) -> HoldOut {
    let difference = difference(&groups.held_out, &groups.shifted);
    let interval = difference.and_then(|difference| difference.interval);
    let kilowatt_hours_of_grams = groups.shifted.active_mj.get() as f64 / GRAMS_PER_KWH;
    let avoided = |gco2e_per_kwh: f64| MicrogramsCo2e::new((gco2e_per_kwh * kilowatt_hours_of_grams + 0.5).floor() as i64);
    HoldOut {
        difference_gco2e_per_kwh: difference.map(|difference| difference.value),
        low_gco2e_per_kwh: interval.map(|(low, _)| low),
        high_gco2e_per_kwh: interval.map(|(_, high)| high),
        estimated_avoided_ugco2e: difference.map(|difference| avoided(difference.value)),
        low_avoided_ugco2e: interval.map(|(low, _)| avoided(low)),
        high_avoided_ugco2e: interval.map(|(_, high)| avoided(high)),
        ..groups
    }
}

#[derive(Clone, Copy)]
struct Difference {
    value: f64,
    /// From, to.
    interval: Option<(f64, f64)>,
}

/// Welch (1947), with the degrees of freedom of Welch and Satterthwaite. Where every run of both groups is alike there is no spread to make an interval of.
fn difference(held_out: &HoldOutGroup, shifted: &HoldOutGroup) -> Option<Difference> {
    let value = held_out.mean_gco2e_per_kwh? - shifted.mean_gco2e_per_kwh?;
    let (n_held, n_shifted) = (held_out.runs as f64, shifted.runs as f64);
    let (held, other) = (held_out.variance? / n_held, shifted.variance? / n_shifted);
    if held + other <= 0.0 {
        return Some(Difference { value, interval: None });
    }
    let freedom = (held + other).powi(2) / (held.powi(2) / (n_held - 1.0) + other.powi(2) / (n_shifted - 1.0));
    let half = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(UPPER_QUANTILE) * (held + other).sqrt();
    Some(Difference { value, interval: Some((value - half, value + half)) })
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::super::story::{mj, run, ug};
    use super::*;
    use crate::disclosure::statement::JobRunStatement;

    fn policy() -> HoldOutPolicy {
        HoldOutPolicy { share: 0.1, seed: "example".to_owned() }
    }

    /// A run of 3.6 MJ (1 Wh in milli-units: 3,600,000 mJ are 1 Wh) that met so many g/kWh.
    fn drawn(is_held_out: bool, gco2e_per_kwh: i64, avoided: i64) -> JobRunStatement {
        let actual = gco2e_per_kwh * 1_000;
        let run = run("a", if is_held_out { Cause::None } else { Cause::Carbon }, actual, actual + avoided);
        JobRunStatement { held_out: Some(is_held_out), active_mj: mj(3_600_000), ..run }
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    /// Held out: 300, 320, 340 (mean 320, variance 400); shifted: 200, 240, 220, 260 (mean 230, variance 2000/3).
    fn drawn_runs() -> Vec<JobRunStatement> {
        let held = [300, 320, 340].map(|intensity| drawn(true, intensity, 0));
        let shifted = [200, 240, 220, 260].map(|intensity| drawn(false, intensity, 70_000));
        held.into_iter().chain(shifted).collect()
    }

    #[test]
    fn the_difference_of_means_has_welchs_interval() {
        let found = of(&placed(&drawn_runs()), &policy());

        assert_eq!((found.held_out.runs, found.held_out.active_mj), (3, mj(10_800_000)));
        near(found.held_out.mean_gco2e_per_kwh, 320.0);
        near(found.held_out.variance, 400.0);
        near(found.shifted.variance, 2_000.0 / 3.0);
        near(found.difference_gco2e_per_kwh, 90.0);
        // 400/3 + 2000/12 = 300, so the standard error is 17.320508; freedom 300² / (133.33²/2 + 166.67²/3) = 4.959184; t(0.975) there is 2.576870.
        let half = found.high_gco2e_per_kwh.unwrap() - 90.0;
        assert!((half / 300.0_f64.sqrt() - 2.576_87).abs() < 1e-4, "{}", half / 300.0_f64.sqrt());
        near(found.low_gco2e_per_kwh, 90.0 - half);
        // 90 g/kWh over 4 Wh are 0.36 g.
        assert_eq!(found.estimated_avoided_ugco2e, Some(ug(360_000)));
        assert_eq!(found.modelled_avoided_ugco2e, ug(280_000));
        assert_eq!(found.low_avoided_ugco2e, Some(ug(((90.0 - half) * 4_000.0 + 0.5).floor() as i64)));
        assert_eq!((found.share, found.seed.as_str(), found.broken_runs), (0.1, "example", 0));
    }

    #[test]
    fn the_quantile_is_that_of_the_tables() {
        for (freedom, expected) in [(1.0, 12.706_205), (4.0, 2.776_445), (10.0, 2.228_139), (30.0, 2.042_272), (1_000.0, 1.962_339)] {
            let found = StudentsT::new(0.0, 1.0, freedom).unwrap().inverse_cdf(UPPER_QUANTILE);
            assert!((found - expected).abs() < 1e-5, "{freedom}: {found}");
        }
    }

    #[test]
    fn a_run_that_was_to_be_held_out_and_was_shifted_stays_in_its_group_and_is_counted() {
        let broken = JobRunStatement { cause: Cause::Carbon, ..drawn(true, 100, 900_000) };
        let other = JobRunStatement { cause: Cause::Other, ..drawn(true, 100, 0) };

        let found = of(&placed(&[broken, other, drawn(false, 50, 1)]), &policy());

        assert_eq!((found.held_out.runs, found.broken_runs, found.modelled_avoided_ugco2e), (2, 1, ug(1)));
        assert_eq!(found.difference_gco2e_per_kwh, None, "one run is no group");
        assert_eq!((found.estimated_avoided_ugco2e, found.shifted.variance), (None, None));
        assert_eq!(found.shifted.mean_gco2e_per_kwh, Some(50.0));
    }

    #[test]
    fn runs_outside_the_draw_without_energy_or_without_a_place_are_in_no_group() {
        let outside = JobRunStatement { held_out: None, ..drawn(false, 100, 0) };
        let idle = JobRunStatement { active_mj: mj(0), ..drawn(true, 0, 0) };
        let unplaced = JobRunStatement { actual_ugco2e: None, ..drawn(true, 100, 0) };

        let found = of(&placed(&[outside, idle, unplaced]), &policy());

        assert_eq!((found.held_out, found.shifted), (HoldOutGroup::default(), HoldOutGroup::default()));
    }

    #[test]
    fn groups_that_are_all_alike_have_a_difference_and_no_interval() {
        let runs = [drawn(true, 300, 0), drawn(true, 300, 0), drawn(false, 200, 0), drawn(false, 200, 0)];
        let found = of(&placed(&runs), &policy());
        assert_eq!((found.low_gco2e_per_kwh, found.difference_gco2e_per_kwh, found.high_gco2e_per_kwh), (None, Some(100.0), None));
        assert_eq!((found.estimated_avoided_ugco2e, found.low_avoided_ugco2e), (Some(ug(200_000)), None));
    }

    #[test]
    fn two_runs_in_a_group_make_a_wide_interval_and_one_spread_is_enough() {
        // Held out: 300, 320 (variance 200); shifted: 200, 200. Standard error 10, freedom 1: half of it is 127.06.
        let runs = [drawn(true, 300, 0), drawn(true, 320, 0), drawn(false, 200, 0), drawn(false, 200, 0)];
        let found = of(&placed(&runs), &policy());
        near(found.difference_gco2e_per_kwh, 110.0);
        assert!((found.high_gco2e_per_kwh.unwrap() - 237.062).abs() < 1e-2, "{:?}", found.high_gco2e_per_kwh);
        assert!(found.low_gco2e_per_kwh.unwrap() < 0.0, "two runs prove nothing");
    }

    #[test]
    fn a_year_says_what_all_its_runs_together_say() {
        let runs = drawn_runs();
        let whole = of(&placed(&runs), &policy());
        let (first, second) = ([runs[0].clone(), runs[3].clone(), runs[4].clone()], [&runs[1..3], &runs[5..]].concat());
        let mut year = None;
        for month in [Some(of(&placed(&first), &policy())), None, Some(of(&placed(&[]), &policy())), Some(of(&placed(&second), &policy()))]
        {
            add(&mut year, month.as_ref());
        }

        let year = year.unwrap();
        assert_eq!((year.held_out.runs, year.shifted.runs), (whole.held_out.runs, whole.shifted.runs));
        assert_eq!((year.held_out.active_mj, year.shifted.active_mj), (whole.held_out.active_mj, whole.shifted.active_mj));
        near(year.held_out.variance, whole.held_out.variance.unwrap());
        near(year.shifted.mean_gco2e_per_kwh, whole.shifted.mean_gco2e_per_kwh.unwrap());
        near(year.high_gco2e_per_kwh, whole.high_gco2e_per_kwh.unwrap());
        assert_eq!(year.modelled_avoided_ugco2e, whole.modelled_avoided_ugco2e);
        assert!((year.estimated_avoided_ugco2e.unwrap().get() - 360_000).abs() <= 1);
    }
}
