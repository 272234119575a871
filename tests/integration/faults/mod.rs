//! The fault suite: every fault of the matrix, injected for real, compared with a truth that is worked out here in whole millijoules.
//!
//! Each case ends in one of four ways: REFUSE (an error code, nothing published), FLAG (figures with a finding), RETRY (asked again, as without
//! the fault), NEUTRAL (as without the fault). It has survived where ending, code and figures are what is expected. A figure that is wrong
//! without a finding or a refusal is silent wrong: one of them fails the suite.
//! `cargo test --test integration faults -- --nocapture` prints the table.

mod arguments;
mod bench;
mod calendar;
mod corpus;
mod counters;
mod disk;
mod extremes;
mod feeds;
mod history;
mod hostile;
mod intensity;
mod killed;
mod kubernetes;
mod labels;
mod limits;
mod live;
mod matrix;
mod recorder;
mod sameness;
mod scaling;
mod sealed;
mod secrets;
mod service;
mod supply;
mod together;
mod transport;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use self::bench::Seen;
pub use self::history::Random;
use self::matrix::{CASES, Case, Expected};
use crate::prometheus;

const ALL_CASES: usize = 80;
/// Two cases at a time, and one more beside those that mostly wait.
const WORKERS: usize = 3;

/// What became of one case.
struct Verdict {
    case: &'static Case,
    ending: String,
    has_survived: bool,
    silently_wrong: usize,
    why_not: Vec<String>,
    /// It could not run on this machine.
    is_left_out: bool,
    seconds: f64,
}

fn judge(case: &'static Case, seen: &Seen, seconds: f64) -> Verdict {
    let wrong = seen.wrong();
    let codes = seen.codes();
    let is_whole = seen.refused.is_empty() && !seen.figures.is_empty() && wrong.is_empty();
    let holds = |expected: &Expected| match expected {
        Expected::Refuse(code) => seen.figures.is_empty() && seen.refused.contains(*code),
        Expected::Flag(wanted) => {
            let is_said_of_all =
                |code: &&str| seen.figures.keys().all(|cluster| seen.flags_of(code, cluster.split('/').next().unwrap()).next().is_some());
            is_whole && wanted.iter().all(is_said_of_all)
        }
        Expected::Exact => is_whole,
        Expected::Retry => is_whole && seen.is_as_without_fault && seen.was_retried,
        Expected::Neutral => is_whole && seen.is_as_without_fault,
    };
    if let Some(lacking) = &seen.left_out {
        let ending = format!("left out: {lacking}");
        return Verdict { case, ending, has_survived: false, silently_wrong: 0, why_not: Vec::new(), is_left_out: true, seconds };
    }
    let is_as_expected = case.expected.iter().any(holds);
    let mut why_not = wrong;
    if !is_as_expected {
        why_not.push(format!("expected {}", case.expected.iter().map(Expected::text).collect::<Vec<_>>().join(" or ")));
    }
    why_not.extend(seen.complaints.iter().cloned());
    Verdict {
        case,
        ending: ending(seen, &codes),
        has_survived: is_as_expected && seen.complaints.is_empty(),
        silently_wrong: seen.silently_wrong(),
        why_not,
        is_left_out: false,
        seconds,
    }
}

fn ending(seen: &Seen, codes: &BTreeSet<String>) -> String {
    let list = |codes: &BTreeSet<String>| codes.iter().cloned().collect::<Vec<_>>().join(" ");
    let mut text = match (seen.refused.is_empty(), codes.is_empty()) {
        (false, _) => format!("REFUSE {}", list(&seen.refused)),
        (true, false) => format!("FLAG {}", list(codes)),
        (true, true) if seen.figures.is_empty() => "nothing".to_owned(),
        (true, true) if seen.was_retried => "RETRY".to_owned(),
        (true, true) if seen.is_as_without_fault => "NEUTRAL".to_owned(),
        (true, true) => "exact".to_owned(),
    };
    if !seen.notes.is_empty() {
        text = format!("{text} ({})", seen.notes.join(", "));
    }
    text
}

fn run(case: &'static Case) -> Verdict {
    let started = Instant::now();
    let seen = catch_unwind(AssertUnwindSafe(case.run));
    let seconds = started.elapsed().as_secs_f64();
    match seen {
        Ok(seen) => judge(case, &seen, seconds),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let why_not = vec![format!("the case itself failed: {}", words.unwrap_or_default())];
            Verdict { case, ending: "broken".to_owned(), has_survived: false, silently_wrong: 0, why_not, is_left_out: false, seconds }
        }
    }
}

