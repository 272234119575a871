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

/// Where leases of the namespace `default` are.
pub const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

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
    /// Who applied a label of a node, by node and label.
    managers: BTreeMap<(String, String), String>,
    /// Nodes that were patched, with the value of the label, in order.
    patches: Vec<(String, Value)>,
    /// How many more patches of a node are told that somebody else was faster.
    conflicts: BTreeMap<String, usize>,
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

    /// The next patches of a node meet a change of somebody else's.
    pub fn conflict(&self, node: &str, times: usize) {
        self.change(|state| state.conflicts.insert(node.to_owned(), times));
    }

    /// Patches so far: node, and what was applied.
    pub fn patches(&self) -> Vec<(String, Value)> {
        self.shared.lock().patches.clone()
    }

    /// An object by its name, as it is now.
    pub fn object(&self, path: &str, name: &str) -> Option<Value> {
        let state = self.shared.lock();
        state.objects.iter().find(|((of, _), object)| of == path && object["metadata"]["name"] == name).map(|(_, object)| object.clone())
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
    if method == "PATCH" || target.starts_with(LEASES) {
        let mut state = shared.lock();
        state.requests.push(format!("{method} {target}"));
        let (code, body) = written(&mut state, method, target, &body, is_known);
        drop(state);
        shared.changed.notify_all();
        return reply(&mut stream, code, &body);
    }
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

/// Patches of nodes, and leases.
fn written(state: &mut State, method: &str, target: &str, body: &[u8], is_known: bool) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (of, name) = path.rsplit_once('/').unwrap();
    let (of, name, verb) = match method {
        "PATCH" => (of, name, "patch"),
        "POST" => (path, "", "create"),
        "PUT" => (of, name, "update"),
        _ => (of, name, "get"),
    };
    if let Some((code, body)) = refusal(state, of, verb, is_known) {
        return (code, body);
    }
    if verb == "patch" {
        let manager = query.split('&').find_map(|pair| pair.strip_prefix("fieldManager=")).expect("apply names its manager");
        if of.ends_with("/configmaps") {
            return apply_map(state, of, name, serde_json::from_slice(body).unwrap());
        }
        return apply(state, of, name, manager, query.contains("force=true"), &serde_json::from_slice(body).unwrap());
    }
    let key = |name: &str| (of.to_owned(), name.to_owned());
    let known = state.objects.get(&key(name)).cloned();
    match (verb, known) {
        ("get", Some(lease)) => (200, lease),
        ("get" | "update", None) => (404, status(404, "NotFound", "not found")),
        ("create", _) => {
            let lease: Value = serde_json::from_slice(body).unwrap();
            let name = lease["metadata"]["name"].as_str().unwrap().to_owned();
            if state.objects.contains_key(&key(&name)) {
                return (409, status(409, "AlreadyExists", "it is there already"));
            }
            let lease = state.note(of, "ADDED", lease);
            state.objects.insert(key(&name), lease.clone());
            (201, lease)
        }
        (_, Some(known)) => {
            let lease: Value = serde_json::from_slice(body).unwrap();
            if lease["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"] {
                return (409, status(409, "Conflict", "the object has been modified"));
            }
            let lease = state.note(of, "MODIFIED", lease);
            state.objects.insert(key(name), lease.clone());
            (200, lease)
        }
        _ => unreachable!(),
    }
}

/// A ConfigMap is written as a whole, and made where it is not there.
fn apply_map(state: &mut State, path: &str, name: &str, applied: Value) -> (u16, Value) {
    assert_eq!(applied["metadata"]["name"], name);
    let key = (path.to_owned(), format!("uid-of-{name}"));
    let is_new = !state.objects.contains_key(&key);
    let map = state.note(path, if is_new { "ADDED" } else { "MODIFIED" }, applied);
    state.objects.insert(key, map.clone());
    (if is_new { 201 } else { 200 }, map)
}

/// Server-side apply, as far as labels go: a field has a manager; another one's value is a conflict; what a manager no longer names is taken away.
fn apply(state: &mut State, path: &str, name: &str, manager: &str, is_forced: bool, applied: &Value) -> (u16, Value) {
    if let Some(left) = state.conflicts.get_mut(name).filter(|left| **left > 0) {
        *left -= 1;
        return (409, status(409, "Conflict", "Operation cannot be fulfilled: the object has been modified"));
    }
    // Most nodes of a test have such a uid; thousands of them are not looked through.
    let direct = state.objects.get_key_value(&(path.to_owned(), format!("uid-of-{name}")));
    let found = direct.or_else(|| state.objects.iter().find(|((of, _), object)| of == path && object["metadata"]["name"] == name));
    let Some((key, before)) = found.map(|(key, object)| (key.clone(), object.clone())) else {
        return (404, status(404, "NotFound", &format!("nodes \"{name}\" not found")));
    };
    let labels = applied["metadata"]["labels"].as_object().unwrap();
    assert_eq!(applied.as_object().unwrap().len(), 3, "only apiVersion, kind and metadata are applied: {applied}");
    assert_eq!(applied["metadata"].as_object().unwrap().len(), 2, "of the metadata only name and labels: {applied}");
    state.patches.push((name.to_owned(), applied["metadata"]["labels"].clone()));
    let mut after = before.clone();
    for (label, value) in labels {
        let owner = state.managers.get(&(name.to_owned(), label.clone())).cloned();
        let is_there = before["metadata"]["labels"].get(label);
        // A label that came with the node, or by kubectl, is of somebody else.
        let is_foreign = is_there.is_some_and(|known| known != value) && owner.as_deref() != Some(manager);
        if is_foreign && !is_forced {
            let mut conflict = status(409, "Conflict", "Apply failed with 1 conflict: conflict with \"kubectl-label\": .metadata.labels");
            conflict["details"] = json!({"causes": [{"reason": "FieldManagerConflict", "message": "conflict", "field": format!(".metadata.labels.{label}")}]});
            return (409, conflict);
        }
        after["metadata"]["labels"][label] = value.clone();
        state.managers.insert((name.to_owned(), label.clone()), manager.to_owned());
    }
    let of_node = state.managers.range((name.to_owned(), String::new())..).take_while(|((node, _), _)| node == name);
    let mine = of_node.filter(|(_, of)| *of == manager).map(|((_, label), _)| label.clone());
    for label in mine.collect::<Vec<_>>() {
        if !labels.contains_key(&label) {
            after["metadata"]["labels"].as_object_mut().unwrap().remove(&label);
            state.managers.remove(&(name.to_owned(), label));
        }
    }
    if after != before {
        after = state.note(path, "MODIFIED", after);
        state.objects.insert(key, after.clone());
    }
    (200, after)
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
