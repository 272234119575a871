//! What went into a node and step is what the tables say of it.

use std::collections::BTreeMap;

use super::meter_day_watching;
use super::story::*;
use super::trace::{Role, Traced, TracedCounter, Watch};
use crate::model::{MeteringTerms, SampleTable};

fn watched(parts: &[Part], node: &str, n: i64) -> (super::MeteredDay, Traced) {
    let watch = Watch { node: node.to_owned(), step: step(n) };
    meter_day_watching(&SampleTable::from_series(parts.to_vec()), day(), &MeteringTerms::of_step(STEP_S), watch).unwrap()
}

/// Thousandths of the counters that count, by role and by uid; nodes have none.
fn sums(traced: &Traced) -> BTreeMap<(Role, String), i64> {
    let mut sums = BTreeMap::new();
    for counter in traced.counters.iter().filter(|counter| counter.is_taken) {
        let uid = counter.pod.as_ref().map(|pod| pod.uid.clone()).unwrap_or_default();
        *sums.entry((counter.role, uid)).or_default() += counter.thousandths();
    }
    sums
}

fn expected(rows: &[(Role, &str, i64)]) -> BTreeMap<(Role, String), i64> {
    rows.iter().map(|(role, uid, sum)| ((*role, (*uid).to_owned()), *sum)).collect()
}

fn kepler_node(node: &str, zone: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("kepler_node_cpu_joules_total{{instance=k-{node},node_name={node},path=/{zone},zone={zone}}}"), samples)
}

fn kepler_pod(pod: &str, zone: &str, samples: &[(i64, f64)]) -> Part {
    let labels = format!("instance=k-n1,node_name=n1,pod_id=uid-{pod},pod_name={pod},pod_namespace=team,state=running,zone={zone}");
    part(&format!("kepler_pod_cpu_joules_total{{{labels}}}"), samples)
}

/// Two nodes; on the first two power zones, idle energy, two pods, and CPU time of one of them.
fn two_nodes() -> Vec<Part> {
    vec![
        kepler_node("n1", "package", &[(0, 100.0), (900, 1_000.0), (1_800, 1_100.0)]),
        kepler_node("n1", "dram", &[(0, 0.0), (900, 100.0), (1_800, 130.0)]),
        part("kepler_node_cpu_idle_joules_total{instance=k-n1,node_name=n1,path=/package,zone=package}", &[(0, 0.0), (900, 300.0)]),
        kepler_pod("a", "package", &[(0, 10.0), (900, 60.0), (1_800, 70.0)]),
        kepler_pod("a", "dram", &[(0, 0.0), (900, 7.0)]),
        kepler_pod("b", "package", &[(0, 0.0), (900, 20.0)]),
        kepler_node("n2", "package", &[(0, 0.0), (900, 77.0)]),
        part(
            "container_cpu_usage_seconds_total{instance=10.0.0.1:10250,node=n1,namespace=team,pod=a,container=c}",
            &[(0, 0.0), (900, 9.0)],
        ),
    ]
}

#[test]
fn the_lines_of_a_step_add_up_to_what_the_tables_say() {
    let (day, traced) = watched(&two_nodes(), "n1", 0);
    let package_and_dram = 900_000 + 100_000;
    assert_eq!(ints(&day.node_steps, "metered_mj")[0], Some(package_and_dram));
    let all = [
        (Role::NodeEnergy, "", package_and_dram),
        (Role::NodeIdle, "", 300_000),
        (Role::PodEnergy, "uid-a", 57_000),
        (Role::PodEnergy, "uid-b", 20_000),
        (Role::PodCpu, "uid-a", 9_000),
    ];
    let seen = sums(&traced);
    // Kubelet series have no uid: the pod is known by its name.
    let cpu: i64 = traced.counters.iter().filter(|counter| counter.role == Role::PodCpu).map(TracedCounter::thousandths).sum();
    assert_eq!(cpu, 9_000);
    for (role, uid, sum) in all.into_iter().filter(|(role, ..)| *role != Role::PodCpu) {
        assert_eq!(seen.get(&(role, uid.to_owned())), Some(&sum), "{role:?} {uid}");
    }
    // By role, pod and power zone, with the series as the server gave them.
    let order: Vec<(Role, String)> = traced.counters.iter().map(|counter| (counter.role, counter.power_zone.clone())).collect();
    let zones = |role, zones: &[&str]| zones.iter().map(|zone| (role, (*zone).to_owned())).collect::<Vec<_>>();
    let expected_order = [
        zones(Role::NodeEnergy, &["dram", "package"]),
        zones(Role::NodeIdle, &["package"]),
        zones(Role::PodEnergy, &["dram", "package", "package"]),
        zones(Role::PodCpu, &[""]),
    ];
    assert_eq!(order, expected_order.concat());
    assert!(traced.counters.iter().all(|counter| counter.series.len() == 1 && counter.is_taken));
    assert_eq!(traced.counters[0].series[0].labels["zone"], "dram");
}

