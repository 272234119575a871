//! The bench that a case runs on: a folder with made-up clusters, a configuration, our own binary run as a user would, and what came of it.
//!
//! Rule: a refusal leaves no report behind, a report balances on every node and day, nothing panics, and no case takes longer than a minute;
//! whatever breaks this is a complaint, and a case with a complaint has not survived.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::history::{Cluster, DAY, MONTH, NEXT_DAY, Truth};
use crate::prometheus::{Prometheus, Setup};
use crate::sample;

const LONGEST_CASE: Duration = Duration::from_secs(60);
/// Codes that say nothing of the data: what this configuration asks for, what it does not say of how machines were made, and days before the made-up
/// history begins.
const BACKGROUND: [&str; 3] = ["NOT_READ", "EMBODIED_UNKNOWN", "DAYS_BEFORE"];
/// The zone's annual factor, g/kWh: cases have months of 36 g/kWh, and months around 80, and a month's median may be half or twice of it.
const ANNUAL: f64 = 60.0;
const FACTORS: &str = "id,quantity,geography,value,unit,publisher,publication,licence\n\
    upstream,grid-upstream,NL,60,gCO2e/kWh,Example BV,invented for the test,own\n\
    losses,td-losses,NL,15,gCO2e/kWh,Example BV,invented for the test,own\n";

/// One run of the binary.
#[derive(Clone, Debug)]
pub struct Run {
    pub exit: i32,
    pub stderr: String,
    pub wall: Duration,
    pub max_rss_kib: i64,
}

/// Runs our binary and measures it.
pub fn wattledger(config: &Path, arguments: &[&str]) -> Run {
    wattledger_under(&[], config, arguments)
}

/// The same with variables of the environment.
pub fn wattledger_under(around: &[(&str, &str)], config: &Path, arguments: &[&str]) -> Run {
    let started = Instant::now();
    let mut process = Command::new(env!("CARGO_BIN_EXE_wattledger"))
        .arg("--config")
        .arg(config)
        .args(arguments)
        .envs(around.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = process.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut stderr = String::new();
        pipe.read_to_string(&mut stderr).unwrap();
        stderr
    });
    // `wait4` would tell the largest of the process and of the test that started it; /proc tells of the program alone.
    let mut max_rss_kib = 0;
    let status = loop {
        max_rss_kib = peak_rss_kib(process.id()).unwrap_or(max_rss_kib);
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    Run { exit: status.code().unwrap_or(-1), stderr: reader.join().unwrap(), wall: started.elapsed(), max_rss_kib }
}

/// None where the process has ended.
fn peak_rss_kib(pid: u32) -> Option<i64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches(" kB").parse().ok())
}

impl Run {
    /// The codes that lines with one of these beginnings name.
    fn codes(&self, beginnings: &[&str]) -> BTreeSet<String> {
        let lines = self.stderr.lines().filter(|line| beginnings.iter().any(|beginning| line.starts_with(beginning)));
        lines.flat_map(|line| line.split(": ")).filter(|part| is_code(part)).map(str::to_owned).collect()
    }
}

fn is_code(text: &str) -> bool {
    text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A finding of a report.
#[derive(Clone, Debug)]
pub struct Flag {
    pub code: String,
    pub message: String,
    pub failing: i64,
}

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Codes of a refusal, and of whatever was left out; empty where there is a report.
    pub refused: BTreeSet<String>,
    pub flags: Vec<Flag>,
    /// By cluster; empty where there is no report.
    pub figures: BTreeMap<String, Truth>,
    pub truth: BTreeMap<String, Truth>,
    /// How far a figure may be off, where the fault takes away what was used.
    pub tolerance_mj: i64,
    /// Whether the output is that of the same history without the fault.
    pub is_as_without_fault: bool,
    /// Whether something had to be asked again.
    pub was_retried: bool,
    pub complaints: Vec<String>,
    pub report: Option<Json>,
    /// Every piece of text that the three files show, where a case asked for them.
    pub shown: Vec<String>,
    /// Figures worth printing.
    pub notes: Vec<String>,
    /// What the case needs and this machine does not have: nothing was seen.
    pub left_out: Option<String>,
}

