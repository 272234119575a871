//! The command line: one file per verb, each an arguments struct and `run(args, &Config)`.
//!
//! In: arguments, environment, the configuration. Out: what the verb writes, and an exit code. Rule: data goes to files or stdout, everything
//! else to stderr; an error is one `error:` line, advice one `hint:` line, a refusal one line a finding.
//! Assumes: `main` has installed the TLS provider. Does not: compute.

pub mod account;
pub mod close;
pub mod collect;
mod colour;
pub mod diff;
pub mod doctor;
mod editions;
pub mod explain;
pub mod export;
pub mod import;
pub mod label;
pub mod months;
pub mod progress;
pub mod report;
pub mod restate;
pub mod sample;
mod secrets;
pub mod serve;
pub mod token;
pub mod verify;
pub mod window;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

pub use self::months::{month, period_of};
use crate::config::Config;
use crate::model::{Hint, Refusal};
use crate::units::ReportingPeriod;

/// What the caller's scripts branch on; the README lists them.
pub mod exit {
    pub const DONE: u8 = 0;
    /// Something outside of the data went wrong: a file, a server, the configuration.
    pub const FAILED: u8 = 1;
    /// The data do not allow a report; nothing was written.
    pub const REFUSED: u8 = 2;
    /// Some days are incomplete; what was collected is kept.
    pub const INCOMPLETE: u8 = 3;
    /// A closed month is not what was sealed, or does not come out again.
    pub const NOT_VERIFIED: u8 = 4;
    /// The command line was not understood (`EX_USAGE`).
    pub const USAGE: u8 = 64;
}

const ABOUT: &str = "The ledger of electricity and carbon for compute on Kubernetes";

const MONTHLY_FLOW: &str = "\
A month's report in two steps:

1. collect: asks Prometheus and the grid's feeds, and keeps the
   answers as evidence, by cluster and day. Prometheus forgets after
   15 days by default, so run it daily; a complete day is not asked again.
2. report: accounts the month from evidence alone, without network, and
   writes report.html, report.xlsx and report.json. These are drafts.

When the month is over, `close` does both and seals it with its evidence;
`verify` works all of it out again. Where something is missing, `doctor`
says what, and what to do next.

See how it works, on the sample that comes with it:
  wattledger report --config sample-data/wattledger.toml --month 2026-10 \\
      --out report

With your own wattledger.toml in this folder:
  wattledger collect --month 2026-10
  wattledger report --month 2026-10 --out report

Exit codes:
  0   done
  1   failed: a file, a server, the configuration
  2   report refused, nothing written
  3   some days incomplete
  4   a closed month does not verify
  64  command line not understood";

const COLLECT_EXAMPLES: &str = "\
Examples:
  wattledger collect --month 2026-10
      every UTC day that the local month touches
  wattledger collect --from 2026-10-01 --to 2026-10-08 --cluster prod-nl
      seven UTC days of one cluster; --to is not included
  wattledger collect --last 7
      the last seven UTC days that are over, for a daily CronJob or timer:
      a day that failed is asked for again for a week
  wattledger collect --last 7 --shard 3/8
      the fourth of eight parts of the clusters' days, as one pod of an
      Indexed Job; parts run side by side, and 0/8 takes the feeds too
  wattledger collect --follow
      watches the Kubernetes API until it is stopped and writes down who
      owns what; collecting a day reads it

A complete day is not asked for again, so it can run every day and be
repeated after a failure. Exit code 3 says that some days are incomplete;
stderr names them. Two runs that could collect the same day are never at
work at once: the second is told LOCKED.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  wattledger import --kind intensity NL_2026_hourly.csv
      the year that a provider published; what of it differs from what is
      kept is refused, unless --published says that it is the later one
  wattledger import --kind intensity --zone NL --unit lb/MWh export.csv
      a file that says neither zone nor unit
  wattledger import --kind prices --zone NL --time-zone Europe/Amsterdam p.csv
      prices with local times

