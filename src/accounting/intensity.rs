//! Grid intensity as the ledger needs it: every instant of a span has a value, and each value says how it was come by.
//!
//! In: the editions of a zone's series, and the reporting period. Out: [`ZoneIntensity`], intervals without holes, or findings that refuse.
//! Rule (method, section 6): editions are put together as in `editions`, holes are filled as in `filling`. The annual factor is the configured one,
//! else the mean of the series over the UTC calendar year, else a published one. Assumes: sources refused what is implausible.

use std::collections::BTreeMap;

use super::editions::{Held, Reconciled, found_before, printed};
use super::filling::{Known, Piece, Pieces, fill, whole_hours};
use super::integral::Integral;
use super::upstream::SeriesUpstream;
use crate::model::policy::FactorKind;
use crate::model::{Finding, IntensitySeries, Severity, Signal};
use crate::units::GramsCo2ePerKilowattHour;

const HOUR_S: i64 = 3_600;

/// The direct intensity of one grid zone over a span without holes.
#[derive(Clone, Debug)]
pub struct ZoneIntensity {
    pub zone: String,
    pub provider: String,
    pub edition: String,
    pieces: Pieces,
    integral: Integral,
    /// Direct, over the UTC calendar year; null where the year is unfinished and none is configured or published.
    pub annual_direct_gco2e_per_kwh: Option<f64>,
    pub annual_origin: Option<AnnualOrigin>,
    /// Life-cycle less direct; none where the series has no life-cycle values.
    pub upstream: Option<SeriesUpstream>,
}

/// Where a zone's annual factor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnualOrigin {
    Configured,
    /// The mean of the series over the UTC calendar year.
    Series,
    /// A table of published factors.
    Published,
}

/// What a zone's series are wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub zone: &'a str,
    pub factor: FactorKind,
    pub period_from_s: i64,
    pub period_to_s: i64,
    /// The UTC calendar year that the annual factor is for: first second of it and of the next.
    pub year_from_s: i64,
    pub year_to_s: i64,
    pub configured_annual: Option<f64>,
    /// Of a factor table, for where nothing else says it.
    pub published_annual: Option<f64>,
    /// The medians that a grid can have, in g/kWh.
    pub plausible: (f64, f64),
}

