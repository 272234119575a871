//! `deny.toml`, held against what it should refuse: cargo-deny runs over projects and an advisory database that a test makes.
//!
//! Functions whose names begin with the number of a case of the fault catalogue are that case, and the suite runs them. Nothing is fetched from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::sample::root;

/// An address that git is told to look for in a folder.
const DATABASE: &str = "https://advisories.example.com/db";

/// cargo-deny, as `.ci/run` installs it. Without it these tests say that they were left out; in CI that is a failure.
fn cargo_deny() -> Option<PathBuf> {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let installed = cache.map(|cache| cache.join("wattledger/tools/bin/cargo-deny"));
    let places = installed.into_iter().chain([PathBuf::from("cargo-deny")]);
    let found =
        places.into_iter().find(|program| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "cargo-deny not found, and CI is set; .ci/run installs it");
        println!("SKIPPED: cargo-deny not found; .ci/run installs it");
    }
    found
}

/// A project that depends on what its manifest says, with a database of advisories beside it.
struct Fixture {
    folder: TempDir,
    deny: PathBuf,
}

impl Fixture {
    /// None where there is no cargo-deny.
    fn new(dependencies: &str) -> Option<Self> {
        let fixture = Self { deny: cargo_deny()?, folder: tempfile::tempdir().unwrap() };
        fixture.write("Cargo.toml", &manifest("fixture", "Apache-2.0", dependencies));
        fixture.write("src/lib.rs", "");
        // A database without any advisory is taken for a broken one.
        fixture.advise(9000, "of-another-world", "");
        fixture.configure(|text| text);
        Some(fixture)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Our own rules, but for where the advisories are, and for licences that a small project does not have.
    fn configure(&self, change: impl FnOnce(String) -> String) {
        let ours = fs::read_to_string(root().join("deny.toml")).unwrap();
        let place = format!("[advisories]\ndb-urls = [\"{DATABASE}\"]\ndb-path = \"{}\"\n", self.path("databases").display());
        let text = ours.replacen("[advisories]\n", &place, 1);
        let text = text.replacen("unused-allowed-license = \"deny\"", "unused-allowed-license = \"allow\"", 1);
        assert!(text.contains(DATABASE) && text.contains("\"allow\""));
        self.write("deny.toml", &change(text));
    }

    fn advise(&self, number: u32, package: &str, informational: &str) {
        let kind = if informational.is_empty() { String::new() } else { format!("informational = \"{informational}\"\n") };
        let text = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2026-{number}\"\npackage = \"{package}\"\ndate = \"2026-11-01\"\n{kind}\n[versions]\npatched = []\n```\n\n\
             # Made up for a test\n\nThere is no such fault.\n"
        );
        self.write(&format!("db/crates/{package}/RUSTSEC-2026-{number}.md"), &text);
        self.commit("db");
    }

    /// A folder as a git repository with all that is in it.
    fn commit(&self, folder: &str) {
        let git = |arguments: &[&str]| {
            let mut command = self.command(Path::new("git"), &["-c", "user.name=Test", "-c", "user.email=test@example.com"]);
            let output = command.current_dir(self.path(folder)).args(arguments).output().unwrap();
            assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message=as it is"]);
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_COUNT", "1");
        command.env("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", self.path("db").display())).env("GIT_CONFIG_VALUE_0", DATABASE);
        command
    }

    /// The codes of what a check refuses of a project, in order; empty where it passes.
    fn refused(&self, project: &Path, checks: &[&str]) -> Vec<String> {
        if !project.join("Cargo.lock").exists() {
            // What is in the registry's cache is enough; a repository of a folder is fetched, which offline is not allowed.
            let is_offline =
                !fs::read_to_string(project.join("Cargo.toml")).unwrap().contains("file://") && !project.join(".cargo").exists();
            let arguments: &[&str] = if is_offline { &["generate-lockfile", "--offline"] } else { &["fetch"] };
            let output = self.command(Path::new(env!("CARGO")), arguments).current_dir(project).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let manifest = project.join("Cargo.toml");
        let rules = self.path("deny.toml");
        let first = ["--locked", "--manifest-path", manifest.to_str().unwrap(), "--config", rules.to_str().unwrap()];
        if checks.contains(&"advisories") {
            let fetched = self.command(&self.deny, &first).args(["fetch", "db"]).output().unwrap();
            assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
        }
        let output = self.command(&self.deny, &first).args(["--offline", "check"]).args(checks).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let codes: Vec<String> =
            said.lines().filter_map(|line| line.strip_prefix("error[")?.split(']').next().map(str::to_owned)).collect();
        assert_eq!(output.status.success(), codes.is_empty(), "{said}");
        codes
    }

    fn refused_here(&self, checks: &[&str]) -> Vec<String> {
        self.refused(self.folder.path(), checks)
    }
}

fn manifest(name: &str, license: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\nlicense = \"{license}\"\npublish = false\n\n[dependencies]\n{dependencies}\n"
    )
}

const ALL: [&str; 4] = ["advisories", "bans", "licenses", "sources"];

