//! F41 to F44, F48: what Kubernetes forgets or was never told, told from the series of kube-state-metrics. F45 to F47 ask its API (`recorder`).

use std::collections::BTreeMap;

use super::bench::{Bench, Seen};
use super::history::{Cluster, HOUR, MINUTE, Pod, Random, Story, Value, by_seed};
use crate::prometheus::Setup;

pub const FIRST_S: i64 = super::history::DAY_S + 6 * HOUR;

fn seen(clusters: &[Cluster]) -> Seen {
    let bench = Bench::of(clusters);
    let server = bench.server(&Setup::default());
    bench.observe("it", &server.url())
}

/// A pod that lives from one minute of the story to another, and uses so much a minute; the node's own meter has it among its other use.
pub fn lives(cluster: &mut Cluster, pod: &Pod, minutes: std::ops::Range<i64>, mj_a_minute: i64) -> i64 {
    let born = minutes.start;
    let samples: Vec<_> = minutes.map(|minute| (FIRST_S + minute * MINUTE, Value::Milli((minute + 1 - born) * mj_a_minute))).collect();
    let used = samples.len() as i64 * mj_a_minute;
    cluster.pod_energy(pod, samples);
    *cluster.truth.active_mj.entry(pod.namespace.to_owned()).or_default() += used;
    used
}

fn minutes(range: std::ops::Range<i64>) -> Vec<i64> {
    range.map(|minute| FIRST_S + minute * MINUTE).collect()
}

/// What a report says of a workload, in all clusters.
fn active_of(seen: &Seen, workload: &str) -> Vec<i64> {
    let Some(report) = &seen.report else { return Vec::new() };
    let rows = report["workloads"].as_array().unwrap().iter().filter(|row| row["workload"] == workload);
    rows.map(|row| row["active_mj"].as_i64().unwrap()).collect()
}

pub fn demand_workload(seen: &mut Seen, workload: &str, active_mj: i64) {
    let found = active_of(seen, workload);
    seen.demand(found == [active_mj; 3], format!("{workload} has {found:?} mJ, in truth {active_mj} in each cluster"));
}

/// One pod was seen by kube-state-metrics before it went, another never.
pub fn deleted_pod() -> Seen {
    let mut seen = seen(&by_seed(|seed, name| {
        let mut cluster = Story::six_hours(seed).cluster(name);
        let known = Pod { node: "n1", namespace: "gone", name: "seen-0", uid: "uid-seen", owner: ("StatefulSet", "seen") };
        let unknown = Pod { node: "n1", namespace: "gone", name: "ghost-0", uid: "uid-ghost", owner: ("", "") };
        lives(&mut cluster, &known, 50..90, 90_000);
        cluster.pod_object(&known, minutes(50..55));
        lives(&mut cluster, &unknown, 60..70, 70_000);
        cluster
    }));
    demand_workload(&mut seen, "StatefulSet/seen", 40 * 90_000);
    demand_workload(&mut seen, "Pod/ghost-0", 10 * 70_000);
    seen.demand_failing("UNKNOWN_OWNER", 1);
    seen
}

pub fn recreated_pod() -> Seen {
    let mut seen = seen(&by_seed(|seed, name| {
        let mut cluster = Story::six_hours(seed).cluster(name);
        for (uid, minutes_of_life, mj_a_minute) in [("uid-first", 40..100, 80_000), ("uid-second", 101..160, 60_000)] {
            let pod = Pod { node: "n1", namespace: "db", name: "db-0", uid, owner: ("StatefulSet", "db") };
            lives(&mut cluster, &pod, minutes_of_life.clone(), mj_a_minute);
            cluster.pod_object(&pod, minutes(minutes_of_life));
        }
        cluster
    }));
    demand_workload(&mut seen, "StatefulSet/db", 60 * 80_000 + 59 * 60_000);
    seen
}

