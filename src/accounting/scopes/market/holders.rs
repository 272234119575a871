//! Whose market-based figure would be a guess: which entities' electricity an instrument covered that is held for no entity by name.
//!
//! In: what instruments covered by site, and in whose hands the sites are. Out: instruments by entity, as positions. Rule: a certificate is cancelled, and a contract made,
//! on somebody's behalf. An instrument without a holder counts for the group; where several entities use electricity in its reach, what it covered of one of them
//! is an allocation of ours and no claim of that entity. Where all of that electricity is one entity's, there is nothing to allocate.
//! Does not: touch the group's own figure.

use std::collections::{BTreeMap, BTreeSet};

use super::Market;
use super::cover::reach;
use crate::accounting::survey::ClusterTerms;
use crate::model::Instrument;

impl Market {
    /// `instruments` are those that the account was made with, in their order.
    pub fn without_holder<'a>(
        &self,
        instruments: impl Iterator<Item = &'a Instrument>,
        clusters: &[ClusterTerms],
    ) -> BTreeMap<String, BTreeSet<usize>> {
        let entity = |cluster: usize, site: usize| clusters[cluster].sites[site].entity.as_deref();
        let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (index, (instrument, used)) in instruments.zip(&self.instruments).enumerate() {
            if instrument.entity.is_some() {
                continue;
            }
            let reach = reach(instrument, clusters);
            let users: BTreeSet<_> =
                self.sites.keys().filter(|(cluster, site)| reach[*cluster][*site]).map(|(cluster, site)| entity(*cluster, *site)).collect();
            if users.len() < 2 {
                continue;
            }
            for (cluster, site) in used.by_site.keys() {
                found.entry(entity(*cluster, *site).unwrap_or_default().to_owned()).or_default().insert(index);
            }
        }
        found
    }
}
