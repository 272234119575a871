//! `doctor` against a real Prometheus that holds a month and scrapes exporters now: what it says, and that it is right.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::exporter::Exporter;
use crate::kubernetes::api_server::ApiServer;
use crate::kubernetes::{JOBS, NODES, PODS};
use crate::prometheus::{self, Prometheus, Setup};

/// 2026-10-01T00:00:00Z. Months of the test are UTC.
const OCTOBER_S: i64 = 1_790_812_800;
const DAY_S: i64 = 86_400;

/// The month from a UTC day on, at a quarter of an hour.
fn history(from_day: i64) -> String {
    let mut text = String::new();
    for time in (OCTOBER_S + (from_day - 1) * DAY_S..=OCTOBER_S + 31 * DAY_S).step_by(900) {
        let joules = (time - OCTOBER_S) / 10;
        writeln!(text, "kepler_node_cpu_joules_total{{cluster=\"c\",instance=\"n1:1\",job=\"kepler\",node_name=\"n1\",path=\"p\",zone=\"package\"}} {joules} {time}").unwrap();
        writeln!(text, "kube_node_info{{cluster=\"c\",instance=\"k:1\",job=\"ksm\",node=\"n1\"}} 1 {time}").unwrap();
    }
    text + "# EOF\n"
}

/// Three nodes now, of which one has no meter; one meter is told by its address alone.
fn page() -> String {
    let mut text = String::new();
    for node in 1..=3 {
        writeln!(text, "kube_node_info{{node=\"n{node}\",internal_ip=\"10.0.0.{node}\"}} 1").unwrap();
        writeln!(text, "kube_pod_owner{{namespace=\"a\",pod=\"p{node}\",uid=\"u{node}\",owner_kind=\"DaemonSet\",owner_name=\"d\"}} 1")
            .unwrap();
        writeln!(text, "kube_pod_info{{namespace=\"a\",pod=\"p{node}\",uid=\"u{node}\",node=\"n{node}\"}} 1").unwrap();
        writeln!(text, "container_cpu_usage_seconds_total{{node=\"n{node}\",namespace=\"a\",pod=\"p{node}\",container=\"c\"}} 1").unwrap();
    }
    writeln!(text, "kepler_node_cpu_joules_total{{node_name=\"n1\",path=\"p\",zone=\"package\"}} 7").unwrap();
    writeln!(text, "kepler_node_cpu_joules_total{{node_name=\"n2\",path=\"p\",zone=\"package\"}} 7").unwrap();
    writeln!(text, "kube_node_status_capacity{{node=\"n3\",resource=\"cpu\",unit=\"core\"}} 8").unwrap();
    text
}

