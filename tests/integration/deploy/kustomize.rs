//! An overlay rendered, as far as ours use kustomize: resources, a generated ConfigMap, images, JSON patches.
//!
//! Debian's kubectl is too old for these files, so that the other tests do not depend on one; where there is a newer kubectl, a test here holds both
//! renderings together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::OVERLAYS;
use crate::sample::root;

/// The fields that are rendered here; any other would be left out silently.
const KNOWN: [&str; 7] = ["apiVersion", "kind", "namespace", "resources", "configMapGenerator", "images", "patches"];

/// Every object of an overlay, sorted by kind and name. The generated ConfigMap has its name without the hash.
pub fn overlay(name: &str) -> Vec<Value> {
    let mut objects = rendered(&root().join("deploy/overlays").join(name));
    objects.sort_by_key(key);
    objects
}

fn key(object: &Value) -> (String, String) {
    (object["kind"].as_str().unwrap().to_owned(), object["metadata"]["name"].as_str().unwrap().to_owned())
}

pub fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn rendered(folder: &Path) -> Vec<Value> {
    let kustomization = documents(&folder.join("kustomization.yaml")).remove(0);
    for field in kustomization.as_object().unwrap().keys() {
        assert!(KNOWN.contains(&field.as_str()), "{}: `{field}` is not rendered by these tests", folder.display());
    }
    let mut objects = Vec::new();
    for resource in list(&kustomization, "resources") {
        let path = folder.join(resource.as_str().unwrap());
        objects.extend(if path.is_dir() { rendered(&path) } else { documents(&path) });
    }
    for generator in list(&kustomization, "configMapGenerator") {
        let files = list(generator, "files").map(|file| file.as_str().unwrap());
        let data: Vec<(String, Value)> =
            files.map(|file| (file.to_owned(), fs::read_to_string(folder.join(file)).unwrap().into())).collect();
        let data: Value = Value::Object(data.into_iter().collect());
        let metadata = json!({"name": generator["name"], "namespace": kustomization["namespace"]});
        objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}));
    }
    for image in list(&kustomization, "images") {
        let new = format!("{}:{}", image["newName"].as_str().unwrap(), image["newTag"].as_str().unwrap());
        objects.iter_mut().for_each(|object| rename_image(object, image["name"].as_str().unwrap(), &new));
    }
    for patch in list(&kustomization, "patches") {
        apply(patch, &mut objects);
    }
    objects
}

fn rename_image(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::Object(fields) => {
            if let Some(image) = fields.get_mut("image").filter(|image| **image == old) {
                *image = new.into();
            }
            fields.values_mut().for_each(|field| rename_image(field, old, new));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_image(item, old, new)),
        _ => {}
    }
}

/// A JSON patch whose operations add; its target is a kind and a name.
fn apply(patch: &Value, objects: &mut [Value]) {
    let operations: Vec<Value> = serde_saphyr::from_str(patch["patch"].as_str().unwrap()).unwrap();
    let target = &patch["target"];
    let found = objects.iter_mut().filter(|object| object["kind"] == target["kind"] && object["metadata"]["name"] == target["name"]);
    let mut applied = 0;
    for object in found {
        applied += 1;
        for operation in &operations {
            assert_eq!(operation["op"], "add", "only `add` is rendered by these tests");
            let (parent, last) = operation["path"].as_str().unwrap().rsplit_once('/').unwrap();
            match object.pointer_mut(parent).unwrap_or_else(|| panic!("{patch} has no place in the object")) {
                Value::Array(items) if last == "-" => items.push(operation["value"].clone()),
                Value::Object(fields) => drop(fields.insert(last.replace("~1", "/"), operation["value"].clone())),
                other => panic!("{last} cannot be added to {other}"),
            }
        }
    }
    assert_eq!(applied, 1, "{target} is the target of a patch");
}

/// What kubectl renders, if there is one that knows these files' fields: kustomize 5, which kubectl 1.27 and newer bring.
fn rendered_by_kubectl(folder: &Path) -> Option<Vec<Value>> {
    let version = Command::new("kubectl").args(["version", "--client", "-o", "json"]).output().ok()?;
    let version: Value = serde_json::from_slice(&version.stdout).ok()?;
    version["kustomizeVersion"].as_str()?.strip_prefix("v5.")?;
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "kubectl kustomize {}: {stderr}", folder.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&without_hash(&text)).unwrap();
    objects.sort_by_key(key);
    Some(objects)
}

/// kustomize names a generated ConfigMap after its content, so that a change of it starts the recorder anew.
fn without_hash(text: &str) -> String {
    let mut parts = text.split("wattledger-config-");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |sum, part| {
        let (hash, rest) = part.split_at(10);
        assert!(hash.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{hash}");
        sum + "wattledger-config" + rest
    })
}

#[test]
fn kubectl_renders_what_these_tests_look_at() {
    for name in OVERLAYS {
        let Some(by_kubectl) = rendered_by_kubectl(&root().join("deploy/overlays").join(name)) else {
            println!("SKIPPED: there is no kubectl with kustomize 5; the overlays were rendered by the tests alone");
            return;
        };
        let ours = overlay(name);
        assert_eq!(by_kubectl.len(), ours.len(), "{name}");
        for (theirs, ours) in by_kubectl.iter().zip(&ours) {
            assert_eq!(theirs, ours, "{name}");
        }
    }
}

#[test]
fn every_file_of_a_kustomization_is_in_it() {
    for folder in ["base", "overlays/folder", "overlays/bucket", "overlays/fleet"] {
        let folder = root().join("deploy").join(folder);
        let text = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.file_name().unwrap() != "kustomization.yaml") {
            let name = PathBuf::from(file.file_name().unwrap());
            assert!(text.contains(&format!("- {}\n", name.display())), "{} is in no list of {}", name.display(), folder.display());
        }
    }
}
