//! Stories of a small cluster, metered as a whole day.

use polars::prelude::DataFrame;

use super::meter_day;
use super::story::*;
use crate::model::{MeteringTerms, SampleTable, Severity};
use crate::units::UtcDay;

fn node(zone: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("kepler_node_cpu_joules_total{{instance=k1,node_name=n1,path=/{zone},zone={zone}}}"), samples)
}

fn pod(name: &str, state: &str, samples: &[(i64, f64)]) -> Part {
    let labels = format!("instance=k1,node_name=n1,pod_id=uid-{name},pod_name={name},pod_namespace=team,state={state},zone=package");
    part(&format!("kepler_pod_cpu_joules_total{{{labels}}}"), samples)
}

/// 10 W from second 0 to 3,600, scraped every minute.
fn steady_node() -> Part {
    node("package", &(0..=60).map(|minute| (minute * 60, (minute * 600) as f64)).collect::<Vec<_>>())
}

#[test]
fn the_columns_are_those_that_the_model_names() {
    let day = meter(vec![]);
    let columns = |frame: &DataFrame| frame.get_column_names().iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(columns(&day.nodes), "node_id node power_zones labels first_ms last_ms metered");
    assert_eq!(columns(&day.pods), "pod_id node_id namespace workload pod uid job_id cpu_request_milli last_ms");
    assert_eq!(
        columns(&day.jobs),
        "job_id namespace job workload uid created_ms started_ms completed_ms was_suspended scheduled_timestamp schedule schedule_time_zone \
         baseline_start home_zone is_carbon_aware is_deferrable"
    );
    assert_eq!(columns(&day.node_steps), "node_id step metered_mj idle_mj tier");
    assert_eq!(columns(&day.usage), "node_id pod_id step active_mj cpu_ms tail_mj");
    assert_eq!(day.usage.column("step").unwrap().dtype(), &polars::prelude::DataType::Int32);
    for column in ["active_mj", "tail_mj"] {
        assert_eq!(day.usage.column(column).unwrap().dtype(), &polars::prelude::DataType::Int64);
    }
    assert_eq!(day.node_steps.column("tier").unwrap().dtype(), &polars::prelude::DataType::Int32);
    assert!(meter_day(&SampleTable::default(), self::day(), &MeteringTerms::of_step(7_000)).is_err());
}

#[test]
fn the_capacity_of_a_node_is_kept_where_it_was_said() {
    let other = part("kepler_node_cpu_joules_total{instance=k2,node_name=n2,path=/p,zone=package}", &[(0, 0.0), (900, 9.0)]);
    let capacity = part("kube_node_status_capacity{node=n1,resource=cpu,unit=core}", &[(0, 3.92), (900, 3.92)]);
    let allocatable = part("kube_node_status_allocatable{node=n2,resource=cpu,unit=core}", &[(0, 3.0), (900, 1.93)]);
    let day = meter(vec![steady_node(), other.clone(), capacity.clone()]);

    assert_eq!(ints(&day.nodes, "cpu_capacity_milli"), [Some(3_920), None]);
    assert!(day.nodes.column("cpu_allocatable_milli").is_err(), "nobody said it");
    let day = meter(vec![steady_node(), other, capacity, allocatable]);
    assert_eq!(ints(&day.nodes, "cpu_allocatable_milli"), [None, Some(1_930)]);
}

#[test]
fn a_node_and_its_pod_are_metered_over_the_same_power_zones() {
    let day = meter(vec![
        node("package", &[(0, 100.0), (900, 1_000.0)]),
        node("dram", &[(0, 0.0), (900, 100.0)]),
        node("core", &[(0, 0.0), (900, 5_000.0)]),
        pod("a", "running", &[(0, 10.0), (900, 60.0)]),
        part("kepler_pod_cpu_joules_total{instance=k1,node_name=n1,pod_id=uid-a,zone=dram}", &[(0, 0.0), (900, 7.0)]),
        part("kepler_pod_cpu_joules_total{instance=k1,node_name=n1,pod_id=uid-a,zone=core}", &[(0, 0.0), (900, 40.0)]),
    ]);
    assert_eq!(texts(&day.nodes, "power_zones"), [Some("package+dram".to_owned())]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(1_000_000)]);
    assert_eq!(ints(&day.node_steps, "idle_mj"), [None]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(57_000), None)]);
}

#[test]
fn sockets_add_up_unless_kepler_adds_them() {
    let socket =
        |path: &str| part(&format!("kepler_node_cpu_joules_total{{node_name=n1,path={path},zone=package}}"), &[(0, 0.0), (900, 50.0)]);
    assert_eq!(ints(&meter(vec![socket("/0"), socket("/1")]).node_steps, "metered_mj"), [Some(100_000)]);
    let aggregated = socket("aggregated-package");
    assert_eq!(ints(&meter(vec![socket("/0"), socket("/1"), aggregated]).node_steps, "metered_mj"), [Some(50_000)]);
}

#[test]
fn an_unknown_power_zone_is_named_and_not_summed() {
    let day = meter(vec![node("package", &[(0, 0.0), (900, 50.0)]), node("nvme", &[(0, 0.0), (900, 9.0)])]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(50_000)]);
    let finding = day.findings.iter().find(|finding| finding.code == "POWER_ZONE").unwrap();
    assert_eq!((finding.severity, finding.examined, finding.failing), (Severity::Disclosed, 2, 1));
}

