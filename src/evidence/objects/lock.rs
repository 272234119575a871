//! One holder at a time.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::lease::Lease;
use crate::evidence::files;
use crate::model::Hint;

/// A lock that is held until this is dropped, or its process ends, however it ends; in a bucket, until some time after a process was killed.
#[derive(Debug)]
pub enum Lock {
    File(LockedFile),
    Lease(Lease),
}

impl Lock {
    /// An error where it is no longer held, which can only be in a bucket that was out of reach.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::File(_) => Ok(()),
            Self::Lease(lease) => lease.check(),
        }
    }
}

/// What begins the message to whoever comes second.
pub(super) const LOCKED: &str = "LOCKED: ";

/// Somebody who only looks whether a lock is held has it for an instant, in which nobody else gets it.
const LOOKS: usize = 4;
const A_LOOK: Duration = Duration::from_millis(10);

/// The kernel takes the lock back from a process that ends.
#[derive(Debug)]
pub struct LockedFile(File);

/// Who holds a lock, for whoever comes second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Holder {
    pub pid: u32,
    pub host: String,
    pub since: DateTime<Utc>,
}

impl Holder {
    pub fn this_process() -> Self {
        Self { pid: std::process::id(), host: host(), since: Utc::now() }
    }
}

/// A lock on a file. The file stays; it says who holds the lock, as long as it is held.
pub(in crate::evidence) fn of_file(path: &Path, what: &str) -> Result<Lock> {
    let open = || File::options().create(true).truncate(false).read(true).write(true).open(path);
    let mut file = open().with_context(|| format!("open {}", path.display()))?;
    let mut looks = 1;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if looks < LOOKS => {
                looks += 1;
                sleep(A_LOOK);
            }
            Err(TryLockError::WouldBlock) => bail!(locked(what, holder_in(path).as_ref(), &path.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("lock {}", path.display())),
        }
    }
    let mut write = || -> std::io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&serde_json::to_vec(&Holder::this_process())?)
    };
    write().map_err(|error| files::trouble(error, &format!("write {}", path.display())))?;
    Ok(Lock::File(LockedFile(file)))
}

/// Whether somebody holds a lock on a file, and who: what they would be told who come second.
pub(super) fn holder_of_file(path: &Path, what: &str) -> Result<Option<Hint>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("open {}", path.display()))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(locked(what, holder_in(path).as_ref(), &path.display().to_string()))),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("look at the lock {}", path.display())),
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // The lock goes with the file's descriptor; a name that stays in it is never read while nobody holds it.
        let _ = self.0.set_len(0);
    }
}

/// None where the holder has not written yet, or no longer holds it.
fn holder_in(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(super) fn locked(what: &str, holder: Option<&Holder>, place: &str) -> Hint {
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} on {} since {}", holder.pid, holder.host, holder.since.to_rfc3339_opts(SecondsFormat::Secs, true)),
    );
    Hint::new(
        format!("{LOCKED}`{what}` is being done by {who} ({place})"),
        "wait until it has ended, then run this again; it finds what the other has done",
    )
}

/// The name of this machine, or of this pod.
fn host() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "an unnamed host".to_owned())
}
