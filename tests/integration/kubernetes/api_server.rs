//! A stand-in for a Kubernetes API server: lists in pages, watches in chunks, and the troubles of real ones on demand.
//!
//! It speaks HTTP/1.1 on 127.0.0.1 as the API server does: `limit` and `continue`, `resourceVersion`, events ADDED, MODIFIED, DELETED, ERROR, a
//! Status as the body of what is refused. One connection a request. It ends when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// What the kubeconfig says for a token; it must never be seen again.
pub const TOKEN: &str = "canary-7f3a9c";

#[derive(Default)]
struct State {
    version: u64,
    /// By path and uid.
    objects: BTreeMap<(String, String), Value>,
    events: Vec<(u64, String, Value)>,
    /// Versions up to this one are no longer known.
    compacted: u64,
    /// By path and verb.
    forbidden: BTreeSet<(String, String)>,
    /// How many more requests are answered with this status, before they are answered rightly.
    troubles: Vec<(u16, usize)>,
    /// How many more continuations have expired.
    expired_continuations: usize,
    /// Objects a page at most.
    page: usize,
    is_down: bool,
    /// Watches of an earlier connection era are cut.
    era: u64,
    is_ending: bool,
    requests: Vec<String>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

pub struct ApiServer {
    shared: Arc<Shared>,
    port: u16,
    listener: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl ApiServer {
    pub fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let shared = Arc::new(Shared { state: Mutex::new(State { page: usize::MAX, ..State::default() }), changed: Condvar::new() });
        let of_listener = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for stream in socket.incoming().map_while(Result::ok) {
                if of_listener.lock().is_ending {
                    return;
                }
                let shared = Arc::clone(&of_listener);
                // A client that goes away ends its thread.
                thread::spawn(move || drop(answer(&shared, stream)));
            }
        });
        let server = Self { shared, port, listener: Some(listener), folder: TempDir::new().unwrap() };
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        std::fs::write(server.kubeconfig(), kubeconfig.to_string()).unwrap();
        server
    }

    /// JSON is YAML, so this is one that kubectl reads.
    pub fn kubeconfig(&self) -> std::path::PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.shared.lock());
        self.shared.changed.notify_all();
        result
    }

    /// Creates an object, or changes the one with its uid.
    pub fn apply(&self, path: &str, object: Value) {
        self.change(|state| {
            let key = (path.to_owned(), object["metadata"]["uid"].as_str().unwrap().to_owned());
            let event = if state.objects.contains_key(&key) { "MODIFIED" } else { "ADDED" };
            let object = state.note(path, event, object);
            state.objects.insert(key, object);
        });
    }

    pub fn delete(&self, path: &str, uid: &str) {
        self.change(|state| {
            let object = state.objects.remove(&(path.to_owned(), uid.to_owned())).expect("there is such an object");
            state.note(path, "DELETED", object);
        });
    }

    /// As `etcdctl compact` does: nobody can go on from before now. Watches that are open go on, unless they are cut.
    pub fn compact(&self) {
        self.change(|state| state.compacted = state.version);
    }

    /// Ends every open connection.
    pub fn cut(&self) {
        self.change(|state| state.era += 1);
    }

    pub fn set_down(&self, is_down: bool) {
        self.change(|state| {
            state.is_down = is_down;
            state.era += 1;
        });
    }

    pub fn forbid(&self, path: &str, verb: &str) {
        self.change(|state| state.forbidden.insert((path.to_owned(), verb.to_owned())));
    }

    pub fn fail(&self, status: u16, times: usize) {
        self.change(|state| state.troubles.push((status, times)));
    }

    pub fn expire_continuations(&self, times: usize) {
        self.change(|state| state.expired_continuations = times);
    }

    pub fn set_page(&self, objects: usize) {
        self.change(|state| state.page = objects);
    }

    /// Requests so far, as `GET /path?query`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.lock().requests.clone()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.change(|state| state.is_ending = true);
        // Wakes the listener up.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl State {
    fn note(&mut self, path: &str, event: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.events.push((self.version, path.to_owned(), json!({"type": event, "object": object})));
        object
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

fn reply(stream: &mut TcpStream, code: u16, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn answer(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    if shared.lock().is_down {
        return stream.shutdown(Shutdown::Both);
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| head.iter().find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)));
    let is_known = header("authorization").is_some_and(|(_, value)| value == format!("Bearer {TOKEN}"));
    let mut body = vec![0; header("content-length").map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let Some((method, target)) = head.first().and_then(|request| request.split_once(' ')) else { return Ok(()) };
    let target = target.split(' ').next().unwrap_or_default();
    if method == "POST" {
        let review = review(&shared.lock(), &serde_json::from_slice(&body).unwrap());
        return reply(&mut stream, 201, &review);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let verb = if query.get("watch") == Some(&"true") { "watch" } else { "list" };

    let refusal = {
        let mut state = shared.lock();
        state.requests.push(format!("GET {target}"));
        refusal(&mut state, path, verb, is_known)
    };
    match (refusal, verb) {
        (Some((code, body)), _) => reply(&mut stream, code, &body),
        (None, "watch") => watch(shared, stream, path, query.get("resourceVersion").map_or(0, |version| version.parse().unwrap())),
        (None, _) => {
            let (code, body) = list(&mut shared.lock(), path, &query);
            reply(&mut stream, code, &body)
        }
    }
}

fn refusal(state: &mut State, path: &str, verb: &str, is_known: bool) -> Option<(u16, Value)> {
    if !is_known {
        return Some((401, status(401, "Unauthorized", "Unauthorized")));
    }
    if state.forbidden.contains(&(path.to_owned(), verb.to_owned())) {
        let words = format!("{path} is forbidden: User \"system:serviceaccount:x:y\" cannot {verb} resource at the cluster scope");
        return Some((403, status(403, "Forbidden", &words)));
    }
    let (code, left) = state.troubles.iter_mut().find(|(_, left)| *left > 0)?;
    *left -= 1;
    Some((*code, status(*code, "", "in trouble")))
}

/// Answers a SelfSubjectAccessReview, which every account may ask for.
fn review(state: &State, asked: &Value) -> Value {
    let attributes = &asked["spec"]["resourceAttributes"];
    let text = |name: &str| attributes[name].as_str().unwrap().to_owned();
    let path = match text("group").as_str() {
        "" => format!("/api/v1/{}", text("resource")),
        group => format!("/apis/{group}/v1/{}", text("resource")),
    };
    let is_forbidden = state.forbidden.contains(&(path, text("verb")));
    let mut answer = asked.clone();
    answer["status"] = json!({"allowed": !is_forbidden});
    answer
}

fn list(state: &mut State, path: &str, query: &BTreeMap<&str, &str>) -> (u16, Value) {
    let from: usize = query.get("continue").map_or(0, |token| token.parse().unwrap());
    if from > 0 && state.expired_continuations > 0 {
        state.expired_continuations -= 1;
        return (410, status(410, "Expired", "The provided continue parameter is too old"));
    }
    let all: Vec<&Value> = state.objects.iter().filter(|((of, _), _)| of == path).map(|(_, object)| object).collect();
    // Without a limit there is one page.
    let page = query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap()).min(if query.contains_key("limit") {
        state.page
    } else {
        usize::MAX
    });
    let items: Vec<&Value> = all.iter().skip(from).take(page).copied().collect();
    let next = from + items.len();
    let token = if next < all.len() { next.to_string() } else { String::new() };
    (
        200,
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": state.version.to_string(), "continue": token}, "items": items}),
    )
}

fn watch(shared: &Shared, mut stream: TcpStream, path: &str, from: u64) -> std::io::Result<()> {
    let mut state = shared.lock();
    let era = state.era;
    let gone = status(410, "Expired", "too old resource version");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut send = |event: &Value| {
        let line = format!("{event}\n");
        write!(stream, "{:x}\r\n{line}\r\n", line.len())
    };
    // A server tells a version that it no longer has within the watch.
    if from < state.compacted {
        return send(&json!({"type": "ERROR", "object": gone}));
    }
    let mut sent = from;
    loop {
        if state.is_ending || state.era != era {
            return stream.shutdown(Shutdown::Both);
        }
        let news: Vec<(u64, Value)> = state
            .events
            .iter()
            .filter(|(version, of, _)| *version > sent && of == path)
            .map(|(version, _, event)| (*version, event.clone()))
            .collect();
        for (version, event) in news {
            send(&event)?;
            sent = version;
        }
        state = shared.changed.wait_timeout(state, Duration::from_millis(200)).unwrap().0;
    }
}
