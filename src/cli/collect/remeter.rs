//! Meters days of the evidence anew, from their own samples, where the configuration's terms have changed.
//!
//! In: days in the store. Out: the same days with other derived tables; each manifest says which one it took the place of, and that one is kept
//! beside it. Rule: the samples stay as they were collected, to the byte. Does not: ask a server.

use anyhow::{Context, Result};

use super::super::progress::Progress;
use super::days::{ClusterDays, day_tables, metering_terms};
use crate::accounting::metering::meter_day;
use crate::cli::account::SOFTWARE;
use crate::config::Config;
use crate::evidence::{DayManifest, SCHEMA, Store, frames_to_samples};
use crate::model::MeteringTerms;
use crate::model::tables::Table;
use crate::units::UtcDay;

/// Gives back how many cluster-days were metered anew.
pub fn remeter(store: &Store, config: &Config, parts: &[ClusterDays<'_>]) -> Result<usize> {
    let progress = Progress::new("metering anew", parts.iter().map(|part| part.days.len() as u64).sum());
    let mut count = 0;
    for ClusterDays { cluster, days } in parts {
        let terms = metering_terms(config, cluster);
        for day in days {
            progress.tick(&format!("{} {day}", cluster.name));
            match store.day(&cluster.name, *day)? {
                // A day that was brought here as energy has no samples to meter.
                Some(manifest) if !manifest.queries.is_empty() && manifest.metering.as_ref() != Some(&terms) => {
                    remeter_day(store, manifest, *day, &terms).with_context(|| format!("meter {} {day} anew", cluster.name))?;
                    count += 1;
                }
                _ => {}
            }
        }
    }
    progress.done();
    Ok(count)
}

fn remeter_day(store: &Store, manifest: DayManifest, day: UtcDay, terms: &MeteringTerms) -> Result<()> {
    let (series, samples) = (store.read_table(&manifest, Table::Series)?, store.read_table(&manifest, Table::Samples)?);
    let table = frames_to_samples(&series, &samples)?;
    let before = manifest.metering.clone().unwrap_or_else(|| MeteringTerms::of_step(manifest.step_seconds));
    // What collecting found stays; what the old metering found goes with it.
    let old = meter_day(&table, day, &before)?.findings;
    let metered = meter_day(&table, day, terms)?;
    let mut findings = manifest.findings.clone();
    findings.retain(|finding| !old.contains(finding));
    findings.extend(metered.findings.iter().cloned());
    let anew = DayManifest {
        schema: SCHEMA.to_owned(),
        step_seconds: terms.step_seconds,
        metering: Some(terms.clone()),
        replaces: Some(manifest.sha256()?),
        software: SOFTWARE.to_owned(),
        findings,
        ..manifest
    };
    store.replace_day(&day_tables(series, samples, metered), anew)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Exporter, PowerRange};

    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                copy(&path, &target);
            } else {
                std::fs::copy(&path, &target).unwrap();
            }
        }
    }

    #[test]
    fn a_day_is_metered_anew_from_its_own_samples_and_the_old_one_is_kept() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data");
        let folder = tempfile::tempdir().unwrap();
        let day: UtcDay = "2026-10-13".parse().unwrap();
        copy(&sample.join("evidence/edge-fr/2026-10-13"), &folder.path().join("edge-fr/2026-10-13"));
        let store = Store::new(folder.path());
        let mut config = Config::load(&sample.join("wattledger.toml")).unwrap();
        let metered = |store: &Store| {
            let manifest = store.day("edge-fr", day).unwrap().unwrap();
            let steps = store.read_table(&manifest, Table::NodeSteps).unwrap();
            let sum = |column: &str| steps.column(column).unwrap().i64().unwrap().iter().flatten().sum::<i64>();
            (sum("metered_mj"), steps.column("tier").unwrap().i32().unwrap().iter().flatten().max(), manifest)
        };
        let before = metered(&store);
        assert!(before.0 > 0 && before.1 == Some(1));

        // Nobody reads meters any more: power is modelled by class.
        let at = config.clusters.iter().position(|cluster| cluster.name == "edge-fr").unwrap();
        config.clusters[at].metering.exporter = Exporter::Cadvisor;
        let hardware = PowerRange { name: "r".to_owned(), idle_watts: 10.0, max_watts: 50.0, source: "test".to_owned() };
        config.clusters[at].metering.hardware = Some(hardware);
        let cluster = config.clusters[at].clone();
        assert_eq!(remeter(&store, &config, &ClusterDays::of_each(&[&cluster], &[day])).unwrap(), 1);
        let after = metered(&store);
        assert_ne!(after.0, before.0);
        assert_eq!(after.2.replaces, Some(before.2.sha256().unwrap()));
        let samples = |manifest: &DayManifest| manifest.files.iter().find(|file| file.path == "samples.parquet").unwrap().sha256.clone();
        assert_eq!(samples(&after.2), samples(&before.2));
        assert_eq!(remeter(&store, &config, &ClusterDays::of_each(&[&cluster], &[day])).unwrap(), 0, "nothing has changed since");

        // A replacement that died in the middle leaves the old day, and the next reader brings it back.
        std::fs::remove_dir_all(folder.path().join("edge-fr/2026-10-13")).unwrap();
        assert_eq!(metered(&store).2, before.2);
    }
}
