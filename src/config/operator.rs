//! `[[carbon_aware_keda_operator]]`: which ConfigMaps `serve` keeps for Azure's operator.
//!
//! In: the tables as written. Out: [`OperatorMap`]s. Rule: a cluster that has an API to write to, a zone that is the cluster's own unless another is named; no two tables write the same map.
//! Does not: connect.

use anyhow::{Context, Result, bail, ensure};

use super::{Cluster, check, raw};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "carbon-intensity";
const KEY: &str = "data";

/// A ConfigMap with a zone's forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorMap {
    pub cluster: String,
    pub zone: String,
    pub namespace: String,
    pub name: String,
    /// Of `binaryData`.
    pub key: String,
}

pub(super) fn maps(raw: Vec<raw::OperatorMap>, clusters: &[Cluster]) -> Result<Vec<OperatorMap>> {
    let mut maps: Vec<OperatorMap> = Vec::new();
    for table in raw {
        let map = map(table, clusters).context("[[carbon_aware_keda_operator]]")?;
        let is_same = |other: &OperatorMap| (&other.cluster, &other.namespace, &other.name) == (&map.cluster, &map.namespace, &map.name);
        ensure!(
            !maps.iter().any(is_same),
            "[[carbon_aware_keda_operator]]: two tables write {}/{} of {}",
            map.namespace,
            map.name,
            map.cluster
        );
        maps.push(map);
    }
    Ok(maps)
}

fn map(raw: raw::OperatorMap, clusters: &[Cluster]) -> Result<OperatorMap> {
    let Some(cluster) = clusters.iter().find(|cluster| cluster.name == raw.cluster) else {
        bail!("`cluster`: there is no cluster `{}`", raw.cluster.escape_debug());
    };
    ensure!(cluster.kubernetes.is_some(), "cluster {} has no `kubernetes`, so nothing can be written to it", cluster.name);
    if let Some(zone) = &raw.zone {
        check::grid_zone(zone).context("`zone`")?;
    }
    let name = |name: Option<String>, usual: &str, key: &str| {
        let name = name.unwrap_or_else(|| usual.to_owned());
        let is_name =
            !name.is_empty() && name.len() <= 253 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        ensure!(is_name, "`{key}`: `{}` is not a name in Kubernetes", name.escape_debug());
        Ok(name)
    };
    Ok(OperatorMap {
        zone: raw.zone.unwrap_or_else(|| cluster.site.grid_zone.clone()),
        cluster: raw.cluster,
        namespace: name(raw.namespace, NAMESPACE, "namespace")?,
        name: name(raw.name, NAME, "name")?,
        key: name(raw.key, KEY, "key")?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn read(table: &str) -> Result<Vec<OperatorMap>, String> {
        let text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n\
             [[cluster]]\nname = \"a\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\nkubernetes = {{ kubeconfig = \"k\" }}\n\
             [[cluster]]\nname = \"b\"\nboundary = \"owned\"\ngrid_zone = \"FR\"\npue = 1.2\n{table}"
        );
        let config = Config::from_bytes(text.as_bytes(), Path::new("/etc/wattledger/wattledger.toml"));
        config.map(|config| config.operator_maps).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_map_is_the_operators_usual_one_for_the_clusters_own_zone() {
        let maps = read("[[carbon_aware_keda_operator]]\ncluster = \"a\"\n").unwrap();
        assert_eq!(maps.len(), 1);
        let OperatorMap { cluster, zone, namespace, name, key } = &maps[0];
        assert_eq!([cluster, zone, namespace, name, key], ["a", "NL", "kube-system", "carbon-intensity", "data"]);
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_could_not_be_written_is_refused_with_its_key() {
        let table = |lines: &str| format!("[[carbon_aware_keda_operator]]\n{lines}\n");
        for (text, said) in [
            (table("cluster = \"c\""), "there is no cluster `c`"),
            (table("cluster = \"b\""), "has no `kubernetes`"),
            (table("cluster = \"a\"\nzone = \"\""), "`zone`"),
            (table("cluster = \"a\"\nname = \"a/b\""), "`name`"),
            (table("cluster = \"a\"") + &table("cluster = \"a\"\nzone = \"FR\""), "two tables write kube-system/carbon-intensity of a"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
