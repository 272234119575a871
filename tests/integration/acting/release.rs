//! `deploy/examples/release.yaml`: its script, run with a server of ours and a `kubectl` that writes down what it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use chrono::{TimeDelta, Utc};
use tempfile::TempDir;
use wattledger::model::AccessScope;

use super::{Grid, written};
use crate::deploy::examples::object;

/// A Job as the script's columns have it: name, age in hours, suspended, max-delay-hours, whether it has ended.
type Listed<'a> = (&'a str, f64, bool, &'a str, bool);

struct Released {
    jobs: Vec<String>,
    stderr: String,
}

fn run(token: &str, gate: &str, jobs: &[Listed<'_>]) -> Released {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config_map = object("release.yaml", "ConfigMap");
    fs::write(path("release.sh"), config_map["data"]["release.sh"].as_str().unwrap()).unwrap();
    fs::write(path("token"), token).unwrap();
    let line = |(name, age, suspended, delay, ended): &Listed<'_>| {
        let created = Utc::now() - TimeDelta::seconds((age * 3_600.0) as i64);
        format!("{name} {} {suspended} {delay} {}\n", written(created), if *ended { "2026-10-05T07:00:00Z" } else { "" })
    };
    fs::write(path("jobs"), jobs.iter().map(line).collect::<String>()).unwrap();
    fs::write(
        path("kubectl"),
        format!(
            "#!/bin/sh\ncase \"$1\" in\nget) cat {0}/jobs ;;\npatch) echo \"$3 $7\" >> {0}/patched ;;\nesac\n",
            folder.path().display()
        ),
    )
    .unwrap();
    fs::set_permissions(path("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output =
        Command::new("sh").arg(path("release.sh")).env("PATH", search).env("TOKEN_FILE", path("token")).env("GATE", gate).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    let patched = fs::read_to_string(path("patched")).unwrap_or_default();
    let name = |line: &str| line.strip_suffix(" {\"spec\":{\"suspend\":false}}").unwrap_or_else(|| panic!("{line}")).to_owned();
    Released { jobs: patched.lines().map(name).collect(), stderr }
}

fn grid(nl: &[f64], fr: &[f64], fr_hours_ago: i64) -> (Grid, String) {
    let (grid, mut tokens) = Grid::with(nl, fr, fr_hours_ago, &[AccessScope::Scaling]);
    (grid, tokens.remove(0))
}

/// The example's gate, asked of our server.
fn gate_of(grid: &Grid, zone: &str, max: u32) -> String {
    let config_map = object("release.yaml", "ConfigMap");
    let (_, query) = config_map["data"]["gate"].as_str().unwrap().split_once('?').unwrap();
    let query = query.replace("zone=NL", &format!("zone={zone}")).replace("max=10", &format!("max={max}"));
    format!("http://{}/keda/allowed?{query}", grid.server.address)
}

#[test]
fn jobs_are_released_when_the_gate_is_open_and_no_more_than_it_allows() {
    let (grid, token) = grid(&[170.0, 150.0], &[20.0], 3);
    let jobs = [
        ("old", 2.0, true, "8", false),
        ("runs", 1.5, false, "8", false),
        ("ended", 1.2, false, "8", true),
        ("young", 1.0, true, "8", false),
        ("youngest", 0.5, true, "8", false),
    ];
    // Three may run and one does, so two are let go, the oldest first.
    let released = run(&token, &gate_of(&grid, "NL", 3), &jobs);
    assert_eq!(released.jobs, ["old", "young"], "{}", released.stderr);
}

#[test]
fn a_closed_gate_holds_them_until_their_latest_start() {
    let (grid, token) = grid(&[400.0, 400.0], &[20.0], 3);
    let jobs = [
        ("due", 8.01, true, "8", false),
        ("waits", 7.9, true, "8", false),
        ("half", 1.6, true, "1.5", false),
        ("says-nothing", 0.1, true, "", false),
    ];
    let released = run(&token, &gate_of(&grid, "NL", 10), &jobs);
    assert_eq!(released.jobs, ["due", "half", "says-nothing"], "{}", released.stderr);
}

#[test]
fn without_an_answer_only_what_can_wait_no_longer_is_released() {
    let (grid, token) = grid(&[150.0], &[20.0], 3);
    let jobs = [("due", 9.0, true, "8", false), ("waits", 1.0, true, "8", false)];
    // FR is three hours old: 503. Nobody listens at the other.
    for gate in [gate_of(&grid, "FR", 10), "http://127.0.0.1:9/keda/allowed".to_owned()] {
        let released = run(&token, &gate, &jobs);
        assert_eq!(released.jobs, ["due"], "{gate}");
        assert!(released.stderr.contains("the gate gave no answer"), "{}", released.stderr);
    }
}
