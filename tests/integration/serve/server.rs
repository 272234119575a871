//! Our server as a process, over evidence with closed months that are made up, and a client that writes requests byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use wattledger::evidence::closed::{Chain, Replaced, SEAL_SCHEMA, SealedPeriod};
use wattledger::evidence::{Seal, SealKind, Sealed, SealedLedger, Store};
use wattledger::model::AccessScope;

/// Evidence with closed months, and a configuration.
pub struct Place {
    pub folder: TempDir,
}

/// A file that lies beside the evidence, and that nobody may get.
pub const OUTSIDE: &str = "OUTSIDE-of-every-index-8c1f";

impl Place {
    pub fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap() };
        fs::write(place.path("outside.txt"), OUTSIDE).unwrap();
        fs::create_dir_all(place.path("evidence/closed/2026-09/1")).unwrap();
        // Beside what is sealed, and named by no seal.
        fs::write(place.path("evidence/outside.txt"), OUTSIDE).unwrap();
        fs::write(place.path("evidence/closed/2026-09/1/outside.txt"), OUTSIDE).unwrap();
        place
    }

    /// With September and a restated October.
    pub fn with_months() -> Self {
        let place = Self::new();
        place.close("2026-09", 1, &[("report/report.html", b"<p>September</p>"), ("ledger/ledger.csv", b"hour\n1\n")]);
        place.close("2026-10", 1, &[("report/report.html", b"<p>October, first</p>"), ("config.toml", b"[organisation]\n")]);
        place.close("2026-10", 2, &[("report/report.html", b"<p>October</p>"), ("report/report.xlsx", b"PK..")]);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn store(&self) -> Store {
        Store::new(self.path("evidence"))
    }

    /// Seals a month that consists of these files.
    pub fn close(&self, month: &str, edition: u32, files: &[(&str, &[u8])]) {
        let store = self.store();
        let mut sealed: Vec<_> = files.iter().map(|(path, bytes)| store.write_closed(month, edition, path, bytes).unwrap()).collect();
        sealed.sort_by(|a, b| a.path.cmp(&b.path));
        let seals = store.seals().unwrap();
        let (seq, previous) = Chain::of(&seals).next();
        let before = seals.iter().find(|other| other.seal.period.month == month && other.seal.edition + 1 == edition);
        let totals = json!({ "facility_mj": 3_600_000_000_000_i64, "scope2_location_based_ugco2e": "271828182845904", "scope2_market_based_ugco2e": 0, "scope3_ugco2e": null });
        let seal = Seal {
            schema: SEAL_SCHEMA.to_owned(),
            kind: if before.is_some() { SealKind::Restatement } else { SealKind::Close },
            organisation: "Example BV".to_owned(),
            period: SealedPeriod {
                month: month.to_owned(),
                from: format!("{month}-01T00:00:00Z").parse().unwrap(),
                to: format!("{month}-28T00:00:00Z").parse().unwrap(),
                time_zone: "UTC".to_owned(),
                tzdata: "2026a".to_owned(),
            },
            edition,
            seq,
            sealed_at: "2026-11-02T06:00:00Z".parse().unwrap(),
            previous,
            replaces: before.map(|before| Replaced {
                edition: before.seal.edition,
                sha256: before.sha256(),
                reason: "NL <b>was</b> revised".to_owned(),
            }),
            software: "wattledger 0.1.0".to_owned(),
            method: "made up".to_owned(),
            engine: "columns".to_owned(),
            accepted: Vec::new(),
            findings: Vec::new(),
            totals: serde_json::from_value(totals).unwrap(),
            ledger: SealedLedger::of(Vec::new()),
            evidence: Vec::new(),
            absent: None,
            files: sealed,
        };
        let manifest = seal.to_json().unwrap();
        store.seal(&Sealed { seal, manifest, signature: None, time_stamp: None }).unwrap();
        // `seal` takes away what it does not know; here a stranger's file stays.
        fs::write(self.path(&format!("evidence/closed/{month}/{edition}/outside.txt")), OUTSIDE).unwrap();
    }

    /// A configuration whose `[serve]` has these lines.
    pub fn config(&self, serve: &str) -> PathBuf {
        let text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[evidence]\ndir = \"evidence\"\n\
             [[cluster]]\nname = \"prod\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n[serve]\n{serve}\n"
        );
        let path = self.path("wattledger.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Makes a token as a user does. The configuration names a token file.
    pub fn token(&self, config: &Path, scopes: &[AccessScope]) -> String {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_wattledger"))
            .arg("--config")
            .arg(config)
            .args(["token", "new", "--team", "finance", "--scope", &scopes.join(",")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// A server that is stopped when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The log of downloads, where the configuration names no file.
    pub stdout: Arc<Mutex<String>>,
    pub stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    pub fn start(config: &Path) -> Self {
        Self::start_on(config, "127.0.0.1:0")
    }

    pub fn start_on(config: &Path, listen: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wattledger"))
            // The loudest: what must not be in a log is in none.
            .arg("-vvv")
            .arg("--config")
            .arg(config)
            .args(["serve", "--listen", listen])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(String::new())));
        let readers = vec![follow(child.stdout.take().unwrap(), &stdout), follow(child.stderr.take().unwrap(), &stderr)];
        let started = Instant::now();
        let port = loop {
            let said = stderr.lock().unwrap().clone();
            if let Some((_, rest)) = said.split_once("listening on http://") {
                break rest.lines().next().unwrap().rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
            }
            assert!(child.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(20), "it does not listen: {said}");
            thread::sleep(Duration::from_millis(10));
        };
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), stdout, stderr, readers }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// A request as it is written, and whatever comes back until the server closes.
    pub fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // A server that has answered may close before all is written.
        let _ = stream.write_all(request);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        reply
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, headers)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        Reply::parse(&self.raw(request.as_bytes())).unwrap_or_else(|| panic!("no reply to {method} {path}"))
    }

    pub fn get_as(&self, path: &str, token: &str) -> Reply {
        self.get(path, &[("Authorization", &format!("Bearer {token}"))])
    }

    pub fn rss_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn open_sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        files
            .filter(|file| fs::read_link(file.as_ref().unwrap().path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:")))
            .count()
    }

    pub fn terminate(&self) {
        assert!(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// Its exit code, once it has ended.
    pub fn wait(&mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        code
    }

    /// The lines of the log of downloads, when there are as many.
    pub fn downloads(&self, lines: usize) -> Vec<serde_json::Value> {
        let started = Instant::now();
        loop {
            let text = self.stdout.lock().unwrap().clone();
            if text.lines().count() >= lines || started.elapsed() > Duration::from_secs(5) {
                return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(from: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    pub status: u16,
    /// Names in small letters; of several of a name, all, joined by line feeds.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.entry(name.to_ascii_lowercase()).and_modify(|all| *all = format!("{all}\n{value}")).or_insert_with(|| value.to_owned());
        }
        Some(Self { status, headers, body: unchunked(is_chunked(&head), &bytes[end + 4..]) })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Without what differs from one second to the next.
    pub fn without_date(mut self) -> Self {
        self.headers.remove("date");
        self
    }
}

fn is_chunked(head: &str) -> bool {
    head.to_ascii_lowercase().contains("transfer-encoding: chunked")
}

fn unchunked(is_chunked: bool, body: &[u8]) -> Vec<u8> {
    if !is_chunked {
        return body.to_vec();
    }
    let (mut whole, mut rest) = (Vec::new(), body);
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    whole
}
