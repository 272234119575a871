//! Closing a month: sealed once, chained, signed so that Debian's minisign can check it, restated and never edited; and verified to the byte.

mod bundle;
pub mod home;
mod tampering;
mod time_stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use wattledger::evidence::Store;
use wattledger::model::IntensitySeries;

use self::home::Home;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below a folder with its bytes, by its path within.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_closed_month_is_sealed_whole_and_a_stranger_can_check_it_with_common_tools() {
    let Some(home) = Home::with_keys() else { return };

    let output = home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);

    let listed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(listed.lines().count(), files_of(&home.closed(1)).len());
    assert!(listed.lines().all(|path| Path::new(path).is_file()), "{listed}");
    let seal = home.seal(1);
    for (pointer, value) in [
        ("/schema", "wattledger.seal/1"),
        ("/kind", "close"),
        ("/sealed_at", "2026-11-02T06:00:00Z"),
        ("/period/month", "2026-10"),
        ("/period/from", "2026-09-30T22:00:00Z"),
    ] {
        assert_eq!(seal.pointer(pointer).unwrap(), value, "{pointer}");
    }
    assert_eq!((&seal["edition"], &seal["seq"], &seal["previous"], &seal["replaces"]), (&1.into(), &1.into(), &Value::Null, &Value::Null));
    // Every file of the folder, and every file that the figures were made from, with the SHA-256 that sha256sum gives.
    let listed: Vec<&str> = seal["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    for path in [
        "config.toml",
        "days/prod-nl/2026-10-13.json",
        "intensity/NL.json",
        "report/report.html",
        "report/report.xlsx",
        "report/report.json",
    ] {
        assert!(listed.contains(&path), "{path} of {listed:?}");
    }
    for (list, folder) in [("files", home.closed(1)), ("evidence", home.path("evidence"))] {
        for file in seal[list].as_array().unwrap() {
            let bytes = fs::read(folder.join(file["path"].as_str().unwrap())).unwrap();
            assert_eq!(
                (sha256(&bytes), bytes.len() as u64),
                (file["sha256"].as_str().unwrap().to_owned(), file["bytes"].as_u64().unwrap()),
                "{file}"
            );
        }
    }
    let evidence: Vec<&str> = seal["evidence"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    for table in ["samples", "series", "usage-000", "node_steps"] {
        assert!(evidence.contains(&format!("prod-nl/2026-10-13/{table}.parquet").as_str()), "{table}");
    }
    let text = fs::read_to_string(home.closed(1).join("manifest.json")).unwrap();
    assert!(!text.contains(home.root().to_str().unwrap()), "a path of the machine");

    let minisign =
        Command::new("minisign").args(["-Vm", "manifest.json", "-p"]).arg(home.path("wattledger.pub")).current_dir(home.closed(1)).output();
    let minisign = minisign.unwrap();
    let said = String::from_utf8_lossy(&minisign.stdout).into_owned();
    assert!(minisign.status.success() && said.contains("wattledger 2026-10 edition 1 seq 1"), "{said}");
    assert_eq!(home.verify(&[]).0, 0);
    let report: Value = serde_json::from_slice(&fs::read(home.closed(1).join("report/report.json")).unwrap()).unwrap();
    assert_eq!(
        (&report["status"]["kind"], &report["status"]["edition"], &report["status"]["coverage"]),
        (&"closed".into(), &1.into(), &1.0.into())
    );
    assert_eq!(report["totals"], seal["totals"]);
}

#[test]
fn closing_twice_gives_one_seal_and_the_second_writes_nothing() {
    let Some(home) = Home::with_keys() else { return };
    let first = home.run_ok(&["close", "--month", "2026-10"]);
    let before = files_of(&home.path("evidence"));

    let second = home.run_ok(&["close", "--month", "2026-10"]);

    assert!(files_of(&home.path("evidence")) == before);
    assert_eq!(first.stdout, second.stdout);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.starts_with("2026-10 is closed: edition 1, seal 1, ") && said.lines().count() == 1, "{said}");
}

