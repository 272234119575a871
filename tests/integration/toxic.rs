//! A TCP proxy before a server, that does to single HTTP exchanges what networks and busy servers do.
//!
//! In: the port of a server on 127.0.0.1, and what to do with each exchange. Out: a port to talk to instead, and a log. One thread a connection,
//! one exchange a connection. Does not: speak TLS or HTTP/2.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::faults::Random;

/// What becomes of one exchange.
#[derive(Clone, Debug)]
pub enum Toxic {
    PassThrough,
    Latency(Duration),
    /// The request is taken and never answered.
    Silence,
    /// The answer ends after this share of its body, and the connection with it; `relabelled` with a length that says it were whole.
    CutBody {
        share: f64,
        relabelled: bool,
    },
    Answer {
        status: &'static str,
        headers: &'static str,
        body: &'static str,
    },
    /// The series of an answer in JSON come in another order.
    Shuffle {
        seed: u64,
    },
    /// The answer is what was asked, headers and all, between two texts.
    Repeat {
        status: &'static str,
        before: &'static str,
        after: &'static str,
    },
    /// A text in the answer is another.
    Rewrite {
        from: &'static str,
        to: &'static str,
    },
}

/// One exchange, as the rule sees it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// How many came before it.
    pub number: usize,
    pub path: String,
    pub request_body: Vec<u8>,
    pub at: Instant,
    /// The status of what the client was sent, or 0 where it was sent none.
    pub status: u16,
    pub was_harmed: bool,
}

type Rule = dyn Fn(&Exchange) -> Toxic + Send + Sync;

pub struct ToxicProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: u16,
    rule: Box<Rule>,
    count: AtomicUsize,
    log: Mutex<Vec<Exchange>>,
    is_closed: AtomicBool,
}

impl ToxicProxy {
    pub fn before(upstream: u16, rule: impl Fn(&Exchange) -> Toxic + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            upstream,
            rule: Box::new(rule),
            count: AtomicUsize::new(0),
            log: Mutex::default(),
            is_closed: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if of_thread.is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                // A client that goes away in the middle is no trouble of the proxy's.
                thread::spawn(move || drop(shared.exchange(client)));
            }
        });
        Self { port, shared }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn log(&self) -> Vec<Exchange> {
        self.shared.log.lock().unwrap().clone()
    }
}

