//! Time stamps of an authority that `openssl ts` plays, asked over HTTP and checked by both.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::home::Home;

/// An authority with a root of its own.
struct Authority {
    folder: TempDir,
    url: String,
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
}

const CONFIG: &str = "\
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = it
[it]
serial = ./serial
crypto_device = builtin
signer_cert = ./signer.pem
certs = ./root.pem
signer_key = ./signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

impl Authority {
    /// `key` is how openssl is told to make one; `more` is added to the authority's configuration.
    fn start(key: &[&str], more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        fs::write(at.join("openssl.cnf"), CONFIG.to_owned() + more).unwrap();
        fs::write(at.join("serial"), "01\n").unwrap();
        for (name, subject) in [("root", "/CN=Example root"), ("signer", "/CN=Example time stamps")] {
            openssl(at, &[&["genpkey", "-out", &format!("{name}.key")], key].concat());
            let request =
                ["req", "-new", "-config", "openssl.cnf", "-key", &format!("{name}.key"), "-subj", subject, "-out", &format!("{name}.csr")];
            openssl(at, &request);
        }
        let sign = ["x509", "-req", "-days", "3650", "-extfile", "openssl.cnf"];
        openssl(at, &[&sign[..], &["-in", "root.csr", "-signkey", "root.key", "-extensions", "root", "-out", "root.pem"]].concat());
        let by_root = [
            "-in",
            "signer.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-extensions",
            "signer",
            "-out",
            "signer.pem",
        ];
        openssl(at, &[&sign[..], &by_root].concat());
        let url = serve(at.to_owned());
        Self { folder, url }
    }

    fn rsa() -> Self {
        Self::start(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    fn configure(&self, home: &Home) {
        fs::copy(self.root(), home.path("tsa.pem")).unwrap();
        home.append(&format!("timestamp_url = \"{}\"\ntimestamp_ca_file = \"tsa.pem\"\n", self.url));
    }
}

/// A server that answers every request as the authority in a folder would. It ends with the test's process.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsa", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut query = vec![0; length];
            if reader.read_exact(&mut query).is_err() || length == 0 {
                continue;
            }
            fs::write(folder.join("query"), query).unwrap();
            openssl(&folder, &["ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query", "-out", "reply"]);
            let reply = fs::read(folder.join("reply")).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/timestamp-reply\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                reply.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &reply].concat());
        }
    });
    url
}

fn is_installed() -> bool {
    let is_there = Command::new("openssl").arg("version").output().is_ok();
    if !is_there {
        eprintln!("openssl is not installed; tests/run installs it");
    }
    is_there
}

#[test]
fn a_stamp_of_an_authority_is_checked_by_us_and_by_openssl() {
    if !is_installed() {
        return;
    }
    let kinds: [(&str, &[&str], &str); 3] = [
        ("RSA", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ""),
        ("P-256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ""),
        ("P-384, with fractions of a second", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "clock_precision_digits = 3\n"),
    ];
    for (name, key, more) in kinds {
        let Some(home) = Home::with_keys() else { return };
        let authority = Authority::start(key, more);
        authority.configure(&home);

        home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);

        let (code, said) = home.verify(&[]);
        let line = said.lines().find(|line| line.contains("time stamp")).unwrap();
        assert!(code == 0 && line.contains("ok ") && line.contains("UTC, by CN=Example time stamps"), "{name}: {said}");
        let closed = home.closed(1);
        let checked = Command::new("openssl")
            .args(["ts", "-verify", "-data", "manifest.json", "-in", "manifest.tsr", "-CAfile"])
            .arg(authority.root())
            .current_dir(&closed)
            .output()
            .unwrap();
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stderr));
        // The authority's certificate lies in the folder too, for whoever has nothing else.
        assert_eq!(fs::read(closed.join("timestamp-ca.pem")).unwrap(), fs::read(authority.root()).unwrap());
        assert!(home.seal(1)["findings"].as_array().unwrap().iter().all(|finding| finding["code"] != "NO_TIMESTAMP"));
    }
}

#[test]
fn a_stamp_that_is_changed_missing_or_of_another_authority_is_named() {
    if !is_installed() {
        return;
    }
    let Some(home) = Home::with_keys() else { return };
    let authority = Authority::rsa();
    authority.configure(&home);
    home.run_ok(&["close", "--no-collect", "--month", "2026-10"]);
    let path = home.closed(1).join("manifest.tsr");
    let whole = fs::read(&path).unwrap();
    let place = |part: &[u8]| whole.windows(part.len()).position(|window| window == part).unwrap();
    let hash = Sha256::digest(fs::read(home.closed(1).join("manifest.json")).unwrap());
    // What is signed: the seal's hash and the time, which stands in the certificates' own form; and the signature itself. The rest of a reply says nothing.
    for byte in [place(&hash) + 3, place(b"\x18\x0f20") + 6, whole.len() - 5] {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (code, said) = home.verify(&[]);
        assert!(code == 4 && said.contains("BAD_TIMESTAMP: "), "byte {byte}: {said}");
    }
    fs::remove_file(&path).unwrap();
    let (code, said) = home.verify(&[]);
    assert!(code == 4 && said.contains("BAD_TIMESTAMP: manifest.tsr is not there"), "{said}");
    fs::write(&path, &whole).unwrap();
    let other = Authority::rsa();
    let (code, said) = home.verify(&["--timestamp-ca", other.root().to_str().unwrap()]);
    assert!(code == 4 && said.contains("BAD_TIMESTAMP: ") && said.contains("not certified"), "{said}");
    // Without certificates from elsewhere, those beside the seal serve, and that is said.
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    fs::write(home.path("wattledger.toml"), config.replace("timestamp_ca_file = \"tsa.pem\"\n", "")).unwrap();
    let (code, said) = home.verify(&[]);
    assert!(code == 0 && said.contains("certificates lie beside it"), "{said}");
}

#[test]
fn an_authority_that_cannot_be_reached_or_trusted_leaves_the_month_open() {
    if !is_installed() {
        return;
    }
    let Some(home) = Home::with_keys() else { return };
    home.append("timestamp_url = \"http://127.0.0.1:9/tsa\"\n");
    let (code, said) = home.run(&["close", "--no-collect", "--month", "2026-10"]);
    assert!(
        code == 1 && said.contains("ask the time stamp authority http://127.0.0.1:9/tsa") && said.contains("nothing was sealed"),
        "{said}"
    );
    assert!(!home.closed(1).join("manifest.json").exists());

    let (authority, other) = (Authority::rsa(), Authority::rsa());
    let config = fs::read_to_string(home.path("wattledger.toml")).unwrap();
    fs::write(home.path("wattledger.toml"), config.replace("http://127.0.0.1:9/tsa", &authority.url)).unwrap();
    fs::copy(other.root(), home.path("tsa.pem")).unwrap();
    home.append("timestamp_ca_file = \"tsa.pem\"\n");
    let (code, said) = home.run(&["close", "--no-collect", "--month", "2026-10"]);
    assert!(code == 1 && said.contains("timestamp_ca_file"), "{said}");
    assert!(!home.closed(1).join("manifest.json").exists());
}
