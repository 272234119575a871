//! Cluster-days in the evidence.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use polars::prelude::DataFrame;

use super::closed::CLOSED_FOLDER;
use super::editions::{DECISIONS_FOLDER, FORECASTS_FOLDER, INTENSITY_FOLDER, PRICES_FOLDER};
use super::exchange::ENGINE_FOLDER;
use super::files::folder_name;
use super::journal::RECORDER_FOLDER;
use super::manifest::{DayManifest, FileRecord};
use super::objects::Placed;
use super::{Store, parquet, upgrade};
use crate::model::tables::Table;
use crate::units::UtcDay;

const MANIFEST: &str = "manifest.json";
/// A part of `usage` ends with the node that reaches this many rows: some MiB, decoded.
const PART_ROWS: usize = 256 * 1024;

impl Store {
    /// What the keys of a day begin with.
    fn day_prefix(&self, cluster: &str, day: &str) -> Result<String> {
        if [CLOSED_FOLDER, DECISIONS_FOLDER, ENGINE_FOLDER, FORECASTS_FOLDER, INTENSITY_FOLDER, PRICES_FOLDER, RECORDER_FOLDER]
            .contains(&cluster)
        {
            bail!("a cluster cannot be called `{cluster}`: the evidence keeps something else in the folder of that name");
        }
        Ok(format!("{}/{}", folder_name(cluster)?, folder_name(day)?))
    }

    /// Writes tables and manifest of a day, which is there as soon as its manifest is; the manifest's `files` are filled in here.
    ///
    /// A day that is there already stays: the same one again is fine, another one is an error.
    pub fn write_day(&self, tables: &BTreeMap<Table, DataFrame>, manifest: DayManifest) -> Result<DayManifest> {
        self.write(tables, manifest, false)
    }

    /// Puts a day in the place of the one that is there, which is kept beside it under a name that no reader looks at.
    pub fn replace_day(&self, tables: &BTreeMap<Table, DataFrame>, manifest: DayManifest) -> Result<DayManifest> {
        self.write(tables, manifest, true)
    }

    fn write(&self, tables: &BTreeMap<Table, DataFrame>, mut manifest: DayManifest, replaces: bool) -> Result<DayManifest> {
        let prefix = self.day_prefix(&manifest.cluster, &manifest.day)?;
        let mut staging = self.objects().stage(&prefix)?;
        manifest.files.clear();
        for (table, frame) in tables {
            for (name, part) in parts(*table, frame)? {
                // Straight to where it is kept: a day's samples are many.
                let written = staging.write(&name, |file| parquet::encode_into(table.name(), &part, file))?;
                let rows = part.height() as u64;
                manifest.files.push(FileRecord { path: written.name, sha256: written.sha256, bytes: written.bytes, rows });
            }
        }
        let bytes = manifest.to_json()?;
        if replaces {
            staging.replace(MANIFEST, &bytes)?;
            return Ok(manifest);
        }
        if let Placed::WasThere(known) = staging.place(MANIFEST, &bytes)? {
            let shown = self.objects().display(&prefix);
            let known = DayManifest::from_json(&known).with_context(|| format!("read {shown}/{MANIFEST}"))?;
            if known != manifest {
                bail!("{shown} is there already and differs; evidence is written once: remove it to collect that day again");
            }
        }
        Ok(manifest)
    }

    /// The manifest of a complete day, or none.
    pub fn day(&self, cluster: &str, day: UtcDay) -> Result<Option<DayManifest>> {
        let prefix = self.day_prefix(cluster, &day.to_string())?;
        self.objects().recover(&prefix)?;
        let key = format!("{prefix}/{MANIFEST}");
        let Some(bytes) = self.objects().get(&key)? else { return Ok(None) };
        let manifest = DayManifest::from_json(&bytes).with_context(|| format!("read {}", self.objects().display(&key)))?;
        if manifest.cluster != cluster || manifest.day != day.to_string() {
            bail!("{} holds the evidence of {} on {}", self.objects().display(&prefix), manifest.cluster, manifest.day);
        }
        Ok(Some(manifest))
    }

    /// Reads a table of a day after checking the SHA-256 of its files against the manifest.
    pub fn read_table(&self, manifest: &DayManifest, table: Table) -> Result<DataFrame> {
        let records = files_of(manifest, table);
        let mut frames = records.iter().map(|record| self.read_part(manifest, record));
        let Some(first) = frames.next() else {
            bail!("the evidence of {} on {} has no table {}", manifest.cluster, manifest.day, table.name())
        };
        let mut whole = first?;
        for part in frames {
            whole.vstack_mut(&part?).with_context(|| format!("put the parts of table {} together", table.name()))?;
        }
        Ok(whole)
    }

    /// The key of a file of a day.
    fn part_key(&self, manifest: &DayManifest, record: &FileRecord) -> Result<String> {
        Ok(format!("{}/{}", self.day_prefix(&manifest.cluster, &manifest.day)?, folder_name(&record.path)?))
    }

