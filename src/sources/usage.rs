//! Energy by node and pod from files.
//!
//! In: CSV with `cluster,node,ts,energy_kwh`, and `namespace,workload,pod` where a row is of a pod. Out: rows in whole millijoules. Rule: the unit is
//! in the column's name; a row that is there twice, below zero, not a number, or not at a step's start is refused with its line.
//! Assumes: `ts` is the start of the row's interval. Does not: add, split or spread.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono_tz::Tz;

use super::delimited::{open, position};
use super::intensity::file_name;
use super::local_time::{NoInstant, instant};
use super::{Reach, Refusal};
use crate::model::sha256;

const MJ_PER_KWH: f64 = 3.6e9;
/// More than any node has: 100 kW for an hour.
const HIGHEST_KW: f64 = 100.0;

#[derive(Debug, Default)]
pub struct UsageFile {
    pub name: String,
    pub sha256: String,
    pub rows: Vec<UsageRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    pub line: u64,
    pub cluster: String,
    pub node: String,
    /// None: the row is of the node's own meter.
    pub pod: Option<PodOfRow>,
    pub start_s: i64,
    pub energy_mj: i64,
    /// Of a node's row.
    pub idle_mj: Option<i64>,
    /// Of a pod's row.
    pub cpu_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodOfRow {
    pub namespace: String,
    pub workload: String,
    pub pod: String,
}

/// Reads a file whose rows last `row_s` seconds.
pub fn read_file(path: &Path, row_s: i64, time_zone: Option<Tz>) -> Result<UsageFile> {
    let bytes = std::fs::read(path).with_context(|| format!("read usage file {}", path.display()))?;
    read(&bytes, file_name(path), row_s, time_zone).with_context(|| format!("read usage file {}", path.display()))
}

fn read(bytes: &[u8], name: String, row_s: i64, time_zone: Option<Tz>) -> Result<UsageFile> {
    let (header, mut reader) = open(bytes)?;
    let column = |wanted: &str| position(&header, &[wanted]);
    let (Some(cluster), Some(node), Some(ts), Some(energy)) = (column("cluster"), column("node"), column("ts"), column("energy_kwh"))
    else {
        let message = format!("{name} has the header `{}`", header.join(","));
        let hint = "the columns are cluster,node,ts,energy_kwh and, where a row is of a pod, namespace,workload,pod";
        bail!(Refusal::new("USAGE_FORMAT", Reach::Source, message).hint(hint));
    };
    let (namespace, workload, pod) = (column("namespace"), column("workload"), column("pod"));
    let (idle, cpu, fold) = (column("idle_kwh"), column("cpu_seconds"), column("fold"));
    let mut lines: BTreeMap<(String, String, String, String, i64), u64> = BTreeMap::new();
    let mut file = UsageFile { name, sha256: sha256(bytes), rows: Vec::new() };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let refusal = |code, message: String| Refusal::new(code, Reach::Source, format!("{}, line {line}: {message}", file.name));
        let cell = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or_default();
        let amount = |column: Option<usize>, scale: f64, highest: f64| -> Result<Option<i64>, Refusal> {
            let text = cell(column);
            if text.is_empty() {
                return Ok(None);
            }
            match text.parse::<f64>() {
                Ok(value) if (0.0..=highest).contains(&value) => Ok(Some((value * scale + 0.5).floor() as i64)),
                Ok(_) => Err(refusal("USAGE_IMPLAUSIBLE", format!("`{text}` is below zero or more than a node can use in {row_s} s"))),
                Err(_) => Err(refusal("USAGE_VALUE", format!("`{text}` is not a number"))),
            }
        };
        let start_s = instant(cell(Some(ts)), cell(fold), time_zone)
            .map_err(|NoInstant { message, hint }| refusal("USAGE_AMBIGUOUS_TIME", message).hint(hint))?;
        if start_s.rem_euclid(row_s) != 0 {
            let message = format!("`{}` is not the start of an interval of {row_s} s", cell(Some(ts)));
            bail!(refusal("USAGE_STEP", message).hint("say with --step how long a row lasts; rows begin at whole multiples of it"));
        }
        if cell(Some(cluster)).is_empty() || cell(Some(node)).is_empty() {
            bail!(refusal("USAGE_NAME", "cluster or node is empty".to_owned()));
        }
        let highest_kwh = HIGHEST_KW * row_s as f64 / 3_600.0;
        let Some(energy_mj) = amount(Some(energy), MJ_PER_KWH, highest_kwh)? else {
            // What is not known is not there; zero would be a value.
            continue;
        };
        let of_pod = !cell(pod).is_empty();
        if of_pod && (cell(namespace).is_empty() || cell(workload).is_empty()) {
            bail!(refusal("USAGE_NAME", "a pod without namespace or workload".to_owned()));
        }
        let key = (cell(Some(cluster)), cell(Some(node)), cell(namespace), cell(pod));
        let key = (key.0.to_owned(), key.1.to_owned(), key.2.to_owned(), key.3.to_owned(), start_s);
        if let Some(first) = lines.insert(key, line) {
            bail!(refusal("USAGE_CONFLICT", format!("the same node, pod and time as in line {first}")));
        }
        file.rows.push(UsageRow {
            line,
            cluster: cell(Some(cluster)).to_owned(),
            node: cell(Some(node)).to_owned(),
            pod: of_pod.then(|| PodOfRow {
                namespace: cell(namespace).to_owned(),
                workload: cell(workload).to_owned(),
                pod: cell(pod).to_owned(),
            }),
            start_s,
            energy_mj,
            idle_mj: amount(idle.filter(|_| !of_pod), MJ_PER_KWH, highest_kwh)?,
            cpu_ms: amount(cpu.filter(|_| of_pod), 1e3, f64::MAX)?,
        });
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "cluster,node,ts,energy_kwh,namespace,workload,pod,idle_kwh,cpu_seconds\n";

    fn rows(lines: &str) -> Result<Vec<UsageRow>> {
        read(format!("{HEADER}{lines}").as_bytes(), "usage.csv".to_owned(), 900, None).map(|file| file.rows)
    }

    fn refused(lines: &str) -> (&'static str, String) {
        let error = rows(lines).unwrap_err();
        let refusal = error.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("not a refusal: {error:#}"));
        (refusal.code, refusal.message.clone())
    }

