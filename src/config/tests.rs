//! The configuration as a person meets it: what loads, what it means, and every sentence that says what is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::policy::ReadWay;
use crate::model::{EvidencePlace, Exporter};

const SMALL: &str = r#"
[organisation]
name = "Example BV"
time_zone = "Europe/Amsterdam"

[[cluster]]
name = "prod-nl"
boundary = "owned"
grid_zone = "NL"
pue = 1.2
"#;

/// All tables and keys of the documented format.
const WHOLE: &str = r#"
[organisation]
name = "Example BV"
time_zone = "Europe/Amsterdam"

[report]
disclosure = "esrs-set1"
location_based = "hourly"
idle = "by-usage"
step = "15m"
tails = "unattributed"
max_gap_share = 0.05

[evidence]
dir = "evidence"

[[cluster]]
name = "prod-nl"
prometheus = { url = "http://127.0.0.1:9090/", token_file = "token", cert_file = "cert", key_file = "key", ca_file = "/etc/ca.pem", tenant = "a", selector = { cluster = "prod-nl" }, read = "remote-read", timeout = "2m", concurrency = 4, replica_labels = ["replica"] }
kubernetes = { kubeconfig = "kubeconfig", context = "prod" }
exporter = "auto"
boundary = "owned"
grid_zone = "NL"
pue = 1.2
home_zone = "NL"

[[cluster.pool]]
selector = { "wattledger.io/site" = "par1" }
grid_zone = "FR"
boundary = "colocated"
colocated_as = "scope3-category8"
hardware = "r740"

[[hardware]]
name = "r740"
idle_watts = 120.0
max_watts = 420.0
embodied_kgco2e = 1848.0
life_years = 5
source = "data sheet"

[[intensity]]
zones = ["NL", "FR"]
provider = "electricity-maps"
files = ["intensity/*.csv"]
token_file = "token"
factor = "direct"
annual_direct_gco2e_per_kwh = { NL = 260.0 }

[[instrument]]
kind = "guarantee-of-origin"
zone = "NL"
mwh = 40.0
period = "2026"
matching = "year"
factor_gco2e_per_kwh = 0.0
evidence = "cancellation-2026-17.pdf"

[[deferrable]]
namespaces = ["ml-*"]
kinds = ["Job", "CronJob"]
max_delay = "8h"
zones = ["NL", "FR"]

[[losses]]
zone = "NL"
share = 0.048
source = "operator's report"

[outlook]
max_age = "45m"
forecast_max_age = "3h"
forecast_horizon = "72h"
ask_every = "5m"

[label]
low_below = 100.0
medium_below = 250.0
hysteresis = 5.0
every = "5m"
"#;

fn read(text: &str) -> Result<Config> {
    Config::from_bytes(text.as_bytes(), Path::new("/etc/wattledger/wattledger.toml"))
}

/// The sentence and the hint of a configuration that is refused.
fn refused(text: &str) -> (String, String) {
    let error = read(text).expect_err(text);
    (format!("{error:#}"), error.downcast_ref::<Hint>().map_or_else(String::new, |hint| hint.advice().to_owned()))
}

/// `SMALL` with one piece of it replaced.
fn small_with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replace(from, to)
}

#[test]
fn what_is_left_out_gets_its_documented_default() {
    let config = read(SMALL).unwrap();

    assert_eq!(config.report.disclosure, "esrs-set1");
    assert_eq!(config.report.location_based, LocationBased::Hourly);
    assert_eq!(config.report.idle, IdlePolicy::ByUsage);
    assert_eq!(config.report.step_seconds, 900);
    assert_eq!(config.report.tails, Tails::Unattributed);
    assert_eq!(config.report.max_gap_share, 0.05);
    assert_eq!((config.report.cost_centre_label.as_str(), config.report.is_cost_centre_asked_for), ("cost-centre", false));
    assert_eq!(config.evidence, EvidencePlace::Folder(PathBuf::from("/etc/wattledger/evidence")));
    assert_eq!(config.time_zone, chrono_tz::Europe::Amsterdam);
    assert_eq!(config.clusters[0].metering.exporter, Exporter::Auto);
    assert_eq!(config.clusters[0].site.home_zone, None);
    assert!(config.clusters[0].prometheus.is_none() && config.intensity.is_empty());
}

