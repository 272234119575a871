//! A name for every figure, so that whoever reads one can ask where it comes from.
//!
//! In: what a row is of. Out: its id, and back. Rule: a figure's id is its row's id, a colon, and the figure's name in `report.json`; below a row that name is
//! a path with dots. The parts of a row's id are names as they are, with `%`, `:`, `@` and white space written as `%3A`. The same row has the same id in every
//! format, month and edition. Assumes: names are those of the report. Does not: know a value; `index` finds the figures of a report.
//!
//! ```text
//! totals:facility_mj                                            cluster:prod-nl:facility_mj
//! namespace:prod-nl:shop:facility_mj                            workload:prod-nl:shop:Deployment/web:facility_mj
//! run:prod-nl:ml:train-7@20261003T020000Z:avoided_ugco2e        counterfactual:carbon:avoided_ugco2e
//! node-day:prod-nl:worker-1:2026-10-03:metered_mj               row:prod-nl:shop:Deployment/web@20261003T02Z:facility_mj
//! ```

mod index;
mod text;

use std::fmt;

use chrono::{DateTime, Utc};

pub use self::index::{Figure, FigureIndex, Unit};
use self::text::Parts;
use crate::model::Placement;
use crate::units::UtcDay;

/// What a row of the report, or of the ledger below it, is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowId {
    Totals,
    Cluster {
        cluster: String,
    },
    Namespace {
        cluster: String,
        namespace: String,
    },
    Workload {
        cluster: String,
        namespace: String,
        workload: String,
    },
    Run(RunId),
    Counterfactual(Part),
    NodeDay {
        cluster: String,
        node: String,
        day: UtcDay,
    },
    /// A cluster's hour.
    Hour {
        cluster: String,
        hour: i32,
    },
    /// Scope 2 of a cluster in a grid zone, or with none what stands beside these rows.
    Scope2 {
        cluster_and_zone: Option<(String, String)>,
    },
    Instrument {
        number: u64,
    },
    MarketZone {
        zone: String,
    },
    /// A category of the screening list, or with none what stands beside the list.
    Scope3 {
        category: Option<u64>,
    },
    Asset {
        cluster: String,
        node: String,
    },
    /// Of all clusters.
    CostCentre {
        cost_centre: String,
    },
    /// A legal entity's own statement.
    Entity {
        entity: String,
    },
    /// Work of one entity on machines of another.
    IntraGroup {
        provider: String,
        customer: String,
        cluster: String,
        namespace: String,
        /// `scope2` …
        placement: String,
    },
    /// What stands beside the entities' rows: their sum, what is eliminated, the group.
    Group,
    /// A month in a year's report.
    Month {
        month: String,
    },
    /// The ledger's row of a workload and a UTC day.
    LedgerDay {
        cluster: String,
        namespace: String,
        workload: String,
        day: UtcDay,
    },
    /// The ledger's row of a workload and an hour since the epoch.
    LedgerHour {
        cluster: String,
        namespace: String,
        workload: String,
        hour: i32,
    },
    /// The ledger's finest row: a pod, or (idle), (system), (gap), of a node in a step.
    Step(StepId),
}

/// A job run. Two Jobs of one name that started in one second are told apart by `again`, in the order of the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    pub cluster: String,
    pub namespace: String,
    pub job: String,
    pub start: Option<DateTime<Utc>>,
    pub again: u32,
}

/// A row of the ledger's finest grain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId {
    pub cluster: String,
    pub node: String,
    pub namespace: String,
    /// Of a pod that shares its name with another of the day, followed by `~` and the first characters of its uid.
    pub pod: String,
    pub start: DateTime<Utc>,
}

/// A part of the comparison with the counterfactual.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    All,
    /// `carbon`, `other`, `none`.
    Cause(String),
    /// `at-creation` …
    Alternative(String),
    /// `annotation`, `schedule` …
    Rule(String),
    Class {
        class: String,
        basis: String,
    },
    /// `place` counts the rows of a workload in a year's list, from 1.
    MoveNext {
        cluster: String,
        namespace: String,
        workload: String,
        place: u32,
    },
    Capacity {
        cluster: String,
        hour: i32,
    },
}

/// The id of the hourly ledger's row of a workload; `hour` counts from the epoch.
pub fn row(cluster: &str, namespace: &str, workload: &str, hour: i32) -> String {
    let (cluster, namespace, workload) = (cluster.to_owned(), namespace.to_owned(), workload.to_owned());
    RowId::LedgerHour { cluster, namespace, workload, hour }.to_string()
}

impl RowId {
    pub fn cluster(cluster: &str) -> Self {
        Self::Cluster { cluster: cluster.to_owned() }
    }

