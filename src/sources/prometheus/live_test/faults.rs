//! Limits, partial answers, cuts, and servers that are busy or silent.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::server::{between, listening, read_head, scripted, serving};
use super::*;
use crate::sources::Reach;

const DEAD_STORE: &str = "remote_read:\n- url: http://127.0.0.1:9/api/v1/read\n";

/// Forty series; even a minute holds all of them.
fn forty_series() -> String {
    let mut text = String::new();
    for zone in 0..40 {
        for minute in 0..30 {
            let at_s = day().start().timestamp() + 90 + minute * 60;
            writeln!(text, "kepler_node_cpu_joules_total{{instance=\"k1\",zone=\"z{zone}\"}} {minute} {at_s}").unwrap();
        }
    }
    text + "# EOF\n"
}

#[tokio::test]
async fn a_server_whose_limit_is_too_small_is_refused_with_the_flag_to_turn() {
    let Some(server) = serving(&forty_series(), "", &["--query.max-samples=10"]) else { return };
    let refusal = collect(&server.url(), ReadWay::Query).await.expect_err("no refusal");
    assert_eq!((refusal.code, refusal.reach), ("PROM_LIMIT", Reach::Range));
    assert!(refusal.hint.unwrap().contains("--query.max-samples"));
    // Streamed chunks are not bound by it.
    assert_eq!(collect(&server.url(), ReadWay::Auto).await.unwrap().samples_on_the_day, 1200);
}

