//! The meters of a node and a pod in one step: counter samples, their differences, what was asked for, and the files that hold them.
//!
//! In: a row of the ledger. Out: the last levels of a walk. Rule: the day's own samples are metered again, with an eye on the node and step; what that adds up
//! to must be what the evidence says. Does not: choose meters; metering does.

use std::rc::Rc;

use anyhow::{Context, Result};

use super::day::{instant_text, milli_text, second_text};
use super::step::{TracedRow, tier_name};
use super::tree::{Counter, Difference, Explanation, Number, Operand, Others, Product, Query, Series, Share, Sum, Term, amount};
use super::walk::Walk;
use crate::accounting::metering::counters::Line;
use crate::accounting::metering::meter_day_watching;
use crate::accounting::metering::trace::{ModelledStep, PodName, Role, SharedStep, Traced, TracedCounter, Watch};
use crate::disclosure::figure_ids::Unit;
use crate::evidence::{DayManifest, files_of, frames_to_samples};
use crate::model::tables::Table;
use crate::model::{MeteringTerms, SampleTable};
use crate::units::grouped;

/// What metering a day again saw of one node and step.
pub struct MeteredStep {
    node: String,
    step: i32,
    table: SampleTable,
    traced: Traced,
}

impl<'a> Walk<'a> {
    /// None where the day has no samples: it was imported, or holds gaps alone.
    fn metered(&self, traced: &TracedRow<'_>) -> Result<Option<Rc<MeteredStep>>> {
        let has_samples = |manifest: &&DayManifest| !files_of(manifest, Table::Samples).is_empty();
        let Some(manifest) = traced.day.manifest.as_ref().filter(has_samples) else { return Ok(None) };
        let is_it = |known: &&Rc<MeteredStep>| (known.node.as_str(), known.step) == (traced.id.node.as_str(), traced.step);
        if let Some(known) = self.metered.borrow().as_ref().filter(is_it) {
            return Ok(Some(Rc::clone(known)));
        }
        let store = self.workings.store;
        let table = frames_to_samples(&store.read_table(manifest, Table::Series)?, &store.read_table(manifest, Table::Samples)?)?;
        let terms = manifest.metering.clone().unwrap_or_else(|| MeteringTerms::of_step(manifest.step_seconds));
        let watch = Watch { node: traced.id.node.clone(), step: traced.step };
        let (_, seen) = meter_day_watching(&table, traced.day.day, &terms, watch).context("meter the day again")?;
        let metered = Rc::new(MeteredStep { node: traced.id.node.clone(), step: traced.step, table, traced: seen });
        *self.metered.borrow_mut() = Some(Rc::clone(&metered));
        Ok(Some(metered))
    }

    /// What the meters of a pod claim in the step.
    pub fn pod_meters(&self, traced: &TracedRow<'_>, claimed_mj: i64, depth: usize) -> Result<Explanation> {
        let pod = &traced.day.pods[traced.row_id as usize];
        let mut level = Explanation {
            what: format!("What the meters of pod {} {} claim in the step", pod.namespace, pod.pod),
            step: Some(traced.node_step()),
            value: Some(claimed_mj),
            unit: Unit::Millijoules.name(),
            meaning: "Differences of cumulative counters, spread evenly over the time between two readings; a cumulative value is rounded to whole millijoules \
                      at the edges of steps and differences are taken."
                .to_owned(),
            rule: "Method, sections 2 and 3".to_owned(),
            ..Explanation::default()
        };
        match self.metered(traced)? {
            None => level.notes.push("The day's evidence holds no samples: its energy came as it stands in table usage.".to_owned()),
            Some(metered) => {
                let is_its_own = |counter: &&TracedCounter| counter.role == Role::PodEnergy && is_pod(counter, pod) && counter.is_taken;
                self.add_counters(&mut level, &metered, is_its_own, claimed_mj, traced.day.manifest.as_ref());
                if let Some(shared) = &metered.traced.shared {
                    self.add_shared(&mut level, shared, pod);
                }
                level.evidence = traced.day.files(&[Table::Series, Table::Samples, Table::Usage]);
            }
        }
        if depth > 1 {
            level.next = Some(Box::new(self.node_meter(traced)?));
        }
        Ok(level)
    }

