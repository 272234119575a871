//! From the inventory to the statement: names for ids, scopes for sites, lists in the order of their keys.
//!
//! In: the month's plan and inventory, findings, provenance. Out: the [`Statement`]. Rule: placement by boundary (GHG Protocol), totals are the sums of
//! their rows. Assumes: the checks have run. Does not: compute anything that the ledger has not, or round: the datapoints of the disclosure standard, made last, do.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use super::counterfactual::{self, About};
use super::entities;
use super::statement::{
    BaselinePolicyStatement, ClusterStatement, CostCentreStatement, Coverage, Disclosure, EvidenceFile, FactorStatement, HourStatement,
    IntensityProvenance, JobRunStatement, NamespaceStatement, Period, Policy, Provenance, Quality, Reconciliation, RunAlternatives,
    RunConsequential, RunCost, RunDecision, RunForecast, RunOverhead, SCHEMA, SciScore, Scope2, Scope3, Statement, Status, Totals,
    WorkloadStatement, YearStatement,
};
use super::tally::{Tally, has_annual, site_of};
use crate::accounting::counterfactual::bounds::Bounds;
use crate::accounting::counterfactual::effects::{Effect, Effects, RunEffects};
use crate::accounting::counterfactual::window::WindowBasis;
use crate::accounting::inventory::Inventory;
use crate::accounting::ledger::{RunSums, Sums};
use crate::accounting::plan::{Plan, PlannedRun};
use crate::accounting::scopes::Lines;
use crate::accounting::scopes::cost_centres::{CentreLine, CentreLines};
use crate::accounting::scopes::entities::EntityAccount;
use crate::model::policy::{FactorKind, LocationBased};
use crate::model::{Decision, DecisionSource, DeferralClass, Finding, GAP, IDLE, Name, SYSTEM};
use crate::units::{MicroEuros, MicrogramsCo2e, Millijoules, Pue};

/// What the statement says beside figures.
pub struct Particulars {
    pub organisation: String,
    pub lei: Option<String>,
    /// Of a draft; whoever closes a month says so afterwards.
    pub coverage: Coverage,
    pub policy: Policy,
    pub software: String,
    pub method: String,
    pub config_sha256: String,
    pub evidence: Vec<EvidenceFile>,
    pub factor: FactorKind,
    pub effects: Effects,
    /// As far as the configuration and the evidence say it.
    pub baseline: BaselinePolicyStatement,
    /// Zone, provider, edition of each marginal series.
    pub marginal_series: Vec<String>,
}

/// What stands beside the electricity of the ledger.
#[derive(Default)]
pub struct Sections {
    pub lines: Lines,
    /// The same by cost centre.
    pub cost_centres: CentreLines,
    pub scope2: Scope2,
    pub scope3: Scope3,
    pub quality: Quality,
    pub sci: Vec<SciScore>,
    pub factors: Vec<FactorStatement>,
    /// Where the organisation has named legal entities.
    pub entities: Option<EntityAccount>,
}

