//! A lock in a bucket: an object that says who holds it and until when, written again as long as it is held.
//!
//! Rule: it is taken only by a conditional write, so that of several who try one succeeds. It is taken over where its holder gave it back, where its holder
//! was a process of this machine that has ended, or where its time is over and it is not renewed while somebody looks on: a clock that is wrong takes
//! nothing away. Assumes: the store keeps conditions, which is tried out each time. Does not: delete, which no condition guards.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};
use object_store::{Error as StoreError, PutMode, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::bucket::Bucket;
use super::lock::{Holder, LOCKED, locked};
use super::{Created, Seen};
use crate::model::Hint;

/// How long a lease lasts after it was last renewed, and how often it is.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub lasts: Duration,
    pub renewed_every: Duration,
}

pub const TERMS: Terms = Terms { lasts: Duration::from_secs(60), renewed_every: Duration::from_secs(15) };

/// How long giving back may take.
const GIVE_BACK: Duration = Duration::from_secs(20);
/// How often somebody else may be faster.
const TRIES: usize = 3;

/// The leases that this process holds: another of its threads is no process that has ended.
static HELD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[derive(Debug)]
struct Held(String);

impl Held {
    fn new(id: &str) -> Self {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        Self(id.to_owned())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Paper {
    id: String,
    holder: Holder,
    until: DateTime<Utc>,
    is_given_back: bool,
}

/// A lease that is held, and renewed in the background.
#[derive(Debug)]
pub struct Lease {
    place: String,
    health: Arc<Mutex<Health>>,
    lasts: Duration,
    give_back: Option<oneshot::Sender<()>>,
    given_back: mpsc::Receiver<()>,
    /// Forgotten when it is given back.
    _held: Held,
}

#[derive(Debug)]
struct Health {
    renewed: Instant,
    is_taken: bool,
}

impl Paper {
    fn new(terms: Terms) -> Self {
        let holder = Holder::this_process();
        let id = format!("{}-{}-{}", holder.host, holder.pid, holder.since.timestamp_nanos_opt().unwrap_or_default());
        Self { id, until: holder.since + length(terms.lasts), holder, is_given_back: false }
    }

    fn of(seen: &Seen, place: &str) -> Result<Option<Self>> {
        let Some(bytes) = &seen.bytes else { return Ok(None) };
        let hint = || Hint::new(format!("{place} is not a lock of wattledger"), "remove it, if nothing of wattledger runs");
        serde_json::from_slice(bytes).with_context(hint).map(Some)
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain values are written as JSON")
    }

    /// Whether nobody can hold it any more.
    fn is_free(&self) -> bool {
        self.is_given_back || self.is_of_a_process_that_ended()
    }

    fn is_of_a_process_that_ended(&self) -> bool {
        let this = Holder::this_process();
        let is_held_here = HELD.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.id);
        let processes = Path::new("/proc");
        let has_ended = self.holder.pid == this.pid || !processes.join(self.holder.pid.to_string()).exists();
        self.holder.host == this.host && !is_held_here && has_ended && processes.join(this.pid.to_string()).exists()
    }
}

/// Takes a lease, or says who holds it.
pub fn take(bucket: &Bucket, key: &str, what: &str, terms: Terms) -> Result<Lease> {
    let place = bucket.display(key);
    let mut holder = None;
    for _ in 0..TRIES {
        let seen = bucket.look(key)?;
        let found = Paper::of(&seen, &place)?;
        if let Some(found) = &found
            && !found.is_free()
            && (Utc::now() < found.until || is_renewed(bucket, key, &seen, terms)?)
        {
            bail!(locked(what, Some(&found.holder), &place));
        }
        let paper = Paper::new(terms);
        let held = Held::new(&paper.id);
        if let Some(version) = bucket.update(key, &paper.bytes(), &seen)? {
            // From here on, dropping it gives it back.
            let lease = hold(Keeper { bucket: bucket.clone(), key: key.to_owned(), paper, version }, terms, held);
            if bucket.create(key, b"")? == Created::New {
                bail!(Hint::new(
                    format!("STORE_CONDITION: {place} was written though something is there"),
                    "evidence needs a store that writes only where nothing is (If-None-Match); use another, or a newer version of it",
                ));
            }
            return Ok(lease);
        }
        holder = found.map(|found| found.holder);
    }
    bail!(locked(what, holder.as_ref(), &place))
}

/// Who holds it, as they would be told who come second; none where nobody does. One whose time is over and that is not renewed is taken away from its holder,
/// which may only have been asleep: then it learns that it holds it no more.
pub fn holder(bucket: &Bucket, key: &str, what: &str, terms: Terms) -> Result<Option<Hint>> {
    if Paper::of(&bucket.look(key)?, &bucket.display(key))?.is_none_or(|paper| paper.is_given_back) {
        return Ok(None);
    }
    match take(bucket, key, what, terms) {
        Ok(lease) => {
            drop(lease);
            Ok(None)
        }
        Err(error) => match error.downcast::<Hint>() {
            Ok(hint) if hint.to_string().starts_with(LOCKED) => Ok(Some(hint)),
            Ok(hint) => Err(hint.into()),
            Err(error) => Err(error),
        },
    }
}

/// Looks on for longer than a holder waits before it renews.
fn is_renewed(bucket: &Bucket, key: &str, seen: &Seen, terms: Terms) -> Result<bool> {
    let looks_on = terms.renewed_every * 3 / 2;
    tracing::warn!(lock = bucket.display(key), ?looks_on, "its holder seems to have ended; looking whether it is still renewed");
    std::thread::sleep(looks_on);
    Ok(bucket.look(key)?.bytes != seen.bytes)
}

fn length(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// Renews in the background until the lease is dropped, then gives it back.
fn hold(mut keeper: Keeper, terms: Terms, held: Held) -> Lease {
    let (give_back, mut wanted_back) = oneshot::channel();
    let (told, given_back) = mpsc::channel();
    let health = Arc::new(Mutex::new(Health { renewed: Instant::now(), is_taken: false }));
    let place = keeper.bucket.display(&keeper.key);
    let lease = Lease { place, health: Arc::clone(&health), lasts: terms.lasts, give_back: Some(give_back), given_back, _held: held };
    let background = Arc::clone(keeper.bucket.background());
    background.go(async move {
        let health = || health.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            tokio::select! {
                _ = &mut wanted_back => break,
                () = tokio::time::sleep(terms.renewed_every) => {}
            }
            let asked = Instant::now();
            match keeper.write(Utc::now() + length(terms.lasts), false).await {
                Ok(true) => health().renewed = asked,
                Ok(false) => {
                    health().is_taken = true;
                    return;
                }
                Err(error) => tracing::warn!(key = keeper.key, error = format!("{error:#}"), "the lock could not be renewed"),
            }
        }
        // Where this fails, its time runs out.
        let _ = keeper.write(Utc::now(), true).await;
        let _ = told.send(());
    });
    lease
}

struct Keeper {
    bucket: Bucket,
    key: String,
    paper: Paper,
    version: UpdateVersion,
}

impl Keeper {
    /// False where somebody else has written.
    async fn write(&mut self, until: DateTime<Utc>, is_given_back: bool) -> Result<bool> {
        self.paper.until = until;
        self.paper.is_given_back = is_given_back;
        match self.bucket.put_here(&self.key, self.paper.bytes(), PutMode::Update(self.version.clone())).await {
            Ok(put) => {
                self.version = put.into();
                Ok(true)
            }
            // The answer to an earlier request may have been lost.
            Err(StoreError::Precondition { .. }) => match self.bucket.look_here(&self.key).await {
                Ok((bytes, version)) if serde_json::from_slice::<Paper>(&bytes).is_ok_and(|paper| paper.id == self.paper.id) => {
                    self.version = version;
                    Ok(true)
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => Ok(false),
                Err(error) => Err(anyhow!(error)),
            },
            Err(error) => Err(anyhow!(error)),
        }
    }
}

impl Lease {
    /// An error where another process has it, or may have it.
    pub fn check(&self) -> Result<()> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if health.is_taken || health.renewed.elapsed() > self.lasts {
            bail!(Hint::new(
                format!("LOCK_LOST: {} could not be renewed in time, and another process may have it", self.place),
                "look at the network to the bucket, then run this again; what was complete before is still there",
            ));
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Nobody listens where another process has it.
        if self.give_back.take().is_some_and(|give_back| give_back.send(()).is_ok()) {
            let _ = self.given_back.recv_timeout(GIVE_BACK);
        }
    }
}
