//! Checks of single values that serde does not make: names, zones, addresses, and the tables whose figures come later.
//!
//! In: values as written. Out: nothing, or what is wrong and what to write instead. Rule: what becomes a folder name or a label matcher is
//! checked before it is used as one. Assumes: nothing. Does not: resolve.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::NaiveDate;

use super::misread::nearest;
use super::raw::{Bmc, Hardware, Prometheus, Raw};
use crate::factors::{Factors, Quantity, Region};
use crate::model::{Boundary, Hint};
use crate::units::{GramsCo2ePerKilowattHour, Pue};

/// Folders of the evidence that stand beside those of the clusters.
const RESERVED_CLUSTER_NAMES: [&str; 7] = ["closed", "decisions", "engine", "forecasts", "intensity", "prices", "recorder"];

/// A cluster's name is a folder of the evidence: letters, digits and dashes as in RFC 1123, dots within.
pub(super) fn cluster_name(name: &str) -> Result<()> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let has_good_ends = |text: &str| {
        let ends = [text.bytes().next(), text.bytes().last()];
        ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
    };
    if name.len() > 63 || !name.bytes().all(is_inner) || !has_good_ends(name) || name.contains("..") {
        bail!(Hint::new(
            format!("[[cluster]]: `{}` cannot be a cluster's name", name.escape_debug()),
            "use at most 63 small letters, digits, dashes and dots, beginning and ending with a letter or digit, as in \"prod-nl\"",
        ));
    }
    ensure!(
        !RESERVED_CLUSTER_NAMES.contains(&name),
        "[[cluster]]: `{name}` cannot be a cluster's name, because evidence keeps something else in the folder of that name"
    );
    Ok(())
}

/// Grid zones are written as Electricity Maps writes them.
pub fn grid_zone(zone: &str) -> Result<()> {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if zone.len() > 32 || !zone.split('-').all(is_part) {
        bail!(Hint::new(
            format!("`{}` is not a grid zone", zone.escape_debug()),
            "zones are written as Electricity Maps writes them: \"NL\", \"DE\", \"SE-SE3\", \"US-CAL-CISO\"",
        ));
    }
    Ok(())
}

/// A cloud's region, by its name.
pub(super) fn cloud_region(name: &str, boundary: Boundary) -> Result<&'static Region> {
    if boundary != Boundary::Cloud {
        bail!(Hint::new(
            "`region` is a cloud's, and `boundary` is another",
            "put boundary = \"cloud\" where a cloud provider runs the machines, or `grid_zone` and `pue` instead of `region`",
        ));
    }
    let Some(region) = Region::find(name) else {
        let names: Vec<String> = Region::all().iter().map(Region::name).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        bail!(Hint::new(
            format!("`region = \"{}\"` is not known; the nearest known one is `{}`", name.escape_debug(), nearest(name, &known)),
            "regions are written as \"aws/eu-central-1\", \"azure/westeurope\", \"gcp/europe-west4\"; for one that is not known put `grid_zone` and `pue` instead",
        ));
    };
    Ok(region)
}

/// The newest PUE that the provider states of a region; none where none is known.
pub(super) fn published_pue(region: &Region, factors: &Factors) -> Result<Option<Pue>> {
    let factor = factors.find(Quantity::Pue, &region.name(), NaiveDate::MAX);
    factor.map(|factor| Pue::try_from(factor.value).map_err(|error| anyhow!("{error}"))).transpose()
}

pub(super) fn prometheus_url(url: &str) -> Result<()> {
    server_url("prometheus.url", url)
}

/// The address of a server, without anything that is secret.
pub(super) fn server_url(key: &str, url: &str) -> Result<()> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.map_or("", |rest| rest.split(['/', '?', '#']).next().unwrap_or(""));
    // The address itself is not repeated: it may hold a password.
    if host.contains('@') {
        bail!(Hint::new(
            format!("`{key}` holds a user name or password: secrets are never read from the configuration itself"),
            "write it to a file and name that: `username` and password_file = \"/path/to/password\", or token_file = \"/path/to/token\"",
        ));
    }
    if host.is_empty() || url.contains(['?', '#']) || url.contains(char::is_whitespace) {
        bail!(Hint::new(
            format!("`{key}`: `{}` is not the address of a server", url.escape_debug()),
            "write it as \"http://127.0.0.1:9090\", with the path before /api/v1 where there is one",
        ));
    }
    Ok(())
}

/// Keys that let us in come in pairs, and in one way.
pub(super) fn prometheus_login(raw: &Prometheus) -> Result<()> {
    let pairs = [
        ("username", raw.username.is_some(), "password_file", raw.password_file.is_some()),
        ("cert_file", raw.cert_file.is_some(), "key_file", raw.key_file.is_some()),
    ];
    for (first, has_first, second, has_second) in pairs {
        ensure!(has_first == has_second, "`prometheus`: `{first}` and `{second}` belong together, and one of them is missing");
    }
    ensure!(
        raw.token_file.is_none() || raw.username.is_none(),
        "`prometheus`: a server is let in to either by `token_file` or by `username` and `password_file`"
    );
    Ok(())
}

/// Names of labels, as a query's matchers have them.
pub(super) fn label_names<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    for name in names {
        let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let is_name = name.bytes().next().is_some_and(is_first) && name.bytes().all(|byte| is_first(byte) || byte.is_ascii_digit());
        ensure!(is_name, "`{}` is not a label name", name.escape_debug());
    }
    Ok(())
}

