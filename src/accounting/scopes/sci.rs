//! Software Carbon Intensity: what one functional unit of a workload emitted.
//!
//! In: inventory, lines with their amortised part, functional units as configured. Out: a [`Score`] a unit, findings. Rule: SCI = (O + M) per R
//! (SCI specification 1.1.0; ISO/IEC 21031): O location-based and hourly, with the workload's share of idle energy and PUE, no market-based measure;
//! M amortised. Missing M or R: no score, never a smaller one. Assumes: counts are of whole months. Does not: divide by nothing.

use chrono::Datelike;

use super::Lines;
use crate::accounting::inventory::Inventory;
use crate::accounting::plan::Plan;
use crate::model::{Finding, FunctionalUnit, Severity};

/// A functional unit with what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    pub unit: FunctionalUnit,
    /// R.
    pub count: f64,
    pub facility_mj: i64,
    /// O.
    pub operational_ugco2e: i64,
    /// M; none where no hardware class says it of every node that the workload ran on.
    pub embodied_ugco2e: Option<i64>,
}

impl Score {
    /// (O + M) / R, in micrograms per unit.
    pub fn ugco2e_per_unit(&self) -> Option<f64> {
        // Counts were checked to be above zero when the configuration was read.
        self.embodied_ugco2e.map(|embodied| (self.operational_ugco2e as f64 + embodied as f64) / self.count)
    }
}

/// Scores in the order of cluster, namespace and workload.
pub fn scores(plan: &Plan<'_>, inventory: &Inventory, lines: &Lines, units: &[FunctionalUnit]) -> (Vec<Score>, Vec<Finding>) {
    let (mut scores, mut findings) = (Vec::new(), Vec::new());
    for unit in units {
        let place = format!("{}: the functional unit of {}/{}", unit.cluster, unit.namespace, unit.workload);
        let Some(cluster) = plan.terms.clusters.iter().position(|cluster| cluster.name == unit.cluster) else { continue };
        let is_of = |namespace: &str, workload: &str| (namespace, workload) == (unit.namespace.as_str(), unit.workload.as_str());
        let of_workload: Vec<_> = inventory.clusters[cluster]
            .workloads
            .iter()
            .filter(|((_, namespace, workload), _)| is_of(namespace, workload))
            .map(|(key, sums)| (sums, lines[cluster].get(key).and_then(|line| line.amortised_ugco2e)))
            .collect();
        if of_workload.is_empty() {
            let message = format!(
                "{place} names a workload that was not seen in {}, so it has no score. Workloads are named as in the report, `Deployment/web`.",
                plan.terms.period
            );
            findings.push(Finding::new("SCI_WORKLOAD", Severity::Disclosed, message).examined(units.len()).failing(1));
            continue;
        }
        let count = match count(plan, cluster, unit) {
            Ok(count) => count,
            Err(missing) => {
                let message = format!("{place} has no count of {}, so it has no score. Add it to `counts`.", missing.join(", "));
                findings.push(Finding::new("SCI_COUNT", Severity::Disclosed, message).examined(units.len()).failing(1));
                continue;
            }
        };
        scores.push(Score {
            unit: unit.clone(),
            count,
            facility_mj: of_workload.iter().map(|(sums, _)| sums.facility_mj).sum(),
            operational_ugco2e: of_workload.iter().map(|(sums, _)| sums.operational_hourly_ugco2e).sum(),
            embodied_ugco2e: of_workload.iter().map(|(_, amortised)| *amortised).sum(),
        });
    }
    scores.sort_by(|a, b| {
        let key = |score: &Score| (score.unit.cluster.clone(), score.unit.namespace.clone(), score.unit.workload.clone());
        key(a).cmp(&key(b))
    });
    (scores, findings)
}

