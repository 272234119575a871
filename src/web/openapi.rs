//! `/openapi.json`: every route with its parameters, answers and scope, for programs.
//!
//! Rule: each family describes its own routes beside them; here they are put together. It is open: it holds no data. Does not: show a page about itself.

use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Document};
use utoipa::{Modify, OpenApi};

use super::{Shared, downloads, health, metrics};

#[derive(OpenApi)]
#[openapi(
    info(title = "wattledger", description = "Closed months, and the grid's intensity for schedulers."),
    modifiers(&Credentials),
    security(("bearer" = []), ("apiKey" = []), ("basic" = [])),
)]
struct Whole;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_with(Components::new);
        let http =
            |scheme: HttpAuthScheme, words: &str| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(words)).build());
        components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer, "A token that `wattledger token new` made."));
        components.add_security_scheme("basic", http(HttpAuthScheme::Basic, "Any user name, and the token as password: for browsers."));
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    }
}

/// The whole description.
pub fn document() -> Document {
    let mut document = Whole::openapi();
    for part in [health::Doc::openapi(), metrics::Doc::openapi(), downloads::Doc::openapi()] {
        document.merge(part);
    }
    document
}

pub fn routes() -> Router<Shared> {
    // It is the same for as long as the process runs.
    let document = document();
    Router::new().route("/openapi.json", get(move || async move { Json(document) }))
}
