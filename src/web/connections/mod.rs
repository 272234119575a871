//! The network, under limits.
//!
//! In: a listener, the router, when to stop. Out: answers. Rule: a connection that says nothing costs little and not for long: headers are there within [`HEADERS_WITHIN`], as is the
//! next request of a connection that is kept; a client that stops reading is left after [`STALLED_AFTER`]; headers are at most [`LARGEST_HEADERS`] and a hundred. When all
//! places are taken, the connection that has been idle for longest makes room, so that many who say nothing keep nobody out. HTTP/1.1 alone: its first byte starts the
//! clock, where the choice between versions has none. Does not: end TLS.

mod places;
mod socket;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use self::places::{Place, Places};
use self::socket::Socket;
use super::access::Peer;
use super::{Shared, app};

pub const HEADERS_WITHIN: Duration = Duration::from_secs(8);
pub const STALLED_AFTER: Duration = Duration::from_secs(30);
const LARGEST_HEADERS: usize = 16 * 1024;
/// How long answers that are under way may take after it was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// Before the next try, where the system gives no connection: often it has no more files.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers until `stop` is there, then ends what is under way.
pub async fn serve(listener: TcpListener, state: Shared, stop: impl Future<Output = ()>) -> Result<()> {
    let router = app(Arc::clone(&state));
    let places = Places::new(state.config.serve.connections, &state.metrics);
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("take a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let place = tokio::select! {
            biased;
            () = &mut stop => break,
            place = places.take() => place,
        };
        tokio::spawn(connection(stream, peer, router.clone(), place, graceful.watcher()));
    }
    state.stop();
    drop(listener);
    tokio::time::timeout(STOP_WITHIN, graceful.shutdown()).await.context("stop: some answers were not taken in time")?;
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, place: Place, watcher: hyper_util::server::graceful::Watcher) {
    // Answers are small and come one by one; waiting for more of them only delays them.
    let _ = stream.set_nodelay(true);
    let seat = place.seat();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let busy = seat.busy();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
            // Busy until the last byte of the answer was handed on.
            Ok::<_, Infallible>(response.map(|body| Body::new(places::Held::new(body, busy))))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_header_size(LARGEST_HEADERS)
        .serve_connection(TokioIo::new(Socket::new(stream, STALLED_AFTER)), service);
    tokio::select! {
        // Clients go away, are slow or speak no HTTP; that is their trouble and no news.
        _ = watcher.watch(connection) => {}
        () = place.asked_to_go() => {}
    }
}
