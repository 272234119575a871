//! What is asked of a Kubernetes API server: one table, for the code and for the role in `deploy/rbac.yaml`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The verbs that are used. A list is enough to read; `get` is never used, and would allow nothing more.
pub const VERBS: [&str; 2] = ["list", "watch"];

/// A kind of object that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    CronJob,
    Job,
    Namespace,
    Node,
    Pod,
    ReplicaSet,
}

impl Kind {
    pub const ALL: [Self; 6] = [Self::CronJob, Self::Job, Self::Namespace, Self::Node, Self::Pod, Self::ReplicaSet];

    /// The API group; the core group has no name.
    pub const fn group(self) -> &'static str {
        match self {
            Self::CronJob | Self::Job => "batch",
            Self::Namespace | Self::Node | Self::Pod => "",
            Self::ReplicaSet => "apps",
        }
    }

    pub const fn plural(self) -> &'static str {
        match self {
            Self::CronJob => "cronjobs",
            Self::Job => "jobs",
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::Pod => "pods",
            Self::ReplicaSet => "replicasets",
        }
    }
}

/// `batch/jobs`, `pods`: as a role names a resource.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group() {
            "" => f.write_str(self.plural()),
            group => write!(f, "{group}/{}", self.plural()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_openapi::api::apps::v1::ReplicaSet;
    use k8s_openapi::api::batch::v1::{CronJob, Job};
    use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
    use kube::Resource;

    use super::*;

    const ROLE: &str = include_str!("../../../deploy/rbac.yaml");

    #[test]
    fn the_table_names_resources_as_the_api_does() {
        fn of_api<K: Resource<DynamicType = ()>>() -> (String, String) {
            (K::group(&()).into_owned(), K::plural(&()).into_owned())
        }
        let of_api =
            [of_api::<CronJob>(), of_api::<Job>(), of_api::<Namespace>(), of_api::<Node>(), of_api::<Pod>(), of_api::<ReplicaSet>()];
        assert_eq!(Kind::ALL.map(|kind| (kind.group().to_owned(), kind.plural().to_owned())), of_api);
        assert_eq!(
            Kind::ALL.map(|kind| kind.to_string()),
            ["batch/cronjobs", "batch/jobs", "namespaces", "nodes", "pods", "apps/replicasets"]
        );
    }

    /// The lists of the manifest are written in brackets, which is JSON too.
    fn lists(key: &str) -> Vec<Vec<String>> {
        let lines = ROLE.lines().map(|line| line.trim_start().trim_start_matches("- "));
        let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        values.map(|value| serde_json::from_str(value).unwrap_or_else(|error| panic!("{key}: {value}: {error}"))).collect()
    }

    #[test]
    fn the_role_allows_exactly_what_is_asked_for() {
        let (groups, resources, verbs) = (lists("apiGroups"), lists("resources"), lists("verbs"));
        assert_eq!((groups.len(), resources.len()), (verbs.len(), verbs.len()), "every rule has all three");
        let mut allowed = BTreeSet::new();
        for ((groups, resources), verbs) in groups.iter().zip(&resources).zip(&verbs) {
            for group in groups {
                for resource in resources {
                    allowed.extend(verbs.iter().map(|verb| (group.as_str(), resource.as_str(), verb.as_str())));
                }
            }
        }
        let asked = Kind::ALL.iter().flat_map(|kind| VERBS.map(|verb| (kind.group(), kind.plural(), verb)));
        assert_eq!(allowed, asked.collect());
        // No rule is written in another way, beside those that were read.
        assert_eq!(ROLE.matches("apiGroups").count(), groups.len());
        assert_eq!(ROLE.matches("\nkind: ClusterRole\n").count(), 1);
        for never in ["secrets", "configmaps", "nonResourceURLs", "*", "aggregationRule"] {
            assert!(!ROLE.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(never)), "{never}");
        }
    }
}