#[test]
fn what_is_built_today_keeps_the_rules() {
    let Some(fixture) = Fixture::new("itoa = \"1\"") else { return };
    // Here every allowed licence is in use, and every double that is let through is there.
    let rules = root().join("deny.toml");
    let arguments =
        ["--locked", "--offline", "--config", rules.to_str().unwrap(), "check", "-D", "warnings", "bans", "licenses", "sources"];
    let output = fixture.command(&fixture.deny, &arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A project that has nothing wrong with it is not refused for being small.
    assert_eq!(fixture.refused_here(&ALL), Vec::<String>::new());
}

/// A case of the fault suite; none where there is no cargo-deny.
pub fn f79_a_lock_file_with_a_crate_under_an_advisory_fails() -> Option<()> {
    let fixture = Fixture::new("itoa = \"1\"")?;
    assert_eq!(fixture.refused(root(), &["advisories"]), Vec::<String>::new(), "without an advisory it passes");
    for (informational, code) in [("", "vulnerability"), ("unsound", "unsound"), ("unmaintained", "unmaintained")] {
        // One that others bring: nobody here names it.
        fixture.advise(9001, "ring", informational);
        assert_eq!(fixture.refused(root(), &["advisories"]), [code]);
    }
    Some(())
}

#[test]
fn the_exception_that_waits_for_chronos_advisory_is_enough_on_its_day() {
    let Some(fixture) = Fixture::new("itoa = \"1\"") else { return };
    fixture.advise(9001, "chrono", "unmaintained");
    assert_eq!(fixture.refused(root(), &["advisories"]), ["unmaintained"]);

    fixture.configure(|text| {
        let prepared = "    # { id = \"RUSTSEC-2026-…\", reason = \"chrono";
        assert!(text.contains(prepared));
        text.replace(prepared, "    { id = \"RUSTSEC-2026-9001\", reason = \"chrono")
    });
    assert_eq!(fixture.refused(root(), &["advisories"]), Vec::<String>::new());
    fixture.advise(9002, "ring", "unmaintained");
    assert_eq!(fixture.refused(root(), &["advisories"]), ["unmaintained"], "it excuses nothing else");
}

/// A case of the fault suite; none where there is no cargo-deny.
pub fn f80_a_git_dependency_fails() -> Option<()> {
    let fixture = Fixture::new("")?;
    fixture.write("leaf/Cargo.toml", &manifest("leaf", "Apache-2.0", ""));
    fixture.write("leaf/src/lib.rs", "");
    fixture.commit("leaf");
    fixture.write(
        "Cargo.toml",
        &manifest("fixture", "Apache-2.0", &format!("leaf = {{ git = \"file://{}\" }}", fixture.path("leaf").display())),
    );
    assert_eq!(fixture.refused_here(&["sources"]), ["source-not-allowed"]);
    Some(())
}

/// A case of the fault suite; none where there is no cargo-deny.
pub fn f80_an_unknown_registry_fails() -> Option<()> {
    let fixture = Fixture::new("leaf = { version = \"0.1\", registry = \"other\" }")?;
    // A registry is a repository that lists crates, and a place to get them from.
    fixture.write("package/leaf-0.1.0/Cargo.toml", &manifest("leaf", "Apache-2.0", ""));
    fixture.write("package/leaf-0.1.0/src/lib.rs", "");
    let package = fixture.path("leaf-0.1.0.crate");
    let packed = Command::new("tar")
        .args(["-czf", package.to_str().unwrap(), "-C", fixture.path("package").to_str().unwrap(), "leaf-0.1.0"])
        .status();
    assert!(packed.unwrap().success());
    let digest: String = Sha256::digest(fs::read(&package).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    fixture.write("index/config.json", &format!("{{\"dl\": \"file://{}/{{crate}}-{{version}}.crate\"}}", fixture.folder.path().display()));
    fixture.write(
        "index/le/af/leaf",
        &format!("{{\"name\":\"leaf\",\"vers\":\"0.1.0\",\"deps\":[],\"cksum\":\"{digest}\",\"features\":{{}},\"yanked\":false}}\n"),
    );
    fixture.commit("index");
    fixture.write(".cargo/config.toml", &format!("[registries.other]\nindex = \"file://{}\"\n", fixture.path("index").display()));
    assert_eq!(fixture.refused_here(&["sources"]), ["source-not-allowed"]);
    Some(())
}

/// A case of the fault suite; none where there is no cargo-deny.
pub fn f80_a_licence_that_is_not_allowed_fails() -> Option<()> {
    for (license, is_allowed) in [("AGPL-3.0-only", false), ("GPL-3.0-only OR MIT", true), ("LicenseRef-Own", false), ("ISC", true)] {
        let fixture = Fixture::new("leaf = { path = \"leaf\", version = \"0.1\" }")?;
        fixture.write("leaf/Cargo.toml", &manifest("leaf", license, ""));
        fixture.write("leaf/src/lib.rs", "");
        let expected: &[&str] = if is_allowed { &[] } else { &["rejected"] };
        assert_eq!(fixture.refused_here(&["licenses"]), expected, "{license}");
    }
    Some(())
}

#[test]
fn a_version_that_is_open_to_everything_and_a_banned_crate_fail() {
    let Some(fixture) = Fixture::new("itoa = \"*\"") else { return };
    assert_eq!(fixture.refused_here(&["bans"]), ["wildcard"]);

    let Some(fixture) = Fixture::new("openssl-sys = { path = \"leaf\", version = \"0.1\" }") else { return };
    fixture.write("leaf/Cargo.toml", &manifest("openssl-sys", "MIT", ""));
    fixture.write("leaf/src/lib.rs", "");
    assert_eq!(fixture.refused_here(&["bans"]), ["banned"]);
}

#[test]
fn a_second_version_of_a_crate_that_nobody_excused_fails() {
    let Some(fixture) = Fixture::new("itoa = \"1\"") else { return };
    assert_eq!(fixture.refused(root(), &["bans"]), Vec::<String>::new());
    fixture.configure(|text| {
        let line = text.lines().find(|line| line.contains("\"reqwest@")).unwrap().to_owned();
        text.replace(&line, "")
    });
    assert_eq!(fixture.refused(root(), &["bans"]), ["duplicate"]);
}