#[test]
fn a_pair_of_prometheus_servers_counts_once() {
    let replica = |name: &str, samples: &[(i64, f64)]| {
        part(&format!("kepler_node_cpu_joules_total{{node_name=n1,prometheus_replica={name},path=/0,zone=package}}"), samples)
    };
    let day = meter(vec![replica("a", &[(0, 0.0), (60, 6.0), (120, 12.0)]), replica("b", &[(30, 3.0), (90, 9.0), (120, 12.0)])]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(12_000)]);
}

#[test]
fn a_job_seen_by_one_scrape_counts_from_the_scrape_before() {
    // Scrapes at 840, 930 and 960; the job's 60 J are spread over 840 to 930, two thirds of them before the edge at 900.
    let day = meter(vec![
        node("package", &[(840, 0.0), (930, 0.0), (960, 500.0)]),
        pod("short", "terminated", &[(930, 60.0)]),
        pod("old", "running", &[(840, 9_000.0), (960, 9_001.0)]),
    ]);
    assert_eq!(usage_of(&day, "uid-short"), [(0, Some(40_000), None), (1, Some(20_000), None)]);
    // What is there at the first scrape is only an anchor.
    assert_eq!(usage_of(&day, "uid-old"), [(0, Some(500), None), (1, Some(500), None)]);
    assert_eq!(severity(&day, "UNRESOLVED"), None);
}

#[test]
fn one_scrape_without_a_scrape_before_is_listed_as_unresolved() {
    let day = meter(vec![node("package", &[(840, 0.0), (900, 500.0)]), pod("lost", "terminated", &[(840, 60.0)])]);
    assert_eq!(usage_of(&day, "uid-lost"), []);
    assert_eq!(texts(&day.pods, "pod"), [Some("lost".to_owned())]);
    assert_eq!(severity(&day, "UNRESOLVED"), Some(Severity::Disclosed));
}

#[test]
fn the_terminated_state_is_the_same_counter() {
    let day = meter(vec![steady_node(), pod("a", "running", &[(60, 100.0), (120, 200.0)]), pod("a", "terminated", &[(150, 230.0)])]);
    // Born between 0 and 60 with 100 J, then 100 J and 30 J.
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(230_000), None)]);
    assert_eq!(ints(&day.pods, "last_ms"), [Some(at(150))]);
}

#[test]
fn a_restart_of_kepler_drops_the_first_idle_delta_and_resets_pods() {
    let idle =
        |samples: &[(i64, f64)]| part("kepler_node_cpu_idle_joules_total{instance=k1,job=k,node_name=n1,path=/p,zone=package}", samples);
    let active =
        |samples: &[(i64, f64)]| part("kepler_node_cpu_active_joules_total{instance=k1,job=k,node_name=n1,path=/p,zone=package}", samples);
    let total = part(
        "kepler_node_cpu_joules_total{instance=k1,job=k,node_name=n1,path=/p,zone=package}",
        &[(0, 10_000.0), (60, 10_600.0), (120, 11_200.0), (180, 11_800.0)],
    );
    let started = |samples: &[(i64, f64)]| part("process_start_time_seconds{instance=k1,job=k}", samples);
    let counted = |parts: Vec<Part>| {
        let day = meter(parts);
        (ints(&day.node_steps, "metered_mj")[0], ints(&day.node_steps, "idle_mj")[0])
    };
    let idles = idle(&[(0, 100.0), (60, 200.0), (120, 8_000.0), (180, 8_050.0)]);
    let known = started(&[(0, 1_000.0), (60, 1_000.0), (120, 2_000.0), (180, 2_000.0)]);
    // Announced by the process start: 100 J before, 50 J after; the jump to 8,000 J is no energy.
    assert_eq!(counted(vec![total.clone(), idles.clone(), known.clone()]), (Some(1_800_000), Some(150_000)));
    // Another process of the same address does not speak for Kepler.
    let other = part("process_start_time_seconds{instance=k1,job=other}", &[(0, 1.0), (60, 1.0), (120, 5_000.0)]);
    assert_eq!(counted(vec![total.clone(), idles, other]), (Some(1_800_000), Some(7_950_000)));
    // Not announced, but active and idle fell together.
    let fell = idle(&[(0, 5_000.0), (60, 5_100.0), (120, 800.0), (180, 850.0)]);
    let fell_too = active(&[(0, 9_000.0), (60, 9_500.0), (120, 300.0), (180, 850.0)]);
    assert_eq!(counted(vec![total.clone(), fell, fell_too]), (Some(1_800_000), Some(150_000)));

    let labels = "instance=k1,job=k,node_name=n1,pod_id=u,pod_name=p,pod_namespace=team,zone=package";
    let restarted = part(&format!("kepler_pod_cpu_joules_total{{{labels}}}"), &[(0, 5.0), (60, 10.0), (120, 40.0), (180, 45.0)]);
    let day = meter(vec![total, known, restarted]);
    // 5 J, then 40 J from zero although the value rose, then 5 J.
    assert_eq!(usage_of(&day, "u"), [(0, Some(50_000), None)]);
    assert_eq!(severity(&day, "RESET"), Some(Severity::Noted));
}

#[test]
fn a_reset_of_the_node_is_disclosed_and_a_hole_is_noted() {
    let day = meter(vec![node("package", &[(0, 100.0), (60, 160.0), (120, 30.0), (180, 40.0), (1_080, 940.0)])]);
    // 60 + 30 + 10 J, and 900 J over 180..1,080 of which 720 J before the edge.
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(820_000), Some(180_000)]);
    assert_eq!(severity(&day, "RESET"), Some(Severity::Disclosed));
    assert_eq!(severity(&day, "HOLE"), Some(Severity::Noted));
    let hole = day.findings.iter().find(|finding| finding.code == "HOLE").unwrap();
    assert!(hole.message.contains("n1 900 s"), "{}", hole.message);
}

