//! A group of legal entities, on the sample's month: every row in one controller's hands, what is bought within the group counted once, and totals that do not move.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::compare::{FIGURES, integer};
use crate::{golden, sample};

const BV: &str = "Example BV";
const POLSKA: &str = "Example Polska sp. z o.o.";

/// BV has the building in NL and the machines in FR, Polska rents in PL and has its nightly work and its reports in NL; BV renders in PL.
const GROUP: &str = r#"
[[entity]]
name = "Example Polska sp. z o.o."
currency = "PLN"
net_revenue = { "2026" = 3_100_000.0 }

[[entity]]
name = "Example BV"
lei = "529900EXAMPLE0BV0029"
net_revenue = { "2026" = 1_900_000.0 }

[[internal_cloud]]
customer = "Example Polska sp. z o.o."
clusters = ["prod-nl", "edge-fr"]
namespaces = ["data", "repor*"]

[[internal_cloud]]
customer = "Example BV"
clusters = ["burst-pl"]
namespaces = ["render"]

[[exchange_rate]]
from = "EUR"
to = "PLN"
period = "2026-10"
rate = 4.25
source = "an invented bank, mean of the month"
"#;

/// The sample's configuration with what a test changes of it, and with `entity` of every cluster where there is a group.
fn config(folder: &Path, name: &str, group: &str, change: impl Fn(&mut toml::Table)) -> PathBuf {
    let data = sample::root().join("sample-data");
    let mut config: toml::Table = toml::from_str(&fs::read_to_string(data.join("wattledger.toml")).unwrap()).unwrap();
    let here = |path: &str| toml::Value::from(data.join(path).to_str().unwrap());
    config["evidence"].as_table_mut().unwrap().insert("dir".to_owned(), here("evidence"));
    for (table, files) in [("intensity", "intensity/*.csv"), ("price", "prices/*.csv"), ("decision_log", "decisions/*.jsonl")] {
        config[table][0].as_table_mut().unwrap().insert("files".to_owned(), vec![here(files)].into());
    }
    if !group.is_empty() {
        config["organisation"].as_table_mut().unwrap().insert("consolidation".to_owned(), "financial-control".into());
        for cluster in config["cluster"].as_array_mut().unwrap() {
            let entity = if cluster["name"].as_str() == Some("burst-pl") { POLSKA } else { BV };
            cluster.as_table_mut().unwrap().insert("entity".to_owned(), entity.into());
        }
        config.extend(toml::from_str::<toml::Table>(group).unwrap());
    }
    change(&mut config);
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    path
}

fn report(config: &Path, formats: &str) -> Value {
    let out = config.with_extension("");
    let arguments = ["report", "--month", "2026-10", "--out", out.to_str().unwrap(), "--format", formats, "--no-sensitivity"];
    sample::wattledger_ok(&arguments, config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no {name}"))
}

fn sum(rows: &[Value], name: &str) -> Option<i64> {
    rows.iter().map(|row| integer(&row[name])).sum()
}

fn entity<'a>(report: &'a Value, name: &str) -> &'a Value {
    list(&report["entities"], "entities").iter().find(|row| row["entity"] == name).unwrap()
}

