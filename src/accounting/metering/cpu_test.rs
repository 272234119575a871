//! Stories of containers: whose CPU time it is, and since when.

use super::story::*;
use crate::model::Severity;

const UID: &str = "7c3c00ae-0bee-4342-89a4-bdbf401e8e02";
const OTHER: &str = "1d2f00ae-0bee-4342-89a4-bdbf401e8e02";
/// Of a static pod: 32 digits of a hash.
const HASH: &str = "10f89a3e7a511b23391a83b30be06257";

/// 10 W, scraped every minute of an hour.
fn node() -> Part {
    let samples: Vec<(i64, f64)> = (0..=60).map(|minute| (minute * 60, (minute * 600) as f64)).collect();
    part("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", &samples)
}

fn kepler_pod(uid: &str, pod: &str, samples: &[(i64, f64)]) -> Part {
    part(
        &format!("kepler_pod_cpu_joules_total{{instance=k1,node_name=n1,pod_id={uid},pod_name={pod},pod_namespace=team,zone=package}}"),
        samples,
    )
}

fn cpu(labels: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("container_cpu_usage_seconds_total{{namespace=team,container=main,{labels}}}"), samples)
}

#[test]
fn lives_of_one_name_are_told_apart_by_their_control_groups() {
    let life = |uid: &str, samples: &[(i64, f64)]| cpu(&format!("node=n1,pod=db-0,id=/kubepods/burstable/pod{uid}/c"), samples);
    let day = meter(vec![node(), life(UID, &[(0, 0.0), (800, 8.0)]), life(OTHER, &[(0, 5.0), (900, 25.0)])]);
    assert_eq!(usage_of(&day, UID), [(0, None, Some(8_000))]);
    assert_eq!(usage_of(&day, OTHER), [(0, None, Some(20_000))]);
}

#[test]
fn the_hash_of_a_static_pod_is_a_uid_only_where_something_else_knows_it() {
    let of_static = || cpu(&format!("node=n1,pod=etcd,id=/kubepods/burstable/pod{HASH}/c"), &[(0, 0.0), (900, 9.0)]);
    let day = meter(vec![node(), kepler_pod(HASH, "etcd", &[(0, 0.0), (900, 3.0)]), of_static()]);
    assert_eq!(usage_of(&day, HASH), [(0, Some(3_000), Some(9_000))]);
    let day = meter(vec![node(), of_static()]);
    assert_eq!((usage_of(&day, HASH), usage_of(&day, "")), (vec![], vec![(0, None, Some(9_000))]));
}

#[test]
fn the_node_of_a_kubelet_is_found_by_whatever_names_it() {
    let info = |node: &str, at: i64| {
        part(&format!("kube_pod_info{{namespace=team,pod=a,uid=uid-a-{at},node={node}}}"), &[(at, 1.0), (at + 60, 1.0)])
    };
    let of = |labels: &str, more: Vec<Part>| {
        let mut parts = vec![node(), cpu(&format!("pod=a,{labels}"), &[(0, 0.0), (900, 9.0)])];
        parts.extend(more);
        let day = meter(parts);
        (ints(&day.usage, "cpu_ms").into_iter().flatten().sum::<i64>(), severity(&day, "CPU_UNPLACED"))
    };
    let ip = part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)]);
    for (labels, more) in [
        ("node=n1", vec![]),
        ("instance=10.0.0.1:10250", vec![ip]),
        // A meter speaks of pods of a node of that name.
        ("instance=n1:10250", vec![kepler_pod("uid-b", "b", &[(0, 0.0), (900, 1.0)])]),
        // Not yet scheduled, then on the node.
        ("instance=10.9.9.9:10250", vec![info("", 0), info("n1", 60)]),
    ] {
        assert_eq!(of(labels, more), (9_000, None), "{labels}");
    }
    assert_eq!(of("instance=10.9.9.9:10250", vec![]), (0, Some(Severity::Disclosed)));
}

#[test]
fn containers_without_a_node_are_named_once_and_counted() {
    let lost = |pod: &str, container: &str| {
        part(
            &format!("container_cpu_usage_seconds_total{{namespace=team,instance=10.9.9.9:10250,pod={pod},container={container}}}"),
            &[(0, 0.0), (900, 9.0)],
        )
    };
    let day = meter(vec![node(), cpu("node=n1,pod=a", &[(0, 0.0), (900, 9.0)]), lost("b", "main"), lost("b", "side"), lost("c", "main")]);
    let finding = day.findings.iter().find(|finding| finding.code == "CPU_UNPLACED").unwrap();
    assert_eq!((finding.examined, finding.failing), (4, 3));
    assert!(finding.message.contains("of 3 containers") && finding.message.contains("not used: team/b, team/c."), "{}", finding.message);
}

#[test]
fn a_container_that_fell_is_noted_with_its_node_once() {
    let fell = |pod: &str| cpu(&format!("node=n1,pod={pod}"), &[(0, 1_000.0), (60, 999.0), (120, 1_001.0)]);
    let day = meter(vec![node(), fell("a"), fell("b"), cpu("node=n2,pod=c", &[(0, 0.0), (900, 9.0)])]);
    let finding = day.findings.iter().find(|finding| finding.code == "DECREASE").unwrap();
    assert_eq!((finding.severity, finding.failing), (Severity::Noted, 2));
    assert!(finding.message.contains("container CPU time") && finding.message.contains("on n1;"), "{}", finding.message);
    // One that starts again is its life and no trouble.
    let again = meter(vec![node(), cpu("node=n1,pod=a", &[(0, 1_000.0), (60, 5.0)])]);
    assert_eq!((severity(&again, "RESET"), usage_of(&again, "")), (None, vec![(0, None, Some(5_000))]));
}

/// CPU time of a container whose kubelet says nothing before it, beside a pod that Kepler saw first at a second.
fn born(kepler: &[(&str, i64)], labels: &str, first_s: i64) -> i64 {
    let mut parts = vec![node(), cpu(&format!("instance=n1:10250,node=n1,pod=a{labels}"), &[(first_s, 7.0)])];
    parts.extend(kepler.iter().map(|(uid, first)| kepler_pod(uid, "a", &[(*first, 5.0), (600, 9.0)])));
    ints(&meter(parts).usage, "cpu_ms").into_iter().flatten().sum()
}

#[test]
fn a_container_was_born_with_its_pod_where_kepler_saw_that() {
    let group = format!(",id=/kubepods/burstable/pod{UID}/c");
    assert_eq!(born(&[], &group, 200), 0, "nothing says since when it counts");
    assert_eq!(born(&[(UID, 180)], &group, 200), 7_000);
    assert_eq!(born(&[(UID, 0)], &group, 200), 0, "Kepler knew it from the first scrape on");
    // By name where the control group tells no uid, unless two had it.
    assert_eq!(born(&[("uid-a", 180)], "", 200), 7_000);
    assert_eq!(born(&[("uid-a", 180), ("uid-b", 180)], "", 200), 0);
    // Another pod's birth says nothing, and neither does one that came after.
    assert_eq!(born(&[(OTHER, 180)], &group, 200), 7_000, "a name that only one pod had");
    assert_eq!(born(&[(UID, 300)], &group, 200), 0);
}