#[test]
fn another_step_and_another_node_have_lines_of_their_own() {
    let seen = sums(&watched(&two_nodes(), "n1", 1).1);
    assert_eq!(seen, expected(&[(Role::NodeEnergy, "", 100_000 + 30_000), (Role::PodEnergy, "uid-a", 10_000)]));
    assert_eq!(sums(&watched(&two_nodes(), "n2", 0).1), expected(&[(Role::NodeEnergy, "", 77_000)]));
    assert!(watched(&two_nodes(), "n2", 1).1.counters.is_empty());
    assert!(watched(&two_nodes(), "n3", 0).1.counters.is_empty());
    // Whoever watches changes nothing.
    let (unwatched, (watched, _)) = (meter(two_nodes()), watched(&two_nodes(), "n1", 0));
    assert!(unwatched.usage.equals_missing(&watched.usage) && unwatched.node_steps.equals_missing(&watched.node_steps));
}

#[test]
fn a_family_that_was_not_chosen_is_there_and_does_not_count() {
    let platform: Vec<(i64, f64)> = (0..=15).map(|minute| (minute * 60, 2.0)).collect();
    let mut parts = two_nodes();
    parts.push(part("kepler_platform_watts{node_name=n1,source=redfish}", &platform));
    let (day, traced) = watched(&parts, "n1", 0);
    let metered = ints(&day.node_steps, "metered_mj")[0];
    let of_nodes: Vec<&TracedCounter> = traced.counters.iter().filter(|counter| counter.role == Role::NodeEnergy).collect();
    assert!(of_nodes.iter().any(|counter| counter.is_taken) && of_nodes.iter().any(|counter| !counter.is_taken), "{of_nodes:?}");
    let taken: i64 = of_nodes.iter().filter(|counter| counter.is_taken).map(|counter| counter.thousandths()).sum();
    assert_eq!(Some(taken), metered);
}

#[test]
fn pods_of_a_step_that_no_node_meter_reached_count_all_the_same() {
    // The node's meter is silent after a quarter of an hour; the pod's goes on.
    let parts = [kepler_node("n1", "package", &[(0, 0.0), (900, 90.0)]), kepler_pod("a", "package", &[(0, 0.0), (900, 5.0), (1_800, 9.0)])];
    let (day, traced) = watched(&parts, "n1", 1);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(5_000), None), (1, Some(4_000), None)]);
    assert_eq!(sums(&traced), expected(&[(Role::PodEnergy, "uid-a", 4_000)]));
}

#[test]
fn a_device_counts_for_the_node_and_for_whoever_holds_it() {
    let gpu = |uuid: &str, holder: &str, millijoules: f64| {
        part(&format!("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{Hostname=n1,UUID={uuid},gpu=0{holder}}}"), &[(0, 0.0), (900, millijoules)])
    };
    let held = ",namespace=team,pod=a,container=c,pod_uid=uid-a";
    let mut parts =
        vec![kepler_node("n1", "package", &[(0, 0.0), (900, 1_000.0)]), gpu("g1", held, 30_000_000.0), gpu("g2", "", 9_000_000.0)];
    let devices = [
        (Role::NodeEnergy, "", 1_000_000 + 30_000_000 + 9_000_000),
        (Role::NodeIdle, "", 9_000_000),
        (Role::PodEnergy, "uid-a", 30_000_000),
    ];
    let (day, traced) = watched(&parts, "n1", 0);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(devices[0].2)]);
    assert_eq!(sums(&traced), expected(&devices));
    // In the meter of a whole machine they are already.
    let platform: Vec<(i64, f64)> = (0..=15).map(|minute| (minute * 60, 50.0)).collect();
    parts[0] = part("kepler_platform_watts{node_name=n1,source=redfish}", &platform);
    let (_, traced) = watched(&parts, "n1", 0);
    assert_eq!(sums(&traced), expected(&[(Role::NodeEnergy, "", 45_000_000), devices[1], devices[2]]));
}