    /// Checks the SHA-256 of a file of a day that somebody else is going to read.
    pub fn check_part(&self, manifest: &DayManifest, record: &FileRecord) -> Result<()> {
        self.objects().get_checked(&self.part_key(manifest, record)?, record).map(|_| ())
    }

    /// Reads one file of a day after checking its SHA-256; the file is read once.
    pub fn read_part(&self, manifest: &DayManifest, record: &FileRecord) -> Result<DataFrame> {
        let key = self.part_key(manifest, record)?;
        let bytes = self.objects().get_checked(&key, record)?;
        let frame = parquet::decode(bytes).with_context(|| format!("decode {}", self.objects().display(&key)))?;
        if frame.height() as u64 != record.rows {
            bail!("{} has {} rows, the manifest says {}", self.objects().display(&key), frame.height(), record.rows);
        }
        match table_of(record) {
            Some(table) => upgrade::upgraded(table, manifest.version()?, frame),
            None => Ok(frame),
        }
    }
}

/// One pattern for the keys of a table's files on some days, as engines read it: `prod-nl/{2026-10-01,2026-10-02}/usage-*.parquet`.
pub fn day_files(cluster: &str, days: impl Iterator<Item = UtcDay>, table: Table) -> Result<String> {
    let days: Vec<String> = days.map(|day| day.to_string()).collect();
    let days = if days.len() == 1 { days.concat() } else { format!("{{{}}}", days.join(",")) };
    let parts = if table == Table::Usage { "-*" } else { "" };
    Ok(format!("{}/{days}/{}{parts}.parquet", folder_name(cluster)?, table.name()))
}

/// The files of a table, in order; `usage` may have several, each with whole nodes.
pub fn files_of(manifest: &DayManifest, table: Table) -> Vec<&FileRecord> {
    manifest.files.iter().filter(|file| table_of(file) == Some(table)).collect()
}

/// `nodes.parquet`, or a part: `usage-000.parquet`.
fn table_of(file: &FileRecord) -> Option<Table> {
    let stem = file.path.strip_suffix(".parquet")?;
    let name = stem.split_once('-').map_or(stem, |(name, _)| name);
    Table::ALL.into_iter().find(|table| table.name() == name)
}

