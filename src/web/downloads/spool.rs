//! Large files: put together or copied once, whole, before their first byte leaves.
//!
//! In: what writes a file, which checks what it writes. Out: a file that nobody else can open. Rule: it is on disk and not in memory; an error on the way is a refusal and not half a file. It has no
//! name while it is kept, so that it goes with the process and nobody can change it after it was checked. Whoever asks while it is made is told to come back. A few are kept,
//! so that a download that goes on in parts does not begin anew. Assumes: room for [`KEPT`] of them. Does not: know what is in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::{OnceCell, Semaphore};

use super::{Problem, changed};
use crate::evidence::{Sealed, Spooled, Spooling, Store};

/// Writes the bundle of a closed month, each file of it checked on its way in.
pub type MakeBundle = Arc<dyn Fn(&Store, &Sealed, &mut dyn Write) -> Result<()> + Send + Sync>;

/// How many are kept.
const KEPT: usize = 4;
/// How many are made at once: a bundle takes a core and memory for a day of a cluster.
const AT_ONCE: usize = 2;
/// How long somebody waits before they are told to come back; less than the longest request.
const WAIT: Duration = Duration::from_secs(20);
const COME_BACK_S: u32 = 15;

type Slot = Arc<OnceCell<Arc<Spooled>>>;

pub struct Spool {
    folder: PathBuf,
    /// By what they are made of; the one that was asked for last stands last.
    slots: Mutex<Vec<(String, Slot)>>,
    turns: Arc<Semaphore>,
}

impl Spool {
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, slots: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The file of this key, which says what it is made of. `what` is for the log.
    pub async fn get(
        &self,
        key: &str,
        what: String,
        make: impl FnOnce(&mut dyn Write) -> Result<()> + Send + 'static,
    ) -> Result<Arc<Spooled>, Problem> {
        let slot = self.slot(key);
        if let Some(made) = slot.get() {
            return Ok(Arc::clone(made));
        }
        let (folder, turns) = (self.folder.clone(), Arc::clone(&self.turns));
        // It goes on when whoever asked has gone.
        let making = tokio::spawn(async move {
            let made = slot.get_or_try_init(|| async {
                let _turn = turns.acquire().await.context("wait for a turn")?;
                let making = tokio::task::spawn_blocking(move || making(&folder, make).map(Arc::new));
                making.await.context("put it together")?
            });
            made.await.cloned()
        });
        match tokio::time::timeout(WAIT, making).await {
            Err(_) => Err(Problem::unavailable("This is being put together. Ask for it again in a moment.").retry_after(COME_BACK_S)),
            Ok(Ok(Ok(made))) => Ok(made),
            Ok(Ok(Err(error))) => {
                tracing::error!("{what}: {error:#}");
                Err(changed(&error))
            }
            Ok(Err(error)) => {
                tracing::error!("{what}: {error}");
                Err(Problem::internal())
            }
        }
    }

    fn slot(&self, key: &str) -> Slot {
        let mut slots = self.slots.lock().expect("nobody panics while looking for a file");
        let known = slots.iter().position(|(name, _)| name == key).map(|at| slots.remove(at));
        let entry = known.unwrap_or_else(|| (key.to_owned(), Slot::default()));
        let slot = Arc::clone(&entry.1);
        slots.push(entry);
        if slots.len() > KEPT {
            slots.remove(0);
        }
        slot
    }
}

fn making(folder: &Path, make: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Spooled> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let begun = Spooling::begin_in(folder);
    let mut spooling = begun.with_context(|| format!("make a file in {}, which `spool` in [serve] names", folder.display()))?;
    make(&mut spooling).map_err(|error| spooling.explain(error))?;
    spooling.finish()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn it_is_made_once_has_no_name_and_is_whole() {
        let folder = TempDir::new().unwrap();
        let spool = Spool::in_folder(folder.path().join("spool"));
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let ask = || {
            spool.get("a", "a file".to_owned(), |out| {
                MADE.fetch_add(1, Ordering::SeqCst);
                Ok(out.write_all(b"abc")?)
            })
        };

        let (first, second) = tokio::join!(ask(), ask());

        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(Arc::ptr_eq(&first, &second) && MADE.load(Ordering::SeqCst) == 1);
        let mut bytes = [0; 3];
        first.file.read_exact_at(&mut bytes, 0).unwrap();
        // SHA-256 of `abc`, of FIPS 180-4.
        assert_eq!((&bytes, first.bytes), (b"abc", 3));
        assert_eq!(first.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(fs::read_dir(folder.path().join("spool")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_fails_is_not_given_and_tried_again() {
        let folder = TempDir::new().unwrap();
        let spool = Spool::in_folder(folder.path().to_owned());

        let failed = spool.get("a", "a file".to_owned(), |out| {
            out.write_all(b"half")?;
            bail!("no more")
        });
        assert_eq!(failed.await.unwrap_err().status, 500);
        let made = spool.get("a", "a file".to_owned(), |out| Ok(out.write_all(b"whole")?)).await.unwrap();
        assert_eq!(made.bytes, 5);
    }

    #[tokio::test]
    async fn a_few_are_kept_and_the_one_that_was_asked_for_longest_ago_goes() {
        let folder = TempDir::new().unwrap();
        let spool = Spool::in_folder(folder.path().to_owned());
        let ask = |key: &'static str| spool.get(key, key.to_owned(), move |out| Ok(out.write_all(key.as_bytes())?));

        let first = ask("a").await.unwrap();
        for key in ["b", "c", "d", "a", "e"] {
            ask(key).await.unwrap();
        }
        assert!(Arc::ptr_eq(&first, &ask("a").await.unwrap()), "it was asked for again");
        assert_eq!(spool.slots.lock().unwrap().iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["c", "d", "e", "a"]);
    }
}
