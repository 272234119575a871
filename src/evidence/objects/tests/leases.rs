//! Locks in a bucket.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use object_store::path::Path;

use super::super::bucket::Bucket;
use super::super::lease::{Lease, Terms, take};
use super::super::lock::Holder;
use super::faulty::Faulty;
use crate::model::Hint;

const TERMS: Terms = Terms { lasts: Duration::from_millis(400), renewed_every: Duration::from_millis(100) };
const KEY: &str = ".lock-collect";

fn bucket() -> (std::sync::Arc<Faulty>, Bucket) {
    let store = Faulty::new();
    let bucket = Bucket::of(store.clone(), Path::from("prod"), "s3://bucket/prod").unwrap();
    (store, bucket)
}

fn taken(bucket: &Bucket) -> anyhow::Result<Lease> {
    take(bucket, KEY, "collect", TERMS)
}

/// What a holder elsewhere would have written.
fn foreign(holder: &Holder, until: TimeDelta, number: u32) -> Vec<u8> {
    let paper = serde_json::json!({
        "id": format!("foreign-{number}"), "holder": holder, "until": Utc::now() + until, "is_given_back": false,
    });
    serde_json::to_vec(&paper).unwrap()
}

fn elsewhere() -> Holder {
    Holder { host: "elsewhere".to_owned(), ..Holder::this_process() }
}

#[test]
fn a_lease_has_one_holder_as_long_as_it_lives_and_is_free_at_once_afterwards() {
    let (_, bucket) = bucket();
    let held = taken(&bucket).unwrap();
    // Longer than it lasts: it is renewed.
    let until = Instant::now() + 3 * TERMS.lasts;
    while Instant::now() < until {
        let error = taken(&bucket).unwrap_err();
        assert!(error.downcast_ref::<Hint>().is_some());
        let told = format!("{error:#}");
        assert!(
            told.starts_with("LOCKED: `collect` is being done by process ") && told.contains("s3://bucket/prod/.lock-collect"),
            "{told}"
        );
        std::thread::sleep(TERMS.renewed_every / 2);
    }
    held.check().unwrap();
    drop(held);
    let begun = Instant::now();
    drop(taken(&bucket).unwrap());
    drop(taken(&bucket).unwrap());
    assert!(begun.elapsed() < TERMS.lasts, "{:?}", begun.elapsed());
}

#[test]
fn of_many_who_want_it_one_has_it() {
    let (_, bucket) = bucket();
    for _ in 0..10 {
        let held: Vec<Lease> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..6).map(|_| scope.spawn(|| taken(&bucket).ok())).collect();
            tries.into_iter().filter_map(|handle| handle.join().unwrap()).collect()
        });
        assert_eq!(held.len(), 1);
    }
}

#[test]
fn a_holder_elsewhere_that_was_killed_keeps_it_until_its_time_is_over() {
    let (_, bucket) = bucket();
    bucket.replace(KEY, foreign(&elsewhere(), TimeDelta::milliseconds(400), 0)).unwrap();
    let told = format!("{:#}", taken(&bucket).unwrap_err());
    assert!(told.contains("on elsewhere since "), "{told}");
    std::thread::sleep(TERMS.lasts);
    drop(taken(&bucket).unwrap());
}

#[test]
fn a_holder_whose_clock_is_behind_keeps_what_it_renews() {
    let (_, bucket) = bucket();
    let hours_ago = TimeDelta::hours(-3);
    bucket.replace(KEY, foreign(&elsewhere(), hours_ago, 0)).unwrap();
    let told = std::thread::scope(|scope| {
        let wanted = scope.spawn(|| taken(&bucket).map(|_| ()));
        for number in 1..4 {
            std::thread::sleep(TERMS.renewed_every / 2);
            bucket.replace(KEY, foreign(&elsewhere(), hours_ago, number)).unwrap();
        }
        format!("{:#}", wanted.join().unwrap().unwrap_err())
    });
    assert!(told.starts_with("LOCKED"), "{told}");
}

#[test]
fn a_holder_of_this_machine_that_has_ended_keeps_nothing_and_one_that_runs_does() {
    let (_, bucket) = bucket();
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let holder = Holder { pid: child.id(), ..Holder::this_process() };
    bucket.replace(KEY, foreign(&holder, TimeDelta::hours(1), 0)).unwrap();
    let told = format!("{:#}", taken(&bucket).unwrap_err());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(told.contains(&format!("process {} on ", child.id())), "{told}");
    drop(taken(&bucket).unwrap());
}

#[test]
fn whoever_lost_it_is_told() {
    let (store, bucket) = bucket();
    let taken_away = taken(&bucket).unwrap();
    bucket.replace(KEY, foreign(&elsewhere(), TimeDelta::hours(1), 0)).unwrap();
    std::thread::sleep(3 * TERMS.renewed_every);
    let told = format!("{:#}", taken_away.check().unwrap_err());
    assert!(told.starts_with("LOCK_LOST: s3://bucket/prod/.lock-collect"), "{told}");
    drop(taken_away);
    // It is the other's still.
    assert!(String::from_utf8(bucket.get(KEY).unwrap().unwrap()).unwrap().contains("foreign-0"));

    bucket.remove(KEY).unwrap();
    let out_of_reach = taken(&bucket).unwrap();
    store.fail_after(0);
    std::thread::sleep(TERMS.lasts / 2);
    out_of_reach.check().unwrap();
    std::thread::sleep(TERMS.lasts);
    assert!(out_of_reach.check().is_err());
    store.works_again();
    std::thread::sleep(2 * TERMS.renewed_every);
    // Nobody else has taken it.
    out_of_reach.check().unwrap();
}

#[test]
fn a_store_without_conditions_is_no_place_for_a_lock() {
    let (store, bucket) = bucket();
    store.ignores_conditions.store(true, Ordering::SeqCst);
    let told = format!("{:#}", taken(&bucket).unwrap_err());
    assert!(told.starts_with("STORE_CONDITION: "), "{told}");
}

#[test]
fn what_is_no_lock_is_named() {
    let (_, bucket) = bucket();
    bucket.replace(KEY, b"hello".to_vec()).unwrap();
    let told = format!("{:#}", taken(&bucket).unwrap_err());
    assert!(told.starts_with("s3://bucket/prod/.lock-collect is not a lock"), "{told}");
}
