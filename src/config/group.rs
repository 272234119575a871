//! Legal entities: from `[[entity]]`, `[[internal_cloud]]` and `[[exchange_rate]]` as written to the [`Group`].
//!
//! In: tables as written, the clusters as meant. Out: [`Group`], or none where no entity is configured. Rule: once there is one, every set of nodes has a
//! controller and the approach of consolidation is said; neither has a default. A rule that could never match, and a key that would do nothing, are refused.
//! Does not: look for rates.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

use super::misread::nearest;
use super::raw::Raw;
use super::{Cluster, check, inventory, raw};
use crate::model::{Entity, Group, Hint, InternalCloud, PublishedRate, RatePeriod};

/// `currency` is the organisation's.
pub(super) fn group(raw: &Raw, currency: &str, clusters: &[Cluster]) -> Result<Option<Group>> {
    if raw.entity.is_empty() {
        without_entities(raw)?;
        return Ok(None);
    }
    let Some(consolidation) = raw.organisation.consolidation else {
        bail!(Hint::new(
            "[organisation]: `consolidation` is missing; with [[entity]] the report has to say how its boundary is drawn, and there is no default",
            "put consolidation = \"financial-control\" (what the financial statements consolidate) or \"operational-control\"",
        ));
    };
    let mut entities = entities(&raw.entity, currency)?;
    entities.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = entities.windows(2).find(|pair| pair[0].name == pair[1].name) {
        bail!("two entities are named `{}`; they are told apart by name", pair[0].name);
    }
    let names: Vec<&str> = entities.iter().map(|entity| entity.name.as_str()).collect();
    for cluster in &raw.cluster {
        controllers(cluster, &names)?;
    }
    for (i, instrument) in raw.instrument.iter().enumerate() {
        instrument
            .entity
            .as_deref()
            .map(|name| known(name, "entity", &names))
            .transpose()
            .with_context(|| format!("[[instrument]] {}", i + 1))?;
    }
    let internal_cloud = raw.internal_cloud.iter().enumerate();
    let internal_cloud = internal_cloud
        .map(|(i, rule)| self::internal_cloud(rule, &names, clusters).with_context(|| format!("[[internal_cloud]] {}", i + 1)))
        .collect::<Result<Vec<_>>>()?;
    Ok(Some(Group { consolidation, currency: currency.to_owned(), entities, internal_cloud, rates: rates(&raw.exchange_rate)? }))
}

/// Nothing that speaks of entities may stand alone: it would silently not be done.
fn without_entities(raw: &Raw) -> Result<()> {
    let of_clusters = raw.cluster.iter().any(|cluster| cluster.entity.is_some() || cluster.pool.iter().any(|pool| pool.entity.is_some()));
    let written = [
        (of_clusters, "a [[cluster]] has `entity`"),
        (raw.instrument.iter().any(|instrument| instrument.entity.is_some()), "an [[instrument]] has `entity`"),
        (!raw.internal_cloud.is_empty(), "there is an [[internal_cloud]]"),
        (!raw.exchange_rate.is_empty(), "there is an [[exchange_rate]]"),
        (raw.organisation.consolidation.is_some(), "[organisation] has `consolidation`"),
    ];
    match written.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => {
            bail!(Hint::new(format!("{what}, but there is no [[entity]]"), "add an [[entity]] with `name` for every legal entity"))
        }
        None => Ok(()),
    }
}

fn entities(tables: &[raw::Entity], currency: &str) -> Result<Vec<Entity>> {
    let mut leis = BTreeSet::new();
    let mut entities = Vec::new();
    for (i, table) in tables.iter().enumerate() {
        ensure!(!table.name.trim().is_empty(), "[[entity]] {}: `name` is empty", i + 1);
        let place = format!("[[entity]] `{}`", table.name);
        let lei = inventory::lei(&place, table.lei.as_deref())?;
        ensure!(lei.is_none() || leis.insert(lei.clone()), "{place}: `lei` is another entity's too");
        let revenue = inventory::revenue(&place, Some(table.currency.as_deref().unwrap_or(currency)), &table.net_revenue)?;
        entities.push(Entity { name: table.name.clone(), lei, currency: revenue.currency, net_revenue: revenue.by_year });
    }
    Ok(entities)
}

