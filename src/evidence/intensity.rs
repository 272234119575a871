//! Editions of grid intensities in the evidence folder.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use polars::prelude::{Column, DataFrame};
use serde::{Deserialize, Serialize};

use super::files::{self, folder_name, sha256};
use super::manifest::{FileRecord, check_schema, json};
use super::{SCHEMA, Store, parquet};
use crate::model::IntensitySeries;

pub(super) const INTENSITY_FOLDER: &str = "intensity";
const MANIFEST: &str = "manifest.json";
/// Characters of a file's SHA-256 that name it.
const DIGEST_IN_NAME: usize = 16;

/// All editions of a zone, sorted by edition and provider.
#[derive(Serialize, Deserialize)]
struct ZoneManifest {
    schema: String,
    zone: String,
    editions: Vec<Edition>,
}

#[derive(Serialize, Deserialize)]
struct Edition {
    edition: String,
    provider: String,
    file: FileRecord,
}

impl Store {
    fn zone_folder(&self, zone: &str) -> Result<PathBuf> {
        Ok(self.root().join(INTENSITY_FOLDER).join(folder_name(zone)?))
    }

    /// Adds a series as an edition of its zone; the same edition twice changes nothing.
    pub fn write_intensity(&self, series: &IntensitySeries) -> Result<()> {
        let folder = self.zone_folder(&series.zone)?;
        let mut manifest = self.zone_manifest(&series.zone)?;
        let bytes = parquet::encode(INTENSITY_FOLDER, &to_frame(series)?)?;
        let digest = sha256(&bytes);
        let name = format!("{}.parquet", &digest[..DIGEST_IN_NAME]);
        let record = FileRecord {
            path: format!("{INTENSITY_FOLDER}/{}/{name}", series.zone),
            sha256: digest,
            bytes: bytes.len() as u64,
            rows: series.len() as u64,
        };
        if let Some(known) = manifest.editions.iter().find(|known| known.edition == series.edition && known.provider == series.provider) {
            if known.file == record {
                return Ok(());
            }
            bail!("edition `{}` of zone {} is there already with other values", series.edition, series.zone);
        }
        manifest.editions.push(Edition { edition: series.edition.clone(), provider: series.provider.clone(), file: record });
        manifest.editions.sort_by(|a, b| (&a.edition, &a.provider).cmp(&(&b.edition, &b.provider)));
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        files::replace(&folder.join(name), &bytes)?;
        // The manifest last: a file that it does not name is not there.
        files::replace(&folder.join(MANIFEST), &json(&manifest)?)
    }

    /// All editions of a zone, sorted by edition, each with the file record of its Parquet file.
    pub fn intensity(&self, zone: &str) -> Result<Vec<(IntensitySeries, FileRecord)>> {
        let mut all = Vec::new();
        for edition in self.zone_manifest(zone)?.editions {
            let path = self.root().join(&edition.file.path);
            let bytes = files::read_checked(&path, &edition.file)?;
            let frame = parquet::decode(bytes).with_context(|| format!("decode {}", path.display()))?;
            let series =
                IntensitySeries { zone: zone.to_owned(), provider: edition.provider, edition: edition.edition, ..Default::default() };
            let series = from_frame(&frame, series).with_context(|| format!("read {}", path.display()))?;
            all.push((series, edition.file));
        }
        Ok(all)
    }

    fn zone_manifest(&self, zone: &str) -> Result<ZoneManifest> {
        let path = self.zone_folder(zone)?.join(MANIFEST);
        let Some(bytes) = files::read_if_there(&path)? else {
            return Ok(ZoneManifest { schema: SCHEMA.to_owned(), zone: zone.to_owned(), editions: Vec::new() });
        };
        let read = || -> Result<ZoneManifest> {
            check_schema(&bytes)?;
            let manifest: ZoneManifest = serde_json::from_slice(&bytes)?;
            for edition in &manifest.editions {
                // The path comes from a file: it must not lead out of the zone's folder.
                let name = edition.file.path.strip_prefix(&format!("{INTENSITY_FOLDER}/{zone}/")).unwrap_or_default();
                folder_name(name)?;
            }
            Ok(manifest)
        };
        read().with_context(|| format!("read {}", path.display()))
    }
}

fn to_frame(series: &IntensitySeries) -> Result<DataFrame> {
    Ok(DataFrame::new(
        series.len(),
        vec![
            Column::new("start_s".into(), series.start_s.as_slice()),
            Column::new("end_s".into(), series.end_s.as_slice()),
            Column::new("direct_gco2e_per_kwh".into(), series.direct_gco2e_per_kwh.as_slice()),
            Column::new("lifecycle_gco2e_per_kwh".into(), series.lifecycle_gco2e_per_kwh.as_slice()),
            Column::new("is_estimated".into(), series.is_estimated.as_slice()),
            Column::new("estimation_method".into(), series.estimation_method.as_slice()),
        ],
    )?)
}

fn from_frame(frame: &DataFrame, mut series: IntensitySeries) -> Result<IntensitySeries> {
    series.start_s = frame.column("start_s")?.i64()?.into_no_null_iter().collect();
    series.end_s = frame.column("end_s")?.i64()?.into_no_null_iter().collect();
    series.direct_gco2e_per_kwh = frame.column("direct_gco2e_per_kwh")?.f64()?.iter().collect();
    series.lifecycle_gco2e_per_kwh = frame.column("lifecycle_gco2e_per_kwh")?.f64()?.iter().collect();
    series.is_estimated = frame.column("is_estimated")?.bool()?.iter().map(|is| is.unwrap_or(false)).collect();
    series.estimation_method =
        frame.column("estimation_method")?.str()?.iter().map(|method| method.unwrap_or_default().to_owned()).collect();
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
}