    /// The node's balance in the step, and its meter.
    pub fn node_meter(&self, traced: &TracedRow<'_>) -> Result<Explanation> {
        let balance = traced.trace.balance(traced.step).context("a step with a balance has a meter")?;
        let mut level = Explanation {
            what: format!(
                "The meter of node {} in the step from {}, tier {}",
                traced.id.node,
                instant_text(traced.day.start_of(traced.step)),
                tier_name(balance.tier)
            ),
            step: Some(traced.node_step()),
            value: Some(balance.metered_mj),
            unit: Unit::Millijoules.name(),
            meaning: "The node's meter is the whole: active, idle and system energy add up to it, exactly.".to_owned(),
            rule: "Method, section 3, points 1 and 3 (balance.sql)".to_owned(),
            ..Explanation::default()
        };
        let mut terms = vec![
            Term::new(None, "active energy of pods", balance.active_mj),
            Term::new(None, "idle energy", balance.idle_mj),
            Term::new(None, "system energy", balance.system_mj - balance.moved_mj),
        ];
        if balance.moved_mj > 0 {
            terms.push(Term::new(None, "tails that were moved to pods", balance.moved_mj));
        }
        level.sums.push(Sum::of("by kind", "the meter", (balance.metered_mj, Unit::Millijoules), terms, 0));
        if balance.correction_mj != 0 {
            level.notes.push(format!("Pods claimed {} more than the meter showed.", amount(-balance.correction_mj, Unit::Millijoules)));
        }
        if balance.idle_cut_mj != 0 {
            level.notes.push(format!(
                "Idle energy was cut by {} to what the meter left beside the pods.",
                amount(-balance.idle_cut_mj, Unit::Millijoules)
            ));
        }
        if balance.tails_mj > 0 {
            level.notes.push(format!(
                "Tails of ended pods in the step: {}, of which (system) held {}.",
                amount(balance.tails_mj, Unit::Millijoules),
                amount(balance.tail_mj, Unit::Millijoules)
            ));
        }
        let manifest = traced.day.manifest.as_ref();
        match self.metered(traced)? {
            None => level.notes.push("The day's evidence holds no samples: its energy came as it stands in table node_steps.".to_owned()),
            Some(metered) => {
                let of_role = |role: Role| move |counter: &&TracedCounter| counter.role == role && counter.is_taken;
                if let Some(modelled) = &metered.traced.modelled {
                    add_modelled(&mut level, modelled);
                } else {
                    self.add_counters(&mut level, &metered, of_role(Role::NodeEnergy), balance.metered_mj, manifest);
                }
                let idle: i64 = metered.traced.counters.iter().filter(of_role(Role::NodeIdle)).map(TracedCounter::thousandths).sum();
                if idle != 0 {
                    let meter_idle = balance.idle_mj - balance.idle_cut_mj;
                    let of = if balance.pods_mj > balance.metered_mj { idle } else { meter_idle };
                    self.add_counters(&mut level, &metered, of_role(Role::NodeIdle), of, manifest);
                }
            }
        }
        level.evidence = traced.day.files(&[Table::Series, Table::Samples, Table::NodeSteps, Table::Nodes]);
        Ok(level)
    }

    /// CPU time of the pod in the step: its weight for idle energy.
    pub fn add_cpu_counters(&self, level: &mut Explanation, traced: &TracedRow<'_>) -> Result<()> {
        // What is no pod's has no counter of CPU time.
        let Some(pod) = usize::try_from(traced.row_id).ok().and_then(|at| traced.day.pods.get(at)) else { return Ok(()) };
        let Some(metered) = self.metered(traced)? else { return Ok(()) };
        level.step = Some(traced.node_step());
        let used = traced.trace.used.iter().find(|used| used.row_id == traced.row_id).and_then(|used| used.cpu_ms).unwrap_or(0);
        let is_its_own = |counter: &&TracedCounter| counter.role == Role::PodCpu && is_pod(counter, pod);
        self.add_counters(level, &metered, is_its_own, used, traced.day.manifest.as_ref());
        Ok(())
    }

