//! What `explain` says adds up, level by level, and each step of it is worked out here once more, from what it prints alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use polars::prelude::{DataFrame, ParquetReader, SerReader};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wattledger::disclosure::figure_ids::{FigureIndex, RowId};

use crate::compare::integer;
use crate::{altered, sample};

const STEP_MS: i64 = 900_000;

fn config() -> PathBuf {
    sample::root().join("sample-data/wattledger.toml")
}

fn report(config: &Path) -> Value {
    let out = TempDir::new().unwrap();
    let arguments = ["report", "--month", "2026-10", "--out", out.path().to_str().unwrap(), "--no-sensitivity", "--format", "json"];
    sample::wattledger_ok(&arguments, config);
    serde_json::from_slice(&fs::read(out.path().join("report.json")).unwrap()).unwrap()
}

/// The explanations of figures, each with all its levels and terms.
fn explain(config: &Path, figures: &[String]) -> Vec<Value> {
    let mut arguments = vec!["explain", "--month", "2026-10", "--json", "--top", "0"];
    arguments.extend(figures.iter().map(String::as_str));
    let output = sample::wattledger_ok(&arguments, config);
    match serde_json::from_slice(&output.stdout).unwrap() {
        Value::Array(all) => all,
        one => vec![one],
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn whole(value: &Value) -> i64 {
    integer(value).unwrap_or_else(|| panic!("{value} is no integer"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// What was checked, so that a test can say that there was something to check.
#[derive(Debug, Default)]
struct Checked {
    levels: usize,
    sums: usize,
    products: usize,
    splits: usize,
    differences: usize,
    run_rows: usize,
    intensities: usize,
    files: usize,
    queries: usize,
}

struct Checker {
    evidence: PathBuf,
    checked: Checked,
    /// Frames of evidence by path.
    frames: BTreeMap<PathBuf, DataFrame>,
}

impl Checker {
    fn new(evidence: PathBuf) -> Self {
        Self { evidence, checked: Checked::default(), frames: BTreeMap::new() }
    }

    fn explanation(&mut self, explanation: &Value) {
        let mut level = explanation;
        loop {
            self.level(level);
            if level["next"].is_null() {
                return;
            }
            level = &level["next"];
        }
    }

    fn level(&mut self, level: &Value) {
        self.checked.levels += 1;
        let what = text(&level["what"]);
        for sum in list(level, "sums") {
            self.sum(sum, what);
            if sum["of"] == "this figure" {
                assert_eq!(sum["value"], level["value"], "{what}");
            }
        }
        list(level, "products").iter().for_each(|product| self.product(product, what));
        list(level, "splits").iter().for_each(|split| self.split(split, what));
        for counter in list(level, "counters") {
            let step = &level["step"];
            let start_ms = DateTime::parse_from_rfc3339(text(&step["from"])).unwrap().timestamp_millis();
            self.counter(counter, text(&step["cluster"]), start_ms);
        }
        for row in list(&level["run"], "rows") {
            self.run_row(row);
        }
        for intensity in list(level, "intensities") {
            self.intensity(intensity);
        }
        for file in list(level, "evidence") {
            self.file(text(&file["path"]), text(&file["sha256"]));
        }
        for query in list(level, "queries") {
            self.query(query, list(level, "counters"));
        }
    }

    fn sum(&mut self, sum: &Value, what: &str) {
        self.checked.sums += 1;
        assert!(sum["others"].is_null(), "{what}: --top 0 shows all");
        let terms: i64 = list(sum, "terms").iter().map(|term| whole(&term["value"])).sum();
        assert_eq!(terms, whole(&sum["value"]), "{what}, {}: the terms do not add up", sum["by"]);
        assert_eq!(terms, whole(&sum["total"]), "{what}");
        assert_eq!(sum["adds_up"], true, "{what}");
        assert_eq!(list(sum, "terms").len(), whole(&sum["rows"]) as usize, "{what}");
        assert!(text(&sum["says"]).starts_with("adds up: "), "{what}");
    }

    /// Each formula once more, from its operands.
    fn product(&mut self, product: &Value, what: &str) {
        self.checked.products += 1;
        let of = |name: &str| {
            let operand = list(product, "operands").iter().find(|operand| operand["name"] == name);
            operand.unwrap_or_else(|| panic!("{what}: no operand {name}"))["value"].as_f64().unwrap()
        };
        let rounded = |value: f64| (value + 0.5).floor() as i64;
        let result = match text(&product["formula"]) {
            "floor(energy_mj × gco2e_per_kwh / 3600 + 0.5)" => rounded(of("energy_mj") * of("gco2e_per_kwh") / 3_600.0),
            "floor(energy_mj × pue + 0.5)" => rounded(of("energy_mj") * of("pue")),
            "floor(metered_mj / steps + 0.5)" => rounded(of("metered_mj") / of("steps")),
            "floor(mean_mj × there_ms / step_ms + 0.5)" => rounded(of("mean_mj") * of("there_ms") / of("step_ms")),
            "floor(embodied_ugco2e × served_ms / life_ms + 0.5)" => {
                let exact = |name: &str| of(name) as i128;
                let (whole, served, life) = (exact("embodied_ugco2e"), exact("served_ms"), exact("life_ms"));
                ((2 * whole * served + life).div_euclid(2 * life)) as i64
            }
            "floor((embodied_kgco2e + gpus × gpu_embodied_kgco2e) × 1,000,000,000 + 0.5)" => {
                rounded((of("embodied_kgco2e") + of("gpus") * of("gpu_embodied_kgco2e")) * 1e9)
            }
            other => panic!("{what}: nobody knows the formula {other}"),
        };
        assert_eq!(result, whole(&product["result"]), "{what}: {}", product["formula"]);
    }

    /// Largest remainder over all rows, in whole numbers.
    fn split(&mut self, split: &Value, what: &str) {
        self.checked.splits += 1;
        self.sum(&split["parts"], what);
        let whole_of = whole(&split["whole"]) as i128;
        let total = whole(&split["total_weight"]) as i128;
        let terms = list(&split["parts"], "terms");
        let weights: Vec<i128> = terms.iter().map(|term| whole(&term["weight"]) as i128).collect();
        assert_eq!(weights.iter().sum::<i128>(), total, "{what}: weights");
        let mut parts: Vec<i128> = weights.iter().map(|weight| whole_of * weight / total).collect();
        let left = whole_of - parts.iter().sum::<i128>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(whole_of * weights[*at] % total), *at));
        order.into_iter().take(left as usize).for_each(|at| parts[at] += 1);
        for (term, part) in terms.iter().zip(&parts) {
            assert_eq!(whole(&term["value"]) as i128, *part, "{what}: part of {}", term["what"]);
        }
        let own = terms.iter().any(|term| term["value"] == split["part"] && term["weight"] == split["weight"]);
        assert!(own, "{what}: its own part is among the parts");
    }

    /// A cumulative value is rounded at the edges of the step and differences are taken; both readings are in the day's samples.
    fn counter(&mut self, counter: &Value, cluster: &str, start_ms: i64) {
        let (from_ms, to_ms) = (start_ms, start_ms + STEP_MS);
        let instant = |value: &Value| DateTime::parse_from_rfc3339(text(value)).unwrap().timestamp_millis();
        let thousandths = |value: f64| (value * 1_000.0 + 0.5).floor() as i64;
        assert!(!list(counter, "series").is_empty(), "a counter names its series");
        let mut total = 0;
        for difference in list(counter, "differences") {
            let (t0, t1) = (instant(&difference["from"]), instant(&difference["to"]));
            let (a, b) = (difference["from_value"].as_f64().unwrap(), difference["to_value"].as_f64().unwrap());
            let at = |t: i64| match t {
                t if t <= t0 => a,
                t if t >= t1 => b,
                t => (a + (b - a) * ((t - t0) as f64 / (t1 - t0) as f64)).min(b),
            };
            let in_step = thousandths(at(t1.min(to_ms))) - thousandths(at(t0.max(from_ms)));
            assert_eq!(in_step, whole(&difference["in_step"]), "{counter}");
            total += in_step;
            if difference["note"].is_null() && difference["from_raw"].is_null() {
                for (t, value) in [(t0, a), (t1, b)] {
                    self.sample(cluster, start_ms, list(counter, "series"), t, value);
                }
            }
            self.checked.differences += 1;
        }
        assert_eq!(total, whole(&counter["total"]));
    }

    /// A reading is in the evidence, in one of the series that are named.
    fn sample(&mut self, cluster: &str, start_ms: i64, series: &[Value], at_ms: i64, value: f64) {
        let day = DateTime::from_timestamp_millis(start_ms).unwrap().format("%Y-%m-%d").to_string();
        let folder = self.evidence.join(cluster).join(day);
        let names = self.frame(&folder.join("series.parquet"));
        let (metric, labels) =
            (names.column("metric").unwrap().str().unwrap().clone(), names.column("labels").unwrap().str().unwrap().clone());
        let wanted: BTreeSet<(String, String)> =
            series.iter().map(|series| (text(&series["metric"]).to_owned(), serde_json::to_string(&series["labels"]).unwrap())).collect();
        let is_wanted = |at: usize| wanted.contains(&(metric.get(at).unwrap().to_owned(), labels.get(at).unwrap().to_owned()));
        let ids: BTreeSet<i32> = (0..names.height()).filter(|at| is_wanted(*at)).map(|at| at as i32).collect();
        assert_eq!(ids.len(), wanted.len(), "the series are in the evidence");
        let samples = self.frame(&folder.join("samples.parquet"));
        let columns = (samples.column("series_id").unwrap(), samples.column("ts_ms").unwrap(), samples.column("value").unwrap());
        let (id, ts, values) = (columns.0.i32().unwrap(), columns.1.i64().unwrap(), columns.2.f64().unwrap());
        let is_it = |at: usize| ts.get(at) == Some(at_ms) && values.get(at) == Some(value) && ids.contains(&id.get(at).unwrap());
        assert!((0..samples.height()).any(is_it), "{value} at {at_ms} is no sample of {wanted:?}");
    }

    fn frame(&mut self, path: &Path) -> DataFrame {
        let read = |path: &Path| ParquetReader::new(fs::File::open(path).unwrap()).finish().unwrap();
        self.frames.entry(path.to_owned()).or_insert_with(|| read(path)).clone()
    }

    /// The same energy on both sides, each with its own mean intensity.
    fn run_row(&mut self, row: &Value) {
        let energy = whole(&row["active_mj"]);
        for side in ["actual", "counterfactual"] {
            let side = &row[side];
            if side.is_null() {
                continue;
            }
            self.checked.run_rows += 1;
            let integral: i128 = text(&side["integral"]).parse().unwrap();
            let milliseconds = whole(&side["milliseconds"]);
            let of = |name: &str| side[name].as_f64().unwrap();
            let factor = integral as f64 / milliseconds as f64 * of("pue") / (1e6 * 3_600.0);
            assert_eq!(factor, of("ug_per_mj"), "{row}");
            assert_eq!((energy as f64 * factor + 0.5).floor() as i64, whole(&side["ugco2e"]), "{row}");
            let instant = |key: &str| DateTime::parse_from_rfc3339(text(&side[key])).unwrap().timestamp_millis();
            assert_eq!(instant("to") - instant("from"), milliseconds);
        }
    }

    /// A value of a provider is in the file that is named.
    fn intensity(&mut self, intensity: &Value) {
        self.checked.intensities += 1;
        if intensity["status"] == "filled" {
            return;
        }
        let path = text(&intensity["path"]).to_owned();
        self.file(&path, text(&intensity["sha256"]));
        let frame = self.frame(&self.evidence.join(&path));
        let seconds = |key: &str| DateTime::parse_from_rfc3339(text(&intensity[key])).unwrap().timestamp();
        let column = |name: &str| frame.column(name).unwrap().clone();
        let (start, direct) = (column("start_s"), column("direct_gco2e_per_kwh"));
        let (start, direct) = (start.i64().unwrap(), direct.f64().unwrap());
        let is_it = |at: usize| start.get(at) == Some(seconds("from")) && direct.get(at) == intensity["gco2e_per_kwh"].as_f64();
        assert!((0..frame.height()).any(is_it), "{intensity} is not in its file");
    }

    fn file(&mut self, path: &str, sha256: &str) {
        self.checked.files += 1;
        let bytes = fs::read(self.evidence.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, sha256, "{path}");
    }

    /// What was asked names a metric of the counters that it stands beneath.
    fn query(&mut self, query: &Value, counters: &[Value]) {
        self.checked.queries += 1;
        let metrics: Vec<&str> =
            counters.iter().flat_map(|counter| list(counter, "series")).map(|series| text(&series["metric"])).collect();
        assert!(metrics.iter().any(|metric| text(&query["promql"]).contains(metric)), "{query} asks for none of {metrics:?}");
    }
}

/// Every figure of the report that is not of a single run, day or hour, and some of those.
fn some_of_all(index: &FigureIndex) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let is_wanted = |figure: &&wattledger::disclosure::figure_ids::Figure| match &figure.row {
        // A few of each kind of figure.
        RowId::Run(_) | RowId::NodeDay { .. } | RowId::Hour { .. } | RowId::Workload { .. } | RowId::Namespace { .. } => {
            let kind = figure.id.split(':').next().unwrap();
            let count = seen.entry(format!("{kind}:{}", figure.field)).or_default();
            *count += 1;
            // Spread over the rows of a kind.
            *count % 7 == 1 && *count < 22
        }
        _ => true,
    };
    index.figures().iter().filter(is_wanted).map(|figure| figure.id.clone()).collect()
}

#[test]
fn every_kind_of_figure_of_the_sample_adds_up_from_samples_to_report() {
    let report = report(&config());
    let index = FigureIndex::of(&report);
    let figures = some_of_all(&index);

    let explanations = explain(&config(), &figures);

    assert_eq!(explanations.len(), figures.len());
    let mut checker = Checker::new(sample::root().join("sample-data/evidence"));
    let mut deep = 0;
    for (figure, explanation) in figures.iter().zip(&explanations) {
        assert_eq!(explanation["id"], **figure);
        assert_eq!(integer(&explanation["value"]), index.get(figure).unwrap().value, "{figure} is that of the report");
        checker.explanation(explanation);
        let levels = std::iter::successors(Some(explanation), |level| Some(&level["next"]).filter(|next| !next.is_null()));
        deep += usize::from(levels.clone().any(|level| !list(level, "counters").is_empty()));
        for level in levels {
            assert!(level["value"].is_null() || !text(&level["what"]).is_empty());
        }
    }
    let checked = &checker.checked;
    println!("{} figures, {deep} of them down to samples: {checked:?}", figures.len());
    assert!(figures.len() > 300 && deep > 150, "{} figures, {deep} down to samples", figures.len());
    assert!(checked.levels > 2_000 && checked.sums > 2_000 && checked.splits > 150 && checked.products > 200, "{checked:?}");
    assert!(checked.differences > 1_000 && checked.run_rows > 1_000 && checked.intensities > 100, "{checked:?}");
    assert!(checked.files > 1_000 && checked.queries > 200, "{checked:?}");
}

/// Where nothing meters pods, where a model stands in, and where tails are moved, the levels add up as well.
#[test]
fn tiers_tails_and_corrections_add_up_too() {
    let folder = TempDir::new().unwrap();
    altered::write_with_tiers_and_tails(folder.path());
    for tails in ["last-rate", "unattributed"] {
        let (_, config) = altered::config_with_losses(folder.path(), tails);
        let report = report(&config);
        let index = FigureIndex::of(&report);
        let is_wanted = |id: &&String| ["cluster:", "namespace:prod-nl", "node-day:prod-nl"].iter().any(|kind| id.starts_with(kind));
        let figures: Vec<String> = some_of_all(&index).iter().filter(is_wanted).cloned().collect();
        let mut checker = Checker::new(folder.path().join("evidence"));
        for explanation in explain(&config, &figures) {
            checker.explanation(&explanation);
        }
        let checked = checker.checked;
        assert!(checked.levels > 200 && checked.splits > 30 && checked.sums > 200, "{checked:?}");
    }
}

/// One figure by hand, so that the checks above are not the only ones who know what is right.
#[test]
fn a_row_of_an_hour_is_re_derived_from_the_parquet_files_by_hand() {
    let Some(python) = sample::python_with_duckdb() else { return };
    let figure = "row:prod-nl:shop:Deployment/web@20261007T10Z:facility_mj".to_owned();
    let explanation = &explain(&config(), &[figure])[0];
    let evidence = sample::root().join("sample-data/evidence/prod-nl/2026-10-07");
    // Facility energy of the hour: in each step and node, round(metered × PUE) shared by energy. Here: the metered energy of the workload's pods in the
    // hour, of which the walk's next levels are the parts.
    let query = format!(
        "SELECT CAST(SUM(u.active_mj) AS BIGINT) FROM '{0}/usage-000.parquet' u JOIN '{0}/pods.parquet' p USING (pod_id) \
         WHERE p.namespace = 'shop' AND p.workload = 'Deployment/web' AND u.step BETWEEN 1990408 AND 1990411",
        evidence.display()
    );
    let script = format!("import duckdb; print(duckdb.sql(\"\"\"{query}\"\"\").fetchall()[0][0])");
    let output = std::process::Command::new(python).args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let by_duckdb: i64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let active = explain(&config(), &["row:prod-nl:shop:Deployment/web@20261007T10Z:active_mj".to_owned()]);
    assert_eq!(integer(&active[0]["value"]), Some(by_duckdb));
    // 1.2 is the cluster's PUE; rounding once a node and step moves at most a millijoule each.
    let metered =
        integer(&explain(&config(), &["row:prod-nl:shop:Deployment/web@20261007T10Z:metered_mj".to_owned()])[0]["value"]).unwrap();
    let facility = integer(&explanation["value"]).unwrap();
    assert!((facility as f64 - metered as f64 * 1.2).abs() < 20.0, "{facility} of {metered}");
}

#[test]
fn a_figure_that_is_not_there_is_answered_with_the_nearest() {
    for (asked, nearest) in [
        ("namespace:prod-nl:shops:facility_mj", "namespace:prod-nl:shop:facility_mj"),
        ("totals:facility", "totals:facility_mj"),
        ("what is this", ""),
    ] {
        let output = sample::wattledger(&["explain", asked, "--month", "2026-10"], &config());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(&format!("no figure `{asked}` in this month; the nearest are")),
            "{stderr}"
        );
        assert!(stderr.contains(nearest) && stderr.contains("hint: "), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_row_lists_its_figures_and_depth_and_top_cut_what_is_shown() {
    let run = |arguments: &[&str]| {
        let mut all = vec!["explain", "--month", "2026-10"];
        all.extend(arguments);
        String::from_utf8(sample::wattledger_ok(&all, &config()).stdout).unwrap()
    };
    let row = run(&["namespace:prod-nl:shop"]);
    assert!(row.contains("namespace:prod-nl:shop:facility_mj ") && row.contains(" mJ"), "{row}");
    let hour = run(&["row:prod-nl:shop:Deployment/web@20261007T10Z"]);
    assert!(hour.contains(":scope2_market_based_ugco2e") && hour.contains(":upstream_ugco2e"), "{hour}");

    let shallow = run(&["totals:facility_mj", "--depth", "1", "--top", "2"]);
    assert!(!shallow.contains("made of") && shallow.contains("adds up: 3 rows = "), "{shallow}");
    let deep = run(&["totals:facility_mj", "--top", "2"]);
    for level in
        ["cluster:", "namespace:", "workload:", "row:", "step:", "Counter of the node's energy", "SHA-256", "kepler/node_cpu_joules.promql"]
    {
        assert!(deep.contains(level), "{level} is not on the way down:\n{deep}");
    }
    assert!(deep.lines().filter(|line| line.contains(" more")).count() > 3, "what is not shown is counted");
    assert!(!deep.contains('\u{1b}'), "no colours where nobody looks");
}
