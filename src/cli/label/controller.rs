//! The loop: look at the grid, look at the nodes, write what differs.
//!
//! In: what [`super::plan`] says. Out: writes, and lines on stderr. Rule: one write a change. What was written is remembered until the watch has caught up with it, so
//! that a pass in between does not write it again; what belongs to another field manager is left to it until it changes. Only the holder of the lease writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::plan::{Held, LABEL, Plan, Write, plan};
use crate::config::{Cluster, LabelPolicy};
use crate::outlook::{Level, Outlook};
use crate::sources::Refusal;
use crate::sources::kubernetes::{LabelledNode, Leadership, NodeLabels, NodeNews, NodeWatch, NotLabelled};

/// Requests at once.
const AT_ONCE: usize = 16;
/// After so many failures a pass is given up; the server is in trouble, and the next pass begins where this one ended.
const FAILURES: usize = 16;

/// How soon something is done.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After nodes have changed: more of them may be on their way.
    pub settle: Duration,
    /// After a write that failed.
    pub retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: Duration::from_secs(5), retry: Duration::from_secs(30) }
    }
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pass {
    pub plan: Plan,
    pub written: usize,
    /// Nodes whose label belongs to another field manager.
    pub foreign: Vec<String>,
    /// Nodes that are still to be written, each with the reason.
    pub failed: Vec<(String, String)>,
    /// What will not pass by itself.
    pub refused: Option<Refusal>,
}

/// One cluster's labels.
pub struct Labeller {
    pub labels: NodeLabels,
    pub cluster: Cluster,
    pub outlook: Arc<Outlook>,
    pub policy: LabelPolicy,
    pub held: Held,
    /// What was written, and the version of the node then, until the watch tells of it.
    written: BTreeMap<String, (Level, Option<u64>, Option<u64>)>,
    /// The label that another manager had on a node when it refused ours.
    foreign: BTreeMap<String, Option<String>>,
}

impl Labeller {
    pub fn new(labels: NodeLabels, cluster: Cluster, outlook: Arc<Outlook>, policy: LabelPolicy) -> Self {
        Self { labels, cluster, outlook, policy, held: Held::new(), written: BTreeMap::new(), foreign: BTreeMap::new() }
    }

    /// What would be written now.
    pub fn plan(&self, nodes: &[LabelledNode], now: DateTime<Utc>) -> Plan {
        plan(&self.cluster, nodes, &self.outlook, &self.held, &self.policy.levels, now)
    }

