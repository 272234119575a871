//! F1 to F9, F11, F24: what counters and their samples do.

use super::bench::{Bench, Seen};
use super::history::{API, BORN, Cluster, DAY_S, HOUR, MINUTE, NodeReading, Pod, Random, Story, Value, WEB, by_seed};
use crate::prometheus::Setup;

/// Serves the clusters, collects and reports.
fn seen(clusters: &[Cluster]) -> Seen {
    let bench = Bench::of(clusters);
    let server = bench.server(&Setup::default());
    bench.observe("it", &server.url())
}

/// The story with its three series replaced.
fn told(
    story: &Story,
    name: &str,
    node: &[(i64, NodeReading)],
    api: impl IntoIterator<Item = (i64, Value)>,
    web: impl IntoIterator<Item = (i64, Value)>,
) -> Cluster {
    let mut cluster = Cluster::new(name);
    story.objects(&mut cluster);
    cluster.node_energy("n1", node);
    cluster.pod_energy(&API, api);
    cluster.pod_energy(&WEB, web);
    cluster.truth = story.truth();
    cluster
}

/// The control: the same history without any fault is exact and without a finding.
pub fn without_fault() -> Seen {
    seen(&by_seed(|seed, name| Story::six_hours(seed).cluster(name)))
}

pub fn hole_of_ten_minutes() -> Seen {
    let clusters = by_seed(|seed, name| {
        let mut story = Story::six_hours(seed);
        // Nine scrapes are lost, so ten minutes lie between two samples.
        let first_lost = story.times[story.random.between(60, 300) as usize];
        let is_there = |time: i64| !(first_lost..first_lost + 9 * MINUTE).contains(&time);
        let node: Vec<_> = story.node_samples().into_iter().filter(|sample| is_there(sample.0)).collect();
        let [api, web] = [story.api_samples(), story.web_samples()]
            .map(|samples| samples.into_iter().filter(|sample| is_there(sample.0)).collect::<Vec<_>>());
        told(&story, name, &node, api, web)
    });
    let mut seen = seen(&clusters);
    let lengths: Vec<bool> =
        clusters.iter().map(|cluster| seen.flags_of("HOLE", &cluster.name).any(|flag| flag.message.contains("600 s"))).collect();
    seen.demand(lengths.iter().all(|is_said| *is_said), "the finding does not say 600 s");
    seen
}

/// Kepler is silent from 08:00 on, the pod ends at 10:00, Kepler comes back a minute later.
pub fn silent_tail() -> Seen {
    seen(&by_seed(|seed, name| {
        let story = Story::six_hours(seed);
        let (silent_from, ended) = (DAY_S + 8 * HOUR, DAY_S + 10 * HOUR);
        let is_there = |time: i64| time <= silent_from || time > ended;
        let node: Vec<_> = story.node_samples().into_iter().filter(|sample| is_there(sample.0)).collect();
        let api: Vec<_> = story.api_samples().into_iter().filter(|sample| is_there(sample.0)).collect();
        let web: Vec<_> = story.web_samples().into_iter().filter(|sample| sample.0 <= silent_from).collect();
        let mut cluster = Cluster::new(name);
        cluster.node_object("n1", story.times.iter().copied());
        cluster.pod_object(&API, story.times.iter().copied());
        cluster.pod_object(&WEB, story.times.iter().copied().filter(|time| *time > story.times[BORN] && *time <= ended));
        let labels =
            [("namespace", "web"), ("pod", "web-1"), ("uid", "uid-web"), ("instance", "10.0.0.9:8080"), ("job", "kube-state-metrics")];
        cluster.series("kube_pod_completion_time", &labels, [(ended, Value::Whole(ended))]);
        cluster.node_energy("n1", &node);
        cluster.pod_energy(&API, api);
        cluster.pod_energy(&WEB, web.iter().copied());
        cluster.truth = story.truth();
        // What the pod used after its last sample is the node's, not the pod's.
        let Some((_, Value::Milli(last))) = web.last() else { panic!("the pod was seen") };
        cluster.truth.active_mj.insert("web".to_owned(), *last);
        cluster
    }))
}

