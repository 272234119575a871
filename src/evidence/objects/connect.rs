//! From what the configuration says of a bucket to a client of it.
//!
//! Rule: what is no secret comes from the configuration and holds over the environment; credentials come from the environment, a workload's identity or
//! the machine's own, as each cloud's tools look for them. Assumes: one TLS provider in the program. Does not: send anything.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::trouble::trouble;
use crate::model::BucketPlace;

const CONNECT_TIMEOUT: &str = "10 seconds";
/// Of one request: a part of a large file goes through a slow line in this time.
const TIMEOUT: &str = "120 seconds";
const RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(150);
/// At least, before each retry: Google Cloud Storage takes one write a second to the same name, and a lock is written and tried at once. All retries together
/// last longer than that, however chance has it.
const PAUSE_OF_GOOGLE: Duration = Duration::from_millis(500);

/// The client and the prefix within the bucket.
pub fn connect(place: &BucketPlace) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let url = &place.url;
    let (scheme, rest) = url.split_once("://").with_context(|| format!("`{url}` is no URL of a bucket"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|_| anyhow!("`{url}`: `{prefix}` cannot be a prefix of keys"))?;
    // One by one, over what the environment says of the others.
    let mut options = vec![(ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT), (ClientConfigKey::Timeout, TIMEOUT)];
    if place.allow_http {
        options.push((ClientConfigKey::AllowHttp, "true"));
    }
    let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT };
    let endpoint = place.endpoint.as_deref();
    let client: object_store::Result<Arc<dyn ObjectStore>> = match scheme {
        "s3" => {
            let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
            for (key, value) in options {
                builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
            }
            if let Some(region) = &place.region {
                builder = builder.with_region(region);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            builder.build().map(|client| Arc::new(client) as _)
        }
        "gs" => {
            let backoff = BackoffConfig { init_backoff: PAUSE_OF_GOOGLE, ..BackoffConfig::default() };
            let retry = RetryConfig { backoff, ..retry };
            let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
            for (key, value) in options {
                builder = builder.with_config(GoogleConfigKey::Client(key), value);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
            }
            builder.build().map(|client| Arc::new(client) as _)
        }
        "az" => {
            let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
            for (key, value) in options {
                builder = builder.with_config(AzureConfigKey::Client(key), value);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint.to_owned());
            }
            builder.build().map(|client| Arc::new(client) as _)
        }
        other => bail!("`{url}`: `{other}` is no kind of bucket that is known here"),
    };
    let client =
        client.map_err(|error| trouble(&error, &format!("prepare the connection to {url} with the credentials of the environment")))?;
    Ok((client, prefix))
}
