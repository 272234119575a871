//! Sums of ledger rows on their way to the figures of the statement.
//!
//! In: sums of electricity and what stands beside it, row by row, with where each is reported. Out: [`Figures`]. Rule: placement by boundary (GHG Protocol);
//! a sum of which a part is unknown is unknown. Does not: round.

use std::collections::{BTreeMap, BTreeSet};

use super::statement::{Figures, TierShare};
use crate::accounting::ledger::Sums;
use crate::accounting::plan::Plan;
use crate::accounting::scopes::Line;
use crate::accounting::survey::Site;
use crate::model::Placement;
use crate::model::policy::LocationBased;
use crate::units::{MicrogramsCo2e, Millijoules, Share};

/// Sums on their way to figures: by placement, and with what is unknown kept unknown.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) sums: Sums,
    line: Line,
    by_placement: BTreeMap<Placement, Sums>,
    /// Placements with energy in a zone that has no annual factor.
    without_annual: BTreeSet<Placement>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { sums: Sums::default(), line: Line::nothing(), by_placement: BTreeMap::new(), without_annual: BTreeSet::new() }
    }
}

impl Tally {
    pub(super) fn of(sums: &Sums, line: Line, placement: Placement, has_annual: bool) -> Self {
        let is_unknown = !has_annual && sums.facility_mj != 0;
        Self {
            sums: *sums,
            line,
            by_placement: BTreeMap::from([(placement, *sums)]),
            without_annual: is_unknown.then_some(placement).into_iter().collect(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.sums.add(&other.sums);
        self.line.add(&other.line);
        for (placement, sums) in &other.by_placement {
            self.by_placement.entry(*placement).or_default().add(sums);
        }
        self.without_annual.extend(&other.without_annual);
    }

    /// Scope 2 is shown with hourly and with annual factors; Scope 3 has one figure, by the factors that are declared the reported method.
    pub(super) fn figures(&self, reported: LocationBased) -> Figures {
        let of = |placement| self.by_placement.get(&placement).copied().unwrap_or_default();
        let hourly = |placement| MicrogramsCo2e::new(of(placement).operational_hourly_ugco2e);
        let annual =
            |placement| (!self.without_annual.contains(&placement)).then(|| MicrogramsCo2e::new(of(placement).operational_annual_ugco2e));
        let reported = |placement| match reported {
            LocationBased::Hourly => Some(hourly(placement)),
            LocationBased::Annual => annual(placement),
        };
        let sums = &self.sums;
        let known = |ugco2e: Option<i64>| ugco2e.map(MicrogramsCo2e::new);
        let cloud_embodied = known(self.line.cloud_amortised_ugco2e).unwrap_or(MicrogramsCo2e::ZERO);
        let losses = known(self.line.losses_ugco2e).unwrap_or(MicrogramsCo2e::ZERO);
        Figures {
            metered_mj: Millijoules::new(sums.active_mj + sums.idle_mj + sums.system_mj),
            active_mj: Millijoules::new(sums.active_mj),
            idle_mj: Millijoules::new(sums.idle_mj),
            system_mj: Millijoules::new(sums.system_mj),
            gap_mj: Millijoules::new(sums.gap_mj),
            facility_mj: Millijoules::new(sums.facility_mj),
            scope2_location_based_ugco2e: hourly(Placement::Scope2),
            scope2_location_based_annual_ugco2e: annual(Placement::Scope2),
            scope2_market_based_ugco2e: known(self.line.market_ugco2e),
            scope3_category_1_ugco2e: reported(Placement::Scope3Category1).map(|operation| operation + cloud_embodied),
            scope3_category_2_ugco2e: known(self.line.category_2_ugco2e),
            scope3_category_3_ugco2e: known(self.line.upstream_ugco2e).map(|upstream| upstream + losses),
            scope3_category_8_ugco2e: reported(Placement::Scope3Category8),
            embodied_amortised_ugco2e: known(self.line.amortised_ugco2e),
            operational_hourly_ugco2e: MicrogramsCo2e::new(sums.operational_hourly_ugco2e),
            operational_annual_ugco2e: self.without_annual.is_empty().then(|| MicrogramsCo2e::new(sums.operational_annual_ugco2e)),
        }
    }

    /// Of the energy of nodes, before PUE: gap rows are the filled ones.
    pub(super) fn tier_share(&self) -> TierShare {
        let Sums { active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, .. } = self.sums;
        let known = active_mj + idle_mj + system_mj;
        let share = |part| Share::of(part, known + gap_mj);
        TierShare {
            metered: share(known - allocated_mj - modelled_mj),
            allocated: share(allocated_mj),
            modelled: share(modelled_mj),
            filled: share(gap_mj),
        }
    }
}

pub(super) fn site_of<'a>(plan: &Plan<'a>, cluster: usize, site: usize) -> &'a Site {
    &plan.terms.clusters[cluster].sites[site]
}

pub(super) fn has_annual(plan: &Plan<'_>, cluster: usize, site: usize) -> bool {
    plan.zones.get(plan.sites[cluster][site].zone).is_some_and(|zone| zone.annual_direct_gco2e_per_kwh.is_some())
}