/// Runs cases, those that mostly wait first. `WATTLEDGER_FAULTS=F3,F24` runs only these.
fn run_all() -> Vec<Verdict> {
    let only = std::env::var("WATTLEDGER_FAULTS").ok();
    let is_wanted = |case: &&Case| only.as_ref().is_none_or(|list| list.split(',').any(|id| id.trim() == case.id));
    let mut wanted: Vec<&'static Case> = CASES.iter().filter(is_wanted).collect();
    wanted.sort_by_key(|case| !case.is_mostly_waiting);
    let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = wanted.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let verdict = run(case);
                    verdicts.lock().unwrap().push(verdict);
                }
            });
        }
    });
    let mut verdicts = verdicts.into_inner().unwrap();
    verdicts.sort_by_key(|verdict| number(verdict.case.id));
    verdicts
}

fn number(id: &str) -> usize {
    id[1..].parse().expect("a case is F and a number")
}

#[test]
fn faults_are_refused_flagged_or_survived_and_never_silent() {
    if !prometheus::is_installed() {
        return;
    }
    let started = Instant::now();

    let verdicts = run_all();

    for verdict in &verdicts {
        let mark = match verdict.has_survived {
            _ if verdict.is_left_out => "      -",
            true => "survived",
            false => "NOT",
        };
        println!("{:>4}  {mark:<8}  {:>5.1} s  {:<66}  {}", verdict.case.id, verdict.seconds, verdict.case.title, verdict.ending);
        verdict.why_not.iter().filter(|_| !verdict.has_survived).for_each(|why| println!("                       {why}"));
    }
    println!("{:.0} s", started.elapsed().as_secs_f64());
    let survived = verdicts.iter().filter(|verdict| verdict.has_survived).count();
    let silent: usize = verdicts.iter().map(|verdict| verdict.silently_wrong).sum();
    println!("{survived} of {ALL_CASES} survived, silent wrong: {silent}");
    let lost: Vec<&str> = verdicts
        .iter()
        .filter(|verdict| !verdict.has_survived)
        // In CI everything has to be there: a case that silently does nothing would look like a passed one.
        .filter(|verdict| !verdict.is_left_out || std::env::var_os("CI").is_some())
        .map(|verdict| verdict.case.id)
        .collect();
    assert_eq!(silent, 0, "wrong figures without a finding");
    assert!(lost.is_empty(), "not survived: {}", lost.join(", "));
}

#[test]
fn the_matrix_has_every_case_once_and_in_order() {
    let ids: Vec<usize> = CASES.iter().map(|case| number(case.id)).collect();

    assert_eq!(ids, (1..=ALL_CASES).collect::<Vec<_>>());
}

/// The same bench, without any fault: figures are the truth, and nothing is found.
#[test]
fn without_a_fault_the_figures_are_exact_and_nothing_is_found() {
    if !prometheus::is_installed() {
        return;
    }
    let seen = counters::without_fault();

    assert_eq!(seen.figures.len(), 3);
    assert_eq!((seen.wrong(), seen.complaints.clone()), (vec![], vec![]));
    assert!(seen.refused.is_empty() && seen.flags.is_empty(), "{:?} {:?}", seen.refused, seen.flags);
}

/// The suite would be worth nothing if it took anything for the truth.
#[test]
fn a_wrong_figure_is_noticed_and_without_a_finding_it_is_silent() {
    let truth = |metered_mj| history::Truth { metered_mj, ..Default::default() };
    let mut seen = Seen { figures: [("s11".to_owned(), truth(7))].into(), truth: [("s11".to_owned(), truth(8))].into(), ..Seen::default() };
    assert_eq!((seen.wrong().len(), seen.silently_wrong()), (1, 1));

    let flag = |message: &str| bench::Flag { code: "HOLE".to_owned(), message: message.to_owned(), failing: 1 };
    seen.flags = vec![flag("s23, 2026-10-31: a hole")];
    assert_eq!(seen.silently_wrong(), 1, "the finding is another cluster's");
    seen.flags = vec![flag("s11, 2026-10-31: a hole")];
    assert_eq!(seen.silently_wrong(), 0);

    let verdict = judge(&CASES[0], &seen, 0.0);
    assert!(!verdict.has_survived, "wrong with a finding is not survived either");
}
