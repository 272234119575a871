//! Machines as goods, and scores of what runs on them: from terms and evidence to the statement's rows.
//!
//! In: configuration, plan, inventory, the evidence's days before the period. Out: assets, scores, findings; the lines get their parts.
//! Rule: the accounting is in `accounting::scopes::{embodied, sci}`. Does not: compute.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::Days;

use crate::accounting::dimensions::DayDimensions;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::accounting::scopes::embodied::{self, AssetLine, Before, LOOK_BACK_DAYS};
use crate::accounting::scopes::{Lines, sci};
use crate::disclosure::statement::{Asset, SciScore, Scope3};
use crate::evidence::Store;
use crate::model::tables::Table;
use crate::model::{Boundary, Finding, FunctionalUnit};
use crate::units::{MicrogramsCo2e, Millijoules, Share, UtcDay};

/// Adds what machines bring to lines, section and findings.
pub fn add(
    store: &Store,
    plan: &Plan<'_>,
    inventory: &Inventory,
    lines: &mut Lines,
    scope3: &mut Scope3,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let before = before(store, plan)?;
    let found = embodied::add(plan, inventory, &before, lines);
    scope3.cloud_embodied_ugco2e = found.cloud_ugco2e.map(MicrogramsCo2e::new);
    scope3.assets = found.assets.into_iter().map(|line| asset(&plan.terms.clusters[line.cluster].name, line)).collect();
    findings.extend(found.findings);
    Ok(())
}

/// Scores of the configured functional units; the lines must be whole.
pub fn scores(
    plan: &Plan<'_>,
    inventory: &Inventory,
    lines: &Lines,
    units: &[FunctionalUnit],
    findings: &mut Vec<Finding>,
) -> Vec<SciScore> {
    let (scores, found) = sci::scores(plan, inventory, lines, units);
    findings.extend(found);
    scores
        .into_iter()
        .map(|score| SciScore {
            cluster: score.unit.cluster.clone(),
            namespace: score.unit.namespace.clone(),
            workload: score.unit.workload.clone(),
            unit: score.unit.unit.clone(),
            count: score.count,
            facility_mj: Millijoules::new(score.facility_mj),
            operational_ugco2e: MicrogramsCo2e::new(score.operational_ugco2e),
            embodied_ugco2e: score.embodied_ugco2e.map(MicrogramsCo2e::new),
            sci_ugco2e_per_unit: score.ugco2e_per_unit(),
            source: score.unit.source,
        })
        .collect()
}

fn asset(cluster: &str, line: AssetLine) -> Asset {
    Asset {
        cluster: cluster.to_owned(),
        node: line.node,
        class: line.terms.class,
        embodied_ugco2e: MicrogramsCo2e::new(line.total_ugco2e),
        life_years: line.terms.life_years,
        in_service: line.in_service.map(|day| day.to_string()),
        capitalised_ugco2e: MicrogramsCo2e::new(line.capitalised_ugco2e),
        amortised_ugco2e: MicrogramsCo2e::new(line.amortised_ugco2e),
        reserved_share: line.reserved.and_then(|(reserved, all)| Share::of(reserved, all)),
        source: line.terms.source,
    }
}

/// Which nodes were there before the period. Only clusters are asked for whose own machines declare no start.
fn before(store: &Store, plan: &Plan<'_>) -> Result<Vec<Before>> {
    let mut all = Vec::new();
    let last = UtcDay::containing(plan.terms.period.from()).previous();
    let first = UtcDay::new(last.next().date() - Days::new(LOOK_BACK_DAYS));
    for (terms, survey) in plan.terms.clusters.iter().zip(&plan.survey.clusters) {
        let mut before = Before::default();
        let needs_start = |site: usize| {
            let site = &terms.sites[site];
            site.boundary != Boundary::Cloud && site.embodied.as_ref().is_some_and(|embodied| embodied.in_service.is_none())
        };
        if survey.nodes.values().any(|node| needs_start(node.site)) {
            for day in first.through(last) {
                let Some(manifest) = store.day(&terms.name, day)? else { continue };
                let nodes = store.read_table(&manifest, Table::Nodes)?;
                let names = DayDimensions::node_names(&nodes).with_context(|| format!("evidence of {} on {day}", terms.name))?;
                before.days.insert(day);
                let first_seen: &mut BTreeMap<String, UtcDay> = &mut before.first_seen;
                for name in names {
                    first_seen.entry(name).or_insert(day);
                }
            }
        }
        all.push(before);
    }
    Ok(all)
}
