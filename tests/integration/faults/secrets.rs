//! F77 and F78: secrets in every file and variable that may hold one, and everything that goes wrong at the loudest log; and files that all can read.
//!
//! Rule: a secret is looked for as it is, and as headers and addresses have it: in Base64, with its user, and percent-encoded. Servers that turn away whom
//! they do not know repeat what was sent to them, as debugging proxies do.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::bench::{Bench, Seen, wattledger};
use super::history::{DAY, MONTH, NEXT_DAY, Story, by_seed};
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

/// A run that meets trouble: what it is about, its configuration and its arguments.
struct Scene {
    what: String,
    config: String,
    arguments: Vec<String>,
}

/// Most of them wait for servers that are asked again.
const AT_ONCE: usize = 24;

fn write_secret(bench: &Bench, name: &str, bytes: &[u8]) {
    let path = bench.folder.path().join("secrets").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Runs a scene as loudly as can be, with a canary in every variable and, every other time, a proxy that wants a password. What was seen of any secret, and
/// the words in capitals on stderr.
fn run(bench: &Bench, number: usize, scene: &Scene) -> (Vec<String>, BTreeSet<String>) {
    let Scene { what, config, arguments } = scene;
    let path = bench.folder.path().join(format!("canary-{number}.toml"));
    fs::write(&path, config.replace("evidence-canary", &format!("evidence-canary-{number}"))).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
    command
        .arg("--config")
        .arg(&path)
        .args(["-vvv", "--log-format", if number.is_multiple_of(2) { "text" } else { "json" }])
        .args(arguments);
    command
        .envs(VARIABLES.iter().map(|name| (*name, VARIABLE)))
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .stdin(Stdio::null());
    if number % 2 == 1 {
        command.envs(["http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, format!("http://{USER}:{VARIABLE}@127.0.0.1:1"))));
        command.env("NO_PROXY", if number % 4 == 1 { "127.0.0.1" } else { "" });
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut complaints = Vec::new();
    // A cluster is collected without its Kubernetes API too, so that some of these end well.
    if output.status.code().is_none() || stderr.contains("panicked") {
        complaints.push(format!("{what}: ended with {:?}: {stderr}", output.status.code()));
    }
    for (stream, bytes) in [("stderr", &output.stderr), ("stdout", &output.stdout)] {
        for form in found_in(bytes) {
            let line = String::from_utf8_lossy(bytes).lines().find(|line| line.contains(&form)).unwrap_or_default().to_owned();
            complaints.push(format!("{what}: {stream} has `{form}`: {line}"));
        }
    }
    let is_of_a_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (complaints, stderr.split(|c: char| !is_of_a_code(c)).filter(|word| word.contains('_')).map(str::to_owned).collect())
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

/// Every way to fail that a server's answer can lead to, and the same secrets in all of them.
fn answers(add: &mut dyn FnMut(String, String, &[&str]), bench: &Bench, url: &str, prometheus: &str, status: &str, number: usize) {
    let logins = ["token_file = \"secrets/token\"".to_owned(), format!("username = \"{USER}\", password_file = \"secrets/password\"")];
    for login in logins {
        let config = with_prometheus(&format!("url = \"{url}\", {login}, timeout = \"5s\", read = \"query\""));
        add(format!("Prometheus, {status}, {login}"), config, &COLLECT);
    }
    let maps = format!("zones = [\"NL\"]\nprovider = \"electricity-maps\"\nurl = \"{url}\"\ntoken_file = \"secrets/feed-token\"");
    add(format!("Electricity Maps, {status}"), with_feed(&maps), &COLLECT);
    let login = format!("username = \"{USER}\"\npassword_file = \"secrets/feed-password\"\nsignal = \"co2_aoer\"");
    let watttime = format!("zones = [\"NL\"]\nprovider = \"watttime\"\nurl = \"{url}\"\n{login}");
    add(format!("WattTime, {status}"), with_feed(&watttime), &COLLECT);
    let kubeconfig = kubeconfig(url, &format!("token: {KUBERNETES_TOKEN}"));
    kubernetes(add, bench, prometheus, &format!("Kubernetes, {status}"), &kubeconfig, number);
}

fn kubeconfig(url: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster: {{ server: \"{url}\" }}\n\
         contexts:\n- name: a\n  context: {{ cluster: a, user: a }}\nusers:\n- name: a\n  user: {{ {user} }}\n"
    )
}

fn kubernetes(add: &mut dyn FnMut(String, String, &[&str]), bench: &Bench, prometheus: &str, what: &str, kubeconfig: &str, number: usize) {
    let name = format!("kubeconfig-{number}");
    write_secret(bench, &name, kubeconfig.as_bytes());
    let config = with_prometheus(&format!("url = \"{prometheus}\"")) + &format!("kubernetes = {{ kubeconfig = \"secrets/{name}\" }}\n");
    add(what.to_owned(), config.clone(), &COLLECT_DAY);
    add(format!("doctor, {what}"), config, &DOCTOR);
}

const COLLECT: [&str; 3] = ["collect", "--month", MONTH];
const COLLECT_DAY: [&str; 5] = ["collect", "--from", DAY, "--to", NEXT_DAY];
const DOCTOR: [&str; 3] = ["doctor", "--month", MONTH];
/// What a server answers with: status, and what stands before and after what it was sent.
const ANSWERS: [(&str, &str, &str); 8] = [
    ("401 Unauthorized", "", ""),
    ("403 Forbidden", r#"{"status":"error","errorType":"denied","error":""#, r#""}"#),
    ("500 Internal Server Error", "<html>", "</html>"),
    ("400 Bad Request", r#"{"status":"error","errorType":"bad_data","error":""#, r#""}"#),
    ("422 Unprocessable Entity", r#"{"status":"error","errorType":"execution","error":""#, r#""}"#),
    ("404 Not Found", "", ""),
    ("200 OK", "", ""),
    ("200 OK", r#"{"status":"success","warnings":[""#, r#""],"data":{"resultType":"matrix","result":[]}}"#),
];

pub fn canaries() -> Seen {
    let bench = Bench::of(&by_seed(|seed, name| Story::six_hours(seed).cluster(name))[..1]);
    let server = bench.server(&Setup::default());
    for (name, text) in [
        ("token", format!("{TOKEN}\n")),
        ("bad-token", format!("{TOKEN}\u{7}\n")),
        ("password", format!("{PASSWORD}\n")),
        ("key.pem", format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n")),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        ("feed-token", FEED_TOKEN.to_owned()),
        ("feed-password", FEED_PASSWORD.to_owned()),
        ("seal-key", format!("untrusted comment: minisign secret key\n{KEY}\n")),
    ] {
        write_secret(&bench, name, text.as_bytes());
    }
    write_secret(&bench, "not-text", &[TOKEN.as_bytes(), &[0xff]].concat());
    let mut scenes = Vec::new();
    let mut add = |what: String, config: String, arguments: &[&str]| {
        scenes.push(Scene { what, config, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect() });
    };
    let repeating = ANSWERS.map(|(status, before, after)| repeating(server.port(), status, before, after));
    for (number, (proxy, (status, ..))) in repeating.iter().zip(ANSWERS).enumerate() {
        answers(&mut add, &bench, &proxy.url(), &server.url(), status, number);
    }
    let (url, port) = (server.url(), server.port());
    for (what, keys) in [
        ("nobody there", "url = \"http://127.0.0.1:1\", token_file = \"secrets/token\"".to_owned()),
        ("a token that no header takes", format!("url = \"{url}\", token_file = \"secrets/bad-token\"")),
        ("a token that is no text", format!("url = \"{url}\", token_file = \"secrets/not-text\"")),
        (
            "a key that is none",
            format!("url = \"https://127.0.0.1:{port}\", cert_file = \"secrets/cert.pem\", key_file = \"secrets/key.pem\""),
        ),
        ("TLS with a server that has none", format!("url = \"https://127.0.0.1:{port}\", token_file = \"secrets/token\"")),
        ("a token in the configuration", format!("url = \"{url}\", token = \"{TOKEN}\"")),
        ("a password in the configuration", format!("url = \"{url}\", username = \"{USER}\", password = \"{PASSWORD}\"")),
        ("a password in the address", format!("url = \"http://{USER}:{PASSWORD}@127.0.0.1:1\"")),
        ("a token without quotation marks", format!("url = \"{url}\", token_file = {TOKEN}")),
    ] {
        add(what.to_owned(), with_prometheus(&keys), &COLLECT);
        add(format!("doctor, {what}"), with_prometheus(&keys), &DOCTOR);
    }
    let broken = format!("users:\n- name: a\n  user: {{ token: {KUBERNETES_TOKEN}\n  {KUBERNETES_TOKEN}");
    kubernetes(&mut add, &bench, &url, "a kubeconfig that is none", &broken, 101);
    kubernetes(&mut add, &bench, &url, "a kubeconfig of another shape", &format!("users: {KUBERNETES_TOKEN}\n"), 102);
    let no_key = kubeconfig(
        "https://127.0.0.1:1",
        &format!("client-certificate-data: \"{KUBERNETES_TOKEN}\", client-key-data: \"{KUBERNETES_TOKEN}\""),
    );
    kubernetes(&mut add, &bench, &url, "a kubeconfig with a key that is none", &no_key, 103);
    let config = with_prometheus("url = \"http://127.0.0.1:1\", token_file = \"secrets/token\"");
    add("a report without evidence".to_owned(), config.clone(), &["report", "--month", MONTH, "--out", "canary-report"]);
    let seal = format!("{config}[seal]\nsecret_key_file = \"secrets/seal-key\"\n");
    add("a close with a key that is none".to_owned(), seal, &["close", "--no-collect", "--month", MONTH]);

    let (next, found) = (AtomicUsize::new(0), Mutex::new((Vec::new(), BTreeSet::new())));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(scene) = scenes.get(number) else { break };
                    let (complaints, codes) = run(&bench, number, scene);
                    let mut found = found.lock().unwrap();
                    found.0.extend(complaints);
                    found.1.extend(codes);
                }
            });
        }
    });
    let (complaints, codes) = found.into_inner().unwrap();
    let mut seen = Seen { complaints, ..Seen::default() };
    for (path, bytes) in super::sameness::files_below(bench.folder.path()) {
        let is_where_secrets_are = path.starts_with("secrets") || path.extension().is_some_and(|extension| extension == "toml");
        for form in if is_where_secrets_are { Vec::new() } else { found_in(&bytes) } {
            seen.complaints.push(format!("{} has `{form}`", path.display()));
        }
    }
    seen.refused = codes.into_iter().filter(|code| code == "PROM_DENIED").collect();
    seen.notes.push(format!("{} runs, {} forms", scenes.len(), forms().len()));
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
