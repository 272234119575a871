//! A statement that tells a story, for tests of the views: two clusters, hostile names, a loss, an unplaced run, unknown figures.
//!
//! It adds up by construction: workloads are written down, and namespaces, clusters and totals are their sums.

use chrono::{DateTime, Duration, TimeZone, Utc};

use crate::disclosure::Statement;
use crate::disclosure::statement::*;
use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};
use crate::model::{BaselineRule, Boundary, Cause, Finding, GAP, IDLE, Placement, SYSTEM, Severity};
use crate::units::{MicrogramsCo2e, Millijoules, Pue, Share};

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

fn add(sum: &mut Figures, row: &Figures) {
    let add_known = |sum: &mut Option<MicrogramsCo2e>, row: Option<MicrogramsCo2e>| *sum = sum.zip(row).map(|(sum, row)| sum + row);
    sum.metered_mj += row.metered_mj;
    sum.active_mj += row.active_mj;
    sum.idle_mj += row.idle_mj;
    sum.system_mj += row.system_mj;
    sum.gap_mj += row.gap_mj;
    sum.facility_mj += row.facility_mj;
    sum.scope2_location_based_ugco2e += row.scope2_location_based_ugco2e;
    sum.operational_hourly_ugco2e += row.operational_hourly_ugco2e;
    add_known(&mut sum.scope2_location_based_annual_ugco2e, row.scope2_location_based_annual_ugco2e);
    add_known(&mut sum.scope3_category_1_ugco2e, row.scope3_category_1_ugco2e);
    add_known(&mut sum.scope3_category_8_ugco2e, row.scope3_category_8_ugco2e);
    add_known(&mut sum.operational_annual_ugco2e, row.operational_annual_ugco2e);
}

fn zero() -> Figures {
    Figures {
        scope2_location_based_annual_ugco2e: Some(MicrogramsCo2e::ZERO),
        scope3_category_1_ugco2e: Some(MicrogramsCo2e::ZERO),
        scope3_category_8_ugco2e: Some(MicrogramsCo2e::ZERO),
        operational_annual_ugco2e: Some(MicrogramsCo2e::ZERO),
        ..Figures::default()
    }
}

/// Active, idle, system and gap energy in kWh; emissions at a plain hourly and annual intensity.
fn figures(cluster: &str, active: f64, idle: f64, system: f64, gap: f64) -> Figures {
    let (is_owned, hourly, annual) = if cluster == "prod-nl" { (true, 281, Some(302)) } else { (false, 655, None) };
    let part = |kwh: f64| if kwh == 0.0 { Millijoules::ZERO } else { mj(kwh) };
    let (active_mj, idle_mj, system_mj, gap_mj) = (part(active), part(idle), part(system), part(gap));
    let metered_mj = active_mj + idle_mj + system_mj;
    let facility_mj = Millijoules::new((metered_mj + gap_mj).get() * 6 / 5);
    let emitted = ug(facility_mj, hourly);
    let emitted_annual = annual.map(|annual| ug(facility_mj, annual));
    let none = MicrogramsCo2e::ZERO;
    Figures {
        metered_mj,
        active_mj,
        idle_mj,
        system_mj,
        gap_mj,
        facility_mj,
        scope2_location_based_ugco2e: if is_owned { emitted } else { none },
        scope2_location_based_annual_ugco2e: if is_owned { emitted_annual } else { Some(none) },
        scope3_category_1_ugco2e: Some(if is_owned { none } else { emitted }),
        scope3_category_8_ugco2e: Some(none),
        operational_hourly_ugco2e: emitted,
        operational_annual_ugco2e: emitted_annual,
        ..Figures::default()
    }
}

