//! Closed months, to look at and to take away.
//!
//! In: the evidence. Out: a page, and the files that seals name. Rule: month, edition and file of a URL are looked up in the [`index`] and never become a path; a file's bytes are held against
//! the SHA-256 of its seal before the first of them leaves; of a month whose seal is not signed as the configuration says nothing is given; a download that cannot be written down is not
//! given either. Assumes: whoever has a scope may have it for every month. Does not: make reports.

mod answer;
mod figures;
mod index;
mod log;
mod page;
mod spool;

use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Extension, Path, State as Extract};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::Method;
use tokio::sync::Semaphore;
use utoipa::OpenApi;

use self::answer::{Content, Kind, Shown};
use self::index::{Catalogue, Edition, Index, Name};
use self::log::Log;
pub use self::spool::MakeBundle;
use self::spool::Spool;
use super::access::Who;
use super::{Problem, Shared};
use crate::config::Serve;
use crate::evidence::closed::Unreadable;
use crate::evidence::{PublicKey, Spooled, Store};
use crate::model::AccessScope;

/// Larger files are copied to disk while they are checked.
const LARGEST_IN_MEMORY: u64 = 4 * 1024 * 1024;
/// How much of smaller ones may be in memory at once, in KiB.
const MEMORY_KIB: u32 = 64 * 1024;
const REPORT: &str = "report/report.html";
const READING_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// What the family keeps between requests.
pub struct Downloads {
    store: Store,
    catalogue: Arc<Catalogue>,
    bundle: MakeBundle,
    spool: Spool,
    log: Arc<Log>,
    memory: Arc<Semaphore>,
}

impl Downloads {
    pub fn new(store: Store, key: Option<PublicKey>, bundle: MakeBundle, serve: &Serve) -> Result<Self> {
        Ok(Self {
            catalogue: Arc::new(Catalogue::new(store.clone(), key)),
            bundle,
            spool: Spool::in_folder(serve.spool.clone().unwrap_or_else(std::env::temp_dir)),
            log: Arc::new(Log::open(serve.downloads_log.as_deref())?),
            memory: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
            store,
        })
    }

    /// What there is. An error is in the log.
    pub async fn index(&self) -> Result<Arc<Index>, Problem> {
        let catalogue = Arc::clone(&self.catalogue);
        let index = tokio::task::spawn_blocking(move || catalogue.index()).await;
        match index {
            Ok(Ok(index)) => Ok(index),
            Ok(Err(error)) => {
                tracing::error!("look for closed months: {error:#}");
                Err(Problem::unavailable("The evidence cannot be read. The server's log says why.").retry_after(30))
            }
            Err(error) => {
                tracing::error!("look for closed months: {error}");
                Err(Problem::internal())
            }
        }
    }

    /// An edition of which files may be given.
    async fn edition(&self, month: &str, number: &str) -> Result<Arc<Edition>, Problem> {
        let index = self.index().await?;
        let edition = index.find(month, number).ok_or_else(Problem::not_found)?;
        match edition.trust.refusal() {
            Some(code) => Err(Problem::new(
                http::StatusCode::CONFLICT,
                "This month is not as it was sealed, so nothing of it is given. The server's log says what is wrong.",
            )
            .code(code)),
            None => Ok(edition),
        }
    }

    /// The bytes of a file, checked.
    async fn read(&self, edition: &Arc<Edition>, name: &Name) -> Result<Content, Problem> {
        if let Some(bytes) = edition.own_file(name) {
            return Ok(Content::memory(bytes, None));
        }
        let (store, from, path) = (self.store.clone(), Arc::clone(edition), name.path.clone());
        let what = format!("read {path} of {} edition {}", edition.month(), edition.number());
        if name.bytes > LARGEST_IN_MEMORY {
            let made = self.spool.get(&name.sha256, what, move |out| store.copy_closed(&from.sealed, &path, out)).await?;
            return Ok(Content::file(made));
        }
        let kib = u32::try_from(name.bytes.div_ceil(1024)).unwrap_or(MEMORY_KIB).clamp(1, MEMORY_KIB);
        let permit = Arc::clone(&self.memory).acquire_many_owned(kib).await.map_err(|_| Problem::internal())?;
        match tokio::task::spawn_blocking(move || store.read_closed(&from.sealed, &path)).await {
            Ok(Ok(bytes)) => Ok(Content::memory(bytes.into(), Some(permit))),
            Ok(Err(error)) => {
                tracing::error!("{what}: {error:#}");
                Err(changed(&error))
            }
            Err(error) => {
                tracing::error!("{what}: {error}");
                Err(Problem::internal())
            }
        }
    }

    /// The bundle of an edition.
    async fn bundle(&self, edition: &Arc<Edition>) -> Result<Arc<Spooled>, Problem> {
        let (store, from, make) = (self.store.clone(), Arc::clone(edition), Arc::clone(&self.bundle));
        let what = format!("put the bundle of {} edition {} together", edition.month(), edition.number());
        let key = format!("bundle of {}", edition.seal_sha256);
        self.spool.get(&key, what, move |out| make(&store, &from.sealed, out)).await
    }
}

/// What strangers are told of an error in reading what was sealed.
fn changed(error: &anyhow::Error) -> Problem {
    match error.downcast_ref::<Unreadable>() {
        Some(unreadable) => {
            let detail = "This is not as it was sealed, so it is not given. The server's log says what is wrong.";
            Problem::new(http::StatusCode::CONFLICT, detail).code(unreadable.code)
        }
        None => Problem::internal(),
    }
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/closed") }))
        .route("/closed", get(page))
        .route("/closed.json", get(list))
        .route("/closed/{month}/{edition}/files/{*path}", get(file))
        .route("/closed/{month}/{edition}/report", get(read))
        .route("/closed/{month}/{edition}/bundle.tar.zst", get(whole))
}

