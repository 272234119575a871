//! A scheduler's decision log, from its file to the report.

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sample::report;
use crate::{altered, sample};

fn runs<'a>(report: &'a Value, rule: &str) -> Vec<&'a Value> {
    report["job_runs"].as_array().unwrap().iter().filter(|run| run["baseline_rule"] == rule && run["cause"] == "other").collect()
}

/// The same run in another report.
pub fn find<'a>(report: &'a Value, run: &Value) -> &'a Value {
    let same = |other: &&Value| ["cluster", "namespace", "job", "start"].into_iter().all(|key| other[key] == run[key]);
    report["job_runs"].as_array().unwrap().iter().find(same).unwrap()
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

fn line(run: &Value, recorded_at: DateTime<Utc>, eligible_at: DateTime<Utc>) -> String {
    let record = json!({
        "cluster": run["cluster"], "namespace": run["namespace"], "job": run["job"],
        "recorded_at": recorded_at, "eligible_at": eligible_at, "chosen_start": run["start"], "reason": "carbon",
        "forecast": { "source": "test", "baseline_gco2e_per_kwh": 400.0, "chosen_gco2e_per_kwh": 100.0 },
    });
    record.to_string() + "\n"
}

fn findings<'a>(report: &'a Value, code: &str) -> Vec<&'a Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == code).collect()
}

#[test]
fn what_the_scheduler_wrote_down_before_it_moved_a_run_places_it_and_says_why() {
    let folder = TempDir::new().unwrap();
    let (config, path) = altered::with_room(folder.path());
    let before = report(&path, &folder.path().join("before"));
    let queued = runs(&before, "creation");
    assert!(queued.len() >= 2, "the sample has runs that waited for something");
    let [decided, late] = [queued[0], queued[1]];
    let eligible = instant(&decided["baseline_start"]) + TimeDelta::minutes(17);

    let log = folder.path().join("scheduler.jsonl");
    let gone = json!({ "cluster": "prod-nl", "namespace": "data", "job": "never-seen", "start": "2026-10-12T00:00:00Z" });
    let elsewhere = json!({ "cluster": "prod-xx", "namespace": "data", "job": "never-seen", "start": "2026-10-12T00:00:00Z" });
    let text = [
        line(decided, eligible, eligible),
        line(late, instant(&late["start"]) + TimeDelta::seconds(1), instant(&late["baseline_start"])),
        line(&gone, eligible, eligible),
        line(&elsewhere, eligible, eligible),
        "{\"cluster\":\"prod-nl\",".to_owned(),
    ];
    fs::write(&log, text.concat()).unwrap();
    altered::add_decision_log(config, &path, "scheduler.jsonl");
    // The day is in the evidence already, so no server is asked.
    let collect =
        || String::from_utf8(sample::wattledger_ok(&["collect", "--from", "2026-10-05", "--to", "2026-10-06"], &path).stderr).unwrap();
    let first = collect();
    assert!(first.contains("decision logs: 4 records, 3 of them new"), "{first}");
    assert!(
        first.contains("DECISION_UNMATCHED") && first.contains("prod-xx") && first.contains("its last line is not whole yet"),
        "{first}"
    );
    assert!(collect().contains("decision logs: 4 records, 0 of them new"));

    let after = report(&path, &folder.path().join("after"));
    let run = find(&after, decided);
    assert_eq!((&run["baseline_rule"], &run["cause"], &run["cause_basis"]), (&json!("decision"), &json!("carbon"), &json!("decision")));
    assert_eq!((instant(&run["baseline_start"]), &run["decision"]["source"]), (eligible, &json!("log")));
    assert_eq!(run["actual_ugco2e"], decided["actual_ugco2e"], "what it emitted is what it was");
    assert_eq!(find(&after, late)["baseline_rule"], "creation");
    assert_eq!(after["counterfactual"]["forecast"]["runs"], 1);
    assert_eq!(findings(&after, "DECISION_LATE")[0]["failing"], 1);
    assert_eq!(findings(&after, "DECISION_UNMATCHED")[0]["failing"], 1);
    let evidence = after["provenance"]["evidence"].as_array().unwrap();
    assert!(evidence.iter().any(|file| file["path"].as_str().unwrap().starts_with("decisions/prod-nl.2026-10/")), "the log is evidence");

    let other = folder.path().join("other.jsonl");
    fs::write(&other, line(late, instant(&late["baseline_start"]), instant(&late["baseline_start"]))).unwrap();
    let import =
        || String::from_utf8(sample::wattledger_ok(&["import", "--kind", "decisions", other.to_str().unwrap()], &path).stderr).unwrap();
    assert!(import().contains("imported 1 of 1 decision records"));
    assert!(import().contains("imported 0 of 1 decision records"));
    fs::write(&other, "{\"job\":\"x\"}\n").unwrap();
    let refused = sample::wattledger(&["import", "--kind", "decisions", other.to_str().unwrap()], &path);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        stderr.contains("error: decisions: DECISION_FORMAT: other.jsonl, line 1: missing field `cluster`") && stderr.contains("hint: "),
        "{stderr}"
    );
}
