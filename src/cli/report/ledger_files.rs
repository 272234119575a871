//! The files of the hourly ledger, written while it is made.
//!
//! In: a folder, formats, the ledger's days as they come. Out: `ledger.csv`, `ledger.parquet`. Rule: rows go to files under temporary names, which get their
//! own at the end, so that no reader sees half a ledger and a refused report leaves nothing. Does not: hold more than a day.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::disclosure::hourly::LedgerDay;
use crate::reports::ledger::{CsvLedger, ParquetLedger};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerFormat {
    Csv,
    Parquet,
}

impl LedgerFormat {
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "ledger.csv",
            Self::Parquet => "ledger.parquet",
        }
    }
}

/// Files that are being written; what is not put into place goes with it.
pub struct LedgerFiles {
    folder: PathBuf,
    formats: Vec<LedgerFormat>,
    files: Vec<Unfinished>,
}

struct Unfinished {
    temporary: PathBuf,
    path: PathBuf,
    /// None once it is whole.
    rows: Option<Rows>,
}

enum Rows {
    Csv(Box<CsvLedger<BufWriter<File>>>),
    Parquet(Box<ParquetLedger<BufWriter<File>>>),
}

impl LedgerFiles {
    /// Nothing is made before the first day comes.
    pub fn new(folder: &Path, formats: impl IntoIterator<Item = LedgerFormat>) -> Self {
        Self { folder: folder.to_owned(), formats: formats.into_iter().collect(), files: Vec::new() }
    }

    pub fn is_wanted(&self) -> bool {
        !self.formats.is_empty()
    }

    pub fn add(&mut self, day: &LedgerDay) -> Result<()> {
        self.open()?;
        for file in &mut self.files {
            match &mut file.rows {
                Some(Rows::Csv(rows)) => rows.add(day)?,
                Some(Rows::Parquet(rows)) => rows.add(day)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Ends the files; they are whole, and still under their temporary names.
    pub fn finish(&mut self) -> Result<()> {
        self.open()?;
        for file in &mut self.files {
            match file.rows.take() {
                Some(Rows::Csv(rows)) => rows.finish()?.flush().with_context(|| format!("write {}", file.temporary.display()))?,
                Some(Rows::Parquet(rows)) => rows.finish()?,
                None => {}
            }
        }
        Ok(())
    }

    /// Gives the files their names. Gives back where they are.
    pub fn put_into_place(mut self) -> Result<Vec<PathBuf>> {
        self.finish()?;
        let mut paths = Vec::new();
        for file in std::mem::take(&mut self.files) {
            fs::rename(&file.temporary, &file.path).with_context(|| format!("put {} into place", file.path.display()))?;
            paths.push(file.path);
        }
        Ok(paths)
    }

    fn open(&mut self) -> Result<()> {
        if !self.files.is_empty() || self.formats.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).with_context(|| format!("create {}", self.folder.display()))?;
        for format in &self.formats {
            let path = self.folder.join(format.file_name());
            let temporary = path.with_file_name(format!(".{}.tmp-{}", format.file_name(), std::process::id()));
            let create = || File::create(&temporary).with_context(|| format!("write {}", temporary.display()));
            let writer = BufWriter::with_capacity(1 << 20, create()?);
            let rows = match format {
                LedgerFormat::Csv => CsvLedger::new(writer).map(|rows| Rows::Csv(Box::new(rows))),
                LedgerFormat::Parquet => ParquetLedger::new(writer).map(|rows| Rows::Parquet(Box::new(rows))),
            };
            self.files.push(Unfinished { temporary, path, rows: Some(rows?) });
        }
        Ok(())
    }
}

impl Drop for LedgerFiles {
    fn drop(&mut self) {
        for file in &self.files {
            // The first error is the one to tell; nobody reads a file of such a name.
            let _ = fs::remove_file(&file.temporary);
        }
    }
}
