//! From the configuration as written to the configuration as meant.
//!
//! In: [`Raw`], the file's path. Out: [`Config`]. Rule: defaults are filled in here and nowhere else;
//! what would silently not be done as written is refused.
//! Assumes: serde has checked types and single values. Does not: open what the file names; only globs look at folders.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::feeds;
use super::misread::nearest;
use super::raw::{self, Raw};
use super::{
    Cluster, Config, Kubernetes, Place, Pool, Prometheus, ReportPolicy, Site, baseline, check, engine, evidence, group, inventory, label,
    operator, outlook, sealing, serve,
};
use crate::factors::{Factors, Region};
use crate::model::policy::Pull;
use crate::model::{Boundary, ColocatedAs, EmbodiedTerms, Exporter, Hint, NodeTerms, Placement, PowerRange, sha256};
use crate::units::Pue;

const DEFAULT_STEP: &str = "15m";
const DEFAULT_MAX_GAP_SHARE: f64 = 0.05;
const DEFAULT_COST_CENTRE_LABEL: &str = "cost-centre";

/// `path` is the configuration file's own, and only shown.
pub(super) fn resolve(raw: Raw, path: &Path, place: &Place, bytes: &[u8]) -> Result<Config> {
    let folder = place.folder();
    let factors = Factors::embedded()?;
    check::inventory_tables(&raw, &factors)?;
    ensure!(!raw.organisation.name.trim().is_empty(), "[organisation]: `name` is empty");
    let mut clusters =
        raw.cluster.iter().map(|cluster| self::cluster(cluster, &raw.hardware, &factors, folder)).collect::<Result<Vec<_>>>()?;
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    if clusters.is_empty() {
        bail!(Hint::new(
            "there is no [[cluster]]",
            "add one with `name`, `prometheus`, `boundary`, `grid_zone` and `pue`; README.md shows how"
        ));
    }
    if let Some(pair) = clusters.windows(2).find(|pair| pair[0].name == pair[1].name) {
        bail!("two clusters are named `{}`; evidence is kept by name, so names must differ", pair[0].name);
    }
    let revenue = inventory::revenue("[organisation]", raw.organisation.currency.as_deref(), &raw.organisation.net_revenue)?;
    let group = group::group(&raw, &revenue.currency, &clusters)?;
    Ok(Config {
        path: path.to_owned(),
        sha256: sha256(bytes),
        bytes: bytes.to_vec(),
        time_zone: time_zone(&raw.organisation.time_zone).context("[organisation]")?,
        organisation: raw.organisation.name,
        report: report(&raw.report)?,
        evidence: evidence::place(&raw.evidence, folder)?,
        intensity: feeds::intensity(raw.intensity, place)?,
        prices: feeds::prices(raw.price, place)?,
        lei: inventory::lei("[organisation]", raw.organisation.lei.as_deref())?,
        revenue,
        group,
        instruments: inventory::instruments(&raw.instrument, &raw.cluster, folder)?,
        losses: inventory::losses(raw.losses),
        factor_files: inventory::factor_files(&raw.factors.files, place)?,
        uncertainty: inventory::uncertainty(raw.uncertainty)?,
        functional_units: inventory::functional_units(raw.functional_unit, &raw.cluster)?,
        published_years: inventory::published_years(raw.published_year)?,
        baseline: baseline::policy(raw.deferrable, raw.counterfactual, &clusters)?,
        decision_logs: baseline::decision_logs(raw.decision_log, place)?,
        sealing: sealing::sealing(raw.seal, folder)?,
        engine: engine::policy(raw.engine, folder)?,
        outlook: outlook::policy(&raw.outlook)?,
        label: label::policy(&raw.label)?,
        serve: serve::serve(raw.serve, folder)?,
        operator_maps: operator::maps(raw.carbon_aware_keda_operator, &clusters)?,
        clusters,
    })
}

pub(super) fn time_zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        let names: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        anyhow::Error::new(Hint::new(
            format!("`{name}` is not a time zone; the nearest known one is `{}`", nearest(name, &names)),
            "time zones are named as in the IANA database: \"Europe/Amsterdam\", \"UTC\"",
        ))
    })
}

fn report(raw: &raw::Report) -> Result<ReportPolicy> {
    let step = raw.step.as_deref().unwrap_or(DEFAULT_STEP);
    Ok(ReportPolicy {
        disclosure: match raw.disclosure {
            raw::Disclosure::EsrsSet1 => "esrs-set1",
            raw::Disclosure::EsrsRevisedDraft => "esrs-revised-draft",
            raw::Disclosure::Vsme => "vsme",
        }
        .to_owned(),
        location_based: raw.location_based,
        idle: raw.idle,
        step_seconds: step_seconds(step).context("[report]: `step`")?,
        tails: raw.tails,
        max_gap_share: raw.max_gap_share.map_or(DEFAULT_MAX_GAP_SHARE, |share| share.get()),
        cost_centre_label: label(raw.cost_centre_label.as_deref().unwrap_or(DEFAULT_COST_CENTRE_LABEL))
            .context("[report]: `cost_centre_label`")?,
        is_cost_centre_asked_for: raw.cost_centre_label.is_some(),
    })
}