/// Builds the statement. `findings` are all of the month's, accepted ones marked.
pub fn assemble(plan: &Plan<'_>, inventory: &Inventory, sections: Sections, findings: Vec<Finding>, particulars: Particulars) -> Statement {
    let workloads = workloads(plan, inventory, &sections.lines);
    let mut namespaces: BTreeMap<(String, String), Tally> = BTreeMap::new();
    let mut clusters: BTreeMap<String, Tally> = BTreeMap::new();
    let mut total = Tally::default();
    for ((cluster, namespace, _), tally) in &workloads {
        namespaces.entry((cluster.clone(), namespace.clone())).or_default().add(tally);
        clusters.entry(cluster.clone()).or_default().add(tally);
        total.add(tally);
    }
    let job_runs: Vec<JobRunStatement> =
        plan.runs.iter().enumerate().map(|(i, run)| job_run(plan, run, inventory.runs[i], &particulars.effects.runs[i])).collect();
    let period = plan.terms.period;
    let reported = particulars.policy.location_based;
    let mut findings = findings;
    findings.sort();
    let about = About::of(plan, inventory, &particulars, &active_energy(&workloads));
    let entities = sections.entities.map(|account| entities::section(plan, account, &job_runs, &total, reported));
    let mut job_runs = job_runs;
    job_runs.sort_by(|a, b| (&a.cluster, &a.namespace, &a.job, a.start, a.end).cmp(&(&b.cluster, &b.namespace, &b.job, b.start, b.end)));
    let counterfactual = counterfactual::section(&job_runs, about);
    let mut statement = Statement {
        schema: SCHEMA,
        organisation: particulars.organisation,
        lei: particulars.lei,
        period: Period {
            month: Some(period.to_string()),
            year: None,
            from: period.from(),
            to: period.to(),
            time_zone: period.time_zone().to_string(),
            hours: period.hours(),
        },
        status: Status::draft(particulars.coverage),
        policy: particulars.policy,
        totals: Totals { figures: total.figures(reported), tail_mj: tail_mj(inventory) },
        tier_share: total.tier_share(),
        scope2: sections.scope2,
        scope3: sections.scope3,
        quality: sections.quality,
        sci: sections.sci,
        factors: sections.factors,
        year: YearStatement::default(),
        entities,
        disclosure: Disclosure::default(),
        clusters: cluster_statements(plan, &clusters, reported),
        namespaces: namespaces
            .into_iter()
            .map(|((cluster, namespace), tally)| NamespaceStatement {
                cluster,
                namespace,
                figures: tally.figures(reported),
                tier_share: tally.tier_share(),
            })
            .collect(),
        workloads: workloads
            .into_iter()
            .map(|((cluster, namespace, workload), tally)| WorkloadStatement {
                cluster,
                namespace,
                workload,
                figures: tally.figures(reported),
                tier_share: tally.tier_share(),
            })
            .collect(),
        cost_centres: cost_centres(plan, sections.cost_centres, &total, reported),
        hours: hours(plan, inventory),
        job_runs,
        counterfactual,
        reconciliation: reconciliation(plan, inventory),
        findings,
        provenance: Provenance {
            software: particulars.software,
            method: particulars.method,
            config_sha256: particulars.config_sha256,
            evidence: particulars.evidence,
            intensity: intensity(plan, inventory, particulars.factor),
        },
    };
    super::finish(&mut statement);
    statement
}

fn workloads(plan: &Plan<'_>, inventory: &Inventory, lines: &Lines) -> BTreeMap<(String, String, String), Tally> {
    let mut workloads: BTreeMap<(String, String, String), Tally> = BTreeMap::new();
    for (cluster, sums) in inventory.clusters.iter().enumerate() {
        let name = &plan.terms.clusters[cluster].name;
        // What is nobody's is always shown, also where it is nothing.
        for row in [GAP, IDLE, SYSTEM] {
            workloads.insert((name.clone(), row.to_owned(), row.to_owned()), Tally::default());
        }
        for (key, line) in &lines[cluster] {
            let (site, namespace, workload) = key;
            let sums = sums.workloads.get(key).copied().unwrap_or_default();
            let tally = Tally::of(&sums, *line, site_of(plan, cluster, *site).placement, has_annual(plan, cluster, *site));
            workloads.entry((name.clone(), namespace.clone(), workload.clone())).or_default().add(&tally);
        }
    }
    workloads
}

/// Cluster, namespace, workload and active energy; what is nobody's uses none of its own.
fn active_energy(workloads: &BTreeMap<(String, String, String), Tally>) -> Vec<(&str, &str, &str, Millijoules)> {
    let of_pods = workloads.iter().filter(|((_, namespace, _), _)| ![GAP, IDLE, SYSTEM].contains(&namespace.as_str()));
    of_pods
        .map(|((cluster, namespace, workload), tally)| {
            (cluster.as_str(), namespace.as_str(), workload.as_str(), Millijoules::new(tally.sums.active_mj))
        })
        .collect()
}