    pub fn namespace(cluster: &str, namespace: &str) -> Self {
        Self::Namespace { cluster: cluster.to_owned(), namespace: namespace.to_owned() }
    }

    pub fn workload(cluster: &str, namespace: &str, workload: &str) -> Self {
        Self::Workload { cluster: cluster.to_owned(), namespace: namespace.to_owned(), workload: workload.to_owned() }
    }

    /// Provider, customer, cluster, namespace.
    pub fn intra_group([provider, customer, cluster, namespace]: [&str; 4], placement: Placement) -> Self {
        let [provider, customer, cluster, namespace] = [provider, customer, cluster, namespace].map(str::to_owned);
        Self::IntraGroup { provider, customer, cluster, namespace, placement: placement.name().to_owned() }
    }

    pub fn node_day(cluster: &str, node: &str, day: UtcDay) -> Self {
        Self::NodeDay { cluster: cluster.to_owned(), node: node.to_owned(), day }
    }

    /// The id of a figure of this row.
    pub fn figure(&self, field: &str) -> FigureId {
        FigureId { row: self.clone(), field: field.to_owned() }
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::written(self))
    }
}

/// A figure: a row, and the figure's name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FigureId {
    pub row: RowId,
    pub field: String,
}

impl FigureId {
    /// Reads an id; one that names a row alone has no field. None where it is no id at all.
    pub fn parse(text: &str) -> Option<(RowId, Option<String>)> {
        Parts::of(text).read()
    }
}

impl fmt::Display for FigureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.row, self.field)
    }
}