Files are checked as a feed is, and kept as evidence beside what is there.
The kinds and their columns:
  intensity  ts,zone,intensity_gco2e_per_kwh (or _lb_per_mwh, _kg_per_mwh),
             or an Electricity Maps CSV
  prices     ts,zone,price_eur_per_mwh (or price_eur_per_kwh)
  usage      cluster,node,ts,energy_kwh for a node's meter, and with
             namespace,workload,pod for what of it a pod used; whole UTC
             days, in rows of --step (default: the report's)";

const REPORT_EXAMPLES: &str = "\
Examples:
  wattledger report --month 2026-10 --out report
      writes report.html, report.xlsx and report.json into `report`
  wattledger report --month last --out report
      the last month that is over, where the organisation is
  wattledger report --month 2026-10 --out report --format html
  wattledger report --month 2026-10 --out ledger --format csv,parquet
      writes the hourly ledger: a row for each cluster, namespace, workload
      and UTC hour; docs/finance-and-esg.md describes its columns
  wattledger report --month 2026-10 --out report --accept GAP
      writes it although more than the allowed share of node-hours was
      filled; the cover says so
  wattledger report --month 2026-10 --out report \\
      --engine sc://spark.example:15002
      Apache Spark accounts it where the evidence lies; the same figures
  wattledger report --year 2026 --out report-2026
      the year from its months, beside the base year and the year before
      ([[published_year]]), and per net revenue; a month that is not there
      refuses it, unless --accept MONTHS_MISSING

Where a finding refuses the report, nothing is written and the exit code
is 2; stderr has one line a finding, with its code.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  wattledger explain totals:facility_mj --month 2026-10
      down the largest branch: cluster, namespace, workload, day, hour,
      pod and step, counter samples, the query that asked for them
  wattledger explain namespace:prod-nl:shop:scope2_location_based_ugco2e \\
      --month 2026-10 --depth 1 --top 0
      its workloads, days and hours, all of them
  wattledger explain 'row:prod-nl:shop:Deployment/web@20261003T02Z:facility_mj' \\
      --month 2026-10 --json
      an hour of a workload, for a machine
  wattledger explain 'run:prod-nl:ml:train-7@20261003T020000Z:avoided_ugco2e' \\
      --month 2026-10
      a job run: its baseline, and its energy at both intensities
  wattledger explain node-day:prod-nl:worker-1:2026-10-03 --month 2026-10
      a row without a figure's name: the figures that it has, and its energy

The report prints the id of each row, and the heads of its columns say the
figures' names. Each level adds up to the one above, to the last digit, and
says so; where one did not, the exit code would be 1.";

const DIFF_EXAMPLES: &str = "\
Examples:
  wattledger diff 2026-09 2026-10
      two months: the sums that both have, largest change first
  wattledger diff 2026-10@1 2026-10@2
      a close and its restatement; what each group of inputs is worth is
      worked out by accounting again: evidence, then intensity and prices,
      then factors and configuration, then software
  wattledger diff 2026-10@1 2026-10@draft
      what a restatement would say now
  wattledger diff report-old/report.json report/report.json --json
      two files, for a machine; needs no configuration

A month that is closed is what its newest edition says; one that is not is
accounted from the evidence. Each figure has the id that the report prints
and `explain` takes. The exit code is 0 whether figures differ or not.";

const CLOSE_EXAMPLES: &str = "\
Examples:
  wattledger close --month 2026-10
      collects what is missing, reports, signs and seals the month in the
      evidence: closed/2026-10/1/
  wattledger close --month 2026-10 --no-collect
      from the evidence that is there; asks no server
  wattledger close --month last --wait 2h
      where others collect by shards: waits until all days and feeds are
      there, says which are missing, and after two hours gives up
  wattledger close --month 2026-10 --accept GAP
      although more than the allowed share of node-hours was filled
  wattledger close --month 2026-10 --restate --reason \"NL was revised\"
      adds an edition to a closed month; the one that is there stays

It can be run again and again: a month that is closed is left as it is, and
what has changed since is said. It can be killed at any moment: a month is
closed when its seal is there, and the seal is written last. Of two at once
one is told LOCKED.

Before the first time, make a key and name it in wattledger.toml:
  minisign -G -W -p wattledger.pub -s wattledger.key
  [seal]
  secret_key_file = \"wattledger.key\"
  public_key_file = \"wattledger.pub\"

Exit code 2 says that something found in the data refuses it, 3 that days or
feeds are incomplete; nothing is sealed then. stdout lists the files.";

const RESTATE_EXAMPLES: &str = "\
Examples:
  wattledger restate --from 2022-01 --to 2026-12 --dry-run
      says which months would get another edition, with the totals before
      and after, and writes nothing
  wattledger restate --from 2022-01 --to 2026-12 --reason \"factors of 2027\"
      accounts every closed month of the five years anew, oldest first, and
      adds an edition where a figure or what it was made from has changed
  wattledger restate --from 2026-01 --to last --reason \"PUE of site A\" --json
      the summary for a machine, with all totals

From the evidence, the configuration and the factors of now, without asking
any server. A month that comes out as it was sealed is left as it is; one
that was never closed is named and skipped, since nothing was published of
it. What was accepted when a month was closed stays accepted as long as it
has not grown; --accept CODE accepts more.

It takes one month at a time, says how long the rest takes, and can be
stopped at any moment: run again with the same arguments it goes on, and no
month gets a second edition. Of two at once one is told LOCKED.

Exit code 2 says that findings refuse some month, 1 that some month failed;
all others are done nevertheless.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  wattledger verify --month 2026-10
      one line a check, for each edition of the month
  wattledger verify
      every month that was ever closed
  wattledger verify wattledger-2026-10-1.tar.zst --public-key them.pub
      a bundle that somebody exported; needs no configuration
  wattledger verify --json

What is checked:
  signature      the seal is signed with the key (minisign)
  time stamp     an authority outside says when (RFC 3161)
  chain          each seal names the one before it by its SHA-256
  files          everything in the closed month's folder is as sealed
  evidence       everything that the figures were made from is as sealed
  recalculation  the ledger and the report, worked out again, are the
                 same to the byte

It asks nobody and writes nothing. Exit code 4 says that something is not as
it was sealed; its line says what, with a code.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  wattledger export --month 2026-10 --out wattledger-2026-10.tar.zst
      the newest edition of the month
  wattledger export --month 2026-10 --edition 1 --out first.tar.zst

A month is exported after it was closed. The archive holds the report, the
hourly ledger, the seal with all seals before it, the evidence down to raw
samples, the configuration, and the method as SQL. verify.md in it says how
to check all of it with sha256sum, minisign, Python and DuckDB, and then with
`wattledger verify`. The same month gives the same bytes.

Unpack it with: tar --zstd -xf wattledger-2026-10.tar.zst";

const WINDOW_EXAMPLES: &str = "\
Examples:
  wattledger window --zones NL,DE,FR --duration 4h --within 24h
      when, and where, a run of four hours that has to have ended within a
      day should start; it is at home in the first zone
  wattledger window --zones NL --duration 90m --within 12h \\
      --at 2026-10-05T14:00:00+02:00 --kwh 12.5
      from a time on, with kilograms and euros of the run
  wattledger window --zones NL,FR --duration 4h --within 24h \\
      --cluster prod-nl --namespace ml --job train-7 \\
      --write-decision decisions/window.jsonl
      and writes down what was decided, for the report's counterfactual;
      `collect` takes it in where [[decision_log]] names the file
  wattledger window --zones NL --duration 4h --within 24h --json | jq .best

The candidates are those of the report: from when the run may start, a step
apart, as long as it ends in time. Hours that are over are what came to pass,
others are the provider's forecast. A start that would meet an hour that nobody
knows is no candidate; where there is none at all the exit code is 1.

Carbon decides; where prices are known they stand beside it.";

const LABEL_EXAMPLES: &str = "\
Examples:
  wattledger label --dry-run
      says which nodes would get which label, and writes nothing
  wattledger label --once --cluster prod-nl
      labels once and ends, for a CronJob
  wattledger label
      looks every 15 minutes, and when nodes come, until it is stopped; of
      several at once the holder of a lease labels

Each node gets carbon-zone: low, medium, high, or unknown where the intensity
of its grid zone is missing or too old. [label] has the thresholds: below 150
g/kWh is low, below 300 medium. A label is written when it changes, and
what somebody else has set is left to them.

Rights: deploy/label has the role, and an admission policy that confines the
account to this one label.";

const SAMPLE_EXAMPLES: &str = "\
Examples:
  wattledger sample --month 2026-10 --n 25 --seed 4711
      25 rows, each of the ledger's with the same chance
  wattledger sample --month 2026-10 --n 25 --seed 4711 --weight emissions
      a row's chance is proportional to its emissions
  wattledger sample --month 2026-10 --seed 4711 --csv > sample.csv
      with all columns of the ledger; --json likewise

Choose the seed after the month was closed: it can be any text, such as one
drawn by dice. The same seed draws the same rows for everybody; docs/auditor.md
says how, so that it can be done without wattledger. Each row has an id:
  wattledger explain 'row:prod-nl:shop:Deployment/web@20261003T02Z' \\
      --month 2026-10";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  wattledger doctor --month 2026-10
      every cluster; without --month, the last month that is over
  wattledger doctor --cluster prod-nl
  wattledger doctor --json
      the same for a machine; `next` has what to do first
  wattledger doctor && wattledger report --month 2026-10 --out report
      a report only where nothing is lacking

One screen a cluster: whether its server and its Kubernetes API answer and
what they allow, which exporters speak of which nodes, labels that clash,
what the server has forgotten of the month, zones without intensity, days
without evidence.

  ✓ fine   ! worth knowing, holds nothing up   ✗ lacking   · not asked
  → what to do about it; the last line is the one thing to do next

It asks a few quick questions and changes nothing. Exit code 1 says that
something is lacking.";

const SERVE_EXAMPLES: &str = "\
Examples:
  wattledger serve --listen 127.0.0.1:8080
      for this machine alone; open http://localhost:8080/closed
  wattledger serve --listen 0.0.0.0:8080 > downloads.jsonl
      for others; wattledger.toml says who is let in:
        [serve]
        tokens_file = \"tokens.toml\"

  /closed         closed months with their figures and files
  /closed.json    the same for programs
  /metrics        what the server does, for Prometheus
  /openapi.json   every route
  /healthz, /readyz

A browser asks for a password: that is the token, and the user name can be
anything. Programs send it as `Authorization: Bearer` or `X-API-Key`. TLS is
ended before it, by an ingress or a mesh. Without any way to let somebody in
it starts on loopback alone (NO_AUTH).

Each download is a line of JSON on stdout, or in `downloads_log`, before its
first byte is sent. SIGTERM lets what is under way end.";

const TOKEN_EXAMPLES: &str = "\
Examples:
  wattledger token new --team finance --scope reports,ledger
      adds a token to `tokens_file` in [serve] and prints it, once
  wattledger token new --team keda --scope scaling --days 30 \\
      --file tokens.toml
      into a file that goes elsewhere, such as into a Secret
  wattledger token list
  wattledger token revoke 4f1c09aa71e2

Scopes:
  reports    the page of closed months, report files, restatements
  ledger     the hourly ledger of closed months
  evidence   seals, configuration, manifests, and bundles for auditors
  intensity  the grid's intensity, now, before and to come
  scaling    what KEDA asks
  metrics    /metrics

A token is 256 random bits; the file keeps its SHA-256, which opens nothing.
It is good for 90 days at most: give a team a second one before the first
runs out. A server that runs notices a change of the file within a second.";

#[derive(Debug, Parser)]
#[command(name = "wattledger", version, about = ABOUT, after_long_help = MONTHLY_FLOW, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration; relative paths in it start in its folder
    #[arg(long, value_name = "FILE", env = "WATTLEDGER_CONFIG", default_value = "wattledger.toml", global = true)]
    config: PathBuf,

    /// Accept a finding that would refuse the report, by its code; repeat for more; the acceptance is recorded and printed
    #[arg(long, value_name = "CODE", value_parser = finding_code)]
    accept: Vec<String>,

    /// Say more on stderr; -vv and -vvv say still more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,

    /// How log lines on stderr are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,

    /// Refuse to start where a file that holds a secret can be read by everybody on the machine, which is a warning otherwise
    #[arg(long, global = true)]
    strict: bool,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Collect what Prometheus and the feeds of intensity and prices say, and keep it as evidence
    #[command(after_long_help = COLLECT_EXAMPLES)]
    Collect(Accepting<collect::CollectArgs>),
    /// Take files of intensity, prices or usage into the evidence
    #[command(after_long_help = IMPORT_EXAMPLES)]
    Import(Accepting<import::ImportArgs>),
    /// Say what is reachable, which exporters and labels there are, and what a month's report would lack
    #[command(after_long_help = DOCTOR_EXAMPLES)]
    Doctor(doctor::DoctorArgs),
    /// Walk a figure of the report down to the samples, factors and queries that it is made of
    #[command(after_long_help = EXPLAIN_EXAMPLES)]
    Explain(explain::ExplainArgs),
    /// Compare two reports figure by figure, and say which of their inputs differ and what that is worth
    #[command(after_long_help = DIFF_EXAMPLES)]
    Diff(diff::DiffArgs),
    /// Account a month from evidence, and write its report
    #[command(after_long_help = REPORT_EXAMPLES)]
    Report(Accepting<report::ReportArgs>),
    /// Collect what is missing, check, report and seal a month: the monthly job
    #[command(after_long_help = CLOSE_EXAMPLES)]
    Close(Accepting<close::CloseArgs>),
    /// Account the closed months of a range anew, and add an edition where something changed
    #[command(after_long_help = RESTATE_EXAMPLES)]
    Restate(Accepting<restate::RestateArgs>),
    /// Check closed months, or a bundle of one: hashes, signature, time stamp, chain, and every figure worked out again
    #[command(after_long_help = VERIFY_EXAMPLES)]
    Verify(verify::VerifyArgs),
    /// Write everything that a closed month rests on into one archive, with a description of how a stranger checks it
    #[command(after_long_help = EXPORT_EXAMPLES)]
    Export(export::ExportArgs),
    /// Draw an auditor's sample from the hourly ledger of a closed month
    #[command(after_long_help = SAMPLE_EXAMPLES)]
    Sample(sample::SampleArgs),
    /// Say when, and in which grid zone, a run should start to meet the cleanest electricity
    #[command(after_long_help = WINDOW_EXAMPLES)]
    Window(window::WindowArgs),
    /// Label the nodes of a cluster by how clean the electricity of their grid zone is now
    #[command(after_long_help = LABEL_EXAMPLES)]
    Label(label::LabelArgs),
    /// Serve closed months to people, and the grid's intensity to schedulers
    #[command(after_long_help = SERVE_EXAMPLES)]
    Serve(serve::ServeArgs),
    /// Make, list and take back the tokens that let teams into the server
    #[command(after_long_help = TOKEN_EXAMPLES)]
    Token(token::TokenArgs),
}

