//! `wattledger window`: when, and in which zone, a run should start to meet the cleanest electricity.
//!
//! In: zones, duration, horizon; the evidence, and the providers' forecasts. Out: best, worst and mean start, on a screen or as JSON; a decision record that the
//! counterfactual reads. Rule: the same series, the same choice between editions and the same candidates as in the report's counterfactual. An hour that nobody
//! knows is no candidate. Does not: start anything, or weigh prices against carbon: they stand beside.

mod answer;
mod decision;
mod screen;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use clap::{Args, ValueEnum};

use self::answer::Answer;
use super::{colour, exit};
use crate::accounting::windows::{WindowPlace, WindowSearch, WindowTerms, search};
use crate::config::{Config, check_grid_zone};
use crate::evidence::Store;
use crate::model::Hint;
use crate::outlook::{Ask, Basis, Course, Outlook, TOP_UP, Unknown, ZoneOutlook};

/// A month of starts a minute apart, in each of a dozen zones, is a second's work.
const LONGEST_WITHIN: TimeDelta = TimeDelta::days(31);
const SHORTEST_STEP: TimeDelta = TimeDelta::seconds(60);

/// The arguments of `window`.
#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// Grid zones in which the run may run; it is at home in the first one
    #[arg(long, value_name = "ZONE,…", value_delimiter = ',', required = true)]
    pub zones: Vec<String>,

    /// How long it runs, as in 4h or 90m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub duration: TimeDelta,

    /// By when it has to have ended, counted from when it may start
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub within: TimeDelta,

    /// From when it may start, as in 2026-10-05T14:00:00+02:00 [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<DateTime<Utc>>,

    /// How far two starts are apart [default: the report's step]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub step: Option<TimeDelta>,

    /// Where it would run if nobody moved it, of the zones [default: the home of --cluster, else the first]
    #[arg(long, value_name = "ZONE")]
    pub home: Option<String>,

    /// What the hours are taken for: what came to pass and, where nothing is known yet, the forecast (known) or the same hour of the last known day (day-before); or the first or the forecast alone
    #[arg(long, value_enum, value_name = "BASIS", default_value_t = AskedBasis::Known)]
    pub basis: AskedBasis,

    /// What the run uses, in kWh: then grams and euros are of the whole run too
    #[arg(long, value_name = "KWH", value_parser = energy)]
    pub kwh: Option<f64>,

    /// Ask no provider: the evidence and the configured files alone
    #[arg(long)]
    pub offline: bool,

    /// Write JSON instead of a screen
    #[arg(long)]
    pub json: bool,

    /// Append the decision for the best start to a decision log, which `collect` takes in; needs --cluster, --namespace and --job
    #[arg(long, value_name = "FILE", requires_all = ["cluster", "namespace", "job"])]
    pub write_decision: Option<PathBuf>,

    /// The cluster of the run, as the configuration calls it
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,

    /// The namespace of the Job
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,

    /// The name of the Job: of the run itself, not of its CronJob
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,

    /// The uid of the Job, where it is there already
    #[arg(long, value_name = "UID")]
    pub uid: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AskedBasis {
    Known,
    History,
    Forecast,
    DayBefore,
}

impl AskedBasis {
    fn basis(self) -> Basis {
        match self {
            Self::Known => Basis::Known,
            Self::History => Basis::History,
            Self::Forecast => Basis::Forecast,
            Self::DayBefore => Basis::DayBefore,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::History => "history",
            Self::Forecast => "forecast",
            Self::DayBefore => "day-before",
        }
    }
}

/// What was asked for and what was found.
pub struct Found {
    /// Home first.
    pub zones: Vec<String>,
    pub at: DateTime<Utc>,
    pub basis: AskedBasis,
    pub terms: WindowTerms,
    /// As the zones.
    pub courses: Vec<Result<Course, Unknown>>,
    pub search: WindowSearch,
}

impl Found {
    /// When the run has to have ended.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.at + TimeDelta::milliseconds(self.terms.within_ms)
    }
}

pub fn run(args: &WindowArgs, config: &Config) -> Result<u8> {
    let mut out = Vec::new();
    let is_coloured = !args.json && colour::is_wanted();
    let code = run_at(args, config, Utc::now(), is_coloured, &mut out)?;
    // A closed pipe (`wattledger window | head`) is no failure.
    let _ = std::io::stdout().write_all(&out);
    Ok(code)
}

