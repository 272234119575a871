//! Months in which Amsterdam changes its clocks, from end to end.

use tempfile::TempDir;

use crate::compare::{Comparison, integer};
use crate::end_to_end::report_of;
use crate::prometheus;

/// One small cluster at a 5-minute scrape, so that three deltas make a step.
fn a_month_has(month: &str, hours: i64) {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();

    let (report, expected) = report_of(month, &["--small", "--scrape", "300", "--quantum-mj", "1"], &["prod-nl"], folder.path());

    assert_eq!(integer(&report["period"]["hours"]), Some(hours));
    let with_energy = report["hours"].as_array().unwrap().iter().filter(|hour| integer(&hour["facility_mj"]) > Some(0)).count();
    assert_eq!(with_energy as i64, hours, "every hour of the month has energy, the repeated one twice and the skipped one not at all");
    Comparison::of(&expected, &report).assert_equal();
}

#[test]
fn march_has_743_hours_in_amsterdam() {
    a_month_has("2026-03", 743);
}

#[test]
fn october_has_745_hours_in_amsterdam() {
    a_month_has("2026-10", 745);
}
