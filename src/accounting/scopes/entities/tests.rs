//! Worked by hand: three entities' worth of rules over two clusters, one of which has a pool in another's hands.

use super::*;
use crate::accounting::inventory::ClusterInventory;
use crate::accounting::plan::Beside;
use crate::accounting::survey::{ClusterSurvey, MonthTerms, Site, Survey};

use crate::model::{Boundary, Consolidation, Entity, GAP, IDLE, InternalCloud, Placement, PublishedRate, SYSTEM};

fn site(entity: &str, boundary: Boundary) -> Site {
    let placement = Placement::of(boundary, None).unwrap();
    Site { entity: Some(entity.to_owned()), boundary, placement, ..Site::of_test("NL", 1.2) }
}

/// Cluster `a` is A's but for a pool of B's; `b` is a cloud that B rents.
fn terms() -> MonthTerms {
    let cluster = |name: &str, sites| ClusterTerms { name: name.to_owned(), sites, site_of: Box::new(|_| 0) };
    MonthTerms::of_test(vec![
        cluster("a", vec![site("A", Boundary::Owned), site("B", Boundary::Owned)]),
        cluster("b", vec![site("B", Boundary::Cloud)]),
    ])
}

fn rule(clusters: &[&str], namespaces: &[&str], customer: &str) -> InternalCloud {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    InternalCloud { clusters: owned(clusters), namespaces: owned(namespaces), customer: customer.to_owned() }
}

fn group(internal_cloud: Vec<InternalCloud>) -> Group {
    let entity = |name: &str, currency: &str| Entity {
        name: name.to_owned(),
        lei: None,
        currency: currency.to_owned(),
        net_revenue: BTreeMap::from([(2026, 5.0)]),
    };
    Group {
        consolidation: Consolidation::FinancialControl,
        currency: "EUR".to_owned(),
        entities: vec![entity("A", "EUR"), entity("B", "PLN")],
        internal_cloud,
        rates: Vec::new(),
    }
}

/// Cluster, site, namespace, facility energy; emissions are twice and the machines' part three times as much.
const ROWS: [(usize, usize, &str, i64); 9] = [
    (0, 0, "ml-1", 100),
    (0, 0, "shop", 50),
    (0, 0, IDLE, 10),
    (0, 0, GAP, 2),
    (0, 1, "ml-1", 7),
    (0, 1, "shop", 3),
    (1, 0, "web", 20),
    (1, 0, IDLE, 5),
    (1, 0, SYSTEM, 1),
];

fn account(group: &Group) -> (EntityAccount, Vec<Finding>) {
    let terms = terms();
    let survey = Survey { clusters: vec![ClusterSurvey::default(), ClusterSurvey::default()] };
    let plan = Plan::new(&terms, &survey, vec![Vec::new(), Vec::new()], Vec::new(), Beside::default());
    let mut clusters = vec![ClusterInventory::default(), ClusterInventory::default()];
    let mut lines: Lines = vec![BTreeMap::new(), BTreeMap::new()];
    for (cluster, site, namespace, facility_mj) in ROWS {
        // Two workloads, so that a namespace is a sum.
        for (workload, part) in [("x", facility_mj / 2), ("y", facility_mj - facility_mj / 2)] {
            let key = (site, namespace.to_owned(), workload.to_owned());
            let sums = Sums { facility_mj: part, operational_hourly_ugco2e: 2 * part, ..Sums::default() };
            clusters[cluster].workloads.insert(key.clone(), sums);
            let amortised_ugco2e = Some(3 * part);
            lines[cluster]
                .insert(key, Line { amortised_ugco2e, market_ugco2e: Some(part), upstream_ugco2e: Some(part), ..Line::default() });
        }
    }
    let inventory = Inventory { clusters, runs: Vec::new(), profiles: Vec::new() };
    let account = EntityAccount::new(group, &plan, &inventory, &lines, &BTreeMap::new());
    let findings = account.findings(&plan);
    (account, findings)
}

