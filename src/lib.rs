//! `wattledger`: the ledger of electricity and carbon for compute on Kubernetes.
//!
//! ```text
//!  PromQL · k8s API · feeds   write once               pure: no clock, disk, network            bytes out
//! ┌──────────┐ columns ┌──────────┐ frames ┌────────────┐ inventory ┌────────────┐ statement ┌─────────┐
//! │ sources/ │────────▶│ evidence/│───────▶│ accounting/│──────────▶│ disclosure/│──────────▶│ reports/│──▶ html xlsx json
//! └──────────┘         └──────────┘        └────────────┘           └────────────┘           └─────────┘
//!       units/ and model/ lie under all of it; cli/ and web/ call in; nobody calls cli/, and cli/ alone calls web/
//!       engine/ stands beside accounting/: it has the same queries run where the evidence lies, by Spark Connect
//!       outlook/ stands beside the flow: it says what the grid does, from evidence and feeds, to those who act on it
//! ```
//!
//! Import rule (`tests/` reads it): `units` imports nothing of ours; `model` units; `factors` units, model; `config` units, model, factors;
//! `sources` and `evidence` units, model; `accounting` units, model, factors; `disclosure` units, model, accounting;
//! `reports` units, model, disclosure; `outlook` units, model, config, sources, evidence, accounting; `engine` units, model, config, evidence, accounting; `web` all but cli, and cli alone imports it;
//! `cli` all, and nobody imports it.

pub mod accounting;
pub mod cli;
pub mod config;
pub mod disclosure;
pub mod engine;
pub mod evidence;
pub mod factors;
pub mod model;
pub mod outlook;
pub mod reports;
pub mod sources;
pub mod units;
pub mod web;
