//! What a recorder writes of what it is told.

use super::fixture::{at, pod, texts};
use super::history::Entry;
use super::object::Object;
use super::recorder::{Notice, Recorder};
use super::resources::Kind;
use crate::sources::{Reach, Refusal};

fn list(recorder: &mut Recorder, time: &str, objects: &[Object]) -> Vec<Entry> {
    let mut notices = vec![Notice::Listing(Kind::Pod)];
    notices.extend(objects.iter().cloned().map(Notice::Seen));
    notices.push(Notice::Listed(Kind::Pod));
    notices.into_iter().flat_map(|notice| recorder.take(notice, at(time))).collect()
}

fn lost() -> Notice {
    Notice::Lost(Kind::Pod, Refusal::new("K8S_EXPIRED", Reach::Range, "too old resource version"))
}

#[test]
fn f46_a_new_list_writes_only_what_is_new_and_what_is_gone() {
    let mut recorder = Recorder::default();
    let (stays, goes, comes) = (pod("u1", "a", "08:00:00"), pod("u2", "b", "08:00:00"), pod("u3", "c", "09:30:00"));
    assert_eq!(list(&mut recorder, "09:00:00", &[stays.clone(), goes.clone()]).len(), 2);
    recorder.watching(at("09:20:00"));
    recorder.take(lost(), at("09:40:00"));
    recorder.take(lost(), at("09:43:00"));
    assert_eq!(recorder.watching(at("09:45:00")), None, "a broken watch is no watch");
    let entries = list(&mut recorder, "10:00:00", &[stays.clone(), comes.clone()]);
    // What went while nobody looked was there when the watch broke.
    let expected = [Entry::Seen { at: at("10:00:00"), object: comes }, Entry::Gone { at: at("09:40:00"), object: goes }];
    assert_eq!(entries, expected);
    assert_eq!(recorder.count(Kind::Pod), 2);
    assert_eq!(list(&mut recorder, "11:00:00", &[stays]).len(), 1);
}

#[test]
fn an_event_that_changes_no_fact_is_not_written() {
    let mut recorder = Recorder::default();
    let pod = pod("u1", "a", "08:00:00");
    assert_eq!(recorder.take(Notice::Seen(pod.clone()), at("09:00:00")).len(), 1);
    assert_eq!(recorder.take(Notice::Seen(pod.clone()), at("09:05:00")), []);
    let labelled = Object { labels: texts(&[("deferrable", "true")]), ..pod };
    assert_eq!(recorder.take(Notice::Seen(labelled.clone()), at("09:06:00")).len(), 1);
    assert_eq!(recorder.take(Notice::Gone(labelled.clone()), at("09:07:00")), [Entry::Gone { at: at("09:07:00"), object: labelled }]);
}

#[test]
fn f47_a_watch_that_comes_back_is_whole_again_without_a_new_list() {
    let mut recorder = Recorder::default();
    list(&mut recorder, "09:00:00", &[pod("u1", "a", "08:00:00")]);
    recorder.take(lost(), at("09:10:00"));
    assert_eq!(recorder.watching(at("09:11:00")), None);
    assert_eq!(recorder.take(Notice::Watching(Kind::Pod), at("09:12:00")), []);
    assert_eq!(recorder.watching(at("09:13:00")), Some(Entry::Watching { at: at("09:13:00"), kinds: vec![Kind::Pod] }));
}

#[test]
fn a_new_journal_begins_with_what_is_there_and_since_when_that_is_known() {
    let mut recorder = Recorder::default();
    let pod = pod("u1", "a", "08:00:00");
    list(&mut recorder, "09:00:00", std::slice::from_ref(&pod));
    assert_eq!(recorder.all(at("10:00:00")), [Entry::Seen { at: at("10:00:00"), object: pod.clone() }]);
    recorder.take(lost(), at("09:50:00"));
    assert_eq!(recorder.all(at("10:00:00")), [Entry::Seen { at: at("09:50:00"), object: pod }]);
}
