//! What all handlers share.
//!
//! In: a configuration, the evidence, how a bundle is made. Out: [`State`]. Rule: what a family of routes keeps between requests is a field of its own type.
//! Does not: ask the time itself; `now` is given, so that a test says when it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::access::Access;
use super::downloads::{Downloads, MakeBundle};
use super::grid::Grid;
use super::metrics::Metrics;
use crate::config::Config;
use crate::evidence::{PublicKey, Store};
use crate::outlook::{Ask, Outlook};

pub struct State {
    pub config: Arc<Config>,
    pub access: Access,
    pub metrics: Metrics,
    pub downloads: Downloads,
    pub grid: Grid,
    pub now: fn() -> DateTime<Utc>,
    /// It was told to stop: what is being answered is answered, and nobody should send more.
    stopping: AtomicBool,
}

impl State {
    /// `key` is the one that closed months are signed with; `bundle` writes one. Whether anybody may be let in without a credential is `access`'s to say.
    pub fn new(config: Config, store: Store, access: Access, key: Option<PublicKey>, bundle: MakeBundle) -> Result<Self> {
        let metrics = Metrics::default();
        let now = Utc::now;
        // Nothing is read or asked before somebody refreshes it.
        let outlook = Arc::new(Outlook::new(&config, store.clone(), Ask::Providers, &[]));
        Ok(Self {
            grid: Grid::new(outlook, &metrics, now),
            downloads: Downloads::new(store, key, bundle, &config.serve)?,
            config: Arc::new(config),
            access,
            metrics,
            now,
            stopping: AtomicBool::new(false),
        })
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
