//! Who a pod works for: its top controller.
//!
//! In: the owner references of the day. Out: `CronJob/x`, `Job/x`, `Deployment/x`, … and the Job that the pod belongs to.
//! Rule (method, section 1, workload): pod → ReplicaSet → Deployment, pod → Job → CronJob, or whatever else controls the Job (KEDA's ScaledJob,
//! JobSet, RayJob); any other controller by its kind and name; a pod without owner, or owned by its node (static pod), is its own workload. Does not: look anything up later.

use super::state::ClusterState;

/// What is known of a pod's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership<'a> {
    pub workload: String,
    /// The Job that controls the pod, if one does.
    pub job: Option<&'a str>,
    /// Whether an owner reference was seen, be it to nobody.
    pub is_known: bool,
}

pub fn ownership<'a>(state: &ClusterState<'a>, namespace: &str, pod: &str, uid: &str) -> Ownership<'a> {
    let itself = || format!("Pod/{pod}");
    let Some(owner) = state.pod_owner(namespace, pod, uid) else {
        return Ownership { workload: itself(), job: None, is_known: false };
    };
    let (workload, job) = match owner.kind {
        _ if owner.is_nobody() => (itself(), None),
        "Node" => (itself(), None),
        "ReplicaSet" => match state.replicaset_owner(namespace, owner.name) {
            Some(above) if !above.is_nobody() => (format!("{}/{}", above.kind, above.name), None),
            _ => (format!("ReplicaSet/{}", owner.name), None),
        },
        "Job" => (job_workload(state, namespace, owner.name), Some(owner.name)),
        kind => (format!("{kind}/{}", owner.name), None),
    };
    Ownership { workload, job, is_known: true }
}

/// The CronJob of a Job, or what else controls it; else the Job itself. An owner that does not control it only lives as long as it does.
pub fn job_workload(state: &ClusterState, namespace: &str, job: &str) -> String {
    match state.job_owner(namespace, job) {
        Some(above) if !above.is_nobody() && (above.is_controller || above.kind == "CronJob") => format!("{}/{}", above.kind, above.name),
        _ => format!("Job/{job}"),
    }
}
