//! What two months must say of each other, whatever their figures: relations between a whole month's account and that of a month changed in one way.
//!
//! There is no oracle here: each test changes a story and says how the report has to follow. The stories leave nothing to round (see `story`), so what is
//! said to be equal is equal to the last digit.

mod holes;
mod story;

use std::collections::BTreeMap;

use serde_json::Value;

use self::story::{ClusterOfStory, DAY_S, EMISSIONS, MONTH_S, Month, STEP_S, Story, figure, seconds, text};
use crate::compare::integer;

const BOUNDS: [&str; 3] = ["best_ugco2e", "mean_ugco2e", "worst_ugco2e"];

fn name(run: &Value) -> String {
    format!("{}/{}", run["cluster"].as_str().unwrap(), run["job"].as_str().unwrap())
}

/// Every figure of a run times a whole number; the mean over many candidates is rounded once.
fn assert_times(factor: i64, before: &Month, after: &Month) {
    for (before, after) in before.beside(after) {
        for of in EMISSIONS {
            assert_eq!(figure(after, of), figure(before, of).map(|value| value * factor), "{}: {of}", name(before));
        }
        if let (Some(before), Some(after)) = (figure(before, "mean_ugco2e"), figure(after, "mean_ugco2e")) {
            assert!((after - before * factor).abs() <= factor, "{after} and {before}");
        }
        assert_eq!((&after["best_start"], &after["best_zone"]), (&before["best_start"], &before["best_zone"]), "{}", name(before));
    }
    for of in ["/avoided_ugco2e", "/gains_ugco2e", "/losses_ugco2e", "/windowed/best_ugco2e"] {
        assert_eq!(after.total(of), before.total(of) * factor, "{of}");
    }
    assert_eq!(after.0["counterfactual"]["captured_share"], before.0["counterfactual"]["captured_share"]);
}

#[test]
fn p28_without_flexibility_the_bounds_are_the_counterfactual() {
    let month = Story::at_home().with_rule("0s", &[]).account();

    let mut bounded = 0;
    for run in month.runs().values().filter(|run| !run["best_ugco2e"].is_null()) {
        let counterfactual = &run["counterfactual_ugco2e"];
        assert!(BOUNDS.iter().all(|of| run[of] == *counterfactual), "{}", name(run));
        assert_eq!((&run["best_start"], integer(&run["candidates"])), (&run["baseline_start"], Some(1)), "{}", name(run));
        if run["cause"] == "none" {
            assert_eq!((&run["actual_ugco2e"], figure(run, "avoided_ugco2e")), (counterfactual, Some(0)), "{}", name(run));
        }
        bounded += 1;
    }
    assert!(bounded > 20 && month.runs().values().any(|run| run["cause"] == "none"));
    assert_eq!(month.0["counterfactual"]["captured_share"], Value::Null, "of nothing there is no share");
}

#[test]
fn p29_under_constant_intensity_and_prices_nothing_is_saved_and_nothing_could_be() {
    let mut story = Story::at_home();
    story.each_grid(|grid| {
        grid.grams = vec![grid.grams[0]; grid.grams.len()];
        grid.micro_eur = vec![grid.micro_eur[0]; grid.micro_eur.len()];
    });
    // Where a run may go elsewhere, one constant is better than another: that is no matter of time.
    let month = story.with_rule("24h", &[]).account();

    assert!(month.total("/shifted_runs") > 20);
    for of in ["/avoided_ugco2e", "/gains_ugco2e", "/losses_ugco2e", "/gained_runs", "/cost/saved_micro_eur", "/cost/gains_micro_eur"] {
        assert_eq!(month.total(of), 0, "{of}");
    }
    for run in month.runs().values() {
        assert_eq!((figure(run, "avoided_ugco2e"), integer(&run["cost"]["saved_micro_eur"])), (Some(0), Some(0)), "{}", name(run));
        if !run["best_ugco2e"].is_null() {
            assert!(BOUNDS.iter().all(|of| run[of] == run["counterfactual_ugco2e"]), "{}", name(run));
        }
    }
    assert_eq!(month.0["counterfactual"]["deferrability"]["move_next"], Value::Array(vec![]), "there is nothing to move");
}

