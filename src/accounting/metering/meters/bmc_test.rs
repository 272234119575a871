//! Management controllers, and machines that only a model covers.

use std::collections::BTreeMap;

use crate::accounting::metering::story::*;
use crate::model::{MeteringTerms, NodeTerms, PowerRange};

fn mapped() -> MeteringTerms {
    let bmc = BTreeMap::from([("192.168.0.9:9290".to_owned(), "n1".to_owned())]);
    MeteringTerms { bmc, ..MeteringTerms::of_step(STEP_S) }
}

fn minutes(watts: f64) -> Vec<(i64, f64)> {
    (0..=15).map(|minute| (minute * 60, watts)).collect()
}

#[test]
fn the_whole_machine_is_the_widest_meter_and_pods_keep_their_own() {
    let parts = vec![
        part("ipmi_dcmi_power_consumption_current_watts{instance=192.168.0.9:9290}", &minutes(200.0)),
        // The same machine by its supplies: never added.
        part("idrac_power_supply_input_watts{instance=192.168.0.9:9290,id=0}", &minutes(120.0)),
        part("idrac_power_supply_input_watts{instance=192.168.0.9:9290,id=1}", &minutes(90.0)),
        part("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", &[(0, 0.0), (900, 90_000.0)]),
        part("kepler_node_cpu_idle_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", &[(0, 0.0), (900, 30_000.0)]),
        part(
            "kepler_pod_cpu_joules_total{instance=k1,node_name=n1,pod_id=u,pod_name=p,pod_namespace=a,zone=package}",
            &[(0, 0.0), (900, 50_000.0)],
        ),
    ];
    let day = meter_with(parts, &mapped());
    // 200 W for 900 s; idle and pods are Kepler's, and the rest of the machine is nobody's.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(180_000_000)]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(30_000_000)]);
    assert_eq!(usage_of(&day, "u"), [(0, Some(50_000_000), None)]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("platform (bmc), pods package".to_owned())]);
}

#[test]
fn supplies_add_up_where_nothing_states_the_whole() {
    let supply = |id: &str, watts| part(&format!("idrac_power_supply_input_watts{{instance=192.168.0.9:9290,id={id}}}"), &minutes(watts));
    let day = meter_with(vec![supply("0", 100.0), supply("1", 80.0)], &mapped());
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(162_000_000)]);
}

#[test]
fn a_controller_that_nobody_mapped_is_named() {
    let day = meter(vec![part("ipmi_dcmi_power_consumption_current_watts{instance=192.168.0.9:9290}", &minutes(200.0))]);
    assert!(severity(&day, "METER_UNMAPPED").is_some() && day.node_steps.height() == 0);
}

#[test]
fn power_is_not_made_up_across_a_hole() {
    let mut samples = minutes(100.0);
    samples.extend((60..=75).map(|minute| (minute * 60, 100.0)));
    let day = meter_with(vec![part("ipmi_dcmi_power_consumption_current_watts{instance=192.168.0.9:9290}", &samples)], &mapped());
    // Steps 0 and 4 were seen; 1 to 3 are a gap.
    assert_eq!(ints(&day.node_steps, "step"), [0, 4].map(|n| Some(i64::from(step(n)))));
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(90_000_000); 2]);
    assert_eq!(severity(&day, "HOLE"), Some(crate::model::Severity::Disclosed));
}

fn machine_without_meter(labels: &str) -> Vec<Part> {
    vec![
        part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)]),
        part(&format!("kube_node_labels{{node=n1{labels}}}"), &[(0, 1.0), (900, 1.0)]),
        part("kube_node_status_capacity{node=n1,resource=cpu,unit=core}", &[(0, 4.0), (900, 4.0)]),
        part("kube_pod_info{namespace=team,pod=a,uid=uid-a,node=n1}", &[(0, 1.0), (900, 1.0)]),
        part(
            "container_cpu_usage_seconds_total{container=c,id=/kubepods/a,instance=n1,namespace=team,node=n1,pod=a}",
            &[(0, 0.0), (900, 1_800.0)],
        ),
    ]
}

#[test]
fn a_machine_without_a_meter_is_modelled_by_its_class() {
    let hardware = Some(PowerRange { name: "r740".to_owned(), idle_watts: 100.0, max_watts: 300.0, source: "data sheet".to_owned() });
    let terms = MeteringTerms { cluster: NodeTerms { hardware, ..NodeTerms::default() }, ..MeteringTerms::of_step(STEP_S) };
    let day = meter_with(machine_without_meter(""), &terms);
    // Half of 4 cores for 900 s: (100 + 200 x 0.5) W x 900 s, of which 100 W idle.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(180_000_000)]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(90_000_000)]);
    assert_eq!(ints(&day.node_steps, "tier"), [Some(3)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(90_000_000), Some(1_800_000))]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("modelled as r740".to_owned())]);
    assert_eq!(severity(&day, "MODELLED"), Some(crate::model::Severity::Disclosed));
}

#[test]
fn a_cloud_machine_is_modelled_by_its_instance_type() {
    let day = meter(machine_without_meter(",label_node_kubernetes_io_instance_type=m5.xlarge"));
    // 4 x (0.645 + (4.193 - 0.645) x 0.5) W x 900 s.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(8_708_400)]);
}

#[test]
fn a_machine_of_unknown_power_is_named_and_not_zero() {
    let day = meter(machine_without_meter(""));
    assert!(day.node_steps.height() == 0);
    assert_eq!(severity(&day, "POWER_UNKNOWN"), Some(crate::model::Severity::Disclosed));
}

#[test]
fn pods_with_a_meter_of_their_own_are_not_modelled_on_top_of_it() {
    let mut parts = machine_without_meter(",label_node_kubernetes_io_instance_type=m5.xlarge");
    let pod = "kepler_pod_cpu_joules_total{instance=k1,node_name=n1,pod_id=uid-a,pod_name=a,pod_namespace=team,zone=package}";
    parts.push(part(pod, &[(0, 0.0), (900, 50.0)]));
    let day = meter(parts);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(50_000), Some(1_800_000))]);
    assert!(day.node_steps.height() == 0 && severity(&day, "MODELLED").is_none());
}
