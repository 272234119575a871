//! F52, the closes of F53, and F57 to F60: a month that is being closed, or that is closed and touched.
//!
//! The month has one day of evidence of one cluster, which is all of that cluster's life, so that it is whole and a close takes little time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value as Json;
use wattledger::cli::verify::{self, Checked};
use wattledger::evidence::{PublicKey, Store};

use super::bench::{Bench, Flag, Run, Seen, read_artefacts, wattledger};
use super::history::{DAY, DAY_S, HOUR, MINUTE, MONTH, NEXT_DAY, Random, Story, by_seed};
use super::killed::{changes, killed_after, no_strace, traced};
use super::sameness::{differing, files_below};
use crate::prometheus::Setup;
use crate::sample;

const CLOSE: [&str; 8] = ["close", "--no-collect", "--month", MONTH, "--at", "2026-11-02T00:00:00Z", "--format", "json"];
const FLIPS: usize = 1_000;
const KILLS: usize = 100;

/// Evidence of a month, and keys to close it with.
pub struct Month {
    bench: Bench,
    config: PathBuf,
    /// Of a close that nothing harmed.
    wall: Duration,
}

impl Month {
    /// An error says what this machine lacks.
    pub fn new(seen: &mut Seen) -> Result<Self, String> {
        let bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name))[..1]);
        let root = bench.folder.path().to_owned();
        let keys = Command::new("minisign").args(["-G", "-W", "-p", "wattledger.pub", "-s", "wattledger.key"]).current_dir(&root).output();
        if !keys.is_ok_and(|output| output.status.success()) {
            return Err("minisign is not there; tests/run installs it".to_owned());
        }
        let server = bench.server(&Setup::default());
        let config = bench.config("it", &server.url());
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}[seal]\nsecret_key_file = \"wattledger.key\"\npublic_key_file = \"wattledger.pub\"\n")).unwrap();
        let collected = wattledger(&config, &["collect", "--from", DAY, "--to", NEXT_DAY]);
        seen.demand(collected.exit == 0, format!("collect: {}", collected.stderr.trim_end()));
        Ok(Self { bench, config, wall: Duration::ZERO })
    }

    pub fn evidence(&self) -> PathBuf {
        self.bench.evidence("it")
    }

    fn closed(&self) -> PathBuf {
        self.evidence().join("closed")
    }

    fn public_key(&self) -> PublicKey {
        PublicKey::parse(&fs::read_to_string(self.bench.folder.path().join("wattledger.pub")).unwrap()).unwrap()
    }

    fn close(&self) -> Run {
        wattledger(&self.config, &CLOSE)
    }

    /// Closes it; what was made is the truth of closes that something harms.
    fn close_well(&mut self, seen: &mut Seen) -> BTreeMap<PathBuf, Vec<u8>> {
        let run = self.close();
        self.wall = run.wall;
        seen.demand(run.exit == 0, format!("close: {}", run.stderr.trim_end()));
        let verified = self.verify();
        seen.demand(verified.0 == 0, format!("verify: {}", verified.1));
        files_below(&self.evidence())
    }

    /// As if nobody had closed it.
    fn reopen(&self) {
        if self.closed().exists() {
            fs::remove_dir_all(self.closed()).unwrap();
        }
    }

    /// The exit code of `verify`, and what it said.
    fn verify(&self) -> (i32, String) {
        let output = sample::wattledger(&["verify", "--month", MONTH], &self.config);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// What `verify` checks without working out figures again.
    fn checked(&self) -> Vec<Checked> {
        verify::untouched(&Store::new(self.evidence()), &self.public_key()).unwrap()
    }

    /// What of it did not pass, in words.
    fn failed(&self) -> Vec<String> {
        let outcomes = self.checked().into_iter().flat_map(|month| month.outcomes);
        outcomes.filter(|outcome| !outcome.is_passed()).map(|outcome| outcome.message).collect()
    }

    /// The month is closed, and everything is as it was sealed; or there is no seal.
    fn demand_whole_or_absent(&self, what: &str, seen: &mut Seen) -> bool {
        let is_there = self.closed().join(MONTH).join("1/manifest.json").exists();
        match is_there {
            true => {
                let failed = self.failed();
                seen.demand(failed.is_empty(), format!("{what}: the seal is there, and {failed:?}"));
            }
            false => match Store::new(self.evidence()).sealed(MONTH, None) {
                Ok(sealed) => seen.demand(sealed.is_none(), format!("{what}: a month without a seal is closed")),
                Err(error) => seen.complaints.push(format!("{what}: {error:#}")),
            },
        }
        is_there
    }

    fn demand_closed_after_another_run(&self, what: &str, truth: &BTreeMap<PathBuf, Vec<u8>>, seen: &mut Seen) {
        let again = self.close();
        seen.demand(again.exit == 0, format!("{what}: another close ended with {}: {}", again.exit, again.stderr.trim_end()));
        // A signature has something random in it; whether it holds is for `verify` to say.
        let but_signatures = |files: BTreeMap<PathBuf, Vec<u8>>| files.into_iter().filter(|(path, _)| !is_signature(path)).collect();
        let difference = differing(&but_signatures(truth.clone()), &but_signatures(files_below(&self.evidence())));
        seen.demand(difference.is_empty(), format!("{what}: other bytes after another close: {difference:?}"));
        seen.is_as_without_fault &= difference.is_empty();
    }

    /// The figures of the closed month are the truth.
    fn report(&self, seen: &mut Seen) {
        let reported = self.bench.report("it", &self.config);
        (seen.figures, seen.truth) = (reported.figures, reported.truth);
        seen.flags.extend(reported.flags);
        seen.complaints.extend(reported.complaints);
        seen.refused.extend(reported.refused);
    }
}

