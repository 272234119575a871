//! A group of legal entities: who controls which machines, who buys computing of whom, and what money is worth where.
//!
//! In: nothing. Out: [`Group`] and its parts, as the configuration means them. Rule: machines have one controller; work of another entity on them is bought within
//! the group. Assumes: the configuration has checked names, patterns and rates. Does not: sum.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pattern;
use crate::units::ExchangeRate;

/// How a group draws its boundary (GHG Protocol Corporate Standard, chapter 3). Equity share is not one of them here: it would report parts of machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consolidation {
    /// All of what the group may direct to gain economic benefits from it: what its financial statements consolidate.
    FinancialControl,
    /// All of what the group may introduce and implement operating policies at.
    OperationalControl,
}

/// A legal entity of the group.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    pub name: String,
    /// ISO 17442.
    pub lei: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// By year, in its currency.
    pub net_revenue: BTreeMap<i32, f64>,
}

/// Work of one entity on machines of another: the customer buys computing within the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternalCloud {
    pub clusters: Vec<String>,
    /// Patterns of names.
    pub namespaces: Vec<String>,
    /// Name of the entity.
    pub customer: String,
}

/// A calendar month, or with none a whole year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RatePeriod {
    pub year: i32,
    pub month: Option<u32>,
}

/// What one unit of a currency is worth in another, as somebody published it.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedRate {
    pub from: String,
    pub to: String,
    pub period: RatePeriod,
    /// Units of `to` for one of `from`.
    pub rate: f64,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub consolidation: Consolidation,
    /// The organisation's own, in which it consolidates. ISO 4217.
    pub currency: String,
    /// Sorted by name.
    pub entities: Vec<Entity>,
    /// The first that matches holds.
    pub internal_cloud: Vec<InternalCloud>,
    pub rates: Vec<PublishedRate>,
}

impl InternalCloud {
    pub fn matches(&self, cluster: &str, namespace: &str) -> bool {
        self.clusters.iter().any(|name| name == cluster) && self.namespaces.iter().any(|wanted| pattern::matches(wanted, namespace))
    }
}

impl Group {
    /// The entity's place in the list.
    pub fn index(&self, entity: &str) -> Option<usize> {
        self.entities.binary_search_by(|known| known.name.as_str().cmp(entity)).ok()
    }

    /// The rule by which a namespace of a cluster is work of another entity, by its place in the configuration.
    pub fn internal_cloud(&self, cluster: &str, namespace: &str) -> Option<usize> {
        self.internal_cloud.iter().position(|rule| rule.matches(cluster, namespace))
    }

    /// What turns one currency into another in a month, or with none in a year: a month's own rate, else that of its year. A pair may be stated either way
    /// round. None where nobody stated it: it is never taken for one.
    pub fn rate(&self, from: &str, to: &str, period: RatePeriod) -> Option<ExchangeRate> {
        if from == to {
            return Some(ExchangeRate::SAME);
        }
        let of_year = RatePeriod { month: None, ..period };
        let stated = |wanted: RatePeriod| {
            let in_period = || self.rates.iter().filter(move |known| known.period == wanted);
            let straight = in_period().find(|known| (known.from.as_str(), known.to.as_str()) == (from, to));
            let inverse = || in_period().find(|known| (known.from.as_str(), known.to.as_str()) == (to, from));
            straight.map(|known| ExchangeRate::times(known.rate)).or_else(|| inverse().map(|known| ExchangeRate::by(known.rate)))
        };
        stated(period).or_else(|| stated(of_year))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::MicroEuros;

    fn group() -> Group {
        let entity = |name: &str, currency: &str| Entity {
            name: name.to_owned(),
            lei: None,
            currency: currency.to_owned(),
            net_revenue: BTreeMap::new(),
        };
        let rule = |clusters: &[&str], namespaces: &[&str], customer: &str| InternalCloud {
            clusters: clusters.iter().map(|name| (*name).to_owned()).collect(),
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            customer: customer.to_owned(),
        };
        let rate = |from: &str, to: &str, year, month, rate| PublishedRate {
            from: from.to_owned(),
            to: to.to_owned(),
            period: RatePeriod { year, month },
            rate,
            source: "a bank".to_owned(),
        };
        Group {
            consolidation: Consolidation::FinancialControl,
            currency: "EUR".to_owned(),
            entities: vec![entity("A", "EUR"), entity("B", "PLN")],
            internal_cloud: vec![rule(&["x", "y"], &["ml-*"], "A"), rule(&["y"], &["*"], "B")],
            rates: vec![rate("EUR", "PLN", 2026, Some(10), 4.0), rate("EUR", "PLN", 2026, None, 5.0)],
        }
    }

    #[test]
    fn the_first_rule_that_matches_a_namespace_holds() {
        let group = group();
        assert_eq!(group.internal_cloud("x", "ml-train"), Some(0));
        assert_eq!(group.internal_cloud("y", "ml-train"), Some(0), "the second would match too");
        assert_eq!(group.internal_cloud("y", "shop"), Some(1));
        assert_eq!((group.internal_cloud("x", "shop"), group.internal_cloud("z", "ml-train")), (None, None));
        assert_eq!((group.index("A"), group.index("B"), group.index("C")), (Some(0), Some(1), None));
    }

    #[test]
    fn a_months_own_rate_goes_before_its_years_and_a_pair_is_read_either_way_round() {
        let group = group();
        let in_pln =
            |month| group.rate("EUR", "PLN", RatePeriod { year: 2026, month }).map(|rate| rate.of_euros(MicroEuros::new(10)).get());
        assert_eq!((in_pln(Some(10)), in_pln(Some(11)), in_pln(None)), (Some(40), Some(50), Some(50)));
        let back = group.rate("PLN", "EUR", RatePeriod { year: 2026, month: Some(10) }).unwrap();
        assert_eq!(back.of(40.0), 10.0);
    }

    #[test]
    fn a_rate_that_nobody_stated_is_none_and_a_currency_is_worth_itself() {
        let group = group();
        let period = RatePeriod { year: 2025, month: Some(10) };
        assert_eq!(group.rate("EUR", "PLN", period), None);
        assert_eq!(group.rate("USD", "EUR", RatePeriod { year: 2026, month: None }), None);
        assert_eq!(group.rate("PLN", "PLN", period).map(|rate| rate.of(7.0)), Some(7.0));
    }
}
