//! From notices of a watch to the lines of a journal.
//!
//! In: [`Notice`]s and the time. Out: [`Entry`]s to write. Rule: what is known already is not written again, so that listing anew adds nothing;
//! what a new list lacks is gone, and was there when the watch broke. Does not: watch, write, or ask the time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::history::Entry;
use super::object::Object;
use super::resources::Kind;
use crate::sources::Refusal;

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A whole list of a kind begins: every object of it follows as `Seen`.
    Listing(Kind),
    /// The list is complete.
    Listed(Kind),
    /// The watch is on, or has just been heard of.
    Watching(Kind),
    Seen(Object),
    Gone(Object),
    /// The watch broke; it is taken up again after a pause.
    Lost(Kind, Refusal),
}

/// How well a kind is watched.
#[derive(Clone, Copy, Debug)]
struct Watch {
    is_whole: bool,
    /// When it last was whole.
    last: DateTime<Utc>,
}

/// All objects that a watch has seen and that are not gone.
#[derive(Debug, Default)]
pub struct Recorder {
    known: BTreeMap<(Kind, String), Object>,
    listing: BTreeMap<Kind, BTreeSet<String>>,
    watches: BTreeMap<Kind, Watch>,
}

impl Recorder {
    /// How many objects of a kind are there.
    pub fn count(&self, kind: Kind) -> usize {
        self.known.keys().filter(|(known, _)| *known == kind).count()
    }

    pub fn take(&mut self, notice: Notice, at: DateTime<Utc>) -> Vec<Entry> {
        match notice {
            Notice::Listing(kind) => {
                self.lose(kind, at);
                self.listing.insert(kind, BTreeSet::new());
                Vec::new()
            }
            Notice::Listed(kind) => {
                let listed = self.listing.remove(&kind).unwrap_or_default();
                let last = self.watches.get(&kind).map_or(at, |watch| watch.last);
                let missing: Vec<_> = self.known.keys().filter(|(known, uid)| *known == kind && !listed.contains(uid)).cloned().collect();
                let gone = missing.into_iter().filter_map(|key| Some(Entry::Gone { at: last, object: self.known.remove(&key)? })).collect();
                self.watches.insert(kind, Watch { is_whole: true, last: at });
                gone
            }
            Notice::Watching(kind) => {
                self.watches.insert(kind, Watch { is_whole: true, last: at });
                Vec::new()
            }
            Notice::Seen(object) => {
                let kind = object.kind();
                match self.listing.get_mut(&kind) {
                    Some(listed) => drop(listed.insert(object.uid.clone())),
                    None => drop(self.watches.insert(kind, Watch { is_whole: true, last: at })),
                }
                if self.known.get(&(kind, object.uid.clone())) == Some(&object) {
                    return Vec::new();
                }
                self.known.insert((kind, object.uid.clone()), object.clone());
                vec![Entry::Seen { at, object }]
            }
            Notice::Gone(object) => {
                let kind = object.kind();
                self.watches.insert(kind, Watch { is_whole: true, last: at });
                self.known.remove(&(kind, object.uid.clone()));
                vec![Entry::Gone { at, object }]
            }
            Notice::Lost(kind, _) => {
                self.lose(kind, at);
                Vec::new()
            }
        }
    }

    /// A watch that breaks was whole until then: what happened before it would have told.
    fn lose(&mut self, kind: Kind, at: DateTime<Utc>) {
        if let Some(watch) = self.watches.get_mut(&kind).filter(|watch| watch.is_whole) {
            *watch = Watch { is_whole: false, last: at };
        }
    }

    /// Says which kinds are watched whole now; none where no kind is.
    pub fn watching(&mut self, at: DateTime<Utc>) -> Option<Entry> {
        let whole = self.watches.iter_mut().filter(|(_, watch)| watch.is_whole);
        let kinds: Vec<Kind> = whole
            .map(|(kind, watch)| {
                watch.last = watch.last.max(at);
                *kind
            })
            .collect();
        (!kinds.is_empty()).then_some(Entry::Watching { at, kinds })
    }

    /// Everything that is there, for a journal that begins.
    pub fn all(&self, at: DateTime<Utc>) -> Vec<Entry> {
        let seen_at = |kind: &Kind| match self.watches.get(kind) {
            Some(watch) if !watch.is_whole => watch.last,
            _ => at,
        };
        self.known.iter().map(|((kind, _), object)| Entry::Seen { at: seen_at(kind), object: object.clone() }).collect()
    }
}
