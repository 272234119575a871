//! A quick look at what a server has of a cluster: for `doctor`, not for evidence.
//!
//! In: which look, and an instant. Out: labels and counts. Rule: one instant query a look, of the files of `queries/prometheus/doctor`.
//! Does not: fetch samples, or keep anything.

use std::collections::BTreeMap;

use super::client::Fault;
use super::{Prometheus, questions};
use crate::sources::{Reach, Refusal};

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Which exporters say something of each node.
    Exporters,
    /// Labels and cores of each node.
    Machines,
    /// Labels that a scrape pushed aside.
    Clashes,
    /// Whether nodes or meters were seen in the `window_s` seconds before the instant.
    Presence { window_s: i64 },
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Sight {
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Names of the files below `queries/prometheus`, for whoever checks that each is asked.
#[cfg(test)]
pub(super) const FILES: [&str; 4] = [
    "doctor/metric_presence_count.promql",
    "doctor/node_exporters_count.promql",
    "doctor/node_labels_cores.promql",
    "doctor/target_clashes_count.promql",
];

impl Look {
    fn promql(self, selector: &str) -> String {
        let (text, window_s) = match self {
            Self::Exporters => (include_str!("../../../queries/prometheus/doctor/node_exporters_count.promql"), 0),
            Self::Machines => (include_str!("../../../queries/prometheus/doctor/node_labels_cores.promql"), 0),
            Self::Clashes => (include_str!("../../../queries/prometheus/doctor/target_clashes_count.promql"), 0),
            Self::Presence { window_s } => (include_str!("../../../queries/prometheus/doctor/metric_presence_count.promql"), window_s),
        };
        questions::without_header(text).replace("$selector", selector).replace("$window", &format!("{window_s}s"))
    }
}

impl Prometheus {
    /// In which way `collect` reads this server, `remote-read`, `query` or `edges`, and why.
    pub async fn way(&self) -> Result<(&'static str, &str), Refusal> {
        let server = self.server().await?;
        Ok((server.way.name(), &server.why))
    }

    /// Looks once, at an instant.
    pub async fn look(&self, look: Look, at_s: i64) -> Result<Vec<Sight>, Refusal> {
        let (client, selector) = (&self.0.client, &self.0.selector);
        let matrix = client.ask(&look.promql(selector), at_s).await.map_err(|fault| match fault {
            Fault::Final(refusal) => refusal,
            Fault::TooLarge(words) => Refusal::new("PROM_LIMIT", Reach::Range, format!("a quick look is too much for the server: {words}"))
                .hint("raise --query.max-samples of the Prometheus server"),
            Fault::TooSlow(words) => Refusal::new("PROM_TIMEOUT", Reach::Range, format!("a quick look takes the server too long: {words}"))
                .hint("raise --query.timeout of the Prometheus server, or lower its load"),
            _ => Refusal::new("PROM_REFUSED", Reach::Source, "the server does not answer a quick look"),
        })?;
        let value = |series: usize| matrix.value[matrix.offsets[series]..matrix.offsets[series + 1]].first().copied();
        Ok((0..matrix.labels.len()).filter_map(|i| Some(Sight { labels: matrix.labels[i].clone(), value: value(i)? })).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_narrowed_to_its_cluster_and_window() {
        for look in [Look::Exporters, Look::Machines, Look::Clashes, Look::Presence { window_s: 3_600 }] {
            let promql = look.promql("cluster=\"a\",");
            assert!(promql.contains(",cluster=\"a\",}") && !promql.contains('$') && !promql.contains('\n'), "{promql}");
        }
        assert!(Look::Presence { window_s: 3_600 }.promql("").contains("[3600s]"));
    }
    #[test]
    fn every_meter_of_nodes_that_is_collected_is_looked_for() {
        let looks = [Look::Exporters.promql(""), Look::Presence { window_s: 1 }.promql("")];
        for question in [
            include_str!("../../../queries/prometheus/bmc/machine_power_watts.promql"),
            include_str!("../../../queries/prometheus/kepler-legacy/node_component_joules.promql"),
            include_str!("../../../queries/prometheus/node-exporter/node_rapl_joules.promql"),
            include_str!("../../../queries/prometheus/scaphandre/host_energy_microjoules.promql"),
        ] {
            let (_, behind) = question.split_once("{__name__=~\"").expect("several metrics are told by a pattern");
            let (pattern, _) = behind.split_once('"').expect("the pattern ends");
            assert!(looks.iter().all(|look| look.contains(pattern)), "{pattern}");
        }
        for metric in
            ["kepler_node_cpu_joules_total", "node_cpu_usage_seconds_total", "container_cpu_usage_seconds_total", "kube_node_info"]
        {
            assert!(looks.iter().all(|look| look.contains(metric)), "{metric}");
        }
    }
}
