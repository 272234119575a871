//! `wattledger verify`: whether closed months are what was sealed, and whether their figures come out again.
//!
//! In: a closed month of the evidence, all of them, or a bundle. Out: one line a check, or JSON, and an exit code. Rule: no network, nothing is written; a
//! check that could not be made has failed, but for what was accepted at the close. Assumes: the public key comes another way than what it signs; where
//! it does not, that is said. Does not: mend.

mod bundle;
mod checks;
mod figures;
mod outcome;
mod recalculation;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::Args;

use self::bundle::Bundle;
use self::checks::{Keys, Trust};
pub use self::outcome::Checked;
use self::outcome::Outcome;
use self::recalculation::Means;
use super::account::{Engine, EngineName, EngineParser};
use super::exit;
use crate::config::Config;
use crate::evidence::closed::Written;
use crate::evidence::{PublicKey, Sealed, Store};
use crate::model::Hint;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A bundle that `export` wrote: the archive, or the folder it was unpacked to; needs no configuration
    #[arg(value_name = "BUNDLE", conflicts_with_all = ["month", "edition"])]
    pub bundle: Option<PathBuf>,

    /// A closed month of the evidence; without it and without BUNDLE, all that were ever closed
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month)]
    pub month: Option<String>,

    /// Which edition of the month [default: all of them]
    #[arg(long, value_name = "N", requires = "month")]
    pub edition: Option<u32>,

    /// The public key that months are signed with, got from whoever signs [default: `public_key_file` in [seal]]
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,

    /// The certificates that time stamps are checked with [default: `timestamp_ca_file` in [seal]]
    #[arg(long, value_name = "FILE")]
    pub timestamp_ca: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// What works the figures out again, as in `report`; for months of the evidence [default: the engine that the seal names]
    #[arg(long, value_name = "ENGINE", value_parser = EngineParser, conflicts_with = "bundle")]
    pub engine: Option<EngineName>,

    /// How many cluster-days are accounted at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `config` is where the configuration would be; a bundle is checked without one too.
pub fn run(args: &VerifyArgs, config: &Path) -> Result<u8> {
    let checked = match &args.bundle {
        Some(path) => {
            let bundle = Bundle::open(path)?;
            let config = config.exists().then(|| Config::load(config)).transpose()?;
            let trust = Trust::of(args, config.as_ref(), bundle.public_key()?)?;
            check_bundle(&bundle.store(), &trust, &Means { engine: None, threads: args.threads })?
        }
        None => {
            let config = Config::load(config)?;
            let store = super::account::Books::open(&config)?.store;
            let trust = Trust::of(args, Some(&config), None)?;
            let month = args.month.as_deref().map(|month| super::period_of(month, config.time_zone, Utc::now())).transpose()?;
            let engine = args.engine.as_ref().map(|name| Engine::open(Some(name), &config)).transpose()?;
            let means = Means { engine, threads: args.threads };
            check_evidence(&store, month.map(|month| month.to_string()).as_deref(), args, &trust, &means)?
        }
    };
    outcome::print(&checked, args.json)?;
    Ok(if checked.iter().all(Checked::is_verified) { exit::DONE } else { exit::NOT_VERIFIED })
}

/// The months that were asked for, each with the chain up to it.
fn check_evidence(store: &Store, wanted: Option<&str>, args: &VerifyArgs, trust: &Trust, means: &Means) -> Result<Vec<Checked>> {
    let (seals, mut checked) = read(store)?;
    let is_wanted =
        |month: &str, edition: u32| wanted.is_none_or(|wanted| wanted == month) && args.edition.is_none_or(|wanted| wanted == edition);
    checked.retain(|unreadable| is_wanted(&unreadable.month, unreadable.edition));
    for (index, sealed) in seals.iter().enumerate() {
        if is_wanted(&sealed.seal.period.month, sealed.seal.edition) {
            checked.push(check(store, &seals[..=index], trust, means));
        }
    }
    if checked.is_empty() {
        let what = wanted.unwrap_or("any month");
        bail!(Hint::new(
            format!("there is no seal of {what} in {}", store.objects().display("closed")),
            "`wattledger close --month YYYY-MM` closes a month"
        ));
    }
    Ok(checked)
}

