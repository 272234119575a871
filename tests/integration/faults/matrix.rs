//! The matrix: one entry a fault, with what is expected of us. A case is added by its entry and a function that gives back what it saw.
//!
//! Where the method and the catalogue of faults differ, the method has it: a hole is `HOLE` (a `GAP` is what no delta reaches), a value outside
//! of plausible intensities refuses its file. F47's outage is of seconds, not of a minute: pauses grow the same way.

use super::bench::Seen;
use super::{
    arguments, calendar, counters, disk, extremes, feeds, hostile, intensity, killed, kubernetes, labels, limits, live, recorder, sameness,
    scaling, sealed, secrets, service, supply, together, transport,
};

pub struct Case {
    pub id: &'static str,
    pub title: &'static str,
    /// Any of these.
    pub expected: &'static [Expected],
    pub run: fn() -> Seen,
    /// Such cases run beside the others from the start.
    pub is_mostly_waiting: bool,
}

/// How a case may end.
pub enum Expected {
    /// This code, and nothing published.
    Refuse(&'static str),
    /// Right figures, with all these findings in every cluster.
    Flag(&'static [&'static str]),
    /// Right figures.
    Exact,
    /// Asked again, and then as without the fault.
    Retry,
    /// As without the fault.
    Neutral,
}

use Expected::{Exact, Flag, Neutral, Refuse, Retry};

impl Expected {
    pub fn text(&self) -> String {
        match self {
            Refuse(code) => format!("REFUSE {code}"),
            Flag(codes) => format!("FLAG {}", codes.join(" ")),
            Exact => "exact".to_owned(),
            Retry => "RETRY".to_owned(),
            Neutral => "NEUTRAL".to_owned(),
        }
    }
}

const fn case(id: &'static str, title: &'static str, expected: &'static [Expected], run: fn() -> Seen) -> Case {
    Case { id, title, expected, run, is_mostly_waiting: false }
}

const fn waiting(id: &'static str, title: &'static str, expected: &'static [Expected], run: fn() -> Seen) -> Case {
    Case { id, title, expected, run, is_mostly_waiting: true }
}