    #[test]
    fn kilowatt_hours_become_whole_millijoules() {
        let read =
            rows("a,n1,2026-10-01T00:00:00Z,0.05,,,,0.02,\na,n1,2026-10-01T00:00:00Z,0.025,shop,Deployment/web,web-1,,450.5\n").unwrap();

        assert_eq!((read[0].energy_mj, read[0].idle_mj, read[0].pod.is_none()), (180_000_000, Some(72_000_000), true));
        assert_eq!((read[1].energy_mj, read[1].cpu_ms, read[1].pod.as_ref().unwrap().pod.as_str()), (90_000_000, Some(450_500), "web-1"));
    }

    #[test]
    fn an_empty_energy_is_not_zero() {
        assert!(rows("a,n1,2026-10-01T00:00:00Z,,,,,,\n").unwrap().is_empty());
    }

    #[test]
    fn rows_that_cannot_be_are_refused_with_their_line() {
        let good = "a,n1,2026-10-01T00:00:00Z,0.05,,,,,\n";
        for (line, code) in [
            ("a,n1,2026-10-01T00:00:00Z,0.06,,,,,\n", "USAGE_CONFLICT"),
            ("a,n1,2026-10-01T00:15:00Z,-1,,,,,\n", "USAGE_IMPLAUSIBLE"),
            ("a,n1,2026-10-01T00:15:00Z,1000,,,,,\n", "USAGE_IMPLAUSIBLE"),
            ("a,n1,2026-10-01T00:15:00Z,much,,,,,\n", "USAGE_VALUE"),
            ("a,n1,2026-10-01T00:15:00Z,1,,,web-1,,\n", "USAGE_NAME"),
            ("a,,2026-10-01T00:15:00Z,1,,,,,\n", "USAGE_NAME"),
            ("a,n1,2026-10-01T00:07:00Z,1,,,,,\n", "USAGE_STEP"),
            ("a,n1,2026-10-01 00:15:00,1,,,,,\n", "USAGE_AMBIGUOUS_TIME"),
        ] {
            let (found, message) = refused(&format!("{good}{line}"));
            assert_eq!(found, code, "{line}");
            assert!(message.starts_with("usage.csv, line 3: "), "{message}");
        }
    }
}
