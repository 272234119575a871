//! One history, asked in every way: the same evidence.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::server::{Server, serving};
use super::*;
use crate::model::SampleTable;

const WITH_EXTERNAL_LABELS: &str = "global:\n  external_labels:\n    cluster: prod-nl\n    prometheus_replica: a\n";

/// Days of one node and some pods at one minute, with the times that the assertions below speak of.
fn open_metrics() -> String {
    let (start, minute) = (day().start().timestamp(), 60);
    let mut text = String::new();
    let mut add = |name: &str, labels: &str, minutes: Range<i64>, value: &dyn Fn(i64) -> f64| {
        for i in minutes {
            writeln!(text, "{name}{{instance=\"k1\",job=\"kepler\",{labels}}} {} {}", value(i), start + 7 + i * minute).unwrap();
        }
    };
    let node = "node_name=\"n1\",zone=\"package\"";
    // The node was seen the whole time but for a hole over the evening before: the hour before the day has no sample.
    add("kepler_node_cpu_joules_total", node, -1440..-90, &|i| (i + 2000) as f64 * 60.0);
    add("kepler_node_cpu_joules_total", node, 0..2880, &|i| (i + 2000) as f64 * 60.0);
    let pod = |uid: u32| format!("pod_id=\"u{uid}\",pod_name=\"p{uid}\",pod_namespace=\"a\",state=\"running\",zone=\"package\"");
    add("kepler_pod_cpu_joules_total", &pod(1), 10..700, &|i| if i == 300 { f64::NAN } else { i as f64 });
    add("kepler_pod_cpu_joules_total", &pod(2), 1600..1700, &|i| i as f64);
    // A counter that starts anew every 97 minutes, with a hole of 40 minutes in which it starts anew too.
    let jumpy = |i: i64| (i % 97) as f64 * 12.345_678_9 + 0.1;
    add("kepler_pod_cpu_joules_total", &pod(3), 20..500, &jumpy);
    add("kepler_pod_cpu_joules_total", &pod(3), 540..1100, &jumpy);
    // An external label of the server on the series itself: its own, but the same.
    add("kube_pod_owner", "cluster=\"prod-nl\",namespace=\"a\",pod=\"p1\",owner_kind=\"Job\"", 10..20, &|_| 1.0);
    let info = "exported_namespace=\"a\",namespace=\"monitoring\",exported_pod=\"p1\",pod=\"ksm\",uid=\"u1\",node=\"n1\"";
    add("kube_pod_info", info, 10..700, &|_| 1.0);
    text.push_str("# EOF\n");
    text
}

/// Reset-aware increase by series, from the first sample's own value on.
fn increases(table: &SampleTable, metric: &str) -> BTreeMap<String, f64> {
    let increase =
        |values: &[f64]| values[0] + values.windows(2).map(|pair| if pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] }).sum::<f64>();
    table.of_metric(metric).map(|(series, _, values)| (series.label("pod_id").to_owned(), increase(values))).collect()
}

