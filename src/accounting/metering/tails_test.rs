//! Tails, by hand and against a simulated truth.

use super::story::*;

fn tail_of(day: &super::MeteredDay, uid: &str) -> Vec<(i64, i64)> {
    let id = texts(&day.pods, "uid").iter().position(|known| known.as_deref() == Some(uid)).map(|id| id as i64);
    let (pods, steps, tails) = (ints(&day.usage, "pod_id"), ints(&day.usage, "step"), ints(&day.usage, "tail_mj"));
    let rows = (0..pods.len()).filter(|row| pods[*row] == id);
    rows.filter_map(|row| Some((steps[row].unwrap() - i64::from(step(0)), tails[row]?))).collect()
}

fn node(samples: &[(i64, f64)]) -> Part {
    part("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", samples)
}

fn pod(uid: &str, samples: &[(i64, f64)]) -> Part {
    let labels = format!("instance=k1,node_name=n1,pod_id={uid},pod_name={uid},pod_namespace=team,zone=package");
    part(&format!("kepler_pod_cpu_joules_total{{{labels}}}"), samples)
}

/// A pod whose containers ended at a second of the day.
fn ended(uid: &str, second: i64) -> Part {
    let ends = (at(second) / 1_000) as f64;
    part(&format!("kube_pod_completion_time{{namespace=team,pod={uid},uid={uid}}}"), &[(second + 10, ends)])
}

#[test]
fn the_last_rate_goes_on_to_the_recorded_end_and_is_cut_at_the_step() {
    let scrapes: Vec<(i64, f64)> = (0..30).map(|minute| (minute * 60, minute as f64 * 600.0)).collect();
    // Last sample at 880 s, 5 W over the last minute, ended at 920 s: 100 J before the edge at 900 s and 100 J after it.
    let day = meter(vec![node(&scrapes), pod("a", &[(760, 0.0), (820, 600.0), (880, 900.0)]), ended("a", 920)]);
    assert_eq!(tail_of(&day, "a"), [(0, 100_000), (1, 100_000)]);
    assert_eq!(usage_of(&day, "a")[0].1, Some(900_000));
}

#[test]
fn a_pod_seen_after_its_end_has_no_tail_and_one_without_a_recorded_end_has_none_known() {
    let seen = [(0, 0.0), (60, 60.0), (120, 120.0)];
    let scrapes: Vec<(i64, f64)> = (0..30).map(|minute| (minute * 60, minute as f64 * 600.0)).collect();
    assert_eq!(tail_of(&meter(vec![node(&scrapes), pod("a", &seen), ended("a", 110)]), "a"), []);
    let deleted = meter(vec![node(&scrapes), pod("a", &seen)]);
    assert_eq!((tail_of(&deleted, "a"), severity(&deleted, "ENDS_UNSEEN")), (vec![], None));
    let owner = "kube_pod_owner{namespace=team,pod=a,uid=a,owner_kind=Job,owner_name=j,owner_is_controller=true}";
    let of_job = meter(vec![node(&scrapes), pod("a", &seen), part(owner, &[(0, 1.0), (120, 1.0)])]);
    assert!(severity(&of_job, "ENDS_UNSEEN").is_some());
}

#[test]
fn a_rate_is_not_carried_on_for_hours() {
    let day = meter(vec![node(&[(0, 0.0), (120, 1_200.0)]), pod("a", &[(0, 0.0), (60, 60.0), (120, 120.0)]), ended("a", 7_320)]);
    assert_eq!(tail_of(&day, "a"), []);
    let finding = day.findings.iter().find(|finding| finding.code == "TAIL_UNKNOWN").unwrap();
    assert!(finding.message.contains("team/a (7200 s)"), "{}", finding.message);
}

/// Deterministic numbers in [0, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A job with its true energy and what a scrape every minute shows of it.
struct Simulated {
    uid: String,
    truth: f64,
    scrapes: Vec<(i64, f64)>,
    end: i64,
}

