//! Kepler up to 0.9: joules by node and container, per component, dynamic and idle apart.
//!
//! Rule: a node is package + dram + gpu + other, dynamic and idle together; `platform` is left out, because it comes from ACPI or a model and
//! was seen below its own parts. A pod's active energy is its containers' dynamic one; their idle share is not used, because idle energy is
//! given out by the organisation's policy. The pseudo-workloads of the host (`system`, `kernel`) stay in the node's meter.
//! The node's name collides with the scrape's `instance` and then stands in `exported_instance`. There is no uid: it is found by name and time.

use std::collections::BTreeMap;

use super::{Context, Curve, NodeSeries, Part, PodSeries, Readings, RestartRule};
use crate::accounting::metering::state::own_label;
use crate::accounting::metering::targets::{Scrapes, target};
use crate::accounting::metering::zones::PowerZone;
use crate::model::{Exporter, Series};

const COMPONENTS: [(&str, &str, PowerZone); 4] = [
    ("kepler_node_package_joules_total", "kepler_container_package_joules_total", PowerZone::Package),
    ("kepler_node_dram_joules_total", "kepler_container_dram_joules_total", PowerZone::Dram),
    ("kepler_node_gpu_joules_total", "kepler_container_gpu_joules_total", PowerZone::Gpu),
    ("kepler_node_other_joules_total", "kepler_container_other_joules_total", PowerZone::Other),
];
const HOST_NAMESPACES: [&str; 2] = ["system", "kernel"];

pub fn read<'a>(context: &Context<'a, '_>, unmapped: &mut BTreeMap<String, usize>) -> Readings<'a> {
    let mut readings = Readings::new(Exporter::KeplerLegacy, "kepler-legacy");
    readings.restart = RestartRule::FromZero;
    for (metric, _, zone) in COMPONENTS {
        for (series, ts_ms, joules) in context.table.of_metric(metric) {
            let part = match series.label("mode") {
                "idle" => Part::Idle,
                "dynamic" => Part::Active,
                // Kepler 0.10 has a metric of the same name, without modes.
                _ => continue,
            };
            let Some(node) = node_of(series, context) else { continue };
            if says_estimate(series.label("source")) {
                readings.estimated.insert(node);
            }
            let path = format!("{}/{}", device(series), series.label("mode"));
            let curve = Curve::counter(ts_ms, joules);
            if part == Part::Idle {
                let idle =
                    NodeSeries { node, zone, path: path.clone().into(), part, target: target(series, node), series, curve: curve.clone() };
                readings.nodes.push(idle);
            }
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
    for (_, metric, zone) in COMPONENTS {
        for (series, ts_ms, joules) in context.table.of_metric(metric) {
            let (namespace, pod) = (series.label("container_namespace"), series.label("pod_name"));
            if series.label("mode") != "dynamic" || HOST_NAMESPACES.contains(&namespace) || pod.is_empty() || ts_ms.is_empty() {
                continue;
            }
            let Some(node) = node_of(series, context) else {
                *unmapped.entry(format!("{} (instance {})", metric, series.label("instance"))).or_default() += 1;
                continue;
            };
            let span = (ts_ms[0], ts_ms[ts_ms.len() - 1]);
            readings.pods.push(PodSeries {
                node,
                namespace,
                pod,
                uid: context.state.uid_at(namespace, pod, node, span),
                zone,
                path: format!("{}/{}", series.label("container_id"), device(series)).into(),
                target: target(series, node),
                series,
                curve: Curve::counter(ts_ms, joules),
            });
        }
    }
    readings.scrapes = Scrapes::of(&readings.nodes, &readings.pods, context.table);
    readings
}

/// The exporter's own `instance` names the node, whether the scrape let it stand or pushed it aside; on containers only the scrape's is there.
fn node_of<'a>(series: &'a Series, context: &Context<'a, '_>) -> Option<&'a str> {
    let own = own_label(series, "instance");
    let by_scrape = || context.state.node_by_instance(series.label("instance"));
    let by_pod = || context.state.node_of_pod(series.label("namespace"), series.label("pod"));
    let labelled = || Some(series.label("node")).filter(|node| !node.is_empty());
    context.state.node_by_instance(own).or_else(labelled).or_else(by_scrape).or_else(by_pod).or_else(|| {
        // Without anything else that speaks of nodes, a name that is no address is taken at its word.
        Some(own).filter(|own| !own.is_empty() && !own.contains(':'))
    })
}

/// Which socket, and of GPUs which device: the label's name differs.
fn device(series: &Series) -> String {
    ["package", "index", "gpu_id"].map(|name| series.label(name)).join("/")
}

/// On machines without RAPL this Kepler states what a regression model predicts.
fn says_estimate(source: &str) -> bool {
    source.contains("model") || source.contains("estimat")
}
