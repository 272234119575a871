//! From evidence to the statement: what `report` shares with whatever else needs a month's figures.
//!
//! In: configuration, period, evidence. Out: a [`Statement`] with its findings. Rule: look over the month first (who was there, what ended in it),
//! settle intensity, gaps and baselines, then run the ledger once over each cluster-day. Does not: write.

mod books;
mod category3;
mod counterfactual;
mod days;
mod earlier;
mod elsewhere;
mod engine;
mod entity_market;
mod factor_list;
mod findings;
mod generation;
mod machines;
mod market;
mod policy_words;
mod quality;
mod scopes;
mod settled;
mod side_by_side;
mod year;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use anyhow::{Context, Result, bail};
use chrono::{NaiveDate, NaiveTime};
use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

pub use self::books::{Books, CONFIG_FILE};
pub use self::days::{AccountedDay, DayContent, DayToAccount, PreparedDay, Run, rows_by_columns, run_rows_by_columns};
use self::days::{days_to_account, ledger};
pub use self::engine::{Engine, EngineArgs, EngineName, EngineParser};
pub use self::findings::{ACCEPTED, warn_of_unused};
use self::side_by_side::side_by_side;
use super::progress::Progress;
use crate::accounting::counterfactual::evaluate;
use crate::accounting::dimensions::DayDimensions;
use crate::accounting::intensity::{Wanted, ZoneIntensity};
use crate::accounting::inventory::Inventory;
use crate::accounting::ledger::{DayTerms, sql};
use crate::accounting::metering::meter_day;
use crate::accounting::plan::{Plan, wanted_zones};
use crate::accounting::scopes::market::Market;
use crate::accounting::scopes::{Lines, cost_centres, sensitivity};
use crate::accounting::survey::{ClusterTerms, MonthTerms, Site, Survey};
use crate::config::{self, Config};
use crate::disclosure::Statement;
use crate::disclosure::assemble::{Particulars, assemble};
use crate::disclosure::hourly::{HourlyLedger, LedgerDay};
use crate::disclosure::statement::{EvidenceFile, Policy};
use crate::evidence::{DayManifest, Store, files_of};
use crate::factors::{Factors, Quantity};
use crate::model::policy::{FactorKind, IdlePolicy};
use crate::model::tables::Table;
use crate::model::{Finding, Hint, MeteringTerms, Refusal, SampleTable, Severity, hex};
use crate::units::{GramsCo2ePerKilowattHour, ReportingPeriod, UtcDay};

pub const SOFTWARE: &str = concat!("wattledger ", env!("CARGO_PKG_VERSION"));

/// How a report is worked out, as the command line says.
#[derive(Clone, Debug, Default)]
pub struct Accounting {
    pub engine: Engine,
    pub threads: Option<usize>,
    /// Runs the ledger again under the other idle policies.
    pub with_sensitivity: bool,
    /// Hashes the rows of each cluster-day.
    pub with_content: bool,
}

/// A month's statement, with the sums that a year settles contracts over.
pub struct MonthAccount {
    pub statement: Statement,
    pub inventory: Inventory,
    pub lines: Lines,
    pub grids: Grids,
    /// By cluster and day, where it was asked for.
    pub contents: Vec<DayContent>,
}

/// What a month's statement was made of, for whoever walks a figure down.
pub struct Workings<'a> {
    pub store: &'a Store,
    pub plan: &'a Plan<'a>,
    pub inventory: &'a Inventory,
    pub days: &'a [DayToAccount],
    pub lines: &'a Lines,
    pub market: &'a Market,
    pub statement: &'a Statement,
}

/// Looks at the workings of a month.
pub type Look<'a> = dyn FnMut(&Workings<'_>) -> Result<()> + 'a;

/// What is known of the grid zones that were used.
#[derive(Clone, Debug, Default)]
pub struct Grids {
    /// Without an annual factor.
    pub without_annual: BTreeSet<String>,
    /// Share of a zone's energy that met an estimated or filled intensity.
    pub estimated: BTreeMap<String, f64>,
}

