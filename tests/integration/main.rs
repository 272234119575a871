//! The integration tests, one binary: what a user runs, seen from outside.

mod altered;
mod compare;
mod cost_centres;
mod decisions;
mod dialect;
mod disclosure;
mod doctor;
mod dst;
mod embodied;
mod end_to_end;
mod engines;
mod exporter;
mod faults;
mod feeds;
mod import_rule;
mod job_evidence;
mod kubernetes;
mod ledger;
mod market;
mod one_build;
mod prometheus;
mod quality;
mod real_intensity;
mod real_zones;
mod same_bytes;
mod sample;
mod sample_report;
mod shifting;
mod shifting_relations;
#[path = "../../src/sources/intensity/stand_in_test.rs"]
mod stand_in;
mod tiers;
mod toxic;
mod ways;
mod what_shifting_saves;
mod year;
