//! Which nodes get another label.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::plan::{Held, LABEL, Write, plan};
use crate::config::Config;
use crate::evidence::Store;
use crate::model::IntensitySeries;
use crate::outlook::{Ask, Level, Outlook};
use crate::sources::kubernetes::LabelledNode;

const NOW: &str = "2026-10-05T11:20:00Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A cluster in NL with a pool in FR.
fn config(folder: &Path) -> Config {
    let text = r#"
        [organisation]
        name = "Example BV"
        time_zone = "Europe/Amsterdam"
        [[cluster]]
        name = "prod-nl"
        boundary = "owned"
        grid_zone = "NL"
        pue = 1.2
        kubernetes = {}
        [[cluster.pool]]
        selector = { "wattledger.io/site" = "par1" }
        grid_zone = "FR"
    "#;
    Config::from_bytes(text.as_bytes(), &folder.join("wattledger.toml")).unwrap()
}

/// What the evidence says of the hour of [`NOW`].
fn outlook(folder: &Path, config: &Config, values: &[(&str, f64)]) -> Outlook {
    let store = Store::new(folder.join("evidence"));
    for (zone, value) in values {
        let start_s = at("2026-10-05T11:00:00Z").timestamp();
        let series = IntensitySeries {
            zone: (*zone).to_owned(),
            provider: "files".to_owned(),
            edition: "a".to_owned(),
            start_s: vec![start_s],
            end_s: vec![start_s + 3_600],
            direct_gco2e_per_kwh: vec![Some(*value)],
            lifecycle_gco2e_per_kwh: vec![None],
            is_estimated: vec![false],
            estimation_method: vec![String::new()],
            ..IntensitySeries::default()
        };
        store.write_intensity(&series).unwrap();
    }
    let outlook = Outlook::new(config, store, Ask::Nobody, &[]);
    outlook.refresh(at(NOW)).unwrap();
    outlook
}

fn node(name: &str, labels: &[(&str, &str)]) -> LabelledNode {
    LabelledNode {
        name: name.to_owned(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        version: Some(1),
    }
}

fn write(node: &str, zone: &str, before: Option<&str>, level: Level) -> Write {
    Write { node: node.to_owned(), zone: zone.to_owned(), before: before.map(str::to_owned), level }
}

const FR: (&str, &str) = ("wattledger.io/site", "par1");

#[test]
fn a_node_has_the_level_of_the_zone_that_its_labels_place_it_in() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let outlook = outlook(folder.path(), &config, &[("NL", 310.0), ("FR", 42.0)]);
    let nodes = [node("a", &[]), node("b", &[FR]), node("c", &[(LABEL, "high")]), node("d", &[FR, (LABEL, "medium")])];
    let plan = plan(&config.clusters[0], &nodes, &outlook, &Held::new(), &config.label.levels, at(NOW));
    let expected = [write("a", "NL", None, Level::High), write("b", "FR", None, Level::Low), write("d", "FR", Some("medium"), Level::Low)];
    assert_eq!((plan.writes.as_slice(), plan.nodes), (expected.as_slice(), 4));
    assert_eq!(plan.zones["NL"].level, Level::High);
}

#[test]
fn nodes_that_are_labelled_as_they_should_be_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let outlook = outlook(folder.path(), &config, &[("NL", 310.0)]);
    let plan = plan(&config.clusters[0], &[node("a", &[(LABEL, "high")])], &outlook, &Held::new(), &config.label.levels, at(NOW));
    assert!(plan.writes.is_empty());
    // A zone in which there is no node is not looked at.
    assert_eq!(plan.zones.keys().collect::<Vec<_>>(), ["NL"]);
}

#[test]
fn what_is_missing_or_too_old_is_unknown_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let outlook = outlook(folder.path(), &config, &[("NL", 100.0)]);
    let nodes = [node("a", &[(LABEL, "low")]), node("b", &[FR, (LABEL, "low")])];
    let plan = plan(&config.clusters[0], &nodes, &outlook, &Held::new(), &config.label.levels, at("2026-10-05T14:00:00Z"));
    assert_eq!(plan.writes, [write("a", "NL", Some("low"), Level::Unknown), write("b", "FR", Some("low"), Level::Unknown)]);
    assert!(plan.zones["NL"].why().starts_with("CI_STALE: "), "{:?}", plan.zones);
    assert!(plan.zones["FR"].why().starts_with("CI_GAP: "), "{:?}", plan.zones);
}

#[test]
fn all_nodes_of_a_zone_agree_also_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    // Between 140 and 150, where it depends on what it was.
    let outlook = outlook(folder.path(), &config, &[("NL", 145.0)]);
    let plan = |nodes: &[LabelledNode], held: &Held| plan(&config.clusters[0], nodes, &outlook, held, &config.label.levels, at(NOW));
    let labelled = |labels: &[&str]| -> Vec<LabelledNode> {
        labels.iter().enumerate().map(|(i, label)| node(&format!("n{i}"), &[(LABEL, label)])).collect()
    };
    assert_eq!(plan(&labelled(&["low", "low", "medium"]), &Held::new()).writes, [write("n2", "NL", Some("medium"), Level::Low)]);
    assert_eq!(plan(&labelled(&["medium", "medium", "low"]), &Held::new()).writes, [write("n2", "NL", Some("low"), Level::Medium)]);
    // As many of both: the worse one was there. What says nothing does not count.
    assert_eq!(plan(&labelled(&["medium", "low", "unknown", "odd"]), &Held::new()).zones["NL"].level, Level::Medium);
    assert_eq!(plan(&labelled(&["unknown", "unknown"]), &Held::new()).zones["NL"].level, Level::Low);
    // What this process worked out goes before what nodes say.
    let held = Held::from([("NL".to_owned(), Level::Medium)]);
    assert_eq!(plan(&labelled(&["low", "low"]), &held).zones["NL"].level, Level::Medium);
}
