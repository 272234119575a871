//! Scaphandre.

use crate::accounting::metering::story::*;

const AT: &str = "instance=10.0.0.1:8080,job=scaphandre";

fn process(pid: u32, pod: &str, samples: &[(i64, f64)]) -> Part {
    let labels = format!("{AT},pid={pid},exe=x,kubernetes_node_name=n1,kubernetes_pod_name={pod},kubernetes_pod_namespace=team");
    part(&format!("scaph_process_power_consumption_microwatts{{{labels}}}"), samples)
}

#[test]
fn sockets_and_memory_are_the_node_and_processes_are_the_pod() {
    let day = meter(vec![
        part(&format!("scaph_socket_energy_microjoules{{{AT},socket_id=0}}"), &[(0, 1e6), (300, 301e6)]),
        part(&format!("scaph_socket_energy_microjoules{{{AT},socket_id=1}}"), &[(0, 0.0), (300, 200e6)]),
        part(&format!("scaph_domain_energy_microjoules{{{AT},domain_name=dram,domain_id=1,socket_id=0}}"), &[(0, 0.0), (300, 50e6)]),
        part(&format!("scaph_domain_energy_microjoules{{{AT},domain_name=core,domain_id=0,socket_id=0}}"), &[(0, 0.0), (300, 99e6)]),
        part(&format!("scaph_host_energy_microjoules{{{AT}}}"), &[(0, 0.0), (300, 777e6)]),
        // 1 W to 3 W over 300 s is 600 J, and 0.5 W throughout is 150 J.
        process(1, "a", &[(0, 1e6), (300, 3e6)]),
        process(2, "a", &[(0, 0.5e6), (300, 0.5e6)]),
    ]);
    // 300 + 200 + 50 J.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(550_000)]);
    assert_eq!(texts(&day.nodes, "node"), [Some("n1".to_owned())]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("package+dram (scaphandre)".to_owned())]);
    assert_eq!(usage_of(&day, ""), [(0, Some(750_000), None)]);
}

#[test]
fn psys_is_wider_than_sockets_and_the_hosts_own_total_is_the_last_resort() {
    let psys = part(&format!("scaph_host_rapl_psys_microjoules{{{AT},node=n1}}"), &[(0, 0.0), (300, 900e6)]);
    let socket = part(&format!("scaph_socket_energy_microjoules{{{AT},node=n1,socket_id=0}}"), &[(0, 0.0), (300, 300e6)]);
    let host = part(&format!("scaph_host_energy_microjoules{{{AT},node=n1}}"), &[(0, 0.0), (300, 400e6)]);
    assert_eq!(ints(&meter(vec![psys, socket, host.clone()]).node_steps, "metered_mj"), [Some(900_000)]);
    assert_eq!(ints(&meter(vec![host]).node_steps, "metered_mj"), [Some(400_000)]);
}

#[test]
fn a_host_that_cannot_be_placed_is_named() {
    let day = meter(vec![part(&format!("scaph_socket_energy_microjoules{{{AT},socket_id=0}}"), &[(0, 0.0), (300, 300e6)])]);
    assert!(day.node_steps.height() == 0 && severity(&day, "METER_UNMAPPED").is_some());
}
