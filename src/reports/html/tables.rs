//! The plain tables: findings, namespaces, workloads, reconciliation, intensity editions.

use super::basis::Basis;
use super::figure::Figure;
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{ClusterStatement, Figures, IntensityProvenance, Reconciliation, TierShare};
use crate::model::{Finding, Severity};
use crate::reports::{method, view};
use crate::units::Millijoules;

/// What the rows of namespaces and workloads rest on.
pub fn basis(statement: &Statement) -> Basis<'_> {
    const RULE: &str = "Method, section 3: active energy by the workload's own meter, idle energy by the policy on the cover, times the PUE. Location-based: GHG Protocol Scope 2 Guidance, \
                        table 6.2. Contracts belong to a site and not to a pod: a row's market-based figure is its share by energy.";
    Basis::new(RULE)
        .with_series(statement, |_| true)
        .with_factors(statement, |factor| factor.quantity == "pue")
        .with_tiers(statement, |_| true)
}

pub struct FindingRow<'a> {
    pub finding: &'a Finding,
    pub severity: &'static str,
    pub examined: String,
    pub failing: String,
}

/// What must be read first comes first; within a severity the statement's order stays.
pub fn findings(statement: &Statement) -> Vec<FindingRow<'_>> {
    let mut findings: Vec<&Finding> = statement.findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity);
    findings.into_iter().map(finding_row).collect()
}

fn finding_row(finding: &Finding) -> FindingRow<'_> {
    FindingRow {
        finding,
        severity: severity(finding.severity),
        examined: view::grouped(finding.examined.into()),
        failing: view::grouped(finding.failing.into()),
    }
}

pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocked => "blocked",
        Severity::Disclosed => "disclosed",
        Severity::Noted => "noted",
    }
}

/// One cluster's rows with its total, which is the cluster's own figure and not a sum made here.
pub struct ClusterTable<'a> {
    pub cluster: &'a ClusterStatement,
    pub placement: &'static str,
    pub rows: Vec<Row<'a>>,
    pub total: Row<'a>,
}

pub struct Row<'a> {
    pub row: RowId,
    /// The row's id, as it is printed.
    pub id: String,
    pub namespace: &'a str,
    pub workload: &'a str,
    pub figures: Vec<Figure>,
    /// What the row has in each scope and category.
    pub scopes: Vec<Figure>,
    /// Of the cluster's facility energy.
    pub share: String,
    /// Shares of the row's energy by tier: metered, allocated, modelled, filled. Empty where the table does not show them.
    pub tiers: Vec<String>,
    /// `(idle)`, `(system)`, `(gap)`: set apart in type.
    pub is_not_a_workload: bool,
}

pub fn namespaces(statement: &Statement) -> Vec<ClusterTable<'_>> {
    cluster_tables(statement, |cluster| {
        let rows = statement.namespaces.iter().filter(|row| row.cluster == cluster.cluster);
        let id = |namespace: &str| RowId::namespace(&cluster.cluster, namespace);
        rows.map(|row| self::row(cluster, id(&row.namespace), &row.namespace, "", &row.figures, Some(&row.tier_share))).collect()
    })
}

pub fn workloads(statement: &Statement) -> Vec<ClusterTable<'_>> {
    cluster_tables(statement, |cluster| {
        let rows = statement.workloads.iter().filter(|row| row.cluster == cluster.cluster);
        let id = |namespace: &str, workload: &str| RowId::workload(&cluster.cluster, namespace, workload);
        rows.map(|row| self::row(cluster, id(&row.namespace, &row.workload), &row.namespace, &row.workload, &row.figures, None)).collect()
    })
}

fn cluster_tables<'a>(statement: &'a Statement, rows: impl Fn(&'a ClusterStatement) -> Vec<Row<'a>>) -> Vec<ClusterTable<'a>> {
    let table = |cluster: &'a ClusterStatement| ClusterTable {
        cluster,
        placement: cluster.placement.label(),
        rows: rows(cluster),
        total: row(cluster, RowId::cluster(&cluster.cluster), "Total", "", &cluster.figures, Some(&cluster.tier_share)),
    };
    statement.clusters.iter().map(table).collect()
}

