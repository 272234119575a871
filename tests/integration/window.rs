//! `window` as a user runs it: on the sample's grid, on real ones, and on to the decision that the report reads.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use wattledger::cli::window::{AskedBasis, WindowArgs, run_at};
use wattledger::config::Config;
use wattledger::model::DecisionRecord;

use crate::decisions::find;
use crate::real_intensity::real_file;
use crate::sample::report;
use crate::stand_in::{Answer, StandIn};
use crate::{altered, sample};

const HOUR_S: i64 = 3_600;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A configuration without evidence, whose intensities are files.
fn config_of_files(folder: &Path, zones: &[&str], files: &[PathBuf], more: &str) -> PathBuf {
    let (zones, files) = (json!(zones), json!(files));
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"Europe/Amsterdam\"\n[[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n\
         prometheus = {{ url = \"http://127.0.0.1:9\" }}\n[[intensity]]\nzones = {zones}\nprovider = \"files\"\nfiles = {files}\n{more}"
    );
    let path = folder.join("wattledger.toml");
    fs::write(&path, text).unwrap();
    path
}

fn window(config: &Path, arguments: &[&str]) -> Value {
    let output = sample::wattledger_ok(&[&["window", "--json"], arguments].concat(), config);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Direct intensities of an Electricity Maps file, as hundredths of a gram by second: a reader of our own, for comparing with.
fn hundredths(file: &Path) -> Vec<(i64, i64)> {
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().skip(1).filter_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let start = NaiveDateTime::parse_from_str(cells[0], "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp();
        let (whole, part) = cells[4].split_once('.').unwrap_or((cells[4], ""));
        let value: i64 = whole.parse::<i64>().ok()? * 100 + format!("{part:0<2}")[..2].parse::<i64>().ok()?;
        Some((start, value))
    });
    rows.collect()
}

/// The sum over the seconds of a run, in hundredths × s; none where an hour is missing.
fn sum(hours: &[(i64, i64)], start_s: i64, duration_s: i64) -> Option<i64> {
    let (mut sum, mut covered) = (0, 0);
    for (from, value) in hours {
        let seconds = (from + HOUR_S).min(start_s + duration_s) - (*from).max(start_s);
        if seconds > 0 {
            sum += seconds * value;
            covered += seconds;
        }
    }
    (covered == duration_s).then_some(sum)
}

struct Brute {
    /// Sum, start, zone.
    best: (i64, i64, usize),
    worst: (i64, i64, usize),
    mean: f64,
    now: Option<i64>,
    candidates: i64,
}

fn brute(zones: &[Vec<(i64, i64)>], at_s: i64, duration_s: i64, within_s: i64, step_s: i64) -> Brute {
    let mut all = Vec::new();
    for (zone, hours) in zones.iter().enumerate() {
        let mut start_s = at_s;
        while start_s + duration_s <= at_s + within_s {
            all.extend(sum(hours, start_s, duration_s).map(|sum| (sum, start_s, zone)));
            start_s += step_s;
        }
    }
    Brute {
        best: *all.iter().min().unwrap(),
        worst: *all.iter().min_by_key(|(sum, start, zone)| (-sum, *start, *zone)).unwrap(),
        mean: all.iter().map(|(sum, ..)| *sum as f64).sum::<f64>() / all.len() as f64 / duration_s as f64 / 100.0,
        now: sum(&zones[0], at_s, duration_s),
        candidates: all.len() as i64,
    }
}

fn close(figure: &Value, expected: f64, what: &str) {
    let figure = figure.as_f64().unwrap_or_else(|| panic!("{what} is {figure}"));
    assert!((figure - expected).abs() <= 0.000_501, "{what}: {figure}, and by another way {expected}");
}

