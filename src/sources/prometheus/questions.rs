//! What is asked of a Prometheus server: the files of `queries/prometheus`, one a question.
//!
//! In: the files, embedded. Out: PromQL with its named parameters filled in. Rule: `$selector` is the cluster's own matchers,
//! `$window` the length of the range, `$question` another question; nothing else is ever put into PromQL here.
//! Assumes: exporters as `queries/prometheus/<folder>` names them. Does not: send anything.

use std::collections::BTreeMap;

/// How a question's samples are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A counter: every sample of the day.
    Counter,
    /// A power: every sample of the day, and never fewer.
    Gauge,
    /// Labels or a slow value, of something that may be gone when the day starts: both ends of every run of one value.
    State,
    /// The same, of nodes and namespaces: only what was there during the day, since these samples say when a node existed, and what held on the day.
    NodeState,
}

/// A file of `queries/prometheus`.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Path below `queries/prometheus`.
    pub name: &'static str,
    pub kind: Kind,
    text: &'static str,
}

macro_rules! questions {
    ($($kind:ident $name:literal,)*) => {
        &[$(Question { name: $name, kind: Kind::$kind, text: include_str!(concat!("../../../queries/prometheus/", $name)) },)*]
    };
}

/// All questions of a cluster-day, in the order in which they are asked: the large ones first.
pub const QUESTIONS: &[Question] = questions![
    Counter "kepler/pod_cpu_joules.promql",
    Counter "cadvisor/container_cpu_seconds.promql",
    Counter "kepler/node_cpu_joules.promql",
    Counter "kepler/node_cpu_active_joules.promql",
    Counter "kepler/node_cpu_idle_joules.promql",
    Counter "kepler/node_gpu_joules.promql",
    Counter "kepler/node_gpu_active_joules.promql",
    Counter "kepler/node_gpu_idle_joules.promql",
    Counter "kepler/pod_gpu_joules.promql",
    Counter "kepler-legacy/container_component_joules.promql",
    Counter "kepler-legacy/node_component_joules.promql",
    Gauge "scaphandre/process_power_microwatts.promql",
    Counter "scaphandre/host_energy_microjoules.promql",
    Counter "node-exporter/node_rapl_joules.promql",
    Gauge "bmc/machine_power_watts.promql",
    Counter "dcgm/device_energy_millijoules.promql",
    Gauge "dcgm/device_power_watts.promql",
    Counter "kubelet/node_cpu_seconds.promql",
    Counter "kubelet/root_cpu_seconds.promql",
    State "kepler/exporter_start_seconds.promql",
    State "kube-state-metrics/pod_info_flag.promql",
    State "kube-state-metrics/pod_owner_flag.promql",
    State "kube-state-metrics/pod_created_seconds.promql",
    State "kube-state-metrics/pod_start_seconds.promql",
    State "kube-state-metrics/pod_completion_seconds.promql",
    State "kube-state-metrics/pod_labels_flag.promql",
    State "kube-state-metrics/pod_annotations_flag.promql",
    State "kube-state-metrics/container_cpu_request_cores.promql",
    State "kube-state-metrics/replicaset_owner_flag.promql",
    State "kube-state-metrics/job_owner_flag.promql",
    State "kube-state-metrics/job_created_seconds.promql",
    State "kube-state-metrics/job_start_seconds.promql",
    State "kube-state-metrics/job_completion_seconds.promql",
    State "kube-state-metrics/job_suspended_flag.promql",
    State "kube-state-metrics/job_suspend_requested_flag.promql",
    State "kube-state-metrics/job_labels_flag.promql",
    State "kube-state-metrics/job_annotations_flag.promql",
    State "kube-state-metrics/cronjob_info_flag.promql",
    State "kube-state-metrics/cronjob_labels_flag.promql",
    State "kube-state-metrics/cronjob_annotations_flag.promql",
    NodeState "kube-state-metrics/namespace_labels_flag.promql",
    NodeState "kube-state-metrics/node_info_flag.promql",
    NodeState "kube-state-metrics/node_labels_flag.promql",
    NodeState "kube-state-metrics/node_capacity_cores.promql",
    NodeState "kube-state-metrics/node_allocatable_cores.promql",
];

/// Questions about another question.
const COUNT: &str = include_str!("../../../queries/prometheus/server/query_samples_count.promql");
const EDGES: &str = include_str!("../../../queries/prometheus/server/query_edges_value.promql");
const RESETS: &str = include_str!("../../../queries/prometheus/server/query_resets_count.promql");

impl Question {
    /// The question with the cluster's matchers, for a range of so many seconds.
    pub fn promql(&self, selector: &str, window_s: i64) -> String {
        without_header(self.text).replace("$selector", selector).replace("$window", &format!("{window_s}s"))
    }

    /// How many samples [`Question::promql`] would return.
    pub fn count_promql(&self, selector: &str, window_s: i64) -> String {
        self.within(COUNT, selector, window_s)
    }

    /// The last value within so many seconds.
    pub fn edges_promql(&self, selector: &str, window_s: i64) -> String {
        self.within(EDGES, selector, window_s)
    }