fn codes(report: &Value) -> Vec<&str> {
    list(report, "findings").iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// The laws that hold under any configuration of a group.
fn check(report: &Value) {
    let group = &report["entities"];
    let (entities, lines) = (list(group, "entities"), list(group, "intra_group"));
    for name in FIGURES {
        let total = integer(&report["totals"][name]);
        assert_eq!(integer(&group["consolidated"][name]), total, "{name}: the group is the report's totals");
        // Own statements less what was eliminated are the group; market-based only where every entity's is known.
        let eliminated = if name == "scope3_category_1_ugco2e" { integer(&group["eliminated_ugco2e"]) } else { Some(0) };
        let own = sum(entities, name);
        assert_eq!(own, integer(&group["sum_of_own"][name]), "{name}");
        if name != "scope2_market_based_ugco2e" || own.is_some() {
            assert_eq!(own.zip(eliminated).map(|(own, eliminated)| own - eliminated), total, "{name}: own statements less eliminations");
        }
    }
    assert_eq!(sum(entities, "bought_within_group_ugco2e"), integer(&group["eliminated_ugco2e"]));
    assert_eq!(sum(entities, "sold_within_group_ugco2e"), integer(&group["eliminated_ugco2e"]));
    assert_eq!(sum(entities, "sold_within_group_mj"), sum(lines, "facility_mj"));
    for row in entities {
        let name = &row["entity"];
        let of = |key: &str| lines.iter().filter(|line| line[key] == *name).cloned().collect::<Vec<Value>>();
        assert_eq!(sum(&of("customer"), "category_1_ugco2e"), integer(&row["bought_within_group_ugco2e"]), "{name}");
        assert_eq!(sum(&of("provider"), "category_1_ugco2e"), integer(&row["sold_within_group_ugco2e"]), "{name}");
        assert!(lines.iter().all(|line| line["provider"] != line["customer"]), "nobody buys of himself");
        for figure in FIGURES {
            // What it controls adds up to its own statement, but for what it bought.
            let bought = if figure == "scope3_category_1_ugco2e" { integer(&row["bought_within_group_ugco2e"]) } else { Some(0) };
            let own = integer(&row[figure]).zip(bought).map(|(own, bought)| own - bought);
            for part in ["clusters", "namespaces"] {
                assert_eq!(sum(list(row, part), figure), own, "{figure} of {name} by {part}");
            }
        }
        assert_eq!(row["scope2_market_based_ugco2e"].is_null(), row["market_based_reason"].is_string(), "{name}: unknown has its reason");
    }
    every_row_has_one_controller(report);
    // Runs are somebody's, all of them.
    let effects: Vec<Value> = entities.iter().map(|row| row["counterfactual"].clone()).collect();
    for name in ["runs", "shifted_runs", "actual_ugco2e", "counterfactual_ugco2e", "avoided_ugco2e", "gains_ugco2e", "losses_ugco2e"] {
        assert_eq!(sum(&effects, name), integer(&report["counterfactual"][name]), "{name} of runs");
    }
    let costs: Vec<Value> = entities.iter().filter(|row| !row["cost"].is_null()).map(|row| row["cost"].clone()).collect();
    assert_eq!(sum(&costs, "saved_micro_eur"), integer(&report["counterfactual"]["cost"]["saved_micro_eur"]).or(Some(0)));
}

/// Namespaces of the report against those of its entities, row by row.
fn every_row_has_one_controller(report: &Value) {
    let mut of_entities: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for row in list(&report["entities"], "entities").iter().flat_map(|row| list(row, "namespaces")) {
        of_entities.entry((row["cluster"].as_str().unwrap(), row["namespace"].as_str().unwrap())).or_default().push(row.clone());
    }
    for row in list(report, "namespaces") {
        let key = (row["cluster"].as_str().unwrap(), row["namespace"].as_str().unwrap());
        // A row of nobody's that is nothing stands in the report and is in no hands.
        let parts = of_entities.remove(&key).unwrap_or_default();
        for name in ["metered_mj", "facility_mj", "gap_mj", "operational_hourly_ugco2e", "scope2_location_based_ugco2e"] {
            assert_eq!(sum(&parts, name), integer(&row[name]), "{name} of {key:?}");
        }
    }
    assert!(of_entities.is_empty(), "entities have rows that the report does not: {:?}", of_entities.keys());
}

#[test]
fn own_statements_less_what_was_bought_within_the_group_are_the_totals_which_do_not_move() {
    let folder = TempDir::new().unwrap();
    let alone = report(&config(folder.path(), "alone", "", |_| {}), "json");
    let group = report(&config(folder.path(), "group", GROUP, |_| {}), "json,html,xlsx");

    check(&group);
    assert!(alone.get("entities").is_none());
    for part in [
        "totals",
        "tier_share",
        "scope2",
        "scope3",
        "clusters",
        "namespaces",
        "workloads",
        "cost_centres",
        "job_runs",
        "reconciliation",
        "counterfactual",
        "disclosure",
    ] {
        assert_eq!(alone[part], group[part], "{part} moves by naming entities");
    }
    let schema: Value = serde_json::from_str(wattledger::reports::json_schema()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema).unwrap().iter_errors(&group).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");

    what_is_bought_is_what_the_namespaces_rows_have(&group);
    money_is_converted_once(&group);
    let mut section = serde_json::to_string_pretty(&group["entities"]).unwrap();
    section.push('\n');
    golden::compare("entities.json", section.as_bytes());
    the_page_and_the_workbook_show_it(&group, &folder.path().join("group"));
}

/// By hand from other rows of the report: the customer's category 1 is the namespace's electricity and its part of the machines.
fn what_is_bought_is_what_the_namespaces_rows_have(report: &Value) {
    let lines = list(&report["entities"], "intra_group");
    let names: Vec<[&str; 4]> =
        lines.iter().map(|line| ["provider", "customer", "cluster", "namespace"].map(|key| line[key].as_str().unwrap())).collect();
    assert_eq!(
        names,
        [[BV, POLSKA, "edge-fr", "reporting"], [BV, POLSKA, "prod-nl", "data"], [POLSKA, BV, "burst-pl", "render"]],
        "the story has other work on machines of sisters"
    );
    for line in lines {
        let row = list(report, "namespaces")
            .iter()
            .find(|row| row["cluster"] == line["cluster"] && row["namespace"] == line["namespace"])
            .unwrap();
        assert_eq!(line["facility_mj"], row["facility_mj"]);
        assert_eq!(line["operation_ugco2e"], row["operational_hourly_ugco2e"]);
        assert_eq!(line["embodied_ugco2e"], row["embodied_amortised_ugco2e"]);
        let of = |name: &str| integer(&line[name]).unwrap();
        assert_eq!(of("category_1_ugco2e"), of("operation_ugco2e") + of("embodied_ugco2e"));
    }
    // Polska has no electricity of its own in Scope 2, so it has no category 3 either, whatever it buys.
    let polska = entity(report, POLSKA);
    for name in ["scope2_location_based_ugco2e", "scope2_market_based_ugco2e", "scope3_category_3_ugco2e"] {
        assert_eq!(integer(&polska[name]), Some(0), "{name}");
    }
    assert!(integer(&polska["bought_within_group_ugco2e"]).unwrap() > 0);
}

fn money_is_converted_once(report: &Value) {
    let polska = entity(report, POLSKA);
    let of = |cost: &Value, name: &str| integer(&cost[name]).unwrap();
    let converted = &polska["cost_in_currency"];
    for (micro_eur, micro_units) in [("actual_micro_eur", "actual_micro_units"), ("counterfactual_micro_eur", "counterfactual_micro_units")]
    {
        let euros = of(&polska["cost"], micro_eur);
        assert!(euros > 0);
        // 4.25 is 17/4: half up in integers.
        assert_eq!(of(converted, micro_units), (euros * 17 + 2).div_euclid(4), "{micro_eur}");
    }
    assert_eq!(converted["currency"], "PLN");
    assert_eq!(of(converted, "saved_micro_units"), of(converted, "counterfactual_micro_units") - of(converted, "actual_micro_units"));
    let bv = entity(report, BV);
    assert_eq!(of(&bv["cost_in_currency"], "actual_micro_units"), of(&bv["cost"], "actual_micro_eur"), "euros are euros");
    assert!(!codes(report).contains(&"EXCHANGE_RATE"), "{:?}", codes(report));
}

fn the_page_and_the_workbook_show_it(report: &Value, out: &Path) {
    use calamine::{Reader, Xlsx, open_workbook};
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    for text in ["Entities and consolidation", "data-table=\"consolidation\"", "data-table=\"intra-group\"", "Financial control"] {
        assert!(html.contains(text), "{text}");
    }
    let mut workbook: Xlsx<_> = open_workbook(out.join("report.xlsx")).unwrap();
    let range = workbook.worksheet_range("Consolidation").unwrap();
    let header: Vec<String> = range.rows().nth(3).unwrap().iter().map(ToString::to_string).collect();
    let at = |name: &str| header.iter().position(|known| known == name).unwrap();
    let rows: Vec<Vec<String>> = range.rows().skip(4).map(|row| row.iter().map(ToString::to_string).collect()).collect();
    for row in list(&report["entities"], "entities") {
        let found = rows.iter().find(|cells| cells[0] == row["entity"].as_str().unwrap()).unwrap();
        for name in ["facility_mj", "scope2_location_based_ugco2e", "scope3_category_1_ugco2e", "bought_within_group_ugco2e"] {
            assert_eq!(found[at(name)].parse::<f64>().unwrap() as i64, integer(&row[name]).unwrap(), "{name} of {}", row["entity"]);
        }
    }
    let total = rows.iter().find(|cells| cells[0].starts_with("Group")).unwrap();
    assert_eq!(
        total[at("scope3_category_1_ugco2e")].parse::<f64>().unwrap() as i64,
        integer(&report["totals"]["scope3_category_1_ugco2e"]).unwrap()
    );
    for row in list(&report["entities"], "entities") {
        let sheet = workbook.worksheet_range(row["entity"].as_str().unwrap()).unwrap();
        let controlled = sheet.rows().filter(|cells| cells[0] == "Controlled, by namespace").count();
        assert_eq!(controlled, list(row, "namespaces").len());
    }
}

/// A figure is walked to what it is made of, and every level adds up.
#[test]
fn an_own_statement_is_explained_down_to_counters_and_a_purchase_to_its_namespace() {
    let folder = TempDir::new().unwrap();
    let config = config(folder.path(), "explained", GROUP, |_| {});
    let report = report(&config, "json");
    let explained = |id: &str| -> Value {
        let output = sample::wattledger_ok(&["explain", id, "--month", "2026-10", "--json", "--top", "0"], &config);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let polska = entity(&report, POLSKA);
    let own = explained("entity:Example%20Polska%20sp.%20z%20o.o.:scope3_category_1_ugco2e");
    assert_eq!(integer(&own["value"]), integer(&polska["scope3_category_1_ugco2e"]));
    let sum = &own["sums"][0];
    assert_eq!((&sum["by"], &sum["adds_up"]), (&Value::from("by namespace"), &Value::from(true)), "{own:#}");
    let ids: Vec<&str> = list(sum, "terms").iter().filter_map(|term| term["id"].as_str()).collect();
    assert!(ids.contains(&"intra-group:Example%20BV:Example%20Polska%20sp.%20z%20o.o.:prod-nl:data:scope2:category_1_ugco2e"), "{ids:?}");
    assert!(!own["next"].is_null());

    let bought = explained("intra-group:Example%20BV:Example%20Polska%20sp.%20z%20o.o.:prod-nl:data:scope2:operation_ugco2e");
    assert_eq!(bought["sums"][0]["terms"][0]["id"], "namespace:prod-nl:data:operational_hourly_ugco2e");
    let levels = std::iter::successors(Some(&bought), |level| Some(&level["next"]).filter(|next| !next.is_null())).count();
    assert!(levels > 4, "it goes down to steps and counters: {levels} levels");

    let eliminated = explained("group:eliminated_ugco2e");
    assert_eq!(integer(&eliminated["value"]), integer(&report["entities"]["eliminated_ugco2e"]));
    assert_eq!((list(&eliminated["sums"][0], "terms").len(), &eliminated["sums"][0]["adds_up"]), (2, &Value::from(true)));
    let group = explained("group:consolidated.scope3_category_1_ugco2e");
    assert_eq!(integer(&group["value"]), integer(&report["totals"]["scope3_category_1_ugco2e"]));
    assert_eq!(group["sums"][0]["adds_up"], true);
}

/// Both entities use electricity in NL once Polska has a part of the cluster there: whose the certificates are must be said.
#[test]
fn a_market_based_figure_that_would_be_a_guess_is_none_until_somebody_holds_the_certificates() {
    let folder = TempDir::new().unwrap();
    let in_two_hands = |config: &mut toml::Table| {
        let edge =
            config["cluster"].as_array_mut().unwrap().iter_mut().find(|cluster| cluster["name"].as_str() == Some("edge-fr")).unwrap();
        let edge = edge.as_table_mut().unwrap();
        edge.remove("colocated_as");
        for (key, value) in [("boundary", "owned"), ("grid_zone", "NL"), ("entity", POLSKA)] {
            edge.insert(key.to_owned(), value.into());
        }
    };
    let group = GROUP.replace("clusters = [\"prod-nl\", \"edge-fr\"]", "clusters = [\"prod-nl\"]");
    let nobodys = report(&config(folder.path(), "nobodys", &group, in_two_hands), "json");
    check(&nobodys);
    assert!(
        entity(&nobodys, BV)["scope2_market_based_ugco2e"].is_null() && entity(&nobodys, POLSKA)["scope2_market_based_ugco2e"].is_null()
    );
    assert!(
        entity(&nobodys, BV)["market_based_reason"].as_str().unwrap().starts_with("Instrument 1, 2 covered"),
        "{}",
        entity(&nobodys, BV)["market_based_reason"]
    );
    assert!(codes(&nobodys).contains(&"ENTITY_MARKET"));
    assert!(integer(&nobodys["totals"]["scope2_market_based_ugco2e"]).is_some(), "the group's figure is not touched");

    let held = report(
        &config(folder.path(), "held", &group, |config| {
            in_two_hands(config);
            for instrument in config["instrument"].as_array_mut().unwrap() {
                instrument.as_table_mut().unwrap().insert("entity".to_owned(), BV.into());
            }
        }),
        "json",
    );
    check(&held);
    let market = |name: &str| integer(&entity(&held, name)["scope2_market_based_ugco2e"]).unwrap();
    let located = |name: &str| integer(&entity(&held, name)["scope2_location_based_ugco2e"]).unwrap();
    assert!(market(BV) < located(BV), "its certificates are its own");
    assert_eq!(market(POLSKA), located(POLSKA), "and none of Polska's: there is no residual mix, so the location-based factor stands in");
    assert!(!codes(&held).contains(&"ENTITY_MARKET"));
    assert_eq!(held["scope2"]["instruments"][0]["entity"], BV);
}

#[test]
fn a_missing_rate_and_a_rule_that_matches_nothing_are_findings_and_no_figure() {
    let folder = TempDir::new().unwrap();
    let group = GROUP.replace("period = \"2026-10\"", "period = \"2026-09\"").replace(
        "\"repor*\"",
        "\"repor*\"]\n\n[[internal_cloud]]\ncustomer = \"Example BV\"\nclusters = [\"burst-pl\"]\nnamespaces = [\"no-such-*\"",
    );
    let report = report(&config(folder.path(), "without", &group, |_| {}), "json");

    check(&report);
    assert!(entity(&report, POLSKA)["cost_in_currency"].is_null() && !entity(&report, POLSKA)["cost"].is_null());
    let found = |code: &str| {
        list(&report, "findings").iter().find(|finding| finding["code"] == code).unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert!(found("EXCHANGE_RATE").contains("no exchange rate of EUR to PLN in 2026-10"), "{}", found("EXCHANGE_RATE"));
    assert!(found("INTERNAL_CLOUD").contains("controls matches no-such-*"), "{}", found("INTERNAL_CLOUD"));
}

/// The annual factors as the reported method, and idle energy left where it is: the same laws, other figures.
#[test]
fn the_laws_hold_under_annual_factors_and_unallocated_idle_energy() {
    let folder = TempDir::new().unwrap();
    let annual = report(
        &config(folder.path(), "annual", GROUP, |config| {
            for (key, value) in [("location_based", "annual"), ("idle", "unallocated")] {
                config["report"].as_table_mut().unwrap().insert(key.to_owned(), value.into());
            }
        }),
        "json",
    );
    check(&annual);
    for line in list(&annual["entities"], "intra_group") {
        let row = list(&annual, "namespaces")
            .iter()
            .find(|row| row["cluster"] == line["cluster"] && row["namespace"] == line["namespace"])
            .unwrap();
        assert_eq!(line["operation_ugco2e"], row["operational_annual_ugco2e"], "by the reported method");
        assert_eq!(integer(&row["idle_mj"]), Some(0), "idle energy is nobody's and is not sold");
    }
}

/// November and December of 2025: a cluster each, with a node that draws 1 kWh an hour, half of it `shop`'s; in NL a quarter is `data`'s.
fn two_months(folder: &Path) -> PathBuf {
    let config = folder.join("year.toml");
    let text = r#"
[organisation]
name = "Example Group"
time_zone = "UTC"
consolidation = "operational-control"

[report]
step = "1h"

[[entity]]
name = "Example BV"

[[entity]]
name = "Example Polska sp. z o.o."
currency = "PLN"
net_revenue = { "2025" = 3_100_000.0 }

[[cluster]]
name = "prod-nl"
entity = "Example BV"
boundary = "owned"
grid_zone = "NL"
pue = 1.2

[[cluster]]
name = "prod-pl"
entity = "Example Polska sp. z o.o."
boundary = "owned"
grid_zone = "PL"
pue = 1.5

[[internal_cloud]]
customer = "Example Polska sp. z o.o."
clusters = ["prod-nl"]
namespaces = ["data"]

[[exchange_rate]]
from = "EUR"
to = "PLN"
period = "2025"
rate = 4.0
source = "an invented bank"

[[instrument]]
kind = "guarantee-of-origin"
zone = "NL"
mwh = 1.0
period = "2025"
matching = "year"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation-2025-17.pdf"
entity = "Example BV"

[[intensity]]
zones = ["NL", "PL"]
provider = "files"
files = ["intensity.csv"]
annual_direct_gco2e_per_kwh = { NL = 250.0, PL = 650.0 }
"#;
    fs::write(&config, text).unwrap();
    let mut usage = "cluster,node,ts,energy_kwh,namespace,workload,pod,idle_kwh,cpu_seconds\n".to_owned();
    let mut intensity = "ts,zone,intensity_gco2e_per_kwh\n".to_owned();
    // 2025-11-01T00:00:00Z.
    for hour in 0..61 * 24_i64 {
        let ts = chrono::DateTime::from_timestamp(1_761_955_200 + hour * 3_600, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
        for cluster in ["prod-nl", "prod-pl"] {
            usage += &format!("{cluster},n1,{ts},1.0,,,,0.25,\n{cluster},n1,{ts},0.5,shop,Deployment/web,web-1,,1800\n");
        }
        usage += &format!("prod-nl,n1,{ts},0.25,data,Deployment/lake,lake-1,,900\n");
        intensity += &format!("{ts},NL,{}\n{ts},PL,{}\n", 200 + hour % 3, 600 + hour % 7);
    }
    for (name, kind, text) in [("usage.csv", "usage", usage), ("intensity.csv", "intensity", intensity)] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        let step: &[&str] = if kind == "usage" { &["--step", "1h"] } else { &[] };
        sample::wattledger_ok(&[&["import", "--kind", kind], step, &[path.to_str().unwrap()]].concat(), &config);
    }
    config
}

fn report_of(config: &Path, period: [&str; 2]) -> Value {
    let out = config.parent().unwrap().join(period[1]);
    sample::wattledger_ok(&["report", period[0], period[1], "--out", out.to_str().unwrap(), "--format", "json,html,xlsx"], config);
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

#[test]
fn a_year_consolidates_its_months_and_settles_an_entitys_certificates_over_itself() {
    let folder = TempDir::new().unwrap();
    let config = two_months(folder.path());
    let months = ["2025-11", "2025-12"].map(|month| report_of(&config, ["--month", month]));
    let year = report_of(&config, ["--year", "2025"]);

    months.iter().chain([&year]).for_each(check);
    let schema: Value = serde_json::from_str(wattledger::reports::json_schema()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema).unwrap().iter_errors(&year).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for name in [BV, POLSKA] {
        let of = |report: &Value, figure: &str| integer(&entity(report, name)[figure]);
        let summed = FIGURES.iter().filter(|figure| **figure != "scope2_market_based_ugco2e");
        for figure in summed.chain(&["bought_within_group_ugco2e", "sold_within_group_mj"]) {
            let sum: Option<i64> = if months.iter().all(|month| of(month, figure).is_none()) {
                None
            } else {
                months.iter().map(|month| of(month, figure)).sum()
            };
            assert_eq!(of(&year, figure), sum, "{figure} of {name}");
        }
    }
    // 1,464 hours of 1.2 kWh in NL. A third is data's: 0.25 of 0.75 kWh, and by CPU seconds a third of 0.25 kWh of idle.
    let facility = |hours: f64, kwh: f64| (hours * kwh * 3.6e9).round() as i64;
    assert_eq!(integer(&entity(&year, BV)["facility_mj"]), Some(facility(1_464.0, 1.2)));
    assert_eq!(integer(&entity(&year, POLSKA)["facility_mj"]), Some(facility(1_464.0, 1.5)));
    assert_eq!(integer(&entity(&year, BV)["sold_within_group_mj"]), Some(facility(1_464.0, 1.2 / 3.0)));
    // All of the year's 1 MWh covers BV's electricity of the year: months may use only their parts of it.
    let market = |report: &Value, name: &str| integer(&entity(report, name)["scope2_market_based_ugco2e"]).unwrap();
    assert!(market(&year, BV) < months.iter().map(|month| market(month, BV)).sum::<i64>());
    assert_eq!(market(&year, POLSKA), integer(&entity(&year, POLSKA)["scope2_location_based_ugco2e"]).unwrap());

    // 3.1 million PLN are 775,000 EUR at 4: per million EUR it is four times as much.
    let revenue = &entity(&year, POLSKA)["revenue"];
    assert_eq!(revenue["net_revenue_in_organisation_currency"]["amount"], 775_000.0);
    let row = list(revenue, "intensities").iter().find(|row| row["figure"] == "total_location_based_ugco2e").unwrap();
    let per = |name: &str| row[name].as_f64().unwrap();
    assert!((per("tco2e_per_million_in_organisation_currency") / per("tco2e_per_million") - 4.0).abs() < 1e-12);
    let own = |name: &str| integer(&entity(&year, POLSKA)[name]).unwrap_or(0);
    let total = own("scope2_location_based_ugco2e") + own("scope3_category_1_ugco2e") + own("scope3_category_3_ugco2e");
    assert!(own("bought_within_group_ugco2e") > 0);
    assert!((per("tco2e_per_million") - total as f64 / 1e12 / 3.1).abs() < 1e-9, "with what it bought of its sister");
    assert!(entity(&year, BV)["revenue"].is_null() && entity(&months[0], POLSKA)["revenue"].is_null());
    let html = fs::read_to_string(folder.path().join("2025/report.html")).unwrap();
    assert!(html.contains("data-table=\"entity-revenue\"") && html.contains("3,100,000 PLN") && html.contains("Operational control"));
}
