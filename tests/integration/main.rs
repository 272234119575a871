//! The integration tests, one binary: what a user runs, seen from outside.

mod acting;
mod altered;
mod bucket;
mod close;
mod compare;
mod cost_centres;
mod decisions;
mod deploy;
mod dialect;
mod differences;
mod disclosure;
mod doctor;
mod doctor_workloads;
mod documents;
mod dst;
#[cfg(feature = "spark")]
mod elsewhere;
mod embodied;
mod end_to_end;
mod engines;
mod entities;
mod explain;
mod export;
mod exporter;
mod faults;
mod feeds;
mod figure_ids;
#[path = "../../src/reports/golden.rs"]
mod golden;
mod import_rule;
mod job_evidence;
mod kubernetes;
mod labels;
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
mod sampling;
mod serve;
mod shifting;
mod shifting_relations;
#[path = "../../src/sources/intensity/stand_in_test.rs"]
mod stand_in;
mod supply_chain;
mod tiers;
mod toxic;
mod ways;
mod what_shifting_saves;
mod window;
mod year;
