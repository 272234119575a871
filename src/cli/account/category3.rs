//! Which factors stand for upstream, grid losses and the year's mean in each grid zone, and how the statement names them.
//!
//! In: configuration, factor tables, the day on which they must hold. Out: [`Category3Terms`] by zone, and [`FactorStatement`]s of what was used.
//! Rule: method, section 4. Losses: `[[losses]]`, then a published factor per kilowatt-hour used, then a published share. An own table goes before the
//! embedded one. Does not: compute.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::factor_list;
use crate::accounting::category3::{Category3Terms, Losses, Upstream};
use crate::accounting::intensity::AnnualOrigin;
use crate::accounting::plan::Plan;
use crate::config::{Config, ZoneLosses};
use crate::disclosure::statement::{FactorOrigin, FactorStatement};
use crate::factors::{Factor, Factors, Quantity};
use crate::units::{GramsCo2ePerKilowattHour, ReportingPeriod, Share};

/// Where a zone's losses come from.
enum LossesSource<'a> {
    Configured(&'a ZoneLosses),
    /// Of the quantity `td-losses` or `td-loss-share`.
    Table(&'a Factor),
}

/// The day by which a month's factors are looked up: its first, in the organisation's time zone.
pub fn day_of(period: ReportingPeriod) -> NaiveDate {
    period.from().with_timezone(&period.time_zone()).date_naive()
}

/// What is said of every configured grid zone beside its series.
pub fn terms(config: &Config, factors: &Factors, on: NaiveDate) -> BTreeMap<String, Category3Terms> {
    let sites = config.clusters.iter().flat_map(|cluster| cluster.sites());
    let of_zone = |zone: &str| Category3Terms {
        upstream: upstream(factors, zone, on).map(|factor| GramsCo2ePerKilowattHour::new(factor.value)),
        losses: losses(config, factors, zone, on).and_then(|source| match source {
            LossesSource::Configured(losses) => Some(Losses::ShareOfInput(losses.share)),
            LossesSource::Table(factor) if factor.quantity == Quantity::TdLosses => {
                Some(Losses::PerKilowattHourUsed(GramsCo2ePerKilowattHour::new(factor.value)))
            }
            LossesSource::Table(factor) => Share::try_from(factor.value).ok().map(Losses::ShareOfInput),
        }),
    };
    sites.map(|site| (site.grid_zone.clone(), of_zone(&site.grid_zone))).collect()
}

fn upstream<'a>(factors: &'a Factors, zone: &str, on: NaiveDate) -> Option<&'a Factor> {
    factors.find(Quantity::GridUpstream, zone, on)
}

fn losses<'a>(config: &'a Config, factors: &'a Factors, zone: &str, on: NaiveDate) -> Option<LossesSource<'a>> {
    let configured = config.losses.iter().find(|losses| losses.zone == zone).map(LossesSource::Configured);
    let published =
        || [Quantity::TdLosses, Quantity::TdLossShare].into_iter().find_map(|quantity| factors.find_for_zone(quantity, zone, on));
    configured.or_else(|| published().map(LossesSource::Table))
}

/// The factors that upstream, losses and annual figures of this month rest on.
pub fn statements(config: &Config, factors: &Factors, plan: &Plan<'_>) -> Vec<FactorStatement> {
    let on = day_of(plan.terms.period);
    let mut statements = Vec::new();
    for zone in plan.scope2_zones() {
        let name = plan.zones[zone].zone.as_str();
        statements.extend(upstream_statement(factors, plan, zone, on));
        let source = plan.category3[zone].losses.and_then(|_| losses(config, factors, name, on));
        statements.extend(source.map(|source| match source {
            LossesSource::Configured(losses) => configured_losses(losses),
            LossesSource::Table(factor) => factor_list::statement(factor, "grid losses: Scope 3 category 3, activity C"),
        }));
    }
    for zone in plan.used_zones() {
        statements.extend(annual_statement(factors, plan, zone, on));
    }
    statements
}

fn upstream_statement(factors: &Factors, plan: &Plan<'_>, zone: usize, on: NaiveDate) -> Option<FactorStatement> {
    const USED_FOR: &str = "upstream of electricity: Scope 3 category 3, activity B";
    let intensity = &plan.zones[zone];
    match plan.category3[zone].upstream {
        Upstream::Published(_) => upstream(factors, &intensity.zone, on).map(|factor| factor_list::statement(factor, USED_FOR)),
        Upstream::Series => intensity.upstream.as_ref().map(|series| FactorStatement {
            note: Some(format!(
                "Mean over the {} h of the period of what is taken hour by hour: life-cycle less direct intensity, never below 0. An upper bound, because \
                 life-cycle values hold the building of power plants, which category 3 leaves out.",
                series.hours
            )),
            ..of_series(plan, zone, Quantity::GridUpstream, series.mean_gco2e_per_kwh, USED_FOR)
        }),
        Upstream::Unknown => None,
    }
}

fn annual_statement(factors: &Factors, plan: &Plan<'_>, zone: usize, on: NaiveDate) -> Option<FactorStatement> {
    const USED_FOR: &str = "location-based emissions with annual factors";
    let intensity = &plan.zones[zone];
    let value = intensity.annual_direct_gco2e_per_kwh?;
    match intensity.annual_origin? {
        AnnualOrigin::Published => {
            factors.find(Quantity::GridAnnualDirect, &intensity.zone, on).map(|factor| factor_list::statement(factor, USED_FOR))
        }
        AnnualOrigin::Configured => {
            Some(configured(Quantity::GridAnnualDirect, &intensity.zone, value, "annual_direct_gco2e_per_kwh of [[intensity]]", USED_FOR))
        }
        AnnualOrigin::Series => Some(FactorStatement {
            year: Some(plan.terms.period.year()),
            note: Some("Mean of the series over the UTC calendar year, weighted by time.".to_owned()),
            ..of_series(plan, zone, Quantity::GridAnnualDirect, value, USED_FOR)
        }),
    }
}

fn configured_losses(losses: &ZoneLosses) -> FactorStatement {
    FactorStatement {
        note: Some("A share L of what is fed in; L / (1 − L) is lost for each kilowatt-hour used.".to_owned()),
        ..configured(Quantity::TdLossShare, &losses.zone, losses.share.get(), &losses.source, "grid losses: Scope 3 category 3, activity C")
    }
}

/// A factor of a zone that the configuration states.
fn configured(quantity: Quantity, zone: &str, value: f64, source: &str, used_for: &str) -> FactorStatement {
    let id = format!("configuration-{}-{zone}", quantity.name());
    factor_list::configured(id, quantity.name(), zone, (value, quantity.unit_name()), source, used_for)
}

/// A factor that is taken from a zone's intensity series.
fn of_series(plan: &Plan<'_>, zone: usize, quantity: Quantity, value: f64, used_for: &str) -> FactorStatement {
    let intensity = &plan.zones[zone];
    FactorStatement {
        id: format!("series-{}-{}", quantity.name(), intensity.zone),
        publisher: intensity.provider.clone(),
        publication: intensity.edition.clone(),
        licence: "as the provider's terms say".to_owned(),
        gas_basis: Some("CO2e".to_owned()),
        origin: FactorOrigin::Series,
        ..configured(quantity, &intensity.zone, value, "", used_for)
    }
}
