//! A bundle in the hands of a stranger: unpacked with tar, checked with the commands that it says itself, worked out again by DuckDB.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::close::home::Home;
use crate::sample;

/// A home whose October is closed; of two clusters, so that all of it can be worked out again in a test.
fn closed() -> Option<Home> {
    let home = Home::with_keys()?;
    keep_two_clusters(&home);
    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);
    Some(home)
}

fn keep_two_clusters(home: &Home) {
    let path = home.path("wattledger.toml");
    let mut config: toml::Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    config["cluster"].as_array_mut().unwrap().retain(|cluster| cluster["name"].as_str() != Some("prod-nl"));
    config.remove("functional_unit");
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
}

fn export(home: &Home, name: &str, options: &[&str]) -> PathBuf {
    let out = home.path(name);
    home.run_ok(&[&["export", "--month", "2026-10", "--out", out.to_str().unwrap()], options].concat());
    out
}

/// As a stranger unpacks it. Gives back the folder in it.
fn unpack(archive: &Path, into: &Path) -> PathBuf {
    let output = Command::new("tar").args(["--zstd", "-xf"]).arg(archive).current_dir(into).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut below: Vec<PathBuf> = fs::read_dir(into).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(below.len(), 1, "everything is in one folder");
    below.pop().unwrap()
}

/// The blocks of commands in a text, in their order.
fn commands(text: &str) -> Vec<String> {
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a block as it stands, in the unpacked folder, without network: what `pip install` asks for is there already.
fn run_block(block: &str, folder: &Path, python: &Path) -> Output {
    let packages = Command::new(python).args(["-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]).output().unwrap();
    let packages = String::from_utf8(packages.stdout).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_wattledger")).parent().unwrap().to_owned();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", block])
        .current_dir(folder)
        .env("PATH", path)
        .env("PYTHONPATH", packages.trim())
        .env("PIP_NO_INDEX", "1")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn seal(folder: &Path, edition: u32) -> Value {
    serde_json::from_slice(&fs::read(folder.join(format!("evidence/closed/2026-10/{edition}/manifest.json"))).unwrap()).unwrap()
}

#[test]
fn a_stranger_follows_verify_md_to_the_letter_and_everything_agrees() {
    let (Some(home), Some(python)) = (closed(), sample::python_with_duckdb()) else { return };
    let archive = export(&home, "october.tar.zst", &[]);
    let into = TempDir::new().unwrap();
    let folder = unpack(&archive, into.path());
    assert!(folder.ends_with("wattledger-2026-10-1"), "{}", folder.display());
    let text = fs::read_to_string(folder.join("verify.md")).unwrap();
    assert!(!text.contains("{{") && !text.contains(home.root().to_str().unwrap()), "{text}");

    let blocks = commands(&text);
    let outputs: Vec<String> = blocks
        .iter()
        .map(|block| {
            let output = run_block(block, &folder, &python);
            assert!(output.status.success(), "{block}\n{}", said(&output));
            said(&output)
        })
        .collect();

    let of = |command: &str| &outputs[blocks.iter().position(|block| block.contains(command)).unwrap_or_else(|| panic!("no {command}"))];
    assert_eq!(of("sha256sum"), "");
    assert!(
        of("minisign").contains("Signature and comment signature verified")
            && of("minisign").contains("wattledger 2026-10 edition 1 seq 1")
    );
    assert!(of("check_seal.py").contains("all of it is as it was sealed") && of("check_seal.py").contains("0 seals before it"));
    // The method, node_steps, usage, ledger and hourly ledger of every cluster-day, six totals.
    let (seal, agreed) = (seal(&folder, 1), of("run_plan.py").lines().filter(|line| line.starts_with("ok ")).count());
    let days = seal["ledger"]["days"].as_array().unwrap().len();
    assert!(days > 60 && agreed == 1 + 4 * days + 6, "{agreed} of {days} days");
    assert!(of("run_plan.py").trim_end().ends_with("everything agrees"), "{}", of("run_plan.py"));
    for total in ["facility_mj", "operational_hourly_ugco2e", "scope2_market_based_ugco2e"] {
        assert!(of("duckdb.sql").contains(&seal["totals"][total].to_string()), "{total}: {}", of("duckdb.sql"));
    }
    assert!(of("wattledger verify").contains("ok      recalculation"), "{}", of("wattledger verify"));
}

/// The same month gives the same bytes, also when it lies elsewhere by now in part.
#[test]
fn the_same_month_gives_the_same_archive_also_after_its_days_were_metered_anew() {
    let Some(home) = closed() else { return };
    let first = fs::read(export(&home, "one.tar.zst", &[])).unwrap();
    assert!(first == fs::read(export(&home, "two.tar.zst", &[])).unwrap());

    let path = home.path("wattledger.toml");
    let config = fs::read_to_string(&path).unwrap();
    assert!(config.contains("exporter = \"kepler\""));
    fs::write(&path, config.replace("exporter = \"kepler\"", "exporter = \"cadvisor\"")).unwrap();
    home.run_ok(&["collect", "--remeter", "--month", "2026-10", "--cluster", "edge-fr"]);
    assert!(first == fs::read(export(&home, "three.tar.zst", &[])).unwrap(), "days that were metered anew are there as they were");
    let left: Vec<String> = fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.contains("tmp-")), "{left:?}");
}

