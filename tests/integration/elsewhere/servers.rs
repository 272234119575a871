//! Spark Connect servers for a test: Sail and Apache Spark, from the Python that `tests/run` sets up, on free ports of 127.0.0.1, stopped by process id.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sample;

const PATIENCE: Duration = Duration::from_secs(120);

pub struct Server {
    process: Child,
    pub port: u16,
    folder: TempDir,
}

/// How Sail runs what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SailMode {
    /// In one process.
    Local,
    /// A driver and workers, tasks and shuffles between them as in a cluster.
    LocalCluster,
}

impl Server {
    /// None where the Python of the tests is not set up, which is said.
    pub fn sail(mode: SailMode) -> Option<Self> {
        let sail = sample::python_with_duckdb()?.with_file_name("sail");
        let port = free_port();
        let mut command = Command::new(sail);
        command.args(["spark", "server", "--ip", "127.0.0.1", "--port", &port.to_string()]).env(
            "SAIL_MODE",
            match mode {
                SailMode::Local => "local",
                SailMode::LocalCluster => "local-cluster",
            },
        );
        Some(Self::start(command, port))
    }

    /// Apache Spark; `master` as Spark writes it: `local[2]`, `local-cluster[2,1,1024]`.
    pub fn spark(master: &str, configuration: &[&str]) -> Option<Self> {
        let python = sample::python_with_duckdb()?;
        if Command::new("java").arg("-version").stderr(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "java is not there; tests/run installs it");
            eprintln!("left out: java is not there (tests/run installs it)");
            return None;
        }
        let home = Command::new(python).args(["-c", "import pyspark; print(pyspark.__path__[0])"]).output().unwrap();
        let home = PathBuf::from(String::from_utf8(home.stdout).unwrap().trim());
        let port = free_port();
        let mut command = Command::new(home.join("bin/spark-submit"));
        command.env("SPARK_HOME", &home).env("SPARK_LOCAL_IP", "127.0.0.1");
        command.args(["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", master]);
        let own = format!("spark.connect.grpc.binding.port={port}");
        let own = [
            "spark.connect.grpc.binding.address=127.0.0.1",
            &own,
            "spark.driver.host=127.0.0.1",
            "spark.driver.bindAddress=127.0.0.1",
            "spark.ui.enabled=false",
            "spark.sql.shuffle.partitions=2",
            "spark.driver.memory=1g",
        ];
        for setting in own.iter().chain(configuration) {
            command.args(["--conf", setting]);
        }
        command.arg("spark-internal");
        Some(Self::start(command, port))
    }

    fn start(mut command: Command, port: u16) -> Self {
        let folder = TempDir::new().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        // A group of its own: executors are processes too.
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let server = Self { process: command.spawn().unwrap(), port, folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "the server does not come up: {}", server.log());
            sleep(Duration::from_millis(100));
        }
        server
    }

    pub fn address(&self) -> String {
        format!("sc://127.0.0.1:{}", self.port)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// As a machine that loses its power.
    pub fn kill(&mut self) {
        self.signal("KILL");
        let _ = self.process.wait();
    }

    /// Process ids of its executors.
    pub fn executors(&self) -> Vec<u32> {
        let group = self.process.id();
        let is_executor = |process: &Path| {
            let command = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
            let of_group = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2).map(str::to_owned));
            command.contains("CoarseGrainedExecutorBackend") && of_group == Some(group.to_string())
        };
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        processes.filter(|process| is_executor(process)).filter_map(|process| process.file_name()?.to_str()?.parse().ok()).collect()
    }

    fn signal(&self, signal: &str) {
        // Its whole group.
        let _ = Command::new("kill").args([&format!("-{signal}"), "--", &format!("-{}", self.process.id())]).status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
