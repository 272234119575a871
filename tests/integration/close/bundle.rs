//! A closed month in the hands of somebody who has nothing else: a folder or an archive, and no configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::files_of;
use super::home::Home;

/// What is in a bundle as far as `verify` looks at it: the evidence with the closed month, and the key.
fn bundle(home: &Home, into: &Path) -> PathBuf {
    let root = into.join("wattledger-2026-10-1");
    for (path, bytes) in files_of(&home.path("evidence")) {
        let target = root.join("evidence").join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
    fs::copy(home.path("wattledger.pub"), root.join("wattledger.pub")).unwrap();
    root
}

/// Runs `verify` where there is no configuration.
fn verify(arguments: &[&str]) -> (i32, String) {
    let elsewhere = TempDir::new().unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_wattledger")).arg("verify").args(arguments).current_dir(elsewhere.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_stranger_checks_a_bundle_as_a_folder_and_as_an_archive() {
    let Some(home) = Home::with_keys() else { return };
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let folder = TempDir::new().unwrap();
    let root = bundle(&home, folder.path());
    let archive = folder.path().join("bundle.tar.zst");
    let mut tar = tar::Builder::new(zstd::Encoder::new(fs::File::create(&archive).unwrap(), 1).unwrap().auto_finish());
    tar.append_dir_all("wattledger-2026-10-1", &root).unwrap();
    tar.into_inner().unwrap();
    let key = home.path("wattledger.pub");
    let key = key.to_str().unwrap();

    for bundle in [root.to_str().unwrap(), folder.path().to_str().unwrap(), archive.to_str().unwrap()] {
        let (code, said) = verify(&[bundle, "--public-key", key]);
        assert!(code == 0 && said.contains("ok      signature") && said.contains("ok      recalculation"), "{bundle}: {said}");
    }
    // The key in the bundle says that it is whole, and not whose it is.
    let (code, said) = verify(&[archive.to_str().unwrap()]);
    assert!(code == 0 && said.contains("warning signature") && said.contains("lies beside it"), "{said}");
    let usage = root.join("evidence/prod-nl/2026-10-13/usage-000.parquet");
    let mut bytes = fs::read(&usage).unwrap();
    bytes[100] ^= 4;
    fs::write(&usage, bytes).unwrap();
    let (code, said) = verify(&[root.to_str().unwrap(), "--public-key", key]);
    assert!(code == 4 && said.contains("EVIDENCE_CHANGED: ") && said.contains("usage-000.parquet"), "{said}");
    let (code, said) = verify(&["no-such-bundle.tar.zst"]);
    assert!(code == 1 && said.contains("no-such-bundle.tar.zst"), "{said}");
}
