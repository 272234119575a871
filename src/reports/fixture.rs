//! A statement that tells a story, for tests of the views: two clusters, hostile names, a loss, an unplaced run, unknown figures.
//!
//! It adds up by construction: workloads are written down, and namespaces, clusters and totals are their sums.

mod counterfactual;
mod entities;
mod factors;
mod grid;
mod quality;
mod rows;
mod runs;
mod scopes;
mod shifting;
mod year;

use chrono::{DateTime, TimeZone, Utc};

use crate::disclosure::Statement;
use crate::disclosure::statement::*;
use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};
use crate::model::{Finding, Severity};
use crate::units::{MicrogramsCo2e, Millijoules, Share};

pub use self::entities::group_statement;
pub use self::year::year_statement;

/// Names that try to be a formula, a script, and the end of a script.
pub const FORMULA_NAME: &str = "=cmd|' /C calc'!A0";
pub const SCRIPT_NAME: &str = "<script>alert(1)</script>";
pub const EQUATION_NAME: &str = "=1+1";

fn mj(kwh: f64) -> Millijoules {
    // An odd remainder, so that rows do not round to themselves.
    Millijoules::new((kwh * 3.6e9) as i64 + 1_234_567)
}

fn ug(energy: Millijoules, grams_per_kwh: i64) -> MicrogramsCo2e {
    MicrogramsCo2e::new((i128::from(energy.get()) * i128::from(grams_per_kwh) / 3_600) as i64)
}

fn share(value: f64) -> Option<Share> {
    Some(Share::try_from(value).unwrap())
}

fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 10, day, hour, minute, 0).unwrap()
}

fn reconciliation() -> Vec<Reconciliation> {
    let mut rows = Vec::new();
    for (cluster, node) in [("burst-pl", "worker-1"), ("prod-nl", "node-a"), ("prod-nl", "node-b")] {
        for day in 1..=3 {
            let (attributed_mj, idle_mj, system_mj) = (mj(20.0 + f64::from(day)), mj(4.0), mj(1.0));
            let is_gap = cluster == "burst-pl" && day == 2;
            rows.push(Reconciliation {
                cluster: cluster.to_owned(),
                node: node.to_owned(),
                day: format!("2026-10-0{day}"),
                metered_mj: attributed_mj + idle_mj + system_mj,
                attributed_mj,
                idle_mj,
                system_mj,
                gap_mj: if is_gap { mj(1.75) } else { Millijoules::ZERO },
                tail_mj: Millijoules::new(1_234_567 * i64::from(day)),
                correction_mj: if is_gap { Millijoules::new(-42_000_000) } else { Millijoules::ZERO },
                difference_mj: Millijoules::ZERO,
            });
        }
    }
    rows
}

fn findings() -> Vec<Finding> {
    let mut gap = Finding::new("GAP", Severity::Blocked, "6 of 96 node-hours of burst-pl have no meter reading, above the limit of 5 %. They are filled from the node's own mean; check the exporter on worker-1.")
        .examined(96)
        .failing(6);
    gap.accepted_by = Some("E. Auditor <ea@example.org>".to_owned());
    vec![
        gap,
        Finding::new(
            "COUNTER_RESET",
            Severity::Noted,
            "1 of 412 counters restarted; up to one scrape interval of its energy may be missing.",
        )
        .examined(412)
        .failing(1),
        Finding::new(
            "CI_ANNUAL",
            Severity::Disclosed,
            "Zone PL has no annual factor: its series does not cover 2026 & none is configured.",
        )
        .examined(2)
        .failing(1),
    ]
}

fn provenance() -> Provenance {
    let evidence = ["intensity/NL.parquet", "burst-pl/2026-10-01/usage.parquet", "prod-nl/2026-10-01/usage.parquet"];
    let intensity = |zone: &str, estimated, annual| IntensityProvenance {
        zone: zone.to_owned(),
        provider: "electricity-maps".to_owned(),
        edition: "2026-11-02T04:00:00Z sha256:5f1d".to_owned(),
        factor: FactorKind::Direct,
        estimated_share: estimated,
        filled_share: share(0.0139),
        annual_direct_gco2e_per_kwh: annual,
    };
    let mut files: Vec<EvidenceFile> = evidence
        .iter()
        .enumerate()
        .map(|(number, path)| EvidenceFile { path: (*path).to_owned(), sha256: format!("{number:064x}") })
        .collect();
    files.sort();
    Provenance {
        software: "wattledger 0.1.0".to_owned(),
        method: "wattledger-method/1 sha256:0f3a6d".to_owned(),
        config_sha256: format!("{:064x}", 0xabcdef_u32),
        evidence: files,
        intensity: vec![intensity("DE", share(0.0), Some(363.0)), intensity("NL", share(0.25), Some(286.8)), intensity("PL", None, None)],
    }
}

