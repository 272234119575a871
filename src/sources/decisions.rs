//! Decision logs of schedulers, from files.
//!
//! In: files with one JSON object a line (see `model::decision`). Out: the records, each with its line as it stands there. Rule: a line that is no decision is
//! refused with file and line; the last one may be cut, because the file is still being written to, and then waits for the next time.
//! Does not: know whether the runs were seen, or believe what is written.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::digest::shown;
use super::intensity::file_name;
use super::{Reach, Refusal};
use crate::model::DecisionRecord;
use crate::model::sha256;

const HINT: &str =
    "a line is one JSON object with cluster, namespace, job, recorded_at, eligible_at, chosen_start, and what else the documentation names";

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionFile {
    /// Its name, and the SHA-256 of its bytes.
    pub edition: String,
    pub lines: Vec<DecisionLine>,
    /// Whether its last line has no end and is no decision.
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DecisionLine {
    pub record: DecisionRecord,
    pub text: String,
}

pub fn read_file(path: &Path) -> Result<DecisionFile> {
    let bytes = std::fs::read(path).with_context(|| format!("read decision log {}", path.display()))?;
    let name = file_name(path);
    let text = std::str::from_utf8(&bytes).with_context(|| format!("read decision log {}: it is not UTF-8 text", path.display()))?;
    let mut file = DecisionFile { edition: format!("{name} {}", shown(&sha256(&bytes))), lines: Vec::new(), is_cut: false };
    let mut lines = text.split('\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        match DecisionRecord::parse(line) {
            Ok(record) => file.lines.push(DecisionLine { record, text: line.to_owned() }),
            Err(_) if lines.peek().is_none() => file.is_cut = true,
            Err(why) => {
                bail!(Refusal::new("DECISION_FORMAT", Reach::Source, format!("{name}, line {}: {why}", number + 1)).hint(HINT))
            }
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(job: &str) -> String {
        format!(
            "{{\"cluster\":\"prod-nl\",\"namespace\":\"etl\",\"job\":\"{job}\",\"recorded_at\":\"2026-10-05T00:50:00Z\",\
             \"eligible_at\":\"2026-10-05T01:10:00Z\",\"chosen_start\":\"2026-10-05T05:00:00Z\"}}"
        )
    }

    fn read(text: &str) -> Result<DecisionFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.jsonl");
        std::fs::write(&path, text).unwrap();
        read_file(&path)
    }

    fn jobs(file: &DecisionFile) -> Vec<&str> {
        file.lines.iter().map(|line| line.record.job.as_str()).collect()
    }

    #[test]
    fn each_line_is_a_decision_and_stays_as_it_was_written() {
        let file = read(&format!("{}\n\n  {}\r\n", line("a"), line("b"))).unwrap();
        assert_eq!((jobs(&file), file.is_cut), (vec!["a", "b"], false));
        assert_eq!(file.lines[1].text, line("b"));
        assert!(file.edition.starts_with("decisions.jsonl "), "{}", file.edition);
    }

    #[test]
    fn a_last_line_that_is_still_being_written_waits() {
        let whole = line("b");
        let file = read(&format!("{}\n{}", line("a"), &whole[..whole.len() - 9])).unwrap();
        assert_eq!((jobs(&file), file.is_cut), (vec!["a"], true));
        // One that lacks only its end of line is whole.
        let file = read(&format!("{}\n{whole}", line("a"))).unwrap();
        assert_eq!((jobs(&file), file.is_cut), (vec!["a", "b"], false));
    }

    #[test]
    fn a_line_that_is_no_decision_is_refused_with_its_number() {
        let error = read(&format!("{}\n{{\"job\":\"b\"}}\n{}\n", line("a"), line("c"))).unwrap_err();
        let refusal = error.downcast_ref::<Refusal>().unwrap();
        assert_eq!(refusal.code, "DECISION_FORMAT");
        assert!(refusal.message.starts_with("decisions.jsonl, line 2: missing field `cluster`"), "{}", refusal.message);
        // Also where it is the last, if it has an end.
        assert!(read("nothing\n").is_err());
    }
}
