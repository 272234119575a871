//! What a server is, found out once: in which way it is asked, and what it adds to its series.
//!
//! In: the configured way, the server's own configuration and flags. Out: [`Server`]. Rule: remote read shows no warnings, so that a server
//! with a dead store behind it would answer with less and call it all. It is used unasked only where the server shows its configuration and
//! reads from nowhere else; where somebody insists on it, every reply is held against a count, which has warnings.
//! Assumes: `/api/v1/status/config` is YAML as Prometheus prints it. Does not: keep anything of it but label pairs.

use serde_json::Value;

use super::client::{Client, Fault};
use super::matchers::{Comparison, Matcher};
use super::remote;
use crate::model::policy::ReadWay;
use crate::sources::{Reach, Refusal};

/// `--query.max-samples` where the server does not say otherwise.
const USUAL_MAX_SAMPLES: f64 = 50_000_000.0;
/// Characters.
const LONGEST_VERSION: usize = 64;

/// How a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    RemoteRead,
    Query,
    Edges,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::RemoteRead => "remote-read",
            Self::Query => "query",
            Self::Edges => "edges",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub way: Way,
    /// For people, why so.
    pub why: String,
    /// Pairs that remote read adds to every series and the query API does not.
    pub external_labels: Vec<(String, String)>,
    /// Whether every remote read is held against a count.
    pub is_counted: bool,
    pub max_samples: f64,
    /// For the record.
    pub version: Option<String>,
}

/// Asks a server what it is.
pub async fn probe(client: &Client, wanted: ReadWay) -> Result<Server, Refusal> {
    let config = client.show("/api/v1/status/config").await.map_err(refusal)?;
    let config = config.as_ref().and_then(|page| page["data"]["yaml"].as_str()).and_then(Configuration::of);
    let is_open = config.as_ref().is_some_and(|config| !config.reads_elsewhere);
    let (way, why) = match wanted {
        ReadWay::Query => (Way::Query, "as configured".to_owned()),
        ReadWay::Edges => (Way::Edges, "as configured".to_owned()),
        ReadWay::RemoteRead => match remote_read(client).await? {
            Ok(()) => (Way::RemoteRead, "as configured".to_owned()),
            Err(why) => {
                let refusal = Refusal::new("PROM_READ", Reach::Source, why);
                return Err(refusal.hint("leave out `read = \"remote-read\"` of the cluster's `prometheus`: queries serve as well"));
            }
        },
        ReadWay::Auto if !is_open => {
            let why = if config.is_some() { "it has a remote read of its own" } else { "it does not show its configuration" };
            (Way::Query, format!("{why}, and remote read would hide that an answer is partial"))
        }
        ReadWay::Auto => match remote_read(client).await? {
            Ok(()) => (Way::RemoteRead, "the server offers it".to_owned()),
            Err(why) => (Way::Query, why),
        },
    };
    let mut max_samples = USUAL_MAX_SAMPLES;
    if way != Way::RemoteRead || !is_open {
        let flags = client.show("/api/v1/status/flags").await.map_err(refusal)?;
        let flag = flags.as_ref().and_then(|page| page["data"]["query.max-samples"].as_str()).and_then(|text| text.parse().ok());
        max_samples = flag.filter(|flag| *flag >= 1.0).unwrap_or(USUAL_MAX_SAMPLES);
    }
    let external_labels = config.map(|config| config.external_labels).unwrap_or_default();
    tracing::info!(way = way.name(), why, ?external_labels, max_samples, "the external labels are no part of a series' identity");
    // Who it is matters less than what it says: a server that does not tell is asked all the same.
    let build = client.show("/api/v1/status/buildinfo").await.unwrap_or_default();
    let version = build.as_ref().and_then(|page| page["data"]["version"].as_str()).map(version_text);
    Ok(Server { way, why, external_labels, is_counted: way == Way::RemoteRead && !is_open, max_samples, version })
}

/// A version as it may stand in evidence, whatever the server says.
fn version_text(told: &str) -> String {
    told.chars().filter(|letter| !letter.is_control()).take(LONGEST_VERSION).collect()
}

