//! The server as others meet it: who is let in, what they can take away, and what is written down of it.

mod browser;
pub mod server;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use wattledger::model::AccessScope;

use self::server::{Place, Server};

const FILE: &str = "/closed/2026-10/2/files/report/report.html";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_team_takes_away_what_its_token_is_for_and_each_download_is_a_line() {
    let place = Place::with_months();
    let config = place.config("tokens_file = \"tokens.toml\"");
    let token = place.token(&config, &[AccessScope::Reports]);
    let server = Server::start(&config);

    let page = server.get_as("/closed", &token);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = page.text();
    for shown in [
        "October 2026",
        "September 2026",
        "restated, edition 2",
        "report/report.xlsx",
        "1,000.0",
        "NL &#60;b&#62;was&#60;/b&#62; revised",
        "Signed in as finance",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    // The ledger, the configuration and the bundle are for others.
    assert!(
        !text.contains("ledger.csv") && !text.contains("config.toml") && !text.contains("bundle.tar.zst") && !text.contains("outside.txt")
    );

    let file = server.get_as(FILE, &token);
    assert_eq!((file.status, file.text().as_str()), (200, "<p>October</p>"));
    assert_eq!(file.header("etag"), format!("\"{}\"", sha256(b"<p>October</p>")));
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"wattledger-2026-10-2-report.html\"");
    assert_eq!(file.header("last-modified"), "Mon, 02 Nov 2026 06:00:00 GMT");

    let lines = server.downloads(2);
    let (begin, end) = (&lines[0], &lines[1]);
    for (key, value) in
        [("event", "download"), ("who", "finance"), ("peer", "127.0.0.1"), ("month", "2026-10"), ("file", "report/report.html")]
    {
        assert_eq!(begin[key], value, "{begin}");
    }
    assert_eq!((begin["sha256"].as_str().unwrap(), &begin["edition"]), (sha256(b"<p>October</p>").as_str(), &2.into()));
    assert!(begin["by"].as_str().unwrap().starts_with("token ") && !begin.to_string().contains(&token[11..]), "{begin}");
    assert_eq!((&end["event"], &end["id"], &end["sent"], &end["is_complete"]), (&"end".into(), &begin["id"], &14.into(), &true.into()));
}

#[test]
fn a_list_for_programs_names_every_file_with_its_digest_and_each_can_be_had() {
    let place = Place::with_months();
    let config = place.config("tokens_file = \"tokens.toml\"");
    let token = place.token(&config, &[AccessScope::Reports, AccessScope::Ledger, AccessScope::Evidence]);
    let server = Server::start(&config);

    let list: serde_json::Value = serde_json::from_slice(&server.get_as("/closed.json", &token).body).unwrap();

    let editions: Vec<_> =
        list.as_array().unwrap().iter().map(|one| (one["month"].as_str().unwrap(), one["edition"].as_u64().unwrap())).collect();
    assert_eq!(editions, [("2026-10", 2), ("2026-10", 1), ("2026-09", 1)]);
    assert_eq!((&list[0]["is_replaced"], &list[1]["is_replaced"]), (&false.into(), &true.into()));
    let mut files = 0;
    for file in list.as_array().unwrap().iter().flat_map(|month| month["files"].as_array().unwrap()) {
        let reply = server.get_as(file["url"].as_str().unwrap(), &token);
        assert_eq!((reply.status, sha256(&reply.body)), (200, file["sha256"].as_str().unwrap().to_owned()), "{file}");
        files += 1;
    }
    // Six that are sealed, and three seals.
    assert_eq!(files, 6 + 3);
}

