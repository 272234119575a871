//! Quality tiers and tails from evidence to report: held against the oracle, and evidence of an older schema against today's.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::altered;
use crate::compare::{Comparison, integer};
use crate::sample::{self, report_with as report};

#[test]
fn tiers_and_tails_of_a_month_are_what_the_oracle_says() {
    let folder = TempDir::new().unwrap();
    sample::generate(folder.path(), &["--month", "2026-10"]);
    let only_tails = altered::change_truth(folder.path());
    altered::write_with_tiers_and_tails(folder.path());

    for tails in ["last-rate", "unattributed"] {
        let (config, path) = altered::config_with_losses(folder.path(), tails);
        let found = report(&path, &folder.path().join(tails), &[]);
        let comparison = Comparison::of(&sample::expected_under(&config, folder.path(), "2026-10"), &found);

        comparison.assert_equal();
        assert!(integer(&found["scope3"]["upstream_ugco2e"]) > Some(0) && integer(&found["scope3"]["losses_ugco2e"]) > Some(0));
        assert!(comparison.figures > 10_000, "only {} figures were compared", comparison.figures);
        assert!(found == report(&path, &folder.path().join(format!("{tails}-sql")), &["--engine", "sql"]), "the SQL files, {tails}");
        for tier in ["metered", "allocated", "modelled", "filled"] {
            assert!(found["tier_share"][tier].as_f64() > Some(0.0), "{tier}");
            assert!(found["quality"]["emissions_tier_share"][tier].as_f64() > Some(0.0), "{tier}");
        }
    }
    assert!(only_tails > 0, "no pod has a step with nothing but a tail");
}

#[test]
fn moving_tails_takes_from_system_what_it_gives_to_pods_and_their_runs() {
    let folder = TempDir::new().unwrap();
    altered::write_with_tiers_and_tails(folder.path());
    let [left, moved] = ["unattributed", "last-rate"].map(|tails| {
        let (_, path) = altered::config(folder.path(), tails);
        report(&path, &folder.path().join(tails), &[])
    });

    let figure = |report: &Value, name: &str| integer(&report["totals"][name]).unwrap();
    let tail_mj = figure(&left, "tail_mj");
    assert!(tail_mj > 0 && figure(&moved, "tail_mj") == tail_mj);
    assert_eq!(figure(&moved, "active_mj"), figure(&left, "active_mj") + tail_mj);
    assert_eq!(figure(&moved, "system_mj"), figure(&left, "system_mj") - tail_mj);
    for same in ["metered_mj", "idle_mj", "gap_mj", "facility_mj"] {
        assert_eq!(figure(&moved, same), figure(&left, same), "{same}");
    }
    let of_runs = |report: &Value| integer(&report["counterfactual"]["actual_ugco2e"]).unwrap();
    assert!(of_runs(&moved) > of_runs(&left), "the counterfactual follows active energy");
    assert!(moved["tier_share"]["allocated"].as_f64() > left["tier_share"]["allocated"].as_f64());
}

#[test]
fn evidence_of_the_first_schema_gives_the_report_of_today() {
    let folder = TempDir::new().unwrap();
    altered::write_first_schema(folder.path());
    let (_, path) = altered::config(folder.path(), "unattributed");
    let mut old = report(&path, &folder.path().join("old"), &[]);
    let mut today = altered::config(folder.path(), "unattributed").0;
    let evidence = sample::root().join("sample-data/evidence");
    today["evidence"].as_table_mut().unwrap().insert("dir".to_owned(), evidence.to_str().unwrap().into());
    let path = folder.path().join("today.toml");
    fs::write(&path, toml::to_string(&today).unwrap()).unwrap();
    let mut new = report(&path, &folder.path().join("new"), &[]);

    for report in [&mut old, &mut new] {
        let provenance = report["provenance"].as_object_mut().unwrap();
        provenance.remove("evidence");
        provenance.remove("config_sha256");
    }
    assert!(old == new);
    assert_eq!(old["tier_share"]["modelled"].as_f64(), Some(0.0));
}
