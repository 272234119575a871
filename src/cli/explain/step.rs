//! A row of the ledger's finest grain: a pod, or (idle), (system), (gap), of a node in a step, from emissions back to energy.
//!
//! In: a row's id. Out: emissions by segment with the intensities that they met, facility energy with its split, energy by kind with the splits of idle and of
//! what was corrected, then the meters. Rule: the tables of `queries/accounting`, made for this node and step.

use std::rc::Rc;

use anyhow::{Context, Result};

use super::day::{Day, instant_text, milli_text, second_text, sums};
use super::tree::{Explanation, Intensity, NodeStep, Number, Operand, Product, Share, Sum, Term, amount};
use super::walk::Walk;
use crate::accounting::filling::ValueStatus;
use crate::accounting::ledger::trace::{self, Emitted, NodeTrace, Quota, Split};
use crate::accounting::ledger::{LedgerRow, Segment};
use crate::disclosure::figure_ids::{RowId, StepId, Unit};
use crate::disclosure::hourly::LedgerDay;
use crate::model::policy::{IdlePolicy, LocationBased};
use crate::model::tables::Table;
use crate::model::{GAP_ROW, IDLE_ROW, Placement, SYSTEM_ROW};

/// A row with the tables of its node and step.
pub struct TracedRow<'a> {
    pub day: Rc<Day<'a>>,
    pub trace: NodeTrace,
    pub node_id: i32,
    pub row_id: i32,
    pub step: i32,
    pub row: LedgerRow,
    pub id: StepId,
}

impl TracedRow<'_> {
    pub fn node_step(&self) -> NodeStep {
        let start = self.day.start_of(self.step);
        let end = start + chrono::TimeDelta::seconds(self.day.terms.step_seconds);
        NodeStep { cluster: self.id.cluster.clone(), node: self.id.node.clone(), from: instant_text(start), to: instant_text(end) }
    }

    pub fn figure(&self, field: &str) -> String {
        RowId::Step(self.id.clone()).figure(field).to_string()
    }
}

