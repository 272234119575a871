//! The Job runs of a day, from what kube-state-metrics or the Kubernetes API said.
//!
//! In: `kube_job_*`, `kube_cronjob_*` and label series. Out: one [`JobRow`] a run, sorted by namespace, job, creation.
//! Rule (method, section 7): `started` is the smallest start seen, because a resumed Job's start is set again; names are reused, so a run
//! is namespace, job and creation, and its uid where a series has one: kube-state-metrics has none for Jobs. A Job that `kubectl create job --from` made of a
//! CronJob has no schedule: none of its ticks made it. Does not: choose a baseline.

use std::collections::BTreeMap;
use std::ops::Range;

use super::counters::Window;
use super::owners::job_workload;
use super::state::{ClusterState, existing, latest_first, own_label};
use crate::model::{SampleTable, Series};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRow {
    pub namespace: String,
    pub job: String,
    pub workload: String,
    pub uid: Option<String>,
    pub created_ms: Option<i64>,
    pub started_ms: Option<i64>,
    pub completed_ms: Option<i64>,
    /// When a node took the first of the pods that it began with, as far as the day knows; a Job counts as started while they wait for one.
    pub pods_started_ms: Option<i64>,
    pub was_suspended: bool,
    pub scheduled_timestamp: Option<String>,
    pub schedule: Option<String>,
    pub schedule_time_zone: Option<String>,
    pub baseline_start: Option<String>,
    pub home_zone: Option<String>,
    pub home_cluster: Option<String>,
    pub decision: Option<String>,
    pub max_delay_hours: Option<String>,
    pub is_carbon_aware: Option<bool>,
    pub is_deferrable: Option<bool>,
    /// When it was in sight, also outside the day.
    seen: (i64, i64),
    /// Somebody made it from its CronJob by hand: no tick did.
    is_by_hand: bool,
}

/// A label or an annotation, bare and with the prefix.
const MAX_DELAY_HOURS: [&str; 4] = [
    "label_wattledger_io_max_delay_hours",
    "label_max_delay_hours",
    "annotation_wattledger_io_max_delay_hours",
    "annotation_max_delay_hours",
];

type Key<'a> = (&'a str, &'a str);

fn job_key(series: &Series) -> Key<'_> {
    (own_label(series, "namespace"), own_label(series, "job_name"))
}

/// The runs of every Job name, each list sorted by creation.
pub struct Jobs<'a> {
    runs: BTreeMap<Key<'a>, Vec<JobRow>>,
}

impl<'a> Jobs<'a> {
    pub fn of(table: &'a SampleTable, state: &ClusterState, window: &Window) -> Self {
        let mut jobs = Self { runs: BTreeMap::new() };
        jobs.read_creations(table);
        jobs.read_times(table);
        jobs.read_suspensions(table);
        jobs.read_descriptions(table, state);
        for rows in jobs.runs.values_mut() {
            rows.retain(|row| window.overlaps(row.seen.0, row.seen.1));
        }
        jobs.runs.retain(|_, rows| !rows.is_empty());
        jobs
    }

    /// Every creation time of a name is a run, in sight while the series had that value.
    fn read_creations(&mut self, table: &'a SampleTable) {
        for (series, ts_ms, value) in table.of_metric("kube_job_created") {
            let rows = self.runs.entry(job_key(series)).or_default();
            let uid = own_label(series, "uid");
            for (ts_ms, created_ms) in ts_ms.iter().zip(value).filter_map(|(ts_ms, value)| Some((*ts_ms, milliseconds(*value)?))) {
                let from = rows.partition_point(|row| row.created_ms < Some(created_ms));
                let to = rows.partition_point(|row| row.created_ms <= Some(created_ms));
                let at = from + rows[from..to].iter().position(|row| row.may_be(uid)).unwrap_or(to - from);
                if at == to {
                    rows.insert(at, JobRow { created_ms: Some(created_ms), seen: (ts_ms, ts_ms), ..JobRow::default() });
                }
                let row = &mut rows[at];
                row.seen = (row.seen.0.min(ts_ms), row.seen.1.max(ts_ms));
                if row.uid.is_none() && !uid.is_empty() {
                    row.uid = Some(uid.to_owned());
                }
            }
        }
        // A Job whose creation was not served is still a run, of unknown creation.
        for metric in ["kube_job_owner", "kube_job_status_start_time", "kube_job_status_completion_time"] {
            for (series, first_ms, last_ms) in existing(table, metric) {
                let rows = self.runs.entry(job_key(series)).or_default();
                match rows.first_mut() {
                    None => rows.push(JobRow { seen: (first_ms, last_ms), ..JobRow::default() }),
                    Some(row) if row.created_ms.is_none() => row.seen = (row.seen.0.min(first_ms), row.seen.1.max(last_ms)),
                    Some(_) => {}
                }
            }
        }
    }

