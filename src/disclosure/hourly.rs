//! The hourly ledger: what each workload of a cluster used in each UTC hour, in columns, one cluster-day at a time.
//!
//! In: the month's plan, inventory and market-based account, and the fold of each cluster-day in the order of time. Out: a [`LedgerDay`].
//! Rule: a row is one cluster, namespace, workload and hour, summed over the cluster's sites; it is placed in scopes as the statement's rows are, so rows
//! add up to those to the last unit. The market-based figure is the workload's part of the month, shared among its hours (`accounting::scopes::market`).
//! What only a month has is not in it: what making machines emitted belongs to no hour. Assumes: days of a cluster come in order, all of them.
//! Does not: keep a day, or write.

use std::collections::BTreeMap;

use super::figure_ids;
use crate::accounting::dimensions::DayDimensions;
use crate::accounting::inventory::{Inventory, WorkloadKey};
use crate::accounting::ledger::{DayFold, Sums, WorkloadHour};
use crate::accounting::plan::Plan;
use crate::accounting::scopes::cost_centres::is_nobodys;
use crate::accounting::scopes::market::{Market, MarketHours};
use crate::model::policy::LocationBased;
use crate::model::{GAP, GAP_ROW, IDLE, IDLE_ROW, Placement, SYSTEM, SYSTEM_ROW};
use crate::units::UtcDay;

/// Rows of one cluster-day, sorted by hour, namespace, workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerDay {
    pub cluster: String,
    /// Namespace and workload.
    pub names: Vec<(String, String)>,
    /// By index of `names`: the cost centre of the namespace on the day.
    pub cost_centres: Vec<String>,
    pub places: Vec<Place>,
    /// Since the epoch.
    pub hour: Vec<i32>,
    /// Index into `names`.
    pub name: Vec<u32>,
    /// Index into `places`.
    pub place: Vec<u32>,
    pub active_mj: Vec<i64>,
    pub idle_mj: Vec<i64>,
    pub system_mj: Vec<i64>,
    pub metered_mj: Vec<i64>,
    pub gap_mj: Vec<i64>,
    pub allocated_mj: Vec<i64>,
    pub modelled_mj: Vec<i64>,
    pub facility_mj: Vec<i64>,
    pub operational_hourly_ugco2e: Vec<i64>,
    pub operational_annual_ugco2e: Vec<Option<i64>>,
    pub upstream_ugco2e: Vec<Option<i64>>,
    pub losses_ugco2e: Vec<Option<i64>>,
    pub scope2_location_based_ugco2e: Vec<i64>,
    pub scope2_location_based_annual_ugco2e: Vec<Option<i64>>,
    pub scope2_market_based_ugco2e: Vec<Option<i64>>,
    pub scope3_category_1_electricity_ugco2e: Vec<Option<i64>>,
    pub scope3_category_3_ugco2e: Vec<Option<i64>>,
    pub scope3_category_8_ugco2e: Vec<Option<i64>>,
}

/// Where the electricity of a row was used: of several sites, all of them, joined by `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub grid_zone: String,
    /// `scope2`, `scope3-category1`, `scope3-category8`.
    pub placement: String,
}

/// A column of figures.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    Known(&'a [i64]),
    /// None is unknown, which is not zero.
    MayBeUnknown(&'a [Option<i64>]),
}

impl Column<'_> {
    pub fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::Known(values) => Some(values[row]),
            Self::MayBeUnknown(values) => values[row],
        }
    }
}

impl LedgerDay {
    pub fn len(&self) -> usize {
        self.hour.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hour.is_empty()
    }

