//! Machines as goods from evidence to report: every figure is worked out here again, from the tables and by plain arithmetic.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use wattledger::evidence::Store;
use wattledger::model::tables::Table;
use wattledger::units::UtcDay;

use crate::altered;
use crate::compare::integer;
use crate::sample::{self, report};

/// October 2026 in Amsterdam, in seconds since the epoch: 745 hours.
const PERIOD_S: (i64, i64) = (1_790_805_600, 1_793_487_600);
const CAPACITY_MILLI: i64 = 16_000;
const LIFE_HOURS: f64 = 5.0 * 8_766.0;
/// 1,733 kg and two GPUs of 150 kg, in micrograms.
const OWN_UG: f64 = 2_033e9;
const CLOUD_UG: f64 = 1_000e9;

/// `prod-nl` has a class with GPUs, `burst-pl` one of a cloud, `edge-fr` none.
fn write_config(folder: &Path, burst: &[(&str, &str)]) -> std::path::PathBuf {
    let mut config = sample::sample_config();
    let text = r#"
        hardware = [
            { name = "own", idle_watts = 60.0, max_watts = 300.0, embodied_kgco2e = 1733.0, gpus = 2, gpu_embodied_kgco2e = 150.0, life_years = 5.0, source = "data sheet" },
            { name = "rented", idle_watts = 60.0, max_watts = 300.0, embodied_kgco2e = 1000.0, life_years = 5.0, source = "coefficients" },
        ]
        functional_unit = [
            { cluster = "prod-nl", namespace = "shop", workload = "Deployment/web", unit = "1,000 requests", counts = { "2026-10" = 250000.0 }, source = "access log" },
            { cluster = "prod-nl", namespace = "shop", workload = "Deployment/nobody", unit = "1,000 requests", counts = { "2026-10" = 1.0 }, source = "access log" },
        ]
    "#;
    let more: toml::Table = toml::from_str(text).unwrap();
    let table = config.as_table_mut().unwrap();
    table.extend(more);
    for cluster in table["cluster"].as_array_mut().unwrap() {
        let cluster = cluster.as_table_mut().unwrap();
        match cluster["name"].as_str().unwrap() {
            "prod-nl" => drop(cluster.insert("hardware".to_owned(), "own".into())),
            "burst-pl" => {
                cluster.insert("hardware".to_owned(), "rented".into());
                for (key, value) in burst {
                    cluster.insert((*key).to_owned(), (*value).into());
                }
            }
            _ => {}
        }
    }
    let path = folder.join("wattledger.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    path
}

/// What the tables say of a cluster's nodes: existence within the period (ms), and milli-core-steps by namespace and workload.
#[derive(Default)]
struct Seen {
    span: BTreeMap<String, (i64, i64)>,
    reserved: BTreeMap<String, BTreeMap<(String, String), i64>>,
}

fn seen(cluster: &str) -> Seen {
    let store = Store::new(sample::root().join("sample-data/evidence"));
    let (first, last): (UtcDay, UtcDay) = ("2026-09-30".parse().unwrap(), "2026-10-31".parse().unwrap());
    let mut seen = Seen::default();
    for day in first.through(last) {
        let manifest = store.day(cluster, day).unwrap().unwrap();
        let [nodes, pods, usage] = [Table::Nodes, Table::Pods, Table::Usage].map(|table| store.read_table(&manifest, table).unwrap());
        let text = |frame: &polars::prelude::DataFrame, column: &str| -> Vec<String> {
            frame.column(column).unwrap().str().unwrap().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
        };
        let number = |frame: &polars::prelude::DataFrame, column: &str| -> Vec<i64> {
            let column = frame.column(column).unwrap().cast(&polars::prelude::DataType::Int64).unwrap();
            column.i64().unwrap().iter().map(|number| number.unwrap_or(0)).collect()
        };
        let names = text(&nodes, "node");
        for (name, (first, last)) in names.iter().zip(number(&nodes, "first_ms").into_iter().zip(number(&nodes, "last_ms"))) {
            let span = seen.span.entry(name.clone()).or_insert((i64::MAX, i64::MIN));
            *span = (span.0.min(first.max(PERIOD_S.0 * 1_000)), span.1.max(last.min(PERIOD_S.1 * 1_000)));
        }
        let requests = number(&pods, "cpu_request_milli");
        let workloads: Vec<(String, String)> = text(&pods, "namespace").into_iter().zip(text(&pods, "workload")).collect();
        for ((pod, node), step) in number(&usage, "pod_id").into_iter().zip(number(&usage, "node_id")).zip(number(&usage, "step")) {
            if (PERIOD_S.0..PERIOD_S.1).contains(&(step * 900)) && requests[pod as usize] > 0 {
                let of_node = seen.reserved.entry(names[node as usize].clone()).or_default();
                *of_node.entry(workloads[pod as usize].clone()).or_default() += requests[pod as usize];
            }
        }
    }
    seen
}

/// By workload, what its machines' making comes to in the period.
fn expected(cluster: &str, total_ug: f64) -> BTreeMap<(String, String), f64> {
    let seen = seen(cluster);
    let idle = || ("(idle)".to_owned(), "(idle)".to_owned());
    let mut parts = BTreeMap::new();
    for (node, (first_ms, last_ms)) in &seen.span {
        let part = total_ug * (last_ms - first_ms) as f64 / 3_600_000.0 / LIFE_HOURS;
        let steps = (last_ms + 899_999) / 900_000 - first_ms / 900_000;
        let capacity = (CAPACITY_MILLI * steps) as f64;
        let mut left = 1.0;
        for (workload, milli_steps) in seen.reserved.get(node).into_iter().flatten() {
            let share = *milli_steps as f64 / capacity;
            left -= share;
            *parts.entry(workload.clone()).or_insert(0.0) += part * share;
        }
        assert!(left > 0.0, "{node} is not promised twice");
        *parts.entry(idle()).or_insert(0.0) += part * left;
    }
    parts
}

fn figures<'a>(report: &'a Value, list: &str, cluster: &str) -> Vec<&'a Value> {
    report[list].as_array().unwrap().iter().filter(|row| row["cluster"] == cluster).collect()
}

