//! Days, editions and journals in a bucket, also one that fails at every change in turn.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use polars::prelude::{Column, DataFrame};

use super::objects::{Faulty, Objects};
use super::{DayManifest, SCHEMA, Store};
use crate::model::tables::Table;
use crate::model::{Hint, IntensitySeries};
use crate::units::UtcDay;

fn store(faulty: &Arc<Faulty>, spool: &Path) -> Store {
    Store { objects: Objects::in_faulty(faulty), spool: spool.to_owned() }
}

fn day() -> UtcDay {
    "2026-10-01".parse().unwrap()
}

fn manifest(software: &str) -> DayManifest {
    DayManifest {
        schema: SCHEMA.to_owned(),
        cluster: "prod-nl".to_owned(),
        day: "2026-10-01".to_owned(),
        step_seconds: 900,
        metering: None,
        baseline_policy: None,
        replaces: None,
        software: software.to_owned(),
        endpoint: None,
        queries: Vec::new(),
        unanswered: Vec::new(),
        files: Vec::new(),
        findings: Vec::new(),
    }
}

fn tables(energy_mj: i64) -> BTreeMap<Table, DataFrame> {
    let usage = vec![Column::new("node_id".into(), [0, 1]), Column::new("active_mj".into(), [energy_mj, 7])];
    let series = vec![Column::new("series_id".into(), [0])];
    BTreeMap::from([(Table::Usage, DataFrame::new(2, usage).unwrap()), (Table::Series, DataFrame::new(1, series).unwrap())])
}

/// What a reader finds.
fn energy(store: &Store) -> Option<i64> {
    let manifest = store.day("prod-nl", day()).unwrap()?;
    let usage = store.read_table(&manifest, Table::Usage).unwrap();
    store.read_table(&manifest, Table::Series).unwrap();
    usage.column("active_mj").unwrap().i64().unwrap().get(0)
}

#[test]
fn a_day_is_written_once_and_its_files_carry_their_digest() {
    let (faulty, spool) = (Faulty::new(), tempfile::tempdir().unwrap());
    let store = store(&faulty, spool.path());
    let written = store.write_day(&tables(1), manifest("a")).unwrap();
    for file in &written.files {
        assert!(file.path.contains(&format!("-{}.parquet", &file.sha256[..16])), "{}", file.path);
    }
    assert_eq!(store.day("prod-nl", day()).unwrap(), Some(written.clone()));
    assert_eq!(store.write_day(&tables(1), manifest("a")).unwrap(), written);
    let keys = store.objects().list("").unwrap();
    assert_eq!(keys.len(), 3, "{keys:?}");
    let error = store.write_day(&tables(2), manifest("a")).unwrap_err().to_string();
    assert!(error.contains("s3://bucket/prod/prod-nl/2026-10-01 is there already and differs"), "{error}");
    // What the second would have named is gone, and what the first names is not.
    assert_eq!((store.objects().list("").unwrap(), energy(&store)), (keys, Some(1)));
    store.objects().remove(&format!("prod-nl/2026-10-01/{}", written.files[0].path)).unwrap();
    let error = store.read_table(&written, Table::Series).and(store.read_table(&written, Table::Usage)).unwrap_err();
    assert!(format!("{error:#}").starts_with("MISSING: s3://bucket/prod/prod-nl/2026-10-01/"), "{error:#}");
}

#[test]
fn a_bucket_that_fails_at_any_change_holds_the_old_or_the_new_and_the_next_try_is_whole() {
    holds_the_old_or_the_new(false);
}

/// A first try has copied some of what it was to put aside.
#[test]
fn so_does_one_that_copies_only_where_nothing_is() {
    holds_the_old_or_the_new(true);
}

fn holds_the_old_or_the_new(copies_only_where_nothing_is: bool) {
    let spool = tempfile::tempdir().unwrap();
    let mut failures = 0;
    for changes in 0.. {
        let faulty = Faulty::new();
        faulty.copies_only_where_nothing_is.store(copies_only_where_nothing_is, Ordering::SeqCst);
        let store = store(&faulty, spool.path());
        faulty.fail_after(changes);
        let written = store.write_day(&tables(1), manifest("a"));
        faulty.works_again();
        assert_eq!(energy(&store), written.is_ok().then_some(1), "write, {changes} changes");
        store.write_day(&tables(1), manifest("a")).unwrap();

        faulty.fail_after(changes);
        let replaced = store.replace_day(&tables(2), manifest("b"));
        faulty.works_again();
        let found = energy(&store);
        // Where only the clearing away failed it is the new one.
        assert!(found == Some(2) || replaced.is_err() && found == Some(1), "replace, {changes} changes: {found:?}");
        if found == Some(1) {
            store.replace_day(&tables(2), manifest("b")).unwrap();
        }
        assert_eq!(energy(&store), Some(2));
        failures += usize::from(written.is_err()) + usize::from(replaced.is_err());
        if written.is_ok() && replaced.is_ok() {
            break;
        }
    }
    assert!(failures > 6, "{failures}");
}