/// Whether streamed remote read is served, by a question that no series answers; or why not.
async fn remote_read(client: &Client) -> Result<Result<(), String>, Refusal> {
    let nothing = Matcher { comparison: Comparison::Equal, label: "__name__".to_owned(), value: "wattledger_asks".to_owned() };
    match remote::read(client, &[nothing], 0..1, &[]).await {
        Ok(_) => Ok(Ok(())),
        Err(Fault::Unserved(why)) => Ok(Err(why)),
        Err(fault) => Err(refusal(fault)),
    }
}

fn refusal(fault: Fault) -> Refusal {
    match fault {
        Fault::Final(refusal) => refusal,
        Fault::TooLarge(why) | Fault::TooSlow(why) | Fault::Unserved(why) | Fault::Passing { why, .. } => {
            Refusal::new("PROM_UNREACHABLE", Reach::Source, format!("asking what the server is: {why}")).hint("look at the server's log")
        }
    }
}

/// What matters here of a server's configuration.
#[derive(Debug, PartialEq)]
struct Configuration {
    external_labels: Vec<(String, String)>,
    reads_elsewhere: bool,
}

impl Configuration {
    /// Of the YAML that a server prints, which is indented by two and has one pair a line; none where it is something else.
    fn of(yaml: &str) -> Option<Self> {
        let reads_elsewhere = yaml.lines().any(|line| line.starts_with("remote_read:") && line.trim_end() != "remote_read: []");
        let global = yaml.lines().skip_while(|line| line.trim_end() != "global:").skip(1).take_while(|line| line.starts_with(' '));
        let mut lines = global.skip_while(|line| line.trim_end() != "  external_labels:").skip(1);
        let mut external_labels = Vec::new();
        while let Some(line) = lines.next().filter(|line| line.starts_with("    ")) {
            let (name, rest) = scalar(&line[4..], true)?;
            let (value, rest) = scalar(rest.trim_start_matches(':').trim_start(), false)?;
            if !rest.trim().is_empty() {
                return None;
            }
            external_labels.push((name, value));
        }
        (yaml.is_empty() || yaml.lines().any(|line| line.ends_with(':'))).then_some(Self { external_labels, reads_elsewhere })
    }
}

/// A YAML scalar on one line and what is behind it; a key ends at its colon.
fn scalar(text: &str, is_key: bool) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        // A quote within is written twice.
        let mut value = String::new();
        let mut rest = quoted;
        loop {
            let (part, behind) = rest.split_once('\'')?;
            value.push_str(part);
            match behind.strip_prefix('\'') {
                Some(behind) => {
                    value.push('\'');
                    rest = behind;
                }
                None => return Some((value, behind)),
            }
        }
    }
    if text.starts_with('"') {
        // JSON's escapes are a part of YAML's; what has others is not read.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let value = values.next()?.ok()?.as_str()?.to_owned();
        return Some((value, &text[values.byte_offset()..]));
    }
    if text.starts_with(['|', '>', '&', '*', '!', '{', '[']) {
        return None;
    }
    let end = if is_key { text.find(':')? } else { text.len() };
    Some((text[..end].trim_end().to_owned(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// As Prometheus 2.42 prints it.
    #[test]
    fn a_printed_configuration_tells_its_external_labels_and_whether_it_reads_elsewhere() {
        let yaml = "global:\n  scrape_interval: 1m\n  external_labels:\n    cluster: prod-nl\n    odd: 'with: colon # and '' quote'\n    \"y\": \"yes\"\n    \
                    tab: \"a\\tb\"\n  body_size_limit: 0B\nremote_read:\n- url: http://127.0.0.1:9/api/v1/read\n  filter_external_labels: true\n";
        let expected = pairs(&[("cluster", "prod-nl"), ("odd", "with: colon # and ' quote"), ("y", "yes"), ("tab", "a\tb")]);
        assert_eq!(Configuration::of(yaml), Some(Configuration { external_labels: expected, reads_elsewhere: true }));
        let plain = "global:\n  scrape_interval: 1m\nscrape_configs:\n- job_name: a\n  external_labels:\n    not: these\n";
        assert_eq!(Configuration::of(plain), Some(Configuration { external_labels: Vec::new(), reads_elsewhere: false }));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        assert_eq!(Configuration::of("global:\n  external_labels:\n    a: |-\n      two\n      lines\n"), None);
        assert_eq!(Configuration::of("global:\n  external_labels:\n    a: \"\\x41\"\n"), None);
        assert_eq!(Configuration::of("<html></html>"), None);
    }
}
