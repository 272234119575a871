//! The doorway: installs the one TLS provider, runs the command line, exits with its code.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Two providers can be compiled in by way of dependencies; rustls panics at first use where nobody has chosen.
    rustls::crypto::ring::default_provider().install_default().expect("nothing has run before main that could have installed another");
    ExitCode::from(wattledger::cli::run_from(std::env::args_os(), &mut io::stderr()))
}
