//! Restating a range of months: each closed one once, where something changed; stopped and gone on with; and what it would say without writing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use wattledger::evidence::Store;

use crate::compare::integer;
use crate::prometheus::copy_folder;
use crate::sample;

const HOUR_S: i64 = 3_600;
/// 2025-09-01T00:00:00Z.
const FROM_S: i64 = 1_756_684_800;
const DAYS: i64 = 122;
/// Of the four months that have evidence the last three are closed.
const CLOSED: [&str; 3] = ["2025-10", "2025-11", "2025-12"];
const RANGE: [&str; 5] = ["restate", "--from", "2025-09", "--to", "2025-12"];
const REASON: [&str; 2] = ["--reason", "the upstream factor was corrected"];

struct Books {
    folder: TempDir,
}

fn time(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn factors(upstream: i64) -> String {
    format!(
        "id,quantity,geography,value,unit,publisher,publication,licence\n\
         nl-upstream,grid-upstream,NL,{upstream},gCO2e/kWh,Example BV,Study,own\n\
         nl-losses,td-losses,NL,10,gCO2e/kWh,Example BV,Study,own\n"
    )
}

impl Books {
    /// Four months of a node of 1 kW in a building of PUE 1.2, three of them closed and nobody's signature under them; made once for all tests.
    fn closed() -> Self {
        static CLOSED_ONCE: OnceLock<Books> = OnceLock::new();
        let closed = CLOSED_ONCE.get_or_init(|| {
            let books = Self { folder: TempDir::new().unwrap() };
            books.write();
            for month in CLOSED {
                books.ok(&["close", "--no-collect", "--month", month, "--accept", "UNSIGNED", "--at", "2026-01-05T06:00:00Z"]);
            }
            books
        });
        let books = Self { folder: TempDir::new().unwrap() };
        copy_folder(closed.folder.path(), books.folder.path());
        books
    }

    fn write(&self) {
        let config = "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[report]\nstep = \"1h\"\nmax_gap_share = 0.5\n[factors]\nfiles = [\"factors.csv\"]\n\
                      [[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n\
                      [[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"intensity.csv\"]\nannual_direct_gco2e_per_kwh = { NL = 250.0 }\n";
        fs::write(self.config(), config).unwrap();
        fs::write(self.path("factors.csv"), factors(60)).unwrap();
        let mut usage = "cluster,node,ts,energy_kwh,namespace,workload,pod,idle_kwh,cpu_seconds\n".to_owned();
        let mut intensity = "ts,zone,intensity_gco2e_per_kwh\n".to_owned();
        for hour in 0..24 * DAYS {
            let ts = time(FROM_S + hour * HOUR_S);
            usage += &format!("prod-nl,n1,{ts},1.0,,,,0.25,\nprod-nl,n1,{ts},0.5,shop,Deployment/web,web-1,,1800\n");
            intensity += &format!("{ts},NL,200\n");
        }
        fs::write(self.path("usage.csv"), usage).unwrap();
        fs::write(self.path("intensity.csv"), intensity).unwrap();
        self.ok(&["import", "--kind", "usage", "--step", "1h", self.path("usage.csv").to_str().unwrap()]);
        self.ok(&["import", "--kind", "intensity", "--published", "2026-01-01", self.path("intensity.csv").to_str().unwrap()]);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("wattledger.toml")
    }

    fn ok(&self, arguments: &[&str]) -> (String, String) {
        let output = sample::wattledger_ok(arguments, &self.config());
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// The exit code, stdout and stderr.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = sample::wattledger(arguments, &self.config());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn restate(&self, more: &[&str]) -> (i32, String, String) {
        self.run(&[&RANGE[..], more].concat())
    }

    fn correct_the_factor(&self) {
        fs::write(self.path("factors.csv"), factors(70)).unwrap();
    }

    fn seal(&self, month: &str, edition: u32) -> Option<Value> {
        let bytes = fs::read(self.path(&format!("evidence/closed/{month}/{edition}/manifest.json"))).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    /// The newest edition of each closed month.
    fn editions(&self) -> Vec<u32> {
        let newest = |month: &str| (1..).take_while(|edition| self.seal(month, *edition).is_some()).last().unwrap();
        CLOSED.iter().map(|month| newest(month)).collect()
    }

    /// Every file of the evidence, whatever it is called.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.path("evidence")]);
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// Intensities that a provider brings later.
    fn import_intensity(&self, name: &str, from: &str, grams: i64) {
        let from_s = chrono::DateTime::parse_from_rfc3339(from).unwrap().timestamp();
        let rows: String = (0..24).map(|hour| format!("{},NL,{grams}\n", time(from_s + hour * HOUR_S))).collect();
        fs::write(self.path(name), format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")).unwrap();
        self.ok(&["import", "--kind", "intensity", "--published", "2026-02-01", self.path(name).to_str().unwrap()]);
    }
}

fn outcomes(summary: &Value) -> Vec<&str> {
    summary["months"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect()
}

const CATEGORY_3: &str = "totals:scope3_category_3_ugco2e";

fn total<'a>(summary: &'a Value, month: usize, figure: &str) -> &'a Value {
    let totals = summary["months"][month]["totals"].as_array().unwrap();
    totals.iter().find(|total| total["figure"] == figure).unwrap()
}

#[test]
fn a_factor_that_changed_restates_every_closed_month_once() {
    let books = Books::closed();
    assert_eq!(books.restate(&REASON).0, 0);
    assert_eq!(books.editions(), [1, 1, 1], "nothing has changed");
    books.correct_the_factor();
    let before = books.files();

    let (code, stdout, stderr) = books.restate(&["--dry-run", "--json"]);

    assert_eq!(code, 0, "{stderr}");
    assert!(books.files() == before, "a dry run wrote something");
    let said: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(outcomes(&said), ["not-closed", "would-be-restated", "would-be-restated", "would-be-restated"]);
    // October: 744 hours of 1.2 kWh at 60 and then 70 g upstream, and 10 g of losses.
    let kwh_tenths = 744 * 12;
    let category_3 = total(&said, 1, CATEGORY_3);
    assert_eq!(integer(&category_3["before"]), Some(kwh_tenths * 70 * 100_000));
    assert_eq!(integer(&category_3["after"]), Some(kwh_tenths * 80 * 100_000));
    assert_eq!(integer(&category_3["change"]), Some(kwh_tenths * 10 * 100_000));
    assert_eq!(total(&said, 1, "totals:scope2_location_based_ugco2e")["change"], 0);
    assert_eq!(said["months"][1]["changed"], serde_json::json!(["the own file factors.csv"]));

    let (code, table, stderr) = books.restate(&REASON);

    assert_eq!(code, 0, "{stderr}");
    assert_eq!(books.editions(), [2, 2, 2]);
    let seal = books.seal("2025-11", 2).unwrap();
    assert_eq!(
        (&seal["kind"], &seal["seq"], &seal["replaces"]["reason"], &seal["accepted"]),
        (&"restatement".into(), &5.into(), &REASON[1].into(), &serde_json::json!(["UNSIGNED"]))
    );
    // The month's own restatement says what it is worth, as that of a close does.
    let restatement: Value = serde_json::from_slice(&fs::read(books.path("evidence/closed/2025-10/2/restatement.json")).unwrap()).unwrap();
    let figures = restatement["waterfall"]["figures"].as_array().unwrap();
    assert!(figures.iter().any(|figure| figure["id"] == CATEGORY_3 && figure["adds_up"] == true), "{restatement:#}");
    let row = table.lines().find(|line| line.starts_with("2025-10")).unwrap();
    for cell in ["1 → 2", "Scope 3, category 3", "62.496 kg CO2e", "71.424 kg CO2e", "+8.928 (+14.3 %)", "mostly factors and configuration"]
    {
        assert!(row.contains(cell), "{cell}: {row}");
    }
    assert!(table.ends_with("\nOf 4 months: 3 restated, 1 not closed.\n"), "{table}");
    // October is a third of the work, and how long the rest takes is said.
    let told: Vec<&str> = stderr.lines().filter(|line| line.contains("restated as edition 2")).collect();
    assert!(told.len() == 3 && told[0].contains("; 2 of 4 months, about ") && told[0].ends_with(" left"), "{stderr}");
    assert_eq!(books.run(&["verify"]).0, 0);

    let before = books.files();
    let (code, stdout, stderr) = books.restate(&[&REASON[..], &["--json"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let said: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(outcomes(&said), ["not-closed", "unchanged", "unchanged", "unchanged"]);
    let locks = |files: BTreeMap<PathBuf, Vec<u8>>| {
        files.into_iter().filter(|(path, _)| !path.ends_with(".lock-close")).collect::<BTreeMap<_, _>>()
    };
    assert!(locks(books.files()) == locks(before), "the second run wrote something");
    let (_, said) = books.ok(&["close", "--no-collect", "--month", "2025-11", "--restate", "--reason", "again", "--accept", "UNSIGNED"]);
    assert!(said.contains("2025-11: nothing to restate"), "{said}");
}

#[test]
fn a_run_that_was_killed_goes_on_and_makes_no_second_edition() {
    let books = Books::closed();
    books.correct_the_factor();
    let arguments = [&RANGE[..], &REASON].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
    command.arg("--config").arg(books.config()).args(&arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(300);
    while books.seal("2025-10", 2).is_none() {
        assert!(Instant::now() < until && process.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    process.kill().unwrap();
    assert!(process.wait().unwrap().code().is_none(), "it ended before it was killed");
    assert_eq!(books.editions()[0], 2);
    let restated = books.editions().iter().filter(|edition| **edition == 2).count();
    assert!(restated < 3, "all were done before it was killed");
    let first = books.seal("2025-10", 2);

    let (code, table, stderr) = books.run(&arguments);

    assert_eq!(code, 0, "{stderr}");
    assert_eq!(books.editions(), [2, 2, 2]);
    assert_eq!(books.seal("2025-10", 2), first);
    assert!(
        table.contains(&format!("Of 4 months: {} restated, {restated} with nothing to restate, 1 not closed.", 3 - restated)),
        "{table}"
    );
    // It was not accounted again, so nothing was said of it on the way.
    assert!(!stderr.contains("2025-10"), "{stderr}");
    assert_eq!(books.run(&["verify"]).0, 0);
}

#[test]
fn a_month_that_findings_refuse_is_named_and_holds_up_no_other() {
    let books = Books::closed();
    books.correct_the_factor();
    fs::remove_dir_all(books.path("evidence/prod-nl/2025-11-10")).unwrap();

    let (code, table, stderr) = books.restate(&REASON);

    assert_eq!(code, 2, "{stderr}");
    assert_eq!(books.editions(), [2, 1, 2]);
    assert!(stderr.lines().any(|line| line.starts_with("refused: 2025-11: DAYS_MISSING: prod-nl: 1 of 30 days")), "{stderr}");
    let row = table.lines().find(|line| line.starts_with("2025-11")).unwrap();
    assert!(row.contains("refused: DAYS_MISSING; edition 1 stands"), "{row}");
    assert!(table.ends_with("\nOf 4 months: 2 restated, 1 not closed, 1 refused.\n"), "{table}");

    // Accepted by name it is restated, and only where it was needed the acceptance is written down.
    let (code, _, stderr) = books.restate(&[&REASON[..], &["--accept", "DAYS_MISSING"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(books.editions(), [2, 2, 2]);
    let accepted = |month: &str| books.seal(month, 2).unwrap()["accepted"].clone();
    assert_eq!(
        (accepted("2025-10"), accepted("2025-11")),
        (serde_json::json!(["UNSIGNED"]), serde_json::json!(["DAYS_MISSING", "UNSIGNED"]))
    );

    // It stays accepted in the next edition as it is, and is refused where it has grown.
    fs::write(books.path("factors.csv"), factors(75)).unwrap();
    assert_eq!(books.restate(&REASON).0, 0);
    assert_eq!(books.editions(), [3, 3, 3]);
    fs::remove_dir_all(books.path("evidence/prod-nl/2025-11-11")).unwrap();
    let (code, _, stderr) = books.restate(&REASON);
    assert_eq!((code, books.editions()), (2, vec![3, 3, 3]), "{stderr}");
    assert!(stderr.contains("It was accepted in edition 3, of 1 rows, and 2 have it now."), "{stderr}");
}

#[test]
fn values_of_other_months_restate_nothing_and_late_ones_the_month_that_they_are_of() {
    let books = Books::closed();
    books.import_intensity("february.csv", "2026-02-01T00:00:00Z", 300);
    let (code, table, stderr) = books.restate(&REASON);
    assert_eq!((code, books.editions()), (0, vec![1, 1, 1]), "{stderr}");
    assert!(table.ends_with("\nOf 4 months: 3 with nothing to restate, 1 not closed.\n"), "{table}");

    books.import_intensity("late.csv", "2025-11-03T00:00:00Z", 300);
    let (code, table, stderr) = books.restate(&REASON);
    assert_eq!((code, books.editions()), (0, vec![1, 2, 1]), "{stderr}");
    let row = table.lines().find(|line| line.starts_with("2025-11")).unwrap();
    // 24 hours of 1.2 kWh at 100 g more.
    assert!(
        row.contains("Scope 2, location-based, hourly factors") && row.contains("+2.880") && row.contains("mostly intensity and prices"),
        "{row}"
    );

    // A day that comes after the close was not there then, and no file that was read tells of it.
    let books = Books::closed();
    let (day, aside) = (books.path("evidence/prod-nl/2025-12-10"), books.path("aside"));
    fs::rename(&day, &aside).unwrap();
    assert_eq!(books.restate(&[&REASON[..], &["--accept", "DAYS_MISSING"]].concat()).0, 0);
    assert_eq!(books.editions(), [1, 1, 2]);
    let absent = books.seal("2025-12", 2).unwrap()["absent"].clone();
    assert!(absent.as_array().unwrap().contains(&"prod-nl/2025-12-10/manifest.json".into()), "{absent}");
    fs::rename(&aside, &day).unwrap();
    let (code, _, stderr) = books.restate(&REASON);
    assert_eq!((code, books.editions()), (0, vec![1, 1, 3]), "{stderr}");
    assert_eq!(books.seal("2025-12", 3).unwrap()["accepted"], serde_json::json!(["UNSIGNED"]), "nothing is missing any more");
}

#[test]
fn what_stops_a_run_is_said_before_anything_is_accounted() {
    let books = Books::closed();
    books.correct_the_factor();
    let lock = Store::new(books.path("evidence")).lock("close").unwrap();
    let (code, _, stderr) = books.restate(&REASON);
    assert!(code == 1 && stderr.starts_with("error: LOCKED: `close` is being done by process "), "{stderr}");
    drop(lock);
    let (code, _, stderr) = books.run(&["restate", "--from", "2024-01", "--to", "2024-12", "--reason", "none"]);
    assert!(code == 1 && stderr.starts_with("error: no month from 2024-01 to 2024-12 is closed"), "{stderr}");
    fs::remove_dir_all(books.path("evidence/closed/2025-10")).unwrap();
    let (code, _, stderr) = books.restate(&REASON);
    assert!(code == 1 && stderr.starts_with("error: BAD_CHAIN: seal 2 (2025-11 edition 1)"), "{stderr}");
    assert!(!Path::new(&books.path("evidence/closed/2025-11/2")).exists());
}