/// A month for a case, or a case that is left out.
fn month(seen: &mut Seen) -> Option<Month> {
    match Month::new(seen) {
        Ok(month) => Some(month),
        Err(lacking) => {
            seen.left_out = Some(lacking);
            None
        }
    }
}

pub fn close_at_every_call() -> Seen {
    let mut seen = Seen { left_out: no_strace(), was_retried: true, is_as_without_fault: true, ..Seen::default() };
    if seen.left_out.is_some() {
        return seen;
    }
    let Some(mut month) = month(&mut seen) else { return seen };
    let truth = month.close_well(&mut seen);
    month.reopen();
    let (exit, stderr, calls) = traced(&month.config, &CLOSE, None);
    seen.demand(exit == 0, format!("under strace it ended with {exit}: {stderr}"));
    let (mut kills, mut whole) = (0, 0);
    for (call, number) in changes(&calls) {
        let what = format!("killed at {call} {number}");
        month.reopen();
        let (exit, _, _) = traced(&month.config, &CLOSE, Some(&format!("{call}:signal=KILL:when={number}")));
        seen.demand(exit == -1, format!("{what}: it ended with {exit}"));
        whole += usize::from(month.demand_whole_or_absent(&what, &mut seen));
        month.demand_closed_after_another_run(&what, &truth, &mut seen);
        kills += 1;
    }
    seen.demand(kills > 40 && whole > 0, format!("only {kills} calls, {whole} after the seal"));
    seen.notes.push(format!("killed at {kills} calls"));
    month.report(&mut seen);
    seen
}

/// The part of F53 that closes: killed at any moment until it comes to its end, and then a few times more.
pub fn random_kills(seen: &mut Seen) {
    let Some(mut month) = month(seen) else { return };
    let truth = month.close_well(seen);
    month.reopen();
    let (mut random, mut kills, mut closes) = (Random::new(53), 0, 0);
    while kills < KILLS {
        let was_closed = month.closed().join(MONTH).join("1/manifest.json").exists();
        let delay = Duration::from_micros(random.between(0, (month.wall.as_micros() as i64).max(2)) as u64);
        if killed_after(&month.config, &CLOSE, delay) {
            kills += 1;
            let is_closed = month.demand_whole_or_absent(&format!("kill {kills} after {delay:?}"), seen);
            seen.demand(is_closed || !was_closed, format!("kill {kills}: a sealed month is lost"));
        } else {
            closes += 1;
        }
        // A month that is closed is killed at now and then, and opened again.
        if was_closed && random.between(0, 4) == 0 {
            month.demand_closed_after_another_run(&format!("close {closes}"), &truth, seen);
            month.reopen();
        }
    }
    month.demand_closed_after_another_run("the last close", &truth, seen);
    let verified = month.verify();
    seen.demand(verified.0 == 0, format!("after all kills: {}", verified.1));
    seen.notes.push(format!("{kills} kills of close"));
}

