//! From what was seen of objects to what is known of their lives.
//!
//! In: [`Entry`]s in the order in which they were written, of a recorder or of a list. Out: for each uid the facts that held, from when to when.
//! Rule: an object lives from its creation, whenever it was seen first; facts hold until others are seen; it lives as long as it is seen or
//! its kind is watched without it going. The same entry twice says nothing new. Does not: ask the time, or look an object up by its name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::object::Object;
use super::resources::Kind;

/// A line of a recorder's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Entry {
    /// A recorder began to watch; what it did not see before, it does not know.
    Started { at: DateTime<Utc> },
    /// An object as it was then.
    Seen { at: DateTime<Utc>, object: Object },
    /// An object that went, as it was last.
    Gone { at: DateTime<Utc>, object: Object },
    /// Until then, what was seen of these kinds and not gone was there and unchanged.
    Watching { at: DateTime<Utc>, kinds: Vec<Kind> },
}

/// Facts with the time in which they held, milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    pub from_ms: i64,
    pub until_ms: i64,
    pub object: Object,
}

/// What is known of one object: stretches by time, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    pub stretches: Vec<Stretch>,
    /// Whether it was seen going. Else it may have lived on.
    pub is_gone: bool,
    /// Whether a watch that saw it is still on.
    is_watched: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    lives: BTreeMap<(Kind, String), Life>,
    watched_until: BTreeMap<Kind, i64>,
}

impl History {
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut history = Self::default();
        entries.into_iter().for_each(|entry| history.take(entry));
        history
    }

    pub fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Started { .. } => self.end_watches(),
            Entry::Watching { at, kinds } => {
                for kind in kinds {
                    let until = self.watched_until.entry(kind).or_insert(i64::MIN);
                    *until = (*until).max(at.timestamp_millis());
                }
            }
            Entry::Seen { at, object } => self.see(at.timestamp_millis(), object).is_watched = true,
            Entry::Gone { at, object } => {
                let life = self.see(at.timestamp_millis(), object);
                (life.is_gone, life.is_watched) = (true, false);
            }
        }
    }

    fn see(&mut self, at_ms: i64, object: Object) -> &mut Life {
        let created_ms = object.created.timestamp_millis().min(at_ms);
        let key = (object.kind(), object.uid.clone());
        let life = self.lives.entry(key).or_insert_with(|| Life { stretches: Vec::new(), is_gone: false, is_watched: false });
        life.is_gone = false;
        match life.stretches.last_mut() {
            None => life.stretches.push(Stretch { from_ms: created_ms, until_ms: at_ms, object }),
            Some(known) if known.object == object => known.until_ms = known.until_ms.max(at_ms),
            Some(known) => {
                // A clock that was set back does not turn the order of events.
                let from_ms = at_ms.max(known.from_ms + 1);
                known.until_ms = from_ms - 1;
                life.stretches.push(Stretch { from_ms, until_ms: from_ms, object });
            }
        }
        life
    }

    fn end_watches(&mut self) {
        for ((kind, _), life) in self.lives.iter_mut().filter(|(_, life)| life.is_watched) {
            life.is_watched = false;
            if let (Some(known), Some(until_ms)) = (life.stretches.last_mut(), self.watched_until.get(kind)) {
                known.until_ms = known.until_ms.max(*until_ms);
            }
        }
        self.watched_until.clear();
    }

    /// All lives, by kind and uid.
    pub fn into_lives(mut self) -> Vec<Life> {
        self.end_watches();
        self.lives.into_values().collect()
    }
}