impl Seen {
    /// What the report says, without which files and editions it was made from.
    pub fn without_sources(&self) -> Option<serde_json::Value> {
        let mut report = self.report.clone()?;
        report["provenance"] = serde_json::Value::Null;
        for factor in report["factors"].as_array_mut()?.iter_mut().filter(|factor| factor["origin"] == "series") {
            factor["publication"] = serde_json::Value::Null;
        }
        Some(report)
    }

    pub fn demand(&mut self, is_so: bool, what: impl Into<String>) {
        if !is_so {
            self.complaints.push(what.into());
        }
    }

    /// Adds what another run of the same case saw.
    pub fn join(&mut self, other: Self) {
        self.refused.extend(other.refused);
        self.flags.extend(other.flags);
        self.complaints.extend(other.complaints);
        self.was_retried |= other.was_retried;
        self.is_as_without_fault &= other.is_as_without_fault;
        for (cluster, figures) in other.figures {
            let name = format!("{cluster}/{}", self.figures.len());
            self.truth.insert(name.clone(), other.truth[&cluster].clone());
            self.figures.insert(name, figures);
        }
    }

    /// Findings of a code, of one cluster.
    pub fn flags_of<'a>(&'a self, code: &'a str, cluster: &'a str) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(move |flag| flag.code == code && (flag.message.contains(cluster) || !flag.names_a_cluster()))
    }

    pub fn demand_failing(&mut self, code: &str, failing: i64) {
        let clusters: Vec<String> = self.figures.keys().cloned().collect();
        for cluster in clusters {
            let found: i64 = self.flags_of(code, &cluster).map(|flag| flag.failing).sum();
            self.demand(found == failing, format!("{cluster}: {code} names {found}, not {failing}"));
        }
    }

    /// Clusters whose figures are not the truth.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (cluster, figures) in &self.figures {
            let truth = &self.truth[cluster];
            let mut differences = vec![("metered".to_owned(), figures.metered_mj, truth.metered_mj)];
            let namespaces: BTreeSet<&String> = figures.active_mj.keys().chain(truth.active_mj.keys()).collect();
            let of = |from: &Truth, namespace: &String| from.active_mj.get(namespace).copied().unwrap_or(0);
            differences.extend(namespaces.into_iter().map(|name| (name.clone(), of(figures, name), of(truth, name))));
            let shown: Vec<String> = differences
                .into_iter()
                .filter(|(_, seen, truth)| (seen - truth).abs() > self.tolerance_mj)
                .map(|(what, seen, truth)| format!("{what} {seen} mJ, in truth {truth}"))
                .collect();
            if !shown.is_empty() {
                wrong.push(format!("{cluster}: {}", shown.join(", ")));
            }
        }
        wrong
    }

    /// Clusters whose figures are wrong and of which no finding speaks.
    pub fn silently_wrong(&self) -> usize {
        let speaks = |cluster: &str| self.flags.iter().any(|flag| flag.message.contains(cluster) || !flag.names_a_cluster());
        self.wrong().iter().filter(|line| !speaks(line.split([':', '/']).next().unwrap_or_default())).count()
    }

    pub fn codes(&self) -> BTreeSet<String> {
        self.flags.iter().map(|flag| flag.code.clone()).collect()
    }
}

impl Flag {
    /// Findings of a cluster begin with its name.
    fn names_a_cluster(&self) -> bool {
        self.message.starts_with('s') && self.message[1..].starts_with(|c: char| c.is_ascii_digit())
    }
}