    /// A start or completion belongs to the run with its uid, else to the last run created before it.
    fn read_times(&mut self, table: &'a SampleTable) {
        for (series, _, value) in table.of_metric("kube_job_status_start_time") {
            let Some(rows) = self.runs.get_mut(&job_key(series)) else { continue };
            for started_ms in value.iter().filter_map(|value| milliseconds(*value)) {
                let Some(row) = run_of(rows, series, started_ms) else { continue };
                // Each resumption sets the start again, so a second start tells of a suspension.
                row.was_suspended |= row.started_ms.is_some_and(|known| known != started_ms);
                row.started_ms = Some(row.started_ms.map_or(started_ms, |known| known.min(started_ms)));
            }
        }
        for (series, _, value) in table.of_metric("kube_job_status_completion_time") {
            let Some(rows) = self.runs.get_mut(&job_key(series)) else { continue };
            for completed_ms in value.iter().filter_map(|value| milliseconds(*value)) {
                let Some(row) = run_of(rows, series, completed_ms) else { continue };
                row.completed_ms = row.completed_ms.max(Some(completed_ms));
            }
        }
    }

    fn read_suspensions(&mut self, table: &'a SampleTable) {
        for metric in ["kube_job_status_suspended", "kube_job_spec_suspend"] {
            for (series, ts_ms, value) in table.of_metric(metric) {
                let Some(rows) = self.runs.get_mut(&job_key(series)) else { continue };
                for (ts_ms, _) in ts_ms.iter().zip(value).filter(|(_, value)| **value == 1.0) {
                    if let Some(row) = run_of(rows, series, *ts_ms) {
                        row.was_suspended = true;
                    }
                }
            }
        }
    }

    /// Workload, schedule, and what labels and annotations say. The Job's own word goes before its CronJob's, and what was in force last before
    /// what it took the place of.
    fn read_descriptions(&mut self, table: &'a SampleTable, state: &ClusterState) {
        for metric in ["kube_job_annotations", "kube_job_labels"] {
            for (series, first_ms, last_ms) in latest_first(table, metric) {
                let rows = self.runs.get_mut(&job_key(series)).into_iter().flatten();
                let uid = own_label(series, "uid");
                for row in rows.filter(|row| row.seen.0 <= last_ms && row.seen.1 >= first_ms && row.may_be(uid)) {
                    row.describe(series);
                    let set = |known: &mut Option<String>, name| fill(known, text(series, &[name]));
                    set(&mut row.baseline_start, "annotation_wattledger_io_baseline_start");
                    set(&mut row.decision, "annotation_wattledger_io_decision");
                    set(&mut row.scheduled_timestamp, "annotation_batch_kubernetes_io_cronjob_scheduled_timestamp");
                    row.is_by_hand |= series.label("annotation_cronjob_kubernetes_io_instantiate") == "manual";
                }
            }
        }
        let mut cronjobs: BTreeMap<Key, Vec<(i64, &Series)>> = BTreeMap::new();
        for metric in ["kube_cronjob_info", "kube_cronjob_annotations", "kube_cronjob_labels"] {
            for (series, _, last_ms) in existing(table, metric) {
                cronjobs.entry((own_label(series, "namespace"), own_label(series, "cronjob"))).or_default().push((last_ms, series));
            }
        }
        for described in cronjobs.values_mut() {
            // What was in force last goes first.
            described.sort_by_key(|(last_ms, _)| -last_ms);
        }
        for ((namespace, job), rows) in &mut self.runs {
            for row in rows {
                (row.namespace, row.job) = ((*namespace).to_owned(), (*job).to_owned());
                row.workload = job_workload(state, namespace, job);
                let cronjob = row.workload.strip_prefix("CronJob/").unwrap_or_default().to_owned();
                for (_, series) in cronjobs.get(&(*namespace, cronjob.as_str())).into_iter().flatten() {
                    row.describe(series);
                    if row.schedule.is_none() && !row.is_by_hand {
                        row.schedule = text(series, &["schedule"]);
                        // kube-state-metrics writes `local` where no zone is set: the controller's own, which nobody knows here.
                        row.schedule_time_zone = text(series, &["timezone"]).filter(|zone| zone != "local");
                    }
                }
            }
        }
    }

