//! A year is its closed months: their statements, added up.
//!
//! In: the statements of a year's months, and what the organisation published of other years. Out: the year's statement.
//! Rule: figures are integer sums over months, row by row; shares are weighted by energy. What only a month can show (hours, single runs, days) is
//! not repeated: the months' own reports hold it. Assumes: months of one configuration, in order. Does not: settle contracts over the year, or say how
//! well its totals are known; both need the year's own sums and are left empty here.

pub mod compare;
mod entities;
mod sum;

use std::collections::BTreeMap;

use self::sum::{Shares, sum_by};
use super::counterfactual;
use super::statement::{
    ClusterStatement, CostCentreStatement, Coverage, Disclosure, Figures, MonthFigures, NamespaceStatement, Period, Provenance, Quality,
    Reconciliation, SCHEMA, Scope2, Statement, Status, Totals, WorkloadStatement, YearStatement,
};
use crate::model::Finding;
use crate::units::{Millijoules, ReportingPeriod};

/// Adds up the months. `months` is not empty.
pub fn of_months(months: &[Statement], year: ReportingPeriod, findings: Vec<Finding>) -> Statement {
    let last = months.last().expect("a year without a single month is refused before");
    let mut totals = Totals { figures: Figures::nothing(), tail_mj: Millijoules::ZERO };
    let mut tiers = Shares::default();
    for month in months {
        totals.figures.add(&month.totals.figures);
        totals.tail_mj += month.totals.tail_mj;
        tiers.add(&month.tier_share, before_pue(&month.totals.figures));
    }
    Statement {
        schema: SCHEMA,
        organisation: last.organisation.clone(),
        lei: last.lei.clone(),
        period: Period {
            month: None,
            year: Some(year.to_string()),
            from: year.from(),
            to: year.to(),
            time_zone: year.time_zone().to_string(),
            hours: year.hours(),
        },
        status: Status::draft(coverage(months, year)),
        policy: last.policy.clone(),
        cost_centres: cost_centres(months, &totals.figures),
        totals,
        tier_share: tiers.finish(),
        scope2: Scope2::default(),
        scope3: sum::scope3(months),
        quality: Quality::default(),
        sci: sum::sci(months),
        factors: sum::factors(months),
        year: YearStatement { months: months.iter().map(month_figures).collect(), ..YearStatement::default() },
        entities: entities::of_months(months),
        disclosure: Disclosure::default(),
        clusters: clusters(months),
        namespaces: namespaces(months.iter().flat_map(|month| &month.namespaces)),
        workloads: workloads(months),
        hours: Vec::new(),
        counterfactual: counterfactual::of_months(months.iter().map(|month| &month.counterfactual)).expect("months are not empty"),
        job_runs: Vec::new(),
        reconciliation: reconciliation(months),
        findings,
        provenance: provenance(months),
    }
}

/// A month without evidence after the first that has some was expected whole.
fn coverage(months: &[Statement], year: ReportingPeriod) -> Coverage {
    let mut sum = Coverage::default();
    let mut clusters = None;
    for month in year.months() {
        let known = months.iter().find(|statement| statement.period.from == month.from());
        clusters = known.map(|statement| statement.clusters.len() as i64).or(clusters);
        let missing = || Coverage { covered_cluster_seconds: 0, expected_cluster_seconds: clusters.unwrap_or(0) * month.hours() * 3_600 };
        sum.add(known.map_or_else(missing, |statement| statement.status.coverage));
    }
    sum
}

/// What tier shares are shares of.
fn before_pue(figures: &Figures) -> i64 {
    (figures.metered_mj + figures.gap_mj).get()
}

fn month_figures(month: &Statement) -> MonthFigures {
    MonthFigures { month: month.period.name().to_owned(), figures: month.totals.figures.clone() }
}

fn clusters(months: &[Statement]) -> Vec<ClusterStatement> {
    let rows = months.iter().flat_map(|month| &month.clusters);
    let summed = sum_by(rows, |row| row.cluster.clone(), |row| (&row.figures, &row.tier_share));
    let mut clusters = Vec::new();
    for (cluster, (figures, tiers)) in summed {
        // The latest month says what is true of the cluster now; nodes are the most that any month saw.
        let known = || months.iter().flat_map(|month| &month.clusters).filter(|row| row.cluster == cluster);
        let Some(latest) = known().next_back() else { continue };
        let nodes = known().map(|row| row.nodes).max().unwrap_or(0);
        clusters.push(ClusterStatement { figures, tier_share: tiers.finish(), nodes, ..latest.clone() });
    }
    clusters
}

/// Rows of any months, added up by namespace.
fn namespaces<'a>(rows: impl Iterator<Item = &'a NamespaceStatement>) -> Vec<NamespaceStatement> {
    let summed = sum_by(rows, |row| (row.cluster.clone(), row.namespace.clone()), |row| (&row.figures, &row.tier_share));
    let row = |((cluster, namespace), (figures, tiers)): ((String, String), (Figures, Shares))| NamespaceStatement {
        cluster,
        namespace,
        figures,
        tier_share: tiers.finish(),
    };
    summed.into_iter().map(row).collect()
}

