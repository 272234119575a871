//! Real batch traces as a month of job runs, end to end: evidence through the store, `[[deferrable]]` windows, `report`; every run held against the brute force.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use wattledger::accounting::integral::Integral;
use wattledger::evidence::Store;
use wattledger::model::IntensitySeries;
use wattledger::sources::intensity::{FileTerms, read_files};

use super::BruteForce;
use super::documented::{self, Table, decimal, kilograms, percent};
use super::trace_stories::{
    AT_TWO, Arrival, HOUR_S, INTENSITIES, MONTHS, Month, NODES, PUE, Rule, STEP_S, Story, TRACES, Trace, WATTS_PER_CORE, YESTERDAYS_LOWEST,
    arrivals, hourly, jobs, text,
};
use crate::compare::integer;
use crate::job_evidence::Cluster;
use crate::real_intensity::{real_file, shared_file};
use crate::sample;

/// What the tests read of the real data, once.
struct RealData {
    /// Of each trace, its rows and the grid that they are laid on.
    traces: Vec<(Vec<Arrival>, Integral)>,
    series: Vec<IntensitySeries>,
}

impl RealData {
    fn read() -> Option<Self> {
        let traces: Vec<Vec<Arrival>> = TRACES.iter().filter_map(arrivals).collect();
        let files: Vec<PathBuf> = INTENSITIES.iter().filter_map(|(_, file)| real_file(file)).collect();
        if traces.len() < TRACES.len() || files.len() < INTENSITIES.len() {
            return None;
        }
        let zones: Vec<String> = ["DE", "FR", "NL"].map(str::to_owned).to_vec();
        Some(Self {
            traces: traces.into_iter().zip(&TRACES).map(|(arrivals, trace)| (arrivals, hourly(trace.zone))).collect(),
            series: read_files("electricity-maps", &zones, &files, &FileTerms::default()).unwrap().series,
        })
    }

    fn rows(&self) -> usize {
        self.traces.iter().map(|(arrivals, _)| arrivals.len()).sum()
    }

    /// Writes the evidence of a month under a rule of starting. Gives back the energy of that month.
    fn write_evidence(&self, folder: &Path, month: &Month, rule: Rule) -> i64 {
        let store = Store::new(folder.join(evidence_name(month, rule)));
        for series in &self.series {
            store.write_intensity(series).unwrap();
        }
        let period = month.period();
        let steps = (period.from().timestamp() / STEP_S) as i32..(period.to().timestamp() / STEP_S) as i32;
        let mut used_mj = 0;
        for (trace, (arrivals, grid)) in TRACES.iter().zip(&self.traces) {
            let jobs = jobs(trace, arrivals, period.from().timestamp(), rule, grid);
            let pods = jobs.iter().flat_map(|job| &job.pods);
            used_mj += pods.flat_map(|pod| pod.energy.range(steps.clone())).map(|(_, mj)| mj).sum::<i64>();
            let cluster =
                Cluster { name: trace.cluster, nodes: NODES, idle_mj: 45_000_000, step_s: STEP_S, jobs: &jobs, is_backwards: false };
            cluster.write(&store, &period.utc_days());
        }
        used_mj
    }
}

fn evidence_name(month: &Month, rule: Rule) -> String {
    format!("{}-{}", month.month, rule.name())
}

