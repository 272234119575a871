//! Collecting by shards as a fleet does: side by side, killed and begun again, with another count at the same time; and a close that waits for all of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wattledger::cli::collect::wanted_feeds;
use wattledger::config::Config;
use wattledger::evidence::Store;
use wattledger::units::UtcDay;

use crate::close::home::Home;
use crate::prometheus::{self, Prometheus};
use crate::sample;
use crate::toxic::{Toxic, ToxicProxy};

/// Three clusters, though the server tells of one: each has all of it.
const CLUSTERS: [&str; 3] = ["prod-nl", "prod-two", "prod-three"];
const DAYS: [&str; 5] = ["collect", "--from", "2026-10-17", "--to", "2026-10-20"];

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn started(arguments: &[&str], config: &Path) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
    command.arg("--config").arg(config).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

impl Running {
    /// The exit code, and what was said on stderr.
    fn ended(mut self) -> (i32, String) {
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code().unwrap(), said)
    }
}

fn run(arguments: &[&str], config: &Path) -> (i32, String) {
    started(arguments, config).ended()
}

/// Three days of a cluster of the sample on a server.
struct Fleet {
    folder: TempDir,
    server: Prometheus,
}

impl Fleet {
    fn new() -> Option<Self> {
        if !prometheus::is_installed() {
            return None;
        }
        let folder = TempDir::new().unwrap();
        sample::generate(folder.path(), &["--small"]);
        let server = Prometheus::serving(&folder.path().join("openmetrics"));
        Some(Self { folder, server })
    }

    /// A configuration of its own, with its own evidence.
    fn home(&self, name: &str, url: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        prometheus::copy_folder(&self.folder.path().join("intensity"), &home.join("intensity"));
        let path = sample::write_config(&home, url, &CLUSTERS[..1]);
        let mut config: toml::Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let clusters = config["cluster"].as_array_mut().unwrap();
        for name in &CLUSTERS[1..] {
            let mut cluster = clusters[0].clone();
            cluster["name"] = (*name).into();
            clusters.push(cluster);
        }
        fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
        path
    }
}