    /// The columns of figures by name, in the order in which every format has them.
    pub fn figures(&self) -> [(&'static str, Column<'_>); 18] {
        use Column::{Known, MayBeUnknown};
        [
            ("active_mj", Known(&self.active_mj)),
            ("idle_mj", Known(&self.idle_mj)),
            ("system_mj", Known(&self.system_mj)),
            ("metered_mj", Known(&self.metered_mj)),
            ("gap_mj", Known(&self.gap_mj)),
            ("allocated_mj", Known(&self.allocated_mj)),
            ("modelled_mj", Known(&self.modelled_mj)),
            ("facility_mj", Known(&self.facility_mj)),
            ("operational_hourly_ugco2e", Known(&self.operational_hourly_ugco2e)),
            ("operational_annual_ugco2e", MayBeUnknown(&self.operational_annual_ugco2e)),
            ("upstream_ugco2e", MayBeUnknown(&self.upstream_ugco2e)),
            ("losses_ugco2e", MayBeUnknown(&self.losses_ugco2e)),
            ("scope2_location_based_ugco2e", Known(&self.scope2_location_based_ugco2e)),
            ("scope2_location_based_annual_ugco2e", MayBeUnknown(&self.scope2_location_based_annual_ugco2e)),
            ("scope2_market_based_ugco2e", MayBeUnknown(&self.scope2_market_based_ugco2e)),
            ("scope3_category_1_electricity_ugco2e", MayBeUnknown(&self.scope3_category_1_electricity_ugco2e)),
            ("scope3_category_3_ugco2e", MayBeUnknown(&self.scope3_category_3_ugco2e)),
            ("scope3_category_8_ugco2e", MayBeUnknown(&self.scope3_category_8_ugco2e)),
        ]
    }

    /// The row's id, by which it is sampled and explained.
    pub fn id(&self, row: usize) -> String {
        let (namespace, workload) = &self.names[self.name[row] as usize];
        figure_ids::row(&self.cluster, namespace, workload, self.hour[row])
    }

    /// The ids of rows that are asked for one after the other.
    pub fn ids(&self) -> RowIds<'_> {
        RowIds { day: self, names: vec![String::new(); self.names.len()], hour: i32::MIN, instant: String::new(), id: String::new() }
    }

    /// One row of a site by itself, with the figures that any row has: for whoever looks into a row. Of a part of a month the market-based one is not known.
    pub fn of_sums(plan: &Plan<'_>, (cluster, site): (usize, usize), sums: &Sums) -> Self {
        let (mut day, mut row) = (Self::default(), Row::default());
        row.add(plan, (cluster, site), sums, None);
        day.push(0, 0, 0, &row);
        day
    }

    fn push(&mut self, hour: i32, name: u32, place: u32, row: &Row) {
        let Row { sums, scopes } = row;
        self.hour.push(hour);
        self.name.push(name);
        self.place.push(place);
        self.active_mj.push(sums.active_mj);
        self.idle_mj.push(sums.idle_mj);
        self.system_mj.push(sums.system_mj);
        self.metered_mj.push(sums.active_mj + sums.idle_mj + sums.system_mj);
        self.gap_mj.push(sums.gap_mj);
        self.allocated_mj.push(sums.allocated_mj);
        self.modelled_mj.push(sums.modelled_mj);
        self.facility_mj.push(sums.facility_mj);
        self.operational_hourly_ugco2e.push(sums.operational_hourly_ugco2e);
        self.operational_annual_ugco2e.push(scopes.operational_annual);
        self.upstream_ugco2e.push(scopes.upstream);
        self.losses_ugco2e.push(scopes.losses);
        self.scope2_location_based_ugco2e.push(scopes.scope2_hourly);
        self.scope2_location_based_annual_ugco2e.push(scopes.scope2_annual);
        self.scope2_market_based_ugco2e.push(scopes.market);
        self.scope3_category_1_electricity_ugco2e.push(scopes.category_1);
        self.scope3_category_3_ugco2e.push(scopes.upstream.map(|upstream| upstream + scopes.losses.unwrap_or(0)));
        self.scope3_category_8_ugco2e.push(scopes.category_8);
    }
}

/// Ids of rows, put together from what they share: a day has some hundred thousand of them, and they differ in the name or in the hour.
pub struct RowIds<'a> {
    day: &'a LedgerDay,
    /// By index of the day's names: what is before the instant; empty until it is asked for.
    names: Vec<String>,
    hour: i32,
    /// Of `hour`, as ids have it.
    instant: String,
    id: String,
}

