//! Evidence in Google Cloud Storage, of a stand-in: `gcs.py` keeps the rules that Google has written down and that the client relies on.
//!
//! It is not Google's server, and nothing here was run against one. Other than the emulator of S3, it looks and writes in one step.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

use tempfile::TempDir;
use wattledger::evidence::{Created, DayManifest, Store, files_of};
use wattledger::model::Shard;
use wattledger::model::tables::Table;

use super::{s3, store_of_the_environment, suite};
use crate::sample;

struct Gcs {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Gcs {
    /// With one bucket, `ledger`, and one account; none where there is no Python, which in CI is a failure.
    fn start(options: &[&str]) -> Option<Self> {
        let python = python()?;
        let folder = TempDir::new().unwrap();
        let program = sample::root().join("tests/integration/bucket/gcs.py");
        // No compiled files in the work tree.
        let mut command = Command::new(python);
        command.arg("-B").arg(program).arg(folder.path().join("account.json")).args(options);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("gcs.py says its port when it is ready");
        Some(Self { process, port, folder })
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The table `[evidence]` with this server's bucket.
    fn evidence(&self, prefix: &str) -> String {
        self.evidence_in(&format!("gs://ledger/{prefix}"))
    }

    fn evidence_in(&self, url: &str) -> String {
        format!("[evidence]\ndir = \"{url}\"\nendpoint = \"http://{}\"\nallow_http = true\n", self.host())
    }

    fn account(&self) -> PathBuf {
        self.folder.path().join("account.json")
    }

    fn run_inside(&self, test: &str, prefix: &str) {
        let account = self.account();
        s3::run_inside_with(test, &self.evidence(prefix), &[("GOOGLE_APPLICATION_CREDENTIALS", account.to_str().unwrap())]);
    }

    /// What is said on stderr to whoever asks for a report with credentials of a kind.
    fn says(&self, evidence: &str, variable: &str, credentials: &str) -> String {
        let folder = TempDir::new().unwrap();
        let config = s3::write_config(folder.path(), evidence);
        let mut command = s3::command(&["report", "--month", "2026-10", "--out", "never"], &config);
        let output = command.env(variable, credentials).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    }
}

impl Drop for Gcs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn python() -> Option<PathBuf> {
    let named = std::env::var_os("WATTLEDGER_PYTHON").map(PathBuf::from);
    let python = [named, Some(PathBuf::from("python3"))].into_iter().flatten().find(|python| {
        let version = Command::new(python).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    });
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no Python; run tests/run");
        eprintln!("left out: there is no Python (tests/run installs it)");
    }
    python
}

#[test]
fn objects_in_google_cloud_storage_are_as_objects_in_a_folder() {
    // Lists of these few objects have several pages.
    let Some(gcs) = Gcs::start(&["--page", "3"]) else { return };
    gcs.run_inside("bucket::inside_objects", "objects");
    gcs.run_inside("bucket::inside_objects", "objects/within/others");
}

#[test]
fn of_many_who_write_at_once_to_google_cloud_storage_one_succeeds() {
    let Some(gcs) = Gcs::start(&["--page", "3"]) else { return };
    gcs.run_inside("bucket::gcs::inside_many_at_once", "many");
}

#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_many_at_once() {
    let store = store_of_the_environment();
    suite::of_many_who_create_at_once_one_succeeds_and_its_bytes_stay(store.objects(), "Google Cloud Storage");
    one_of_many_has_the_lock(&store, 5);
    // More locks than a page has, and between them what is no lock: a part of the work is kept from whoever has all of it.
    let parts: Vec<Shard> = (0..7).map(|part| format!("{part}/7").parse().unwrap()).collect();
    let held: Vec<_> = parts.iter().map(|part| store.lock_shard("collect", *part).unwrap()).collect();
    store.objects().create("prod-nl/2026-10-01/manifest.json", b"{}").unwrap();
    drop(held);
    let last = store.lock_shard("collect", parts[6]).unwrap();
    let error = format!("{:#}", store.lock_shard("collect", Shard::WHOLE).unwrap_err());
    assert!(error.starts_with("LOCKED: `collect --shard 6/7` is being done by process "), "{error}");
    drop(last);
    drop(store.lock_shard("collect", Shard::WHOLE).unwrap());
}

