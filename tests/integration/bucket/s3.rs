//! An emulator of S3 for a test: moto, on a free port of 127.0.0.1, in memory, stopped by its process id when dropped.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::sample;

/// What S3 asks for; the emulator takes any.
pub const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKIACANARY"), ("AWS_SECRET_ACCESS_KEY", "canary-secret-key"), ("AWS_EC2_METADATA_DISABLED", "true")];

pub struct S3 {
    process: Child,
    port: u16,
}

impl S3 {
    /// With one bucket, `ledger`; none where there is no moto, which in CI is a failure.
    pub fn start() -> Option<Self> {
        let python = python_with_moto()?;
        let port = free_port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { process, port };
        let started = Instant::now();
        while server.put("/ledger").is_err() {
            assert!(server.process.try_wait().unwrap().is_none(), "the emulator of S3 ended before it was ready");
            assert!(started.elapsed() < Duration::from_secs(60), "the emulator of S3 was not ready after a minute");
            sleep(Duration::from_millis(100));
        }
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The table `[evidence]` with this server's bucket.
    pub fn evidence(&self, prefix: &str) -> String {
        evidence_at(&self.url(), &format!("s3://ledger/{prefix}"))
    }

    fn put(&self, path: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "PUT {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        if reply.contains(" 200 ") { Ok(()) } else { Err(std::io::Error::other(reply)) }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn evidence_at(endpoint: &str, url: &str) -> String {
    format!("[evidence]\ndir = \"{url}\"\nendpoint = \"{endpoint}\"\nregion = \"eu-central-1\"\nallow_http = true\n")
}

fn python_with_moto() -> Option<PathBuf> {
    let python = std::env::var_os("WATTLEDGER_PYTHON").map(PathBuf::from).filter(|python| {
        let imported = Command::new(python).args(["-c", "import moto.server"]).stderr(Stdio::null()).status();
        imported.is_ok_and(|status| status.success())
    });
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "WATTLEDGER_PYTHON has no moto; run tests/run");
        eprintln!("left out: WATTLEDGER_PYTHON has no moto (tests/run installs it)");
    }
    python
}

/// Our binary with credentials in its environment, as a pod would have them.
pub fn wattledger(arguments: &[&str], config: &Path) -> Output {
    command(arguments, config).output().unwrap()
}

pub fn command(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
    forget_clouds(&mut command);
    command.arg("--config").arg(config).args(arguments).envs(CREDENTIALS);
    command
}

/// What somebody's own environment says of clouds stays out of it.
fn forget_clouds(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|cloud| name.to_string_lossy().starts_with(cloud)) {
            command.env_remove(name);
        }
    }
}

pub fn wattledger_ok(arguments: &[&str], config: &Path) -> String {
    ends_well(&mut command(arguments, config))
}

/// What it says on stderr.
pub fn ends_well(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    assert!(output.status.success(), "wattledger {} ended with {}:\n{stderr}", arguments.join(" "), output.status);
    stderr
}

/// Runs an ignored test of this binary with credentials in its environment, which a test cannot change for itself alone.
pub fn run_inside(test: &str, evidence: &str) {
    run_inside_with(test, evidence, &CREDENTIALS);
}

pub fn run_inside_with(test: &str, evidence: &str, credentials: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    forget_clouds(&mut command);
    let output = command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(credentials.iter().copied())
        .env("WATTLEDGER_TEST_EVIDENCE", evidence)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The sample's configuration, whole, with its evidence elsewhere.
pub fn write_config(folder: &Path, evidence: &str) -> PathBuf {
    let text = std::fs::read_to_string(sample::root().join("sample-data/wattledger.toml")).unwrap();
    let mut config: toml::Table = toml::from_str(&text).unwrap();
    let own: toml::Table = toml::from_str(evidence).unwrap();
    config.insert("evidence".to_owned(), own["evidence"].clone());
    let path = folder.join("wattledger.toml");
    std::fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
    path
}
