//! What the labeller may do: its role, its policy as CEL's own implementation judges it, its pod and its network.

use std::io::Write;
use std::process::{Command, Stdio};

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde_json::{Value, json};
use wattledger::cli::label::LABEL;
use wattledger::outlook::Level;

use super::kustomize::documents;
use super::manifests::through;
use super::pod_security::broken;
use super::{name, of_kind, pod_templates, require_understood};
use crate::sample::root;

fn objects() -> Vec<Value> {
    let kustomization = documents(&root().join("deploy/label/kustomization.yaml")).remove(0);
    assert_eq!(kustomization["kind"], "Component");
    let files = kustomization["resources"].as_array().unwrap();
    assert_eq!(files.len() + 1, std::fs::read_dir(root().join("deploy/label")).unwrap().count(), "every file is a resource");
    files.iter().flat_map(|file| documents(&root().join("deploy/label").join(file.as_str().unwrap()))).collect()
}

fn policy() -> Value {
    of_kind(&objects(), "ValidatingAdmissionPolicy").next().unwrap().clone()
}

#[test]
fn no_field_of_the_labellers_manifests_is_unknown_to_the_api() {
    let objects = objects();
    for object in &objects {
        let through_its_type = match object["kind"].as_str().unwrap() {
            "ServiceAccount" => through::<ServiceAccount>(object),
            "ClusterRole" => through::<ClusterRole>(object),
            "ClusterRoleBinding" => through::<ClusterRoleBinding>(object),
            "Role" => through::<Role>(object),
            "RoleBinding" => through::<RoleBinding>(object),
            "ValidatingAdmissionPolicy" => through::<ValidatingAdmissionPolicy>(object),
            "ValidatingAdmissionPolicyBinding" => through::<ValidatingAdmissionPolicyBinding>(object),
            "Deployment" => through::<Deployment>(object),
            "NetworkPolicy" => through::<NetworkPolicy>(object),
            other => panic!("{other}"),
        };
        assert_eq!(through_its_type.as_ref(), Ok(object), "{}", name(object));
    }
    assert_eq!(objects.len(), 9);
}

#[test]
fn the_role_allows_nodes_and_one_lease_and_nothing_else() {
    let objects = objects();
    let rules = |kind: &'static str| of_kind(&objects, kind).next().unwrap()["rules"].clone();
    assert_eq!(rules("ClusterRole"), json!([{ "apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch", "patch"] }]));
    assert_eq!(
        rules("Role"),
        json!([
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["wattledger-label"], "verbs": ["get", "update"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
        ])
    );
    // Every binding is to the one account, which no other pod of ours has.
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        let binding = of_kind(&objects, kind).next().unwrap();
        assert_eq!(binding["subjects"], json!([{ "kind": "ServiceAccount", "name": "wattledger-labeller", "namespace": "wattledger" }]));
        assert_eq!(binding["roleRef"]["name"], "wattledger-labeller");
    }
    let binding = of_kind(&objects, "ValidatingAdmissionPolicyBinding").next().unwrap();
    assert_eq!(binding["spec"], json!({ "policyName": name(&policy()), "validationActions": ["Deny"] }));
}

