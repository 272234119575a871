//! The configured files, read as `collect` reads them.

use crate::config::{IntensityFeed, PriceFeed};
use crate::model::{IntensitySeries, PriceSeries};
use crate::sources::intensity::{FileTerms, read_files};
use crate::sources::prices::{self, PriceTerms};
use crate::sources::{Reach, Refusal};

pub fn intensity(feed: &IntensityFeed) -> Result<Vec<IntensitySeries>, Refusal> {
    let terms = FileTerms { factor: feed.factor, zone: only(&feed.zones), unit: feed.unit, time_zone: feed.time_zone, published_s: None };
    let read = read_files(&feed.provider, &feed.zones, &feed.files, &terms).map_err(refusal)?;
    Ok(read.series)
}

pub fn prices(feed: &PriceFeed) -> Result<Vec<PriceSeries>, Refusal> {
    let terms = PriceTerms { zone: only(&feed.zones), unit: feed.unit, time_zone: feed.time_zone, published_s: None };
    prices::read_files(&feed.zones, &feed.files, &terms).map_err(refusal)
}

/// Where a table has one zone only, its files need not name it.
fn only(zones: &[String]) -> Option<String> {
    if let [zone] = zones { Some(zone.clone()) } else { None }
}

fn refusal(error: anyhow::Error) -> Refusal {
    match error.downcast_ref::<Refusal>() {
        Some(refusal) => refusal.clone(),
        None => Refusal::new("CI_FILE", Reach::Source, format!("{error:#}")),
    }
}