impl RowIds<'_> {
    pub fn of(&mut self, row: usize) -> &str {
        let (name, hour) = (self.day.name[row] as usize, self.day.hour[row]);
        if self.names[name].is_empty() || self.hour != hour {
            let id = self.day.id(row);
            // Within names it is escaped.
            let (before, instant) = id.rsplit_once('@').expect("an hour's id has an instant");
            self.names[name] = format!("{before}@");
            (self.hour, self.instant) = (hour, instant.to_owned());
        }
        self.id.clear();
        self.id.push_str(&self.names[name]);
        self.id.push_str(&self.instant);
        &self.id
    }
}

/// Makes the hourly ledger of a month, one cluster-day after the other.
pub struct HourlyLedger<'a> {
    plan: &'a Plan<'a>,
    market: MarketHours,
}

impl<'a> HourlyLedger<'a> {
    pub fn new(plan: &'a Plan<'a>, inventory: &Inventory, market: &Market) -> Self {
        Self { plan, market: MarketHours::new(market, &inventory.clusters) }
    }

    /// The rows of the next day of a cluster.
    pub fn day(&mut self, cluster: usize, day_of: UtcDay, dimensions: &DayDimensions, fold: &DayFold) -> LedgerDay {
        let mut day = LedgerDay { cluster: self.plan.terms.clusters[cluster].name.clone(), ..LedgerDay::default() };
        let rows = &fold.workload_hours;
        let ranks = day.name_rows(dimensions, rows);
        let centres = &self.plan.survey.clusters[cluster].cost_centres;
        let centre = |namespace: &str| if is_nobodys(namespace) { namespace } else { centres.of(namespace, day_of) }.to_owned();
        day.cost_centres = day.names.iter().map(|(namespace, _)| centre(namespace)).collect();
        let market = self.market_figures(cluster, dimensions, rows, (&ranks, &day.cost_centres));
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|index| (rows[*index].hour, ranks[*index], rows[*index].site));
        let mut places: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
        let mut sites = Vec::new();
        for of_row in order.chunk_by(|a, b| (rows[*a].hour, ranks[*a]) == (rows[*b].hour, ranks[*b])) {
            let mut row = Row::default();
            sites.clear();
            for index in of_row {
                let WorkloadHour { site, sums, .. } = &rows[*index];
                row.add(self.plan, (cluster, *site as usize), sums, market[*index]);
                sites.push(*site as usize);
            }
            let place = *places.entry(sites.clone()).or_insert_with(|| day.place_of(self.plan, cluster, &sites));
            day.push(rows[of_row[0]].hour, ranks[of_row[0]], place, &row);
        }
        day
    }

    /// By row, in the order of the fold, in which each workload's hours stand together.
    fn market_figures(
        &mut self,
        cluster: usize,
        dimensions: &DayDimensions,
        rows: &[WorkloadHour],
        (ranks, centres): (&[u32], &[String]),
    ) -> Vec<Option<i64>> {
        let mut figures = Vec::with_capacity(rows.len());
        for of_workload in rows.chunk_by(|a, b| (a.site, a.workload) == (b.site, b.workload)) {
            let (namespace, workload) = name_of(dimensions, of_workload[0].workload);
            let key: WorkloadKey = (of_workload[0].site as usize, namespace.to_owned(), workload.to_owned());
            let centre = &centres[ranks[figures.len()] as usize];
            match self.market.of(cluster, &key, centre) {
                Some(shared) => figures.extend(of_workload.iter().map(|row| shared.next_hour(&row.sums))),
                None => figures.resize(figures.len() + of_workload.len(), Some(0)),
            }
        }
        figures
    }
}

/// Namespace and workload of a workload id of the day.
fn name_of(dimensions: &DayDimensions, workload: i32) -> (&str, &str) {
    match workload {
        GAP_ROW => (GAP, GAP),
        IDLE_ROW => (IDLE, IDLE),
        SYSTEM_ROW => (SYSTEM, SYSTEM),
        pods => {
            let (namespace, workload) = &dimensions.workloads[pods as usize];
            (namespace, workload)
        }
    }
}

