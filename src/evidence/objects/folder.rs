//! Objects as files of a folder.
//!
//! Rule: written under a temporary name, synced, put into place in one step, and the folder synced. Where a sync fails nothing is synced again, which
//! could succeed without the bytes: the file is taken away, and whoever tries again writes it again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Created;
use super::lock::{self, Lock};
use crate::evidence::files;

/// Before the names of files that are being written.
const TEMPORARY: &str = ".tmp-";
/// No file takes so long to write.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        files::read_if_there(&self.path(key))
    }

    pub fn create(&self, key: &str, bytes: &[u8]) -> Result<Created> {
        let path = self.path(key);
        match fs::metadata(&path) {
            Ok(known) if known.is_dir() => bail!("{} is a folder, where a file was to be created", path.display()),
            Ok(_) => return Ok(Created::WasThere),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("look for {}", path.display())),
        }
        let temporary = self.write_temporary(&path, &mut { bytes })?;
        let placed = self.put_where_nothing_is(&temporary, &path);
        let removed = files::remove_file(&temporary);
        if placed? == Created::WasThere {
            return removed.map(|()| Created::WasThere);
        }
        removed?;
        if let Err(error) = files::sync_folder(parent(&path)) {
            // Its name may not last, so it is not there. The first error is the one to tell.
            let _ = files::remove_file(&path);
            return Err(error);
        }
        Ok(Created::New)
    }

    pub fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.replace_from(key, &mut { bytes })
    }

    pub fn replace_from(&self, key: &str, reader: &mut dyn Read) -> Result<()> {
        let path = self.path(key);
        let temporary = self.write_temporary(&path, reader)?;
        // What is there is kept under a second name until the new one lasts; on a file system without hard links it is not.
        let before = path.with_file_name(temporary_name(&name_of(&path)));
        let kept = fs::hard_link(&path, &before).map_err(|error| error.kind());
        let placed = fs::rename(&temporary, &path).map_err(|error| files::trouble(error, &format!("put {} into place", path.display())));
        let lasts = placed.and_then(|()| files::sync_folder(parent(&path)).inspect_err(|_| take_back(&path, &before, kept)));
        // The first error is the one to tell.
        let _ = files::remove_file(&temporary);
        let _ = files::remove_file(&before);
        lasts
    }

    pub fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut prefixes = vec![prefix.to_owned()];
        while let Some(prefix) = prefixes.pop() {
            let folder = self.path(&prefix);
            let look = || format!("look into {}", folder.display());
            let entries = match fs::read_dir(&folder) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                entries => entries.with_context(look)?,
            };
            for entry in entries {
                let entry = entry.with_context(look)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                let key = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                // A link to a folder is one: clusters may be spread over disks.
                match fs::metadata(entry.path()) {
                    Ok(known) if known.is_dir() => prefixes.push(key),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    known => {
                        known.with_context(|| format!("look at {}", entry.path().display()))?;
                        keys.push(key);
                    }
                }
            }
        }
        Ok(keys)
    }

    /// What lies in the folder itself, also what no list has. Nothing, where there is no folder yet.
    pub fn names(&self) -> Result<Vec<String>> {
        let look = || format!("look into {}", self.root.display());
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(look)?,
        };
        entries.map(|entry| Ok(entry.with_context(look)?.file_name().to_string_lossy().into_owned())).collect()
    }

    pub fn remove(&self, key: &str) -> Result<()> {
        let path = self.path(key);
        if !path.try_exists().with_context(|| format!("look for {}", path.display()))? {
            return Ok(());
        }
        files::remove_file(&path)?;
        files::sync_folder(parent(&path))
    }

    pub fn remove_all(&self, prefix: &str) -> Result<()> {
        let path = self.path(prefix);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.with_context(|| format!("remove {}", path.display())),
        }
    }

    pub fn lock(&self, key: &str, what: &str) -> Result<Lock> {
        make_folder(&self.root)?;
        let lock = lock::of_file(&self.path(key), what)?;
        self.sweep();
        Ok(lock)
    }

    /// Takes away what killed processes left under temporary names, once nobody can be writing it any more. Trouble with it waits for the next time.
    fn sweep(&self) {
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let Ok(known) = entry.metadata() else { continue };
                let is_old = known.modified().is_ok_and(|made| made.elapsed().is_ok_and(|age| age > LEFT_BEHIND));
                let path = entry.path();
                match (entry.file_name().to_string_lossy().starts_with(TEMPORARY), known.is_dir()) {
                    (true, true) if is_old => drop(files::remove_folder(&path)),
                    (true, false) if is_old => drop(files::remove_file(&path)),
                    (false, true) => folders.push(path),
                    _ => {}
                }
            }
        }
    }

    /// The bytes, synced, in a file beside `path` that no reader looks at.
    fn write_temporary(&self, path: &Path, reader: &mut dyn Read) -> Result<PathBuf> {
        make_folder(parent(path))?;
        let temporary = path.with_file_name(temporary_name(&name_of(path)));
        let written = files::write_synced(&temporary, reader);
        if written.is_err() {
            let _ = files::remove_file(&temporary);
        }
        written.map(|()| temporary)
    }

    fn put_where_nothing_is(&self, temporary: &Path, path: &Path) -> Result<Created> {
        match fs::hard_link(temporary, path) {
            Ok(()) => Ok(Created::New),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Created::WasThere),
            // File systems without hard links: SMB shares, FAT.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
                self.rename_where_nothing_is(temporary, path)
            }
            Err(error) => Err(files::trouble(error, &format!("put {} into place", path.display()))),
        }
    }

    /// As a hard link would, among those who ask here first.
    fn rename_where_nothing_is(&self, temporary: &Path, path: &Path) -> Result<Created> {
        let guard = self.root.join(".lock-create");
        let place = || -> io::Result<Created> {
            let guard = File::options().create(true).append(true).open(&guard)?;
            guard.lock()?;
            if path.try_exists()? {
                return Ok(Created::WasThere);
            }
            fs::rename(temporary, path)?;
            Ok(Created::New)
        };
        place().map_err(|error| files::trouble(error, &format!("put {} into place", path.display())))
    }
}