fn compare(answer: &Value, zones: &[&str], brute: &Brute, duration_s: i64) {
    let grams = |sum: i64| sum as f64 / duration_s as f64 / 100.0;
    for (name, (sum, start, zone)) in [("best", brute.best), ("worst", brute.worst)] {
        assert_eq!(
            (answer[name]["zone"].as_str().unwrap(), at(answer[name]["start"].as_str().unwrap()).timestamp()),
            (zones[zone], start),
            "{name}"
        );
        close(&answer[name]["gco2e_per_kwh"], grams(sum), name);
    }
    close(&answer["mean"]["gco2e_per_kwh"], brute.mean, "mean");
    assert_eq!(answer["candidates"], brute.candidates);
    match brute.now {
        Some(now) => {
            close(&answer["now"]["gco2e_per_kwh"], grams(now), "now");
            let saving = (1.0 - brute.best.0 as f64 / now as f64) * 100.0;
            let told = answer["best"]["saving_against_now_percent"].as_f64().unwrap();
            assert!((told - saving).abs() <= 0.050_001, "{told} and {saving}");
        }
        None => assert!(answer["now"].is_null()),
    }
    let saving = (1.0 - brute.best.0 as f64 / brute.worst.0 as f64) * 100.0;
    let told = answer["best"]["saving_against_worst_percent"].as_f64().unwrap();
    assert!((told - saving).abs() <= 0.050_001, "{told} and {saving}");
}

#[test]
fn the_best_start_on_the_samples_grids_is_the_one_that_trying_all_of_them_finds() {
    let config = sample::root().join("sample-data/wattledger.toml");
    let zones = ["NL", "FR", "PL"];
    let hours = zones.map(|zone| hundredths(&sample::root().join(format!("sample-data/intensity/{zone}_2026_hourly.csv"))));
    for (time, duration, duration_s, within, within_s) in [
        ("2026-10-05T12:00:00Z", "4h", 4 * HOUR_S, "24h", 24 * HOUR_S),
        ("2026-10-05T12:07:00Z", "90m", 5_400, "12h", 12 * HOUR_S),
        // The clocks are put back.
        ("2026-10-24T22:00:00Z", "25h", 25 * HOUR_S, "49h", 49 * HOUR_S),
    ] {
        let brute = brute(&hours, at(time).timestamp(), duration_s, within_s, 900);
        let answer = window(&config, &["--zones", "NL,FR,PL", "--duration", duration, "--within", within, "--at", time]);
        compare(&answer, &zones, &brute, duration_s);
        assert_eq!(
            (&answer["schema"], &answer["home_zone"], &answer["step_s"]),
            (&json!("wattledger.window/1"), &json!("NL"), &json!(900))
        );
        // The sample has prices, and they are of the best start's own hours.
        assert!(answer["best"]["eur_per_kwh"].as_f64().unwrap() > 0.0 && answer["mean"]["eur_per_kwh"].is_number());
    }
}

#[test]
fn the_best_start_on_real_grids_is_the_one_that_trying_all_of_them_finds() {
    let names = ["NL", "DE", "FR"];
    let files: Vec<PathBuf> = names.iter().filter_map(|zone| real_file(&format!("vintage-a-2023/{zone}_2022_hourly.csv"))).collect();
    if files.len() < names.len() {
        eprintln!("left out: the best start on real grids");
        return;
    }
    let folder = TempDir::new().unwrap();
    let config = config_of_files(folder.path(), &names, &files, "");
    let hours: Vec<Vec<(i64, i64)>> = files.iter().map(|file| hundredths(file)).collect();
    for (time, duration, duration_s, within, within_s) in [
        ("2022-03-05T00:00:00Z", "4h", 4 * HOUR_S, "24h", 24 * HOUR_S),
        // The clocks are put forward, and back; from a minute of the hour that no interval starts at.
        ("2022-03-26T23:50:00Z", "3h 20m", 12_000, "24h", 24 * HOUR_S),
        ("2022-10-29T22:17:00Z", "4h", 4 * HOUR_S, "48h", 48 * HOUR_S),
    ] {
        let brute = brute(&hours, at(time).timestamp(), duration_s, within_s, 900);
        let answer = window(&config, &["--zones", "NL,DE,FR", "--duration", duration, "--within", within, "--at", time]);
        compare(&answer, &names, &brute, duration_s);
        // A zone by itself says the same of itself.
        let alone = window(&config, &["--zones", "DE", "--duration", duration, "--within", within, "--at", time]);
        for figure in ["zone", "start", "end", "gco2e_per_kwh"] {
            assert_eq!(alone["best"][figure], answer["zones"][1]["best"][figure], "{figure}");
        }
    }
}

