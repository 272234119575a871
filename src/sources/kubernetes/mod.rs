//! A Kubernetes API server: one more source of the facts that kube-state-metrics serves as series.
//!
//! In: a kubeconfig or a pod's own account. Out: objects now (a list) or as they change (a watch), and from both the same series, by day.
//! Rule: identity is the uid; lists and watches only, of the resources of one table; what is forbidden is named. Facts leave here under the
//! names of kube-state-metrics, so that accounting knows one language. `labels`, `lease` and `config_map`
//! alone write: one label of a node, who may, and a map that is ours.
//! Does not: read secrets, or write a journal.

mod client;
mod config_map;
mod facts;
mod history;
mod labels;
mod lease;
mod object;
mod quantity;
mod recorder;
mod resources;
mod rights;
mod series;
mod watch;

#[cfg(test)]
mod capture_test;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod history_test;
#[cfg(test)]
mod recorder_test;
#[cfg(test)]
mod series_test;

use std::time::Duration;

use anyhow::Result;
use backon::{ExponentialBuilder, Retryable};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::Api;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::client::Access;
use self::client::{Fault, Served};
pub use self::config_map::ConfigMaps;
pub use self::history::{Entry, History};
pub use self::labels::{LabelledNode, NodeLabels, NodeNews, NodeWatch, NotLabelled};
pub use self::lease::{Leadership, LeaseTimes};
pub use self::object::{Detail, Object, Owner, Suspension};
pub use self::recorder::{Notice, Recorder};
pub use self::resources::{Kind, VERBS};
pub use self::series::series_of_day;
use crate::sources::{Reach, Refusal};

const RETRIES: usize = 4;
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Notices that may wait to be written.
const WAITING: usize = 1_024;

/// A cluster's API server.
pub struct Kubernetes {
    client: kube::Client,
}

/// A watch of everything; it ends when it is dropped.
pub struct Watch {
    notices: mpsc::Receiver<Notice>,
    followers: JoinSet<()>,
}

impl Kubernetes {
    /// Prepares the connection; nothing is sent yet.
    pub async fn connect(access: &Access) -> Result<Self> {
        Ok(Self { client: client::connect(access).await? })
    }

    /// Everything that is there now. The first refusal ends it: half a list would make owners of some unknown.
    pub async fn list(&self) -> Result<Vec<Object>, Refusal> {
        let mut objects = self.all::<Pod>().await?;
        objects.extend(self.all::<Job>().await?);
        objects.extend(self.all::<CronJob>().await?);
        objects.extend(self.all::<ReplicaSet>().await?);
        objects.extend(self.all::<Node>().await?);
        objects.extend(self.all::<Namespace>().await?);
        Ok(objects)
    }

    /// The nodes alone.
    pub async fn nodes(&self) -> Result<Vec<Object>, Refusal> {
        self.all::<Node>().await
    }

    async fn all<K: Served>(&self) -> Result<Vec<Object>, Refusal> {
        let api = Api::<K>::all(self.client.clone());
        patiently(|| client::list(&api), &format!("{} list", K::KIND)).await.map(|(objects, _)| objects)
    }

    /// What the account may not do of all that `list` and `watch` do; whoever wants to know before they fail asks this.
    pub async fn missing_rights(&self) -> Result<Vec<(Kind, &'static str)>, Refusal> {
        patiently(|| rights::missing(&self.client), "selfsubjectaccessreviews create").await
    }

    /// Watches everything from now on. Must be called within a runtime.
    pub fn watch(&self) -> Watch {
        let (sender, notices) = mpsc::channel(WAITING);
        let mut followers = JoinSet::new();
        followers.spawn(watch::follow::<Pod>(Api::all(self.client.clone()), sender.clone()));
        followers.spawn(watch::follow::<Job>(Api::all(self.client.clone()), sender.clone()));
        followers.spawn(watch::follow::<CronJob>(Api::all(self.client.clone()), sender.clone()));
        followers.spawn(watch::follow::<ReplicaSet>(Api::all(self.client.clone()), sender.clone()));
        followers.spawn(watch::follow::<Node>(Api::all(self.client.clone()), sender.clone()));
        followers.spawn(watch::follow::<Namespace>(Api::all(self.client.clone()), sender));
        Watch { notices, followers }
    }
}

/// Asks again what may pass by itself, a bounded number of times, no sooner than the server wants.
async fn patiently<T, F: Future<Output = Result<T, Fault>>>(ask: impl FnMut() -> F, what: &str) -> Result<T, Refusal> {
    let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(500)).with_max_times(RETRIES).with_jitter();
    let answer = ask
        .retry(pauses)
        .when(|fault| !matches!(fault, Fault::Final(_)))
        .notify(|fault, pause| tracing::debug!(?fault, ?pause, "asking again"))
        .adjust(|fault, pause| match fault {
            Fault::Passing { retry_after: Some(wanted), .. } => pause.map(|pause| pause.max((*wanted).min(LONGEST_RETRY_AFTER))),
            _ => pause,
        })
        .await;
    answer.map_err(|fault| match fault {
        Fault::Final(refusal) => refusal,
        Fault::Expired(why) | Fault::Passing { why, .. } => {
            let message = format!("the Kubernetes API did not answer after {} attempts: {what}: {why}", RETRIES + 1);
            Refusal::new("K8S_UNREACHABLE", Reach::Source, message).hint("check the address of the kubeconfig, and that the server is up")
        }
    })
}

impl Watch {
    /// The next notice; none where a follower has ended, which none does by itself: what it watched would be missed from then on.
    pub async fn next(&mut self) -> Option<Notice> {
        tokio::select! {
            biased;
            notice = self.notices.recv() => notice,
            _ = self.followers.join_next() => None,
        }
    }
}