/// Of this process and this moment: process numbers alone repeat between containers that share a folder.
pub fn temporary_name(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nanoseconds = chrono::Utc::now().timestamp_subsec_nanos();
    format!("{TEMPORARY}{name}-{}-{}-{nanoseconds}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a folder whose name lasts, and those above it.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    make_folder(parent(folder))?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(files::trouble(error, &format!("create {}", folder.display()))),
        Ok(()) => files::sync_folder(parent(folder)).inspect_err(|_| {
            // Its name may not last: the next try makes it anew.
            let _ = fs::remove_dir(folder);
        }),
    }
}

/// Undoes a replacement that may not last.
fn take_back(path: &Path, before: &Path, kept: Result<(), ErrorKind>) {
    let _ = match kept {
        Ok(()) => fs::rename(before, path),
        Err(ErrorKind::NotFound) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_hard_links_creates_once_too() {
        let folder = tempfile::tempdir().unwrap();
        let place = Folder::new(folder.path().to_owned());
        let (first, second, path) = (folder.path().join(".tmp-1"), folder.path().join(".tmp-2"), folder.path().join("a"));
        fs::write(&first, "1").unwrap();
        fs::write(&second, "2").unwrap();
        assert_eq!(place.rename_where_nothing_is(&first, &path).unwrap(), Created::New);
        assert_eq!(place.rename_where_nothing_is(&second, &path).unwrap(), Created::WasThere);
        assert_eq!(fs::read(&path).unwrap(), b"1");
    }

    #[test]
    fn what_a_killed_process_left_goes_after_a_day_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new, day) = (folder.path().join("a/.tmp-old"), folder.path().join("a/.tmp-new"), folder.path().join("a/2026-10-01"));
        [&old, &new, &day].into_iter().for_each(|path| fs::create_dir_all(path).unwrap());
        fs::write(old.join("usage-000.parquet"), "half").unwrap();
        let before = std::time::SystemTime::now() - LEFT_BEHIND - Duration::from_secs(60);
        for path in [&old, &day] {
            File::open(path).unwrap().set_modified(before).unwrap();
        }
        drop(Folder::new(folder.path().to_owned()).lock(".lock-collect", "collect").unwrap());
        assert!(!old.exists() && new.exists() && day.exists());
    }

    #[test]
    fn a_replacement_that_may_not_last_is_taken_back_to_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (path, before) = (folder.path().join("a"), folder.path().join(".tmp-a"));
        let read = || fs::read_to_string(&path).ok();
        fs::write(&path, "new").unwrap();
        take_back(&path, &before, Err(ErrorKind::Unsupported));
        assert_eq!(read().as_deref(), Some("new"));
        fs::write(&before, "old").unwrap();
        take_back(&path, &before, Ok(()));
        assert_eq!((read().as_deref(), before.exists()), (Some("old"), false));
        take_back(&path, &before, Err(ErrorKind::NotFound));
        assert_eq!(read(), None);
    }

    #[test]
    fn what_could_not_be_put_into_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("day/inner")).unwrap();
        let place = Folder::new(folder.path().to_owned());
        let error = format!("{:#}", place.replace("day", b"1").unwrap_err());
        assert!(error.contains("put") && error.contains("day"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
