//! Bundles for auditors, put together when somebody asks for one.
//!
//! In: a closed month, what writes its bundle. Out: a file that nobody else can open. Rule: it is written to disk once, by a thread of its own, whole before its first byte leaves: an
//! error on the way is a refusal and not half a file. It has no name while it is kept, so that it goes with the process. Whoever asks while it is made is told to come back. A few are kept; the
//! same month gives the same bytes, so that a range of one made again fits the other. Assumes: room for [`KEPT`] bundles on the disk. Does not: know what is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::index::{Edition, sha256};
use super::{Problem, changed};
use crate::evidence::{Sealed, Store};

/// Writes the bundle of a closed month, each file of it checked on its way in.
pub type MakeBundle = Arc<dyn Fn(&Store, &Sealed, &mut dyn Write) -> Result<()> + Send + Sync>;

/// How many are kept.
const KEPT: usize = 3;
/// How long somebody waits before they are told to come back; less than the longest request.
const WAIT: Duration = Duration::from_secs(20);
const COME_BACK_S: u32 = 15;

/// A bundle that is there.
#[derive(Debug)]
pub struct Made {
    /// It has no name any more.
    pub file: File,
    pub bytes: u64,
    pub sha256: String,
}

type Slot = Arc<OnceCell<Arc<Made>>>;

pub struct Bundles {
    store: Store,
    make: MakeBundle,
    spool: PathBuf,
    /// By the SHA-256 of the seal; the one that was asked for last stands last.
    slots: Mutex<Vec<(String, Slot)>>,
    /// One is made at a time: it takes a core and memory for a day of a cluster.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Bundles {
    pub fn new(store: Store, make: MakeBundle, spool: PathBuf) -> Self {
        Self { store, make, spool, slots: Mutex::default(), turn: Arc::default() }
    }

    /// The bundle of an edition.
    pub async fn get(&self, edition: &Arc<Edition>) -> Result<Arc<Made>, Problem> {
        let slot = self.slot(&edition.sealed.sha256());
        if let Some(made) = slot.get() {
            return Ok(Arc::clone(made));
        }
        let (store, make, spool, turn) = (self.store.clone(), Arc::clone(&self.make), self.spool.clone(), Arc::clone(&self.turn));
        let edition = Arc::clone(edition);
        // It goes on when whoever asked has gone.
        let making = tokio::spawn(async move {
            let made = slot.get_or_try_init(|| async {
                let _turn = turn.lock().await;
                let making = tokio::task::spawn_blocking(move || making(&store, &edition, &make, &spool).map(Arc::new));
                making.await.map_err(|error| anyhow!("{error}"))?
            });
            made.await.cloned()
        });
        match tokio::time::timeout(WAIT, making).await {
            Err(_) => Err(Problem::unavailable("The bundle is being put together. Ask for it again in a moment.").retry_after(COME_BACK_S)),
            Ok(Ok(Ok(made))) => Ok(made),
            Ok(Ok(Err(error))) => {
                tracing::error!("put a bundle together: {error:#}");
                Err(changed(&error))
            }
            Ok(Err(error)) => {
                tracing::error!("put a bundle together: {error}");
                Err(Problem::internal())
            }
        }
    }

    fn slot(&self, seal: &str) -> Slot {
        let mut slots = self.slots.lock().expect("nobody panics while looking for a bundle");
        let known = slots.iter().position(|(name, _)| name == seal).map(|at| slots.remove(at));
        let entry = known.unwrap_or_else(|| (seal.to_owned(), Slot::default()));
        let slot = Arc::clone(&entry.1);
        slots.push(entry);
        if slots.len() > KEPT {
            slots.remove(0);
        }
        slot
    }
}

fn making(store: &Store, edition: &Edition, make: &MakeBundle, spool: &Path) -> Result<Made> {
    let file = unnamed(spool, &edition.sealed.sha256())?;
    let mut writer = Counting { file: BufWriter::with_capacity(1 << 20, file), digest: Sha256::new(), bytes: 0 };
    make(store, &edition.sealed, &mut writer).with_context(|| format!("{} edition {}", edition.month(), edition.number()))?;
    let Counting { file, digest, bytes } = writer;
    let file = file.into_inner().map_err(|error| error.into_error()).context("write a bundle")?;
    Ok(Made { sha256: digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), bytes, file })
}

/// A file that only this process has.
fn unnamed(spool: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(spool).with_context(|| format!("create {}", spool.display()))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| anyhow!("ask the system for random bytes: {error}"))?;
    let path = spool.join(format!(".wattledger-{}", &sha256(&[name.as_bytes(), &random].concat())[..16]));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("make a file in {}, which `spool` in [serve] names", spool.display()))?;
    fs::remove_file(&path).with_context(|| format!("take the name from {}", path.display()))?;
    Ok(file)
}

struct Counting {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
