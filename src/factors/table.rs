//! One table of factors: what comes with the software, and what the organisation brings, which goes before it.
//!
//! In: CSV, the embedded one and the organisation's own. Out: [`Factors`], looked up by quantity, geography and day.
//! Rule: a row without publisher, publication and licence does not load; an own row goes before an embedded one; of several that hold, the one that
//! begins to hold last is taken. Does not: interpolate, or take another geography's value.

use anyhow::{Context, Result, bail, ensure};
use chrono::NaiveDate;
use serde::Deserialize;

/// What a factor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Average direct emissions of a grid zone's electricity over a year (location-based).
    GridAnnualDirect,
    /// Upstream of generation: fuels (Scope 3 category 3, activity B).
    GridUpstream,
    /// Grid losses as emissions per kWh used, their upstream included (category 3, activity C).
    TdLosses,
    /// Grid losses as a share of what is fed in.
    TdLossShare,
    /// Of electricity that no instrument claims (market-based, level 4).
    ResidualMix,
    /// Facility energy over IT energy of a cloud region.
    Pue,
    /// Cradle to gate, of one server.
    ServerEmbodied,
    /// Cradle to gate, of one GPU.
    GpuEmbodied,
}

impl Quantity {
    /// The one unit that a value is written in, and the values that can be.
    const fn unit(self) -> (&'static str, f64, f64) {
        match self {
            Self::GridAnnualDirect | Self::GridUpstream | Self::TdLosses | Self::ResidualMix => ("gCO2e/kWh", 0.0, 2_000.0),
            Self::TdLossShare => ("share", 0.0, 0.5),
            Self::Pue => ("ratio", 1.0, 5.0),
            Self::ServerEmbodied | Self::GpuEmbodied => ("kgCO2e", 1.0, 100_000.0),
        }
    }

    /// The unit that every value of it is written in.
    pub const fn unit_name(self) -> &'static str {
        self.unit().0
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::GridAnnualDirect => "grid-annual-direct",
            Self::GridUpstream => "grid-upstream",
            Self::TdLosses => "td-losses",
            Self::TdLossShare => "td-loss-share",
            Self::ResidualMix => "residual-mix",
            Self::Pue => "pue",
            Self::ServerEmbodied => "server-embodied",
            Self::GpuEmbodied => "gpu-embodied",
        }
    }
}

/// One row, as written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    pub id: String,
    pub quantity: Quantity,
    /// Grid zone, `provider/region`, or a class of hardware.
    pub geography: String,
    pub value: f64,
    pub unit: String,
    /// Lowest and highest that the source allows.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The year that the value describes.
    pub year: Option<i32>,
    pub valid_from: Option<NaiveDate>,
    /// Last day.
    pub valid_to: Option<NaiveDate>,
    /// `CO2`, `CO2e AR5` …; none where it has no gas.
    pub gas_basis: Option<String>,
    pub publisher: String,
    pub publication: String,
    pub url: Option<String>,
    pub licence: String,
    /// Of a residual mix: the share of nuclear generation in it.
    pub nuclear_share: Option<f64>,
    pub note: Option<String>,
    /// The organisation's own file that it stands in; none: it comes with the software.
    #[serde(skip)]
    pub own_file: Option<String>,
}

/// All rows, the organisation's own first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors {
    rows: Vec<Factor>,
}

impl Factors {
    /// What comes with the software.
    pub fn embedded() -> Result<Self> {
        Ok(Self { rows: read(include_bytes!("factors.csv"), None).context("the embedded factor table")? })
    }

    /// The same with an own file before it.
    pub fn with_file(mut self, name: &str, bytes: &[u8]) -> Result<Self> {
        let own = read(bytes, Some(name)).with_context(|| format!("factor table {name}"))?;
        for row in &own {
            let twin = self.rows.iter().find(|known| known.own_file.is_some() && known.id == row.id);
            ensure!(twin.is_none(), "factor table {name}: id `{}` is in another own file too", row.id);
        }
        self.rows.splice(0..0, own);
        Ok(self)
    }