fn cluster_statements(plan: &Plan<'_>, tallies: &BTreeMap<String, Tally>, reported: LocationBased) -> Vec<ClusterStatement> {
    let mut clusters = Vec::new();
    for (index, cluster) in plan.terms.clusters.iter().enumerate() {
        let survey = &plan.survey.clusters[index];
        let tally = tallies.get(&cluster.name).cloned().unwrap_or_default();
        let mut choices: BTreeMap<String, u64> = BTreeMap::new();
        for node in survey.nodes.values() {
            let zones: Vec<&str> = node.power_zones.iter().map(String::as_str).collect();
            *choices.entry(if zones.is_empty() { "none".to_owned() } else { zones.join(", then ") }).or_default() += 1;
        }
        let site = &cluster.sites[0];
        clusters.push(ClusterStatement {
            cluster: cluster.name.clone(),
            boundary: site.boundary,
            placement: site.placement,
            rule: site.placement.rule(site.boundary).to_owned(),
            grid_zone: site.grid_zone.clone(),
            home_zone: site.home_zone.clone().unwrap_or_else(|| site.grid_zone.clone()),
            pue: Pue::try_from(site.pue).expect("the configuration checked it"),
            nodes: survey.nodes.len() as u64,
            power_zones: choices
                .into_iter()
                .map(|(choice, nodes)| format!("{choice} ({nodes} node{})", if nodes == 1 { "" } else { "s" }))
                .collect(),
            figures: tally.figures(reported),
            tier_share: tally.tier_share(),
        });
    }
    clusters
}

/// Sorted by name; what is nobody's is always shown, also where it is nothing.
fn cost_centres(plan: &Plan<'_>, lines: CentreLines, total: &Tally, reported: LocationBased) -> Vec<CostCentreStatement> {
    let mut tallies: BTreeMap<String, (Tally, BTreeSet<(usize, String)>)> = BTreeMap::new();
    for row in [GAP, IDLE, SYSTEM] {
        tallies.insert(row.to_owned(), Default::default());
    }
    for ((name, cluster, site), CentreLine { sums, line, namespaces }) in lines {
        let (tally, known) = tallies.entry(name).or_default();
        tally.add(&Tally::of(&sums, line, site_of(plan, cluster, site).placement, has_annual(plan, cluster, site)));
        known.extend(namespaces.into_iter().map(|namespace| (cluster, namespace)));
    }
    let all = total.figures(reported);
    let row = |(name, (tally, namespaces)): (String, (Tally, BTreeSet<_>))| {
        CostCentreStatement::of(name, namespaces.len() as u64, tally.figures(reported), tally.tier_share(), &all)
    };
    tallies.into_iter().map(row).collect()
}

fn hours(plan: &Plan<'_>, inventory: &Inventory) -> Vec<HourStatement> {
    let mut hours = Vec::new();
    for (cluster, sums) in inventory.clusters.iter().enumerate() {
        let mut by_hour: BTreeMap<i32, Sums> = BTreeMap::new();
        for ((_, hour), sums) in &sums.hours {
            by_hour.entry(*hour).or_default().add(sums);
        }
        let zone = plan.zones.get(plan.sites[cluster][0].zone);
        for (hour, sums) in by_hour {
            let from_s = i64::from(hour) * 3_600;
            hours.push(HourStatement {
                cluster: plan.terms.clusters[cluster].name.clone(),
                hour: DateTime::from_timestamp(from_s, 0).unwrap_or_default(),
                facility_mj: Millijoules::new(sums.facility_mj),
                operational_hourly_ugco2e: MicrogramsCo2e::new(sums.operational_hourly_ugco2e),
                intensity_gco2e_per_kwh: zone.and_then(|zone| zone.mean(from_s, from_s + 3_600)),
            });
        }
    }
    hours
}

