//! F79 and F80: what may not be built in. The cases are those of `supply_chain`, which holds the project's own rules against projects that it makes.

use super::bench::Seen;
use crate::supply_chain as cases;

/// A case that asserts what is refused: it comes to its end, or it is broken.
fn refused(code: &str, cases: &[fn() -> Option<()>]) -> Seen {
    let mut seen = Seen::default();
    if cases.iter().any(|case| case().is_none()) {
        seen.left_out = Some("cargo-deny is not there; .ci/run installs it".to_owned());
    }
    seen.refused.insert(code.to_owned());
    seen
}

pub fn advisory() -> Seen {
    refused("vulnerability", &[cases::f79_a_lock_file_with_a_crate_under_an_advisory_fails])
}

pub fn sources_and_licences() -> Seen {
    let each = [cases::f80_a_git_dependency_fails, cases::f80_an_unknown_registry_fails, cases::f80_a_licence_that_is_not_allowed_fails];
    refused("source-not-allowed", &each)
}
