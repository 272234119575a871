//! Kepler up to 0.9.

use crate::accounting::metering::story::*;

fn node(component: &str, mode: &str, samples: &[(i64, f64)]) -> Part {
    part(
        &format!(
            "kepler_node_{component}_joules_total{{exported_instance=n1,instance=10.0.0.1:9102,mode={mode},package=0,source=rapl-sysfs}}"
        ),
        samples,
    )
}

fn container(component: &str, id: &str, pod: &str, samples: &[(i64, f64)]) -> Part {
    let labels = format!("container_id={id},container_name=c,container_namespace=team,instance=10.0.0.1:9102,mode=dynamic,pod_name={pod}");
    part(&format!("kepler_container_{component}_joules_total{{{labels}}}"), samples)
}

fn known() -> Vec<Part> {
    vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)]),
        part("kube_pod_info{namespace=team,pod=a,uid=uid-a,node=n1}", &[(0, 1.0), (900, 1.0)]),
    ]
}

#[test]
fn a_node_is_dynamic_and_idle_of_its_components_and_a_pod_is_its_containers() {
    let mut parts = known();
    parts.extend([
        node("package", "dynamic", &[(0, 100.0), (900, 400.0)]),
        node("package", "idle", &[(0, 1_000.0), (900, 1_500.0)]),
        node("dram", "dynamic", &[(0, 10.0), (900, 30.0)]),
        node("dram", "idle", &[(0, 10.0), (900, 50.0)]),
        node("platform", "dynamic", &[(0, 0.0), (900, 9_999.0)]),
        container("package", "c1", "a", &[(0, 5.0), (900, 105.0)]),
        container("package", "c2", "a", &[(0, 0.0), (900, 50.0)]),
        container("dram", "c1", "a", &[(0, 0.0), (900, 7.0)]),
        // The host's processes stay with the node.
        part(
            "kepler_container_package_joules_total{container_namespace=system,instance=10.0.0.1:9102,mode=dynamic,pod_name=system_processes}",
            &[(0, 0.0), (900, 90.0)],
        ),
    ]);
    let day = meter(parts);
    // 300 + 500 + 20 + 40 J; idle 500 + 40 J.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(860_000)]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(540_000)]);
    assert_eq!(ints(&day.node_steps, "tier"), [Some(1)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(157_000), None)]);
    assert_eq!(texts(&day.pods, "pod"), [Some("a".to_owned())]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("package+dram (kepler-legacy)".to_owned())]);
}

#[test]
fn what_a_model_predicts_is_no_measurement() {
    let mut parts = known();
    parts.push(part(
        "kepler_node_package_joules_total{instance=n1,mode=dynamic,package=0,source=trained_power_model}",
        &[(0, 0.0), (900, 9.0)],
    ));
    parts.push(container("package", "c1", "a", &[(0, 0.0), (900, 5.0)]));
    let day = meter(parts);
    assert_eq!(ints(&day.node_steps, "tier"), [Some(3)]);
}

#[test]
fn an_upgrade_within_the_day_counts_every_joule_once() {
    // The old Kepler until 10:07:00, the new one from 10:08:00, and both for the hour after that.
    let (stop, start, both) = (600 * 60 + 420, 600 * 60 + 480, 660 * 60);
    let at_10_watts = |from: i64, to: i64| (from / 60..=to / 60).map(|minute| (minute * 60, minute as f64 * 600.0)).collect::<Vec<_>>();
    let legacy = |samples: &[(i64, f64)]| node("package", "dynamic", samples);
    let newer = |samples: &[(i64, f64)]| part("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", samples);
    let total = |parts: Vec<Part>| ints(&meter(parts).node_steps, "metered_mj").into_iter().flatten().sum::<i64>();

    let mut apart = known();
    apart.extend([legacy(&at_10_watts(0, stop)), newer(&at_10_watts(start, 86_340))]);
    // 10 W for the day but for the minute between the two and the one after the last scrape.
    assert_eq!(total(apart), (86_400 - 60 - 60) * 10_000);

    let mut together = known();
    together.extend([legacy(&at_10_watts(0, both)), newer(&at_10_watts(start, 86_340))]);
    let day = meter(together.clone());
    assert!(severity(&day, "METER_CHOICE").is_some());
    // In the step of the change the old one tells more; the new one's seven minutes of it are not added, because they overlap.
    let steps: Vec<i64> = ints(&day.node_steps, "metered_mj").into_iter().flatten().collect();
    assert!(steps.iter().all(|energy_mj| *energy_mj <= 9_000_000), "{steps:?}");
}

#[test]
fn the_node_is_found_by_whatever_names_it() {
    let of = |labels: &str| {
        let mut parts = known();
        parts.push(part(&format!("kepler_node_package_joules_total{{mode=dynamic,package=0,{labels}}}"), &[(0, 0.0), (900, 9.0)]));
        let day = meter(parts);
        let nodes = texts(&day.nodes, "node").into_iter().flatten().collect::<Vec<_>>().join(" ");
        (nodes, ints(&day.node_steps, "metered_mj"))
    };
    let found = |node: &str| (node.to_owned(), vec![Some(9_000)]);
    assert_eq!(of("instance=10.0.0.1:9102"), found("n1"), "by its address");
    assert_eq!(of("exported_instance=x,instance=10.9.9.9:9102,node=n1"), found("n1"), "by a label of the scrape");
    assert_eq!(of("exported_instance=x,instance=10.0.0.1:9102"), found("n1"), "by the address of the scrape");
    assert_eq!(of("exported_instance=x,instance=10.9.9.9:9102,namespace=team,pod=a"), found("n1"), "by the exporter's own pod");
    assert_eq!(of("exported_instance=m7,instance=10.9.9.9:9102"), found("m7 n1"), "at its word");
    assert_eq!(of("instance=10.9.9.9:9102").1, [], "an address that nothing knows is no name");
}

#[test]
fn containers_without_a_node_are_named_and_not_used() {
    let mut parts = known();
    parts.push(node("package", "dynamic", &[(0, 0.0), (900, 9.0)]));
    let labels = "container_id=c1,container_namespace=team,instance=10.9.9.9:9102,mode=dynamic,pod_name=a";
    parts.push(part(&format!("kepler_container_package_joules_total{{{labels}}}"), &[(0, 0.0), (900, 5.0)]));
    let day = meter(parts);
    assert_eq!(usage_of(&day, "uid-a"), []);
    let unmapped =
        |finding: &&crate::model::Finding| finding.message.contains("kepler_container_package_joules_total (instance 10.9.9.9:9102)");
    assert!(day.findings.iter().any(|finding| unmapped(&finding)), "{:?}", day.findings);
}