#[test]
fn the_labellers_pod_keeps_the_restricted_standard_and_reaches_what_it_needs() {
    let objects = objects();
    let templates = pod_templates(&objects);
    let [(owner, template)] = &templates[..] else { panic!("{templates:?}") };
    assert_eq!(broken(&serde_json::from_value(template["spec"].clone()).unwrap()), Vec::<&str>::new(), "{owner}");
    assert_eq!(template["spec"]["serviceAccountName"], "wattledger-labeller");
    let deployment = of_kind(&objects, "Deployment").next().unwrap();
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
    let arguments =
        template["spec"]["containers"][0]["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap().to_owned());
    require_understood(&arguments.collect::<Vec<_>>());
    let network = of_kind(&objects, "NetworkPolicy").next().unwrap();
    assert_eq!(network["spec"]["podSelector"]["matchLabels"], template["metadata"]["labels"]);
    assert_eq!(network["spec"]["egress"], json!([{ "ports": [{ "protocol": "TCP", "port": 443 }, { "protocol": "TCP", "port": 6443 }] }]));
    assert!(network["spec"]["ingress"].is_null());
}

/// What the policy says to requests, each an operation with the node before and after; none where Python or CEL is not there.
fn judged(requests: &[(&str, &str, Value, Value)]) -> Option<Vec<Option<Vec<String>>>> {
    let python = std::env::var("WATTLEDGER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_cel = Command::new(&python)
        .args(["-c", "import cel_expr_python.cel"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_cel {
        assert!(std::env::var_os("CI").is_none(), "{python} has no cel-expr-python");
        eprintln!("left out: {python} has no cel-expr-python (tests/requirements.txt)");
        return None;
    }
    let requests: Vec<Value> = requests
        .iter()
        .map(|(user, operation, before, after)| {
            json!({ "request": { "operation": operation, "userInfo": { "username": user } }, "oldObject": before, "object": after })
        })
        .collect();
    let given = json!({ "policy": policy(), "requests": requests }).to_string();
    let mut process =
        Command::new(python).arg(root().join("tests/cel/judge.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

const LABELLER: &str = "system:serviceaccount:wattledger:wattledger-labeller";

fn node() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": "n1", "labels": { "kubernetes.io/hostname": "n1", "team": "ml", "carbon-zone": "low" }, "annotations": { "a": "b" } },
        "spec": { "podCIDR": "10.0.0.0/24", "taints": [{ "key": "gpu", "effect": "NoSchedule" }] },
    })
}

/// The node with a value at a place, or without it.
fn with(place: &str, value: Value) -> Value {
    let mut node = node();
    let (parent, last) = place.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/");
    let parent = node.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        drop(parent.remove(&last))
    } else {
        drop(parent.insert(last, value))
    }
    node
}

#[test]
fn the_policy_lets_the_labeller_write_its_label_and_nothing_else() {
    let update = |after: Value| (LABELLER, "UPDATE", node(), after);
    let allowed: Vec<_> = Level::ALL.iter().map(|level| update(with("/metadata/labels/carbon-zone", json!(level.word())))).collect();
    let mut without_labels = node();
    without_labels["metadata"].as_object_mut().unwrap().remove("labels");
    let mut first = without_labels.clone();
    first["metadata"]["labels"] = json!({ LABEL: "high" });
    let more_allowed = [
        update(node()),
        update(with("/metadata/labels/carbon-zone", Value::Null)),
        update(with("/metadata/resourceVersion", json!("7"))),
        update(with("/metadata/managedFields", json!([{ "manager": "wattledger-label" }]))),
        (LABELLER, "UPDATE", without_labels, first),
        // Nobody else is judged.
        ("system:node:n1", "UPDATE", node(), with("/spec/unschedulable", json!(true))),
    ];
    let denied = [
        (update(with("/metadata/labels/carbon-zone", json!("green"))), "carbon-zone is low, medium, high or unknown"),
        (update(with("/metadata/labels/team", json!("web"))), "the labeller sets no label but carbon-zone"),
        (update(with("/metadata/labels/node-role.kubernetes.io~1control-plane", json!(""))), "the labeller sets no label but carbon-zone"),
        (update(with("/metadata/labels/team", Value::Null)), "the labeller takes no label away but carbon-zone"),
        (
            update(with("/spec/unschedulable", json!(true))),
            "the labeller changes nothing of a node's spec, neither taints nor whether it can be scheduled on",
        ),
        (
            update(with("/spec/taints", json!([]))),
            "the labeller changes nothing of a node's spec, neither taints nor whether it can be scheduled on",
        ),
        (
            update(with("/spec", Value::Null).clone()),
            "the labeller changes nothing of a node's spec, neither taints nor whether it can be scheduled on",
        ),
        (update(with("/metadata/annotations/a", json!("c"))), "the labeller changes no annotation"),
        (update(with("/metadata/annotations", Value::Null)), "the labeller changes no annotation"),
        (update(with("/metadata/finalizers", json!(["x/y"]))), "the labeller changes no finalizer"),
        (update(with("/metadata/ownerReferences", json!([{ "uid": "u" }]))), "the labeller changes no owner"),
        (
            (LABELLER, "DELETE", node(), Value::Null),
            "the labeller changes nodes; it makes none, takes none away, and does not touch their status",
        ),
        (
            (LABELLER, "CREATE", Value::Null, node()),
            "the labeller changes nodes; it makes none, takes none away, and does not touch their status",
        ),
    ];
    let requests: Vec<_> = allowed.iter().chain(&more_allowed).cloned().chain(denied.iter().map(|(request, _)| request.clone())).collect();
    let Some(judged) = judged(&requests) else { return };
    let count = allowed.len() + more_allowed.len();
    for (request, answer) in requests.iter().zip(&judged[..count]) {
        assert!(answer.as_ref().is_none_or(Vec::is_empty), "{answer:?}: {request:?}");
    }
    assert_eq!((judged[0].as_ref(), judged[count - 1].as_ref()), (Some(&Vec::new()), None), "the labeller is judged, and a kubelet is not");
    for ((request, why), answer) in denied.iter().zip(&judged[count..]) {
        assert_eq!(answer.as_deref(), Some(&[(*why).to_owned()][..]), "{request:?}");
    }
}

#[test]
fn the_policy_names_the_label_and_the_words_that_the_program_writes() {
    let text = policy()["spec"].to_string();
    assert!(text.contains(LABEL));
    let words = Level::ALL.map(|level| format!("'{}'", level.word())).join(", ");
    assert!(text.contains(&format!("in [{words}]")), "{text}");
    assert_eq!(policy()["spec"]["failurePolicy"], "Fail");
}
