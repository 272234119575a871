//! Which nodes there are, and which exporters speak of each.
//!
//! In: sights of exporters and of machines, what the configuration declares. Out: [`Nodes`]: groups that are alike, and exporters that no node is
//! known for. Rule: a node is told from a series as the readers of `accounting::metering::meters` tell it; where no meter speaks of a node, its
//! power is modelled as there: by hardware class or instance type, from CPU time. Does not: ask anybody anything.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::factors::instances;
use crate::model::{Exporter, KUBERNETES_API, MeteringTerms, RenamedLabels};
use crate::sources::prometheus::Sight;

/// Nodes of which the same exporters speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeGroup {
    pub nodes: Vec<String>,
    /// Families of meters, those of GPUs alone apart.
    pub energy: Vec<String>,
    pub gpu: Vec<String>,
    /// What power is modelled as, where there is no meter.
    pub modelled_as: Option<String>,
    pub cpu: Vec<String>,
    pub objects: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Nodes {
    pub groups: Vec<NodeGroup>,
    /// Meters that no node is known for, with their scrape addresses.
    pub unplaced: BTreeSet<(Family, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Kepler,
    KeplerLegacy,
    Scaphandre,
    NodeRapl,
    Bmc,
    Dcgm,
    Cadvisor,
    Kubelet,
    KubeStateMetrics,
    KubernetesApi,
}

/// Beginnings of metrics that stand for a family; the first that fits holds.
const METRICS: [(&str, Family); 13] = [
    ("kepler_node_cpu_", Family::Kepler),
    ("kepler_node_", Family::KeplerLegacy),
    ("scaph_host_", Family::Scaphandre),
    ("scaph_socket_", Family::Scaphandre),
    ("scaph_domain_", Family::Scaphandre),
    ("node_rapl_", Family::NodeRapl),
    ("ipmi_", Family::Bmc),
    ("kepler_platform_watts", Family::Bmc),
    ("idrac_", Family::Bmc),
    ("redfish_", Family::Bmc),
    ("DCGM_FI_DEV_", Family::Dcgm),
    ("container_cpu_usage_", Family::Cadvisor),
    ("node_cpu_usage_", Family::Kubelet),
];

impl Family {
    fn of(sight: &Sight) -> Option<Self> {
        let metric = sight.label("__name__");
        if metric == "kube_node_info" || metric == "kube_node_labels" {
            return Some(if sight.label("source") == KUBERNETES_API { Self::KubernetesApi } else { Self::KubeStateMetrics });
        }
        METRICS.iter().find(|(beginning, _)| metric.starts_with(beginning)).map(|(_, family)| *family)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Kepler => "kepler",
            Self::KeplerLegacy => "kepler-legacy",
            Self::Scaphandre => "scaphandre",
            Self::NodeRapl => "node-rapl",
            Self::Bmc => "bmc",
            Self::Dcgm => "dcgm",
            Self::Cadvisor => "cadvisor",
            Self::Kubelet => "kubelet",
            Self::KubeStateMetrics => "kube-state-metrics",
            Self::KubernetesApi => "Kubernetes API",
        }
    }

    /// What it is called in the configuration, where it meters whole nodes. A management controller always counts.
    fn meter(self) -> Option<Exporter> {
        match self {
            Self::Kepler => Some(Exporter::Kepler),
            Self::KeplerLegacy => Some(Exporter::KeplerLegacy),
            Self::Scaphandre => Some(Exporter::Scaphandre),
            Self::NodeRapl => Some(Exporter::NodeRapl),
            Self::Bmc => Some(Exporter::Auto),
            _ => None,
        }
    }
}

/// What is known of machines before their exporters are looked at.
#[derive(Default)]
struct Machines<'a> {
    by_address: BTreeMap<&'a str, &'a str>,
    /// By scrape address, what Scaphandre's processes say.
    by_process: BTreeMap<&'a str, &'a str>,
    cores: BTreeMap<&'a str, f64>,
    labels: BTreeMap<&'a str, &'a Sight>,
}

