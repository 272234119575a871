//! Worked by hand: one site of three namespaces, of which `shop` changed hands; another cluster in which nobody has a label.

use polars::df;

use super::super::market::{RestWeight, SiteMarket};
use super::*;
use crate::accounting::cost_centres::CostCentres;
use crate::accounting::plan::Beside;
use crate::accounting::survey::{ClusterSurvey, ClusterTerms, MonthTerms, Site, Survey};
use crate::model::RestRule;
use crate::units::{MicrogramsCo2e, Millijoules};

fn sums(facility_mj: i64, hourly: i64, upstream: i64) -> Sums {
    Sums { facility_mj, operational_hourly_ugco2e: hourly, upstream_ugco2e: upstream, ..Sums::default() }
}

#[test]
fn what_the_ledger_met_goes_by_day_and_what_only_a_month_has_by_what_it_was_shared_by() {
    // A third of the energy, at an hour so clean that it is a tenth of the emissions.
    let centres = BTreeMap::from([("a".to_owned(), sums(100, 30, 7)), ("b".to_owned(), sums(200, 270, 8))]);
    let line = Line {
        market_ugco2e: Some(160),
        category_2_ugco2e: Some(10),
        upstream_ugco2e: Some(15),
        losses_ugco2e: None,
        amortised_ugco2e: Some(5),
        cloud_amortised_ugco2e: None,
    };
    let part = MarketPart { covered_ugco2e: 60, rest_ugco2e: Some(100), rest_weight: RestWeight::HourlyEmissions };
    let [a, b] = split(&line, Some(&part), &centres).try_into().unwrap();

    // Covered 20 and 40 by energy, the rest 10 and 90 by emissions.
    assert_eq!((a.market_ugco2e, b.market_ugco2e), (Some(30), Some(130)));
    // 3.33 and 6.67; 1.67 and 3.33.
    assert_eq!((a.category_2_ugco2e, b.category_2_ugco2e), (Some(3), Some(7)));
    assert_eq!((a.amortised_ugco2e, b.amortised_ugco2e), (Some(2), Some(3)));
    assert_eq!((a.upstream_ugco2e, b.upstream_ugco2e), (Some(7), Some(8)));
    assert_eq!((a.losses_ugco2e, a.cloud_amortised_ugco2e), (None, None), "unknown stays unknown");
}

#[test]
fn what_reserves_a_machine_and_uses_nothing_belongs_to_the_last_cost_centre() {
    let centres = BTreeMap::from([("a".to_owned(), Sums::default()), ("b".to_owned(), Sums::default())]);
    let line = Line { amortised_ugco2e: Some(5), market_ugco2e: Some(0), ..Line::default() };

    let parts: Vec<Option<i64>> = split(&line, None, &centres).iter().map(|line| line.amortised_ugco2e).collect();
    assert_eq!(parts, [Some(0), Some(5)]);
}

#[test]
fn a_part_that_is_not_known_is_known_of_no_cost_centre() {
    let centres = BTreeMap::from([("a".to_owned(), sums(1, 1, 0)), ("b".to_owned(), sums(1, 1, 0))]);
    let part = MarketPart { covered_ugco2e: 3, rest_ugco2e: None, rest_weight: RestWeight::AnnualEmissions };

    let lines = split(&Line { market_ugco2e: None, ..Line::default() }, Some(&part), &centres);
    assert!(lines.iter().all(|line| line.market_ugco2e.is_none()));
}

fn terms() -> MonthTerms {
    let cluster = |name: &str| ClusterTerms { name: name.to_owned(), sites: vec![Site::of_test("NL", 1.2)], site_of: Box::new(|_| 0) };
    MonthTerms::of_test(vec![cluster("prod"), cluster("test")])
}

