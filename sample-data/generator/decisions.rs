//! What the scheduler of `prod-nl` wrote down before it moved the work of the namespace `ml`: one line a decision.
//!
//! In: the story. Out: JSON lines. Rule: the record is from when the work could have started; its forecast is what made it wait, and was right for the
//! training and wrong for the features.

use crate::calendar::{HOUR, rfc3339};
use crate::story::{Job, Story};

pub const FILE: &str = "scheduler.jsonl";

pub fn write(story: &Story) -> String {
    let of_ml = story.clusters.iter().flat_map(|cluster| cluster.jobs.iter().map(move |job| (cluster.name, job)));
    let lines =
        of_ml.filter(|(_, job)| job.namespace == "ml" && job.baseline_start.is_some()).map(|(cluster, job)| line(cluster, job) + "\n");
    lines.collect()
}

fn line(cluster: &str, job: &Job) -> String {
    let (baseline, chosen) = if job.name.starts_with("train") { (388.0, 102.0) } else { (131.0, 84.5) };
    let record = serde_json::json!({
        "cluster": cluster,
        "namespace": job.namespace,
        "job": job.name,
        "recorded_at": rfc3339(job.created),
        "eligible_at": rfc3339(job.created),
        "deadline": rfc3339(job.ended + 6 * HOUR),
        "chosen_start": rfc3339(job.started),
        "reason": "carbon",
        "forecast": {
            "source": "invented forecast",
            "baseline_gco2e_per_kwh": baseline,
            "chosen_gco2e_per_kwh": chosen,
        },
        "overhead_kwh": 0.002,
    });
    record.to_string()
}