impl ZoneIntensity {
    /// Merges the editions of a zone and fills its holes; an error is the finding that refuses the report.
    pub fn build(editions: &[IntensitySeries], wanted: Wanted<'_>) -> Result<(Self, Vec<Finding>), Finding> {
        let zone = wanted.zone;
        if wanted.factor == FactorKind::Lifecycle {
            return Err(Finding::new(
                "CI_FACTOR",
                Severity::Blocked,
                format!(
                    "Zone {zone} is configured with life-cycle factors, which hold upstream emissions that belong to Scope 3 category 3. \
                     Set factor = \"direct\" for location-based emissions."
                ),
            ));
        }
        let reconciled = Reconciled::of(editions, zone)?;
        let merged = &reconciled.held;
        if merged.is_empty() && editions.iter().any(has_lifecycle) {
            return Err(Finding::new(
                "CI_FACTOR",
                Severity::Blocked,
                format!(
                    "Zone {zone} has life-cycle intensities only, which hold upstream emissions that belong to Scope 3 category 3, but electricity was \
                     used there. Add a file with direct ones to an [[intensity]] table and run `wattledger collect`."
                ),
            ));
        }
        if merged.is_empty() {
            return Err(Finding::new(
                "CI_GAP",
                Severity::Blocked,
                format!(
                    "Zone {zone} has no direct intensity in the evidence, but electricity was used there. \
                     Add its files to an [[intensity]] table and run `wattledger collect`."
                ),
            ));
        }
        let annual = annual_mean(merged, wanted.year_from_s, wanted.year_to_s);
        let known =
            merged.iter().map(|(from_s, row)| (*from_s, Known { to_s: row.to_s, value: row.value, is_estimated: row.is_estimated }));
        let (filled, filled_s) = fill(&known.collect(), wanted.period_from_s, wanted.period_to_s).map_err(|hours| {
            Finding::new(
                "CI_GAP",
                Severity::Blocked,
                format!(
                    "Zone {zone} has no intensity for {hours} h of the period, and no other day of it has these hours of the day. \
                     Add a file that covers them and run `wattledger collect`."
                ),
            )
        })?;
        let mut findings = Vec::new();
        if filled_s > 0 {
            let in_period = (wanted.period_to_s - wanted.period_from_s) / HOUR_S;
            let hours = whole_hours(filled_s);
            findings.push(
                Finding::new(
                    "CI_GAP",
                    Severity::Disclosed,
                    format!(
                        "Zone {zone} lacks the intensity of {hours} of {in_period} hours: holes up to 2 h were bridged by a straight line, longer ones \
                         by the mean of the same hour of day of the month."
                    ),
                )
                .examined(usize::try_from(in_period).unwrap_or(0))
                .failing(usize::try_from(hours).unwrap_or(0)),
            );
        }
        let annual_choices = [
            (wanted.configured_annual, AnnualOrigin::Configured),
            (annual, AnnualOrigin::Series),
            (wanted.published_annual, AnnualOrigin::Published),
        ];
        let annual_choice = annual_choices.into_iter().find_map(|(value, origin)| Some((value?, origin)));
        if annual_choice.is_none() {
            findings.push(
                Finding::new(
                    "ANNUAL_UNKNOWN",
                    Severity::Disclosed,
                    format!(
                        "Zone {zone} has no annual factor: none is configured, the evidence does not hold the whole UTC calendar year, and no factor \
                         table has one. Figures with annual factors are null; set annual_direct_gco2e_per_kwh to have them."
                    ),
                )
                .examined(1)
                .failing(1),
            );
        }
        let (from_s, to_s) = (wanted.period_from_s, wanted.period_to_s);
        findings.extend(reconciled.revised(zone, from_s, to_s));
        findings.extend(reconciled.implausible_unit(
            zone,
            (from_s, to_s),
            wanted.plausible,
            wanted.configured_annual.or(wanted.published_annual),
        ));
        findings.extend(found_before(editions, from_s, to_s));
        let zone_intensity = Self {
            zone: zone.to_owned(),
            provider: reconciled.provider(),
            edition: printed(editions),
            pieces: Pieces::new(&filled),
            integral: integral(&filled),
            annual_direct_gco2e_per_kwh: annual_choice.map(|(value, _)| value),
            annual_origin: annual_choice.map(|(_, origin)| origin),
            upstream: SeriesUpstream::of(merged, from_s, to_s),
        };
        Ok((zone_intensity, findings))
    }

    /// The pieces of `[from_s, to_s)`, or none where the series does not cover all of it.
    pub fn pieces(&self, from_s: i64, to_s: i64) -> Option<impl Iterator<Item = Piece> + '_> {
        self.pieces.within(from_s, to_s)
    }

    /// The mean over `[from_s, to_s)`, weighted by time.
    pub fn mean(&self, from_s: i64, to_s: i64) -> Option<f64> {
        let mut pieces = self.pieces(from_s, to_s)?;
        let first = pieces.next()?;
        if first.to_s == to_s {
            return Some(first.gco2e_per_kwh);
        }
        let weight = |piece: &Piece| piece.gco2e_per_kwh * (piece.to_s - piece.from_s) as f64;
        Some((weight(&first) + pieces.map(|piece| weight(&piece)).sum::<f64>()) / (to_s - from_s) as f64)
    }

    /// Σ duration × intensity over `[from_ms, to_ms)` in ms × millionths of g/kWh, exactly; none where the series does not cover all of it.
    pub fn integral_micros(&self, from_ms: i64, to_ms: i64) -> Option<i128> {
        self.integral.between(from_ms, to_ms)
    }

    /// The running sum itself, for those who look up many instants.
    pub fn integral(&self) -> &Integral {
        &self.integral
    }
}

fn integral(pieces: &[Piece]) -> Integral {
    Integral::of(pieces.iter().map(|piece| (piece.from_s, piece.to_s, GramsCo2ePerKilowattHour::new(piece.gco2e_per_kwh).micros())))
}

fn has_lifecycle(series: &IntensitySeries) -> bool {
    series.signal == Signal::Average && series.lifecycle_gco2e_per_kwh.iter().any(Option::is_some)
}

