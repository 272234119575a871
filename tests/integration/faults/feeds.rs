//! F33 to F35, F37, F39, F40: what a provider's API does.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::DateTime;
use serde_json::{Value as Json, json};

use super::bench::{Bench, Seen};
use super::history::{DAY_S, HOUR};
use super::intensity::{clusters, demand_emissions_by, emissions, file, level, seen_with, sum_by_hour, time};
use crate::feeds::past_range;
use crate::prometheus::Setup;
use crate::stand_in::{Answer, Request, StandIn};

const FIRST_SAID: &str = "2026-11-01T06:00:00.000Z";
const SAID_LATER: &str = "2026-11-04T06:00:00.000Z";
/// 100 lb/MWh are 45.359237 g/kWh, here in millionths; exactly, by the definition of the pound.
const MICROGRAMS_OF_100_POUNDS: i64 = 45_359_237;
const MILLIJOULES_PER_KWH: i128 = 3_600_000_000;
/// Rows of the ledger, each rounded to a microgram: 24 quarters of an hour of three clusters, with idle, system, and two pods.
const ROWS: i128 = 24 * 3 * 4;
const MOST_ROWS_A_REPLY: usize = 240;

/// A bench that asks the stand-in as if it were Electricity Maps.
fn asking_electricity_maps(server: &StandIn) -> Bench {
    let mut bench = Bench::of(&clusters());
    let lines = "provider = \"electricity-maps\"\ntoken_file = \"secret\"\nendpoint = \"past-range\"\n";
    bench.feed = Some(format!("{lines}url = \"{}\"\n", server.url));
    bench
}

/// As if it were WattTime.
fn asking_watttime(server: &StandIn, signal: &str) -> Bench {
    let mut bench = Bench::of(&clusters());
    let lines = format!("provider = \"watttime\"\nusername = \"example\"\npassword_file = \"secret\"\nsignal = \"{signal}\"\n");
    bench.feed = Some(format!("{lines}url = \"{}\"\n", server.url));
    bench
}

/// The month's intensities, then the day's energy and the intensities around it once more, then the report.
fn observed(bench: &Bench) -> Seen {
    bench.collect_feed("it");
    let server = bench.server(&Setup::default());
    bench.observe("it", &server.url())
}

/// Units of 3.6 g/kWh as the provider writes them.
fn grams(level: i64) -> String {
    format!("{}.{}", level * 36 / 10, level * 36 % 10)
}

/// In hundreds of pounds a megawatt-hour.
fn hundreds(hour: i64) -> i64 {
    1 + (hour / HOUR).rem_euclid(3)
}

/// Five of the six hours in which energy was used are revised when the month has been collected once.
pub fn revised_hours() -> Seen {
    let is_revised = |hour: i64| (DAY_S + 7 * HOUR..DAY_S + 12 * HOUR).contains(&hour);
    let newest = move |hour: i64| level(hour) + if is_revised(hour) { 7 } else { 0 };
    let is_later = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_later);
    let server = StandIn::start(move |request, _| {
        past_range(request, |hour| match told.load(Ordering::SeqCst) && is_revised(hour) {
            true => (grams(newest(hour)), SAID_LATER),
            false => (grams(level(hour)), FIRST_SAID),
        })
    });
    let bench = asking_electricity_maps(&server);
    bench.collect_feed("it");
    is_later.store(true, Ordering::SeqCst);
    let metered = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &metered.url());

    demand_emissions_by(&mut seen, newest);
    seen.demand_failing("CI_REVISED", 5);
    demand_both_editions(&bench, &mut seen);
    seen
}

