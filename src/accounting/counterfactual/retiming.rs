//! Moves a run's measured energy profile in time and place, exactly.
//!
//! In: when a run was, when and where it would have been, and intensities. Out: for each step of the run the factor that its energy meets, as it was
//! and as it would have been. Rule (method, section 7): a step's energy lies uniformly over its overlap with the run; the overlap is moved by
//! (start − baseline start) and split exactly at intensity boundaries. Where pods of one run are at several sites, each part has the home of its own site, so
//! what nobody moved stays where it was. Sums of duration × intensity are integers, so a run that is not moved,
//! or moved within equal intensity, has the same factor to the last bit. Does not: choose the baseline.

use crate::accounting::filling::MICROS;
use crate::accounting::intensity::ZoneIntensity;
use crate::accounting::ledger::SiteTerms;

/// A run that has a place in the counterfactual. Instants in ms since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunTiming {
    pub start_ms: i64,
    pub end_ms: i64,
    pub baseline_start_ms: i64,
    /// Index of the baseline zone: of the run's first site, where its sites have different homes.
    pub baseline_zone: usize,
    pub baseline_pue: f64,
    pub home: Home,
}

/// Who says where a run's home is, and so where its parts at several sites would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// The configuration, site by site, or nobody: each part has the home of its own site.
    OfSites,
    /// The run itself names a zone: what ran in it stays where it was.
    Zone,
    /// The run names another cluster: all of it would have been there.
    Cluster,
}

/// µgCO2e per mJ of a run's step: actual and counterfactual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepFactors {
    pub actual_ug_per_mj: f64,
    pub counterfactual_ug_per_mj: f64,
}

impl RunTiming {
    /// Where a step's energy lies: as it was, and at the baseline.
    pub fn sides(&self, from_ms: i64, to_ms: i64) -> [(i64, i64); 2] {
        let (from, to) = overlap((self.start_ms, self.end_ms), (from_ms, to_ms));
        let shift = self.start_ms - self.baseline_start_ms;
        [(from, to), (from - shift, to - shift)]
    }

    /// The factors of the step `[from_ms, to_ms)`; none where an intensity is not known.
    pub fn factors(&self, from_ms: i64, to_ms: i64, site: &SiteTerms, zones: &[ZoneIntensity]) -> Option<StepFactors> {
        let [actual, baseline] = self.sides(from_ms, to_ms);
        let (home_zone, home_pue) = self.home_of(site);
        Some(StepFactors {
            actual_ug_per_mj: factor(zones.get(site.zone)?, actual.0, actual.1, site.pue)?,
            counterfactual_ug_per_mj: factor(zones.get(home_zone)?, baseline.0, baseline.1, home_pue)?,
        })
    }

    /// Zone and PUE that energy used at a site would have met.
    pub fn home_of(&self, site: &SiteTerms) -> (usize, f64) {
        match self.home {
            Home::OfSites => (site.home_zone, site.home_pue),
            Home::Zone if site.zone == self.baseline_zone => (site.zone, site.pue),
            Home::Zone | Home::Cluster => (self.baseline_zone, self.baseline_pue),
        }
    }
}

/// The part of a step `[from, to)` that lies in a run. Energy that a meter saw just before the start or just after the end
/// (between two scrapes) belongs to the run's first or last instant.
pub fn overlap((start_ms, end_ms): (i64, i64), (from_ms, to_ms): (i64, i64)) -> (i64, i64) {
    let (from, to) = (from_ms.max(start_ms), to_ms.min(end_ms));
    if from < to {
        (from, to)
    } else if to_ms <= start_ms {
        (start_ms, start_ms + 1)
    } else {
        (end_ms - 1, end_ms)
    }
}

