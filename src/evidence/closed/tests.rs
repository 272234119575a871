//! Sealing, the chain and the view as of a close, on small stores.

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame};

use super::*;
use crate::evidence::{Created, DayManifest, FileRecord, SCHEMA, Store};
use crate::model::tables::Table;
use crate::units::UtcDay;

fn seal(month: &str, edition: u32, seq: u64, previous: Option<Link>) -> Seal {
    Seal {
        schema: SEAL_SCHEMA.to_owned(),
        kind: if edition == 1 { SealKind::Close } else { SealKind::Restatement },
        organisation: "Example BV".to_owned(),
        period: SealedPeriod {
            month: month.to_owned(),
            from: "2026-09-30T22:00:00Z".parse().unwrap(),
            to: "2026-10-31T23:00:00Z".parse().unwrap(),
            time_zone: "Europe/Amsterdam".to_owned(),
            tzdata: "2026a".to_owned(),
        },
        edition,
        seq,
        sealed_at: "2026-11-02T06:00:00Z".parse().unwrap(),
        previous,
        replaces: None,
        software: "wattledger 0.1.0".to_owned(),
        method: "queries/accounting sha256:0".to_owned(),
        engine: "columns".to_owned(),
        accepted: Vec::new(),
        findings: Vec::new(),
        totals: BTreeMap::from([("gap_mj".to_owned(), 0.into())]),
        ledger: SealedLedger::of(Vec::new()),
        evidence: Vec::new(),
        absent: None,
        files: Vec::new(),
    }
}

fn sealed(seal: Seal) -> Sealed {
    Sealed { manifest: seal.to_json().unwrap(), seal, signature: None, time_stamp: None }
}

/// Three seals in a row; the third restates the first.
fn chain() -> Vec<Sealed> {
    let first = sealed(seal("2026-09", 1, 1, None));
    let second = sealed(seal("2026-10", 1, 2, Some(first.seal.link(&first.manifest))));
    let mut third = seal("2026-09", 2, 3, Some(second.seal.link(&second.manifest)));
    third.replaces = Some(Replaced { edition: 1, sha256: first.sha256(), reason: "revised".to_owned() });
    vec![first, second, sealed(third)]
}