pub fn statement() -> Statement {
    let workloads = rows::workloads();
    let namespaces = rows::namespaces(&workloads);
    let clusters = rows::clusters(&namespaces);
    let reconciliation = reconciliation();
    let mut totals = Totals { figures: Figures::nothing(), tail_mj: reconciliation.iter().map(|row| row.tail_mj).sum() };
    clusters.iter().for_each(|cluster| totals.figures.add(&cluster.figures));
    let job_runs = runs::job_runs();
    let scope2 = scopes::scope2(&clusters[1].figures, &clusters[0].figures);
    let mut statement = Statement {
        schema: SCHEMA,
        organisation: "Example & Sons BV".to_owned(),
        lei: None,
        period: Period {
            month: Some("2026-10".to_owned()),
            year: None,
            from: Utc.with_ymd_and_hms(2026, 9, 30, 22, 0, 0).unwrap(),
            to: at(31, 23, 0),
            time_zone: "Europe/Amsterdam".to_owned(),
            hours: 745,
        },
        status: Status::draft(Coverage { covered_cluster_seconds: 2 * 745 * 3_600, expected_cluster_seconds: 2 * 745 * 3_600 }),
        policy: Policy {
            disclosure: "esrs-set1".to_owned(),
            location_based: LocationBased::Hourly,
            idle: IdlePolicy::ByUsage,
            tails: Tails::Unattributed,
            step_seconds: 900,
            max_gap_share: 0.05,
            cost_centre_label: "cost-centre".to_owned(),
        },
        tier_share: TierShare { metered: share(0.9317), allocated: share(0.0386), modelled: share(0.025), filled: share(0.0047) },
        scope3: scopes::scope3(&clusters[1].figures, &clusters[0].figures),
        quality: quality::quality(&totals.figures),
        sci: quality::sci(&workloads),
        factors: factors::factors(&scope2),
        year: YearStatement::default(),
        entities: None,
        disclosure: Disclosure::default(),
        scope2,
        counterfactual: counterfactual::counterfactual(&job_runs, totals.figures.active_mj),
        cost_centres: rows::cost_centres(&namespaces, &totals.figures),
        totals,
        clusters,
        namespaces,
        workloads,
        hours: rows::hours(),
        job_runs,
        reconciliation,
        findings: findings(),
        provenance: provenance(),
    };
    disclose(&mut statement);
    statement
}

/// Datapoints as a reader gets them, with a note that is hostile.
fn disclose(statement: &mut Statement) {
    crate::disclosure::datapoints::disclose(statement);
    statement.disclosure.datapoints[0].note.push_str(SCRIPT_NAME);
}

/// The story must hold together, or the views would be tested against nonsense.
#[test]
fn the_fixture_adds_up_for_a_month_and_for_a_year() {
    for statement in [statement(), year_statement()] {
        let (mut by_workload, mut by_namespace, mut by_month) = (Figures::nothing(), Figures::nothing(), Figures::nothing());
        let mut by_cost_centre = Figures::nothing();
        statement.cost_centres.iter().for_each(|row| by_cost_centre.add(&row.figures));
        assert_eq!(by_cost_centre, statement.totals.figures);
        statement.workloads.iter().for_each(|row| by_workload.add(&row.figures));
        statement.namespaces.iter().for_each(|row| by_namespace.add(&row.figures));
        statement.year.months.iter().for_each(|row| by_month.add(&row.figures));
        let totals = &statement.totals.figures;
        assert_eq!((&by_workload, &by_namespace), (totals, totals));
        assert!(statement.year.months.is_empty() || &by_month == totals);
        let zones = &statement.scope2.zones;
        assert_eq!(
            zones.iter().map(|zone| zone.covered_ugco2e + zone.rest_ugco2e.unwrap()).sum::<MicrogramsCo2e>(),
            totals.scope2_market_based_ugco2e.unwrap()
        );
        let scope3 = &statement.scope3;
        assert_eq!(
            scope3.cloud_operation_ugco2e.zip(scope3.cloud_embodied_ugco2e).map(|(operation, embodied)| operation + embodied),
            totals.scope3_category_1_ugco2e
        );
        assert_eq!(
            scope3.upstream_ugco2e.zip(scope3.losses_ugco2e).map(|(upstream, losses)| upstream + losses),
            totals.scope3_category_3_ugco2e
        );
        let mix = &statement.scope2.energy_mix;
        assert_eq!(mix.fossil_mj + mix.nuclear_mj + mix.renewable_mj, mix.total_mj);
    }
    let month = statement();
    let assets = &month.scope3.assets;
    assert_eq!(
        assets.iter().map(|asset| asset.amortised_ugco2e).sum::<MicrogramsCo2e>(),
        month.totals.figures.embodied_amortised_ugco2e.unwrap()
    );
    assert_eq!(
        assets.iter().map(|asset| asset.capitalised_ugco2e).sum::<MicrogramsCo2e>(),
        month.totals.figures.scope3_category_2_ugco2e.unwrap()
    );
}
