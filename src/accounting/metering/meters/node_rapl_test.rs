//! node_exporter's RAPL: no meter of pods, so they share by CPU time.

use crate::accounting::metering::story::*;
use crate::model::{MeteringTerms, NodeTerms, PowerRange};

fn zone(metric: &str, extra: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("{metric}{{instance=10.0.0.1:9100,index=0{extra}}}"), samples)
}

fn container(pod: &str, samples: &[(i64, f64)]) -> Part {
    let labels = format!("container=c,id=/kubepods/{pod},instance=n1,namespace=team,node=n1,pod={pod}");
    part(&format!("container_cpu_usage_seconds_total{{{labels}}}"), samples)
}

fn cluster() -> Vec<Part> {
    vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (1_800, 1.0)]),
        part("kube_pod_info{namespace=team,pod=a,uid=uid-a,node=n1}", &[(0, 1.0), (1_800, 1.0)]),
        part("kube_pod_info{namespace=team,pod=b,uid=uid-b,node=n1}", &[(0, 1.0), (1_800, 1.0)]),
        zone("node_rapl_package_joules_total", "", &[(0, 0.0), (900, 90_000.0), (1_800, 290_000.0)]),
        zone("node_rapl_dram_joules_total", "", &[(0, 0.0), (900, 9_000.0), (1_800, 18_000.0)]),
        zone("node_rapl_core_joules_total", "", &[(0, 0.0), (900, 80_000.0)]),
        container("a", &[(0, 0.0), (900, 100.0), (1_800, 100.0)]),
        container("b", &[(0, 0.0), (900, 200.0), (1_800, 500.0)]),
    ]
}

fn class(idle_watts: f64) -> MeteringTerms {
    let hardware = Some(PowerRange { name: "r".to_owned(), idle_watts, max_watts: 500.0, source: "test".to_owned() });
    MeteringTerms { cluster: NodeTerms { hardware, ..NodeTerms::default() }, ..MeteringTerms::of_step(STEP_S) }
}

#[test]
fn energy_above_the_idle_floor_is_shared_by_cpu_time() {
    let day = meter_with(cluster(), &class(50.0));
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(99_000_000), Some(209_000_000)]);
    // 50 W for 900 s.
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(45_000_000); 2]);
    assert_eq!(ints(&day.node_steps, "tier"), [Some(2); 2]);
    // 54 kJ by 100 to 200 CPU seconds; 164 kJ to b alone.
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(18_000_000), Some(100_000)), (1, None, Some(0))]);
    assert_eq!(usage_of(&day, "uid-b"), [(0, Some(36_000_000), Some(200_000)), (1, Some(164_000_000), Some(300_000))]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("package+dram (node-rapl)".to_owned())]);
}

#[test]
fn without_a_class_the_least_of_the_day_is_the_floor_and_that_is_said() {
    let day = meter(cluster());
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(99_000_000); 2]);
    assert_eq!(severity(&day, "IDLE_FLOOR"), Some(crate::model::Severity::Noted));
    assert_eq!(usage_of(&day, "uid-b")[1], (1, Some(110_000_000), Some(300_000)));
}

#[test]
fn cpu_time_outside_pods_keeps_its_share() {
    let mut parts = cluster();
    parts.push(part("node_cpu_usage_seconds_total{instance=n1,node=n1}", &[(0, 0.0), (900, 600.0), (1_800, 900.0)]));
    let day = meter_with(parts, &class(50.0));
    // 54 kJ by 100 : 200 : 300.
    assert_eq!(usage_of(&day, "uid-a")[0], (0, Some(9_000_000), Some(100_000)));
    assert_eq!(usage_of(&day, "uid-b")[0], (0, Some(18_000_000), Some(200_000)));
}

#[test]
fn a_zone_may_be_a_label_and_a_wrap_is_a_reset() {
    let counter = "node_rapl_joules_total";
    let day = meter(vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)]),
        // Two sockets; the first wraps: 62 J before, 40 J after, and what lies between the last scrape and the wrap is lost.
        zone(counter, ",rapl_zone=package-0", &[(0, 200.0), (60, 262.0), (120, 40.0)]),
        part(&format!("{counter}{{instance=10.0.0.1:9100,index=1,rapl_zone=package-1}}"), &[(0, 0.0), (120, 10.0)]),
    ]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some((62 + 40 + 10) * 1_000)]);
    assert!(severity(&day, "RESET").is_some());
}

#[test]
fn the_floor_is_of_steps_that_the_meter_saw_whole() {
    // From the middle of the first step on: 9 kJ in its half, 90 kJ and 190 kJ in two whole ones, 5 kJ in a part of the last.
    let mut parts = cluster();
    parts.retain(|(series, _)| !series.metric.starts_with("node_rapl"));
    let joules = [(450, 0.0), (900, 9_000.0), (1_800, 99_000.0), (2_700, 289_000.0), (2_760, 294_000.0)];
    parts.push(zone("node_rapl_package_joules_total", "", &joules));
    let day = meter(parts);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(9_000_000), Some(90_000_000), Some(90_000_000), Some(5_000_000)]);
    let finding = day.findings.iter().find(|finding| finding.code == "IDLE_FLOOR").unwrap();
    assert!(finding.message.contains("n1 (100.0 W)"), "{}", finding.message);
}

#[test]
fn the_root_control_group_is_the_machine_and_what_is_outside_pods_stays_with_it() {
    let root = |labels: &str| part(&format!("container_cpu_usage_seconds_total{{instance=n1,node=n1{labels}}}"), &[(0, 0.0), (900, 600.0)]);
    let of_a = |part: Part| usage_of(&meter_with([cluster(), vec![part]].concat(), &class(50.0)), "uid-a")[0];
    // 54 kJ by 100 : 200 : 300.
    assert_eq!(of_a(root(",id=/")), (0, Some(9_000_000), Some(100_000)));
    for other in [",id=/system.slice", ",id=/,container=main"] {
        assert_eq!(of_a(root(other)), (0, Some(18_000_000), Some(100_000)), "{other}");
    }
}