fn reconciliation(plan: &Plan<'_>, inventory: &Inventory) -> Vec<Reconciliation> {
    let mut rows = Vec::new();
    for (cluster, sums) in inventory.clusters.iter().enumerate() {
        for ((node, day), sums) in &sums.node_days {
            rows.push(Reconciliation {
                cluster: plan.terms.clusters[cluster].name.clone(),
                node: node.clone(),
                day: day.to_string(),
                metered_mj: Millijoules::new(sums.metered_mj),
                attributed_mj: Millijoules::new(sums.attributed_mj),
                idle_mj: Millijoules::new(sums.idle_mj),
                system_mj: Millijoules::new(sums.system_mj),
                gap_mj: Millijoules::new(sums.gap_mj),
                correction_mj: Millijoules::new(sums.correction_mj),
                tail_mj: Millijoules::new(sums.tail_mj),
                difference_mj: Millijoules::new(sums.metered_mj - sums.attributed_mj - sums.idle_mj - sums.system_mj),
            });
        }
    }
    rows
}

fn tail_mj(inventory: &Inventory) -> Millijoules {
    let days = inventory.clusters.iter().flat_map(|cluster| cluster.node_days.values());
    days.map(|day| Millijoules::new(day.tail_mj)).sum()
}

fn intensity(plan: &Plan<'_>, inventory: &Inventory, factor: FactorKind) -> Vec<IntensityProvenance> {
    let mut zones: Vec<IntensityProvenance> = plan
        .zones
        .iter()
        .enumerate()
        .map(|(index, zone)| {
            let (estimated_share, filled_share) = inventory.intensity_shares(plan, index);
            IntensityProvenance {
                zone: zone.zone.clone(),
                provider: zone.provider.clone(),
                edition: zone.edition.clone(),
                factor,
                estimated_share,
                filled_share,
                annual_direct_gco2e_per_kwh: zone.annual_direct_gco2e_per_kwh,
            }
        })
        .collect();
    zones.sort_by(|a, b| a.zone.cmp(&b.zone));
    zones
}

fn job_run(plan: &Plan<'_>, planned: &PlannedRun, sums: RunSums, effects: &RunEffects) -> JobRunStatement {
    let run = &planned.run.job;
    let site = planned.run.site.map(|site| site_of(plan, planned.cluster, site));
    let unplaced = match &planned.place {
        Err(reason) => Some(reason.clone()),
        Ok(_) if sums.active_mj == 0 => Some("no energy of the run was metered".to_owned()),
        Ok(_) => None,
    };
    let placed = |ugco2e: i64| unplaced.is_none().then(|| MicrogramsCo2e::new(ugco2e));
    let bound = |of: fn(&Bounds) -> i64| effects.bounds.as_ref().map(|bounds| MicrogramsCo2e::new(of(bounds)));
    let window = planned.window.as_ref().filter(|window| window.basis != WindowBasis::Suggested);
    JobRunStatement {
        cluster: run.cluster.clone(),
        namespace: run.namespace.clone(),
        job: run.job.clone(),
        uid: run.uid.clone(),
        workload: run.workload.clone(),
        start: planned.start,
        end: planned.end,
        active_mj: Millijoules::new(sums.active_mj),
        grid_zone: Name::from(site.unwrap_or_else(|| site_of(plan, planned.cluster, 0)).grid_zone.as_str()),
        outside_mj: Millijoules::new(sums.outside_mj),
        baseline_start: planned.baseline_start,
        baseline_rule: planned.baseline_rule,
        baseline_zone: planned.baseline_zone.clone(),
        baseline_cluster: planned.home_cluster.map(|cluster| Name::from(plan.terms.clusters[cluster].name.as_str())),
        was_suspended: run.was_suspended,
        cause: planned.cause,
        cause_basis: planned.cause_basis,
        actual_ugco2e: placed(sums.actual_ugco2e),
        counterfactual_ugco2e: placed(sums.counterfactual_ugco2e),
        avoided_ugco2e: placed(sums.counterfactual_ugco2e - sums.actual_ugco2e),
        best_ugco2e: bound(|bounds| bounds.best),
        worst_ugco2e: bound(|bounds| bounds.worst),
        mean_ugco2e: bound(|bounds| bounds.mean),
        best_start: effects.bounds.and_then(|bounds| DateTime::from_timestamp_millis(bounds.best_start_ms)),
        best_zone: effects.bounds.map(|bounds| Name::from(plan.zones[bounds.best_zone].zone.as_str())),
        candidates: effects.bounds.map(|bounds| bounds.candidates),
        max_delay_seconds: window.map(|window| window.max_delay_ms / 1_000),
        window_basis: window.map(|window| window.basis),
        unbounded_reason: effects.unbounded_reason.clone(),
        deferrable: match planned.class {
            DeferralClass::Deferrable => Some(true),
            DeferralClass::NotDeferrable => Some(false),
            DeferralClass::Unclassified => None,
        },
        class: planned.class,
        class_basis: planned.class_basis,
        held_out: planned.is_held_out,
        decision: planned.decision.as_ref().map(|(source, decision)| run_decision(*source, decision, effects)),
        alternatives: RunAlternatives {
            at_creation_ugco2e: effects.at_creation_ugco2e.map(MicrogramsCo2e::new),
            historical_ugco2e: effects.historical_ugco2e.map(MicrogramsCo2e::new),
        },
        cost: effects.cost.map(run_cost),
        consequential: effects.consequential.map(run_consequential),
        overhead: effects.overhead.map(|overhead| RunOverhead {
            energy_mj: Millijoules::new(overhead.energy_mj),
            emissions_ugco2e: MicrogramsCo2e::new(overhead.emissions_ugco2e),
        }),
        unplaced_reason: unplaced,
    }
}

