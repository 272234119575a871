//! The method on engines elsewhere: Sail and Apache Spark, asked by our own client, give the ledger, the report and the seal that this program gives by itself.

mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wattledger::accounting::ledger::content::ContentHash;
use wattledger::cli::account::{self, Accounting, Books, Engine, EngineName};
use wattledger::config::Config;
use wattledger::units::ReportingPeriod;

use self::servers::{SailMode, Server};
use crate::altered;
use crate::close::home::Home;
use crate::sample::{self, wattledger, wattledger_ok};

/// What each cluster-day comes to on an engine.
fn contents(config: &Config, engine: Engine) -> BTreeMap<String, ContentHash> {
    let books = Books::open(config).unwrap();
    let period = ReportingPeriod::parse("2026-10", config.time_zone).unwrap();
    let accounting = Accounting { engine, threads: Some(2), with_sensitivity: false, with_content: true };
    let account = account::month(&books, period, &[], &accounting).unwrap();
    account.contents.into_iter().map(|day| (format!("{} {}", day.cluster, day.day), day.content)).collect()
}

fn on(server: &Server, config: &Config) -> Engine {
    Engine::open(Some(&EngineName::Spark(server.address().parse().unwrap())), config).unwrap()
}

/// The sample in a folder of the test's own: an engine writes into the evidence.
fn sample_month() -> (Home, Config) {
    let home = Home::without_keys();
    let config = Config::load(&home.path("wattledger.toml")).unwrap();
    (home, config)
}

/// What an account leaves in the folder where it and an engine exchange tables.
fn left(home: &Home) -> usize {
    fs::read_dir(home.path("evidence/engine")).map_or(0, |entries| entries.count())
}

/// The content hash of every cluster-day of the sample month: polars' SQL and the columnar pass, Sail in one process, Sail as a cluster. Spark gives the same
/// below, DuckDB in `engines`.
#[test]
fn one_month_has_one_hash_on_every_engine() {
    let Some(sail) = Server::sail(SailMode::Local) else { return };
    let (home, config) = sample_month();
    let here = contents(&config, Engine::Columns);
    assert!(here.len() == 96 && here.values().map(|content| content.rows).sum::<u64>() > 90_000, "{}", here.len());
    assert!(contents(&config, Engine::Sql) == here, "polars");
    assert!(contents(&config, on(&sail, &config)) == here, "Sail");
    drop(sail);
    let cluster = Server::sail(SailMode::LocalCluster).unwrap();
    assert!(contents(&config, on(&cluster, &config)) == here, "Sail as a cluster");
    assert_eq!(left(&home), 0);
}

/// Three tiers in a node-day and tails that are moved; a day without evidence, which is accounted here; and evidence of the first schema, all of which is.
#[test]
fn odd_months_have_one_hash_too() {
    let Some(sail) = Server::sail(SailMode::Local) else { return };
    let folder = TempDir::new().unwrap();
    altered::write_with_tiers_and_tails(folder.path());
    fs::remove_dir_all(folder.path().join("evidence/prod-nl/2026-10-14")).unwrap();
    for tails in ["last-rate", "unattributed"] {
        let config = Config::load(&altered::config_with_losses(folder.path(), tails).1).unwrap();
        assert!(contents(&config, on(&sail, &config)) == contents(&config, Engine::Columns), "{tails}");
    }
    let first = TempDir::new().unwrap();
    altered::write_first_schema(first.path());
    let config = Config::load(&altered::config_with_losses(first.path(), "unattributed").1).unwrap();
    assert!(contents(&config, on(&sail, &config)) == contents(&config, Engine::Columns), "first schema");
}

