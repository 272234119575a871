//! Every manifest as the API server would read it: nothing unknown, and every name leads somewhere.

use std::collections::BTreeSet;
use std::fs;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::kustomize::{documents, overlay};
use super::{OVERLAYS, name, of_kind, pod_templates};
use crate::sample::root;

/// The object through the API's type and back: what the type does not know is lost on the way.
pub(super) fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

pub(super) fn through_its_type(object: &Value) -> Result<Value, String> {
    match (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()) {
        ("v1", "Namespace") => through::<Namespace>(object),
        ("v1", "ServiceAccount") => through::<ServiceAccount>(object),
        ("v1", "ConfigMap") => through::<ConfigMap>(object),
        ("v1", "Pod") => through::<Pod>(object),
        ("v1", "PersistentVolumeClaim") => through::<PersistentVolumeClaim>(object),
        ("apps/v1", "Deployment") => through::<Deployment>(object),
        ("batch/v1", "CronJob") => through::<CronJob>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => through::<NetworkPolicy>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => through::<ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => through::<ClusterRoleBinding>(object),
        other => Err(format!("{other:?} is not a kind that these tests know")),
    }
}

#[test]
fn no_field_is_unknown_to_the_api() {
    for overlay_name in OVERLAYS {
        for object in overlay(overlay_name) {
            assert_eq!(through_its_type(&object), Ok(object.clone()), "{overlay_name}: {}", name(&object));
        }
    }
    let reader = documents(&root().join("deploy/reader.yaml")).remove(0);
    assert_eq!(through_its_type(&reader), Ok(reader.clone()));
}

#[test]
fn the_pod_to_look_at_the_folder_with_reads_and_is_reached_by_nobody() {
    let reader = documents(&root().join("deploy/reader.yaml")).remove(0);
    let objects = overlay("folder");
    let claim = of_kind(&objects, "PersistentVolumeClaim").next().unwrap();
    assert_eq!(reader["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], *name(claim));
    let mounts = reader["spec"]["containers"][0]["volumeMounts"].as_array().unwrap();
    assert!(mounts.len() == 1 && mounts[0]["readOnly"] == true);
    assert_eq!(reader["spec"]["automountServiceAccountToken"], false);
    // No policy but the one that denies speaks of it.
    assert!(reader["metadata"]["labels"]["app.kubernetes.io/name"].is_null());
}

#[test]
fn a_misspelt_field_would_be_seen() {
    let objects = overlay("folder");
    let mut job = of_kind(&objects, "CronJob").next().unwrap().clone();
    job["spec"]["timezone"] = json!("Etc/UTC");
    assert_ne!(through_its_type(&job), Ok(job.clone()));
    let mut job = of_kind(&objects, "CronJob").next().unwrap().clone();
    job["spec"]["jobTemplate"]["spec"]["backoffLimit"] = json!("3");
    assert!(through_its_type(&job).is_err());
}

#[test]
fn everything_lies_in_the_namespace_that_comes_with_it() {
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let namespaces: Vec<&str> = of_kind(&objects, "Namespace").map(name).collect();
        assert_eq!(namespaces, ["wattledger"]);
        for object in &objects {
            let of_the_cluster = ["Namespace", "ClusterRole", "ClusterRoleBinding"].contains(&object["kind"].as_str().unwrap());
            let expected = if of_the_cluster { Value::Null } else { "wattledger".into() };
            assert_eq!(object["metadata"]["namespace"], expected, "{}", name(object));
        }
    }
}

#[test]
fn names_that_are_used_are_there_or_said_to_be_made_by_hand() {
    let guide = fs::read_to_string(root().join("docs/platform-engineer.md")).unwrap();
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let names = |kind: &'static str| of_kind(&objects, kind).map(name).collect::<BTreeSet<&str>>();
        let (accounts, configs, claims) = (names("ServiceAccount"), names("ConfigMap"), names("PersistentVolumeClaim"));
        let mut used = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let templates = pod_templates(&objects);
        assert_eq!(templates.len(), 3, "{overlay_name}");
        for (owner, template) in &templates {
            let spec = &template["spec"];
            used.0.insert(spec["serviceAccountName"].as_str().unwrap());
            let volumes: BTreeSet<&str> =
                spec["volumes"].as_array().unwrap().iter().map(|volume| volume["name"].as_str().unwrap()).collect();
            for volume in spec["volumes"].as_array().unwrap() {
                if let Some(config) = volume["configMap"]["name"].as_str() {
                    used.1.insert(config);
                } else if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                    used.2.insert(claim);
                } else if let Some(secret) = volume["secret"]["secretName"].as_str() {
                    assert!(guide.contains(&format!("create secret generic {secret}")), "{secret} is not in docs/platform-engineer.md");
                } else {
                    assert!(volume["emptyDir"].is_object(), "{owner}: {volume}");
                }
            }
            for container in spec["containers"].as_array().unwrap() {
                for mount in container["volumeMounts"].as_array().unwrap() {
                    assert!(volumes.contains(mount["name"].as_str().unwrap()), "{owner}: {mount}");
                }
                for source in container["envFrom"].as_array().into_iter().flatten() {
                    let secret = source["secretRef"]["name"].as_str().unwrap();
                    assert!(guide.contains(&format!("create secret generic {secret}")), "{secret} is not in docs/platform-engineer.md");
                }
            }
        }
        assert_eq!(used, (accounts, configs, claims), "{overlay_name}: all that is there is used, and all that is used is there");
    }
}

#[test]
fn labels_select_the_pods_that_they_should() {
    let objects = overlay("folder");
    let recorder = of_kind(&objects, "Deployment").next().unwrap();
    let labels = &recorder["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&recorder["spec"]["selector"]["matchLabels"], labels);
    assert_eq!((&recorder["spec"]["replicas"], &recorder["spec"]["strategy"]["type"]), (&json!(1), &json!("Recreate")));

    for job in of_kind(&objects, "CronJob") {
        let spec = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let terms = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].as_array().unwrap();
        assert_eq!(terms.len(), 1);
        assert_eq!(&terms[0]["labelSelector"]["matchLabels"], labels, "{} goes where the recorder is", name(job));
        assert_eq!(terms[0]["topologyKey"], "kubernetes.io/hostname");
    }
}
