//! F62 to F64: names that would be formulas, markup or broken characters, from a cluster's labels to every file of its report.
//!
//! The truth is that of any cluster: a name changes no figure, adds no element to a page and no formula to a workbook, and can be read back.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::bench::{Bench, Seen};
use super::corpus::{FORMULAS, MARKUP, odd_characters};
use super::history::{Cluster, DAY_S, HOUR, MINUTE, NodeReading, Pod, Random, Truth, Value, by_seed};
use crate::prometheus::Setup;
use crate::toxic::{Toxic, ToxicProxy};

const SCRAPES: i64 = 61;

/// A node, and for each name a pod of that name in a namespace of that name, made by a Job of that name, of a CronJob of that name.
fn cluster_of(names: &[String], seed: u64, name: &str) -> Cluster {
    let mut random = Random::new(seed);
    let mut cluster = Cluster::new(name);
    let times: Vec<i64> = (0..SCRAPES).map(|scrape| DAY_S + 6 * HOUR + scrape * MINUTE).collect();
    let mut node = vec![NodeReading::default(); times.len()];
    for (number, name) in names.iter().enumerate() {
        let owner = format!("run of {name}");
        let uid = format!("uid-{number}");
        let pod = Pod { node: "n1", namespace: name, name, uid: &uid, owner: ("Job", &owner) };
        let mut counter = vec![random.between(1, 1_000)];
        for _ in 1..times.len() {
            counter.push(counter[counter.len() - 1] + random.between(100, 5_000));
        }
        for (reading, used) in node.iter_mut().zip(&counter) {
            reading.active_mj += used;
            reading.total_mj += used;
        }
        cluster.truth.active_mj.insert(name.clone(), counter[counter.len() - 1] - counter[0]);
        cluster.pod_object(&pod, times.iter().copied());
        cluster.job_object(name, &owner, name, times[0], times[times.len() - 1], &times);
        cluster.pod_energy(&pod, times.iter().copied().zip(counter.into_iter().map(Value::Milli)));
    }
    for (minute, reading) in node.iter_mut().enumerate() {
        reading.idle_mj = 60_000 * minute as i64;
        reading.total_mj += reading.idle_mj;
    }
    cluster.truth = Truth { metered_mj: node[node.len() - 1].total_mj - node[0].total_mj, ..cluster.truth };
    cluster.node_object("n1", times.iter().copied());
    cluster.node_energy("n1", &times.into_iter().zip(node).collect::<Vec<_>>());
    cluster
}

/// Collects and reports three clusters with these names, and reads every file as other programs do.
fn seen_with(names: &[String]) -> (Seen, Json) {
    let bench = Bench::of(&by_seed(|seed, name| cluster_of(names, seed, name)));
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    let files = bench.artefacts("it", &mut seen);
    (seen, files)
}

fn texts(part: &Json) -> BTreeSet<&str> {
    part.as_array().unwrap().iter().filter_map(Json::as_str).collect()
}

/// Whether every name is in every file that has names, as it was.
fn demand_all_are_there(names: &[String], files: &Json, seen: &mut Seen) {
    let json = texts(&files["report.json"]["texts"]);
    let cells = texts(&files["report.xlsx"]["texts"]);
    let page = files["report.html"]["text"].as_str().unwrap();
    let table: BTreeSet<&str> = files["ledger.csv"]["rows"].as_array().unwrap().iter().flat_map(|row| texts(row)).collect();
    for name in names {
        let shown = name.escape_debug();
        let run = format!("run of {name}");
        seen.demand(json.contains(name.as_str()) && json.contains(run.as_str()), format!("`{shown}` is not in report.json"));
        seen.demand(cells.contains(name.as_str()) && cells.contains(run.as_str()), format!("`{shown}` is not in report.xlsx"));
        // In CSV a mark of text before it tells a program what it is.
        let marked = format!("'{name}");
        seen.demand(table.contains(name.as_str()) || table.contains(marked.as_str()), format!("`{shown}` is not in ledger.csv"));
        seen.demand(page.contains(&on_a_page(name)), format!("`{shown}` is not in report.html"));
    }
}

/// A page cannot hold every character: its parser turns CR into LF, and what is no character is replaced.
fn on_a_page(name: &str) -> String {
    let line_ends = name.replace("\r\n", "\n").replace('\r', "\n");
    line_ends.chars().map(|c| if is_of_a_page(c) { c } else { '\u{fffd}' }).collect()
}

fn is_of_a_page(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\t' | '\n');
    let is_none = (c as u32) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    !is_control && !is_none
}

