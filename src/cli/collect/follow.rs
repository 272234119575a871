//! `wattledger collect --follow`: a recorder that writes down what becomes of pods, jobs and nodes while it happens.
//!
//! In: the API servers of the clusters. Out: a journal by cluster and UTC day in the evidence folder, and lines on stderr. Rule: what is written
//! is on the disk within seconds; each day's journal begins with all that is there; SIGINT and SIGTERM end it whole, with exit code 0.
//! Does not: meter, or give up because a server is away for a while.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch::{Receiver, channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::super::exit::DONE;
use super::kubernetes::access;
use crate::config::Cluster;
use crate::evidence::{Journal, Store};
use crate::model::Hint;
use crate::sources::kubernetes::{Access, Entry, Kind, Kubernetes, Notice, Recorder};
use crate::units::UtcDay;

/// What a crash of the machine may lose.
const SYNC: Duration = Duration::from_secs(5);
/// How often the journal says that nothing else has happened.
const MARK: TimeDelta = TimeDelta::seconds(60);

/// Records until a signal comes, or until one of the clusters cannot be recorded.
pub fn follow(store: &Store, clusters: &[&Cluster]) -> Result<u8> {
    let watched: Vec<(String, Access)> =
        clusters.iter().filter_map(|cluster| Some((cluster.name.clone(), access(cluster.kubernetes.as_ref()?)))).collect();
    if watched.is_empty() {
        bail!(Hint::new(
            "no cluster has `kubernetes` in the configuration, so there is nothing to follow",
            "add kubernetes = {} to [[cluster]]: in a cluster it uses the pod's service account, elsewhere your kubeconfig",
        ));
    }
    for cluster in clusters.iter().filter(|cluster| cluster.kubernetes.is_none()) {
        say(&format!("{} has no `kubernetes` in the configuration and is not recorded", cluster.name));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).context("listen for signals")?;
        let mut interrupted = signal(SignalKind::interrupt()).context("listen for signals")?;
        let (stop, stopped) = channel(false);
        let mut recorders = JoinSet::new();
        for (cluster, access) in watched {
            recorders.spawn(record(store.clone(), cluster, access, stopped.clone()));
        }
        let mut outcome = Ok(DONE);
        loop {
            select! {
                _ = terminated.recv() => drop(stop.send(true)),
                _ = interrupted.recv() => drop(stop.send(true)),
                ended = recorders.join_next() => match ended {
                    None => return outcome,
                    Some(ended) => {
                        // The others end whole before the first trouble is told.
                        let _ = stop.send(true);
                        outcome = outcome.and(ended.context("a recorder broke").flatten().map(|()| DONE));
                    }
                },
            }
        }
    })
}

/// One line on stderr. Nobody listening is no reason to stop writing things down.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Journals know milliseconds.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

async fn record(store: Store, cluster: String, access: Access, mut stopped: Receiver<bool>) -> Result<()> {
    let mut watch = Kubernetes::connect(&access).await.with_context(|| format!("cluster {cluster}"))?.watch();
    let mut recording = Recording::begin(&store, cluster.clone(), now())?;
    let mut tick = interval(SYNC);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            _ = stopped.changed() => break,
            _ = tick.tick() => recording.tick(now())?,
            notice = watch.next() => match notice {
                Some(notice) => recording.take(notice, now())?,
                None => bail!("the watch of {cluster} ended by itself; it is a defect of the software"),
            },
        }
    }
    recording.end(now())
}

/// A recorder with the journal that it writes.
struct Recording {
    cluster: String,
    day: UtcDay,
    journal: Journal,
    recorder: Recorder,
    marked: DateTime<Utc>,
    written: usize,
    /// Kinds whose watch was said to be broken and not yet to be back.
    lost: BTreeSet<Kind>,
}

impl Recording {
    fn begin(store: &Store, cluster: String, now: DateTime<Utc>) -> Result<Self> {
        let day = UtcDay::containing(now);
        let journal = store.open_journal(&cluster, day)?;
        say(&format!("recording {cluster} into {}; end it with SIGTERM or Ctrl-C", journal.place()));
        let (recorder, lost) = (Recorder::default(), BTreeSet::new());
        let mut recording = Self { cluster, day, journal, recorder, marked: now, written: 0, lost };
        recording.write(&[Entry::Started { at: now }])?;
        Ok(recording)
    }

    fn write(&mut self, entries: &[Entry]) -> Result<()> {
        self.written += entries.len();
        self.journal.append(entries)
    }

    fn take(&mut self, notice: Notice, now: DateTime<Utc>) -> Result<()> {
        self.turn_the_page(now)?;
        let told = notice.clone();
        let entries = self.recorder.take(notice, now);
        self.write(&entries)?;
        self.tell(told)
    }

