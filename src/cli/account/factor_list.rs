//! Every factor that figures rest on, as the statement lists them.
//!
//! In: factors as looked up, and terms of the configuration. Out: [`FactorStatement`]s. Rule: whatever a figure was multiplied by is listed with its
//! source. Does not: look anything up for a figure; whoever computes says what it took.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::accounting::plan::Plan;
use crate::config::{self, Config};
use crate::disclosure::statement::{FactorOrigin, FactorStatement};
use crate::factors::{Factor, Factors, Quantity};
use crate::model::EmbodiedTerms;
use crate::units::ReportingPeriod;

const OWN: &str = "the organisation's own figure";

/// A row of a factor table, with what it was used for. A row of an own file says which.
pub fn statement(factor: &Factor, used_for: &str) -> FactorStatement {
    let range = factor.low.zip(factor.high).map(|(low, high)| format!("The source allows {low} to {high} {}.", factor.unit));
    let file = factor.own_file.as_ref().map(|file| format!("From {file}."));
    let note: Vec<String> = factor.note.iter().cloned().chain(range).chain(file).collect();
    FactorStatement {
        id: factor.id.clone(),
        quantity: factor.quantity.name().to_owned(),
        geography: factor.geography.clone(),
        value: factor.value,
        unit: factor.unit.clone(),
        year: factor.year,
        valid_from: factor.valid_from.map(|day| day.to_string()),
        valid_to: factor.valid_to.map(|day| day.to_string()),
        gas_basis: factor.gas_basis.clone(),
        publisher: factor.publisher.clone(),
        publication: factor.publication.clone(),
        url: factor.url.clone(),
        licence: factor.licence.clone(),
        origin: if factor.own_file.is_some() { FactorOrigin::OwnFile } else { FactorOrigin::Embedded },
        used_for: used_for.to_owned(),
        note: (!note.is_empty()).then(|| note.join(" ")),
    }
}

/// A figure that the configuration states itself, with the source that it names.
pub fn configured(
    id: String,
    quantity: &str,
    geography: &str,
    (value, unit): (f64, &str),
    source: &str,
    used_for: &str,
) -> FactorStatement {
    FactorStatement {
        id,
        quantity: quantity.to_owned(),
        geography: geography.to_owned(),
        value,
        unit: unit.to_owned(),
        year: None,
        valid_from: None,
        valid_to: None,
        gas_basis: None,
        publisher: OWN.to_owned(),
        publication: source.to_owned(),
        url: None,
        licence: "own".to_owned(),
        origin: FactorOrigin::Configuration,
        used_for: used_for.to_owned(),
        note: None,
    }
}

/// Sorted by quantity, geography and id, each factor once with all that it was used for.
pub fn merged(rows: impl IntoIterator<Item = FactorStatement>) -> Vec<FactorStatement> {
    let mut list: BTreeMap<(String, String, String), FactorStatement> = BTreeMap::new();
    for row in rows {
        match list.entry((row.quantity.clone(), row.geography.clone(), row.id.clone())) {
            Entry::Vacant(place) => drop(place.insert(row)),
            Entry::Occupied(mut known) if !known.get().used_for.split("; ").any(|use_of| use_of == row.used_for) => {
                let used_for = &mut known.get_mut().used_for;
                used_for.push_str("; ");
                used_for.push_str(&row.used_for);
            }
            Entry::Occupied(_) => {}
        }
    }
    list.into_values().collect()
}

/// Hardware classes and PUE of every site on which a node was seen.
pub fn of_sites(config: &Config, plan: &Plan<'_>, factors: &Factors) -> Vec<FactorStatement> {
    let mut list = Vec::new();
    for (cluster, survey) in config.clusters.iter().zip(&plan.survey.clusters) {
        let sites = cluster.sites();
        for (index, site) in sites.enumerate() {
            if survey.nodes.values().all(|node| node.site != index) {
                continue;
            }
            list.push(pue(&cluster.name, index, site, pue_factor(site, plan.terms.period, factors)));
            if let Some(terms) = &site.embodied {
                list.extend(hardware(terms, factors));
            }
        }
    }
    merged(list)
}