#[test]
fn values_that_are_no_numbers_are_dropped_and_counted() {
    let day = meter(vec![node("package", &[(0, f64::NAN), (60, 60.0), (120, f64::INFINITY), (180, 180.0), (240, f64::NAN)])]);
    assert_eq!(ints(&day.node_steps, "metered_mj"), [Some(120_000)]);
    let finding = day.findings.iter().find(|finding| finding.code == "NONFINITE").unwrap();
    assert!(finding.failing >= 3);
}

#[test]
fn a_day_without_such_values_says_nothing_of_them() {
    assert_eq!(severity(&meter(vec![steady_node()]), "NONFINITE"), None);
}

#[test]
fn two_days_computed_apart_are_one_computed_whole() {
    // 7 J a minute from 23:30 to 00:30, scraped at odd seconds; the pod is born between two scrapes across midnight.
    let noon = 86_400;
    let node_samples: Vec<(i64, f64)> = (0..61).map(|i| (noon - 1_807 + i * 60, i as f64 * 7.123_457)).collect();
    let pod_samples: Vec<(i64, f64)> = (31..61).map(|i| (noon - 1_807 + i * 60, (i - 30) as f64 * 3.3)).collect();
    let before = |samples: &[(i64, f64)]| {
        let needed = samples.partition_point(|sample| sample.0 < noon) + 1;
        samples[..needed.min(samples.len())].to_vec()
    };
    let after = |samples: &[(i64, f64)]| samples[samples.partition_point(|sample| sample.0 < noon).saturating_sub(1)..].to_vec();
    let total = |node_samples: &[(i64, f64)], pod_samples: &[(i64, f64)], day: UtcDay| {
        let parts = vec![node("package", node_samples), pod("a", "running", pod_samples)];
        let day = meter_day(&SampleTable::from_series(parts), day, &MeteringTerms::of_step(STEP_S)).unwrap();
        let sum = |frame: &DataFrame, column| ints(frame, column).into_iter().flatten().sum::<i64>();
        (sum(&day.node_steps, "metered_mj"), sum(&day.usage, "active_mj"))
    };
    let first = total(&before(&node_samples), &before(&pod_samples), day());
    let second = total(&after(&node_samples), &after(&pod_samples), day().next());
    assert_eq!(first.0 + second.0, (60.0_f64 * 7.123_457 * 1_000.0).round() as i64);
    assert_eq!(first.1 + second.1, 99_000);
    assert!(first.1 > 0 && second.1 > 0);
}

#[test]
fn workloads_are_the_top_controllers() {
    let owner = |pod: &str, kind: &str, name: &str| {
        part(
            &format!(
                "kube_pod_owner{{namespace=team,pod={pod},uid=uid-{pod},owner_kind={kind},owner_name={name},owner_is_controller=true}}"
            ),
            &[(60, 1.0)],
        )
    };
    let above = |text: &str| part(text, &[(60, 1.0)]);
    let mut parts = vec![
        steady_node(),
        owner("web", "ReplicaSet", "web-5d"),
        above("kube_replicaset_owner{namespace=team,replicaset=web-5d,owner_kind=Deployment,owner_name=web}"),
        owner("bare", "ReplicaSet", "bare-1"),
        above("kube_replicaset_owner{namespace=team,replicaset=bare-1,owner_kind=,owner_name=}"),
        owner("night", "Job", "night-1"),
        above("kube_job_owner{namespace=team,job_name=night-1,owner_kind=CronJob,owner_name=night}"),
        owner("once", "Job", "once"),
        owner("db-0", "StatefulSet", "db"),
        owner("lone", "<none>", "<none>"),
        owner("static", "Node", "n1"),
    ];
    let names = ["web", "bare", "night", "once", "db-0", "lone", "static", "unseen"];
    parts.extend(names.iter().map(|name| pod(name, "running", &[(60, 0.0), (120, 1.0)])));
    parts.push(part("kepler_pod_cpu_joules_total{instance=k1,node_name=n1,pod_id=ghost,zone=package}", &[(60, 0.0), (120, 1.0)]));
    let day = meter(parts);
    let found: Vec<String> = texts(&day.pods, "workload").into_iter().flatten().collect();
    let expected = [
        "CronJob/night",
        "Deployment/web",
        "Job/once",
        "Pod/lone",
        "Pod/static",
        "Pod/unseen",
        "ReplicaSet/bare-1",
        "StatefulSet/db",
        "Pod/ghost",
    ];
    assert_eq!(found, expected);
    assert_eq!(texts(&day.pods, "namespace").last().unwrap().as_deref(), Some("unknown-owner"));
    let finding = day.findings.iter().find(|finding| finding.code == "UNKNOWN_OWNER").unwrap();
    assert_eq!((finding.failing, finding.severity), (2, Severity::Disclosed));
    // Jobs known only as owners are runs as well.
    assert_eq!(texts(&day.jobs, "job"), [Some("night-1".to_owned()), Some("once".to_owned())]);
    assert_eq!(ints(&day.pods, "job_id").into_iter().flatten().collect::<Vec<_>>(), [0, 1]);
}

fn container(labels: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("container_cpu_usage_seconds_total{{instance=10.0.0.1:10250,node=n1,namespace=team,{labels}}}"), samples)
}