/// Accounts a month or a year. Blocked findings are in the statement; whoever writes a report asks for them first.
pub fn period(books: &Books, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<Statement> {
    let statement = match period.month() {
        Some(_) => month(books, period, accept, accounting)?.statement,
        None => year::year(books, period, accept, accounting)?,
    };
    findings::warn_of_unused(&statement.findings, accept);
    Ok(statement)
}

/// Takes the hourly ledger, one cluster-day after the other.
pub type TakeHours<'a> = dyn FnMut(&LedgerDay) -> Result<()> + 'a;

/// Accounts a month, with what a year and a closed month need of it beside the statement.
pub fn month(books: &Books, period: ReportingPeriod, accept: &[String], accounting: &Accounting) -> Result<MonthAccount> {
    month_account(books, period, accept, accounting, None, None)
}

/// The same, and hands its hourly ledger over, in the order of clusters and days; nothing of it where findings refuse the report.
/// The ledger runs once more for it: a month's hours would not fit in memory.
pub fn month_with_hours(
    books: &Books,
    period: ReportingPeriod,
    accept: &[String],
    accounting: &Accounting,
    take: &mut TakeHours<'_>,
) -> Result<MonthAccount> {
    month_account(books, period, accept, accounting, Some(take), None)
}

/// The same, and shows what it was made of before that is let go.
pub fn month_looking(
    books: &Books,
    period: ReportingPeriod,
    accept: &[String],
    accounting: &Accounting,
    look: &mut Look<'_>,
) -> Result<MonthAccount> {
    month_account(books, period, accept, accounting, None, Some(look))
}

fn month_account(
    books: &Books,
    period: ReportingPeriod,
    accept: &[String],
    accounting: &Accounting,
    hours: Option<&mut TakeHours<'_>>,
    look: Option<&mut Look<'_>>,
) -> Result<MonthAccount> {
    let Books { config, store, .. } = books;
    let step_s = config.report.step_seconds;
    if [period.from(), period.to()].iter().any(|edge| edge.timestamp() % step_s != 0) {
        bail!(Hint::new(
            format!("{period} in {} does not begin and end at a step of {step_s} s, so steps would be cut", period.time_zone()),
            "choose a report.step that divides the time zone's offset from UTC, such as \"15m\"",
        ));
    }
    let factors = scopes::factors(books)?;
    let terms = month_terms(config, &factors, period);
    let manifests = manifests(store, config, period)?;
    let workers = accounting.threads.unwrap_or_else(default_workers).clamp(1, 64);
    let mut survey = survey(store, &terms, &manifests, workers)?;
    let mut findings = findings::day_findings(&manifests);
    findings.extend(findings::missing_days(&terms, &manifests));
    findings.extend(findings::other_terms(config, &manifests));
    let before = earlier::complete(store, &terms, &mut survey)?;
    let (zones, mut evidence) = zones(store, config, &factors, &terms, &survey, &mut findings)?;
    evidence.extend(before);
    let runs = survey.take_runs();
    let found = counterfactual::beside(store, &terms, &zone_names(&zones), &runs)?;
    evidence.extend(found.evidence);
    let mut plan = Plan::new(&terms, &survey, runs, zones, found.beside);
    let days = days_to_account(store, &plan, &manifests, &mut findings)?;
    let run = Run { engine: accounting.engine.clone(), workers, with_content: accounting.with_content };
    let (mut inventory, contents) = ledger(store, &plan, &days.iter().collect::<Vec<_>>(), &run)?;
    cost_centres::complete(&plan, &mut inventory);
    let mut idle = Vec::new();
    if accounting.with_sensitivity {
        for policy in IdlePolicy::ALL.into_iter().filter(|policy| *policy != terms.idle) {
            plan.idle = policy;
            let (other, _) = ledger(store, &plan, &of_period(&days, period), &Run { with_content: false, ..run.clone() })?;
            idle.extend(sensitivity::idle(&terms.clusters, (terms.idle, &inventory), (policy, &other)));
        }
        plan.idle = terms.idle;
    }
    findings.extend(plan.findings.iter().cloned());
    findings.extend(inventory.findings(&plan));
    let (history, tables) = counterfactual::history(store, &terms, &plan.beside.decisions)?;
    evidence.extend(tables);
    let effects = evaluate(&plan, &inventory, &history);
    findings.extend(effects.capacity.findings(&plan));
    let grids = scopes::grids(&plan, &inventory);
    let (sections, market) = scopes::sections(books, &factors, &plan, &inventory, &grids, idle, &mut findings)?;
    findings.extend(sections.entities.iter().filter_map(|account| account.rate_findings(&plan, &effects)));
    findings.extend(findings::unplaced(&plan, &inventory));
    let baseline = counterfactual::policy(config, &manifests, &mut findings);
    findings::accept_by_name(&mut findings, accept);
    for day in &days {
        let manifest = day.manifest.iter();
        let files = manifest.flat_map(|manifest| manifest.files.iter().map(move |file| (manifest, file)));
        evidence.extend(files.map(|(manifest, file)| EvidenceFile {
            path: format!("{}/{}/{}", manifest.cluster, manifest.day, file.path),
            sha256: file.sha256.clone(),
        }));
    }
    evidence.sort();
    evidence.dedup();
    let particulars = Particulars {
        organisation: config.organisation.clone(),
        lei: config.lei.clone(),
        coverage: findings::coverage(&terms, &manifests),
        policy: Policy {
            disclosure: config.report.disclosure.clone(),
            location_based: config.report.location_based,
            idle: config.report.idle,
            tails: config.report.tails,
            step_seconds: config.report.step_seconds,
            max_gap_share: config.report.max_gap_share,
            cost_centre_label: config.report.cost_centre_label.clone(),
        },
        software: SOFTWARE.to_owned(),
        method: method(),
        config_sha256: config.sha256.clone(),
        evidence,
        factor: FactorKind::Direct,
        effects,
        baseline,
        marginal_series: found.marginal_series,
    };
    if let (Some(take), None) = (hours, Refusal::of(&findings)) {
        let mut hourly = HourlyLedger::new(&plan, &inventory, &market);
        days::in_order(store, &plan, &of_period(&days, period), &Run { with_content: false, ..run.clone() }, |day, accounted| {
            take(&hourly.day(day.cluster, day.day, &accounted.dimensions, &accounted.fold))
        })?;
    }
    let lines = sections.lines.clone();
    let statement = assemble(&plan, &inventory, sections, findings, particulars);
    if let Some(look) = look {
        look(&Workings { store, plan: &plan, inventory: &inventory, days: &days, lines: &lines, market: &market, statement: &statement })?;
    }
    Ok(MonthAccount { statement, inventory, lines, grids, contents })
}

/// The days that the period itself touches: runs may have begun before it.
fn of_period(days: &[DayToAccount], period: ReportingPeriod) -> Vec<&DayToAccount> {
    days.iter().filter(|day| day.day >= UtcDay::containing(period.from())).collect()
}

/// Visits every cluster-day of a month with what its ledger is made of, by cluster and day: for those who run the method themselves, on whatever engine.
/// A day without evidence on which a node was nevertheless there has no steps and no usage, and is all gap.
pub fn for_each_day(
    books: &Books,
    period: ReportingPeriod,
    mut visit: impl FnMut(&str, UtcDay, &DayTerms<'_>, DataFrame, DataFrame) -> Result<()>,
) -> Result<()> {
    let Books { config, store, .. } = books;
    let factors = scopes::factors(books)?;
    let terms = month_terms(config, &factors, period);
    let manifests = manifests(store, config, period)?;
    let mut survey = survey(store, &terms, &manifests, default_workers())?;
    earlier::complete(store, &terms, &mut survey)?;
    let (zones, _) = zones(store, config, &factors, &terms, &survey, &mut Vec::new())?;
    let runs = survey.take_runs();
    let found = counterfactual::beside(store, &terms, &zone_names(&zones), &runs)?;
    let plan = Plan::new(&terms, &survey, runs, zones, found.beside);
    let mut days = days_to_account(store, &plan, &manifests, &mut Vec::new())?;
    days.sort_by_key(|day| (day.cluster, day.day));
    for day in days {
        let (node_steps, usage) = match &day.manifest {
            Some(manifest) => (store.read_table(manifest, Table::NodeSteps)?, store.read_table(manifest, Table::Usage)?),
            None => {
                let nothing = meter_day(&SampleTable::default(), day.day, &MeteringTerms::of_step(terms.step_seconds))?;
                (nothing.node_steps, nothing.usage)
            }
        };
        let day_terms = PreparedDay::read(store, &plan, &day)?.terms(&plan, &day);
        visit(&terms.clusters[day.cluster].name, day.day, &day_terms, node_steps, usage)?;
    }
    Ok(())
}

fn zone_names(zones: &[ZoneIntensity]) -> Vec<String> {
    zones.iter().map(|zone| zone.zone.clone()).collect()
}

/// Name and SHA-256 of the method: the plan and every query, in the order of their names.
pub fn method() -> String {
    let mut digest = Sha256::new();
    digest.update(sql::PLAN);
    for (name, text) in sql::QUERIES {
        digest.update(name);
        digest.update([0]);
        digest.update(text);
        digest.update([0]);
    }
    format!("queries/accounting sha256:{}", hex(digest.finalize()))
}

fn month_terms(config: &Config, factors: &Factors, period: ReportingPeriod) -> MonthTerms {
    let site = |site: &config::Site| Site {
        entity: site.entity.clone(),
        boundary: site.boundary,
        placement: site.placement,
        grid_zone: site.grid_zone.clone(),
        home_zone: site.home_zone.clone(),
        pue: factor_list::pue_factor(site, period, factors).map_or(site.pue.get(), |factor| factor.value),
        embodied: site.embodied.clone(),
    };
    let clusters = config.clusters.iter().map(|cluster| {
        let by_labels = cluster.clone();
        ClusterTerms {
            name: cluster.name.clone(),
            sites: cluster.sites().map(site).collect(),
            site_of: Box::new(move |labels| by_labels.pool_for(labels).map_or(0, |pool| pool + 1)),
        }
    });
    MonthTerms {
        period,
        step_seconds: config.report.step_seconds,
        idle: config.report.idle,
        tails: config.report.tails,
        location_based: config.report.location_based,
        max_gap_share: config.report.max_gap_share,
        category3: category3::terms(config, factors, category3::day_of(period)),
        deferrable: config.baseline.deferrable.clone(),
        hold_out: config.baseline.hold_out.clone(),
        suggested_max_delay_seconds: config.baseline.suggested_max_delay_seconds,
        cost_centre_label: config.report.cost_centre_label.clone(),
        clusters: clusters.collect(),
    }
}

/// The complete days of the period, by cluster.
fn manifests(store: &Store, config: &Config, period: ReportingPeriod) -> Result<Vec<BTreeMap<UtcDay, DayManifest>>> {
    let mut manifests = Vec::new();
    for cluster in &config.clusters {
        let mut days = BTreeMap::new();
        for day in period.utc_days() {
            if let Some(manifest) = store.day(&cluster.name, day)? {
                if manifest.step_seconds != config.report.step_seconds {
                    bail!(Hint::new(
                        format!(
                            "evidence of {} on {day} is kept in steps of {} s, and the configuration wants {} s",
                            cluster.name, manifest.step_seconds, config.report.step_seconds
                        ),
                        "set report.step to that of the evidence, or collect into another evidence folder",
                    ));
                }
                days.insert(day, manifest);
            }
        }
        manifests.push(days);
    }
    if manifests.iter().all(BTreeMap::is_empty) {
        let message = format!(
            "There is no evidence of {period} in {}. Run `wattledger collect --month {period}` with the same configuration.",
            config.evidence
        );
        bail!(Refusal { findings: vec![Finding::new("NO_DATA", Severity::Blocked, message)] });
    }
    Ok(manifests)
}

/// The dimension tables of a cluster-day.
pub fn dimensions(store: &Store, manifest: &DayManifest) -> Result<DayDimensions> {
    let read = |table| store.read_table(manifest, table);
    DayDimensions::read(&manifest.cluster, &read(Table::Nodes)?, &read(Table::Pods)?, &read(Table::Jobs)?)
        .with_context(|| format!("evidence of {} on {}", manifest.cluster, manifest.day))
}

/// What the first look over a month reads of a day.
struct DayToSurvey {
    dimensions: DayDimensions,
    node_steps: DataFrame,
    /// None where no namespace had a label, and in evidence from before labels of namespaces were looked at.
    namespaces: Option<DataFrame>,
}

/// Days are read by as many workers as there are cores, some at a time, and taken in one after the other.
fn survey(store: &Store, terms: &MonthTerms, manifests: &[BTreeMap<UtcDay, DayManifest>], workers: usize) -> Result<Survey> {
    let mut survey = Survey::new(terms);
    let days: Vec<(usize, UtcDay, &DayManifest)> = manifests
        .iter()
        .enumerate()
        .flat_map(|(cluster, days)| days.iter().map(move |(day, manifest)| (cluster, *day, manifest)))
        .collect();
    let progress = Progress::new("looking over", days.len() as u64);
    let read = |manifest: &DayManifest| -> Result<DayToSurvey> {
        let has_namespaces = !files_of(manifest, Table::Namespaces).is_empty();
        Ok(DayToSurvey {
            dimensions: dimensions(store, manifest)?,
            node_steps: store.read_table(manifest, Table::NodeSteps)?,
            namespaces: if has_namespaces { Some(store.read_table(manifest, Table::Namespaces)?) } else { None },
        })
    };
    for some in days.chunks(workers) {
        let read = side_by_side(some, |(_, _, manifest)| read(manifest));
        for ((cluster, day, manifest), read) in some.iter().zip(read) {
            progress.tick(&format!("{} {day}", manifest.cluster));
            let DayToSurvey { dimensions, node_steps, namespaces } = read?;
            survey.add_day(terms, *cluster, *day, &dimensions, &node_steps, namespaces.as_ref())?;
        }
    }
    progress.done();
    Ok(survey)
}

fn default_workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The intensity of every zone that is needed, and the evidence files it came from. A zone in use without intensity refuses the report.
fn zones(
    store: &Store,
    config: &Config,
    factors: &Factors,
    terms: &MonthTerms,
    survey: &Survey,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<ZoneIntensity>, Vec<EvidenceFile>)> {
    let (used, named) = wanted_zones(terms, survey);
    let year_start = |year| NaiveDate::from_ymd_opt(year, 1, 1).map(|date| date.and_time(NaiveTime::MIN).and_utc().timestamp());
    let (Some(year_from_s), Some(year_to_s)) = (year_start(terms.period.year()), year_start(terms.period.year() + 1)) else {
        bail!("{} is beyond the calendar", terms.period)
    };
    let (mut zones, mut evidence, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for zone in used.iter().chain(&named) {
        let feed = config.average_feed(zone);
        let editions = store.intensity(zone)?;
        let wanted = Wanted {
            zone,
            factor: feed.map_or(FactorKind::Direct, |feed| feed.factor),
            period_from_s: terms.period.from().timestamp(),
            period_to_s: terms.period.to().timestamp(),
            year_from_s,
            year_to_s,
            configured_annual: feed.and_then(|feed| feed.annual_direct_gco2e_per_kwh.get(zone).copied()),
            published_annual: factors.find(Quantity::GridAnnualDirect, zone, category3::day_of(terms.period)).map(|factor| factor.value),
            plausible: feed.map_or(GramsCo2ePerKilowattHour::PLAUSIBLE_MEDIANS, |feed| feed.plausible_gco2e_per_kwh),
        };
        let (series, files): (Vec<_>, Vec<_>) = editions.into_iter().unzip();
        match ZoneIntensity::build(&series, wanted) {
            Ok((built, about)) => {
                zones.push(built);
                evidence.extend(files.into_iter().map(|file| EvidenceFile { path: file.path, sha256: file.sha256 }));
                // What was filled or revised of a zone that only baselines and windows name is in the counterfactual; an annual factor it does not need.
                findings.extend(about.into_iter().filter(|finding| used.contains(zone) || finding.code != "ANNUAL_UNKNOWN"));
            }
            Err(finding) if used.contains(zone) => refused.push(finding),
            // A zone that only baselines name: its runs are unplaced, each with this reason.
            Err(_) => {}
        }
    }
    if refused.is_empty() { Ok((zones, evidence)) } else { bail!(Refusal { findings: refused }) }
}