fn workloads() -> Vec<WorkloadStatement> {
    let rows: [(&str, &str, &str, [f64; 4]); 11] = [
        ("burst-pl", GAP, GAP, [0.0, 0.0, 0.0, 1.75]),
        ("burst-pl", IDLE, IDLE, [0.0, 14.2, 0.0, 0.0]),
        ("burst-pl", SYSTEM, SYSTEM, [0.0, 0.0, 3.3, 0.0]),
        ("burst-pl", "ml-training", "Job/train-42", [61.7, 12.4, 0.0, 0.0]),
        ("prod-nl", IDLE, IDLE, [0.0, 22.9, 0.0, 0.0]),
        ("prod-nl", SYSTEM, SYSTEM, [0.0, 0.0, 6.1, 0.0]),
        ("prod-nl", SCRIPT_NAME, "Deployment/shop", [88.0, 40.5, 0.0, 0.0]),
        ("prod-nl", SCRIPT_NAME, "StatefulSet/db", [31.0, 17.0, 0.0, 0.0]),
        ("prod-nl", FORMULA_NAME, EQUATION_NAME, [7.5, 2.5, 0.0, 0.0]),
        ("prod-nl", "reports", "CronJob/nightly", [19.0, 4.0, 0.0, 0.0]),
        ("prod-nl", "reports", "CronJob/weekly", [6.0, 1.0, 0.0, 0.0]),
    ];
    let row = |(cluster, namespace, workload, [active, idle, system, gap]): (&str, &str, &str, [f64; 4])| WorkloadStatement {
        cluster: cluster.to_owned(),
        namespace: namespace.to_owned(),
        workload: workload.to_owned(),
        figures: figures(cluster, active, idle, system, gap),
        tier_share: tier_share(namespace),
    };
    rows.into_iter().map(row).collect()
}

fn tier_share(namespace: &str) -> TierShare {
    let (metered, allocated, modelled, filled) = match namespace {
        GAP => (0.0, 0.0, 0.0, 1.0),
        "ml-training" => (0.75, 0.125, 0.125, 0.0),
        _ => (0.9996, 0.0004, 0.0, 0.0),
    };
    TierShare { metered: share(metered), allocated: share(allocated), modelled: share(modelled), filled: share(filled) }
}

fn namespaces(workloads: &[WorkloadStatement]) -> Vec<NamespaceStatement> {
    let mut namespaces: Vec<NamespaceStatement> = Vec::new();
    for row in workloads {
        let is_new = namespaces.last().is_none_or(|last| (&last.cluster, &last.namespace) != (&row.cluster, &row.namespace));
        if is_new {
            namespaces.push(NamespaceStatement {
                cluster: row.cluster.clone(),
                namespace: row.namespace.clone(),
                figures: zero(),
                tier_share: tier_share(&row.namespace),
            });
        }
        add(&mut namespaces.last_mut().unwrap().figures, &row.figures);
    }
    namespaces
}

fn clusters(namespaces: &[NamespaceStatement]) -> Vec<ClusterStatement> {
    let tier_share = |filled: f64| TierShare {
        metered: share(1.0 - filled - 0.031 - 0.02),
        allocated: share(0.031),
        modelled: share(0.02),
        filled: share(filled),
    };
    let cluster = |name: &str, boundary, grid_zone: &str, filled| {
        let placement = Placement::of(boundary, None).unwrap();
        let mut figures = zero();
        namespaces.iter().filter(|row| row.cluster == name).for_each(|row| add(&mut figures, &row.figures));
        ClusterStatement {
            cluster: name.to_owned(),
            boundary,
            placement,
            rule: placement.rule(boundary).to_owned(),
            grid_zone: grid_zone.to_owned(),
            home_zone: "NL".to_owned(),
            pue: Pue::try_from(1.2).unwrap(),
            nodes: 2,
            power_zones: vec!["package+dram (1 node)".to_owned(), "psys (1 node)".to_owned()],
            figures,
            tier_share: tier_share(filled),
        }
    };
    vec![cluster("burst-pl", Boundary::Cloud, "PL", 0.0187), cluster("prod-nl", Boundary::Owned, "NL", 0.0)]
}

