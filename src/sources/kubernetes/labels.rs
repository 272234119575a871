//! Labels of nodes: read, watched, and one of them written.
//!
//! In: an API server. Out: each node's labels, as they change; a label applied as one field of an own field manager. Rule: server-side apply without force, so that
//! a label that somebody else set stays theirs, and nothing but the one label is ever named; a watch that breaks goes on, and lists anew where it has to.
//! Does not: decide which label a node gets, or create, cordon or delete one.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use futures_util::{FutureExt, TryStreamExt};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams, PartialObjectMeta, Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::{self, Access, Fault};
use super::resources::Kind;
use crate::sources::words::quote;
use crate::sources::{Reach, Refusal};

const PAGE: u32 = 500;
/// A conflict of two writers at one moment is over the next.
const TRIES: usize = 3;
/// The server's word for a field that another manager has.
const FOREIGN: &str = "FieldManagerConflict";

type Meta = PartialObjectMeta<Node>;

/// A node as far as labelling goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledNode {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// The object's version, where it is a number: a later one is larger.
    pub version: Option<u64>,
}

impl LabelledNode {
    fn of(node: &Meta) -> Self {
        Self { name: node.name_any(), labels: node.labels().clone(), version: version(node) }
    }
}

/// Why a label was not written.
#[derive(Clone, Debug)]
pub enum NotLabelled {
    /// Another field manager has it: it stays theirs.
    Foreign(String),
    /// The node is gone.
    Gone,
    /// May pass by itself.
    Passing(String),
    Final(Refusal),
}

/// Reads and writes labels of the nodes of one cluster.
#[derive(Clone)]
pub struct NodeLabels {
    client: Client,
    manager: &'static str,
}

impl NodeLabels {
    /// Prepares the connection; nothing is sent yet. `manager` is who the labels belong to.
    pub async fn connect(access: &Access, manager: &'static str) -> Result<Self> {
        Ok(Self { client: client::connect(access).await?, manager })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    fn api(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    /// All nodes, sorted by name.
    pub async fn list(&self) -> Result<Vec<LabelledNode>, Refusal> {
        let mut nodes = super::patiently(|| self.pages(), "nodes list").await?;
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    async fn pages(&self) -> Result<Vec<LabelledNode>, Fault> {
        let (api, mut params) = (self.api(), ListParams { limit: Some(PAGE), ..ListParams::default() });
        let mut nodes = Vec::new();
        loop {
            let page = client::in_time(api.list_metadata(&params)).await?.map_err(|error| client::fault(Kind::Node, "list", &error))?;
            nodes.extend(page.items.iter().map(LabelledNode::of));
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                return Ok(nodes);
            }
        }
    }

    /// Watches all nodes from now on. Must be called within a runtime.
    pub fn watch(&self) -> NodeWatch {
        let (sender, news) = mpsc::channel(WAITING);
        let (store, writer) = reflector::store();
        let mut follower = JoinSet::new();
        follower.spawn(follow(Api::all(self.client.clone()), writer, sender));
        NodeWatch { store, news, follower }
    }

    /// Writes one label of one node. Gives back the version that the node has then.
    pub async fn apply(&self, node: &str, label: &str, value: &str) -> Result<Option<u64>, NotLabelled> {
        let object = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": node, "labels": { label: value } } });
        let params = PatchParams::apply(self.manager);
        let mut last = String::new();
        for _ in 0..TRIES {
            let answer = client::in_time(async { self.api().patch_metadata(node, &params, &Patch::Apply(&object)).await }).await;
            let error = match answer {
                Ok(Ok(node)) => return Ok(version(&node)),
                Ok(Err(error)) => error,
                Err(Fault::Passing { why, .. } | Fault::Expired(why)) => return Err(NotLabelled::Passing(why)),
                Err(Fault::Final(refusal)) => return Err(NotLabelled::Final(refusal)),
            };
            match &error {
                kube::Error::Api(status) if status.code == 404 => return Err(NotLabelled::Gone),
                kube::Error::Api(status) if status.code == 409 => {
                    let causes = status.details.iter().flat_map(|details| &details.causes);
                    if causes.map(|cause| cause.reason.as_str()).any(|reason| reason == FOREIGN) {
                        return Err(NotLabelled::Foreign(quote(&status.message)));
                    }
                    last = quote(&status.message);
                }
                error => {
                    return Err(match client::fault(Kind::Node, "patch", error) {
                        Fault::Passing { why, .. } | Fault::Expired(why) => NotLabelled::Passing(why),
                        Fault::Final(refusal) => NotLabelled::Final(labelling(refusal)),
                    });
                }
            }
        }
        Err(NotLabelled::Passing(format!("status 409: {last}")))
    }
}

/// What is forbidden to a labeller is in a role of its own.
fn labelling(refusal: Refusal) -> Refusal {
    match refusal.code {
        "K8S_FORBIDDEN" => {
            refusal.hint("bind the role of deploy/label to the account; its admission policy allows the one label and nothing else")
        }
        _ => refusal,
    }
}

/// Notices that may wait; where there are more, one of them is enough.
const WAITING: usize = 16;

/// What a watch of nodes tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeNews {
    /// There are other nodes, or others of their labels.
    Changed,
    /// The watch broke; it is taken up again.
    Lost(String),
}

/// A watch of all nodes; it ends when it is dropped.
pub struct NodeWatch {
    store: reflector::Store<Meta>,
    news: mpsc::Receiver<NodeNews>,
    follower: JoinSet<()>,
}

impl NodeWatch {
    /// Waits until all nodes were listed once.
    pub async fn ready(&self) -> Result<(), Refusal> {
        let broken =
            |_| Refusal::new("K8S_UNREACHABLE", Reach::Source, "the watch of nodes ended by itself; it is a defect of the software");
        self.store.wait_until_ready().await.map_err(broken)
    }

