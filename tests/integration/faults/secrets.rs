//! F77 and F78: secrets in every file and variable that may hold one, and everything that goes wrong at the loudest log; and files that all can read.
//!
//! Rule: a secret is looked for as it is, and as headers and addresses have it: in Base64, with its user, and percent-encoded. Servers that turn away whom
//! they do not know repeat what was sent to them, as debugging proxies do.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::bench::{Bench, Seen, wattledger};
use super::history::{MONTH, Story, by_seed};
use crate::prometheus::Setup;
use crate::toxic::{Toxic, ToxicProxy};

/// What nobody may see again.
const TOKEN: &str = "CANARY-token-7f3a9c51e2";
const PASSWORD: &str = "CANARY-password-d1/84+0b&=";
const KEY: &str = "CANARY-key-66b2f0aa";
const FEED_TOKEN: &str = "CANARY-feed-0c9d77";
const FEED_PASSWORD: &str = "CANARY-feed-password-51aa";
const KUBERNETES_TOKEN: &str = "CANARY-kubernetes-93e1";
const VARIABLE: &str = "CANARY-variable-2b7e";
const USER: &str = "somebody";

/// Variables that hold secrets for us or for what we are made of.
const VARIABLES: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_SERVICE_ACCOUNT",
    "WATTLEDGER_TOKEN",
    "WATTLEDGER_PASSWORD",
    "ELECTRICITY_MAPS_TOKEN",
    "WATTTIME_PASSWORD",
    "GITHUB_TOKEN",
    "MINISIGN_PASSWORD",
];

/// Every form in which a secret could be seen.
fn forms() -> Vec<String> {
    let secrets = [TOKEN, PASSWORD, KEY, FEED_TOKEN, FEED_PASSWORD, KUBERNETES_TOKEN, VARIABLE];
    let mut forms = Vec::new();
    for secret in secrets {
        let percent: String = secret
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() || byte == b'-' { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        forms.extend([secret.to_owned(), percent, BASE64_STANDARD.encode(secret), BASE64_STANDARD.encode(format!("{USER}:{secret}"))]);
        // The end of a secret is one too: words of a server are cut to a length.
        forms.push(secret[secret.len() - 8..].to_owned());
    }
    forms
}

fn found_in(bytes: &[u8]) -> Vec<String> {
    forms().into_iter().filter(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes())).collect()
}

/// A configuration that names secrets, and what becomes of runs with it.
struct Scene<'a> {
    bench: &'a Bench,
    runs: usize,
    codes: BTreeSet<String>,
}

