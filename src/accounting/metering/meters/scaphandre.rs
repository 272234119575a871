//! Scaphandre: microjoules by host, socket and domain, microwatts by process.
//!
//! Rule: a node is `psys` where the host has it, else its sockets and their `dram` domain, else the host's own total; a pod is the power of its
//! processes over time. The host's metrics carry no node: it is found by the scrape address, or by the processes of the same scrape.
//! Assumes: `--containers`, so that processes name their pods. Known drawback: the processes do not add up to the sockets; what is missing
//! stays in `(system)`, and the node wins where they exceed it.

use std::collections::{BTreeMap, HashMap};

use super::{Context, Curve, NodeSeries, Part, PodSeries, Readings, gauge};
use crate::accounting::metering::targets::{Scrapes, target};
use crate::accounting::metering::zones::PowerZone;
use crate::model::{Exporter, Series};

const JOULES_PER_MICROJOULE: f64 = 1e-6;
const PROCESS: &str = "scaph_process_power_consumption_microwatts";

pub fn read<'a>(context: &Context<'a, '_>, unmapped: &mut BTreeMap<String, usize>) -> Readings<'a> {
    let mut readings = Readings::new(Exporter::Scaphandre, "scaphandre");
    let mut told: HashMap<(&str, &str), &'a str> = HashMap::new();
    for (series, ..) in context.table.of_metric(PROCESS) {
        let node = series.label("kubernetes_node_name");
        if !node.is_empty() {
            told.insert((series.label("instance"), series.label("job")), node);
        }
    }
    let node_of = |series: &'a Series| {
        let labelled = ["node", "kubernetes_node_name"].into_iter().map(|name| series.label(name)).find(|node| !node.is_empty());
        let by_scrape = || context.state.node_by_instance(series.label("instance"));
        let by_process = || told.get(&(series.label("instance"), series.label("job"))).copied();
        labelled.or_else(by_scrape).or_else(by_process)
    };
    for (metric, zone_of) in HOST {
        for (series, ts_ms, microjoules) in context.table.of_metric(metric) {
            let Some(zone) = zone_of(series) else { continue };
            let Some(node) = node_of(series) else {
                *unmapped.entry(format!("{metric} (instance {})", series.label("instance"))).or_default() += 1;
                continue;
            };
            let path = format!("{}/{}", series.label("socket_id"), series.label("domain_id"));
            let curve = Curve::scaled(ts_ms, microjoules, JOULES_PER_MICROJOULE);
            readings.nodes.push(NodeSeries {
                node,
                zone,
                path: path.into(),
                part: Part::Total,
                target: target(series, node),
                series,
                curve,
            });
        }
    }
    add_host_total(context, &mut readings, &node_of);
    for (series, ts_ms, microwatts) in context.table.of_metric(PROCESS) {
        let (namespace, pod) = (series.label("kubernetes_pod_namespace"), series.label("kubernetes_pod_name"));
        let (Some(node), Some(first), Some(last)) = (node_of(series), ts_ms.first(), ts_ms.last()) else { continue };
        if namespace.is_empty() || pod.is_empty() {
            continue;
        }
        let uid = context.state.uid_at(namespace, pod, node, (*first, *last));
        for curve in gauge::integrate(ts_ms, microwatts, JOULES_PER_MICROJOULE) {
            let path = format!("{}/{}/{}", series.label("pid"), series.label("exe"), curve.span().map_or(0, |span| span.0));
            readings.pods.push(PodSeries {
                node,
                namespace,
                pod,
                uid,
                // Scaphandre shares out the host's power, whatever that is made of.
                zone: PowerZone::Package,
                path: path.into(),
                target: target(series, node),
                series,
                curve,
            });
        }
    }
    readings.scrapes = Scrapes::of(&readings.nodes, &[], context.table);
    readings.is_gauge = false;
    readings
}

type ZoneOf = fn(&Series) -> Option<PowerZone>;

const HOST: [(&str, ZoneOf); 3] = [
    ("scaph_host_rapl_psys_microjoules", |_| Some(PowerZone::Psys)),
    ("scaph_socket_energy_microjoules", |_| Some(PowerZone::Package)),
    // Of a socket's domains only the memory lies beside it; `core` and `uncore` are within.
    ("scaph_domain_energy_microjoules", |series| PowerZone::parse(series.label("domain_name")).filter(|zone| *zone == PowerZone::Dram)),
];

/// The host's total serves where neither `psys` nor sockets are there; it switches between the two by itself, so it is the last resort.
fn add_host_total<'a>(context: &Context<'a, '_>, readings: &mut Readings<'a>, node_of: &dyn Fn(&'a Series) -> Option<&'a str>) {
    for (series, ts_ms, microjoules) in context.table.of_metric("scaph_host_energy_microjoules") {
        let Some(node) = node_of(series) else { continue };
        if readings.nodes.iter().all(|known| known.node != node) {
            let curve = Curve::scaled(ts_ms, microjoules, JOULES_PER_MICROJOULE);
            let host = NodeSeries {
                node,
                zone: PowerZone::Package,
                path: "host".into(),
                part: Part::Total,
                target: target(series, node),
                series,
                curve,
            };
            readings.nodes.push(host);
        }
    }
}
