//! `/metrics`: what the server itself does, as Prometheus reads it.
//!
//! In: what routes and connections count. Out: OpenMetrics text. Rule: labels have few values: a route as it is written in the router, never a path that
//! somebody typed; no metric names a team, a month or a token. Does not: show what anybody used.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Extract;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use utoipa::OpenApi;

use super::{Problem, Shared};

const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Of requests that no route takes.
const NO_ROUTE: &str = "none";
/// Seconds: an answer from memory to a month that is read and hashed first.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
}

/// Why somebody was not let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Denied {
    pub reason: &'static str,
}

/// What a download took to have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Taken {
    pub scope: &'static str,
}

#[derive(Clone)]
pub struct Metrics {
    registry: Arc<std::sync::RwLock<Registry>>,
    requests: Family<Answered, Counter>,
    seconds: Family<ByRoute, Histogram, fn() -> Histogram>,
    pub denied: Family<Denied, Counter>,
    pub downloads: Family<Taken, Counter>,
    pub connections: Gauge,
    pub evicted: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("wattledger");
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            denied: Family::default(),
            downloads: Family::default(),
            connections: Gauge::default(),
            evicted: Counter::default(),
        };
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        registry.register("http_request_seconds", "From the last header to the first byte of the answer", metrics.seconds.clone());
        registry.register("http_denied", "Requests that were not let in", metrics.denied.clone());
        registry.register("downloads", "Downloads that were begun", metrics.downloads.clone());
        registry.register("http_connections", "Connections that are open", metrics.connections.clone());
        registry.register("http_connections_evicted", "Idle connections that made room for new ones", metrics.evicted.clone());
        Self { registry: Arc::new(std::sync::RwLock::new(registry)), ..metrics }
    }
}

impl Metrics {
    /// Adds a family's own metrics; names get the prefix `wattledger_`, and counters the suffix `_total`, by themselves.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.write().expect("nobody panics while registering"));
    }

    pub(super) fn answered(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let route = route.unwrap_or(NO_ROUTE).to_owned();
        self.seconds.get_or_create(&ByRoute { route: route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Answered { route, method: known(method), status: status.as_u16() }).inc();
    }

    fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut written = String::new();
        text::encode(&mut written, &self.registry.read().expect("nobody panics while registering"))?;
        Ok(written)
    }
}

/// Methods are words that anybody can make up.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

pub fn routes() -> Router<Shared> {
    Router::new().route("/metrics", get(metrics))
}

#[derive(OpenApi)]
#[openapi(paths(metrics))]
pub struct Doc;

#[utoipa::path(get, path = "/metrics", tag = "metrics", responses((status = 200, description = "What the server does, as OpenMetrics.", content_type = "application/openmetrics-text"), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn metrics(Extract(state): Extract<Shared>) -> Response {
    match state.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, CONTENT)], text).into_response(),
        Err(error) => {
            tracing::error!("write metrics: {error}");
            Problem::internal().into_response()
        }
    }
}
