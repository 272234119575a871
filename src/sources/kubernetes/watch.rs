//! Watching one kind of object for as long as it is wanted.
//!
//! In: an API server. Out: [`Notice`]s. Rule: a list, then a watch from its version; a watch that breaks goes on from the last version seen, so
//! that nothing is lost; where the server no longer has that version (410), everything is listed anew. Pauses grow to half a minute.
//! Does not: give up, except on what will not pass by itself; whoever reads decides about that.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt;
use kube::api::{Api, WatchEvent, WatchParams};
use tokio::sync::mpsc::Sender;

use super::client::{self, Fault, Served};
use super::object::Object;
use super::recorder::Notice;
use crate::sources::{Reach, Refusal};

/// The server ends a watch after this time, and it is taken up again at once.
const WATCH_S: u32 = 240;
/// A connection that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(WATCH_S as u64 + 15);
/// A watch that held for so long was a good one: the next pause is a short one again.
const HELD: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whoever wanted the notices is gone.
struct NobodyListens;

pub async fn follow<K: Served>(api: Api<K>, notices: Sender<Notice>) {
    // It ends only when nobody listens.
    let _ = Follower { api, notices, pauses: pauses() }.run().await;
}

fn pauses() -> ExponentialBackoff {
    let growing = ExponentialBuilder::new().with_min_delay(Duration::from_millis(500)).with_max_delay(LONGEST_PAUSE);
    growing.without_max_times().with_jitter().build()
}

struct Follower<K> {
    api: Api<K>,
    notices: Sender<Notice>,
    pauses: ExponentialBackoff,
}

impl<K: Served> Follower<K> {
    async fn run(mut self) -> Result<(), NobodyListens> {
        let mut version = None;
        loop {
            let from = match version.take() {
                Some(version) => version,
                None => match self.list().await? {
                    Some(version) => version,
                    None => continue,
                },
            };
            version = self.watch(from).await?;
        }
    }

    async fn tell(&self, notice: Notice) -> Result<(), NobodyListens> {
        self.notices.send(notice).await.map_err(|_| NobodyListens)
    }

    async fn lost(&mut self, fault: Fault) -> Result<(), NobodyListens> {
        let pause = self.pauses.next().unwrap_or(LONGEST_PAUSE);
        let (why, pause) = match fault {
            Fault::Final(refusal) => (refusal, pause),
            Fault::Expired(why) => (Refusal::new("K8S_EXPIRED", Reach::Range, why), pause),
            Fault::Passing { why, retry_after } => {
                (Refusal::new("K8S_UNREACHABLE", Reach::Range, why), pause.max(retry_after.unwrap_or_default()))
            }
        };
        self.tell(Notice::Lost(K::KIND, why)).await?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The version of a list that was told whole, or none where it could not be had.
    async fn list(&mut self) -> Result<Option<String>, NobodyListens> {
        match client::list(&self.api).await {
            Ok((objects, version)) => {
                self.tell(Notice::Listing(K::KIND)).await?;
                for object in objects {
                    self.tell(Notice::Seen(object)).await?;
                }
                self.tell(Notice::Listed(K::KIND)).await?;
                Ok(Some(version))
            }
            Err(fault) => self.lost(fault).await.map(|()| None),
        }
    }

    /// Watches until the connection ends; gives back from where to go on, or none where only a new list helps.
    async fn watch(&mut self, from: String) -> Result<Option<String>, NobodyListens> {
        let params = WatchParams::default().timeout(WATCH_S);
        let began = Instant::now();
        let answer = client::in_time(self.api.watch(&params, &from)).await;
        let events = match answer.and_then(|events| events.map_err(|error| client::fault(K::KIND, "watch", &error))) {
            Ok(events) => events,
            Err(fault) => return self.broken(fault, from).await,
        };
        self.tell(Notice::Watching(K::KIND)).await?;
        let mut events = std::pin::pin!(events);
        let mut version = from;
        let fault = loop {
            let notice = match tokio::time::timeout(SILENCE, events.next()).await {
                Err(_) => break Some(client::passing("the watch fell silent")),
                Ok(None) => break None,
                Ok(Some(Err(error))) => break Some(client::fault(K::KIND, "watch", &error)),
                Ok(Some(Ok(WatchEvent::Error(status)))) => break Some(client::refused(K::KIND, "watch", &status)),
                Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                    version = bookmark.metadata.resource_version;
                    Ok(Notice::Watching(K::KIND))
                }
                Ok(Some(Ok(WatchEvent::Added(item) | WatchEvent::Modified(item)))) => told(item, &mut version).map(Notice::Seen),
                Ok(Some(Ok(WatchEvent::Deleted(item)))) => told(item, &mut version).map(Notice::Gone),
            };
            match notice {
                Ok(notice) => self.tell(notice).await?,
                Err(why) => break Some(client::unreadable(why)),
            }
        };
        if began.elapsed() >= HELD {
            self.pauses = pauses();
        }
        match fault {
            Some(fault) => self.broken(fault, version).await,
            // A server that ends watches as soon as they begin must not be asked without pause.
            None if began.elapsed() < HELD => self.broken(client::passing("the server ended the watch early"), version).await,
            None => Ok(Some(version)),
        }
    }

    async fn broken(&mut self, fault: Fault, version: String) -> Result<Option<String>, NobodyListens> {
        let go_on = (!matches!(fault, Fault::Expired(_))).then_some(version);
        self.lost(fault).await.map(|()| go_on)
    }
}

/// An object of an event, whose version is where a broken watch goes on.
fn told<K: Served>(item: K, version: &mut String) -> Result<Object, String> {
    if let Some(newer) = item.meta().resource_version.clone() {
        *version = newer;
    }
    item.facts()
}
