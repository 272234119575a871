//! Whatever is changed of a closed month is named, with its code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::home::Home;

/// Changes a file, verifies, and puts it back.
fn tampered(home: &Home, path: &Path, change: impl FnOnce(&Path)) -> (u8, String) {
    let before = fs::read(path).ok();
    change(path);
    let found = home.verify(&["--month", "2026-10"]);
    match before {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    found
}

/// Signs with the key of a home, as minisign does.
fn sign(home: &Home, file: &Path, signature: &Path, comment: &str) {
    let mut minisign = Command::new("minisign");
    minisign.args(["-S", "-s", "wattledger.key", "-t", comment, "-m"]).arg(file).arg("-x").arg(signature);
    assert!(minisign.current_dir(home.root()).output().unwrap().status.success());
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn each_kind_of_file_is_named_when_it_is_changed_missing_or_added() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let (closed, evidence) = (home.closed(1), home.path("evidence"));
    let files = [
        (closed.join("report/report.html"), "files"),
        (closed.join("report/report.xlsx"), "files"),
        (closed.join("config.toml"), "files"),
        (closed.join("days/prod-nl/2026-10-13.json"), "files"),
        (closed.join("intensity/NL.json"), "files"),
        (evidence.join("prod-nl/2026-10-13/usage-000.parquet"), "evidence"),
        (evidence.join("prod-nl/2026-10-13/samples.parquet"), "evidence"),
        (evidence.join("burst-pl/2026-09-30/jobs.parquet"), "evidence"),
    ];
    for (path, check) in &files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (code, said) = tampered(&home, path, flip);
        let line = said.lines().find(|line| line.contains("FAILED") && line.contains(check)).unwrap_or_default().to_owned();
        assert!(code == 4 && line.contains("EVIDENCE_CHANGED: ") && line.contains(name), "{name}: {said}");
        let (code, said) = tampered(&home, path, |path| fs::remove_file(path).unwrap());
        let line = said.lines().find(|line| line.contains("FAILED") && line.contains(check)).unwrap_or_default().to_owned();
        assert!(code == 4 && line.contains("MISSING: ") && line.contains(name), "{name}: {said}");
    }
    // Two files that change places are both named.
    let (one, two) = (evidence.join("prod-nl/2026-10-13/nodes.parquet"), evidence.join("prod-nl/2026-10-14/nodes.parquet"));
    let swapped = [fs::read(&one).unwrap(), fs::read(&two).unwrap()];
    if swapped[0] != swapped[1] {
        fs::write(&one, &swapped[1]).unwrap();
        fs::write(&two, &swapped[0]).unwrap();
        let (code, said) = home.verify(&[]);
        assert!(code == 4 && said.contains("2026-10-13/nodes.parquet") && said.contains("2026-10-14/nodes.parquet"), "{said}");
        fs::write(&one, &swapped[0]).unwrap();
        fs::write(&two, &swapped[1]).unwrap();
    }
    for added in [closed.join("report/other.html"), evidence.join("prod-nl/2026-10-13/other.parquet")] {
        let (code, said) = tampered(&home, &added, |path| fs::write(path, "x").unwrap());
        assert!(code == 0 && said.contains("warning") && said.contains("UNLISTED: ") && said.contains("other."), "{said}");
    }
    assert_eq!(home.verify(&[]).0, 0, "all is as it was");
}

#[test]
fn a_seal_or_a_signature_that_was_touched_does_not_hold() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let (manifest, signature) = (home.closed(1).join("manifest.json"), home.closed(1).join("manifest.json.minisig"));
    let length = fs::metadata(&manifest).unwrap().len() as usize;
    for byte in [0, 40, length / 3, length / 2, length - 2] {
        let (code, said) = tampered(&home, &manifest, |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[byte] ^= 2;
            fs::write(path, bytes).unwrap();
        });
        assert!(code == 4 && said.contains("BAD_SIGNATURE: "), "byte {byte}: {said}");
    }
    // A figure changed with all its hashes, by somebody without the key.
    let (code, said) = tampered(&home, &manifest, |path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replacen("\"organisation\": \"Example BV\"", "\"organisation\": \"Example NV\"", 1)).unwrap();
    });
    assert!(code == 4 && said.contains("BAD_SIGNATURE: "), "{said}");
    for change in [flip as fn(&Path), |path: &Path| fs::remove_file(path).unwrap()] {
        let (code, said) = tampered(&home, &signature, change);
        assert!(code == 4 && said.contains("BAD_SIGNATURE: "), "{said}");
    }
    // The signature of somebody else.
    let keys = Home::with_keys().unwrap();
    let (code, said) = tampered(&home, &signature, |path| {
        sign(&keys, &manifest, path, "wattledger 2026-10 edition 1 seq 1");
    });
    assert!(code == 4 && said.contains("BAD_SIGNATURE: "), "{said}");
    // The right key's signature of the right bytes, under another name.
    let (code, said) = tampered(&home, &signature, |path| {
        sign(&home, &manifest, path, "wattledger 2026-11 edition 1 seq 1");
    });
    assert!(code == 4 && said.contains("BAD_SIGNATURE: manifest.json.minisig is that of another seal"), "{said}");
    assert_eq!(home.verify(&[]).0, 0, "all is as it was");
}