/// A case's folder, with its clusters.
pub struct Bench {
    pub folder: TempDir,
    clusters: Vec<String>,
    truth: BTreeMap<String, Truth>,
    pub time_zone: &'static str,
    pub month: &'static str,
    /// UTC days to collect, the second not included; all of the month where there are none.
    pub days: Option<(&'static str, &'static str)>,
    pub intensity: Option<String>,
    pub provider: &'static str,
    /// The lines of a feed's table, for zone NL, in place of a file.
    pub feed: Option<String>,
    /// More keys of every cluster's `prometheus`, each after a comma.
    pub prometheus_keys: &'static str,
    /// More lines of every cluster.
    pub cluster_lines: String,
}

impl Bench {
    pub fn of(clusters: &[Cluster]) -> Self {
        let folder = TempDir::new().unwrap();
        let texts = folder.path().join("openmetrics");
        fs::create_dir(&texts).unwrap();
        for cluster in clusters {
            fs::write(texts.join(format!("{}.txt", cluster.name)), format!("{}# EOF\n", cluster.lines)).unwrap();
        }
        Self {
            folder,
            clusters: clusters.iter().map(|cluster| cluster.name.clone()).collect(),
            truth: clusters.iter().map(|cluster| (cluster.name.clone(), cluster.truth.clone())).collect(),
            time_zone: "UTC",
            month: MONTH,
            days: Some((DAY, NEXT_DAY)),
            intensity: None,
            provider: "files",
            feed: None,
            prometheus_keys: "",
            cluster_lines: String::new(),
        }
    }

    pub fn openmetrics(&self) -> PathBuf {
        self.folder.path().join("openmetrics")
    }

    pub fn server(&self, setup: &Setup) -> Prometheus {
        Prometheus::serving_with(&self.openmetrics(), setup)
    }

    pub fn clusters(&self) -> &[String] {
        &self.clusters
    }

    /// Writes a configuration of that name, with evidence of its own.
    pub fn config(&self, name: &str, url: &str) -> PathBuf {
        self.write_config(name, Some(url))
    }

    /// Asks the feed for the whole month, into the evidence of that name; the clusters themselves are asked for nothing.
    pub fn collect_feed(&self, name: &str) -> Run {
        let run = wattledger(&self.write_config(name, None), &["collect", "--month", self.month]);
        assert!(run.stderr.contains("NO_SOURCE"), "{}", run.stderr);
        run
    }

    fn write_config(&self, name: &str, url: Option<&str>) -> PathBuf {
        let root = self.folder.path();
        fs::create_dir_all(root.join("intensity")).unwrap();
        // Several configurations of a bench may be written while a run reads: the file is whole or not there.
        let unfinished = root.join(format!("{name}.csv"));
        fs::write(&unfinished, self.intensity.clone().unwrap_or_else(|| flat_intensity(self.month))).unwrap();
        fs::rename(unfinished, root.join("intensity/nl.csv")).unwrap();
        // Upstream and grid losses are said, so that a bench without fault has nothing unknown.
        let unfinished = root.join(format!("{name}-factors.csv"));
        fs::write(&unfinished, FACTORS).unwrap();
        fs::rename(unfinished, root.join("factors.csv")).unwrap();
        fs::write(root.join("secret"), "s3cret\n").unwrap();
        let files = || format!("provider = \"{}\"\nfiles = [\"intensity/*.csv\"]\n", self.provider);
        let mut text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"{}\"\n[report]\nidle = \"unallocated\"\n[evidence]\ndir = \"evidence-{name}\"\n[factors]\nfiles = [\"factors.csv\"]\n\
             [[intensity]]\nzones = [\"NL\"]\nannual_direct_gco2e_per_kwh = {{ NL = {ANNUAL:.1} }}\n{}",
            self.time_zone,
            self.feed.clone().unwrap_or_else(files)
        );
        for cluster in &self.clusters {
            text.push_str(&format!("[[cluster]]\nname = \"{cluster}\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n"));
            if let Some(url) = url {
                let selector = format!("{{ cluster = \"{cluster}\" }}");
                text.push_str(&format!("prometheus = {{ url = \"{url}\", selector = {selector}{} }}\n", self.prometheus_keys));
                text.push_str(&self.cluster_lines);
            }
        }
        let path = root.join(format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        path
    }