/// The same at a time that a test chooses.
pub fn run_at(args: &WindowArgs, config: &Config, now: DateTime<Utc>, is_coloured: bool, out: &mut Vec<u8>) -> Result<u8> {
    let store = Store::open(&config.evidence)?;
    let (found, outlook) = find(args, config, &store, now)?;
    let Some(bounds) = found.search.bounds else {
        let hint = "a run that touches an hour without a value is no candidate; `wattledger collect` or `wattledger import --kind intensity` brings values of \
                    the past, a provider's API in [[intensity]] forecasts";
        bail!(Hint::new(format!("no start of the run is known: {}", why_not(&found)), hint));
    };
    for (zone, course) in found.zones.iter().zip(&found.courses) {
        if let Err(unknown) = course {
            eprintln!("noted: {}: zone {zone} is left out: {}", unknown.code, unknown.reason);
        }
    }
    let decision = match (&args.write_decision, &args.cluster, &args.namespace, &args.job) {
        (Some(file), Some(cluster), Some(namespace), Some(job)) => {
            let about = decision::About { cluster, namespace, job, uid: args.uid.as_deref() };
            let record = decision::record(config, &about, &found, &bounds, now)?;
            decision::append(file, &record)?;
            // The decision stands by itself; the forecast that it names by its digest is kept for whoever wants to see it.
            if let Err(error) = decision::keep_forecasts(&store, &outlook, &found, &record) {
                eprintln!("noted: the forecast that was decided by could not be kept in the evidence: {error:#}");
            }
            Some(record)
        }
        _ => None,
    };
    let answer = Answer::of(&found, &bounds, args.kwh, decision);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &answer).context("write the answer")?;
        out.push(b'\n');
    } else {
        out.extend_from_slice(screen::text(&found, &answer, config.time_zone, is_coloured).as_bytes());
    }
    Ok(exit::DONE)
}

fn find(args: &WindowArgs, config: &Config, store: &Store, now: DateTime<Utc>) -> Result<(Found, Outlook)> {
    let zones = zones(args, config)?;
    let step = args.step.unwrap_or(TimeDelta::seconds(config.report.step_seconds));
    ensure!(step >= SHORTEST_STEP, "--step is a minute or more");
    ensure!(args.within <= LONGEST_WITHIN, "--within is 31 days at most");
    if args.within < args.duration {
        bail!(Hint::new(
            "a run of --duration does not end --within that time, whenever it starts",
            "give it more time, as in --duration 4h --within 24h"
        ));
    }
    // A start on the minute: nobody starts a run sooner than that.
    let at = args.at.unwrap_or_else(|| next_minute(now));
    let terms = WindowTerms {
        from_ms: at.timestamp_millis(),
        duration_ms: args.duration.num_milliseconds(),
        within_ms: args.within.num_milliseconds(),
        step_ms: step.num_milliseconds(),
    };
    // Of what is over for longer than providers are asked about, they would say nothing.
    let is_long_over = at + args.within <= now - TOP_UP;
    let ask = if args.offline || is_long_over { Ask::Nobody } else { Ask::Providers };
    let hours = u32::try_from((at + args.within - now).num_hours().max(0) + 1).unwrap_or(u32::MAX);
    let outlook = Outlook::only(config, store.clone(), ask, &zones).reaching(hours);
    for trouble in outlook.refresh(now)? {
        eprintln!("noted: {}: zone {}, {}: {}", trouble.refusal.code, trouble.zone, trouble.what, trouble.refusal.message);
    }
    let seen: Vec<Result<Arc<ZoneOutlook>, Unknown>> = zones.iter().map(|zone| outlook.zone(zone)).collect();
    let course = |zone: &Result<Arc<ZoneOutlook>, Unknown>| zone.clone()?.course(at, at + args.within, now, args.basis.basis());
    let courses: Vec<Result<Course, Unknown>> = seen.iter().map(course).collect();
    let nothing = crate::accounting::integral::Integral::default();
    let places: Vec<WindowPlace<'_>> = zones
        .iter()
        .zip(seen.iter().zip(&courses))
        .map(|(zone, (seen, course))| WindowPlace {
            zone,
            intensity: course.as_ref().map_or(&nothing, |course| &course.intensity),
            prices: seen.as_ref().ok().and_then(|zone| zone.prices()),
        })
        .collect();
    let search = search(&terms, &places).map_err(anyhow::Error::msg)?;
    Ok((Found { zones, at, basis: args.basis, terms, courses, search }, outlook))
}