#[test]
fn whoever_has_a_file_gets_304_and_a_download_that_broke_off_goes_on() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    place.close("2026-10", 1, &[("ledger/ledger.parquet", &bytes)]);
    let server = Server::start(&place.config(""));
    let path = "/closed/2026-10/1/files/ledger/ledger.parquet";

    let whole = server.get(path, &[]);
    assert!(whole.status == 200 && whole.body == bytes && whole.header("accept-ranges") == "bytes");
    let etag = whole.header("etag").to_owned();
    let again = server.get(path, &[("If-None-Match", &etag)]);
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, etag.as_str()));
    let rest = server.get(path, &[("Range", "bytes=1500000-"), ("If-Range", &etag)]);
    assert_eq!((rest.status, rest.header("content-range")), (206, "bytes 1500000-3999999/4000000"));
    assert!(rest.body == bytes[1_500_000..] && rest.header("content-length") == "2500000");
    let other = server.get(path, &[("Range", "bytes=1500000-"), ("If-Range", "\"another\"")]);
    assert!(other.status == 200 && other.body == bytes);
    let beyond = server.get(path, &[("Range", "bytes=4000000-")]);
    assert_eq!((beyond.status, beyond.header("content-range"), beyond.body.len()), (416, "bytes */4000000", 0));
    let head = server.ask("HEAD", path, &[]);
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "4000000", 0));
    // Who only asks whether it has changed takes nothing away.
    assert_eq!(server.downloads(6).iter().filter(|line| line["event"] == "download").count(), 3);

    // As users do it, with a common tool.
    let (half, file) = (place.path("half"), server.address);
    fs::write(&half, &bytes[..1_234_567]).unwrap();
    let curl =
        Command::new("curl").args(["-sS", "-C", "-", "-o"]).arg(&half).arg(format!("http://localhost:{}{path}", file.port())).status();
    assert!(curl.unwrap().success() && fs::read(&half).unwrap() == bytes);
}

#[test]
fn a_file_that_was_changed_is_not_given_and_neither_is_one_that_is_gone() {
    let place = Place::with_months();
    let server = Server::start(&place.config(""));
    let path = place.path("evidence/closed/2026-10/2/report/report.html");

    fs::write(&path, "<p>Octobre</p>").unwrap();
    let reply = server.get(FILE, &[]);
    assert_eq!(reply.status, 409);
    assert!(
        reply.text().contains("EVIDENCE_CHANGED") && !reply.text().contains("Octobre") && !reply.text().contains("/evidence/"),
        "{}",
        reply.text()
    );
    fs::remove_file(&path).unwrap();
    assert!(server.get(FILE, &[]).text().contains("\"MISSING\""));
    assert_eq!(server.downloads(0), Vec::<serde_json::Value>::new());
    assert!(server.stderr.lock().unwrap().contains("is not the file that was sealed"));
}

#[test]
fn a_seal_that_cannot_be_read_takes_no_other_month_away_and_is_said() {
    let place = Place::with_months();
    let config = place.config("");
    let order = "Not everything is in order";
    assert!(!Server::start(&config).get("/closed", &[]).text().contains(order));
    fs::write(place.path("evidence/closed/2026-09/1/manifest.json"), "{").unwrap();

    let server = Server::start(&config);

    let page = server.get("/closed", &[]).text();
    assert!(page.contains(order) && page.contains("October 2026") && !page.contains("September 2026"), "{page}");
    assert_eq!((server.get(FILE, &[]).status, server.get("/closed/2026-09/1/files/report/report.html", &[]).status), (200, 404));
    assert!(server.stderr.lock().unwrap().contains("the seal of 2026-09 edition 1 cannot be read"));
}

#[test]
fn a_large_file_is_checked_before_its_first_byte_leaves_and_is_never_in_memory() {
    let place = Place::new();
    let bytes = vec![b'7'; 200 * 1024 * 1024];
    place.close("2026-10", 1, &[("ledger/ledger.csv", &bytes), ("report/report.json", &bytes[..5_000_000])]);
    let server = Server::start(&place.config(&format!("spool = \"{}\"", place.path("spool").display())));
    let before = server.rss_kib();

    for _ in 0..2 {
        let reply = server.get("/closed/2026-10/1/files/ledger/ledger.csv", &[]);
        assert!(reply.status == 200 && reply.body == bytes);
    }
    let grown = server.rss_kib().saturating_sub(before);
    assert!(grown < 24 * 1024, "it grew by {grown} KiB");
    let path = place.path("evidence/closed/2026-10/1/report/report.json");
    let mut changed = bytes[..5_000_000].to_vec();
    changed[4_999_999] = b'8';
    fs::write(&path, changed).unwrap();
    let reply = server.get("/closed/2026-10/1/files/report/report.json", &[]);
    assert!(reply.status == 409 && reply.text().contains("EVIDENCE_CHANGED") && reply.body.len() < 1_000);
    assert_eq!(fs::read_dir(place.path("spool")).unwrap().count(), 0);
}

#[test]
fn a_download_that_cannot_be_written_down_is_not_given() {
    let place = Place::with_months();
    std::os::unix::fs::symlink("/dev/full", place.path("downloads.jsonl")).unwrap();
    let server = Server::start(&place.config("downloads_log = \"downloads.jsonl\""));

    let reply = server.get(FILE, &[]);

    assert_eq!((reply.status, reply.header("retry-after")), (503, "60"));
    assert!(!reply.text().contains("October"));
    assert_eq!(server.get("/closed", &[]).status, 200);
}