/// Every row of a cluster is what the tables give, to the microgram a node.
fn assert_shared(report: &Value, cluster: &str, total_ug: f64) {
    let expected = expected(cluster, total_ug);
    let mut compared = 0;
    for row in figures(report, "workloads", cluster) {
        let key = (row["namespace"].as_str().unwrap().to_owned(), row["workload"].as_str().unwrap().to_owned());
        let found = integer(&row["embodied_amortised_ugco2e"]).unwrap_or(0);
        let wanted = expected.get(&key).copied().unwrap_or(0.0);
        assert!((found as f64 - wanted).abs() < 8.0, "{cluster} {key:?}: {found} and not {wanted}");
        compared += usize::from(wanted > 0.0);
    }
    assert_eq!(compared, expected.len());
}

fn codes(report: &Value) -> Vec<(&str, &str)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| (finding["code"].as_str().unwrap(), finding["message"].as_str().unwrap().split(':').next().unwrap()))
        .filter(|(code, _)| {
            ["EMBODIED_UNKNOWN", "CAPACITY_UNKNOWN", "IN_SERVICE_UNKNOWN", "GPU_SHARED_BY_CPU", "SCI_WORKLOAD"].contains(code)
        })
        .collect()
}

#[test]
fn a_months_machines_are_shared_by_what_was_reserved() {
    let folder = TempDir::new().unwrap();
    altered::write_with_capacity(folder.path(), CAPACITY_MILLI);
    let report = report(&write_config(folder.path(), &[]), &folder.path().join("out"));
    let figure = |name: &str| integer(&report["totals"][name]);

    assert_shared(&report, "prod-nl", OWN_UG);
    assert_shared(&report, "burst-pl", CLOUD_UG);
    // edge-fr has no class: unknown, which is not zero, and said.
    for row in figures(&report, "workloads", "edge-fr") {
        assert_eq!(row["embodied_amortised_ugco2e"], Value::Null);
    }
    let assets = report["scope3"]["assets"].as_array().unwrap();
    let amortised: i64 = assets.iter().map(|asset| integer(&asset["amortised_ugco2e"]).unwrap()).sum();
    assert_eq!(figure("embodied_amortised_ugco2e"), Some(amortised));
    let of_cloud: i64 =
        assets.iter().filter(|asset| asset["cluster"] == "burst-pl").map(|asset| integer(&asset["amortised_ugco2e"]).unwrap()).sum();
    assert_eq!(integer(&report["scope3"]["cloud_embodied_ugco2e"]), Some(of_cloud));
    let operation = integer(&figures(&report, "clusters", "burst-pl")[0]["operational_hourly_ugco2e"]).unwrap();
    assert_eq!(figure("scope3_category_1_ugco2e"), Some(operation + of_cloud));
    // The own nodes were there when the evidence began.
    assert_eq!(figure("scope3_category_2_ugco2e"), Some(0));
    assert_eq!(
        codes(&report),
        [("EMBODIED_UNKNOWN", "edge-fr"), ("GPU_SHARED_BY_CPU", "prod-nl"), ("IN_SERVICE_UNKNOWN", "prod-nl"), ("SCI_WORKLOAD", "prod-nl"),]
    );
}

