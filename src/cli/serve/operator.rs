//! Keeps the ConfigMaps that Azure's carbon-aware-keda-operator reads.
//!
//! In: the configuration's tables, the outlook. Out: ConfigMaps that say what is known. Rule: written when what they say has changed, and once in an hour as a sign of life; trouble with one
//! does not keep the others, and is told once in the log until it is over. Does not: read them back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::TimeDelta;

use crate::cli::collect::kubernetes_access;
use crate::config::{Config, OperatorMap};
use crate::sources::kubernetes::ConfigMaps;
use crate::web::{ForecastMap, State};

const MANAGER: &str = "wattledger-serve";
const SIGN_OF_LIFE: Duration = Duration::from_secs(3_600);

pub struct Operator {
    maps: Vec<Kept>,
    clusters: BTreeMap<String, ConfigMaps>,
}

struct Kept {
    map: OperatorMap,
    written: Option<(ForecastMap, Instant)>,
    trouble: Option<String>,
}

impl Operator {
    /// Prepares the connections. Must be called within a runtime.
    pub async fn connect(config: &Config) -> Result<Self> {
        let mut clusters = BTreeMap::new();
        for map in &config.operator_maps {
            let cluster = config.clusters.iter().find(|cluster| cluster.name == map.cluster).expect("the configuration has looked for it");
            let kubernetes = cluster.kubernetes.as_ref().expect("the configuration has looked for it");
            let maps = ConfigMaps::connect(&kubernetes_access(kubernetes), MANAGER).await;
            clusters.insert(map.cluster.clone(), maps.with_context(|| format!("cluster {}", map.cluster))?);
        }
        let kept = |map: &OperatorMap| Kept { map: map.clone(), written: None, trouble: None };
        Ok(Self { maps: config.operator_maps.iter().map(kept).collect(), clusters })
    }

    pub async fn keep(&mut self, state: &State) {
        let now = (state.now)();
        let outlook = state.grid.outlook();
        let horizon = TimeDelta::from_std(outlook.policy().forecast_horizon).unwrap_or(TimeDelta::hours(48));
        for Kept { map, written, trouble } in &mut self.maps {
            let Ok(zone) = outlook.zone(&map.zone) else { continue };
            let says = ForecastMap::of(&zone, horizon, now);
            if written.as_ref().is_some_and(|(before, at)| before.says_the_same_as(&says) && at.elapsed() < SIGN_OF_LIFE) {
                continue;
            }
            match self.clusters[&map.cluster].apply(&map.namespace, &map.name, &says.data, (&map.key, &says.points)).await {
                Ok(()) => {
                    tracing::info!(cluster = %map.cluster, "wrote ConfigMap {}/{}", map.namespace, map.name);
                    (*written, *trouble) = (Some((says, Instant::now())), None);
                }
                Err(refusal) => {
                    if trouble.as_ref() != Some(&refusal.message) {
                        tracing::warn!(cluster = %map.cluster, code = refusal.code, "{}", refusal.message);
                        *trouble = Some(refusal.message);
                    }
                }
            }
        }
    }
}
