//! A time stamp authority, over HTTP (RFC 3161, section 3.4).
//!
//! In: its address, a request. Out: its reply, as it came. Does not: know what is in either.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

const TIMEOUT: Duration = Duration::from_secs(30);
/// A stamp with its certificates has some kilobytes.
const LARGEST_REPLY: usize = 1 << 20;
const USER_AGENT: &str = concat!("wattledger/", env!("CARGO_PKG_VERSION"));

pub fn send(url: &str, request: Vec<u8>) -> Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let client = reqwest::Client::builder().timeout(TIMEOUT).user_agent(USER_AGENT).build().context("make an HTTP client")?;
    runtime.block_on(async {
        let post = client.post(url).header("Content-Type", "application/timestamp-query").body(request);
        // Without its address: whoever asked names it.
        let mut response = post.send().await.map_err(reqwest::Error::without_url)?;
        ensure!(response.status().is_success(), "it answered with HTTP status {}", response.status());
        let mut reply = Vec::new();
        while let Some(part) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            reply.extend_from_slice(&part);
            ensure!(reply.len() <= LARGEST_REPLY, "its answer is longer than any time stamp");
        }
        Ok(reply)
    })
}
