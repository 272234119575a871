//! The routes of the Carbon Aware SDK's WebApi, in its shapes, so that its clients need another address and nothing else.
//!
//! In: its parameters, by its names. Out: its JSON. Rule: a location is a grid zone, or a cloud's region of which the grid zone is known; ratings are average direct intensities in
//! gCO2e/kWh whatever the provider, where the SDK passes marginal ones off as the same. Nothing found is 204 where the SDK says so; what is unknown now, or
//! contradicts itself, is 503 with its reason and never a number. Does not: serve `/sci-scores`, or forecasts that were replaced by newer ones.

mod forecasts;
mod measured;
mod places;
mod shapes;

use axum::Router;
use axum::routing::{get, post};
use utoipa::OpenApi;

use super::Shared;

/// Elements of a batch.
const MOST_ASKED: usize = 100;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/emissions/bylocation", get(measured::by_location))
        .route("/emissions/bylocations", get(measured::by_locations))
        .route("/emissions/bylocations/best", get(measured::best))
        .route("/emissions/average-carbon-intensity", get(measured::average))
        .route("/emissions/average-carbon-intensity/batch", post(measured::averages))
        .route("/emissions/forecasts/current", get(forecasts::current))
        .route("/emissions/forecasts/batch", post(forecasts::batch))
        .route("/locations", get(places::locations))
}

#[derive(OpenApi)]
#[openapi(paths(
    measured::by_location,
    measured::by_locations,
    measured::best,
    measured::average,
    measured::averages,
    forecasts::current,
    forecasts::batch,
    places::locations,
))]
pub struct Doc;
