//! Several meters of one node: which of them counts, and when two do.

use std::collections::BTreeMap;

use super::story::*;
use crate::model::{Exporter, MeteringTerms, NodeTerms, PoolTerms};

fn kepler(samples: &[(i64, f64)]) -> Part {
    part("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", samples)
}

fn kepler_idle(samples: &[(i64, f64)]) -> Part {
    part("kepler_node_cpu_idle_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", samples)
}

fn kepler_pod(samples: &[(i64, f64)]) -> Part {
    part(
        "kepler_pod_cpu_joules_total{instance=k1,node_name=n1,pod_id=uid-a,pod_name=a,pod_namespace=team,state=running,zone=package}",
        samples,
    )
}

fn legacy(mode: &str, samples: &[(i64, f64)]) -> Part {
    part(
        &format!("kepler_node_package_joules_total{{exported_instance=n1,instance=10.0.0.1:9102,mode={mode},package=0,source=rapl-sysfs}}"),
        samples,
    )
}

fn legacy_pod(samples: &[(i64, f64)]) -> Part {
    let labels = "container_id=c1,container_namespace=team,instance=10.0.0.1:9102,mode=dynamic,pod_name=a";
    part(&format!("kepler_container_package_joules_total{{{labels}}}"), samples)
}

fn known() -> Vec<Part> {
    vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (1_800, 1.0)]),
        part("kube_node_labels{node=n1,label_meter=old}", &[(0, 1.0), (1_800, 1.0)]),
        part("kube_pod_info{namespace=team,pod=a,uid=uid-a,node=n1}", &[(0, 1.0), (1_800, 1.0)]),
    ]
}

/// Both say something of the same time: 1,000 J and 100 J of the pod; 700 J and 70 J.
fn both() -> Vec<Part> {
    let more = [
        kepler(&[(0, 0.0), (900, 1_000.0)]),
        kepler_pod(&[(0, 0.0), (900, 100.0)]),
        legacy("dynamic", &[(0, 0.0), (900, 700.0)]),
        legacy_pod(&[(0, 0.0), (900, 70.0)]),
    ];
    known().into_iter().chain(more).collect()
}

#[test]
fn of_several_meters_one_is_taken_for_each_step_and_a_pod_is_one_pod() {
    let day = meter(both());
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(1_000_000)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(100_000), None)]);
    assert_eq!(texts(&day.pods, "pod"), [Some("a".to_owned())]);
    let choice = day.findings.iter().find(|finding| finding.code == "METER_CHOICE").unwrap();
    assert_eq!((choice.examined, choice.failing), (1, 1));
    assert_eq!(severity(&meter(vec![kepler(&[(0, 0.0), (900, 9.0)])]), "METER_CHOICE"), None, "one meter is no choice");
}

#[test]
fn what_the_configuration_says_of_a_node_goes_before_what_it_has() {
    let of = |terms: &MeteringTerms| {
        let day = meter_with(both(), terms);
        (ints(&day.node_steps, "metered_mj"), usage_of(&day, "uid-a"), severity(&day, "METER_CHOICE").is_some())
    };
    let cluster = |exporter| MeteringTerms { cluster: NodeTerms { exporter, ..NodeTerms::default() }, ..MeteringTerms::of_step(STEP_S) };
    let newer = (vec![Some(1_000_000)], vec![(0, Some(100_000), None)], false);
    let older = (vec![Some(700_000)], vec![(0, Some(70_000), None)], false);
    assert_eq!(of(&cluster(Exporter::Kepler)), newer);
    assert_eq!(of(&cluster(Exporter::KeplerLegacy)), older);
    // A pool of nodes by label goes before the cluster.
    let terms = NodeTerms { exporter: Exporter::KeplerLegacy, ..NodeTerms::default() };
    let pool = |value: &str| PoolTerms { selector: BTreeMap::from([("meter".to_owned(), value.to_owned())]), terms: terms.clone() };
    assert_eq!(of(&MeteringTerms { pools: vec![pool("old")], ..cluster(Exporter::Kepler) }), older);
    assert_eq!(of(&MeteringTerms { pools: vec![pool("new")], ..cluster(Exporter::Kepler) }), newer);
    // One that is not there meters nothing.
    assert_eq!(of(&cluster(Exporter::Scaphandre)).0, []);
}

#[test]
fn meters_that_follow_one_another_within_a_step_both_count() {
    // The old one up to 400 s, the new one from 500 s on.
    let more = [
        legacy("dynamic", &[(0, 0.0), (400, 300.0)]),
        legacy("idle", &[(0, 0.0), (400, 100.0)]),
        legacy_pod(&[(0, 0.0), (400, 30.0)]),
        kepler(&[(500, 0.0), (900, 500.0)]),
        kepler_idle(&[(500, 0.0), (900, 40.0)]),
        kepler_pod(&[(500, 5.0), (900, 25.0)]),
    ];
    let day = meter(known().into_iter().chain(more).collect());
    assert_eq!((ints(&day.node_steps, "metered_mj"), ints(&day.node_steps, "idle_mj")), (vec![Some(900_000)], vec![Some(140_000)]));
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(50_000), None)]);
    assert_eq!(day.pods.height(), 1);
}

#[test]
fn pods_without_a_uid_are_told_apart_by_name() {
    // Nobody tells uids: the old Kepler has none, and the new one beside it speaks of another node.
    let container = |pod: &str, joules: f64| {
        let labels = format!("container_id=c-{pod},container_namespace=team,instance=10.0.0.1:9102,mode=dynamic,pod_name={pod}");
        part(&format!("kepler_container_package_joules_total{{{labels}}}"), &[(0, 0.0), (900, joules)])
    };
    let day = meter(vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)]),
        legacy("dynamic", &[(0, 0.0), (900, 100.0)]),
        container("a", 10.0),
        container("b", 20.0),
        part("kepler_node_cpu_joules_total{instance=k2,node_name=n2,path=/p,zone=package}", &[(0, 0.0), (900, 50.0)]),
        part(
            "kepler_pod_cpu_joules_total{instance=k2,node_name=n2,pod_id=uid-c,pod_name=c,pod_namespace=team,zone=package}",
            &[(0, 0.0), (900, 5.0)],
        ),
    ]);
    let pods: Vec<_> = texts(&day.pods, "pod").into_iter().flatten().zip(ints(&day.usage, "active_mj").into_iter().flatten()).collect();
    let pod = |name: &str, active_mj| (name.to_owned(), active_mj);
    assert_eq!(pods, [pod("a", 10_000), pod("b", 20_000), pod("c", 5_000)]);
}
