//! Legal entities in the configuration: what they mean, and every sentence that says what is wrong with them.

use std::path::Path;

use super::*;
use crate::model::{Consolidation, RatePeriod};

/// The documented tables of a group, whole.
fn documented() -> String {
    let page = include_str!("../../docs/configuration.md");
    let toml = page.split("## Legal entities").nth(1).and_then(|rest| rest.split("```toml\n").nth(1)?.split("```").next()).unwrap();
    toml.replacen("[organisation]\n", "[organisation]\nname = \"Example Group\"\ntime_zone = \"Europe/Amsterdam\"\n", 1)
}

fn read(text: &str) -> Result<Config> {
    Config::from_bytes(text.as_bytes(), Path::new("/etc/wattledger/wattledger.toml"))
}

fn prod_nl(config: &Config) -> &Cluster {
    config.clusters.iter().find(|cluster| cluster.name == "prod-nl").unwrap()
}

#[test]
fn the_documented_group_loads_and_means_what_it_says() {
    let config = read(&documented()).unwrap();
    let group = config.group.as_ref().unwrap();

    assert_eq!((group.consolidation, group.currency.as_str()), (Consolidation::FinancialControl, "EUR"));
    let names: Vec<(&str, &str)> = group.entities.iter().map(|entity| (entity.name.as_str(), entity.currency.as_str())).collect();
    assert_eq!(
        names,
        [("Example BV", "EUR"), ("Example Polska sp. z o.o.", "PLN")],
        "sorted by name, the first in the organisation's currency"
    );
    assert_eq!(group.entities[1].net_revenue.get(&2026), Some(&31_000_000.0));
    let cluster = prod_nl(&config);
    assert_eq!(cluster.site.entity.as_deref(), Some("Example BV"));
    assert_eq!(cluster.pools[0].site.entity.as_deref(), Some("Example Polska sp. z o.o."), "a pool's own");
    assert_eq!(group.internal_cloud("prod-nl", "data-lake"), Some(0));
    assert_eq!(config.instruments[0].instrument.entity.as_deref(), Some("Example BV"));
    let october = RatePeriod { year: 2026, month: Some(10) };
    assert_eq!(group.rate("EUR", "PLN", october).map(|rate| rate.of(1.0)), Some(4.25));
    assert_eq!(group.rate("EUR", "PLN", RatePeriod { month: None, ..october }).map(|rate| rate.of(1.0)), Some(4.27));
}

#[test]
fn a_pool_is_its_clusters_entitys_unless_it_names_another() {
    let text = documented().replacen("entity = \"Example Polska sp. z o.o.\"\n", "", 1);
    let config = read(&text).unwrap();
    assert_eq!(prod_nl(&config).pools[0].site.entity.as_deref(), Some("Example BV"));
}

#[test]
fn what_is_wrong_with_a_group_is_said_in_a_sentence_that_names_it() {
    for (from, to, expected) in [
        ("consolidation = \"financial-control\"", "", "`consolidation` is missing; with [[entity]] the report has to say"),
        (
            "consolidation = \"financial-control\"",
            "consolidation = \"equity-share\"",
            "`organisation.consolidation` cannot be `equity-share`",
        ),
        ("entity = \"Example BV\"\n", "", "[[cluster]] `prod-nl`: `entity` is missing; there are entities"),
        (
            "entity = \"Example BV\"\n",
            "entity = \"Exampel BV\"\n",
            "[[cluster]] `prod-nl`: `entity` is `Exampel BV`, and no [[entity]] has this name; the nearest known one is `Example BV`",
        ),
        ("entity = \"Example Polska sp. z o.o.\"\n", "entity = \"Polska\"\n", "[[cluster]] `prod-nl`, pool 1: `entity` is `Polska`"),
        ("name = \"Example Polska sp. z o.o.\"\n", "name = \"Example BV\"\n", "two entities are named `Example BV`"),
        ("currency = \"PLN\"", "currency = \"zloty\"", "[[entity]] `Example Polska sp. z o.o.`: `currency` is a code of ISO 4217"),
        (
            "\"2026\" = 31_000_000.0",
            "\"26\" = 31_000_000.0",
            "[[entity]] `Example Polska sp. z o.o.`: `net_revenue` names `26`, which is not a year",
        ),
        (
            "customer = \"Example Polska sp. z o.o.\"",
            "customer = \"Example\"",
            "[[internal_cloud]] 1: `customer` is `Example`, and no [[entity]]",
        ),
        (
            "customer = \"Example Polska sp. z o.o.\"\nclusters = [\"prod-nl\"]",
            "customer = \"Example BV\"\nclusters = [\"edge-nl\"]",
            "[[internal_cloud]] 1: cluster `edge-nl` is `Example BV`'s own, so nothing is bought there",
        ),
        (
            "clusters = [\"prod-nl\"]",
            "clusters = [\"prod\"]",
            "[[internal_cloud]] 1: `clusters` names `prod`; the nearest known one is `prod-nl`",
        ),
        ("clusters = [\"prod-nl\"]", "clusters = []", "[[internal_cloud]] 1: `clusters` is empty"),
        ("namespaces = [\"data-*\"]", "namespaces = []", "[[internal_cloud]] 1: `namespaces` is empty"),
        ("namespaces = [\"data-*\"]", "namespaces = [\"data-[\"]", "[[internal_cloud]] 1: `namespaces`: `data-[` is not a pattern"),
        ("rate = 4.25", "rate = 0.0", "[[exchange_rate]] 1: `rate` must be above 0"),
        ("period = \"2026-10\"", "period = \"2026-13\"", "[[exchange_rate]] 1: `period` is a year or a month"),
        (
            "from = \"EUR\"\nto = \"PLN\"\nperiod = \"2026-10\"",
            "from = \"PLN\"\nto = \"PLN\"\nperiod = \"2026-10\"",
            "[[exchange_rate]] 1: `from` and `to` are both PLN",
        ),
        ("period = \"2026-10\"", "period = \"2026\"", "[[exchange_rate]] 2: there is a rate between EUR and PLN in 2026 already"),
        ("source = \"a central bank, mean of the month\"", "source = \" \"", "[[exchange_rate]] 1: `source` is empty"),
    ] {
        let text = documented();
        assert!(text.contains(from), "{from}\n{text}");
        let error = format!("{:#}", read(&text.replacen(from, to, 1)).unwrap_err());
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[test]
fn what_speaks_of_entities_where_there_is_none_is_refused() {
    let cluster = "[[cluster]]\nname = \"a\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n";
    let organisation = "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n";
    let rate = "[[exchange_rate]]\nfrom = \"EUR\"\nto = \"PLN\"\nperiod = \"2026\"\nrate = 4.0\nsource = \"a bank\"\n";
    for (text, expected) in [
        (format!("{organisation}{cluster}entity = \"B\"\n"), "a [[cluster]] has `entity`"),
        (format!("{organisation}consolidation = \"operational-control\"\n{cluster}"), "[organisation] has `consolidation`"),
        (format!("{organisation}{cluster}{rate}"), "there is an [[exchange_rate]]"),
        (
            format!("{organisation}{cluster}[[internal_cloud]]\ncustomer = \"B\"\nclusters = [\"a\"]\nnamespaces = [\"x\"]\n"),
            "there is an [[internal_cloud]]",
        ),
    ] {
        let error = format!("{:#}", read(&text).unwrap_err());
        assert!(error.contains(&format!("{expected}, but there is no [[entity]]")), "{error}");
    }
    assert!(read(&format!("{organisation}{cluster}")).unwrap().group.is_none());
}