#[test]
fn the_same_books_give_the_same_files_wherever_they_lie() {
    let (Some(one), Some(two)) = (Home::with_keys(), Home::with_keys()) else { return };
    // Of the same key, so that nothing differs but the folder.
    for name in ["wattledger.key", "wattledger.pub"] {
        fs::copy(one.path(name), two.path(name)).unwrap();
    }
    one.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);
    two.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z", "--threads", "1"]);

    let but_the_signature = |home: &Home| {
        let mut files = files_of(&home.closed(1));
        files.remove(Path::new("manifest.json.minisig")).unwrap();
        files
    };
    let (one, two) = (but_the_signature(&one), but_the_signature(&two));
    let differing: Vec<_> = one.iter().filter(|(path, bytes)| two.get(*path) != Some(bytes)).map(|(path, _)| path).collect();
    assert!(differing.is_empty() && one.len() == two.len(), "{differing:?}");
}

/// Appends an hour to a zone's intensity, as a provider that was late.
fn add_hour(home: &Home, zone: &str, edition: &str, from_s: i64) {
    let series = IntensitySeries {
        zone: zone.to_owned(),
        provider: "electricity-maps".to_owned(),
        edition: edition.to_owned(),
        start_s: vec![from_s],
        end_s: vec![from_s + 3_600],
        direct_gco2e_per_kwh: vec![Some(777.0)],
        lifecycle_gco2e_per_kwh: vec![Some(800.0)],
        is_estimated: vec![false],
        estimation_method: vec![String::new()],
        ..IntensitySeries::default()
    };
    Store::new(home.path("evidence")).write_intensity(&series).unwrap();
}

/// An hour of October of which nothing is known of a zone, so that it was filled.
fn hour_without_intensity(home: &Home, zone: &str) -> i64 {
    let known: BTreeSet<i64> = Store::new(home.path("evidence"))
        .intensity(zone)
        .unwrap()
        .into_iter()
        .flat_map(|(series, _)| {
            (0..series.len()).filter(|row| series.direct_gco2e_per_kwh[*row].is_some()).map(|row| series.start_s[row]).collect::<Vec<_>>()
        })
        .collect();
    // October in Amsterdam, in UTC.
    (0..745).map(|hour| 1_790_805_600 + hour * 3_600).find(|start| !known.contains(start)).expect("the sample tells of a hole")
}

/// 2026-11-10 at 00:00 UTC.
const IN_NOVEMBER_S: i64 = 1_794_268_800;

#[test]
fn a_revision_after_the_close_leaves_the_month_as_it_is_and_is_taken_in_by_a_restatement() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let closed = files_of(&home.closed(1));
    // What belongs to another month changes nothing of this one.
    add_hour(&home, "NL", "later month", IN_NOVEMBER_S);
    let said = home.run_ok(&["close", "--no-collect", "--month", "2026-10"]).stderr;
    assert_eq!(String::from_utf8_lossy(&said).lines().count(), 1, "{}", String::from_utf8_lossy(&said));
    add_hour(&home, "NL", "late", hour_without_intensity(&home, "NL"));

    let again = home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);

    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("intensity of NL (1 value of the month)") && said.contains("--restate --reason"), "{said}");
    let (code, verified) = home.verify(&[]);
    assert_eq!(code, 0, "{verified}");

    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--restate", "--reason", "NL was late", "--at", "2026-11-20T06:00:00Z"]);

    assert!(files_of(&home.closed(1)) == closed, "the first edition was touched");
    let (first, second) = (home.seal(1), home.seal(2));
    assert_eq!((&second["kind"], &second["edition"], &second["seq"]), (&"restatement".into(), &2.into(), &2.into()));
    let manifest = sha256(&closed[Path::new("manifest.json")]);
    assert_eq!(second["previous"]["sha256"], manifest);
    assert_eq!((&second["replaces"]["sha256"], &second["replaces"]["reason"]), (&manifest.into(), &"NL was late".into()));
    assert_ne!(first["totals"]["scope2_location_based_ugco2e"], second["totals"]["scope2_location_based_ugco2e"]);
    let report = fs::read_to_string(home.closed(2).join("report/report.html")).unwrap();
    assert!(report.contains("Restated: edition 2 of 2026-10, in the place of edition 1. Reason: NL was late"));
    let (code, verified) = home.verify(&[]);
    assert!(code == 0 && verified.contains("2026-10 edition 1") && verified.contains("2026-10 edition 2"), "{verified}");

    // The same once more says nothing new.
    let third = home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--restate", "--reason", "once more"]);
    assert!(String::from_utf8_lossy(&third.stderr).contains("nothing to restate"));
    assert!(!home.closed(3).exists());
}

