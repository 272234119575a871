//! The page of closed months, and the same as JSON.
//!
//! In: the index, who asks. Out: HTML that needs no script and no other server, or a list. Rule: of figures and files only those are named that the caller may have. Assumes: every string of a seal may be hostile; the template escapes all of them.
//! Does not: round; that is `figures`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use askama::Template;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::figures::{self, Figure};
use super::index::{Edition, Index, Name, scope_of};
use crate::model::{AccessScope, sha256};
use crate::reports::view::{self, grouped};
use crate::web::access::Who;

/// The report's own style, and what a list of months needs beside it.
const STYLE: &str = concat!(include_str!("../../../templates/report/style.css"), include_str!("../../../templates/web/style.css"));

/// An edition of a closed month, as programs read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedMonth {
    /// `2026-10`.
    month: String,
    edition: u32,
    /// A later edition of the month is there.
    is_replaced: bool,
    /// RFC 3339.
    sealed_at: String,
    /// `signed`, `unsigned`, `unchecked`, or `bad`, of which nothing is given.
    signature: &'static str,
    /// Of the seal.
    seal_sha256: String,
    /// As in `report.json`.
    totals: BTreeMap<String, Value>,
    files: Vec<ListedFile>,
    /// Where the bundle is, for those who may have it.
    bundle: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ListedFile {
    path: String,
    url: String,
    sha256: String,
    bytes: u64,
    /// What it takes to have it.
    scope: String,
}

pub fn list(index: &Index, who: &Who) -> Vec<ListedMonth> {
    let listed = |edition: &Edition| ListedMonth {
        month: edition.month().to_owned(),
        edition: edition.number(),
        is_replaced: edition.is_replaced,
        sealed_at: edition.sealed.seal.sealed_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        signature: edition.trust.name(),
        seal_sha256: edition.seal_sha256.clone(),
        totals: if who.may(AccessScope::Reports) { edition.sealed.seal.totals.clone() } else { BTreeMap::new() },
        files: names_for(edition, who).map(|name| listed_file(edition, name)).collect(),
        bundle: bundle_for(edition, who),
    };
    index.editions.iter().map(|edition| listed(edition)).collect()
}

fn listed_file(edition: &Edition, name: &Name) -> ListedFile {
    ListedFile {
        path: name.path.clone(),
        url: url(edition, name),
        sha256: name.sha256.clone(),
        bytes: name.bytes,
        scope: scope_of(&name.path).to_string(),
    }
}

/// Paths of a seal have letters, digits, `-`, `_` and `.` only, so they stand in a URL as they are.
fn url(edition: &Edition, name: &Name) -> String {
    format!("/closed/{}/{}/files/{}", edition.month(), edition.number(), name.path)
}

fn names_for<'a>(edition: &'a Edition, who: &'a Who) -> impl Iterator<Item = &'a Name> {
    let is_given = edition.trust.refusal().is_none();
    edition.names.iter().filter(move |name| is_given && who.may(scope_of(&name.path)))
}

fn bundle_for(edition: &Edition, who: &Who) -> Option<String> {
    let may = edition.trust.refusal().is_none() && who.may(AccessScope::Evidence);
    may.then(|| format!("/closed/{}/{}/bundle.tar.zst", edition.month(), edition.number()))
}

fn read_for(edition: &Edition, who: &Who) -> Option<String> {
    let may = edition.trust.refusal().is_none() && who.may(AccessScope::Reports) && edition.name(super::REPORT).is_some();
    may.then(|| format!("/closed/{}/{}/report", edition.month(), edition.number()))
}

#[derive(Template)]
#[template(path = "web/closed.html")]
struct Page<'a> {
    organisation: &'a str,
    /// Who is looking, where they had to say.
    name: Option<&'a str>,
    months: Vec<Month<'a>>,
    may_see_figures: bool,
    /// Something of what is there cannot be read, or does not fit together.
    has_trouble: bool,
}

/// A month by its newest edition, and those before it.
struct Month<'a> {
    name: String,
    newest: Shown<'a>,
    earlier: Vec<Shown<'a>>,
}

struct Shown<'a> {
    edition: &'a Edition,
    sealed_at: String,
    /// Of a restatement.
    reason: Option<&'a str>,
    is_stamped: bool,
    headlines: Vec<Figure>,
    figures: Vec<Figure>,
    /// Findings that were accepted by name when it was closed.
    accepted: Vec<(&'a str, &'a str)>,
    groups: Vec<Group>,
    /// Where its report is read, for those who may.
    read: Option<String>,
    seal_sha256: String,
}

/// Files that belong together.
struct Group {
    title: &'static str,
    /// Shown only when asked for: there are many, and few people want them.
    is_folded: bool,
    files: Vec<Row>,
}

struct Row {
    what: &'static str,
    path: String,
    url: String,
    size: String,
    sha256: Option<String>,
}

