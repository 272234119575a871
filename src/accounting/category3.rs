//! Scope 3 category 3 of electricity: what each zone's kilowatt-hour emits upstream, and what the grid loses on the way to it.
//!
//! In: [`Category3Terms`], resolved from configuration and factor tables, and the zone's own series. Out: [`ZoneCategory3`], the two factors for any
//! stretch of time, and findings. Rule: method, section 4. Upstream is a published factor, else life-cycle less direct of the same series, else unknown.
//! Losses are a published factor per kilowatt-hour used, or a share of what is fed in; without either, category 3 is upstream alone.
//! Factors worked out here are whole millionths of a gram per kilowatt-hour. Does not: look a factor up, or meet it with energy.

use super::intensity::ZoneIntensity;
use super::upstream::whole_millionths;
use crate::model::policy::LocationBased;
use crate::model::{Finding, Severity};
use crate::units::{GramsCo2ePerKilowattHour, Share};

/// What is said of a zone's category 3 beside its series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Category3Terms {
    /// A published upstream factor that goes before the series.
    pub upstream: Option<GramsCo2ePerKilowattHour>,
    pub losses: Option<Losses>,
}

/// How grid losses are stated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Losses {
    /// Of what is fed in (World Bank, EG.ELC.LOSS.ZS: of output).
    ShareOfInput(Share),
    /// Per kilowatt-hour used, with upstream of what is lost.
    PerKilowattHourUsed(GramsCo2ePerKilowattHour),
}

/// What stands for upstream in a zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Upstream {
    Published(GramsCo2ePerKilowattHour),
    /// Life-cycle less direct, interval by interval: an upper bound.
    Series,
    Unknown,
}

/// The choices for one zone, made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZoneCategory3 {
    pub upstream: Upstream,
    /// None where none is stated, or where what it is a share of is unknown.
    pub losses: Option<Losses>,
    direct: Direct,
}

/// The combustion that losses are a share of, by the declared method.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Direct {
    Hourly,
    Annual(f64),
}

impl ZoneCategory3 {
    pub fn of(terms: Category3Terms, declared: LocationBased, zone: &ZoneIntensity) -> Self {
        let upstream = match terms.upstream {
            Some(published) => Upstream::Published(published),
            None if zone.upstream.is_some() => Upstream::Series,
            None => Upstream::Unknown,
        };
        let direct = match declared {
            LocationBased::Hourly => Some(Direct::Hourly),
            LocationBased::Annual => zone.annual_direct_gco2e_per_kwh.map(Direct::Annual),
        };
        let has_whole = upstream != Upstream::Unknown && direct.is_some();
        let losses = terms.losses.filter(|losses| has_whole || matches!(losses, Losses::PerKilowattHourUsed(_)));
        Self { upstream, losses, direct: direct.unwrap_or(Direct::Hourly) }
    }

    /// Whether upstream is known.
    pub fn has_upstream(&self) -> bool {
        self.upstream != Upstream::Unknown
    }

    /// Upstream of an interval in which neither intensity changes; `series` is life-cycle less direct of it.
    pub fn upstream_gco2e_per_kwh(&self, series: Option<f64>) -> Option<f64> {
        match self.upstream {
            Upstream::Published(factor) => Some(factor.get()),
            Upstream::Series => series,
            Upstream::Unknown => None,
        }
    }

    /// Losses per kilowatt-hour used of an interval with that direct intensity and that upstream.
    pub fn losses_gco2e_per_kwh(&self, direct: f64, upstream: Option<f64>) -> Option<f64> {
        match self.losses? {
            Losses::PerKilowattHourUsed(factor) => Some(factor.get()),
            Losses::ShareOfInput(share) => {
                let direct = match self.direct {
                    Direct::Hourly => direct,
                    Direct::Annual(factor) => factor,
                };
                // GHG Protocol, Technical Guidance for Calculating Scope 3 Emissions, category 3, activity C: generation and upstream of what is lost.
                // Of each kilowatt-hour fed in, 1 − L arrive, so L / (1 − L) is lost for each one that does.
                Some(whole_millionths((direct + upstream?) * share.get() / (1.0 - share.get())))
            }
        }
    }

    /// What a reader must know of the choices for a zone in which Scope 2 electricity was used. `stated` is what was said of losses.
    pub fn findings(&self, stated: Option<Losses>, zone: &ZoneIntensity) -> Vec<Finding> {
        let mut findings = Vec::new();
        let name = &zone.zone;
        let mut push = |code, severity, examined: i64, failing: i64, message: String| {
            let count = |hours: i64| usize::try_from(hours).unwrap_or(0);
            findings.push(Finding::new(code, severity, message).examined(count(examined)).failing(count(failing)));
        };
        match (self.upstream, &zone.upstream) {
            (Upstream::Series, Some(series)) => {
                let bound = format!(
                    "Zone {name}: upstream of electricity (Scope 3 category 3) is life-cycle less direct intensity of the series, {:.1} g/kWh on average. \
                     Life-cycle values hold the building of power plants, which category 3 leaves out, so this is an upper bound; a factor table \
                     with a row grid-upstream for the zone goes before it.",
                    series.mean_gco2e_per_kwh
                );
                push("UPSTREAM_BOUND", Severity::Noted, 1, 1, bound);
                if series.negative_hours > 0 {
                    let message = format!(
                        "Zone {name}: in {} of {} hours the life-cycle intensity is below the direct one, which cannot be; upstream counts as 0 in them. \
                         Check the series' columns.",
                        series.negative_hours, series.hours
                    );
                    push("UPSTREAM_NEGATIVE", Severity::Disclosed, series.hours, series.negative_hours, message);
                }
                if series.filled_hours > 0 {
                    let message = format!(
                        "Zone {name} lacks upstream of {} of {} hours, because they have no life-cycle intensity beside a direct one: holes up to 2 h were \
                         bridged by a straight line, longer ones by the mean of the same hour of day of the month.",
                        series.filled_hours, series.hours
                    );
                    push("UPSTREAM_GAP", Severity::Disclosed, series.hours, series.filled_hours, message);
                }
            }
            (Upstream::Unknown, _) => {
                let message = format!(
                    "Zone {name}: upstream of electricity is not known, so Scope 3 category 3 is null: no factor table has a row grid-upstream for the zone, \
                     and its series has no life-cycle values to take the direct ones from. Add either."
                );
                push("UPSTREAM_UNKNOWN", Severity::Disclosed, 1, 1, message);
            }
            (Upstream::Published(_) | Upstream::Series, _) => {}
        }
        if self.losses.is_none() {
            let what = match (stated, self.upstream) {
                (None, _) => "none are configured and no factor table has them. Add [[losses]] with the zone's share and its source",
                (Some(_), Upstream::Unknown) => "they are a share of generation and upstream, and upstream is not known",
                (Some(_), _) => "they are a share of generation and upstream, and the zone has no annual factor",
            };
            let message = format!("Zone {name}: grid losses are not in Scope 3 category 3: {what}.");
            push("LOSSES_UNKNOWN", Severity::Disclosed, 1, 1, message);
        }
        findings
    }
}