#[test]
fn a_day_that_was_metered_anew_is_read_from_where_it_was_put_aside() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    let metered_otherwise =
        config.replacen("exporter = \"kepler\"\nboundary = \"colocated\"", "exporter = \"cadvisor\"\nboundary = \"colocated\"", 1);
    assert_ne!(config, metered_otherwise);
    fs::write(home.path("wattledger.toml"), metered_otherwise).unwrap();
    home.run_ok(&["collect", "--month", "2026-10", "--cluster", "edge-fr", "--remeter"]);

    let (code, verified) = home.verify(&[]);

    assert_eq!(code, 0, "{verified}");
    let said = home.run_ok(&["close", "--no-collect", "--month", "2026-10"]).stderr;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("the configuration") && said.contains("(metered anew)"), "{said}");
}

#[test]
fn a_second_process_at_the_same_time_is_told_who_has_the_lock() {
    let Some(home) = Home::with_keys() else { return };
    let lock = Store::new(home.path("evidence")).lock("close").unwrap();

    let (code, said) = home.run(&["close", "--no-collect", "--month", "2026-10"]);

    assert_eq!(code, 1, "{said}");
    assert!(said.contains("LOCKED") && said.contains(&format!("process {}", std::process::id())), "{said}");
    assert!(!home.closed(1).exists());
    drop(lock);
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
}

#[test]
fn of_many_who_close_at_once_one_seals_and_all_agree_afterwards() {
    let Some(home) = Home::with_keys() else { return };
    let codes: Vec<(u8, String)> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| home.run(&["close", "--no-collect", "--month", "2026-10", "--threads", "1"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });

    let sealed = codes.iter().filter(|(code, said)| *code == 0 && said.contains("2026-10 closed: edition 1, seal 1")).count();
    let others =
        codes.iter().filter(|(code, said)| (*code == 1 && said.contains("LOCKED")) || (*code == 0 && said.contains("is closed"))).count();
    assert_eq!((sealed, others), (1, 3), "{codes:#?}");
    assert_eq!(home.verify(&[]).0, 0);
}

#[test]
fn what_an_interrupted_close_left_is_no_closed_month_and_the_next_one_finishes_it() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);
    let whole = files_of(&home.closed(1));
    // As if it had been killed before the seal, with files of an older attempt lying about.
    fs::remove_file(home.closed(1).join("manifest.json")).unwrap();
    fs::write(home.closed(1).join("report/report.html"), "half").unwrap();
    fs::create_dir_all(home.closed(1).join("factors")).unwrap();
    fs::write(home.closed(1).join("factors/old.csv"), "old").unwrap();
    assert_eq!(home.verify(&[]).0, 1, "there is no closed month");

    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z"]);

    let finished = files_of(&home.closed(1));
    let but_the_signature = |path: &&PathBuf| path.as_path() != Path::new("manifest.json.minisig");
    assert!(whole.keys().eq(finished.keys()));
    assert!(whole.keys().filter(but_the_signature).all(|path| whole[path] == finished[path]));
    assert_eq!(home.verify(&[]).0, 0);
}

#[test]
fn months_are_chained_in_the_order_in_which_they_were_closed() {
    let Some(home) = Home::with_keys() else { return };
    // September has the one day on which runs began before October.
    home.run_ok(&["close", "--no-collect", "--month", "2026-09", "--accept", "CI_GAP"]);
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);

    let first = fs::read(home.path("evidence/closed/2026-09/1/manifest.json")).unwrap();
    let second = home.seal(1);
    assert_eq!((&second["seq"], &second["previous"]["month"]), (&2.into(), &"2026-09".into()));
    assert_eq!(second["previous"]["sha256"], sha256(&first));
    let (code, said) = home.verify(&[]);
    assert!(code == 0 && said.contains("2 seals, each names the one before it"), "{said}");
    fs::remove_dir_all(home.path("evidence/closed/2026-09")).unwrap();
    let (code, said) = home.verify(&[]);
    assert!(code == 4 && said.contains("BAD_CHAIN"), "{said}");
}

