//! F70 to F74 and F76: the server among people who mean it ill.
//!
//! Rule: what is counted here is what got out: a byte of a closed month without a credential is a wrong figure, and without a finding a silent one.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

use wattledger::model::AccessScope;

use super::bench::{Seen, wattledger};
use super::history::Truth;
use crate::serve::server::{OUTSIDE, Place, Reply, Server};

const FILE: &str = "/closed/2026-10/2/files/report/report.html";
const CONTENT: &[u8] = b"<p>October</p>";

/// What was counted, beside what should have been.
fn counted(counts: &[(&str, i64, i64)]) -> Seen {
    let mut seen = Seen { is_as_without_fault: true, ..Seen::default() };
    for (what, count, expected) in counts {
        let of = |mj| Truth { metered_mj: mj, active_mj: BTreeMap::new() };
        seen.figures.insert((*what).to_owned(), of(*count));
        seen.truth.insert((*what).to_owned(), of(*expected));
    }
    seen
}

fn leaks(reply: &[u8]) -> i64 {
    let has = |what: &[u8]| reply.windows(what.len()).any(|window| window == what);
    i64::from(has(CONTENT) || has(OUTSIDE.as_bytes()) || has(b"October"))
}

/// F70.
pub fn half_open_connections() -> Seen {
    const ATTACKERS: usize = 500;
    let place = Place::with_months();
    // Fewer places than attackers, as it is by default with more of them.
    let server = Server::start(&place.config("connections = 256"));
    let before = server.open_sockets();
    let mut attackers: Vec<(Instant, TcpStream)> = Vec::new();
    for number in 0..ATTACKERS {
        let mut stream = server.connect();
        // Some say nothing at all, some begin and do not go on.
        if number % 2 == 0 {
            stream.write_all(b"GET /closed HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
        }
        attackers.push((Instant::now(), stream));
    }
    let asked = Instant::now();
    let reply = server.get(FILE, &[]);
    let answered = asked.elapsed();
    let held = server.open_sockets().saturating_sub(before);
    // How long each of them was there. A byte now and then does not set the clock back.
    let mut dropped: Vec<Duration> = Vec::new();
    attackers.iter().for_each(|(_, stream)| stream.set_nonblocking(true).unwrap());
    while !attackers.is_empty() && asked.elapsed() < Duration::from_secs(20) {
        attackers.retain_mut(|(since, stream)| {
            // It may be closed already.
            let _ = stream.write(b"a");
            let is_open = match stream.read(&mut [0; 64]) {
                Ok(bytes) => bytes > 0,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            };
            dropped.extend((!is_open).then(|| since.elapsed()));
            is_open
        });
        std::thread::sleep(Duration::from_millis(50));
    }
    let last = dropped.iter().max().copied().unwrap_or_default();
    let made_room = dropped.iter().filter(|after| **after < Duration::from_secs(7)).count();
    let has_answered = reply.status == 200 && reply.body == CONTENT;
    let mut seen = counted(&[("answered", i64::from(has_answered), 1), ("dropped", dropped.len() as i64, ATTACKERS as i64)]);
    seen.demand(last <= Duration::from_secs(10), format!("the last was dropped after {:.1} s", last.as_secs_f64()));
    seen.demand(answered < Duration::from_secs(1), format!("a real client waited for {:.1} s", answered.as_secs_f64()));
    seen.demand(held <= 256, format!("{held} connections were held"));
    let last = last.as_secs_f64();
    seen.notes.push(format!("answered in {} ms, {made_room} made room, the last was dropped after {last:.1} s", answered.as_millis()));
    seen
}

/// F71.
pub fn oversized_requests() -> Seen {
    let place = Place::with_months();
    let server = Server::start(&place.config(""));
    server.get(FILE, &[]);
    let before = server.rss_kib();
    let head = |more: &str| format!("GET {FILE} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    let mut refused = 0;
    let mut seen = Seen::default();
    let mut expect = |what: &str, reply: &[u8], status: u16| {
        let got = Reply::parse(reply).map(|reply| reply.status);
        refused += i64::from(got == Some(status) && leaks(reply) == 0);
        seen.demand(got == Some(status), format!("{what}: {got:?}, not {status}"));
    };
    expect("1 MiB of a header", &server.raw(head(&format!("X-Big: {}\r\n", "a".repeat(1 << 20))).as_bytes()), 431);
    expect("101 headers", &server.raw(head(&(0..100).map(|n| format!("X-{n}: a\r\n")).collect::<String>()).as_bytes()), 431);
    expect("1 MiB of a path", &server.raw(format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(1 << 20)).as_bytes()), 431);
    for (what, head) in [
        ("1 GiB with a GET", head("Content-Length: 1073741824\r\n")),
        ("1 GiB with a POST", format!("POST {FILE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")),
        ("1 GiB in chunks", format!("POST {FILE} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")),
    ] {
        expect(what, &flood(&server, &head), 413);
    }
    let grown = i64::try_from(server.rss_kib()).unwrap() - i64::try_from(before).unwrap();
    let complaints = seen.complaints;
    let mut seen = counted(&[("refused", refused, 6)]);
    seen.complaints = complaints;
    seen.demand(grown < 16 * 1024, format!("it grew by {grown} KiB"));
    seen.demand(server.get(FILE, &[]).body == CONTENT, "it does not answer any more");
    seen.notes.push(format!("grew by {grown} KiB"));
    seen
}

/// Sends up to a gibibyte after a head, as far as it is taken, and reads what comes back.
fn flood(server: &Server, head: &str) -> Vec<u8> {
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || {
        let mut reply = Vec::new();
        let _ = reader.read_to_end(&mut reply);
        reply
    });
    let chunk = [b"10000\r\n".as_slice(), &vec![b'a'; 1 << 16], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 1 << 30 && stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
    }
    let _ = stream.shutdown(Shutdown::Write);
    answer.join().unwrap()
}

