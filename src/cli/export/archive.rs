//! The archive itself: a tar file compressed with zstd, whose bytes follow from what is put in and from nothing else.
//!
//! In: files by path, in the order in which they are to stand; the instant that all of them carry. Out: bytes, as they come, and `SHA256SUMS` as the last
//! file. Rule: everything lies in one folder, is a plain file of mode 0644 of nobody, and is listed with its SHA-256, so that `sha256sum --check` finds
//! whatever was changed. Assumes: an archive in which something went wrong is thrown away. Does not: hold more of a file than its reader gives at once,
//! or leave the folder.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use tar::{Builder, EntryType, Header};
use zstd::stream::write::Encoder;

use crate::evidence::Hashing;

pub const SUMS: &str = "SHA256SUMS";
/// The library's own: tables are compressed already, and text is small.
const LEVEL: i32 = 3;

/// An archive that is being written.
pub struct Archive<W: Write> {
    tar: Builder<Encoder<'static, W>>,
    folder: String,
    mtime_s: u64,
    /// Lines of `SHA256SUMS`, by path.
    sums: BTreeMap<String, String>,
}

impl<W: Write> Archive<W> {
    pub fn new(writer: W, folder: &str, instant: DateTime<Utc>) -> Result<Self> {
        let mut encoder = Encoder::new(writer, LEVEL).context("begin the archive")?;
        // A flipped bit is noticed by whatever unpacks it.
        encoder.include_checksum(true).context("begin the archive")?;
        let mtime_s = u64::try_from(instant.timestamp()).context("an archive is of no time before 1970")?;
        Ok(Self { tar: Builder::new(encoder), folder: folder.to_owned(), mtime_s, sums: BTreeMap::new() })
    }

    pub fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.add_from(path, bytes.len() as u64, bytes).map(|_| ())
    }

    /// A file of so many bytes; another number of them is an error. Gives back its SHA-256.
    pub fn add_from(&mut self, path: &str, bytes: u64, reader: impl Read) -> Result<String> {
        let mut hashed = Hashing::new(reader);
        append(&mut self.tar, &format!("{}/{path}", self.folder), bytes, self.mtime_s, &mut hashed)
            .with_context(|| format!("put {path} into the archive"))?;
        let (_, sha256, read) = hashed.finish();
        ensure!(read == bytes, "{path} has {read} bytes where {bytes} were said");
        ensure!(self.sums.insert(path.to_owned(), sum_line(&sha256, path)).is_none(), "{path} comes twice");
        Ok(sha256)
    }

    /// Ends the archive with its list of sums. Gives the writer back.
    pub fn finish(mut self) -> Result<W> {
        let sums: String = self.sums.into_values().collect();
        let path = format!("{}/{SUMS}", self.folder);
        append(&mut self.tar, &path, sums.len() as u64, self.mtime_s, sums.as_bytes()).context("put the sums into the archive")?;
        self.tar.into_inner().and_then(Encoder::finish).context("end the archive")
    }
}

fn append<W: Write>(tar: &mut Builder<W>, path: &str, bytes: u64, mtime_s: u64, reader: impl Read) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(mtime_s);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, path, reader)
}

/// As sha256sum writes it: what would break the line is escaped, and the line says so.
fn sum_line(sha256: &str, path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    if escaped == path { format!("{sha256}  {path}\n") } else { format!("\\{sha256}  {escaped}\n") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn instant() -> DateTime<Utc> {
        "2026-11-02T08:00:00Z".parse().unwrap()
    }

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Archive::new(Vec::new(), "wattledger-2026-10-1", instant()).unwrap();
        files.iter().for_each(|(path, bytes)| archive.add(path, bytes).unwrap());
        archive.finish().unwrap()
    }

    #[test]
    fn an_archive_is_plain_files_in_one_folder_and_its_bytes_follow_from_them() {
        let long = format!("evidence/{}/x.json", "a".repeat(150));
        let files: [(&str, &[u8]); 3] = [("evidence/a.txt", b"one"), (&long, b""), ("verify.md", b"two")];
        let bytes = written(&files);

        assert!(bytes == written(&files));
        let mut tar = tar::Archive::new(zstd::Decoder::new(bytes.as_slice()).unwrap());
        let mut seen = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let (header, path) = (entry.header().clone(), entry.path().unwrap().into_owned());
            assert_eq!((header.mode().unwrap(), header.mtime().unwrap(), header.uid().unwrap()), (0o644, 1_793_606_400, 0));
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            seen.push((path.strip_prefix("wattledger-2026-10-1").unwrap().display().to_string(), text));
        }
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["evidence/a.txt", long.as_str(), "verify.md", "SHA256SUMS"]);
        let sums: Vec<&str> = seen[3].1.lines().collect();
        assert_eq!(sums.len(), 3);
        assert_eq!(sums[2], "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  verify.md");
        assert!(sums[1].starts_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  evidence/aaa"));
    }

    #[test]
    fn a_path_that_would_break_its_line_is_escaped_as_sha256sum_does() {
        assert_eq!(sum_line("ab", "a\\b\nc"), "\\ab  a\\\\b\\nc\n");
        assert_eq!(sum_line("ab", "a b"), "ab  a b\n");
    }

    #[test]
    fn a_file_that_is_not_as_long_as_was_said_or_comes_twice_is_an_error_and_nothing_leaves_the_folder() {
        let mut archive = Archive::new(Vec::new(), "x", instant()).unwrap();
        assert!(archive.add_from("short", 5, &b"abc"[..]).is_err());
        let mut archive = Archive::new(Vec::new(), "x", instant()).unwrap();
        assert!(archive.add_from("long", 2, &b"abc"[..]).is_err());
        let mut archive = Archive::new(Vec::new(), "x", instant()).unwrap();
        archive.add("twice", b"abc").unwrap();
        assert!(archive.add("twice", b"abc").is_err());
        let mut archive = Archive::new(Vec::new(), "x", instant()).unwrap();
        assert!(archive.add("../outside", b"abc").is_err() && !Path::new("../outside").exists());
    }
}
