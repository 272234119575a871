//! The tagged report, seen by a validator of others: Arelle, offline.
//!
//! Taxonomies are not here; `stub` stands in for them. With `WATTLEDGER_ESRS_TAXONOMY` set to taxonomy packages (separated by `|`), the real ones are asked too.

mod arelle;
mod stub;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use wattledger::cli::account::{self, Accounting, Books, Engine};
use wattledger::config::Config;
use wattledger::disclosure::Statement;
use wattledger::disclosure::datapoints::disclose;
use wattledger::disclosure::standards::Profile;
use wattledger::disclosure::statement::{Comparison, EnergyMix, InstrumentStatement, NetRevenue, Period};
use wattledger::model::{InstrumentKind, Matching};
use wattledger::reports;
use wattledger::units::{MicrogramsCo2e, Millijoules, ReportingPeriod};

use self::arelle::{Trouble, validate};
use crate::sample;

fn month(profile: &Profile) -> Statement {
    let mut config = Config::load(&sample::root().join("sample-data/wattledger.toml")).unwrap();
    config.report.disclosure.clone_from(&profile.profile);
    let period = ReportingPeriod::parse("2026-10", config.time_zone).unwrap();
    let accounting = Accounting { engine: Engine::Columns, threads: None, with_sensitivity: true, with_content: false };
    account::period(&Books::open(&config).unwrap(), period, &[], &accounting).unwrap()
}

