//! What is kept of objects that were seen twice, or by two.

use super::counters::Window;
use super::state::ClusterState;
use super::story::*;
use crate::model::{KUBERNETES_API, SampleTable};

fn with_state(parts: Vec<Part>, see: impl FnOnce(&ClusterState<'_>)) {
    let table = SampleTable::from_series(parts);
    see(&ClusterState::of(&table, &Window::of_day(day(), STEP_S).unwrap()));
}

#[test]
fn the_last_word_on_requests_and_capacity_holds_whoever_says_it() {
    let request = |instance: &str, at: i64, cores: f64| {
        let labels = format!("container=main,instance={instance},namespace=team,pod=a,resource=cpu,uid=uid-a");
        part(&format!("kube_pod_container_resource_requests{{{labels}}}"), &[(at, cores)])
    };
    let capacity = |instance: &str, resource: &str, at: i64, amount: f64| {
        part(&format!("kube_node_status_capacity{{instance={instance},node=n1,resource={resource}}}"), &[(at, amount)])
    };
    // Series come in the order of their labels: once the later word first, once last.
    for (first, second) in [(600, 60), (60, 600)] {
        let (of_first, of_second) = if first > second { (0.5, 0.25) } else { (0.25, 0.5) };
        let parts = vec![
            request("k1", first, of_first),
            request("k2", second, of_second),
            capacity("k1", "cpu", first, of_first * 8.0),
            capacity("k2", "cpu", second, of_second * 8.0),
            capacity("k2", "memory", 900, 1e9),
            capacity("k3", "cpu", 900, 0.0),
        ];
        with_state(parts, |state| {
            assert_eq!(state.cpu_request_milli("team", "a", "uid-a"), Some(500));
            assert_eq!(state.node_cores("n1"), Some(4.0));
        });
    }
}

#[test]
fn a_controller_goes_before_other_owners_and_later_sight_before_earlier() {
    let owner = |kind: &str, is_controller: bool, at: i64| {
        let labels = format!("namespace=team,job_name=train,owner_kind={kind},owner_name=x,owner_is_controller={is_controller}");
        part(&format!("kube_job_owner{{{labels}}}"), &[(at, 1.0)])
    };
    let kind = |parts: Vec<Part>| {
        let mut found = String::new();
        with_state(parts, |state| found = state.job_owner("team", "train").unwrap().kind.to_owned());
        found
    };
    assert_eq!(kind(vec![owner("A", true, 60), owner("B", false, 900)]), "A");
    assert_eq!(kind(vec![owner("A", false, 900), owner("B", true, 60)]), "B");
    assert_eq!(kind(vec![owner("A", true, 60), owner("B", true, 900)]), "B");
    assert_eq!(kind(vec![owner("A", true, 900), owner("B", true, 60)]), "A");

    let of_pod = |uid: &str, kind: &str, at: i64| {
        part(
            &format!("kube_pod_owner{{namespace=team,pod=a,uid={uid},owner_kind={kind},owner_name=x,owner_is_controller=true}}"),
            &[(at, 1.0)],
        )
    };
    with_state(vec![of_pod("one", "Job", 60), of_pod("two", "ReplicaSet", 900)], |state| {
        let kind = |uid: &str| state.pod_owner("team", "a", uid).unwrap().kind;
        assert_eq!((kind("one"), kind("two"), kind("of-the-kubelet")), ("Job", "ReplicaSet", "ReplicaSet"));
        assert!(state.pod_owner("team", "b", "one").is_none());
    });
}

#[test]
fn labels_of_nodes_are_the_apis_before_others_and_the_last_before_earlier_ones() {
    let labels =
        |value: &str, source: &str, at: i64| part(&format!("kube_node_labels{{node=n1,label_pool={value}{source}}}"), &[(at, 1.0)]);
    let api = format!(",source={KUBERNETES_API}");
    let pool = |parts: Vec<Part>| {
        let mut found = String::new();
        with_state(parts, |state| found = state.node_labels("n1").map(|(_, value)| value).collect());
        found
    };
    assert_eq!(pool(vec![labels("a", "", 60), labels("b", "", 900)]), "b");
    assert_eq!(pool(vec![labels("a", "", 900), labels("b", "", 60)]), "a");
    assert_eq!(pool(vec![labels("a", &api, 60), labels("b", "", 900)]), "a");
    assert_eq!(pool(vec![labels("a", "", 900), labels("b", &api, 60)]), "b");
}

#[test]
fn a_pod_is_one_before_and_after_it_has_a_node() {
    let info = |node: &str, from: i64, to: i64| {
        part(&format!("kube_pod_info{{namespace=team,node={node},pod=a,uid=uid-a}}"), &[(from, 1.0), (to, 1.0)])
    };
    let seen = |parts: Vec<Part>| {
        let mut found = (String::new(), 0, 0);
        with_state(parts, |state| {
            assert_eq!(state.pods_by_name("team", "a").count(), 1);
            let info = state.pod_by_uid("uid-a").unwrap();
            found = (info.node.to_owned(), info.first_ms, info.last_ms);
            assert_eq!(state.node_of_pod("team", "a"), Some(info.node).filter(|node| !node.is_empty()));
        });
        found
    };
    assert_eq!(seen(vec![info("", 0, 60), info("n1", 90, 900)]), ("n1".to_owned(), at(0), at(900)));
    // A replica that lags behind still says that it has none; one that is later says where it went.
    assert_eq!(seen(vec![info("", 0, 1_000), info("n1", 90, 900)]), ("n1".to_owned(), at(0), at(1_000)));
    assert_eq!(seen(vec![info("n1", 90, 900), info("n2", 100, 1_000)]).0, "n2");
    assert_eq!(seen(vec![info("n1", 90, 900), info("n2", 100, 800)]).0, "n1");
    assert_eq!(seen(vec![info("", 0, 60)]).0, "");
}

#[test]
fn a_pods_end_is_by_uid_and_by_name_only_where_it_can_be_no_other() {
    let end = |pod: &str, uid: &str, at_s: i64| {
        part(&format!("kube_pod_completion_time{{namespace=team,pod={pod},uid={uid}}}"), &[(900, (at(at_s) / 1_000) as f64)])
    };
    let unset = part("kube_pod_completion_time{namespace=team,pod=d,uid=four}", &[(60, 0.0), (120, f64::INFINITY), (180, -1.0)]);
    with_state(vec![end("a", "one", 100), end("a", "two", 200), end("b", "three", 300), end("c", "", 400), unset], |state| {
        let ends = |pod: &str, uid: &str| state.pod_end_ms("team", pod, uid).map(|end_ms| (end_ms - at(0)) / 1_000);
        assert_eq!((ends("a", "one"), ends("a", "two"), ends("a", ""), ends("a", "other")), (Some(100), Some(200), None, None));
        assert_eq!((ends("b", "three"), ends("b", ""), ends("b", "other")), (Some(300), Some(300), None));
        assert_eq!((ends("c", "any"), ends("d", "four"), ends("e", "")), (Some(400), None, None));
    });
}

#[test]
fn of_several_pods_of_a_name_the_one_that_was_there_longest_is_meant() {
    let info = |uid: &str, node: &str, from: i64, to: i64| {
        part(&format!("kube_pod_info{{namespace=team,node={node},pod=a,uid={uid}}}"), &[(from, 1.0), (to, 1.0)])
    };
    with_state(vec![info("one", "n1", 0, 400), info("two", "n1", 400, 900), info("three", "n2", 0, 900)], |state| {
        let uid = |node: &str, from: i64, to: i64| state.uid_at("team", "a", node, (at(from), at(to)));
        assert_eq!((uid("n1", 300, 900), uid("n1", 0, 500), uid("n2", 300, 900)), ("two", "one", "three"));
        assert_eq!((uid("n1", 200, 600), uid("n3", 0, 900)), ("one", ""), "of two that were there as long, the earlier");
    });
}