#[test]
fn a_day_that_was_replaced_is_kept_whole_beside_its_successor() {
    let (faulty, spool) = (Faulty::new(), tempfile::tempdir().unwrap());
    let store = store(&faulty, spool.path());
    let old = store.write_day(&tables(1), manifest("a")).unwrap();
    let new = store.replace_day(&tables(2), manifest("b")).unwrap();
    assert_eq!(energy(&store), Some(2));
    let aside = format!("prod-nl/.replaced-2026-10-01-{}", &old.sha256().unwrap()[..12]);
    assert_eq!(store.objects().get(&format!("{aside}/manifest.json")).unwrap(), Some(old.to_json().unwrap()));
    for file in &old.files {
        store.objects().get_checked(&format!("{aside}/{}", file.path), file).unwrap();
    }
    // The series are the same in both; of the usage only the new one's is left.
    let mut expected: Vec<String> = new.files.iter().map(|file| format!("prod-nl/2026-10-01/{}", file.path)).collect();
    expected.push("prod-nl/2026-10-01/manifest.json".to_owned());
    expected.sort();
    assert_eq!(store.objects().list("prod-nl").unwrap(), expected);
}

#[test]
fn editions_that_are_added_at_once_are_all_there() {
    let (faulty, spool) = (Faulty::new(), tempfile::tempdir().unwrap());
    let series = |number: i64| IntensitySeries {
        zone: "NL".to_owned(),
        provider: "files".to_owned(),
        edition: format!("edition {number}"),
        start_s: vec![0],
        end_s: vec![3600],
        direct_gco2e_per_kwh: vec![Some(number as f64)],
        lifecycle_gco2e_per_kwh: vec![None],
        is_estimated: vec![false],
        estimation_method: vec![String::new()],
        ..IntensitySeries::default()
    };
    let store = store(&faulty, spool.path());
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (store, series) = (&store, &series);
            scope.spawn(move || store.write_intensity(&series(number)).unwrap());
        }
    });
    let read: Vec<_> = store.intensity("NL").unwrap().into_iter().map(|(series, _)| series).collect();
    assert_eq!(read, (0..6).map(series).collect::<Vec<_>>());
    assert!(store.write_intensity(&IntensitySeries { direct_gco2e_per_kwh: vec![Some(9.0)], ..series(0) }).is_err());
}

fn lines(store: &Store, day: UtcDay) -> Vec<u32> {
    store.read_journal::<u32>("prod-nl", day).unwrap().map_or_else(Vec::new, |journal| journal.entries)
}

/// A recorder that is killed: nothing of its end is done, but its locks are gone with its process.
fn killed(faulty: &Faulty, journal: super::Journal) {
    faulty.fail_after(0);
    // Giving back the bucket's lock fails, as it would have not been done.
    drop(journal);
    faulty.works_again();
}

#[test]
fn no_line_is_lost_by_two_crashes_and_a_bucket_that_is_away() {
    let (faulty, spool) = (Faulty::new(), tempfile::tempdir().unwrap());
    let store = store(&faulty, spool.path());
    assert!(!store.has_journal("prod-nl", day()).unwrap());
    let mut first = store.open_journal("prod-nl", day()).unwrap();
    first.append(&[1, 2]).unwrap();
    first.sync().unwrap();
    assert!(lines(&store, day()).is_empty());
    killed(&faulty, first);

    let mut second = store.open_journal("prod-nl", day()).unwrap();
    assert_eq!(lines(&store, day()), [1, 2]);
    second.append(&[3]).unwrap();
    second.sync().unwrap();
    killed(&faulty, second);

    // A third writes into the next day too, and is ended while the bucket is away.
    let mut third = store.open_journal("prod-nl", day()).unwrap();
    third.append(&[4]).unwrap();
    third.turn_to(day().next()).unwrap();
    assert_eq!(lines(&store, day()), [1, 2, 3, 4]);
    third.append(&[5]).unwrap();
    faulty.fail_after(0);
    let error = third.end().unwrap_err();
    assert!(error.downcast_ref::<Hint>().unwrap().advice().contains("the next recorder"), "{error:#}");
    faulty.works_again();
    assert!(lines(&store, day().next()).is_empty());

    store.open_journal("prod-nl", day().next()).unwrap().end().unwrap();
    assert_eq!((lines(&store, day()), lines(&store, day().next())), (vec![1, 2, 3, 4], vec![5]));
    assert!(store.has_journal("prod-nl", day().next()).unwrap());
    // Nothing waits any more but the lock's file.
    let left = std::fs::read_dir(spool.path().join("recorder/prod-nl")).unwrap().count();
    assert_eq!(left, 1);
}

#[test]
fn a_half_line_stays_behind_and_a_whole_days_file_is_read_too() {
    let (faulty, spool) = (Faulty::new(), tempfile::tempdir().unwrap());
    let store = store(&faulty, spool.path());
    store.objects().replace("recorder/prod-nl/2026-10-01.jsonl", b"1\n").unwrap();
    let mut journal = store.open_journal("prod-nl", day()).unwrap();
    journal.append(&[2]).unwrap();
    killed(&faulty, journal);
    let folder = spool.path().join("recorder/prod-nl/2026-10-01");
    let path = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&path, "2\n{\"ha").unwrap();
    store.open_journal("prod-nl", day()).unwrap().end().unwrap();
    let read = store.read_journal::<u32>("prod-nl", day()).unwrap().unwrap();
    assert_eq!((read.entries, read.has_half_line), (vec![1, 2], false));
}

#[test]
fn one_recorder_of_a_cluster_sends() {
    let (faulty, spools) = (Faulty::new(), [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()]);
    let [one, other] = [0, 1].map(|number: usize| store(&faulty, spools[number].path()));
    let held = one.open_journal("prod-nl", day()).unwrap();
    for store in [&one, &other] {
        let error = format!("{:#}", store.open_journal("prod-nl", day()).unwrap_err());
        assert!(error.starts_with("LOCKED: `recorder-prod-nl`"), "{error}");
    }
    other.open_journal("burst-pl", day()).unwrap();
    held.end().unwrap();
    other.open_journal("prod-nl", day()).unwrap();
}