/// A table's files: `usage` is cut between nodes, so that each part can be accounted by itself, in little memory.
fn parts(table: Table, frame: &DataFrame) -> Result<Vec<(String, DataFrame)>> {
    if table != Table::Usage {
        return Ok(vec![(format!("{}.parquet", table.name()), frame.clone())]);
    }
    let node_ids = frame.column("node_id").and_then(|column| column.i32().cloned()).context("table usage")?;
    let mut cuts = vec![0];
    let (mut row, mut previous) = (0, None);
    for node in node_ids.iter() {
        if row - cuts[cuts.len() - 1] >= PART_ROWS && node != previous {
            cuts.push(row);
        }
        previous = node;
        row += 1;
    }
    cuts.push(frame.height());
    Ok(cuts
        .windows(2)
        .enumerate()
        .map(|(i, cut)| (format!("{}-{i:03}.parquet", table.name()), frame.slice(cut[0] as i64, cut[1] - cut[0])))
        .collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::Column;

    use super::*;
    use crate::evidence::SCHEMA;

    fn manifest() -> DayManifest {
        DayManifest {
            schema: SCHEMA.to_owned(),
            cluster: "prod-nl".to_owned(),
            day: "2026-10-01".to_owned(),
            step_seconds: 900,
            metering: None,
            baseline_policy: None,
            replaces: None,
            software: "wattledger 0.1.0".to_owned(),
            endpoint: None,
            queries: Vec::new(),
            unanswered: Vec::new(),
            files: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn tables(energy_mj: &[Option<i64>]) -> BTreeMap<Table, DataFrame> {
        let ids = (0..energy_mj.len() as i32).collect::<Vec<_>>();
        let columns = vec![
            Column::new("node_id".into(), vec![0; energy_mj.len()]),
            Column::new("pod_id".into(), ids),
            Column::new("active_mj".into(), energy_mj),
        ];
        BTreeMap::from([(Table::Usage, DataFrame::new(energy_mj.len(), columns).unwrap())])
    }

    fn day() -> UtcDay {
        "2026-10-01".parse().unwrap()
    }

    #[test]
    fn a_day_is_read_as_it_was_written_and_the_same_input_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (Store::new(folder.path().join("a")), Store::new(folder.path().join("b")));
        assert_eq!(a.day("prod-nl", day()).unwrap(), None);
        let tables = tables(&[Some(1), None, Some(i64::MAX)]);
        let written = a.write_day(&tables, manifest()).unwrap();
        b.write_day(&tables, manifest()).unwrap();
        for file in ["usage-000.parquet", "manifest.json"] {
            let bytes = |store: &str| std::fs::read(folder.path().join(store).join("prod-nl/2026-10-01").join(file)).unwrap();
            assert_eq!(bytes("a"), bytes("b"), "{file}");
        }
        let read = a.day("prod-nl", day()).unwrap().unwrap();
        assert_eq!(read, written);
        assert!(a.read_table(&read, Table::Usage).unwrap().equals_missing(&tables[&Table::Usage]));
        assert!(a.read_table(&read, Table::Pods).is_err());
        // Nothing temporary stays.
        assert_eq!(std::fs::read_dir(folder.path().join("a/prod-nl")).unwrap().count(), 1);
    }

    #[test]
    fn files_of_all_days_are_one_pattern() {
        let of = |days: &[&str], table| day_files("a", days.iter().map(|day| day.parse().unwrap()), table).unwrap();
        assert_eq!(of(&["2026-10-01", "2026-10-02"], Table::Usage), "a/{2026-10-01,2026-10-02}/usage-*.parquet");
        assert_eq!(of(&["2026-10-02"], Table::NodeSteps), "a/2026-10-02/node_steps.parquet");
        assert!(day_files("../a", std::iter::once(day()), Table::Usage).is_err());
    }

    #[test]
    fn evidence_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.write_day(&tables(&[Some(1)]), manifest()).unwrap();
        store.write_day(&tables(&[Some(1)]), manifest()).unwrap();
        let error = store.write_day(&tables(&[Some(2)]), manifest()).unwrap_err().to_string();
        assert!(error.contains("2026-10-01 is there already and differs"), "{error}");
        let read = store.day("prod-nl", day()).unwrap().unwrap();
        assert_eq!(store.read_table(&read, Table::Usage).unwrap().column("active_mj").unwrap().i64().unwrap().get(0), Some(1));
    }

    #[test]
    fn a_day_without_a_manifest_is_not_there_and_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("prod-nl/2026-10-01");
        std::fs::create_dir_all(&half).unwrap();
        std::fs::write(half.join("usage-000.parquet"), "half").unwrap();
        let store = Store::new(folder.path());
        assert_eq!(store.day("prod-nl", day()).unwrap(), None);
        let written = store.write_day(&tables(&[Some(1)]), manifest()).unwrap();
        assert_eq!(store.read_table(&written, Table::Usage).unwrap().height(), 1);
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_the_file_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let written = store.write_day(&tables(&[Some(1), Some(2)]), manifest()).unwrap();
        let path = folder.path().join("prod-nl/2026-10-01/usage-000.parquet");
        let whole = std::fs::read(&path).unwrap();
        for byte in (0..whole.len()).step_by(37) {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << (byte % 8);
            std::fs::write(&path, &flipped).unwrap();
            let error = store.read_table(&written, Table::Usage).unwrap_err().to_string();
            assert!(error.starts_with("EVIDENCE_CHANGED: ") && error.contains("usage-000.parquet"), "{error}");
        }
    }

    #[test]
    fn a_newer_schema_is_refused_whatever_it_looks_like() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod-nl/2026-10-01");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("manifest.json"), r#"{"schema":"wattledger.evidence/3","tables":{}}"#).unwrap();
        let error = format!("{:#}", Store::new(folder.path()).day("prod-nl", day()).unwrap_err());
        assert!(error.contains("NEWER_SCHEMA") && error.contains("manifest.json"), "{error}");
    }

    #[test]
    fn evidence_of_the_first_schema_reads_as_metered_and_without_tails() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let mut tables = tables(&[Some(1), None]);
        let node_steps = vec![Column::new("step".into(), [7_i32]), Column::new("metered_mj".into(), [9_i64])];
        tables.insert(Table::NodeSteps, DataFrame::new(1, node_steps).unwrap());
        store.write_day(&tables, DayManifest { schema: "wattledger.evidence/1".to_owned(), ..manifest() }).unwrap();
        let read = store.day("prod-nl", day()).unwrap().unwrap();

        let (node_steps, usage) = (store.read_table(&read, Table::NodeSteps).unwrap(), store.read_table(&read, Table::Usage).unwrap());
        assert_eq!(node_steps.column("tier").unwrap().i32().unwrap().get(0), Some(1));
        assert_eq!((usage.column("tail_mj").unwrap().null_count(), usage.column("active_mj").unwrap().null_count()), (2, 1));
        assert!(usage.drop("tail_mj").unwrap().equals_missing(&tables[&Table::Usage]));
    }

    #[test]
    fn a_clusters_name_leads_nowhere_else() {
        let store = Store::new("unused");
        for name in ["../up", "a/b", "", ".hidden", "closed", "decisions", "forecasts", "intensity", "prices", "recorder"] {
            assert!(store.day(name, day()).is_err(), "{name}");
        }
    }
}
