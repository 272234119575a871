//! Who took what, and when.
//!
//! In: a download that is about to begin. Out: a line of JSON, on stdout or at the end of a file, and a second one when it has ended. Rule: the first line is written before the first byte leaves, and
//! where it cannot be, the download does not begin. It names the token by its id. Does not: rotate the file; whoever moves it away restarts the server.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::answer::Kind;
use crate::web::access::{Way, Who};

pub struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    /// Downloads are counted from here; with it numbers of two runs of the server differ.
    started: i64,
    count: AtomicU64,
}

/// A download.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    at: String,
    event: &'static str,
    id: String,
    who: String,
    /// `token <id>`, `proxy`, or `open` where nobody has to say who they are.
    by: String,
    peer: String,
    month: String,
    edition: u32,
    file: String,
    sha256: String,
    /// Of the whole file.
    bytes: u64,
    /// Where it begins and ends, the end not included.
    from: u64,
    to: u64,
}

#[derive(Serialize)]
struct End<'a> {
    at: String,
    event: &'static str,
    id: &'a str,
    /// What was handed to the network.
    sent: u64,
    is_complete: bool,
}

impl Line {
    pub fn new(kind: &Kind, who: &Who, (from, to): (u64, u64), now: DateTime<Utc>) -> Self {
        Self {
            at: at(now),
            event: "download",
            id: String::new(),
            who: who.name.clone(),
            by: match &who.way {
                Way::Token(id) => format!("token {id}"),
                Way::Proxy => "proxy".to_owned(),
                Way::Open => "open".to_owned(),
            },
            peer: who.peer.to_string(),
            month: kind.month.clone(),
            edition: kind.edition,
            file: kind.path.clone(),
            sha256: kind.sha256.clone(),
            bytes: kind.bytes,
            from,
            to,
        }
    }
}

fn at(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Log {
    /// Appends to a file, or writes to stdout.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let out: Box<dyn Write + Send> = match path {
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path);
                Box::new(file.with_context(|| format!("open the log of downloads {}", path.display()))?)
            }
            None => Box::new(io::stdout()),
        };
        Ok(Self::to(out))
    }

    fn to(out: Box<dyn Write + Send>) -> Self {
        Self { out: Mutex::new(out), started: Utc::now().timestamp(), count: AtomicU64::new(0) }
    }

    /// Writes down that a download begins. The rest is written when what is given back is dropped.
    pub async fn begin(self: Arc<Self>, mut line: Line) -> Result<Underway> {
        line.id = format!("{}-{}", self.started, self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let (id, expected) = (line.id.clone(), line.to - line.from);
        let log = Arc::clone(&self);
        // A pipe that nobody reads keeps a thread waiting, and not one that answers others.
        tokio::task::spawn_blocking(move || log.write(&line)).await.map_err(|error| anyhow!("{error}"))??;
        Ok(Underway { log: self, id, expected, sent: 0 })
    }

    fn write(&self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line).context("write a line")?;
        text.push(b'\n');
        let mut out = self.out.lock().expect("nobody panics while writing");
        out.write_all(&text).and_then(|()| out.flush()).context("write to the log of downloads")
    }
}

/// A download that has begun.
pub struct Underway {
    log: Arc<Log>,
    id: String,
    expected: u64,
    sent: u64,
}

impl Underway {
    pub fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let end = End { at: at(Utc::now()), event: "end", id: &self.id, sent: self.sent, is_complete: self.sent == self.expected };
        if let Err(error) = self.log.write(&end) {
            tracing::error!("write down the end of download {}: {error:#}", self.id);
        }
    }
}
