//! A server that scrapes: samples of this very minute, in its head and not in a block, with the stale markers that it writes itself.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;

use super::server::{listening, read_head, serving};
use super::*;

/// Serves two counters, then one, then the other again, and counts the scrapes.
fn exporter() -> (u16, Arc<AtomicUsize>) {
    let scrapes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&scrapes);
    let port = listening(move |mut stream| {
        read_head(&mut stream);
        let scrape = counted.fetch_add(1, Ordering::SeqCst);
        let line = |zone: &str| format!("kepler_node_cpu_joules_total{{node_name=\"n\",zone=\"{zone}\"}} {}.5\n", scrape * 7);
        let mut body = "# TYPE kepler_node_cpu_joules_total counter\n".to_owned() + &line("package");
        // Gone for two scrapes: the first of them writes a stale marker.
        if !(3..5).contains(&scrape) {
            body += &line("dram");
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all((head + &body).as_bytes());
    });
    (port, scrapes)
}

#[tokio::test]
async fn stale_markers_are_no_samples_and_no_trouble() {
    let (port, scrapes) = exporter();
    let config = format!(
        "global:\n  scrape_interval: 1s\n  external_labels:\n    cluster: live\nscrape_configs:\n- job_name: kepler\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
    );
    let Some(server) = serving("# EOF\n", &config, &[]) else { return };
    let started = Instant::now();
    while scrapes.load(Ordering::SeqCst) < 7 {
        assert!(started.elapsed() < Duration::from_secs(60), "Prometheus did not scrape");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let day: UtcDay = Utc::now().format("%Y-%m-%d").to_string().parse().unwrap();
    // Scrapes go on meanwhile, so that of both answers only the common past is compared.
    let remote = collect_day(&asking(&server.url(), ReadWay::RemoteRead), day).await.unwrap();
    let query = collect_day(&asking(&server.url(), ReadWay::Query), day).await.unwrap();
    assert!(remote.findings.is_empty(), "{:?}", remote.findings);
    let zones = |collected: &CollectedDay| -> Vec<(String, Vec<(i64, f64)>)> {
        let samples = collected.samples.of_metric("kepler_node_cpu_joules_total");
        samples
            .map(|(series, ts_ms, value)| {
                (series.label("zone").to_owned(), ts_ms.iter().copied().zip(value.iter().copied()).take(5).collect())
            })
            .collect()
    };
    assert_eq!(zones(&remote), zones(&query));
    let values: Vec<f64> = zones(&remote)[0].1.iter().map(|sample| sample.1).collect();
    assert_eq!((zones(&remote)[0].0.as_str(), values), ("dram", vec![0.5, 7.5, 14.5, 35.5, 42.5]));
}