/// A verb's arguments, with `--accept` after the verb too. (clap's global arguments keep only one of both places.)
#[derive(Debug, Args)]
struct Accepting<A: Args> {
    #[command(flatten)]
    args: A,

    /// Accept a finding that would refuse the report, by its code; repeat for more; the acceptance is recorded and printed
    #[arg(long, value_name = "CODE", value_parser = finding_code)]
    accept: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Parses and runs a command line, the program's name first. Returns the exit code; errors and refusals go to `stderr`.
pub fn run_from<T: Into<OsString> + Clone>(args: impl IntoIterator<Item = T>, stderr: &mut dyn Write) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error, stderr),
    };
    start_log(cli.verbose, cli.log_format);
    run(&cli, stderr).unwrap_or_else(|error| print_error(&error, stderr))
}

fn run(cli: &Cli, stderr: &mut dyn Write) -> anyhow::Result<u8> {
    let mut config = || -> anyhow::Result<Config> {
        let config = Config::load(&cli.config)?;
        secrets::check(&config, cli.strict, stderr)?;
        Ok(config)
    };
    match &cli.verb {
        // Whoever checks a bundle, compares two files or has a token file elsewhere has no configuration.
        Verb::Verify(args) => verify::run(args, &cli.config),
        Verb::Diff(args) => diff::run(args, &cli.config),
        Verb::Collect(verb) => collect::run(&verb.args, &config()?),
        Verb::Import(verb) => import::run(&verb.args, &config()?),
        Verb::Doctor(args) => doctor::run(args, &config()?),
        Verb::Explain(args) => explain::run(args, &config()?),
        Verb::Report(verb) => report::run(&verb.args, &config()?, &accepted(&cli.accept, &verb.accept)),
        Verb::Close(verb) => close::run(&verb.args, &config()?, &accepted(&cli.accept, &verb.accept)),
        Verb::Restate(verb) => restate::run(&verb.args, &config()?, &accepted(&cli.accept, &verb.accept)),
        Verb::Export(args) => export::run(args, &config()?),
        Verb::Sample(args) => sample::run(args, &config()?),
        Verb::Window(args) => window::run(args, &config()?),
        Verb::Label(args) => label::run(args, &config()?),
        Verb::Serve(args) => serve::run(args, &config()?),
        Verb::Token(args) => token::run(args, &cli.config),
    }
}