fn sold(account: &EntityAccount) -> Vec<(usize, usize, usize, usize, &str, i64)> {
    let lines = account.internal.iter();
    lines
        .map(|((provider, customer, (cluster, site, namespace)), line)| {
            assert_eq!(line.sums.operational_hourly_ugco2e, 2 * line.sums.facility_mj);
            assert_eq!(line.line.amortised_ugco2e, Some(3 * line.sums.facility_mj));
            (*provider, *customer, *cluster, *site, namespace.as_str(), line.sums.facility_mj)
        })
        .collect()
}

#[test]
fn every_row_is_in_one_controllers_hands_and_they_add_up() {
    let (account, _) = account(&group(Vec::new()));
    let of =
        |entity: usize| account.controlled.iter().filter(|((of, _), _)| *of == entity).map(|(_, line)| line.sums.facility_mj).sum::<i64>();

    // A has its cluster but for the pool, B the pool and the cloud.
    assert_eq!((of(0), of(1)), (100 + 50 + 10 + 2, 7 + 3 + 20 + 5 + 1));
    assert_eq!(of(0) + of(1), ROWS.iter().map(|(.., facility_mj)| facility_mj).sum::<i64>());
    assert_eq!(account.controlled.len(), ROWS.len(), "no row is in two of them");
    assert!(account.internal.is_empty());
}

#[test]
fn what_a_sister_runs_is_sold_and_what_is_nobodys_never_is() {
    // The second rule would match everything; the first goes before it, also where nothing comes of it: the pool's ml-1 is B's own work.
    let (account, findings) = account(&group(vec![rule(&["a"], &["ml-*"], "B"), rule(&["a", "b"], &["*"], "A")]));

    assert_eq!(sold(&account), [(0, 1, 0, 0, "ml-1", 100), (1, 0, 0, 1, "shop", 3), (1, 0, 1, 0, "web", 20)]);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_rule_that_matches_nothing_is_found_and_so_is_one_in_the_shadow_of_another() {
    let (account, findings) = account(&group(vec![rule(&["b"], &["*"], "A"), rule(&["b"], &["web"], "A"), rule(&["a"], &["mll-*"], "B")]));

    assert_eq!(sold(&account), [(1, 0, 1, 0, "web", 20)]);
    let said: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(findings.iter().all(|finding| finding.code == "INTERNAL_CLOUD"));
    assert!(
        said[0].starts_with("[[internal_cloud]] 2: in 2026-10 no namespace of b that another entity than A controls matches web"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("[[internal_cloud]] 3: in 2026-10 no namespace of a that another entity than B controls matches mll-*"),
        "{said:?}"
    );
    assert_eq!(said.len(), 2);
}

#[test]
fn a_currency_without_a_rate_is_found_and_one_with_a_rate_is_not() {
    let mut group = group(Vec::new());
    let finding = revenue_finding(&group, 2026).unwrap();
    assert_eq!((finding.code.as_str(), finding.examined, finding.failing), ("EXCHANGE_RATE", 2, 1));
    assert!(finding.message.contains("no exchange rate of PLN to EUR in 2026"), "{}", finding.message);
    assert_eq!(revenue_finding(&group, 2025), None, "there is no revenue to state");

    let period = RatePeriod { year: 2026, month: None };
    group.rates.push(PublishedRate { from: "EUR".to_owned(), to: "PLN".to_owned(), period, rate: 4.0, source: "a bank".to_owned() });
    assert_eq!(revenue_finding(&group, 2026), None, "a pair is read either way round");
}

#[test]
fn a_figure_that_nobody_can_state_names_the_entities_and_the_instruments() {
    let group = group(Vec::new());
    assert_eq!(market_findings(&group, &[BTreeSet::new(), BTreeSet::new()]), None);
    let finding = market_findings(&group, &[BTreeSet::new(), BTreeSet::from([0, 2])]).unwrap();
    assert_eq!((finding.code.as_str(), finding.examined, finding.failing), ("ENTITY_MARKET", 2, 1));
    assert!(finding.message.starts_with("The market-based figure of B is not stated: [[instrument]] 1, 3 covers"), "{}", finding.message);
    let finding = market_findings(&group, &[BTreeSet::from([1]), BTreeSet::from([1])]).unwrap();
    assert!(finding.failing == 2 && finding.message.contains("of A, B is not stated: [[instrument]] 2 covers"), "{}", finding.message);
}
