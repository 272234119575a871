//! A server with TLS that asks for a certificate and a password.

use std::path::Path;
use std::process::{Command, Stdio};

use super::server::started;
use super::*;
use crate::sources::Reach;

/// Of `open sesame`, by bcrypt.
const WEB_CONFIG: &str = "tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
basic_auth_users:
  auditor: $2b$04$JzA9JO1Gj9dT8WCeQ4dxou.4WwcprWzOlDJ9txma3fuQq.s9mHARC
";

/// An authority, and certificates of a server on 127.0.0.1 and of a client; false where there is no `openssl`.
fn make_certificates(folder: &Path) -> bool {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "openssl is not installed, and CI is set; tests/run installs it");
        println!("SKIPPED: openssl is not installed; tests/run installs it");
        return false;
    }
    std::fs::write(folder.join("server.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    std::fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority");
    for name in ["server", "client"] {
        openssl(&format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(&format!("x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile {name}.ext"));
    }
    true
}

#[tokio::test]
async fn a_server_with_tls_and_a_password_lets_in_who_has_both() {
    let folder = tempfile::tempdir().unwrap();
    if !make_certificates(folder.path()) {
        return;
    }
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("web.yml"), WEB_CONFIG).unwrap();
    std::fs::write(file("password"), "open sesame\n").unwrap();
    std::fs::write(file("wrong-password"), "open sesam\n").unwrap();
    let flag = format!("--web.config.file={}", file("web.yml").display());
    let metrics = format!("kube_node_info{{instance=\"k\",node=\"n\"}} 1 {}\n# EOF\n", day().start().timestamp() + 60);
    let Some(server) = started(folder, &metrics, "", &[flag.as_str()]) else { return };

    let url = format!("https://127.0.0.1:{}", server.port);
    let whole = Connection {
        username: Some("auditor".to_owned()),
        password_file: Some(server.file("password")),
        cert_file: Some(server.file("client.pem")),
        key_file: Some(server.file("client.key")),
        ca_file: Some(server.file("ca.pem")),
        ..asking(&url, ReadWay::Auto)
    };
    for read in [ReadWay::RemoteRead, ReadWay::Query] {
        let connection = Connection { pull: Pull { read, ..Pull::default() }, ..whole.clone() };
        assert_eq!(collect_by(&connection).await.unwrap().samples_on_the_day, 1);
    }
    let wrong = Connection { password_file: Some(server.file("wrong-password")), ..whole.clone() };
    let refusal = collect_by(&wrong).await.unwrap_err();
    assert_eq!((refusal.code, refusal.reach), ("PROM_DENIED", Reach::Source));
    // An authority that is not ours, and no certificate of our own.
    let strange = Connection { ca_file: Some(server.file("client.pem")), ..whole.clone() };
    let bare = Connection { cert_file: None, key_file: None, ..whole };
    for connection in [strange, bare] {
        let refusal = collect_by(&connection).await.unwrap_err();
        assert_eq!((refusal.code, refusal.reach), ("PROM_UNREACHABLE", Reach::Source), "{refusal}");
        // With TLS 1.3 the server may hang up before its alert is read.
        let said = refusal.message.to_lowercase();
        assert!(said.contains("certificate") || said.contains("broken pipe") || said.contains("connection"), "{refusal}");
        assert!(refusal.hint.unwrap().contains("cert_file"));
    }
}