fn run_decision(source: DecisionSource, decision: &Decision, effects: &RunEffects) -> RunDecision {
    let outcome = effects.forecast;
    RunDecision {
        source,
        recorded_at: decision.recorded_at,
        eligible_at: decision.eligible_at,
        deadline: decision.deadline,
        chosen_start: decision.chosen_start,
        chosen_zone: decision.chosen_zone.clone(),
        reason: decision.reason,
        held_out: decision.held_out,
        forecast: decision.forecast.as_ref().map(|forecast| RunForecast {
            source: forecast.source.clone(),
            baseline_gco2e_per_kwh: forecast.baseline_gco2e_per_kwh,
            chosen_gco2e_per_kwh: forecast.chosen_gco2e_per_kwh,
            realised_baseline_gco2e_per_kwh: outcome.map(|outcome| outcome.realised_baseline_gco2e_per_kwh),
            realised_chosen_gco2e_per_kwh: outcome.map(|outcome| outcome.realised_chosen_gco2e_per_kwh),
            expected_avoided_ugco2e: outcome.map(|outcome| MicrogramsCo2e::new(outcome.expected_avoided_ugco2e)),
        }),
    }
}

fn run_cost(effect: Effect) -> RunCost {
    let bound = |of: fn(&Bounds) -> i64| effect.bounds.as_ref().map(|bounds| MicroEuros::new(of(bounds)));
    RunCost {
        actual_micro_eur: MicroEuros::new(effect.actual),
        counterfactual_micro_eur: MicroEuros::new(effect.counterfactual),
        saved_micro_eur: MicroEuros::new(effect.counterfactual - effect.actual),
        best_micro_eur: bound(|bounds| bounds.best),
        worst_micro_eur: bound(|bounds| bounds.worst),
        mean_micro_eur: bound(|bounds| bounds.mean),
    }
}

fn run_consequential(effect: Effect) -> RunConsequential {
    let bound = |of: fn(&Bounds) -> i64| effect.bounds.as_ref().map(|bounds| MicrogramsCo2e::new(of(bounds)));
    RunConsequential {
        actual_ugco2e: MicrogramsCo2e::new(effect.actual),
        counterfactual_ugco2e: MicrogramsCo2e::new(effect.counterfactual),
        avoided_ugco2e: MicrogramsCo2e::new(effect.counterfactual - effect.actual),
        best_ugco2e: bound(|bounds| bounds.best),
        worst_ugco2e: bound(|bounds| bounds.worst),
        mean_ugco2e: bound(|bounds| bounds.mean),
    }
}