fn workloads(months: &[Statement]) -> Vec<WorkloadStatement> {
    let rows = months.iter().flat_map(|month| &month.workloads);
    let key = |row: &WorkloadStatement| (row.cluster.clone(), row.namespace.clone(), row.workload.clone());
    let summed = sum_by(rows, key, |row| (&row.figures, &row.tier_share));
    let row = |((cluster, namespace, workload), (figures, tiers)): ((String, String, String), (Figures, Shares))| WorkloadStatement {
        cluster,
        namespace,
        workload,
        figures,
        tier_share: tiers.finish(),
    };
    summed.into_iter().map(row).collect()
}

fn cost_centres(months: &[Statement], all: &Figures) -> Vec<CostCentreStatement> {
    let rows = || months.iter().flat_map(|month| &month.cost_centres);
    let summed = sum_by(rows(), |row| row.cost_centre.clone(), |row| (&row.figures, &row.tier_share));
    let row = |(name, (figures, tiers)): (String, (Figures, Shares))| {
        let namespaces = rows().filter(|row| row.cost_centre == name).map(|row| row.namespaces).max().unwrap_or(0);
        CostCentreStatement::of(name, namespaces, figures, tiers.finish(), all)
    };
    summed.into_iter().map(row).collect()
}

/// By node and month instead of day.
fn reconciliation(months: &[Statement]) -> Vec<Reconciliation> {
    let mut rows: BTreeMap<(String, String, String), Reconciliation> = BTreeMap::new();
    for month in months {
        for day in &month.reconciliation {
            let key = (day.cluster.clone(), day.node.clone(), month.period.name().to_owned());
            match rows.get_mut(&key) {
                Some(row) => {
                    row.metered_mj += day.metered_mj;
                    row.attributed_mj += day.attributed_mj;
                    row.idle_mj += day.idle_mj;
                    row.system_mj += day.system_mj;
                    row.gap_mj += day.gap_mj;
                    row.correction_mj += day.correction_mj;
                    row.tail_mj += day.tail_mj;
                    row.difference_mj += day.difference_mj;
                }
                None => {
                    let row = Reconciliation { day: key.2.clone(), ..day.clone() };
                    rows.insert(key, row);
                }
            }
        }
    }
    rows.into_values().collect()
}

fn provenance(months: &[Statement]) -> Provenance {
    let last = &months[months.len() - 1].provenance;
    let mut evidence: Vec<_> = months.iter().flat_map(|month| month.provenance.evidence.iter().cloned()).collect();
    evidence.sort();
    evidence.dedup();
    Provenance { evidence, intensity: sum::intensity(months), ..last.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::fixture;

    fn two_months() -> Statement {
        let first = fixture::statement();
        let mut second = fixture::statement();
        second.period.month = Some("2026-11".to_owned());
        second.namespaces.remove(0);
        let year = ReportingPeriod::parse_year("2026", chrono_tz::Europe::Amsterdam).unwrap();
        of_months(&[first, second], year, Vec::new())
    }

    #[test]
    fn a_year_is_the_sum_of_its_months_row_by_row() {
        let (month, year) = (fixture::statement(), two_months());

        assert_eq!(year.period.name(), "2026");
        assert_eq!(year.totals.figures.facility_mj.get(), 2 * month.totals.figures.facility_mj.get());
        assert_eq!(year.workloads[3].figures.active_mj.get(), 2 * month.workloads[3].figures.active_mj.get());
        assert_eq!(year.namespaces[0].figures, month.namespaces[0].figures, "a namespace of one month only");
        assert_eq!(year.counterfactual.total.avoided_ugco2e.get(), 2 * month.counterfactual.total.avoided_ugco2e.get());
        assert_eq!(year.year.months.len(), 2);
        assert!(year.hours.is_empty() && year.job_runs.is_empty());
    }

    #[test]
    fn the_reconciliation_is_by_node_and_month_and_still_balances() {
        let (month, year) = (fixture::statement(), two_months());

        let metered = |rows: &[Reconciliation]| rows.iter().map(|row| row.metered_mj.get()).sum::<i64>();
        assert_eq!(metered(&year.reconciliation), 2 * metered(&month.reconciliation));
        assert!(year.reconciliation.iter().all(|row| row.day.len() == 7 && row.difference_mj == Millijoules::ZERO));
    }

    #[test]
    fn equal_months_keep_their_shares() {
        let (month, year) = (fixture::statement(), two_months());

        let share = |statement: &Statement| statement.tier_share.metered.unwrap().get();
        assert!((share(&year) - share(&month)).abs() < 1e-12);
    }
}
