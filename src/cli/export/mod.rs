//! `wattledger export`: everything that a closed month rests on, as one archive for an auditor.
//!
//! In: a closed month. Out: `FILE.tar.zst`, with `verify.md` that says how a stranger checks it. Rule: what is in it follows from the seal, so the same month gives
//! the same bytes on any machine; every file is checked against the seal on its way in. The archive is written under a temporary name.
//! Assumes: the month is closed. Does not: hold more than a file or a cluster-day, or put a secret into it: what is sealed holds none.

mod archive;
mod contents;
mod inputs;
mod texts;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use self::archive::Archive;
use super::account::Books;
use super::exit;
use super::progress::Progress;
use super::sample::closed;
use crate::config::Config;
use crate::evidence::{PublicKey, Sealed, Store};
use crate::model::Hint;

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The closed month, as in 2026-10
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub month: String,

    /// Which edition of the month [default: the newest]
    #[arg(long, value_name = "N")]
    pub edition: Option<u32>,

    /// The archive that is written; it is a tar file compressed with zstd
    #[arg(long, value_name = "FILE.tar.zst")]
    pub out: PathBuf,
}

pub fn run(args: &ExportArgs, config: &Config) -> Result<u8> {
    let store = Books::open(config)?.store;
    let sealed = closed(&store, &args.month, args.edition)?;
    let configured = if sealed.signature.is_some() { super::close::public_key(&config.sealing)? } else { None };
    let key = key_of(&sealed, configured.as_ref())?;
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let temporary = Temporary::beside(&args.out);
    let file = File::create(&temporary.0).with_context(|| format!("write {}", temporary.0.display()))?;
    let written = write(&store, &sealed, key, BufWriter::with_capacity(1 << 20, file));
    let mut writer = written.with_context(|| format!("export {} edition {}", args.month, sealed.seal.edition))?;
    writer.flush().and_then(|()| writer.get_ref().sync_all()).with_context(|| format!("write {}", temporary.0.display()))?;
    fs::rename(&temporary.0, &args.out).with_context(|| format!("put {} into place", args.out.display()))?;
    eprintln!("{} edition {} with everything that it rests on; verify.md in it says how to check it:", args.month, sealed.seal.edition);
    println!("{}", args.out.display());
    Ok(exit::DONE)
}

/// The folder in the archive.
fn folder_name(sealed: &Sealed) -> String {
    format!("wattledger-{}-{}", sealed.seal.period.month, sealed.seal.edition)
}

/// Writes the archive. Gives the writer back.
pub fn write<W: Write>(store: &Store, sealed: &Sealed, key: Option<&PublicKey>, writer: W) -> Result<W> {
    let mut archive = Archive::new(writer, &folder_name(sealed), sealed.seal.sealed_at)?;
    let evidence = contents::evidence(store, sealed)?;
    let progress = Progress::new("export", evidence.len() as u64 + sealed.seal.ledger.days.len() as u64);
    for (path, source) in &evidence {
        source.add(&mut archive, &format!("{}/{path}", contents::EVIDENCE_FOLDER), store, sealed)?;
        progress.tick(path);
    }
    inputs::add(store, sealed, &mut archive, |name| progress.tick(name))?;
    for (path, bytes) in texts::all(sealed, key)? {
        archive.add(&path, &bytes)?;
    }
    let writer = archive.finish()?;
    progress.done();
    Ok(writer)
}

/// The key that goes into the bundle: the one that the month was signed with, which must be the configured one, since another would not check it.
pub fn key_of<'a>(sealed: &Sealed, key: Option<&'a PublicKey>) -> Result<Option<&'a PublicKey>> {
    let Some(signature) = &sealed.signature else { return Ok(None) };
    let advice = "name the key that signed it as `public_key_file` in [seal]";
    let key = key.with_context(|| Hint::new(format!("{} is signed, and no public key is configured", sealed.seal.period.month), advice))?;
    key.verify(&sealed.manifest, signature)
        .with_context(|| Hint::new(format!("the configured key did not sign {}", sealed.seal.period.month), advice))?;
    Ok(Some(key))
}

/// A file that goes unless it was given its name.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self(path.with_file_name(format!(".{name}.tmp-{}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing of that name.
        let _ = fs::remove_file(&self.0);
    }
}