    /// Says on stderr what a person would want to know; ends the recording where waiting does not help.
    fn tell(&mut self, notice: Notice) -> Result<()> {
        let cluster = &self.cluster;
        match notice {
            Notice::Listed(kind) => say(&format!("{cluster}: {kind}: {} there", self.recorder.count(kind))),
            Notice::Watching(kind) if self.lost.remove(&kind) => say(&format!("{cluster}: {kind}: watching again")),
            Notice::Lost(_, refusal) if refusal.code == "K8S_FORBIDDEN" => {
                let advice = refusal.hint.clone().unwrap_or_default();
                return Err(anyhow::Error::new(Hint::new(refusal.to_string(), advice)).context(format!("record {cluster}")));
            }
            Notice::Lost(kind, refusal) if self.lost.insert(kind) => say(&format!("{cluster}: {kind}: {refusal}; trying again")),
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self, now: DateTime<Utc>) -> Result<()> {
        self.turn_the_page(now)?;
        if now - self.marked >= MARK {
            self.mark(now)?;
        }
        self.journal.sync()
    }

    fn mark(&mut self, now: DateTime<Utc>) -> Result<()> {
        self.marked = now;
        let mark = self.recorder.watching(now);
        self.write(mark.as_slice())
    }

    /// With a new day begins a new journal, with all that is there.
    fn turn_the_page(&mut self, now: DateTime<Utc>) -> Result<()> {
        let day = UtcDay::containing(now);
        if day <= self.day {
            return Ok(());
        }
        self.mark(self.day.end() - TimeDelta::milliseconds(1))?;
        self.journal.turn_to(day)?;
        self.day = day;
        self.marked = now;
        let all = self.recorder.all(now);
        self.write(&all)?;
        say(&format!("{}: {day} begins with {} objects", self.cluster, all.len()));
        Ok(())
    }

    fn end(mut self, now: DateTime<Utc>) -> Result<()> {
        self.turn_the_page(now)?;
        self.mark(now)?;
        self.journal.end()?;
        say(&format!("{}: ended; {} entries written", self.cluster, self.written));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::kubernetes::{Detail, History, Object};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn job(name: &str) -> Object {
        Object {
            uid: format!("uid-{name}"),
            namespace: "etl".to_owned(),
            name: name.to_owned(),
            created: at("2026-09-30T08:00:00Z"),
            deletion: None,
            owners: Vec::new(),
            labels: Default::default(),
            annotations: Default::default(),
            detail: Detail::Job { started: None, ended: None, suspension: None },
        }
    }

    #[test]
    fn each_days_journal_begins_with_all_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let mut recording = Recording::begin(&store, "prod-nl".to_owned(), at("2026-09-30T23:58:00Z")).unwrap();
        for notice in [Notice::Listing(Kind::Job), Notice::Seen(job("a")), Notice::Seen(job("b")), Notice::Listed(Kind::Job)] {
            recording.take(notice, at("2026-09-30T23:58:01Z")).unwrap();
        }
        recording.take(Notice::Gone(job("b")), at("2026-09-30T23:58:02Z")).unwrap();
        recording.tick(at("2026-10-01T00:00:03Z")).unwrap();
        recording.end(at("2026-10-01T00:00:30Z")).unwrap();

        let read = |day: &str| store.read_journal::<Entry>("prod-nl", day.parse().unwrap()).unwrap().unwrap().entries;
        let watching = |time: &str| Entry::Watching { at: at(time), kinds: vec![Kind::Job] };
        let seen = |time: &str, name: &str| Entry::Seen { at: at(time), object: job(name) };
        let first = [
            Entry::Started { at: at("2026-09-30T23:58:00Z") },
            seen("2026-09-30T23:58:01Z", "a"),
            seen("2026-09-30T23:58:01Z", "b"),
            Entry::Gone { at: at("2026-09-30T23:58:02Z"), object: job("b") },
            watching("2026-09-30T23:59:59.999Z"),
        ];
        assert_eq!(read("2026-09-30"), first);
        assert_eq!(read("2026-10-01"), [seen("2026-10-01T00:00:03Z", "a"), watching("2026-10-01T00:00:30Z")]);
        // Read together, the days are one life.
        let lives = History::of(read("2026-09-30").into_iter().chain(read("2026-10-01"))).into_lives();
        assert_eq!(lives.len(), 2);
        assert_eq!(lives[0].stretches.len(), 1);
        assert_eq!(lives[0].stretches[0].until_ms, at("2026-10-01T00:00:30Z").timestamp_millis());
    }
}
