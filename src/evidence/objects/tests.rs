//! Objects in a folder, and in a bucket that is in memory.

mod faulty;
mod leases;
mod suite;

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path as Prefix;

pub use self::faulty::Faulty;
use super::*;
use crate::evidence::Store;

impl Objects {
    pub(in crate::evidence) fn in_faulty(store: &Arc<Faulty>) -> Self {
        Self { place: Place::Bucket(Bucket::of(store.clone(), Prefix::from("prod"), "s3://bucket/prod").unwrap()), view: None }
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("evidence"));
    (folder, store)
}

#[test]
fn objects_are_the_same_wherever_they_are() {
    let (_folder, store) = store();
    let buckets = [Prefix::from(""), Prefix::from("prod/evidence")];
    suite::holds(store.objects(), "folder");
    suite::of_many_who_create_at_once_one_succeeds_and_its_bytes_stay(store.objects(), "folder");
    for prefix in buckets {
        let inner = Arc::new(InMemory::new());
        let objects = Objects { place: Place::Bucket(Bucket::of(inner, prefix, "s3://bucket").unwrap()), view: None };
        suite::holds(&objects, "bucket");
        suite::of_many_who_create_at_once_one_succeeds_and_its_bytes_stay(&objects, "bucket");
    }
}

#[test]
fn a_lock_on_a_folder_has_one_holder_whom_the_other_is_told() {
    let (_folder, store) = store();
    let held = store.lock("collect").unwrap();
    let error = store.lock("collect").unwrap_err();
    assert!(error.downcast_ref::<Hint>().is_some());
    let told = format!("{error:#}");
    assert!(told.starts_with("LOCKED: `collect` is being done by process ") && told.contains(&std::process::id().to_string()), "{told}");
    // Another thing may be done meanwhile.
    drop(store.lock("close").unwrap());
    held.check().unwrap();
    drop(held);
    drop(store.lock("collect").unwrap());
    assert!(store.lock("../collect").is_err());
    assert!(store.objects().list("").unwrap().is_empty());
}

#[test]
fn what_changed_since_it_was_seen_is_not_changed_again() {
    let (_folder, store) = store();
    let faulty = Faulty::new();
    for objects in [store.objects().clone(), Objects::in_faulty(&faulty)] {
        let (first, second) = (objects.look("a").unwrap(), objects.look("a").unwrap());
        assert!(objects.update("a", b"1", &first).unwrap());
        assert!(!objects.update("a", b"2", &second).unwrap());
        let seen = objects.look("a").unwrap();
        assert_eq!(seen.bytes.as_deref(), Some(&b"1"[..]));
        objects.replace("a", b"3").unwrap();
        assert!(!objects.update("a", b"4", &seen).unwrap());
        assert_eq!(objects.get("a").unwrap().as_deref(), Some(&b"3"[..]));
    }
}

#[test]
fn trouble_with_a_bucket_names_the_key_and_says_what_to_do() {
    let faulty = Faulty::new();
    let objects = Objects::in_faulty(&faulty);
    faulty.fail_after(0);
    for error in [objects.create("a/b", b"1").unwrap_err(), objects.replace("a/b", b"1").unwrap_err(), objects.remove("a/b").unwrap_err()] {
        let told = format!("{error:#}");
        assert!(told.starts_with("STORE_UNREACHABLE: ") && told.contains("s3://bucket/prod/a/b: ") && told.contains("503"), "{told}");
        assert!(error.downcast_ref::<Hint>().is_some_and(|hint| hint.advice().contains("endpoint")));
    }
}
