//! Reports: views of one statement, as bytes.

use anyhow::Result;

use crate::disclosure::Statement;

pub fn json(_statement: &Statement) -> Result<Vec<u8>> {
    anyhow::bail!("not built yet")
}

pub fn html(_statement: &Statement) -> Result<Vec<u8>> {
    anyhow::bail!("not built yet")
}

pub fn xlsx(_statement: &Statement) -> Result<Vec<u8>> {
    anyhow::bail!("not built yet")
}