/// The newest seal of a bundle, which is the one that it was made for; of those before it only the chain is there.
fn check_bundle(store: &Store, trust: &Trust, means: &Means) -> Result<Vec<Checked>> {
    let (seals, mut checked) = read(store)?;
    if !seals.is_empty() {
        checked.push(check(store, &seals, trust, means));
    }
    if checked.is_empty() {
        bail!("there is no seal in the bundle");
    }
    Ok(checked)
}

/// The seals that can be read, by their place, and what is to be said of the others.
fn read(store: &Store) -> Result<(Vec<Sealed>, Vec<Checked>)> {
    let (mut seals, mut unreadable) = (Vec::new(), Vec::new());
    for written in store.seals_as_written().context("look for seals")? {
        let Written { month, edition, .. } = written.clone();
        match written.parse() {
            Ok(sealed) => seals.push(sealed),
            Err(error) => unreadable.push(Checked { month, edition, outcomes: vec![checks::unreadable(&error)] }),
        }
    }
    seals.sort_by_key(|sealed| sealed.seal.seq);
    Ok((seals, unreadable))
}

/// What is checked without working out a figure again: seals, their chain, and every file that they name.
pub fn untouched(store: &Store, key: &PublicKey) -> Result<Vec<Checked>> {
    let trust = Trust { keys: Keys::Given(key.clone()), authorities: None };
    let (seals, mut checked) = read(store)?;
    for (index, sealed) in seals.iter().enumerate() {
        let outcomes = of_files(store, &seals[..=index], &trust);
        checked.push(Checked { month: sealed.seal.period.month.clone(), edition: sealed.seal.edition, outcomes });
    }
    Ok(checked)
}

fn of_files(store: &Store, seals: &[Sealed], trust: &Trust) -> Vec<Outcome> {
    let sealed = seals.last().expect("there is the one that is checked");
    vec![
        checks::signature(sealed, &trust.keys),
        checks::time_stamp(store, sealed, trust),
        checks::chain(seals),
        checks::files(store, sealed),
        checks::evidence(store, sealed),
    ]
}

/// All checks of the last of these seals. Figures are worked out again only where everything that they are made of is as it was sealed.
fn check(store: &Store, seals: &[Sealed], trust: &Trust, means: &Means) -> Checked {
    let sealed = seals.last().expect("there is the one that is checked");
    let mut outcomes = of_files(store, seals, trust);
    let [.., files, evidence] = &outcomes[..] else { unreachable!("they were just made") };
    outcomes.push(match files.is_passed() && evidence.is_passed() {
        true => recalculation::recalculate(store, sealed, means),
        false => Outcome::failed("recalculation", "NOT_REPRODUCED", "not tried: what the figures are made of is not what was sealed"),
    });
    Checked { month: sealed.seal.period.month.clone(), edition: sealed.seal.edition, outcomes }
}

/// Reads a public key that was named on the command line.
fn public_key(path: &Path) -> Result<PublicKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read public key {}", path.display()))?;
    PublicKey::parse(&text).with_context(|| format!("read public key {}", path.display()))
}

impl Trust {
    /// Keys and certificates from the command line, then from the configuration; `beside` is the key that lies beside what it signs.
    fn of(args: &VerifyArgs, config: Option<&Config>, beside: Option<PublicKey>) -> Result<Self> {
        let configured = config.map(|config| super::close::public_key(&config.sealing)).transpose()?.flatten();
        let given = args.public_key.as_deref().map(public_key).transpose()?.or(configured);
        let path = args.timestamp_ca.as_deref().or(config.and_then(|config| config.sealing.timestamp_ca_file.as_deref()));
        let authorities = path.map(|path| std::fs::read(path).with_context(|| format!("read {}", path.display()))).transpose()?;
        let keys = match (given, beside) {
            (Some(key), _) => Keys::Given(key),
            (None, Some(key)) => Keys::BesideWhatItSigns(key),
            (None, None) => Keys::None,
        };
        Ok(Self { keys, authorities })
    }
}