#[test]
fn p30_a_wider_window_never_has_less_to_offer() {
    let months = ["1h", "2h 10m", "7h 20m", "24h", "70h"].map(|delay| Story::new().with_rule(delay, &[]).account());
    for pair in months.windows(2) {
        for (narrow, wide) in pair[0].beside(&pair[1]) {
            assert_eq!(
                (&narrow["actual_ugco2e"], &narrow["counterfactual_ugco2e"]),
                (&wide["actual_ugco2e"], &wide["counterfactual_ugco2e"])
            );
            assert!(figure(wide, "best_ugco2e") <= figure(narrow, "best_ugco2e"), "{}", name(narrow));
            assert!(figure(wide, "worst_ugco2e") >= figure(narrow, "worst_ugco2e"), "{}", name(narrow));
            assert!(figure(wide, "candidates") >= figure(narrow, "candidates"), "{}", name(narrow));
        }
        assert!(pair[1].total("/windowed/best_ugco2e") < pair[0].total("/windowed/best_ugco2e"), "somebody gains");
    }
}

#[test]
fn a_zone_more_never_worsens_the_best() {
    let months = [&["NL"][..], &["NL", "SE"], &["NL", "SE", "DE"]].map(|zones| Story::new().with_rule("5h", zones).account());
    for pair in months.windows(2) {
        for (fewer, more) in pair[0].beside(&pair[1]) {
            assert!(figure(more, "best_ugco2e") <= figure(fewer, "best_ugco2e"), "{}", name(fewer));
            assert!(figure(more, "worst_ugco2e") >= figure(fewer, "worst_ugco2e"), "{}", name(fewer));
            assert_eq!(fewer["avoided_ugco2e"], more["avoided_ugco2e"], "what may be is not what was");
        }
    }
    assert!(months[1].total("/windowed/best_ugco2e") < months[0].total("/windowed/best_ugco2e"));
}

#[test]
fn a_window_in_two_parts_has_the_better_of_two_bests() {
    let window = |first_steps: i64, steps: i64| {
        let mut story = Story::at_home().with_rule(&format!("{}s", steps * STEP_S), &[]);
        // All of these runs began a week after they could have: any part of the window is open to them.
        story.each_job(|job| job.baseline_start = Some(text(job.started_s - 40 * STEP_S + first_steps * STEP_S)));
        story.account()
    };
    let (whole, first, second) = (window(0, 39), window(0, 17), window(18, 21));
    for ((whole, first), (_, second)) in whole.beside(&first).into_iter().zip(whole.beside(&second)) {
        let both = |of| figure(first, of).zip(figure(second, of));
        assert_eq!(figure(whole, "best_ugco2e"), both("best_ugco2e").map(|(a, b)| a.min(b)), "{}", name(whole));
        assert_eq!(figure(whole, "worst_ugco2e"), both("worst_ugco2e").map(|(a, b)| a.max(b)), "{}", name(whole));
        let mean = both("mean_ugco2e").map(|(a, b)| (a * 18 + b * 22) as f64 / 40.0);
        if let Some((mean, found)) = mean.zip(figure(whole, "mean_ugco2e")) {
            assert!((mean - found as f64).abs() <= 1.5, "{}: {found} and {mean}", name(whole));
        }
    }
}