/// Every file of the evidence with its bytes, but locks and notes.
fn evidence(config: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = config.parent().unwrap().join("evidence");
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(&root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// `shard 0/3: collected 4 cluster-days, 0 already there, 0 incomplete; …`
fn counts(said: &str) -> [usize; 3] {
    let line = said.lines().find(|line| line.contains("cluster-days")).unwrap_or_else(|| panic!("{said}"));
    let number = |before: &str| line.split(before).next().unwrap().split(' ').next_back().unwrap().parse().unwrap();
    [number(" cluster-days"), number(" already there"), number(" incomplete")]
}

#[test]
fn shards_side_by_side_collect_what_one_alone_collects_and_each_day_once() {
    let Some(fleet) = Fleet::new() else { return };
    let (alone, shards) = (fleet.home("alone", &fleet.server.url()), fleet.home("shards", &fleet.server.url()));
    let (code, said) = run(&DAYS, &alone);
    assert_eq!((code, counts(&said)), (0, [9, 0, 0]), "{said}");

    let running: Vec<Running> = ["0/3", "1/3", "2/3"].map(|shard| started(&[&DAYS[..], &["--shard", shard]].concat(), &shards)).into();
    let ended: Vec<(i32, String)> = running.into_iter().map(Running::ended).collect();

    assert!(ended.iter().all(|(code, _)| *code == 0), "{ended:?}");
    let counts_of: Vec<[usize; 3]> = ended.iter().map(|(_, said)| counts(said)).collect();
    // Of each cluster's three days each of the three shards has one.
    assert_eq!(counts_of, [[3, 0, 0]; 3]);
    assert!(evidence(&shards) == evidence(&alone), "the evidence differs");
    // Feeds were taken by the first, and by nobody else.
    let took_feeds: Vec<bool> = ended.iter().map(|(_, said)| said.contains("intensity of 3 zones")).collect();
    assert_eq!(took_feeds, [true, false, false], "{ended:?}");
    let store = Store::new(shards.parent().unwrap().join("evidence"));
    let wanted = wanted_feeds(&Config::load(&shards).unwrap());
    assert_eq!(store.noted_feeds("2026-10-18".parse().unwrap()).unwrap(), Some(wanted));

    // Again, and by another count: nothing is left to do.
    for (shard, days) in [("1/3", 3), ("0/1", 9)] {
        let (code, said) = run(&[&DAYS[..], &["--shard", shard]].concat(), &shards);
        assert_eq!((code, counts(&said)), (0, [0, days, 0]), "{said}");
    }
    assert!(evidence(&shards) == evidence(&alone));
    // Of what lies before the first sample, that it was looked at is noted.
    let (code, said) = run(&["collect", "--from", "2026-08-01", "--to", "2026-08-03", "--shard", "0/1"], &shards);
    assert!(code == 3 && said.contains("NO_DATA"), "{said}");
    assert!(store.is_noted_empty("prod-two", "2026-08-02".parse().unwrap()).unwrap());
}

#[test]
fn a_shard_that_was_killed_goes_on_where_it_was_stopped() {
    let Some(fleet) = Fleet::new() else { return };
    // Slow enough to be killed between two days; manifests name the server, so both go through it.
    let slow = ToxicProxy::before(fleet.server.port(), |_| Toxic::Latency(Duration::from_millis(20)));
    let (alone, killed) = (fleet.home("alone", &slow.url()), fleet.home("killed", &slow.url()));
    assert_eq!(run(&DAYS, &alone).0, 0);
    let half = |shard| [&DAYS[..], &["--shard", shard]].concat();
    let days = || if killed.parent().unwrap().join("evidence/prod-nl").is_dir() { days_of(&killed) } else { 0 };

    let mut first = started(&half("0/2"), &killed);
    let until = Instant::now() + Duration::from_secs(120);
    while days() == 0 {
        assert!(Instant::now() < until && first.0.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    first.0.kill().unwrap();
    assert!(first.0.wait().unwrap().code().is_none(), "it ended before it was killed");
    let there = days();

    let ended = [started(&half("0/2"), &killed), started(&half("1/2"), &killed)].map(Running::ended);
    assert!(ended.iter().all(|(code, _)| *code == 0), "{ended:?}");
    let [first, second] = ended.each_ref().map(|(_, said)| counts(said));
    assert_eq!((first[1], second[1], first[0] + second[0]), (there, 0, 9 - there), "{ended:?}");
    assert!(evidence(&killed) == evidence(&alone), "the evidence differs");
}

/// How many cluster-days are there.
fn days_of(config: &Path) -> usize {
    let is_day = |path: &&PathBuf| path.ends_with("manifest.json") && CLUSTERS.iter().any(|cluster| path.starts_with(cluster));
    evidence(config).keys().filter(is_day).count()
}

#[test]
fn runs_that_could_meet_on_a_day_are_not_at_work_at_once() {
    let folder = TempDir::new().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = folder.path().join("wattledger.toml");
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"Europe/Amsterdam\"\n[[cluster]]\nname = \"prod-nl\"\n\
         prometheus = {{ url = \"http://{}\" }}\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n",
        silent.local_addr().unwrap()
    );
    fs::write(&config, text).unwrap();
    // So many days that every shard of a few has some.
    let days = ["collect", "--from", "2026-10-01", "--to", "2026-10-13"];
    let shard = |shard| [&days[..], &["--shard", shard]].concat();
    let first = started(&shard("1/2"), &config);
    // It holds its lock before it asks the server anything.
    let (_asked, _) = silent.accept().unwrap();

    for (arguments, place) in [
        (shard("1/2"), "its own"),
        (shard("3/4"), "half of it"),
        (shard("2/3"), "a third of each"),
        (days.to_vec(), "all of it"),
        (vec!["close", "--month", "2026-10"], "a close that collects"),
        (vec!["import", "--kind", "intensity", "nothing.csv"], "an import"),
    ] {
        let (code, said) = run(&arguments, &config);
        assert_eq!(code, 1, "{place}: {said}");
        let holder = format!("error: LOCKED: `collect --shard 1/2` is being done by process {} on ", first.0.id());
        assert!(said.starts_with(&holder), "{place}: {said}");
    }
    // The other half, and a quarter of it, have no day in common with the first.
    let other = started(&shard("0/4"), &config);
    let (_asked, _) = silent.accept().unwrap();
    let said = run(&shard("0/2"), &config).1;
    assert!(said.starts_with(&format!("error: LOCKED: `collect --shard 0/4` is being done by process {} on ", other.0.id())), "{said}");
    // And while one collects all of it, no shard begins.
    drop((first, other));
    let whole = started(&days, &config);
    let (_asked, _) = silent.accept().unwrap();
    let said = run(&shard("5/8"), &config).1;
    assert!(said.starts_with(&format!("error: LOCKED: `collect` is being done by process {} on ", whole.0.id())), "{said}");
}

/// The sample's October, with notes that its feeds were taken in.
fn collected_october() -> Home {
    let home = Home::without_keys();
    let config = Config::load(&home.path("wattledger.toml")).unwrap();
    let store = Store::new(home.path("evidence"));
    let first: UtcDay = "2026-09-30".parse().unwrap();
    for day in first.through("2026-10-31".parse().unwrap()) {
        store.note_feeds(day, &wanted_feeds(&config)).unwrap();
    }
    home
}

const CLOSE: [&str; 5] = ["close", "--month", "2026-10", "--accept", "UNSIGNED"];

#[test]
fn a_close_waits_for_the_days_that_are_missing_and_goes_on_when_they_come() {
    let home = collected_october();
    let (day, aside) = (home.path("evidence/edge-fr/2026-10-13"), home.path("aside"));
    fs::rename(&day, &aside).unwrap();
    let feeds = home.path("evidence/.asked/feeds/2026-10-31.json");
    let noted = fs::read(&feeds).unwrap();
    fs::remove_file(&feeds).unwrap();

    let mut close = started(&[&CLOSE[..], &["--wait", "5m"]].concat(), &home.path("wattledger.toml"));
    let mut said = BufReader::new(close.0.stderr.take().unwrap()).lines();
    let first = said.next().unwrap().unwrap();
    assert!(
        first.starts_with("waiting until ")
            && first.ends_with(" UTC for 1 of 96 cluster-days of 2026-10: edge-fr 2026-10-13; feeds of 2026-10-31"),
        "{first}"
    );
    assert!(close.0.try_wait().unwrap().is_none() && !home.closed(1).exists());
    fs::rename(&aside, &day).unwrap();
    fs::write(&feeds, noted).unwrap();

    let begun = Instant::now();
    let said: Vec<String> = said.map(|line| line.unwrap()).collect();
    assert_eq!(close.0.wait().unwrap().code(), Some(0), "{said:?}");
    assert!(begun.elapsed() < Duration::from_secs(200), "it went on waiting");
    assert!(
        home.closed(1).join("manifest.json").exists() && said.iter().any(|line| line.starts_with("2026-10 closed: edition 1")),
        "{said:?}"
    );
}

#[test]
fn a_close_that_waited_in_vain_lists_what_is_missing_and_seals_nothing() {
    let home = collected_october();
    for day in ["2026-10-03", "2026-10-04", "2026-10-05", "2026-10-09"] {
        fs::remove_dir_all(home.path(&format!("evidence/prod-nl/{day}"))).unwrap();
    }
    // A shard has looked for this one, and the cluster lived before it.
    fs::remove_dir_all(home.path("evidence/burst-pl/2026-10-20")).unwrap();
    Store::new(home.path("evidence")).note_empty_day("burst-pl", "2026-10-20".parse().unwrap()).unwrap();

    let (code, said) = home.run(&[&CLOSE[..], &["--wait", "2s"]].concat());

    assert_eq!(code, 3, "{said}");
    for line in [
        "incomplete: DAYS_MISSING: prod-nl: 4 of 32 days of 2026-10 are not collected: 2026-10-03 to 2026-10-05, 2026-10-09",
        "incomplete: DAYS_MISSING: burst-pl: of 1 of 32 days of 2026-10 the server has nothing: 2026-10-20",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}\n{said}");
    }
    assert!(!home.path("evidence/closed").exists());

    // Before its first sign of life a cluster has nothing, and that is no trouble.
    let home = collected_october();
    for day in ["2026-09-30", "2026-10-01"] {
        fs::remove_dir_all(home.path(&format!("evidence/burst-pl/{day}"))).unwrap();
        Store::new(home.path("evidence")).note_empty_day("burst-pl", day.parse().unwrap()).unwrap();
    }
    let (code, said) = home.run(&[&CLOSE[..], &["--wait", "1h"]].concat());
    assert!(code == 0 && home.closed(1).join("manifest.json").exists(), "{said}");
}
