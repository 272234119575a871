//! `wattledger label`: a label on each node that says how clean its grid is now.
//!
//! In: the cluster's nodes, and the intensity of their grid zones. Out: `carbon-zone: low|medium|high|unknown` on each node. Rule: an intensity that is missing or too
//! old is `unknown`, never a default; the label is written by server-side apply under an own field manager, once a change, and what others have set stays theirs.
//! Does not: cordon, drain or evict: a label is advice to the scheduler, by node affinity.

mod controller;
mod plan;
#[cfg(test)]
mod plan_test;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

pub use self::controller::{Labeller, Pace, Pass, Told, look, run as run_until};
pub use self::plan::{LABEL, Plan};
use super::collect::kubernetes_access;
use super::exit;
use crate::config::{Cluster, Config};
use crate::evidence::Store;
use crate::model::{Hint, hex};
use crate::outlook::{Ask, Outlook};
use crate::sources::kubernetes::{Leadership, LeaseTimes, NodeLabels};

/// Who the label belongs to on the server.
pub const FIELD_MANAGER: &str = "wattledger-label";
const LEASE: &str = "wattledger-label";

/// The arguments of `label`.
#[derive(Args, Clone, Debug)]
pub struct LabelArgs {
    /// The cluster whose nodes are labelled, as the configuration calls it [default: the only one with `kubernetes`]
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,

    /// Label once and end, for a CronJob; without a lease
    #[arg(long)]
    pub once: bool,

    /// Say what would be written, and write nothing; ends after one look
    #[arg(long)]
    pub dry_run: bool,

    /// Take no lease: nobody else labels these nodes
    #[arg(long)]
    pub no_lease: bool,

    /// Ask no provider: the evidence and the configured files alone
    #[arg(long)]
    pub offline: bool,
}

pub fn run(args: &LabelArgs, config: &Config) -> Result<u8> {
    let cluster = cluster(args, config)?;
    let Some(kubernetes) = &cluster.kubernetes else {
        bail!(Hint::new(
            format!("cluster {} has no `kubernetes` in the configuration, so its nodes cannot be labelled", cluster.name),
            "add kubernetes = {} to [[cluster]]: in a cluster it uses the pod's service account, elsewhere your kubeconfig",
        ));
    };
    let zones: Vec<String> = cluster.sites().map(|site| site.grid_zone.clone()).collect();
    let ask = if args.offline { Ask::Nobody } else { Ask::Providers };
    let outlook = Arc::new(Outlook::only(config, Store::open(&config.evidence)?, ask, &zones));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("start the runtime")?;
    let outcome = runtime.block_on(async {
        let labels = NodeLabels::connect(&kubernetes_access(kubernetes), FIELD_MANAGER)
            .await
            .with_context(|| format!("cluster {}", cluster.name))?;
        let labeller = Labeller::new(labels, cluster.clone(), outlook, config.label);
        if args.once || args.dry_run { once(labeller, args.dry_run).await } else { follow(labeller, args.no_lease).await }
    });
    // A provider that is slow to answer does not keep the process from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn cluster<'a>(args: &LabelArgs, config: &'a Config) -> Result<&'a Cluster> {
    if let Some(name) = &args.cluster {
        return config.cluster(name);
    }
    let found: Vec<&Cluster> = config.clusters.iter().filter(|cluster| cluster.kubernetes.is_some()).collect();
    match (&found[..], &config.clusters[..]) {
        ([cluster], _) => Ok(cluster),
        // With one cluster there is no doubt which; what it lacks is said by whoever needs it.
        ([], [cluster]) => Ok(cluster),
        (several, _) => bail!(Hint::new(
            format!("{} clusters of the configuration have `kubernetes`", several.len()),
            "say whose nodes are labelled: --cluster NAME",
        )),
    }
}

/// One look, one pass.
async fn once(mut labeller: Labeller, is_dry: bool) -> Result<u8> {
    let refused = |refusal: crate::sources::Refusal| match refusal.hint.clone() {
        Some(hint) => anyhow::Error::new(refusal).context(Hint::new("label nodes", hint)),
        None => anyhow::Error::new(refusal).context("label nodes"),
    };
    look(Arc::clone(&labeller.outlook)).await?;
    let nodes = labeller.labels.list().await.map_err(refused)?;
    if is_dry {
        let plan = labeller.plan(&nodes, Utc::now());
        // A closed pipe (`wattledger label --dry-run | head`) is no failure.
        let _ = std::io::stdout().write_all(shown(&plan).as_bytes());
        return Ok(exit::DONE);
    }
    let pass = labeller.pass(nodes, Utc::now(), || true).await;
    Told::default().pass(&pass);
    if let Some(refusal) = pass.refused {
        return Err(refused(refusal));
    }
    if let Some((node, why)) = pass.failed.first() {
        bail!(Hint::new(
            format!("{} of {} nodes could not be labelled; {node}: {why}", pass.failed.len(), pass.plan.nodes),
            "run it again; what was written stays",
        ));
    }
    Ok(exit::DONE)
}

/// What would be written, a line a node.
fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for (zone, now) in &plan.zones {
        text += &format!("zone {zone}: {}: {}\n", now.level, now.why());
    }
    for write in &plan.writes {
        let before = write.before.as_deref().unwrap_or("none");
        text += &format!("node {}: {LABEL}={} (now {before})\n", write.node, write.level);
    }
    text + &format!("{} of {} nodes would be labelled anew\n", plan.writes.len(), plan.nodes)
}

/// Until a signal comes.
async fn follow(labeller: Labeller, is_alone: bool) -> Result<u8> {
    let mut terminated = signal(SignalKind::terminate()).context("listen for signals")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("listen for signals")?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let watch = labeller.labels.watch();
    let leadership = if is_alone { None } else { Some(Leadership::run_for(&labeller.labels, LEASE, identity()?, LeaseTimes::default())) };
    eprintln!("labelling the nodes of {}; end it with SIGTERM or Ctrl-C", labeller.cluster.name);
    let mut running = tokio::spawn(run_until(labeller, watch, leadership, Pace::default(), stopped));
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        ended = &mut running => return ended.context("the labeller broke")?.map(|()| exit::DONE),
    }
    let _ = stop.send(true);
    running.await.context("the labeller broke")??;
    Ok(exit::DONE)
}

/// Another one each time, because a pod that was started again is another process.
fn identity() -> Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("draw a name for the lease: {error}"))?;
    let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "wattledger".to_owned());
    Ok(format!("{host}_{}", hex(bytes)))
}
