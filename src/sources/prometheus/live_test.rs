//! Against a real Prometheus with a back-filled store, and against a server that misbehaves on purpose.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

fn day() -> UtcDay {
    "2026-10-02".parse().unwrap()
}

/// Three days of one node and two pods at one minute, with the times that the assertions below speak of.
fn open_metrics() -> String {
    let (start, minute) = (day().start().timestamp(), 60);
    let mut text = String::new();
    let mut add = |name: &str, labels: &str, minutes: Range<i64>, value: &dyn Fn(i64) -> f64| {
        for i in minutes {
            writeln!(text, "{name}{{instance=\"k1\",job=\"kepler\",{labels}}} {} {}", value(i), start + 7 + i * minute).unwrap();
        }
    };
    let node = "node_name=\"n1\",zone=\"package\"";
    // The node was seen the whole time but for a hole over the evening before: the hour before the day has no sample.
    add("kepler_node_cpu_joules_total", node, -1440..-90, &|i| (i + 2000) as f64 * 60.0);
    add("kepler_node_cpu_joules_total", node, 0..2880, &|i| (i + 2000) as f64 * 60.0);
    add(
        "kepler_pod_cpu_joules_total",
        "pod_id=\"u1\",pod_name=\"p1\",pod_namespace=\"a\",state=\"running\",zone=\"package\"",
        10..700,
        &|i| {
            if i == 300 { f64::NAN } else { i as f64 }
        },
    );
    add(
        "kepler_pod_cpu_joules_total",
        "pod_id=\"u2\",pod_name=\"p2\",pod_namespace=\"a\",state=\"running\",zone=\"package\"",
        1600..1700,
        &|i| i as f64,
    );
    add(
        "kube_pod_info",
        "exported_namespace=\"a\",namespace=\"monitoring\",exported_pod=\"p1\",pod=\"ksm\",uid=\"u1\",node=\"n1\"",
        10..700,
        &|_| 1.0,
    );
    text.push_str("# EOF\n");
    text
}

struct Server {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// None where Prometheus is not installed.
fn prometheus(metrics: &str, flags: &[&str]) -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("metrics.txt"), metrics).unwrap();
    std::fs::write(path("prometheus.yml"), "").unwrap();
    let filled = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=768h"])
        .args([path("metrics.txt"), path("data")])
        .stdout(Stdio::null())
        .status();
    match filled {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("left out: promtool is not installed");
            return None;
        }
        filled => assert!(filled.unwrap().success()),
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let process = Command::new("prometheus")
        .arg(flag("config.file", &path("prometheus.yml")))
        .arg(flag("storage.tsdb.path", &path("data")))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { process, url: format!("http://127.0.0.1:{port}"), _folder: folder };
    let started = Instant::now();
    while !is_ready(port) {
        assert!(started.elapsed() < Duration::from_secs(30), "Prometheus did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(server)
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n").is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
}

async fn collect(url: &str) -> Result<CollectedDay, Refusal> {
    let connection = Connection { url: url.to_owned(), ..Connection::default() };
    Prometheus::connect(&connection, &BTreeMap::new()).unwrap().collect_day(day()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_a_real_server_is_collected_with_its_edges_whatever_the_window() {
    let Some(server) = prometheus(&open_metrics(), &[]) else { return };
    let collected = collect(&server.url).await.unwrap();
    let start_ms = day().start().timestamp_millis();
    let minute = |i: i64| start_ms + 7_000 + i * 60_000;

    // The anchor before the day lies 91 minutes back, beyond the first hour that is looked at.
    let (_, times, values) = collected.samples.of_metric("kepler_node_cpu_joules_total").next().unwrap();
    assert_eq!((times[0], values[0]), (minute(-91), 1909.0 * 60.0));
    assert_eq!(times[1], minute(0));
    assert_eq!((times.len(), *times.last().unwrap()), (1442, minute(1440)));

    // One NaN is dropped; the pod of the next day is not there.
    let pods: Vec<_> = collected.samples.of_metric("kepler_pod_cpu_joules_total").collect();
    assert_eq!((pods.len(), pods[0].1.len()), (1, 689));
    assert!(!pods[0].1.contains(&minute(300)));

    let (info, times, _) = collected.samples.of_metric("kube_pod_info").next().unwrap();
    assert_eq!((info.label("namespace"), info.label("pod"), info.label("node")), ("a", "p1", "n1"));
    assert_eq!(times, [minute(10), minute(699)]);
    let codes: Vec<&str> = collected.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["NONFINITE", "LABEL_CLASH"]);
    assert_eq!(collected.samples_on_the_day, 1440 + 689 + 2);

    // A server that lets one query load 100 samples gives the same evidence and the same record.
    let Some(small) = prometheus(&open_metrics(), &["--query.max-samples=100"]) else { return };
    let again = collect(&small.url).await.unwrap();
    assert_eq!(again.samples, collected.samples);
    assert_eq!(again.asked, collected.asked);
    assert_eq!(again.findings, collected.findings);
}

#[tokio::test]
async fn a_server_whose_limit_is_too_small_is_refused_with_the_flag_to_turn() {
    // Forty series at once: even a minute holds more than ten samples.
    let mut text = String::new();
    for zone in 0..40 {
        writeln!(text, "kepler_node_cpu_joules_total{{instance=\"k1\",zone=\"z{zone}\"}} 1 {}", day().start().timestamp() + 90).unwrap();
    }
    text.push_str("# EOF\n");
    let Some(server) = prometheus(&text, &["--query.max-samples=10"]) else { return };
    let refusal = collect(&server.url).await.expect_err("no refusal");
    assert_eq!((refusal.code, refusal.reach), ("PROM_LIMIT", Reach::Range));
    assert!(refusal.hint.unwrap().contains("--query.max-samples"));
}

/// A server that gives these answers one after the other, the last one for ever, and counts them.
fn scripted(answers: &'static [&'static str]) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&part[..read]),
                }
            }
            let index = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let answer = answers[index.min(answers.len() - 1)];
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, count)
}

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 63\r\nConnection: close\r\n\r\n{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}";

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_when_it_says() {
    const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\nConnection: close\r\n\r\n{\"status\":\"succ";
    let (url, count) = scripted(&[BUSY, CUT, EMPTY]);
    let started = Instant::now();
    let collected = collect(&url).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(collected.samples_on_the_day, 0);
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), QUESTIONS.len() + 2);
}

#[tokio::test]
async fn a_partial_answer_is_refused_and_no_message_holds_the_url() {
    const PARTIAL: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\
        {\"status\":\"success\",\"warnings\":[\"remote_read: gone\"],\"data\":{\"resultType\":\"vector\",\"result\":[]}}";
    let refusal = collect(&scripted(&[PARTIAL]).0).await.unwrap_err();
    assert_eq!((refusal.code, refusal.reach), ("PROM_PARTIAL", Reach::Range));
    const DENIED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let denied = collect(&scripted(&[DENIED]).0).await.unwrap_err();
    assert_eq!((denied.code, denied.reach), ("PROM_DENIED", Reach::Source));
    let closed = collect("http://user:hunter2@127.0.0.1:1").await.unwrap_err();
    assert_eq!((closed.code, closed.reach), ("PROM_UNREACHABLE", Reach::Source));
    for refusal in [refusal, denied, closed] {
        assert!(!format!("{refusal} {refusal:?}").contains("hunter2"), "{refusal}");
    }
}
