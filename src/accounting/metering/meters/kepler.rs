//! Kepler 0.10 and newer: joules by node and pod, per power zone, with the pod's uid.
//!
//! Rule: node totals are the raw values of RAPL; `idle` and `active` are Kepler's. GPUs, where Kepler reads them, are a zone of their own.

use super::{Context, Curve, NodeSeries, Part, PodSeries, Readings};
use crate::accounting::metering::targets::{Scrapes, target};
use crate::accounting::metering::zones::PowerZone;
use crate::model::{Exporter, Series};

const NODE_CPU: [(&str, Part); 3] = [
    ("kepler_node_cpu_joules_total", Part::Total),
    ("kepler_node_cpu_active_joules_total", Part::Active),
    ("kepler_node_cpu_idle_joules_total", Part::Idle),
];
const NODE_GPU: [(&str, Part); 3] = [
    ("kepler_node_gpu_joules_total", Part::Total),
    ("kepler_node_gpu_active_joules_total", Part::Active),
    ("kepler_node_gpu_idle_joules_total", Part::Idle),
];

pub fn read<'a>(context: &Context<'a, '_>) -> Readings<'a> {
    let mut readings = Readings::new(Exporter::Kepler, "kepler");
    for (metric, part) in NODE_CPU {
        for (series, ts_ms, joules) in context.table.of_metric(metric) {
            let (node, label) = (series.label("node_name"), series.label("zone"));
            let Some(zone) = PowerZone::parse(label) else {
                if matches!((ts_ms.first(), ts_ms.last()), (Some(first), Some(last)) if context.window.overlaps(*first, *last)) {
                    readings.unknown_zones.insert(format!("`{label}` on {node}"));
                }
                continue;
            };
            readings.nodes.push(node_series(series, zone, series.label("path"), part, Curve::counter(ts_ms, joules)));
        }
    }
    for (metric, part) in NODE_GPU {
        for (series, ts_ms, joules) in context.table.of_metric(metric).filter(|(series, ..)| !series.label("gpu_uuid").is_empty()) {
            readings.nodes.push(node_series(series, PowerZone::Gpu, series.label("gpu_uuid"), part, Curve::counter(ts_ms, joules)));
        }
    }
    for (metric, zone) in [("kepler_pod_cpu_joules_total", None), ("kepler_pod_gpu_joules_total", Some(PowerZone::Gpu))] {
        for (series, ts_ms, joules) in context.table.of_metric(metric).filter(|(_, ts_ms, _)| !ts_ms.is_empty()) {
            let Some(zone) = zone.or_else(|| PowerZone::parse(series.label("zone"))) else { continue };
            readings.pods.push(PodSeries {
                node: series.label("node_name"),
                namespace: series.label("pod_namespace"),
                pod: series.label("pod_name"),
                uid: series.label("pod_id"),
                zone,
                path: "".into(),
                target: target(series, series.label("node_name")),
                series,
                curve: Curve::counter(ts_ms, joules),
            });
        }
    }
    readings.scrapes = Scrapes::of(&readings.nodes, &readings.pods, context.table);
    readings
}

fn node_series<'a>(series: &'a Series, zone: PowerZone, path: &'a str, part: Part, curve: Curve<'a>) -> NodeSeries<'a> {
    let node = series.label("node_name");
    NodeSeries { node, zone, path: path.into(), part, target: target(series, node), series, curve }
}