#[test]
fn cpu_time_joins_the_pod_and_counts_real_containers_only() {
    let day = meter(vec![
        steady_node(),
        pod("a", "running", &[(0, 0.0), (900, 9.0), (1_800, 18.0)]),
        container("pod=a,container=main,id=/kubepods/x/y", &[(0, 100.0), (900, 190.0), (1_800, 190.0)]),
        container("pod=a,container=side,id=/kubepods/x/z", &[(0, 0.0), (900, 10.0)]),
        container("pod=a,container=,id=/kubepods/x", &[(0, 0.0), (900, 100.0)]),
        container("pod=a,container=POD,id=/kubepods/x/p", &[(0, 0.0), (900, 1.0)]),
        // The same containers at the kubelet's second endpoint.
        container("pod=a,container=main", &[(0, 100.0), (900, 190.0)]),
        container("pod=unmetered,container=main,id=/kubepods/q", &[(0, 0.0), (900, 3.0)]),
        part("kube_pod_container_resource_requests{namespace=team,pod=a,uid=uid-a,container=main,resource=cpu}", &[(0, 0.25)]),
        part("kube_pod_container_resource_requests{namespace=team,pod=a,uid=uid-a,container=side,resource=cpu}", &[(0, 0.1)]),
        part("kube_pod_container_resource_requests{namespace=team,pod=a,uid=uid-a,container=side,resource=memory}", &[(0, 1e9)]),
        part("kube_pod_container_resource_requests{namespace=team,pod=a,uid=uid-a,container=main,resource=nvidia_com_gpu}", &[(0, 2.0)]),
        part("kube_pod_container_resource_requests{namespace=team,pod=a,uid=uid-a,container=side,resource=nvidia_com_gpu}", &[(0, 1.0)]),
    ]);
    assert_eq!(usage_of(&day, "uid-a"), [(0, Some(9_000), Some(100_000)), (1, Some(9_000), Some(0))]);
    assert_eq!(usage_of(&day, ""), [(0, None, Some(3_000))]);
    assert_eq!(ints(&day.pods, "cpu_request_milli"), [Some(350), None]);
    assert_eq!(ints(&day.pods, "gpu_request"), [Some(3), None]);
}

#[test]
fn a_name_used_again_splits_cpu_time_by_presence() {
    let info = |uid: &str, from: i64, to: i64| {
        part(&format!("kube_pod_info{{namespace=team,pod=db-0,uid={uid},node=n1}}"), &[(from, 1.0), (to, 1.0)])
    };
    let cpu = [(0, 0.0), (900, 9.0), (1_800, 19.0), (2_700, 30.0)];
    let day = meter(vec![steady_node(), info("one", 0, 1_700), info("two", 1_850, 2_700), container("pod=db-0,container=main", &cpu)]);
    assert_eq!(usage_of(&day, "one"), [(0, None, Some(9_000)), (1, None, Some(10_000))]);
    assert_eq!(usage_of(&day, "two"), [(2, None, Some(11_000))]);
}

#[test]
fn a_container_of_the_first_scrape_is_an_anchor_and_a_later_one_is_born() {
    let day = meter(vec![
        steady_node(),
        container("pod=a,container=main,id=/a", &[(0, 1_000.0), (60, 1_001.0), (120, 1_002.0)]),
        // The same scrape, stamped 14 s later.
        container("pod=b,container=main,id=/b", &[(14, 50_000.0), (74, 50_001.0)]),
        container("pod=c,container=main,id=/c", &[(121, 5.0)]),
    ]);
    let cpu = ints(&day.usage, "cpu_ms");
    assert_eq!(cpu, [Some(2_000), Some(1_000), Some(5_000)]);
}

#[test]
fn a_run_keeps_its_first_start_and_a_reused_name_is_another_run() {
    let t = |second: i64| (at(second) / 1_000) as f64;
    let job =
        |metric: &str, labels: &str, samples: &[(i64, f64)]| part(&format!("{metric}{{namespace=team,job_name=train{labels}}}"), samples);
    let day = meter(vec![
        steady_node(),
        job("kube_job_created", "", &[(60, t(50)), (1_000, t(50)), (1_900, t(1_850)), (2_500, t(1_850))]),
        job("kube_job_status_start_time", "", &[(120, t(100)), (400, t(380)), (2_000, t(1_990))]),
        job("kube_job_status_completion_time", "", &[(950, t(940))]),
        job("kube_job_status_suspended", "", &[(60, 1.0), (120, 0.0)]),
        job("kube_job_owner", ",owner_kind=CronJob,owner_name=night", &[(60, 1.0), (2_500, 1.0)]),
        job("kube_job_annotations", ",annotation_wattledger_io_baseline_start=2026-10-01T22:00:00Z", &[(60, 1.0), (1_000, 1.0)]),
        job("kube_job_annotations", ",annotation_batch_kubernetes_io_cronjob_scheduled_timestamp=2026-10-02T00:30:00Z", &[(1_900, 1.0)]),
        part("kube_cronjob_info{namespace=team,cronjob=night,schedule=0 22 * * *,timezone=Europe/Amsterdam}", &[(60, 1.0), (2_500, 1.0)]),
        part("kube_cronjob_annotations{namespace=team,cronjob=night,annotation_wattledger_io_home_zone=NL}", &[(60, 1.0), (2_500, 1.0)]),
        part("kube_pod_labels{namespace=team,pod=second,uid=uid-second,label_carbon_aware=true}", &[(2_000, 1.0)]),
        part("kube_pod_owner{namespace=team,pod=first,uid=uid-first,owner_kind=Job,owner_name=train}", &[(120, 1.0)]),
        part("kube_pod_owner{namespace=team,pod=second,uid=uid-second,owner_kind=Job,owner_name=train}", &[(2_000, 1.0)]),
        pod("first", "running", &[(120, 0.0), (180, 1.0)]),
        pod("second", "running", &[(2_000, 0.0), (2_060, 1.0)]),
        // Gone before the day began.
        part("kube_job_created{namespace=team,job_name=yesterday}", &[(-30, t(-900))]),
    ]);
    let text = |column| texts(&day.jobs, column);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ints(&day.jobs, "created_ms"), [Some(at(50)), Some(at(1_850))]);
    assert_eq!(ints(&day.jobs, "started_ms"), [Some(at(100)), Some(at(1_990))]);
    assert_eq!(ints(&day.jobs, "completed_ms"), [Some(at(940)), None]);
    assert_eq!(bools(&day.jobs, "was_suspended"), [Some(true), Some(false)]);
    assert_eq!(text("workload"), [some("CronJob/night"), some("CronJob/night")]);
    assert_eq!(text("schedule"), [some("0 22 * * *"), some("0 22 * * *")]);
    assert_eq!(text("schedule_time_zone"), [some("Europe/Amsterdam"), some("Europe/Amsterdam")]);
    assert_eq!(text("baseline_start"), [some("2026-10-01T22:00:00Z"), None]);
    assert_eq!(text("scheduled_timestamp"), [None, some("2026-10-02T00:30:00Z")]);
    assert_eq!(text("home_zone"), [some("NL"), some("NL")]);
    assert_eq!(bools(&day.jobs, "is_carbon_aware"), [None, Some(true)]);
    assert_eq!(ints(&day.pods, "job_id"), [Some(0), Some(1)]);
}