    /// The row that holds on a day.
    pub fn find(&self, quantity: Quantity, geography: &str, on: NaiveDate) -> Option<&Factor> {
        let holds = |row: &&Factor| {
            row.quantity == quantity
                && row.geography == geography
                && row.valid_from.is_none_or(|from| from <= on)
                && row.valid_to.is_none_or(|to| to >= on)
        };
        // Own rows stand first; `max_by_key` takes the last of equals, so they are compared too.
        self.rows.iter().filter(holds).max_by_key(|row| (row.own_file.is_some(), row.valid_from))
    }

    /// The same for a grid zone, or where nobody says it of the zone for its country: `SE` for `SE-SE3`. For what is much alike within a country.
    pub fn find_for_zone(&self, quantity: Quantity, zone: &str, on: NaiveDate) -> Option<&Factor> {
        let country = zone.split('-').next().unwrap_or(zone);
        self.find(quantity, zone, on).or_else(|| self.find(quantity, country, on))
    }

    pub fn rows(&self) -> &[Factor] {
        &self.rows
    }
}

fn read(bytes: &[u8], own_file: Option<&str>) -> Result<Vec<Factor>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let mut rows: Vec<Factor> = Vec::new();
    for row in reader.deserialize() {
        let mut row: Factor = row?;
        let place = format!("row `{}`", row.id);
        check(&row).with_context(|| place.clone())?;
        ensure!(rows.iter().all(|known| known.id != row.id), "{place}: the id is there twice");
        let twin = rows
            .iter()
            .find(|known| (known.quantity, &known.geography, known.valid_from) == (row.quantity, &row.geography, row.valid_from));
        if let Some(twin) = twin {
            bail!("{place}: `{}` says the same quantity of the same place from the same day; which one holds would be unsaid", twin.id);
        }
        row.own_file = own_file.map(str::to_owned);
        rows.push(row);
    }
    Ok(rows)
}