fn small() -> Option<Server> {
    serving(&open_metrics(), WITH_EXTERNAL_LABELS, &["--query.max-samples=3000"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_a_real_server_is_collected_with_its_edges() {
    let Some(server) = serving(&open_metrics(), "", &[]) else { return };
    let collected = collect(&server.url(), ReadWay::Auto).await.unwrap();
    assert!(collected.asked.iter().all(|asked| asked.read == "remote-read"), "{:?}", collected.asked);
    let start_ms = day().start().timestamp_millis();
    let minute = |i: i64| start_ms + 7_000 + i * 60_000;

    // The anchor before the day lies 91 minutes back, beyond the first hour that is looked at.
    let (_, times, values) = collected.samples.of_metric("kepler_node_cpu_joules_total").next().unwrap();
    assert_eq!((times[0], values[0]), (minute(-91), 1909.0 * 60.0));
    assert_eq!(times[1], minute(0));
    assert_eq!((times.len(), *times.last().unwrap()), (1442, minute(1440)));

    // One NaN is dropped; the pod of the next day is not there.
    let pods: Vec<_> = collected.samples.of_metric("kepler_pod_cpu_joules_total").collect();
    assert_eq!((pods.len(), pods[0].1.len()), (2, 689));
    assert!(!pods[0].1.contains(&minute(300)));

    let (info, times, _) = collected.samples.of_metric("kube_pod_info").next().unwrap();
    assert_eq!((info.label("namespace"), info.label("pod"), info.label("node")), ("a", "p1", "n1"));
    assert_eq!(times, [minute(10), minute(699)]);
    let codes: Vec<&str> = collected.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["NONFINITE", "LABEL_CLASH"]);
    assert_eq!(collected.samples_on_the_day, 1440 + 689 + 1040 + 2 + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remote_read_and_windows_of_any_size_give_the_same_evidence() {
    let Some(server) = small() else { return };
    let remote = collect(&server.url(), ReadWay::Auto).await.unwrap();
    assert!(remote.asked.iter().all(|asked| asked.read == "remote-read"));
    assert!(
        remote
            .samples
            .series
            .iter()
            .all(|series| !series.labels.contains_key("cluster") && !series.labels.contains_key("prometheus_replica"))
    );
    // Windows of at most 300 samples by estimate, and of as many as there are.
    let Some(large) = serving(&open_metrics(), WITH_EXTERNAL_LABELS, &[]) else { return };
    for url in [server.url(), large.url()] {
        let mut query = collect(&url, ReadWay::Query).await.unwrap();
        assert!(query.asked.iter().all(|asked| asked.read == "query"));
        assert_eq!(query.samples, remote.samples);
        assert_eq!(query.findings, remote.findings);
        query.asked.iter_mut().for_each(|asked| asked.read = "remote-read");
        assert_eq!(query.asked, remote.asked);
    }
}

/// The issue: all three agree per container to 1e-12 relative.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_have_the_energy_of_the_raw_samples() {
    let Some(server) = small() else { return };
    let remote = collect(&server.url(), ReadWay::RemoteRead).await.unwrap();
    let edges = collect(&server.url(), ReadWay::Edges).await.unwrap();
    let read_of = |name: &str| edges.asked.iter().find(|asked| asked.name == name).unwrap().read;
    for counter in ["kepler/pod_cpu_joules.promql", "kepler/node_cpu_joules.promql", "cadvisor/container_cpu_seconds.promql"] {
        assert_eq!(read_of(counter), "edges", "{counter}");
    }
    // States and powers say too little at edges, and their steps need a single metric.
    for other in ["kube-state-metrics/pod_info_flag.promql", "bmc/machine_power_watts.promql", "node-exporter/node_rapl_joules.promql"] {
        assert_eq!(read_of(other), "query", "{other}");
    }
    let (exact, telescoped) =
        (increases(&remote.samples, "kepler_pod_cpu_joules_total"), increases(&edges.samples, "kepler_pod_cpu_joules_total"));
    assert_eq!(exact.len(), 2);
    assert_eq!(exact.keys().collect::<Vec<_>>(), telescoped.keys().collect::<Vec<_>>());
    for (pod, exact) in &exact {
        assert!((telescoped[pod] - exact).abs() <= exact * 1e-12, "{pod}: {exact} and {}", telescoped[pod]);
    }
    // The node's day lies between its edges to the quarter of an hour: sixty joules a minute.
    let node = |table: &SampleTable| {
        let (_, times, values) = table.of_metric("kepler_node_cpu_joules_total").next().unwrap();
        (times.len(), values[values.len() - 1] - values[0])
    };
    let ((_, raw), (points, telescoped)) = (node(&remote.samples), node(&edges.samples));
    assert!(points < 200 && (raw - telescoped).abs() <= 15.0 * 60.0, "{points} {raw} {telescoped}");
}

/// Two replicas of one server behind one store; each missed some scrapes that the other has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_one_series() {
    let start = day().start().timestamp();
    let text = |replicas: &[(&str, Range<i64>)]| {
        let mut text = String::new();
        for (replica, hole) in replicas {
            for i in (0..1440).filter(|i| !hole.contains(i)) {
                let labels = format!("instance=\"k1\",node_name=\"n1\",zone=\"package\"{replica}");
                writeln!(text, "kepler_node_cpu_joules_total{{{labels}}} {} {}", i * 60, start + i * 60).unwrap();
            }
        }
        text + "# EOF\n"
    };
    let Some(whole) = serving(&text(&[("", 0..0)]), "", &[]) else { return };
    let expected = collect(&whole.url(), ReadWay::Auto).await.unwrap();
    let replicas = text(&[(",replica=\"a\"", 100..200), (",replica=\"b\"", 700..900)]);
    let Some(both) = serving(&replicas, "", &[]) else { return };
    for read in [ReadWay::Auto, ReadWay::Query] {
        assert_eq!(collect(&both.url(), read).await.unwrap().samples, expected.samples);
    }
}
