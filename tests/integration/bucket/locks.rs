//! Two collectors at once, in a folder and in a bucket: one goes on, the other says who it is and ends; one that is killed holds nothing.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::s3::{self, S3};

const DAYS: [&str; 5] = ["collect", "--from", "2026-10-01", "--to", "2026-10-02"];

/// A collector that waits for a server which never answers.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A configuration whose server takes connections and says nothing.
fn config(folder: &Path, evidence: &str, silent: &TcpListener) -> std::path::PathBuf {
    let url = format!("http://{}", silent.local_addr().unwrap());
    let path = folder.join("wattledger.toml");
    let text = format!(
        "[organisation]\nname = \"Example BV\"\ntime_zone = \"Europe/Amsterdam\"\n{evidence}[[cluster]]\nname = \"prod-nl\"\n\
         prometheus = {{ url = \"{url}\" }}\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn one_collects_at_a_time(evidence: &str) {
    let folder = TempDir::new().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = config(folder.path(), evidence, &silent);
    let mut first = Waiting(s3::command(&DAYS, &config).stderr(Stdio::null()).spawn().unwrap());
    // It holds the lock before it asks the server anything.
    let (asked, _) = silent.accept().unwrap();

    let begun = Instant::now();
    let second = s3::wattledger(&DAYS, &config);
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: LOCKED: `collect` is being done by process "), "{said}");
    assert!(said.contains(&format!(" {} on ", first.0.id())) && said.contains("hint: wait until it has ended"), "{said}");
    let third = s3::wattledger(&["import", "--kind", "intensity", "nothing.csv"], &config);
    assert!(String::from_utf8(third.stderr).unwrap().contains("LOCKED"));
    assert!(begun.elapsed() < Duration::from_secs(30));

    first.0.kill().unwrap();
    first.0.wait().unwrap();
    drop(asked);
    // The next one has it at once, and waits for the server in its turn.
    let _next = Waiting(s3::command(&DAYS, &config).stderr(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    drop(silent.accept().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn one_collects_into_a_folder_at_a_time() {
    one_collects_at_a_time("[evidence]\ndir = \"evidence\"\n");
}

#[test]
fn one_collects_into_a_bucket_at_a_time() {
    let Some(s3) = S3::start() else { return };
    one_collects_at_a_time(&s3.evidence("locks"));
}
