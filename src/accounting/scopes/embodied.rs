//! What making the machines emitted: whole when they came into service, and by the time and the share in which they were reserved.
//!
//! In: the month's nodes with what their class says of them, what workloads reserved, and which nodes were there before the month. Out: parts of
//! [`Lines`], an [`AssetLine`] a node, findings. Rule: method, section 5. *Capitalised*: the whole in the period in which an owned machine came into
//! service (GHG Protocol Scope 3 Standard, chapter 5: capital goods are not depreciated). *Amortised*: M = TE × TS × RS (SCI specification 1.1.0;
//! ISO/IEC 21031), GPUs by reserved GPUs and the rest by reserved CPU, the part that nobody reserved in `(idle)`. Assumes: a machine is used evenly
//! over its life, and a node that was away for longer than the look-back is another machine.
//! Does not: add the two figures, which count the same emissions twice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::{Line, Lines};
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::accounting::split::split_wide;
use crate::accounting::survey::NodeOfMonth;
use crate::model::{Boundary, EmbodiedTerms, Finding, IDLE, Severity};
use crate::units::{ReportingPeriod, UtcDay};

/// How far before the period the evidence is asked whether a node was there already.
pub const LOOK_BACK_DAYS: u64 = 31;

/// What the evidence says of a cluster's nodes on the days before the period.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// Days with evidence.
    pub days: BTreeSet<UtcDay>,
    /// The first of them on which a node was seen.
    pub first_seen: BTreeMap<String, UtcDay>,
}

/// A node as a good.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetLine {
    pub cluster: usize,
    pub node: String,
    pub terms: EmbodiedTerms,
    pub total_ugco2e: i64,
    pub in_service: Option<NaiveDate>,
    pub capitalised_ugco2e: i64,
    pub amortised_ugco2e: i64,
    /// Reserved and in all, in milli-core-steps; none where the node's capacity is not known.
    pub reserved: Option<(i64, i64)>,
}

/// What the period's machines came to.
#[derive(Clone, Debug, Default)]
pub struct Embodied {
    /// By cluster and node.
    pub assets: Vec<AssetLine>,
    /// Of clouds' machines; none where there are some and no class says anything of them.
    pub cloud_ugco2e: Option<i64>,
    pub findings: Vec<Finding>,
}

/// Adds what is known of machines to the lines. `before` is by cluster.
pub fn add(plan: &Plan<'_>, inventory: &Inventory, before: &[Before], lines: &mut Lines) -> Embodied {
    let mut embodied = Embodied::default();
    let mut counts = vec![Counts::default(); plan.terms.clusters.len()];
    for cluster in 0..plan.terms.clusters.len() {
        add_cluster(plan, inventory, cluster, &before[cluster], lines, &mut embodied, &mut counts[cluster]);
    }
    fill_zeros(plan, &counts, lines);
    let cloud = lines.iter().flat_map(BTreeMap::values).filter_map(|line| line.cloud_amortised_ugco2e);
    let is_cloud_unknown = counts.iter().any(|count| count.cloud > 0) && counts.iter().all(|count| count.cloud == count.cloud_unknown);
    embodied.cloud_ugco2e = (!is_cloud_unknown).then(|| cloud.sum());
    for (terms, count) in plan.terms.clusters.iter().zip(&counts) {
        embodied.findings.extend(count.findings(&terms.name));
    }
    embodied
}

/// The making of one node: the period's part of it, and how that is shared.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeShares {
    pub total_ugco2e: i64,
    pub served_ms: i64,
    pub life_ms: i64,
    pub amortised_ugco2e: i64,
    /// Of that, what is shared by GPUs; the rest is shared by CPU.
    pub gpu_ugco2e: i64,
    /// Milli-core-steps; none where nobody said what the node has.
    pub capacity: Option<i64>,
    /// Device-steps.
    pub gpu_capacity: i64,
    /// By namespace and workload.
    pub reserved_milli_steps: Vec<(Row, i64)>,
    pub reserved_gpu_steps: Vec<(Row, i64)>,
    /// By namespace and workload; what nobody reserved is `(idle)`'s.
    pub by_cpu: BTreeMap<Row, i64>,
    pub by_gpu: BTreeMap<Row, i64>,
}

