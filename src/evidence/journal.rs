//! What a recorder saw, a line an event, by cluster and UTC day.
//!
//! In: entries, in the order in which they happened. Out: the same, read back. Rule: lines are only ever appended, in a folder of the machine's own; a
//! line is there when its newline is, so what a crash left of a last one is dropped, and any other line that cannot be read is an error that names it.
//! Where evidence is in a bucket, a `spool` takes the lines there, a file for each time that a recorder was started.
//! Assumes: one recorder a cluster, which a lock sees to. Does not: know what the entries mean.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Store;
use super::files::{self, folder_name};
use super::objects::make_folder;
use super::spool::Spool;
use crate::model::Hint;
use crate::units::UtcDay;

pub const RECORDER_FOLDER: &str = "recorder";

/// A journal that is being written. The lock on it ends with it.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    cluster: String,
    page: Page,
    /// Where the evidence is in a bucket.
    spool: Option<Spool>,
}

/// The file of a day, or of a part of it.
#[derive(Debug)]
pub(super) struct Page {
    file: File,
    path: PathBuf,
    is_dirty: bool,
}

/// A journal as it was read.
#[derive(Debug, PartialEq)]
pub struct JournalOfDay<T> {
    pub entries: Vec<T>,
    /// Whether there was a last line without an end, which is not among the entries.
    pub has_half_line: bool,
}

/// The key of a whole day's journal, and the prefix of those that hold parts of it.
pub(super) fn keys(cluster: &str, day: UtcDay) -> Result<(String, String)> {
    let prefix = format!("{RECORDER_FOLDER}/{}/{day}", folder_name(cluster)?);
    Ok((format!("{prefix}.jsonl"), prefix))
}

impl Store {
    /// Opens a day's journal to append to it. What a crash left of a last line is cut off.
    pub fn open_journal(&self, cluster: &str, day: UtcDay) -> Result<Journal> {
        let (whole, _) = keys(cluster, day)?;
        let (page, spool) = match self.objects().folder() {
            Some(root) => (Page::open(&root.join(whole))?, None),
            None => {
                let spool = Spool::begin(self.objects(), self.spool(), cluster)?;
                (spool.page(day)?, Some(spool))
            }
        };
        Ok(Journal { store: self.clone(), cluster: cluster.to_owned(), page, spool })
    }

    /// Whether anything was recorded on a day.
    pub fn has_journal(&self, cluster: &str, day: UtcDay) -> Result<bool> {
        let (whole, parts) = keys(cluster, day)?;
        Ok(self.objects().has(&whole)? || !self.objects().list(&parts)?.is_empty())
    }

    /// All entries of a day, or none where nothing was recorded.
    pub fn read_journal<T: DeserializeOwned>(&self, cluster: &str, day: UtcDay) -> Result<Option<JournalOfDay<T>>> {
        let (whole, parts) = keys(cluster, day)?;
        let mut keys = self.objects().list(&parts)?;
        keys.insert(0, whole);
        let mut journal = None;
        for key in keys {
            // Parts are called after the time at which they begin, so this is the order of what happened.
            let Some(bytes) = self.objects().get(&key)? else { continue };
            let journal = journal.get_or_insert_with(|| JournalOfDay { entries: Vec::new(), has_half_line: false });
            let (lines, half) = bytes.split_at(end_of_lines(&bytes));
            for (number, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
                let place = || format!("{} line {} is not an entry of a recorder", self.objects().display(&key), number + 1);
                journal.entries.push(serde_json::from_slice(line).with_context(place)?);
            }
            journal.has_half_line |= !half.is_empty();
        }
        Ok(journal)
    }
}

impl Journal {
    /// Where it is, for people.
    pub fn place(&self) -> String {
        let path = self.page.path.display().to_string();
        self.spool.as_ref().map_or(path.clone(), |spool| format!("{path}, from where it goes to {}", spool.place()))
    }

    pub fn append<T: Serialize>(&mut self, entries: &[T]) -> Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        self.page.append(&lines)
    }

    /// Waits until what was appended is on the disk; sends it to the bucket, where it is in one, and where it is time.
    pub fn sync(&mut self) -> Result<()> {
        self.page.sync()?;
        if let Some(spool) = &mut self.spool {
            spool.send_when_due(&self.page.path);
        }
        Ok(())
    }

    /// Ends a day's journal and begins another's.
    pub fn turn_to(&mut self, day: UtcDay) -> Result<()> {
        self.page.sync()?;
        let Some(spool) = &mut self.spool else {
            let page = self.store.open_journal(&self.cluster, day)?.page;
            self.page = page;
            return Ok(());
        };
        self.page = spool.page(day)?;
        // The day that has ended is not appended to any more.
        spool.send_ended(&self.page.path);
        Ok(())
    }

    /// Ends it; an error where lines are not yet in the bucket. They stay where they are, and the next recorder sends them.
    pub fn end(mut self) -> Result<()> {
        self.page.sync()?;
        self.spool.as_ref().map_or(Ok(()), |spool| spool.send_all())
    }
}

