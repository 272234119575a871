//! The ConfigMap for Azure's carbon-aware-keda-operator, written by the server into a cluster.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::csv;
use crate::kubernetes::api_server::ApiServer;
use crate::serve::server::{Place, Server};

const MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";

/// A server of ours that knows the past of NL and no forecast, and keeps a map in this cluster.
fn server(place: &Place, cluster: &ApiServer) -> Server {
    fs::write(place.path("nl.csv"), csv("NL", &[210.0, 180.0], 0)).unwrap();
    let config = place.config(
        "[[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"nl.csv\"]\n[[carbon_aware_keda_operator]]\ncluster = \"prod\"",
    );
    let kubernetes = format!("pue = 1.2\nkubernetes = {{ kubeconfig = \"{}\" }}", cluster.kubeconfig().display());
    let text = fs::read_to_string(&config).unwrap().replace("pue = 1.2", &kubernetes);
    fs::write(&config, text).unwrap();
    Server::start(&config)
}

fn within_seconds<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}

#[test]
fn without_a_forecast_the_map_says_so_and_holds_no_value() {
    let (place, cluster) = (Place::new(), ApiServer::start());
    let _server = server(&place, &cluster);
    let map = within_seconds(|| cluster.object(MAPS, "carbon-intensity")).expect("it was written");

    assert_eq!((&map["metadata"]["namespace"], &map["kind"]), (&json!("kube-system"), &json!("ConfigMap")));
    // Azure's exporter makes it immutable; then nobody could write it again.
    assert!(map["immutable"].is_null());
    let points: Value = serde_json::from_slice(&BASE64.decode(map["binaryData"]["data"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(points, json!([]));
    assert!(map["data"]["message"].as_str().unwrap().contains("There is no forecast of NL"), "{map}");
    assert_eq!(
        (&map["data"]["numOfRecords"], &map["data"]["minForecast"], &map["data"]["maxForecast"]),
        (&json!("0"), &json!(""), &json!(""))
    );
    let patches: Vec<String> = cluster.requests().into_iter().filter(|request| request.starts_with("PATCH")).collect();
    assert_eq!(patches.len(), 1, "{patches:?}");
    assert!(patches[0].contains("fieldManager=wattledger-serve") && !patches[0].contains("force=true"), "{patches:?}");
}

#[test]
fn a_right_that_is_missing_is_told_in_the_log_and_the_server_goes_on() {
    let (place, cluster) = (Place::new(), ApiServer::start());
    cluster.forbid(MAPS, "patch");
    let server = server(&place, &cluster);
    let told = within_seconds(|| {
        server.stderr.lock().unwrap().contains("ConfigMap kube-system/carbon-intensity is not written: status 403").then_some(())
    });
    assert!(told.is_some(), "{}", server.stderr.lock().unwrap());
    assert_eq!(server.get("/intensity/current?zone=NL", &[]).status, 200);
    assert!(!server.stderr.lock().unwrap().contains(crate::kubernetes::api_server::TOKEN));
}