impl<'a> Machines<'a> {
    fn of(sights: &'a [Sight]) -> Self {
        let mut machines = Self::default();
        for sight in sights {
            let node = first(sight, &["exported_node", "node"]).unwrap_or_default();
            match sight.label("__name__") {
                "kube_node_info" => {
                    let names = [node, sight.label("internal_ip")];
                    machines.by_address.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (name, node)));
                }
                "kube_node_status_capacity" if sight.label("resource") == "cpu" => drop(machines.cores.insert(node, sight.value)),
                "kube_node_labels" => {
                    // The API tells all labels, kube-state-metrics those that it is allowed to show.
                    let known = machines.labels.entry(node).or_insert(sight);
                    if sight.label("source") == KUBERNETES_API {
                        *known = sight;
                    }
                }
                "scaph_process_power_consumption_microwatts" => {
                    let node = first(sight, &["kubernetes_node_name"]);
                    machines.by_process.extend(node.map(|node| (sight.label("instance"), node)));
                }
                _ => {}
            }
        }
        machines
    }

    fn at(&self, address: &str) -> Option<&'a str> {
        self.by_address.get(address).or_else(|| self.by_address.get(host(address))).copied()
    }

    /// The node that a series is of, by the rule of its family's reader.
    fn node_of<'s>(&self, sight: &'s Sight, family: Family, terms: &'s MeteringTerms) -> Option<&'s str>
    where
        'a: 's,
    {
        let instance = sight.label("instance");
        match family {
            Family::Kepler => first(sight, &["node_name"]),
            Family::KeplerLegacy => {
                let own = first(sight, &["exported_instance", "instance"])?;
                let known = self.at(own).or_else(|| first(sight, &["node"])).or_else(|| self.at(instance));
                known.or((!own.contains(':')).then_some(own))
            }
            Family::Scaphandre => {
                let known = first(sight, &["node", "kubernetes_node_name"]).or_else(|| self.at(instance));
                known.or_else(|| self.by_process.get(instance).copied())
            }
            Family::NodeRapl => first(sight, &["node", "nodename", "node_name", "kubernetes_node"]).or_else(|| self.at(instance)),
            Family::Bmc => {
                let mapped = terms.bmc.get(instance).or_else(|| terms.bmc.get(host(instance))).map(String::as_str);
                mapped.or_else(|| first(sight, &["node_name"])).or_else(|| self.at(instance))
            }
            Family::Dcgm => {
                let name = first(sight, &["Hostname", "hostname"]);
                let known = name.and_then(|name| self.at(name)).or_else(|| first(sight, &["node"]));
                known.or_else(|| self.at(instance)).or(name)
            }
            _ => first(sight, &["exported_node", "node"]).or_else(|| self.at(instance)),
        }
    }

    /// What the power of a node is modelled as, where no meter of it is used.
    fn model_of(&self, node: &str, labels: &RenamedLabels<'_>, terms: &MeteringTerms) -> Option<String> {
        let cores = *self.cores.get(node)?;
        let configured = terms.of_node(labels).hardware.as_ref().map(|power| power.name.clone());
        let instance_type = || {
            let names = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];
            let instance_type = names.into_iter().find_map(|name| labels.get(name))?;
            instances::power_of(instance_type, cores).map(|power| power.name)
        };
        configured.or_else(instance_type)
    }
}

fn first<'a>(sight: &'a Sight, labels: &[&str]) -> Option<&'a str> {
    labels.iter().map(|label| sight.label(label)).find(|text| !text.is_empty())
}

fn host(instance: &str) -> &str {
    instance.rsplit_once(':').map_or(instance, |(host, _)| host)
}

impl Nodes {
    pub fn of(sights: &[Sight], terms: &MeteringTerms) -> Self {
        let machines = Machines::of(sights);
        let mut families: BTreeMap<&str, BTreeSet<Family>> = BTreeMap::new();
        let mut unplaced = BTreeSet::new();
        for sight in sights {
            let Some(family) = Family::of(sight) else { continue };
            match machines.node_of(sight, family, terms) {
                Some(node) => drop(families.entry(node).or_default().insert(family)),
                // The CPU time of a container finds its node by its pod, too.
                None if family.meter().is_some() || family == Family::Dcgm => {
                    unplaced.insert((family, sight.label("instance").to_owned()));
                }
                None => {}
            }
        }
        let mut groups: BTreeMap<(BTreeSet<Family>, Option<String>), Vec<String>> = BTreeMap::new();
        for (node, mut families) in families {
            let own = machines.labels.get(node).map(|sight| &sight.labels).into_iter().flatten();
            let labels = RenamedLabels::of(own.filter_map(|(name, value)| Some((name.strip_prefix("label_")?, value.as_str()))));
            let wanted = terms.of_node(&labels).exporter;
            let is_used = |meter: Exporter| wanted == Exporter::Auto || meter == Exporter::Auto || meter == wanted;
            families.retain(|family| family.meter().is_none_or(is_used));
            let is_metered = families.iter().any(|family| family.meter().is_some());
            let has_cpu_time = families.contains(&Family::Cadvisor) || families.contains(&Family::Kubelet);
            let modelled_as = if is_metered || !has_cpu_time { None } else { machines.model_of(node, &labels, terms) };
            groups.entry((families, modelled_as)).or_default().push(node.to_owned());
        }
        let mut groups: Vec<NodeGroup> =
            groups.into_iter().map(|((families, model), nodes)| NodeGroup::of(nodes, &families, model)).collect();
        groups.sort_by(|a, b| a.nodes.cmp(&b.nodes));
        Self { groups, unplaced }
    }

    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.nodes.len()).sum()
    }

    /// Nodes whose energy will be missing: neither metered nor modelled.
    pub fn without_energy(&self) -> Vec<&str> {
        let lacking = self.groups.iter().filter(|group| group.energy.is_empty() && group.modelled_as.is_none());
        lacking.flat_map(|group| &group.nodes).map(String::as_str).collect()
    }

    /// Modelled nodes, each with what it is modelled as.
    pub fn modelled(&self) -> Vec<String> {
        let modelled = self.groups.iter().filter_map(|group| Some((&group.nodes, group.modelled_as.as_ref()?)));
        modelled.flat_map(|(nodes, model)| nodes.iter().map(move |node| format!("{node} as {model}"))).collect()
    }
}

