//! `/healthz`: the process answers. `/readyz`: it can do its work, and wants more of it.
//!
//! Rule: both are open and say nothing but that. A server that was told to stop is not ready, so that nobody sends it more; one whose evidence cannot be read, or whose token
//! file cannot, is alive and not ready. Does not: ask a provider, so that a grid's feed that is away takes no report away.

use axum::Router;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;

use super::{Problem, Shared};

pub fn routes() -> Router<Shared> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

#[derive(OpenApi)]
#[openapi(paths(healthz, readyz))]
pub struct Doc;

#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, description = "The process answers.", content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "ok\n"
}

#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses(
    (status = 200, description = "It can answer.", content_type = "text/plain"),
    (status = 503, description = "It is stopping, or cannot read its evidence or its tokens.", body = Problem),
))]
async fn readyz(Extract(state): Extract<Shared>) -> Response {
    if state.is_stopping() {
        return Problem::unavailable("It is stopping.").into_response();
    }
    if let Err(error) = state.access.tokens_are_readable() {
        tracing::warn!("not ready: {error:#}");
        return Problem::unavailable("It cannot read its tokens. Its log says why.").into_response();
    }
    match state.downloads.index().await {
        Ok(_) => "ok\n".into_response(),
        // `index` has logged it.
        Err(problem) => problem.into_response(),
    }
}