/// The sample's month taken for a year, with everything that a profile can ask for.
fn full_year(profile: &Profile) -> Statement {
    let mut statement = month(profile);
    let grams = |amount: i64| MicrogramsCo2e::new(amount * 1_000_000);
    let mwh = |amount: i64| Millijoules::new(amount * 3_600_000_000_000);
    statement.lei = Some("0000EXAMPLE000000086".to_owned());
    statement.organisation = "Example & <Sons> BV".to_owned();
    statement.period = Period { month: None, year: Some("2026".to_owned()), ..statement.period };
    let totals = &mut statement.totals.figures;
    totals.scope2_location_based_ugco2e = grams(1_234_567_500);
    totals.scope2_market_based_ugco2e = Some(grams(120_000_000));
    totals.scope3_category_1_ugco2e = Some(grams(30_000_400));
    totals.scope3_category_2_ugco2e = Some(grams(18_480_300));
    totals.scope3_category_3_ugco2e = Some(grams(41_500_200));
    totals.scope3_category_8_ugco2e = Some(grams(0));
    let rule = "By contract.".to_owned();
    let outside_own_operations_mj = mwh(0);
    statement.scope2.energy_mix = EnergyMix {
        total_mj: mwh(3_100),
        fossil_mj: mwh(2_500),
        nuclear_mj: mwh(100),
        renewable_mj: mwh(500),
        outside_own_operations_mj,
        rule,
    };
    statement.scope2.zones.truncate(0);
    statement.scope2.instruments = vec![InstrumentStatement {
        number: 1,
        entity: None,
        kind: InstrumentKind::Ppa,
        grid_zone: "NL".to_owned(),
        period: "2026".to_owned(),
        matching: Matching::Year,
        energy_source: None,
        factor_gco2e_per_kwh: 11.76,
        evidence: "contract 7".to_owned(),
        volume_mj: mwh(500),
        available_mj: mwh(500),
        applied_mj: mwh(500),
        applied_ugco2e: grams(5_880_000),
        criteria_not_met: Vec::new(),
        criteria_unanswered: Vec::new(),
        not_used_reason: None,
    }];
    statement.year.net_revenue = Some(NetRevenue { currency: "EUR".to_owned(), amount: 450e6 });
    statement.year.comparisons = ["scope2_location_based", "scope2_market_based", "scope3_category_1", "scope3_category_2"]
        .into_iter()
        .chain(["scope3_category_3", "scope3_category_8"])
        .map(|figure| Comparison {
            figure: format!("{figure}_ugco2e"),
            value: None,
            base_year: Some(2024),
            base_year_value: Some(grams(50_000_000).get()),
            comparative_year: Some(2025),
            comparative_value: Some(grams(40_000_000).get()),
            change: None,
            change_since_base_year: None,
            source: "Published reports.".to_owned(),
        })
        .collect();
    disclose(&mut statement);
    statement
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn codes(troubles: &[Trouble]) -> Vec<&str> {
    troubles.iter().map(|(code, _)| code.as_str()).collect()
}

/// A fact by what it is about: qualified names written out, so that prefixes do not matter.
fn by_place(report: &Value) -> BTreeMap<String, (String, i64)> {
    let namespaces = &report["documentInfo"]["namespaces"];
    let expand = |name: &str| match name.split_once(':').and_then(|(prefix, local)| Some((namespaces[prefix].as_str()?, local))) {
        Some((namespace, local)) => format!("{{{namespace}}}{local}"),
        None => name.to_owned(),
    };
    let expand_all = |text: &str| text.split('/').map(expand).collect::<Vec<_>>().join("/");
    let facts = report["facts"].as_object().unwrap().values().map(|fact| {
        let place = fact["dimensions"].as_object().unwrap().iter().map(|(name, value)| {
            let value = value.as_str().unwrap();
            format!("{}={}", expand(name), if name == "period" { value.to_owned() } else { expand_all(value) })
        });
        let place = place.collect::<Vec<_>>().join(" ");
        let value = fact["value"].as_str().unwrap();
        let value = if value.contains('.') { value.trim_end_matches('0').trim_end_matches('.') } else { value };
        (place, (value.to_owned(), fact["decimals"].as_i64().unwrap()))
    });
    let count = facts.len();
    let by_place: BTreeMap<_, _> = facts.collect();
    assert_eq!(by_place.len(), count, "two facts have one place");
    by_place
}

fn packages(python: &Path, folder: &Path) -> String {
    let all = Profile::all().iter().map(|profile| stub::package(python, folder, profile).to_str().unwrap().to_owned());
    all.collect::<Vec<_>>().join("|")
}

/// Without a taxonomy a validator can still say whether the document is Inline XBRL; it can miss nothing but the taxonomy.
#[test]
fn without_a_taxonomy_the_document_lacks_the_taxonomy_and_nothing_else() {
    let Some(python) = arelle::python() else { return };
    let folder = TempDir::new().unwrap();
    let document =
        |profile: &Profile| write(folder.path(), &format!("document-{}.xhtml", profile.profile), &reports::ixbrl(&month(profile)).unwrap());
    let files: Vec<PathBuf> = Profile::all().iter().map(document).collect();
    let found = validate(&python, folder.path(), &files, &[]);
    assert_eq!(found.len(), files.len(), "{:?}", found.get(""));
    for (file, troubles) in found {
        let codes = codes(&troubles);
        assert_eq!(codes.iter().filter(|code| **code == "IOerror").count(), 1, "{file}: {troubles:?}");
        assert!(codes.iter().all(|code| ["IOerror", "ix11.12.1.2:missingReferences"].contains(code)), "{file}: {troubles:?}");
    }
}

/// Types, units, dimensions, sums and schema, by a taxonomy made of the profile; and both files say the same.
#[test]
fn with_a_taxonomy_of_the_profile_every_fact_is_valid_and_both_files_say_the_same() {
    let Some(python) = arelle::python() else { return };
    let folder = TempDir::new().unwrap();
    let packages = ["--packages", &packages(&python, folder.path())];
    let mut json = Vec::new();
    for profile in Profile::all() {
        let year = full_year(profile);
        let facts = reports::facts(&year).unwrap();
        let file = write(folder.path(), &format!("document-{}.xhtml", profile.profile), &reports::ixbrl(&year).unwrap());
        let converted = folder.path().join(format!("converted-{}.json", profile.profile));
        let convert = ["--plugins", "saveLoadableOIM", "--saveLoadableOIM", converted.to_str().unwrap()];

        let found = validate(&python, folder.path(), &[file], &[packages.as_slice(), convert.as_slice()].concat());
        assert!(found.values().all(Vec::is_empty), "{found:?}");
        let converted: Value = serde_json::from_slice(&fs::read(&converted).unwrap()).unwrap();
        let ours = by_place(&serde_json::from_slice(&facts).unwrap());
        assert!(ours.len() >= 12, "{}: only {} facts", profile.profile, ours.len());
        assert_eq!(by_place(&converted), ours, "{}", profile.profile);
        json.push(write(folder.path(), &format!("facts-{}.json", profile.profile), &facts));
    }
    let found = validate(&python, folder.path(), &json, &packages);
    assert!(found.values().all(Vec::is_empty), "{found:?}");
}

/// What is wrong with a document, what is replaced in it by what, and the beginning of the code that tells it.
type Break = (&'static str, &'static str, &'static str, &'static str);

/// What the stub is worth: each of these documents is broken in one way, and the validator says which.
#[test]
fn a_broken_document_is_reported() {
    let category = "esrs:Category3FuelAndEnergyrelatedActivitiesMember</xbrldi";
    let breaks: [Break; 9] = [
        ("kilowatt-hours of gas", "<xbrli:measure>utr:tCO2e</xbrli:measure>", "<xbrli:measure>utr:kWh</xbrli:measure>", "utre:"),
        ("a member that is none", category, "esrs:Category99Member</xbrldi", "xbrldie:"),
        ("a default written down", category, "esrs:Scope3GHGEmissionsCategoryGHGProtocolMember</xbrldi", "xbrldie:"),
        ("an axis on the wrong concept", "name=\"esrs:GrossScope3Green", "name=\"esrs:GrossScope1Green", "xbrldie:"),
        ("a concept that is none", "name=\"esrs:EnergyConsumptionFromNuclearSources\"", "name=\"esrs:Nuclear\"", "ix11.12.1.2"),
        ("a context that is none", "contextRef=\"from-2026-01-01-to-2026-12-31\"", "contextRef=\"nowhere\"", "ix"),
        ("a total that is wrong", ">3,100.000<", ">3,101.000<", "calc11e:"),
        ("a number that is none", ">3,100.000<", ">3.100,000<", "ix"),
        ("a charset", "<meta http-equiv=\"Content-Type\"", "<meta charset=\"UTF-8\"", "lxml.SCHEMAV"),
    ];
    all_are_reported(&breaks, "xhtml", |year| reports::ixbrl(year).unwrap());
}

/// The same for the JSON, so that silence about it means something.
#[test]
fn broken_facts_are_reported() {
    let breaks: [Break; 3] = [
        ("kilowatt-hours of gas", "\"unit\": \"utr:tCO2e\"", "\"unit\": \"utr:kWh\"", "utre:"),
        ("an axis on the wrong concept", "esrs:GrossScope3Green", "esrs:GrossScope1Green", "xbrldie:"),
        ("a period that is none", "2026-01-01T00:00:00/", "2026-13-01T00:00:00/", "oimce:"),
    ];
    all_are_reported(&breaks, "json", |year| reports::facts(year).unwrap());
}

fn all_are_reported(breaks: &[Break], extension: &str, render: impl Fn(&Statement) -> Vec<u8>) {
    let Some(python) = arelle::python() else { return };
    let folder = TempDir::new().unwrap();
    let document = String::from_utf8(render(&full_year(Profile::named("esrs-set1").unwrap()))).unwrap();
    let broken = breaks.iter().enumerate().map(|(number, (what, from, to, _))| {
        assert!(document.contains(from), "{what}");
        write(folder.path(), &format!("broken-{number}.{extension}"), document.replace(from, to).as_bytes())
    });
    let files: Vec<PathBuf> = broken.collect();
    let found = validate(&python, folder.path(), &files, &["--packages", &packages(&python, folder.path())]);
    for (number, (what, _, _, code)) in breaks.iter().enumerate() {
        let troubles = &found[&format!("broken-{number}.{extension}")];
        assert!(codes(troubles).iter().any(|found| found.starts_with(code)), "{what}: {troubles:?}; {:?}", found.get(""));
    }
}

/// With the real taxonomies, where somebody has them: nothing but warnings about what a sub-inventory leaves out.
#[test]
fn with_the_real_taxonomies_where_they_are_at_hand_there_is_no_error() {
    let Some(packages) = std::env::var_os("WATTLEDGER_ESRS_TAXONOMY") else {
        eprintln!("left out: WATTLEDGER_ESRS_TAXONOMY does not name taxonomy packages");
        return;
    };
    let Some(python) = arelle::python() else { return };
    let folder = TempDir::new().unwrap();
    for profile in Profile::all() {
        let file = write(folder.path(), &format!("document-{}.xhtml", profile.profile), &reports::ixbrl(&full_year(profile)).unwrap());
        let more = ["--packages", packages.to_str().unwrap(), "--formula", "none"];
        let troubles: Vec<Trouble> = validate(&python, folder.path(), &[file], &more).into_values().flatten().collect();
        if codes(&troubles).contains(&"IOerror") {
            eprintln!("left out: the packages do not hold {}", profile.taxonomy.entry_point);
            continue;
        }
        assert!(troubles.is_empty(), "{}: {troubles:?}", profile.profile);
    }
}