fn write_config(folder: &Path, url: &str) {
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n\
         [[cluster]]\nname = \"c\"\nprometheus = {{ url = \"{url}\", selector = {{ cluster = \"c\" }} }}\nboundary = \"owned\"\ngrid_zone = \"NL\"\n\
         home_zone = \"FR\"\npue = 1.1\n\
         [[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"nl.csv\"]\n"
    );
    fs::write(folder.join("wattledger.toml"), text).unwrap();
    let hour = |hour: i64| chrono::DateTime::from_timestamp(OCTOBER_S + hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let rows: String = (0..31 * 24).map(|number| format!("{},NL,36\n", hour(number))).collect();
    fs::write(folder.join("nl.csv"), format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")).unwrap();
}

fn wattledger(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattledger")).current_dir(folder).args(line.split(' ')).output().unwrap()
}

fn state(report: &Value, topic: &str) -> Vec<String> {
    let checks = report["clusters"][0]["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["topic"] == topic).map(|check| check["state"].as_str().unwrap().to_owned()).collect()
}

fn says(report: &Value, topic: &str) -> String {
    let checks = report["clusters"][0]["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["topic"] == topic).map(|check| check["says"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn it_says_what_a_month_lacks_and_what_to_do_next() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let openmetrics = folder.path().join("openmetrics");
    fs::create_dir(&openmetrics).unwrap();
    fs::write(openmetrics.join("c.txt"), history(4)).unwrap();
    let exporter = Exporter::showing(|_| page());
    // The scrape has a namespace of its own, as a scrape without `honor_labels` does.
    let config = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: everything\n    static_configs:\n      - targets: ['{}']\n        labels:\n          cluster: c\n          namespace: monitoring\n",
        exporter.target()
    );
    let server = Prometheus::serving_with(&openmetrics, &Setup { config: &config, ..Setup::default() });
    exporter.wait_for_scrapes(2);
    write_config(folder.path(), &server.url());

    let output = wattledger(folder.path(), "doctor --month 2026-10");
    let screen = String::from_utf8(output.stdout).unwrap();
    println!("{screen}");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    assert!(screen.ends_with("Next: wattledger collect --month 2026-10 (before the server forgets)\n"), "{screen}");

    let report: Value = serde_json::from_slice(&wattledger(folder.path(), "doctor --month 2026-10 --json").stdout).unwrap();
    let lacking = "1 of 3 nodes has neither an energy meter now nor a known power, so its energy will be missing: n3";
    assert_eq!(says(&report, "exporters"), lacking);
    assert_eq!(says(&report, "Prometheus"), "answers; samples are read by streamed remote read (the server offers it)");
    assert_eq!(state(&report, "Kubernetes"), ["not-asked"]);
    assert_eq!((state(&report, "labels"), state(&report, "retention")), (vec!["minded".to_owned()], vec!["minded".to_owned()]));
    assert!(says(&report, "labels").contains("`exported_namespace`"), "{report}");
    assert!(says(&report, "retention").contains("2026-10-01 to 2026-10-03"), "{report}");
    assert_eq!(state(&report, "intensity"), ["lacking", "minded"], "{report}");
    assert!(says(&report, "evidence").contains("the server still has 28 of them"), "{report}");

    // What can be collected is collected: the evidence is no longer what lacks.
    assert_eq!(wattledger(folder.path(), "collect --from 2026-10-04 --to 2026-11-01").status.code(), Some(0));
    let output = wattledger(folder.path(), "doctor --month 2026-10");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&wattledger(folder.path(), "doctor --month 2026-10 --json").stdout).unwrap();
    assert_eq!(
        (state(&report, "evidence"), state(&report, "intensity")),
        (vec!["minded".to_owned()], vec!["fine".to_owned(), "minded".to_owned()])
    );
    assert!(report["next"].as_str().unwrap().contains("n3"), "{report}");

    // Once the class of the third machine is said, nothing is lacking: what is only worth knowing holds no report up.
    let config = folder.path().join("wattledger.toml");
    let text = fs::read_to_string(&config).unwrap();
    let class = "[[hardware]]\nname = \"r740\"\nidle_watts = 90.0\nmax_watts = 400.0\nsource = \"data sheet\"\n";
    fs::write(&config, text.replace("pue =", "hardware = \"r740\"\npue =") + class).unwrap();
    let output = wattledger(folder.path(), "doctor --month 2026-10");
    let screen = String::from_utf8(output.stdout).unwrap();
    println!("{screen}");
    assert_eq!(output.status.code(), Some(0), "{screen}");
    assert!(screen.contains("modelled as r740") && screen.ends_with("Next: wattledger report --month 2026-10 --out report\n"), "{screen}");

    // A server that is gone is a fact, and the rest is still said.
    drop(server);
    let output = wattledger(folder.path(), "doctor --month 2026-10");
    let screen = String::from_utf8(output.stdout).unwrap();
    println!("{screen}");
    assert_eq!(output.status.code(), Some(1));
    assert!(screen.contains("PROM_UNREACHABLE") && screen.contains("NL: all 744 hours are in the evidence"), "{screen}");
}

/// No kube-state-metrics: a node with Kepler 0.9 and a GPU, one that a controller of unknown place may meter, one of the cloud.
fn mixed_page() -> String {
    let mut text = String::new();
    for mode in ["dynamic", "idle"] {
        writeln!(text, "kepler_node_package_joules_total{{instance=\"old\",package=\"0\",source=\"rapl\",mode=\"{mode}\"}} 7").unwrap();
    }
    writeln!(text, "DCGM_FI_DEV_POWER_USAGE{{Hostname=\"old\",UUID=\"GPU-1\",gpu=\"0\"}} 80").unwrap();
    writeln!(text, "ipmi_dcmi_power_consumption_watts 210").unwrap();
    for node in ["old", "m1", "cloud"] {
        writeln!(text, "container_cpu_usage_seconds_total{{node=\"{node}\",namespace=\"a\",pod=\"p\",container=\"c\"}} 1").unwrap();
    }
    text
}

fn node(name: &str, labels: &Value) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-of-{name}"), "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels},
        "status": {"capacity": {"cpu": "4"}},
    })
}