#[test]
fn every_answer_tells_browsers_to_trust_nothing() {
    let place = Place::with_months();
    let config = place.config("tokens_file = \"tokens.toml\"");
    let token = place.token(&config, &[AccessScope::Reports]);
    let server = Server::start(&config);

    for (path, status) in [("/closed", 200), (FILE, 200), ("/nothing", 404), ("/healthz", 200), ("/metrics", 403)] {
        let reply = server.get_as(path, &token);
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"), "{path}: {:?}", reply.headers);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
    }
    // Nothing changes anything here.
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        assert_eq!(server.ask(method, FILE, &[("Authorization", &format!("Bearer {token}"))]).status, 405, "{method}");
    }
}

#[test]
fn it_answers_what_is_under_way_when_it_is_told_to_stop_and_then_ends_well() {
    let place = Place::new();
    let bytes = vec![7; 40 * 1024 * 1024];
    place.close("2026-10", 1, &[("ledger/ledger.csv", &bytes)]);
    let mut server = Server::start(&place.config(""));
    let mut slow = server.connect();
    std::io::Write::write_all(&mut slow, b"GET /closed/2026-10/1/files/ledger/ledger.csv HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 1024];
    std::io::Read::read_exact(&mut slow, &mut first).unwrap();

    let started = Instant::now();
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    assert!(std::net::TcpStream::connect(server.address).is_err(), "nobody new is let in");
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut slow, &mut rest).unwrap();

    let sent = [first.to_vec(), rest].concat();
    let end = sent.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(sent.len() - end, bytes.len(), "all of it came");
    assert_eq!(server.wait(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn it_says_how_it_is_and_describes_itself_to_everybody() {
    let place = Place::with_months();
    let config = place.config("tokens_file = \"tokens.toml\"");
    let token = place.token(&config, &[AccessScope::Metrics]);
    let server = Server::start(&config);

    assert_eq!((server.get("/healthz", &[]).text(), server.get("/readyz", &[]).status), ("ok\n".to_owned(), 200));
    let api: serde_json::Value = serde_json::from_slice(&server.get("/openapi.json", &[]).body).unwrap();
    for path in [
        "/closed",
        "/closed.json",
        "/closed/{month}/{edition}/files/{path}",
        "/closed/{month}/{edition}/bundle.tar.zst",
        "/metrics",
        "/healthz",
        "/readyz",
    ] {
        assert!(api["paths"][path]["get"].is_object(), "{path}");
    }
    assert_eq!((server.get("/metrics", &[]).status, server.get_as("/closed", &token).status), (401, 403));
    server.get_as("/no/such/route?x=1", &token);
    let metrics = server.get_as("/metrics", &token);
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        "wattledger_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"} 1",
        "wattledger_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1",
        "wattledger_http_denied_total{reason=\"no credential\"} 1",
        "wattledger_http_denied_total{reason=\"other scope\"} 1",
    ] {
        assert!(metrics.text().contains(line), "{line}: {}", metrics.text());
    }
    // A token file that cannot be read any more lets nobody in, and says so to whoever watches.
    fs::write(place.path("tokens.toml"), "[[token]").unwrap();
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(
        (server.get_as("/metrics", &token).status, server.get("/readyz", &[]).status, server.get("/healthz", &[]).status),
        (401, 503, 200)
    );
}

#[test]
fn tokens_are_made_listed_and_taken_back_while_the_server_runs() {
    let place = Place::with_months();
    let config = place.config("tokens_file = \"tokens.toml\"");
    let token = place.token(&config, &[AccessScope::Reports]);
    let server = Server::start(&config);
    assert_eq!(server.get_as(FILE, &token).status, 200);
    let verb = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_wattledger")).arg("--config").arg(&config).arg("token").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };

    let listed = verb(&["list"]);
    assert!(listed.contains("  finance  reports  until ") && !listed.contains(&token[11..]), "{listed}");
    let second = verb(&["new", "--team", "audit", "--scope", "reports,evidence", "--days", "7"]);
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(server.get_as(FILE, second.trim()).status, 200);
    verb(&["revoke", listed.split("  ").next().unwrap()]);
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!((server.get_as(FILE, &token).status, server.get_as(FILE, second.trim()).status), (401, 200));
    let kept = fs::read_to_string(place.path("tokens.toml")).unwrap();
    assert!(!kept.contains("finance") && !kept.contains(&second.trim()[11..]), "{kept}");
}