impl NodeShares {
    fn of(plan: &Plan<'_>, inventory: &Inventory, cluster: usize, name: &str, terms: &EmbodiedTerms, existence: (i64, i64)) -> Self {
        let node = &plan.survey.clusters[cluster].nodes[name];
        let (total_ugco2e, served_ms, life_ms) = (total(terms), served_ms(terms, existence), life_ms(terms));
        // SCI 1.1.0: TS = TiR / EL.
        let amortised_ugco2e = period_part(total_ugco2e, served_ms, life_ms);
        let steps = existing_steps(existence, plan.terms.step_seconds);
        let capacity = node.cpu_capacity_milli.filter(|capacity| *capacity > 0).map(|capacity| capacity.saturating_mul(steps));
        let reserved_milli_steps = reserved(&inventory.clusters[cluster].reservations, name);
        let reserved_gpu_steps = reserved(&inventory.clusters[cluster].gpu_reservations, name);
        let gpu_capacity = i64::from(terms.gpus) * steps;
        // GPUs of which no request was seen go with the rest of the machine: nobody asking for them and nobody collecting it look the same.
        let gpu_ugco2e = if reserved_gpu_steps.is_empty() || capacity.is_none() { 0 } else { gpu_part(amortised_ugco2e, terms) };
        Self {
            by_cpu: shares(amortised_ugco2e - gpu_ugco2e, &reserved_milli_steps, capacity),
            by_gpu: shares(gpu_ugco2e, &reserved_gpu_steps, Some(gpu_capacity)),
            total_ugco2e,
            served_ms,
            life_ms,
            amortised_ugco2e,
            gpu_ugco2e,
            capacity,
            gpu_capacity,
            reserved_milli_steps,
            reserved_gpu_steps,
        }
    }

    /// Of a node whose class says what making it emitted, and that was there in the period.
    pub fn of_node(plan: &Plan<'_>, inventory: &Inventory, cluster: usize, name: &str) -> Option<Self> {
        let node = plan.survey.clusters[cluster].nodes.get(name)?;
        let period = plan.terms.period;
        let existence = node.power.existence(period.from().timestamp_millis(), period.to().timestamp_millis())?;
        let terms = plan.terms.clusters[cluster].sites[node.site].embodied.as_ref()?;
        Some(Self::of(plan, inventory, cluster, name, terms, existence))
    }
}

/// What the findings count, by cluster.
#[derive(Clone, Debug, Default)]
struct Counts {
    nodes: usize,
    without_class: usize,
    own_without_class: usize,
    cloud: usize,
    cloud_unknown: usize,
    without_capacity: usize,
    with_gpus: usize,
    /// Of them, those of whose GPUs no request was seen.
    gpus_by_cpu: usize,
    without_start: usize,
    /// Site, namespace and workload of what reserved a part that cannot be stated.
    withheld: BTreeSet<(usize, String, String)>,
    /// Sites with a class.
    known_sites: BTreeSet<usize>,
}

fn add_cluster(
    plan: &Plan<'_>,
    inventory: &Inventory,
    cluster: usize,
    before: &Before,
    lines: &mut Lines,
    embodied: &mut Embodied,
    counts: &mut Counts,
) {
    let period = plan.terms.period;
    let (from_ms, to_ms) = (period.from().timestamp_millis(), period.to().timestamp_millis());
    let survey = &plan.survey.clusters[cluster];
    let earliest = before.days.first().or(survey.days.first()).copied();
    for (name, node) in &survey.nodes {
        let site = &plan.terms.clusters[cluster].sites[node.site];
        let Some(existence) = node.power.existence(from_ms, to_ms) else { continue };
        let is_cloud = site.boundary == Boundary::Cloud;
        counts.nodes += 1;
        counts.cloud += usize::from(is_cloud);
        let Some(terms) = &site.embodied else {
            counts.without_class += 1;
            *(if is_cloud { &mut counts.cloud_unknown } else { &mut counts.own_without_class }) += 1;
            continue;
        };
        counts.known_sites.insert(node.site);
        counts.with_gpus += usize::from(terms.gpus > 0);
        let shared = NodeShares::of(plan, inventory, cluster, name, terms, existence);
        let NodeShares { total_ugco2e, amortised_ugco2e, capacity, .. } = shared;
        let (weights, of_gpus) = (&shared.reserved_milli_steps, &shared.reserved_gpu_steps);
        let start = start(terms, period, name, node, before, earliest);
        counts.without_start += usize::from(!is_cloud && start == Start::Unknown);
        // GHG Protocol Scope 3 Standard, chapter 5, category 2: all cradle-to-gate emissions in the year of acquisition, none later.
        let capitalised_ugco2e = if start.is_in_period() && !is_cloud { total_ugco2e } else { 0 };
        counts.gpus_by_cpu += usize::from(terms.gpus > 0 && of_gpus.is_empty());
        if capacity.is_none() {
            counts.without_capacity += 1;
            counts.withheld.extend(weights.iter().map(|((namespace, workload), _)| (node.site, namespace.clone(), workload.clone())));
        }
        let parts = shared.by_cpu.iter().chain(&shared.by_gpu);
        for ((namespace, workload), ugco2e) in parts.filter(|(row, ugco2e)| **ugco2e > 0 || row.0 == IDLE) {
            let line = line_of(lines, cluster, node.site, namespace, workload);
            add_known(&mut line.amortised_ugco2e, *ugco2e);
            if is_cloud {
                add_known(&mut line.cloud_amortised_ugco2e, *ugco2e);
            }
        }
        if !is_cloud {
            add_known(&mut line_of(lines, cluster, node.site, IDLE, IDLE).category_2_ugco2e, capitalised_ugco2e);
        }
        let weight: i64 = weights.iter().map(|(_, milli_steps)| milli_steps).sum();
        embodied.assets.push(AssetLine {
            cluster,
            node: name.clone(),
            terms: terms.clone(),
            total_ugco2e,
            in_service: start.day(),
            capitalised_ugco2e,
            amortised_ugco2e,
            reserved: capacity.map(|capacity| (weight, capacity.max(weight))),
        });
    }
}