/// By the command line: the report and the hourly ledger to the byte, a close and its verification with either engine.
#[test]
fn reports_ledgers_and_seals_are_the_same_to_the_byte() {
    let Some(sail) = Server::sail(SailMode::Local) else { return };
    let Some(home) = Home::with_keys() else { return };
    let config = home.path("wattledger.toml");
    let files = |name: &str, options: &[&str]| {
        let out = home.path(name);
        let arguments = ["report", "--month", "2026-10", "--format", "html,json,csv,parquet", "--out", out.to_str().unwrap()];
        wattledger_ok(&[&arguments[..], options].concat(), &config);
        ["report.html", "report.json", "ledger.csv", "ledger.parquet"].map(|file| fs::read(out.join(file)).unwrap())
    };
    let address = sail.address();
    assert!(files("here", &["--engine", "columns"]) == files("elsewhere", &["--engine", &address]));

    // The engine of the configuration, and another way to the same evidence.
    let link = home.path("as-the-engine-sees-it");
    std::os::unix::fs::symlink(home.path("evidence"), &link).unwrap();
    home.append(&format!("\n[engine]\naddress = \"{address}\"\nevidence = \"{}\"\n", link.display()));
    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);
    assert_eq!(home.seal(1)["engine"], "spark");
    home.run_ok(&["verify", "--month", "2026-10"]);
    home.run_ok(&["verify", "--month", "2026-10", "--engine", &address]);
    assert_eq!(left(&home), 0);

    // Restated elsewhere, and verified here.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen("pue = 1.2", "pue = 1.25", 1)).unwrap();
    home.run_ok(&["restate", "--from", "2026-10", "--to", "2026-10", "--reason", "another PUE", "--at", "2026-11-03T06:00:00Z"]);
    assert_eq!(home.seal(2)["engine"], "spark");
    home.run_ok(&["verify", "--month", "2026-10", "--edition", "2"]);
    assert_eq!(left(&home), 0);

    // A verification elsewhere finds what was changed.
    let file = home.path("evidence/prod-nl/2026-10-05/usage-000.parquet");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (exit, said) = home.run(&["verify", "--month", "2026-10", "--engine", &address]);
    let (report, refused) = home.run(&["report", "--month", "2026-10", "--out", home.path("x").to_str().unwrap(), "--engine", &address]);
    assert!(exit == 4 && report == 1 && refused.contains("EVIDENCE_CHANGED"), "{exit} {said} {report} {refused}");
}

#[test]
fn whatever_keeps_an_engine_from_answering_is_said() {
    let Some(sail) = Server::sail(SailMode::Local) else { return };
    let (home, _) = sample_month();
    let report = |engine: &str, keys: &str| {
        let text = fs::read_to_string(sample::root().join("sample-data/wattledger.toml")).unwrap();
        fs::write(home.path("wattledger.toml"), format!("{text}\n[engine]\npatience = \"4s\"\nattempts = 1\n{keys}\n")).unwrap();
        let out = home.path("out");
        let started = Instant::now();
        let output = wattledger(
            &["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--engine", engine],
            &home.path("wattledger.toml"),
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && !out.exists() && left(&home) == 0, "{said}");
        assert!(started.elapsed() < Duration::from_secs(60), "{said}");
        said
    };
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let said = report(&format!("sc://127.0.0.1:{free}"), "");
    assert!(said.contains("ENGINE_UNREACHABLE") && said.contains("hint: "), "{said}");
    // Something that listens and says nothing.
    let mute = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let said = report(&format!("sc://{}", mute.local_addr().unwrap()), "");
    assert!(said.contains("ENGINE_UNREACHABLE") && said.contains("does not answer as a Spark Connect server"), "{said}");
    // A server without TLS that is asked with it.
    let said = report(&sail.address(), "tls = true");
    assert!(said.contains("ENGINE_UNREACHABLE") || said.contains("ENGINE_FAILED"), "{said}");
    let said = report(&sail.address(), "evidence = \"/nowhere/evidence\"");
    assert!(said.contains("ENGINE_NO_EVIDENCE") && said.contains("[engine]"), "{said}");
    // Other evidence under the same names.
    fs::create_dir(home.path("other")).unwrap();
    for cluster in ["prod-nl", "edge-fr", "burst-pl"] {
        std::os::unix::fs::symlink(home.path("evidence").join(cluster), home.path("other").join(cluster)).unwrap();
    }
    fs::copy(home.path("evidence/prod-nl/2026-10-05/usage-000.parquet"), home.path("evidence/prod-nl/2026-10-05/usage-777.parquet"))
        .unwrap();
    let said = report(&sail.address(), "");
    assert!(said.contains("ENGINE_INCOMPLETE") && said.contains("2026-10-05"), "{said}");
}

