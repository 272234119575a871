//! Which of several processes acts: the holder of a Lease (`coordination.k8s.io`).
//!
//! In: an API server, the lease's name, who we are. Out: whether we lead, and until when that is certain. Rule: as `client-go` does it. A lease is taken where nobody
//! holds it or its holder has not renewed it for its duration, counted on our own clock from when we saw it change, so that clocks of machines need not agree; it is
//! written with the version that was read, so that of two takers one succeeds; a leader that cannot renew stops before another may begin.
//! Does not: guarantee that what was sent before the end does not arrive after it: what leaders do has to bear being done twice.

use std::time::{Duration, Instant};

use chrono::Utc;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client;
use super::labels::NodeLabels;
use crate::sources::words::quote;

/// How long a lease holds and how often it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTimes {
    /// Nobody takes it from its holder sooner after a renewal.
    pub duration: Duration,
    /// A holder who could not renew for so long no longer acts.
    pub renew_within: Duration,
    pub look_every: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self { duration: Duration::from_secs(30), renew_within: Duration::from_secs(20), look_every: Duration::from_secs(5) }
    }
}

/// Whether we lead; the candidacy ends when it is dropped, the lease then runs out by itself.
pub struct Leadership {
    until: watch::Receiver<Option<Instant>>,
    /// What `changed` last told.
    told: bool,
    candidate: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Leadership {
    /// Begins to run for the lease. Must be called within a runtime.
    pub fn run_for(labels: &NodeLabels, name: &str, identity: String, times: LeaseTimes) -> Self {
        let client = labels.client().clone();
        let (sender, until) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let candidate =
            Candidate { api: Api::default_namespaced(client), name: name.to_owned(), identity, times, seen: None, until: sender };
        let mut candidates = JoinSet::new();
        candidates.spawn(candidate.run(stopped));
        Self { until, told: false, candidate: candidates, stop }
    }

    pub fn is_leader(&self) -> bool {
        self.until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until that is otherwise than when this was last told, or than at the beginning, when nobody leads.
    pub async fn changed(&mut self) {
        loop {
            let leads = self.is_leader();
            if leads != self.told {
                self.told = leads;
                return;
            }
            // Every renewal moves the end; whoever asked is told of none of them.
            let until = *self.until.borrow_and_update();
            let expiry = async {
                match until.filter(|until| *until > Instant::now()) {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.until.changed() => if changed.is_err() { std::future::pending::<()>().await },
                () = expiry => {}
            }
        }
    }

    /// Gives the lease back, so that the next one need not wait for it to run out.
    pub async fn give_back(mut self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(Duration::from_secs(5), self.candidate.join_next()).await;
    }
}

struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    times: LeaseTimes,
    /// The lease's version, and since when we have known it.
    seen: Option<(String, Instant)>,
    until: watch::Sender<Option<Instant>>,
}

impl Candidate {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let asked = Instant::now();
            match self.look(asked).await {
                // Counted from before the question: the answer took its time.
                Ok(true) => drop(self.until.send(Some(asked + self.times.renew_within))),
                Ok(false) => drop(self.until.send(None)),
                // What was certain before stays so until its time is over.
                Err(why) => tracing::warn!(lease = self.name, why, "the lease could not be looked at"),
            }
            tokio::select! {
                _ = stopped.changed() => break,
                () = tokio::time::sleep(self.times.look_every) => {}
            }
        }
        let led = self.until.borrow().is_some();
        let _ = self.until.send(None);
        if led && let Err(why) = self.let_go().await {
            tracing::warn!(lease = self.name, why, "the lease could not be given back; it runs out by itself");
        }
    }

    /// Whether the lease is ours now: renewed, or taken.
    async fn look(&mut self, now: Instant) -> Result<bool, String> {
        let found = client::in_time(self.api.get_opt(&self.name)).await.map_err(fault)?.map_err(|error| words(&error))?;
        let Some(mut lease) = found else {
            let mut lease = Lease { spec: Some(self.spec(None)), ..Lease::default() };
            lease.metadata.name = Some(self.name.clone());
            return match client::in_time(self.api.create(&PostParams::default(), &lease)).await.map_err(fault)? {
                Ok(_) => Ok(true),
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
                Err(error) => Err(words(&error)),
            };
        };
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if holder != self.identity && !holder.is_empty() {
            let since = match &self.seen {
                Some((known, since)) if *known == version => *since,
                _ => {
                    self.seen = Some((version, now));
                    now
                }
            };
            let held_for =
                Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0)).max(self.times.duration);
            if now < since + held_for {
                return Ok(false);
            }
        }
        lease.spec = Some(self.spec(Some(&spec)));
        match client::in_time(self.api.replace(&self.name, &PostParams::default(), &lease)).await.map_err(fault)? {
            Ok(_) => Ok(true),
            // Somebody else was faster; the next look says who.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(words(&error)),
        }
    }

    async fn let_go(&self) -> Result<(), String> {
        let found = client::in_time(self.api.get_opt(&self.name)).await.map_err(fault)?.map_err(|error| words(&error))?;
        let Some(mut lease) = found else { return Ok(()) };
        let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity)) else { return Ok(()) };
        spec.holder_identity = None;
        client::in_time(self.api.replace(&self.name, &PostParams::default(), &lease))
            .await
            .map_err(fault)?
            .map_err(|error| words(&error))?;
        Ok(())
    }

    /// The lease as ours, renewed now.
    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = Timestamp::from_microsecond(Utc::now().timestamp_micros()).ok().map(MicroTime);
        let is_ours = before.is_some_and(|before| before.holder_identity.as_ref() == Some(&self.identity));
        let transitions = before.and_then(|before| before.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.times.duration.as_secs().max(1)).ok(),
            acquire_time: if is_ours { before.and_then(|before| before.acquire_time.clone()) } else { now.clone() },
            renew_time: now,
            lease_transitions: Some(if is_ours || before.is_none() { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }
}

fn words(error: &kube::Error) -> String {
    quote(&error.to_string())
}

fn fault(fault: client::Fault) -> String {
    match fault {
        client::Fault::Expired(why) | client::Fault::Passing { why, .. } => why,
        client::Fault::Final(refusal) => refusal.to_string(),
    }
}