#[test]
fn a_score_is_what_a_workloads_row_says_by_its_count() {
    let folder = TempDir::new().unwrap();
    altered::write_with_capacity(folder.path(), CAPACITY_MILLI);
    let report = report(&write_config(folder.path(), &[]), &folder.path().join("out"));
    let web = figures(&report, "workloads", "prod-nl").into_iter().find(|row| row["workload"] == "Deployment/web").unwrap();
    let [operation, making] =
        ["operational_hourly_ugco2e", "embodied_amortised_ugco2e"].map(|figure| integer(&web[figure]).unwrap() as f64);
    let score = &report["sci"][0];

    assert_eq!(report["sci"].as_array().unwrap().len(), 1);
    assert!(operation > 0.0 && making > 0.0);
    let per_unit = score["sci_ugco2e_per_unit"].as_f64().unwrap();
    assert!((per_unit - (operation + making) / 250_000.0).abs() < 1e-9 * per_unit, "{score}");
}

#[test]
fn a_machine_of_ours_that_comes_in_the_month_is_capitalised_in_it() {
    let folder = TempDir::new().unwrap();
    altered::write_with_capacity(folder.path(), CAPACITY_MILLI);
    let report = report(&write_config(folder.path(), &[("boundary", "owned")]), &folder.path().join("out"));
    let assets: Vec<&Value> =
        report["scope3"]["assets"].as_array().unwrap().iter().filter(|asset| asset["cluster"] == "burst-pl").collect();
    let of = |node: &str| *assets.iter().find(|asset| asset["node"] == node).unwrap();

    // pl-node-2 came on the 5th; pl-node-1 was there before anybody looked.
    assert_eq!(
        (&of("pl-node-2")["in_service"], integer(&of("pl-node-2")["capitalised_ugco2e"])),
        (&Value::from("2026-10-05"), Some(CLOUD_UG as i64))
    );
    assert_eq!((&of("pl-node-1")["in_service"], integer(&of("pl-node-1")["capitalised_ugco2e"])), (&Value::Null, Some(0)));
    assert_eq!(integer(&report["totals"]["scope3_category_2_ugco2e"]), Some(CLOUD_UG as i64));
    let idle = figures(&report, "workloads", "burst-pl").into_iter().find(|row| row["workload"] == "(idle)").unwrap();
    assert_eq!(integer(&idle["scope3_category_2_ugco2e"]), Some(CLOUD_UG as i64));
    // There is no cloud now, so category 1 has nothing of machines, and the two figures are never one.
    assert_eq!(integer(&report["totals"]["scope3_category_1_ugco2e"]), Some(0));
}

#[test]
fn factors_of_sites_and_classes_are_listed_with_their_source() {
    let folder = TempDir::new().unwrap();
    altered::write_with_capacity(folder.path(), CAPACITY_MILLI);
    let mut config: toml::Value = toml::from_str(&fs::read_to_string(write_config(folder.path(), &[])).unwrap()).unwrap();
    for cluster in config["cluster"].as_array_mut().unwrap() {
        let cluster = cluster.as_table_mut().unwrap();
        if cluster["name"].as_str() == Some("burst-pl") {
            cluster.remove("pue");
            cluster.insert("region".to_owned(), "aws/eu-central-1".into());
        }
    }
    let path = folder.path().join("region.toml");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    let report = report(&path, &folder.path().join("out"));
    let factors = report["factors"].as_array().unwrap();
    let of = |quantity: &str, geography: &str| {
        factors
            .iter()
            .find(|factor| factor["quantity"] == quantity && factor["geography"] == geography)
            .unwrap_or_else(|| panic!("no {quantity} of {geography} in {factors:#?}"))
    };

    let region = of("pue", "aws/eu-central-1");
    assert_eq!(
        (region["value"].as_f64(), &region["origin"], &region["publisher"]),
        (Some(1.35), &"embedded".into(), &"Amazon Web Services".into())
    );
    assert_eq!((of("pue", "prod-nl")["value"].as_f64(), &of("pue", "prod-nl")["origin"]), (Some(1.2), &"configuration".into()));
    assert_eq!(of("server-embodied", "own")["publication"], "data sheet");
    assert_eq!(of("gpu-embodied", "own")["value"].as_f64(), Some(150.0));
    assert!(factors.iter().all(|factor| factor["geography"] != "edge-fr" || factor["quantity"] == "pue"));
}