/// The key of a Kubernetes label, `cost-centre` or `example.com/cost-centre`; another text would match nothing.
fn label(key: &str) -> Result<String> {
    let name = key.split_once('/').map_or(key, |(_, name)| name);
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'));
    let has_ends = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !is_plain(key) || !has_ends || name.len() > 63 || name.contains('/') {
        bail!(Hint::new(
            format!("`{key}` is not the key of a Kubernetes label"),
            "write it as the namespaces carry it: \"cost-centre\" or \"example.com/cost-centre\"",
        ));
    }
    Ok(key.to_owned())
}

/// A step divides the hour, so that hourly intensities and the hours of a day never cut one.
fn step_seconds(text: &str) -> Result<i64> {
    let seconds = whole_seconds(text)?;
    if seconds < 60 || 3_600 % seconds != 0 {
        bail!(Hint::new(
            format!("a step must divide one hour and be at least one minute, and {text} does not"),
            "for example 5m, 10m, 15m, 30m or 1h"
        ));
    }
    Ok(seconds)
}

pub(super) fn whole_seconds(text: &str) -> Result<i64> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| Hint::new(format!("`{text}` is not a duration: {error}"), "write durations as \"15m\", \"8h\" or \"1h 30m\""))?;
    ensure!(duration.subsec_nanos() == 0, "`{text}` is not a whole number of seconds");
    i64::try_from(duration.as_secs()).with_context(|| format!("`{text}` is too long"))
}

fn cluster(raw: &raw::Cluster, classes: &[raw::Hardware], factors: &Factors, folder: &Path) -> Result<Cluster> {
    check::cluster_name(&raw.name)?;
    let own = SiteKeys {
        entity: raw.entity.as_deref(),
        boundary: raw.boundary,
        colocated_as: raw.colocated_as,
        grid_zone: raw.grid_zone.as_deref(),
        home_zone: raw.home_zone.as_deref(),
        pue: raw.pue,
        region: raw.region.as_deref(),
        embodied: inventory::embodied(raw.hardware.as_deref(), raw.in_service, classes, factors),
    };
    let within = |what: &str| format!("[[cluster]] `{}`{what}", raw.name);
    let site = own.site(factors).with_context(|| within(""))?;
    let metering = metering(raw.exporter, raw.hardware.as_deref(), classes).with_context(|| within(""))?;
    let bmc = check::bmc(&raw.bmc).with_context(|| within(""))?;
    let mut pools = Vec::new();
    for (i, pool) in raw.pool.iter().enumerate() {
        let place = || within(&format!(", pool {}", i + 1));
        if pool.selector.is_empty() {
            bail!(Hint::new(
                format!("{}: `selector` is empty", place()),
                "name at least one node label; what holds for all nodes belongs to the cluster itself",
            ));
        }
        let hardware = pool.hardware.as_deref().or(raw.hardware.as_deref());
        let metering = self::metering(pool.exporter.or(raw.exporter), hardware, classes).with_context(place)?;
        let boundary = pool.boundary.or(own.boundary);
        // A pool in a region of its own is elsewhere: zone and PUE of the cluster's are not its own. Machines that no cloud runs are in no region.
        let keys = SiteKeys {
            entity: pool.entity.as_deref().or(own.entity),
            boundary,
            colocated_as: pool.colocated_as.or(own.colocated_as),
            grid_zone: pool.grid_zone.as_deref().or(own.grid_zone.filter(|_| pool.region.is_none())),
            home_zone: pool.home_zone.as_deref().or(own.home_zone),
            pue: pool.pue.or(own.pue.filter(|_| pool.region.is_none())),
            region: pool.region.as_deref().or(own.region.filter(|_| boundary == Some(Boundary::Cloud))),
            embodied: inventory::embodied(hardware, pool.in_service.or(raw.in_service), classes, factors),
        };
        pools.push(Pool { selector: pool.selector.clone(), site: keys.site(factors).with_context(place)?, metering });
    }
    let is_anything_colocated = site.boundary == Boundary::Colocated || pools.iter().any(|pool| pool.site.boundary == Boundary::Colocated);
    ensure!(
        is_anything_colocated || (raw.colocated_as.is_none() && raw.pool.iter().all(|pool| pool.colocated_as.is_none())),
        "{}: `colocated_as` is there, but nothing of it has `boundary = \"colocated\"`",
        within("")
    );
    let prometheus = raw.prometheus.as_ref().map(|server| prometheus(server, folder)).transpose().with_context(|| within(""))?;
    let kubernetes = raw
        .kubernetes
        .as_ref()
        .map(|api| Kubernetes { kubeconfig: api.kubeconfig.as_deref().map(|file| folder.join(file)), context: api.context.clone() });
    Ok(Cluster { name: raw.name.clone(), prometheus, kubernetes, metering, bmc, site, pools })
}

