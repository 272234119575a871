//! F54 and F61: a disk that is too small, and evidence that another version wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wattledger::evidence::{DayManifest, Store, files_of};
use wattledger::model::tables::Table;

use super::bench::{Bench, Seen, wattledger};
use super::history::{DAY, DAY_S, NEXT_DAY, Story, by_seed};
use super::sameness::{differing, files_below};
use crate::prometheus::Setup;

const DISK_KIB: usize = 1_024;
const PAGE: usize = 4_096;

/// A file system of its own in memory, taken away when dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// None where mounting is not allowed.
    fn mount(path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={DISK_KIB}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self { path: path.to_owned() })
    }

    /// Leaves so many pages free.
    fn fill_up(&self, pages: usize) {
        let ballast = self.path.join(".ballast");
        let mut size = DISK_KIB * 1_024;
        while fs::write(&ballast, vec![0; size]).is_err() {
            size -= PAGE;
        }
        fs::write(&ballast, vec![0; size - pages * PAGE]).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.path.join(".ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// One day is there. The next one finds a disk that is full at this page or that one; when there is room again, it is as if nothing had been.
pub fn full_disk() -> Seen {
    let mut seen = Seen { was_retried: true, is_as_without_fault: true, ..Seen::default() };
    let stories = by_seed(|seed, name| Story::new(seed, DAY_S - 18 * 3_600, 12 * 30, 300).cluster(name));
    let bench = Bench::of(&stories[..1]);
    let server = bench.server(&Setup::default());
    let config = bench.config("it", &server.url());
    let collect = |from: &str, to: &str| wattledger(&config, &["collect", "--from", from, "--to", to]);
    let Some(disk) = SmallDisk::mount(&bench.evidence("it")) else {
        return Seen { left_out: Some("a small disk cannot be mounted here".to_owned()), ..seen };
    };
    let first = collect("2026-10-30", DAY);
    seen.demand(first.exit == 0, format!("the first day: {}", first.stderr.trim_end()));
    let before = files_below(&disk.path);
    let mut refused = 0;
    for pages in 0.. {
        disk.fill_up(pages);
        let run = collect(DAY, NEXT_DAY);
        disk.make_room();
        if run.exit == 0 {
            break;
        }
        let what = format!("with {pages} pages free");
        seen.demand(run.exit == 1, format!("{what}: it ended with {}", run.exit));
        seen.demand(run.stderr.contains("DISK_FULL: ") && !run.stderr.contains("panicked"), format!("{what}: {}", run.stderr.trim_end()));
        let now = files_below(&disk.path);
        let lost: Vec<_> = before.iter().filter(|(path, bytes)| now.get(*path) != Some(bytes)).map(|(path, _)| path).collect();
        seen.demand(lost.is_empty(), format!("{what}: {lost:?} are not as they were"));
        let store = Store::new(&disk.path);
        let day = store.day("s11", DAY.parse().unwrap());
        seen.demand(day.as_ref().is_ok_and(Option::is_none), format!("{what}: the day is there: {day:?}"));
        refused += 1;
    }
    seen.demand(refused > 5, format!("the disk was full only {refused} times"));
    let after = files_below(&disk.path);
    let elsewhere = bench.config("elsewhere", &server.url());
    wattledger(&elsewhere, &["collect", "--from", "2026-10-30", "--to", NEXT_DAY]);
    let difference = differing(&files_below(&bench.evidence("elsewhere")), &after);
    seen.demand(difference.is_empty(), format!("other bytes than on a large disk: {difference:?}"));
    seen.refused.insert("DISK_FULL".to_owned());
    seen.notes.push(format!("{refused} times"));
    seen
}

/// Evidence of the version before says the same; of the version after it is refused, whichever manifest says so.
pub fn other_schemas() -> Seen {
    let bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name)));
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    let evidence = bench.evidence("it");

    let before = bench.config("before", &server.url());
    write_first_schema(&evidence, &bench, &bench.evidence("before"));
    let of_before = bench.report("before", &before);
    seen.demand(of_before.figures == seen.figures, format!("the version before says {:?}", of_before.figures));
    let (said, now) = (of_before.without_sources(), seen.without_sources());
    seen.demand(now.is_some() && said == now, "the version before makes another report");

    let (config, none) = (bench.folder.path().join("it.toml"), bench.folder.path().join("none"));
    let mut refused = Seen::default();
    for manifest in [format!("s11/{DAY}/manifest.json"), "intensity/NL/manifest.json".to_owned()] {
        let path = evidence.join(&manifest);
        let kept = fs::read_to_string(&path).unwrap();
        let report_as = |schema: &str| {
            fs::write(&path, kept.replacen("wattledger.evidence/2", schema, 1)).unwrap();
            wattledger(&config, &["report", "--month", bench.month, "--out", none.to_str().unwrap()])
        };
        for schema in ["wattledger.evidence/3", "wattledger.evidence/4294967295"] {
            let run = report_as(schema);
            let said = run.stderr.contains("NEWER_SCHEMA: ") && run.stderr.contains(path.file_name().unwrap().to_str().unwrap());
            refused.demand(run.exit != 0 && said, format!("{manifest} as {schema}: ended with {}: {}", run.exit, run.stderr.trim_end()));
        }
        for schema in ["wattledger.evidence/0", "wattledger.evidence/-1", "wattledger.evidence/x", "other/2"] {
            let run = report_as(schema);
            refused.demand(
                run.exit != 0 && run.stderr.contains(schema),
                format!("{manifest} as {schema}: ended with {}: {}", run.exit, run.stderr.trim_end()),
            );
        }
        fs::write(&path, kept).unwrap();
    }
    refused.demand(!none.exists(), "something was written");
    seen.complaints.extend(refused.complaints);
    seen.is_as_without_fault = said == now;
    seen.notes.push("version 3 is refused".to_owned());
    seen
}

/// The evidence as the first version wrote it: no tiers of node steps, no tails, and none of the manifest's later keys.
fn write_first_schema(from: &Path, bench: &Bench, to: &Path) {
    let (from, to) = (Store::new(from), Store::new(to));
    for cluster in bench.clusters() {
        let manifest = from.day(cluster, DAY.parse().unwrap()).unwrap().unwrap();
        let tables = Table::ALL.into_iter().filter(|table| !files_of(&manifest, *table).is_empty()).map(|table| {
            let frame = from.read_table(&manifest, table).unwrap();
            match table {
                Table::NodeSteps => (table, frame.drop("tier").unwrap()),
                Table::Usage => (table, frame.drop("tail_mj").unwrap()),
                _ => (table, frame),
            }
        });
        to.write_day(&tables.collect(), DayManifest { schema: "wattledger.evidence/1".to_owned(), ..manifest.clone() }).unwrap();
    }
    for (series, _) in from.intensity("NL").unwrap() {
        to.write_intensity(&series).unwrap();
    }
}
