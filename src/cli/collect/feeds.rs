//! From intensity feeds to the evidence.
//!
//! In: the configuration's feeds. Out: series in the store, each with its edition. Does not: judge whether a month is covered.

use anyhow::{Context, Result, bail};

use crate::config::Config;
use crate::evidence::Store;
use crate::model::{Finding, Hint, Severity};
use crate::sources::{Refusal, intensity};

/// Takes the intensity files of the configuration into the evidence; gives back how many zones they held.
pub fn collect_intensity(store: &Store, config: &Config) -> Result<usize> {
    let mut zones = 0;
    for feed in &config.intensity {
        if !matches!(feed.provider.as_str(), "electricity-maps" | "files") {
            let message = format!("the intensity provider `{}` cannot be collected yet", feed.provider);
            bail!(Hint::new(message, "give its files with provider = \"files\""));
        }
        let read = intensity::read_files(&feed.provider, &feed.zones, feed.files_to_collect()?, feed.factor).map_err(with_advice)?;
        for series in &read.series {
            store.write_intensity(series).with_context(|| format!("store the intensity of {}", series.zone))?;
        }
        zones += read.series.len();
        read.findings.iter().for_each(print_finding);
    }
    Ok(zones)
}

/// A refusal's own advice, where the command line looks for it.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Refusal>().and_then(|refusal| refusal.hint.clone()) {
        Some(advice) => error.context(Hint::new("intensity", advice)),
        None => error,
    }
}

fn print_finding(finding: &Finding) {
    let severity = match finding.severity {
        Severity::Blocked => "blocked",
        Severity::Disclosed => "disclosed",
        Severity::Noted => "noted",
    };
    eprintln!("{severity}: {}: {}", finding.code, finding.message);
}
