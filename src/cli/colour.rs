//! Whether what a verb prints is coloured.

use std::io::IsTerminal;

/// Where a person reads it, unless `NO_COLOR` (no-color.org) says that they do not want it.
pub fn is_wanted() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
