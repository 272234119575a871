//! Management controllers: the power of whole machines, by IPMI or Redfish.
//!
//! Rule: one exporter's `instance` is the controller and not the node, so a table says whose it is (`[[cluster.bmc]]`), unless the address is
//! a node's own or the exporter names the node. Of several metrics of one controller the first of [`METRICS`] is taken: a stated whole before
//! the sum of power supplies' input (wall power; their output is not). Power is integrated over time.
//! Known drawback: controllers average over up to a minute and lag by as much.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, NodeSeries, Part, Readings, gauge};
use crate::accounting::metering::targets::{Scrapes, target};
use crate::accounting::metering::zones::PowerZone;
use crate::model::{Exporter, Series};

/// By preference, with the labels that tell parts of one machine apart.
pub const METRICS: [(&str, &[&str]); 8] = [
    ("ipmi_dcmi_power_consumption_current_watts", &[]),
    ("ipmi_dcmi_power_consumption_watts", &[]),
    ("kepler_platform_watts", &["bmc_id", "chassis_id", "source_id"]),
    ("idrac_power_control_consumed_watts", &["id"]),
    ("idrac_power_control_avg_consumed_watts", &["id"]),
    ("redfish_chassis_power_average_consumed_watts", &["chassis_id", "power_voltage_id"]),
    ("idrac_power_supply_input_watts", &["id"]),
    ("redfish_chassis_power_powersupply_power_input_watts", &["chassis_id", "power_supply_id"]),
];

pub fn read<'a>(context: &Context<'a, '_>, unmapped: &mut BTreeMap<String, usize>) -> Readings<'a> {
    let mut readings = Readings::new(Exporter::Auto, "bmc");
    readings.is_gauge = true;
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (metric, parts) in METRICS {
        let mut of_metric: BTreeSet<&str> = BTreeSet::new();
        for (series, ts_ms, watts) in context.table.of_metric(metric) {
            let Some(node) = node_of(series, context) else {
                *unmapped.entry(format!("{metric} (instance {})", series.label("instance"))).or_default() += 1;
                continue;
            };
            if taken.contains(node) {
                continue;
            }
            of_metric.insert(node);
            let part: Vec<&str> = parts.iter().map(|name| series.label(name)).collect();
            for curve in gauge::integrate(ts_ms, watts, 1.0) {
                let path = format!("{}/{}", part.join("/"), curve.span().map_or(0, |span| span.0));
                readings.nodes.push(NodeSeries {
                    node,
                    zone: PowerZone::Platform,
                    path: path.into(),
                    part: Part::Total,
                    target: target(series, node),
                    series,
                    curve,
                });
            }
        }
        taken.extend(of_metric);
    }
    readings.scrapes = Scrapes::of(&readings.nodes, &[], context.table);
    readings
}

fn node_of<'a>(series: &'a Series, context: &Context<'a, '_>) -> Option<&'a str> {
    let instance = series.label("instance");
    let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
    let mapped = context.terms.bmc.get(instance).or_else(|| context.terms.bmc.get(host)).map(String::as_str);
    let labelled = Some(series.label("node_name")).filter(|node| !node.is_empty());
    mapped.or(labelled).or_else(|| context.state.node_by_instance(instance))
}
