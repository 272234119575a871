//! Locks of shards: collectors of different parts of the cluster-days work side by side, and of parts that share a cluster-day one works at a time.
//!
//! In: an undertaking, a part of it. Out: a lock, or who holds one of a part that overlaps. Rule: whoever comes takes the lock of the own part first and looks at the
//! others afterwards, so that of two who come at once at least one sees the other. The smaller part gives way; the larger one, and all of it is the largest, keeps its
//! lock and looks again for a moment, so that of two who have only just begun one goes on. Assumes: what was written is seen by whoever looks later, which a folder
//! and the buckets that keep conditions promise. Does not: keep apart who writes under no lock; a day is put into place only where none is, whatever locks say.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Lock, Store};
use crate::model::{Hint, Shard};

/// For as long it is tried again where another part is in the way: it may be giving way itself.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 600 } else { 3_000 });
/// How long the smaller part is away when it gives way, and how often the larger one looks: more often, so that it finds it away.
const AWAY: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 1_000 });
const BETWEEN_LOOKS: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 200 });

impl Store {
    /// Takes the lock of a part of an undertaking, as [`Store::lock`] does of all of it: the whole is that lock.
    pub fn lock_shard(&self, what: &str, shard: Shard) -> Result<Lock> {
        let until = Instant::now() + PATIENCE;
        let (name, called) = (name(what, shard), called(what, shard));
        let take = || self.objects().lock_named(&name, &called);
        let mut own = take()?;
        while let Some((other, hint)) = self.in_the_way(what, shard)? {
            if Instant::now() >= until {
                bail!(hint);
            }
            if shard.is_larger_than(other) {
                sleep(BETWEEN_LOOKS);
            } else {
                drop(own);
                sleep(AWAY);
                own = take()?;
            }
        }
        Ok(own)
    }

    /// The first part that overlaps and is being worked at, with who does so.
    fn in_the_way(&self, what: &str, shard: Shard) -> Result<Option<(Shard, Hint)>> {
        let others = self.objects().locks()?.into_iter().filter_map(|name| part(what, &name));
        for other in others.filter(|other| *other != shard && other.overlaps(shard)) {
            if let Some(hint) = self.objects().holder(&name(what, other), &called(what, other))? {
                return Ok(Some((other, hint)));
            }
        }
        Ok(None)
    }
}

fn name(what: &str, shard: Shard) -> String {
    if shard.is_whole() { what.to_owned() } else { format!("{what}-{}", shard.in_name()) }
}

fn called(what: &str, shard: Shard) -> String {
    if shard.is_whole() { what.to_owned() } else { format!("{what} --shard {shard}") }
}

/// Reads what [`name`] wrote.
fn part(what: &str, name: &str) -> Option<Shard> {
    match name.strip_prefix(what)? {
        "" => Some(Shard::WHOLE),
        rest => Shard::of_name(rest.strip_prefix('-')?),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::evidence::objects::{Faulty, Objects};

    /// In a folder, and in a bucket.
    fn stores() -> Vec<(tempfile::TempDir, Store)> {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Store::new(one.path());
        let bucket = Store::new(two.path()).with_objects(Objects::in_faulty(&Faulty::new()));
        vec![(one, folder), (two, bucket)]
    }

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    fn told(result: Result<Lock>) -> String {
        format!("{:#}", result.expect_err("it is held"))
    }

    #[test]
    fn shards_of_one_count_work_side_by_side_and_each_of_them_once() {
        for (_folder, store) in stores() {
            let held: Vec<Lock> = (0..4).map(|index| store.lock_shard("collect", Shard::new(index, 4).unwrap()).unwrap()).collect();
            held.iter().for_each(|lock| lock.check().unwrap());
            let said = told(store.lock_shard("collect", shard("2/4")));
            assert!(said.starts_with("LOCKED: `collect --shard 2/4` is being done by process "), "{said}");
            // Another undertaking has locks of its own.
            drop(store.lock("close").unwrap());
        }
    }

    #[test]
    fn parts_that_share_a_cluster_day_do_not_work_at_once() {
        for (_folder, store) in stores() {
            let held = store.lock_shard("collect", shard("1/4")).unwrap();
            for (other, overlaps) in [("0/1", true), ("1/2", true), ("0/2", false), ("5/6", true), ("0/6", false), ("2/3", true)] {
                let taken = store.lock_shard("collect", shard(other));
                assert_eq!(taken.is_err(), overlaps, "{other}");
                if let Err(error) = taken {
                    assert!(format!("{error:#}").starts_with("LOCKED: `collect --shard 1/4` is being done by process "), "{error:#}");
                }
            }
            drop(held);
            let whole = store.lock_shard("collect", Shard::WHOLE).unwrap();
            // As `import` and the shards of others meet it.
            assert!(told(store.lock("collect")).starts_with("LOCKED: `collect` is being done by process "));
            assert!(told(store.lock_shard("collect", shard("7/8"))).starts_with("LOCKED: `collect` is being done by process "));
            drop(whole);
            drop(store.lock_shard("collect", shard("7/8")).unwrap());
        }
    }

    #[test]
    fn of_two_that_begin_at_once_and_share_days_one_goes_on() {
        for (_folder, store) in stores() {
            for _ in 0..5 {
                let start = Barrier::new(2);
                let take = |part: &str| {
                    start.wait();
                    store.lock_shard("collect", shard(part)).ok()
                };
                let held: Vec<Lock> = std::thread::scope(|scope| {
                    let tries = ["0/1", "3/4"].map(|part| scope.spawn(move || take(part)));
                    tries.into_iter().filter_map(|handle| handle.join().unwrap()).collect()
                });
                assert_eq!(held.len(), 1);
            }
        }
    }

    #[test]
    fn a_part_that_was_given_back_is_in_nobodys_way() {
        for (_folder, store) in stores() {
            drop(store.lock_shard("collect", shard("0/8")).unwrap());
            let begun = Instant::now();
            drop(store.lock_shard("collect", Shard::WHOLE).unwrap());
            assert!(begun.elapsed() < PATIENCE);
        }
    }
}