#[test]
fn a_seal_is_read_as_it_was_written_and_its_keys_stand_in_their_order() {
    let written = seal("2026-10", 1, 7, None).to_json().unwrap();
    let read = Seal::from_json(&written).unwrap();
    assert_eq!(read.to_json().unwrap(), written);
    assert_eq!(read.trusted_comment(), "wattledger 2026-10 edition 1 seq 7");
    let text = String::from_utf8(written).unwrap();
    let keys =
        ["schema", "kind", "organisation", "period", "edition", "seq", "sealed_at", "previous", "replaces", "software", "method", "engine"];
    let more = ["accepted", "findings", "totals", "ledger", "evidence", "files"];
    let places: Vec<usize> = keys.iter().chain(&more).map(|key| text.find(&format!("\n \"{key}\": ")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn a_seal_that_leads_elsewhere_or_contradicts_itself_is_refused() {
    type Change = fn(&mut Seal);
    let changes: [Change; 9] = [
        |seal| seal.schema = "wattledger.seal/2".to_owned(),
        |seal| seal.schema = "wattledger.evidence/1".to_owned(),
        |seal| seal.period.month = "2026-13".to_owned(),
        |seal| seal.period.month = "../2026-10".to_owned(),
        |seal| seal.edition = 0,
        |seal| seal.files = vec![SealedFile::of("../config.toml", b"")],
        |seal| seal.evidence = vec![FileRecord { path: "a/.replaced-b/c".to_owned(), ..FileRecord::default() }],
        |seal| seal.files = vec![SealedFile::of("a", b"1"), SealedFile::of("a", b"2")],
        |seal| seal.absent = Some(vec!["../config.toml".to_owned()]),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = seal("2026-10", 1, 1, None);
        change(&mut changed);
        assert!(Seal::from_json(&changed.to_json().unwrap()).is_err(), "change {number}");
    }
    assert!(Seal::from_json(b"{}").is_err());
}

#[test]
fn a_chain_that_holds_has_no_broken_link_and_says_what_comes_next() {
    let seals = chain();
    assert_eq!(broken_links(&seals), Vec::<String>::new());
    let (seq, previous) = Chain::of(&seals).next();
    assert_eq!((seq, previous.unwrap().sha256), (4, seals[2].sha256()));
    assert_eq!(Chain::default().next(), (1, None));
}

#[test]
fn whatever_is_taken_out_of_a_chain_or_changed_in_it_is_named() {
    for missing in 0..2 {
        let mut seals = chain();
        seals.remove(missing);
        assert!(!broken_links(&seals).is_empty(), "without seal {}", missing + 1);
    }
    let mut seals = chain();
    seals[1] = sealed(Seal { organisation: "Other BV".to_owned(), ..seals[1].seal.clone() });
    assert_eq!(broken_links(&seals), ["seal 3 (2026-09 edition 2) names another seal 2 before it than the one that is there"]);
    let mut seals = chain();
    seals[0] = sealed(Seal { previous: seals[1].seal.previous.clone(), ..seals[0].seal.clone() });
    let broken = broken_links(&seals);
    assert_eq!(broken.len(), 3, "the first names one, the second another, the third replaces another: {broken:?}");
}

#[test]
fn kind_edition_and_what_is_replaced_go_together() {
    let restatement = chain().pop().unwrap().seal;
    require_consistent(&restatement).unwrap();
    require_consistent(&seal("2026-10", 1, 1, None)).unwrap();
    assert!(require_consistent(&Seal { kind: SealKind::Close, ..restatement.clone() }).is_err());
    assert!(require_consistent(&Seal { edition: 3, ..restatement.clone() }).is_err());
    assert!(require_consistent(&Seal { replaces: None, ..restatement }).is_err());
}

#[test]
fn a_month_is_closed_when_its_seal_is_there_and_then_once_and_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.write_closed("2026-10", 1, "report/old.html", b"of an attempt that was cut short").unwrap();
    let file = store.write_closed("2026-10", 1, "report/report.html", b"report").unwrap();
    assert!(store.sealed("2026-10", None).unwrap().is_none() && store.seals().unwrap().is_empty());
    let mut month = sealed(Seal { files: vec![file], ..seal("2026-10", 1, 1, None) });
    month.signature = Some(b"signature".to_vec());

    assert_eq!(store.seal(&month).unwrap(), Created::New);

    let found = store.sealed("2026-10", None).unwrap().unwrap();
    assert_eq!(
        (found.seal.clone(), found.signature.clone(), found.time_stamp.clone()),
        (month.seal.clone(), month.signature.clone(), None)
    );
    assert_eq!(store.objects().list("closed").unwrap().len(), 3, "what an attempt left is gone");
    assert_eq!(store.read_closed(&found, "report/report.html").unwrap(), b"report");
    let other = Sealed { signature: None, ..sealed(Seal { organisation: "Other BV".to_owned(), ..month.seal.clone() }) };
    assert_eq!(store.seal(&other).unwrap(), Created::WasThere);
    assert_eq!(store.sealed("2026-10", None).unwrap().unwrap().manifest, month.manifest);
    assert!(store.sealed("2026-10", Some(2)).unwrap().is_none() && store.sealed("2026-09", None).unwrap().is_none());

    for (change, code) in [(b"other!".as_slice(), "EVIDENCE_CHANGED"), (b"", "EVIDENCE_CHANGED")] {
        store.objects().replace("closed/2026-10/1/report/report.html", change).unwrap();
        let error = store.read_closed(&found, "report/report.html").unwrap_err();
        assert_eq!(error.downcast_ref::<Unreadable>().unwrap().code, code);
    }
    store.objects().remove("closed/2026-10/1/report/report.html").unwrap();
    assert_eq!(store.read_closed(&found, "report/report.html").unwrap_err().downcast_ref::<Unreadable>().unwrap().code, "MISSING");
    store.objects().create("closed/2026-10/1/report/new.html", b"x").unwrap();
    assert_eq!(store.unlisted(&found).unwrap(), ["report/new.html"]);
}

fn day() -> UtcDay {
    "2026-10-01".parse().unwrap()
}

fn manifest() -> DayManifest {
    DayManifest {
        schema: SCHEMA.to_owned(),
        cluster: "prod-nl".to_owned(),
        day: day().to_string(),
        step_seconds: 900,
        ..serde_json::from_value(serde_json::json!({
            "schema": "", "cluster": "", "day": "", "step_seconds": 0, "software": "", "queries": [], "files": [], "findings": []
        }))
        .unwrap()
    }
}

fn tables(energy_mj: i64) -> BTreeMap<Table, DataFrame> {
    let columns = vec![Column::new("node_id".into(), [0]), Column::new("active_mj".into(), [energy_mj])];
    BTreeMap::from([(Table::Nodes, DataFrame::new(1, columns).unwrap())])
}

fn energy(store: &Store) -> Option<i64> {
    let manifest = store.day("prod-nl", day()).unwrap()?;
    store.read_table(&manifest, Table::Nodes).unwrap().column("active_mj").unwrap().i64().unwrap().get(0)
}

#[test]
fn a_sealed_view_reads_as_of_the_close_whatever_came_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.write_day(&tables(1), manifest()).unwrap();
    // A close: what is read is noted, and the manifest is copied.
    let (noting, readings) = store.noting_reads();
    assert_eq!(energy(&noting), Some(1));
    let read = readings.all();
    assert_eq!(read.keys().collect::<Vec<_>>(), ["prod-nl/2026-10-01/manifest.json", "prod-nl/2026-10-01/nodes.parquet"]);
    let bytes = store.objects().get("prod-nl/2026-10-01/manifest.json").unwrap().unwrap();
    let copy = store.write_closed("2026-10", 1, "days/prod-nl/2026-10-01.json", &bytes).unwrap();
    let table = &read["prod-nl/2026-10-01/nodes.parquet"];
    let path = "prod-nl/2026-10-01/nodes.parquet".to_owned();
    let record = FileRecord { path, sha256: table.sha256.clone(), bytes: table.bytes, rows: 1 };
    let month = sealed(Seal { files: vec![copy], evidence: vec![record.clone()], ..seal("2026-10", 1, 1, None) });
    store.seal(&month).unwrap();

    // The day is metered anew, and another day comes.
    store.replace_day(&tables(2), manifest()).unwrap();
    store.write_day(&tables(3), DayManifest { day: "2026-10-02".to_owned(), ..manifest() }).unwrap();

    let then = store.as_sealed(&month).unwrap();
    assert_eq!((energy(&store), energy(&then)), (Some(2), Some(1)));
    assert!(then.day("prod-nl", "2026-10-02".parse().unwrap()).unwrap().is_none());
    assert_eq!(then.objects().list("prod-nl").unwrap(), ["prod-nl/2026-10-01/manifest.json", "prod-nl/2026-10-01/nodes.parquet"]);
    assert_eq!(store.read_evidence(&month, &record).unwrap().len() as u64, record.bytes);
    assert!(then.write_day(&tables(4), manifest()).is_err(), "nothing is written through it");
    assert!(then.objects().replace("prod-nl/x", b"x").is_err());

    // A sealed manifest that was touched is not used.
    store.objects().replace("closed/2026-10/1/days/prod-nl/2026-10-01.json", b"{}").unwrap();
    let error = format!("{:#}", then.day("prod-nl", day()).unwrap_err());
    assert!(error.contains("EVIDENCE_CHANGED"), "{error}");
}
