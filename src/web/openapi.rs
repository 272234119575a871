//! `/openapi.json`: every route with its parameters, answers and scope, for programs.
//!
//! Rule: each family describes its own routes beside them; here they are put together. It is open: it holds no data. Does not: show a page about itself.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi};

use super::problem::JSON as PROBLEM;
use super::{Shared, carbon_aware, downloads, health, intensity, keda, metrics};

const JSON: &str = "application/json";

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

/// What is said when something cannot be had is of a type of its own, whoever describes it.
fn name_problems(document: &mut Document) {
    let operations = document.paths.paths.values_mut().flat_map(|path| [&mut path.get, &mut path.post]).flatten();
    for response in operations.flat_map(|operation| operation.responses.responses.values_mut()) {
        let RefOr::T(response) = response else { continue };
        let is_problem =
            |content: &Content| matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location.ends_with("/Problem"));
        if response.content.get(JSON).is_some_and(is_problem)
            && let Some(content) = response.content.shift_remove(JSON)
        {
            response.content.insert(PROBLEM.to_owned(), content);
        }
    }
}

/// The whole description.
pub fn document() -> Document {
    let mut document = Whole::openapi();
    let parts = [
        health::Doc::openapi(),
        metrics::Doc::openapi(),
        downloads::Doc::openapi(),
        intensity::Doc::openapi(),
        carbon_aware::Doc::openapi(),
        keda::Doc::openapi(),
    ];
    for part in parts {
        document.merge(part);
    }
    name_problems(&mut document);
    document
}

pub fn routes() -> Router<Shared> {
    // It is the same for as long as the process runs.
    let document = Bytes::from(serde_json::to_vec(&document()).expect("a description is written into memory"));
    Router::new().route("/openapi.json", get(move || async move { ([(CONTENT_TYPE, JSON)], document) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_says_what_it_answers_and_problems_have_their_own_type() {
        let document = serde_json::to_value(document()).unwrap();
        let mut problems = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.contains_key("200") && operation["tags"].is_array(), "{method} {path}");
                for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                    let Some(content) = response["content"].as_object() else { continue };
                    assert_eq!(content.keys().collect::<Vec<_>>(), [PROBLEM], "{method} {path} {status}");
                    problems += 1;
                }
            }
        }
        assert!(problems > 10, "{problems}");
        assert!(
            document["components"]["schemas"]["Problem"].is_object() && document["components"]["securitySchemes"]["bearer"].is_object()
        );
    }
}
