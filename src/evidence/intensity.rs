//! Editions of grid intensities in the evidence folder.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use polars::prelude::{Column, DataFrame};

use super::Store;
use super::editions::{Edition, Editions, FORECASTS_FOLDER, INTENSITY_FOLDER, PRICES_FOLDER};
use super::manifest::FileRecord;
use crate::model::{IntensitySeries, Version};

impl Store {
    fn intensities(&self) -> Editions<'_> {
        Editions { store: self, folder: INTENSITY_FOLDER }
    }

    /// Adds a series as an edition of its zone; the same edition twice changes nothing.
    pub fn write_intensity(&self, series: &IntensitySeries) -> Result<()> {
        self.append(series, &[])
    }

    /// Adds what a provider said, with its replies as they came: the values that are new or other than the newest known ones, which stay.
    /// Gives back how many those are.
    pub fn archive_intensity(&self, series: &IntensitySeries, replies: &[&[u8]]) -> Result<usize> {
        let known: Vec<IntensitySeries> = self.intensity(&series.zone)?.into_iter().map(|(series, _)| series).collect();
        let news = news(&known, series);
        if !news.is_empty() {
            self.append(&news, replies)?;
        }
        Ok(news.len())
    }

    /// Changes when an edition of a zone's intensities or prices is added: whoever looks often need not read all of them each time.
    pub fn zone_fingerprint(&self, zone: &str) -> Result<String> {
        let prices = Editions { store: self, folder: PRICES_FOLDER };
        Ok(format!("{} {}", self.intensities().fingerprint(zone)?, prices.fingerprint(zone)?))
    }

    /// Keeps a forecast that somebody decided by, with the reply as it came; the same one twice changes nothing. It is no intensity, and no report reads it.
    pub fn keep_forecast(&self, forecast: &IntensitySeries, reply: &[u8]) -> Result<()> {
        self.append_to(&Editions { store: self, folder: FORECASTS_FOLDER }, forecast, &[reply])
    }

    /// All forecasts of a zone that were kept.
    pub fn forecasts(&self, zone: &str) -> Result<Vec<(IntensitySeries, FileRecord)>> {
        read(&Editions { store: self, folder: FORECASTS_FOLDER }, zone)
    }

    fn append(&self, series: &IntensitySeries, replies: &[&[u8]]) -> Result<()> {
        self.append_to(&self.intensities(), series, replies)
    }

    fn append_to(&self, editions: &Editions<'_>, series: &IntensitySeries, replies: &[&[u8]]) -> Result<()> {
        let edition = Edition {
            edition: series.edition.clone(),
            provider: series.provider.clone(),
            signal: series.signal,
            retrieved_s: series.retrieved_s,
            file: FileRecord::default(),
            replies: Vec::new(),
            findings: series.findings.clone(),
        };
        editions.append(&series.zone, edition, &to_frame(series)?, replies)
    }

    /// All editions of a zone, sorted by edition, each with the file record of its Parquet file.
    pub fn intensity(&self, zone: &str) -> Result<Vec<(IntensitySeries, FileRecord)>> {
        read(&self.intensities(), zone)
    }
}

fn read(editions: &Editions<'_>, zone: &str) -> Result<Vec<(IntensitySeries, FileRecord)>> {
    let mut all = Vec::new();
    for (edition, frame) in editions.read(zone)? {
        let series = IntensitySeries {
            zone: zone.to_owned(),
            provider: edition.provider,
            signal: edition.signal,
            edition: edition.edition,
            retrieved_s: edition.retrieved_s,
            findings: edition.findings,
            ..Default::default()
        };
        let series = from_frame(&frame, series).with_context(|| format!("read {}", edition.file.path))?;
        all.push((series, edition.file));
    }
    Ok(all)
}

