//! How many connections there are, and which of them makes room.
//!
//! In: connections that come, requests that begin and end on them. Out: a place for each. Rule: there are never more than the limit; where it is reached, the connection that has been without a
//! request for longest is asked to go, and where all are at work, the new one waits. Does not: close anything itself.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

use crate::web::Metrics;

#[derive(Clone)]
pub struct Places {
    inner: Arc<Inner>,
}

struct Inner {
    most: usize,
    metrics: Metrics,
    table: Mutex<Table>,
    /// Somebody has gone, or has become idle.
    changed: Notify,
}

#[derive(Default)]
struct Table {
    /// Counts everything that happens, so that it says what happened first.
    clock: u64,
    next: u64,
    connections: BTreeMap<u64, Connection>,
}

struct Connection {
    requests: usize,
    /// When it was last without a request.
    idle_since: u64,
    is_going: bool,
    go: Arc<Notify>,
}

/// A connection's place; it is free when this is dropped.
pub struct Place {
    seat: Seat,
    go: Arc<Notify>,
}

/// Says of a connection that it is at work.
#[derive(Clone)]
pub struct Seat {
    inner: Arc<Inner>,
    number: u64,
}

/// The connection is at work until this is dropped.
pub struct Busy {
    seat: Seat,
}

impl Inner {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nobody panics while counting connections")
    }
}

impl Places {
    pub fn new(most: usize, metrics: &Metrics) -> Self {
        Self { inner: Arc::new(Inner { most, metrics: metrics.clone(), table: Mutex::default(), changed: Notify::new() }) }
    }

    /// A place, as soon as there is one.
    pub async fn take(&self) -> Place {
        loop {
            let changed = self.inner.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(place) = self.try_take() {
                return place;
            }
            changed.await;
        }
    }

    fn try_take(&self) -> Option<Place> {
        let mut table = self.inner.table();
        if table.connections.len() >= self.inner.most {
            // One goes for each that waits; whoever goes makes itself known.
            let longest = table.connections.values_mut().filter(|one| one.requests == 0).min_by_key(|one| one.idle_since)?;
            if !longest.is_going {
                longest.is_going = true;
                longest.go.notify_one();
                self.inner.metrics.evicted.inc();
            }
            return None;
        }
        let (number, go) = (table.next, Arc::new(Notify::new()));
        table.next += 1;
        table.clock += 1;
        let idle_since = table.clock;
        table.connections.insert(number, Connection { requests: 0, idle_since, is_going: false, go: Arc::clone(&go) });
        self.inner.metrics.connections.inc();
        Some(Place { seat: Seat { inner: Arc::clone(&self.inner), number }, go })
    }
}

impl Place {
    pub fn seat(&self) -> Seat {
        self.seat.clone()
    }

    /// Ends when somebody else needs the place.
    pub async fn asked_to_go(&self) {
        self.go.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.seat.inner.table().connections.remove(&self.seat.number);
        self.seat.inner.metrics.connections.dec();
        self.seat.inner.changed.notify_waiters();
    }
}

impl Seat {
    pub fn busy(&self) -> Busy {
        if let Some(connection) = self.inner.table().connections.get_mut(&self.number) {
            connection.requests += 1;
        }
        Busy { seat: self.clone() }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut table = self.seat.inner.table();
        table.clock += 1;
        let now = table.clock;
        if let Some(connection) = table.connections.get_mut(&self.seat.number) {
            connection.requests -= 1;
            connection.idle_since = now;
        }
        let is_full = table.connections.len() >= self.seat.inner.most;
        drop(table);
        if is_full {
            self.seat.inner.changed.notify_waiters();
        }
    }
}

/// A response's body, and the word that its connection is at work.
pub struct Held {
    body: Body,
    _busy: Busy,
}

impl Held {
    pub fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn within_a_moment<T>(doing: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_millis(50), doing).await.ok()
    }

    #[tokio::test]
    async fn the_connection_that_was_idle_for_longest_makes_room_and_one_at_work_does_not() {
        let places = Places::new(2, &Metrics::default());
        let (first, second) = (places.take().await, places.take().await);
        let at_work = first.seat().busy();

        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take().await }
        });
        assert!(within_a_moment(second.asked_to_go()).await.is_some(), "the second is idle");
        assert!(within_a_moment(first.asked_to_go()).await.is_none(), "the first is at work");
        drop(second);
        let third = waiting.await.unwrap();

        // The first has become idle after the third came.
        drop(at_work);
        assert!(within_a_moment(places.take()).await.is_none());
        assert!(within_a_moment(third.asked_to_go()).await.is_some());
    }

    #[tokio::test]
    async fn where_all_are_at_work_the_next_one_waits_until_one_is_done() {
        let places = Places::new(1, &Metrics::default());
        let only = places.take().await;
        let at_work = only.seat().busy();
        assert!(within_a_moment(places.take()).await.is_none());
        assert!(within_a_moment(only.asked_to_go()).await.is_none());

        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take().await }
        });
        tokio::task::yield_now().await;
        drop(at_work);
        assert!(within_a_moment(only.asked_to_go()).await.is_some());
        drop(only);
        assert!(within_a_moment(waiting).await.is_some());
    }
}
