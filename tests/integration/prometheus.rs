//! A real Prometheus for a test: back-filled with `promtool`, on a free port of 127.0.0.1, stopped by its process id when dropped.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub struct Prometheus {
    process: Child,
    port: u16,
    _folder: TempDir,
}

/// Whether the two programs are there. In CI they have to be: a test that silently does nothing there would look like a passed one.
pub fn is_installed() -> bool {
    let missing: Vec<&str> = ["prometheus", "promtool"].into_iter().filter(|name| !answers(name)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{} not found, and CI is set; tests/run installs them", missing.join(" and "));
    println!("SKIPPED: {} not found; tests/run installs them", missing.join(" and "));
    false
}

fn answers(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// How a server is started, beyond the data that it holds.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The text of `prometheus.yml`.
    pub config: &'a str,
    pub flags: &'a [&'a str],
    pub retention: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { config: "", flags: &[], retention: "100y" }
    }
}

/// Back-fills a store from OpenMetrics files, one after the other.
pub fn back_fill(files: &[PathBuf], tsdb: &Path) {
    for file in files {
        let output = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=768h", "--quiet"])
            .args([file, tsdb])
            .output()
            .unwrap();
        assert!(output.status.success(), "promtool {}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
}

impl Prometheus {
    /// Serves what the OpenMetrics files of a folder hold.
    pub fn serving(openmetrics: &Path) -> Self {
        Self::serving_with(openmetrics, &Setup::default())
    }

    pub fn serving_with(openmetrics: &Path, setup: &Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let mut files: Vec<_> = fs::read_dir(openmetrics).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        back_fill(&files, &folder.path().join("tsdb"));
        Self::start(folder, setup)
    }

    /// Starts with nothing but what it will scrape.
    pub fn empty(setup: &Setup) -> Self {
        Self::start(TempDir::new().unwrap(), setup)
    }

    /// Serves a copy of a back-filled store.
    pub fn on_copy_of(tsdb: &Path, setup: &Setup) -> Self {
        let folder = TempDir::new().unwrap();
        copy_folder(tsdb, &folder.path().join("tsdb"));
        Self::start(folder, setup)
    }

    fn start(folder: TempDir, setup: &Setup) -> Self {
        let config = folder.path().join("prometheus.yml");
        fs::write(&config, setup.config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(folder.path().join("prometheus.log")).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("tsdb").display()))
            .arg(format!("--storage.tsdb.retention.time={}", setup.retention))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(setup.flags)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { process, port, _folder: folder };
        server.wait_until_ready();
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many samples of a metric the server holds.
    pub fn samples_of(&self, metric: &str, at: &str) -> u64 {
        let body = self.get(&format!("/api/v1/query?query=sum(count_over_time({metric}%5B60d%5D))&time={at}")).unwrap();
        let reply: serde_json::Value = serde_json::from_str(body.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        reply["data"]["result"][0]["value"][1].as_str().map_or(0, |text| text.parse().unwrap())
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(60) {
            if self.get("/-/ready").is_ok_and(|reply| reply.contains(" 200 ")) {
                return;
            }
            assert!(self.process.try_wait().unwrap().is_none(), "prometheus ended before it was ready");
            sleep(Duration::from_millis(200));
        }
        panic!("prometheus was not ready after a minute");
    }

    /// HTTP/1.0, so that the reply is one piece and the server closes after it.
    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
