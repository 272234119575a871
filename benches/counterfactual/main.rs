//! What a month of job runs costs beside its counterfactual: bounds in windows, and all of `evaluate`.
//!
//! `CARGO_PROFILE_DEV_OPT_LEVEL=2 cargo bench --profile dev --bench counterfactual -- [--runs 100000] [--rounds 3]`. The month is made from a seed (see `generate.rs`), so nothing is read. Each
//! line is measured in a process of its own; times are medians of the rounds, of the work alone and not of making the month. Memory is counted, see `heap.rs`.
//! Beside the bounds a scan of every candidate runs over some of the same runs (see `naive.rs`) and has to say the same.

mod generate;
mod heap;
mod naive;
#[path = "../process.rs"]
mod process;

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use wattledger::accounting::counterfactual::bounds::{CandidatePlace, Candidates};
use wattledger::accounting::counterfactual::energy::RunEnergy;
use wattledger::accounting::counterfactual::evaluate;
use wattledger::accounting::counterfactual::history::History;
use wattledger::accounting::inventory::Inventory;
use wattledger::accounting::plan::Plan;

use generate::{STEP_S, Story};
use naive::Intervals;
use process::median_by;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

const WINDOWS_H: [i64; 6] = [0, 1, 4, 8, 24, 48];
/// The scan is slow: so many runs tell.
const SCANNED: usize = 2_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [verb, runs, window_h, zones, interval_s, valued] = arguments.as_slice()
        && ["bounds", "evaluate"].contains(&verb.as_str())
    {
        let story = Story {
            runs: runs.parse()?,
            window_h: window_h.parse()?,
            zones: zones.parse()?,
            interval_s: interval_s.parse()?,
            is_valued: valued == "valued",
        };
        return measured_child(verb, story);
    }
    let option = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
    let runs: usize = option("--runs").map_or(Ok(100_000), |text| text.parse()).context("--runs wants a number")?;
    let rounds: usize = option("--rounds").map_or(Ok(3), |text| text.parse()).context("--rounds wants a number")?;
    bounds_table(runs, rounds)?;
    evaluate_table(runs, rounds)
}

fn bounds_table(runs: usize, rounds: usize) -> Result<()> {
    println!("| window | zones | series | candidates a run | runs/s | to no window | to hourly series | scan to it |");
    println!("|---|---|---|---|---|---|---|---|");
    for zones in [1, 3] {
        let mut hourly = Vec::new();
        for (interval_s, name) in [(3_600, "hourly"), (300, "5 min")] {
            let mut first = None;
            for (place, window_h) in WINDOWS_H.into_iter().enumerate() {
                let story = Story { runs, window_h, zones, interval_s, is_valued: false };
                let found = medians("bounds", story, rounds)?;
                let [seconds, candidates, scan] = [found[0], found[1], found[2]];
                let none = *first.get_or_insert(seconds);
                if interval_s == 3_600 {
                    hourly.push(seconds);
                }
                println!(
                    "| {window_h} h | {zones} | {name} | {candidates:.0} | {:.0} | {:.2} | {:.2} | {:.1} |",
                    runs as f64 / seconds,
                    seconds / none,
                    seconds / hourly[place],
                    scan / seconds
                );
            }
        }
    }
    println!();
    Ok(())
}

fn evaluate_table(runs: usize, rounds: usize) -> Result<()> {
    println!("| runs | window | zones | series | prices, marginal | runs/s | s | bytes a run: plan, kept, at most |");
    println!("|---|---|---|---|---|---|---|---|");
    let line = |story: Story| -> Result<f64> {
        let found = medians("evaluate", story, rounds)?;
        let name = if story.interval_s == 300 { "5 min" } else { "hourly" };
        println!(
            "| {} | {} h | {} | {name} | {} | {:.0} | {:.2} | {:.0}, {:.0}, {:.0} |",
            story.runs,
            story.window_h,
            story.zones,
            if story.is_valued { "yes" } else { "no" },
            story.runs as f64 / found[0],
            found[0],
            found[1],
            found[2],
            found[3]
        );
        Ok(found[0])
    };
    let whole = Story { runs, window_h: 8, zones: 3, interval_s: 3_600, is_valued: true };
    let mut of_window = Vec::new();
    for window_h in WINDOWS_H {
        of_window.push(line(Story { window_h, ..whole })?);
    }
    let plain = line(Story { is_valued: false, ..whole })?;
    let fine = line(Story { interval_s: 300, ..whole })?;
    let half = line(Story { runs: runs / 2, ..whole })?;
    let twice = line(Story { runs: runs * 2, ..whole })?;
    let eight = of_window[3];
    println!(
        "\nA window of 48 h takes {:.2} times one of 0 h, 5-minute series {:.2} times hourly ones, prices and marginal intensities {:.2} times none, \
         and a run {:.2} and {:.2} times as long among half and twice as many.",
        of_window[5] / of_window[0],
        fine / eight,
        eight / plain,
        half / eight * 2.0,
        twice / eight / 2.0
    );
    Ok(())
}