    pub fn evidence(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("evidence-{name}"))
    }

    pub fn collect(&self, config: &Path) -> Run {
        match self.days {
            Some((from, to)) => wattledger(config, &["collect", "--from", from, "--to", to]),
            None => wattledger(config, &["collect", "--month", self.month]),
        }
    }

    /// Collects and reports, as a user would, and reads what came of it.
    pub fn observe(&self, name: &str, url: &str) -> Seen {
        let config = self.config(name, url);
        let collected = self.collect(&config);
        let mut seen = self.report(name, &config);
        check_run("collect", &collected, &mut seen);
        match collected.exit {
            0 => {}
            1 | 3 => {
                seen.refused.extend(collected.codes(&["incomplete: ", "error: "]));
                seen.demand(seen.report.is_none(), "there is a report although something was refused");
            }
            other => seen.complaints.push(format!("collect ended with {other}: {}", last_line(&collected.stderr))),
        }
        seen
    }

    /// Reports the month from the evidence there is.
    pub fn report(&self, name: &str, config: &Path) -> Seen {
        let out = self.folder.path().join(format!("report-{name}"));
        let run = wattledger(config, &["report", "--month", self.month, "--out", out.to_str().unwrap(), "--format", "json"]);
        let mut seen = Seen { truth: self.truth.clone(), ..Seen::default() };
        check_run("report", &run, &mut seen);
        match run.exit {
            0 => seen.read_report(&out),
            2 => {
                seen.refused = run.codes(&["refused: "]);
                let is_empty = fs::read_dir(&out).map_or(true, |mut entries| entries.next().is_none());
                seen.demand(is_empty, "a refused report left files behind");
            }
            other => seen.complaints.push(format!("report ended with {other}: {}", last_line(&run.stderr))),
        }
        seen
    }

    /// Writes all three files of a report, and takes in every piece of text that they show.
    pub fn read_all_files(&self, name: &str, seen: &mut Seen) {
        let (config, out) = (self.folder.path().join(format!("{name}.toml")), self.folder.path().join(format!("all-{name}")));
        let run = wattledger(&config, &["report", "--month", self.month, "--out", out.to_str().unwrap()]);
        check_run("report", &run, seen);
        seen.demand(run.exit == 0, "the three files were not written");
        let html = fs::read_to_string(out.join("report.html")).unwrap_or_default();
        seen.shown.extend(html.split(['<', '>']).map(|text| text.replace("&nbsp;", " ").replace('\u{a0}', " ")));
        let mut book = calamine::open_workbook_auto(out.join("report.xlsx")).unwrap();
        for sheet in calamine::Reader::sheet_names(&book) {
            let cells = calamine::Reader::worksheet_range(&mut book, &sheet).unwrap();
            seen.shown.extend(cells.used_cells().map(|(_, _, cell)| cell.to_string().replace('\u{a0}', " ")));
        }
        let json: Json = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
        add_texts(&json, &mut seen.shown);
    }

    /// Writes every file of a report, and has each read by programs that are not ours.
    pub fn artefacts(&self, name: &str, seen: &mut Seen) -> Json {
        let (config, out) = (self.folder.path().join(format!("{name}.toml")), self.folder.path().join(format!("files-{name}")));
        let formats = ["report", "--month", self.month, "--out", out.to_str().unwrap(), "--format", "html,xlsx,json,facts,ixbrl,csv"];
        let run = wattledger(&config, &formats);
        check_run("report", &run, seen);
        assert_eq!(run.exit, 0, "the files were not written: {}", run.stderr);
        read_artefacts(&out)
    }

    /// Name and content hash of every file of the evidence of the clusters, with what was found.
    pub fn evidence_of(&self, name: &str) -> BTreeMap<String, Json> {
        let mut days = BTreeMap::new();
        for cluster in &self.clusters {
            let Ok(entries) = fs::read_dir(self.evidence(name).join(cluster)) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                let manifest: Json = serde_json::from_slice(&fs::read(path.join("manifest.json")).unwrap()).unwrap();
                let day = format!("{cluster}/{}", path.file_name().unwrap().to_str().unwrap());
                days.insert(day, serde_json::json!([manifest["files"], manifest["findings"]]));
            }
        }
        days
    }

    /// As [`Bench::observe`], and whether the evidence is that of the same history without the fault.
    pub fn observe_beside_fault_free(&self, url: &str, fault_free: &Prometheus) -> Seen {
        let config = self.config("fault-free", &fault_free.url());
        let without = self.collect(&config);
        let mut seen = self.observe("faulty", url);
        seen.demand(without.exit == 0, "the run without the fault failed");
        let (with, without) = (self.evidence_of("faulty"), self.evidence_of("fault-free"));
        seen.is_as_without_fault = !without.is_empty() && with == without;
        seen
    }
}