fn report(folder: &Path, month: &Month, story: &Story) -> Value {
    let name = format!("{}-{}", month.month, story.name());
    let mut text =
        format!("[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[evidence]\ndir = \"{}\"\n", evidence_name(month, story.rule));
    for trace in &TRACES {
        let (cluster, zone) = (trace.cluster, trace.zone);
        let zones = if story.has_other_zone { format!("zones = [\"{zone}\", \"{}\"]\n", trace.other_zone) } else { String::new() };
        write!(
            text,
            "[[cluster]]\nname = \"{cluster}\"\nboundary = \"owned\"\ngrid_zone = \"{zone}\"\npue = {PUE}\n\
             [[deferrable]]\nnamespaces = [\"{cluster}\"]\nmax_delay = \"{}h\"\n{zones}",
            story.max_delay_hours
        )
        .unwrap();
    }
    let config = folder.join(format!("{name}.toml"));
    fs::write(&config, text).unwrap();
    let out = folder.join(&name);
    let arguments = ["report", "--month", month.month, "--out", out.to_str().unwrap(), "--format", "json", "--no-sensitivity"];
    sample::wattledger_ok(&arguments, &config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn settings(month: &Month) -> Value {
    let files = |zone: &str| INTENSITIES.iter().filter(|(known, _)| *known == zone).map(|(_, file)| real_file(file)).collect::<Vec<_>>();
    let cluster = |trace: &Trace| (trace.cluster, json!({ "file": shared_file(trace.file), "zone": trace.zone }));
    let story = |story: &Story| {
        let others = TRACES.iter().filter(|_| story.has_other_zone).map(|trace| (trace.cluster, vec![trace.other_zone]));
        json!({
            "name": story.name(), "max_delay_s": story.max_delay_hours * HOUR_S, "rule": story.rule.name(),
            "zones": others.collect::<BTreeMap<_, _>>(),
        })
    };
    let period = month.period();
    let grids: BTreeMap<&str, _> = ["DE", "FR", "NL"].into_iter().map(|zone| (zone, files(zone))).collect();
    json!({
        "from": period.from().timestamp(), "to": period.to().timestamp(), "step_s": STEP_S, "pue": PUE, "watts_per_core": WATTS_PER_CORE,
        "grids": grids,
        "clusters": TRACES.iter().map(cluster).collect::<BTreeMap<_, _>>(),
        "stories": month.stories.iter().map(story).collect::<Vec<_>>(),
    })
}

/// Sums over the runs of a trace.
struct OfTrace {
    runs: usize,
    actual: i64,
    counterfactual: i64,
    best: i64,
    mean: i64,
    worst: i64,
}

impl OfTrace {
    fn of(report: &Value, trace: &Trace) -> Self {
        let runs: Vec<&Value> = report["job_runs"].as_array().unwrap().iter().filter(|run| run["cluster"] == trace.cluster).collect();
        let sum = |figure: &str| runs.iter().map(|run| integer(&run[figure]).unwrap()).sum();
        Self {
            runs: runs.len(),
            actual: sum("actual_ugco2e"),
            counterfactual: sum("counterfactual_ugco2e"),
            best: sum("best_ugco2e"),
            mean: sum("mean_ugco2e"),
            worst: sum("worst_ugco2e"),
        }
    }

    fn captured(&self) -> String {
        let (avoided, possible) = (self.counterfactual - self.actual, self.counterfactual - self.best);
        format!("{} %", decimal(i128::from(avoided) * 100, i128::from(possible), 0))
    }
}

/// Each run by itself, in whole millijoules and micrograms. A row of the ledger is rounded in doubles, so one that lies exactly between two micrograms may be the lower
/// one; what a start differs from the baseline is whole numbers throughout. Gives back how many rows came out lower.
fn assert_same_runs(name: &str, report: &Value, expected: &Value) -> i64 {
    let key = |run: &Value| (run["cluster"].as_str().unwrap().to_owned(), run["job"].as_str().unwrap().to_owned());
    let expected: BTreeMap<_, _> = expected["runs"].as_array().unwrap().iter().map(|run| (key(run), run)).collect();
    let runs = report["job_runs"].as_array().unwrap();
    assert_eq!(runs.len(), expected.len(), "{name}: runs that ended in the month");
    let mut lower = 0;
    for run in runs {
        let expected = expected[&key(run)];
        for figure in ["active_mj", "candidates"] {
            assert_eq!(integer(&run[figure]), integer(&expected[figure]), "{name}: {figure} of {:?}", key(run));
        }
        for side in ["actual", "counterfactual"] {
            let (figure, halves) = (format!("{side}_ugco2e"), integer(&expected["_halves"][side]).unwrap());
            let below = integer(&expected[&figure]).unwrap() - integer(&run[&figure]).unwrap();
            assert!((0..=halves).contains(&below), "{name}: {figure} of {:?} is {below} below, with {halves} halves", key(run));
            lower += below;
        }
        for figure in ["best_ugco2e", "mean_ugco2e", "worst_ugco2e"] {
            let from_baseline = |run: &Value| integer(&run[figure]).unwrap() - integer(&run["counterfactual_ugco2e"]).unwrap();
            assert_eq!(from_baseline(run), from_baseline(expected), "{name}: {figure} of {:?}, from its counterfactual", key(run));
        }
        for instant in ["start", "end", "baseline_start", "best_start"] {
            assert_eq!(run[instant], json!(text(expected[instant].as_i64().unwrap())), "{name}: {instant} of {:?}", key(run));
        }
        assert_eq!(run["best_zone"], expected["best_zone"], "{name}: best zone of {:?}", key(run));
        // As if it had begun when it was created, which is its baseline.
        assert_eq!(run["alternatives"]["at_creation_ugco2e"], run["counterfactual_ugco2e"], "{name}: {:?}", key(run));
        assert_eq!((integer(&run["outside_mj"]), &run["unplaced_reason"]), (Some(0), &Value::Null));
    }
    lower
}

/// What is true of any month: runs add up to totals, gains and losses to what was avoided, and no energy is lost on the way.
fn assert_conserved(name: &str, report: &Value, used_in_month_mj: i64) {
    let runs = report["job_runs"].as_array().unwrap();
    let of = |value: &Value, figure: &str| integer(&value[figure]).unwrap_or_else(|| panic!("{name}: {figure} of {value}"));
    let sum = |figure: &str| runs.iter().map(|run| of(run, figure)).sum::<i64>();
    let total = &report["counterfactual"];
    assert_eq!(of(total, "runs"), runs.len() as i64);
    for figure in ["actual_ugco2e", "counterfactual_ugco2e", "avoided_ugco2e"] {
        assert_eq!(of(total, figure), sum(figure), "{name}: {figure}");
    }
    assert_eq!(of(total, "avoided_ugco2e"), of(total, "gains_ugco2e") + of(total, "losses_ugco2e"), "{name}");
    assert_eq!(of(total, "avoided_ugco2e"), of(total, "counterfactual_ugco2e") - of(total, "actual_ugco2e"), "{name}");
    for figure in ["runs", "shifted_runs", "actual_ugco2e", "counterfactual_ugco2e", "gains_ugco2e", "losses_ugco2e"] {
        let by_cause: i64 = ["carbon", "other", "none"].iter().map(|cause| of(&total["by_cause"][*cause], figure)).sum();
        assert_eq!(of(total, figure), by_cause, "{name}: {figure} by cause");
    }
    let windowed = &total["windowed"];
    for figure in ["actual_ugco2e", "counterfactual_ugco2e", "avoided_ugco2e", "best_ugco2e", "mean_ugco2e", "worst_ugco2e"] {
        assert_eq!(of(windowed, figure), sum(figure), "{name}: windowed {figure}");
    }
    let captured = of(windowed, "avoided_ugco2e") as f64 / (of(windowed, "counterfactual_ugco2e") - of(windowed, "best_ugco2e")) as f64;
    assert_eq!(total["captured_share"].as_f64(), Some(captured), "{name}: captured share");
    let classes = total["deferrability"]["classes"].as_array().unwrap();
    let of_classes = |figure: &str| classes.iter().filter_map(|class| integer(&class[figure])).sum::<i64>();
    assert_eq!((of_classes("runs"), of_classes("active_mj")), (runs.len() as i64, of(&report["totals"], "active_mj")), "{name}");
    let unshifted = runs.iter().filter(|run| run["cause"] == "none");
    let could_have = unshifted.map(|run| of(run, "actual_ugco2e") - of(run, "best_ugco2e")).sum::<i64>();
    assert_eq!(of_classes("could_have_avoided_ugco2e"), could_have, "{name}");
    // Runs that go on after the month are in its energy, and in no figure of its runs.
    assert_eq!(of(&report["totals"], "active_mj"), used_in_month_mj, "{name}: energy of the month");
    assert_eq!(report["reconciliation"].as_array().unwrap().iter().map(|row| of(row, "difference_mj")).sum::<i64>(), 0);
}

fn tables(reports: &[(&Month, &Story, Value, i64)]) {
    let mut windows = Table::new(&["trace", "grid", "month", "window"], &["runs", "at arrival", "best", "mean", "worst"]);
    let mut rules = Table::new(&["trace", "grid", "month"], &["best, of at arrival", "yesterday's cleanest hour", "02:00"]);
    for trace in &TRACES {
        for (month, story, report, _) in reports.iter().filter(|(_, story, ..)| story.rule == Rule::AtOnce) {
            let of = OfTrace::of(report, trace);
            let saved = |emitted: i64| format!("{} %", percent(of.counterfactual - emitted, of.counterfactual));
            windows.row(&[
                trace.name.to_owned(),
                trace.zone.to_owned(),
                month.month.to_owned(),
                story.window(trace),
                of.runs.to_string(),
                kilograms(of.counterfactual, 1),
                format!("{} ({})", kilograms(of.counterfactual - of.best, 1), saved(of.best)),
                saved(of.mean),
                saved(of.worst),
            ]);
        }
        for month in &MONTHS {
            let of = |story: &Story| {
                let found = reports.iter().find(|(known, of, ..)| known.month == month.month && of.name() == story.name()).unwrap();
                OfTrace::of(&found.2, trace)
            };
            let at_once = of(&Story::at_once(24));
            rules.row(&[
                trace.name.to_owned(),
                trace.zone.to_owned(),
                month.month.to_owned(),
                format!("{} %", percent(at_once.counterfactual - at_once.best, at_once.counterfactual)),
                of(&YESTERDAYS_LOWEST).captured(),
                of(&AT_TWO).captured(),
            ]);
        }
    }
    documented::compare("traces-windows", windows.text());
    documented::compare("traces-rules-of-thumb", rules.text());
    let mut left_out = Table::new(&["month", "jobs start"], &["rows of both traces", "ended in the month", "ended later"]);
    let mut seen = BTreeSet::new();
    for (month, story, report, later) in reports {
        if seen.insert((month.month, story.rule)) {
            let runs = report["job_runs"].as_array().unwrap().len() as i64;
            let words = match story.rule {
                Rule::AtOnce => "on arrival",
                Rule::AtTwo => "at 02:00",
                Rule::YesterdaysLowest => "at yesterday's cleanest hour",
            };
            let counts = [runs + later, runs, *later].map(|count| count.to_string());
            left_out.row(&[vec![month.month.to_owned(), words.to_owned()], counts.to_vec()].concat());
        }
    }
    documented::compare("traces-runs", left_out.text());
}

#[test]
fn months_of_real_batch_jobs_are_reported_as_trying_every_start_says() {
    let Some(real) = RealData::read() else { return };
    let folder = TempDir::new().unwrap();
    let mut reports: Vec<(&Month, &Story, Value, i64)> = Vec::new();
    let mut lower = 0;
    for month in &MONTHS {
        let of_month = folder.path().join(month.month);
        fs::create_dir(&of_month).unwrap();
        let brute_force = BruteForce::start("traces", &settings(month), &of_month);
        let rules = [Rule::AtOnce, Rule::AtTwo, Rule::YesterdaysLowest];
        let used_mj: BTreeMap<Rule, i64> = rules.map(|rule| (rule, real.write_evidence(folder.path(), month, rule))).into();
        let found: Vec<Value> = month.stories.iter().map(|story| report(folder.path(), month, story)).collect();
        let expected = brute_force.end("traces", &of_month);
        for (story, report) in month.stories.iter().zip(found) {
            let name = format!("{} {}", month.month, story.name());
            let expected = &expected[story.name()];
            lower += assert_same_runs(&name, &report, expected);
            assert_conserved(&name, &report, used_mj[&story.rule]);
            let later = expected["ended_later"].as_i64().unwrap();
            assert_eq!(report["job_runs"].as_array().unwrap().len() as i64 + later, real.rows() as i64, "{name}");
            reports.push((month, story, report, later));
        }
    }
    let runs: usize = reports.iter().map(|(_, _, report, _)| report["job_runs"].as_array().unwrap().len()).sum();
    let count = reports.len();
    eprintln!(
        "batch traces: {runs} runs in {count} reports are those of the brute force; {lower} rows between two micrograms are the lower one"
    );
    tables(&reports);
}
