//! Locations: grid zones by their names, and regions of clouds by theirs.
//!
//! In: a name. Out: its zone. Rule: a zone's own name goes first; `azure/westeurope` is a region, and so is `westeurope` alone, as the SDK's clients write it, where only one cloud has
//! a region of that name. Does not: know where on the earth a zone lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;

use super::shapes::Location;
use crate::factors::Region;
use crate::outlook::ZoneOutlook;
use crate::web::grid::Grid;
use crate::web::params::bad;
use crate::web::{Problem, Shared};

/// The zone of a location.
pub fn zone_of(grid: &Grid, location: &str) -> Result<Arc<ZoneOutlook>, Problem> {
    let unknown = || bad("A location is neither a grid zone nor a region that is known here; `/locations` lists them.");
    let outlook = grid.outlook();
    outlook
        .zone(location)
        .or_else(|_| region(location).ok_or_else(unknown).and_then(|region| outlook.zone(&region.grid_zone).map_err(|_| unknown())))
}

fn region(name: &str) -> Option<&'static Region> {
    if name.contains('/') {
        return Region::find(name);
    }
    let mut named = Region::all().iter().filter(|region| region.region.eq_ignore_ascii_case(name));
    named.next().filter(|_| named.next().is_none())
}

#[utoipa::path(get, path = "/locations", tag = "carbon-aware", responses((status = 200, description = "Every location by its name.", body = BTreeMap<String, Location>)))]
pub async fn locations(Extract(state): Extract<Shared>) -> Json<BTreeMap<String, Location>> {
    let zones = state.grid.outlook().zones();
    let regions = Region::all().iter().filter(|region| zones.contains(&region.grid_zone) && self::region(&region.region).is_some());
    let names = zones.iter().cloned().chain(regions.map(|region| region.region.clone()));
    let location = |name: String| (name.clone(), Location { name, latitude: None, longitude: None });
    Json(names.map(location).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_known_with_and_without_its_cloud() {
        let zone = |name: &str| region(name).map(|region| region.grid_zone.as_str());

        assert_eq!((zone("azure/westeurope"), zone("westeurope"), zone("WestEurope")), (Some("NL"), Some("NL"), Some("NL")));
        assert_eq!(zone("eu-central-1"), Some("DE"));
        assert_eq!((zone("azure/eu-central-1"), zone("nowhere"), zone("")), (None, None, None));
    }
}
