//! Grid intensity as the ledger needs it: every instant of a span has a value, and each value says how it was come by.
//!
//! In: the editions of a zone's series, and the reporting period. Out: [`ZoneIntensity`], intervals without holes, or findings that refuse.
//! Rule (method, section 6): editions are put together as in `editions`; missing up to 2 hours linear; longer, the mean of the same hour of day
//! of that month. Assumes: sources refused what is implausible. Does not: fill beyond the series' ends outside the period.

use std::collections::BTreeMap;

use super::editions::{Held, Reconciled, found_before, printed};
use crate::model::policy::FactorKind;
use crate::model::{Finding, IntensitySeries, Severity};

const HOUR_S: i64 = 3_600;
/// Holes up to this long are bridged by a straight line.
const LONGEST_LINEAR_S: i64 = 2 * HOUR_S;
/// Intensities enter the counterfactual as whole millionths of a gram, so that re-timing is exact in integers.
pub const MICROS: f64 = 1e6;

/// How a value was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueStatus {
    Measured,
    /// The provider says that it estimated it.
    Estimated,
    /// Filled by us.
    Filled,
}

/// The direct intensity of one grid zone over a span without holes.
#[derive(Clone, Debug)]
pub struct ZoneIntensity {
    pub zone: String,
    pub provider: String,
    pub edition: String,
    start_s: Vec<i64>,
    end_s: Vec<i64>,
    gco2e_per_kwh: Vec<f64>,
    status: Vec<ValueStatus>,
    integral: Integral,
    /// Direct, over the UTC calendar year; null where the year is unfinished and none is configured.
    pub annual_direct_gco2e_per_kwh: Option<f64>,
}

/// One piece of a span in which the intensity does not change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub from_s: i64,
    pub to_s: i64,
    pub gco2e_per_kwh: f64,
    pub status: ValueStatus,
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
        let (filled, filled_s) = fill(merged, wanted.period_from_s, wanted.period_to_s).map_err(|hours| {
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
        let annual_direct = wanted.configured_annual.or(annual);
        if annual_direct.is_none() {
            findings.push(
                Finding::new(
                    "ANNUAL_UNKNOWN",
                    Severity::Disclosed,
                    format!(
                        "Zone {zone} has no annual factor: none is configured and the evidence does not hold the whole UTC calendar year. \
                         Figures with annual factors are null; set annual_direct_gco2e_per_kwh to have them."
                    ),
                )
                .examined(1)
                .failing(1),
            );
        }
        let (from_s, to_s) = (wanted.period_from_s, wanted.period_to_s);
        findings.extend(reconciled.revised(zone, from_s, to_s));
        findings.extend(reconciled.implausible_unit(zone, (from_s, to_s), wanted.plausible, wanted.configured_annual));
        findings.extend(found_before(editions, from_s, to_s));
        let zone_intensity = Self {
            zone: zone.to_owned(),
            provider: reconciled.provider(),
            edition: printed(editions),
            start_s: filled.iter().map(|piece| piece.from_s).collect(),
            end_s: filled.iter().map(|piece| piece.to_s).collect(),
            gco2e_per_kwh: filled.iter().map(|piece| piece.gco2e_per_kwh).collect(),
            status: filled.iter().map(|piece| piece.status).collect(),
            integral: Integral::of(&filled),
            annual_direct_gco2e_per_kwh: annual_direct,
        };
        Ok((zone_intensity, findings))
    }

    /// The pieces of `[from_s, to_s)`, or none where the series does not cover all of it.
    pub fn pieces(&self, from_s: i64, to_s: i64) -> Option<impl Iterator<Item = Piece> + '_> {
        let first = self.end_s.partition_point(|end| *end <= from_s);
        let after = self.start_s.partition_point(|start| *start < to_s);
        let is_covered = first < after
            && self.start_s[first] <= from_s
            && self.end_s[after - 1] >= to_s
            && (first + 1..after).all(|i| self.start_s[i] == self.end_s[i - 1]);
        is_covered.then(|| {
            (first..after).map(move |i| Piece {
                from_s: self.start_s[i].max(from_s),
                to_s: self.end_s[i].min(to_s),
                gco2e_per_kwh: self.gco2e_per_kwh[i],
                status: self.status[i],
            })
        })
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
        let last = self.integral.block_of(from_ms)?;
        (to_ms <= last.end_ms).then(|| self.integral.up_to(to_ms) - self.integral.up_to(from_ms))
    }
}

/// The running sum of duration × intensity, so that the sum over any span is a difference of two look-ups, however long the span.
#[derive(Clone, Debug, Default)]
struct Integral {
    start_ms: Vec<i64>,
    micros: Vec<i64>,
    /// Sum up to the start of each interval.
    before: Vec<i128>,
    /// Stretches without holes, sorted.
    blocks: Vec<Block>,
    /// The length of every interval, where all are as long and there is no hole: then an interval is found by division.
    uniform_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    start_ms: i64,
    end_ms: i64,
}