impl Scene<'_> {
    fn write_secret(&self, name: &str, text: &str) {
        let path = self.bench.folder.path().join("secrets").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Runs as loudly as can be, with a canary in every variable and a proxy that wants a password; says what was seen of any secret.
    fn run(&mut self, what: &str, config: &str, arguments: &[&str], seen: &mut Seen) {
        let path = self.bench.folder.path().join("canary.toml");
        fs::write(&path, config).unwrap();
        for (log_format, proxied) in [("text", false), ("json", true)] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
            command.arg("--config").arg(&path).args(["-vvv", "--log-format", log_format]).args(arguments).stdin(Stdio::null());
            command.envs(VARIABLES.iter().map(|name| (*name, VARIABLE))).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
            if proxied {
                command
                    .envs(["http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, format!("http://{USER}:{VARIABLE}@127.0.0.1:1"))));
            }
            let output = command.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            self.runs += 1;
            seen.demand(
                output.status.code().is_some_and(|code| code != 0),
                format!("{what}: ended with {:?}: {stderr}", output.status.code()),
            );
            seen.demand(!stderr.contains("panicked"), format!("{what}: {stderr}"));
            for (stream, bytes) in [("stderr", &output.stderr), ("stdout", &output.stdout)] {
                for form in found_in(bytes) {
                    let line = String::from_utf8_lossy(bytes).lines().find(|line| line.contains(&form)).unwrap_or_default().to_owned();
                    seen.complaints.push(format!("{what}: {stream} has `{form}`: {line}"));
                }
            }
            self.codes.extend(
                stderr
                    .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
                    .filter(|word| word.len() > 4 && word.contains('_'))
                    .map(str::to_owned),
            );
        }
    }
}

const HEAD: &str = "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[evidence]\ndir = \"evidence-canary\"\n";

fn with_prometheus(keys: &str) -> String {
    format!("{HEAD}[[cluster]]\nname = \"s11\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\nprometheus = {{ {keys} }}\n")
}

fn with_feed(keys: &str) -> String {
    format!("{HEAD}[[cluster]]\nname = \"s11\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n[[intensity]]\n{keys}\n")
}

/// A server that answers with what it was sent.
fn repeating(upstream: u16, status: &'static str, before: &'static str, after: &'static str) -> ToxicProxy {
    ToxicProxy::before(upstream, move |_| Toxic::Repeat { status, before, after })
}

pub fn canaries() -> Seen {
    let bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name))[..1]);
    let server = bench.server(&Setup::default());
    let mut seen = Seen::default();
    let mut scene = Scene { bench: &bench, runs: 0, codes: BTreeSet::new() };
    scene.write_secret("token", &format!("{TOKEN}\n"));
    scene.write_secret("bad-token", &format!("{TOKEN}\u{7}\n"));
    scene.write_secret("not-text", TOKEN);
    fs::write(bench.folder.path().join("secrets/not-text"), [TOKEN.as_bytes(), &[0xff]].concat()).unwrap();
    scene.write_secret("password", &format!("{PASSWORD}\n"));
    scene.write_secret("key.pem", &format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"));
    scene.write_secret("cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    scene.write_secret("feed-token", FEED_TOKEN);
    scene.write_secret("feed-password", FEED_PASSWORD);

    let errors: [(&str, &str, &str); 8] = [
        ("401 Unauthorized", "", ""),
        ("403 Forbidden", r#"{"status":"error","errorType":"denied","error":""#, r#""}"#),
        ("500 Internal Server Error", "<html>", "</html>"),
        ("400 Bad Request", r#"{"status":"error","errorType":"bad_data","error":""#, r#""}"#),
        ("422 Unprocessable Entity", r#"{"status":"error","errorType":"execution","error":""#, r#""}"#),
        ("404 Not Found", "", ""),
        ("200 OK", "", ""),
        ("200 OK", r#"{"status":"success","warnings":[""#, r#""],"data":{"resultType":"matrix","result":[]}}"#),
    ];
    for (status, before, after) in errors {
        let echo = repeating(server.port(), status, before, after);
        let url = echo.url();
        for (what, login) in [
            ("token", "token_file = \"secrets/token\"".to_owned()),
            ("password", format!("username = \"{USER}\", password_file = \"secrets/password\"")),
        ] {
            let config = with_prometheus(&format!("url = \"{url}\", {login}, timeout = \"5s\", read = \"query\""));
            scene.run(&format!("{what}, {status}"), &config, &["collect", "--month", MONTH], &mut seen);
        }
        let maps =
            with_feed(&format!("zones = [\"NL\"]\nprovider = \"electricity-maps\"\nurl = \"{url}\"\ntoken_file = \"secrets/feed-token\""));
        scene.run(&format!("Electricity Maps, {status}"), &maps, &["collect", "--month", MONTH], &mut seen);
        let watttime = format!(
            "zones = [\"NL\"]\nprovider = \"watttime\"\nurl = \"{url}\"\nusername = \"{USER}\"\npassword_file = \"secrets/feed-password\"\nsignal = \"co2_aoer\""
        );
        scene.run(&format!("WattTime, {status}"), &with_feed(&watttime), &["collect", "--month", MONTH], &mut seen);
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster: {{ server: \"{url}\" }}\n\
             contexts:\n- name: a\n  context: {{ cluster: a, user: a }}\nusers:\n- name: a\n  user: {{ token: {KUBERNETES_TOKEN} }}\n"
        );
        scene.write_secret("kubeconfig", &kubeconfig);
        let config = with_prometheus(&format!("url = \"{}\"", server.url())) + "kubernetes = { kubeconfig = \"secrets/kubeconfig\" }\n";
        scene.run(&format!("Kubernetes, {status}"), &config, &["collect", "--from", "2026-10-31", "--to", "2026-11-01"], &mut seen);
        scene.run(&format!("doctor, {status}"), &config, &["doctor", "--month", MONTH], &mut seen);
    }

    let collect = ["collect", "--month", MONTH];
    for (what, keys) in [
        ("nobody there", "url = \"http://127.0.0.1:1\", token_file = \"secrets/token\"".to_owned()),
        ("a token that no header takes", format!("url = \"{}\", token_file = \"secrets/bad-token\"", server.url())),
        ("a token that is no text", format!("url = \"{}\", token_file = \"secrets/not-text\"", server.url())),
        (
            "a key that is none",
            format!("url = \"https://127.0.0.1:{}\", cert_file = \"secrets/cert.pem\", key_file = \"secrets/key.pem\"", server.port()),
        ),
        ("TLS with a server that has none", format!("url = \"https://127.0.0.1:{}\", token_file = \"secrets/token\"", server.port())),
        ("a token in the configuration", format!("url = \"{}\", token = \"{TOKEN}\"", server.url())),
        ("a password in the configuration", format!("url = \"{}\", username = \"{USER}\", password = \"{PASSWORD}\"", server.url())),
        ("a password in the address", format!("url = \"http://{USER}:{PASSWORD}@127.0.0.1:1\"")),
        ("a token without quotation marks", format!("url = \"{}\", token_file = {TOKEN}", server.url())),
        ("a token as another type", format!("url = \"{}\", concurrency = \"{TOKEN}\"", server.url())),
    ] {
        scene.run(what, &with_prometheus(&keys), &collect, &mut seen);
        scene.run(&format!("doctor, {what}"), &with_prometheus(&keys), &["doctor", "--month", MONTH], &mut seen);
    }
    for (what, kubeconfig) in [
        ("a kubeconfig that is none", format!("users:\n- name: a\n  user: {{ token: {KUBERNETES_TOKEN}\n  {KUBERNETES_TOKEN}")),
        ("a kubeconfig of another shape", format!("users: {KUBERNETES_TOKEN}\n")),
        (
            "a kubeconfig with a key that is none",
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster: {{ server: \"https://127.0.0.1:1\" }}\n\
             contexts:\n- name: a\n  context: {{ cluster: a, user: a }}\nusers:\n- name: a\n  user: {{ client-certificate-data: \"{KUBERNETES_TOKEN}\", client-key-data: \"{KUBERNETES_TOKEN}\" }}\n"
            ),
        ),
    ] {
        scene.write_secret("kubeconfig", &kubeconfig);
        let config = with_prometheus(&format!("url = \"{}\"", server.url())) + "kubernetes = { kubeconfig = \"secrets/kubeconfig\" }\n";
        scene.run(what, &config, &["collect", "--from", "2026-10-31", "--to", "2026-11-01"], &mut seen);
        scene.run(&format!("doctor, {what}"), &config, &["doctor", "--month", MONTH], &mut seen);
    }
    let report = ["report", "--month", MONTH, "--out", "canary-report"];
    scene.run(
        "a report without evidence",
        &with_prometheus("url = \"http://127.0.0.1:1\", token_file = \"secrets/token\""),
        &report,
        &mut seen,
    );

    let (runs, codes) = (scene.runs, scene.codes);
    for (path, bytes) in super::sameness::files_below(bench.folder.path()) {
        let is_where_secrets_are = path.starts_with("secrets") || path == Path::new("canary.toml");
        for form in if is_where_secrets_are { Vec::new() } else { found_in(&bytes) } {
            seen.complaints.push(format!("{} has `{form}`", path.display()));
        }
    }
    seen.refused = codes.into_iter().filter(|code| code == "PROM_DENIED").collect();
    seen.notes.push(format!("{runs} failing runs, {} forms", forms().len()));
    seen
}

/// The forms that a canary is looked for in are really found.
#[test]
fn a_canary_is_found_in_every_form() {
    for form in forms() {
        assert!(!found_in(format!("x{form}y").as_bytes()).is_empty(), "{form}");
    }
    assert!(found_in(b"nothing of it").is_empty());
}

pub fn readable_token() -> Seen {
    let mut bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name)));
    bench.prometheus_keys = ", token_file = \"secret\"";
    let server = bench.server(&Setup::default());
    let secret = bench.folder.path().join("secret");
    let config = bench.config("it", &server.url());
    let allow = |mode: u32| fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
    let collect = ["collect", "--from", "2026-10-31", "--to", "2026-11-01"];

    allow(0o644);
    let strict = wattledger(&config, &[&["--strict"], &collect[..]].concat());
    let mut seen = Seen::default();
    seen.demand(
        strict.exit == 1 && strict.stderr.starts_with("error: SECRET_READABLE: "),
        format!("--strict: {}", strict.stderr.trim_end()),
    );
    seen.demand(!bench.evidence("it").exists(), "--strict wrote something");
    let warned = wattledger(&config, &collect);
    seen.demand(warned.exit == 0 && warned.stderr.contains("SECRET_READABLE: "), format!("0644: {}", warned.stderr.trim_end()));
    let complaints = seen.complaints;
    let mut seen = bench.report("it", &config);
    seen.complaints.extend(complaints);
    for said in warned.stderr.lines().filter(|line| line.starts_with("disclosed: SECRET_READABLE: ")) {
        seen.flags.push(super::bench::Flag { code: "SECRET_READABLE".to_owned(), message: said.to_owned(), failing: 1 });
    }
    seen.demand(seen.flags.len() == 1, "one file is said once");
    for mode in [0o600, 0o640, 0o440] {
        allow(mode);
        let quiet = wattledger(&config, &[&["--strict"], &collect[..]].concat());
        seen.demand(quiet.exit == 0 && !quiet.stderr.contains("SECRET_READABLE"), format!("{mode:o}: {}", quiet.stderr.trim_end()));
    }
    seen
}