/// How a set of nodes is metered; a hardware class is looked up by its name.
fn metering(exporter: Option<Exporter>, hardware: Option<&str>, classes: &[raw::Hardware]) -> Result<NodeTerms> {
    let hardware = hardware.map(|name| check::hardware_class(name, classes)).transpose()?;
    let power = |class: &raw::Hardware| PowerRange {
        name: class.name.clone(),
        idle_watts: class.idle_watts,
        max_watts: class.max_watts,
        source: class.source.clone(),
    };
    Ok(NodeTerms { exporter: exporter.unwrap_or_default(), hardware: hardware.map(power) })
}

fn prometheus(raw: &raw::Prometheus, folder: &Path) -> Result<Prometheus> {
    check::prometheus_url(&raw.url)?;
    check::prometheus_login(raw)?;
    check::label_names(raw.selector.keys()).context("`prometheus.selector`")?;
    check::label_names(raw.replica_labels.iter().flatten()).context("`prometheus.replica_labels`")?;
    let usual = Pull::default();
    let pull = Pull {
        read: raw.read,
        timeout: raw.timeout.as_deref().map_or(Ok(usual.timeout), request_timeout).context("`prometheus.timeout`")?,
        concurrency: raw.concurrency.unwrap_or(usual.concurrency),
        replica_labels: raw.replica_labels.clone().unwrap_or(usual.replica_labels),
    };
    ensure!((1..=8).contains(&pull.concurrency), "`prometheus.concurrency` is {}, and must be 1 to 8", pull.concurrency);
    let file = |name: &Option<String>| name.as_deref().map(|name| folder.join(name));
    Ok(Prometheus {
        url: raw.url.trim_end_matches('/').to_owned(),
        token_file: file(&raw.token_file),
        username: raw.username.clone(),
        password_file: file(&raw.password_file),
        cert_file: file(&raw.cert_file),
        key_file: file(&raw.key_file),
        ca_file: file(&raw.ca_file),
        tenant: raw.tenant.clone(),
        pull,
        selector: raw.selector.clone(),
    })
}

fn request_timeout(text: &str) -> Result<Duration> {
    let seconds = whole_seconds(text)?;
    ensure!((1..=3_600).contains(&seconds), "{text} is not between 1s and 1h");
    Ok(Duration::from_secs(seconds.cast_unsigned()))
}

/// The keys that say where nodes are, of a cluster or of a pool over its cluster.
struct SiteKeys<'a> {
    entity: Option<&'a str>,
    boundary: Option<Boundary>,
    colocated_as: Option<ColocatedAs>,
    grid_zone: Option<&'a str>,
    home_zone: Option<&'a str>,
    pue: Option<Pue>,
    region: Option<&'a str>,
    embodied: Option<EmbodiedTerms>,
}

impl SiteKeys<'_> {
    fn site(&self, factors: &Factors) -> Result<Site> {
        let Some(boundary) = self.boundary else {
            bail!(Hint::new(
                "`boundary` is missing; it decides the scope of all emissions and has no default",
                "put boundary = \"owned\" (you buy the electricity), \"colocated\" (your machines in another's building) or \"cloud\"",
            ));
        };
        let Some(placement) = Placement::of(boundary, self.colocated_as) else {
            bail!(Hint::new(
                "`colocated_as` is missing; practice differs, so `boundary = \"colocated\"` needs it",
                "put colocated_as = \"scope2\" (purchased electricity under your control) or \"scope3-category8\" (a leased asset)",
            ));
        };
        let region = self.region.map(|name| check::cloud_region(name, boundary)).transpose()?;
        let Some(grid_zone) = self.grid_zone.or(region.map(|region| region.grid_zone.as_str())) else {
            bail!(Hint::new("`grid_zone` is missing", "put the Electricity Maps zone of the building, as in grid_zone = \"NL\""));
        };
        let published = region.filter(|_| self.pue.is_none()).map(|region| check::published_pue(region, factors)).transpose()?.flatten();
        let Some(pue) = self.pue.or(published) else {
            bail!(Hint::new(
                "`pue` is missing; it has no default",
                "put the building's facility energy over IT energy, as in pue = 1.3; pue = 1.0 where the meter is the facility's own",
            ));
        };
        check::grid_zone(grid_zone).context("`grid_zone`")?;
        self.home_zone.map(check::grid_zone).transpose().context("`home_zone`")?;
        Ok(Site {
            entity: self.entity.map(str::to_owned),
            boundary,
            placement,
            grid_zone: grid_zone.to_owned(),
            home_zone: self.home_zone.map(str::to_owned),
            pue,
            pue_region: published.and(region).map(Region::name),
            embodied: self.embodied.clone(),
        })
    }
}