fn row<'a>(
    cluster: &ClusterStatement,
    row: RowId,
    namespace: &'a str,
    workload: &'a str,
    figures: &Figures,
    tier_share: Option<&TierShare>,
) -> Row<'a> {
    Row {
        id: row.to_string(),
        row,
        namespace,
        workload,
        figures: vec![
            Figure::energy("active_mj", figures.active_mj),
            Figure::energy("idle_mj", figures.idle_mj),
            Figure::energy("metered_mj", figures.metered_mj),
            Figure::energy("facility_mj", figures.facility_mj),
            Figure::emissions("operational_hourly_ugco2e", figures.operational_hourly_ugco2e),
            Figure::emissions("operational_annual_ugco2e", figures.operational_annual_ugco2e),
        ],
        scopes: std::iter::once(Figure::emissions("scope2_location_based_ugco2e", figures.scope2_location_based_ugco2e))
            .chain(Figure::beyond_location_based(figures))
            .collect(),
        share: view::percent_of(figures.facility_mj.get(), cluster.figures.facility_mj.get()),
        tiers: tier_share.map_or_else(Vec::new, |share| {
            [share.metered, share.allocated, share.modelled, share.filled].map(view::share_percent).to_vec()
        }),
        is_not_a_workload: namespace.starts_with('('),
    }
}

pub struct ReconciliationTable<'a> {
    /// The month, summed from the daily rows.
    pub nodes: Vec<ReconciliationRow<'a>>,
    pub days: Vec<ReconciliationRow<'a>>,
    pub total: ReconciliationRow<'a>,
}

pub struct ReconciliationRow<'a> {
    /// Of a single day; a sum of days has none.
    pub row: Option<RowId>,
    pub id: String,
    pub cluster: &'a str,
    pub node: &'a str,
    pub day: &'a str,
    pub days: usize,
    pub figures: Vec<Figure>,
}

impl<'a> ReconciliationTable<'a> {
    pub fn of(statement: &'a Statement) -> Self {
        let rows = &statement.reconciliation;
        let of_a_node = rows.chunk_by(|one, next| (&one.cluster, &one.node) == (&next.cluster, &next.node));
        Self {
            nodes: of_a_node.map(|days| reconciliation_row(&days[0].cluster, &days[0].node, "", days)).collect(),
            days: rows.iter().map(|row| reconciliation_row(&row.cluster, &row.node, &row.day, std::slice::from_ref(row))).collect(),
            total: reconciliation_row("Total", "", "", rows),
        }
    }
}

fn reconciliation_row<'a>(cluster: &'a str, node: &'a str, day: &'a str, rows: &[Reconciliation]) -> ReconciliationRow<'a> {
    let sum = |name, column: fn(&Reconciliation) -> Millijoules| Figure::energy(name, rows.iter().map(column).sum());
    let row = day.parse().ok().map(|day| RowId::node_day(cluster, node, day));
    ReconciliationRow {
        id: row.as_ref().map_or_else(String::new, RowId::to_string),
        row,
        cluster,
        node,
        day,
        days: rows.len(),
        figures: vec![
            sum("metered_mj", |row| row.metered_mj),
            sum("attributed_mj", |row| row.attributed_mj),
            sum("idle_mj", |row| row.idle_mj),
            sum("system_mj", |row| row.system_mj),
            sum("difference_mj", |row| row.difference_mj),
            sum("correction_mj", |row| row.correction_mj),
            sum("gap_mj", |row| row.gap_mj),
        ],
    }
}

pub struct IntensityRow<'a> {
    pub series: &'a IntensityProvenance,
    pub factor: &'static str,
    pub estimated: String,
    pub filled: String,
    pub annual: String,
}

pub fn intensity<'a>(statement: &'a Statement) -> Vec<IntensityRow<'a>> {
    let row = |series: &'a IntensityProvenance| IntensityRow {
        series,
        factor: method::factor(series.factor),
        estimated: view::share_percent(series.estimated_share),
        filled: view::share_percent(series.filled_share),
        annual: series
            .annual_direct_gco2e_per_kwh
            .map_or_else(|| view::UNKNOWN.to_owned(), |value| view::Rounded::of_measured(value, 1).to_string()),
    };
    statement.provenance.intensity.iter().map(row).collect()
}
