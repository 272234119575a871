//! The grid, as routes ask about it: zones by name, what is not known as a response, and how old everything is as metrics.
//!
//! In: an [`Outlook`] that somebody else keeps fresh. Out: [`ZoneOutlook`]s, [`Problem`]s. Rule: what is unknown is 503 with its reason (404 for a zone that there is
//! not), never a value; the metrics are worked out when they are read, so a server that nobody asks shows that it has gone stale. Does not: refresh the outlook.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Metrics, Problem};
use crate::outlook::{Outlook, Unknown, UnknownKind, ZoneOutlook};

/// An intensity changes once in five minutes at the most.
const ASK_AGAIN_S: u32 = 60;

/// What routes about the grid share.
pub struct Grid {
    outlook: Arc<Outlook>,
}

impl Grid {
    pub fn new(outlook: Arc<Outlook>, metrics: &Metrics, now: fn() -> DateTime<Utc>) -> Self {
        let ages = Ages { outlook: Arc::clone(&outlook), now };
        metrics.register(|registry| registry.register_collector(Box::new(ages)));
        Self { outlook }
    }

    pub fn zone(&self, zone: &str) -> Result<Arc<ZoneOutlook>, Problem> {
        self.outlook.zone(zone).map_err(|unknown| problem(&unknown))
    }

    /// Who keeps it fresh takes it with them.
    pub fn outlook(&self) -> &Arc<Outlook> {
        &self.outlook
    }
}

/// What is said where an intensity is not known.
pub fn problem(unknown: &Unknown) -> Problem {
    let status = match unknown.kind {
        UnknownKind::NoZone => StatusCode::NOT_FOUND,
        UnknownKind::NoData | UnknownKind::Stale | UnknownKind::Hole | UnknownKind::NoForecast | UnknownKind::Refused => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let problem = Problem::new(status, unknown.reason.clone()).code(unknown.code.clone());
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(ASK_AGAIN_S) } else { problem }
}

/// How old what is known of each zone is, looked at when metrics are read.
struct Ages {
    outlook: Arc<Outlook>,
    now: fn() -> DateTime<Utc>,
}

impl fmt::Debug for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ages").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneLabel {
    zone: String,
}

impl Collector for Ages {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let now = (self.now)();
        let zones: Vec<Arc<ZoneOutlook>> = self.outlook.zones().iter().filter_map(|zone| self.outlook.zone(zone).ok()).collect();
        let mut family = |name: &str, help: &str, value: &dyn Fn(&ZoneOutlook) -> Option<f64>| -> Result<(), fmt::Error> {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for zone in &zones {
                if let Some(value) = value(zone) {
                    let label = ZoneLabel { zone: zone.zone().to_owned() };
                    ConstGauge::new(value).encode(family.encode_family(&label)?)?;
                }
            }
            Ok(())
        };
        let flag = |is: bool| Some(if is { 1.0 } else { 0.0 });
        family("intensity_stale", "1 where the zone's intensity of now is unknown or too old to act on, else 0", &|zone| {
            flag(zone.current(now).is_err())
        })?;
        family("intensity_age_seconds", "How long ago the newest value's interval ended; absent where there is no value", &|zone| {
            zone.newest(now).ok().map(|reading| reading.age(now).num_seconds() as f64)
        })?;
        family("intensity_gco2e_per_kwh", "The intensity that is acted on; absent where it is unknown or too old", &|zone| {
            zone.current(now).ok().map(|reading| reading.intensity.get())
        })?;
        let horizon = chrono::TimeDelta::hours(1);
        family("forecast_stale", "1 where the zone has no forecast of the coming hour that is young enough to act on, else 0", &|zone| {
            flag(zone.forecast(now, now + horizon, now).is_err())
        })
    }
}
