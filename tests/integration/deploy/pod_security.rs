//! The pod security standard `restricted`, rule by rule, as its page of the Kubernetes documentation lists them (baseline's rules are among them).

use k8s_openapi::api::core::v1::{Container, PodSpec, SecurityContext};
use serde_json::{Value, json};

use super::kustomize::{documents, overlay};
use super::{OVERLAYS, of_kind, pod_templates};
use crate::sample::root;

/// What a pod breaks of the standard.
pub fn broken(spec: &PodSpec) -> Vec<&'static str> {
    let mut broken = Vec::new();
    let mut require = |holds: bool, rule: &'static str| {
        if !holds {
            broken.push(rule);
        }
    };
    require(![spec.host_network, spec.host_pid, spec.host_ipc].contains(&Some(true)), "host namespaces");
    let pod = spec.security_context.clone().unwrap_or_default();
    require(pod.sysctls.is_none_or(|sysctls| sysctls.is_empty()), "sysctls");
    require(pod.se_linux_options.is_none() && pod.windows_options.is_none(), "SELinux, HostProcess");
    require(pod.app_armor_profile.is_none_or(|profile| profile.type_ != "Unconfined"), "AppArmor");
    require(pod.run_as_user != Some(0), "running as root");
    for volume in spec.volumes.iter().flatten() {
        let is_of_a_kind = [
            volume.config_map.is_some(),
            volume.csi.is_some(),
            volume.downward_api.is_some(),
            volume.empty_dir.is_some(),
            volume.ephemeral.is_some(),
            volume.persistent_volume_claim.is_some(),
            volume.projected.is_some(),
            volume.secret.is_some(),
        ];
        require(is_of_a_kind.contains(&true), "volume types");
    }
    let seccomp_of_pod = pod.seccomp_profile.map(|profile| profile.type_);
    for container in containers(spec) {
        let context = container.security_context.clone().unwrap_or_default();
        let SecurityContext { capabilities, seccomp_profile, .. } = context.clone();
        require(context.privileged != Some(true), "privileged");
        require(context.proc_mount.is_none_or(|mount| mount == "Default"), "/proc mount type");
        require(context.se_linux_options.is_none() && context.windows_options.is_none(), "SELinux, HostProcess");
        require(context.app_armor_profile.is_none_or(|profile| profile.type_ != "Unconfined"), "AppArmor");
        require(container.ports.iter().flatten().all(|port| port.host_port.unwrap_or_default() == 0), "host ports");
        require(context.allow_privilege_escalation == Some(false), "privilege escalation");
        require(context.run_as_non_root.or(pod.run_as_non_root) == Some(true), "running as non-root");
        require(context.run_as_user != Some(0), "running as root");
        let seccomp = seccomp_profile.map(|profile| profile.type_).or(seccomp_of_pod.clone());
        require(seccomp.is_some_and(|profile| profile == "RuntimeDefault" || profile == "Localhost"), "seccomp");
        let capabilities = capabilities.unwrap_or_default();
        require(capabilities.drop.iter().flatten().any(|dropped| dropped == "ALL"), "dropping all capabilities");
        require(capabilities.add.iter().flatten().all(|added| added == "NET_BIND_SERVICE"), "adding capabilities");
    }
    broken
}

fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    assert!(spec.ephemeral_containers.is_none());
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

/// The pods of an overlay, and the one that is started by hand.
fn specs(overlay_name: &str) -> Vec<(String, Value)> {
    let reader = documents(&root().join("deploy/reader.yaml")).remove(0);
    let templates = pod_templates(&overlay(overlay_name)).into_iter().chain([("reader".to_owned(), reader)]);
    templates.map(|(owner, template)| (owner, template["spec"].clone())).collect()
}

pub fn typed(spec: &Value) -> PodSpec {
    serde_json::from_value(spec.clone()).unwrap()
}

#[test]
fn every_pod_keeps_the_restricted_standard() {
    for overlay_name in OVERLAYS {
        let specs = specs(overlay_name);
        assert_eq!(specs.len(), 4);
        for (owner, spec) in specs {
            assert_eq!(broken(&typed(&spec)), Vec::<&str>::new(), "{overlay_name}: {owner}");
        }
    }
}

#[test]
fn what_breaks_the_standard_would_be_seen() {
    let (_, spec) = specs("folder").remove(0);
    for (place, value, rule) in [
        ("/hostNetwork", json!(true), "host namespaces"),
        ("/securityContext/sysctls", json!([{"name": "kernel.shm_rmid_forced", "value": "0"}]), "sysctls"),
        ("/securityContext/seLinuxOptions", json!({"type": "spc_t"}), "SELinux, HostProcess"),
        ("/securityContext/appArmorProfile", json!({"type": "Unconfined"}), "AppArmor"),
        ("/securityContext/runAsUser", json!(0), "running as root"),
        ("/securityContext/runAsNonRoot", json!(false), "running as non-root"),
        ("/securityContext/seccompProfile", json!({"type": "Unconfined"}), "seccomp"),
        ("/volumes/0", json!({"name": "config", "hostPath": {"path": "/"}}), "volume types"),
        ("/containers/0/securityContext/privileged", json!(true), "privileged"),
        ("/containers/0/securityContext/procMount", json!("Unmasked"), "/proc mount type"),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(null), "privilege escalation"),
        ("/containers/0/securityContext/capabilities/drop", json!(["NET_RAW"]), "dropping all capabilities"),
        ("/containers/0/securityContext/capabilities/add", json!(["SYS_ADMIN"]), "adding capabilities"),
        ("/containers/0/ports", json!([{"containerPort": 80, "hostPort": 80}]), "host ports"),
    ] {
        let mut changed = spec.clone();
        let (parent, last) = place.rsplit_once('/').unwrap();
        match changed.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
            fields => fields[last] = value,
        }
        assert_eq!(broken(&typed(&changed)), [rule], "{place}");
    }
}

#[test]
fn beyond_the_standard_no_pod_writes_to_its_root_or_meets_the_services_of_others() {
    for (owner, spec) in OVERLAYS.iter().flat_map(|overlay_name| specs(overlay_name)) {
        let spec = typed(&spec);
        assert_eq!(spec.enable_service_links, Some(false), "{owner}");
        assert!(spec.security_context.as_ref().unwrap().run_as_user.is_some_and(|user| user >= 10_000), "{owner}: no user of the node's");
        for container in containers(&spec) {
            assert_eq!(container.security_context.as_ref().unwrap().read_only_root_filesystem, Some(true), "{owner}");
            let resources = container.resources.as_ref().unwrap();
            let requests = resources.requests.as_ref().unwrap();
            assert!(requests.contains_key("cpu") && requests.contains_key("memory"), "{owner}");
            assert!(resources.limits.as_ref().unwrap().contains_key("memory"), "{owner}");
        }
    }
}

#[test]
fn the_namespace_lets_nothing_else_start() {
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let labels = &of_kind(&objects, "Namespace").next().unwrap()["metadata"]["labels"];
        for mode in ["enforce", "audit", "warn"] {
            assert_eq!(labels[format!("pod-security.kubernetes.io/{mode}")], "restricted", "{mode}");
        }
    }
}