/// What `tests/hostile/artefacts.py` reads in the files of a folder.
pub fn read_artefacts(folder: &Path) -> Json {
    let python = std::env::var_os("WATTLEDGER_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(python).arg(sample::root().join("tests/hostile/artefacts.py")).arg(folder).output().unwrap();
    assert!(output.status.success(), "artefacts.py: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn add_texts(json: &Json, texts: &mut Vec<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        Json::Object(fields) => fields.values().for_each(|item| add_texts(item, texts)),
        Json::String(text) => texts.push(text.clone()),
        other => texts.push(other.to_string()),
    }
}

fn check_run(what: &str, run: &Run, seen: &mut Seen) {
    seen.demand(!run.stderr.contains("panicked"), format!("{what} panicked: {}", last_line(&run.stderr)));
    seen.demand(run.wall < LONGEST_CASE, format!("{what} took {:.0} s", run.wall.as_secs_f64()));
}

fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

impl Seen {
    fn read_report(&mut self, out: &Path) {
        let report: Json = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
        let number = |value: &Json| value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(i64::MIN);
        for cluster in report["clusters"].as_array().unwrap() {
            let name = cluster["cluster"].as_str().unwrap();
            let mut figures = Truth { metered_mj: number(&cluster["metered_mj"]), active_mj: BTreeMap::new() };
            for row in report["namespaces"].as_array().unwrap().iter().filter(|row| row["cluster"] == name) {
                if number(&row["active_mj"]) != 0 {
                    figures.active_mj.insert(row["namespace"].as_str().unwrap().to_owned(), number(&row["active_mj"]));
                }
            }
            self.figures.insert(name.to_owned(), figures);
        }
        for row in report["reconciliation"].as_array().unwrap() {
            let parts: i64 = ["attributed_mj", "idle_mj", "system_mj"].iter().map(|part| number(&row[*part])).sum();
            self.demand(number(&row["difference_mj"]) == 0 && parts == number(&row["metered_mj"]), format!("{row} does not balance"));
        }
        self.demand(!report["reconciliation"].as_array().unwrap().is_empty(), "nothing was reconciled");
        for finding in report["findings"].as_array().unwrap() {
            let code = finding["code"].as_str().unwrap();
            if !BACKGROUND.contains(&code) {
                let message = finding["message"].as_str().unwrap().to_owned();
                self.flags.push(Flag { code: code.to_owned(), message, failing: number(&finding["failing"]) });
            }
        }
        self.report = Some(report);
    }
}

/// 36 g/kWh for every hour of a UTC month and a day on both sides, as a plain file.
pub fn flat_intensity(month: &str) -> String {
    let first = chrono::NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").unwrap();
    let start = first.and_time(chrono::NaiveTime::MIN).and_utc() - chrono::Duration::days(1);
    let rows = (0..33 * 24).map(|hour| format!("{},NL,36\n", (start + chrono::Duration::hours(hour)).format("%Y-%m-%dT%H:%M:%SZ")));
    format!("ts,zone,intensity_gco2e_per_kwh\n{}", rows.collect::<String>())
}