pub fn html(organisation: &str, index: &Index, who: &Who) -> Result<Response> {
    let mut months: Vec<Month> = Vec::new();
    for edition in &index.editions {
        let shown = shown(edition, who);
        match months.last_mut() {
            Some(month) if edition.is_replaced => month.earlier.push(shown),
            _ => months.push(Month { name: view::month_name(edition.month()), newest: shown, earlier: Vec::new() }),
        }
    }
    let name = (who.way != crate::web::access::Way::Open).then_some(who.name.as_str());
    let page = Page { organisation, name, months, may_see_figures: who.may(AccessScope::Reports), has_trouble: !index.trouble.is_empty() };
    let text = page.render().context("write the page of closed months")?;
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

fn shown<'a>(edition: &'a Edition, who: &Who) -> Shown<'a> {
    let seal = &edition.sealed.seal;
    let may_see = who.may(AccessScope::Reports) && edition.trust.refusal().is_none();
    let accepted = seal.findings.iter().filter(|finding| finding.accepted_by.is_some());
    Shown {
        edition,
        sealed_at: view::utc_minute(seal.sealed_at),
        reason: seal.replaces.as_ref().map(|replaced| replaced.reason.as_str()),
        is_stamped: edition.sealed.time_stamp.is_some(),
        headlines: if may_see { figures::headlines(&seal.totals) } else { Vec::new() },
        figures: if may_see { figures::all(&seal.totals) } else { Vec::new() },
        accepted: accepted.filter(|_| may_see).map(|finding| (finding.code.as_str(), finding.message.as_str())).collect(),
        groups: groups(edition, who),
        read: read_for(edition, who),
        seal_sha256: edition.seal_sha256.clone(),
    }
}

fn groups(edition: &Edition, who: &Who) -> Vec<Group> {
    let mut report = Group { title: "Report", is_folded: false, files: Vec::new() };
    let mut ledger = Group { title: "Hourly ledger", is_folded: false, files: Vec::new() };
    let mut audit = Group { title: "For auditors", is_folded: false, files: Vec::new() };
    let mut rest = Group { title: "Everything else that is sealed", is_folded: true, files: Vec::new() };
    if let Some(url) = bundle_for(edition, who) {
        let what = "Everything that the month rests on, with a description of how a stranger checks it";
        audit.files.push(Row { what, path: "bundle.tar.zst".to_owned(), url, size: "made when asked for".to_owned(), sha256: None });
    }
    for name in names_for(edition, who) {
        let what = what(&name.path);
        let row = Row { what, url: url(edition, name), size: size(name.bytes), sha256: Some(name.sha256.clone()), path: name.path.clone() };
        let group = match scope_of(&row.path) {
            AccessScope::Reports => &mut report,
            AccessScope::Ledger => &mut ledger,
            _ if row.what.is_empty() => &mut rest,
            _ => &mut audit,
        };
        group.files.push(row);
    }
    // What people in finance open first.
    let place = |path: &str| {
        ["report/report.html", "report/report.xlsx", "report/report.json"].iter().position(|known| *known == path).unwrap_or(3)
    };
    report.files.sort_by_key(|row| place(&row.path));
    [report, ledger, audit, rest].into_iter().filter(|group| !group.files.is_empty()).collect()
}

/// What a file is; nothing for what speaks for itself by its path.
fn what(path: &str) -> &'static str {
    match path {
        "report/report.html" => "The report, to read and to print",
        "report/report.xlsx" => "The report as a workbook",
        "report/report.json" => "The report for machines",
        "report/facts.json" => "Datapoints of the disclosure standard",
        "report/report.xhtml" => "The disclosure as Inline XBRL",
        "ledger/ledger.csv" => "Cluster, namespace, workload and hour, as CSV",
        "ledger/ledger.parquet" => "The same as Parquet",
        "restatement.json" => "What this edition says otherwise than the one before, and why",
        "manifest.json" => "The seal: every file with its SHA-256",
        "manifest.json.minisig" => "Its signature (minisign)",
        "manifest.tsr" => "Its time stamp (RFC 3161)",
        "config.toml" => "The configuration that the month was accounted with",
        _ => "",
    }
}

/// Powers of ten, as disks and mail programs count.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", view::Rounded::of(bytes.into(), 1_000, 1)),
        1_000_000..1_000_000_000 => format!("{} MB", view::Rounded::of(bytes.into(), 1_000_000, 1)),
        _ => format!("{} GB", grouped(u128::from(bytes / 1_000_000_000))),
    }
}

/// The style sheet: open, and the same until the server is another.
pub async fn style(headers: HeaderMap) -> Response {
    static TAG: LazyLock<String> = LazyLock::new(|| format!("\"{}\"", &sha256(STYLE)[..32]));
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ETAG, HeaderValue::from_str(&TAG).expect("a digest is printable")),
    ];
    match headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == TAG.as_bytes()) {
        true => (StatusCode::NOT_MODIFIED, head).into_response(),
        false => (head, STYLE).into_response(),
    }
}