/// A pod of the Job `train`, whose top controller is the CronJob `night`, and further series.
fn described(more: Vec<Part>) -> crate::accounting::metering::MeteredDay {
    let job = |metric: &str, labels: &str| part(&format!("{metric}{{namespace=team,job_name=train{labels}}}"), &[(60, 1.0), (900, 1.0)]);
    let mut parts = vec![
        steady_node(),
        job("kube_job_owner", ",owner_kind=CronJob,owner_name=night,owner_is_controller=true"),
        part("kube_pod_owner{namespace=team,pod=a,uid=uid-a,owner_kind=Job,owner_name=train,owner_is_controller=true}", &[(120, 1.0)]),
        pod("a", "running", &[(120, 0.0), (180, 1.0)]),
    ];
    parts.extend(more);
    meter(parts)
}

#[test]
fn a_jobs_own_word_goes_before_its_cronjobs_and_that_before_its_pods() {
    let of_job = |labels: &str| part(&format!("kube_job_labels{{namespace=team,job_name=train,{labels}}}"), &[(60, 1.0), (900, 1.0)]);
    let of_cronjob =
        |labels: &str| part(&format!("kube_cronjob_annotations{{namespace=team,cronjob=night,{labels}}}"), &[(60, 1.0), (900, 1.0)]);
    let of_pod = |labels: &str| part(&format!("kube_pod_labels{{namespace=team,pod=a,uid=uid-a,{labels}}}"), &[(120, 1.0)]);
    let told = |parts: Vec<Part>| texts(&described(parts).jobs, "max_delay_hours")[0].clone().unwrap();

    let pods = of_pod("label_max_delay_hours=12");
    let cronjobs = of_cronjob("annotation_wattledger_io_max_delay_hours=8");
    assert_eq!(told(vec![pods.clone()]), "12");
    assert_eq!(told(vec![pods.clone(), cronjobs.clone()]), "8");
    assert_eq!(told(vec![pods, cronjobs, of_job("label_wattledger_io_max_delay_hours=1.5")]), "1.5");
    // An annotation of the pod template is a word too, and bare ones are read.
    let annotated = part("kube_pod_annotations{namespace=team,pod=a,uid=uid-a,annotation_max_delay_hours=3}", &[(120, 1.0)]);
    assert_eq!(told(vec![annotated]), "3");
}

#[test]
fn a_job_that_somebody_made_of_a_cronjob_by_hand_has_no_schedule() {
    let cronjob = part("kube_cronjob_info{namespace=team,cronjob=night,schedule=0 22 * * *,timezone=local}", &[(60, 1.0), (900, 1.0)]);
    let by_hand = part(
        "kube_job_annotations{annotation_cronjob_kubernetes_io_instantiate=manual,namespace=team,job_name=train}",
        &[(60, 1.0), (900, 1.0)],
    );
    let schedule = |parts: Vec<Part>| texts(&described(parts).jobs, "schedule")[0].clone();
    assert_eq!(schedule(vec![cronjob.clone()]).as_deref(), Some("0 22 * * *"));
    let day = described(vec![cronjob, by_hand]);
    assert_eq!((texts(&day.jobs, "schedule"), texts(&day.jobs, "workload")), (vec![None], vec![Some("CronJob/night".to_owned())]));
}

