//! Editions of electricity prices in the evidence folder.

use anyhow::{Context, Result};
use polars::prelude::{Column, DataFrame};

use super::Store;
use super::editions::{Edition, Editions, PRICES_FOLDER};
use super::manifest::FileRecord;
use crate::model::{PriceSeries, Signal};
use crate::units::MicroEurosPerKilowattHour;

const PROVIDER: &str = "files";

impl Store {
    fn price_editions(&self) -> Editions<'_> {
        Editions { store: self, folder: PRICES_FOLDER }
    }

    /// Adds a series as an edition of its zone; the same edition twice changes nothing.
    pub fn write_prices(&self, series: &PriceSeries) -> Result<()> {
        let prices: Vec<i64> = series.price.iter().map(|price| price.get()).collect();
        let columns = vec![
            Column::new("start_s".into(), series.start_s.as_slice()),
            Column::new("end_s".into(), series.end_s.as_slice()),
            Column::new("price_micro_eur_per_kwh".into(), prices),
        ];
        let edition = Edition {
            edition: series.edition.clone(),
            provider: PROVIDER.to_owned(),
            signal: Signal::Average,
            retrieved_s: series.retrieved_s,
            file: FileRecord::default(),
            replies: Vec::new(),
            findings: Vec::new(),
        };
        self.price_editions().append(&series.zone, edition, &DataFrame::new(series.len(), columns)?, &[])
    }

    /// All editions of a zone's prices, sorted by edition, each with the file record of its Parquet file.
    pub fn prices(&self, zone: &str) -> Result<Vec<(PriceSeries, FileRecord)>> {
        let mut all = Vec::new();
        for (edition, frame) in self.price_editions().read(zone)? {
            let column = |name: &str| -> Result<Vec<i64>> { Ok(frame.column(name)?.i64()?.into_no_null_iter().collect()) };
            let read = || -> Result<PriceSeries> {
                Ok(PriceSeries {
                    zone: zone.to_owned(),
                    edition: edition.edition.clone(),
                    retrieved_s: edition.retrieved_s,
                    start_s: column("start_s")?,
                    end_s: column("end_s")?,
                    price: column("price_micro_eur_per_kwh")?.into_iter().map(MicroEurosPerKilowattHour::new).collect(),
                })
            };
            all.push((read().with_context(|| format!("read {}", edition.file.path))?, edition.file.clone()));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_come_back_as_they_were_written_and_an_edition_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let series = |micro_eur| PriceSeries {
            zone: "NL".to_owned(),
            edition: "NL_2022.csv 0123".to_owned(),
            retrieved_s: None,
            start_s: vec![0, 3_600],
            end_s: vec![3_600, 7_200],
            price: vec![MicroEurosPerKilowattHour::new(micro_eur), MicroEurosPerKilowattHour::new(-222_360)],
        };
        store.write_prices(&series(124_700)).unwrap();
        store.write_prices(&series(124_700)).unwrap();
        assert!(store.write_prices(&series(1)).is_err());
        let read: Vec<_> = store.prices("NL").unwrap().into_iter().map(|(series, _)| series).collect();
        assert_eq!(read, [series(124_700)]);
        assert!(store.prices("BE").unwrap().is_empty());
    }
}