    /// Whether they were.
    pub fn is_ready(&self) -> bool {
        self.store.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok())
    }

    /// All nodes as they were last heard of, sorted by name.
    pub fn nodes(&self) -> Vec<LabelledNode> {
        let mut nodes: Vec<LabelledNode> = self.store.state().iter().map(|node| LabelledNode::of(node)).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }

    /// The next notice; none where the follower has ended, which it does not by itself.
    pub async fn next(&mut self) -> Option<NodeNews> {
        tokio::select! {
            biased;
            news = self.news.recv() => news,
            _ = self.follower.join_next() => None,
        }
    }
}

async fn follow(api: Api<Meta>, writer: reflector::store::Writer<Meta>, news: mpsc::Sender<NodeNews>) {
    // Heartbeats change a node every few minutes, and thousands of nodes every second; only labels are news.
    let mut seen: HashMap<String, u64> = HashMap::new();
    let stream = watcher::watcher(api, watcher::Config::default()).default_backoff().modify(|node| {
        node.managed_fields_mut().clear();
        node.annotations_mut().clear();
    });
    let mut events = std::pin::pin!(stream.reflect(writer));
    loop {
        let news_of = match events.try_next().await {
            Ok(None) => return,
            Ok(Some(Event::Init)) => {
                seen.clear();
                None
            }
            Ok(Some(Event::InitApply(node))) => {
                seen.insert(node.name_any(), digest(&node));
                None
            }
            Ok(Some(Event::InitDone)) => Some(NodeNews::Changed),
            Ok(Some(Event::Apply(node))) => {
                let digest = digest(&node);
                (seen.insert(node.name_any(), digest) != Some(digest)).then_some(NodeNews::Changed)
            }
            Ok(Some(Event::Delete(node))) => {
                seen.remove(&node.name_any());
                None
            }
            Err(error) => Some(NodeNews::Lost(why(&error))),
        };
        if let Some(news_of) = news_of
            && let Err(mpsc::error::TrySendError::Closed(_)) = news.try_send(news_of)
        {
            return;
        }
    }
}

fn why(error: &watcher::Error) -> String {
    let fault = match error {
        watcher::Error::InitialListFailed(error) => client::fault(Kind::Node, "list", error),
        watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => client::fault(Kind::Node, "watch", error),
        watcher::Error::WatchError(status) => client::refused(Kind::Node, "watch", status),
        watcher::Error::NoResourceVersion => client::passing("the server gives no version of its list"),
    };
    match fault {
        Fault::Expired(why) | Fault::Passing { why, .. } => why,
        Fault::Final(refusal) => refusal.to_string(),
    }
}

fn digest(node: &Meta) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.labels().hash(&mut hasher);
    hasher.finish()
}

fn version(node: &Meta) -> Option<u64> {
    node.resource_version()?.parse().ok()
}