#[test]
fn a_run_that_begins_at_its_best_start_in_its_best_zone_has_captured_all_there_was() {
    // Home is written down for every run, so that it stays where it was when the run is moved; and each could have begun a whole number of steps before it did.
    let mut story = Story::at_home().with_rule("12h", &["NL", "DE", "FR"]);
    for cluster in &mut story.clusters {
        for job in &mut cluster.jobs {
            job.home_zone = Some(cluster.zone.to_owned());
            job.baseline_start = Some(text(job.started_s - (job.started_s - job.created_s) / STEP_S * STEP_S));
        }
    }
    let before = story.account();
    let moved_to = |start: &str, zone: &str| {
        let mut moved = story.clone();
        moved.clusters.iter_mut().for_each(|cluster| cluster.jobs.clear());
        for (cluster, job) in story.clusters.iter().flat_map(|cluster| cluster.jobs.iter().map(move |job| (cluster, job))) {
            let run = before.runs()[&(cluster.name.to_owned(), job.job.clone())];
            let (start_s, zone) =
                if run[start].is_null() { (job.started_s, cluster.zone) } else { (seconds(&run[start]), run[zone].as_str().unwrap()) };
            let mut job = job.clone();
            job.shift(start_s - job.started_s, STEP_S);
            moved.clusters.iter_mut().find(|cluster| cluster.zone == zone).unwrap().jobs.push(job);
        }
        moved.account()
    };
    let after = moved_to("best_start", "best_zone");

    let of_job = |month: &Month| month.runs().into_iter().map(|((_, job), run)| (job, run.clone())).collect::<BTreeMap<_, _>>();
    let (before_runs, after_runs) = (of_job(&before), of_job(&after));
    let mut bounded = 0;
    for (job, run) in before_runs.iter().filter(|(_, run)| !run["best_ugco2e"].is_null()) {
        let moved = &after_runs[job];
        assert_eq!(moved["counterfactual_ugco2e"], run["counterfactual_ugco2e"], "{job}");
        assert_eq!(moved["actual_ugco2e"], run["best_ugco2e"], "{job}");
        assert_eq!(BOUNDS.map(|of| &moved[of]), BOUNDS.map(|of| &run[of]), "{job}: the window is the same");
        bounded += 1;
    }
    assert!(bounded > 20);
    assert!(before.0["counterfactual"]["captured_share"].as_f64() < Some(0.9));
    assert_eq!(after.0["counterfactual"]["captured_share"].as_f64(), Some(1.0));
}

#[test]
fn more_energy_of_everything_is_more_of_every_figure() {
    let before = Story::new();
    let mut after = before.clone();
    after.each_job(|job| job.pods.iter_mut().flat_map(|pod| pod.energy.values_mut()).for_each(|mj| *mj *= 3));
    assert_times(3, &before.account(), &after.account());
}

#[test]
fn twice_the_intensity_is_twice_every_figure() {
    let before = Story::new();
    let mut after = before.clone();
    after.each_grid(|grid| grid.grams.iter_mut().for_each(|grams| *grams *= 2));
    assert_times(2, &before.account(), &after.account());
}

#[test]
fn what_every_hour_of_every_grid_has_more_leaves_the_differences() {
    let mut before = Story::new();
    // With one PUE for all, what is added is the same wherever a run would have been.
    before.clusters.iter_mut().for_each(|cluster| cluster.pue = 1.25);
    let mut after = before.clone();
    after.each_grid(|grid| {
        grid.grams.iter_mut().for_each(|grams| *grams += 137);
        grid.micro_eur.iter_mut().for_each(|price| *price += 10_000);
    });
    let (before, after) = (before.account(), after.account());
    for (before, after) in before.beside(&after) {
        assert_eq!(before["avoided_ugco2e"], after["avoided_ugco2e"], "{}", name(before));
        let added = 137 * figure(before, "active_mj").unwrap() / 3_600 * 5 / 4;
        assert_eq!(
            figure(after, "counterfactual_ugco2e"),
            figure(before, "counterfactual_ugco2e").map(|value| value + added),
            "{}",
            name(before)
        );
        for of in BOUNDS {
            let difference = |run: &Value| figure(run, of).map(|value| value - figure(run, "counterfactual_ugco2e").unwrap());
            assert_eq!(difference(before), difference(after), "{}: {of}", name(before));
        }
        let saved = |run: &Value| integer(&run["cost"]["saved_micro_eur"]).unwrap();
        assert!((saved(before) - saved(after)).abs() <= 2, "{}", name(before));
    }
    assert_eq!(before.0["counterfactual"]["captured_share"], after.0["counterfactual"]["captured_share"]);
    assert_eq!(before.total("/losses_ugco2e"), after.total("/losses_ugco2e"));
}