#[test]
fn a_run_knows_when_a_node_took_its_first_pod() {
    let seconds = |second: i64| (at(second) / 1_000) as f64;
    let told = |metric: &str, pod: &str, second: i64| {
        part(&format!("{metric}{{namespace=team,pod={pod},uid=uid-{pod}}}"), &[(second + 1, seconds(second))])
    };
    let job = || part("kube_job_status_start_time{namespace=team,job_name=train}", &[(60, seconds(30))]);
    let first = || vec![job(), told("kube_pod_created", "a", 31)];
    let owner = "kube_pod_owner{namespace=team,pod=b,uid=uid-b,owner_kind=Job,owner_name=train,owner_is_controller=true}";
    let other = |created: i64| {
        vec![part(owner, &[(600, 1.0)]), pod("b", "running", &[(600, 0.0), (660, 1.0)]), told("kube_pod_created", "b", created)]
    };
    let pods_started = |parts: Vec<Vec<Part>>| ints(&described(parts.concat()).jobs, "pods_started_ms");
    // It waited from 31 to 90.
    let waited = || vec![told("kube_pod_start_time", "a", 90)];
    assert_eq!(pods_started(vec![first(), waited()]), [Some(at(90))]);
    // One that began with it and went ahead; one of which nobody says when it did.
    assert_eq!(pods_started(vec![first(), waited(), other(32), vec![told("kube_pod_start_time", "b", 70)]]), [Some(at(70))]);
    assert_eq!(pods_started(vec![first(), waited(), other(32)]), [Some(at(30))]);
    // A later try says nothing of how the run began, and where only such are seen nothing is known.
    assert_eq!(pods_started(vec![first(), waited(), other(500), vec![told("kube_pod_start_time", "b", 590)]]), [Some(at(90))]);
    let later = described([vec![job(), told("kube_pod_start_time", "a", 590), told("kube_pod_created", "a", 500)]].concat());
    assert!(later.jobs.column("pods_started_ms").is_err(), "where nobody says it of any pod the table has no such column");
}

#[test]
fn a_decision_and_a_home_cluster_are_kept_as_written_and_the_last_word_holds() {
    let annotated = |text: &str, from: i64, to: i64| {
        part(&format!("kube_job_annotations{{{text},namespace=team,job_name=train}}"), &[(from, 1.0), (to, 1.0)])
    };
    let day = described(vec![
        annotated("annotation_wattledger_io_decision={\"chosen_start\":\"B\"}", 60, 300),
        annotated("annotation_wattledger_io_decision={\"chosen_start\":\"A\"}", 330, 900),
        part("kube_cronjob_labels{namespace=team,cronjob=night,label_wattledger_io_home_cluster=prod-nl}", &[(60, 1.0), (900, 1.0)]),
        // The CronJob's is of no run.
        part("kube_cronjob_annotations{namespace=team,cronjob=night,annotation_wattledger_io_decision=none}", &[(60, 1.0), (900, 1.0)]),
    ]);
    assert_eq!(texts(&day.jobs, "decision"), [Some("{\"chosen_start\":\"A\"}".to_owned())]);
    assert_eq!(texts(&day.jobs, "home_cluster"), [Some("prod-nl".to_owned())]);
    // Where nobody says anything the tables have no such columns: older evidence has the same bytes.
    let silent = described(Vec::new());
    for column in ["home_cluster", "decision", "max_delay_hours"] {
        assert!(silent.jobs.column(column).is_err(), "{column}");
    }
}

#[test]
fn carbon_aware_and_deferrable_are_read_bare_and_with_the_prefix_wherever_they_stand() {
    let places = [
        "kube_job_labels{namespace=team,job_name=train",
        "kube_cronjob_labels{namespace=team,cronjob=night",
        "kube_pod_labels{namespace=team,pod=a,uid=uid-a",
    ];
    for place in places {
        for prefix in ["", "wattledger_io_"] {
            for column in ["carbon_aware", "deferrable"] {
                let said = part(&format!("{place},label_{prefix}{column}=true}}"), &[(120, 1.0), (600, 1.0)]);
                let day = described(vec![said]);
                assert_eq!(bools(&day.jobs, &format!("is_{column}")), [Some(true)], "{place} {prefix}{column}");
                assert!(day.pods.column("is_deferrable").is_err(), "of a Job's pods the table of jobs tells");
            }
        }
    }
}

#[test]
fn a_deployment_may_be_labelled_deferrable_through_its_pods() {
    let labelled = |name: &str, labels: &str, from: i64| {
        part(&format!("kube_pod_labels{{namespace=team,pod={name},uid=uid-{name},{labels}}}"), &[(from, 1.0), (from + 60, 1.0)])
    };
    let mut parts = vec![
        steady_node(),
        labelled("a", "label_wattledger_io_deferrable=true", 60),
        labelled("b", "label_carbon_aware=yes", 60),
        // `deferrable` is the plainer word of the two, and what was said last holds.
        labelled("c", "label_deferrable=no,label_carbon_aware=true", 60),
        labelled("d", "label_deferrable=true", 60),
        labelled("d", "label_deferrable=false", 600),
        labelled("e", "label_deferrable=perhaps", 60),
    ];
    parts.extend(["a", "b", "c", "d", "e"].map(|name| pod(name, "running", &[(60, 0.0), (120, 1.0)])));
    let day = meter(parts);
    assert_eq!(bools(&day.pods, "is_deferrable"), [Some(true), Some(true), Some(false), Some(false), None]);
}

