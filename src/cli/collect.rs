//! `wattledger collect`: from Prometheus and intensity files to evidence, by cluster and UTC day.
//!
//! In: a month or a range of days, the configuration. Out: evidence, and an exit code. Rule: a day that is complete is not asked for again;
//! a day that is not finished, has no samples, or was refused is said and left out (exit 3). Assumes: the clock is right to minutes.
//! Does not: account for anything beyond what a day's samples say by themselves.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use clap::Args;

use super::exit::{DONE, INCOMPLETE};
use super::progress::Progress;
use crate::accounting::metering;
use crate::config::{self, Cluster, Config};
use crate::evidence::{DayManifest, QueryRecord, SCHEMA, Store, samples_to_frames};
use crate::model::tables::Table;
use crate::model::{Finding, Hint, Severity};
use crate::sources::prometheus::{CollectedDay, Connection, Prometheus};
use crate::sources::{Reach, Refusal, intensity};
use crate::units::{ReportingPeriod, UtcDay};

/// The last scrapes of a day arrive after it.
const SETTLING: chrono::Duration = chrono::Duration::minutes(5);

/// Collects evidence from Prometheus and intensity files, by cluster and UTC day. Exit code 3: some days are incomplete.
#[derive(Args, Clone, Debug)]
pub struct CollectArgs {
    /// A month of the organisation's time zone, for example 2026-10: every UTC day that it touches.
    #[arg(long, value_name = "YYYY-MM", value_parser = super::month, required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    pub month: Option<String>,
    /// First UTC day.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    pub from: Option<UtcDay>,
    /// The UTC day after the last.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    pub to: Option<UtcDay>,
    /// Only this cluster (repeatable); all by default.
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,
}

/// What became of the days that were asked for.
#[derive(Debug, Default)]
pub struct Outcome {
    pub collected: usize,
    pub already_there: usize,
    pub incomplete: Vec<Incomplete>,
}

/// A day that is not in the evidence, and why.
#[derive(Debug)]
pub struct Incomplete {
    pub cluster: String,
    pub day: UtcDay,
    pub why: Refusal,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "collect {} {}: {}", self.cluster, self.day, self.why)
    }
}

impl Outcome {
    pub fn exit_code(&self) -> u8 {
        if self.incomplete.is_empty() { DONE } else { INCOMPLETE }
    }
}

pub fn run(args: &CollectArgs, config: &Config) -> Result<u8> {
    let days = days(args, config)?;
    let clusters = clusters(args, config)?;
    let store = Store::new(&config.evidence_dir);
    let outcome = collect_days(&store, config, &clusters, &days, Utc::now())?;
    let zones = collect_intensity(&store, config)?;
    report_incomplete(&outcome);
    eprintln!(
        "collected {} cluster-days, {} already there, {} incomplete; intensity of {zones} zones; evidence in {}",
        outcome.collected,
        outcome.already_there,
        outcome.incomplete.len(),
        config.evidence_dir.display()
    );
    Ok(outcome.exit_code())
}

fn days(args: &CollectArgs, config: &Config) -> Result<Vec<UtcDay>> {
    match (&args.month, args.from, args.to) {
        (Some(month), _, _) => Ok(ReportingPeriod::parse(month, config.time_zone).map_err(anyhow::Error::msg)?.utc_days()),
        (None, Some(from), Some(to)) if from < to => Ok(from.through(to.previous())),
        (None, Some(from), Some(to)) => bail!("--to {to} is not after --from {from}; it is the day after the last"),
        _ => bail!("say which days: --month, or --from and --to"),
    }
}

fn clusters<'a>(args: &CollectArgs, config: &'a Config) -> Result<Vec<&'a Cluster>> {
    for name in &args.cluster {
        if !config.clusters.iter().any(|cluster| cluster.name == *name) {
            let known: Vec<&str> = config.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            bail!("no cluster `{name}` in {}; there is {}", config.path.display(), known.join(", "));
        }
    }
    Ok(config.clusters.iter().filter(|cluster| args.cluster.is_empty() || args.cluster.contains(&cluster.name)).collect())
}

/// Collects what is missing. Trouble with one day or one server does not keep the others from being collected.
pub fn collect_days(store: &Store, config: &Config, clusters: &[&Cluster], days: &[UtcDay], now: DateTime<Utc>) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("start the runtime")?;
    let progress = Progress::new("collect", (clusters.len() * days.len()) as u64);
    let mut outcome = Outcome::default();
    for cluster in clusters {
        let source = cluster.prometheus.as_ref().map(connect).transpose().with_context(|| format!("cluster {}", cluster.name))?;
        let mut out_of_reach: Option<Refusal> = None;
        for day in days {
            progress.tick(&format!("{} {day}", cluster.name));
            if store.day(&cluster.name, *day)?.is_some() {
                tracing::info!(cluster = cluster.name, %day, "already there");
                outcome.already_there += 1;
                continue;
            }
            let collected = match (&source, &out_of_reach) {
                _ if now < day.end() + SETTLING => Err(not_finished(*day)),
                (_, Some(refusal)) => Err(refusal.clone()),
                (None, None) => Err(no_source()),
                (Some(source), None) => runtime.block_on(source.collect_day(*day)).and_then(|collected| require_samples(collected, *day)),
            };
            match collected {
                Ok(collected) => {
                    let samples = collected.samples.ts_ms.len();
                    store_day(store, config, cluster, *day, collected).with_context(|| format!("collect {} {day}", cluster.name))?;
                    tracing::info!(cluster = cluster.name, %day, samples, "collected");
                    outcome.collected += 1;
                }
                Err(refusal) => {
                    if refusal.reach == Reach::Source {
                        out_of_reach = Some(refusal.clone());
                    }
                    tracing::info!(cluster = cluster.name, %day, code = refusal.code, "incomplete");
                    outcome.incomplete.push(Incomplete { cluster: cluster.name.clone(), day: *day, why: refusal });
                }
            }
        }
    }
    progress.done();
    Ok(outcome)
}

