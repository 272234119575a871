//! One session with a Spark Connect server: statements in, nothing out but whether all of them were done.
//!
//! In: where the server is, a token's file, statements. Out: nothing, or a [`Failure`]. Rule: the client's calls block and wait long by themselves, so they run
//! on a thread of their own while this one looks whether the server still answers; one that is out of reach for longer than `patience` is given up, and
//! whatever it may still write lies in a folder that nobody reads. A token stays out of every message. Does not: read results; those are files.

use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};
use spark_connect::{SparkError, SparkSession};

use super::statements::Statement;
use super::{Failure, Spark};
use crate::model::Hint;

/// How often it is looked whether the server answers.
const LOOK: Duration = Duration::from_secs(2);
/// Characters of what a server says that a person is shown.
const SHOWN: usize = 400;

/// What the thread of the session reports.
enum Report {
    /// The server has answered for the first time.
    Answers,
    At(String),
    Done(Result<(), Failure>),
}

pub fn run(spark: &Spark, statements: Vec<Statement>, progress: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let lasting = |error: Error| Failure { error, may_pass: false };
    let token = token(spark).map_err(lasting)?;
    reach(spark).map_err(|error| Failure { error, may_pass: true })?;
    let url = connection_string(spark, token.as_deref());
    let shown = spark.address.to_string();
    let (reports, reported) = mpsc::channel();
    thread::spawn(move || {
        let done =
            session(&url, statements, &reports).map_err(|failure| Failure { error: without(failure.error, token.as_deref()), ..failure });
        // Whoever has given up does not listen any more.
        let _ = reports.send(Report::Done(done));
    });
    let (mut answered, started) = (false, Instant::now());
    let mut last_seen = Instant::now();
    loop {
        match reported.recv_timeout(LOOK) {
            Ok(Report::Answers) => answered = true,
            Ok(Report::At(what)) => progress(&what),
            Ok(Report::Done(done)) => return done,
            Err(RecvTimeoutError::Timeout) if !answered && started.elapsed() > spark.patience => {
                return Err(Failure { error: silent(&shown, spark), may_pass: true });
            }
            Err(RecvTimeoutError::Timeout) => match reach(spark) {
                Ok(()) => last_seen = Instant::now(),
                Err(error) if last_seen.elapsed() > spark.patience => {
                    return Err(Failure { error: error.context("ENGINE_LOST: the engine went away in the middle"), may_pass: true });
                }
                Err(_) => {}
            },
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure { error: anyhow!("the client of the engine has ended without a word"), may_pass: true });
            }
        }
    }
}

/// On its own thread: opens a session, does one statement after the other, and closes it whatever became of them.
fn session(url: &str, statements: Vec<Statement>, reports: &mpsc::Sender<Report>) -> Result<(), Failure> {
    let opened = SparkSession::builder().remote(url).get_or_create().map_err(|error| failure(&error, "open a session"))?;
    opened.version().map_err(|error| failure(&error, "open a session"))?;
    let _ = reports.send(Report::Answers);
    let done = statements.iter().try_for_each(|statement| {
        let _ = reports.send(Report::At(what(statement)));
        one(&opened, statement)
    });
    if let Err(error) = opened.stop() {
        tracing::debug!("the engine did not close the session: {error}");
    }
    done
}

#[expect(clippy::result_large_err, reason = "the error is the client's, and it goes no further than here")]
fn one(session: &SparkSession, statement: &Statement) -> Result<(), Failure> {
    let done = match statement {
        Statement::Files { name, path, schema } => {
            let reader = session.read();
            let reader = match schema {
                Some(schema) => reader.schema((*schema).to_owned()),
                None => reader,
            };
            reader.parquet(path).create_or_replace_temp_view(name)
        }
        Statement::Expect { name, rows } => match session.table(name).and_then(|table| table.count()) {
            Ok(found) if found == *rows => Ok(()),
            Ok(found) => {
                return Err(no_evidence(&format!("table {name}, which was just written there, has {found} rows and not {rows}")));
            }
            Err(error) => Err(error),
        },
        Statement::View { name, sql } => session.sql(sql).and_then(|view| view.create_or_replace_temp_view(name)),
        Statement::Write { name, path, by } => session.table(name).and_then(|table| {
            // The folder is this attempt's own; Sail knows no other mode that fits.
            let writer = table.write().mode("overwrite");
            match by {
                Some(column) => writer.partition_by([*column]).parquet(path),
                None => writer.parquet(path),
            }
        }),
    };
    done.map_err(|error| failure(&error, &what(statement)))
}

fn what(statement: &Statement) -> String {
    match statement {
        Statement::Files { name, .. } | Statement::Expect { name, .. } => format!("find table {name}"),
        Statement::View { name, .. } => format!("prepare table {name}"),
        Statement::Write { name, .. } => format!("make table {name}"),
    }
}

