//! The server's manifests, which an overlay adds to its resources.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::kustomize::{documents, overlay};
use super::manifests::{through, through_its_type};
use super::pod_security::{broken, typed};
use super::{name, of_kind, pod_templates, require_understood};
use crate::sample::root;

fn objects() -> Vec<Value> {
    ["serve.yaml", "network.yaml"].iter().flat_map(|file| documents(&root().join("deploy/serve").join(file))).collect()
}

fn pod() -> Value {
    pod_templates(&objects()).remove(0).1
}

#[test]
fn no_field_is_unknown_and_the_pod_keeps_the_restricted_standard() {
    let objects = objects();
    assert_eq!(objects.len(), 5);
    for object in &objects {
        let read = if object["kind"] == "Service" { through::<Service>(object) } else { through_its_type(object) };
        assert_eq!(read, Ok(object.clone()), "{}", name(object));
        assert_eq!(object["metadata"]["namespace"], "wattledger");
    }
    assert_eq!(broken(&typed(&pod()["spec"])), Vec::<&str>::new());
    let container = &pod()["spec"]["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let arguments: Vec<String> = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    require_understood(&arguments);
}

#[test]
fn it_gets_the_key_that_checks_and_not_the_one_that_signs_and_writes_to_no_evidence() {
    let pod = pod();
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let seal = volumes.iter().find(|volume| volume["secret"]["secretName"] == "wattledger-seal").unwrap();
    assert_eq!(seal["secret"]["items"], json!([{"key": "minisign.pub", "path": "minisign.pub"}]));
    let writable: Vec<&Value> =
        pod["spec"]["containers"][0]["volumeMounts"].as_array().unwrap().iter().filter(|mount| mount["readOnly"] != true).collect();
    assert!(writable.len() == 1 && writable[0]["name"] == "spool", "{writable:?}");
    // Accounts of others, with their rights, are not lent to it.
    assert_eq!(pod["spec"]["serviceAccountName"], "wattledger-serve");
}

#[test]
fn it_fits_the_overlay_that_it_is_added_to() {
    let (own, folder) = (objects(), overlay("folder"));
    let pod = pod();
    let names = |kind: &'static str| of_kind(&folder, kind).map(name).collect::<Vec<_>>();
    let guide = std::fs::read_to_string(root().join("docs/platform-engineer.md")).unwrap();
    for volume in pod["spec"]["volumes"].as_array().unwrap() {
        if let Some(config) = volume["configMap"]["name"].as_str() {
            assert!(names("ConfigMap").contains(&config));
        } else if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            assert!(names("PersistentVolumeClaim").contains(&claim));
        } else if let Some(secret) = volume["secret"]["secretName"].as_str() {
            assert!(guide.contains(&format!("create secret generic {secret}")), "{secret} is not in docs/platform-engineer.md");
        }
    }
    let service = of_kind(&own, "Service").next().unwrap();
    assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
    // No object of the overlay has the name of one of these.
    for object in &own {
        assert!(
            !names(match object["kind"].as_str().unwrap() {
                "ServiceAccount" => "ServiceAccount",
                "NetworkPolicy" => "NetworkPolicy",
                _ => "Deployment",
            })
            .contains(&name(object))
        );
    }
}

#[test]
fn it_is_reached_on_one_port_from_namespaces_that_are_named() {
    let objects = objects();
    let ingress: Vec<&Value> = of_kind(&objects, "NetworkPolicy").filter(|policy| policy["spec"]["ingress"].is_array()).collect();
    assert_eq!(ingress.len(), 1);
    let rules = ingress[0]["spec"]["ingress"].as_array().unwrap();
    assert_eq!((rules.len(), &rules[0]["ports"]), (1, &json!([{"protocol": "TCP", "port": 8080}])));
    let from = rules[0]["from"].as_array().unwrap();
    assert!(
        !from.is_empty() && from.iter().all(|peer| peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].is_string())
    );
}
