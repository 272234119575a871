//! What holds for objects wherever they are: called for a folder, for a bucket in memory, and for emulators of real ones.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Barrier;

use super::{Created, Objects};

/// All of it, in a place that is empty. `name` is the place's.
pub fn holds(objects: &Objects, name: &str) {
    bytes_come_back_as_they_were_put(objects, name);
    what_was_created_stays(objects, name);
    a_large_object_comes_back_whole(objects, name);
    a_list_has_all_keys_below_whole_parts_and_nothing_temporary(objects, name);
    a_key_leads_nowhere_else(objects, name);
}

/// Not among all of it: an emulator may look and write in two steps.
pub fn of_many_who_create_at_once_one_succeeds_and_its_bytes_stay(objects: &Objects, name: &str) {
    for round in 0..20 {
        let key = format!("round-{round}");
        let start = Barrier::new(8);
        let won: Vec<u8> = std::thread::scope(|scope| {
            let create = |number: u8| {
                start.wait();
                objects.create(&key, &[number; 4096]).unwrap() == Created::New
            };
            let tries: Vec<_> = (0..8_u8).map(|number| (number, scope.spawn(move || create(number)))).collect();
            tries.into_iter().filter_map(|(number, handle)| handle.join().unwrap().then_some(number)).collect()
        });
        assert_eq!(won.len(), 1, "{name}: {won:?}");
        assert_eq!(objects.get(&key).unwrap().unwrap(), [won[0]; 4096], "{name}");
        objects.remove(&key).unwrap();
    }
}

fn bytes_come_back_as_they_were_put(objects: &Objects, name: &str) {
    assert_eq!(objects.get("a/b/c.json").unwrap(), None, "{name}");
    assert_eq!(objects.create("a/b/c.json", b"\0first").unwrap(), Created::New, "{name}");
    assert_eq!(objects.get("a/b/c.json").unwrap().as_deref(), Some(&b"\0first"[..]), "{name}");
    objects.replace("a/b/c.json", b"").unwrap();
    assert_eq!(objects.get("a/b/c.json").unwrap().as_deref(), Some(&b""[..]), "{name}");
    objects.remove("a/b/c.json").unwrap();
    objects.remove("a/b/c.json").unwrap();
    objects.remove("never/was").unwrap();
    assert_eq!(objects.get("a/b/c.json").unwrap(), None, "{name}");
    objects.replace("d", b"new").unwrap();
    assert_eq!(objects.get("d").unwrap().as_deref(), Some(&b"new"[..]), "{name}");
    objects.remove("d").unwrap();
    assert!(objects.list("").unwrap().is_empty(), "{name}");
}

fn what_was_created_stays(objects: &Objects, name: &str) {
    assert_eq!(objects.create("once", b"1").unwrap(), Created::New, "{name}");
    assert_eq!(objects.create("once", b"2").unwrap(), Created::WasThere, "{name}");
    assert_eq!(objects.create("once", b"1").unwrap(), Created::WasThere, "{name}");
    assert_eq!(objects.get("once").unwrap().as_deref(), Some(&b"1"[..]), "{name}");
    objects.remove("once").unwrap();
    assert_eq!(objects.create("once", b"3").unwrap(), Created::New, "{name}");
    objects.remove("once").unwrap();
}

fn a_large_object_comes_back_whole(objects: &Objects, name: &str) {
    // A bucket takes it in parts, of which the last is short.
    let bytes: Vec<u8> = (0..40_000_001_u32).map(|place| (place % 251) as u8).collect();
    objects.replace("large", &bytes).unwrap();
    let mut object = objects.open("large").unwrap().unwrap();
    let mut read = Vec::new();
    object.read_to_end(&mut read).unwrap();
    assert!(read == bytes && object.len() == bytes.len() as u64, "{name}");
    object.seek(SeekFrom::Start(39_999_999)).unwrap();
    read.clear();
    object.read_to_end(&mut read).unwrap();
    assert_eq!(read, &bytes[39_999_999..], "{name}");
    assert!(objects.open("never-was").unwrap().is_none(), "{name}");
    assert!(objects.get("large").unwrap() == Some(bytes), "{name}");
    objects.remove("large").unwrap();
}

fn a_list_has_all_keys_below_whole_parts_and_nothing_temporary(objects: &Objects, name: &str) {
    let keys = ["b/2", "b/10/x", "b-more/1", "c", "b/.replaced-2026-10-01-abc/manifest.json", ".replaced-2026-10-01-abc/manifest.json"];
    for key in keys {
        objects.create(key, b"x").unwrap();
    }
    assert_eq!(objects.list("").unwrap(), ["b-more/1", "b/10/x", "b/2", "c"], "{name}");
    assert_eq!(objects.list("b").unwrap(), ["b/10/x", "b/2"], "{name}");
    assert_eq!(objects.list("b/10").unwrap(), ["b/10/x"], "{name}");
    assert!(objects.list("c").unwrap().is_empty(), "{name}");
    assert!(objects.list("never").unwrap().is_empty(), "{name}");
    let aside = "b/.replaced-2026-10-01-abc";
    assert_eq!(objects.list(aside).unwrap(), [format!("{aside}/manifest.json")], "{name}");
    assert_eq!(objects.get(&format!("{aside}/manifest.json")).unwrap().as_deref(), Some(&b"x"[..]), "{name}");
    keys.iter().for_each(|key| objects.remove(key).unwrap());
}

fn a_key_leads_nowhere_else(objects: &Objects, name: &str) {
    let keys = [
        "",
        "/",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        ".hidden",
        ".tmp-a",
        ".replaced-",
        ".replaced-/a",
        "a\\b",
        "a b",
        "a%2fb",
    ];
    for key in keys {
        assert!(objects.get(key).is_err(), "{name}: {key}");
        assert!(objects.create(key, b"x").is_err(), "{name}: {key}");
        assert!(objects.replace(key, b"x").is_err(), "{name}: {key}");
        assert!(objects.remove(key).is_err(), "{name}: {key}");
        assert!(key.is_empty() || objects.list(key).is_err(), "{name}: {key}");
    }
}
