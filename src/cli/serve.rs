//! `wattledger serve`: closed months to look at and take away, and what schedulers ask about the grid.
//!
//! In: a configuration, the evidence. Out: answers, until it is told to stop; each download as a line of JSON. Rule: it starts only where it is said who may have what, or on loopback; a signal
//! lets answers that are under way end. Does not: change the evidence.

mod operator;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::operator::Operator;
use super::account::Books;
use super::{close, exit, export};
use crate::config::{Config, listen_address};
use crate::evidence::{Sealed, Store};
use crate::model::Hint;
use crate::web::access::Access;
use crate::web::{State, connections};

/// How often it is looked whether the evidence has changed, or it is time to ask a provider.
const REFRESH: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen [default: `listen` in [serve], else 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address)]
    pub listen: Option<SocketAddr>,
}

pub fn run(args: &ServeArgs, config: &Config) -> Result<u8> {
    let listen = args.listen.unwrap_or(config.serve.listen);
    // Before anything else: whoever forgot it is told at once.
    let access = Access::new(&config.serve, listen)?;
    let store = Books::open(config)?.store;
    let key = close::public_key(&config.sealing)?;
    let signed_with = key.clone();
    let bundle = Arc::new(move |store: &Store, sealed: &Sealed, out: &mut dyn Write| {
        let key = export::key_of(sealed, signed_with.as_ref())?;
        export::write(store, sealed, key, out).map(|_| ())
    });
    let state = Arc::new(State::new(config.clone(), store, access, key, bundle)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the server's threads")?;
    runtime.block_on(async {
        // Whoever asks first is answered, too.
        refresh(&state).await;
        let mut operator = Operator::connect(&state.config).await?;
        let fresh = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                operator.keep(&fresh).await;
                tokio::time::sleep(REFRESH).await;
                refresh(&fresh).await;
            }
        });
        let listener = TcpListener::bind(listen).await.with_context(|| {
            Hint::new(format!("listen on {listen}"), "name another address with `--listen`, or stop what listens there already")
        })?;
        let address = listener.local_addr().context("ask where it listens")?;
        let mut stop = signal(SignalKind::terminate()).context("listen for signals")?;
        eprintln!("listening on http://{address}");
        connections::serve(listener, state, async move {
            tokio::select! {
                _ = stop.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        })
        .await
    })?;
    // What is being read for somebody who has gone is not waited for.
    runtime.shutdown_background();
    Ok(exit::DONE)
}

/// Looks at the grid again. What is in the way goes into the log; until it is out of the way, what is known grows old, and then is unknown.
async fn refresh(state: &Arc<State>) {
    let outlook = Arc::clone(state.grid.outlook());
    let now = (state.now)();
    match tokio::task::spawn_blocking(move || outlook.refresh(now)).await {
        Ok(Ok(troubles)) => {
            for trouble in troubles {
                tracing::warn!(zone = %trouble.zone, code = trouble.refusal.code, "{}: {}", trouble.what, trouble.refusal.message);
            }
        }
        Ok(Err(error)) => tracing::warn!("look at the grid: {error:#}"),
        Err(error) => tracing::error!("look at the grid: {error}"),
    }
}
