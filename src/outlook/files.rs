//! Files of a table of the configuration, read with what the table says of them.

use std::path::PathBuf;

use anyhow::Result;

use crate::config::{IntensityFeed, PriceFeed};
use crate::model::PriceSeries;
use crate::sources::intensity::{FileTerms, IntensityFiles, read_files};
use crate::sources::prices::{self, PriceTerms};
use crate::sources::{Reach, Refusal};

pub fn intensity(feed: &IntensityFeed, files: &[PathBuf]) -> Result<IntensityFiles> {
    let terms = FileTerms { factor: feed.factor, zone: only(&feed.zones), unit: feed.unit, time_zone: feed.time_zone, published_s: None };
    read_files(&feed.provider, &feed.zones, files, &terms)
}

pub fn prices(feed: &PriceFeed, files: &[PathBuf]) -> Result<Vec<PriceSeries>> {
    let terms = PriceTerms { zone: only(&feed.zones), unit: feed.unit, time_zone: feed.time_zone, published_s: None };
    prices::read_files(&feed.zones, files, &terms)
}

/// Where a table has one zone only, its files need not name it.
fn only(zones: &[String]) -> Option<String> {
    if let [zone] = zones { Some(zone.clone()) } else { None }
}

/// As other sources say what is wrong.
pub(super) fn refusal(error: anyhow::Error) -> Refusal {
    match error.downcast_ref::<Refusal>() {
        Some(refusal) => refusal.clone(),
        None => Refusal::new("CI_FILE", Reach::Source, format!("{error:#}")),
    }
}
