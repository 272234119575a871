//! Batch work: what ran on schedule, what was shifted to cleaner hours or places, and what was shifted the wrong way.
//!
//! | work | where | shift | what it shows |
//! |---|---|---|---|
//! | nightly-etl | prod-nl | from 19:00 into the night, label `carbon-aware` | gains from waiting, every day |
//! | train-forecast | prod-nl | three days of training, moved from a calm into a gale | the largest gain |
//! | report-build | edge-fr, home zone NL | same hour, another country | gains from moving |
//! | backup | prod-nl | none; on four days a queue held it until 19:00 | baseline at start, and losses without intent |
//! | feature-refresh | prod-nl | waited from a windy night into the evening peak | losses with intent |
//! | image-scan | burst-pl, home zone NL | same hour, a dirtier country | losses from moving |
//! | warehouse-rebuild | prod-nl | none | runs over the month's edges |
//! | ci-batch | prod-nl | queued for 20 minutes to 3 hours, or not at all | shifts of the queue, small and of either sign |

use crate::calendar::{HOUR, Month, is_weekday, rfc3339};
use crate::random::{Stream, suffix, uuid};
use crate::story::{Cluster, CronJob, Job, Load, Owner, Pod};

const CARBON_AWARE: Option<&str> = Some("carbon-aware");
const PREFIXED_CARBON_AWARE: Option<&str> = Some("wattledger.io/carbon-aware");

/// What one Job uses.
#[derive(Clone, Copy)]
struct Work {
    node: usize,
    pods: usize,
    cores: f64,
}

pub fn add(cluster: &mut Cluster, month: &Month, seed: u64, is_small: bool) {
    match cluster.name {
        "prod-nl" => {
            nightly_etl(cluster, month, seed, if is_small { 0 } else { 1 });
            if !is_small {
                backup(cluster, month, seed);
                feature_refresh(cluster, month, seed);
                train(cluster, month, seed);
                ci_batch(cluster, month, seed);
                warehouse_rebuild(cluster, month, seed);
            }
        }
        "edge-fr" => report_build(cluster, month, seed),
        _ => image_scan(cluster, month, seed),
    }
}

/// Due at 19:00 in Amsterdam, created suspended then, started in the night. No scheduled timestamp: the schedule has to be read.
fn nightly_etl(cluster: &mut Cluster, month: &Month, seed: u64, node: usize) {
    let name = "nightly-etl";
    cluster.cron_jobs.push(cron_job("data", name, "0 19 * * *", "Europe/Amsterdam", None));
    let mut random = Stream::new(seed, name);
    for day in 1..=month.days {
        let due = month.local(day, 19, 0);
        let started = due + 7 * HOUR + random.below(2 * HOUR);
        let ended = started + 2 * HOUR + random.below(HOUR);
        let mut job = new_job("data", name, Some(name), due + 2, started, ended);
        job.was_suspended = true;
        job.carbon_aware_label = CARBON_AWARE;
        add_job(cluster, seed, job, Work { node, pods: 2, cores: 12.0 });
    }
}

/// Due at 01:30 UTC and started then, but for four days on which the queue was full until the evening.
fn backup(cluster: &mut Cluster, month: &Month, seed: u64) {
    let name = "backup";
    cluster.cron_jobs.push(cron_job("platform", name, "30 1 * * *", "Etc/UTC", None));
    let mut random = Stream::new(seed, name);
    for day in 1..=month.days {
        let due = month.utc(day, 1, 30, 0);
        let is_late = [6, 7, 21, 27].contains(&day);
        let started = if is_late { month.utc(day, 16, 52, 0) + random.below(HOUR / 2) } else { due };
        let mut job = new_job("platform", name, Some(name), due, started, started + 45 * 60 + random.below(HOUR / 2));
        job.was_suspended = is_late;
        job.scheduled_timestamp = Some(rfc3339(due));
        add_job(cluster, seed, job, Work { node: 0, pods: 1, cores: 4.0 });
    }
}

/// Somebody trusted a forecast: out of the windy night, into the evening peak.
fn feature_refresh(cluster: &mut Cluster, month: &Month, seed: u64) {
    let mut random = Stream::new(seed, "feature-refresh");
    for day in [3, 10, 20, 23] {
        let baseline = month.utc(day, 1, 0, 0);
        let started = month.utc(day, 16, 35, 0) + random.below(600);
        let name = format!("feature-refresh-{day:02}");
        let mut job = new_job("ml", &name, None, baseline, started, started + 100 * 60 + random.below(1_200));
        job.was_suspended = true;
        job.baseline_start = Some(rfc3339(baseline));
        job.carbon_aware_label = PREFIXED_CARBON_AWARE;
        add_job(cluster, seed, job, Work { node: 2, pods: 1, cores: 24.0 });
    }
}

/// Three days of training that waited for the wind.
fn train(cluster: &mut Cluster, month: &Month, seed: u64) {
    let wanted = month.utc(16, 9, 0, 0);
    let started = month.utc(20, 18, 40, 15);
    let mut job = new_job("ml", "train-forecast-v3", None, wanted, started, started + 72 * HOUR + 11 * 60);
    job.was_suspended = true;
    // Written with an offset, as people in Amsterdam do.
    job.baseline_start = Some(rfc3339(wanted + 2 * HOUR).replace('Z', "+02:00"));
    job.carbon_aware_label = CARBON_AWARE;
    add_job(cluster, seed, job, Work { node: 2, pods: 1, cores: 32.0 });
}

