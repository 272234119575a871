//! The scaled examples against our server: what KEDA would make of the answers.

use super::Grid;
use crate::deploy::examples::{jobs_of, object};
use crate::deploy::keda_rules::value_of;

/// The answer to a trigger's address, as KEDA reads it.
fn answer(grid: &Grid, trigger: &serde_json::Value, change: impl Fn(&str) -> String) -> Result<f64, String> {
    let metadata = &trigger["metadata"];
    let (_, path) = metadata["url"].as_str().unwrap().split_once(".svc").unwrap();
    let reply = grid.get(&change(path));
    value_of(reply.status, &reply.text(), metadata["valueLocation"].as_str().unwrap())
}

/// Without the deadline, which depends on the time of day.
fn without_deadline(path: &str) -> String {
    path.replace("&deadline=07:00&duration=3h", "")
}

#[test]
fn the_scaled_job_starts_what_the_grid_allows() {
    let scaled = object("scaledjob.yaml", "ScaledJob");
    let trigger = &scaled["spec"]["triggers"][0];
    // From 200 down to 80 in five steps of 24: 300, 190, 150, 60.
    for (intensity, allowed) in [(300.0, 0), (190.0, 0), (150.0, 4), (60.0, 10)] {
        let grid = Grid::of(&[500.0, intensity], &[20.0], 3);
        let value = answer(&grid, trigger, without_deadline);
        assert_eq!(value, Ok(f64::from(allowed)), "{intensity}");
        assert_eq!(jobs_of(&scaled, value.clone(), 0, 0), i64::from(allowed), "{intensity}");
        assert_eq!(jobs_of(&scaled, value, 3, 1), i64::from((allowed - 3).max(0)), "{intensity}");
    }
}

#[test]
fn the_scaled_job_waits_through_a_stale_intensity() {
    let scaled = object("scaledjob.yaml", "ScaledJob");
    let grid = Grid::of(&[60.0], &[60.0], 3);
    let value = answer(&grid, &scaled["spec"]["triggers"][0], |path| without_deadline(path).replace("zone=NL", "zone=FR"));
    assert_eq!(value, Err("api returned 503".to_owned()));
    assert_eq!(jobs_of(&scaled, value, 0, 0), 0);
}

#[test]
fn every_address_of_the_examples_is_understood() {
    let grid = Grid::of(&[60.0, 60.0], &[20.0], 3);
    for (file, kind) in [("scaledjob.yaml", "ScaledJob"), ("scaledobject.yaml", "ScaledObject")] {
        let scaled = object(file, kind);
        let value = answer(&grid, &scaled["spec"]["triggers"][0], str::to_owned);
        assert_eq!(value, Ok(10.0), "{file}");
    }
}