/// The ids of job runs in the order of the report, each its own.
pub fn run_ids<'a>(runs: impl Iterator<Item = (&'a str, &'a str, &'a str, Option<DateTime<Utc>>)>) -> Vec<RowId> {
    let mut known: std::collections::HashMap<String, u32> = std::collections::HashMap::new();
    let mut ids = Vec::new();
    for (cluster, namespace, job, start) in runs {
        let mut id = RunId { cluster: cluster.to_owned(), namespace: namespace.to_owned(), job: job.to_owned(), start, again: 1 };
        let count = known.entry(RowId::Run(id.clone()).to_string()).or_default();
        *count += 1;
        id.again = *count;
        ids.push(RowId::Run(id));
    }
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn run(job: &str, start: Option<&str>, again: u32) -> RowId {
        let start = start.map(instant);
        RowId::Run(RunId { cluster: "prod-nl".to_owned(), namespace: "ml".to_owned(), job: job.to_owned(), start, again })
    }

    #[test]
    fn ids_are_written_as_the_report_prints_them_and_read_back() {
        let hour = (instant("2026-10-03T02:00:00Z").timestamp() / 3_600) as i32;
        let day: UtcDay = "2026-10-03".parse().unwrap();
        let owned = |text: &str| text.to_owned();
        let step = StepId {
            cluster: owned("prod-nl"),
            node: owned("worker-1"),
            namespace: owned("shop"),
            pod: owned("web-7f9~1b2c3d4e"),
            start: instant("2026-10-03T02:15:00Z"),
        };
        let move_next = Part::MoveNext { cluster: owned("a"), namespace: owned("b"), workload: owned("CronJob/c"), place: 2 };
        let rows = [
            (RowId::Totals, "totals"),
            (RowId::cluster("prod-nl"), "cluster:prod-nl"),
            (RowId::namespace("prod-nl", "(idle)"), "namespace:prod-nl:(idle)"),
            (RowId::workload("prod-nl", "shop", "Deployment/web"), "workload:prod-nl:shop:Deployment/web"),
            (run("train-7", Some("2026-10-03T02:00:00Z"), 1), "run:prod-nl:ml:train-7@20261003T020000Z"),
            (run("train-7", Some("2026-10-03T02:00:00Z"), 2), "run:prod-nl:ml:train-7@20261003T020000Z~2"),
            (run("train-8", None, 1), "run:prod-nl:ml:train-8@unknown"),
            (RowId::Counterfactual(Part::All), "counterfactual"),
            (RowId::Counterfactual(Part::Cause(owned("carbon"))), "counterfactual:carbon"),
            (RowId::Counterfactual(Part::Alternative(owned("at-creation"))), "counterfactual:alternative:at-creation"),
            (RowId::Counterfactual(Part::Rule(owned("own-start"))), "counterfactual:rule:own-start"),
            (
                RowId::Counterfactual(Part::Class { class: owned("deferrable"), basis: owned("label") }),
                "counterfactual:class:deferrable:label",
            ),
            (RowId::Counterfactual(move_next), "counterfactual:move-next:a:b:CronJob/c~2"),
            (RowId::Counterfactual(Part::Capacity { cluster: owned("a"), hour }), "counterfactual:capacity:a@20261003T02Z"),
            (RowId::node_day("prod-nl", "worker-1", day), "node-day:prod-nl:worker-1:2026-10-03"),
            (RowId::Hour { cluster: owned("prod-nl"), hour }, "hour:prod-nl@20261003T02Z"),
            (RowId::Scope2 { cluster_and_zone: Some((owned("prod-nl"), owned("NL"))) }, "scope2:prod-nl:NL"),
            (RowId::Scope2 { cluster_and_zone: None }, "scope2"),
            (RowId::Instrument { number: 3 }, "instrument:3"),
            (RowId::MarketZone { zone: owned("NL") }, "market-zone:NL"),
            (RowId::Scope3 { category: Some(3) }, "scope3:3"),
            (RowId::Scope3 { category: None }, "scope3"),
            (RowId::Asset { cluster: owned("prod-nl"), node: owned("worker-1") }, "asset:prod-nl:worker-1"),
            (RowId::Month { month: owned("2026-10") }, "month:2026-10"),
            (RowId::CostCentre { cost_centre: owned("(unlabelled)") }, "cost-centre:(unlabelled)"),
            (RowId::Entity { entity: owned("Example BV") }, "entity:Example%20BV"),
            (RowId::intra_group(["A", "B", "prod-nl", "data"], Placement::Scope2), "intra-group:A:B:prod-nl:data:scope2"),
            (RowId::Group, "group"),
            (RowId::LedgerDay { cluster: owned("a"), namespace: owned("b"), workload: owned("Pod/c"), day }, "row:a:b:Pod/c@20261003"),
            (
                RowId::LedgerHour { cluster: owned("a"), namespace: owned("b"), workload: owned("Pod/c"), hour },
                "row:a:b:Pod/c@20261003T02Z",
            ),
            (RowId::Step(step), "step:prod-nl:worker-1:shop:web-7f9~1b2c3d4e@20261003T021500Z"),
        ];
        for (row, text) in rows {
            assert_eq!(row.to_string(), text);
            assert_eq!(FigureId::parse(text), Some((row.clone(), None)), "{text}");
            let figure = row.figure("windowed.best_ugco2e").to_string();
            assert_eq!(figure, format!("{text}:windowed.best_ugco2e"));
            assert_eq!(FigureId::parse(&figure), Some((row, Some(owned("windowed.best_ugco2e")))), "{figure}");
        }
        assert_eq!(super::row("a", "b", "Pod/c", hour), "row:a:b:Pod/c@20261003T02Z");
    }

    #[test]
    fn what_is_no_id_is_none() {
        for text in
            ["", "total:facility_mj", "cluster", "cluster:", "namespace:a", "run:a:b:c", "run:a:b:c@2026", "node-day:a:b:2026-10-32"]
        {
            assert_eq!(FigureId::parse(text), None, "{text}");
        }
        for text in
            ["totals:a:b", "totals:", "row:a:b:c@20261003T25Z:facility_mj", "instrument:x", "hour:a@20261003", "step:a:b:c:d@20261003T02Z"]
        {
            assert_eq!(FigureId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn runs_of_one_name_that_started_together_have_ids_of_their_own() {
        let start = Some(instant("2026-10-03T02:00:00Z"));
        let runs = [("a", "b", "x", start), ("a", "b", "x", start), ("a", "b", "x", None), ("a", "b", "x", None), ("a", "b", "y", start)];

        let ids: Vec<String> = run_ids(runs.into_iter()).iter().map(RowId::to_string).collect();

        assert_eq!(
            ids,
            [
                "run:a:b:x@20261003T020000Z",
                "run:a:b:x@20261003T020000Z~2",
                "run:a:b:x@unknown",
                "run:a:b:x@unknown~2",
                "run:a:b:y@20261003T020000Z"
            ]
        );
    }

    proptest! {
        /// Whatever a cluster of somebody's calls its things.
        #[test]
        fn any_name_survives_and_none_reaches_into_another_part(a in "\\PC{1,12}", b in "[:@%~ \t]{1,6}", c in ".{1,12}") {
            let row = RowId::Workload { cluster: a.clone(), namespace: b.clone(), workload: c.clone() };
            let text = row.figure("facility_mj").to_string();
            prop_assert!(!text.contains(char::is_whitespace));
            prop_assert_eq!(text.matches(':').count(), 4);
            prop_assert_eq!(FigureId::parse(&text), Some((row, Some("facility_mj".to_owned()))));
            let run = RowId::Run(RunId { cluster: c, namespace: a, job: b, start: Some(instant("2026-10-03T02:00:00Z")), again: 1 });
            prop_assert_eq!(FigureId::parse(&run.to_string()), Some((run, None)));
        }
    }
}