impl Page {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder)?;
        let open = || OpenOptions::new().create(true).read(true).append(true).open(path);
        let mut file = open().map_err(|error| files::trouble(error, &format!("open {}", path.display())))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(Hint::new(
                format!("{} is being written by another recorder", path.display()),
                "one recorder a cluster is enough; stop the other one first"
            )),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("lock {}", path.display())),
        }
        cut_half_line(&mut file).with_context(|| format!("mend {}", path.display()))?;
        files::sync_folder(folder)?;
        Ok(Self { file, path: path.to_owned(), is_dirty: true })
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        self.is_dirty |= !lines.is_empty();
        self.file.write_all(lines).map_err(|error| files::trouble(error, &format!("write {}", self.path.display())))
    }

    fn sync(&mut self) -> Result<()> {
        if self.is_dirty {
            self.file.sync_data().map_err(|error| files::trouble(error, &format!("sync {}", self.path.display())))?;
            self.is_dirty = false;
        }
        Ok(())
    }
}

/// Where the last whole line ends.
pub(super) fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

fn cut_half_line(file: &mut File) -> std::io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        file.set_len(end_of_lines(&bytes) as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn day() -> UtcDay {
        "2026-10-01".parse().unwrap()
    }

    fn store() -> (tempfile::TempDir, Store, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let path = folder.path().join("recorder/prod-nl/2026-10-01.jsonl");
        (folder, store, path)
    }

    #[test]
    fn what_is_appended_is_read_back_over_several_openings() {
        let (_folder, store, _) = store();
        assert_eq!(store.read_journal::<u32>("prod-nl", day()).unwrap(), None);
        assert!(!store.has_journal("prod-nl", day()).unwrap());
        for entry in [1, 2] {
            let mut journal = store.open_journal("prod-nl", day()).unwrap();
            journal.append(&[entry, 10 * entry]).unwrap();
            journal.append::<u32>(&[]).unwrap();
            journal.sync().unwrap();
        }
        let read = store.read_journal::<u32>("prod-nl", day()).unwrap().unwrap();
        assert_eq!(read, JournalOfDay { entries: vec![1, 10, 2, 20], has_half_line: false });
        assert!(store.has_journal("prod-nl", day()).unwrap());
        assert!(store.open_journal("../up", day()).is_err());
    }

    #[test]
    fn one_recorder_writes_at_a_time() {
        let (_folder, store, _) = store();
        let first = store.open_journal("prod-nl", day()).unwrap();
        let error = store.open_journal("prod-nl", day()).unwrap_err().to_string();
        assert!(error.contains("another recorder"), "{error}");
        drop(first);
        store.open_journal("prod-nl", day()).unwrap();
    }

    #[test]
    fn a_journal_cut_at_any_byte_loses_at_most_its_last_line() {
        let (_folder, store, path) = store();
        store.open_journal("prod-nl", day()).unwrap().append(&["first", "second"]).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let read = store.read_journal::<String>("prod-nl", day()).unwrap().unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(read.entries, ["first", "second"][..lines], "cut at {cut}");
            assert_eq!(read.has_half_line, !whole[..cut].is_empty() && whole[cut - 1] != b'\n', "cut at {cut}");
            // Whoever goes on writing begins a new line.
            store.open_journal("prod-nl", day()).unwrap().append(&["next"]).unwrap();
            let read = store.read_journal::<String>("prod-nl", day()).unwrap().unwrap();
            assert_eq!((read.entries.last().unwrap().as_str(), read.entries.len(), read.has_half_line), ("next", lines + 1, false));
        }
    }

    #[test]
    fn a_broken_line_is_named_with_its_file() {
        let (_folder, store, path) = store();
        store.open_journal("prod-nl", day()).unwrap();
        for broken in ["1\n2x\n3\n", "1\n\n3\n"] {
            fs::write(&path, broken).unwrap();
            let error = format!("{:#}", store.read_journal::<u32>("prod-nl", day()).unwrap_err());
            assert!(error.contains("recorder/prod-nl/2026-10-01.jsonl line 2"), "{error}");
        }
    }
}
