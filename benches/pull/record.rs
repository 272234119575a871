//! Stands between us and the server: writes down what is asked, and counts what is answered.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

/// A request as it was sent.
#[derive(Clone)]
pub struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub struct Recorder {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    answered: Arc<AtomicU64>,
}

impl Recorder {
    pub fn before(server: &str) -> Result<Self> {
        let upstream = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (requests, answered) = (Arc::default(), Arc::default());
        let recorder = Self { url, requests: Arc::clone(&requests), answered: Arc::clone(&answered) };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, requests, answered) = (upstream.clone(), Arc::clone(&requests), Arc::clone(&answered));
                std::thread::spawn(move || pass(client, &upstream, &requests, &answered));
            }
        });
        Ok(recorder)
    }

    /// What was asked since the last time, and how many bytes were answered.
    pub fn take(&self) -> (Vec<Request>, u64) {
        let requests = std::mem::take(&mut *self.requests.lock().expect("nobody panics with it"));
        (requests, self.answered.swap(0, Ordering::SeqCst))
    }
}

/// One connection until it ends; an error ends it too.
fn pass(mut client: TcpStream, upstream: &str, requests: &Mutex<Vec<Request>>, answered: &Arc<AtomicU64>) -> Option<()> {
    let mut server = TcpStream::connect(upstream).ok()?;
    let (mut from_server, mut to_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
    let answered = Arc::clone(answered);
    std::thread::spawn(move || {
        let mut part = vec![0; 64 * 1024];
        while let Ok(read) = from_server.read(&mut part) {
            answered.fetch_add(read as u64, Ordering::SeqCst);
            if read == 0 || to_client.write_all(&part[..read]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let mut waiting = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let read = client.read(&mut part).ok()?;
        server.write_all(&part[..read]).ok()?;
        waiting.extend_from_slice(&part[..read]);
        if let Some((request, length)) = parsed(&waiting) {
            waiting.drain(..length);
            requests.lock().ok()?.push(request);
        }
        if read == 0 {
            return None;
        }
    }
}

/// A whole request at the front of the bytes, and how many it has.
fn parsed(bytes: &[u8]) -> Option<(Request, usize)> {
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap_or(0));
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some((Request { path, headers, body }, end + 4 + length))
}

/// Requests in a file, one after the other, for the process that sends them again.
pub fn save(requests: &[Request]) -> Vec<u8> {
    let lines = requests.iter().map(|request| {
        let hex: String = request.body.iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!({ "path": request.path, "headers": request.headers, "body": hex }).to_string() + "\n"
    });
    lines.collect::<String>().into_bytes()
}

pub fn load(text: &str) -> Result<Vec<Request>> {
    text.lines()
        .map(|line| {
            let (path, headers, body): (String, Vec<(String, String)>, String) = {
                let mut value: serde_json::Value = serde_json::from_str(line)?;
                (
                    serde_json::from_value(value["path"].take())?,
                    serde_json::from_value(value["headers"].take())?,
                    serde_json::from_value(value["body"].take())?,
                )
            };
            let byte = |i: usize| u8::from_str_radix(&body[i..i + 2], 16).context("a byte in hex");
            let body = (0..body.len()).step_by(2).map(byte).collect::<Result<_>>()?;
            Ok(Request { path, headers, body })
        })
        .collect()
}
