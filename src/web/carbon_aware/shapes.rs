//! The JSON of the Carbon Aware SDK: its names, its times with `+00:00`, its lengths of time.
//!
//! Rule: keys are those of its data transfer objects (`EmissionsData`, `EmissionsDataDTO`, `EmissionsForecastDTO`, `CarbonIntensityDTO`) and there are no others, because
//! generated clients refuse keys that they do not know. Does not: compute.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::outlook::Reading;

/// A value of the past.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EmissionsData {
    pub location: String,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub time: DateTime<Utc>,
    /// In gCO2e/kWh.
    pub rating: f64,
    /// `hh:mm:ss`, with days and a dot before it where there are some.
    pub duration: String,
}

impl EmissionsData {
    pub fn of(location: &str, reading: &Reading) -> Self {
        Self {
            location: location.to_owned(),
            time: reading.from,
            rating: reading.intensity.get(),
            duration: length(reading.to - reading.from),
        }
    }
}

/// A value of a forecast: the mean over a window.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ForecastPoint {
    pub location: String,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: DateTime<Utc>,
    /// In minutes.
    pub duration: i64,
    /// In gCO2e/kWh.
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmissionsForecast {
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: DateTime<Utc>,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: DateTime<Utc>,
    pub location: String,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub data_start_at: DateTime<Utc>,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub data_end_at: DateTime<Utc>,
    /// In minutes.
    pub window_size: i64,
    /// The windows with the lowest mean; more than one where they are equal.
    pub optimal_data_points: Vec<ForecastPoint>,
    pub forecast_data: Vec<ForecastPoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CarbonIntensity {
    pub location: String,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub start_time: DateTime<Utc>,
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub end_time: DateTime<Utc>,
    /// In gCO2e/kWh.
    pub carbon_intensity: f64,
}

/// One element of a batch of averages.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AverageAsked {
    pub location: String,
    pub start_time: String,
    pub end_time: String,
}

/// One element of a batch of forecasts.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastAsked {
    pub requested_at: String,
    pub location: String,
    #[serde(default)]
    pub data_start_at: Option<String>,
    #[serde(default)]
    pub data_end_at: Option<String>,
    #[serde(default)]
    pub window_size: Option<i64>,
}

/// No coordinates are known here, and none are made up.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Location {
    pub name: String,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
}

/// As .NET writes a `DateTimeOffset`.
fn with_offset<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339())
}

/// As .NET writes a `TimeSpan`.
fn length(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    let days = if seconds >= 86_400 { format!("{}.", seconds / 86_400) } else { String::new() };
    format!("{days}{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths_are_written_as_dotnet_writes_them() {
        let data = EmissionsData {
            location: "eastus".to_owned(),
            time: "2022-05-17T20:45:11Z".parse().unwrap(),
            rating: 70.0,
            duration: length(TimeDelta::minutes(5)),
        };
        let expected = r#"{"location":"eastus","time":"2022-05-17T20:45:11+00:00","rating":70.0,"duration":"00:05:00"}"#;
        assert_eq!(serde_json::to_string(&data).unwrap(), expected);
        assert_eq!([TimeDelta::hours(1), TimeDelta::hours(49)].map(length), ["01:00:00", "2.01:00:00"]);
    }
}