/// A Job every five minutes, of which Kubernetes keeps the last three.
pub fn history_limit() -> Seen {
    let mut seen = seen(&by_seed(|seed, name| {
        let mut cluster = Story::six_hours(seed).cluster(name);
        for number in 0..60 {
            let born = 10 + number * 5;
            let (job, uid) = (format!("nightly-{number:02}"), format!("uid-{number:02}"));
            let pod = Pod { node: "n1", namespace: "batch", name: &format!("{job}-x"), uid: &uid, owner: ("Job", &job) };
            lives(&mut cluster, &pod, born..born + 3, 100_000);
            let kept = minutes(born..(born + 15).min(361));
            cluster.pod_object(&pod, kept.clone());
            let start = FIRST_S + born * MINUTE - 30;
            cluster.job_object("batch", &job, "nightly", start, start + 3 * MINUTE, &kept);
        }
        cluster
    }));
    demand_workload(&mut seen, "CronJob/nightly", 60 * 3 * 100_000);
    let runs = seen.report.as_ref().map_or(0, |report| {
        report["job_runs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["workload"] == "CronJob/nightly" && run["active_mj"] == 300_000)
            .count()
    });
    seen.demand(runs == 3 * 60, format!("{runs} of 180 runs are whole"));
    seen
}

/// Twenty namespaces, of which one has no label and one was not even seen by whoever tells of labels; a third changes its label during the day.
pub fn missing_cost_labels() -> Seen {
    const UNLABELLED: &str = "(unlabelled)";
    let mut truth: BTreeMap<String, i64> = BTreeMap::new();
    let clusters = by_seed(|seed, name| {
        let mut cluster = Story::six_hours(seed).cluster(name);
        let known: Vec<(String, i64)> = cluster.truth.active_mj.clone().into_iter().collect();
        for (namespace, active_mj) in known {
            cluster.namespace_labels(&namespace, "platform", minutes(0..361));
            *truth.entry("platform".to_owned()).or_default() += active_mj;
        }
        let mut random = Random::new(seed);
        for number in 0..20 {
            let (namespace, pod_name, uid) = (format!("team-{number:02}"), format!("app-{number}"), format!("uid-app-{number}"));
            let pod = Pod { node: "n1", namespace: &namespace, name: &pod_name, uid: &uid, owner: ("Deployment", "app") };
            let used = lives(&mut cluster, &pod, 10 + number..200, random.between(20, 90) * 1_000);
            cluster.pod_object(&pod, minutes(10 + number..200));
            let centre = match number {
                3 => {
                    cluster.namespace_labels(&namespace, "", minutes(0..361));
                    UNLABELLED.to_owned()
                }
                11 => UNLABELLED.to_owned(),
                5 => {
                    cluster.namespace_labels(&namespace, "cc-old", minutes(0..100));
                    cluster.namespace_labels(&namespace, "cc-1", minutes(100..361));
                    "cc-1".to_owned()
                }
                _ => {
                    let centre = format!("cc-{}", number % 4);
                    cluster.namespace_labels(&namespace, &centre, minutes(0..361));
                    centre
                }
            };
            *truth.entry(centre).or_default() += used;
        }
        cluster
    });
    let mut seen = seen(&clusters);
    let rows = seen.report.as_ref().map(|report| report["cost_centres"].as_array().unwrap().clone()).unwrap_or_default();
    let active: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| (row["cost_centre"].as_str().unwrap().to_owned(), row["active_mj"].as_i64().unwrap()))
        .filter(|(_, active_mj)| *active_mj != 0)
        .collect();
    seen.demand(active == truth, format!("cost centres have {active:?}, in truth {truth:?}"));
    let unlabelled = rows.iter().find(|row| row["cost_centre"] == UNLABELLED);
    seen.demand(unlabelled.is_some_and(|row| row["namespaces"] == 3 * 2), format!("{unlabelled:?} has not two namespaces of each cluster"));
    seen.demand_failing("UNLABELLED", 2);
    seen
}

/// A namespace with all that is in it goes after two of six hours.
pub fn deleted_namespace() -> Seen {
    let mut seen = seen(&by_seed(|seed, name| {
        let mut cluster = Story::six_hours(seed).cluster(name);
        for number in 0..3 {
            let (pod_name, uid) = (format!("trial-{number}"), format!("uid-trial-{number}"));
            let pod = Pod { node: "n1", namespace: "trial", name: &pod_name, uid: &uid, owner: ("DaemonSet", "trial") };
            lives(&mut cluster, &pod, 20 + number..120, 50_000);
            cluster.pod_object(&pod, minutes(20 + number..120));
        }
        cluster
    }));
    demand_workload(&mut seen, "DaemonSet/trial", (100 + 99 + 98) * 50_000);
    seen
}