#[test]
fn tables_in_the_opposite_order_give_the_same_statement() {
    let before = Story::new();
    let after = Story { is_backwards: true, ..before.clone() };
    let of = |story: &Story| {
        let mut statement = story.account().0;
        // The files are other files.
        statement["provenance"].as_object_mut().unwrap().remove("evidence");
        serde_json::to_string_pretty(&statement).unwrap()
    };
    let (before, after) = (of(&before), of(&after));
    let differing = before.lines().zip(after.lines()).find(|(before, after)| before != after);
    assert!(before == after, "{differing:?}");
}

#[test]
fn the_same_story_a_week_later_is_the_same_story() {
    const WEEK_S: i64 = 7 * DAY_S;
    let before = Story::new();
    let mut after = before.clone().days_later(7);
    after.each_grid(|grid| grid.from_s += WEEK_S);
    let (before, after) = (before.account(), after.account());
    for (before, after) in before.beside(&after) {
        let mut expected = before.clone();
        for instant in ["start", "end", "baseline_start", "best_start"] {
            if !expected[instant].is_null() {
                expected[instant] = Value::from(text(seconds(&before[instant]) + WEEK_S));
            }
        }
        assert_eq!(*after, expected, "{}", name(before));
    }
    for part in ["by_cause", "windowed", "alternatives", "cost", "deferrability", "captured_share"] {
        assert_eq!(before.0["counterfactual"][part], after.0["counterfactual"][part], "{part}");
    }
}

#[test]
fn a_run_on_more_pods_of_more_nodes_is_the_same_run() {
    let before = Story::new();
    let mut after = before.clone();
    after.each_job(|job| {
        let halves = job.pods.iter().flat_map(|pod| {
            [0, 1].map(|half| {
                let mut part = pod.clone();
                part.node = (pod.node + half) % 3;
                // A third and two thirds: every step's energy is a multiple of three times 4,800.
                part.energy.values_mut().for_each(|mj| *mj = if half == 0 { *mj / 3 } else { *mj - *mj / 3 });
                part
            })
        });
        job.pods = halves.collect();
    });
    for (before, after) in before.account().beside(&after.account()) {
        // A row of a third may be cut within a microgram, and there are two rows to a figure for each of its steps.
        for of in EMISSIONS {
            assert_eq!(figure(before, of), figure(after, of), "{}: {of}", name(before));
        }
    }
}

#[test]
fn a_clusters_runs_do_not_depend_on_other_clusters() {
    // One PUE, as that of a zone is told by whichever cluster is there.
    let mut all = Story::new();
    all.clusters.iter_mut().for_each(|cluster| cluster.pue = 1.25);
    let together = all.account();
    let mut sum = BTreeMap::from(["/avoided_ugco2e", "/losses_ugco2e", "/windowed/best_ugco2e", "/shifted_runs"].map(|of| (of, 0)));
    for cluster in &all.clusters {
        let alone = Story { clusters: vec![cluster.clone()], ..all.clone() }.account();
        for (key, run) in alone.runs() {
            assert_eq!(run, together.runs()[&key], "{key:?}");
        }
        sum.iter_mut().for_each(|(of, sum)| *sum += alone.total(of));
    }
    for (of, sum) in sum {
        assert_eq!(together.total(of), sum, "{of}");
    }
}