fn one_of_many_has_the_lock(store: &Store, rounds: usize) {
    for _ in 0..rounds {
        let start = Barrier::new(8);
        let taken: Vec<_> = std::thread::scope(|scope| {
            let take = || {
                start.wait();
                store.lock("collect")
            };
            let tries: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            tries.into_iter().map(|tried| tried.join().unwrap()).collect()
        });
        let (held, refused): (Vec<_>, Vec<_>) = taken.into_iter().partition(Result::is_ok);
        assert_eq!(held.len(), 1);
        held[0].as_ref().unwrap().check().unwrap();
        for error in refused {
            let error = format!("{:#}", error.unwrap_err());
            assert!(error.starts_with("LOCKED: `collect` is being done by "), "{error}");
        }
    }
}

#[test]
fn locks_and_writers_get_by_with_one_write_a_second_to_the_same_name() {
    let Some(gcs) = Gcs::start(&["--slow"]) else { return };
    gcs.run_inside("bucket::gcs::inside_one_write_a_second", "slow");
}

#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_one_write_a_second() {
    let store = store_of_the_environment();
    one_of_many_has_the_lock(&store, 2);
    for text in [&b"1"[..], b"2", b"3"] {
        store.objects().replace("again", text).unwrap();
    }
    assert_eq!(store.objects().create("again", b"4").unwrap(), Created::WasThere);
    assert_eq!(store.objects().get("again").unwrap().as_deref(), Some(&b"3"[..]));
}

#[test]
fn what_is_read_and_replaced_in_google_cloud_storage_is_of_one_time() {
    let Some(gcs) = Gcs::start(&["--page", "3"]) else { return };
    gcs.run_inside("bucket::gcs::inside_pieces_of_what_was_replaced", "pieces");
    gcs.run_inside("bucket::gcs::inside_a_day_that_is_replaced_and_back", "replaced");
}

#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_pieces_of_what_was_replaced() {
    let objects = store_of_the_environment().objects().clone();
    let [first, second] = [b'1', b'2'].map(|byte| vec![byte; 9_000_000]);
    objects.replace("large", &first).unwrap();
    let mut object = objects.open("large").unwrap().unwrap();
    let mut read = vec![0; 5_000_000];
    object.read_exact(&mut read).unwrap();
    assert!(read == first[..5_000_000]);
    objects.replace("large", &second).unwrap();
    let error = object.read_to_end(&mut read).unwrap_err().to_string();
    assert!(error.contains("read gs://ledger/pieces/large: PreconditionFailed: "), "{error}");
}

/// What is put aside is there from the first time when the same day is put aside again.
#[test]
#[ignore = "run by another test, with credentials in its environment"]
fn inside_a_day_that_is_replaced_and_back() {
    let (sample, store) = (Store::new(sample::root().join("sample-data/evidence")), store_of_the_environment());
    let day = "2026-10-13".parse().unwrap();
    let manifest = sample.day("prod-nl", day).unwrap().unwrap();
    let of_day: Vec<Table> = Table::ALL.into_iter().filter(|table| !files_of(&manifest, *table).is_empty()).collect();
    let tables: BTreeMap<_, _> = of_day.iter().map(|table| (*table, sample.read_table(&manifest, *table).unwrap())).collect();
    let [first, second] = ["first", "second"].map(|software| DayManifest { software: software.to_owned(), ..manifest.clone() });
    let written = store.write_day(&tables, first.clone()).unwrap();
    for next in [&second, &first, &second] {
        store.replace_day(&tables, next.clone()).unwrap();
        let found = store.day("prod-nl", day).unwrap().unwrap();
        assert_eq!(found.software, next.software);
        of_day.iter().for_each(|table| drop(store.read_table(&found, *table).unwrap()));
    }
    let aside = store.objects().list(&format!("prod-nl/.replaced-2026-10-13-{}", &written.sha256().unwrap()[..12])).unwrap();
    assert_eq!(aside.len(), written.files.len() + 1, "{aside:?}");
}

