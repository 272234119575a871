//! What a workload looks like, by its kind and by the words in its name: nobody said it, so it is a guess and says what it rests on.
//!
//! In: namespace and top controller (`CronJob/nightly-etl`). Out: whether it looks like work that could wait, and like what; whether it looks as if it served
//! users. Rule: words of the name go before the kind, which says less; a word counts only whole (`ci` is not in `pricing`). Does not: decide anything: a guess
//! moves no figure, here or in a report.

use serde::Serialize;

use crate::model::serves_users;

/// What batch work it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    Training,
    Etl,
    Ci,
    Backup,
    /// Batch work of no known sort.
    Batch,
}

/// A guess, and what it rests on, as words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Likeness {
    pub work: Work,
    pub because: String,
}

const WORDS: [(Work, &[&str]); 5] = [
    (
        Work::Training,
        &[
            "train",
            "training",
            "trainer",
            "retrain",
            "retraining",
            "pretrain",
            "pretraining",
            "finetune",
            "finetuning",
            "tune",
            "tuning",
            "hpo",
            "sweep",
            "katib",
        ],
    ),
    (
        Work::Etl,
        &[
            "etl",
            "elt",
            "ingest",
            "ingestion",
            "extract",
            "transform",
            "dbt",
            "airflow",
            "dagster",
            "prefect",
            "spark",
            "warehouse",
            "aggregate",
            "aggregation",
            "rollup",
            "reindex",
            "import",
            "export",
            "sync",
        ],
    ),
    (
        Work::Ci,
        &["ci", "build", "builds", "builder", "buildkit", "buildkite", "kaniko", "jenkins", "tekton", "runner", "test", "tests", "lint"],
    ),
    (
        Work::Backup,
        &[
            "backup",
            "backups",
            "snapshot",
            "snapshots",
            "dump",
            "velero",
            "restic",
            "kopia",
            "borg",
            "pgbackrest",
            "barman",
            "archive",
            "archiver",
        ],
    ),
    (
        Work::Batch,
        &[
            "batch",
            "nightly",
            "daily",
            "weekly",
            "monthly",
            "report",
            "reports",
            "reporting",
            "cleanup",
            "prune",
            "vacuum",
            "compact",
            "compaction",
            "scan",
            "render",
            "rendering",
            "transcode",
            "transcoding",
            "encode",
            "thumbnails",
            "simulate",
            "simulation",
        ],
    ),
];

/// Controllers whose pods begin, do something and end.
const BATCH_KINDS: [(&str, Work); 30] = [
    ("PyTorchJob", Work::Training),
    ("TFJob", Work::Training),
    ("MPIJob", Work::Training),
    ("XGBoostJob", Work::Training),
    ("PaddleJob", Work::Training),
    ("JAXJob", Work::Training),
    ("TrainJob", Work::Training),
    ("Trial", Work::Training),
    ("RayJob", Work::Training),
    ("SparkApplication", Work::Etl),
    ("ScheduledSparkApplication", Work::Etl),
    ("PipelineRun", Work::Ci),
    ("TaskRun", Work::Ci),
    ("BuildRun", Work::Ci),
    ("EphemeralRunner", Work::Ci),
    ("EphemeralRunnerSet", Work::Ci),
    ("AutoscalingRunnerSet", Work::Ci),
    ("Backup", Work::Backup),
    ("PodVolumeBackup", Work::Backup),
    ("DataUpload", Work::Backup),
    ("Prune", Work::Backup),
    ("Archive", Work::Backup),
    ("Job", Work::Batch),
    ("CronJob", Work::Batch),
    ("ScaledJob", Work::Batch),
    ("JobSet", Work::Batch),
    ("Workflow", Work::Batch),
    ("CronWorkflow", Work::Batch),
    ("AppWrapper", Work::Batch),
    ("AdvancedCronJob", Work::Batch),
];

/// Controllers beside those of the method whose pods answer as they are asked.
const ANSWERING_KINDS: [&str; 10] = [
    "InferenceService",
    "InferenceGraph",
    "RayService",
    "SeldonDeployment",
    "Revision",
    "Notebook",
    "VirtualMachineInstance",
    "CloneSet",
    "GameServer",
    "Cluster",
];

const ANSWERING_WORDS: [&str; 16] = [
    "api",
    "web",
    "www",
    "server",
    "frontend",
    "gateway",
    "proxy",
    "ingress",
    "ui",
    "webhook",
    "service",
    "svc",
    "serving",
    "inference",
    "chat",
    "dashboard",
];

/// What it looks like, where it looks like work that could wait.
pub fn like_batch_work(namespace: &str, workload: &str) -> Option<Likeness> {
    let (kind, name) = parts(workload);
    let of_kind = BATCH_KINDS.iter().find(|(known, _)| *known == kind).map(|(_, work)| *work);
    // `nightly` says when, `etl` says what.
    let of_name = telling_word(name);
    let is_made_to_serve = serves_users(workload) || ANSWERING_KINDS.contains(&kind);
    // A DaemonSet is on every node, whatever it is called; and of `report-api` the second word says more.
    if is_made_to_serve && (kind == "DaemonSet" || words(name).any(|word| is_answering(&word))) {
        return None;
    }
    if let Some((work, word)) = of_name {
        // What a kind is made for says more than that something happens every night.
        let work = of_kind.filter(|of_kind| *of_kind != Work::Batch && work == Work::Batch).unwrap_or(work);
        return Some(Likeness { work, because: format!("a {kind} with `{word}` in its name") });
    }
    let of_kind = of_kind?;
    let of_namespace = telling_word(namespace).filter(|_| of_kind == Work::Batch);
    Some(match of_namespace {
        Some((work, word)) => Likeness { work, because: format!("a {kind} in a namespace of `{word}`") },
        None => Likeness { work: of_kind, because: format!("a {kind}") },
    })
}

