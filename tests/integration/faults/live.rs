//! F10, F20: exporters that are scraped while the case runs.
//!
//! The command line does not collect a day that is not over, so these call the library; the day is metered by the same function.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread::sleep;
use std::time::Duration;

use chrono::Utc;
use polars::prelude::DataFrame;
use wattledger::accounting::metering::{MeteredDay, meter_day};
use wattledger::model::MeteringTerms;
use wattledger::sources::prometheus::{CollectedDay, Connection, Prometheus as Source};
use wattledger::units::UtcDay;

use super::bench::{Flag, Seen};
use super::history::Truth;
use crate::exporter::Exporter;
use crate::prometheus::{Prometheus, Setup};

const STOPPED: Duration = Duration::from_secs(60);
/// Scrapes before a pod is born, and before the exporter stops.
const BORN: usize = 4;
const SCRAPES: usize = 12;
const STEP_S: i64 = 900;

/// A day must not end while a case runs.
fn wait_for_a_day_with_time_left() -> UtcDay {
    let day = UtcDay::containing(Utc::now());
    let left = (day.end() - Utc::now()).num_seconds();
    if left > 150 {
        return day;
    }
    sleep(Duration::from_secs(left as u64 + 2));
    UtcDay::containing(Utc::now())
}

fn scraping(exporter: &Exporter, more: &str) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: kepler\n    static_configs:\n      - targets: ['{}']\n{more}",
        exporter.target()
    )
}

fn collect(server: &Prometheus, day: UtcDay) -> (CollectedDay, MeteredDay) {
    let connection = Connection { url: server.url(), ..Connection::default() };
    let source = Source::connect(&connection, &BTreeMap::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let collected = runtime.block_on(source.collect_day(day)).unwrap();
    let metered = meter_day(&collected.samples, day, &MeteringTerms::of_step(STEP_S)).unwrap();
    (collected, metered)
}

/// A node that uses 50 J a scrape, and a pod that uses 7 J of them.
fn page(scrape: usize, labels: &str) -> String {
    let mut text = String::new();
    let total = 1_000 + 50 * scrape;
    for (kind, joules) in [("", total), ("idle_", total / 5), ("active_", total - total / 5)] {
        writeln!(text, "kepler_node_cpu_{kind}joules_total{{node_name=\"n1\",path=\"/sys/rapl:0\",zone=\"package\"}} {joules}").unwrap();
    }
    writeln!(text, "kube_node_info{{node=\"n1\"}} 1").unwrap();
    if scrape >= BORN {
        let joules = 7 * (scrape + 1 - BORN);
        writeln!(text, "kepler_pod_cpu_joules_total{{node_name=\"n1\",pod_id=\"u1\",{labels}state=\"running\",zone=\"package\"}} {joules}")
            .unwrap();
        writeln!(text, "kube_pod_info{{namespace=\"shop\",pod=\"api-0\",uid=\"u1\",node=\"n1\"}} 1").unwrap();
        writeln!(text, "kube_pod_owner{{namespace=\"shop\",pod=\"api-0\",uid=\"u1\",owner_kind=\"StatefulSet\",owner_name=\"api\",owner_is_controller=\"true\"}} 1").unwrap();
    }
    text
}

fn truth(scrapes: usize) -> Truth {
    let scrapes = scrapes as i64;
    Truth { metered_mj: 50_000 * (scrapes - 1), active_mj: BTreeMap::from([("shop".to_owned(), 7_000 * (scrapes - BORN as i64))]) }
}

fn sum(frame: &DataFrame, column: &str) -> i64 {
    frame.column(column).unwrap().i64().unwrap().iter().flatten().sum()
}

fn figures(metered: &MeteredDay) -> Truth {
    let namespaces: Vec<String> =
        metered.pods.column("namespace").unwrap().str().unwrap().iter().map(|name| name.unwrap().to_owned()).collect();
    let mut active_mj = BTreeMap::new();
    let (pods, energy) =
        (metered.usage.column("pod_id").unwrap().i32().unwrap(), metered.usage.column("active_mj").unwrap().i64().unwrap());
    for (pod, mj) in pods.iter().zip(energy.iter()) {
        *active_mj.entry(namespaces[pod.unwrap() as usize].clone()).or_default() += mj.unwrap_or(0);
    }
    Truth { metered_mj: sum(&metered.node_steps, "metered_mj"), active_mj }
}

fn seen(metered: &MeteredDay, collected: &CollectedDay, truth: Truth) -> Seen {
    let flags = metered.findings.iter().chain(&collected.findings);
    Seen {
        flags: flags
            .map(|finding| Flag { code: finding.code.clone(), message: finding.message.clone(), failing: finding.failing as i64 })
            .collect(),
        figures: BTreeMap::from([("live".to_owned(), figures(metered))]),
        truth: BTreeMap::from([("live".to_owned(), truth)]),
        ..Seen::default()
    }
}

/// The exporter stops with its pod, and a minute later nothing of it has lived on.
pub fn stopped_exporter() -> Seen {
    let day = wait_for_a_day_with_time_left();
    let exporter = Exporter::showing(|scrape| page(scrape, "pod_name=\"api-0\",pod_namespace=\"shop\","));
    let server = Prometheus::empty(&Setup { config: &scraping(&exporter, ""), ..Setup::default() });
    exporter.wait_for_scrapes(SCRAPES);
    let shown = exporter.stop();
    sleep(STOPPED);
    let (collected, metered) = collect(&server, day);

    let mut seen = seen(&metered, &collected, truth(shown.len()));
    let meter = collected.samples.of_metric("kepler_node_cpu_joules_total").flat_map(|(_, times, _)| times.to_vec()).collect::<Vec<_>>();
    seen.demand(meter.len() == shown.len(), format!("{} samples of {} scrapes", meter.len(), shown.len()));
    let last = meter.last().copied();
    let times = |frame: &DataFrame, column: &str| -> Vec<Option<i64>> { frame.column(column).unwrap().i64().unwrap().iter().collect() };
    seen.demand(times(&metered.pods, "last_ms") == [last], "the pod's last sign of life is not its last sample");
    seen.demand(times(&metered.nodes, "last_ms") == [last], "the node's last sign of life is not its last sample");
    // Nothing says more of this history than what it is; F10 asks for no finding.
    seen.is_as_without_fault = true;
    seen
}

/// The scrape's own `namespace` and `node` push those of kube-state-metrics aside, and Kepler does not know the pod's name.
pub fn clashing_labels() -> Seen {
    let day = wait_for_a_day_with_time_left();
    let exporter = Exporter::showing(|scrape| page(scrape, ""));
    let labels = "        labels:\n          namespace: monitoring\n          node: another\n          pod: kube-state-metrics-0\n";
    let server = Prometheus::empty(&Setup { config: &scraping(&exporter, labels), ..Setup::default() });
    exporter.wait_for_scrapes(SCRAPES);
    let shown = exporter.stop();
    sleep(Duration::from_secs(2));
    let (collected, metered) = collect(&server, day);

    let mut seen = seen(&metered, &collected, truth(shown.len()));
    let nodes: Vec<_> = metered.nodes.column("node").unwrap().str().unwrap().iter().map(|node| node.unwrap().to_owned()).collect();
    seen.demand(nodes == ["n1"], format!("the nodes are {nodes:?}"));
    seen
}
