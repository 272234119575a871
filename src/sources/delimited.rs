//! CSV as people save it: with a byte-order mark, with CRLF, with capitals in the header.

use std::io::Cursor;

use anyhow::{Context, Result};

pub type Reader = csv::Reader<Cursor<String>>;

/// The header in lower case, and the rows below it.
pub fn open(bytes: &[u8]) -> Result<(Vec<String>, Reader)> {
    let text = std::str::from_utf8(bytes).context("it is not UTF-8")?;
    // The reader counts a line's end where the next row starts, and a CRLF as belonging to both: with LF alone its line numbers are right.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(Cursor::new(text));
    let header = reader.headers()?.iter().map(|name| name.to_lowercase().replace('\u{2082}', "2")).collect();
    Ok((header, reader))
}

/// Where the first of these columns stands.
pub fn position(header: &[String], names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| header.iter().position(|column| column == name))
}