#[test]
fn the_workload_of_a_job_is_whatever_controls_it() {
    let job = |name: &str, owner: &str| part(&format!("kube_job_owner{{namespace=team,job_name={name},{owner}}}"), &[(60, 1.0)]);
    let of_job = |name: &str| {
        part(
            &format!(
                "kube_pod_owner{{namespace=team,pod={name},uid=uid-{name},owner_kind=Job,owner_name={name},owner_is_controller=true}}"
            ),
            &[(60, 1.0)],
        )
    };
    let mut parts = vec![
        steady_node(),
        job("keda-x7k2p", "owner_kind=ScaledJob,owner_name=queue-worker,owner_is_controller=true"),
        job("set-workers-0", "owner_kind=JobSet,owner_name=set,owner_is_controller=true"),
        job("ray-submit", "owner_kind=RayJob,owner_name=ray,owner_is_controller=true"),
        // Whoever merely owns it keeps it alive and does not make it.
        job("kept", "owner_kind=ConfigMap,owner_name=keeper,owner_is_controller=false"),
        job("old", "owner_kind=<none>,owner_name=<none>,owner_is_controller=<none>"),
        job("nobodys", "owner_kind=,owner_name=,owner_is_controller="),
    ];
    let names = ["keda-x7k2p", "set-workers-0", "ray-submit", "kept", "old", "nobodys"];
    parts.extend(names.iter().flat_map(|name| [of_job(name), pod(name, "running", &[(60, 0.0), (120, 1.0)])]));
    let day = meter(parts);
    let workloads = ["Job/kept", "Job/nobodys", "Job/old", "JobSet/set", "RayJob/ray", "ScaledJob/queue-worker"];
    assert_eq!(texts(&day.pods, "workload").into_iter().flatten().collect::<Vec<_>>(), workloads);
    // The run is the Job all the same.
    let jobs: Vec<_> = texts(&day.jobs, "job").into_iter().flatten().zip(texts(&day.jobs, "workload").into_iter().flatten()).collect();
    assert!(jobs.contains(&("keda-x7k2p".to_owned(), "ScaledJob/queue-worker".to_owned())), "{jobs:?}");
    assert_eq!(ints(&day.pods, "job_id").iter().flatten().count(), 6);
}

