//! Lives that are read off a journal.

use super::fixture::{at, controller, job, ms, pod, texts};
use super::history::{Entry, History, Life};
use super::object::Object;
use super::resources::Kind;

fn seen(time: &str, object: &Object) -> Entry {
    Entry::Seen { at: at(time), object: object.clone() }
}

fn gone(time: &str, object: &Object) -> Entry {
    Entry::Gone { at: at(time), object: object.clone() }
}

fn watching(time: &str) -> Entry {
    Entry::Watching { at: at(time), kinds: vec![Kind::Pod] }
}

/// From and until of each stretch.
fn spans(life: &Life) -> Vec<(i64, i64)> {
    life.stretches.iter().map(|stretch| (stretch.from_ms, stretch.until_ms)).collect()
}

#[test]
fn an_object_lives_from_its_creation_to_the_last_mark_of_its_kinds_watch() {
    let pod = pod("u1", "a", "08:00:00");
    let history =
        History::of([seen("10:00:00", &pod), watching("10:05:00"), Entry::Watching { at: at("11:00:00"), kinds: vec![Kind::Job] }]);
    let lives = history.into_lives();
    assert_eq!(spans(&lives[0]), [(ms("08:00:00"), ms("10:05:00"))]);
    assert!(!lives[0].is_gone);
}

#[test]
fn what_was_seen_going_ends_then_whatever_is_watched_later() {
    let pod = pod("u1", "a", "08:00:00");
    let lives = History::of([seen("10:00:00", &pod), gone("10:30:00", &pod), watching("12:00:00")]).into_lives();
    assert_eq!(spans(&lives[0]), [(ms("08:00:00"), ms("10:30:00"))]);
    assert!(lives[0].is_gone);
}

#[test]
fn other_facts_begin_another_stretch() {
    let before = pod("u1", "a", "08:00:00");
    let after = Object { labels: texts(&[("deferrable", "true")]), ..before.clone() };
    let lives =
        History::of([seen("09:00:00", &before), watching("09:59:00"), seen("10:00:00", &after), gone("11:00:00", &after)]).into_lives();
    assert_eq!(spans(&lives[0]), [(ms("08:00:00"), ms("10:00:00") - 1), (ms("10:00:00"), ms("11:00:00"))]);
}

#[test]
fn f46_the_same_entries_twice_are_the_same_history() {
    let (first, second) = (pod("u1", "a", "08:00:00"), Object { owners: controller("Job", "j"), ..pod("u2", "b", "08:30:00") });
    let once = [seen("09:00:00", &first), seen("09:00:00", &second), watching("10:00:00"), gone("10:30:00", &first)];
    // A list begun anew repeats what is still there; a recorder that crashed may have written a line twice.
    let twice = [&once[0], &once[0], &once[1], &once[1], &once[2], &once[1], &once[2], &once[3], &once[3]].map(Entry::clone);
    assert_eq!(History::of(once).into_lives(), History::of(twice).into_lives());
}

#[test]
fn a_recorder_that_was_away_does_not_claim_what_it_did_not_see() {
    let (stays, goes) = (pod("u1", "a", "08:00:00"), pod("u2", "b", "08:00:00"));
    let entries = [
        seen("09:00:00", &stays),
        seen("09:00:00", &goes),
        watching("10:00:00"),
        Entry::Started { at: at("12:00:00") },
        seen("12:00:01", &stays),
        watching("13:00:00"),
    ];
    let lives = History::of(entries).into_lives();
    assert_eq!(spans(&lives[0]), [(ms("08:00:00"), ms("13:00:00"))]);
    assert_eq!(spans(&lives[1]), [(ms("08:00:00"), ms("10:00:00"))]);
    assert!(!lives[1].is_gone, "it may have lived on");
}

#[test]
fn f42_one_name_with_two_uids_is_two_lives() {
    let (old, new) = (pod("u1", "db-0", "08:00:00"), pod("u2", "db-0", "12:00:05"));
    let lives = History::of([seen("09:00:00", &old), gone("12:00:00", &old), seen("12:00:05", &new), watching("13:00:00")]).into_lives();
    assert_eq!(lives.iter().map(spans).collect::<Vec<_>>(), [[(ms("08:00:00"), ms("12:00:00"))], [(ms("12:00:05"), ms("13:00:00"))]]);
}

#[test]
fn a_clock_that_was_set_back_turns_nothing_around() {
    let before = job("u1", "a", "08:00:00");
    let after = Object { labels: texts(&[("deferrable", "true")]), ..before.clone() };
    let lives = History::of([seen("10:00:00", &before), seen("07:59:00", &after)]).into_lives();
    let spans = spans(&lives[0]);
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|(from, until)| from <= until) && spans[0].1 < spans[1].0, "{spans:?}");
    assert_eq!(lives[0].stretches[1].object, after);
}

#[test]
fn an_entry_is_one_line_of_json_that_says_what_it_is() {
    let job = Object { owners: controller("CronJob", "nightly"), ..job("u1", "nightly-1", "08:00:00") };
    let line = serde_json::to_string(&seen("09:00:00.5", &job)).unwrap();
    assert_eq!(
        line,
        r#"{"event":"seen","at":"2026-10-01T09:00:00.500Z","object":{"uid":"u1","namespace":"etl","name":"nightly-1","created":"2026-10-01T08:00:00Z","owners":[{"kind":"CronJob","name":"nightly","is_controller":true}],"kind":"Job"}}"#
    );
    for entry in
        [seen("09:00:00", &job), gone("09:00:00", &pod("u", "p", "08:00:00")), watching("10:00:00"), Entry::Started { at: at("08:00:00") }]
    {
        assert_eq!(serde_json::from_str::<Entry>(&serde_json::to_string(&entry).unwrap()).unwrap(), entry);
    }
}
