//! The units for machines without Kubernetes, judged by systemd's own tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::kustomize::overlay;
use super::{of_kind, require_understood};
use crate::sample::root;

const SERVICES: [&str; 2] = ["wattledger-collect.service", "wattledger-close.service"];
const SERVER: &str = "wattledger-serve.service";

fn text(unit: &str) -> String {
    fs::read_to_string(root().join("deploy/systemd").join(unit)).unwrap()
}

/// Every value of a key, in order.
fn values(unit: &str, key: &str) -> Vec<String> {
    text(unit).lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)).collect()
}

/// Whether systemd's tools are there. In CI they have to be.
fn is_installed() -> bool {
    let is_there = Command::new("systemd-analyze").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "systemd-analyze not found, and CI is set; tests/run installs it");
    if !is_there {
        println!("SKIPPED: systemd-analyze not found; tests/run installs it");
    }
    is_there
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).env("SYSTEMD_COLORS", "0").output().unwrap()
}

/// The units in a folder of their own, started with the program that these tests have.
fn installed(folder: &Path) -> Vec<PathBuf> {
    let units = fs::read_dir(root().join("deploy/systemd")).unwrap().map(|entry| entry.unwrap().path());
    let units = units.filter(|unit| unit.extension().is_some_and(|extension| extension == "service" || extension == "timer"));
    let copy = |unit: PathBuf| {
        let path = folder.join(unit.file_name().unwrap());
        fs::write(&path, fs::read_to_string(unit).unwrap().replace("/usr/local/bin/wattledger", env!("CARGO_BIN_EXE_wattledger"))).unwrap();
        path
    };
    units.map(copy).collect()
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let units = installed(folder.path());
    assert_eq!(units.len(), 5);
    let verify = |units: &[PathBuf]| {
        let paths: Vec<&str> = units.iter().map(|unit| unit.to_str().unwrap()).collect();
        let output = run("systemd-analyze", &[&["verify", "--man=no"], &paths[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said.lines().filter(|line| line.contains("wattledger")).collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(verify(&units), (true, String::new()));

    let collect = folder.path().join("wattledger-collect.service");
    let wrong = fs::read_to_string(&collect).unwrap().replace("ProtectHome=yes", "ProtectHoem=yes");
    fs::write(&collect, wrong).unwrap();
    assert!(verify(&[collect]).1.contains("ProtectHoem"));
}

#[test]
fn the_services_are_exposed_to_little() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    installed(folder.path());
    // 0 is nothing, 100 is everything; a service that says nothing has more than 90.
    let is_below = |service: &str, threshold: &str| {
        let unit = folder.path().join(service);
        run("systemd-analyze", &["security", "--offline=true", "--no-pager", &format!("--threshold={threshold}"), unit.to_str().unwrap()])
            .status
            .success()
    };
    for service in SERVICES.into_iter().chain([SERVER]) {
        assert!(is_below(service, "15"), "{service}");
        assert!(!is_below(service, "1"), "{service}: the tool does judge");
    }
}

#[test]
fn the_server_runs_for_good_and_has_neither_the_signing_key_nor_a_way_to_change_the_evidence() {
    let started = values(SERVER, "ExecStart");
    assert_eq!(started, ["/usr/local/bin/wattledger --config /etc/wattledger/wattledger.toml serve"]);
    require_understood(&started[0].split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(values(SERVER, "ReadOnlyPaths"), ["-/var/lib/wattledger"]);
    assert_eq!(values(SERVER, "InaccessiblePaths"), ["-/etc/wattledger/seal"]);
    assert!(values(SERVER, "LoadCredential").is_empty() && values(SERVER, "StateDirectory").is_empty());
    assert_eq!(
        (values(SERVER, "WantedBy"), values(SERVER, "Restart")),
        (vec!["multi-user.target".to_owned()], vec!["on-failure".to_owned()])
    );
}

#[test]
fn the_units_run_what_the_cronjobs_run_and_at_their_hours() {
    let objects = overlay("folder");
    for service in SERVICES {
        let name = service.strip_suffix(".service").unwrap();
        let job = of_kind(&objects, "CronJob").find(|job| job["metadata"]["name"] == name).unwrap();
        let arguments: Vec<String> =
            serde_json::from_value::<Vec<String>>(job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"].clone())
                .unwrap();
        let started = values(service, "ExecStart");
        assert_eq!(started, [format!("/usr/local/bin/wattledger --config /etc/wattledger/wattledger.toml {}", arguments.join(" "))]);
        require_understood(&started[0].split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>());

        let codes: Vec<i64> = values(service, "RestartPreventExitStatus")[0].split(' ').map(|code| code.parse().unwrap()).collect();
        let rules = &job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"];
        assert_eq!(Value::from(codes), rules[1]["onExitCodes"]["values"], "{service}");

        // `30 5 5 * *` and `*-*-05 05:30:00 UTC`.
        let cron: Vec<&str> = job["spec"]["schedule"].as_str().unwrap().split(' ').collect();
        let two = |text: &str| format!("{:0>2}", text);
        let day = if cron[2] == "*" { "*".to_owned() } else { two(cron[2]) };
        let calendar = format!("*-*-{day} {}:{}:00 UTC", two(cron[1]), two(cron[0]));
        assert_eq!(values(&format!("{name}.timer"), "OnCalendar"), [calendar]);
        assert_eq!(values(&format!("{name}.timer"), "Persistent"), ["yes"]);
    }
}

#[test]
fn only_the_closing_service_is_handed_the_signing_key() {
    assert!(values("wattledger-collect.service", "LoadCredential").is_empty());
    assert_eq!(values("wattledger-close.service", "LoadCredential"), ["minisign.key:/etc/wattledger/seal/minisign.key"]);
    for service in SERVICES {
        assert_eq!(values(service, "User"), ["wattledger"]);
        assert_eq!(values(service, "StateDirectory"), ["wattledger"]);
        // The folder is closed to the service itself: systemd reads the key, as root, before it starts.
        assert_eq!(values(service, "InaccessiblePaths"), ["-/etc/wattledger/seal"]);
    }
}

#[test]
fn the_account_that_the_services_run_as_can_be_made() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    let list = root().join("deploy/systemd/wattledger.sysusers");
    let output = run("systemd-sysusers", &[&format!("--root={}", folder.path().display()), list.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let accounts = fs::read_to_string(folder.path().join("etc/passwd")).unwrap();
    assert!(
        accounts.lines().any(|line| line.starts_with("wattledger:") && line.ends_with(":/var/lib/wattledger:/usr/sbin/nologin")),
        "{accounts}"
    );
}