/// A node whose counters start again half an interval before some scrapes, and what a reader can still know.
fn with_resets(story: &Story, name: &str, resets: &[usize]) -> (Cluster, i64) {
    let (mut seen_mj, mut lost_mj) = (0, 0);
    let (mut offset, mut previous) = (0, story.node[0].total_mj);
    let mut node = vec![(story.times[0], story.node[0])];
    for scrape in 1..story.times.len() {
        let risen = story.node[scrape].total_mj - story.node[scrape - 1].total_mj;
        if resets.contains(&scrape) {
            // It fell to zero in the middle of the interval: the half before is gone.
            offset = story.node[scrape - 1].total_mj + risen / 2;
            lost_mj += risen / 2;
            seen_mj += risen - risen / 2;
        } else {
            seen_mj += risen;
        }
        previous = if resets.contains(&scrape) { story.node[scrape].total_mj - offset } else { previous + risen };
        node.push((story.times[scrape], NodeReading { total_mj: previous, ..story.node[scrape] }));
    }
    let mut cluster = told(story, name, &node, story.api_samples(), story.web_samples());
    assert_eq!(seen_mj + lost_mj, cluster.truth.metered_mj);
    cluster.truth.metered_mj = seen_mj;
    (cluster, lost_mj)
}

pub fn one_reset() -> Seen {
    let mut lost = Vec::new();
    let clusters: Vec<Cluster> = by_seed_keeping(&mut lost, |seed, name| {
        let mut story = Story::six_hours(seed);
        let at = story.random.between(40, 300) as usize;
        with_resets(&story, name, &[at])
    });
    let mut seen = seen(&clusters);
    seen.demand_failing("RESET", 1);
    demand_loss_bound(&mut seen, &clusters, &lost);
    seen
}

/// The counter wraps every ten minutes of a day.
pub fn wraps() -> Seen {
    let mut lost = Vec::new();
    let clusters: Vec<Cluster> = by_seed_keeping(&mut lost, |seed, name| {
        let story = Story::new(seed, DAY_S, 1_441, MINUTE);
        let resets: Vec<usize> = (5..1_440).step_by(10).collect();
        assert_eq!(resets.len(), 144);
        with_resets(&story, name, &resets)
    });
    let mut seen = seen(&clusters);
    seen.demand_failing("RESET", 144);
    demand_loss_bound(&mut seen, &clusters, &lost);
    seen
}

fn by_seed_keeping(lost: &mut Vec<i64>, make: impl Fn(u64, &str) -> (Cluster, i64)) -> Vec<Cluster> {
    let kept = std::cell::RefCell::new(lost);
    by_seed(|seed, name| {
        let (cluster, lost_mj) = make(seed, name);
        kept.borrow_mut().push(lost_mj);
        cluster
    })
}

/// The finding says how much may be missing at most, and no more than that is.
fn demand_loss_bound(seen: &mut Seen, clusters: &[Cluster], lost_mj: &[i64]) {
    for (cluster, lost_mj) in clusters.iter().zip(lost_mj) {
        let messages: Vec<String> = seen.flags_of("RESET", &cluster.name).map(|flag| flag.message.clone()).collect();
        let bound_j = messages.iter().find_map(|message| message.split("at most ").nth(1)?.split(' ').next()?.parse::<f64>().ok());
        let holds = bound_j.is_some_and(|bound| bound * 1_000.0 + 100.0 >= *lost_mj as f64);
        seen.demand(holds, format!("{}: {lost_mj} mJ were lost, and the bound is {bound_j:?} J", cluster.name));
    }
}

