//! The same suite in Azurite, Microsoft's emulator of its Blob Storage, where somebody has it: it needs some hundred packages of Node, so `tests/run` leaves it.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::s3::free_port;

/// Every Azurite has this account and this key; they are in its documentation.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Makes a container: what the library does not do, in the words of Azure's "Authorize with Shared Key".
const MAKE_CONTAINER: &str = r#"
import base64, email.utils, hashlib, hmac, sys, urllib.request
account, key, base = sys.argv[1:]
now = email.utils.formatdate(usegmt=True)
signed = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{now}\nx-ms-version:2021-08-06\n/{account}/{account}/ledger\nrestype:container"
signature = base64.b64encode(hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()).decode()
headers = {"x-ms-date": now, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {account}:{signature}", "Content-Length": "0"}
urllib.request.urlopen(urllib.request.Request(f"{base}/ledger?restype=container", method="PUT", headers=headers))
"#;

struct Azurite(Child);

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn objects_in_azure_are_as_objects_in_a_folder() {
    let Some(program) = std::env::var_os("WATTLEDGER_AZURITE") else { return };
    let folder = TempDir::new().unwrap();
    let port = free_port();
    let mut command = Command::new(program);
    command.args([
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--silent",
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        &port.to_string(),
    ]);
    let _server = Azurite(command.current_dir(folder.path()).stdout(Stdio::null()).spawn().unwrap());
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(60), "Azurite was not ready after a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
    let base = format!("http://127.0.0.1:{port}/{ACCOUNT}");
    let made = Command::new("python3").args(["-c", MAKE_CONTAINER, ACCOUNT, KEY, &base]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let evidence = format!("[evidence]\ndir = \"az://ledger/prod\"\nendpoint = \"{base}\"\nallow_http = true\n");
    let credentials = [("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT), ("AZURE_STORAGE_ACCOUNT_KEY", KEY)];
    super::s3::run_inside_with("bucket::inside_objects", &evidence, &credentials);
}