/// Medians of what a child prints.
fn medians(verb: &str, story: Story, rounds: usize) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for _ in 0..rounds {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(verb).args([story.runs.to_string(), story.window_h.to_string(), story.zones.to_string(), story.interval_s.to_string()]);
        command.arg(if story.is_valued { "valued" } else { "plain" });
        let child = process::run(command)?;
        all.push(child.output.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?);
        let (wall, cpu, peak) = (child.wall_s, child.cpu_s, child.peak_mib);
        eprint!(
            "\r{verb}, {} runs, {} h, with making the month: {wall:.1} s, CPU {cpu:.1} s, {peak:.0} MiB   ",
            story.runs, story.window_h
        );
    }
    Ok((0..all[0].len()).map(|figure| median_by(&all, |round| round[figure])).collect())
}

/// Makes the month, does the work, and prints seconds and what else is of interest.
fn measured_child(verb: &str, story: Story) -> Result<()> {
    let terms = generate::terms(story);
    let before = heap::now();
    let (mut survey, decisions) = generate::survey(story);
    let runs = survey.take_runs();
    let plan = Plan::new(&terms, &survey, runs, generate::zones(story), generate::beside(story, decisions));
    let of_plan = heap::now() - before;
    let inventory = generate::inventory(&plan);
    ensure!(plan.runs.len() == story.runs, "{} of {} runs count in the month", plan.runs.len(), story.runs);
    if verb == "bounds" {
        return bounds(&plan, &inventory);
    }
    let started = Instant::now();
    let (effects, kept, most) = heap::of(|| evaluate(&plan, &inventory, &History::default()));
    let seconds = started.elapsed().as_secs_f64();
    let bounded = effects.runs.iter().filter(|run| run.bounds.is_some()).count();
    ensure!(bounded == story.runs, "{bounded} of {} runs have bounds", story.runs);
    let a_run = |bytes: usize| bytes as f64 / story.runs as f64;
    println!("{seconds} {} {} {}", a_run(of_plan), a_run(kept), a_run(most));
    Ok(())
}

/// Bounds of every run, and of some of them by the scan: seconds, candidates a run, and seconds that the scan would take for all.
fn bounds(plan: &Plan<'_>, inventory: &Inventory) -> Result<()> {
    let started = Instant::now();
    let mut found = Vec::with_capacity(plan.runs.len());
    for (run, profile) in plan.runs.iter().zip(&inventory.profiles) {
        let (Ok(timing), Some(window)) = (&run.place, &run.window) else { continue };
        let energy = RunEnergy::of(profile, timing.start_ms, timing.end_ms, STEP_S);
        let place = |place: &wattledger::accounting::counterfactual::window::Place| CandidatePlace {
            zone: place.zone,
            series: plan.zones[place.zone].integral(),
            pue: place.pue,
        };
        let places: Vec<_> = window.places.iter().map(place).collect();
        let candidates = Candidates::of(&energy, timing.baseline_start_ms, window.max_delay_ms, &places, timing.baseline_zone);
        let candidates = candidates.map_err(|zone| anyhow::anyhow!("zone {zone} does not cover a window"))?;
        found.push(candidates.bounds(0));
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(found.len() == plan.runs.len(), "every run has a window");

    let series: Vec<Intervals> = plan.zones.iter().map(intervals).collect();
    // Spread over the month, as the runs themselves are.
    let every = (plan.runs.len() / SCANNED).max(1);
    let started = Instant::now();
    let mut scanned = Vec::with_capacity(SCANNED);
    for index in (0..plan.runs.len()).step_by(every) {
        let (Ok(timing), Some(window)) = (&plan.runs[index].place, &plan.runs[index].window) else { continue };
        let places: Vec<_> = window.places.iter().map(|place| (&series[place.zone], place.pue)).collect();
        scanned.push((index, naive::scan(&inventory.profiles[index], timing, window.max_delay_ms, &places)));
    }
    let of_all = started.elapsed().as_secs_f64() * plan.runs.len() as f64 / scanned.len() as f64;
    for (index, scan) in &scanned {
        let bounds = &found[*index];
        let off = (bounds.worst - bounds.best) as f64 - (scan.worst - scan.best);
        ensure!(bounds.candidates == scan.candidates && off.abs() < 2.0, "the scan says otherwise: off by {off} micrograms");
        let mean = (bounds.mean - bounds.best) as f64 - (scan.sum / scan.candidates as f64 - scan.best);
        ensure!(mean.abs() < 2.0, "the scan's mean is off by {mean} micrograms");
    }
    let candidates: u64 = found.iter().map(|bounds| bounds.candidates).sum();
    println!("{seconds} {} {of_all}", candidates as f64 / found.len() as f64);
    Ok(())
}

fn intervals(zone: &wattledger::accounting::intensity::ZoneIntensity) -> Intervals {
    let (from_s, to_s) = generate::covered();
    let mut intervals = Intervals { start_ms: Vec::new(), end_ms: Vec::new(), value: Vec::new() };
    for piece in zone.pieces(from_s, to_s).into_iter().flatten() {
        intervals.start_ms.push(piece.from_s * 1_000);
        intervals.end_ms.push(piece.to_s * 1_000);
        intervals.value.push((piece.gco2e_per_kwh * 1e6).round() as i64);
    }
    intervals
}
