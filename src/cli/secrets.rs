//! Whether secrets are kept as secrets on this machine.
//!
//! In: the configuration's secret files. Out: a line on stderr for each that everybody on the machine can read; with `--strict` an error in its place.
//! Rule: looked at before a verb does anything. A group may read: that is how a pod's own user gets to a mounted secret. A file that is not there
//! is no trouble here; whoever needs it says so. Does not: open one, or change its mode.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::config::Config;
use crate::model::Hint;

const READABLE_BY_OTHERS: u32 = 0o004;

/// Warns of files that everybody can read, or refuses to go on.
pub fn check(config: &Config, is_strict: bool, stderr: &mut dyn Write) -> Result<()> {
    let readable: Vec<(&Path, u32)> = config.secret_files().into_iter().filter_map(|path| Some((path, readable_by_all(path)?))).collect();
    if is_strict && let Some((path, mode)) = readable.first() {
        bail!(Hint::new(says(path, *mode), advice(readable.iter().map(|(path, _)| *path))));
    }
    for (path, mode) in &readable {
        // Where stderr itself cannot be written to there is nobody left to tell.
        let _ = writeln!(stderr, "disclosed: {}", says(path, *mode));
    }
    if !readable.is_empty() {
        let _ = writeln!(stderr, "hint: {}", advice(readable.iter().map(|(path, _)| *path)));
    }
    Ok(())
}

/// The mode of a file that everybody can read. A link is what it points to.
fn readable_by_all(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & READABLE_BY_OTHERS != 0).then_some(mode)
}

fn says(path: &Path, mode: u32) -> String {
    format!("SECRET_READABLE: everybody on this machine can read {}, which holds a secret (mode {mode:04o})", path.display())
}

fn advice<'a>(paths: impl Iterator<Item = &'a Path>) -> String {
    let files: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    format!(
        "chmod o-rwx {}; in a pod, give the secret's volume `defaultMode: 0440`. `--strict` refuses to start with such a file",
        files.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of token files with these modes, and whether the start is refused.
    fn said(modes: &[(&str, u32)], is_strict: bool) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "[organisation]\nname = \"Example BV\"\ntime_zone = \"UTC\"\n".to_owned();
        for (name, mode) in modes {
            let path = folder.path().join(name);
            fs::write(&path, "s3cret").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            text.push_str(&format!(
                "[[cluster]]\nname = \"{name}\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.0\n\
                 prometheus = {{ url = \"http://a\", token_file = \"{name}\" }}\n"
            ));
        }
        let config = Config::from_bytes(text.as_bytes(), &folder.path().join("wattledger.toml")).unwrap();
        let mut stderr = Vec::new();
        let outcome = check(&config, is_strict, &mut stderr);
        let refused = outcome.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        (outcome.is_err(), format!("{}{refused}", String::from_utf8(stderr).unwrap()).replace(folder.path().to_str().unwrap(), ""))
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_said_and_with_strict_refused() {
        let modes = [("a", 0o644), ("b", 0o640), ("c", 0o600), ("d", 0o604)];
        let (is_refused, text) = said(&modes, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(!is_refused && lines.len() == 3, "{text}");
        assert!(
            lines[0].starts_with("disclosed: SECRET_READABLE: ") && lines[0].contains("read /a,") && lines[0].contains("0644"),
            "{text}"
        );
        assert!(lines[1].contains("read /d,"), "{text}");
        assert!(lines[2].starts_with("hint: chmod o-rwx /a /d;"), "{text}");

        let (is_refused, text) = said(&modes, true);
        assert!(is_refused && text.starts_with("SECRET_READABLE: ") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn secrets_that_are_kept_are_not_mentioned() {
        assert_eq!(said(&[("a", 0o400), ("b", 0o660)], true), (false, String::new()));
    }
}