/// F72.
pub fn wrong_tokens() -> Seen {
    let place = Place::with_months();
    let config = place.config("tokens_file = \"tokens.toml\"\nopen = [\"metrics\"]");
    let good = place.token(&config, &[AccessScope::Reports]);
    let other = place.token(&config, &[AccessScope::Intensity]);
    let expired = place.token(&config, &[AccessScope::Reports]);
    let text = std::fs::read_to_string(place.path("tokens.toml")).unwrap();
    let mut file: toml::Table = toml::from_str(&text).unwrap();
    let digest = file["token"][0]["sha256"].as_str().unwrap().to_owned();
    for (key, value) in [("issued", "2026-01-01T00:00:00Z"), ("expires", "2026-02-01T00:00:00Z")] {
        file["token"][2].as_table_mut().unwrap().insert(key.to_owned(), value.into());
    }
    std::fs::write(place.path("tokens.toml"), toml::to_string(&file).unwrap()).unwrap();
    let server = Server::start(&config);

    let bearer = |token: &str| vec![("Authorization", format!("Bearer {token}"))];
    let strangers = [
        Vec::new(),
        bearer(""),
        bearer("wrong"),
        bearer(&format!("{good}x")),
        bearer(&good[..good.len() - 1]),
        bearer(&good.to_uppercase()),
        bearer(&digest),
        bearer(&expired),
        vec![("Authorization", good.clone())],
        vec![("Authorization", format!("Token {good}"))],
        vec![("Authorization", "Basic !!!".to_owned())],
        vec![("X-API-Key", "wrong".to_owned())],
        vec![("X-API-Key", good.clone()), ("Authorization", "Bearer wrong".to_owned())],
        vec![("Cookie", format!("token={good}"))],
    ];
    // A month that is there, one that is not, a file that is not, and the page: whoever may not, learns nothing.
    let paths = [
        FILE,
        "/closed/2026-10/9/files/report/report.html",
        "/closed/1999-01/1/files/report/report.html",
        "/closed/2026-10/2/files/report/no.html",
        "/closed",
        "/closed.json",
    ];
    let ask = |path: &str, headers: &[(&str, String)]| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.get(path, &headers)
    };
    let (mut leaked, mut refused, mut bodies) = (0, 0, std::collections::BTreeSet::new());
    for path in paths {
        for headers in &strangers {
            let reply = ask(path, headers);
            leaked += leaks(&reply.body);
            refused += i64::from(reply.status == 401 && reply.header("www-authenticate").starts_with("Bearer "));
            bodies.insert((reply.status, reply.without_date()));
        }
        // Tokens in addresses end up in logs, and are not looked at.
        let reply = ask(&format!("{path}?token={good}&access_token={good}"), &[]);
        leaked += leaks(&reply.body);
        refused += i64::from(reply.status == 401);
        bodies.insert((reply.status, reply.without_date()));
    }
    let mut forbidden = std::collections::BTreeSet::new();
    for path in paths {
        let reply = ask(path, &bearer(&other));
        leaked += leaks(&reply.body);
        refused += i64::from(reply.status == 403);
        forbidden.insert((reply.status, reply.without_date()));
    }
    // The reports' token opens no other scope of the same month.
    for path in [
        "/closed/2026-10/1/files/config.toml",
        "/closed/2026-10/1/files/nothing",
        "/closed/2026-10/2/bundle.tar.zst",
        "/closed/1999-10/2/bundle.tar.zst",
        "/closed/2026-09/1/files/ledger/ledger.csv",
    ] {
        let reply = ask(path, &bearer(&good));
        leaked += leaks(&reply.body);
        refused += i64::from(reply.status == 403);
        forbidden.insert((reply.status, reply.without_date()));
    }
    let expected = paths.len() * (strangers.len() + 1) + paths.len() + 5;
    let mut seen = counted(&[("leaked", leaked, 0), ("refused", refused, expected as i64)]);
    seen.demand(bodies.len() == 1, format!("{} different answers to strangers", bodies.len()));
    seen.demand(forbidden.len() == 1, format!("{} different answers to those without the scope", forbidden.len()));
    seen.demand(ask(FILE, &bearer(&good)).body == CONTENT, "the right token does not open it");
    seen.demand(server.get("/metrics", &[]).status == 200, "what is open is not");
    for token in [&good, &other, &expired] {
        seen.demand(!server.stderr.lock().unwrap().contains(&token[11..]), "a token is in the log");
    }
    seen.notes.push(format!("{expected} requests"));
    seen
}