/// Whether anybody listens there.
fn reach(spark: &Spark) -> Result<()> {
    let address = &spark.address;
    let host = address.host.trim_matches(['[', ']']);
    let hint = || {
        Hint::new(
            format!("ENGINE_UNREACHABLE: nobody answers at {address}"),
            "see that the Spark Connect server runs and that this machine may reach it; `--engine columns` needs none",
        )
    };
    let addresses = (host, address.port).to_socket_addrs().map_err(|error| anyhow!("{error}").context(hint()))?;
    let mut last = anyhow!("its name has no address");
    for one in addresses {
        match TcpStream::connect_timeout(&one, LOOK) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.into(),
        }
    }
    Err(last.context(hint()))
}

fn silent(shown: &str, spark: &Spark) -> Error {
    let tls = if spark.has_tls { "`tls = true` is for a server with TLS" } else { "a server with TLS wants `tls = true` in [engine]" };
    Error::new(Hint::new(
        format!(
            "ENGINE_UNREACHABLE: something listens at {shown} and does not answer as a Spark Connect server within {:?}",
            spark.patience
        ),
        format!("see which port is the server's, usually 15002; {tls}"),
    ))
}

fn token(spark: &Spark) -> Result<Option<String>> {
    let Some(path) = &spark.token_file else { return Ok(None) };
    let text = fs::read_to_string(path).with_context(|| format!("read the engine's token from {}", path.display()))?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(anyhow!("{} holds no token of printable characters", path.display()));
    }
    Ok(Some(token.to_owned()))
}

/// Apache Spark, "Client connection string": parameters behind a semicolon, percent-encoded.
fn connection_string(spark: &Spark, token: Option<&str>) -> String {
    let mut url = format!("{}/;user_id=wattledger;user_agent=wattledger", spark.address);
    if spark.has_tls {
        url.push_str(";use_ssl=true");
    }
    if let Some(token) = token {
        let encoded: String = token
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        url.push_str(&format!(";token={encoded}"));
    }
    url
}

/// What a server says, as far as it helps, and whether it may be otherwise next time.
fn failure(error: &SparkError, doing: &str) -> Failure {
    let text = error.to_string();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it does not say why");
    let said: String = first.chars().take(SHOWN).collect();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let hinted =
        |code: &str, advice: &str| Failure { error: Error::new(Hint::new(format!("{code}: {doing}: {said}"), advice)), may_pass: false };
    if has(&["Unauthenticated", "UNAUTHENTICATED", "PermissionDenied", "PERMISSION_DENIED", "authentication token"]) {
        return hinted("ENGINE_DENIED", "see that `token_file` in [engine] holds the token that the engine's keeper gave out");
    }
    if has(&["PATH_NOT_FOUND", "No such file", "not found: Object at location", "FileNotFoundException"]) {
        return no_evidence(&format!("{doing}: {said}"));
    }
    let may_pass = !has(&["PARSE_SYNTAX_ERROR", "UNRESOLVED", "AnalysisException", "ARITHMETIC_OVERFLOW"]);
    Failure { error: anyhow!("ENGINE_FAILED: {doing}: {said}"), may_pass }
}

fn no_evidence(what: &str) -> Failure {
    let advice = "put `evidence` in [engine]: the path or address under which the engine itself reaches the evidence, and may write to its folder `engine`";
    Failure { error: Error::new(Hint::new(format!("ENGINE_NO_EVIDENCE: {what}"), advice)), may_pass: false }
}

/// A message may repeat what was sent.
fn without(error: Error, token: Option<&str>) -> Error {
    let Some(token) = token.filter(|token| format!("{error:#}").contains(token)) else { return error };
    anyhow!("{}", format!("{error:#}").replace(token, "(token)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spark(keys: &str) -> Spark {
        let text = format!(
            "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n[engine]\n{keys}\n\
             [[cluster]]\nname = \"a\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let config = crate::config::Config::from_bytes(text.as_bytes(), &folder.path().join("wattledger.toml")).unwrap();
        Spark::new(&"sc://spark.example".parse().unwrap(), &config.engine, &config.evidence).unwrap()
    }

    #[test]
    fn a_token_is_sent_as_spark_wants_it_and_only_with_tls() {
        assert_eq!(connection_string(&spark(""), None), "sc://spark.example:15002/;user_id=wattledger;user_agent=wattledger");
        let with_tls = connection_string(&spark("tls = true"), Some("a/b=c;d"));
        assert!(with_tls.ends_with(";use_ssl=true;token=a%2Fb%3Dc%3Bd"), "{with_tls}");
    }

    #[test]
    fn a_token_stands_in_no_message() {
        let said = without(anyhow!("Bearer s3cret was refused").context("open a session"), Some("s3cret"));
        assert_eq!(format!("{said:#}"), "open a session: Bearer (token) was refused");
        assert_eq!(format!("{:#}", without(anyhow!("nothing of it"), Some("s3cret"))), "nothing of it");
    }
}
