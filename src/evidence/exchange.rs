//! Where this program and an engine hand each other tables: a folder of the evidence that is there as long as an account is being made.
//!
//! In: frames. Out: Parquet files that an engine reads, and the frames of those that it wrote. Rule: nothing in it is evidence, and nothing is read from it that
//! was not written for the same account: each has a folder of its own, and another for each attempt. What a killed process left is taken away a day later.
//! Does not: know what the tables mean.

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, NaiveDateTime, Utc};
use polars::prelude::DataFrame;

use super::{Store, parquet};
use crate::model::hex;

/// The folder of all exchanges.
pub const ENGINE_FOLDER: &str = "engine";
/// How the name of an exchange begins.
const STARTED: &str = "%Y%m%dT%H%M%SZ";
/// After that long nobody is working in an exchange any more.
const LEFT_BEHIND: chrono::Duration = chrono::Duration::days(1);

/// One exchange. It is taken away when it is dropped.
#[derive(Debug)]
pub struct Exchange {
    store: Store,
    prefix: String,
}

impl Exchange {
    pub fn begin(store: &Store, now: DateTime<Utc>) -> Result<Self> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("draw a random name: {error}"))?;
        Ok(Self { store: store.clone(), prefix: format!("{ENGINE_FOLDER}/{}-{}", now.format(STARTED), hex(nonce)) })
    }

    /// The key of a table, or of the folder of what an engine writes.
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    pub fn write(&self, name: &str, frame: &DataFrame) -> Result<()> {
        let bytes = parquet::encode(name, frame)?;
        self.store
            .objects()
            .replace(&self.key(&format!("{name}.parquet")), &bytes)
            .with_context(|| format!("hand table {name} to the engine"))
    }

    /// The table that an engine wrote as files of a folder; no rows where it wrote none.
    pub fn read(&self, folder: &str) -> Result<DataFrame> {
        let objects = self.store.objects();
        let mut whole: Option<DataFrame> = None;
        for key in objects.list(&self.key(folder))?.iter().filter(|key| key.ends_with(".parquet")) {
            let read = || -> Result<DataFrame> { parquet::decode(objects.get(key)?.context("it is not there any more")?) };
            let part = read().with_context(|| format!("read {}", objects.display(key)))?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => {
                    whole.vstack_mut(&part).with_context(|| format!("put {} beside the others", objects.display(key)))?;
                }
            }
        }
        Ok(whole.unwrap_or_default())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Err(error) = self.store.objects().remove_all(&self.prefix) {
            tracing::warn!("take away {}: {error:#}", self.store.objects().display(&self.prefix));
        }
    }
}

impl Store {
    /// Takes away exchanges that killed processes left.
    pub fn sweep_exchanges(&self, now: DateTime<Utc>) -> Result<()> {
        let mut left: Vec<String> = Vec::new();
        for key in self.objects().list(ENGINE_FOLDER)? {
            let Some(name) = key.split('/').nth(1).filter(|name| started(name).is_some_and(|started| now - started > LEFT_BEHIND)) else {
                continue;
            };
            let prefix = format!("{ENGINE_FOLDER}/{name}");
            if left.last() != Some(&prefix) {
                left.push(prefix);
            }
        }
        left.iter().try_for_each(|prefix| self.objects().remove_all(prefix))
    }
}

fn started(name: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(name.split_once('-')?.0, STARTED).ok().map(|started| started.and_utc())
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn tables_go_there_and_back_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let frame = df!("a" => [1_i64, 2], "b" => [Some(1_i64), None]).unwrap();
        let exchange = Exchange::begin(&store, at("2026-11-30T12:00:00Z")).unwrap();
        exchange.write("out/part-0", &frame).unwrap();
        exchange.write("out/part-1", &frame).unwrap();
        // What Spark writes beside its files.
        std::fs::write(folder.path().join(exchange.key("out/_SUCCESS")), "").unwrap();
        std::fs::write(folder.path().join(exchange.key("out/.part-0.parquet.crc")), "x").unwrap();

        assert_eq!(exchange.read("out").unwrap().height(), 4);
        assert_eq!(exchange.read("other").unwrap().height(), 0);
        drop(exchange);
        assert_eq!(std::fs::read_dir(folder.path().join(ENGINE_FOLDER)).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_taken_away_a_day_later() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let exchange = Exchange::begin(&store, at("2026-11-30T12:00:00Z")).unwrap();
        exchange.write("in", &df!("a" => [1]).unwrap()).unwrap();
        let left = folder.path().join(exchange.key("in.parquet"));
        std::mem::forget(exchange);

        store.sweep_exchanges(at("2026-12-01T12:00:00Z")).unwrap();
        assert!(left.exists());
        store.sweep_exchanges(at("2026-12-01T12:00:01Z")).unwrap();
        assert!(!left.exists());
    }
}