/// Mean of the series over the UTC calendar year, weighted by time; none where the year is not whole.
fn annual_mean(merged: &BTreeMap<i64, Held<'_>>, year_from_s: i64, year_to_s: i64) -> Option<f64> {
    let (mut weighted, mut seconds) = (0.0, 0);
    for (from_s, row) in merged.range(year_from_s..year_to_s) {
        weighted += row.value * (row.to_s - from_s) as f64;
        seconds += row.to_s - from_s;
    }
    (seconds == year_to_s - year_from_s).then(|| weighted / seconds as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(values: &[Option<f64>]) -> IntensitySeries {
        let n = values.len();
        IntensitySeries {
            zone: "NL".to_owned(),
            provider: "files".to_owned(),
            edition: "a".to_owned(),
            start_s: (0..n as i64).map(|hour| hour * HOUR_S).collect(),
            end_s: (1..=n as i64).map(|hour| hour * HOUR_S).collect(),
            direct_gco2e_per_kwh: values.to_vec(),
            lifecycle_gco2e_per_kwh: vec![None; n],
            is_estimated: vec![false; n],
            estimation_method: vec![String::new(); n],
            ..IntensitySeries::default()
        }
    }

    fn wanted(hours: i64) -> Wanted<'static> {
        Wanted {
            zone: "NL",
            factor: FactorKind::Direct,
            period_from_s: 0,
            period_to_s: hours * HOUR_S,
            year_from_s: 0,
            year_to_s: 8_760 * HOUR_S,
            configured_annual: None,
            published_annual: None,
            plausible: (1.0, 1_500.0),
        }
    }

    #[test]
    fn a_hole_of_two_hours_is_a_straight_line() {
        let (zone, findings) = ZoneIntensity::build(&[hourly(&[Some(100.0), None, None, Some(400.0)])], wanted(4)).expect("can be filled");

        assert_eq!(zone.mean(HOUR_S, 2 * HOUR_S), Some(200.0));
        assert_eq!(zone.mean(2 * HOUR_S, 3 * HOUR_S), Some(300.0));
        assert_eq!(findings.iter().find(|finding| finding.code == "CI_GAP").map(|finding| finding.failing), Some(2));
    }

    #[test]
    fn a_longer_hole_takes_the_mean_of_the_same_hour_of_day() {
        let mut values = vec![Some(50.0); 72];
        values[2] = Some(10.0);
        values[26] = Some(30.0);
        values[49] = None;
        values[50] = None;
        values[51] = None;
        let (zone, _) = ZoneIntensity::build(&[hourly(&values)], wanted(72)).expect("can be filled");

        assert_eq!(zone.mean(50 * HOUR_S, 51 * HOUR_S), Some(20.0));
    }

    #[test]
    fn hours_that_nothing_can_fill_are_refused() {
        let finding = ZoneIntensity::build(&[hourly(&[Some(1.0); 3])], wanted(10)).expect_err("seven hours are unknown");

        assert_eq!(finding.code, "CI_GAP");
        assert!(finding.message.contains("7 h"), "{}", finding.message);
    }

    #[test]
    fn two_editions_that_disagree_are_refused() {
        let mut other = hourly(&[Some(1.0), Some(2.5)]);
        other.edition = "b".to_owned();
        let finding = ZoneIntensity::build(&[hourly(&[Some(1.0), Some(2.0)]), other], wanted(2)).expect_err("they disagree");

        assert_eq!(finding.code, "CI_CONFLICT");
    }

    #[test]
    fn the_same_value_twice_is_fine() {
        let series = hourly(&[Some(1.0), Some(2.0)]);
        assert!(ZoneIntensity::build(&[series.clone(), series], wanted(2)).is_ok());
    }

    #[test]
    fn a_lifecycle_factor_is_refused_for_location_based() {
        let finding =
            ZoneIntensity::build(&[hourly(&[Some(1.0)])], Wanted { factor: FactorKind::Lifecycle, ..wanted(1) }).expect_err("refused");

        assert_eq!(finding.code, "CI_FACTOR");
    }

    #[test]
    fn an_integral_is_cut_at_the_hour() {
        let (zone, _) = ZoneIntensity::build(&[hourly(&[Some(100.0), Some(200.0)])], wanted(2)).expect("whole");

        // 15 minutes at 100 and 5 minutes at 200, in ms × millionths.
        assert_eq!(zone.integral_micros(2_700_000, 3_900_000), Some(900_000 * 100_000_000 + 300_000 * 200_000_000));
    }

    #[test]
    fn a_whole_year_gives_its_own_annual_factor() {
        let mut year = vec![Some(100.0); 8_760];
        for value in &mut year[..4_380] {
            *value = Some(300.0);
        }
        let (zone, findings) = ZoneIntensity::build(&[hourly(&year)], wanted(744)).expect("whole");
        assert_eq!((zone.annual_direct_gco2e_per_kwh, zone.annual_origin), (Some(200.0), Some(AnnualOrigin::Series)));
        assert!(findings.is_empty());

        year[8_759] = None;
        let (zone, findings) = ZoneIntensity::build(&[hourly(&year)], wanted(744)).expect("whole period");
        assert_eq!(zone.annual_direct_gco2e_per_kwh, None);
        assert_eq!(findings[0].code, "ANNUAL_UNKNOWN");

        let published = Wanted { published_annual: Some(177.0), ..wanted(744) };
        let (zone, findings) = ZoneIntensity::build(&[hourly(&year)], published).expect("whole period");
        assert_eq!((zone.annual_direct_gco2e_per_kwh, zone.annual_origin), (Some(177.0), Some(AnnualOrigin::Published)));
        assert!(findings.is_empty());
    }

    #[test]
    fn a_mean_over_several_pieces_is_weighted_by_time() {
        let (zone, _) = ZoneIntensity::build(&[hourly(&[Some(100.0), Some(200.0), Some(600.0)])], wanted(3)).expect("whole");

        // 15 minutes at 100, an hour at 200, 45 minutes at 600.
        assert_eq!(zone.mean(2_700, 9_900), Some((25.0 + 200.0 + 450.0) / 2.0));
        assert_eq!((zone.mean(3_600, 7_200), zone.mean(4_000, 5_000)), (Some(200.0), Some(200.0)));
        assert_eq!(zone.mean(7_200, 10_801), None, "the series ends before");
    }

    #[test]
    fn a_zone_of_which_only_life_cycle_values_are_known_says_so() {
        let refused = |series: IntensitySeries| ZoneIntensity::build(&[series], wanted(2)).expect_err("no direct value").code;
        let nothing = || hourly(&[None, None]);
        let lifecycle = IntensitySeries { lifecycle_gco2e_per_kwh: vec![None, Some(50.0)], ..nothing() };
        assert_eq!(refused(nothing()), "CI_GAP");
        assert_eq!(refused(lifecycle.clone()), "CI_FACTOR");
        // A marginal series is no word on averages.
        assert_eq!(refused(IntensitySeries { signal: Signal::Marginal, ..lifecycle.clone() }), "CI_SIGNAL");
        let marginal = IntensitySeries { signal: Signal::Marginal, ..lifecycle };
        assert_eq!(ZoneIntensity::build(&[nothing(), marginal], wanted(2)).expect_err("no direct value").code, "CI_GAP");
    }

    #[test]
    fn hours_of_a_period_are_counted_from_its_own_start_and_a_year_from_its_own() {
        // The period is hours 2 to 8 of a year that begins with hour 2, and has 7 of them.
        let values = [1.0, 1.0, 10.0, 10.0, 0.0, 10.0, 10.0, 10.0, 80.0].map(|value| Some(value).filter(|value| *value > 0.0));
        let span = |hours: i64| Wanted { period_from_s: 2 * HOUR_S, year_from_s: 2 * HOUR_S, year_to_s: hours * HOUR_S, ..wanted(8) };
        let (zone, findings) = ZoneIntensity::build(&[hourly(&values)], span(9)).expect("can be filled");
        let gap = findings.iter().find(|finding| finding.code == "CI_GAP").unwrap();
        assert_eq!((gap.examined, gap.failing), (6, 1));
        assert!(gap.message.contains("1 of 6 hours"), "{}", gap.message);
        assert_eq!(zone.annual_direct_gco2e_per_kwh, None, "an hour of the year is missing");

        let mut whole = values;
        whole[4] = Some(10.0);
        let (zone, _) = ZoneIntensity::build(&[hourly(&whole)], span(9)).expect("whole");
        assert_eq!(zone.annual_direct_gco2e_per_kwh, Some((60.0 + 80.0) / 7.0));
    }
}
