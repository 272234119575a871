//! The way to an API server: credentials, one page of a list, and what to make of its errors.
//!
//! In: a kubeconfig or a pod's own account. Out: whole lists, or a [`Fault`]. Rule: every request is bounded in time; what is forbidden is named
//! by resource and verb; a list whose continuation has expired is begun anew. Does not: retry (`list` and `watch` do, each in its way).

use std::error::Error as _;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::Status;
use kube::{Client, Config};
use serde::de::DeserializeOwned;

use super::facts::Facts;
use super::object::Object;
use super::resources::Kind;
use crate::model::Hint;
use crate::sources::words::quote;
use crate::sources::{Reach, Refusal};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of one page of a list, its body included, or of the beginning of a watch.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const PAGE: u32 = 500;
/// Set in every pod.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// Where an API server is and how to be let in.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
}

/// Why there is no answer, as far as the next step depends on it.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The server no longer has that version of the list.
    Expired(String),
    /// May pass by itself.
    Passing {
        why: String,
        retry_after: Option<Duration>,
    },
    Final(Refusal),
}

/// What can be listed and watched, and has facts.
pub trait Served: Facts + kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static {}

impl<K: Facts + kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static> Served for K {}

/// Prepares the connection; nothing is sent yet. Must be called within a runtime.
pub async fn connect(access: &Access) -> Result<Client> {
    // An error means that somebody installed a provider before; there is only one in this program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let advice = "name a kubeconfig that kubectl understands: kubernetes = { kubeconfig = \"…\", context = \"…\" }";
    let mut config = config_of(access).await.map_err(|error| anyhow::Error::new(Hint::new(error, advice)))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // One place retries, and knows how often.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| match error {
        // The address of a proxy may hold its password.
        kube::Error::ProxyProtocolDisabled { proxy_url, .. } | kube::Error::ProxyProtocolUnsupported { proxy_url } => Hint::new(
            format!(
                "the Kubernetes API would be asked through the proxy {}, which the client cannot do",
                proxy_url.host().unwrap_or_default()
            ),
            "name the API server's host in the variable NO_PROXY, or leave `proxy-url` out of the kubeconfig",
        )
        .into(),
        other => anyhow::Error::new(other).context("prepare the Kubernetes client"),
    })
}

async fn config_of(access: &Access) -> Result<Config, String> {
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    let (read, what) = match &access.kubeconfig {
        Some(path) => {
            let what = format!("read kubeconfig {}", path.display());
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unusable(&what, &error))?;
            (Config::from_custom_kubeconfig(kubeconfig, &options).await, what)
        }
        None if access.context.is_none() && std::env::var_os(IN_CLUSTER).is_some() => {
            return Config::incluster().map_err(|error| sentence("read the pod's service account", &error));
        }
        None => (Config::from_kubeconfig(&options).await, "read the user's kubeconfig".to_owned()),
    };
    read.map_err(|error| unusable(&what, &error))
}

/// What is wrong with a kubeconfig. A parser shows the lines around the place, and they may hold a token: only the place is told.
fn unusable(what: &str, error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!("{what}: it is no kubeconfig at line {}, column {}", place.line(), place.column()),
            None => format!("{what}: it is no kubeconfig"),
        },
        other => sentence(what, other),
    }
}

/// An error with its innermost cause, which is the one that says something.
fn sentence(what: &str, error: &dyn std::error::Error) -> String {
    let (outer, inner) = (error.to_string(), innermost(error));
    if outer.contains(&inner) { format!("{what}: {}", quote(&outer)) } else { format!("{what}: {}: {}", quote(&outer), quote(&inner)) }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// All objects of a kind, with the version from which a watch goes on.
pub async fn list<K: Served>(api: &Api<K>) -> Result<(Vec<Object>, String), Fault> {
    match pages(api, Some(PAGE)).await {
        // As kubectl does: the list has changed too much between two pages, so it is asked for in one.
        Err(Fault::Expired(_)) => pages(api, None).await,
        answer => answer,
    }
}

async fn pages<K: Served>(api: &Api<K>, limit: Option<u32>) -> Result<(Vec<Object>, String), Fault> {
    let mut params = ListParams { limit, ..ListParams::default() };
    let mut objects = Vec::new();
    loop {
        let page = in_time(api.list(&params)).await?.map_err(|error| fault(K::KIND, "list", &error))?;
        for item in page.items {
            objects.push(item.facts().map_err(unreadable)?);
        }
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok((objects, page.metadata.resource_version.unwrap_or_default()));
        }
    }
}

pub async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, Fault> {
    let silent = |_| passing(format!("the server was silent for {} seconds", ANSWER_TIMEOUT.as_secs()));
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(silent)
}

pub fn unreadable(why: String) -> Fault {
    Fault::Final(Refusal::new("K8S_REPLY", Reach::Source, why).hint("check that the address is that of a Kubernetes API server"))
}

pub fn passing(why: impl Into<String>) -> Fault {
    Fault::Passing { why: why.into(), retry_after: None }
}

pub fn fault(kind: Kind, verb: &str, error: &kube::Error) -> Fault {
    match error {
        kube::Error::Api(status) => refused(kind, verb, status),
        kube::Error::Auth(error) => denied(kind, verb, &innermost(error)),
        other => passing(quote(&other.source().map_or_else(|| other.to_string(), innermost))),
    }
}

/// An answer other than success, also one within a watch.
pub fn refused(kind: Kind, verb: &str, status: &Status) -> Fault {
    let words = quote(&status.message);
    let final_with = |code, message: String, hint: &str| Fault::Final(Refusal::new(code, Reach::Source, message).hint(hint));
    match status.code {
        401 => denied(kind, verb, &words),
        403 => {
            let hint = "bind the role of deploy/rbac.yaml to the account, or leave `kubernetes` out and let kube-state-metrics tell";
            final_with("K8S_FORBIDDEN", format!("{kind} {verb}: {words}"), hint)
        }
        404 => final_with("K8S_REFUSED", format!("{kind} {verb}: the server does not know this resource"), "use Kubernetes 1.24 or newer"),
        410 => Fault::Expired(words),
        408 | 429 | 500..=599 => {
            let wanted = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
            let retry_after = (wanted > 0).then(|| Duration::from_secs(u64::from(wanted)));
            Fault::Passing { why: format!("status {}: {words}", status.code), retry_after }
        }
        code => final_with("K8S_REFUSED", format!("{kind} {verb}: status {code}: {words}"), "the server's log says more"),
    }
}

fn denied(kind: Kind, verb: &str, words: &str) -> Fault {
    let hint = "check the credentials of the kubeconfig, or the token of the service account";
    Fault::Final(Refusal::new("K8S_DENIED", Reach::Source, format!("{kind} {verb}: {}", quote(words))).hint(hint))
}
