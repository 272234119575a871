//! Who pays: the cost centre of each namespace, day by day.
//!
//! In: the table of namespaces of each cluster-day, and the label that names the cost centre. Out: [`CostCentres`]. Rule: a namespace belongs to what its label
//! said last on the UTC day; one without the label, or of which nothing was seen on the day, is `(unlabelled)`, and its energy is not spread over others.
//! Assumes: a Kubernetes label cannot begin with a parenthesis, so a value that does is nobody's name. Does not: sum.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use polars::prelude::DataFrame;

use super::frames::texts;
use crate::model::{Name, Names, RenamedLabels, UNLABELLED};
use crate::units::UtcDay;

/// What the month knows of a cluster's namespaces.
#[derive(Clone, Debug, Default)]
pub struct CostCentres {
    /// Days with evidence.
    days: BTreeSet<UtcDay>,
    /// By namespace: the days on which it was labelled.
    namespaces: BTreeMap<String, BTreeMap<UtcDay, Name>>,
    names: Names,
}

impl CostCentres {
    /// Takes in a day; none where no namespace of it had any label.
    pub fn add_day(&mut self, label: &str, day: UtcDay, namespaces: Option<&DataFrame>) -> Result<()> {
        self.days.insert(day);
        let Some(frame) = namespaces else { return Ok(()) };
        for (namespace, labels) in texts(frame, "namespace")?.into_iter().zip(texts(frame, "labels")?) {
            let (Some(namespace), Some(labels)) = (namespace, labels) else { continue };
            let labels: BTreeMap<String, String> =
                serde_json::from_str(&labels).with_context(|| format!("labels of namespace {namespace}"))?;
            let labels = RenamedLabels::of(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            if let Some(value) = labels.get(label).filter(|value| !value.is_empty() && !value.starts_with('(')) {
                let name = self.names.of(value);
                self.namespaces.entry(namespace).or_default().insert(day, name);
            }
        }
        Ok(())
    }

    /// The cost centre of a namespace on a day.
    pub fn of(&self, namespace: &str, day: UtcDay) -> &str {
        self.namespaces.get(namespace).and_then(|days| days.get(&day)).map_or(UNLABELLED, |name| name)
    }

    /// The only cost centre that a namespace had in the month; none where it had several.
    pub fn only(&self, namespace: &str) -> Option<&str> {
        let Some(days) = self.namespaces.get(namespace) else { return Some(UNLABELLED) };
        let (_, first) = days.first_key_value()?;
        (days.len() == self.days.len() && days.values().all(|name| name == first)).then_some(first)
    }

    /// The last that it had, for what belongs to no day of it.
    pub fn last(&self, namespace: &str) -> &str {
        self.namespaces.get(namespace).and_then(BTreeMap::last_key_value).map_or(UNLABELLED, |(_, name)| name)
    }

    /// Whether any namespace was labelled on any day.
    pub fn is_used(&self) -> bool {
        !self.namespaces.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    fn day(number: u32) -> UtcDay {
        format!("2026-10-{number:02}").parse().unwrap()
    }

    fn labelled(rows: &[(&str, &str)]) -> DataFrame {
        df!["namespace" => rows.iter().map(|row| row.0).collect::<Vec<_>>(), "labels" => rows.iter().map(|row| row.1).collect::<Vec<_>>()]
            .unwrap()
    }

    #[test]
    fn a_label_that_changes_holds_from_its_day_on_and_a_day_without_it_is_unlabelled() {
        let mut centres = CostCentres::default();
        let (old, new) = (r#"{"example_com_cost_centre":"4711","team":"a"}"#, r#"{"example_com_cost_centre":"0815"}"#);
        let add = |centres: &mut CostCentres, number, rows: Option<&[(&str, &str)]>| {
            centres.add_day("example.com/cost-centre", day(number), rows.map(labelled).as_ref()).unwrap();
        };
        add(&mut centres, 1, Some(&[("shop", old), ("blog", new), ("trial", r#"{"team":"b"}"#)]));
        add(&mut centres, 2, Some(&[("shop", old), ("blog", new), ("trial", r#"{"example_com_cost_centre":"(idle)"}"#)]));
        assert!(centres.is_used());
        assert_eq!(
            ["shop", "blog", "trial", "other"].map(|name| centres.only(name)),
            [Some("4711"), Some("0815"), Some(UNLABELLED), Some(UNLABELLED)]
        );

        add(&mut centres, 3, Some(&[("shop", new), ("blog", new)]));
        assert_eq!(["shop", "blog"].map(|name| centres.only(name)), [None, Some("0815")]);
        add(&mut centres, 4, None);
        assert_eq!((centres.only("blog"), centres.last("blog"), centres.last("other")), (None, "0815", UNLABELLED));
        assert_eq!([1, 2, 3, 4].map(|number| centres.of("shop", day(number))), ["4711", "4711", "0815", UNLABELLED]);
    }

    #[test]
    fn evidence_without_the_table_has_no_cost_centres() {
        let mut centres = CostCentres::default();
        centres.add_day("cost-centre", day(1), None).unwrap();

        assert!(!centres.is_used());
        assert_eq!((centres.of("shop", day(1)), centres.only("shop")), (UNLABELLED, Some(UNLABELLED)));
    }
}