/// Why it looks as if it served users, where it does.
pub fn like_serving(workload: &str) -> Option<String> {
    let (kind, name) = parts(workload);
    if serves_users(workload) || ANSWERING_KINDS.contains(&kind) {
        return Some(format!("pods of a {kind} answer as they are asked"));
    }
    // A Job may well be called after the server that it works for.
    let is_batch = BATCH_KINDS.iter().any(|(known, _)| *known == kind);
    let word = words(name).find(|word| is_answering(word)).filter(|_| !is_batch)?;
    Some(format!("`{word}` is in its name, and a {kind} need not end"))
}

fn parts(workload: &str) -> (&str, &str) {
    workload.split_once('/').unwrap_or(("", workload))
}

/// The words of a name: what stands between dashes, dots and digits.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// The first word that says what sort of work it is, else the first that says that it is some.
fn telling_word(name: &str) -> Option<(Work, String)> {
    let known: Vec<_> = words(name).filter_map(|word| Some((known_work(&word)?, word))).collect();
    known.iter().find(|(work, _)| *work != Work::Batch).or(known.first()).cloned()
}

fn known_work(word: &str) -> Option<Work> {
    WORDS.iter().find(|(_, known)| known.contains(&word)).map(|(work, _)| *work)
}

fn is_answering(word: &str) -> bool {
    ANSWERING_WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(namespace: &str, workload: &str) -> Option<Work> {
        like_batch_work(namespace, workload).map(|likeness| likeness.work)
    }

    #[test]
    fn a_name_says_what_it_is_and_a_kind_that_it_ends() {
        assert_eq!(work("x", "Job/train-7"), Some(Work::Training));
        assert_eq!(work("x", "CronJob/nightly-etl"), Some(Work::Etl));
        assert_eq!(work("x", "CronJob/nightly"), Some(Work::Batch));
        assert_eq!(work("x", "CronJob/etl-nightly"), Some(Work::Etl));
        assert_eq!(work("x", "Job/runner-abc-12"), Some(Work::Ci));
        assert_eq!(work("x", "CronJob/db-backup"), Some(Work::Backup));
        assert_eq!(work("x", "PyTorchJob/nightly"), Some(Work::Training));
        assert_eq!(work("ci", "Job/a1b2"), Some(Work::Ci));
        assert_eq!(work("x", "Job/a1b2"), Some(Work::Batch));
        assert_eq!(like_batch_work("x", "CronJob/db-backup").unwrap().because, "a CronJob with `backup` in its name");
        assert_eq!(like_batch_work("ci", "Job/a1").unwrap().because, "a Job in a namespace of `ci`");
    }

    #[test]
    fn what_answers_as_it_is_asked_is_only_suspected_by_its_own_name() {
        assert_eq!(work("x", "Deployment/gitlab-runner"), Some(Work::Ci));
        assert_eq!(work("ci", "Deployment/web"), None);
        assert_eq!(work("x", "Deployment/report-api"), None);
        assert_eq!(work("x", "StatefulSet/postgres"), None);
        assert_eq!(work("x", "DaemonSet/backup-agent"), None);
        assert_eq!(work("x", "Pod/kube-apiserver-n1"), None);
        assert_eq!(work("x", "Pod/runner-x1-project-2"), Some(Work::Ci));
    }

    #[test]
    fn a_word_counts_only_whole() {
        // `ci` is in pricing, `dump` in dumpling, `test` in latest.
        for name in ["pricing", "dumpling", "latest", "contrainer"] {
            assert_eq!(work("x", &format!("Deployment/{name}")), None, "{name}");
        }
        assert_eq!(work("x", "Deployment/ETL2"), Some(Work::Etl));
    }

    #[test]
    fn serving_is_seen_by_kind_and_of_no_batch_kind_by_name() {
        assert!(like_serving("Deployment/train").unwrap().contains("pods of a Deployment"));
        assert!(like_serving("InferenceService/train").is_some());
        assert!(like_serving("Pod/notebook-server").unwrap().contains("`server` is in its name"));
        assert_eq!(like_serving("Job/api-warm-up"), None);
        assert_eq!(like_serving("Pod/train"), None);
    }

    #[test]
    fn no_kind_and_no_word_is_of_two_sorts() {
        let mut words: Vec<&str> = WORDS.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        let mut kinds: Vec<&str> = BATCH_KINDS.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), BATCH_KINDS.len());
        for kind in kinds {
            assert!(!serves_users(&format!("{kind}/x")) && !ANSWERING_KINDS.contains(&kind), "{kind}");
        }
        assert!(ANSWERING_WORDS.iter().all(|word| known_work(word).is_none()));
    }
}