/// Every set of nodes of a cluster has an entity that is known.
fn controllers(cluster: &raw::Cluster, names: &[&str]) -> Result<()> {
    let place = || format!("[[cluster]] `{}`", cluster.name);
    let Some(own) = &cluster.entity else {
        bail!(Hint::new(
            format!("{}: `entity` is missing; there are entities, so every cluster needs the one that controls it", place()),
            format!("put entity = \"{}\", or whichever it is; a pool may name another", names[0]),
        ));
    };
    known(own, "entity", names).with_context(place)?;
    for (i, pool) in cluster.pool.iter().enumerate() {
        pool.entity
            .as_deref()
            .map(|name| known(name, "entity", names))
            .transpose()
            .with_context(|| format!("{}, pool {}", place(), i + 1))?;
    }
    Ok(())
}

fn known(name: &str, key: &str, names: &[&str]) -> Result<()> {
    ensure!(
        names.contains(&name),
        "`{key}` is `{name}`, and no [[entity]] has this name; the nearest known one is `{}`",
        nearest(name, names)
    );
    Ok(())
}

fn internal_cloud(table: &raw::InternalCloud, names: &[&str], clusters: &[Cluster]) -> Result<InternalCloud> {
    known(&table.customer, "customer", names)?;
    ensure!(!table.clusters.is_empty(), "`clusters` is empty; name the clusters that the work runs on");
    ensure!(!table.namespaces.is_empty(), "`namespaces` is empty; name those that are the customer's work, as in [\"ml-*\"]");
    let known_clusters: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    for name in &table.clusters {
        let Some(cluster) = clusters.iter().find(|cluster| cluster.name == *name) else {
            bail!("`clusters` names `{name}`; the nearest known one is `{}`", nearest(name, &known_clusters))
        };
        // Nobody buys of himself. A cluster of which only a pool is another's is one where somebody may.
        if cluster.sites().all(|site| site.entity.as_deref() == Some(table.customer.as_str())) {
            bail!(Hint::new(
                format!("cluster `{name}` is `{}`'s own, so nothing is bought there", table.customer),
                "take it out of `clusters`, or name as `customer` the entity whose work it runs",
            ));
        }
    }
    for pattern in &table.namespaces {
        glob::Pattern::new(pattern).with_context(|| format!("`namespaces`: `{pattern}` is not a pattern"))?;
    }
    Ok(InternalCloud { clusters: table.clusters.clone(), namespaces: table.namespaces.clone(), customer: table.customer.clone() })
}

fn rates(tables: &[raw::ExchangeRate]) -> Result<Vec<PublishedRate>> {
    let mut seen = BTreeSet::new();
    let mut rates = Vec::new();
    for (i, table) in tables.iter().enumerate() {
        let place = format!("[[exchange_rate]] {}", i + 1);
        let from = inventory::currency(&place, "from", &table.from)?;
        let to = inventory::currency(&place, "to", &table.to)?;
        ensure!(from != to, "{place}: `from` and `to` are both {from}");
        ensure!(check::is_year_or_month(&table.period), "{place}: `period` is a year or a month, as in \"2026\" or \"2026-10\"");
        ensure!(table.rate.is_finite() && table.rate > 0.0, "{place}: `rate` must be above 0");
        ensure!(!table.source.trim().is_empty(), "{place}: `source` is empty; a rate without a source cannot be audited");
        let pair = if from < to { (from.clone(), to.clone()) } else { (to.clone(), from.clone()) };
        ensure!(seen.insert((pair, table.period.clone())), "{place}: there is a rate between {from} and {to} in {} already", table.period);
        let (year, month) = table.period.split_once('-').map_or((table.period.as_str(), None), |(year, month)| (year, Some(month)));
        let period = RatePeriod { year: year.parse()?, month: month.map(str::parse).transpose()? };
        rates.push(PublishedRate { from, to, period, rate: table.rate, source: table.source.clone() });
    }
    Ok(rates)
}