    /// Counters with their differences, and the sum of them that must be what the evidence says.
    fn add_counters(
        &self,
        level: &mut Explanation,
        metered: &MeteredStep,
        is_wanted: impl Fn(&&TracedCounter) -> bool,
        value: i64,
        manifest: Option<&DayManifest>,
    ) {
        let counters: Vec<&TracedCounter> = metered.traced.counters.iter().filter(is_wanted).collect();
        let Some(first) = counters.first() else { return };
        let is_cpu = matches!(first.role, Role::PodCpu | Role::MachineCpu);
        let unit = if is_cpu { Unit::CpuMilliseconds } else { Unit::Millijoules };
        let of = match first.role {
            Role::NodeEnergy => "what table node_steps says of the node's meter",
            Role::NodeIdle => "what table node_steps says of the node's idle energy",
            Role::PodEnergy | Role::PodTail => "what table usage says of the pod's energy",
            Role::PodCpu => "what table usage says of the pod's CPU time",
            Role::MachineCpu => "the machine's CPU time",
        };
        let name = |counter: &TracedCounter| {
            let container = counter.series.first().map(|series| series.label("container")).filter(|name| !name.is_empty());
            let zone = if counter.power_zone.is_empty() { container.unwrap_or("CPU time") } else { counter.power_zone.as_str() };
            format!("{zone} ({})", counter.family)
        };
        let terms = counters.iter().map(|counter| Term::new(None, name(counter), counter.thousandths())).collect();
        level.sums.push(Sum::of("by counter", of, (value, unit), terms, 0));
        for counter in &counters {
            level.counters.push(self.counter(counter, &metered.table, unit));
        }
        let span = counters.iter().flat_map(|counter| &counter.lines).map(|line| (line.from_ms, line.to_ms));
        if let (Some((from_ms, to_ms)), Some(manifest)) = (span.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))), manifest) {
            let metrics: Vec<&str> = counters.iter().flat_map(|counter| &counter.series).map(|series| series.metric.as_str()).collect();
            for query in queries(manifest, &metrics, counters.iter().map(|counter| counter.family), (from_ms, to_ms)) {
                if !level.queries.contains(&query) {
                    level.queries.push(query);
                }
            }
        }
    }

    fn counter(&self, counter: &TracedCounter, table: &SampleTable, unit: Unit) -> Counter {
        let lines = &counter.lines;
        let shown: Vec<usize> = shown(lines.len(), self.top);
        let hidden: Vec<&Line> = lines.iter().enumerate().filter(|(at, _)| !shown.contains(at)).map(|(_, line)| line).collect();
        let total = counter.thousandths();
        let others = (!hidden.is_empty()).then(|| Others { rows: hidden.len(), value: hidden.iter().map(|line| line.thousandths).sum() });
        let count = grouped(lines.len() as u128);
        let is_cpu = unit == Unit::CpuMilliseconds;
        Counter {
            role: counter.role,
            family: counter.family,
            pod: counter.pod.as_ref().map(|pod| format!("{} {}", pod.namespace, pod.pod)),
            power_zone: counter.power_zone.clone(),
            is_taken: counter.is_taken,
            series: counter.series.iter().map(|series| Series { metric: series.metric.clone(), labels: series.labels.clone() }).collect(),
            unit_of_values: if is_cpu { "s of CPU" } else { "J" },
            rows: lines.len(),
            differences: shown.into_iter().map(|at| difference(&lines[at], counter, table)).collect(),
            others,
            total,
            unit: unit.name(),
            says: format!("adds up: {count} difference{} = {}", if lines.len() == 1 { "" } else { "s" }, amount(total, unit)),
        }
    }

    /// No meter tells the node's pods apart: what lies above idle is shared by CPU time.
    fn add_shared(&self, level: &mut Explanation, shared: &SharedStep, pod: &PodName) {
        let name = |pod: &PodName| format!("{} {}", pod.namespace, pod.pod);
        let mut terms: Vec<Term> =
            shared.pods.iter().map(|(pod, cpu_ms, part)| Term { weight: Some(*cpu_ms), ..Term::new(None, name(pod), *part) }).collect();
        terms.push(Term { weight: Some(shared.outside.0), ..Term::new(None, "processes outside pods", shared.outside.1) });
        let Some((_, weight, part)) = shared.pods.iter().find(|(known, ..)| known == pod) else { return };
        level.splits.push(Share {
            what: "what the node's meter shows above idle, because no meter tells its pods apart".to_owned(),
            whole: shared.above_mj,
            weight: *weight,
            total_weight: terms.iter().filter_map(|term| term.weight).sum(),
            part: *part,
            unit: Unit::Millijoules.name(),
            unit_of_weight: Unit::CpuMilliseconds.name(),
            parts: Sum::in_order("by pod", "what lies above idle", (shared.above_mj, Unit::Millijoules), terms, self.top),
        });
    }
}