    /// Series that started anew within so many seconds.
    pub fn resets_promql(&self, selector: &str, window_s: i64) -> String {
        self.within(RESETS, selector, window_s)
    }

    /// Whether the question names its metric, and not a pattern of several.
    pub fn has_one_metric(&self) -> bool {
        !without_header(self.text).trim_start().starts_with('{')
    }

    fn within(&self, outer: &str, selector: &str, window_s: i64) -> String {
        without_header(outer).replace("$question", &self.promql(selector, window_s))
    }
}

pub(super) fn without_header(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// Matchers as PromQL text, `cluster="prod-nl",`; a label name that is none is named.
pub fn selector_text(matchers: &BTreeMap<String, String>) -> Result<String, String> {
    let mut text = String::new();
    for (label, value) in matchers {
        let is_name = !label.is_empty()
            && !label.starts_with(|c: char| c.is_ascii_digit())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return Err(format!("`{label}` in a Prometheus selector is not a label name"));
        }
        text.push_str(&format!("{label}={},", quoted(value)));
    }
    Ok(text)
}

/// One more matcher: targets by name, whatever characters they hold.
pub fn instances_matcher<'a>(instances: impl IntoIterator<Item = &'a str>) -> String {
    let alternatives: Vec<String> = instances.into_iter().map(escape_regex).collect();
    format!("instance=~{},", quoted(&alternatives.join("|")))
}

fn escape_regex(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Text as a PromQL string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::super::matchers;
    use super::*;
    use std::path::Path;

    /// Style: queries begin with a header.
    #[test]
    fn every_query_file_is_asked_and_says_what_it_is() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/prometheus");
        let mut files = Vec::new();
        for folder in std::fs::read_dir(&root).unwrap() {
            let folder = folder.unwrap();
            for file in std::fs::read_dir(folder.path()).unwrap() {
                let name = format!("{}/{}", folder.file_name().to_str().unwrap(), file.unwrap().file_name().to_str().unwrap());
                files.push(name);
            }
        }
        files.sort();
        let mut asked: Vec<String> = QUESTIONS.iter().map(|question| question.name.to_owned()).collect();
        asked.extend(["samples_count", "edges_value", "resets_count"].map(|stem| format!("server/query_{stem}.promql")));
        asked.extend(super::super::survey::FILES.map(str::to_owned));
        asked.sort();
        assert_eq!(files, asked);

        for name in files {
            let text = std::fs::read_to_string(root.join(&name)).unwrap();
            let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("# ")).collect();
            assert!(header.len() >= 4, "{name}: what it is, unit and grain, source, what to mind");
            assert!(header[0].ends_with('.'), "{name}: the first line is a sentence");
            assert!(header[1].starts_with("# unit: ") && header[1].contains("   grain: "), "{name}");
            assert!(header[2].starts_with("# source: "), "{name}");
            let body = without_header(&text);
            assert_eq!(body.lines().count(), 1, "{name}: one expression");
            let is_look = name.starts_with("doctor/") && body.contains("$selector}");
            assert!(
                is_look || body.contains("$question") || (body.contains("$selector}") && body.ends_with("[$window]")),
                "{name}: {body}"
            );
            let stem = name.rsplit('/').next().unwrap().trim_end_matches(".promql");
            assert!(stem.split('_').count() >= 3, "{name}: grain_quantity_unit");
        }
    }

    /// Remote read asks the same as the query.
    #[test]
    fn every_question_is_a_plain_selector() {
        let selector =
            selector_text(&BTreeMap::from([("cluster".to_owned(), "a\"b\\".to_owned())])).unwrap() + &instances_matcher(["10.0.0.1:1"]);
        for question in QUESTIONS {
            let matchers = matchers::of_selector(&question.promql(&selector, 60)).unwrap();
            assert!(matchers.iter().any(|matcher| matcher.label == "__name__"), "{}", question.name);
            let last: Vec<(&str, &str)> =
                matchers[matchers.len() - 2..].iter().map(|matcher| (matcher.label.as_str(), matcher.value.as_str())).collect();
            assert_eq!(last, [("cluster", "a\"b\\"), ("instance", "10\\.0\\.0\\.1:1")], "{}", question.name);
        }
    }

    #[test]
    fn parameters_are_filled_in() {
        let question = QUESTIONS.iter().find(|question| question.name.ends_with("container_cpu_request_cores.promql")).unwrap();
        let selector = selector_text(&BTreeMap::from([("cluster".to_owned(), "a\"b\\".to_owned())])).unwrap();
        assert_eq!(
            question.promql(&selector, 61),
            r#"kube_pod_container_resource_requests{resource=~"cpu|nvidia_com_gpu|amd_com_gpu",cluster="a\"b\\",}[61s]"#
        );
        assert!(question.count_promql("", 61).starts_with("sum(count_over_time(kube_pod_container_resource_requests{"));
    }

    #[test]
    fn a_selector_cannot_bring_its_own_promql() {
        assert!(selector_text(&BTreeMap::from([("a=\"\"} or x{b".to_owned(), String::new())])).is_err());
        assert_eq!(instances_matcher(["10.0.0.1:9100", "a|b"]), r#"instance=~"10\\.0\\.0\\.1:9100|a\\|b","#);
    }
}