#[test]
fn whatever_was_changed_in_an_unpacked_bundle_is_found_and_named() {
    let (Some(home), Some(python)) = (closed(), sample::python_with_duckdb()) else { return };
    let archive = export(&home, "october.tar.zst", &[]);
    let into = TempDir::new().unwrap();
    let folder = unpack(&archive, into.path());
    let run = |block: &str| {
        let output = run_block(block, &folder, &python);
        (output.status.success(), said(&output))
    };
    let manifest = "evidence/closed/2026-10/1/manifest.json";
    let check = format!("python3 verify/check_seal.py {manifest}");
    let plan = |days: &str| format!("{} verify/run_plan.py {manifest} {days}", python.display());
    let whole = fs::read(folder.join("inputs/edge-fr/2026-10-13/usage.parquet")).unwrap();
    let (is_well, text) = run(&plan("edge-fr/2026-10-13 burst-pl/2026-10-24"));
    assert!(is_well && text.lines().filter(|line| line.starts_with("ok ")).count() == 1 + 2 * 4, "{text}");

    // Usage of another day in the place of this one: whole files, other figures.
    fs::copy(folder.join("inputs/edge-fr/2026-10-14/usage.parquet"), folder.join("inputs/edge-fr/2026-10-13/usage.parquet")).unwrap();
    let (is_well, text) = run("sha256sum --check --quiet SHA256SUMS");
    assert!(!is_well && text.contains("inputs/edge-fr/2026-10-13/usage.parquet: FAILED"), "{text}");
    let (is_well, text) = run(&plan("edge-fr/2026-10-13"));
    assert!(!is_well && text.contains("DIFFERS  edge-fr/2026-10-13: usage is that of the evidence"), "{text}");
    assert!(text.contains("DIFFERS  edge-fr/2026-10-13: ledger ") && text.contains(" differ"), "{text}");
    fs::write(folder.join("inputs/edge-fr/2026-10-13/usage.parquet"), whole).unwrap();

    let (is_well, text) = run(&check);
    assert!(is_well, "{text}");
    let samples = folder.join("evidence/edge-fr/2026-10-13/samples.parquet");
    let mut bytes = fs::read(&samples).unwrap();
    bytes[1_000] ^= 1;
    fs::write(&samples, bytes).unwrap();
    fs::remove_file(folder.join("evidence/closed/2026-10/1/report/report.html")).unwrap();
    let (is_well, text) = run(&check);
    assert!(!is_well && text.contains("CHANGED edge-fr/2026-10-13/samples.parquet"), "{text}");
    assert!(text.contains("MISSING closed/2026-10/1/report/report.html"), "{text}");

    // Of a month that was changed at home there is no bundle, and nothing half.
    let samples = home.path("evidence/edge-fr/2026-10-13/samples.parquet");
    let mut bytes = fs::read(&samples).unwrap();
    bytes[1_000] ^= 1;
    fs::write(&samples, bytes).unwrap();
    let out = home.path("late.tar.zst");
    let (code, stderr) = home.run(&["export", "--month", "2026-10", "--out", out.to_str().unwrap()]);
    assert!(code == 1 && stderr.contains("EVIDENCE_CHANGED") && stderr.contains("samples.parquet"), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn a_restatement_brings_the_chain_before_it_and_an_unsigned_month_says_so() {
    let Some(home) = closed() else { return };
    let config = home.path("wattledger.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("pue = 1.35"));
    fs::write(&config, text.replace("pue = 1.35", "pue = 1.4")).unwrap();
    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--restate", "--reason", "a `new` PUE\n```sh\nfalse\n```"]);
    let (into, first) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = unpack(&export(&home, "second.tar.zst", &[]), into.path());
    assert!(folder.ends_with("wattledger-2026-10-2") && folder.join("evidence/closed/2026-10/1/manifest.json.minisig").exists());
    assert!(!folder.join("evidence/closed/2026-10/1/report").exists(), "of the seals before it there is the chain");
    let text = fs::read_to_string(folder.join("verify.md")).unwrap();
    assert!(text.contains("this is edition 2, a restatement") && !commands(&text).iter().any(|block| block.contains("false")), "{text}");
    let check =
        Command::new("python3").args(["verify/check_seal.py", "evidence/closed/2026-10/2/manifest.json"]).current_dir(&folder).output();
    let check = check.unwrap();
    assert!(check.status.success() && said(&check).contains("1 seals before it"), "{}", said(&check));
    let folder = unpack(&export(&home, "first.tar.zst", &["--edition", "1"]), first.path());
    assert!(folder.ends_with("wattledger-2026-10-1") && !folder.join("evidence/closed/2026-10/2").exists());

    let unsigned = Home::without_keys();
    keep_two_clusters(&unsigned);
    let (code, stderr) = unsigned.run(&["export", "--month", "2026-10", "--out", unsigned.path("x.tar.zst").to_str().unwrap()]);
    assert!(
        code == 1 && stderr.contains("2026-10 is not closed") && stderr.contains("hint: `wattledger close --month 2026-10`"),
        "{stderr}"
    );
    unsigned.run_ok(&["close", "--no-collect", "--month", "2026-10", "--accept", "UNSIGNED", "--format", "json"]);
    let into = TempDir::new().unwrap();
    let folder = unpack(&export(&unsigned, "unsigned.tar.zst", &[]), into.path());
    let text = fs::read_to_string(folder.join("verify.md")).unwrap();
    assert!(text.contains("The seal is not signed") && text.contains("accepted by name: UNSIGNED"), "{text}");
    assert!(!text.contains("minisign -V") && !text.contains("ledger.parquet") && !folder.join("wattledger.pub").exists());
    assert_eq!(commands(&text).len(), 4, "{text}");
}