pub const CASES: &[Case] = &[
    case("F1", "a hole of ten minutes", &[Flag(&["HOLE"])], counters::hole_of_ten_minutes),
    case("F2", "the exporter is silent for the last two hours of a pod", &[Flag(&["TAIL_UNKNOWN"])], counters::silent_tail),
    case("F3", "one reset between scrapes", &[Flag(&["RESET"])], counters::one_reset),
    case("F4", "a wrap every ten minutes for a day", &[Flag(&["RESET"])], counters::wraps),
    case("F5", "a counter near 1e9 J falls by 1 J", &[Flag(&["DECREASE"])], counters::small_decrease),
    case("F6", "a pair of servers with identical samples", &[Neutral], counters::identical_replicas),
    case("F7", "a pair of servers with complementary gaps", &[Neutral], counters::replicas_with_complementary_gaps),
    case("F8", "NaN as first, middle and last sample", &[Flag(&["NONFINITE"])], counters::nan_samples),
    case("F9", "a sample of +Inf", &[Flag(&["NONFINITE"])], counters::infinite_sample),
    waiting("F10", "an exporter stops with its pod, live", &[Neutral], live::stopped_exporter),
    case("F11", "500 jobs that one scrape saw", &[Flag(&["UNRESOLVED"])], counters::one_scrape_jobs),
    case("F12", "a month at one minute, beyond 11,000 points", &[Exact], limits::month_at_one_minute),
    case("F13", "--query.max-samples=20000", &[Retry, Neutral], limits::few_samples_allowed),
    case("F14", "--query.max-samples=10", &[Refuse("PROM_LIMIT")], limits::hardly_any_samples_allowed),
    case("F15", "--query.timeout=20ms on 20,000 series", &[Exact, Refuse("PROM_TIMEOUT")], limits::impatient_server),
    case("F16", "503 with HTML twice", &[Retry], transport::unavailable_twice),
    case("F17", "429 with Retry-After: 3", &[Retry], transport::too_many_requests),
    waiting("F18", "the server takes a request and never answers", &[Refuse("PROM_TIMEOUT")], transport::silent_server),
    waiting("F19", "answers cut at a random byte, 20 seeds", &[Retry], transport::cut_answers),
    waiting("F20", "exported_namespace, live", &[Flag(&["LABEL_CLASH"])], live::clashing_labels),
    case("F21", "a dead remote read makes answers partial", &[Refuse("PROM_PARTIAL")], transport::partial_answer),
    case("F22", "retention has deleted the month", &[Refuse("NO_DATA")], transport::forgotten_month),
    case("F23", "20,000 series for an hour", &[Exact], limits::many_series),
    case("F24", "a delta of 1e15 J, once and for good", &[Flag(&["IMPLAUSIBLE"])], counters::impossible_delta),
    case("F25", "March 2026 in Amsterdam", &[Exact], calendar::march),
    case("F26", "October 2026 in Amsterdam", &[Exact], calendar::october),
    case("F27", "February 2028 in Amsterdam", &[Exact], calendar::leap_february),
    case("F28", "the same evidence by UTC and by local months", &[Exact], calendar::utc_and_local_months),
    case("F29", "three hours without intensity", &[Flag(&["CI_GAP"])], intensity::hole_of_three_hours),
    case("F30", "the same intensity rows twice", &[Neutral], intensity::equal_duplicates),
    case("F31", "two values for one hour", &[Refuse("CI_CONFLICT")], intensity::contradicting_duplicates),
    case("F32", "October in local time without offsets", &[Refuse("CI_AMBIGUOUS_TIME")], intensity::local_times_of_october),
    case("F33", "five hours are revised while the month is open", &[Flag(&["CI_REVISED"])], feeds::revised_hours),
    case("F34", "lb/MWh, and the unit says so", &[Exact], feeds::pounds_that_say_so),
    case("F35", "lb/MWh or kg/kWh, and the unit says g/kWh", &[Flag(&["CI_UNIT"]), Refuse("CI_UNIT")], feeds::units_that_lie),
    case("F36", "-5 and 5,000 g/kWh", &[Refuse("CI_IMPLAUSIBLE")], intensity::implausible_values),
    case("F37", "the provider does not know the zone (404)", &[Refuse("CI_ZONE")], feeds::unknown_zone),
    case("F38", "40 % of the hours are estimated", &[Flag(&["CI_ESTIMATED"])], intensity::estimated_hours),
    case("F39", "the provider returns 240 rows for a month", &[Exact], feeds::short_answers),
    case("F40", "a marginal signal for Scope 2", &[Refuse("CI_SIGNAL")], feeds::marginal_signals),
    case("F41", "a pod is deleted before collection", &[Flag(&["UNKNOWN_OWNER"])], kubernetes::deleted_pod),
    case("F42", "a StatefulSet's pod comes back with its name and another uid", &[Exact], kubernetes::recreated_pod),
    case("F43", "60 Jobs of a CronJob, of which three are kept", &[Exact], kubernetes::history_limit),
    case("F44", "no cost label on 10 % of namespaces", &[Flag(&["UNLABELLED"])], kubernetes::missing_cost_labels),
    case("F45", "no right to list jobs", &[Refuse("K8S_FORBIDDEN")], recorder::forbidden_jobs),
    waiting("F46", "etcd is compacted: 410", &[Exact], recorder::compacted_server),
    waiting("F47", "the API server is down for seconds in a watch", &[Retry], recorder::server_that_was_away),
    case("F48", "a namespace is deleted in the middle of the month", &[Exact], kubernetes::deleted_namespace),
    case("F49", "two labellers and a conflict (409)", &[Exact], labels::two_labellers),
    case("F50", "100 reconciles, nothing changed", &[Neutral], labels::nothing_changed),
    case("F51", "killed at every call that changes a file of `collect`", &[Retry], killed::collect_at_every_call),
    waiting("F52", "killed at every call that changes a file of `close`", &[Retry], sealed::close_at_every_call),
    waiting("F53", "killed at any moment, 200 times", &[Retry], killed::random_kills),
    case("F54", "a disk of 1 MiB", &[Refuse("DISK_FULL")], disk::full_disk),
    case("F55", "every fsync fails in turn", &[Retry], killed::failing_syncs),
    waiting("F56", "four collectors at once", &[Refuse("LOCKED")], together::collectors),
    case("F57", "12 of 31 days", &[Flag(&["DAYS_MISSING"])], sealed::half_a_month),
    case("F58", "1,000 bits of a closed month flipped", &[Refuse("EVIDENCE_CHANGED")], sealed::flipped_bits),
    case("F59", "a bit of the seal or its signature flipped", &[Refuse("BAD_SIGNATURE")], sealed::flipped_seal),
    case("F60", "a file gone, a file too many", &[Refuse("MISSING")], sealed::missing_and_added),
    case("F61", "evidence of the version before and after", &[Neutral], disk::other_schemas),
    case("F62", "names that spreadsheets take for formulas", &[Exact], hostile::formulas),
    case("F63", "names that pages take for markup or scripts", &[Exact], hostile::markup),
    case("F64", "NUL, ESC, non-characters, half surrogates, 4 KiB", &[Exact], hostile::odd_names),
    waiting("F65", "1.1 million hours in a workbook", &[Exact], extremes::many_hours),
    case("F66", "a cluster that uses nothing: 0/0", &[Exact], extremes::nothing_over_nothing),
    case("F67", "months that are none, and paths", &[Refuse("BAD_MONTH")], arguments::months_that_are_none),
    case("F68", "another language, clock, home, and RUST_LOG=trace", &[Neutral], sameness::surroundings),
    case("F69", "20 runs, 1 and 2 threads, everything in another order", &[Neutral], sameness::shuffled_inputs),
    waiting("F70", "500 half-open connections", &[Exact], service::half_open_connections),
    case("F71", "1 MiB of headers, 101 headers, 1 GiB of body", &[Exact], service::oversized_requests),
    case("F72", "no, a wrong, an expired, another's token", &[Exact], service::wrong_tokens),
    case("F73", "200 paths that climb", &[Exact], service::climbing_paths),
    case("F74", "a proxy's user header from a stranger", &[Exact], service::spoofed_proxy),
    case("F75", "the scaler's endpoint with an intensity that is three hours old", &[Exact], scaling::stale_intensity),
    case("F76", "started without any credentials configured", &[Refuse("NO_AUTH")], service::without_credentials),
    waiting("F77", "canaries in every secret, and everything that goes wrong", &[Refuse("PROM_DENIED")], secrets::canaries),
    case("F78", "a token file that everybody can read", &[Flag(&["SECRET_READABLE"])], secrets::readable_token),
    case("F79", "a crate under an advisory in the lock file", &[Refuse("vulnerability")], supply::advisory),
    case(
        "F80",
        "a dependency from git, an unknown registry, a banned licence",
        &[Refuse("source-not-allowed")],
        supply::sources_and_licences,
    ),
];
