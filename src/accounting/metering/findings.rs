//! What was odd about a day's samples, as findings: one a code, with counts and the first names.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::counters::Tally;
use super::meters::Readings;
use crate::model::{Finding, Severity};

/// Above this average power a delta is not energy but a fault of the meter. The largest servers (eight accelerators) draw 10 to 15 kW.
pub const LARGEST_PLAUSIBLE_WATTS: f64 = 20_000.0;
/// Above this many CPU seconds a second a delta is not CPU time of one container; the largest machines have fewer threads.
pub const LARGEST_PLAUSIBLE_CPUS: f64 = 4_096.0;

/// How many names a message carries.
const NAMES_SHOWN: usize = 10;

/// The first names of a list, and how many more there are.
pub fn listed<T: Display>(names: &[T]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(ToString::to_string).collect();
    match names.len().checked_sub(NAMES_SHOWN) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// Power zones of unknown meaning.
pub fn unknown_zones(readings: &[Readings]) -> Option<Finding> {
    let unknown: Vec<&String> = readings.iter().flat_map(|readings| &readings.unknown_zones).collect();
    (!unknown.is_empty()).then(|| {
        let examined = readings.iter().map(|readings| readings.nodes.len() + readings.unknown_zones.len()).sum();
        let message = format!(
            "Power zones of unknown meaning were left out: {}. Their energy may be missing or be part of another zone; check the exporter.",
            listed(&unknown)
        );
        Finding::new("POWER_ZONE", Severity::Disclosed, message).examined(examined).failing(unknown.len())
    })
}

/// Series of meters that could not be placed on a node, by metric and scrape address.
pub fn without_node(series: &BTreeMap<String, usize>) -> Option<Finding> {
    (!series.is_empty()).then(|| {
        let names: Vec<&String> = series.keys().collect();
        let message = format!(
            "These meters could not be placed on a node and are not used: {}. Add a `node` label to their scrape, or map a management              controller by [[cluster.bmc]].",
            listed(&names)
        );
        let count = series.values().sum();
        Finding::new("METER_UNMAPPED", Severity::Disclosed, message).examined(count).failing(count)
    })
}

/// What was odd about the counters of one kind.
pub struct Oddities<'a> {
    /// `node energy`, `pod energy`, `container CPU time`.
    pub kind: &'a str,
    /// `J` or `s`.
    pub unit: &'a str,
    pub reset: Severity,
    pub decrease: Severity,
    pub tally: &'a Tally,
    /// Names of the nodes on which it happened.
    pub nodes: &'a [&'a str],
}

impl Oddities<'_> {
    pub fn findings(&self) -> Vec<Finding> {
        let Self { kind, unit, tally, .. } = self;
        let nodes = listed(self.nodes);
        let examined = tally.deltas as usize;
        let mut findings = Vec::new();
        if tally.resets > 0 {
            let unbounded = match tally.unbounded_resets {
                0 => String::new(),
                n => format!(" ({n} of them without an interval before, so without a bound)"),
            };
            let message = format!(
                "Counters of {kind} started again {} times{unbounded} on {nodes}; the new value was counted from zero, and at most {:.1} {unit} before the resets may be missing.",
                tally.resets, tally.loss_bound
            );
            findings.push(Finding::new("RESET", self.reset, message).examined(examined).failing(tally.resets as usize));
        }
        if tally.decreases > 0 {
            let message = format!(
                "Counters of {kind} fell by less than 1 % {} times without a restart on {nodes}; nothing was counted for those intervals. Check the exporter.",
                tally.decreases
            );
            findings.push(Finding::new("DECREASE", self.decrease, message).examined(examined).failing(tally.decreases as usize));
        }
        if tally.implausible > 0 {
            let message = format!(
                "{} deltas of {kind} on {nodes} were above what one machine can do (20 kW, 4,096 CPUs) and were dropped. Check the exporter.",
                tally.implausible
            );
            findings.push(Finding::new("IMPLAUSIBLE", Severity::Disclosed, message).examined(examined).failing(tally.implausible as usize));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_names_are_listed_and_of_more_how_many() {
        let names: Vec<String> = (1..=12).map(|number| format!("n{number}")).collect();
        assert_eq!(listed(&names[..2]), "n1, n2");
        assert_eq!(listed(&names[..10]), "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10");
        assert_eq!(listed(&names), "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 2 more");
    }

    #[test]
    fn each_kind_of_oddity_is_said_where_there_is_one() {
        let found = |tally: Tally| {
            let oddities = Oddities {
                kind: "node energy",
                unit: "J",
                reset: Severity::Disclosed,
                decrease: Severity::Noted,
                tally: &tally,
                nodes: &["n1"],
            };
            let findings = oddities.findings();
            findings.into_iter().map(|finding| (finding.code, finding.severity, finding.examined, finding.failing)).collect::<Vec<_>>()
        };
        let of = |tally: Tally| found(Tally { deltas: 9, ..tally });
        assert_eq!(of(Tally::default()), []);
        assert_eq!(of(Tally { resets: 2, ..Tally::default() }), [("RESET".to_owned(), Severity::Disclosed, 9, 2)]);
        assert_eq!(of(Tally { decreases: 1, ..Tally::default() }), [("DECREASE".to_owned(), Severity::Noted, 9, 1)]);
        assert_eq!(of(Tally { implausible: 3, ..Tally::default() }), [("IMPLAUSIBLE".to_owned(), Severity::Disclosed, 9, 3)]);
    }
}