/// Twelve days of a month in which the cluster was there all the time: the report is a draft, says so on every page, and the month cannot be closed.
pub fn half_a_month() -> Seen {
    let first = DAY_S - 30 * 24 * HOUR;
    let mut bench = Bench::of(&by_seed(|seed, name| Story::new(seed, first, 31 * 24 * 4, 15 * MINUTE).cluster(name))[..1]);
    bench.days = Some(("2026-10-01", "2026-10-13"));
    let server = bench.server(&Setup::default());
    let config = bench.config("it", &server.url());
    let mut seen = Seen::default();
    let collected = bench.collect(&config);
    seen.demand(collected.exit == 0, format!("collect: {}", collected.stderr.trim_end()));
    let none = bench.folder.path().join("none");
    for arguments in [&["close", "--no-collect", "--month", MONTH][..], &["report", "--month", MONTH, "--out", none.to_str().unwrap()]] {
        let run = wattledger(&config, arguments);
        seen.demand(
            run.exit == 2 && run.stderr.contains("refused: DAYS_MISSING: "),
            format!("{}: ended with {}: {}", arguments[0], run.exit, run.stderr.trim_end()),
        );
    }
    seen.demand(!none.exists() && !bench.evidence("it").join("closed").exists(), "something was written");

    let out = bench.folder.path().join("draft");
    let accepted = ["report", "--month", MONTH, "--out", out.to_str().unwrap(), "--accept", "DAYS_MISSING", "--accept", "GAP"];
    let run = wattledger(&config, &accepted);
    seen.demand(run.exit == 0, format!("accepted: {}", run.stderr.trim_end()));
    let files = read_artefacts(&out);
    const WATERMARK: &str = "evidence of 38.7 % of the period";
    let page = files["report.html"]["text"].as_str().unwrap_or_default();
    let has_cell =
        files["report.xlsx"]["texts"].as_array().into_iter().flatten().filter_map(Json::as_str).any(|text| text.contains(WATERMARK));
    seen.demand(page.contains(WATERMARK), "the page has no watermark");
    seen.demand(has_cell, "the workbook has no watermark");
    let report: Json = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    let status = &report["status"];
    let coverage = status["coverage"].as_f64().unwrap_or_default();
    seen.demand(status["kind"] == "draft" && (coverage - 12.0 / 31.0).abs() < 1e-9, format!("the status is {status}"));
    // Of twelve days what the meter rose by, from the first sample to that of the thirteenth's beginning.
    let story = Story::new(super::history::SEEDS[0], first, 31 * 24 * 4, 15 * MINUTE);
    let metered = story.node[12 * 24 * 4].total_mj - story.node[0].total_mj;
    let found = report["totals"]["metered_mj"].as_i64().unwrap_or_default();
    seen.figures = BTreeMap::from([("s11".to_owned(), super::history::Truth { metered_mj: found, ..Default::default() })]);
    seen.truth = BTreeMap::from([("s11".to_owned(), super::history::Truth { metered_mj: metered, ..Default::default() })]);
    for finding in report["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        seen.flags.push(Flag { code: text("code"), message: text("message"), failing: 1 });
    }
    seen.notes.push(format!("coverage {:.1} %", coverage * 100.0));
    seen
}

fn is_signature(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "minisig")
}

/// A manifest that goes on being written to after the close. What it said then is in the closed month's own folder.
fn is_alive(path: &Path) -> bool {
    !path.starts_with("closed") && path.ends_with("manifest.json")
}

/// A thousand bits, each in any byte of any file that belongs to the closed month.
pub fn flipped_bits() -> Seen {
    let mut seen = Seen::default();
    let Some(mut month) = month(&mut seen) else { return seen };
    let files: Vec<(PathBuf, Vec<u8>)> = month.close_well(&mut seen).into_iter().filter(|(path, _)| !is_alive(path)).collect();
    let total: i64 = files.iter().map(|(_, bytes)| bytes.len() as i64).sum();
    let (mut random, mut named) = (Random::new(58), 0);
    for flip in 0..FLIPS {
        // Half of them by size, half by file: small files have their turn.
        let (file, byte) = if flip % 2 == 0 { by_size(&files, random.between(0, total)) } else { by_file(&files, &mut random) };
        let (path, bytes) = &files[file];
        // The first line of a signature is a comment that nobody signs, and minisign says so in it.
        let comment = if is_signature(path) { bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0) + 1 } else { 0 };
        let byte = byte.max(comment);
        let mut flipped = bytes.clone();
        flipped[byte] ^= 1 << random.between(0, 8);
        let place = month.evidence().join(path);
        fs::write(&place, flipped).unwrap();
        let name = path.display().to_string();
        let found = month.failed();
        let is_named = found.iter().any(|message| message.contains(path.file_name().unwrap().to_str().unwrap()));
        seen.demand(is_named, format!("byte {byte} of {name}: {found:?}"));
        named += usize::from(is_named);
        fs::write(&place, bytes).unwrap();
    }
    seen.demand(month.verify().0 == 0, "it does not verify with all bits as they were");
    // And as somebody would, by the command, once for each kind of file.
    for path in [
        format!("s11/{DAY}/usage-000.parquet"),
        format!("closed/{MONTH}/1/report/report.json"),
        format!("closed/{MONTH}/1/days/s11/{DAY}.json"),
    ] {
        let (code, said) = with_flip(&month, &month.evidence().join(&path));
        let name = Path::new(&path).file_name().unwrap().to_str().unwrap();
        seen.demand(code == 4 && said.contains("EVIDENCE_CHANGED: ") && said.contains(name), format!("{path}: ended with {code}: {said}"));
    }
    seen.refused.insert("EVIDENCE_CHANGED".to_owned());
    seen.notes.push(format!("{named} of {FLIPS} named, {} files", files.len()));
    seen
}