/// Power that changes every five seconds: a base, phases of some minutes, and bursts.
fn simulate(random: &mut Random, number: usize, offset: i64) -> Simulated {
    let length = 1_800 + (random.next() * 18_000.0) as i64;
    let start = 1_000 + (random.next() * (84_000 - length) as f64) as i64;
    let (base, mut phase, mut phase_end) = (5.0 + random.next() * 40.0, 1.0, 0);
    let (mut energy, mut scrapes, end) = (0.0, Vec::new(), start + length);
    for second in start..end {
        if second >= phase_end {
            phase = 0.5 + random.next();
            phase_end = second + 120 + (random.next() * 900.0) as i64;
        }
        let burst = if (second / 5 * 7_919 + number as i64) % 11 == 0 { 2.5 } else { 1.0 };
        if second > start && (second - offset) % 60 == 0 {
            scrapes.push((second, energy));
        }
        energy += base * phase * burst;
    }
    Simulated { uid: format!("job-{number}"), truth: energy, scrapes, end }
}

/// Method, section 3, tail: on 600 jobs of three hours in the mean, at a scrape a minute.
#[test]
fn against_a_simulated_truth_the_total_is_unbiased_and_half_of_the_jobs_are_right_to_a_fifth_of_a_percent() {
    let mut random = Random(42);
    let offset = 17;
    let jobs: Vec<Simulated> = (0..600).map(|number| simulate(&mut random, number, offset)).collect();
    // Other processes draw 700 W, so that the tails are never more than what is nobody's.
    let mut node_scrapes = Vec::new();
    let mut truth_of_node = 0.0;
    for minute in 0..1_440 {
        let second = minute * 60 + offset;
        let of_jobs: f64 = jobs.iter().map(|job| if second >= job.end { job.truth } else { seen_by(job, second) }).sum();
        truth_of_node = second as f64 * 700.0 + of_jobs;
        node_scrapes.push((second, truth_of_node));
    }
    let mut parts = vec![node(&node_scrapes)];
    for job in &jobs {
        parts.extend([pod(&job.uid, &job.scrapes), ended(&job.uid, job.end)]);
    }
    let day = meter(parts);

    let joules = |rows: Vec<i64>| rows.into_iter().sum::<i64>() as f64 / 1_000.0;
    let measured = |job: &Simulated| joules(usage_of(&day, &job.uid).into_iter().filter_map(|(_, active, _)| active).collect());
    let tail = |job: &Simulated| joules(tail_of(&day, &job.uid).into_iter().map(|(_, tail)| tail).collect());
    let truth: f64 = jobs.iter().map(|job| job.truth).sum();
    let bias = |of: &dyn Fn(&Simulated) -> f64| jobs.iter().map(of).sum::<f64>() / truth - 1.0;
    let median_error = |of: &dyn Fn(&Simulated) -> f64| {
        let mut errors: Vec<f64> = jobs.iter().map(|job| (of(job) / job.truth - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        errors[errors.len() / 2]
    };

    // tails = "unattributed": jobs miss what came after their last sample, which is in the node's meter and so in (system).
    let (without, error_without) = (bias(&measured), median_error(&measured));
    // tails = "last-rate".
    let with_tail = |job: &Simulated| measured(job) + tail(job);
    let (with, error_with) = (bias(&with_tail), median_error(&with_tail));
    println!("unattributed: bias {:.4} %, median job error {:.4} %", without * 100.0, error_without * 100.0);
    println!("last-rate:    bias {:.4} %, median job error {:.4} %", with * 100.0, error_with * 100.0);
    let metered = joules(ints(&day.node_steps, "metered_mj").into_iter().flatten().collect());
    let of_node = metered / (truth_of_node - node_scrapes[0].1) - 1.0;
    assert!(of_node.abs() < 1e-6, "the node's own total loses nothing: {of_node}");
    assert!(with.abs() <= 0.0005, "bias of the total {with}");
    assert!(error_with <= 0.002, "median job error {error_with}");
    assert!(without < 0.0 && without > -0.01, "what is missed without tails {without}");
    // What was moved is what was missed.
    assert!((with - without) / -without > 0.9, "{with} {without}");
}

fn seen_by(job: &Simulated, second: i64) -> f64 {
    match job.scrapes.partition_point(|scrape| scrape.0 <= second) {
        0 => 0.0,
        n => job.scrapes[n - 1].1,
    }
}
