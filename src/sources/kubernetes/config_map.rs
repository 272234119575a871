//! A ConfigMap that is ours, written as a whole.
//!
//! In: its name, its entries. Out: it is as it should be, or why not. Rule: server-side apply under our own name as manager, so entries of others stay; where somebody else owns one of ours it is
//! not taken from them. Does not: read it, or make a namespace.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};

use super::client::{self, Access, Fault};
use crate::sources::words::quote;
use crate::sources::{Reach, Refusal};

/// Writes ConfigMaps of one cluster.
#[derive(Clone)]
pub struct ConfigMaps {
    client: Client,
    manager: &'static str,
}

impl ConfigMaps {
    /// Prepares the connection; nothing is sent yet.
    pub async fn connect(access: &Access, manager: &'static str) -> Result<Self> {
        Ok(Self { client: client::connect(access).await?, manager })
    }

    pub async fn apply(
        &self,
        namespace: &str,
        name: &str,
        data: &BTreeMap<String, String>,
        binary_data: (&str, &[u8]),
    ) -> Result<(), Refusal> {
        let map = ConfigMap {
            metadata: ObjectMeta { name: Some(name.to_owned()), namespace: Some(namespace.to_owned()), ..ObjectMeta::default() },
            data: Some(data.clone()),
            binary_data: Some(BTreeMap::from([(binary_data.0.to_owned(), ByteString(binary_data.1.to_vec()))])),
            ..ConfigMap::default()
        };
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let params = PatchParams::apply(self.manager);
        let answer = client::in_time(async { api.patch(name, &params, &Patch::Apply(&map)).await }).await;
        let refusal = |code, why: String| Refusal::new(code, Reach::Source, format!("ConfigMap {namespace}/{name} is not written: {why}"));
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(kube::Error::Api(status))) => {
                let code = if status.code == 403 { "K8S_FORBIDDEN" } else { "K8S_REFUSED" };
                Err(refusal(code, format!("status {}: {}", status.code, quote(&status.message))))
            }
            Ok(Err(error)) => Err(refusal("K8S_UNREACHABLE", quote(&error.to_string()))),
            Err(Fault::Passing { why, .. } | Fault::Expired(why)) => Err(refusal("K8S_UNREACHABLE", why)),
            Err(Fault::Final(refusal)) => Err(refusal),
        }
    }
}
