//! In a folder: everything is written into a folder of a temporary name, synced, and that one is renamed into place.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::super::folder::{make_folder, temporary_name};
use super::{Placed, REPLACED, Written, aside};
use crate::evidence::files::{self, HashedFile};

pub struct InFolder {
    temporary: PathBuf,
    /// Where it is to be.
    folder: PathBuf,
    is_placed: bool,
}

impl InFolder {
    pub fn begin(folder: &Path) -> Result<Self> {
        let parent = folder.parent().unwrap_or(Path::new("."));
        make_folder(parent)?;
        let temporary = parent.join(temporary_name(&name_of(folder)));
        fs::create_dir(&temporary).map_err(|error| files::trouble(error, &format!("create {}", temporary.display())))?;
        Ok(Self { temporary, folder: folder.to_owned(), is_placed: false })
    }

    pub fn write(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Written> {
        let mut file = HashedFile::create(&self.temporary.join(name))?;
        if let Err(error) = write(&mut file) {
            return Err(file.explain(error));
        }
        let (sha256, bytes) = file.finish_synced()?;
        Ok(Written { name: name.to_owned(), sha256, bytes })
    }

    pub fn place(mut self, last: &str, bytes: &[u8]) -> Result<Placed> {
        self.finish(last, bytes)?;
        if let Some(known) = files::read_if_there(&self.folder.join(last))? {
            return Ok(Placed::WasThere(known));
        }
        // A rename onto a folder that is not empty fails, so one of two writers wins.
        if let Err(error) = fs::rename(&self.temporary, &self.folder) {
            if !matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) {
                return Err(files::trouble(error, &format!("put {} into place", self.folder.display())));
            }
            if let Some(known) = files::read_if_there(&self.folder.join(last))? {
                return Ok(Placed::WasThere(known));
            }
            // Without the last file it is what an interrupted copy left.
            files::remove_folder(&self.folder)?;
            fs::rename(&self.temporary, &self.folder).with_context(|| format!("put {} into place", self.folder.display()))?;
        }
        self.is_placed = true;
        self.sync_or(|this| this.take_back())?;
        Ok(Placed::New)
    }

    pub fn replace(mut self, last: &str, bytes: &[u8]) -> Result<()> {
        let Some(before) = files::read_if_there(&self.folder.join(last))? else { return self.place(last, bytes).map(|_| ()) };
        self.finish(last, bytes)?;
        let aside = self.folder.with_file_name(aside(&name_of(&self.folder), &before));
        files::remove_folder(&aside)?;
        fs::rename(&self.folder, &aside).with_context(|| format!("put {} aside", self.folder.display()))?;
        if let Err(error) = fs::rename(&self.temporary, &self.folder) {
            let _ = fs::rename(&aside, &self.folder);
            return Err(error).with_context(|| format!("put {} into place", self.folder.display()));
        }
        self.is_placed = true;
        self.sync_or(|this| {
            this.take_back();
            let _ = fs::rename(&aside, &this.folder);
        })
    }

    fn finish(&self, last: &str, bytes: &[u8]) -> Result<()> {
        files::write_synced(&self.temporary.join(last), &mut { bytes })?;
        files::sync_folder(&self.temporary)
    }

    /// Makes the new name last; where that fails it may not, and must not look as if it would.
    fn sync_or(&mut self, undo: impl FnOnce(&mut Self)) -> Result<()> {
        let synced = files::sync_folder(self.folder.parent().unwrap_or(Path::new(".")));
        if synced.is_err() {
            undo(self);
        }
        synced
    }

    fn take_back(&mut self) {
        // The first error is the one to tell.
        self.is_placed = fs::rename(&self.folder, &self.temporary).is_err();
    }
}

impl Drop for InFolder {
    fn drop(&mut self) {
        if !self.is_placed {
            // A folder that stays behind is ignored by every reader.
            let _ = files::remove_folder(&self.temporary);
        }
    }
}

/// Brings back the newest that was put aside, where nothing took its place.
pub fn recover(folder: &Path) -> Result<()> {
    let Some(parent) = folder.parent().filter(|parent| !folder.exists() && parent.is_dir()) else { return Ok(()) };
    let look = || format!("look into {}", parent.display());
    let prefix = format!("{REPLACED}{}-", name_of(folder));
    let mut newest = None;
    for entry in fs::read_dir(parent).with_context(look)? {
        let entry = entry.with_context(look)?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let made = entry.metadata().and_then(|known| known.modified()).with_context(look)?;
            newest = newest.max(Some((made, entry.path())));
        }
    }
    match newest {
        Some((_, aside)) => fs::rename(&aside, folder).with_context(|| format!("bring back {}", folder.display())),
        None => Ok(()),
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