#[test]
fn a_screen_shows_starts_zones_and_curves_with_the_clock_on_the_wall() {
    let config = sample::root().join("sample-data/wattledger.toml");
    let run = |arguments: &[&str]| String::from_utf8(sample::wattledger_ok(&[&["window"], arguments].concat(), &config).stdout).unwrap();
    let text = run(&["--zones", "NL,FR", "--duration", "4h", "--within", "24h", "--at", "2026-10-24T20:00:00Z", "--kwh", "12.5"]);
    for part in [
        "A run of 4h within 24h from Sat 24 Oct 22:00 +02:00, at home in NL: 162 starts, 15m apart",
        "best",
        "worst",
        "mean",
        "EUR/kWh",
        "+01:00",
        "█",
        "━",
        "The best start saves ",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\u{1b}'), "there is no terminal, and there are colours");
    let alone = run(&["--zones", "FR", "--duration", "1h", "--within", "1h", "--at", "2026-10-24T20:00:00Z"]);
    assert!(alone.contains("1 starts") && alone.contains("The best start saves 0.0 % against starting at once at home"), "{alone}");
}

#[test]
fn an_hour_that_nobody_knows_is_no_candidate_and_a_zone_that_nobody_knows_is_left_out() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nl.csv");
    fs::write(
        &file,
        "ts,zone,intensity_gco2e_per_kwh\n2026-10-05T10:00:00Z,NL,300\n2026-10-05T11:00:00Z,NL,\n2026-10-05T12:00:00Z,NL,200\n2026-10-05T13:00:00Z,NL,100\n",
    )
    .unwrap();
    let config = config_of_files(folder.path(), &["NL"], &[file], "");
    let arguments = ["--duration", "1h", "--within", "4h", "--step", "1h", "--at", "2026-10-05T10:00:00Z"];
    let answer = window(&config, &[&["--zones", "NL,DE"], &arguments[..]].concat());
    assert_eq!((&answer["candidates"], &answer["zones"][0]["ineligible"]), (&json!(3), &json!(1)));
    assert_eq!(answer["zones"][0]["holes"], json!([{ "from": "2026-10-05T11:00:00Z", "to": "2026-10-05T12:00:00Z" }]));
    assert_eq!((&answer["best"]["start"], &answer["best"]["saving_against_now_percent"]), (&json!("2026-10-05T13:00:00Z"), &json!(66.7)));
    assert_eq!((&answer["zones"][1]["unknown"]["code"], &answer["zones"][1]["best"]), (&json!("CI_GAP"), &Value::Null));

    // At home there is nothing to compare with.
    let answer = window(&config, &[&["--zones", "DE,NL"], &arguments[..]].concat());
    assert_eq!(
        (&answer["now"], &answer["best"]["zone"], &answer["best"]["saving_against_now_percent"]),
        (&Value::Null, &json!("NL"), &Value::Null)
    );

    let none = sample::wattledger(&[&["window", "--zones", "DE"], &arguments[..]].concat(), &config);
    let stderr = String::from_utf8_lossy(&none.stderr);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        stderr.contains("error: no start of the run is known: DE: CI_GAP: Zone DE has no intensity") && stderr.contains("hint: "),
        "{stderr}"
    );
    let never = sample::wattledger(
        &[&["window", "--zones", "NL"], &["--duration", "3h", "--within", "4h", "--at", "2026-10-05T10:00:00Z"][..]].concat(),
        &config,
    );
    let stderr = String::from_utf8_lossy(&never.stderr);
    assert!(
        stderr.contains("CI_GAP: there is no intensity from 2026-10-05T11:00Z to 2026-10-05T12:00Z, and every start meets a hole."),
        "{stderr}"
    );
}

