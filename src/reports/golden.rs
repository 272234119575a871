//! Compares bytes with a golden file; `BLESS=1` writes it anew.

use std::path::Path;

/// A golden changes only on purpose: on a difference this names the first line that differs.
pub fn compare(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, bytes).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; BLESS=1 writes it", path.display()));
    let found = std::str::from_utf8(bytes).unwrap();
    for (number, (expected, found)) in golden.lines().zip(found.lines()).enumerate() {
        assert_eq!(found, expected, "{name}, line {}; BLESS=1 if that is meant", number + 1);
    }
    assert_eq!(found.len(), golden.len(), "{name} ends elsewhere; BLESS=1 if that is meant");
}