/// Rows of sites with a class have nothing where they reserved nothing; where a reservation cannot be stated they stay unknown. Clouds' machines are
/// no capital goods of ours, so their category 2 is nothing once every machine of our own is known.
fn fill_zeros(plan: &Plan<'_>, counts: &[Counts], lines: &mut Lines) {
    let all_own_known = counts.iter().all(|count| count.own_without_class == 0) && counts.iter().any(|count| count.nodes > 0);
    for (cluster, lines) in lines.iter_mut().enumerate() {
        for (key, line) in lines {
            let is_cloud = plan.terms.clusters[cluster].sites[key.0].boundary == Boundary::Cloud;
            let is_known = counts[cluster].known_sites.contains(&key.0);
            if is_known && !counts[cluster].withheld.contains(key) {
                add_known(&mut line.amortised_ugco2e, 0);
            }
            if all_own_known || (is_known && !is_cloud) {
                add_known(&mut line.category_2_ugco2e, 0);
            }
        }
    }
}

fn add_known(sum: &mut Option<i64>, ugco2e: i64) {
    *sum = Some(sum.unwrap_or(0).checked_add(ugco2e).expect("emissions stay below 9.2 Mt per sum"));
}

/// The line of a row; one that has no energy is made, with nothing of what energy brings.
fn line_of<'a>(lines: &'a mut Lines, cluster: usize, site: usize, namespace: &str, workload: &str) -> &'a mut Line {
    lines[cluster].entry((site, namespace.to_owned(), workload.to_owned())).or_insert_with(Line::nothing)
}

/// TE: the machine with its GPUs, in micrograms.
fn total(terms: &EmbodiedTerms) -> i64 {
    ((terms.embodied_kgco2e + f64::from(terms.gpus) * terms.gpu_embodied_kgco2e) * 1e9 + 0.5).floor() as i64
}

/// Of a part of the machine's making, that of its GPUs, rounded once; the rest is the server's.
fn gpu_part(part_ugco2e: i64, terms: &EmbodiedTerms) -> i64 {
    let gpus = f64::from(terms.gpus) * terms.gpu_embodied_kgco2e;
    ((part_ugco2e as f64 * (gpus / (terms.embodied_kgco2e + gpus)) + 0.5).floor() as i64).clamp(0, part_ugco2e)
}

/// EL, with 8,766 hours to a year (365.25 days).
fn life_ms(terms: &EmbodiedTerms) -> i64 {
    (terms.life_years * 8_766.0 * 3_600_000.0).round() as i64
}

/// TiR: existence in the period; where the start is declared, no longer than the life that its making is shared over.
fn served_ms(terms: &EmbodiedTerms, (first_ms, last_ms): (i64, i64)) -> i64 {
    let end = terms.in_service.map(|day| UtcDay::new(day).start().timestamp_millis().saturating_add(life_ms(terms)));
    (end.map_or(last_ms, |end| end.min(last_ms)) - first_ms).max(0)
}

/// `floor(total × served / life + 0.5)`, in integers.
fn period_part(total_ugco2e: i64, served_ms: i64, life_ms: i64) -> i64 {
    let life = i128::from(life_ms.max(1));
    let doubled = 2 * i128::from(total_ugco2e) * i128::from(served_ms) + life;
    i64::try_from(doubled.div_euclid(2 * life)).expect("emissions stay below 9.2 Mt per sum")
}

/// Steps that existence touches, as reservations count them.
fn existing_steps((first_ms, last_ms): (i64, i64), step_seconds: i64) -> i64 {
    let step_ms = step_seconds * 1_000;
    (last_ms + step_ms - 1).div_euclid(step_ms) - first_ms.div_euclid(step_ms)
}

/// Namespace and workload.
pub type Row = (String, String);