/// Open: the style of the page, without which a refusal would look like another server's.
pub fn open_routes() -> Router<Shared> {
    Router::new().route("/style.css", get(page::style))
}

#[derive(OpenApi)]
#[openapi(paths(page, list, file, read, whole), components(schemas(page::ListedMonth)))]
pub struct Doc;

/// The page of closed months.
#[utoipa::path(get, path = "/closed", tag = "downloads", responses(
    (status = 200, description = "Closed months with their figures, and the files that the caller may have. Scope: reports, ledger or evidence.", content_type = "text/html"),
    (status = 401, body = Problem), (status = 403, body = Problem),
))]
async fn page(Extract(state): Extract<Shared>, Extension(who): Extension<Arc<Who>>) -> Result<Response, Problem> {
    let index = state.downloads.index().await?;
    page::html(&state.config.organisation, &index, &who).map_err(|error| {
        tracing::error!("write the page: {error:#}");
        Problem::internal()
    })
}

/// The same for programs.
#[utoipa::path(get, path = "/closed.json", tag = "downloads", responses(
    (status = 200, description = "Closed months, the newest first, with the files that the caller may have. Scope: reports, ledger or evidence.", body = [page::ListedMonth]),
    (status = 401, body = Problem), (status = 403, body = Problem),
))]
async fn list(Extract(state): Extract<Shared>, Extension(who): Extension<Arc<Who>>) -> Result<Response, Problem> {
    let index = state.downloads.index().await?;
    Ok(Json(page::list(&index, &who)).into_response())
}

/// A file of a closed month.
#[utoipa::path(get, path = "/closed/{month}/{edition}/files/{path}", tag = "downloads",
    params(("month" = String, Path, example = "2026-10"), ("edition" = u32, Path, description = "1 is the close, what is above it a restatement."), ("path" = String, Path, description = "As /closed.json lists it.", example = "report/report.xlsx")),
    responses(
        (status = 200, description = "The file, held against its SHA-256, which is its ETag. Scope: reports for report/ and restatement.json, ledger for ledger/, else evidence.", content_type = "application/octet-stream"),
        (status = 206, description = "The range that was asked for."), (status = 304, description = "It is the one that the caller has."),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "It is not what was sealed; nothing is given.", body = Problem), (status = 416, description = "There is nothing in that range."),
))]
async fn file(
    Extract(state): Extract<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Path((month, edition, path)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    give_file(&state, &who, (&month, &edition, &path), &method, &headers, Shown::Saved).await
}

/// The report of a closed month, to be read in the browser.
#[utoipa::path(get, path = "/closed/{month}/{edition}/report", tag = "downloads",
    params(("month" = String, Path, example = "2026-10"), ("edition" = u32, Path)),
    responses(
        (status = 200, description = "report/report.html, shown in the browser and not saved. Scope: reports.", content_type = "text/html"),
        (status = 304, description = "It is the one that the caller has."),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "It is not what was sealed; nothing is given.", body = Problem),
    ))]
async fn read(
    Extract(state): Extract<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Path((month, edition)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut response = give_file(&state, &who, (&month, &edition, REPORT), &method, &headers, Shown::Read).await?;
    // Its style is in it. Whatever else were in it could do nothing.
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(READING_POLICY));
    Ok(response)
}

async fn give_file(
    state: &Shared,
    who: &Arc<Who>,
    (month, edition, path): (&str, &str, &str),
    method: &Method,
    headers: &HeaderMap,
    shown: Shown,
) -> Result<Response, Problem> {
    // Before anything is looked up: what is not there and what may not be had differ for nobody who may not have it.
    if !who.may(index::scope_of(path)) {
        return Err(Problem::forbidden());
    }
    let edition = state.downloads.edition(month, edition).await?;
    let name = edition.name(path).ok_or_else(Problem::not_found)?;
    let kind = Kind::of(name, &edition, shown);
    if let Some(response) = answer::unchanged(&kind, headers) {
        return Ok(response);
    }
    let content = state.downloads.read(&edition, name).await?;
    answer::give(content, &kind, who, method, headers, state).await
}

/// The bundle that `wattledger export` writes.
#[utoipa::path(get, path = "/closed/{month}/{edition}/bundle.tar.zst", tag = "downloads",
    params(("month" = String, Path, example = "2026-10"), ("edition" = u32, Path)),
    responses(
        (status = 200, description = "Everything that the month rests on. Scope: evidence.", content_type = "application/zstd"),
        (status = 206, description = "The range that was asked for."), (status = 304, description = "It is the one that the caller has."),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "Something of it is not what was sealed; nothing is given.", body = Problem),
        (status = 503, description = "It is being put together; ask again after Retry-After seconds.", body = Problem),
))]
async fn whole(
    Extract(state): Extract<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Path((month, edition)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !who.may(AccessScope::Evidence) {
        return Err(Problem::forbidden());
    }
    let edition = state.downloads.edition(&month, &edition).await?;
    let made = state.downloads.bundle(&edition).await?;
    let kind = Kind::of_bundle(&made, &edition);
    if let Some(response) = answer::unchanged(&kind, &headers) {
        return Ok(response);
    }
    answer::give(Content::file(made), &kind, &who, &method, &headers, &state).await
}