/// A counter near 10⁹ J falls by one joule and goes on from there.
pub fn small_decrease() -> Seen {
    let mut seen = seen(&by_seed(|seed, name| {
        let mut story = Story::six_hours(seed);
        let at = story.random.between(60, 300) as usize;
        let shift = 1_000_000_000_000 - story.node[at - 1].total_mj;
        let mut node = story.node_samples();
        node.iter_mut().for_each(|(_, reading)| reading.total_mj += shift);
        let not_counted = node[at].1.total_mj - node[at - 1].1.total_mj;
        node[at..].iter_mut().for_each(|(_, reading)| reading.total_mj -= not_counted + 1_000);
        let mut cluster = told(&story, name, &node, story.api_samples(), story.web_samples());
        cluster.truth.metered_mj -= not_counted;
        cluster
    }));
    seen.demand_failing("DECREASE", 1);
    seen
}

/// Two Prometheus servers that scraped the same, told apart by `prometheus_replica`.
fn replicas(is_lost: fn(usize, usize) -> bool) -> (Seen, Seen) {
    let cluster = |seed, name: &str, replicas: &[&'static str]| {
        let story = Story::six_hours(seed);
        let mut cluster = Cluster::new(name);
        for (number, replica) in replicas.iter().enumerate() {
            cluster.replica = Some(replica);
            let place = |time: i64| ((time - story.times[0]) / MINUTE) as usize;
            let is_there = |time: i64| replicas.len() == 1 || !is_lost(number, place(time));
            story.objects(&mut cluster);
            let node: Vec<_> = story.node_samples().into_iter().filter(|sample| is_there(sample.0)).collect();
            cluster.node_energy("n1", &node);
            cluster.pod_energy(&API, story.api_samples().into_iter().filter(|sample| is_there(sample.0)));
            cluster.pod_energy(&WEB, story.web_samples().into_iter().filter(|sample| is_there(sample.0)));
        }
        cluster.truth = story.truth();
        cluster
    };
    (seen(&by_seed(|seed, name| cluster(seed, name, &["a", "b"]))), seen(&by_seed(|seed, name| cluster(seed, name, &["a"]))))
}

/// What a reader of the report sees: everything but which files it was made from.
fn figures_and_findings(seen: &Seen) -> Option<serde_json::Value> {
    let mut report = seen.report.clone()?;
    for key in ["evidence", "config_sha256"] {
        report["provenance"].as_object_mut()?.remove(key);
    }
    Some(report)
}

fn beside_one(with: fn(usize, usize) -> bool) -> Seen {
    let (mut two, one) = replicas(with);
    two.is_as_without_fault = figures_and_findings(&two).is_some() && figures_and_findings(&two) == figures_and_findings(&one);
    two
}

pub fn identical_replicas() -> Seen {
    beside_one(|_, _| false)
}

/// Each lost an hour, and more than once, while the other did not.
pub fn replicas_with_complementary_gaps() -> Seen {
    beside_one(|replica, scrape| (60..110).contains(&scrape) && replica == 0 || (150..210).contains(&scrape) && replica == 1)
}

fn words(word: &'static str, places: fn(usize) -> Vec<usize>) -> Seen {
    let bench = Bench::of(&by_seed(|seed, name| {
        let story = Story::six_hours(seed);
        let mut web = story.web_samples();
        for place in places(web.len()) {
            web[place].1 = Value::Word(word);
        }
        let last = web.iter().rev().find_map(|sample| if let Value::Milli(value) = sample.1 { Some(value) } else { None });
        let mut cluster = told(&story, name, &story.node_samples(), story.api_samples(), web);
        // The rest of the counter: from zero, as it was born, to its last number.
        cluster.truth.active_mj.insert("web".to_owned(), last.unwrap());
        cluster
    }));
    let server = bench.server(&Setup::default());
    let mut seen = bench.observe("it", &server.url());
    bench.read_all_files("it", &mut seen);
    seen
}

pub fn nan_samples() -> Seen {
    let mut seen = words("NaN", |length| vec![0, length / 2, length - 1]);
    seen.demand_failing("NONFINITE", 3);
    seen
}

/// A figure that is none; a sentence may speak of them.
fn is_no_figure(text: &str) -> bool {
    let word = text.trim().trim_start_matches(['+', '-', '−']).to_lowercase();
    let first = word.split([' ', '\u{a0}']).next().unwrap_or_default();
    ["inf", "infinity", "∞", "nan", "#num!"].contains(&first)
}

