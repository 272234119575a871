//! F75: what KEDA asks, where the grid's intensity is three hours old.
//!
//! Rule: a number where there is none would start or hold back work for no reason, so an answer with one is a wrong figure, and without a finding a silent one.

use std::collections::BTreeMap;
use std::fs;

use chrono::{TimeDelta, Utc};

use super::bench::Seen;
use super::history::Truth;
use crate::serve::server::{Place, Server};

/// F75.
pub fn stale_intensity() -> Seen {
    let place = Place::new();
    // The last interval began four hours ago, and so ended three hours ago. It was clean enough for every job.
    let start = Utc::now() - TimeDelta::hours(4);
    let rows: String =
        (0..24).rev().map(|hour| format!("{},NL,20\n", (start - TimeDelta::hours(hour)).format("%Y-%m-%dT%H:00:00Z"))).collect();
    fs::write(place.path("nl.csv"), format!("ts,zone,intensity_gco2e_per_kwh\n{rows}")).unwrap();
    let server = Server::start(&place.config("[[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"nl.csv\"]"));
    let mut seen = Seen { is_as_without_fault: true, ..Seen::default() };
    let mut count = |what: &str, count: bool| {
        let of = |mj| Truth { metered_mj: mj, active_mj: BTreeMap::new() };
        seen.figures.insert(what.to_owned(), of(i64::from(count)));
        seen.truth.insert(what.to_owned(), of(1));
    };
    for query in ["", "&full=100", "&hysteresis=10", "&full=100&steps=4&hysteresis=10"] {
        let reply = server.get(&format!("/keda/allowed?zone=NL&below=200&max=10{query}"), &[]);
        let body: serde_json::Value = serde_json::from_str(&reply.text()).unwrap_or_default();
        count(&format!("503 of `{query}`"), reply.status == 503);
        count(&format!("no number in the answer to `{query}`"), body["allowed"].is_null() && body["carbonIntensity"].is_null());
        let has_reason = body["code"] == "CI_STALE" && body["detail"].as_str().is_some_and(|detail| detail.contains("ago"));
        count(&format!("the reason in the answer to `{query}`"), has_reason);
        count(&format!("when to ask again, of `{query}`"), !reply.header("retry-after").is_empty());
    }
    let metrics = server.get("/metrics", &[]).text();
    count("metric stale=1", metrics.lines().any(|line| line.trim_end_matches(".0") == "wattledger_intensity_stale{zone=\"NL\"} 1"));
    count("no intensity in the metrics", !metrics.contains("wattledger_intensity_gco2e_per_kwh{"));
    seen
}
