//! F12 to F15, F23: what the server can bear.
//!
//! The limits are those of queries, so remote read, which knows other ones, is turned off before the server: the bounded range selector is
//! what stays.

use std::fs;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::bench::{Bench, Seen};
use super::history::{Cluster, DAY_S, HOUR, MINUTE, NodeReading, Pod, Random, Story, Value, by_seed};
use crate::prometheus::{Prometheus, Setup, back_fill};
use crate::toxic::{Exchange, Toxic, ToxicProxy};

/// The most memory that collecting may take, whatever the number of series.
const MOST_RSS_MIB: i64 = 400;
const MANY: usize = 20_000;

fn without_remote_read(server: &Prometheus) -> ToxicProxy {
    ToxicProxy::before(server.port(), |exchange: &Exchange| match exchange.path.starts_with("/api/v1/read") {
        true => Toxic::Answer { status: "404 Not Found", headers: "", body: "" },
        false => Toxic::PassThrough,
    })
}

fn answered_with(proxy: &ToxicProxy, status: u16) -> usize {
    proxy.log().iter().filter(|exchange| exchange.status == status).count()
}

/// A month at one minute has more than four times the 11,000 points that a range query may return.
pub fn month_at_one_minute() -> Seen {
    let october = DAY_S - 30 * 24 * HOUR;
    let mut bench = Bench::of(&[Story::new(11, october, 31 * 24 * 60 + 1, MINUTE).cluster("s11")]);
    bench.days = None;
    let server = bench.server(&Setup::default());
    let proxy = without_remote_read(&server);
    let mut seen = bench.observe("it", &proxy.url());
    let refused = answered_with(&proxy, 400);
    seen.demand(refused == 0, format!("{refused} queries were answered with 400"));
    seen
}

pub fn few_samples_allowed() -> Seen {
    // Five seconds: a day of one series is close to the limit, a day of two pods above it.
    let bench = Bench::of(&by_seed(|seed, name| Story::new(seed, DAY_S, 17_280, 5).cluster(name)));
    let unlimited = bench.server(&Setup::default());
    let limited = bench.server(&Setup { flags: &["--query.max-samples=20000"], ..Setup::default() });
    let proxy = without_remote_read(&limited);
    let mut seen = bench.observe_beside_fault_free(&proxy.url(), &unlimited);
    let refused = answered_with(&proxy, 422);
    seen.was_retried = refused > 0;
    seen.notes.push(format!("{refused} queries were too large"));
    seen
}

pub fn hardly_any_samples_allowed() -> Seen {
    // Five seconds: even the shortest window holds more than ten samples.
    let bench = Bench::of(&by_seed(|seed, name| Story::new(seed, DAY_S + 6 * HOUR, 721, 5).cluster(name)));
    let server = bench.server(&Setup { flags: &["--query.max-samples=10"], ..Setup::default() });
    let proxy = without_remote_read(&server);
    let mut seen = bench.observe("it", &proxy.url());
    let run = bench.collect(&bench.config("it", &proxy.url()));
    seen.demand(run.stderr.contains("--query.max-samples"), "the flag is not named");
    seen
}

/// 20,000 pods on twenty nodes for an hour, as a store that several cases copy.
struct ManyPods {
    folder: TempDir,
    cluster: Cluster,
}

fn many_pods() -> &'static ManyPods {
    static MANY_PODS: OnceLock<ManyPods> = OnceLock::new();
    MANY_PODS.get_or_init(|| {
        let mut cluster = Cluster::new("s7");
        let mut random = Random::new(7);
        let times: Vec<i64> = (0..61).map(|minute| DAY_S + 6 * HOUR + minute * MINUTE).collect();
        for node in 0..20 {
            let name = format!("n{node}");
            cluster.node_object(&name, times.iter().copied());
            let mut reading = NodeReading { total_mj: 50_000_000, idle_mj: 20_000_000, active_mj: 30_000_000 };
            let mut readings = vec![(times[0], reading); 1];
            let of_pods = MANY / 20;
            let mut pods: Vec<Vec<i64>> = (0..of_pods).map(|_| vec![random.between(1_000, 90_000)]).collect();
            for time in &times[1..] {
                let used: i64 = pods
                    .iter_mut()
                    .map(|pod| {
                        let used = random.between(0, 20_000);
                        pod.push(pod[pod.len() - 1] + used);
                        used
                    })
                    .sum();
                let (idle, other) = (random.between(3_000_000, 4_000_000), random.between(500_000, 900_000));
                reading.total_mj += idle + used + other;
                reading.idle_mj += idle;
                reading.active_mj += used + other;
                readings.push((*time, reading));
            }
            cluster.node_energy(&name, &readings);
            cluster.truth.metered_mj += reading.total_mj - 50_000_000;
            for (number, pod) in pods.iter().enumerate() {
                let namespace = format!("team-{}", number % 10);
                let (pod_name, uid) = (format!("p-{node}-{number}"), format!("uid-{node}-{number}"));
                let named = Pod { node: &name, namespace: &namespace, name: &pod_name, uid: &uid, owner: ("", "") };
                cluster.pod_energy(&named, times.iter().copied().zip(pod.iter().map(|value| Value::Milli(*value))));
                *cluster.truth.active_mj.entry(namespace).or_default() += pod[60] - pod[0];
            }
        }
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("metrics.txt");
        fs::write(&file, format!("{}# EOF\n", cluster.lines)).unwrap();
        back_fill(&[file], &folder.path().join("tsdb"));
        cluster.lines.clear();
        ManyPods { folder, cluster }
    })
}

pub fn many_series() -> Seen {
    let many = many_pods();
    let bench = Bench::of(std::slice::from_ref(&many.cluster));
    let server = Prometheus::on_copy_of(&many.folder.path().join("tsdb"), &Setup::default());
    let config = bench.config("measured", &server.url());
    let run = bench.collect(&config);
    let mut seen = bench.report("measured", &config);
    let rss_mib = run.max_rss_kib / 1024;
    seen.demand(run.exit == 0, format!("collect ended with {}", run.exit));
    seen.demand(rss_mib <= MOST_RSS_MIB, format!("collecting took {rss_mib} MiB"));
    seen.notes.push(format!("{rss_mib} MiB, {:.1} s", run.wall.as_secs_f64()));
    seen
}

pub fn impatient_server() -> Seen {
    let many = many_pods();
    let bench = Bench::of(std::slice::from_ref(&many.cluster));
    let setup = Setup { flags: &["--query.timeout=20ms"], ..Setup::default() };
    let server = Prometheus::on_copy_of(&many.folder.path().join("tsdb"), &setup);
    let proxy = without_remote_read(&server);
    let mut seen = bench.observe("it", &proxy.url());
    // 503 where it was still preparing, 422 («context deadline exceeded») where it was already reading series.
    let gave_up = answered_with(&proxy, 503) + answered_with(&proxy, 422);
    seen.demand(gave_up > 0, "the server never gave up");
    seen.notes.push(format!("{gave_up} queries took too long"));
    seen
}
