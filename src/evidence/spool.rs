//! A recorder's lines on their way to a bucket, where nothing can be appended to.
//!
//! In: files of a folder of the machine's own, each begun by one start of a recorder, or by one day of it. Out: the same files, whole lines of them, in the
//! bucket. Rule: a file is only ever sent by the machine that has it, and what is sent holds all that was sent of it before; so no line is lost by however
//! many crashes, as long as the folder is there. A file goes from the folder when it has ended and is in the bucket.
//! Assumes: the folder outlives a crash. Does not: read what the lines say.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;

use super::files::{self, folder_name};
use super::journal::{Page, RECORDER_FOLDER, end_of_lines, keys};
use super::objects::{Lock, Objects, lock_file, make_folder};
use crate::model::Hint;
use crate::units::UtcDay;

/// How long lines wait at least, and for each MiB of their file: it is sent whole each time.
const WAIT: Duration = Duration::from_secs(60);
const WAIT_FOR_MIB: Duration = Duration::from_secs(10);
const MIB: u64 = 1024 * 1024;

#[derive(Debug)]
pub struct Spool {
    objects: Objects,
    /// Of all clusters.
    root: PathBuf,
    cluster: String,
    /// When something was sent last, and how much of the page that is being written.
    sent: Instant,
    sent_bytes: u64,
    /// Of this folder, then of the bucket: no other recorder of the cluster writes to either.
    _locks: [Lock; 2],
}

impl Spool {
    /// Sends what earlier recorders left.
    pub fn begin(objects: &Objects, root: &Path, cluster: &str) -> Result<Self> {
        let folder = root.join(RECORDER_FOLDER).join(folder_name(cluster)?);
        make_folder(&folder)?;
        let what = format!("recorder-{cluster}");
        // With the folder's lock in hand, a recorder of this machine that holds the bucket's has ended.
        let locks = [lock_file(&folder.join(".lock"), &what)?, objects.lock(&what)?];
        let spool = Self {
            objects: objects.clone(),
            root: root.to_owned(),
            cluster: cluster.to_owned(),
            sent: Instant::now(),
            sent_bytes: 0,
            _locks: locks,
        };
        spool.send_all()?;
        Ok(spool)
    }

    pub fn place(&self) -> String {
        self.objects.display(&format!("{RECORDER_FOLDER}/{}", self.cluster))
    }

    /// A new file for a day, called after now.
    pub fn page(&self, day: UtcDay) -> Result<Page> {
        let (_, prefix) = keys(&self.cluster, day)?;
        let now = Utc::now().format("%Y%m%dT%H%M%S%9fZ");
        Page::open(&self.root.join(prefix).join(format!("{now}-{}.jsonl", std::process::id())))
    }

    /// Sends the page that is being written, and what could not be sent before. Where that fails it is tried again when it is due again.
    pub fn send_when_due(&mut self, page: &Path) {
        let bytes = fs::metadata(page).map_or(0, |known| known.len());
        let wait = WAIT.max(WAIT_FOR_MIB * u32::try_from(bytes / MIB).unwrap_or(u32::MAX));
        if bytes == self.sent_bytes || self.sent.elapsed() < wait {
            return;
        }
        self.sent = Instant::now();
        match self.send_all_but(Some(page)).and_then(|()| self.send(page)) {
            Ok(()) => self.sent_bytes = bytes,
            Err(error) => warn(&error),
        }
    }

    /// Sends what has ended; `page` has just begun.
    pub fn send_ended(&mut self, page: &Path) {
        self.sent_bytes = 0;
        if let Err(error) = self.send_all_but(Some(page)) {
            warn(&error);
        }
    }

    /// Sends everything.
    pub fn send_all(&self) -> Result<()> {
        self.send_all_but(None).with_context(|| {
            Hint::new(
                format!("send what was recorded of {} to the bucket", self.cluster),
                format!("it is kept below {}; the next recorder that has that folder sends it", self.root.display()),
            )
        })
    }

    fn send_all_but(&self, page: Option<&Path>) -> Result<()> {
        let folder = self.root.join(RECORDER_FOLDER).join(&self.cluster);
        let look = |folder: &Path| -> Result<Vec<PathBuf>> {
            let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
            let mut paths: Vec<_> =
                entries.with_context(|| format!("look into {}", folder.display()))?.iter().map(fs::DirEntry::path).collect();
            paths.sort();
            Ok(paths)
        };
        for day in look(&folder)?.iter().filter(|day| day.is_dir()) {
            for path in look(day)?.iter().filter(|path| page != Some(path.as_path())) {
                self.send(path)?;
                files::remove_file(path)?;
            }
            // Fails where a page is being written in it.
            let _ = fs::remove_dir(day);
        }
        Ok(())
    }

    fn send(&self, path: &Path) -> Result<()> {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let within = path.strip_prefix(&self.root).with_context(|| format!("{} is not in the spool", path.display()))?;
        match end_of_lines(&bytes) {
            0 => Ok(()),
            end => self.objects.replace(&within.to_string_lossy(), &bytes[..end]),
        }
    }
}

fn warn(error: &anyhow::Error) {
    tracing::warn!(error = format!("{error:#}"), "lines of the recorder wait for the bucket");
}
