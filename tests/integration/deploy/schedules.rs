//! When the jobs run, how often they are tried, and which ends are not mended by trying again.

use chrono::{TimeDelta, TimeZone, Utc};
use croner::Cron;
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec};
use wattledger::cli::collect::SETTLING;
use wattledger::cli::exit;

use super::kustomize::overlay;
use super::{OVERLAYS, of_kind};

fn jobs(overlay_name: &str) -> Vec<(String, CronJobSpec)> {
    let objects = overlay(overlay_name);
    let jobs = of_kind(&objects, "CronJob").map(|object| serde_json::from_value::<CronJob>(object.clone()).unwrap());
    jobs.map(|job| (job.metadata.name.unwrap(), job.spec.unwrap())).collect()
}

#[test]
fn one_run_at_a_time_and_none_for_ever() {
    for overlay_name in OVERLAYS {
        let jobs = jobs(overlay_name);
        assert_eq!(jobs.len(), 2);
        for (name, spec) in jobs {
            assert_eq!(spec.concurrency_policy.as_deref(), Some("Forbid"), "{name}");
            assert!(spec.time_zone.as_deref().is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_ok()), "{name}");
            // The controller gives up on a schedule with more than a hundred starts missed within the deadline.
            assert!((60..=100 * 3_600).contains(&spec.starting_deadline_seconds.unwrap()) || name == "wattledger-close", "{name}");
            let job = spec.job_template.spec.unwrap();
            assert!(job.backoff_limit.is_some() && job.active_deadline_seconds.is_some(), "{name}");
            assert!(
                job.ttl_seconds_after_finished.is_some_and(|seconds| seconds >= 86_400),
                "{name}: somebody must have time to look at a failure"
            );
            // Without `Never` a kubelet would start the container again before any policy is asked.
            assert_eq!(job.template.spec.unwrap().restart_policy.as_deref(), Some("Never"), "{name}");
        }
    }
}

#[test]
fn a_refusal_is_not_tried_again_and_an_outage_is() {
    for (name, spec) in OVERLAYS.iter().flat_map(|overlay_name| jobs(overlay_name)) {
        let job = spec.job_template.spec.unwrap();
        let containers: Vec<String> = job.template.spec.unwrap().containers.into_iter().map(|container| container.name).collect();
        let rules = job.pod_failure_policy.unwrap().rules;
        let (disruption, codes) = (&rules[0], rules[1].on_exit_codes.as_ref().unwrap());
        assert_eq!(disruption.action, "Ignore", "{name}: a node that is drained says nothing of the data");
        assert_eq!(disruption.on_pod_conditions.as_ref().unwrap()[0].type_, "DisruptionTarget");
        // Of several shards one that cannot be mended ends alone.
        let ends = if job.completion_mode.as_deref() == Some("Indexed") { "FailIndex" } else { "FailJob" };
        assert_eq!((rules.len(), rules[1].action.as_str(), codes.operator.as_str()), (2, ends, "In"), "{name}");
        assert_eq!(codes.container_name.as_ref(), containers.first(), "{name}");
        assert_eq!(codes.values, [exit::REFUSED, exit::INCOMPLETE, exit::USAGE].map(i32::from), "{name}");
        assert!(!codes.values.contains(&i32::from(exit::FAILED)), "{name}: a server that was away may be back");
        assert!(job.backoff_limit.unwrap() > 0);
    }
}

#[test]
fn days_are_collected_when_they_are_settled_and_the_month_is_closed_after_its_last_day_was() {
    let jobs = jobs("folder");
    let spec = |name: &str| jobs.iter().find(|(job, _)| job == name).unwrap().1.clone();
    let (collect, close) = (spec("wattledger-collect"), spec("wattledger-close"));
    assert_eq!((collect.time_zone.as_deref(), close.time_zone.as_deref()), (Some("Etc/UTC"), Some("Etc/UTC")));
    let next = |schedule: &str, after| schedule.parse::<Cron>().unwrap().find_next_occurrence(&after, false).unwrap();

    let midnight = Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).unwrap();
    let collected = next(&collect.schedule, midnight);
    assert!(collected - midnight >= SETTLING && collected - midnight < TimeDelta::hours(24), "{collected}");
    assert_eq!(next(&collect.schedule, collected) - collected, TimeDelta::hours(24));

    // The last UTC day that October touches anywhere ends at noon of 1 November in UTC; its collection is a day later at the most, and has a week to be mended.
    let closed = next(&close.schedule, midnight);
    assert!(closed - midnight >= TimeDelta::hours(12 + 24), "{closed}");
    // Prometheus keeps 15 days by default: what is found missing when a month is closed can still be collected.
    assert!(closed - midnight <= TimeDelta::days(7), "{closed}");
    let following = next(&close.schedule, closed);
    assert_eq!(following.format("%Y-%m").to_string(), "2026-12", "once a month");
    // Both take the lock of the evidence.
    let beginning = next(&collect.schedule, closed - TimeDelta::hours(24));
    assert!(closed - beginning >= TimeDelta::hours(4), "collect has its deadline until close begins");
}