fn connect(prometheus: &config::Prometheus) -> Result<Prometheus> {
    let connection = Connection {
        url: prometheus.url.clone(),
        token_file: prometheus.token_file.clone(),
        ca_file: prometheus.ca_file.clone(),
        tenant: prometheus.tenant.clone(),
    };
    Prometheus::connect(&connection, &prometheus.selector)
}

/// A cluster can live on evidence that was brought here; what is missing of it cannot be asked for.
fn no_source() -> Refusal {
    Refusal::new("NO_SOURCE", Reach::Source, "the cluster has no `prometheus` in the configuration")
        .hint("add it, or bring the evidence folder")
}

fn not_finished(day: UtcDay) -> Refusal {
    Refusal::new("NOT_FINISHED", Reach::Range, format!("the UTC day ends at {}", day.end().format("%Y-%m-%dT%H:%M:%SZ")))
        .hint("collect it five minutes after its end")
}

/// An empty answer is no evidence of an idle cluster.
fn require_samples(collected: CollectedDay, day: UtcDay) -> Result<CollectedDay, Refusal> {
    if collected.samples_on_the_day > 0 {
        return Ok(collected);
    }
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let message = format!("the server has no sample of any metric from {} to {}", time(day.start()), time(day.end()));
    Err(Refusal::new("NO_DATA", Reach::Range, message)
        .hint("check `selector`, the server's retention, and whether the exporters were scraped"))
}

fn store_day(store: &Store, config: &Config, cluster: &Cluster, day: UtcDay, collected: CollectedDay) -> Result<()> {
    let step_seconds = config.report.step_seconds;
    let metered = metering::meter_day(&collected.samples, day, step_seconds)?;
    let (series, samples) = samples_to_frames(&collected.samples)?;
    let tables = BTreeMap::from([
        (Table::Series, series),
        (Table::Samples, samples),
        (Table::Nodes, metered.nodes),
        (Table::Pods, metered.pods),
        (Table::Jobs, metered.jobs),
        (Table::NodeSteps, metered.node_steps),
        (Table::Usage, metered.usage),
    ]);
    let mut findings = collected.findings;
    findings.extend(metered.findings);
    let queries = collected.asked.into_iter().map(|asked| QueryRecord {
        name: asked.name.to_owned(),
        promql: asked.promql,
        from_s: asked.from_s,
        to_s: asked.to_s,
        series: asked.series,
        samples: asked.samples,
    });
    let manifest = DayManifest {
        schema: SCHEMA.to_owned(),
        cluster: cluster.name.clone(),
        day: day.to_string(),
        step_seconds,
        software: concat!("wattledger ", env!("CARGO_PKG_VERSION")).to_owned(),
        queries: queries.collect(),
        files: Vec::new(),
        findings,
    };
    store.write_day(&tables, manifest)?;
    Ok(())
}

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

/// One line a reason, not one a day: a month that lies in the past of a server's retention is said once.
fn report_incomplete(outcome: &Outcome) {
    let mut previous: Option<&Incomplete> = None;
    let mut repeated = 0;
    for incomplete in &outcome.incomplete {
        if previous.is_some_and(|previous| previous.cluster == incomplete.cluster && previous.why == incomplete.why) {
            repeated += 1;
            continue;
        }
        print_repeated(repeated);
        repeated = 0;
        eprintln!("incomplete: {incomplete}");
        if let Some(hint) = &incomplete.why.hint {
            eprintln!("hint: {hint}");
        }
        previous = Some(incomplete);
    }
    print_repeated(repeated);
}

fn print_repeated(days: usize) {
    if days > 0 {
        eprintln!("incomplete: and {days} more days for the same reason");
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<CollectArgs, clap::Error> {
        let matches = CollectArgs::augment_args(Command::new("collect")).try_get_matches_from([&["collect"], arguments].concat())?;
        CollectArgs::from_arg_matches(&matches)
    }

    #[test]
    fn days_are_asked_for_by_month_or_by_range() {
        assert_eq!(parse(&["--month", "2026-10"]).unwrap().month.as_deref(), Some("2026-10"));
        let range = parse(&["--from", "2026-10-01", "--to", "2026-10-08"]).unwrap();
        assert_eq!(range.from.unwrap().through(range.to.unwrap().previous()).len(), 7);
        for wrong in [
            &[][..],
            &["--month", "2026-13"],
            &["--month", "../../etc"],
            &["--from", "2026-10-01"],
            &["--to", "2026-10-01"],
            &["--month", "2026-10", "--from", "2026-10-01", "--to", "2026-10-02"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_day_without_samples_is_said_with_its_range() {
        let day: UtcDay = "2026-10-01".parse().unwrap();
        let refusal = require_samples(CollectedDay::default(), day).unwrap_err();
        assert_eq!(refusal.code, "NO_DATA");
        assert!(refusal.message.contains("2026-10-01T00:00:00Z to 2026-10-02T00:00:00Z"), "{}", refusal.message);
    }
}