/// F73.
pub fn climbing_paths() -> Seen {
    let place = Place::with_months();
    std::os::unix::fs::symlink("/etc/passwd", place.path("evidence/closed/2026-10/2/report/passwd")).unwrap();
    let server = Server::start(&place.config(""));
    let corpus = climbing();
    let (mut leaked, mut nothing) = (0, 0);
    let mut seen = Seen::default();
    for path in &corpus {
        // Written as it is: a client that tidies paths up would test itself.
        let request = [b"GET ".as_slice(), path, b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"].concat();
        let raw = server.raw(&request);
        let shown = String::from_utf8_lossy(path).into_owned();
        let has = |what: &[u8]| raw.windows(what.len()).any(|window| window == what);
        let is_out = has(OUTSIDE.as_bytes()) || has(b"root:x:") || has(b"[[cluster]]");
        leaked += i64::from(is_out);
        let status = Reply::parse(&raw).map(|reply| reply.status);
        // What is no request line at all is told so before any route.
        nothing += i64::from(matches!(status, Some(404 | 400)));
        seen.demand(matches!(status, Some(404 | 400)) && !is_out, format!("{shown}: {status:?}"));
    }
    // The same without a credential where one is asked for: not even the status tells what is there.
    let closed = place.config("tokens_file = \"tokens.toml\"");
    place.token(&closed, &[AccessScope::Reports]);
    let guarded = Server::start(&closed);
    for path in corpus.iter().map(Vec::as_slice).chain([FILE.as_bytes(), b"/closed", b"/closed.json", b"/metrics"]) {
        let request = [b"GET ".as_slice(), path, b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"].concat();
        let raw = guarded.raw(&request);
        let status = Reply::parse(&raw).map(|reply| reply.status);
        leaked += leaks(&raw);
        seen.demand(matches!(status, Some(401 | 404 | 400)), format!("{} without a token: {status:?}", String::from_utf8_lossy(path)));
    }
    let complaints = seen.complaints;
    let mut seen = counted(&[("leaked", leaked, 0), ("nothing there", nothing, corpus.len() as i64)]);
    seen.complaints = complaints;
    seen.demand(corpus.len() >= 200, format!("only {} paths", corpus.len()));
    seen.demand(server.get(FILE, &[]).body == CONTENT, "what is in the index is not given");
    seen.notes.push(format!("{} paths", corpus.len()));
    seen
}

/// Ways up, however they are written, from every place in a URL that takes a name.
fn climbing() -> Vec<Vec<u8>> {
    let ups = [
        "..",
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%252e%252e",
        "..%00",
        "..;",
        "....",
        "%c0%ae%c0%ae",
        "%e0%80%ae%e0%80%ae",
        "..%5c",
        "..\\",
        "%uff0e%uff0e",
    ];
    let slashes = ["/", "%2f", "%252f", "%5c", "\\", "//", "%c0%af"];
    let mut paths: Vec<Vec<u8>> = Vec::new();
    for up in ups {
        for slash in slashes {
            let climb = format!("{up}{slash}");
            paths.push(format!("/closed/2026-10/2/files/{climb}{climb}outside.txt").into_bytes());
            paths.push(format!("/closed/2026-10/2/files/report{slash}{climb}outside.txt").into_bytes());
            paths.push(format!("/closed/{climb}{climb}/1/files/outside.txt").into_bytes());
        }
    }
    for path in [
        "/closed/2026-10/2/files/outside.txt",
        "/closed/2026-10/2/files/report/passwd",
        "/closed/2026-10/2/files//etc/passwd",
        "/closed/2026-10/2/files/%2fetc%2fpasswd",
        "/closed/2026-10/2/files/file:///etc/passwd",
        "/closed/2026-10/2/files/report/report.html/",
        "/closed/2026-10/2/files/report/report.html%00.txt",
        "/closed/2026-10/2/files/REPORT/report.html",
        "/closed/2026-10/2/files/report//report.html",
        "/closed/2026-10/2/files/./report/report.html",
        "/closed/2026-10/2/files/report/report.html%20",
        "/closed/2026-10/2/files/report%2freport.html/..",
        "/closed/2026-10/02/files/report/report.html",
        "/closed/2026-10/+2/files/report/report.html",
        "/closed/2026-10/2.0/files/report/report.html",
        "/closed/2026-10/-1/files/report/report.html",
        "/closed/2026-10%00/2/files/report/report.html",
        "/closed/%2e/2/files/report/report.html",
        "/closed/*/2/files/report/report.html",
        "/closed/2026-1?/2/files/report/report.html",
        "/closed/2026-10/2/files/",
        "/closed/2026-10/2/files",
        "/closed/2026-10/2/",
        "/closed/2026-10",
        "/closed/../closed/2026-10/2/files/outside.txt",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/wattledger.toml",
        "/tokens.toml",
        "/evidence/closed/2026-10/2/manifest.json",
        "/.git/config",
        "//etc/passwd",
    ] {
        paths.push(path.as_bytes().to_vec());
    }
    paths.push(b"/closed/2026-10/2/files/\xc0\xae\xc0\xae/outside.txt".to_vec());
    paths.push(b"/closed/2026-10/2/files/\xff\xfe".to_vec());
    paths.push([b"/closed/2026-10/2/files/".as_slice(), &b"../".repeat(2_000), b"etc/passwd"].concat());
    paths
}

/// F74.
pub fn spoofed_proxy() -> Seen {
    let place = Place::with_months();
    let proxy = "[serve.proxy]\npeers = [\"127.0.0.2\"]\nheader = \"X-Forwarded-User\"\nscopes = [\"reports\"]";
    let server = Server::start_on(&place.config(proxy), "0.0.0.0:0");
    let user = ("X-Forwarded-User", "ada");
    let (mut leaked, mut refused) = (0, 0);
    for more in [
        vec![],
        vec![("X-Forwarded-For", "127.0.0.2")],
        vec![("X-Real-IP", "127.0.0.2")],
        vec![("Forwarded", "for=127.0.0.2")],
        vec![("Host", "127.0.0.2")],
    ] {
        let reply = server.get(FILE, &[vec![user], more].concat());
        leaked += leaks(&reply.body);
        // Two Host headers are no request at all.
        refused += i64::from(reply.status == 401);
    }
    let from = |address: Ipv4Addr, headers: &str| {
        let request = format!("GET {FILE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        Reply::parse(&asked_from(IpAddr::V4(address), &server, request.as_bytes())).unwrap()
    };
    let proxied = from(Ipv4Addr::new(127, 0, 0, 2), "X-Forwarded-User: ada\r\n");
    let stranger = from(Ipv4Addr::new(127, 0, 0, 3), "X-Forwarded-User: ada\r\n");
    let twice = from(Ipv4Addr::new(127, 0, 0, 2), "X-Forwarded-User: eve\r\nX-Forwarded-User: ada\r\n");
    let nobody = from(Ipv4Addr::new(127, 0, 0, 2), "");
    for reply in [stranger, twice, nobody] {
        leaked += leaks(&reply.body);
        refused += i64::from(reply.status == 401);
    }
    let mut seen = counted(&[("leaked", leaked, 0), ("refused", refused, 8)]);
    seen.demand(proxied.status == 200 && proxied.body == CONTENT, "the proxy itself is not believed");
    seen.demand(server.downloads(1)[0]["who"] == "ada", "the download is not written down as the user's");
    seen
}

/// A request from an address of this machine's own choice.
fn asked_from(address: IpAddr, server: &Server, request: &[u8]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        let stream = socket.connect(server.address).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        let mut stream = stream;
        stream.write_all(request).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        reply
    })
}

/// F76.
pub fn without_credentials() -> Seen {
    let place = Place::with_months();
    let config = place.config("");
    let mut seen = Seen::default();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let run = wattledger(&config, &["serve", "--listen", listen]);
        seen.demand(run.exit == 1 && run.stderr.starts_with("error: NO_AUTH: "), format!("{listen}: {} {}", run.exit, run.stderr));
        seen.demand(run.stderr.contains("\nhint: ") && !run.stderr.contains("listening"), format!("{listen}: {}", run.stderr));
        seen.refused.extend(run.stderr.contains("NO_AUTH: ").then(|| "NO_AUTH".to_owned()));
    }
    // A token file that is not there is no way in, and no way around either.
    let run = wattledger(&place.config("tokens_file = \"tokens.toml\""), &["serve", "--listen", "0.0.0.0:0"]);
    seen.demand(run.exit == 1 && run.stderr.contains("wattledger token new"), format!("without a file: {}", run.stderr));
    // On loopback it starts, and no web page that has its name point here is answered.
    let server = Server::start(&place.config(""));
    seen.demand(server.get(FILE, &[]).status == 200, "on loopback it does not answer");
    let rebound = server.raw(format!("GET {FILE} HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n").as_bytes());
    seen.demand(Reply::parse(&rebound).is_some_and(|reply| reply.status == 421) && leaks(&rebound) == 0, "another name is answered");
    seen
}