/// The rows of a series that no edition of its provider has, or not as their newest version.
fn news(known: &[IntensitySeries], series: &IntensitySeries) -> IntensitySeries {
    let mut newest: BTreeMap<i64, (Option<Version>, &IntensitySeries, usize)> = BTreeMap::new();
    for edition in known.iter().filter(|known| (&known.provider, known.signal) == (&series.provider, series.signal)) {
        for row in 0..edition.len() {
            let version = edition.version(row);
            let is_newer = newest.get(&edition.start_s[row]).is_none_or(|(other, ..)| version >= *other);
            if is_newer {
                newest.insert(edition.start_s[row], (version, edition, row));
            }
        }
    }
    series.with_rows(|row| newest.get(&series.start_s[row]).is_none_or(|(_, edition, other)| !is_same(edition, *other, series, row)))
}

fn is_same(a: &IntensitySeries, i: usize, b: &IntensitySeries, j: usize) -> bool {
    a.end_s[i] == b.end_s[j]
        && a.direct_gco2e_per_kwh[i] == b.direct_gco2e_per_kwh[j]
        && a.lifecycle_gco2e_per_kwh[i] == b.lifecycle_gco2e_per_kwh[j]
        && (a.is_estimated[i], &a.estimation_method[i], a.updated_s(i)) == (b.is_estimated[j], &b.estimation_method[j], b.updated_s(j))
}

fn to_frame(series: &IntensitySeries) -> Result<DataFrame> {
    let mut columns = vec![
        Column::new("start_s".into(), series.start_s.as_slice()),
        Column::new("end_s".into(), series.end_s.as_slice()),
        Column::new("direct_gco2e_per_kwh".into(), series.direct_gco2e_per_kwh.as_slice()),
        Column::new("lifecycle_gco2e_per_kwh".into(), series.lifecycle_gco2e_per_kwh.as_slice()),
        Column::new("is_estimated".into(), series.is_estimated.as_slice()),
        Column::new("estimation_method".into(), series.estimation_method.as_slice()),
    ];
    if !series.updated_s.is_empty() {
        columns.push(Column::new("updated_s".into(), series.updated_s.as_slice()));
    }
    Ok(DataFrame::new(series.len(), columns)?)
}

