//! What holds for objects wherever they are.

use std::sync::Barrier;

use super::*;
use crate::evidence::Store;
use crate::model::Hint;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("evidence"));
    (folder, store)
}

#[test]
fn bytes_come_back_as_they_were_put_and_a_key_that_is_not_there_is_none() {
    let (_folder, store) = store();
    let objects = store.objects();
    assert_eq!(objects.get("a/b/c.json").unwrap(), None);
    assert_eq!(objects.create("a/b/c.json", b"\0first").unwrap(), Created::New);
    assert_eq!(objects.get("a/b/c.json").unwrap().as_deref(), Some(&b"\0first"[..]));
    objects.replace("a/b/c.json", b"").unwrap();
    assert_eq!(objects.get("a/b/c.json").unwrap().as_deref(), Some(&b""[..]));
    objects.remove("a/b/c.json").unwrap();
    objects.remove("a/b/c.json").unwrap();
    objects.remove("never/was").unwrap();
    assert_eq!(objects.get("a/b/c.json").unwrap(), None);
    objects.replace("d", b"new").unwrap();
    assert_eq!(objects.get("d").unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn what_was_created_stays() {
    let (_folder, store) = store();
    assert_eq!(store.objects().create("a", b"1").unwrap(), Created::New);
    assert_eq!(store.objects().create("a", b"2").unwrap(), Created::WasThere);
    assert_eq!(store.objects().get("a").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn of_many_who_create_at_once_one_succeeds_and_its_bytes_stay() {
    let (_folder, store) = store();
    for round in 0..20 {
        let key = format!("round-{round}");
        let start = Barrier::new(8);
        let won: Vec<u8> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8_u8)
                .map(|number| {
                    let (objects, key, start) = (store.objects(), &key, &start);
                    scope.spawn(move || {
                        start.wait();
                        (number, objects.create(key, &[number; 4096]).unwrap())
                    })
                })
                .collect();
            tries.into_iter().map(|handle| handle.join().unwrap()).filter(|(_, created)| *created == Created::New).map(|(n, _)| n).collect()
        });
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(store.objects().get(&key).unwrap().unwrap(), [won[0]; 4096]);
    }
}

#[test]
fn a_list_has_all_keys_below_whole_parts_and_nothing_temporary() {
    let (_folder, store) = store();
    let objects = store.objects();
    assert!(objects.list("").unwrap().is_empty());
    for key in ["b/2", "b/10/x", "b-more/1", "a", ".replaced-2026-10-01-abc/manifest.json"] {
        objects.create(key, b"x").unwrap();
    }
    assert_eq!(objects.list("").unwrap(), ["a", "b-more/1", "b/10/x", "b/2"]);
    assert_eq!(objects.list("b").unwrap(), ["b/10/x", "b/2"]);
    assert!(objects.list("a").unwrap().is_empty());
    assert!(objects.list("c").unwrap().is_empty());
    assert_eq!(objects.get(".replaced-2026-10-01-abc/manifest.json").unwrap().as_deref(), Some(&b"x"[..]));
}

#[test]
fn a_key_leads_nowhere_else() {
    let (_folder, store) = store();
    let objects = store.objects();
    for key in
        ["", "/", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "./a", ".hidden", ".tmp-a", ".replaced-", ".replaced-/a", "a\\b", "a b"]
    {
        assert!(objects.get(key).is_err(), "{key}");
        assert!(objects.create(key, b"x").is_err(), "{key}");
        assert!(objects.replace(key, b"x").is_err(), "{key}");
        assert!(objects.remove(key).is_err(), "{key}");
        assert!(key.is_empty() || objects.list(key).is_err(), "{key}");
    }
}

#[test]
fn a_lock_has_one_holder_whom_the_other_is_told() {
    let (_folder, store) = store();
    let held = store.lock("collect").unwrap();
    let error = store.lock("collect").unwrap_err();
    assert!(error.downcast_ref::<Hint>().is_some());
    let told = format!("{error:#}");
    assert!(told.starts_with("LOCKED: `collect` is being done by process ") && told.contains(&std::process::id().to_string()), "{told}");
    // Another thing may be done meanwhile.
    drop(store.lock("close").unwrap());
    drop(held);
    drop(store.lock("collect").unwrap());
    assert!(store.lock("../collect").is_err());
    assert!(store.objects().list("").unwrap().is_empty());
}
