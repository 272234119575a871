//! Beneath each heading: which rule, which factors, which quality tiers.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::disclosure::Statement;
use crate::disclosure::statement::{ClusterStatement, FactorStatement, TierShare};
use crate::model::Placement;
use crate::reports::view;

#[derive(Template)]
#[template(path = "report/basis.html")]
pub struct Basis<'a> {
    pub rule: &'static str,
    /// Intensity series, where the section rests on hours.
    pub series: Vec<String>,
    pub factors: Vec<FactorLink<'a>>,
    /// In words, where neither a series nor a published factor is used.
    pub without_factors: &'static str,
    /// Tiers of the energy, cluster by cluster.
    pub tiers: String,
}

impl HtmlSafe for Basis<'_> {}

/// A factor, with the place of its row in the list of factors.
pub struct FactorLink<'a> {
    pub number: usize,
    pub factor: &'a FactorStatement,
}

impl<'a> Basis<'a> {
    pub fn new(rule: &'static str) -> Self {
        Self { rule, series: Vec::new(), factors: Vec::new(), without_factors: "", tiers: String::new() }
    }

    pub fn with_series(mut self, statement: &Statement, is_used: impl Fn(&str) -> bool) -> Self {
        let series = statement.provenance.intensity.iter().filter(|series| is_used(&series.zone));
        self.series = series.map(|series| format!("{} ({})", series.zone, series.provider)).collect();
        self
    }

    pub fn with_factors(mut self, statement: &'a Statement, is_used: impl Fn(&FactorStatement) -> bool) -> Self {
        let numbered = statement.factors.iter().enumerate();
        self.factors =
            numbered.filter(|(_, factor)| is_used(factor)).map(|(index, factor)| FactorLink { number: index + 1, factor }).collect();
        self
    }

    pub fn with_tiers(mut self, statement: &Statement, placement: impl Fn(Placement) -> bool) -> Self {
        let clusters = statement.clusters.iter().filter(|cluster| placement(cluster.placement));
        self.tiers = clusters
            .map(|cluster: &ClusterStatement| format!("{}: {}", cluster.cluster, tiers(&cluster.tier_share)))
            .collect::<Vec<_>>()
            .join("; ");
        self
    }
}

/// The tiers that there is energy in, largest word first; all n/a where there is no energy.
pub fn tiers(share: &TierShare) -> String {
    let tiers = [("metered", share.metered), ("allocated", share.allocated), ("modelled", share.modelled), ("filled", share.filled)];
    let known = tiers.iter().filter(|(_, share)| share.is_some_and(|share| share.get() > 0.0));
    let text = known.map(|(name, share)| format!("{name} {}", view::share_percent(*share))).collect::<Vec<_>>().join(", ");
    if text.is_empty() { view::UNKNOWN.to_owned() } else { text }
}