/// The PUE of a site's cloud region in a period, where the configuration leaves it to the factor tables. An own row goes before the embedded ones.
pub fn pue_factor<'a>(site: &config::Site, period: ReportingPeriod, factors: &'a Factors) -> Option<&'a Factor> {
    factors.find(Quantity::Pue, site.pue_region.as_ref()?, period.from().with_timezone(&period.time_zone()).date_naive())
}

fn pue(cluster: &str, index: usize, site: &config::Site, factor: Option<&Factor>) -> FactorStatement {
    let place = if index == 0 { cluster.to_owned() } else { format!("{cluster}, pool {index}") };
    let used_for = format!("facility energy of {place}");
    if let Some(factor) = factor {
        return statement(factor, &used_for);
    }
    let (quantity, id) = (Quantity::Pue.name(), format!("configuration pue {place}"));
    configured(id, quantity, &place, (site.pue.get(), "ratio"), "the configuration, `pue`", &used_for)
}

/// What a hardware class says of the making of its machines: rows of the tables where it names them, else the configuration's own figures.
fn hardware(terms: &EmbodiedTerms, factors: &Factors) -> Vec<FactorStatement> {
    let used_for = format!("amortised embodied emissions of class {}, and category 2 where the machines are own", terms.class);
    let row = |quantity: Quantity, kgco2e: f64, factor: &Option<String>, note: String| {
        let embedded = factor.as_ref().and_then(|id| factors.rows().iter().find(|row| row.own_file.is_none() && row.id == *id));
        if let Some(factor) = embedded {
            return statement(factor, &used_for);
        }
        let id = format!("configuration {} {}", quantity.name(), terms.class);
        let row = configured(id, quantity.name(), &terms.class, (kgco2e, "kgCO2e"), &terms.source, &used_for);
        FactorStatement { gas_basis: Some("CO2e".to_owned()), note: Some(note), ..row }
    };
    let range = terms.range_kgco2e.map_or_else(String::new, |(low, high)| format!(" The source allows {low} to {high} kgCO2e."));
    let of_server = format!("One machine without its GPUs; shared over {} years.{range}", terms.life_years);
    let mut rows = vec![row(Quantity::ServerEmbodied, terms.embodied_kgco2e, &terms.factor, of_server)];
    if terms.gpus > 0 {
        let of_gpu = format!("One GPU, of {} in a machine.", terms.gpus);
        rows.push(row(Quantity::GpuEmbodied, terms.gpu_embodied_kgco2e, &terms.gpu_factor, of_gpu));
    }
    rows
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn a_factor_that_serves_twice_is_listed_once_with_both() {
        let factors = Factors::embedded().unwrap();
        let losses = |zone: &str| factors.find(Quantity::TdLossShare, zone, NaiveDate::MAX).unwrap();
        let rows = [statement(losses("NL"), "losses of a"), statement(losses("DE"), "losses of b"), statement(losses("NL"), "losses of c")];
        let list = merged(rows);

        let shown: Vec<_> = list.iter().map(|row| (row.geography.as_str(), row.used_for.as_str())).collect();
        assert_eq!(shown, [("DE", "losses of b"), ("NL", "losses of a; losses of c")]);
        assert_eq!(list[0].origin, FactorOrigin::Embedded);
    }

    #[test]
    fn a_row_of_an_own_file_says_which() {
        let own = "id,quantity,geography,value,unit,low,high,year,valid_from,valid_to,gas_basis,publisher,publication,url,licence,nuclear_share,note\n\
                   mine,td-loss-share,NL,0.04,share,0.03,0.05,2025,,,,TenneT,Annual report,,own,,Of the high-voltage grid.\n";
        let factors = Factors::embedded().unwrap().with_file("factors/mine.csv", own.as_bytes()).unwrap();
        let row = statement(factors.find(Quantity::TdLossShare, "NL", NaiveDate::MAX).unwrap(), "losses");

        assert_eq!((row.id.as_str(), row.origin), ("mine", FactorOrigin::OwnFile));
        assert_eq!(row.note.as_deref(), Some("Of the high-voltage grid. The source allows 0.03 to 0.05 share. From factors/mine.csv."));
    }
}