/// Home first, the others as they were named.
fn zones(args: &WindowArgs, config: &Config) -> Result<Vec<String>> {
    let mut zones: Vec<String> = Vec::new();
    for zone in &args.zones {
        check_grid_zone(zone).context("--zones")?;
        ensure!(!zones.contains(zone), "--zones names {zone} twice");
        zones.push(zone.clone());
    }
    let of_cluster = match &args.cluster {
        None => None,
        Some(name) => {
            let cluster = config.cluster(name)?;
            Some(cluster.site.home_zone.as_ref().unwrap_or(&cluster.site.grid_zone))
        }
    };
    if let Some(home) = args.home.as_ref().or(of_cluster) {
        let Some(place) = zones.iter().position(|zone| zone == home) else {
            bail!(Hint::new(
                format!("the run is at home in {home}, which is not among --zones"),
                format!("add it, or say where it would run if nobody moved it: --home {}", zones[0]),
            ));
        };
        let home = zones.remove(place);
        zones.insert(0, home);
    }
    Ok(zones)
}

fn why_not(found: &Found) -> String {
    let of_zone = |(zone, (course, window)): (&String, (&Result<Course, Unknown>, &crate::accounting::windows::ZoneWindow))| match course {
        Err(unknown) => format!("{zone}: {unknown}"),
        Ok(_) => {
            let hole = window.holes.first().map(|(from, to)| format!(" from {} to {}", shown(*from), shown(*to))).unwrap_or_default();
            format!("{zone}: CI_GAP: there is no intensity{hole}, and every start meets a hole.")
        }
    };
    found.zones.iter().zip(found.courses.iter().zip(&found.search.zones)).map(of_zone).collect::<Vec<_>>().join(" ")
}

fn shown(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map(|at| at.format("%Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default()
}

fn next_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = now.timestamp() + i64::from(now.trunc_subsecs(0) < now);
    DateTime::from_timestamp((seconds + 59).div_euclid(60) * 60, 0).unwrap_or(now)
}

fn duration(text: &str) -> Result<TimeDelta, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match TimeDelta::from_std(duration) {
        Ok(duration) if duration > TimeDelta::zero() && duration <= TimeDelta::days(366) => {
            Ok(TimeDelta::milliseconds(duration.num_milliseconds()))
        }
        _ => Err("a duration is longer than nothing and no longer than a year, as in 4h or 90m".to_owned()),
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed =
        DateTime::parse_from_rfc3339(text).map_err(|_| "a time has a date and an offset, as in 2026-10-05T14:00:00+02:00".to_owned())?;
    Ok(parsed.with_timezone(&Utc))
}

fn energy(text: &str) -> Result<f64, String> {
    let kwh: f64 = text.parse().map_err(|_| "a number of kWh, as in 12.5".to_owned())?;
    if kwh.is_finite() && kwh > 0.0 && kwh <= 1e9 { Ok(kwh) } else { Err("a number of kWh above zero".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_starts_on_the_minute() {
        let minute = |text: &str| next_minute(text.parse().unwrap()).to_rfc3339();
        assert_eq!(minute("2026-10-05T12:20:00Z"), "2026-10-05T12:20:00+00:00");
        assert_eq!(minute("2026-10-05T12:20:00.001Z"), "2026-10-05T12:21:00+00:00");
        assert_eq!(minute("2026-10-05T12:20:59.999Z"), "2026-10-05T12:21:00+00:00");
    }

    #[test]
    fn what_is_no_duration_time_or_energy_is_not_taken() {
        assert_eq!(duration("4h"), Ok(TimeDelta::hours(4)));
        assert_eq!(duration("1h 30m"), Ok(TimeDelta::minutes(90)));
        for wrong in ["0s", "4", "-1h", "400days", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(instant("2026-10-05T14:00:00+02:00").unwrap().to_rfc3339(), "2026-10-05T12:00:00+00:00");
        // Which of the two hours, or of the world's, it would be is unsaid.
        assert!(instant("2026-10-25T02:30:00").is_err());
        assert!(energy("12.5").is_ok());
        for wrong in ["0", "-1", "inf", "nan", "a lot"] {
            assert!(energy(wrong).is_err(), "{wrong}");
        }
    }
}