impl<'a> Walk<'a> {
    pub fn traced(&self, id: &StepId) -> Result<Option<TracedRow<'a>>> {
        let Some(cluster) = self.cluster(&id.cluster) else { return Ok(None) };
        let Some(day) = self.day(cluster, crate::units::UtcDay::containing(id.start))? else { return Ok(None) };
        let Some((node_id, row_id, step)) = day.row_of(id) else { return Ok(None) };
        let trace = trace::node(&day.terms, &day.node_steps, &day.usage, node_id, step..step + 1)?;
        let Some(row) = trace.row(step, row_id).copied() else { return Ok(None) };
        Ok(Some(TracedRow { day, trace, node_id, row_id, step, row, id: id.clone() }))
    }

    fn figures_of_row(&self, traced: &TracedRow<'_>) -> LedgerDay {
        LedgerDay::of_sums(self.workings.plan, (traced.day.cluster, traced.day.site(traced.node_id)), &sums(&traced.row))
    }

    pub fn figures_of_step(&self, id: &StepId) -> Result<Vec<(String, Option<i64>)>> {
        let Some(traced) = self.traced(id)? else { return Ok(Vec::new()) };
        let figures = self.figures_of_row(&traced);
        Ok(figures.figures().iter().map(|(name, column)| ((*name).to_owned(), column.get(0))).collect())
    }

    pub fn step(&self, id: &StepId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let Some(traced) = self.traced(id)? else { return Ok(None) };
        let figures = self.figures_of_row(&traced);
        let Some(value) = figures.figures().iter().find(|(name, _)| *name == field).map(|(_, column)| column.get(0)) else {
            return Ok(None);
        };
        let level = self.head(&RowId::Step(id.clone()), field, value);
        let declared = self.workings.plan.terms.location_based;
        let level = match field {
            "active_mj" => self.active(level, &traced, depth)?,
            "idle_mj" => self.idle(level, &traced, depth)?,
            "system_mj" => self.system(level, &traced, depth)?,
            "gap_mj" => self.gap(level, &traced)?,
            "metered_mj" => self.energy(level, &traced, depth)?,
            "allocated_mj" | "modelled_mj" => self.of_tier(level, &traced, depth)?,
            "facility_mj" => self.facility(level, &traced, depth)?,
            "operational_hourly_ugco2e" | "scope2_location_based_ugco2e" => self.hourly(level, &traced, field, depth)?,
            "operational_annual_ugco2e" | "scope2_location_based_annual_ugco2e" => self.annual(level, &traced, field, depth)?,
            "scope3_category_1_electricity_ugco2e" | "scope3_category_8_ugco2e" => match declared {
                LocationBased::Hourly => self.hourly(level, &traced, field, depth)?,
                LocationBased::Annual => self.annual(level, &traced, field, depth)?,
            },
            "upstream_ugco2e" | "losses_ugco2e" => self.category3(level, &traced, field, depth)?,
            "scope3_category_3_ugco2e" => {
                let mut level = level;
                let part = |name: &str| {
                    let value = figures.figures().iter().find(|(known, _)| *known == name).and_then(|(_, column)| column.get(0));
                    Term { id: Some(traced.figure(name)), what: name.to_owned(), value, ..Term::default() }
                };
                let terms = ["upstream_ugco2e", "losses_ugco2e"].map(part).into_iter().filter(|term| term.value.is_some()).collect();
                self.add_sum(&mut level, "activity", terms, Unit::MicrogramsCo2e);
                level.next = self.follow(Some(&traced.figure("upstream_ugco2e")), depth)?;
                level
            }
            _ => level,
        };
        Ok(Some(level))
    }

    /// Whether a figure of a scope is of the site's scope; else it is 0 whatever was used.
    fn is_placed(&self, traced: &TracedRow<'_>, field: &str) -> bool {
        let placement = self.workings.plan.terms.clusters[traced.day.cluster].sites[traced.day.site(traced.node_id)].placement;
        match field {
            "scope2_location_based_ugco2e" | "scope2_location_based_annual_ugco2e" | "upstream_ugco2e" | "losses_ugco2e" => {
                placement == Placement::Scope2
            }
            "scope3_category_1_electricity_ugco2e" => placement == Placement::Scope3Category1,
            "scope3_category_8_ugco2e" => placement == Placement::Scope3Category8,
            _ => true,
        }
    }

    fn hourly(&self, mut level: Explanation, traced: &TracedRow<'_>, field: &str, depth: usize) -> Result<Explanation> {
        if !self.is_placed(traced, field) {
            level.notes.push("The node's electricity is placed elsewhere, so this figure is 0.".to_owned());
            return Ok(level);
        }
        let emitted = self.emitted(traced)?;
        self.by_segment(&mut level, traced, &emitted, |emitted| {
            Some((emitted.operational_hourly_ugco2e, emitted.segment.gco2e_per_kwh, "direct intensity"))
        });
        level.intensities = self.intensities_of(traced)?;
        level.next = self.follow(Some(&traced.figure("facility_mj")), depth)?;
        Ok(level)
    }

    fn category3(&self, mut level: Explanation, traced: &TracedRow<'_>, field: &str, depth: usize) -> Result<Explanation> {
        if !self.is_placed(traced, field) {
            level.notes.push("Only what is in Scope 2 has upstream and grid losses in category 3, so this figure is 0.".to_owned());
            return Ok(level);
        }
        let is_upstream = field == "upstream_ugco2e";
        let emitted = self.emitted(traced)?;
        self.by_segment(&mut level, traced, &emitted, |emitted| {
            if is_upstream {
                Some((emitted.upstream_ugco2e?, emitted.segment.upstream_gco2e_per_kwh?, "upstream factor"))
            } else {
                Some((emitted.losses_ugco2e?, emitted.segment.losses_gco2e_per_kwh?, "losses per kWh used"))
            }
        });
        let quantities: &[&str] = if is_upstream { &["grid-upstream"] } else { &["td-losses", "td-loss-share"] };
        let zone = &self.zone_of(traced).zone;
        let of_zone = |factor: &&crate::disclosure::statement::FactorStatement| {
            quantities.contains(&factor.quantity.as_str()) && [zone.as_str(), "*"].contains(&factor.geography.as_str())
        };
        for factor in self.workings.statement.factors.iter().filter(of_zone) {
            level
                .notes
                .push(format!("Factor {}: {} {}, {} ({}).", factor.id, factor.value, factor.unit, factor.publisher, factor.publication));
        }
        level.intensities = self.intensities_of(traced)?;
        level.next = self.follow(Some(&traced.figure("facility_mj")), depth)?;
        Ok(level)
    }

    fn zone_of(&self, traced: &TracedRow<'_>) -> &crate::accounting::intensity::ZoneIntensity {
        let site = &self.workings.plan.sites[traced.day.cluster][traced.day.site(traced.node_id)];
        &self.workings.plan.zones[site.zone]
    }

    fn emitted(&self, traced: &TracedRow<'_>) -> Result<Vec<Emitted>> {
        traced.trace.emitted(traced.step, traced.row_id, traced.day.segments(traced.node_id, traced.step))
    }

    /// One product a segment, and their sum.
    fn by_segment(
        &self,
        level: &mut Explanation,
        traced: &TracedRow<'_>,
        emitted: &[Emitted],
        of: impl Fn(&Emitted) -> Option<(i64, f64, &'static str)>,
    ) {
        let start_s = traced.day.start_of(traced.step).timestamp();
        let span = |segment: &Segment| format!("{} to {}", second_text(start_s + segment.from_s), second_text(start_s + segment.to_s));
        let mut terms = Vec::new();
        for part in emitted {
            let Some((ugco2e, factor, name)) = of(part) else { continue };
            terms.push(
                Term::new(None, span(&part.segment), ugco2e)
                    .noted(format!("{} at {factor} g/kWh", amount(part.energy_mj, Unit::Millijoules))),
            );
            let zone = &self.zone_of(traced).zone;
            level.products.push(Product {
                what: format!("{}: facility energy times {name}", span(&part.segment)),
                formula: "floor(energy_mj × gco2e_per_kwh / 3600 + 0.5)",
                operands: vec![
                    Operand::whole("energy_mj", part.energy_mj, Unit::Millijoules),
                    Operand::factor("gco2e_per_kwh", factor, "g/kWh", format!("{name} of zone {zone}")),
                ],
                result: ugco2e,
                unit: Unit::MicrogramsCo2e.name(),
            });
        }
        if terms.is_empty() {
            level.notes.push("The step lies outside the period, or the factor is not known: no emissions are counted.".to_owned());
            return;
        }
        let value = level.value.unwrap_or(0);
        level.sums.push(Sum::in_order("by segment of the step", "this figure", (value, Unit::MicrogramsCo2e), terms, 0));
    }

    fn annual(&self, mut level: Explanation, traced: &TracedRow<'_>, field: &str, depth: usize) -> Result<Explanation> {
        if !self.is_placed(traced, field) {
            level.notes.push("The node's electricity is placed elsewhere, so this figure is 0.".to_owned());
            return Ok(level);
        }
        let zone = self.zone_of(traced);
        if let (Some(factor), Some(result)) = (zone.annual_direct_gco2e_per_kwh, level.value) {
            let of_zone =
                |row: &&crate::disclosure::statement::FactorStatement| row.quantity == "grid-annual-direct" && row.geography == zone.zone;
            let source = self.workings.statement.factors.iter().find(of_zone);
            let source = source.map_or_else(|| zone.provider.clone(), |row| format!("{}: {}", row.id, row.publication));
            level.products.push(Product {
                what: "Facility energy times the zone's annual direct factor".to_owned(),
                formula: "floor(energy_mj × gco2e_per_kwh / 3600 + 0.5)",
                operands: vec![
                    Operand::whole("energy_mj", traced.row.facility_mj, Unit::Millijoules),
                    Operand::factor("gco2e_per_kwh", factor, "g/kWh", source),
                ],
                result,
                unit: Unit::MicrogramsCo2e.name(),
            });
        }
        level.next = self.follow(Some(&traced.figure("facility_mj")), depth)?;
        Ok(level)
    }

    fn facility(&self, mut level: Explanation, traced: &TracedRow<'_>, depth: usize) -> Result<Explanation> {
        let quotas = traced.trace.split(Split::Facility, traced.step)?;
        let site = &self.workings.plan.sites[traced.day.cluster][traced.day.site(traced.node_id)];
        if let Some(quota) = quotas.iter().find(|quota| quota.row_id == traced.row_id) {
            level.products.push(Product {
                what: "The node's facility energy in the step".to_owned(),
                formula: "floor(energy_mj × pue + 0.5)",
                operands: vec![
                    Operand::whole("energy_mj", quota.total, Unit::Millijoules),
                    Operand::factor("pue", site.pue, "", self.source_of_pue(traced)),
                ],
                result: quota.whole,
                unit: Unit::Millijoules.name(),
            });
        }
        self.add_split(&mut level, traced, "the node's facility energy", (&quotas, Unit::Millijoules), Unit::Millijoules);
        let energy = if traced.row_id == GAP_ROW { "gap_mj" } else { "metered_mj" };
        level.next = self.follow(Some(&traced.figure(energy)), depth)?;
        Ok(level)
    }

    fn source_of_pue(&self, traced: &TracedRow<'_>) -> String {
        let site = &self.workings.plan.terms.clusters[traced.day.cluster].sites[traced.day.site(traced.node_id)];
        let is_it = |factor: &&crate::disclosure::statement::FactorStatement| factor.quantity == "pue" && factor.value == site.pue;
        let stated = self.workings.statement.factors.iter().find(is_it);
        stated
            .map_or_else(|| "the configuration".to_owned(), |factor| format!("{}: {}, {}", factor.id, factor.publisher, factor.publication))
    }

    /// How a whole was split in the step: this row's part, and all rows.
    fn add_split(
        &self,
        level: &mut Explanation,
        traced: &TracedRow<'_>,
        what: &str,
        (quotas, unit): (&[Quota], Unit),
        unit_of_weight: Unit,
    ) {
        let Some(own) = quotas.iter().find(|quota| quota.row_id == traced.row_id) else { return };
        let term = |quota: &Quota| {
            let (namespace, pod) = traced.day.pod_of(quota.row_id);
            let what = if quota.row_id < 0 { namespace } else { format!("{namespace} {pod}") };
            Term { weight: Some(quota.weight), ..Term::new(None, what, quota.part) }
        };
        let terms: Vec<Term> = quotas.iter().map(term).collect();
        level.splits.push(Share {
            what: what.to_owned(),
            whole: own.whole,
            weight: own.weight,
            total_weight: own.total,
            part: own.part,
            unit: unit.name(),
            unit_of_weight: unit_of_weight.name(),
            // In the order of the keys, by which ties are settled.
            parts: Sum::in_order("by row of the node and step", what, (own.whole, unit), terms, self.top),
        });
    }

    fn energy(&self, mut level: Explanation, traced: &TracedRow<'_>, depth: usize) -> Result<Explanation> {
        let row = &traced.row;
        let kinds = [("active_mj", row.active_mj), ("idle_mj", row.idle_mj), ("system_mj", row.system_mj)];
        let term = |(name, value): (&str, i64)| Term::new(Some(traced.figure(name)), name, value);
        let terms: Vec<Term> = kinds.into_iter().filter(|(_, value)| *value != 0).map(term).collect();
        level.sums.push(Sum::of("by kind", "this figure", (level.value.unwrap_or(0), Unit::Millijoules), terms, 0));
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(level)
    }

    fn of_tier(&self, mut level: Explanation, traced: &TracedRow<'_>, depth: usize) -> Result<Explanation> {
        let tier = traced.trace.balance(traced.step).map_or("filled", |balance| tier_name(balance.tier));
        level.notes.push(format!(
            "The node's step is of tier {tier}: all of its rows are, and of a metered one the tails that were moved are allocated."
        ));
        level.next = self.follow(Some(&traced.figure("metered_mj")), depth)?;
        Ok(level)
    }

    fn active(&self, mut level: Explanation, traced: &TracedRow<'_>, depth: usize) -> Result<Explanation> {
        let used = traced.trace.used.iter().find(|used| used.row_id == traced.row_id);
        let (Some(used), Some(balance)) = (used, traced.trace.balance(traced.step)) else { return Ok(level) };
        let claimed = used.active_mj.unwrap_or(0);
        if balance.pods_mj > balance.metered_mj {
            let quotas = traced.trace.split(Split::Active, traced.step)?;
            level.notes.push(format!(
                "The pods of the node claimed {} in this step and its meter showed {}: the meter wins, and they were scaled down to it.",
                amount(balance.pods_mj, Unit::Millijoules),
                amount(balance.metered_mj, Unit::Millijoules)
            ));
            self.add_split(&mut level, traced, "the node's meter", (&quotas, Unit::Millijoules), Unit::Millijoules);
        } else if balance.moved_mj > 0 {
            let quotas = traced.trace.split(Split::Tail, traced.step)?;
            let tail = quotas.iter().find(|quota| quota.row_id == traced.row_id).map_or(0, |quota| quota.part);
            let terms = vec![Term::new(None, "by the pod's meter", claimed), Term::new(None, "tail that was moved to it", tail)];
            level.sums.push(Sum::of("by origin", "this figure", (level.value.unwrap_or(0), Unit::Millijoules), terms, 0));
            self.add_split(&mut level, traced, "what (system) gave to ended pods", (&quotas, Unit::Millijoules), Unit::Millijoules);
        } else {
            let terms = vec![Term::new(None, "what the pod's meter claims", claimed)];
            level.sums.push(Sum::of("by origin", "this figure", (level.value.unwrap_or(0), Unit::Millijoules), terms, 0));
        }
        level.evidence = traced.day.files(&[Table::Usage, Table::Pods]);
        if depth > 1 {
            level.next = Some(Box::new(self.pod_meters(traced, claimed, depth - 1)?));
        }
        Ok(level)
    }

    fn idle(&self, mut level: Explanation, traced: &TracedRow<'_>, depth: usize) -> Result<Explanation> {
        let Some(balance) = traced.trace.balance(traced.step) else { return Ok(level) };
        let quotas = traced.trace.split(Split::Idle, traced.step)?;
        let (unit, policy) = match traced.day.terms.idle {
            IdlePolicy::ByUsage => (Unit::CpuMilliseconds, "by CPU time in the step"),
            IdlePolicy::ByRequest => (Unit::Millicores, "by CPU requests"),
            IdlePolicy::Unallocated => (Unit::Count, "to nobody"),
        };
        level.notes.push(format!("Policy: idle energy is given {policy}."));
        if traced.row_id == IDLE_ROW {
            let given: i64 = quotas.iter().map(|quota| quota.part).sum();
            let terms =
                vec![Term::new(None, "the node's idle energy", balance.idle_mj), Term::new(None, "less what pods were given", -given)];
            level.sums.push(Sum::of("by part", "this figure", (level.value.unwrap_or(0), Unit::Millijoules), terms, 0));
        } else {
            self.add_split(&mut level, traced, "the node's idle energy", (&quotas, Unit::Millijoules), unit);
            if traced.day.terms.idle == IdlePolicy::ByUsage {
                self.add_cpu_counters(&mut level, traced)?;
            }
        }
        if depth > 1 {
            level.next = Some(Box::new(self.node_meter(traced)?));
        }
        Ok(level)
    }

    fn system(&self, mut level: Explanation, traced: &TracedRow<'_>, depth: usize) -> Result<Explanation> {
        let Some(balance) = traced.trace.balance(traced.step).filter(|_| traced.row_id == SYSTEM_ROW) else { return Ok(level) };
        let mut terms = vec![
            Term::new(None, "the node's meter", balance.metered_mj),
            Term::new(None, "less active energy of pods", -balance.active_mj),
            Term::new(None, "less idle energy", -balance.idle_mj),
        ];
        if balance.moved_mj > 0 {
            terms.push(Term::new(None, "less tails that were moved to pods", -balance.moved_mj));
        }
        level.sums.push(Sum::of("by part", "this figure", (level.value.unwrap_or(0), Unit::Millijoules), terms, 0));
        if depth > 1 {
            level.next = Some(Box::new(self.node_meter(traced)?));
        }
        Ok(level)
    }

    /// A step that no meter saw.
    fn gap(&self, mut level: Explanation, traced: &TracedRow<'_>) -> Result<Explanation> {
        if traced.row_id != GAP_ROW {
            return Ok(level);
        }
        let plan = self.workings.plan;
        let step_s = plan.terms.step_seconds;
        let node = plan.survey.clusters[traced.day.cluster].nodes.get(&traced.id.node).context("a gap is of a node of the month")?;
        let mean = node.power.mean(traced.step, step_s).context("a gap is filled from a mean")?;
        let of = if mean.is_of_hour { "of the same hour of day, UTC, of the month" } else { "of the month" };
        level.products.push(Product {
            what: format!("Mean of the node's metered steps {of}"),
            formula: "floor(metered_mj / steps + 0.5)",
            operands: vec![
                Operand::whole("metered_mj", mean.metered_mj, Unit::Millijoules),
                Operand::whole("steps", mean.steps, Unit::Count),
            ],
            result: mean.mean_mj,
            unit: Unit::Millijoules.name(),
        });
        level.products.push(Product {
            what: "The part of the step in which the node was there".to_owned(),
            formula: "floor(mean_mj × there_ms / step_ms + 0.5)",
            operands: vec![
                Operand::whole("mean_mj", mean.mean_mj, Unit::Millijoules),
                Operand {
                    name: "there_ms",
                    value: Number::Whole(node.power.overlap_ms(traced.step, step_s)),
                    unit: "ms".to_owned(),
                    source: None,
                },
                Operand { name: "step_ms", value: Number::Whole(step_s * 1_000), unit: "ms".to_owned(), source: None },
            ],
            result: level.value.unwrap_or(0),
            unit: Unit::Millijoules.name(),
        });
        level.notes.push(format!("The node was there from {} to {}.", milli_text(node.power.first_ms), milli_text(node.power.last_ms)));
        level.evidence = traced.day.files(&[Table::Nodes, Table::NodeSteps]);
        Ok(level)
    }

    fn intensities_of(&self, traced: &TracedRow<'_>) -> Result<Vec<Intensity>> {
        let start_s = traced.day.start_of(traced.step).timestamp();
        let zone = self.workings.plan.sites[traced.day.cluster][traced.day.site(traced.node_id)].zone;
        self.intensities(zone, start_s, start_s + traced.day.terms.step_seconds)
    }

    /// The values of a grid zone that hold within a span, with the edition and file that each comes from.
    pub fn intensities(&self, zone: usize, from_s: i64, to_s: i64) -> Result<Vec<Intensity>> {
        let evidence = self.zone_evidence(zone)?;
        let zone = &self.workings.plan.zones[zone];
        let mut values = Vec::new();
        for piece in zone.pieces(from_s, to_s).into_iter().flatten() {
            let status = match piece.status {
                ValueStatus::Measured => "measured",
                ValueStatus::Estimated => "estimated",
                ValueStatus::Filled => "filled",
            };
            let source = evidence.at(piece.from_s).filter(|_| piece.status != ValueStatus::Filled);
            values.push(Intensity {
                grid_zone: zone.zone.clone(),
                from: second_text(source.as_ref().map_or(piece.from_s, |source| source.from_s)),
                to: second_text(source.as_ref().map_or(piece.to_s, |source| source.to_s)),
                gco2e_per_kwh: piece.gco2e_per_kwh,
                status,
                provider: source.as_ref().map(|source| source.series.provider.clone()),
                edition: source.as_ref().map(|source| source.series.edition.clone()),
                retrieved_at: source.as_ref().and_then(|source| source.series.retrieved_s).map(second_text),
                path: source.as_ref().map(|source| source.file.path.clone()),
                sha256: source.as_ref().map(|source| source.file.sha256.clone()),
            });
        }
        Ok(values)
    }
}

pub fn tier_name(tier: i32) -> &'static str {
    match tier {
        1 => "metered",
        2 => "allocated",
        3 => "modelled",
        _ => "filled",
    }
}
