//! GPUs.

use crate::accounting::metering::story::*;

fn gpu(uuid: &str, holder: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{Hostname=n1,UUID={uuid},gpu=0{holder}}}"), samples)
}

fn cpu_meter() -> Part {
    part("kepler_node_cpu_joules_total{instance=k1,node_name=n1,path=/p,zone=package}", &[(0, 0.0), (900, 1_000.0)])
}

const A: &str = ",namespace=ml,pod=a,container=c,pod_uid=uid-a";
const B: &str = ",namespace=ml,pod=b,container=c,pod_uid=uid-b";

#[test]
fn a_device_belongs_to_its_pod_and_without_one_it_is_idle() {
    let day = meter(vec![
        cpu_meter(),
        gpu("g1", A, &[(0, 1_000_000.0), (900, 31_000_000.0)]),
        gpu("g2", "", &[(0, 5_000_000.0), (900, 14_000_000.0)]),
    ]);
    // 1,000 J of package, 30,000 J held, 9,000 J not.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(40_000_000)]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(9_000_000)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(30_000_000), None)]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("package+gpu (dcgm)".to_owned())]);
}

#[test]
fn a_device_shared_by_time_is_split_and_not_repeated() {
    let whole = [(0, 0.0), (450, 15_000_000.0), (900, 30_000_000.0)];
    // Both hold it in the first half, a alone in the second.
    let day = meter(vec![cpu_meter(), gpu("g1", A, &whole), gpu("g1", B, &whole[..2])]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(31_000_000)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(22_500_000), None)]);
    assert_eq!(usage_of(&day, "uid-b"), [(0, Some(7_500_000), None)]);
}

#[test]
fn slices_share_by_their_size_and_a_free_slice_is_idle() {
    let whole = [(0, 0.0), (900, 14_000_000.0)];
    let slice = |id: u32, profile: &str, holder: &str| gpu("g1", &format!(",GPU_I_ID={id},GPU_I_PROFILE={profile}{holder}"), &whole);
    let day = meter(vec![cpu_meter(), slice(1, "4g.20gb", A), slice(2, "2g.10gb", B), slice(3, "1g.5gb", "")]);
    // 14 kJ by 4 : 2 : 1.
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(8_000_000), None)]);
    assert_eq!(usage_of(&day, "uid-b"), [(0, Some(4_000_000), None)]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(2_000_000)]);
}

#[test]
fn a_whole_machines_meter_holds_its_devices_already() {
    let platform: Vec<(i64, f64)> = (0..=15).map(|minute| (minute * 60, 500.0)).collect();
    let day =
        meter(vec![part("kepler_platform_watts{node_name=n1,source=redfish}", &platform), gpu("g1", A, &[(0, 0.0), (900, 30_000_000.0)])]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(450_000_000)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(30_000_000), None)]);
}

#[test]
fn keplers_own_reading_of_a_device_is_not_added_to() {
    let day = meter(vec![
        cpu_meter(),
        part("kepler_node_gpu_joules_total{gpu=0,gpu_uuid=g1,instance=k1,node_name=n1}", &[(0, 0.0), (900, 30_000.0)]),
        part(
            "kepler_pod_gpu_joules_total{instance=k1,node_name=n1,pod_id=uid-a,pod_name=a,pod_namespace=ml,state=running}",
            &[(0, 0.0), (900, 29_000.0)],
        ),
        gpu("g1", A, &[(0, 0.0), (900, 30_000_000.0)]),
    ]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(31_000_000)]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(29_000_000), None)]);
}

#[test]
fn blanks_are_counted_and_power_serves_where_there_is_no_energy() {
    let blank = 9_223_372_036_854_775_794.0;
    let watts = |uuid: &str| {
        let labels = format!("Hostname=n1,UUID={uuid},gpu=0{A}");
        part(&format!("DCGM_FI_DEV_POWER_USAGE{{{labels}}}"), &(0..=15).map(|minute| (minute * 60, 100.0)).collect::<Vec<_>>())
    };
    let day = meter(vec![cpu_meter(), gpu("g1", A, &[(0, 0.0), (450, blank), (900, 1_000_000.0)]), watts("g1"), watts("g2")]);
    // g1 by its counter, 1,000 J; g2 by its power, 90,000 J.
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(91_000_000), None)]);
    let blanks = day.findings.iter().find(|finding| finding.code == "NONFINITE").unwrap();
    // Of three samples of energy and twice sixteen of power.
    assert_eq!((blanks.severity, blanks.examined, blanks.failing), (crate::model::Severity::Disclosed, 35, 1));
}