#[test]
fn a_cost_centre_is_a_label_that_a_namespace_can_have() {
    let label = |key: &str| format!("{SMALL}[report]\ncost_centre_label = \"{key}\"");
    for key in ["cost-centre", "example.com/cost_centre.eu"] {
        let report = read(&label(key)).unwrap().report;
        assert_eq!((report.cost_centre_label.as_str(), report.is_cost_centre_asked_for), (key, true));
    }
    for key in ["", "cost centre", "-cost", "a/b/c", "label_cost{}", "kosten/"] {
        let (error, hint) = refused(&label(key));
        assert!(error.contains("`cost_centre_label`") && error.contains("is not the key of a Kubernetes label"), "{error}");
        assert!(hint.contains("\"example.com/cost-centre\""), "{hint}");
    }
}

#[test]
fn tails_may_be_moved_at_the_last_rate() {
    assert_eq!(read(&format!("{SMALL}[report]\ntails = \"last-rate\"")).unwrap().report.tails, Tails::LastRate);
}

#[test]
fn an_empty_table_asks_for_kubernetes_and_none_does_not() {
    assert_eq!(read(SMALL).unwrap().clusters[0].kubernetes, None);
    let asking = small_with("boundary = ", "kubernetes = {}\nboundary = ");
    assert_eq!(read(&asking).unwrap().clusters[0].kubernetes, Some(Kubernetes::default()));
}

#[test]
fn the_whole_documented_format_loads() {
    let config = read(WHOLE).unwrap();

    let cluster = &config.clusters[0];
    let prometheus = cluster.prometheus.as_ref().unwrap();
    assert_eq!(prometheus.url, "http://127.0.0.1:9090");
    assert_eq!(prometheus.token_file, Some(PathBuf::from("/etc/wattledger/token")));
    assert_eq!(prometheus.ca_file, Some(PathBuf::from("/etc/ca.pem")));
    assert_eq!(prometheus.cert_file, Some(PathBuf::from("/etc/wattledger/cert")));
    let pull = Pull {
        read: ReadWay::RemoteRead,
        timeout: std::time::Duration::from_secs(120),
        concurrency: 4,
        replica_labels: vec!["replica".to_owned()],
    };
    assert_eq!(prometheus.pull, pull);
    assert_eq!(prometheus.selector, BTreeMap::from([("cluster".to_owned(), "prod-nl".to_owned())]));
    assert_eq!(config.intensity[0].annual_direct_gco2e_per_kwh, BTreeMap::from([("NL".to_owned(), 260.0)]));
    let kubernetes = cluster.kubernetes.as_ref().unwrap();
    assert_eq!(
        (kubernetes.kubeconfig.as_deref(), kubernetes.context.as_deref()),
        (Some(Path::new("/etc/wattledger/kubeconfig")), Some("prod"))
    );
    assert_eq!(config.intensity[0].factor, FactorKind::Direct);
    assert_eq!(config.baseline.deferrable[0].max_delay_seconds, Some(8 * 3_600));
}

#[test]
fn a_pool_inherits_its_cluster_and_overrides_what_it_says() {
    let cluster = &read(WHOLE).unwrap().clusters[0];

    let pool = &cluster.pools[0].site;
    assert_eq!(
        (cluster.site.boundary, cluster.site.placement, cluster.site.grid_zone.as_str()),
        (Boundary::Owned, Placement::Scope2, "NL")
    );
    assert_eq!((pool.boundary, pool.placement, pool.grid_zone.as_str()), (Boundary::Colocated, Placement::Scope3Category8, "FR"));
    assert_eq!((pool.pue.get(), pool.home_zone.as_deref()), (1.2, Some("NL")));
}

#[test]
fn a_node_belongs_to_the_first_pool_that_its_labels_satisfy_however_they_were_renamed() {
    let cluster = &read(WHOLE).unwrap().clusters[0];
    let zone_of = |name: &str, value: &str| {
        let labels = BTreeMap::from([(name.to_owned(), value.to_owned()), ("arch".to_owned(), "amd64".to_owned())]);
        cluster.site_for(&labels).grid_zone.clone()
    };

    assert_eq!(zone_of("wattledger.io/site", "par1"), "FR");
    assert_eq!(zone_of("wattledger_io_site", "par1"), "FR");
    assert_eq!(zone_of("label_wattledger_io_site", "par1"), "FR");
    assert_eq!(zone_of("wattledger_io_site", "ams2"), "NL");
    assert_eq!(zone_of("site", "par1"), "NL");
}