    /// Writes what differs. `may_write` is asked before each write.
    pub async fn pass(&mut self, mut nodes: Vec<LabelledNode>, now: DateTime<Utc>, may_write: impl Fn() -> bool) -> Pass {
        self.put_what_was_written_over(&mut nodes);
        let plan = self.plan(&nodes, now);
        self.held =
            plan.zones.iter().filter(|(_, zone)| zone.level != Level::Unknown).map(|(name, zone)| (name.clone(), zone.level)).collect();
        let versions: BTreeMap<&str, Option<u64>> = nodes.iter().map(|node| (node.name.as_str(), node.version)).collect();
        self.foreign.retain(|node, _| versions.contains_key(node.as_str()));
        let mut pass = Pass::default();
        let (left_alone, due): (Vec<Write>, Vec<Write>) =
            plan.writes.iter().cloned().partition(|write| self.foreign.get(&write.node).is_some_and(|known| *known == write.before));
        pass.foreign = left_alone.iter().map(|write| write.node.clone()).collect();
        let (labels, may_write) = (&self.labels, &may_write);
        let mut answers = futures_util::stream::iter(due)
            .map(|write| async move {
                let answer = if may_write() { Some(labels.apply(&write.node, LABEL, write.level.word()).await) } else { None };
                (write, answer)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((write, answer)) = answers.next().await {
            match answer {
                None => pass.failed.push((write.node.clone(), "another process leads now".to_owned())),
                Some(Ok(version)) => {
                    pass.written += 1;
                    let seen = versions.get(write.node.as_str()).copied().flatten();
                    self.written.insert(write.node.clone(), (write.level, version, seen));
                    self.foreign.remove(&write.node);
                    tracing::info!(node = write.node, before = write.before, label = write.level.word(), "labelled");
                }
                Some(Err(NotLabelled::Gone)) => {}
                Some(Err(NotLabelled::Foreign(why))) => {
                    tracing::warn!(node = write.node, why, "the label belongs to somebody else and is left to them");
                    self.foreign.insert(write.node.clone(), write.before.clone());
                    pass.foreign.push(write.node.clone());
                }
                Some(Err(NotLabelled::Passing(why))) => pass.failed.push((write.node.clone(), why)),
                Some(Err(NotLabelled::Final(refusal))) => {
                    pass.failed.push((write.node.clone(), refusal.message.clone()));
                    pass.refused = Some(refusal);
                }
            }
            if pass.failed.len() >= FAILURES || pass.refused.is_some() {
                break;
            }
        }
        drop(answers);
        pass.foreign.sort();
        pass.failed.sort();
        pass.plan = plan;
        pass
    }

    /// A node that was written is as it was written, until the watch has told of that version of it or of a later one.
    fn put_what_was_written_over(&mut self, nodes: &mut [LabelledNode]) {
        let by_name: BTreeMap<&str, usize> = nodes.iter().enumerate().map(|(i, node)| (node.name.as_str(), i)).collect();
        let mut over: Vec<(usize, Level)> = Vec::new();
        self.written.retain(|name, (level, written, seen)| {
            let Some(place) = by_name.get(name.as_str()) else { return false };
            let has_news = match (nodes[*place].version, &*written) {
                (Some(now), Some(written)) => now >= *written,
                // Versions that are no numbers: any other than the one from before the write is news.
                (now, _) => now != *seen,
            };
            if !has_news {
                over.push((*place, *level));
            }
            !has_news
        });
        for (place, level) in over {
            nodes[place].labels.insert(LABEL.to_owned(), level.word().to_owned());
        }
    }
}

/// Labels until `stop` says so.
pub async fn run(
    mut labeller: Labeller,
    mut watch: NodeWatch,
    mut leadership: Option<Leadership>,
    pace: Pace,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> Result<()> {
    let mut looks = interval(labeller.policy.every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due: Option<Instant> = None;
    let mut told = Told::default();
    loop {
        let pass_is_due = async {
            match due {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let leader_changed = async {
            match leadership.as_mut() {
                Some(leadership) => leadership.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = stop.changed() => break,
            _ = looks.tick() => tokio::select! {
                biased;
                _ = stop.changed() => break,
                looked = look(Arc::clone(&labeller.outlook)) => {
                    looked?;
                    due = Some(Instant::now());
                }
            },
            () = leader_changed => due = Some(Instant::now()),
            news = watch.next() => match news {
                Some(NodeNews::Changed) => due = sooner(due, pace.settle),
                Some(NodeNews::Lost(why)) => {
                    eprintln!("the watch of nodes broke and is taken up again: {why}");
                    // A notice behind this one may have found no room.
                    due = sooner(due, pace.settle);
                }
                None => anyhow::bail!("the watch of nodes ended by itself; it is a defect of the software"),
            },
            () = pass_is_due => {
                due = None;
                let leads = leadership.as_ref().is_none_or(Leadership::is_leader);
                told.leads(leads, leadership.is_some());
                if !leads {
                    // Whoever leads next starts from what the nodes say.
                    labeller.held.clear();
                    continue;
                }
                if !watch.is_ready() {
                    // As soon as it is, that is news.
                    due = sooner(due, pace.retry);
                    continue;
                }
                let may_write = || leadership.as_ref().is_none_or(Leadership::is_leader);
                let pass = labeller.pass(watch.nodes(), Utc::now(), may_write).await;
                told.pass(&pass);
                if !pass.failed.is_empty() {
                    due = sooner(due, pace.retry);
                }
            }
        }
    }
    if let Some(leadership) = leadership {
        leadership.give_back().await;
    }
    Ok(())
}

/// What is due already does not wait for what comes later.
fn sooner(due: Option<Instant>, pause: Duration) -> Option<Instant> {
    let at = Instant::now() + pause;
    Some(due.map_or(at, |due| due.min(at)))
}

/// Looks at the grid again, beside what else goes on.
pub async fn look(outlook: Arc<Outlook>) -> Result<()> {
    let trouble = tokio::task::spawn_blocking(move || outlook.refresh(Utc::now())).await.context("look at the grid")??;
    for trouble in trouble {
        tracing::warn!(zone = trouble.zone, what = trouble.what, "{}", trouble.refusal);
    }
    Ok(())
}

/// What was said on stderr, so that only what is new is said again.
#[derive(Default)]
pub struct Told {
    leads: Option<bool>,
    zones: BTreeMap<String, (Level, Option<String>)>,
    foreign: BTreeSet<String>,
    failing: bool,
}

impl Told {
    fn leads(&mut self, leads: bool, has_lease: bool) {
        if has_lease && self.leads.replace(leads) != Some(leads) {
            eprintln!(
                "{}",
                if leads { "this process has the lease and labels" } else { "this process does not have the lease, and waits for it" }
            );
        }
    }

    pub fn pass(&mut self, pass: &Pass) {
        for (zone, now) in &pass.plan.zones {
            let said = (now.level, now.intensity.as_ref().err().map(|unknown| unknown.code.clone()));
            if self.zones.insert(zone.clone(), said.clone()) != Some(said) {
                eprintln!("{zone}: {LABEL}={}: {}", now.level, now.why());
            }
        }
        if pass.written > 0 {
            eprintln!("labelled {} of {} nodes anew", pass.written, pass.plan.nodes);
        }
        for node in &pass.foreign {
            if self.foreign.insert(node.clone()) {
                eprintln!("noted: node {node}: its label {LABEL} belongs to another field manager and is left to it");
            }
        }
        self.foreign.retain(|node| pass.foreign.contains(node));
        if let Some((node, why)) = pass.failed.first() {
            eprintln!("{} nodes could not be labelled and are tried again; {node}: {why}", pass.failed.len());
            if let Some(hint) = pass.refused.as_ref().and_then(|refusal| refusal.hint.as_ref()) {
                eprintln!("hint: {hint}");
            }
        } else if self.failing {
            eprintln!("all nodes are labelled again");
        }
        self.failing = !pass.failed.is_empty();
    }
}