#[tokio::test]
async fn a_server_that_gives_up_too_early_is_asked_for_less_and_then_refused_with_the_flag_to_turn() {
    let Some(server) = serving(&forty_series(), "", &[]) else { return };
    const LATE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\
        {\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out in expression evaluation\"}";
    let whole = collect(&server.url(), ReadWay::Query).await.unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let slow = between(&server, move |head, answer| {
        let is_query = head.contains("/api/v1/query");
        if is_query && counted.fetch_add(1, Ordering::SeqCst) < 6 { LATE.to_vec() } else { answer }
    });
    assert_eq!(collect(&slow, ReadWay::Query).await.unwrap().samples, whole.samples);
    let dead = between(&server, |head, answer| if head.contains("/api/v1/query") { LATE.to_vec() } else { answer });
    let refusal = collect(&dead, ReadWay::Query).await.expect_err("no refusal");
    assert_eq!((refusal.code, refusal.reach), ("PROM_TIMEOUT", Reach::Range));
    assert!(refusal.hint.unwrap().contains("--query.timeout"));
}

/// Remote read has no warnings: with a dead store behind the server it gives less, and says 200.
#[tokio::test]
async fn a_dead_store_behind_the_server_makes_every_way_refuse() {
    let Some(server) = serving(&forty_series(), DEAD_STORE, &[]) else { return };
    for read in [ReadWay::Auto, ReadWay::RemoteRead, ReadWay::Query, ReadWay::Edges] {
        let refusal = collect(&server.url(), read).await.expect_err("no refusal");
        assert_eq!((refusal.code, refusal.reach), ("PROM_PARTIAL", Reach::Range), "{read:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_show_its_configuration_is_queried_or_held_against_its_count() {
    let Some(server) = serving(&forty_series(), "", &[]) else { return };
    let hide = |head: &str, answer: Vec<u8>| {
        if head.contains("/status/config") { b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec() } else { answer }
    };
    let hidden = between(&server, hide);
    let queried = collect(&hidden, ReadWay::Auto).await.unwrap();
    assert!(queried.asked.iter().all(|asked| asked.read == "query"));
    let counted = collect(&hidden, ReadWay::RemoteRead).await.unwrap();
    assert!(counted.asked.iter().all(|asked| asked.read == "remote-read"));
    assert_eq!(counted.samples, queried.samples);
    // A proxy that loses whole frames, as remote read cannot tell.
    let lossy = between(&server, move |head, answer| {
        let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(answer.len().saturating_sub(4)) + 4;
        let is_read = head.contains("/api/v1/read");
        if is_read { [&answer[..end], b"0\r\n\r\n"].concat() } else { hide(head, answer) }
    });
    let refusal = collect(&lossy, ReadWay::RemoteRead).await.expect_err("no refusal");
    assert_eq!(refusal.code, "PROM_PARTIAL");
}

#[tokio::test]
async fn a_reply_that_is_cut_anywhere_is_asked_for_again() {
    let Some(server) = serving(&forty_series(), "", &[]) else { return };
    let whole = collect(&server.url(), ReadWay::Auto).await.unwrap();
    for read in [ReadWay::Auto, ReadWay::Query] {
        for place in 1..8 {
            let seen = AtomicUsize::new(0);
            let cut = between(&server, move |_, mut answer| {
                // The third large answer is cut, once.
                if answer.len() > 2_000 && seen.fetch_add(1, Ordering::SeqCst) == 0 {
                    answer.truncate(answer.len() * place / 8);
                }
                answer
            });
            assert_eq!(collect(&cut, read).await.unwrap().samples, whole.samples, "{read:?}, cut at {place} of 8");
        }
    }
}

#[tokio::test]
async fn a_server_without_remote_read_is_queried() {
    let Some(server) = serving(&forty_series(), "", &[]) else { return };
    let whole = collect(&server.url(), ReadWay::Auto).await.unwrap();
    let answers: [&[u8]; 4] = [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 24\r\n\r\nunsupported path request",
        b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nContent-Length: 1\r\n\r\n\0",
    ];
    for answer in answers {
        let url = between(&server, move |head, other| if head.contains("/api/v1/read") { answer.to_vec() } else { other });
        let queried = collect(&url, ReadWay::Auto).await.unwrap();
        assert!(queried.asked.iter().all(|asked| asked.read == "query"));
        assert_eq!(queried.samples, whole.samples);
        let refusal = collect(&url, ReadWay::RemoteRead).await.unwrap_err();
        assert_eq!((refusal.code, refusal.reach), ("PROM_READ", Reach::Source));
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_when_it_says() {
    let Some(server) = serving(&forty_series(), "", &[]) else { return };
    const BUSY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
    for path in ["/api/v1/status/config", "/api/v1/read", "/api/v1/query"] {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let url = between(
            &server,
            move |head, answer| {
                if head.contains(path) && counted.fetch_add(1, Ordering::SeqCst) == 0 { BUSY.to_vec() } else { answer }
            },
        );
        let started = Instant::now();
        let read = if path.ends_with("query") { ReadWay::Query } else { ReadWay::Auto };
        assert_eq!(collect(&url, read).await.unwrap().samples_on_the_day, 1200);
        assert!(started.elapsed() >= Duration::from_secs(2) && seen.load(Ordering::SeqCst) > 1, "{path}");
    }
}

/// Whether it never answers, or stops within an answer.
#[tokio::test]
async fn a_server_that_is_silent_is_refused_in_time() {
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"] {
        let port = listening(move |mut stream| {
            read_head(&mut stream);
            let _ = std::io::Write::write_all(&mut stream, head.as_bytes());
            std::thread::sleep(Duration::from_secs(20));
        });
        for read in [ReadWay::Auto, ReadWay::Query] {
            let mut connection = asking(&format!("http://127.0.0.1:{port}"), read);
            connection.pull.timeout = Duration::from_secs(1);
            let started = Instant::now();
            let refusal = collect_by(&connection).await.unwrap_err();
            assert_eq!((refusal.code, refusal.reach), ("PROM_TIMEOUT", Reach::Source));
            assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        }
    }
}

#[tokio::test]
async fn an_absent_metric_costs_one_request() {
    let Some(server) = serving(&forty_series(), "", &[]) else { return };
    for (read, beside) in [(ReadWay::Auto, 3 + 3), (ReadWay::Query, 3 + 4)] {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let url = between(&server, move |_, answer| {
            counted.fetch_add(1, Ordering::SeqCst);
            answer
        });
        collect(&url, read).await.unwrap();
        // The one that is there is asked for at both far edges too, and a query is counted before.
        assert_eq!(seen.load(Ordering::SeqCst), super::super::QUESTIONS.len() - 1 + beside, "{read:?}");
    }
}

#[tokio::test]
async fn no_message_holds_the_url_and_a_partial_answer_is_refused() {
    const PARTIAL: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\
        {\"status\":\"success\",\"warnings\":[\"remote_read: gone\"],\"data\":{\"resultType\":\"vector\",\"result\":[]}}";
    let partial = collect(&scripted(&[PARTIAL]).0, ReadWay::Query).await.unwrap_err();
    assert_eq!((partial.code, partial.reach), ("PROM_PARTIAL", Reach::Range));
    const DENIED: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (url, count) = scripted(&[DENIED]);
    let denied = collect(&url, ReadWay::Auto).await.unwrap_err();
    assert_eq!((denied.code, denied.reach), ("PROM_DENIED", Reach::Source));
    assert!(count.load(Ordering::SeqCst) > 1, "a page that is not shown is no reason to give up");
    let closed = collect("http://user:hunter2@127.0.0.1:1", ReadWay::Auto).await.unwrap_err();
    assert_eq!((closed.code, closed.reach), ("PROM_UNREACHABLE", Reach::Source));
    for refusal in [partial, denied, closed] {
        assert!(!format!("{refusal} {refusal:?}").contains("hunter2"), "{refusal}");
    }
}