#[test]
fn an_own_table_goes_before_the_regions_published_pue() {
    let folder = TempDir::new().unwrap();
    altered::write_with_capacity(folder.path(), CAPACITY_MILLI);
    let table = "id,quantity,geography,value,unit,low,high,year,valid_from,valid_to,gas_basis,publisher,publication,url,licence,nuclear_share,note\n\
                 mine,pue,aws/eu-central-1,1.5,ratio,,,2026,2026-01-01,,,Amazon Web Services,A letter of ours,,own,,\n";
    fs::write(folder.path().join("own.csv"), table).unwrap();
    let report_with = |name: &str, files: &[&str]| {
        let mut config: toml::Value = toml::from_str(&fs::read_to_string(write_config(folder.path(), &[])).unwrap()).unwrap();
        let table = config.as_table_mut().unwrap();
        for cluster in table["cluster"].as_array_mut().unwrap() {
            let cluster = cluster.as_table_mut().unwrap();
            if cluster["name"].as_str() == Some("burst-pl") {
                cluster.remove("pue");
                cluster.insert("region".to_owned(), "aws/eu-central-1".into());
            }
        }
        let files: toml::Value = files.iter().map(|file| toml::Value::from(*file)).collect::<Vec<_>>().into();
        table.insert("factors".to_owned(), toml::Table::from_iter([("files".to_owned(), files)]).into());
        let path = folder.path().join(format!("{name}.toml"));
        fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
        report(&path, &folder.path().join(name))
    };
    let (published, own) = (report_with("published", &[]), report_with("own", &["own.csv"]));
    let energy = |report: &Value| integer(&figures(report, "clusters", "burst-pl")[0]["facility_mj"]).unwrap() as f64;

    assert_eq!(figures(&own, "clusters", "burst-pl")[0]["pue"].as_f64(), Some(1.5));
    assert!((energy(&own) / energy(&published) - 1.5 / 1.35).abs() < 1e-6);
    let row = own["factors"].as_array().unwrap().iter().find(|factor| factor["geography"] == "aws/eu-central-1").unwrap();
    assert_eq!((&row["id"], &row["origin"]), (&"mine".into(), &"own-file".into()));
    assert!(row["note"].as_str().unwrap().contains("From own.csv (SHA-256 "), "{row}");
}

#[test]
fn days_before_the_month_say_whether_a_machine_is_new() {
    let folder = TempDir::new().unwrap();
    altered::write_with_capacity(folder.path(), CAPACITY_MILLI);
    let config = write_config(folder.path(), &[("boundary", "owned")]);
    let store = Store::new(folder.path().join("evidence"));
    // The nodes of an October day as those of a September day: only their names are looked at.
    let put_before = |october: &str, september: &str| {
        let mut manifest = store.day("burst-pl", october.parse().unwrap()).unwrap().unwrap();
        let nodes = store.read_table(&manifest, Table::Nodes).unwrap();
        manifest.day = september.to_owned();
        store.write_day(&BTreeMap::from([(Table::Nodes, nodes)]), manifest).unwrap();
    };
    let second = |out: &str| {
        let report = report(&config, &folder.path().join(out));
        let assets = report["scope3"]["assets"].as_array().unwrap();
        let asset = assets.iter().find(|asset| asset["node"] == "pl-node-2").unwrap();
        (asset["in_service"].clone(), integer(&asset["capitalised_ugco2e"]).unwrap())
    };
    // pl-node-1 alone on 20 September, both on the 25th: it came then, and belongs to September's report.
    put_before("2026-10-02", "2026-09-20");
    assert_eq!(second("first"), ("2026-10-05".into(), CLOUD_UG as i64));
    put_before("2026-10-10", "2026-09-25");
    assert_eq!(second("second"), ("2026-09-25".into(), 0));
    // Further back than the look-back nobody looks.
    put_before("2026-10-10", "2026-08-01");
    assert_eq!(second("third"), ("2026-09-25".into(), 0));
}