/// R: the sum over the period's months of which there is evidence, or those of them without a count.
fn count(plan: &Plan<'_>, cluster: usize, unit: &FunctionalUnit) -> Result<f64, Vec<String>> {
    let days = &plan.survey.clusters[cluster].days;
    let months = plan.terms.period.months().into_iter();
    // A UTC day may lie in two local months; the month that its date names is one of them, and evidence of it has more days than that.
    let seen = months.filter(|month| days.iter().any(|day| Some(day.date().month()) == month.month() && day.date().year() == month.year()));
    let counts = seen.map(|month| {
        let month = month.to_string();
        let known = unit.counts.iter().find(|(name, _)| *name == month).map(|(_, count)| *count);
        known.ok_or(month)
    });
    let (known, missing): (Vec<_>, Vec<_>) = counts.partition(Result::is_ok);
    if missing.is_empty() { Ok(known.into_iter().flatten().sum()) } else { Err(missing.into_iter().filter_map(Result::err).collect()) }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::accounting::inventory::ClusterInventory;
    use crate::accounting::ledger::Sums;
    use crate::accounting::plan::Beside;
    use crate::accounting::scopes::Line;
    use crate::accounting::survey::{ClusterSurvey, ClusterTerms, MonthTerms, Survey};

    use crate::units::ReportingPeriod;

    fn web(counts: &[(&str, f64)]) -> FunctionalUnit {
        FunctionalUnit {
            cluster: "prod".to_owned(),
            namespace: "shop".to_owned(),
            workload: "Deployment/web".to_owned(),
            unit: "1,000 requests".to_owned(),
            counts: counts.iter().map(|(month, count)| ((*month).to_owned(), *count)).collect(),
            source: "the load balancer's log".to_owned(),
        }
    }

    /// `Deployment/web` on two sites, with what each amortised, seen on the first day of the given months.
    fn scored(period: ReportingPeriod, months: &[&str], amortised: [Option<i64>; 2], unit: FunctionalUnit) -> (Vec<Score>, Vec<Finding>) {
        let terms = MonthTerms {
            period,
            ..MonthTerms::of_test(vec![ClusterTerms { name: "prod".to_owned(), sites: Vec::new(), site_of: Box::new(|_| 0) }])
        };
        let days: BTreeSet<_> = months.iter().map(|month| format!("{month}-01").parse().unwrap()).collect();
        let survey = Survey { clusters: vec![ClusterSurvey { days, ..ClusterSurvey::default() }] };
        let plan = Plan::new(&terms, &survey, vec![Vec::new()], Vec::new(), Beside::default());
        let key = |site: usize| (site, "shop".to_owned(), "Deployment/web".to_owned());
        let sums = |ugco2e: i64| Sums { facility_mj: 10 * ugco2e, operational_hourly_ugco2e: ugco2e, ..Sums::default() };
        let workloads = BTreeMap::from([(key(0), sums(600)), (key(1), sums(150))]);
        let inventory = Inventory {
            clusters: vec![ClusterInventory { workloads, ..ClusterInventory::default() }],
            runs: Vec::new(),
            profiles: Vec::new(),
        };
        let line = |site: usize| (key(site), Line { amortised_ugco2e: amortised[site], ..Line::default() });
        scores(&plan, &inventory, &vec![BTreeMap::from([line(0), line(1)])], &[unit])
    }

    fn october() -> ReportingPeriod {
        ReportingPeriod::parse("2026-10", chrono_tz::UTC).unwrap()
    }

    #[test]
    fn a_score_is_operation_and_making_per_unit() {
        // SCI 1.1.0: (O + M) per R = (600 + 150 + 200 + 50) / 40.
        let (scores, findings) = scored(october(), &["2026-10"], [Some(200), Some(50)], web(&[("2026-10", 40.0), ("2026-09", 7.0)]));

        assert_eq!((scores[0].operational_ugco2e, scores[0].embodied_ugco2e, scores[0].count), (750, Some(250), 40.0));
        assert_eq!((scores[0].facility_mj, scores[0].ugco2e_per_unit()), (7_500, Some(25.0)));
        assert!(findings.is_empty());
    }

    #[test]
    fn without_all_of_the_making_there_is_no_score() {
        let (scores, _) = scored(october(), &["2026-10"], [Some(200), None], web(&[("2026-10", 40.0)]));

        assert_eq!((scores[0].embodied_ugco2e, scores[0].ugco2e_per_unit()), (None, None));
    }

    #[test]
    fn a_year_counts_the_months_that_were_seen() {
        let year = ReportingPeriod::parse_year("2026", chrono_tz::UTC).unwrap();
        let counts = [("2026-09", 30.0), ("2026-10", 10.0)];
        let (scores, _) = scored(year, &["2026-09", "2026-10"], [Some(200), Some(50)], web(&counts));
        assert_eq!((scores[0].count, scores[0].ugco2e_per_unit()), (40.0, Some(25.0)));

        let (scores, findings) = scored(year, &["2026-08", "2026-09", "2026-10"], [Some(200), Some(50)], web(&counts));
        assert!(scores.is_empty());
        assert_eq!(findings[0].code, "SCI_COUNT");
        assert!(findings[0].message.contains("no count of 2026-08,"), "{}", findings[0].message);
    }

    #[test]
    fn a_workload_that_is_not_there_is_named() {
        let unit = FunctionalUnit { workload: "web".to_owned(), ..web(&[("2026-10", 40.0)]) };
        let (scores, findings) = scored(october(), &["2026-10"], [None, None], unit);

        assert!(scores.is_empty());
        assert_eq!(findings[0].code, "SCI_WORKLOAD");
    }
}
