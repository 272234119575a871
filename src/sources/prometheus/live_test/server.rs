//! A real Prometheus with a back-filled store, and one that misbehaves on purpose; both on 127.0.0.1, the real one stopped by its process id.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub struct Server {
    process: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A server over these samples, in OpenMetrics; none where Prometheus is not installed.
pub fn serving(metrics: &str, config: &str, flags: &[&str]) -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    started(folder, metrics, config, flags)
}

/// The same in a folder that holds some files already.
pub fn started(folder: tempfile::TempDir, metrics: &str, config: &str, flags: &[&str]) -> Option<Server> {
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("metrics.txt"), metrics).unwrap();
    std::fs::write(path("prometheus.yml"), config).unwrap();
    let filled = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=768h"])
        .args([path("metrics.txt"), path("data")])
        .stdout(Stdio::null())
        .status();
    match filled {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "promtool is not installed, and CI is set; tests/run installs it");
            println!("SKIPPED: promtool is not installed; tests/run installs it");
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
        .stderr(std::fs::File::create(path("log")).unwrap())
        .spawn()
        .unwrap();
    let server = Server { process, port, folder };
    let started = Instant::now();
    // The log tells it of servers with TLS too.
    while !std::fs::read_to_string(server.file("log")).unwrap().contains("Server is ready") {
        assert!(started.elapsed() < Duration::from_secs(30), "Prometheus did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(server)
}

/// A server that gives these answers one after the other, the last one for ever, and counts them. Its URL holds a password.
pub fn scripted(answers: &'static [&'static [u8]]) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let port = listening(move |mut stream| {
        read_head(&mut stream);
        let index = counted.fetch_add(1, Ordering::SeqCst);
        let _ = stream.write_all(answers[index.min(answers.len() - 1)]);
    });
    (format!("http://user:hunter2@127.0.0.1:{port}"), count)
}

/// Passes everything on to a server but what `meddle` does to the bytes of its answers; given are the request's head and what it answers.
pub fn between(server: &Server, meddle: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> String {
    let port = server.port;
    let own = listening(move |mut stream| {
        let request = read_request(&mut stream);
        let head = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
        let mut upstream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // One request a connection, so that the answer ends where the connection ends.
        let request = String::from_utf8_lossy(&request[..head.len()])
            .into_owned()
            .into_bytes()
            .into_iter()
            .chain(b"\r\nConnection: close".iter().copied().chain(request[head.len()..].iter().copied()));
        upstream.write_all(&request.collect::<Vec<u8>>()).unwrap();
        let mut answer = Vec::new();
        let _ = upstream.read_to_end(&mut answer);
        let _ = stream.write_all(&meddle(&head, answer));
    });
    format!("http://127.0.0.1:{own}")
}

/// Serves each connection on a thread of its own.
pub fn listening(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), serve) = (stream, Arc::clone(&serve)) else { return };
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

pub fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(read) => request.extend_from_slice(&part[..read]),
        }
    }
    request
}

fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = read_head(stream);
    let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") else { return request };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |text| text.trim().parse().unwrap());
    let mut part = [0; 4096];
    while request.len() < end + 4 + length {
        let read = stream.read(&mut part).unwrap();
        request.extend_from_slice(&part[..read]);
    }
    request
}
