//! Sums over months of what is not a plain figure: shares by energy, sections with keys of their own, lists of sources.

use std::collections::BTreeMap;

use crate::disclosure::Statement;
use crate::disclosure::statement::{Asset, FactorStatement, Figures, IntensityProvenance, SciScore, Scope3, TierShare};
use crate::units::{MicrogramsCo2e, Share};

/// Shares on their way to a weighted mean. None where nothing weighs anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares {
    weight: f64,
    parts: [f64; 4],
}

impl Shares {
    pub fn add(&mut self, shares: &TierShare, weight: i64) {
        let parts = [shares.metered, shares.allocated, shares.modelled, shares.filled];
        if weight > 0 && parts.iter().all(Option::is_some) {
            self.weight += weight as f64;
            for (sum, part) in self.parts.iter_mut().zip(parts) {
                *sum += part.map_or(0.0, Share::get) * weight as f64;
            }
        }
    }

    pub fn finish(self) -> TierShare {
        let share = |part: f64| (self.weight > 0.0).then(|| Share::try_from((part / self.weight).clamp(0.0, 1.0)).ok()).flatten();
        let [metered, allocated, modelled, filled] = self.parts.map(share);
        TierShare { metered, allocated, modelled, filled }
    }
}

/// Figures and tier shares by key, in the order of the keys.
pub fn sum_by<'a, Row: 'a, Key: Ord>(
    rows: impl Iterator<Item = &'a Row>,
    key: impl Fn(&Row) -> Key,
    parts: impl Fn(&'a Row) -> (&'a Figures, &'a TierShare),
) -> BTreeMap<Key, (Figures, Shares)> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let (figures, tiers) = parts(row);
        let (sum, shares): &mut (Figures, Shares) = sums.entry(key(row)).or_insert_with(|| (Figures::nothing(), Shares::default()));
        sum.add(figures);
        shares.add(tiers, (figures.metered_mj + figures.gap_mj).get());
    }
    sums
}

pub fn scope3(months: &[Statement]) -> Scope3 {
    let parts = || months.iter().map(|month| &month.scope3);
    Scope3 {
        screening: Vec::new(),
        cloud_operation_ugco2e: all(parts().map(|part| part.cloud_operation_ugco2e)),
        cloud_embodied_ugco2e: known(parts().map(|part| part.cloud_embodied_ugco2e)),
        upstream_ugco2e: all(parts().map(|part| part.upstream_ugco2e)),
        losses_ugco2e: known(parts().map(|part| part.losses_ugco2e)),
        primary_data_share: None,
        assets: assets(months),
    }
}

/// Unknown where a part is.
fn all(mut parts: impl Iterator<Item = Option<MicrogramsCo2e>>) -> Option<MicrogramsCo2e> {
    parts.try_fold(MicrogramsCo2e::ZERO, |sum, part| part.map(|part| sum + part))
}

/// Unknown where every part is.
fn known(parts: impl Iterator<Item = Option<MicrogramsCo2e>>) -> Option<MicrogramsCo2e> {
    parts.flatten().reduce(|sum, part| sum + part)
}

/// A machine is capitalised once; its life is used up month by month.
fn assets(months: &[Statement]) -> Vec<Asset> {
    let mut assets: BTreeMap<(String, String), Asset> = BTreeMap::new();
    for asset in months.iter().flat_map(|month| &month.scope3.assets) {
        let key = (asset.cluster.clone(), asset.node.clone());
        match assets.get_mut(&key) {
            Some(sum) => {
                sum.capitalised_ugco2e += asset.capitalised_ugco2e;
                let (before, now) = (sum.amortised_ugco2e.get() as f64, asset.amortised_ugco2e.get() as f64);
                let reserved = |share: Option<Share>, weight: f64| share.map(|share| share.get() * weight);
                let weighted = reserved(sum.reserved_share, before).zip(reserved(asset.reserved_share, now));
                sum.reserved_share = weighted.and_then(|(a, b)| Share::try_from(((a + b) / (before + now)).clamp(0.0, 1.0)).ok());
                sum.amortised_ugco2e += asset.amortised_ugco2e;
                sum.in_service = sum.in_service.take().or_else(|| asset.in_service.clone());
            }
            None => {
                assets.insert(key, asset.clone());
            }
        }
    }
    assets.into_values().collect()
}

/// ISO/IEC 21031: the year's emissions over the year's units. A month without a count leaves the year without a score.
pub fn sci(months: &[Statement]) -> Vec<SciScore> {
    let mut scores: BTreeMap<(String, String, String, String), (SciScore, usize)> = BTreeMap::new();
    for score in months.iter().flat_map(|month| &month.sci) {
        let key = (score.cluster.clone(), score.namespace.clone(), score.workload.clone(), score.unit.clone());
        match scores.get_mut(&key) {
            Some((sum, count)) => {
                sum.count += score.count;
                sum.facility_mj += score.facility_mj;
                sum.operational_ugco2e += score.operational_ugco2e;
                sum.embodied_ugco2e = sum.embodied_ugco2e.zip(score.embodied_ugco2e).map(|(a, b)| a + b);
                *count += 1;
            }
            None => {
                scores.insert(key, (score.clone(), 1));
            }
        }
    }
    let whole = scores.into_values().filter(|(_, count)| *count == months.len());
    whole
        .map(|(mut score, _)| {
            let emissions = score.embodied_ugco2e.map(|embodied| (score.operational_ugco2e + embodied).get());
            score.sci_ugco2e_per_unit = emissions.filter(|_| score.count > 0.0).map(|emissions| emissions as f64 / score.count);
            score
        })
        .collect()
}

pub fn factors(months: &[Statement]) -> Vec<FactorStatement> {
    let mut factors: Vec<FactorStatement> = Vec::new();
    for factor in months.iter().flat_map(|month| &month.factors) {
        if !factors.contains(factor) {
            factors.push(factor.clone());
        }
    }
    factors.sort_by(|a, b| (&a.quantity, &a.geography, &a.id).cmp(&(&b.quantity, &b.geography, &b.id)));
    factors
}

/// Series by zone and edition. Shares of energy are those of the month in which they were largest: the year's report warns, the months' reports weigh.
pub fn intensity(months: &[Statement]) -> Vec<IntensityProvenance> {
    let mut zones: BTreeMap<(String, String, String), IntensityProvenance> = BTreeMap::new();
    let larger = |a: Option<Share>, b: Option<Share>| match (a, b) {
        (Some(a), Some(b)) => Some(if a >= b { a } else { b }),
        (a, b) => a.or(b),
    };
    for series in months.iter().flat_map(|month| &month.provenance.intensity) {
        let key = (series.zone.clone(), series.provider.clone(), series.edition.clone());
        let row = zones.entry(key).or_insert_with(|| series.clone());
        row.estimated_share = larger(row.estimated_share, series.estimated_share);
        row.filled_share = larger(row.filled_share, series.filled_share);
    }
    zones.into_values().collect()
}