impl LedgerDay {
    /// Takes the names of the rows in, sorted; gives back each row's name.
    fn name_rows(&mut self, dimensions: &DayDimensions, rows: &[WorkloadHour]) -> Vec<u32> {
        let of_workloads = || rows.chunk_by(|a, b| a.workload == b.workload);
        let mut names: Vec<(&str, &str)> = of_workloads().map(|rows| name_of(dimensions, rows[0].workload)).collect();
        names.sort_unstable();
        names.dedup();
        let mut ranks = Vec::with_capacity(rows.len());
        for of_workload in of_workloads() {
            let name = name_of(dimensions, of_workload[0].workload);
            let rank = names.binary_search(&name).expect("every name was taken in");
            ranks.resize(ranks.len() + of_workload.len(), u32::try_from(rank).expect("a day has fewer than 2^32 workloads"));
        }
        self.names = names.into_iter().map(|(namespace, workload)| (namespace.to_owned(), workload.to_owned())).collect();
        ranks
    }

    fn place_of(&mut self, plan: &Plan<'_>, cluster: usize, sites: &[usize]) -> u32 {
        let joined = |of: &dyn Fn(usize) -> String| {
            let mut names: Vec<String> = sites.iter().map(|site| of(*site)).collect();
            names.sort_unstable();
            names.dedup();
            names.join("+")
        };
        let terms = &plan.terms.clusters[cluster].sites;
        let place = Place {
            grid_zone: joined(&|site| terms[site].grid_zone.clone()),
            placement: joined(&|site| terms[site].placement.name().to_owned()),
        };
        let known = self.places.iter().position(|known| *known == place);
        let index = known.unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        });
        u32::try_from(index).expect("a cluster has fewer than 2^32 sets of sites")
    }
}

/// A row on its way through the sites.
#[derive(Default)]
struct Row {
    sums: Sums,
    scopes: Scopes,
}

/// What is placed by site, in micrograms. A sum of which a part is unknown is unknown; of losses what is known counts, as in the statement.
struct Scopes {
    operational_annual: Option<i64>,
    upstream: Option<i64>,
    losses: Option<i64>,
    scope2_hourly: i64,
    scope2_annual: Option<i64>,
    market: Option<i64>,
    category_1: Option<i64>,
    category_8: Option<i64>,
}

impl Default for Scopes {
    fn default() -> Self {
        Self {
            operational_annual: Some(0),
            upstream: Some(0),
            losses: None,
            scope2_hourly: 0,
            scope2_annual: Some(0),
            market: Some(0),
            category_1: Some(0),
            category_8: Some(0),
        }
    }
}

impl Row {
    fn add(&mut self, plan: &Plan<'_>, (cluster, site): (usize, usize), sums: &Sums, market: Option<i64>) {
        let terms = &plan.sites[cluster][site];
        let placement = plan.terms.clusters[cluster].sites[site].placement;
        let has_annual = plan.zones.get(terms.zone).is_some_and(|zone| zone.annual_direct_gco2e_per_kwh.is_some());
        let annual = (has_annual || sums.facility_mj == 0).then_some(sums.operational_annual_ugco2e);
        let reported = match plan.terms.location_based {
            LocationBased::Hourly => Some(sums.operational_hourly_ugco2e),
            LocationBased::Annual => annual,
        };
        let all = |sum: &mut Option<i64>, part: Option<i64>| {
            *sum = sum.zip(part).map(|(sum, part)| sum.checked_add(part).expect("emissions stay below 9.2 Mt per sum"));
        };
        self.sums.add(sums);
        all(&mut self.scopes.operational_annual, annual);
        all(&mut self.scopes.market, market);
        match placement {
            Placement::Scope2 => {
                self.scopes.scope2_hourly += sums.operational_hourly_ugco2e;
                all(&mut self.scopes.scope2_annual, annual);
                let category3 = plan.category3.get(terms.zone);
                let has_upstream = category3.is_some_and(|category3| category3.has_upstream());
                all(&mut self.scopes.upstream, has_upstream.then_some(sums.upstream_ugco2e));
                if category3.is_some_and(|category3| category3.losses.is_some()) {
                    self.scopes.losses = Some(self.scopes.losses.unwrap_or(0) + sums.losses_ugco2e);
                }
            }
            Placement::Scope3Category1 => all(&mut self.scopes.category_1, reported),
            Placement::Scope3Category8 => all(&mut self.scopes.category_8, reported),
        }
    }
}