    /// Makes a run for a Job that is known only as the owner of a pod, seen at that time.
    pub fn ensure(&mut self, namespace: &'a str, job: &'a str, workload: &str, seen: (i64, i64)) {
        let rows = self.runs.entry((namespace, job)).or_default();
        if rows.is_empty() {
            let (namespace, job, workload) = (namespace.to_owned(), job.to_owned(), workload.to_owned());
            rows.push(JobRow { namespace, job, workload, seen, ..JobRow::default() });
        }
    }

    /// The runs in the order of their ids.
    pub fn into_table(self) -> JobTable<'a> {
        let (mut rows, mut of_name) = (Vec::new(), BTreeMap::new());
        for (key, runs) in self.runs {
            of_name.insert(key, rows.len()..rows.len() + runs.len());
            rows.extend(runs);
        }
        JobTable { rows, of_name }
    }
}

/// Job runs whose places are their ids.
pub struct JobTable<'a> {
    pub rows: Vec<JobRow>,
    of_name: BTreeMap<Key<'a>, Range<usize>>,
}

impl JobTable<'_> {
    /// Id of the run that a pod belongs to: the last one created before the pod was seen, else the first of that name.
    pub fn id_of(&self, namespace: &str, job: &str, first_presence_ms: i64) -> Option<i32> {
        let range = self.of_name.get(&(namespace, job))?;
        let created = self.rows[range.clone()].partition_point(|row| row.created_ms <= Some(first_presence_ms));
        i32::try_from(range.start + created.saturating_sub(1)).ok()
    }
}

impl JobRow {
    /// Whether a series with this uid, or without one, may speak of this run.
    fn may_be(&self, uid: &str) -> bool {
        uid.is_empty() || self.uid.as_deref().is_none_or(|known| known == uid)
    }

    /// Takes from a series of labels or annotations what is not known yet.
    pub fn describe(&mut self, series: &Series) {
        fill(&mut self.home_zone, text(series, &["annotation_wattledger_io_home_zone", "label_wattledger_io_home_zone"]));
        fill(&mut self.home_cluster, text(series, &["annotation_wattledger_io_home_cluster", "label_wattledger_io_home_cluster"]));
        fill(&mut self.max_delay_hours, text(series, &MAX_DELAY_HOURS));
        fill(&mut self.is_carbon_aware, carbon_aware(series));
        fill(&mut self.is_deferrable, deferrable(series));
    }
}

/// What the label `carbon-aware` says, if it is there and says yes or no.
pub fn carbon_aware(series: &Series) -> Option<bool> {
    flag(series, &["label_wattledger_io_carbon_aware", "label_carbon_aware"])
}

/// The same of the label `deferrable`.
pub fn deferrable(series: &Series) -> Option<bool> {
    flag(series, &["label_wattledger_io_deferrable", "label_deferrable"])
}

fn fill<T>(known: &mut Option<T>, found: Option<T>) {
    if known.is_none() {
        *known = found;
    }
}

/// The run with the uid of a series, else the last run created by then, else the first; none where there is no run.
fn run_of<'r>(rows: &'r mut [JobRow], series: &Series, ts_ms: i64) -> Option<&'r mut JobRow> {
    let uid = own_label(series, "uid");
    if let Some(at) = rows.iter().position(|row| row.uid.as_deref() == Some(uid)) {
        return rows.get_mut(at);
    }
    let created = rows.partition_point(|row| row.created_ms <= Some(ts_ms));
    rows.get_mut(created.saturating_sub(1))
}

/// kube-state-metrics writes times in seconds since the epoch; 0 is a time that is not set.
fn milliseconds(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && seconds > 0.0).then(|| (seconds * 1_000.0).round() as i64)
}

/// The first of the labels that is not empty.
fn text(series: &Series, names: &[&str]) -> Option<String> {
    names.iter().map(|name| series.label(name)).find(|value| !value.is_empty()).map(str::to_owned)
}

/// The first of the labels that says yes or no; other words are not understood and so unknown.
fn flag(series: &Series, names: &[&str]) -> Option<bool> {
    names.iter().find_map(|name| match series.label(name).to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    })
}