#[test]
fn hours_that_are_over_are_what_came_to_pass_and_others_the_forecast() {
    let now = Utc::now();
    let hour = DateTime::from_timestamp(now.timestamp().div_euclid(HOUR_S) * HOUR_S, 0).unwrap();
    let time = |hours: i64| (hour + TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let (past, future): (Vec<String>, Vec<String>) = ((-3..=0).map(time).collect(), (-1..30).map(time).collect());
    let stand_in = StandIn::start(move |request, _| {
        if request.target.contains("/forecast") {
            // The cleanest hour is the fifth from now.
            let rows: Vec<Value> = future
                .iter()
                .enumerate()
                .map(|(i, time)| json!({ "datetime": time, "carbonIntensity": if i == 6 { 50 } else { 400 } }))
                .collect();
            return Answer::ok(json!({ "zone": "NL", "updatedAt": past[3], "forecast": rows }).to_string());
        }
        let kind = if request.target.contains("=direct") { "direct" } else { "lifecycle" };
        let rows: Vec<Value> =
            past.iter().map(|time| json!({ "zone": "NL", "datetime": time, "carbonIntensity": 300, "emissionFactorType": kind })).collect();
        Answer::ok(json!({ "zone": "NL", "temporalGranularity": "hourly", "history": rows }).to_string())
    });
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("token"), "t0ken").unwrap();
    let path = config_of_files(folder.path(), &["NL"], &[], "");
    let text = fs::read_to_string(&path).unwrap().replace(
        "provider = \"files\"\nfiles = []",
        &format!("provider = \"electricity-maps\"\ntoken_file = \"token\"\nurl = \"{}\"", stand_in.url),
    );
    fs::write(&path, text).unwrap();
    let shown = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let from = shown(hour);
    let arguments = ["--zones", "NL", "--duration", "1h", "--within", "12h", "--at", from.as_str()];
    let answer = window(&path, &arguments);
    // The hour of now came to pass, as far as it has; the next ones are expected.
    assert_eq!((&answer["now"]["gco2e_per_kwh"], &answer["best"]["gco2e_per_kwh"]), (&json!(300.0), &json!(50.0)));
    assert_eq!(answer["best"]["start"], shown(hour + TimeDelta::hours(5)));
    assert_eq!(answer["zones"][0]["forecast_from"], shown(hour + TimeDelta::hours(1)));
    assert_eq!(answer["zones"][0]["origins"].as_array().unwrap().len(), 2);
    // Twelve hours from the hour's start do not ask for more than the configuration does.
    assert!(stand_in.requests().iter().any(|request| request.parameter("horizonHours").as_deref() == Some("48")));
    assert_eq!(window(&path, &[&arguments[..], &["--basis", "forecast"]].concat())["now"]["gco2e_per_kwh"], 400.0);
    // Nothing is known of the days before: the provider says four hours of today.
    assert_eq!(window(&path, &[&arguments[..], &["--basis", "day-before"]].concat())["candidates"], 1);
    let before = stand_in.requests().len();
    let offline = sample::wattledger(&[&["window", "--offline"], &arguments[..]].concat(), &path);
    assert_eq!((offline.status.code(), stand_in.requests().len()), (Some(1), before), "nobody is asked");
    // Who only asks leaves nothing behind; by what somebody decided can be looked at.
    assert!(!folder.path().join("evidence").exists());
    let log = folder.path().join("window.jsonl");
    let eligible = (now + TimeDelta::minutes(2)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let decide = [
        "--zones",
        "NL",
        "--duration",
        "1h",
        "--within",
        "12h",
        "--at",
        &eligible,
        "--write-decision",
        log.to_str().unwrap(),
        "--cluster",
        "prod-nl",
        "--namespace",
        "ml",
        "--job",
        "train-7",
    ];
    let answer = window(&path, &decide);
    let source = answer["decision"]["forecast"]["source"].as_str().unwrap();
    let (kept, _) = wattledger::evidence::Store::new(folder.path().join("evidence")).forecasts("NL").unwrap().remove(0);
    assert!(source.contains(&format!("electricity-maps NL: {}", kept.edition)), "{source} does not name {}", kept.edition);
    assert_eq!(kept.direct_gco2e_per_kwh.iter().filter(|value| **value == Some(50.0)).count(), 1);
    assert!(!folder.path().join("evidence/intensity").exists(), "a forecast is no intensity");
}

fn arguments(zones: &[&str], duration: TimeDelta, within: TimeDelta, at: DateTime<Utc>) -> WindowArgs {
    WindowArgs {
        zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
        duration,
        within,
        at: Some(at),
        step: None,
        home: None,
        basis: AskedBasis::Known,
        kwh: None,
        offline: true,
        json: true,
        write_decision: None,
        cluster: None,
        namespace: None,
        job: None,
        uid: None,
    }
}

#[test]
fn what_window_decides_the_counterfactual_reads() {
    let folder = TempDir::new().unwrap();
    let (config, path) = altered::with_room(folder.path());
    let before = report(&path, &folder.path().join("before"));
    // A run that waited for something that nobody wrote down.
    let queued = before["job_runs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["baseline_rule"] == "creation" && run["cause"] == "other")
        .unwrap()
        .clone();
    let text = |key: &str| queued[key].as_str().unwrap();
    let (start, end) = (at(text("start")), at(text("end")));
    let eligible = at(text("baseline_start")) + TimeDelta::minutes(17);
    let duration = TimeDelta::minutes((end - start).num_minutes() + 1);

    // The scheduler asks at the moment from which the run could start, and writes down what it decides.
    let log = folder.path().join("window.jsonl");
    let asked = WindowArgs {
        write_decision: Some(log.clone()),
        cluster: Some(text("cluster").to_owned()),
        namespace: Some(text("namespace").to_owned()),
        job: Some(text("job").to_owned()),
        ..arguments(&[text("baseline_zone")], duration, duration + TimeDelta::hours(8), eligible)
    };
    let mut out = Vec::new();
    run_at(&asked, &Config::load(&path).unwrap(), eligible - TimeDelta::seconds(20), false, &mut out).unwrap();
    let answer: Value = serde_json::from_slice(&out).unwrap();
    let record = DecisionRecord::parse(fs::read_to_string(&log).unwrap().trim_end()).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), answer["decision"], "what is shown is what is written");
    let decision = &record.decision;
    assert_eq!((decision.eligible_at, decision.deadline), (eligible, Some(eligible + duration + TimeDelta::hours(8))));
    assert_eq!(decision.chosen_start, at(answer["best"]["start"].as_str().unwrap()));
    assert_eq!(decision.chosen_zone.as_deref(), queued["baseline_zone"].as_str());
    let forecast = decision.forecast.as_ref().unwrap();
    close(&answer["now"]["gco2e_per_kwh"], forecast.baseline_gco2e_per_kwh, "baseline");
    close(&answer["best"]["gco2e_per_kwh"], forecast.chosen_gco2e_per_kwh, "chosen");
    assert!(forecast.source.starts_with("electricity-maps "), "{}", forecast.source);
    assert!(!decision.held_out);

    // The log is taken in, and the report goes by it.
    altered::add_decision_log(config, &path, "window.jsonl");
    let day = start.format("%Y-%m-%d").to_string();
    let next = (start + TimeDelta::days(1)).format("%Y-%m-%d").to_string();
    let said = String::from_utf8(sample::wattledger_ok(&["collect", "--from", &day, "--to", &next], &path).stderr).unwrap();
    assert!(said.contains("decision logs: 1 records, 1 of them new"), "{said}");
    let after = report(&path, &folder.path().join("after"));
    let run = find(&after, &queued);
    assert_eq!((&run["baseline_rule"], &run["cause"], &run["cause_basis"]), (&json!("decision"), &json!("carbon"), &json!("decision")));
    assert_eq!((at(run["baseline_start"].as_str().unwrap()), &run["decision"]["source"]), (eligible, &json!("log")));
    // Eight hours of room, from the decision's deadline; the run is a moment shorter than was asked for.
    assert_eq!(after["counterfactual"]["forecast"]["runs"], 1);
    assert_eq!(run["actual_ugco2e"], queued["actual_ugco2e"], "what it emitted is what it was");
    let late = |report: &Value| report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == "DECISION_LATE");
    assert!(!late(&after));
    // `import` takes the same file, and finds it there.
    let imported = sample::wattledger_ok(&["import", "--kind", "decisions", log.to_str().unwrap()], &path);
    assert!(String::from_utf8_lossy(&imported.stderr).contains("imported 0 of 1 decision records"));
}