fn from_frame(frame: &DataFrame, mut series: IntensitySeries) -> Result<IntensitySeries> {
    series.start_s = frame.column("start_s")?.i64()?.into_no_null_iter().collect();
    series.end_s = frame.column("end_s")?.i64()?.into_no_null_iter().collect();
    series.direct_gco2e_per_kwh = frame.column("direct_gco2e_per_kwh")?.f64()?.iter().collect();
    series.lifecycle_gco2e_per_kwh = frame.column("lifecycle_gco2e_per_kwh")?.f64()?.iter().collect();
    series.is_estimated = frame.column("is_estimated")?.bool()?.iter().map(|is| is.unwrap_or(false)).collect();
    series.estimation_method =
        frame.column("estimation_method")?.str()?.iter().map(|method| method.unwrap_or_default().to_owned()).collect();
    if let Ok(updated) = frame.column("updated_s") {
        series.updated_s = updated.i64()?.iter().collect();
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(edition: &str, value: f64) -> IntensitySeries {
        IntensitySeries {
            zone: "US-CAL-CISO".to_owned(),
            provider: "electricity-maps".to_owned(),
            edition: edition.to_owned(),
            start_s: vec![0, 3600],
            end_s: vec![3600, 7200],
            direct_gco2e_per_kwh: vec![Some(value), None],
            lifecycle_gco2e_per_kwh: vec![None, None],
            is_estimated: vec![false, true],
            estimation_method: vec![String::new(), "GUESS".to_owned()],
            ..IntensitySeries::default()
        }
    }

    #[test]
    fn editions_stand_side_by_side_and_come_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert!(store.intensity("US-CAL-CISO").unwrap().is_empty());
        for one in [series("b", 2.0), series("a", 1.0), series("b", 2.0)] {
            store.write_intensity(&one).unwrap();
        }
        let read: Vec<_> = store.intensity("US-CAL-CISO").unwrap().into_iter().map(|(series, _)| series).collect();
        assert_eq!(read, [series("a", 1.0), series("b", 2.0)]);
        assert!(store.write_intensity(&series("a", 3.0)).is_err());
    }

    #[test]
    fn a_new_edition_changes_the_fingerprint_of_its_zone_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let before = store.zone_fingerprint("US-CAL-CISO").unwrap();
        store.write_intensity(&series("a", 1.0)).unwrap();
        let after = store.zone_fingerprint("US-CAL-CISO").unwrap();
        assert_ne!(before, after);
        store.write_intensity(&series("a", 1.0)).unwrap();
        assert_eq!(store.zone_fingerprint("US-CAL-CISO").unwrap(), after);
        assert_eq!(store.zone_fingerprint("NL").unwrap(), before);
    }

    #[test]
    fn a_changed_edition_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.write_intensity(&series("a", 1.0)).unwrap();
        let path = folder.path().join(&store.intensity("US-CAL-CISO").unwrap()[0].1.path);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(store.intensity("US-CAL-CISO").unwrap_err().to_string().starts_with("EVIDENCE_CHANGED"));
    }

    fn retrieved(at_s: i64, value: f64, updated_s: Option<i64>) -> IntensitySeries {
        let updated_s = if updated_s.is_some() { vec![updated_s, None] } else { Vec::new() };
        IntensitySeries { retrieved_s: Some(at_s), updated_s, ..series(&format!("{at_s}"), value) }
    }

    #[test]
    fn only_news_is_archived_and_what_was_known_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let first = retrieved(10_000, 1.0, Some(9_000));
        assert_eq!(store.archive_intensity(&first, &[b"{}"]).unwrap(), 2);
        // Asked again, the same answer is no news, whatever its edition.
        assert_eq!(store.archive_intensity(&retrieved(20_000, 1.0, Some(9_000)), &[b"{}"]).unwrap(), 0);
        // Revised, and revised back: both are news, each beside what was known.
        assert_eq!(store.archive_intensity(&retrieved(30_000, 2.0, Some(29_000)), &[b"{ }"]).unwrap(), 1);
        assert_eq!(store.archive_intensity(&retrieved(40_000, 1.0, Some(39_000)), &[b"{  }"]).unwrap(), 1);
        let read: Vec<_> = store.intensity("US-CAL-CISO").unwrap().into_iter().map(|(series, _)| series).collect();
        assert_eq!(read.iter().map(IntensitySeries::len).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(read[0], first);
        assert_eq!((read[1].retrieved_s, read[1].updated_s(0)), (Some(30_000), Some(29_000)));
    }

    #[test]
    fn a_forecast_is_kept_beside_the_intensities_and_is_none_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let forecast = retrieved(10_000, 7.0, None);
        store.keep_forecast(&forecast, b"{}").unwrap();
        store.keep_forecast(&forecast, b"{}").unwrap();
        assert_eq!(store.forecasts("US-CAL-CISO").unwrap().into_iter().map(|(series, _)| series).collect::<Vec<_>>(), [forecast]);
        assert!(store.intensity("US-CAL-CISO").unwrap().is_empty());
        let reply = format!("forecasts/US-CAL-CISO/replies/{}.json", crate::model::sha256(b"{}"));
        assert_eq!(std::fs::read(folder.path().join(reply)).unwrap(), b"{}");
    }

    #[test]
    fn replies_are_kept_as_they_came_under_their_digest() {
        let folder = tempfile::tempdir().unwrap();
        let reply = br#"{"zone":"US-CAL-CISO"}"#;
        Store::new(folder.path()).archive_intensity(&retrieved(10_000, 1.0, None), &[reply]).unwrap();
        let digest = crate::model::sha256(reply);
        let zone = folder.path().join("intensity/US-CAL-CISO");
        assert_eq!(std::fs::read(zone.join(format!("replies/{digest}.json"))).unwrap(), reply);
        assert!(std::fs::read_to_string(zone.join("manifest.json")).unwrap().contains(&digest));
    }
}
