//! A history from a seed, in a real Prometheus: pods that come and go, a node each fifty, one scrape a minute with an own offset a target.
//!
//! Each pod has Kepler's joules and cAdvisor's seconds of CPU; some scrapes are missed. Values grow by what differs from minute to minute, so
//! that chunks are as hard to compress as real ones.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wattledger::units::UtcDay;

const PODS_PER_NODE: usize = 50;
/// Minutes that a slot's pod lives; a tenth of the slots has such pods, the others one that stays.
const JOB_MINUTES: i64 = 180;

pub struct Server {
    pub process: Child,
    pub url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Random(u64);

impl Random {
    /// SplitMix64, as a number from 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}

/// Fills a store in `dir` unless it is there, with an hour more on both sides of the days.
pub fn history(dir: &Path, pods: usize, first: UtcDay, days: i64) -> Result<()> {
    if dir.join("complete").exists() {
        return Ok(());
    }
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let from_s = first.start().timestamp() - 3_600;
    let minutes = days * 1_440 + 120;
    let mut file = BufWriter::new(File::create(dir.join("metrics.txt"))?);
    for slot in 0..pods {
        file.write_all(of_slot(slot, from_s, minutes).as_bytes())?;
    }
    file.write_all(b"# EOF\n")?;
    file.flush()?;
    eprintln!("back-filling {} samples with promtool", pods as i64 * minutes * 2);
    let status = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=768h", "--quiet"])
        .args([dir.join("metrics.txt"), dir.join("data")])
        .stdout(Stdio::null())
        .status()
        .context("run promtool")?;
    ensure!(status.success(), "promtool failed");
    fs::remove_file(dir.join("metrics.txt"))?;
    fs::write(dir.join("prometheus.yml"), "")?;
    fs::write(dir.join("complete"), "")?;
    Ok(())
}

fn of_slot(slot: usize, from_s: i64, minutes: i64) -> String {
    let node = slot / PODS_PER_NODE;
    let offset_ms = (node as i64 * 7_919) % 60_000;
    let mut random = Random(slot as u64);
    let watts = 1.0 + random.next() * 30.0;
    let life = if slot.is_multiple_of(10) { JOB_MINUTES } else { minutes };
    let mut text = String::new();
    for birth in (0..minutes).step_by(life as usize) {
        let pod = format!("app-{slot:05}-{birth:05}");
        let joules = format!(
            "kepler_pod_cpu_joules_total{{instance=\"10.0.0.{node}:28282\",job=\"kepler\",node_name=\"node-{node}\",pod_id=\"uid-{slot}-{birth}\",\
             pod_name=\"{pod}\",pod_namespace=\"team-{}\",state=\"running\",zone=\"package\"}}",
            slot % 17
        );
        let seconds = format!(
            "container_cpu_usage_seconds_total{{container=\"main\",cpu=\"total\",id=\"/kubepods/pod{slot}-{birth}\",image=\"registry.example.com/app:{slot}\",\
             instance=\"10.0.0.{node}:10250\",job=\"kubelet\",metrics_path=\"/metrics/cadvisor\",name=\"{pod}\",namespace=\"team-{}\",node=\"node-{node}\",pod=\"{pod}\"}}",
            slot % 17
        );
        let (mut energy, mut cpu) = (0.0, 0.0);
        let mut both = [String::new(), String::new()];
        for minute in birth..(birth + life).min(minutes) {
            let load = 0.2 + random.next();
            energy += watts * load * 60.0;
            cpu += load * 30.0;
            if random.next() < 0.002 {
                continue;
            }
            let at_ms = from_s * 1_000 + minute * 60_000 + offset_ms;
            let at = format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000);
            writeln!(both[0], "{joules} {energy:.6} {at}").expect("a string takes all that is written to it");
            writeln!(both[1], "{seconds} {cpu:.6} {at}").expect("a string takes all that is written to it");
        }
        text.extend(both);
    }
    text
}

/// Starts a Prometheus over a store.
pub fn serve(dir: &Path) -> Result<Server> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let log = dir.join("log");
    let process = Command::new("prometheus")
        .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()
        .context("start prometheus")?;
    let server = Server { process, url: format!("http://127.0.0.1:{port}") };
    let started = Instant::now();
    while !fs::read_to_string(&log)?.contains("Server is ready") {
        ensure!(started.elapsed() < Duration::from_secs(60), "Prometheus did not start: {}", log.display());
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(server)
}