#[test]
fn it_asks_the_kubernetes_api_for_rights_and_machines() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let exporter = Exporter::showing(|_| mixed_page());
    let config = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: everything\n    static_configs:\n      - targets: ['{}']\n        labels:\n          cluster: c\n",
        exporter.target()
    );
    let server = Prometheus::empty(&Setup { config: &config, ..Setup::default() });
    exporter.wait_for_scrapes(2);
    let api = ApiServer::start();
    for (name, labels) in [("old", json!({})), ("m1", json!({})), ("cloud", json!({"node.kubernetes.io/instance-type": "m5.xlarge"}))] {
        api.apply(NODES, node(name, &labels));
    }
    api.forbid(JOBS, "list");
    api.forbid(PODS, "watch");
    write_config(folder.path(), &server.url());
    let config = folder.path().join("wattledger.toml");
    let kubernetes = format!("kubernetes = {{ kubeconfig = {:?} }}\npue =", api.kubeconfig());
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("pue =", &kubernetes)).unwrap();

    let screen = String::from_utf8(wattledger(folder.path(), "doctor --month 2026-10").stdout).unwrap();
    println!("{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    assert!(screen.ends_with("Next: kubectl apply -f deploy/rbac.yaml, and use its account\n"), "{screen}");
    let report: Value = serde_json::from_slice(&wattledger(folder.path(), "doctor --month 2026-10 --json").stdout).unwrap();
    assert_eq!(says(&report, "Kubernetes"), "the API answers, and the account may not list batch/jobs; may not watch pods");
    assert!(says(&report, "exporters").ends_with("its energy will be missing: m1"), "{report}");
    assert_eq!(
        says(&report, "placing"),
        format!("nothing says which node these are of, so they are not used: bmc at {}", exporter.target())
    );
    assert!(says(&report, "labels").contains("`exported_instance`"), "{report}");

    // The role is bound, the controller is mapped, a recorder writes.
    drop(api);
    let api = ApiServer::start();
    api.apply(NODES, node("cloud", &json!({"node.kubernetes.io/instance-type": "m5.xlarge"})));
    let mapped = format!("{kubernetes} 1.1\nbmc = [{{ instance = \"{}\", node = \"m1\" }}]\n#", exporter.target());
    let text = fs::read_to_string(&config).unwrap().replace(&kubernetes, &mapped);
    let kubeconfig = text.lines().find(|line| line.starts_with("kubernetes")).unwrap();
    fs::write(&config, text.replace(kubeconfig, &format!("kubernetes = {{ kubeconfig = {:?} }}", api.kubeconfig()))).unwrap();
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    let journals = folder.path().join("evidence/recorder/c");
    fs::create_dir_all(&journals).unwrap();
    fs::write(journals.join(format!("{today}.jsonl")), "").unwrap();

    println!("{}", String::from_utf8_lossy(&wattledger(folder.path(), "doctor --month 2026-10").stdout));
    let json = wattledger(folder.path(), "doctor --month 2026-10 --json").stdout;
    println!("{}", String::from_utf8_lossy(&json));
    let report: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(says(&report, "Kubernetes"), format!("the API answers and grants all rights; a recorder wrote its journal of {today}"));
    assert_eq!(says(&report, "exporters"), "2 of 3 nodes have an energy meter; the power of the others is modelled: cloud as m5.xlarge");
    assert_eq!(state(&report, "placing"), Vec::<String>::new());

    // Out of reach: said, and the rest goes on.
    api.set_down(true);
    let report: Value = serde_json::from_slice(&wattledger(folder.path(), "doctor --month 2026-10 --json").stdout).unwrap();
    assert!(says(&report, "Kubernetes").starts_with("K8S_UNREACHABLE"), "{report}");
    assert_eq!(state(&report, "Prometheus"), ["fine"]);
}