/// PUE × mean intensity over `[from_ms, to_ms)`, in µg per mJ: g/kWh / 3600.
fn factor(zone: &ZoneIntensity, from_ms: i64, to_ms: i64, pue: f64) -> Option<f64> {
    let integral = zone.integral_micros(from_ms, to_ms)?;
    // Up to some weeks the sum fits 64 bits, which become a double in one instruction; both ways round alike.
    let integral = i64::try_from(integral).map_or(integral as f64, |short| short as f64);
    let mean_micros = integral / (to_ms - from_ms) as f64;
    Some(mean_micros * pue / (MICROS * 3_600.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::intensity::Wanted;
    use crate::model::IntensitySeries;
    use crate::model::policy::FactorKind;

    fn zone(values: &[f64]) -> ZoneIntensity {
        let n = values.len();
        let series = IntensitySeries {
            zone: "NL".to_owned(),
            start_s: (0..n as i64).map(|hour| hour * 3_600).collect(),
            end_s: (1..=n as i64).map(|hour| hour * 3_600).collect(),
            direct_gco2e_per_kwh: values.iter().copied().map(Some).collect(),
            lifecycle_gco2e_per_kwh: vec![None; n],
            is_estimated: vec![false; n],
            estimation_method: vec![String::new(); n],
            ..IntensitySeries::default()
        };
        let wanted = Wanted {
            zone: "NL",
            factor: FactorKind::Direct,
            period_from_s: 0,
            period_to_s: n as i64 * 3_600,
            year_from_s: 0,
            year_to_s: 1,
            configured_annual: Some(1.0),
            published_annual: None,
            plausible: (0.0, 2_000.0),
        };
        ZoneIntensity::build(&[series], wanted).expect("whole").0
    }

    /// Whose home is where it is.
    fn site(zone: usize, pue: f64) -> SiteTerms {
        SiteTerms { zone, pue, is_scope2: true, home_zone: zone, home_pue: pue }
    }

    #[test]
    fn a_run_moved_across_an_hour_meets_both_intensities() {
        let zones = [zone(&[100.0, 200.0, 400.0, 400.0])];
        // Ran 02:00–03:00 at 400; would have run 00:30–01:30, half at 100 and half at 200.
        let run = RunTiming {
            start_ms: 7_200_000,
            end_ms: 10_800_000,
            baseline_start_ms: 1_800_000,
            baseline_zone: 0,
            baseline_pue: 2.0,
            home: Home::Cluster,
        };
        let factors = run.factors(7_200_000, 10_800_000, &site(0, 1.0), &zones).expect("known");

        assert_eq!(factors.actual_ug_per_mj, 400.0 / 3_600.0);
        assert_eq!(factors.counterfactual_ug_per_mj, 2.0 * 150.0 / 3_600.0);
    }

    #[test]
    fn a_run_that_is_not_moved_has_one_factor() {
        let zones = [zone(&[123.456_789, 77.7, 1.1])];
        let run = RunTiming {
            start_ms: 1_234_567,
            end_ms: 8_000_001,
            baseline_start_ms: 1_234_567,
            baseline_zone: 0,
            baseline_pue: 1.2,
            home: Home::OfSites,
        };
        for step in 0..9 {
            let factors = run.factors(step * 900_000, (step + 1) * 900_000, &site(0, 1.2), &zones).expect("known");
            assert_eq!(factors.actual_ug_per_mj.to_bits(), factors.counterfactual_ug_per_mj.to_bits());
        }
    }

    #[test]
    fn under_constant_intensity_moving_changes_nothing() {
        let zones = [zone(&[98.76; 12])];
        let run = RunTiming {
            start_ms: 20_000_123,
            end_ms: 29_999_999,
            baseline_start_ms: 777,
            baseline_zone: 0,
            baseline_pue: 1.3,
            home: Home::OfSites,
        };
        for step in 22..33 {
            let factors = run.factors(step * 900_000, (step + 1) * 900_000, &site(0, 1.3), &zones).expect("known");
            assert_eq!(factors.actual_ug_per_mj.to_bits(), factors.counterfactual_ug_per_mj.to_bits());
        }
    }

    #[test]
    fn each_part_of_a_run_at_several_sites_has_the_home_that_somebody_says_it_has() {
        let zones = [zone(&[100.0; 2]), zone(&[400.0; 2]), zone(&[50.0; 2])];
        let (first, second) = (site(0, 1.2), SiteTerms { home_zone: 2, home_pue: 1.1, ..site(1, 1.5) });
        let run = |home| RunTiming { start_ms: 0, end_ms: 3_600_000, baseline_start_ms: 0, baseline_zone: 0, baseline_pue: 1.2, home };
        let counterfactual = |home, site: &SiteTerms| {
            let factors = run(home).factors(0, 900_000, site, &zones).expect("known");
            (factors.counterfactual_ug_per_mj * 3_600.0 * 1e6).round() / 1e6
        };
        // The configuration moves only the second hall's work: to zone 2.
        assert_eq!((counterfactual(Home::OfSites, &first), counterfactual(Home::OfSites, &second)), (120.0, 55.0));
        // The run's own word moves all that was not in zone 0; another cluster at home has its own PUE.
        assert_eq!((counterfactual(Home::Zone, &site(0, 1.4)), counterfactual(Home::Zone, &second)), (140.0, 120.0));
        assert_eq!((counterfactual(Home::Cluster, &site(0, 1.4)), counterfactual(Home::Cluster, &second)), (120.0, 120.0));
    }

    #[test]
    fn energy_seen_after_the_end_belongs_to_the_last_instant() {
        let zones = [zone(&[100.0, 900.0])];
        let run =
            RunTiming { start_ms: 0, end_ms: 3_600_000, baseline_start_ms: 0, baseline_zone: 0, baseline_pue: 1.0, home: Home::OfSites };
        let factors = run.factors(3_600_000, 4_500_000, &site(0, 1.0), &zones).expect("known");

        assert_eq!(factors.actual_ug_per_mj, 100.0 / 3_600.0);
    }

    #[test]
    fn a_baseline_outside_the_data_is_unknown() {
        let zones = [zone(&[100.0, 900.0])];
        let run = RunTiming {
            start_ms: 0,
            end_ms: 3_600_000,
            baseline_start_ms: -3_600_000,
            baseline_zone: 0,
            baseline_pue: 1.0,
            home: Home::OfSites,
        };
        assert_eq!(run.factors(0, 900_000, &site(0, 1.0), &zones), None);
    }
}