/// A node_exporter's RAPL, two pods, and a class of 50 W at rest.
fn without_meters_of_pods() -> (Vec<Part>, MeteringTerms) {
    let container = |pod: &str, cpu_s: f64| {
        part(&format!("container_cpu_usage_seconds_total{{container=c,namespace=team,node=n1,pod={pod}}}"), &[(0, 0.0), (900, cpu_s)])
    };
    let info = |pod: &str| part(&format!("kube_pod_info{{namespace=team,pod={pod},uid=uid-{pod},node=n1}}"), &[(0, 1.0), (900, 1.0)]);
    let parts = vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)]),
        part("kube_node_status_capacity{node=n1,resource=cpu}", &[(0, 4.0)]),
        part("node_cpu_usage_seconds_total{node=n1}", &[(0, 0.0), (900, 600.0)]),
        info("a"),
        info("b"),
        container("a", 100.0),
        container("b", 200.0),
    ];
    let hardware = crate::model::PowerRange { name: "r".to_owned(), idle_watts: 50.0, max_watts: 250.0, source: "test".to_owned() };
    let cluster = crate::model::NodeTerms { hardware: Some(hardware), ..crate::model::NodeTerms::default() };
    (parts, MeteringTerms { cluster, ..MeteringTerms::of_step(STEP_S) })
}

fn watched_with(parts: Vec<Part>, terms: &MeteringTerms) -> (super::MeteredDay, Traced) {
    let watch = Watch { node: "n1".to_owned(), step: step(0) };
    meter_day_watching(&SampleTable::from_series(parts), day(), terms, watch).unwrap()
}

#[test]
fn energy_that_was_shared_by_cpu_time_says_among_whom() {
    let (mut parts, terms) = without_meters_of_pods();
    parts.push(part("node_rapl_package_joules_total{instance=10.0.0.1:9100,index=0}", &[(0, 0.0), (900, 99_000.0)]));
    let (day, traced) = watched_with(parts, &terms);
    let shared = traced.shared.unwrap();
    let name = |pod: &str| super::trace::PodName { namespace: "team".to_owned(), pod: pod.to_owned(), uid: format!("uid-{pod}") };
    // 99 kJ less 50 W for 900 s, by 100 : 200 : 300.
    assert_eq!((shared.above_mj, shared.idle_mj, shared.outside), (54_000_000, 45_000_000, (300_000, 27_000_000)));
    assert_eq!(shared.pods, [(name("a"), 100_000, 9_000_000), (name("b"), 200_000, 18_000_000)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(9_000_000), Some(100_000))]);
    assert!(traced.modelled.is_none());
    assert_eq!(
        traced.counters.iter().filter(|counter| counter.role == Role::MachineCpu).map(TracedCounter::thousandths).sum::<i64>(),
        600_000
    );
}

#[test]
fn a_modelled_step_says_of_what() {
    let (parts, terms) = without_meters_of_pods();
    let (day, traced) = watched_with(parts, &terms);
    let modelled = traced.modelled.unwrap();
    // 600 of 4 x 900 seconds: 50 W and a sixth of 200 W.
    assert_eq!((modelled.cores, modelled.cpu_ms, modelled.there_ms), (4.0, 600_000, 900_000));
    assert_eq!((modelled.metered_mj, modelled.idle_mj), (75_000_000, 45_000_000));
    assert_eq!((ints(&day.node_steps, "metered_mj"), modelled.power.name.as_str()), (vec![Some(75_000_000)], "r"));
}

#[test]
fn a_family_that_the_configuration_does_not_want_does_not_count() {
    let mut parts = two_nodes();
    parts.push(part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (1_800, 1.0)]));
    parts.push(part("node_rapl_package_joules_total{instance=10.0.0.1:9100,index=0}", &[(0, 0.0), (900, 99.0)]));
    let cluster = crate::model::NodeTerms { exporter: crate::model::Exporter::NodeRapl, ..crate::model::NodeTerms::default() };
    let (day, traced) = watched_with(parts, &MeteringTerms { cluster, ..MeteringTerms::of_step(STEP_S) });
    assert_eq!(ints(&day.node_steps, "metered_mj")[0], Some(99_000));
    let taken: Vec<&str> = traced.counters.iter().filter(|counter| counter.is_taken).map(|counter| counter.family).collect();
    assert!(!taken.is_empty() && taken.iter().all(|family| *family != "kepler"), "{taken:?}");
    assert!(traced.counters.iter().any(|counter| counter.family == "kepler"));
}
