//! Labels of Kubernetes objects, compared by the names that kube-state-metrics gives them.
//!
//! In: labels as Kubernetes writes them or as kube-state-metrics renames them, with or without its prefix `label_`. Rule: both sides are
//! compared as renamed, because the original name cannot be recovered.

use std::collections::BTreeMap;

/// What the label `source` says of a series that the Kubernetes API told, under the name that kube-state-metrics would have given it.
pub const KUBERNETES_API: &str = "kubernetes-api";

/// An object's labels by their renamed names.
pub struct RenamedLabels<'a>(BTreeMap<String, &'a str>);

impl<'a> RenamedLabels<'a> {
    pub fn of(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(labels.into_iter().map(|(name, value)| (kube_state_metrics_name(name), value)).collect())
    }

    pub fn get(&self, name: &str) -> Option<&'a str> {
        let name = kube_state_metrics_name(name);
        self.0.get(&name).or_else(|| self.0.get(&format!("label_{name}"))).copied()
    }

    /// Whether every label of a selector is there with its value.
    pub fn satisfy(&self, selector: &BTreeMap<String, String>) -> bool {
        selector.iter().all(|(name, value)| self.get(name) == Some(value.as_str()))
    }
}

/// A label's name as kube-state-metrics exports it: what is neither letter, digit nor underscore becomes an underscore, and camel case
/// becomes snake case (`topology.kubernetes.io/zone` is `topology_kubernetes_io_zone`, `nodePool` is `node_pool`).
pub fn kube_state_metrics_name(label: &str) -> String {
    let mut name = String::with_capacity(label.len() + 4);
    let mut follows_small = false;
    for letter in label.chars() {
        if letter.is_ascii_uppercase() && follows_small {
            name.push('_');
        }
        follows_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        name.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_are_compared_as_kube_state_metrics_writes_them() {
        assert_eq!(kube_state_metrics_name("topology.kubernetes.io/zone"), "topology_kubernetes_io_zone");
        assert_eq!(kube_state_metrics_name("example.com/nodePool"), "example_com_node_pool");
        assert_eq!(kube_state_metrics_name("a-b"), "a_b");
    }
}
