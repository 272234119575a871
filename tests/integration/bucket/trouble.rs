//! What goes wrong with a bucket has a code, names the place, says what to do, and tells no secret.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;

use super::s3::{self, S3};

/// A server that gives every request the same answer.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn says(folder: &Path, evidence: &str) -> String {
    let config = s3::write_config(folder, evidence);
    let output = s3::wattledger(&["report", "--month", "2026-10", "--out", "never"], &config);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_bucket_that_is_not_there_is_not_taken_for_an_empty_one() {
    let Some(s3) = S3::start() else { return };
    let folder = TempDir::new().unwrap();
    let said = says(folder.path(), &s3::evidence_at(&s3.url(), "s3://typo/evidence"));
    assert!(said.contains("STORE_MISSING: look into s3://typo/evidence: NoSuchBucket"), "{said}");
    assert!(said.contains("hint: make the bucket first"), "{said}");
}

#[test]
fn a_store_that_lets_nobody_in_is_said_without_what_was_signed() {
    let folder = TempDir::new().unwrap();
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n\
                  <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.</Message>\
                  <AWSAccessKeyId>AKIACANARY</AWSAccessKeyId><StringToSign>canary-string</StringToSign></Error>";
    let said = says(folder.path(), &s3::evidence_at(&answering(answer), "s3://ledger/evidence"));
    let expected =
        "STORE_DENIED: look into s3://ledger/evidence: SignatureDoesNotMatch: The signature does not match.\nhint: let the identity";
    assert!(said.contains(expected), "{said}");
    assert!(!said.to_lowercase().contains("canary"), "{said}");
}

#[test]
fn a_store_out_of_reach_is_tried_a_few_times_and_said() {
    let folder = TempDir::new().unwrap();
    let nobody = format!("http://127.0.0.1:{}", s3::free_port());
    let busy = answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for endpoint in [nobody, busy] {
        let said = says(folder.path(), &s3::evidence_at(&endpoint, "s3://ledger/evidence"));
        assert!(
            said.contains("STORE_UNREACHABLE: look into s3://ledger/evidence: ") && said.contains("hint: look at the network"),
            "{said}"
        );
    }
}