/// The codes accepted before and after the verb, sorted, each once.
fn accepted(before: &[String], after: &[String]) -> Vec<String> {
    let mut codes = [before, after].concat();
    codes.sort();
    codes.dedup();
    codes
}

/// A finding's code as written after `--accept`.
fn finding_code(text: &str) -> Result<String, String> {
    let is_code = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if is_code { Ok(text.to_owned()) } else { Err("a finding is named by its code in capitals, as in GAP or CI_GAP".to_owned()) }
}

/// A year of the command line: `2026`.
pub fn year(text: &str) -> Result<String, String> {
    ReportingPeriod::parse_year(text, chrono_tz::UTC).map(|period| period.to_string())
}

/// Help and version are what was asked for and go to stdout; all else is a usage error.
fn print_usage(error: &clap::Error, stderr: &mut dyn Write) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe (`wattledger --help | head`) is no failure.
        let _ = error.print();
        return exit::DONE;
    }
    let _ = write!(stderr, "{}", error.render());
    exit::USAGE
}

/// Prints an error as one sentence, refusals as one line a finding, and advice where there is some. Returns the exit code.
///
/// Where stderr itself cannot be written to there is nobody left to tell, so its errors are dropped.
fn print_error(error: &anyhow::Error, stderr: &mut dyn Write) -> u8 {
    let _ = writeln!(stderr, "error: {}", sentence(error));
    let refusal = error.downcast_ref::<Refusal>();
    for finding in refusal.iter().flat_map(|refusal| &refusal.findings) {
        let _ = writeln!(stderr, "refused: {}: {}", finding.code, in_one_line(&finding.message));
    }
    let advice = match (error.downcast_ref::<Hint>(), refusal) {
        (Some(hint), _) => Some(hint.advice().to_owned()),
        (None, Some(refusal)) => Some(how_to_accept(refusal)),
        (None, None) => None,
    };
    if let Some(advice) = advice {
        let _ = writeln!(stderr, "hint: {}", in_one_line(&advice));
    }
    if refusal.is_some() { exit::REFUSED } else { exit::FAILED }
}