/// One on each working day and two on some; most had to queue. One failed, one carries an annotation that nobody can read.
fn ci_batch(cluster: &mut Cluster, month: &Month, seed: u64) {
    let mut random = Stream::new(seed, "ci-batch");
    let mut number = 400;
    for day in 1..=month.days {
        if !is_weekday(month.utc(day, 12, 0, 0)) {
            continue;
        }
        for _ in 0..(1 + random.below(3) / 2) {
            number += 1;
            let created = month.utc(day, 7, 0, 0) + random.below(9 * HOUR);
            let is_queued = random.below(4) > 0;
            let started = if is_queued { created + 20 * 60 + random.below(160 * 60) } else { created };
            let name = format!("ci-batch-{number}");
            let mut job = new_job("ci", &name, None, created, started, started + 25 * 60 + random.below(50 * 60));
            job.was_suspended = is_queued;
            job.is_complete = number != 412;
            if number == 417 {
                job.baseline_start = Some("yesterday evening".to_owned());
            }
            add_job(cluster, seed, job, Work { node: 0, pods: 1, cores: 6.0 });
        }
    }
}

/// Over the month's first and last midnight: the first run belongs to this month with a part outside, the second to the next.
fn warehouse_rebuild(cluster: &mut Cluster, month: &Month, seed: u64) {
    for (name, midnight) in [("warehouse-rebuild-a", month.from), ("warehouse-rebuild-b", month.to)] {
        let started = midnight - 80 * 60 - 25;
        let job = new_job("data", name, None, started, started, midnight + 40 * 60 + 7);
        add_job(cluster, seed, job, Work { node: 1, pods: 1, cores: 6.0 });
    }
}

/// Dutch work, done in France at the hour it was due.
fn report_build(cluster: &mut Cluster, month: &Month, seed: u64) {
    let name = "report-build";
    cluster.cron_jobs.push(cron_job("reporting", name, "0 18 * * *", "Europe/Amsterdam", Some("NL")));
    let mut random = Stream::new(seed, name);
    for day in 1..=month.days {
        let due = month.local(day, 18, 0);
        let mut job = new_job("reporting", name, Some(name), due, due, due + 90 * 60 + random.below(HOUR));
        job.scheduled_timestamp = Some(rfc3339(due));
        job.carbon_aware_label = CARBON_AWARE;
        add_job(cluster, seed, job, Work { node: 0, pods: 1, cores: 14.0 });
    }
}

/// Dutch work, sent to Poland because a machine was free there.
fn image_scan(cluster: &mut Cluster, month: &Month, seed: u64) {
    let name = "image-scan";
    cluster.cron_jobs.push(cron_job("security", name, "0 4 */3 * *", "Etc/UTC", None));
    let mut random = Stream::new(seed, name);
    for day in (1..=month.days).step_by(3) {
        let due = month.utc(day, 4, 0, 0);
        let mut job = new_job("security", name, Some(name), due, due, due + 70 * 60 + random.below(HOUR));
        job.scheduled_timestamp = Some(rfc3339(due));
        job.home_zone = Some("NL");
        job.carbon_aware_label = CARBON_AWARE;
        add_job(cluster, seed, job, Work { node: 0, pods: 1, cores: 10.0 });
    }
}

fn cron_job(
    namespace: &'static str,
    name: &'static str,
    schedule: &'static str,
    time_zone: &'static str,
    home_zone: Option<&'static str>,
) -> CronJob {
    CronJob { namespace, name, schedule, time_zone, home_zone }
}

/// A CronJob's Jobs are numbered by the minute of their creation, as Kubernetes does.
fn new_job(namespace: &str, name: &str, cron_job: Option<&'static str>, created: i64, started: i64, ended: i64) -> Job {
    Job {
        namespace: namespace.to_owned(),
        name: if cron_job.is_some() { format!("{name}-{}", created / 60) } else { name.to_owned() },
        cron_job,
        created,
        started,
        ended,
        is_complete: true,
        was_suspended: false,
        scheduled_timestamp: None,
        baseline_start: None,
        home_zone: None,
        carbon_aware_label: None,
    }
}

/// Adds the Job with its pods. A second pod ends a quarter of the time earlier.
fn add_job(cluster: &mut Cluster, seed: u64, job: Job, work: Work) {
    for index in 0..work.pods {
        let key = format!("{}/{}/{index}", cluster.name, job.name);
        let early = (job.ended - job.started) / 4 * index as i64;
        cluster.pods.push(Pod {
            namespace: job.namespace.clone(),
            name: format!("{}-{}", job.name, suffix(seed, &key)),
            uid: uuid(seed, &key),
            workload: job.workload(),
            owner: Owner::Job(job.name.clone()),
            node: work.node,
            born: Some(job.started),
            died: Some(job.ended - early),
            load: Load { base: work.cores, by_day: 0.0 },
            request_milli: (work.cores * 1_000.0) as i64,
        });
    }
    cluster.jobs.push(job);
}