fn check(row: &Factor) -> Result<()> {
    ensure!(!row.id.is_empty() && !row.geography.is_empty(), "`id` and `geography` must not be empty");
    for (column, text) in [("publisher", &row.publisher), ("publication", &row.publication), ("licence", &row.licence)] {
        ensure!(!text.is_empty(), "`{column}` is empty; a factor without a source cannot be audited");
    }
    let (unit, least, most) = row.quantity.unit();
    ensure!(row.unit == unit, "`unit` is `{}`; {} is written in {unit}", row.unit, row.quantity.name());
    for value in [Some(row.value), row.low, row.high].into_iter().flatten() {
        ensure!(value.is_finite() && (least..=most).contains(&value), "{value} is outside of {least} to {most} {unit}");
    }
    ensure!(
        row.low.is_none_or(|low| low <= row.value) && row.high.is_none_or(|high| high >= row.value),
        "`low` and `high` do not hold `value`"
    );
    ensure!(row.nuclear_share.is_none_or(|share| (0.0..=1.0).contains(&share)), "`nuclear_share` is a share from 0 to 1");
    if let (Some(from), Some(to)) = (row.valid_from, row.valid_to) {
        ensure!(from <= to, "it is valid from {from}, which is after {to}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "id,quantity,geography,value,unit,low,high,year,valid_from,valid_to,gas_basis,publisher,publication,url,licence,nuclear_share,note\n";

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_embedded_factor_has_a_source_and_is_looked_up() {
        let factors = Factors::embedded().unwrap();
        let upstream = factors.find(Quantity::GridUpstream, "GB", day("2026-10-01")).unwrap();

        assert_eq!(upstream.value, 45.90);
        assert_eq!(factors.find(Quantity::GridUpstream, "NL", day("2026-10-01")), None);
        assert_eq!(factors.find(Quantity::GridUpstream, "GB", day("2024-10-01")), None);
    }

    /// Rows by quantity and the sum of their values: a factor that changes, comes or goes changes a line here too.
    const EMBEDDED: [(Quantity, usize, f64); 7] = [
        (Quantity::GridAnnualDirect, 1, 177.0),
        (Quantity::GridUpstream, 1, 45.9),
        (Quantity::TdLosses, 1, 22.5),
        (Quantity::TdLossShare, 12, 0.7171),
        (Quantity::Pue, 16, 18.19),
        (Quantity::ServerEmbodied, 3, 6_393.0),
        (Quantity::GpuEmbodied, 1, 150.0),
    ];

    #[test]
    fn a_changed_factor_shows_in_review() {
        let factors = Factors::embedded().unwrap();
        assert_eq!(factors.rows().len(), EMBEDDED.iter().map(|(_, count, _)| count).sum::<usize>());
        for (quantity, count, sum) in EMBEDDED {
            let values: Vec<f64> = factors.rows().iter().filter(|row| row.quantity == quantity).map(|row| row.value).collect();
            assert_eq!(values.len(), count, "{}", quantity.name());
            assert!((values.iter().sum::<f64>() - sum).abs() < 1e-9, "{}: {}", quantity.name(), values.iter().sum::<f64>());
        }
    }

    #[test]
    fn every_embedded_factor_is_plausible_and_cited() {
        let plausible = |quantity| match quantity {
            Quantity::GridAnnualDirect => 10.0..1_000.0,
            Quantity::GridUpstream | Quantity::TdLosses => 1.0..200.0,
            Quantity::TdLossShare => 0.02..0.12,
            Quantity::ResidualMix => 0.0..1_000.0,
            Quantity::Pue => 1.03..1.6,
            Quantity::ServerEmbodied => 500.0..5_000.0,
            Quantity::GpuEmbodied => 50.0..2_000.0,
        };
        let factors = Factors::embedded().unwrap();
        for row in factors.rows() {
            assert!(plausible(row.quantity).contains(&row.value), "{row:?}");
            assert!(row.url.as_ref().is_some_and(|url| url.starts_with("https://")), "{row:?}");
            assert!(row.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{row:?}");
            let is_dated = row.year.is_some() && row.valid_from.is_some();
            assert!(is_dated || matches!(row.quantity, Quantity::ServerEmbodied | Quantity::GpuEmbodied), "{row:?}");
            let has_gas = !matches!(row.quantity, Quantity::Pue | Quantity::TdLossShare);
            assert_eq!(row.gas_basis.is_some(), has_gas, "{row:?}");
            if row.quantity == Quantity::Pue {
                assert!(crate::factors::Region::find(&row.geography).is_some(), "{row:?}");
            }
        }
    }

    #[test]
    fn a_part_of_a_country_has_the_countrys_losses_where_nobody_knows_its_own() {
        let own = format!("{HEADER}north,td-loss-share,SE-SE1,0.02,share,,,2025,2025-01-01,,,Us,Our study,,own,,\n");
        let factors = Factors::embedded().unwrap().with_file("mine.csv", own.as_bytes()).unwrap();
        let of = |zone: &str| factors.find_for_zone(Quantity::TdLossShare, zone, day("2026-10-01")).map(|factor| factor.value);

        // World Bank, EG.ELC.LOSS.ZS, Sweden 2014: 4.78 %.
        assert_eq!((of("SE-SE3"), of("SE-SE1"), of("US-CAL-CISO")), (Some(0.0478), Some(0.02), None));
    }

    #[test]
    fn an_own_row_goes_before_an_embedded_one() {
        let own = format!("{HEADER}mine,grid-upstream,GB,50,gCO2e/kWh,,,2024,2024-01-01,,CO2e AR5,Us,Our study,,own,,\n");
        let factors = Factors::embedded().unwrap().with_file("mine.csv", own.as_bytes()).unwrap();

        assert_eq!(factors.find(Quantity::GridUpstream, "GB", day("2026-10-01")).unwrap().id, "mine");
    }

    #[test]
    fn a_factor_without_source_does_not_load() {
        let own = format!("{HEADER}mine,grid-upstream,GB,50,gCO2e/kWh,,,2024,,,CO2e AR5,,Our study,,own,,\n");
        let error = Factors::default().with_file("mine.csv", own.as_bytes()).unwrap_err();

        let text = format!("{error:#}");
        assert!(text.contains("mine.csv") && text.contains("`mine`") && text.contains("`publisher` is empty"), "{text}");
    }
}