/// On the first day `shop` and `blog` are a's; on the second `shop` is b's. Others have no label.
fn survey() -> Survey {
    let mut cost_centres = CostCentres::default();
    for (day, shop) in [("2026-10-01", "a"), ("2026-10-02", "b")] {
        let labels = [format!("{{\"cost_centre\":\"{shop}\"}}"), r#"{"cost_centre":"a"}"#.to_owned()];
        let table = df!["namespace" => ["shop", "blog"], "labels" => labels.to_vec()].unwrap();
        cost_centres.add_day("cost-centre", day.parse().unwrap(), Some(&table)).unwrap();
    }
    Survey { clusters: vec![ClusterSurvey { cost_centres, ..ClusterSurvey::default() }, ClusterSurvey::default()] }
}

fn key(namespace: &str, workload: &str) -> WorkloadKey {
    (0, namespace.to_owned(), workload.to_owned())
}

/// Hourly emissions are a tenth of the energy; of `shop`, days of which nothing is settled yet are there by cost centre.
fn inventory(plan: &Plan<'_>) -> Inventory {
    let of = |rows: &[(&str, i64)]| {
        let workloads = rows.iter().map(|(namespace, mj)| (key(namespace, "x"), sums(*mj, mj / 10, 0)));
        ClusterInventory { workloads: workloads.collect(), ..ClusterInventory::default() }
    };
    let mut prod = of(&[("shop", 300), ("blog", 50), ("lab", 40), (IDLE, 60)]);
    prod.cost_centres.insert(key("shop", "x"), BTreeMap::from([("a".to_owned(), sums(100, 10, 0)), ("b".to_owned(), sums(200, 20, 0))]));
    let mut inventory = Inventory { clusters: vec![prod, of(&[("lab", 10), (SYSTEM, 30)])], ..Inventory::default() };
    complete(plan, &mut inventory);
    inventory
}

fn with_plan(see: impl FnOnce(&Plan<'_>, &Inventory)) {
    let (terms, survey) = (terms(), survey());
    let plan = Plan::new(&terms, &survey, vec![Vec::new(), Vec::new()], Vec::new(), Beside::default());
    see(&plan, &inventory(&plan));
}

/// Instruments cover a fifth of a microgram a millijoule; the rest is shared by hourly emissions.
fn market(second_rest: Option<i64>) -> Market {
    let site = |facility_mj: i64, covered: i64, rest: Option<i64>| SiteMarket {
        facility_mj: Millijoules::new(facility_mj),
        covered_mj: Millijoules::ZERO,
        open_mj: Millijoules::ZERO,
        covered_ugco2e: MicrogramsCo2e::new(covered),
        rest_ugco2e: rest.map(MicrogramsCo2e::new),
        rest_rule: RestRule::LocationBasedHourly,
        hourly_ugco2e: MicrogramsCo2e::ZERO,
        annual_ugco2e: None,
    };
    let sites = BTreeMap::from([((0, 0), site(450, 90, Some(45))), ((1, 0), site(40, 8, second_rest))]);
    Market { sites, ..Market::default() }
}

#[test]
fn every_line_is_in_one_cost_centre_and_they_add_up() {
    with_plan(|plan, inventory| {
        let market = market(Some(0));
        let mut all: Lines = vec![BTreeMap::new(), BTreeMap::new()];
        market.fill(&inventory.clusters, &mut all);
        // What reserved a machine and used nothing belongs to the last that the namespace had.
        let reserved = |mj| Line { market_ugco2e: Some(0), amortised_ugco2e: Some(mj), ..Line::default() };
        all[0].insert(key("shop", "unused"), reserved(7));
        all[0].insert(key(GAP, GAP), reserved(9));
        let centres = lines(plan, inventory, &market, &all);

        let seen: Vec<_> = centres
            .iter()
            .map(|((name, cluster, site), centre)| {
                let namespaces: Vec<&str> = centre.namespaces.iter().map(String::as_str).collect();
                let line = &centre.line;
                (name.as_str(), *cluster, *site, centre.sums.facility_mj, line.market_ugco2e, line.amortised_ugco2e, namespaces.join(" "))
            })
            .collect();
        let text = str::to_owned;
        let expected = vec![
            (GAP, 0, 0, 0, Some(0), Some(9), String::new()),
            // 12 covered, 6 of the rest.
            (IDLE, 0, 0, 60, Some(18), None, String::new()),
            (SYSTEM, 1, 0, 30, Some(6), None, String::new()),
            (UNLABELLED, 0, 0, 40, Some(12), None, text("lab")),
            (UNLABELLED, 1, 0, 10, Some(2), None, text("lab")),
            // A third of `shop`, and `blog`: 20 + 10 and 10 + 5.
            ("a", 0, 0, 150, Some(45), None, text("blog shop")),
            ("b", 0, 0, 200, Some(60), Some(7), text("shop")),
        ];
        assert_eq!(seen, expected);
        let total: i64 = centres.values().map(|centre| centre.line.market_ugco2e.unwrap()).sum();
        assert_eq!(total, 90 + 45 + 8, "the sites' own");
        let line = super::super::total(&all);
        assert_eq!((line.market_ugco2e, line.amortised_ugco2e), (Some(total), Some(16)));
    });
}

#[test]
fn a_year_settles_market_based_emissions_anew_and_what_is_unknown_stays_so() {
    with_plan(|_, inventory| {
        let of = |rest| {
            let centres = market_based(&market(rest), &inventory.clusters);
            [IDLE, SYSTEM, UNLABELLED, "a", "b"].map(|name| centres[name])
        };
        assert_eq!(of(Some(4)), [Some(18), Some(6 + 3), Some(12 + 2 + 1), Some(45), Some(60)]);
        // The second site's rest is not known: neither is what has a part of it.
        assert_eq!(of(None), [Some(18), None, None, Some(45), Some(60)]);
        // Where a site has no part in Scope 2, its cost centres have nothing.
        let mut nothing = market(None);
        nothing.sites.clear();
        assert_eq!(market_based(&nothing, &inventory.clusters).values().copied().collect::<Vec<_>>(), [Some(0); 5]);
    });
}

#[test]
fn energy_without_a_label_is_found_by_cluster_where_anybody_uses_the_label() {
    let empty = |namespaces: &[&str]| CentreLine {
        sums: sums(10, 1, 0),
        line: Line::nothing(),
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
    };
    with_plan(|plan, inventory| {
        let centres = lines(plan, inventory, &Market::default(), &super::super::unknown(inventory));
        let found = findings(plan, "cost-centre", false, &centres);
        let counted: Vec<_> =
            found.iter().map(|finding| (finding.code.as_str(), finding.severity, finding.examined, finding.failing)).collect();
        assert_eq!(counted, [("UNLABELLED", Severity::Noted, 3, 1), ("UNLABELLED", Severity::Noted, 1, 1)]);
        // 40 of 390, what is nobody's being left out.
        assert!(found[0].message.starts_with("prod: 1 of 3 namespaces had no label cost-centre"), "{}", found[0].message);
        assert!(found[0].message.contains("(lab). Their 10.3 % of"), "{}", found[0].message);
        assert!(found[1].message.starts_with("test: 1 of 1 ") && found[1].message.contains("Their 100.0 % of"), "{}", found[1].message);

        let six = ["c", "d", "e", "f", "g", "h"];
        for (namespaces, listed) in [(&six[..5], "(c, d, e, f, g)"), (&six[..], "(c, d, e, f, g, …)")] {
            let centres = CentreLines::from([((UNLABELLED.to_owned(), 0, 0), empty(namespaces))]);
            let found = findings(plan, "cost-centre", false, &centres);
            assert!(found.len() == 1 && found[0].message.contains(listed), "{found:?}");
        }
        let labelled = CentreLines::from([(("a".to_owned(), 0, 0), empty(&["shop"]))]);
        assert_eq!(findings(plan, "cost-centre", true, &labelled), []);
    });
    // Where nobody uses it there is nothing to find, unless it was asked for by name.
    let (terms, survey) = (terms(), Survey { clusters: vec![ClusterSurvey::default(), ClusterSurvey::default()] });
    let plan = Plan::new(&terms, &survey, vec![Vec::new(), Vec::new()], Vec::new(), Beside::default());
    let centres = CentreLines::from([((UNLABELLED.to_owned(), 1, 0), empty(&["lab"]))]);
    assert_eq!(findings(&plan, "cost-centre", false, &centres), []);
    assert_eq!(findings(&plan, "cost-centre", true, &centres).len(), 1);
}