#[test]
fn the_exporters_own_pod_does_not_hold_a_device() {
    let own = ",namespace=gpu-operator,pod=nvidia-dcgm-exporter-x1,container=exporter";
    let day = meter(vec![cpu_meter(), gpu("g1", own, &[(0, 0.0), (900, 9_000_000.0)])]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(9_000_000)]);
    assert_eq!(day.pods.height(), 0);
}

#[test]
fn a_counter_that_starts_again_counts_from_zero_and_a_glitch_counts_nothing() {
    // 100 J, then from zero 40 J; then a fall of half a per cent, which is no new start, and 10 J from there.
    let day =
        meter(vec![cpu_meter(), gpu("g1", A, &[(0, 200_000.0), (180, 300_000.0), (360, 40_000.0), (540, 39_800.0), (720, 49_800.0)])]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(150_000), None)]);
    let reset = day.findings.iter().find(|finding| finding.code == "RESET").unwrap();
    assert!(reset.failing == 1 && reset.message.contains("started again 1 times"), "{}", reset.message);
    // A fall of a hundredth is one.
    let day = meter(vec![cpu_meter(), gpu("g1", A, &[(0, 100_000.0), (900, 99_000.0)])]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(99_000), None)]);
    // A value that stands still has not fallen, also at zero.
    let day = meter(vec![cpu_meter(), gpu("g1", A, &[(0, 0.0), (450, 0.0), (900, 5_000.0)])]);
    assert_eq!((usage_of(&day, "uid-a"), severity(&day, "RESET")), (vec![(0, Some(5_000), None)], None));
}

#[test]
fn a_device_of_a_node_without_another_meter_is_all_that_is_known_of_it() {
    let day = meter(vec![gpu("g1", A, &[(0, 0.0), (900, 3_000.0)]), gpu("g2", "", &[(0, 0.0), (900, 1_000.0)])]);
    assert_eq!((ints(&day.node_steps, "metered_mj"), ints(&day.node_steps, "idle_mj")), (vec![Some(4_000)], vec![Some(1_000)]));
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("gpu (dcgm)".to_owned())]);
    assert_eq!((ints(&day.nodes, "first_ms"), ints(&day.nodes, "last_ms")), (vec![Some(at(0))], vec![Some(at(900))]));
    let alone = day.findings.iter().find(|finding| finding.code == "PARTIAL_METER").unwrap();
    assert!(alone.failing == 1 && alone.message.ends_with("n1."), "{}", alone.message);
}

#[test]
fn the_node_of_a_device_is_found_by_whatever_names_it() {
    let of = |labels: &str| {
        let mut parts = vec![part("kube_node_info{node=n1,internal_ip=10.0.0.1}", &[(0, 1.0), (900, 1.0)])];
        parts.push(part(&format!("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{UUID=g1{labels}}}"), &[(0, 0.0), (900, 7_000.0)]));
        let day = meter(parts);
        let metered = ints(&day.node_steps, "metered_mj");
        (texts(&day.nodes, "node").into_iter().flatten().collect::<Vec<_>>().join(" "), metered, severity(&day, "NO_NODE").is_some())
    };
    let found = |node: &str| (node.to_owned(), vec![Some(7_000)], false);
    assert_eq!(of(",hostname=n1"), found("n1"));
    assert_eq!(of(",node=n1,Hostname=dcgm-exporter-x1"), found("n1"));
    assert_eq!(of(",instance=10.0.0.1:9400,Hostname=dcgm-exporter-x1"), found("n1"));
    // A name that nothing else knows is taken at its word.
    assert_eq!(of(",Hostname=gpu-7"), found("gpu-7 n1"));
    assert_eq!(of("").1, [], "nothing names a node");
}