impl NodeGroup {
    fn of(nodes: Vec<String>, families: &BTreeSet<Family>, modelled_as: Option<String>) -> Self {
        let names = |is_wanted: fn(Family) -> bool| -> Vec<String> {
            families.iter().filter(|family| is_wanted(**family)).map(|family| family.name().to_owned()).collect()
        };
        Self {
            nodes,
            energy: names(|family| family.meter().is_some()),
            gpu: names(|family| family == Family::Dcgm),
            modelled_as,
            cpu: names(|family| matches!(family, Family::Cadvisor | Family::Kubelet)),
            objects: names(|family| matches!(family, Family::KubeStateMetrics | Family::KubernetesApi)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PowerRange;

    fn sight(text: &str) -> Sight {
        let (metric, labels) = text.split_once(' ').unwrap_or((text, ""));
        let pairs = labels.split(' ').filter_map(|pair| pair.split_once('=')).chain([("__name__", metric)]);
        Sight { labels: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), value: 4.0 }
    }

    fn shown(sights: &[&str], terms: &MeteringTerms) -> (Vec<String>, Vec<String>) {
        let sights: Vec<Sight> = sights.iter().map(|text| sight(text)).collect();
        let nodes = Nodes::of(&sights, terms);
        let of_group = |group: &NodeGroup| {
            let model = group.modelled_as.clone().unwrap_or_default();
            format!("{}: {}{model}", group.nodes.join(","), group.energy.join("+"))
        };
        let unplaced = nodes.unplaced.iter().map(|(family, instance)| format!("{} {instance}", family.name()));
        (nodes.groups.iter().map(of_group).collect(), unplaced.collect())
    }

    #[test]
    fn each_family_tells_its_node_in_its_own_way() {
        let terms = MeteringTerms { bmc: BTreeMap::from([("bmc-5".to_owned(), "n5".to_owned())]), ..MeteringTerms::of_step(900) };
        let (groups, unplaced) = shown(
            &[
                "kube_node_info node=n1 internal_ip=10.0.0.1",
                "kube_node_info exported_node=n2 node=scraper internal_ip=10.0.0.2",
                "kepler_node_cpu_joules_total node_name=n1 instance=kepler:1",
                "node_rapl_package_joules_total instance=10.0.0.2:9100",
                "kepler_node_package_joules_total exported_instance=n3 instance=10.9.9.9:9102",
                "scaph_host_energy_microjoules instance=10.8.8.8:8080",
                "scaph_process_power_consumption_microwatts instance=10.8.8.8:8080 kubernetes_node_name=n4",
                "ipmi_dcmi_power_consumption_watts instance=bmc-5:9290",
                "redfish_chassis_power_average_consumed_watts instance=bmc-6:9610",
                "idrac_power_supply_input_watts instance=10.0.0.1:9348",
            ],
            &terms,
        );
        assert_eq!(groups, ["n1: kepler+bmc", "n2: node-rapl", "n3: kepler-legacy", "n4: scaphandre", "n5: bmc"]);
        assert_eq!(unplaced, ["bmc bmc-6:9610"]);
    }

    #[test]
    fn a_node_without_a_meter_is_modelled_where_its_class_or_type_is_known() {
        let mut terms = MeteringTerms::of_step(900);
        let sights = [
            "kube_node_labels node=n1 label_node_kubernetes_io_instance_type=m5.xlarge",
            "kube_node_status_capacity node=n1 resource=cpu",
            "node_cpu_usage_seconds_total node=n1",
            "kube_node_status_capacity node=n2 resource=cpu",
            "container_cpu_usage_seconds_total node=n2",
            // A meter of GPUs is none of the machine.
            "DCGM_FI_DEV_POWER_USAGE Hostname=n3",
        ];
        assert_eq!(shown(&sights, &terms).0, ["n1: m5.xlarge", "n2: ", "n3: "]);
        let power = PowerRange { name: "r740".to_owned(), idle_watts: 90.0, max_watts: 400.0, source: "plate".to_owned() };
        terms.cluster.hardware = Some(power);
        assert_eq!(shown(&sights, &terms).0, ["n1: r740", "n2: r740", "n3: "]);
    }

    #[test]
    fn a_meter_that_the_configuration_does_not_want_is_none() {
        let mut terms = MeteringTerms::of_step(900);
        terms.cluster.exporter = Exporter::Cadvisor;
        let sights = ["kepler_node_cpu_joules_total node_name=n1", "kepler_platform_watts node_name=n2"];
        assert_eq!(shown(&sights, &terms).0, ["n1: ", "n2: bmc"]);
    }
}