#[test]
fn a_month_without_a_key_needs_to_be_accepted_by_name() {
    let home = Home::without_keys();

    let (code, said) = home.run(&["close", "--no-collect", "--month", "2026-10"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("refused: UNSIGNED: "), "{said}");
    assert!(!home.path("evidence/closed").exists(), "a refused close writes nothing");

    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--accept", "UNSIGNED"]);
    let (code, said) = home.verify(&[]);
    assert!(code == 0 && said.contains("warning") && said.contains("UNSIGNED"), "{said}");
    let cover = fs::read_to_string(home.closed(1).join("report/report.html")).unwrap();
    assert!(cover.contains("<code>UNSIGNED</code>"), "the cover says so");
}

#[test]
fn days_that_are_missing_refuse_a_close_or_stand_across_its_report() {
    let Some(home) = Home::with_keys() else { return };
    for day in 13..=31 {
        for cluster in ["prod-nl", "edge-fr", "burst-pl"] {
            fs::remove_dir_all(home.path(&format!("evidence/{cluster}/2026-10-{day}"))).unwrap();
        }
    }
    let (code, said) = home.run(&["close", "--no-collect", "--month", "2026-10"]);
    assert!(code == 2 && said.contains("refused: DAYS_MISSING: "), "{said}");
    // There is no server at the configured address: what is missing stays missing, and that is said.
    let (code, said) = home.run(&["close", "--month", "2026-10"]);
    assert!(code == 3 && said.contains("incomplete: "), "{said}");
    assert!(!home.path("evidence/closed").exists());

    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--accept", "DAYS_MISSING", "--accept", "GAP", "--accept", "CI_GAP"]);

    let report: Value = serde_json::from_slice(&fs::read(home.closed(1).join("report/report.json")).unwrap()).unwrap();
    let share = report["status"]["coverage"].as_f64().unwrap();
    // From 22:00 UTC on 30 September to the end of 12 October: 290 of 745 hours.
    assert!((share - 290.0 / 745.0).abs() < 1e-9, "{share}");
    let html = fs::read_to_string(home.closed(1).join("report/report.html")).unwrap();
    assert!(html.contains("Incomplete: evidence of 38.9 % of the period"));
    assert_eq!(home.verify(&[]).0, 0);
}

#[test]
fn a_draft_says_that_it_is_one_and_a_closed_month_can_still_be_reported() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let out = home.path("draft");
    home.run_ok(&["report", "--month", "2026-10", "--out", out.to_str().unwrap()]);

    let read = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let (draft, closed) = (read(out.join("report.json")), read(home.closed(1).join("report/report.json")));
    assert_eq!((&draft["status"]["kind"], &draft["status"]["edition"]), (&"draft".into(), &Value::Null));
    assert_eq!(draft["totals"], closed["totals"]);
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("data-status=\"draft\""));
}

#[test]
fn own_files_are_sealed_with_the_month_and_read_from_there() {
    let Some(home) = Home::with_keys() else { return };
    let factors = home.path("own factors");
    fs::create_dir_all(&factors).unwrap();
    let row = "id,quantity,geography,value,unit,low,high,year,valid_from,valid_to,gas_basis,publisher,publication,url,licence,nuclear_share,note\n\
               own,residual-mix,NL,412.5,gCO2e/kWh,,,2026,,,,Example,Own letter,,own,,\n";
    fs::write(factors.join("Strom mix.csv"), row).unwrap();
    fs::write(home.path("ppa.csv"), "ts,kwh\n2026-10-05T10:00:00Z,3.5\n").unwrap();
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    let config = config.replacen(
        "evidence = \"invented agreement 7, schedule A\"",
        "evidence = \"invented agreement 7, schedule A\"\ngeneration_file = \"ppa.csv\"",
        1,
    );
    fs::write(home.path("wattledger.toml"), format!("{config}\n[factors]\nfiles = [\"own factors/*.csv\"]\n")).unwrap();
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);

    let seal = home.seal(1);
    let own = seal["files"].as_array().unwrap().iter().find(|file| file["path"] == "factors/Strom_mix.csv").unwrap();
    assert_eq!(own["name"], "Strom mix.csv");
    assert!(home.closed(1).join("generation/ppa.csv").is_file());
    // Whatever becomes of the files themselves, and of the configuration.
    fs::remove_dir_all(&factors).unwrap();
    fs::write(home.path("ppa.csv"), "ts,kwh\n2026-10-05T10:00:00Z,9.5\n").unwrap();
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    fs::write(home.path("wattledger.toml"), config.replace("[factors]\nfiles = [\"own factors/*.csv\"]\n", "")).unwrap();
    let (code, said) = home.verify(&[]);
    assert_eq!(code, 0, "{said}");
    let said = home.run_ok(&["close", "--no-collect", "--month", "2026-10"]).stderr;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("the configuration, the own file ppa.csv"), "{said}");
}