impl Integral {
    fn of(pieces: &[Piece]) -> Self {
        let mut integral = Self::default();
        let mut sum = 0_i128;
        for piece in pieces {
            let (start_ms, end_ms) = (piece.from_s * 1_000, piece.to_s * 1_000);
            let micros = (piece.gco2e_per_kwh * MICROS).round() as i64;
            integral.start_ms.push(start_ms);
            integral.micros.push(micros);
            integral.before.push(sum);
            sum += i128::from(end_ms - start_ms) * i128::from(micros);
            match integral.blocks.last_mut() {
                Some(block) if block.end_ms == start_ms => block.end_ms = end_ms,
                _ => integral.blocks.push(Block { start_ms, end_ms }),
            }
        }
        let length = |piece: &Piece| (piece.to_s - piece.from_s) * 1_000;
        let is_uniform = integral.blocks.len() == 1 && pieces.windows(2).all(|pair| length(&pair[0]) == length(&pair[1]));
        integral.uniform_ms = pieces.first().filter(|_| is_uniform).map(length);
        integral
    }

    fn block_of(&self, at_ms: i64) -> Option<Block> {
        self.blocks.iter().copied().find(|block| block.start_ms <= at_ms && at_ms < block.end_ms)
    }

    fn up_to(&self, at_ms: i64) -> i128 {
        let i = match self.uniform_ms {
            Some(length) => (((at_ms - self.start_ms[0]) / length) as usize).min(self.start_ms.len() - 1),
            None => self.start_ms.partition_point(|start| *start <= at_ms).saturating_sub(1),
        };
        self.before[i] + i128::from(at_ms - self.start_ms[i]) * i128::from(self.micros[i])
    }
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

/// Pieces without holes over the series and the period; an error is the number of hours that nothing can fill.
fn fill(merged: &BTreeMap<i64, Held<'_>>, period_from_s: i64, period_to_s: i64) -> Result<(Vec<Piece>, i64), i64> {
    let resolution = merged.iter().map(|(from, row)| row.to_s - from).min().unwrap_or(HOUR_S);
    let means = hour_of_day_means(merged, period_from_s, period_to_s);
    let mut pieces: Vec<Piece> = Vec::with_capacity(merged.len());
    let (mut filled_s, mut unfilled_s) = (0, 0);
    let first = *merged.keys().next().unwrap_or(&period_from_s);
    let last = merged.values().map(|row| row.to_s).max().unwrap_or(period_to_s);
    let mut cursor = first.min(period_from_s);
    let mut previous: Option<f64> = None;
    let end_marker = (last.max(period_to_s), None);
    for (from_s, row) in merged.iter().map(|(from_s, row)| (*from_s, Some(row))).chain([end_marker]) {
        if from_s > cursor {
            let slots = (from_s - cursor + resolution - 1) / resolution;
            for slot in 0..slots {
                let slot_from = cursor + slot * resolution;
                let slot_to = (slot_from + resolution).min(from_s);
                let value = match (previous, row) {
                    (Some(before), Some(after)) if from_s - cursor <= LONGEST_LINEAR_S => {
                        Some(before + (after.value - before) * (slot + 1) as f64 / (slots + 1) as f64)
                    }
                    _ => means[usize::try_from(slot_from.rem_euclid(86_400) / HOUR_S).unwrap_or(0)],
                };
                let in_period = (slot_to.min(period_to_s) - slot_from.max(period_from_s)).max(0);
                match value {
                    Some(gco2e_per_kwh) => {
                        filled_s += in_period;
                        pieces.push(Piece { from_s: slot_from, to_s: slot_to, gco2e_per_kwh, status: ValueStatus::Filled });
                    }
                    None => unfilled_s += in_period,
                }
            }
        }
        if let Some(row) = row {
            let status = if row.is_estimated { ValueStatus::Estimated } else { ValueStatus::Measured };
            pieces.push(Piece { from_s, to_s: row.to_s, gco2e_per_kwh: row.value, status });
            cursor = row.to_s;
            previous = Some(row.value);
        }
    }
    if unfilled_s > 0 { Err(whole_hours(unfilled_s)) } else { Ok((pieces, filled_s)) }
}

/// Begun hours count.
fn whole_hours(seconds: i64) -> i64 {
    (seconds + HOUR_S - 1) / HOUR_S
}

/// The mean of each UTC hour of day over the period's own values.
fn hour_of_day_means(merged: &BTreeMap<i64, Held<'_>>, period_from_s: i64, period_to_s: i64) -> [Option<f64>; 24] {
    let mut sums = [(0_i64, 0_u32); 24];
    for (from_s, row) in merged.range(period_from_s..period_to_s) {
        let hour = usize::try_from(from_s.rem_euclid(86_400) / HOUR_S).unwrap_or(0);
        // In whole millionths, so that the order of rows is of no matter and the mean is rounded once.
        sums[hour].0 += (row.value * MICROS).round() as i64;
        sums[hour].1 += 1;
    }
    sums.map(|(sum, count)| (count > 0).then(|| sum as f64 / (f64::from(count) * MICROS)))
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
        assert_eq!(zone.annual_direct_gco2e_per_kwh, Some(200.0));
        assert!(findings.is_empty());

        year[8_759] = None;
        let (zone, findings) = ZoneIntensity::build(&[hourly(&year)], wanted(744)).expect("whole period");
        assert_eq!(zone.annual_direct_gco2e_per_kwh, None);
        assert_eq!(findings[0].code, "ANNUAL_UNKNOWN");
    }
}