/// Killed in the middle of its work: nothing is written, and the next run, on the server that is there by then, is whole.
#[test]
fn an_engine_that_dies_in_the_middle_leaves_no_half_of_a_report() {
    let Some(mut sail) = Server::sail(SailMode::LocalCluster) else { return };
    let (home, _) = sample_month();
    home.append("\n[engine]\npatience = \"3s\"\nattempts = 2\n");
    let config = home.path("wattledger.toml");
    let out = home.path("out");
    let arguments = |address: &str| {
        ["report", "--month", "2026-10", "--format", "json", "--out", out.to_str().unwrap(), "--engine", address].map(str::to_owned)
    };
    let dying = arguments(&sail.address());
    let running = thread::spawn({
        let (dying, config) = (dying.clone(), config.clone());
        move || wattledger(&dying.each_ref().map(String::as_str), &config)
    });
    // In the middle: the first tables have been written.
    let started = Instant::now();
    let has_begun = || files_below(&home.path("evidence/engine")).iter().any(|path| path.contains("/out/energy/"));
    while !has_begun() {
        assert!(started.elapsed() < Duration::from_secs(60) && !running.is_finished(), "it has not begun");
        sleep(Duration::from_millis(20));
    }
    sail.kill();
    let output = running.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && !out.exists(), "{said}");
    assert!(["ENGINE_LOST", "ENGINE_UNREACHABLE", "ENGINE_FAILED"].iter().any(|code| said.contains(code)), "{said}");
    assert_eq!(left(&home), 0, "{said}");

    let sail = Server::sail(SailMode::LocalCluster).unwrap();
    wattledger_ok(&arguments(&sail.address()).each_ref().map(String::as_str), &config);
    let here = sample::report_with(&config, &home.path("here"), &["--engine", "columns"]);
    let elsewhere: serde_json::Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert!(here == elsewhere);
}

/// Spark lets in who has its token, and gives the same hashes, though an executor is killed in the middle.
#[test]
fn spark_wants_its_token_and_gives_the_same_hash_without_an_executor_that_was_killed() {
    let settings = ["spark.connect.authenticate.token=s3cret-t0ken", "spark.executor.memory=512m", "spark.task.maxFailures=8"];
    let Some(spark) = Server::spark("local-cluster[2,1,512]", &settings) else { return };
    let (home, _) = sample_month();
    let text = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    let configured = |token: &str| {
        fs::write(home.path("token"), token).unwrap();
        fs::write(home.path("wattledger.toml"), format!("{text}\n[engine]\ntoken_file = \"token\"\nattempts = 2\n")).unwrap();
        Config::load(&home.path("wattledger.toml")).unwrap()
    };
    configured("another");
    let arguments = ["report", "--month", "2026-10", "--out", "out", "--engine", &spark.address()];
    let output = wattledger(&arguments, &home.path("wattledger.toml"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("ENGINE_DENIED") && said.contains("token_file"), "{said}");

    let config = configured("s3cret-t0ken\n");
    let engine = on(&spark, &config);
    let here = contents(&config, Engine::Columns);
    let killed = thread::scope(|scope| {
        let running = scope.spawn(|| contents(&config, engine));
        let mut killed = 0;
        while !running.is_finished() && killed == 0 {
            let has_begun = files_below(&home.path("evidence/engine")).iter().any(|path| path.contains("/out/active/"));
            if let (true, Some(executor)) = (has_begun, spark.executors().first()) {
                killed += u32::from(Command::new("kill").args(["-KILL", &executor.to_string()]).status().unwrap().success());
            }
            sleep(Duration::from_millis(50));
        }
        assert!(running.join().unwrap() == here, "{}", spark.log());
        killed
    });
    assert_eq!(killed, 1, "no executor was there to be killed: {}", spark.log());
    assert_eq!(left(&home), 0);
}

fn files_below(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = |path: std::path::PathBuf| if path.is_dir() { files_below(&path) } else { vec![path.display().to_string()] };
    entries.flatten().flat_map(|entry| below(entry.path())).collect()
}