/// What workloads reserved of a node over time, by namespace and workload.
fn reserved(reservations: &BTreeMap<(String, String, String), i64>, node: &str) -> Vec<(Row, i64)> {
    let of_node = reservations.range((node.to_owned(), String::new(), String::new())..).take_while(|((name, ..), _)| name == node);
    of_node.map(|((_, namespace, workload), steps)| ((namespace.clone(), workload.clone()), *steps)).collect()
}

/// RS = RR / ToR: the period's part by reserved share. More than the machine has shares the whole; what nobody reserved is `(idle)`'s.
fn shares(part_ugco2e: i64, reserved: &[(Row, i64)], capacity: Option<i64>) -> BTreeMap<Row, i64> {
    let idle = (IDLE.to_owned(), IDLE.to_owned());
    let Some(capacity) = capacity else { return BTreeMap::from([(idle, part_ugco2e)]) };
    let mut weights: BTreeMap<Row, i64> = reserved.iter().cloned().collect();
    let sum: i64 = weights.values().sum();
    if capacity.max(sum) == 0 {
        return BTreeMap::new();
    }
    weights.insert(idle, (capacity - sum).max(0));
    let parts = split_wide(part_ugco2e, &weights.values().copied().collect::<Vec<i64>>());
    weights.into_keys().zip(parts).collect()
}

/// When a machine came into service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    InPeriod(NaiveDate),
    Otherwise(Option<NaiveDate>),
    /// It was there when the evidence began.
    Unknown,
}

impl Start {
    const fn is_in_period(self) -> bool {
        matches!(self, Self::InPeriod(_))
    }

    const fn day(self) -> Option<NaiveDate> {
        match self {
            Self::InPeriod(day) => Some(day),
            Self::Otherwise(day) => day,
            Self::Unknown => None,
        }
    }
}

/// The declared day; else the first day on which it was seen, where the evidence has an earlier one without it.
fn start(
    terms: &EmbodiedTerms,
    period: ReportingPeriod,
    name: &str,
    node: &NodeOfMonth,
    before: &Before,
    earliest: Option<UtcDay>,
) -> Start {
    if let Some(day) = terms.in_service {
        let local = |instant: DateTime<Utc>| instant.with_timezone(&period.time_zone()).date_naive();
        let is_in_period = local(period.from()) <= day && day < local(period.to());
        return if is_in_period { Start::InPeriod(day) } else { Start::Otherwise(Some(day)) };
    }
    let first = before.first_seen.get(name).copied().unwrap_or(node.first_day);
    let reach = UtcDay::new(UtcDay::containing(period.from()).date() - chrono::Days::new(LOOK_BACK_DAYS));
    if earliest.is_some_and(|earliest| earliest < first) {
        let is_in_period = !before.first_seen.contains_key(name) && node.power.first_ms >= period.from().timestamp_millis();
        return if is_in_period { Start::InPeriod(first.date()) } else { Start::Otherwise(Some(first.date())) };
    }
    // Seen as long ago as anybody looked: it came before that, so not in this period.
    if first <= reach { Start::Otherwise(None) } else { Start::Unknown }
}

impl Counts {
    fn findings(&self, cluster: &str) -> Vec<Finding> {
        let nodes = self.nodes;
        let known = nodes - self.without_class;
        let rows = [
            (
                "EMBODIED_UNKNOWN",
                Severity::Disclosed,
                self.without_class,
                nodes,
                "have no hardware class that says what making them emitted; that is missing from the figures, which is not zero. \
                 Give their [[hardware]] `embodied_kgco2e`.",
            ),
            (
                "CAPACITY_UNKNOWN",
                Severity::Disclosed,
                self.without_capacity,
                known,
                "have no known CPU capacity, so the amortised part of their making stands in (idle) as a whole. Collect with kube-state-metrics' \
                 kube_node_status_capacity, or with the Kubernetes API.",
            ),
            (
                "IN_SERVICE_UNKNOWN",
                Severity::Noted,
                self.without_start,
                known,
                "were there when the evidence begins, so when they came into service is not known and their making is in no period's category 2. \
                 Set `in_service` on the cluster or pool.",
            ),
            (
                "GPU_SHARED_BY_CPU",
                Severity::Noted,
                self.gpus_by_cpu,
                self.with_gpus,
                "with GPUs had no request for one, or it was not collected, so the making of their GPUs is shared by reserved CPU as the rest of the \
                 machine is. Request GPUs (`nvidia.com/gpu`) in the pods that use them.",
            ),
        ];
        let found = rows.into_iter().filter(|(_, _, failing, ..)| *failing > 0);
        found
            .map(|(code, severity, failing, examined, says)| {
                Finding::new(code, severity, format!("{cluster}: {failing} of {examined} nodes {says}")).examined(examined).failing(failing)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