impl Drop for ToxicProxy {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, so that it sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn exchange(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_read_timeout(Some(Duration::from_secs(300)))?;
        let (head, body) = read_message(&mut BufReader::new(client.try_clone()?))?;
        if head.is_empty() {
            return Ok(());
        }
        let path = head.split_ascii_whitespace().nth(1).unwrap_or_default().to_owned();
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let mut exchange = Exchange { number, path, request_body: body, at: Instant::now(), status: 0, was_harmed: true };
        let toxic = (self.rule)(&exchange);
        match toxic {
            Toxic::Silence => {
                self.log.lock().unwrap().push(exchange);
                while !self.is_closed.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(200));
                }
                return Ok(());
            }
            Toxic::Answer { status, headers, body } => {
                exchange.status = status[..3].parse().expect("a status begins with its number");
                self.log.lock().unwrap().push(exchange);
                write!(client, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
            }
            Toxic::PassThrough | Toxic::Latency(_) => {
                if let Toxic::Latency(pause) = toxic {
                    thread::sleep(pause);
                } else {
                    exchange.was_harmed = false;
                }
                let (head, body) = self.ask_upstream(&head, &exchange.request_body)?;
                exchange.status = status_of(&head);
                self.log.lock().unwrap().push(exchange);
                client.write_all(head.as_bytes())?;
                client.write_all(&body)?;
            }
            Toxic::Repeat { status, before, after } => {
                exchange.status = status[..3].parse().expect("a status begins with its number");
                let sent = format!("{head}{}", String::from_utf8_lossy(&exchange.request_body));
                self.log.lock().unwrap().push(exchange);
                let text = serde_json::to_string(&sent)?;
                let body = format!("{before}{}{after}", text.trim_matches('"'));
                write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
            }
            Toxic::Shuffle { seed } => {
                let (head, body) = self.ask_upstream(&head, &exchange.request_body)?;
                let shuffled = shuffled(&dechunked(&head, &body), seed);
                (exchange.status, exchange.was_harmed) = (status_of(&head), shuffled.is_some());
                self.log.lock().unwrap().push(exchange);
                send_as_whole(&mut client, &head, &shuffled.unwrap_or_else(|| dechunked(&head, &body)))?;
            }
            Toxic::Rewrite { from, to } => {
                let (head, body) = self.ask_upstream(&head, &exchange.request_body)?;
                let whole = String::from_utf8_lossy(&dechunked(&head, &body)).into_owned();
                (exchange.status, exchange.was_harmed) = (status_of(&head), whole.contains(from));
                self.log.lock().unwrap().push(exchange);
                send_as_whole(&mut client, &head, whole.replace(from, to).as_bytes())?;
            }
            Toxic::CutBody { share, relabelled } => {
                let (head, body) = self.ask_upstream(&head, &exchange.request_body)?;
                exchange.status = status_of(&head);
                self.log.lock().unwrap().push(exchange);
                let kept = &body[..(body.len() as f64 * share) as usize];
                if relabelled {
                    send_as_whole(&mut client, &head, &dechunked(&head, kept))?;
                } else {
                    client.write_all(head.as_bytes())?;
                    client.write_all(kept)?;
                }
            }
        }
        client.shutdown(Shutdown::Both)
    }

    /// One request on a connection of its own. The answer's head, and its body as it came.
    fn ask_upstream(&self, head: &str, body: &[u8]) -> std::io::Result<(String, Vec<u8>)> {
        let mut server = TcpStream::connect(("127.0.0.1", self.upstream))?;
        let end = head.trim_end_matches("\r\n");
        let lines: Vec<&str> = end.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:")).collect();
        write!(server, "{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))?;
        server.write_all(body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        let place = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |place| place + 4);
        let body = answer.split_off(place);
        Ok((String::from_utf8_lossy(&answer).into_owned(), body))
    }
}

/// An answer with a length that says that this is all of it.
fn send_as_whole(client: &mut TcpStream, head: &str, body: &[u8]) -> std::io::Result<()> {
    let kinds = ["content-type:", "content-encoding:"];
    let is_kept = |line: &&str| kinds.iter().any(|kind| line.to_ascii_lowercase().starts_with(kind));
    let kept_lines: Vec<&str> = head.lines().skip(1).filter(is_kept).collect();
    let first = head.lines().next().unwrap_or_default();
    let lines: String = kept_lines.iter().map(|line| format!("{line}\r\n")).collect();
    write!(client, "{first}\r\n{lines}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    client.write_all(body)
}

/// None where there are no two series to shuffle.
fn shuffled(body: &[u8], seed: u64) -> Option<Vec<u8>> {
    let mut answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let series = answer.pointer_mut("/data/result")?.as_array_mut()?;
    Random::new(seed).shuffle(series);
    (series.len() > 1).then(|| answer.to_string().into_bytes())
}

fn status_of(head: &str) -> u16 {
    head.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// The head of an HTTP message, its blank line included, and a body of the length that it says.
fn read_message(stream: &mut impl BufRead) -> std::io::Result<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok((String::new(), Vec::new()));
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|text| text.trim().to_owned()));
    let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

/// The bytes of a body that may be sent in chunks, and may end within one.
fn dechunked(head: &str, body: &[u8]) -> Vec<u8> {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_vec();
    }
    let (mut whole, mut rest) = (Vec::new(), body);
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let Ok(length) = usize::from_str_radix(&String::from_utf8_lossy(&rest[..line]), 16) else { break };
        let data = &rest[line + 2..];
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&data[..length.min(data.len())]);
        rest = data.get(length + 2..).unwrap_or_default();
    }
    whole
}