#[test]
fn an_unknown_key_is_named_with_its_line_its_table_and_the_nearest_known_key() {
    let cases = [
        (small_with("grid_zone", "grid_zne"), "line 9: unknown key `grid_zne` in [[cluster]]; the nearest known key is `grid_zone`"),
        (format!("{SMALL}[report]\nidel = \"by-usage\""), "line 12: unknown key `idel` in [report]; the nearest known key is `idle`"),
        (
            format!("{SMALL}[[clusters]]\n"),
            "line 11: unknown key `clusters` in the top level of the file; the nearest known key is `cluster`",
        ),
        (
            format!("{SMALL}[[cluster.pool]]\nselector = {{ a = \"b\" }}\nPUE = 1.1"),
            "line 13: unknown key `PUE` in [[cluster.pool]]; the nearest known key is `pue`",
        ),
        (
            format!("{SMALL}prometheus = {{ url = \"http://a\", tennant = \"b\" }}"),
            "line 11: unknown key `tennant` in [cluster.prometheus]; the nearest known key is `tenant`",
        ),
    ];
    for (text, sentence) in cases {
        let (error, hint) = refused(&text);
        assert_eq!(error, sentence);
        assert!(hint.starts_with("keys known there are `"), "{hint}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let (error, hint) = refused(&format!("{SMALL}prometheus = {{ url = \"http://a\", token = \"hunter2\" }}"));
    assert_eq!(error, "line 11: `token` in [cluster.prometheus]: secrets are never read from the configuration itself");
    assert!(hint.contains("token_file = "), "{hint}");

    let (error, _) = refused(&format!("{SMALL}[[intensity]]\nzones = [\"NL\"]\npassword = \"hunter2\""));
    assert!(error.contains("secrets are never read") && !error.contains("hunter2"), "{error}");

    let (error, _) = refused(&format!("{SMALL}prometheus = {{ url = \"https://me:hunter2@a\" }}"));
    assert!(error.contains("holds a user name or password") && !error.contains("hunter2"), "{error}");
}

#[test]
fn an_unknown_value_is_named_with_the_nearest_known_one() {
    let (error, hint) = refused(&small_with("\"owned\"", "\"onwed\""));
    assert_eq!(error, "line 8: `cluster.boundary` cannot be `onwed`; the nearest known value is `owned`");
    assert_eq!(hint, "known values are `owned`, `colocated`, `cloud`");

    let (error, _) = refused(&small_with("Europe/Amsterdam", "Europe/Amsterdm"));
    assert_eq!(error, "[organisation]: `Europe/Amsterdm` is not a time zone; the nearest known one is `Europe/Amsterdam`");
}

#[test]
fn what_has_no_default_must_be_there_and_the_hint_says_what_to_put() {
    let cases = [
        ("boundary = \"owned\"\n", "", "`boundary` is missing", "\"colocated\""),
        ("\"owned\"", "\"colocated\"", "`colocated_as` is missing", "scope3-category8"),
        ("pue = 1.2", "", "`pue` is missing", "pue = 1.0 where the meter is the facility's own"),
        ("grid_zone = \"NL\"\n", "", "`grid_zone` is missing", "grid_zone = \"NL\""),
        ("name = \"Example BV\"\n", "", "`name` is missing in [organisation]", "name = …"),
    ];
    for (from, to, sentence, advice) in cases {
        let (error, hint) = refused(&small_with(from, to));
        assert!(error.contains(sentence), "{error}");
        assert!(hint.contains(advice), "{hint}");
    }
    let (error, _) = refused("[organisation]\nname = \"a\"\ntime_zone = \"UTC\"");
    assert_eq!(error, "there is no [[cluster]]");
}

#[test]
fn values_that_cannot_be_meant_are_refused() {
    let with_prometheus = |keys: &str| format!("{SMALL}prometheus = {{ url = \"http://a\", {keys} }}");
    let cases = [
        (small_with("pue = 1.2", "pue = 0.9"), "line 10: `cluster.pue`: a PUE is facility energy over IT energy, from 1 to 5, not 0.9"),
        (small_with("pue = 1.2", "pue = \"1.2\""), "line 10: `cluster.pue`: invalid type: string \"1.2\", expected f64"),
        (small_with("\"NL\"", "\"nl\""), "[[cluster]] `prod-nl`: `grid_zone`: `nl` is not a grid zone"),
        (
            format!("{SMALL}[report]\nstep = \"7m\""),
            "[report]: `step`: a step must divide one hour and be at least one minute, and 7m does not",
        ),
        (
            format!("{SMALL}[report]\nstep = \"30s\""),
            "[report]: `step`: a step must divide one hour and be at least one minute, and 30s does not",
        ),
        (
            format!("{SMALL}[report]\nstep = \"2h\""),
            "[report]: `step`: a step must divide one hour and be at least one minute, and 2h does not",
        ),
        (format!("{SMALL}[report]\nmax_gap_share = 5.0"), "line 12: `report.max_gap_share`: a share lies between 0 and 1, not 5"),
        (format!("{SMALL}[evidence]\ndir = \"ftp://bucket/evidence\""), "[evidence]: `dir`: `ftp` is no kind of bucket that is known here"),
        (
            format!("{SMALL}[[cluster.bmc]]\ninstance = \"a\"\nnode = \"n1\"\n[[cluster.bmc]]\ninstance = \"b\"\nnode = \"n1\""),
            "[[cluster]] `prod-nl`: [[cluster.bmc]]: node `n1` is there twice; its energy would count twice",
        ),
        (
            format!("{SMALL}colocated_as = \"scope2\""),
            "[[cluster]] `prod-nl`: `colocated_as` is there, but nothing of it has `boundary = \"colocated\"`",
        ),
        (format!("{SMALL}hardware = \"r74\""), "[[cluster]] `prod-nl`: `hardware = \"r74\"` names a class, but there is no [[hardware]]"),
        (
            format!("{SMALL}prometheus = {{ url = \"127.0.0.1:9090\" }}"),
            "[[cluster]] `prod-nl`: `prometheus.url`: `127.0.0.1:9090` is not the address of a server",
        ),
        (
            with_prometheus("username = \"a\""),
            "[[cluster]] `prod-nl`: `prometheus`: `username` and `password_file` belong together, and one of them is missing",
        ),
        (
            with_prometheus("key_file = \"a\""),
            "[[cluster]] `prod-nl`: `prometheus`: `cert_file` and `key_file` belong together, and one of them is missing",
        ),
        (
            with_prometheus("token_file = \"a\", username = \"b\", password_file = \"c\""),
            "[[cluster]] `prod-nl`: `prometheus`: a server is let in to either by `token_file` or by `username` and `password_file`",
        ),
        (with_prometheus("concurrency = 9"), "[[cluster]] `prod-nl`: `prometheus.concurrency` is 9, and must be 1 to 8"),
        (with_prometheus("timeout = \"2h\""), "[[cluster]] `prod-nl`: `prometheus.timeout`: 2h is not between 1s and 1h"),
        (with_prometheus("replica_labels = [\"a-b\"]"), "[[cluster]] `prod-nl`: `prometheus.replica_labels`: `a-b` is not a label name"),
        (format!("{SMALL}[[cluster.pool]]\nselector = {{}}\ngrid_zone = \"FR\""), "[[cluster]] `prod-nl`, pool 1: `selector` is empty"),
        (format!("{SMALL}name = "), "line 11: this is not TOML: string values must be quoted, expected literal string"),
    ];
    for (text, sentence) in cases {
        assert_eq!(refused(&text).0, sentence);
    }
}

#[test]
fn a_cluster_name_that_cannot_be_a_folder_is_refused() {
    for name in
        ["", ".", "..", "a/b", "../a", "a\\\\b", "-a", "a.", "a..b", "Prod", "a b", "intensity", "prices", "forecasts", &"a".repeat(64)]
    {
        let (error, _) = refused(&small_with("prod-nl", name));
        assert!(error.contains("cannot be a cluster's name"), "{error}");
    }
    for name in ["a", "prod-nl", "eu.west.1", &"a".repeat(63)] {
        assert_eq!(read(&small_with("prod-nl", name)).unwrap().clusters[0].name, name);
    }
}

#[test]
fn clusters_are_sorted_by_name_and_names_are_unique() {
    let second = "[[cluster]]\nname = \"a\"\nboundary = \"cloud\"\ngrid_zone = \"PL\"\npue = 1.1\n";
    let config = read(&format!("{SMALL}{second}")).unwrap();
    assert_eq!(config.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(), ["a", "prod-nl"]);

    let (error, _) = refused(&format!("{SMALL}{second}{second}"));
    assert_eq!(error, "two clusters are named `a`; evidence is kept by name, so names must differ");
}

#[test]
fn intensity_tables_that_leave_something_unsaid_are_refused() {
    let cases = [
        ("zones = [\"NL\"]\nprovider = \"watttime\"", "[[intensity]] 1: `username`, `password_file` and `signal` are needed"),
        ("zones = [\"NL\"]\nprovider = \"neso\"", "[[intensity]] 1: `zones` names `NL`, and this provider has GB only"),
        ("zones = [\"NL\"]\nprovider = \"electricity-maps\"", "[[intensity]] 1: `files` is missing"),
        ("zones = [\"NL\"]\nprovider = \"files\"", "[[intensity]] 1: `files` is missing"),
        (
            "zones = [\"NL\"]\nprovider = \"electricity-maps\"\nendpoint = \"past-range\"",
            "[[intensity]] 1: `token_file` is missing: without it the provider's API is not asked",
        ),
        (
            "zones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]\ntoken_file = \"t\"",
            "[[intensity]] 1: `token_file` is there, but the provider of this table does not use it",
        ),
        ("zones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]\nunit = \"g/MJ\"", "[[intensity]] 1: `g/MJ` is not a unit of intensity"),
        (
            "zones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]\nplausible_gco2e_per_kwh = [10.0, 1.0]",
            "[[intensity]] 1: `plausible_gco2e_per_kwh` is not a range of 0 or more",
        ),
        ("zones = []\nprovider = \"files\"\nfiles = [\"*\"]", "[[intensity]] 1: `zones` is empty"),
        ("zones = [\"NL\", \"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]", "[[intensity]] 1: `zones` names a zone twice"),
        (
            "zones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]\nannual_direct_gco2e_per_kwh = { FR = 50.0 }",
            "[[intensity]] 1: `annual_direct_gco2e_per_kwh` names zone `FR`, which is not in `zones`",
        ),
        (
            "zones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]\nannual_direct_gco2e_per_kwh = { NL = 2600.0 }",
            "[[intensity]] 1: `annual_direct_gco2e_per_kwh` of NL: 2600 g/kWh is outside of 0 to 2000",
        ),
        (
            "zones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]\n[[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = [\"*\"]",
            "[[intensity]]: zone `NL` is in two tables; which factor holds would be unsaid",
        ),
    ];
    for (table, sentence) in cases {
        assert_eq!(refused(&format!("{SMALL}[[intensity]]\n{table}")).0, sentence);
    }
}

#[test]
fn a_providers_api_is_asked_where_the_table_says_how_to_be_let_in() {
    let table = |more: &str| read(&format!("{SMALL}[[intensity]]\n{more}")).unwrap().intensity.remove(0);

    let maps = table("zones = [\"NL\"]\nprovider = \"electricity-maps\"\ntoken_file = \"token\"");
    match maps.api {
        Some(IntensityApi::ElectricityMaps { url, token_file, has_past_range }) => {
            assert_eq!((url.as_str(), has_past_range), ("https://api.electricitymaps.com/v3", false));
            assert_eq!(token_file, PathBuf::from("/etc/wattledger/token"));
        }
        other => panic!("{other:?}"),
    }
    let watttime = "zones = [\"US-CAL-CISO\"]\nprovider = \"watttime\"\nusername = \"u\"\npassword_file = \"p\"\nsignal = \"co2_moer\"\n\
                    regions = { US-CAL-CISO = \"CAISO_NORTH\" }";
    assert_eq!(table(watttime).signal(), Signal::Marginal);
    assert!(matches!(table("zones = [\"GB\"]\nprovider = \"neso\"").api, Some(IntensityApi::Neso { .. })));
    // A marginal series may stand beside the average one of the same zone.
    let average = "[[intensity]]\nzones = [\"US-CAL-CISO\"]\nprovider = \"files\"\nfiles = [\"*\"]\n";
    assert_eq!(read(&format!("{SMALL}[[intensity]]\n{watttime}\n{average}")).unwrap().intensity.len(), 2);
}

#[test]
fn prices_are_read_and_checked() {
    let table = "[[price]]\nzones = [\"NL\"]\nfiles = [\"prices/*.csv\"]\ntime_zone = \"Europe/Amsterdam\"\nunit = \"EUR/MWh\"\n";
    let config = read(&format!("{SMALL}{table}")).unwrap();
    assert_eq!((config.prices[0].time_zone, config.prices[0].unit), (Some(chrono_tz::Europe::Amsterdam), PriceUnit::parse("EUR/MWh")));

    assert_eq!(
        refused(&format!("{SMALL}{table}{table}")).0,
        "[[price]]: zone `NL` is in two tables; put all files of a zone into the `files` of one table"
    );
    let wrong = table.replace("Amsterdam", "Amsterdm");
    assert_eq!(
        refused(&format!("{SMALL}{wrong}")).0,
        "[[price]] 1: `time_zone`: `Europe/Amsterdm` is not a time zone; the nearest known one is `Europe/Amsterdam`"
    );
}

#[test]
fn tables_of_later_are_checked_now() {
    let cases = [
        ("idle_watts = 120.0", "idle_watts = 500.0", "[[hardware]] `r740`: `idle_watts` is above `max_watts`"),
        ("source = \"data sheet\"", "source = \"\"", "[[hardware]] `r740`: `source` is empty; a figure without a source cannot be audited"),
        (
            "hardware = \"r740\"",
            "hardware = \"r74\"",
            "[[cluster]] `prod-nl`, pool 1: `hardware = \"r74\"` names no [[hardware]]; the nearest known one is `r740`",
        ),
        ("period = \"2026\"", "period = \"2026-13\"", "[[instrument]] 1: `period` is a year or a month, as in \"2026\" or \"2026-10\""),
        ("mwh = 40.0", "mwh = -1.0", "[[instrument]] 1: `mwh` must be above 0"),
        (
            "max_delay = \"8h\"",
            "max_delay = \"8 parsecs\"",
            "[[deferrable]]: `max_delay`: `8 parsecs` is not a duration: unknown time unit \"parsecs\", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)",
        ),
    ];
    for (from, to, sentence) in cases {
        assert!(WHOLE.contains(from), "{from}");
        assert_eq!(refused(&WHOLE.replace(from, to)).0, sentence);
    }
}

#[test]
fn intensity_files_are_found_beside_the_configuration_and_a_glob_without_files_is_named_when_collecting() {
    let folder = tempfile::Builder::new().prefix("a[b]").tempdir().unwrap();
    let path = folder.path().join("wattledger.toml");
    std::fs::create_dir(folder.path().join("intensity")).unwrap();
    for name in ["b.csv", "a.csv", "c.txt"] {
        std::fs::write(folder.path().join("intensity").join(name), "").unwrap();
    }
    let with = |files: &str| format!("{SMALL}[[intensity]]\nzones = [\"NL\"]\nprovider = \"files\"\nfiles = {files}");

    std::fs::write(&path, with("[\"intensity/*.csv\", \"intensity/a.*\"]")).unwrap();
    let feed = Config::load(&path).unwrap().intensity.remove(0);
    assert_eq!(feed.files_to_collect().unwrap(), [folder.path().join("intensity/a.csv"), folder.path().join("intensity/b.csv")]);

    std::fs::write(&path, with("[\"intensity/*.csv\", \"other/*.csv\"]")).unwrap();
    let feed = Config::load(&path).unwrap().intensity.remove(0);
    let error = feed.files_to_collect().unwrap_err().to_string();
    assert_eq!(error, format!("no intensity file matches {} (zones NL)", folder.path().join("other/*.csv").display()));
}

#[test]
fn the_digest_is_that_of_the_files_bytes() {
    // What `sha256sum` says of the text of `SMALL`.
    assert_eq!(read(SMALL).unwrap().sha256, "cc91825bd8f99329522cd335727bab4ef35886ed04b4f8347d2c73983473f855");
}

#[test]
fn a_file_that_is_not_there_says_how_to_start() {
    let error = Config::load(Path::new("/nowhere/wattledger.toml")).unwrap_err();

    assert_eq!(format!("{error:#}"), "there is no configuration file /nowhere/wattledger.toml");
    assert!(error.downcast_ref::<Hint>().unwrap().advice().contains("--config sample-data/wattledger.toml"));
}

#[test]
fn the_readmes_configuration_loads_as_it_stands() {
    let readme = include_str!("../../README.md");
    let toml = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();

    let config = read(toml).unwrap();
    assert_eq!(config.clusters[0].name, "prod-nl");
}

#[test]
fn the_documented_feeds_load_as_they_stand() {
    let page = include_str!("../../docs/configuration.md");
    let toml = page.split("## Feeds").nth(1).and_then(|rest| rest.split("```toml\n").nth(1)?.split("```").next()).unwrap();

    let config = read(&format!("{SMALL}{toml}")).unwrap();
    assert_eq!((config.intensity.len(), config.prices.len()), (4, 1));
    assert_eq!(config.intensity.iter().filter(|feed| feed.api.is_some()).count(), 3);
    assert_eq!(config.average_feed("DE").unwrap().unit, IntensityUnit::parse("gCO2e/kWh"));
}

/// A cluster of a cloud with more keys.
fn in_cloud(keys: &str) -> Result<Config> {
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n\n[[cluster]]\nname = \"burst\"\nboundary = \"cloud\"\n{keys}\n"
    );
    Config::from_bytes(text.as_bytes(), Path::new("wattledger.toml"))
}

#[test]
fn a_clouds_region_stands_in_for_zone_and_pue() {
    let site = |keys: &str| in_cloud(keys).unwrap().clusters[0].site.clone();

    let frankfurt = site("region = \"aws/eu-central-1\"");
    assert_eq!((frankfurt.grid_zone.as_str(), frankfurt.pue.get()), ("DE", 1.35));
    assert_eq!(frankfurt.pue_region.as_deref(), Some("aws/eu-central-1"));

    let own = site("region = \"aws/eu-central-1\"\ngrid_zone = \"AT\"\npue = 1.5");
    assert_eq!((own.grid_zone.as_str(), own.pue.get(), own.pue_region), ("AT", 1.5, None));
}

#[test]
fn a_pool_in_another_region_takes_nothing_from_its_clusters_place() {
    let pool = "[[cluster.pool]]\nselector = { place = \"stockholm\" }\nregion = \"aws/eu-north-1\"";
    let config = in_cloud(&format!("grid_zone = \"DE\"\npue = 1.5\n{pool}")).unwrap();
    let site = &config.clusters[0].pools[0].site;

    assert_eq!((site.grid_zone.as_str(), site.pue.get()), ("SE-SE3", 1.1));
}

#[test]
fn a_region_that_cannot_be_is_refused() {
    let wrong = |keys: &str| format!("{:#}", in_cloud(keys).unwrap_err());

    let misspelt = wrong("region = \"aws/eu-centrl-1\"\npue = 1.2");
    assert!(misspelt.contains("nearest known one is `aws/eu-central-1`"), "{misspelt}");
    // The provider states no figure of this one.
    assert!(wrong("region = \"azure/polandcentral\"").contains("`pue` is missing"));
    let owned =
        Config::from_bytes(SMALL.replace("grid_zone = \"NL\"", "region = \"gcp/europe-west4\"").as_bytes(), Path::new("wattledger.toml"));
    assert!(format!("{:#}", owned.unwrap_err()).contains("`region` is a cloud's"));
}

#[test]
fn a_machine_may_be_of_a_class_that_comes_with_the_software() {
    let hardware = |keys: &str| {
        let table = "[[hardware]]\nname = \"r740\"\nidle_watts = 100.0\nmax_watts = 400.0\nsource = \"SPECpower\"";
        in_cloud(&format!("grid_zone = \"DE\"\npue = 1.1\nhardware = \"r740\"\n{table}\n{keys}"))
    };
    let embodied = |keys: &str| hardware(keys).unwrap().clusters[0].site.embodied.clone();

    let known = embodied("embodied_class = \"server-2-cpu-384-gb\"\ngpus = 4").unwrap();
    assert_eq!((known.embodied_kgco2e, known.range_kgco2e), (1_733.0, Some((969.0, 1_848.0))));
    assert_eq!((known.gpus, known.gpu_embodied_kgco2e, known.gpu_factor.as_deref()), (4, 150.0, Some("teads-gpu")));
    assert!(known.source.starts_with("Cloud Carbon Footprint"), "{}", known.source);

    let own = embodied("embodied_kgco2e = 1200.0\ngpus = 1\ngpu_embodied_kgco2e = 300.0").unwrap();
    assert_eq!((own.embodied_kgco2e, own.gpu_embodied_kgco2e, own.factor, own.gpu_factor), (1_200.0, 300.0, None, None));
    assert_eq!(embodied(""), None);

    let wrong = |keys: &str| format!("{:#}", hardware(keys).unwrap_err());
    assert!(wrong("embodied_class = \"server-3-cpu\"").contains("nearest known one is `server-1-cpu`"));
    assert!(wrong("embodied_class = \"server\"\nembodied_kgco2e = 1.0").contains("one of them is enough"));
    assert!(wrong("embodied_kgco2e = 1200.0\nembodied_range_kgco2e = [1300.0, 1400.0]").contains("does not hold"));
}

#[test]
fn the_documented_deferral_loads_beside_a_cluster() {
    let page = include_str!("../../docs/configuration.md");
    let block =
        page.split("```toml\n").filter_map(|rest| rest.split("```").next()).find(|block| block.contains("[[decision_log]]\n")).unwrap();

    let config = read(&format!("{SMALL}{block}")).unwrap();
    assert_eq!(config.baseline.deferrable[0].names, ["train-*"]);
    assert_eq!((config.decision_logs.len(), config.prices.len()), (1, 1));
}

#[test]
fn the_baseline_policy_has_a_hash_of_its_own_that_nothing_else_moves() {
    let hash = |text: &str| read(text).unwrap().baseline.sha256();
    let rule = "[[deferrable]]\nnamespaces = [\"ml-*\"]\nnames = [\"train-*\"]\nmax_delay = \"8h\"\noverhead_kwh = 0.01\noverhead_source = \"measured in May\"\n";
    let whole = format!("{SMALL}{rule}[counterfactual]\nsuggested_max_delay = \"6h\"\nhold_out = {{ share = 0.1, seed = \"2026\" }}\n");

    assert_eq!(hash(&whole), hash(&format!("# a remark\n{whole}")));
    assert_ne!(hash(&whole), hash(&whole.replace("8h", "9h")));
    assert_ne!(hash(&whole), hash(&whole.replace("2026", "2027")));
    let policy = read(&whole).unwrap().baseline;
    assert_eq!((policy.suggested_max_delay_seconds, policy.hold_out.unwrap().share), (6 * 3_600, 0.1));
    assert!(refused(&whole.replace("overhead_source = \"measured in May\"\n", "")).0.contains("`overhead_source` is missing"));
    assert!(refused(&whole.replace("share = 0.1", "share = 1.1")).0.contains("`share` lies between 0 and 1"));
}

#[test]
fn what_is_acted_on_has_documented_defaults_and_keys_of_its_own() {
    let (small, whole) = (read(SMALL).unwrap(), read(WHOLE).unwrap());
    let minutes = |policy: OutlookPolicy| {
        [policy.max_age, policy.forecast_max_age, policy.forecast_horizon, policy.ask_every].map(|duration| duration.as_secs() / 60)
    };
    assert_eq!((minutes(small.outlook), minutes(whole.outlook)), ([90, 360, 2_880, 10], [45, 180, 4_320, 5]));
    let levels = |low_below, medium_below, hysteresis| LevelPolicy { low_below, medium_below, hysteresis };
    assert_eq!((small.label.levels, whole.label.levels), (levels(150.0, 300.0, 10.0), levels(100.0, 250.0, 5.0)));
    assert_eq!((small.label.every.as_secs(), whole.label.every.as_secs()), (900, 300));
}

#[test]
fn ages_and_thresholds_that_cannot_be_meant_are_refused() {
    for (keys, expected) in [
        ("[outlook]\nmax_age = \"0s\"", "[outlook]: `max_age` is 0s, and must be 1m to 7d"),
        ("[outlook]\nask_every = \"soon\"", "[outlook]: `ask_every`"),
        ("[outlook]\nforecast_max_age = \"8d\"", "[outlook]: `forecast_max_age` is 8d, and must be 1m to 7d"),
        ("[label]\nlow_below = 300.0", "[label]: `low_below` is 300 and `medium_below` 300"),
        ("[label]\nlow_below = -1.0", "[label]: `low_below` is -1"),
        ("[label]\nmedium_below = inf", "[label]: `low_below` is 150 and `medium_below` inf"),
        ("[label]\nhysteresis = 150.0", "[label]: `hysteresis` is 150"),
        ("[label]\nhysteresis = -0.5", "[label]: `hysteresis` is -0.5"),
        ("[label]\nevery = \"1s\"", "[label]: `every` is 1s, and must be 1m to 24h"),
    ] {
        let (error, _) = refused(&format!("{SMALL}{keys}"));
        assert!(error.starts_with(expected), "{error}");
    }
}
