//! The server: closed months to read and take away, and what a scheduler asks about the grid.
//!
//! In: [`State`]: configuration, evidence, who may have what. Out: [`app`], a router, and [`connections`], which gives it to the network under limits.
//! Rule: every route but those of [`health`], the style sheet and the description of the API is behind a scope, put on in [`app`] and nowhere else; a URL is looked up in an index and never
//! becomes a path; what goes wrong inside is said in the log, outside only that it did. Assumes: TLS is ended before it, by a proxy or a mesh.
//! Does not: account, or change the evidence. One file or folder a family of routes.

pub mod access;
mod carbon_aware;
pub mod connections;
pub mod downloads;
mod grid;
mod health;
mod intensity;
mod keda;
mod metrics;
mod openapi;
mod params;
mod problem;
mod state;
mod surface;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

pub use self::grid::Grid;
pub use self::keda::ForecastMap;
pub use self::metrics::Metrics;
pub use self::problem::Problem;
pub use self::state::State;
use crate::model::AccessScope;

/// What every handler gets by axum's `State`.
pub type Shared = Arc<State>;

/// All routes, each family behind its scope.
pub fn app(state: Shared) -> Router {
    let behind = |scope: AccessScope, routes: Router<Shared>| {
        let guard = access::Guard { state: state.clone(), scopes: vec![scope] };
        routes.route_layer(from_fn_with_state(guard, access::require))
    };
    // Which file needs which scope is known when it is found in the index; here it is enough to have one of them.
    let downloads = access::Guard { state: state.clone(), scopes: vec![AccessScope::Reports, AccessScope::Ledger, AccessScope::Evidence] };
    Router::new()
        .merge(downloads::routes().route_layer(from_fn_with_state(downloads, access::require)))
        .merge(behind(AccessScope::Intensity, intensity::routes()))
        .merge(behind(AccessScope::Intensity, carbon_aware::routes()))
        .merge(behind(AccessScope::Scaling, keda::routes()))
        .merge(behind(AccessScope::Metrics, metrics::routes()))
        .merge(downloads::open_routes())
        .merge(health::routes())
        .merge(openapi::routes())
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn_with_state(state.clone(), surface::surface))
        .layer(from_fn(surface::harden))
        .with_state(state)
}