/// Three UTC days of hours: enough for a curve, short enough for a golden file.
fn hours() -> Vec<HourStatement> {
    let mut hours = Vec::new();
    for (cluster, base, night, evening) in [("burst-pl", 0.12, 560.0, 790.0), ("prod-nl", 0.33, 90.0, 450.0)] {
        for number in 0..72_i64 {
            let hour = (number % 24) as f64;
            let evening_peak = (-(hour - 18.0) * (hour - 18.0) / 12.0).exp();
            let nightly = if (1.0..4.0).contains(&hour) { 0.2 } else { 0.0 };
            let facility_mj = mj(base * (1.0 + 0.4 * evening_peak) + nightly);
            let intensity = (night + (evening - night) * evening_peak).round();
            let is_known = !(cluster == "burst-pl" && number == 40);
            hours.push(HourStatement {
                cluster: cluster.to_owned(),
                hour: at(1, 0, 0) + Duration::hours(number),
                facility_mj,
                operational_hourly_ugco2e: ug(facility_mj, intensity as i64),
                intensity_gco2e_per_kwh: is_known.then_some(intensity),
            });
        }
    }
    hours
}

struct Run {
    job: &'static str,
    workload: &'static str,
    start: DateTime<Utc>,
    baseline: Option<(DateTime<Utc>, BaselineRule, &'static str)>,
    cause: Cause,
    actual: i64,
    counterfactual: i64,
}

fn job_runs() -> Vec<JobRunStatement> {
    use BaselineRule::{Annotation, OwnStart, Schedule};
    let runs = [
        Run {
            job: "nightly-1",
            workload: "CronJob/nightly",
            start: at(1, 2, 0),
            baseline: Some((at(1, 0, 30), Schedule, "NL")),
            cause: Cause::Carbon,
            actual: 1_310_000_111,
            counterfactual: 2_904_000_999,
        },
        Run {
            job: "nightly-2",
            workload: "CronJob/nightly",
            start: at(2, 18, 0),
            baseline: Some((at(2, 13, 0), Annotation, "NL")),
            cause: Cause::Carbon,
            actual: 3_020_500_000,
            counterfactual: 1_290_000_001,
        },
        Run {
            job: "nightly-3",
            workload: "CronJob/nightly",
            start: at(3, 3, 0),
            baseline: Some((at(3, 1, 0), Schedule, "NL")),
            cause: Cause::Other,
            actual: 1_000_000_000,
            counterfactual: 1_200_000_000,
        },
        Run {
            job: "nightly-4",
            workload: "CronJob/nightly",
            start: at(3, 12, 0),
            baseline: None,
            cause: Cause::None,
            actual: 0,
            counterfactual: 0,
        },
        Run {
            job: "train-42",
            workload: "Job/train-42",
            start: at(2, 1, 0),
            baseline: Some((at(1, 19, 0), Annotation, "PL")),
            cause: Cause::Carbon,
            actual: 40_100_000_000,
            counterfactual: 52_700_000_005,
        },
        Run {
            job: "weekly-1",
            workload: EQUATION_NAME,
            start: at(3, 4, 0),
            baseline: Some((at(3, 4, 0), OwnStart, "NL")),
            cause: Cause::None,
            actual: 777_000_000,
            counterfactual: 777_000_000,
        },
    ];
    let row = |run: Run| {
        let is_placed = run.baseline.is_some();
        let is_training = run.workload == "Job/train-42";
        JobRunStatement {
            cluster: (if is_training { "burst-pl" } else { "prod-nl" }).into(),
            namespace: (if is_training { "ml-training" } else { "reports" }).into(),
            job: run.job.into(),
            uid: (!is_training).then(|| format!("uid-{}", run.job).into()),
            workload: run.workload.into(),
            start: Some(run.start),
            end: Some(run.start + Duration::minutes(95)),
            active_mj: if is_placed { mj(2.7) } else { Millijoules::ZERO },
            grid_zone: (if is_training { "PL" } else { "NL" }).into(),
            outside_mj: Millijoules::ZERO,
            baseline_start: run.baseline.map(|(start, _, _)| start),
            baseline_rule: run.baseline.map(|(_, rule, _)| rule),
            baseline_zone: run.baseline.map(|(_, _, zone)| zone.into()),
            cause: run.cause,
            actual_ugco2e: is_placed.then(|| MicrogramsCo2e::new(run.actual)),
            counterfactual_ugco2e: is_placed.then(|| MicrogramsCo2e::new(run.counterfactual)),
            avoided_ugco2e: is_placed.then(|| MicrogramsCo2e::new(run.counterfactual - run.actual)),
            best_ugco2e: None,
            worst_ugco2e: None,
            mean_ugco2e: None,
            deferrable: is_training.then_some(true),
            unplaced_reason: (!is_placed).then(|| "the annotation `wattledger.io/baseline-start` does not parse: <tomorrow>".to_owned()),
        }
    };
    let mut rows: Vec<JobRunStatement> = runs.into_iter().map(row).collect();
    rows.sort_by(|a, b| (&a.cluster, &a.namespace, &a.job).cmp(&(&b.cluster, &b.namespace, &b.job)));
    rows
}

fn counterfactual(runs: &[JobRunStatement]) -> Counterfactual {
    let sum = |wanted: &dyn Fn(&JobRunStatement) -> bool| {
        let mut figures = CounterfactualFigures::default();
        for run in runs.iter().filter(|run| run.unplaced_reason.is_none() && wanted(run)) {
            let avoided = run.avoided_ugco2e.unwrap();
            figures.runs += 1;
            figures.shifted_runs += u64::from(run.cause != Cause::None);
            figures.actual_ugco2e += run.actual_ugco2e.unwrap();
            figures.counterfactual_ugco2e += run.counterfactual_ugco2e.unwrap();
            figures.avoided_ugco2e += avoided;
            if avoided.get() > 0 {
                figures.gained_runs += 1;
                figures.gains_ugco2e += avoided;
            } else {
                figures.losses_ugco2e += avoided;
            }
        }
        figures
    };
    Counterfactual {
        label: COUNTERFACTUAL_LABEL,
        total: sum(&|_| true),
        by_cause: ByCause {
            carbon: sum(&|run| run.cause == Cause::Carbon),
            other: sum(&|run| run.cause == Cause::Other),
            none: sum(&|run| run.cause == Cause::None),
        },
        unplaced_runs: runs.iter().filter(|run| run.unplaced_reason.is_some()).count() as u64,
    }
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
        intensity: vec![intensity("NL", share(0.25), Some(302.4)), intensity("PL", None, None)],
    }
}

