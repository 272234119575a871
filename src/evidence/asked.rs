//! What was asked and left no evidence: days of which a server had nothing, and days for which the feeds were taken in.
//!
//! In: whoever collects by shards says so. Out: whoever waits for them reads it. Rule: a note says that somebody has looked, never what is true of the day: a day
//! that is there is there, whatever a note says. The same note has the same bytes. Does not: enter an account or a seal; notes can be thrown away, and the next
//! collector writes them again.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Store;
use super::files::folder_name;
use super::manifest::json;
use super::objects::ASIDE;
use crate::units::UtcDay;

const SCHEMA: &str = "wattledger.asked/1";

/// That the server of a cluster had no sample of a day.
#[derive(Serialize)]
struct Nothing<'a> {
    schema: &'a str,
    cluster: &'a str,
    day: String,
    found: &'a str,
}

/// Which feeds were taken in for a day, by names that tell them apart.
#[derive(Serialize, Deserialize)]
struct Taken {
    schema: String,
    day: String,
    feeds: BTreeSet<String>,
}

impl Store {
    /// Notes that the server of a cluster was asked for a day and has nothing of it.
    pub fn note_empty_day(&self, cluster: &str, day: UtcDay) -> Result<()> {
        let nothing = Nothing { schema: SCHEMA, cluster, day: day.to_string(), found: "no sample of any metric" };
        self.objects().create(&empty_day(cluster, day)?, &json(&nothing)?).map(|_| ())
    }

    /// Whether that was noted. Of use only where the day is not there.
    pub fn is_noted_empty(&self, cluster: &str, day: UtcDay) -> Result<bool> {
        self.objects().has(&empty_day(cluster, day)?)
    }

    /// Notes that all of these feeds were taken in for a day.
    pub fn note_feeds(&self, day: UtcDay, feeds: &BTreeSet<String>) -> Result<()> {
        if self.noted_feeds(day)?.is_some_and(|known| known == *feeds) {
            return Ok(());
        }
        let taken = Taken { schema: SCHEMA.to_owned(), day: day.to_string(), feeds: feeds.clone() };
        self.objects().replace(&feeds_of(day), &json(&taken)?)
    }

    /// The feeds that were taken in for a day, where that was noted.
    pub fn noted_feeds(&self, day: UtcDay) -> Result<Option<BTreeSet<String>>> {
        let key = feeds_of(day);
        let Some(bytes) = self.objects().get(&key)? else { return Ok(None) };
        let taken: Taken = serde_json::from_slice(&bytes).with_context(|| format!("read {}", self.objects().display(&key)))?;
        Ok(Some(taken.feeds))
    }
}

fn empty_day(cluster: &str, day: UtcDay) -> Result<String> {
    Ok(format!("{ASIDE}/days/{}/{day}.json", folder_name(cluster)?))
}

fn feeds_of(day: UtcDay) -> String {
    format!("{ASIDE}/feeds/{day}.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::objects::{Faulty, Objects};

    #[test]
    fn notes_are_read_back_and_are_in_no_list_of_the_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Store::new(folder.path().join("spool")).with_objects(Objects::in_faulty(&Faulty::new()));
        let (first, second): (UtcDay, UtcDay) = ("2026-10-01".parse().unwrap(), "2026-10-02".parse().unwrap());
        for store in [Store::new(folder.path().join("evidence")), bucket] {
            assert!(!store.is_noted_empty("prod-nl", first).unwrap());
            store.note_empty_day("prod-nl", first).unwrap();
            store.note_empty_day("prod-nl", first).unwrap();
            assert!(store.is_noted_empty("prod-nl", first).unwrap());
            assert!(!store.is_noted_empty("prod-nl", second).unwrap() && !store.is_noted_empty("edge-fr", first).unwrap());
            // The day itself is not there by that, and no cluster of this name is.
            assert_eq!(store.day("prod-nl", first).unwrap(), None);

            assert_eq!(store.noted_feeds(first).unwrap(), None);
            for feeds in [BTreeSet::from(["intensity of NL".to_owned()]), BTreeSet::from(["intensity of FR".to_owned()])] {
                store.note_feeds(first, &feeds).unwrap();
                assert_eq!(store.noted_feeds(first).unwrap(), Some(feeds));
            }
            assert!(store.objects().list("").unwrap().is_empty());
            assert!(store.note_empty_day("../up", first).is_err());
        }
    }
}
