//! Built without the feature `spark`: there is no client, and that is said.

use anyhow::Error;

use super::statements::Statement;
use super::{Failure, Spark};
use crate::model::Hint;

pub fn run(_: &Spark, _: Vec<Statement>, _: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let error = Hint::new(
        "this wattledger was built without a client for Spark Connect",
        "build it with `cargo install --locked --path . --features spark` (needs Debian's protobuf-compiler and libprotobuf-dev), or leave out --engine",
    );
    Err(Failure { error: Error::new(error), may_pass: false })
}
