//! Who may talk to whom.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::kustomize::overlay;
use super::{OVERLAYS, of_kind, pod_templates};

fn policies(objects: &[Value]) -> Vec<NetworkPolicy> {
    of_kind(objects, "NetworkPolicy").map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

fn selects(selector: &LabelSelector, labels: &Value) -> bool {
    let by_label = selector.match_labels.iter().flatten().all(|(key, value)| labels[key] == *value);
    let by_expression = selector.match_expressions.iter().flatten().all(|expression| {
        assert_eq!(expression.operator, "In", "only `In` is judged by these tests");
        expression.values.iter().flatten().any(|value| labels[&expression.key] == *value)
    });
    by_label && by_expression
}

/// The ports that a pod may talk to, each with where: `*`, or the namespace that is named.
fn open_to(objects: &[Value], labels: &Value) -> BTreeSet<(i32, String)> {
    let mut open = BTreeSet::new();
    for policy in policies(objects) {
        let spec = policy.spec.unwrap();
        if !spec.pod_selector.as_ref().is_some_and(|selector| selects(selector, labels)) {
            continue;
        }
        assert!(spec.ingress.is_none(), "nobody talks to wattledger");
        for rule in spec.egress.iter().flatten() {
            let places: Vec<String> = match &rule.to {
                None => vec!["*".to_owned()],
                Some(peers) => peers
                    .iter()
                    .map(|peer| {
                        assert!(peer.ip_block.is_none());
                        let labels = peer.namespace_selector.as_ref().unwrap().match_labels.as_ref().unwrap();
                        labels["kubernetes.io/metadata.name"].clone()
                    })
                    .collect(),
            };
            let ports = rule.ports.as_ref().expect("a rule without ports opens all of them");
            for port in ports {
                let Some(IntOrString::Int(number)) = port.port else { panic!("{port:?}") };
                assert!(port.end_port.is_none());
                open.extend(places.iter().map(|place| (number, place.clone())));
            }
        }
    }
    open
}

#[test]
fn each_pod_reaches_what_its_work_needs_and_nothing_else() {
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let deny = policies(&objects).into_iter().find(|policy| policy.metadata.name.as_deref() == Some("deny-all")).unwrap().spec.unwrap();
        assert_eq!(deny.pod_selector, Some(LabelSelector::default()));
        assert_eq!(deny.policy_types.unwrap(), ["Ingress", "Egress"]);
        assert!(deny.ingress.is_none() && deny.egress.is_none());

        let mut seen = 0;
        for (owner, template) in pod_templates(&objects) {
            let open = open_to(&objects, &template["metadata"]["labels"]);
            let mut expected = vec![(53, "kube-system")];
            expected.extend_from_slice(match owner.as_str() {
                "wattledger-collect" => &[(443, "*"), (6443, "*"), (9090, "monitoring")][..],
                "wattledger-recorder" => &[(443, "*"), (6443, "*")],
                "wattledger-close" => &[(80, "*"), (443, "*")],
                other => panic!("{other}"),
            });
            let open: Vec<(i32, &str)> = open.iter().map(|(port, place)| (*port, place.as_str())).collect();
            assert_eq!(open, expected, "{overlay_name}: {owner}");
            seen += 1;
        }
        assert_eq!(seen, 3);
    }
}

#[test]
fn every_policy_selects_some_pod() {
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let templates = pod_templates(&objects);
        for policy in policies(&objects) {
            let selector = policy.spec.unwrap().pod_selector.unwrap();
            let selected = templates.iter().filter(|(_, template)| selects(&selector, &template["metadata"]["labels"])).count();
            assert!(selected > 0, "{:?}", policy.metadata.name);
        }
    }
}