#[test]
fn a_report_of_google_cloud_storage_is_that_of_the_folder_to_the_byte() {
    let Some(gcs) = Gcs::start(&["--page", "50"]) else { return };
    gcs.run_inside("bucket::inside_copy_of_the_sample", "copy");
    // Who reads has no file, and is let in by the machine's identity, as in GKE; nor has it a home where gcloud has left one.
    let home = TempDir::new().unwrap();
    let identity = [("GCE_METADATA_HOST", &*gcs.host()), ("HOME", home.path().to_str().unwrap())];
    super::a_copy_gives_the_report_of_the_folder(&gcs.evidence("copy"), &identity);
}

#[test]
fn whom_google_cloud_storage_does_not_let_in_is_told_so_without_secrets() {
    let Some(gcs) = Gcs::start(&[]) else { return };
    let account = fs::read_to_string(gcs.account()).unwrap();
    let file = |name: &str, text: &str| {
        let path = gcs.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let denied =
        "STORE_DENIED: look into gs://ledger/evidence: AuthenticationRequired: Authentication required.\nhint: let the identity list";
    let failed = "STORE_FAILED: prepare the connection to gs://ledger/evidence with the credentials of the environment: ";
    let evidence = gcs.evidence("evidence");

    // Another's account, and a file that has an empty token sent.
    let other = file("other.json", &account.replace("ledger@example", "canary@example"));
    let empty = file("empty.json", &account.replace("{\"type\"", "{\"disable_oauth\": true, \"type\""));
    for (variable, credentials) in [("GOOGLE_APPLICATION_CREDENTIALS", &other), ("GOOGLE_SERVICE_ACCOUNT", &empty)] {
        let said = gcs.says(&evidence, variable, credentials);
        assert!(said.contains(denied), "{variable}: {said}");
        is_without_secrets(&said, &account);
    }

    // Files that are none of credentials.
    let key = "-----BEGIN PRIVATE KEY-----\\nCANARY\\n-----END PRIVATE KEY-----";
    let no_key =
        format!("{{\"type\": \"service_account\", \"private_key\": \"{key}\", \"private_key_id\": \"1\", \"client_email\": \"a@b\"}}");
    let federated = "{\"type\": \"external_account\", \"audience\": \"canary\"}";
    for (name, text, words) in [
        ("no-key.json", &*no_key, "InvalidEncoding"),
        ("federated.json", federated, "unknown variant `external_account`, expected `service_account` or `authorized_user`"),
        ("text.json", "\"canary\"", "they are not what is expected at line 1, column 8"),
        ("empty.json", "", "EOF while parsing a value"),
    ] {
        let said = gcs.says(&evidence, "GOOGLE_APPLICATION_CREDENTIALS", &file(name, text));
        assert!(
            said.contains(failed) && said.contains(words) && said.contains("the cloud's variables in the environment"),
            "{name}: {said}"
        );
        is_without_secrets(&said, &account);
    }
    let said = gcs.says(&evidence, "GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/account.json");
    assert!(said.contains(failed) && said.contains("No such file"), "{said}");

    let said = gcs.says(&gcs.evidence_in("gs://typo/evidence"), "GOOGLE_APPLICATION_CREDENTIALS", gcs.account().to_str().unwrap());
    assert!(said.contains("STORE_MISSING: look into gs://typo/evidence: NoSuchBucket: "), "{said}");
}

fn is_without_secrets(said: &str, account: &str) {
    assert!(!said.contains("panicked") && !said.to_lowercase().contains("canary"), "{said}");
    let account: serde_json::Value = serde_json::from_str(account).unwrap();
    for line in account["private_key"].as_str().unwrap().lines() {
        assert!(!said.contains(line), "{said}");
    }
}