pub(super) fn hardware_class<'a>(name: &str, classes: &'a [Hardware]) -> Result<&'a Hardware> {
    if classes.is_empty() {
        bail!("`hardware = \"{name}\"` names a class, but there is no [[hardware]]");
    }
    let known: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let class = classes.iter().find(|class| class.name == name);
    class.ok_or_else(|| anyhow!("`hardware = \"{name}\"` names no [[hardware]]; the nearest known one is `{}`", nearest(name, &known)))
}

/// Nodes by the scrape address of what reads their management controller. One controller is one node's, and a node has one.
pub(super) fn bmc(tables: &[Bmc]) -> Result<BTreeMap<String, String>> {
    let mut nodes = BTreeMap::new();
    for table in tables {
        ensure!(!table.instance.is_empty() && !table.node.is_empty(), "[[cluster.bmc]]: `instance` and `node` must not be empty");
        let is_taken = nodes.values().any(|node| *node == table.node);
        ensure!(!is_taken, "[[cluster.bmc]]: node `{}` is there twice; its energy would count twice", table.node);
        ensure!(
            nodes.insert(table.instance.clone(), table.node.clone()).is_none(),
            "[[cluster.bmc]]: instance `{}` is there twice",
            table.instance
        );
    }
    Ok(nodes)
}

pub(super) fn annual_factors(factors: &BTreeMap<String, f64>, zones: &[String]) -> Result<()> {
    for (zone, value) in factors {
        ensure!(zones.contains(zone), "`annual_direct_gco2e_per_kwh` names zone `{zone}`, which is not in `zones`");
        factor(*value).with_context(|| format!("`annual_direct_gco2e_per_kwh` of {zone}"))?;
    }
    Ok(())
}

/// Method, section 6: outside of 0 to 2,000 g/kWh a value is refused.
fn factor(value: f64) -> Result<()> {
    let largest = GramsCo2ePerKilowattHour::LARGEST_PLAUSIBLE;
    ensure!(GramsCo2ePerKilowattHour::new(value).is_plausible(), "{value} g/kWh is outside of 0 to {largest}");
    Ok(())
}

/// Tables behind figures beside the metered ones: what can be wrong in them is said now, not in the month in which they first count.
pub(super) fn inventory_tables(raw: &Raw, factors: &Factors) -> Result<()> {
    let mut names = BTreeSet::new();
    for class in &raw.hardware {
        let place = || format!("[[hardware]] `{}`", class.name);
        ensure!(names.insert(class.name.as_str()), "{}: two classes have this name", place());
        let watts = [class.idle_watts, class.max_watts];
        ensure!(watts.iter().all(|value| value.is_finite() && *value >= 0.0), "{}: watts must be 0 or more", place());
        ensure!(class.idle_watts <= class.max_watts, "{}: `idle_watts` is above `max_watts`", place());
        embodied(class, factors).with_context(place)?;
        let others = [class.embodied_kgco2e, class.gpu_embodied_kgco2e, class.life_years];
        ensure!(
            others.iter().flatten().all(|value| value.is_finite() && *value > 0.0),
            "{}: `embodied_kgco2e`, `gpu_embodied_kgco2e` and `life_years` must be above 0",
            place()
        );
        ensure!(!class.source.is_empty(), "{}: `source` is empty; a figure without a source cannot be audited", place());
    }
    for (i, instrument) in raw.instrument.iter().enumerate() {
        let place = || format!("[[instrument]] {}", i + 1);
        grid_zone(&instrument.zone).with_context(place)?;
        ensure!(instrument.mwh.is_finite() && instrument.mwh > 0.0, "{}: `mwh` must be above 0", place());
        factor(instrument.factor_gco2e_per_kwh).context("`factor_gco2e_per_kwh`").with_context(place)?;
        ensure!(is_year_or_month(&instrument.period), "{}: `period` is a year or a month, as in \"2026\" or \"2026-10\"", place());
        ensure!(!instrument.evidence.is_empty(), "{}: `evidence` is empty", place());
    }
    let mut zones = BTreeSet::new();
    for losses in &raw.losses {
        grid_zone(&losses.zone).context("[[losses]]")?;
        ensure!(losses.share.get() < 0.5, "[[losses]] of {}: a share of {} is not that of a grid", losses.zone, losses.share.get());
        ensure!(zones.insert(losses.zone.as_str()), "[[losses]]: zone `{}` is there twice", losses.zone);
        ensure!(!losses.source.is_empty(), "[[losses]] of {}: `source` is empty; a figure without a source cannot be audited", losses.zone);
    }
    Ok(())
}

/// One figure of a machine's making, with a range that holds it.
fn embodied(class: &Hardware, factors: &Factors) -> Result<()> {
    if let Some(name) = &class.embodied_class {
        ensure!(class.embodied_kgco2e.is_none(), "`embodied_class` and `embodied_kgco2e` are there, and one of them is enough");
        let known: Vec<&str> =
            factors.rows().iter().filter(|row| row.quantity == Quantity::ServerEmbodied).map(|row| row.geography.as_str()).collect();
        ensure!(known.contains(&name.as_str()), "`embodied_class` is `{name}`; the nearest known one is `{}`", nearest(name, &known));
    }
    if let Some([low, high]) = class.embodied_range_kgco2e {
        let Some(value) = class.embodied_kgco2e else {
            bail!("`embodied_range_kgco2e` is the range of `embodied_kgco2e`, which is missing")
        };
        ensure!(0.0 < low && low <= value && value <= high && high.is_finite(), "`embodied_range_kgco2e` does not hold `embodied_kgco2e`");
    }
    Ok(())
}

pub(super) fn is_year_or_month(text: &str) -> bool {
    let (year, month) = text.split_once('-').unwrap_or((text, "01"));
    let is_digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(year, 4) && is_digits(month, 2) && ("01"..="12").contains(&month)
}