fn by_size(files: &[(PathBuf, Vec<u8>)], mut place: i64) -> (usize, usize) {
    for (file, (_, bytes)) in files.iter().enumerate() {
        if place < bytes.len() as i64 {
            return (file, place as usize);
        }
        place -= bytes.len() as i64;
    }
    unreachable!("the place is within the sum of all files")
}

fn by_file(files: &[(PathBuf, Vec<u8>)], random: &mut Random) -> (usize, usize) {
    let file = random.between(0, files.len() as i64) as usize;
    (file, random.between(0, files[file].1.len() as i64) as usize)
}

/// Verifies with a bit in the middle of a file turned, and turns it back.
fn with_flip(month: &Month, path: &Path) -> (i32, String) {
    let bytes = fs::read(path).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(path, flipped).unwrap();
    let found = month.verify();
    fs::write(path, bytes).unwrap();
    found
}

pub fn flipped_seal() -> Seen {
    let mut seen = Seen::default();
    let Some(mut month) = month(&mut seen) else { return seen };
    month.close_well(&mut seen);
    for name in ["manifest.json", "manifest.json.minisig"] {
        let path = month.closed().join(MONTH).join("1").join(name);
        let (code, said) = with_flip(&month, &path);
        seen.demand(code == 4 && said.contains("BAD_SIGNATURE: "), format!("{name}: ended with {code}: {said}"));
    }
    // A seal that says something else, and is well-formed.
    let path = month.closed().join(MONTH).join("1/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("Example BV", "Example NV", 1)).unwrap();
    let (code, said) = month.verify();
    seen.demand(code == 4 && said.contains("BAD_SIGNATURE: "), format!("another name: ended with {code}: {said}"));
    fs::write(&path, text).unwrap();
    seen.demand(month.verify().0 == 0, "it does not verify as it was");
    seen.refused.insert("BAD_SIGNATURE".to_owned());
    seen
}

pub fn missing_and_added() -> Seen {
    let mut seen = Seen::default();
    let Some(mut month) = month(&mut seen) else { return seen };
    let files = month.close_well(&mut seen);
    let is_seal = |path: &Path| path.to_string_lossy().contains("/1/manifest.json");
    for (path, bytes) in files.iter().filter(|(path, _)| !is_alive(path) && !is_seal(path)) {
        fs::remove_file(month.evidence().join(path)).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let failed = month
            .checked()
            .iter()
            .flat_map(|month| &month.outcomes)
            .any(|outcome| outcome.code == Some("MISSING") && !outcome.is_passed() && outcome.message.contains(name));
        seen.demand(failed, format!("{} is gone, and nobody says so", path.display()));
        fs::write(month.evidence().join(path), bytes).unwrap();
    }
    let path = month.evidence().join(format!("s11/{DAY}/nodes.parquet"));
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let (code, said) = month.verify();
    seen.demand(code == 4 && said.contains("MISSING: ") && said.contains("nodes.parquet"), format!("ended with {code}: {said}"));
    fs::write(&path, kept).unwrap();
    for added in [format!("closed/{MONTH}/1/report/other.html"), format!("s11/{DAY}/other.parquet")] {
        let path = month.evidence().join(&added);
        fs::write(&path, "x").unwrap();
        let (code, said) = month.verify();
        seen.demand(code == 0 && said.contains("UNLISTED: ") && said.contains("other."), format!("{added}: ended with {code}: {said}"));
        fs::remove_file(path).unwrap();
    }
    seen.refused.insert("MISSING".to_owned());
    seen.notes.push(format!("{} files, and UNLISTED", files.len()));
    seen
}
