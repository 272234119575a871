//! What an account is made from: a configuration, the evidence, and the organisation's own files that the configuration names.
//!
//! In: a configuration, or a closed month. Out: [`Books`]. Rule: a closed month is accounted from what was sealed with it and nothing else: its configuration,
//! its copies of own files, its evidence as of the close. Does not: account.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::Config;
use crate::evidence::{Sealed, Store};

/// Folders of a closed month that hold copies of the organisation's own files.
pub const FACTORS_FOLDER: &str = "factors";
pub const GENERATION_FOLDER: &str = "generation";

#[derive(Clone)]
pub struct Books {
    pub config: Config,
    pub store: Store,
    own_files: OwnFiles,
}

/// Where the organisation's own files are read.
#[derive(Clone)]
enum OwnFiles {
    /// Where the configuration says.
    AsConfigured,
    /// Beside the seal of a closed month, which lies in this store.
    Sealed(Store, Box<Sealed>),
}

/// A file of the organisation's own that figures rest on.
pub struct OwnFile {
    /// Not the whole path: the same file in another folder gives the same report.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Books {
    /// The books as they are now.
    pub fn open(config: &Config) -> Result<Self> {
        Ok(Self { store: Store::open(&config.evidence)?, config: config.clone(), own_files: OwnFiles::AsConfigured })
    }

    /// The same over another view of their evidence.
    pub fn with_store(self, store: Store) -> Self {
        Self { store, ..self }
    }

    /// The books as they were when a month was closed. `store` is where it lies.
    pub fn of_closed(store: &Store, sealed: &Sealed) -> Result<Self> {
        let bytes = store.read_closed(sealed, CONFIG_FILE)?;
        // By path, which is the order that they had.
        let is_own_factors = |path: &&str| path.split_once('/').is_some_and(|(folder, _)| folder == FACTORS_FOLDER);
        let factor_files = sealed.seal.files.iter().map(|file| file.path.as_str()).filter(is_own_factors).map(PathBuf::from).collect();
        let shown = PathBuf::from(store.objects().display(&format!("{}/{CONFIG_FILE}", sealed.folder())));
        let config =
            Config::from_sealed(&bytes, &shown, factor_files).with_context(|| format!("read configuration {}", shown.display()))?;
        let own_files = OwnFiles::Sealed(store.clone(), Box::new(sealed.clone()));
        Ok(Self { config, store: store.as_sealed(sealed)?, own_files })
    }

    /// A factor table, as the configuration lists it.
    pub fn factor_file(&self, path: &Path) -> Result<OwnFile> {
        match &self.own_files {
            OwnFiles::AsConfigured => on_disk(path),
            OwnFiles::Sealed(store, sealed) => sealed_copy(store, sealed, &path.to_string_lossy()),
        }
    }

    /// A file of generation by hour, as an instrument names it.
    pub fn generation_file(&self, path: &Path) -> Result<OwnFile> {
        match &self.own_files {
            OwnFiles::AsConfigured => on_disk(path),
            OwnFiles::Sealed(store, sealed) => {
                let copies = copies(GENERATION_FOLDER, &generation_files(&self.config));
                let copy = copies.iter().find(|copy| copy.path == path);
                sealed_copy(store, sealed, &copy.context("a file of generation that no instrument names")?.key)
            }
        }
    }

    /// The organisation's own files with what is in them, and the paths that their copies have in a closed month.
    pub fn own_files(&self) -> Result<Vec<(String, OwnFile)>> {
        let factors = copies(FACTORS_FOLDER, &self.config.factor_files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        let mut files = Vec::new();
        for copy in factors {
            files.push((copy.key, self.factor_file(copy.path)?));
        }
        for copy in copies(GENERATION_FOLDER, &generation_files(&self.config)) {
            files.push((copy.key, self.generation_file(copy.path)?));
        }
        Ok(files)
    }
}

/// The configuration in a closed month's folder.
pub const CONFIG_FILE: &str = "config.toml";

fn on_disk(path: &Path) -> Result<OwnFile> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    Ok(OwnFile { name: file_name(path).into_owned(), bytes })
}

fn sealed_copy(store: &Store, sealed: &Sealed, key: &str) -> Result<OwnFile> {
    let bytes = store.read_closed(sealed, key)?;
    let name = sealed.seal.file(key).map(|file| file.name().to_owned()).unwrap_or_default();
    Ok(OwnFile { name, bytes })
}

/// In the order of the instruments, each once.
fn generation_files(config: &Config) -> Vec<&Path> {
    let mut files: Vec<&Path> = Vec::new();
    for path in config.instruments.iter().filter_map(|table| table.generation_file.as_deref()) {
        if !files.contains(&path) {
            files.push(path);
        }
    }
    files
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
}

struct Copy<'a> {
    path: &'a Path,
    key: String,
}

/// Where copies of files lie in a closed month: under their own names, and in numbered folders where names alone would not keep them apart and in order.
fn copies<'a>(folder: &str, paths: &[&'a Path]) -> Vec<Copy<'a>> {
    let names: Vec<String> = paths.iter().map(|path| plain_name(&file_name(path))).collect();
    let is_plain = names.windows(2).all(|pair| pair[0] < pair[1]);
    let key =
        |(index, name): (usize, &String)| if is_plain { format!("{folder}/{name}") } else { format!("{folder}/{:03}/{name}", index + 1) };
    paths.iter().zip(names.iter().enumerate().map(key)).map(|(path, key)| Copy { path, key }).collect()
}

/// A name as the evidence can have it; the seal keeps the one that it had.
fn plain_name(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    if plain.is_empty() || plain.starts_with('.') { format!("_{plain}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(paths: &[&str]) -> Vec<String> {
        copies("factors", &paths.iter().map(Path::new).collect::<Vec<_>>()).into_iter().map(|copy| copy.key).collect()
    }

    #[test]
    fn copies_keep_their_names_where_names_keep_them_apart_and_in_order() {
        assert_eq!(keys(&["in/a.csv", "in/b.csv"]), ["factors/a.csv", "factors/b.csv"]);
        assert_eq!(keys(&["one/a.csv", "two/a.csv"]), ["factors/001/a.csv", "factors/002/a.csv"]);
        assert_eq!(keys(&["one/b.csv", "two/a.csv"]), ["factors/001/b.csv", "factors/002/a.csv"]);
        assert_eq!(keys(&["Strom 2026.csv", "../..", ".hidden"]), ["factors/Strom_2026.csv", "factors/_", "factors/_.hidden"]);
    }
}