pub fn infinite_sample() -> Seen {
    let mut seen = words("+Inf", |length| vec![length / 3]);
    seen.demand_failing("NONFINITE", 1);
    let found: Vec<String> = seen.shown.iter().filter(|text| is_no_figure(text)).cloned().collect();
    seen.demand(!seen.shown.is_empty() && found.is_empty(), format!("a report shows {found:?}"));
    seen
}

/// 500 Jobs that only one scrape saw: 400 were born while their node was scraped, 100 were there at its first scrape.
pub fn one_scrape_jobs() -> Seen {
    let (seed, name) = (5, "s5");
    let story = Story::six_hours(seed);
    let mut cluster = story.cluster(name);
    let mut random = Random::new(seed);
    // Of a second node: its meter stays far above what its jobs use.
    let mut node = NodeReading { total_mj: 10_000_000, idle_mj: 1_000_000, active_mj: 9_000_000 };
    let mut samples = vec![(story.times[0], node)];
    for time in &story.times[1..] {
        let risen = random.between(9_000_000, 12_000_000);
        node.total_mj += risen;
        node.active_mj += risen;
        cluster.truth.metered_mj += risen;
        samples.push((*time, node));
    }
    cluster.node_object("n2", story.times.iter().copied());
    cluster.node_energy("n2", &samples);
    let mut counted = 0;
    for number in 0..500 {
        let scrape = if number < 100 { 0 } else { random.between(1, 350) as usize };
        let (time, used) = (story.times[scrape], random.between(10_000, 90_000));
        let (job, uid) = (format!("job-{number:03}"), format!("uid-{number:03}"));
        let pod = Pod { node: "n2", namespace: "batch", name: &format!("{job}-x"), uid: &uid, owner: ("Job", &job) };
        cluster.pod_energy(&pod, [(time, Value::Milli(used))]);
        let objects: Vec<i64> = (0..4).map(|later| time + later * MINUTE).collect();
        cluster.pod_object(&pod, objects.clone());
        cluster.job_object("batch", &job, "", time - 20, time + 20, &objects);
        counted += if number < 100 { 0 } else { used };
    }
    cluster.truth.active_mj.insert("batch".to_owned(), counted);
    let mut seen = seen(&[cluster]);
    seen.demand_failing("UNRESOLVED", 100);
    let listed = seen.report.as_ref().map_or(0, |report| report["job_runs"].as_array().unwrap().len());
    seen.demand(listed == 500, format!("{listed} of 500 jobs are listed"));
    seen
}

/// One reading of 10¹⁵ J too much, once for a single scrape (a pod's) and once for good (the node's).
pub fn impossible_delta() -> Seen {
    const TOO_MUCH_MJ: i64 = 1_000_000_000_000_000_000;
    let mut seen = seen(&by_seed(|seed, name| {
        // Nothing smaller than 16 J, so that a double still holds every reading beside 10¹⁵ J.
        let mut story = Story::in_units_of(16_000, seed, DAY_S + 6 * HOUR, 361, MINUTE);
        let (at, spike) = (story.random.between(60, 150) as usize, story.random.between(200, 300) as usize);
        let mut node = story.node_samples();
        let unknown = node[at].1.total_mj - node[at - 1].1.total_mj;
        node[at..].iter_mut().for_each(|(_, reading)| reading.total_mj += TOO_MUCH_MJ);
        let mut web = story.web_samples();
        if let Value::Milli(value) = &mut web[spike - BORN - 1].1 {
            *value += TOO_MUCH_MJ;
        }
        let mut cluster = told(&story, name, &node, story.api_samples(), web);
        // What the node used within the impossible interval is not known; the pod's reading after its spike says all.
        cluster.truth.metered_mj -= unknown;
        cluster
    }));
    let spoken: i64 = seen.flags.iter().filter(|flag| flag.code == "IMPLAUSIBLE").map(|flag| flag.failing).sum();
    seen.demand(spoken >= 2 * 3, format!("IMPLAUSIBLE names {spoken} readings of 6"));
    seen
}