#[test]
fn a_key_that_is_given_goes_before_the_configured_one_and_none_at_all_is_no_check() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let other = Home::with_keys().unwrap();
    let (code, said) = home.verify(&["--public-key", other.path("wattledger.pub").to_str().unwrap()]);
    assert!(code == 4 && said.contains("BAD_SIGNATURE"), "{said}");
    let key = home.path("wattledger.pub");
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    fs::write(home.path("wattledger.toml"), config.replace("public_key_file = \"wattledger.pub\"\n", "")).unwrap();
    let (code, said) = home.verify(&[]);
    assert!(code == 4 && said.contains("there is no public key to check it with"), "{said}");
    assert_eq!(home.verify(&["--public-key", key.to_str().unwrap()]).0, 0);
}

/// Somebody who has the key writes a seal in which a figure is another: only working it out again tells.
#[test]
fn a_figure_that_does_not_come_out_is_named() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let manifest = home.closed(1).join("manifest.json");
    let forge = |change: &dyn Fn(&mut Value)| {
        let mut seal: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
        change(&mut seal);
        fs::write(&manifest, serde_json::to_vec_pretty(&seal).unwrap()).unwrap();
        sign(&home, &manifest, &home.closed(1).join("manifest.json.minisig"), "wattledger 2026-10 edition 1 seq 1");
    };
    let whole = fs::read(&manifest).unwrap();
    forge(&|seal| seal["totals"]["facility_mj"] = 1.into());
    let (code, said) = home.verify(&[]);
    assert!(code == 4 && said.contains("NOT_REPRODUCED: totals.facility_mj: 1, now "), "{said}");

    fs::write(&manifest, &whole).unwrap();
    forge(&|seal| seal["ledger"]["days"][40]["sha256"] = "0".repeat(64).into());
    let (code, said) = home.verify(&[]);
    assert!(code == 4 && said.contains("NOT_REPRODUCED: the ledger of "), "{said}");

    // A report that was written over, with the seal made to fit.
    fs::write(&manifest, &whole).unwrap();
    let report = home.closed(1).join("report/report.json");
    let text = fs::read_to_string(&report).unwrap();
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["namespaces"][3]["active_mj"] = 7.into();
    let bytes = serde_json::to_vec_pretty(&forged).unwrap();
    fs::write(&report, &bytes).unwrap();
    forge(&|seal| {
        let files = seal["files"].as_array_mut().unwrap();
        let file = files.iter_mut().find(|file| file["path"] == "report/report.json").unwrap();
        file["sha256"] = super::sha256(&bytes).into();
        file["bytes"] = bytes.len().into();
    });
    let (code, said) = home.verify(&[]);
    assert!(code == 4 && said.contains("NOT_REPRODUCED: namespaces[") && said.contains("].active_mj: 7, now "), "{said}");
}

#[test]
fn a_seal_of_a_newer_version_is_said_to_be_one() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let path: PathBuf = home.closed(1).join("manifest.json");
    let (code, said) = tampered(&home, &path, |path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replacen("wattledger.seal/1", "wattledger.seal/2", 1)).unwrap();
    });
    assert!(code == 4 && said.contains("NEWER_SCHEMA: "), "{said}");
}

#[test]
fn json_has_a_verdict_and_a_code_a_check() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    fs::remove_file(home.closed(1).join("report/report.html")).unwrap();

    let output = home.output(&["verify", "--month", "2026-10", "--json"]);

    assert_eq!(output.status.code(), Some(4));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&printed["verified"], &printed["months"][0]["month"]), (&false.into(), &"2026-10".into()));
    let checks = printed["months"][0]["checks"].as_array().unwrap();
    let verdicts: Vec<(&str, &str)> =
        checks.iter().map(|check| (check["check"].as_str().unwrap(), check["verdict"].as_str().unwrap())).collect();
    let expected = [
        ("signature", "passed"),
        ("time stamp", "warning"),
        ("chain", "passed"),
        ("files", "failed"),
        ("evidence", "passed"),
        ("recalculation", "failed"),
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(checks[3]["code"], "MISSING");
}