#[test]
fn a_run_that_is_held_out_is_left_where_it_was_and_a_decision_is_not_written_afterwards() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nl.csv");
    let rows: String = (0..24).map(|hour| format!("2026-10-05T{hour:02}:00:00Z,NL,{}\n", 300 - hour * 10)).collect();
    fs::write(&file, format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")).unwrap();
    let held_out = |share: f64| {
        format!(
            "[counterfactual]\nhold_out = {{ share = {share:?}, seed = \"autumn-2026\" }}\n[[deferrable]]\nnamespaces = [\"etl\"]\nmax_delay = \"8h\"\n"
        )
    };
    let eligible = at("2026-10-05T06:00:00Z");
    let log = folder.path().join("window.jsonl");
    let asked = WindowArgs {
        write_decision: Some(log.clone()),
        cluster: Some("prod-nl".to_owned()),
        namespace: Some("etl".to_owned()),
        job: Some("nightly-29012345".to_owned()),
        uid: Some("6f1c".to_owned()),
        ..arguments(&["NL"], TimeDelta::hours(1), TimeDelta::hours(6), eligible)
    };
    // 0.859522 of all draws, as a shell says it too.
    for (share, is_held_out) in [(0.86, true), (0.859, false)] {
        let path = config_of_files(folder.path(), &["NL"], std::slice::from_ref(&file), &held_out(share));
        let _ = fs::remove_file(&log);
        run_at(&asked, &Config::load(&path).unwrap(), eligible, false, &mut Vec::new()).unwrap();
        let record = DecisionRecord::parse(fs::read_to_string(&log).unwrap().trim_end()).unwrap();
        let chosen = if is_held_out { eligible } else { at("2026-10-05T11:00:00Z") };
        assert_eq!((record.decision.held_out, record.decision.chosen_start, record.uid.as_deref()), (is_held_out, chosen, Some("6f1c")));
    }
    // A second decision is a second line.
    let path = folder.path().join("wattledger.toml");
    run_at(&asked, &Config::load(&path).unwrap(), eligible, false, &mut Vec::new()).unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 2);
    // The binary's clock says that this is over.
    let output = sample::wattledger(
        &[
            "window",
            "--zones",
            "NL",
            "--duration",
            "1h",
            "--within",
            "6h",
            "--at",
            "2026-10-05T06:00:00Z",
            "--write-decision",
            log.to_str().unwrap(),
            "--cluster",
            "prod-nl",
            "--namespace",
            "etl",
            "--job",
            "x",
        ],
        &path,
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("a decision is written down before"), "{stderr}");
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 2);
    // Without its names there is nothing to write.
    let output = sample::wattledger(&["window", "--zones", "NL", "--duration", "1h", "--within", "6h", "--write-decision", "x"], &path);
    assert_eq!(output.status.code(), Some(64));
}