pub fn statement() -> Statement {
    let workloads = workloads();
    let namespaces = namespaces(&workloads);
    let clusters = clusters(&namespaces);
    let reconciliation = reconciliation();
    let mut totals = Totals { figures: zero(), tail_mj: reconciliation.iter().map(|row| row.tail_mj).sum() };
    clusters.iter().for_each(|cluster| add(&mut totals.figures, &cluster.figures));
    let job_runs = job_runs();
    Statement {
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
        policy: Policy {
            disclosure: "esrs-set1".to_owned(),
            location_based: LocationBased::Hourly,
            idle: IdlePolicy::ByUsage,
            tails: Tails::Unattributed,
            step_seconds: 900,
            max_gap_share: 0.05,
        },
        totals,
        tier_share: TierShare { metered: share(0.9317), allocated: share(0.0386), modelled: share(0.025), filled: share(0.0047) },
        scope2: Scope2::default(),
        scope3: Scope3::default(),
        quality: Quality::default(),
        sci: Vec::new(),
        factors: Vec::new(),
        year: YearStatement::default(),
        disclosure: Disclosure::default(),
        counterfactual: counterfactual(&job_runs),
        clusters,
        namespaces,
        workloads,
        hours: hours(),
        job_runs,
        reconciliation,
        findings: findings(),
        provenance: provenance(),
    }
}
