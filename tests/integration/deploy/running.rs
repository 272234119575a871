//! What a pod runs, as what, with which files: held against the command line, the configuration and the rights that the program asks for.

use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory;
use serde_json::Value;
use wattledger::cli::Cli;
use wattledger::config::Config;
use wattledger::sources::kubernetes::{Kind, VERBS};

use super::kustomize::overlay;
use super::{OVERLAYS, expanded, name, of_kind, pod_templates, require_understood};

/// The one container of a pod.
fn container(template: &Value) -> &Value {
    let containers = template["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}

fn arguments(template: &Value) -> Vec<String> {
    let container = container(template);
    assert!(container["command"].is_null(), "the image's entry point is the program");
    container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_program_understands_what_it_is_started_with() {
    for overlay_name in OVERLAYS {
        for (owner, template) in pod_templates(&overlay(overlay_name)) {
            let arguments = arguments(&template);
            let expected = match (owner.as_str(), overlay_name) {
                ("wattledger-collect", "fleet") => "collect --last 7 --shard $(JOB_COMPLETION_INDEX)/8",
                ("wattledger-collect", _) => "collect --last 7",
                ("wattledger-recorder", _) => "collect --follow",
                ("wattledger-close", "fleet") => "close --month last --wait 2h",
                ("wattledger-close", _) => "close --month last --no-collect",
                other => panic!("{other:?}"),
            };
            assert_eq!(arguments.join(" "), expected);
            require_understood(&expanded(&arguments, 0));
        }
    }
}

#[test]
fn the_configuration_lies_where_the_program_looks_for_it_and_loads() {
    let command = Cli::command();
    let variable = command.get_arguments().find(|argument| argument.get_id() == "config").unwrap().get_env().unwrap().to_str().unwrap();
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let config_map = of_kind(&objects, "ConfigMap").next().unwrap();
        for (owner, template) in pod_templates(&objects) {
            let container = container(&template);
            let named = container["env"].as_array().unwrap().iter().find(|entry| entry["name"] == variable).unwrap();
            let path = Path::new(named["value"].as_str().unwrap());
            let mount = mounts(&template).into_iter().find(|mount| mount.volume == "config").unwrap();
            assert_eq!(path.parent(), Some(Path::new(&mount.path)), "{owner}");
            let text = config_map["data"][path.file_name().unwrap().to_str().unwrap()].as_str().unwrap();
            let config = Config::from_bytes(text.as_bytes(), path).unwrap_or_else(|error| panic!("{overlay_name}: {error:#}"));
            assert!(config.clusters.iter().all(|cluster| cluster.kubernetes.is_some()), "the recorder has something to follow");
        }
    }
}

struct Mount {
    volume: String,
    path: String,
    is_read_only: bool,
}

fn mounts(template: &Value) -> Vec<Mount> {
    let mounts = container(template)["volumeMounts"].as_array().unwrap().iter();
    let text = |mount: &Value, key: &str| mount[key].as_str().unwrap().to_owned();
    mounts
        .map(|mount| Mount { volume: text(mount, "name"), path: text(mount, "mountPath"), is_read_only: mount["readOnly"] == true })
        .collect()
}

#[test]
fn each_file_that_the_configuration_names_is_mounted_where_it_is_read_and_nowhere_else() {
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let text = of_kind(&objects, "ConfigMap").next().unwrap()["data"]["wattledger.toml"].as_str().unwrap();
        let config: toml::Table = toml::from_str(text).unwrap();
        let templates = pod_templates(&objects);
        // Which pods have a place, by the path of a file in it.
        let with = |path: &str| -> BTreeSet<&str> {
            let has = |template: &Value| mounts(template).iter().any(|mount| Path::new(path).starts_with(&mount.path));
            templates.iter().filter(|(_, template)| has(template)).map(|(owner, _)| owner.as_str()).collect()
        };
        let collect = BTreeSet::from(["wattledger-collect"]);
        let close = BTreeSet::from(["wattledger-close"]);
        for feed in config["intensity"].as_array().unwrap() {
            assert_eq!(with(feed["token_file"].as_str().unwrap()), collect);
        }
        for key in ["secret_key_file", "public_key_file"] {
            assert_eq!(with(config["seal"][key].as_str().unwrap()), close, "the signing key is its signer's alone");
        }
        let place = config["evidence"]["dir"].as_str().unwrap();
        let is_folder = !place.contains("://");
        assert_eq!(is_folder, overlay_name == "folder");
        if is_folder {
            assert_eq!(with(place), BTreeSet::from(["wattledger-close", "wattledger-collect", "wattledger-recorder"]));
        }
        for mount in templates.iter().flat_map(|(_, template)| mounts(template)) {
            assert_eq!(mount.is_read_only, !["state", "temporary"].contains(&&*mount.volume), "{}", mount.path);
        }
    }
}

#[test]
fn secrets_are_files_of_the_pods_group_alone() {
    for overlay_name in OVERLAYS {
        for (owner, template) in pod_templates(&overlay(overlay_name)) {
            for volume in template["spec"]["volumes"].as_array().unwrap() {
                if volume["secret"].is_object() {
                    assert_eq!(volume["secret"]["defaultMode"], 0o440, "{owner}");
                }
            }
            for entry in container(&template)["env"].as_array().unwrap() {
                assert!(entry["valueFrom"].is_null(), "{owner}: {entry}");
            }
        }
    }
}

#[test]
fn accounts_have_the_rights_that_are_asked_for_and_tokens_only_where_they_are_used() {
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let roles: Vec<&Value> = of_kind(&objects, "ClusterRole").collect();
        assert_eq!(roles.len(), 1);
        let texts = |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let mut allowed = BTreeSet::new();
        for rule in roles[0]["rules"].as_array().unwrap() {
            assert_eq!(rule.as_object().unwrap().len(), 3, "groups, resources, verbs: {rule}");
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    allowed.extend(texts(&rule["verbs"]).into_iter().map(|verb| (group.clone(), resource.clone(), verb)));
                }
            }
        }
        let asked =
            Kind::ALL.iter().flat_map(|kind| VERBS.map(|verb| (kind.group().to_owned(), kind.plural().to_owned(), verb.to_owned())));
        assert_eq!(allowed, asked.collect(), "what the doctor asks for is what the role gives");

        let bindings: Vec<&Value> = of_kind(&objects, "ClusterRoleBinding").collect();
        assert_eq!(bindings.len(), 1);
        assert_eq!(bindings[0]["roleRef"]["name"], name(roles[0]));
        let subjects = bindings[0]["subjects"].as_array().unwrap();
        assert_eq!((subjects.len(), subjects[0]["name"].as_str()), (1, Some("wattledger-collector")));
        assert!(!objects.iter().any(|object| ["Role", "RoleBinding"].contains(&object["kind"].as_str().unwrap())));

        for (owner, template) in pod_templates(&objects) {
            let asks_kubernetes = owner != "wattledger-close";
            let account = if asks_kubernetes { "wattledger-collector" } else { "wattledger-close" };
            assert_eq!(template["spec"]["serviceAccountName"], account, "{owner}");
            assert_eq!(template["spec"]["automountServiceAccountToken"], asks_kubernetes, "{owner}");
        }
    }
}