/// Every hour of 33 days as it was first, and five as they are now, with the replies that said so.
fn demand_both_editions(bench: &Bench, seen: &mut Seen) {
    let evidence = bench.evidence("it");
    let manifest: Json = serde_json::from_slice(&fs::read(evidence.join("intensity/NL/manifest.json")).unwrap()).unwrap();
    let editions = manifest["editions"].as_array().unwrap();
    let mut rows: Vec<i64> = editions.iter().map(|edition| edition["file"]["rows"].as_i64().unwrap()).collect();
    rows.sort_unstable();
    seen.demand(rows == [5, 33 * 24], format!("editions of {rows:?} rows are kept"));
    let replies = || editions.iter().flat_map(|edition| edition["replies"].as_array().unwrap());
    let text: String = replies().map(|reply| fs::read_to_string(evidence.join(reply["path"].as_str().unwrap())).unwrap()).collect();
    let hour = DAY_S + 7 * HOUR;
    for (value, what) in [(level(hour), "first"), (level(hour) + 7, "newest")] {
        let said = format!(r#""carbonIntensity":{},"datetime":"{}""#, grams(value), time(hour));
        seen.demand(text.contains(&said), format!("the {what} value is in no reply that is kept"));
    }
}

/// WattTime, as its documentation has it; `most` rows a reply.
fn watttime(request: &Request, answered_signal: Option<&str>, most: usize) -> Answer {
    if request.target.starts_with("/login") {
        return Answer::ok(r#"{"token":"t0ken"}"#);
    }
    let parameter = |name: &str| request.parameter(name).unwrap();
    let seconds = |name: &str| DateTime::parse_from_rfc3339(&parameter(name)).unwrap().timestamp();
    // `end` is included.
    let hours = (seconds("start")..=seconds("end")).step_by(HOUR as usize).take(most);
    let rows: Vec<Json> = hours.map(|hour| json!({"point_time": time(hour), "value": hundreds(hour) * 100})).collect();
    let signal = answered_signal.map_or_else(|| parameter("signal_type"), str::to_owned);
    let meta = json!({"region": parameter("region"), "signal_type": signal, "units": "lbs_co2_per_mwh", "data_point_period_seconds": HOUR});
    Answer::ok(json!({"data": rows, "meta": meta}).to_string())
}

/// Nothing but the rounding of rows to micrograms may part the figures from the truth.
fn demand_pounds(seen: &mut Seen) {
    let Some(found) = emissions(seen) else { return };
    // Twice the difference, so that half a microgram is a whole number.
    let truth = sum_by_hour(|hour| hundreds(hour) * MICROGRAMS_OF_100_POUNDS);
    let is_near = (2 * (found * MILLIJOULES_PER_KWH - truth)).abs() <= ROWS * MILLIJOULES_PER_KWH;
    seen.demand(is_near, format!("{found} µg, in truth {}", truth / MILLIJOULES_PER_KWH));
    let codes = seen.codes();
    seen.demand(codes.is_empty(), format!("{codes:?} was found"));
}

pub fn pounds_that_say_so() -> Seen {
    let server = StandIn::start(|request, _| watttime(request, None, usize::MAX));
    let mut seen = observed(&asking_watttime(&server, "co2_aoer"));
    demand_pounds(&mut seen);
    seen
}

/// Values of another unit where g/kWh is what is said, by a feed and by a file: energy is right, and each report has to say that grams may not be.
pub fn units_that_lie() -> Seen {
    // A level is 3.6 g/kWh, which is 3.6 / 0.45359237 lb/MWh.
    let pounds = |level: i64| {
        let millionths = i128::from(level) * 3_600_000 * 100_000_000 / i128::from(MICROGRAMS_OF_100_POUNDS);
        format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
    };
    let kilograms = |level: i64| format!("{}.{:07}", level * 36_000 / 10_000_000, level * 36_000 % 10_000_000);
    let by_feed = |text: fn(i64) -> String| {
        let server = StandIn::start(move |request, _| past_range(request, |hour| (text(level(hour)), FIRST_SAID)));
        observed(&asking_electricity_maps(&server))
    };
    let by_file = |text: fn(i64) -> String| seen_with(file(|hour, _| format!("{},NL,{}\n", time(hour), text(level(hour)))));
    let mut all: Option<Seen> = None;
    for (what, mut seen) in [
        ("pounds of a feed", by_feed(pounds)),
        ("kilograms of a feed", by_feed(kilograms)),
        ("pounds of a file", by_file(pounds)),
        ("kilograms of a file", by_file(kilograms)),
    ] {
        let is_right = emissions(&seen) == Some(sum_by_hour(level) / 1_000);
        seen.demand(!is_right, format!("{what}: the fault was not injected"));
        let is_said = seen.codes().contains("CI_UNIT") || seen.refused.contains("CI_UNIT");
        seen.demand(is_said, format!("{what}: CI_UNIT is not said"));
        match &mut all {
            None => all = Some(seen),
            Some(all) => all.join(seen),
        }
    }
    all.unwrap()
}

/// Nothing is published, and the day's energy is kept: only the zone has to be mended.
pub fn unknown_zone() -> Seen {
    let not_found = || Answer { status: 404, headers: Vec::new(), body: r#"{"error":"zone not found"}"#.to_owned() };
    let server = StandIn::start(move |_, _| not_found());
    let bench = asking_electricity_maps(&server);
    let asked = bench.collect_feed("it");
    let mut seen = observed(&bench);
    seen.demand(asked.exit == 3, format!("collect ended with {}", asked.exit));
    seen.demand(asked.stderr.contains("incomplete: collect the intensity of NL: CI_ZONE: "), "the zone is not named");
    seen.demand(asked.stderr.contains("hint: the provider does not know the zone"), "there is no hint");
    seen.demand(!bench.evidence("it").join("intensity").exists(), "an intensity was stored");
    seen.demand(bench.evidence_of("it").len() == 3, "the energy was not kept");
    seen
}

/// A month is asked for and 240 rows come: the rest is asked for again. Where a provider says how long a request may be, none is longer.
pub fn short_answers() -> Seen {
    let server = StandIn::start(|request, _| watttime(request, None, MOST_ROWS_A_REPLY));
    let bench = asking_watttime(&server, "co2_aoer");
    bench.collect_feed("it");
    // Of 33 days: a month in three replies and three days in one; before them, a token.
    let asked = server.requests().len();
    let metered = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &metered.url());
    seen.demand(asked == 1 + 3 + 1, format!("{asked} requests were made"));
    demand_pounds(&mut seen);

    let documented = StandIn::start(|request, _| past_range(request, |hour| (grams(level(hour)), FIRST_SAID)));
    let mut chunked = observed(&asking_electricity_maps(&documented));
    let hours = |request: &Request| {
        let seconds = |name: &str| DateTime::parse_from_rfc3339(&request.parameter(name).unwrap()).unwrap().timestamp();
        (seconds("end") - seconds("start")) / HOUR
    };
    let longest = documented.requests().iter().map(hours).max();
    chunked.demand(longest == Some(MOST_ROWS_A_REPLY as i64), format!("{longest:?} hours were asked for at once"));
    demand_emissions_by(&mut chunked, level);
    let found = chunked.codes();
    chunked.demand(found.is_empty(), format!("{found:?} was found"));
    seen.join(chunked);
    seen
}

/// One feed is marginal by its configuration; another was asked for the average and answers with the marginal signal.
pub fn marginal_signals() -> Seen {
    let server = StandIn::start(|request, _| watttime(request, None, usize::MAX));
    let mut seen = observed(&asking_watttime(&server, "co2_moer"));
    seen.demand(seen.refused.contains("CI_SIGNAL"), "a marginal feed is not refused");

    let other = StandIn::start(|request, _| watttime(request, Some("co2_moer"), usize::MAX));
    let bench = asking_watttime(&other, "co2_aoer");
    let answered = observed(&bench);
    seen.demand(answered.refused.contains("CI_SIGNAL"), "a marginal answer is not refused");
    seen.demand(!bench.evidence("it").join("intensity").exists(), "a marginal answer was stored as an average");
    seen.join(answered);
    seen
}