/// No cell of the ledger is what a spreadsheet would reckon with, but numbers.
fn demand_no_formulas_in_csv(files: &Json, seen: &mut Seen) {
    let rows = files["ledger.csv"]["rows"].as_array().unwrap();
    let is_number = |text: &str| text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let is_formula = |text: &&str| {
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) && !is_number(text)
    };
    let found: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.as_array().unwrap().iter().filter_map(Json::as_str)).filter(is_formula).collect();
    seen.demand(rows.len() > 20 && found.is_empty(), format!("of {} rows of ledger.csv these cells are formulas: {found:?}", rows.len()));
}

/// Nothing but our own totals is a formula, and nothing leads out of the workbook.
fn demand_no_formulas(files: &Json, seen: &mut Seen) {
    let formulas = texts(&files["report.xlsx"]["formulas"]);
    let is_total = |formula: &&&str| {
        let inner = formula.strip_prefix("INT(").and_then(|rest| Some(rest.split_once('/')?.0)).unwrap_or(formula);
        let range = inner.strip_prefix("SUBTOTAL(109,").and_then(|rest| rest.strip_suffix(')'));
        range.is_some_and(|range| range.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b':'))
    };
    seen.demand(formulas.len() > 20, "no totals: nothing was looked at");
    for formula in formulas.iter().filter(|formula| !is_total(formula)) {
        seen.complaints.push(format!("a cell is the formula `{formula}`"));
    }
    let external = files["report.xlsx"]["external"].as_array().unwrap();
    seen.demand(external.is_empty(), format!("the workbook leads to {external:?}"));
    let parts = texts(&files["report.xlsx"]["parts"]);
    let is_active =
        |part: &&&str| ["externalLink", "vba", "macro", "embeddings", "connections", "queryTable"].iter().any(|word| part.contains(word));
    seen.demand(!parts.iter().any(|part| is_active(&part)), format!("the workbook has {parts:?}"));
}

pub fn formulas() -> Seen {
    let names: Vec<String> = FORMULAS.map(str::to_owned).into();
    let (mut seen, files) = seen_with(&names);
    demand_all_are_there(&names, &files, &mut seen);
    demand_no_formulas(&files, &mut seen);
    demand_no_formulas_in_csv(&files, &mut seen);
    seen
}

/// The page of the same cluster with plain names has the same elements with the same attributes.
pub fn markup() -> Seen {
    let names: Vec<String> = MARKUP.map(str::to_owned).into();
    let (mut seen, files) = seen_with(&names);
    demand_all_are_there(&names, &files, &mut seen);
    let plain: Vec<String> = (0..names.len()).map(|number| format!("plain-{number:02}")).collect();
    let (_, plain) = seen_with(&plain);
    for file in ["report.html", "report.xhtml"] {
        for part in ["elements", "attributes"] {
            let (found, expected) = (&files[file][part], &plain[file][part]);
            seen.demand(expected.as_object().is_some_and(|all| all.len() > 5), format!("{file} of plain names has no {part}"));
            seen.demand(found == expected, format!("{file}: {part} are {found}, and with plain names {expected}"));
        }
    }
    let errors = &files["report.html"]["errors"];
    seen.demand(errors.as_array().is_some_and(Vec::is_empty), format!("a parser has to mend the page: {errors}"));
    let elements = files["report.html"]["elements"].as_object().unwrap();
    seen.notes.push(format!("{} elements", elements.values().filter_map(Json::as_u64).sum::<u64>()));
    seen
}

/// Every file is well-formed, which its reader has found out; and a server that writes half a surrogate into an answer is refused.
pub fn odd_names() -> Seen {
    let names = odd_characters();
    let (mut seen, files) = seen_with(&names);
    demand_all_are_there(&names, &files, &mut seen);
    demand_no_formulas(&files, &mut seen);
    let errors = &files["report.html"]["errors"];
    seen.demand(errors.as_array().is_some_and(Vec::is_empty), format!("a parser has to mend the page: {errors}"));
    for complaint in half_surrogates().complaints {
        seen.complaints.push(format!("half a surrogate: {complaint}"));
    }
    seen
}

fn half_surrogates() -> Seen {
    let mut bench = Bench::of(&[cluster_of(&["SURROGATE".to_owned()], 11, "s11")]);
    bench.prometheus_keys = ", read = \"query\"";
    let server = bench.server(&Setup::default());
    let proxy = ToxicProxy::before(server.port(), |_| Toxic::Rewrite { from: "\"SURROGATE\"", to: "\"\\ud800\"" });
    let mut seen = bench.observe("it", &proxy.url());
    seen.demand(proxy.log().iter().any(|exchange| exchange.was_harmed), "no answer was harmed");
    seen.demand(!seen.refused.is_empty() && seen.figures.is_empty(), format!("it was taken: {:?}", seen.figures));
    seen
}
