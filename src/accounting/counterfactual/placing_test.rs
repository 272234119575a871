//! Two clusters and a day of October, for tests of what places runs; and those tests.

use chrono::TimeDelta;

use super::super::intensity::{Wanted, ZoneIntensity};
use super::super::plan::PlannedRun;
use super::super::survey::{ClusterTerms, MonthTerms, RunKey, RunOfMonth, Site, run_key};
use super::placing::{Placed, place};
use super::test_run::{at, decision, run};
use super::window::{Place, WindowBasis};
use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};
use crate::model::{
    BaselineRule, Boundary, Cause, CauseBasis, ClassBasis, Decision, DecisionReason, DecisionRecord, DecisionSource, DeferrableRule,
    DeferralClass, HoldOutPolicy, IntensitySeries, JobRun, Placement,
};

const HOUR_S: i64 = 3_600;

fn site(grid_zone: &str, home_zone: Option<&str>, pue: f64) -> Site {
    Site {
        boundary: Boundary::Owned,
        placement: Placement::Scope2,
        grid_zone: grid_zone.to_owned(),
        home_zone: home_zone.map(str::to_owned),
        pue,
        embodied: None,
    }
}

/// October 2026 in UTC: `edge-fr` in FR, `prod-nl` in NL with a second hall in NL of another PUE, and one in DE.
pub fn terms() -> MonthTerms {
    let cluster = |name: &str, sites| ClusterTerms { name: name.to_owned(), sites, site_of: Box::new(|_| 0) };
    MonthTerms {
        period: "2026-10".parse::<crate::units::MonthName>().map(|_| ()).map_or_else(|_| unreachable!(), |()| unreachable!()),
        step_seconds: 900,
        idle: IdlePolicy::ByUsage,
        tails: Tails::Unattributed,
        location_based: LocationBased::Hourly,
        max_gap_share: 0.05,
        category3: std::collections::BTreeMap::new(),
        deferrable: Vec::new(),
        hold_out: None,
        suggested_max_delay_seconds: 8 * HOUR_S,
        clusters: vec![
            cluster("prod-nl", vec![site("NL", None, 1.2), site("NL", None, 1.5), site("DE", None, 1.3)]),
            cluster("edge-fr", vec![site("FR", None, 1.35)]),
        ],
    }
}
