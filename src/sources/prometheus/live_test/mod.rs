//! Against a real Prometheus with a back-filled store, and against servers that misbehave on purpose.

mod access;
mod faults;
mod scraped;
mod server;
mod ways;

use std::collections::BTreeMap;

use super::{CollectedDay, Connection, Prometheus};
use crate::model::policy::{Pull, ReadWay};
use crate::sources::Refusal;
use crate::units::UtcDay;

fn day() -> UtcDay {
    "2026-10-02".parse().unwrap()
}

fn asking(url: &str, read: ReadWay) -> Connection {
    Connection { url: url.to_owned(), pull: Pull { read, ..Pull::default() }, ..Connection::default() }
}

async fn collect(url: &str, read: ReadWay) -> Result<CollectedDay, Refusal> {
    collect_by(&asking(url, read)).await
}

async fn collect_by(connection: &Connection) -> Result<CollectedDay, Refusal> {
    collect_day(connection, day()).await
}

async fn collect_day(connection: &Connection, day: UtcDay) -> Result<CollectedDay, Refusal> {
    Prometheus::connect(connection, &BTreeMap::new()).unwrap().collect_day(day).await
}