#[test]
fn going_there_and_coming_back_are_opposite() {
    let with_homes = |there: &'static str, back: &'static str| {
        let mut story = Story::at_home().with_rule("5h", &[]);
        story.clusters.retain(|cluster| cluster.name == "ams");
        let jobs = story.clusters.remove(0).jobs;
        let cluster = |name, zone, pue, jobs| ClusterOfStory { name, zone, pue, jobs };
        story.clusters = vec![
            cluster("ran", there, if there == "NL" { 1.25 } else { 1.5 }, jobs),
            cluster("home", back, if back == "NL" { 1.25 } else { 1.5 }, vec![]),
        ];
        story.each_job(|job| {
            job.home_zone = Some(back.to_owned());
            job.baseline_start = Some(text(job.started_s));
        });
        story.account()
    };
    let (there, back) = (with_homes("NL", "DE"), with_homes("DE", "NL"));
    let mut shifted = 0;
    for ((_, there), (_, back)) in there.runs().into_iter().zip(back.runs()) {
        assert_eq!((&there["actual_ugco2e"], &there["counterfactual_ugco2e"]), (&back["counterfactual_ugco2e"], &back["actual_ugco2e"]));
        assert_eq!(figure(there, "avoided_ugco2e"), figure(back, "avoided_ugco2e").map(|avoided| -avoided), "{}", name(there));
        assert_eq!(BOUNDS.map(|of| &there[of]), BOUNDS.map(|of| &back[of]), "{}: both zones are open to both", name(there));
        shifted += 1;
    }
    assert!(shifted > 20);
    assert_eq!(
        (there.total("/gains_ugco2e"), there.total("/losses_ugco2e")),
        (-back.total("/losses_ugco2e"), -back.total("/gains_ugco2e"))
    );
}

#[test]
fn a_run_counts_in_one_month_wherever_months_are_cut() {
    let story = Story::at_the_months_end();
    let of = |month: &'static str, time_zone: &'static str| Story { month, time_zone, ..story.clone() }.account();
    let whole: Vec<(Month, Month)> = [("UTC"), ("Asia/Tokyo")].into_iter().map(|zone| (of("2026-09", zone), of("2026-10", zone))).collect();

    let jobs: usize = story.clusters.iter().map(|cluster| cluster.jobs.len()).sum();
    let mut over_the_end = 0;
    for (september, october) in &whole {
        let (first, second) = (september.runs(), october.runs());
        assert!(first.len() > 10 && second.len() > 10, "{} and {}", first.len(), second.len());
        assert_eq!(first.len() + second.len(), jobs);
        assert!(first.keys().all(|key| !second.contains_key(key)));
        over_the_end += second.values().filter(|run| figure(run, "outside_mj") > Some(0)).count();
        // Where it was cut changes no figure of a run, but for what of it lies outside.
        let elsewhere: BTreeMap<_, _> = whole[0].0.runs().into_iter().chain(whole[0].1.runs()).collect();
        for (key, run) in first.into_iter().chain(second) {
            for of in EMISSIONS.into_iter().chain(["mean_ugco2e", "active_mj"]) {
                assert_eq!(run[of], elsewhere[&key][of], "{key:?}: {of}");
            }
        }
        assert_eq!(
            september.total("/avoided_ugco2e") + october.total("/avoided_ugco2e"),
            whole[0].0.total("/avoided_ugco2e") + whole[0].1.total("/avoided_ugco2e")
        );
    }
    assert!(over_the_end > 0, "some runs go on over the end of the month");
}

#[test]
fn the_stories_have_what_the_relations_are_about() {
    let month = Story::new().account();
    let runs = month.runs();
    let count = |is: &dyn Fn(&Value) -> bool| runs.values().filter(|run| is(run)).count();
    assert_eq!(runs.len(), 52);
    assert!(count(&|run| run["baseline_zone"] != run["grid_zone"]) > 8, "moved in place");
    assert!(count(&|run| run["cause"] == "none") > 5 && count(&|run| run["cause"] == "other") > 20);
    assert!(count(&|run| figure(run, "avoided_ugco2e") > Some(0)) > 10 && count(&|run| figure(run, "avoided_ugco2e") < Some(0)) > 10);
    assert!(count(&|run| run["best_zone"] != run["baseline_zone"] && !run["best_zone"].is_null()) > 5);
    assert!(count(&|run| run["best_ugco2e"].is_null()) > 10, "nobody said that they may wait");
    assert!(runs.values().all(|run| seconds(&run["start"]) > MONTH_S && run["unplaced_reason"].is_null()));
}
