//! Objects and times of a small story.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::object::{Detail, Object, Owner};

/// A time of 1 October 2026, or a whole one.
pub fn at(text: &str) -> DateTime<Utc> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("2026-10-01T{text}Z") };
    whole.parse().unwrap()
}

pub fn ms(text: &str) -> i64 {
    at(text).timestamp_millis()
}

pub fn object(uid: &str, name: &str, created: &str, detail: Detail) -> Object {
    Object {
        uid: uid.to_owned(),
        namespace: "etl".to_owned(),
        name: name.to_owned(),
        created: at(created),
        deletion: None,
        owners: Vec::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        detail,
    }
}

pub fn pod(uid: &str, name: &str, created: &str) -> Object {
    let detail = Detail::Pod {
        node: "n1".to_owned(),
        started: None,
        ended: None,
        cpu_request_cores: BTreeMap::new(),
        gpu_request_devices: BTreeMap::new(),
    };
    object(uid, name, created, detail)
}

pub fn job(uid: &str, name: &str, created: &str) -> Object {
    object(uid, name, created, Detail::Job { started: None, ended: None, suspension: None })
}

pub fn controller(kind: &str, name: &str) -> Vec<Owner> {
    vec![Owner { kind: kind.to_owned(), name: name.to_owned(), is_controller: true }]
}

pub fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