/// The chain of an error, outermost first. A link that its parent has already said is left out.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for link in error.chain() {
        let link = in_one_line(&link.to_string());
        if sentence.is_empty() {
            sentence = link;
        } else if !sentence.ends_with(&link) {
            sentence = format!("{sentence}: {link}");
        }
    }
    sentence
}

/// On one line, and without characters that would tell a terminal what to do: names and servers' words are not ours.
fn in_one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn how_to_accept(refusal: &Refusal) -> String {
    let mut codes: Vec<&str> = refusal.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let options: Vec<String> = codes.iter().map(|code| format!("--accept {code}")).collect();
    format!("mend what each line names, or accept it by name, which the report's cover will say: {}", options.join(" "))
}

/// Log lines go to stderr, beside a progress bar where there is one. Warnings and errors always; more with `-v`.
fn start_log(verbose: u8, format: LogFormat) {
    let filter = EnvFilter::new(match verbose {
        // The Kubernetes client logs an error for what is asked again, and said by whoever asks.
        0 => "warn,kube_client=off",
        1 => "warn,kube_client=off,wattledger=info",
        // An answer that is not understood is logged by the Kubernetes client as it came, and a proxy may have put the request's token into it.
        2 => "info,wattledger=debug,kube_client::client=off",
        _ => "debug,wattledger=trace,kube_client::client=off",
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| progress::BesideTheBar);
    // A second call in one process (tests run several command lines) keeps the first subscriber.
    let _ = match format {
        LogFormat::Text => log.without_time().with_target(false).with_ansi(progress::is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

#[cfg(test)]
mod tests;