#[test]
fn a_node_exists_from_its_first_to_its_last_sign_within_the_day() {
    let day = meter(vec![
        steady_node(),
        part("kube_node_info{node=n2,internal_ip=10.0.0.2}", &[(-60, 1.0), (90_000, 1.0)]),
        part("kube_node_info{node=gone}", &[(-60, 1.0)]),
        part("kube_node_labels{node=n2,label_topology_kubernetes_io_region=FR,label_a=b}", &[(0, 1.0)]),
    ]);
    assert_eq!(texts(&day.nodes, "node"), [Some("n1".to_owned()), Some("n2".to_owned())]);
    assert_eq!(ints(&day.nodes, "first_ms"), [Some(at(0)), Some(at(0))]);
    assert_eq!(ints(&day.nodes, "last_ms"), [Some(at(3_600)), Some(at(86_400))]);
    assert_eq!(bools(&day.nodes, "metered"), [Some(true), Some(false)]);
    assert_eq!(texts(&day.nodes, "labels")[1].as_deref(), Some(r#"{"a":"b","topology_kubernetes_io_region":"FR"}"#));
}

#[test]
fn the_same_samples_in_any_order_give_the_same_tables() {
    let parts =
        || vec![steady_node(), pod("a", "running", &[(60, 0.0), (120, 1.5)]), container("pod=a,container=main", &[(0, 0.0), (900, 9.0)])];
    let (day, other) = (meter(parts()), meter(parts().into_iter().rev().collect()));
    assert!(day.usage.equals_missing(&other.usage) && day.pods.equals_missing(&other.pods) && day.nodes.equals_missing(&other.nodes));
}

#[test]
fn pods_tell_of_a_node_only_where_nothing_else_does() {
    let lone = "kepler_pod_cpu_joules_total{instance=k9,node_name=n9,pod_id=uid-x,pod_name=x,pod_namespace=team,zone=package}";
    let day = meter(vec![
        steady_node(),
        // Seen until later than its node's meter, which is what says how long the node was there.
        pod("late", "running", &[(60, 0.0), (7_200, 5.0)]),
        part(lone, &[(600, 0.0), (1_200, 3.0)]),
    ]);
    assert_eq!(texts(&day.nodes, "node"), [Some("n1".to_owned()), Some("n9".to_owned())]);
    assert_eq!(ints(&day.nodes, "first_ms"), [Some(at(0)), Some(at(600))]);
    assert_eq!(ints(&day.nodes, "last_ms"), [Some(at(3_600)), Some(at(1_200))]);
}

#[test]
fn a_modelled_node_that_only_its_cpu_time_tells_of_is_there_in_the_steps_of_that_time() {
    let hardware =
        crate::model::PowerRange { name: "r740".to_owned(), idle_watts: 100.0, max_watts: 300.0, source: "data sheet".to_owned() };
    let cluster = crate::model::NodeTerms { hardware: Some(hardware), ..crate::model::NodeTerms::default() };
    let terms = MeteringTerms { cluster, ..MeteringTerms::of_step(STEP_S) };
    let day = meter_with(
        vec![
            part("kube_node_status_capacity{node=m1,resource=cpu,unit=core}", &[(0, 4.0), (3_600, 4.0)]),
            part("node_cpu_usage_seconds_total{node=m1}", &[(1_000, 0.0), (2_000, 100.0)]),
        ],
        &terms,
    );
    assert_eq!(texts(&day.nodes, "node"), [Some("m1".to_owned())]);
    // From 900 to 2,700: the steps that the time between the two samples reaches into.
    assert_eq!((ints(&day.nodes, "first_ms"), ints(&day.nodes, "last_ms")), (vec![Some(at(900))], vec![Some(at(2_700))]));
    assert_eq!(ints(&day.node_steps, "idle_mj"), [Some(90_000_000), Some(90_000_000)]);
}

#[test]
fn labels_of_namespaces_are_a_table_where_any_has_one() {
    let labels = part("kube_namespace_labels{namespace=shop,label_cost_centre=4711}", &[(60, 1.0), (900, 1.0)]);
    let day = meter(vec![steady_node(), labels]);
    let namespaces = day.namespaces.expect("a label");
    assert_eq!(texts(&namespaces, "namespace"), [Some("shop".to_owned())]);
    assert_eq!(texts(&namespaces, "labels"), [Some(r#"{"cost_centre":"4711"}"#.to_owned())]);
    assert!(meter(vec![steady_node()]).namespaces.is_none());
}

/// Series of the Job `train`.
fn of_train(metric: &str, labels: &str, samples: &[(i64, f64)]) -> Part {
    part(&format!("{metric}{{namespace=team,job_name=train{labels}}}"), samples)
}

fn second(second: i64) -> f64 {
    (at(second) / 1_000) as f64
}

#[test]
fn a_job_was_suspended_where_it_is_said_or_it_started_twice() {
    let was = |parts: Vec<Part>| {
        let created = of_train("kube_job_created", "", &[(60, second(50)), (900, second(50))]);
        bools(&meter([vec![steady_node(), created], parts].concat()).jobs, "was_suspended")[0].unwrap()
    };
    let start = |times: &[(i64, i64)]| {
        of_train("kube_job_status_start_time", "", &times.iter().map(|(at, time)| (*at, second(*time))).collect::<Vec<_>>())
    };
    assert!(!was(vec![start(&[(120, 100), (180, 100)])]));
    assert!(was(vec![start(&[(120, 100), (180, 170)])]));
    for metric in ["kube_job_status_suspended", "kube_job_spec_suspend"] {
        assert!(was(vec![of_train(metric, "", &[(60, 1.0), (120, 0.0)])]), "{metric}");
        assert!(!was(vec![of_train(metric, "", &[(60, 0.0), (120, 0.0)])]), "{metric}");
    }
    assert!(!was(vec![]));
}

#[test]
fn runs_that_were_created_at_once_are_told_apart_by_uid() {
    let day = meter(vec![
        steady_node(),
        of_train("kube_job_created", ",uid=one", &[(60, second(50)), (900, second(50))]),
        of_train("kube_job_created", ",uid=two", &[(60, second(50)), (900, second(50))]),
        of_train("kube_job_status_start_time", ",uid=one", &[(120, second(100))]),
        of_train("kube_job_status_start_time", ",uid=two", &[(120, second(110))]),
        of_train("kube_job_annotations", ",uid=two,annotation_wattledger_io_baseline_start=2026-10-01T22:00:00Z", &[(60, 1.0), (900, 1.0)]),
    ]);
    assert_eq!(texts(&day.jobs, "uid"), [Some("one".to_owned()), Some("two".to_owned())]);
    assert_eq!(ints(&day.jobs, "started_ms"), [Some(at(100)), Some(at(110))]);
    assert_eq!(texts(&day.jobs, "baseline_start"), [None, Some("2026-10-01T22:00:00Z".to_owned())]);
}

#[test]
fn a_job_whose_creation_nobody_serves_is_a_run_from_its_first_to_its_last_sign() {
    // Its owner was last seen before midnight, its start after.
    let day = meter(vec![
        steady_node(),
        of_train("kube_job_owner", ",owner_kind=CronJob,owner_name=night,owner_is_controller=true", &[(-60, 1.0)]),
        of_train("kube_job_status_start_time", "", &[(100, second(90))]),
    ]);
    assert_eq!((ints(&day.jobs, "created_ms"), ints(&day.jobs, "started_ms")), (vec![None], vec![Some(at(90))]));
    // One that is known by nothing but its pod's owner.
    let owner = "kube_pod_owner{namespace=team,pod=a,uid=uid-a,owner_kind=Job,owner_name=lone,owner_is_controller=true}";
    let day = meter(vec![steady_node(), part(owner, &[(60, 1.0)]), pod("a", "running", &[(60, 0.0), (120, 1.0)])]);
    let of = |column| texts(&day.jobs, column)[0].clone().unwrap();
    assert_eq!((of("namespace"), of("job"), of("workload")), ("team".to_owned(), "lone".to_owned(), "Job/lone".to_owned()));
}

#[test]
fn a_time_that_is_not_set_is_unknown() {
    for unset in [0.0, -5.0, f64::NAN, f64::INFINITY] {
        let day = meter(vec![
            steady_node(),
            of_train("kube_job_created", "", &[(60, second(50))]),
            of_train("kube_job_status_completion_time", "", &[(60, unset)]),
        ]);
        assert_eq!(ints(&day.jobs, "completed_ms"), [None], "{unset}");
    }
}

#[test]
fn counters_of_pods_that_fell_are_named_by_their_node_once() {
    let fell = |name: &str| pod(name, "running", &[(0, 1_000.0), (60, 999.0), (120, 1_001.0)]);
    let lone = "kepler_pod_cpu_joules_total{instance=k2,node_name=n2,pod_id=uid-c,pod_name=c,pod_namespace=team,zone=package}";
    let day = meter(vec![steady_node(), fell("a"), fell("b"), part(lone, &[(0, 0.0), (900, 3.0)])]);
    let finding = day.findings.iter().find(|finding| finding.code == "DECREASE").unwrap();
    assert_eq!(finding.failing, 2);
    assert!(finding.message.contains("pod energy") && finding.message.contains("on n1;"), "{}", finding.message);
}