fn add_modelled(level: &mut Explanation, modelled: &ModelledStep) {
    let ModelledStep { power, cores, cpu_ms, there_ms, metered_mj, idle_mj } = modelled;
    let source = format!("class {}, {}", power.name, power.source);
    let watts = |name, watts| Operand::factor(name, watts, "W", source.clone());
    let there = || Operand { name: "there_ms", value: Number::Whole(*there_ms), unit: "ms".to_owned(), source: None };
    level.products.push(Product {
        what: "No meter was there: power modelled from CPU time".to_owned(),
        formula: "floor((idle_watts + (max_watts − idle_watts) × min(cpu_ms / (cores × there_ms), 1)) × there_ms + 0.5)",
        operands: vec![
            watts("idle_watts", power.idle_watts),
            watts("max_watts", power.max_watts),
            Operand::whole("cpu_ms", *cpu_ms, Unit::CpuMilliseconds),
            Operand::factor("cores", *cores, "cores", "the node's capacity"),
            there(),
        ],
        result: *metered_mj,
        unit: Unit::Millijoules.name(),
    });
    level.products.push(Product {
        what: "Of it, idle".to_owned(),
        formula: "floor(idle_watts × there_ms + 0.5)",
        operands: vec![watts("idle_watts", power.idle_watts), there()],
        result: *idle_mj,
        unit: Unit::Millijoules.name(),
    });
}

/// A pod by its uid, else by its name.
fn is_pod(counter: &TracedCounter, pod: &PodName) -> bool {
    counter.pod.as_ref().is_some_and(|known| {
        let is_named = (&known.namespace, &known.pod) == (&pod.namespace, &pod.pod);
        if known.uid.is_empty() || pod.uid.is_empty() { is_named } else { known.uid == pod.uid }
    })
}

/// Which of some differences are shown: those at both ends, where the step's edges cut them.
fn shown(count: usize, top: usize) -> Vec<usize> {
    if top == 0 || count <= top + 1 {
        return (0..count).collect();
    }
    let last = top / 2;
    (0..top - last).chain(count - last..count).collect()
}

fn difference(line: &Line, counter: &TracedCounter, table: &SampleTable) -> Difference {
    let raw = |at_ms: i64| counter.series.iter().find_map(|series| value_at(table, series, at_ms));
    let (from_raw, to_raw) = (raw(line.from_ms), raw(line.to_ms));
    let other = |raw: Option<f64>, value: f64| raw.filter(|raw| *raw != value);
    let is_scaled = other(to_raw, line.to).is_some();
    let note = match (counter.role, line.from == 0.0, from_raw) {
        (Role::PodTail, ..) => Some("after the last sample, at the last rate, up to the recorded end"),
        (_, true, None) => Some("born after the scrape before: counts from zero"),
        (_, true, Some(raw)) if raw != 0.0 && !is_scaled => Some("restarted in between: counts from zero"),
        _ => None,
    };
    Difference {
        from: milli_text(line.from_ms),
        from_value: line.from,
        to: milli_text(line.to_ms),
        to_value: line.to,
        from_raw: from_raw.filter(|_| is_scaled),
        to_raw: to_raw.filter(|_| is_scaled),
        in_step: line.thousandths,
        note,
    }
}

fn value_at(table: &SampleTable, series: &crate::model::Series, at_ms: i64) -> Option<f64> {
    let (_, ts_ms, values) = table.of_metric(&series.metric).find(|(known, ..)| *known == series)?;
    ts_ms.binary_search(&at_ms).ok().map(|at| values[at])
}

/// What was asked for metrics within a span; a question that names no single metric is known by its folder.
fn queries<'q>(
    manifest: &DayManifest,
    metrics: &[&str],
    families: impl Iterator<Item = &'q str>,
    (from_ms, to_ms): (i64, i64),
) -> Vec<Query> {
    let folders: Vec<String> = families.map(|family| format!("{}/", folder_of(family))).collect();
    let asks = |promql: &str, name: &str| {
        let names_one = metrics.iter().any(|metric| promql.contains(&format!("{metric}{{")) || promql.contains(&format!("{metric}[")));
        let is_pattern = promql.trim_start().starts_with('{') || promql.contains("({");
        names_one || (is_pattern && folders.iter().any(|folder| name.starts_with(folder.as_str())))
    };
    let is_within = |from_s: i64, to_s: i64| from_s * 1_000 <= to_ms && to_s * 1_000 >= from_ms;
    let asked = manifest.queries.iter().filter(|query| is_within(query.from_s, query.to_s) && asks(&query.promql, &query.name));
    let query = |query: &crate::evidence::QueryRecord| Query {
        name: query.name.clone(),
        promql: query.promql.clone(),
        read: if query.read.is_empty() { "query".to_owned() } else { query.read.clone() },
        from: second_text(query.from_s),
        to: second_text(query.to_s),
        series: query.series,
        samples: query.samples,
    };
    asked.map(query).collect()
}

/// The folder of `queries/prometheus` that asks for a family.
fn folder_of(family: &str) -> &str {
    match family {
        "node-rapl" => "node-exporter",
        other => other,
    }
}
