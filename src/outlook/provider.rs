//! A configured provider, whichever it is.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::config::IntensityApi;
use crate::model::Signal;
use crate::sources::Refusal;
use crate::sources::intensity::{
    ElectricityMaps, Endpoint, Fetched, Forecast, IntensityForecast, IntensityHistory, Neso, SignalType, Span, WattTime,
};

/// A provider of history and forecasts.
pub enum Provider {
    ElectricityMaps(ElectricityMaps),
    WattTime(WattTime),
    Neso(Neso),
}

impl Provider {
    /// Prepares the connection, reading the secrets that it needs; nothing is sent yet.
    pub fn connect(api: &IntensityApi) -> Result<Self> {
        Ok(match api {
            IntensityApi::ElectricityMaps { url, token_file, has_past_range } => {
                let endpoint = if *has_past_range { Endpoint::PastRange } else { Endpoint::History };
                Self::ElectricityMaps(ElectricityMaps::connect(url, token_file, endpoint)?)
            }
            IntensityApi::WattTime { url, username, password_file, signal, regions } => {
                let signal = if *signal == Signal::Average { SignalType::Co2Aoer } else { SignalType::Co2Moer };
                let regions = regions.iter().map(|(zone, region)| (zone.clone(), region.clone())).collect();
                Self::WattTime(WattTime::connect(url, username, password_file, signal, regions)?)
            }
            IntensityApi::Neso { url } => Self::Neso(Neso::connect(url)?),
        })
    }
}

impl IntensityHistory for Provider {
    async fn history(&self, zone: &str, span: Span, now: DateTime<Utc>) -> Result<Fetched, Refusal> {
        match self {
            Self::ElectricityMaps(provider) => provider.history(zone, span, now).await,
            Self::WattTime(provider) => provider.history(zone, span, now).await,
            Self::Neso(provider) => provider.history(zone, span, now).await,
        }
    }
}

impl IntensityForecast for Provider {
    async fn forecast(&self, zone: &str, hours: u32, now: DateTime<Utc>) -> Result<Forecast, Refusal> {
        match self {
            Self::ElectricityMaps(provider) => provider.forecast(zone, hours, now).await,
            Self::WattTime(provider) => provider.forecast(zone, hours, now).await,
            Self::Neso(provider) => provider.forecast(zone, hours, now).await,
        }
    }
}
