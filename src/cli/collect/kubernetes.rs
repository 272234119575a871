//! What the Kubernetes API and its recorder add to a day's samples.
//!
//! In: a cluster's API server, the recorder's journals in the evidence folder. Out: samples with the series of both, findings.
//! Rule: the API is listed once a run; what it forbids refuses the day, since the owners of some would be unknown for a reason that can be mended; where
//! it cannot be reached the day goes on with what else tells of pods. Assumes: a journal ends with its day. Does not: watch (`follow` does).

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use tokio::runtime::Runtime;

use crate::config::{self, Cluster};
use crate::evidence::Store;
use crate::model::{Finding, SampleTable, Severity};
use crate::sources::kubernetes::{Access, Entry, History, Kubernetes, Object, series_of_day};
use crate::sources::{Reach, Refusal};
use crate::units::UtcDay;

/// A cluster's objects, as far as they are known in this run.
pub struct Objects<'a> {
    cluster: &'a Cluster,
    now: DateTime<Utc>,
    /// What the API said; none before it was asked, or where there is none.
    listed: Option<Result<Vec<Object>, Refusal>>,
}

impl<'a> Objects<'a> {
    pub fn new(cluster: &'a Cluster, now: DateTime<Utc>) -> Self {
        Self { cluster, now, listed: None }
    }

    /// Lists what is there, once. Unreachable is no refusal: `add_to` tells what it means for a day.
    pub fn list(&mut self, runtime: &Runtime) -> Result<Result<(), Refusal>> {
        let Some(kubernetes) = &self.cluster.kubernetes else { return Ok(Ok(())) };
        if self.listed.is_none() {
            let listed = runtime.block_on(async { anyhow::Ok(Kubernetes::connect(&access(kubernetes)).await?.list().await) });
            self.listed = Some(listed.with_context(|| format!("cluster {}", self.cluster.name))?);
        }
        Ok(match &self.listed {
            Some(Err(refusal)) if !is_out_of_reach(refusal) => Err(refusal.clone()),
            _ => Ok(()),
        })
    }

    /// Adds to a day's samples what the API and the recorder know of the day.
    pub fn add_to(
        &self,
        samples: &mut SampleTable,
        findings: &mut Vec<Finding>,
        store: &Store,
        day: UtcDay,
    ) -> Result<Result<(), Refusal>> {
        let mut history = History::default();
        let mut has_journal = false;
        for recorded in [day.previous(), day] {
            let Some(journal) = store.read_journal::<Entry>(&self.cluster.name, recorded)? else { continue };
            has_journal = true;
            if journal.has_half_line {
                let message = format!(
                    "The last line of the recorder's journal of {recorded} has no end, as a crash leaves it, and was left out. \
                     What happened then may be missing; the list of the API and kube-state-metrics tell most of it."
                );
                findings.push(Finding::new("RECORDER_CUT", Severity::Disclosed, message).examined(journal.entries.len() + 1).failing(1));
            }
            journal.entries.into_iter().for_each(|entry| history.take(entry));
        }
        match &self.listed {
            Some(Ok(objects)) => {
                objects.iter().for_each(|object| history.take(Entry::Seen { at: self.now, object: object.clone() }));
            }
            // A day is kept once: without anything that tells of pods it is better collected again.
            Some(Err(refusal)) if !has_journal && samples.of_metric("kube_pod_info").next().is_none() => {
                return Ok(Err(Refusal { reach: Reach::Range, ..refusal.clone() }));
            }
            Some(Err(refusal)) => findings.push(out_of_reach(refusal, has_journal)),
            None => {}
        }
        let told = series_of_day(history, day);
        if told.is_empty() {
            return Ok(Ok(()));
        }
        *samples = samples.with(told);
        Ok(Ok(()))
    }
}

pub fn access(kubernetes: &config::Kubernetes) -> Access {
    Access { kubeconfig: kubernetes.kubeconfig.clone(), context: kubernetes.context.clone() }
}

fn is_out_of_reach(refusal: &Refusal) -> bool {
    refusal.code == "K8S_UNREACHABLE"
}

fn out_of_reach(refusal: &Refusal, has_journal: bool) -> Finding {
    let others = if has_journal { "the recorder's journal and kube-state-metrics" } else { "kube-state-metrics" };
    let message = format!(
        "Owners and times of pods and jobs come from {others} alone, because {}. Objects that these did not see are of unknown owner.",
        refusal.message
    );
    Finding::new(refusal.code, Severity::Disclosed, message).examined(1).failing(1)
}
