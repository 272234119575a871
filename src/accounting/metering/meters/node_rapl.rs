//! node_exporter's RAPL collector: joules by node and power zone, raw, wrapping at the zone's range.
//!
//! Rule: `node_rapl_<zone>_joules_total`, or `node_rapl_joules_total` with the zone as a label. There is no meter of pods beside it: they share
//! by CPU time. The node is told by a label or by the scrape address.

use std::collections::BTreeMap;

use super::{Context, Curve, NodeSeries, Part, Readings};
use crate::accounting::metering::targets::{Scrapes, target};
use crate::accounting::metering::zones::PowerZone;
use crate::model::{Exporter, Series};

pub fn read<'a>(context: &Context<'a, '_>, unmapped: &mut BTreeMap<String, usize>) -> Readings<'a> {
    let mut readings = Readings::new(Exporter::NodeRapl, "node-rapl");
    for (series, ts_ms, joules) in context.table.with_prefix("node_rapl_") {
        let Some(label) = zone_label(series) else { continue };
        let Some(node) = node_of(series, context) else {
            *unmapped.entry(format!("{} (instance {})", series.metric, series.label("instance"))).or_default() += 1;
            continue;
        };
        let Some(zone) = PowerZone::parse(label) else {
            readings.unknown_zones.insert(format!("`{label}` on {node}"));
            continue;
        };
        let path = format!("{}/{}", series.label("path"), series.label("index"));
        let (path, curve) = (path.into(), Curve::counter(ts_ms, joules));
        readings.nodes.push(NodeSeries { node, zone, path, part: Part::Total, target: target(series, node), series, curve });
    }
    readings.scrapes = Scrapes::of(&readings.nodes, &[], context.table);
    readings
}

fn zone_label(series: &Series) -> Option<&str> {
    match series.metric.strip_prefix("node_rapl_")?.strip_suffix("joules_total")? {
        "" => Some(series.label("rapl_zone")),
        zone => zone.strip_suffix('_'),
    }
}

fn node_of<'a>(series: &'a Series, context: &Context<'a, '_>) -> Option<&'a str> {
    let labelled = ["node", "nodename", "node_name", "kubernetes_node"].into_iter().map(|name| series.label(name));
    labelled.into_iter().find(|node| !node.is_empty()).or_else(|| context.state.node_by_instance(series.label("instance")))
}
