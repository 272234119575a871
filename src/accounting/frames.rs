//! Typed columns of evidence frames, by name. A missing column or a wrong type is an error that names it.

use anyhow::{Context, Result};
use polars::prelude::{DataFrame, DataType};

fn cast(frame: &DataFrame, column: &str, to: &DataType) -> Result<polars::prelude::Column> {
    let found = frame.column(column).map_err(|error| anyhow::anyhow!("{error}"))?;
    found.cast(to).map_err(|error| anyhow::anyhow!("column {column}: {error}"))
}

pub fn ids(frame: &DataFrame, column: &str) -> Result<Vec<i32>> {
    let values = cast(frame, column, &DataType::Int32)?;
    let values = values.i32().map_err(|error| anyhow::anyhow!("{error}"))?;
    values.iter().map(|value| value.with_context(|| format!("column {column} holds a null"))).collect()
}

pub fn optional_ids(frame: &DataFrame, column: &str) -> Result<Vec<Option<i32>>> {
    let values = cast(frame, column, &DataType::Int32)?;
    Ok(values.i32().map_err(|error| anyhow::anyhow!("{error}"))?.iter().collect())
}

pub fn integers(frame: &DataFrame, column: &str) -> Result<Vec<Option<i64>>> {
    let values = cast(frame, column, &DataType::Int64)?;
    Ok(values.i64().map_err(|error| anyhow::anyhow!("{error}"))?.iter().collect())
}

pub fn texts(frame: &DataFrame, column: &str) -> Result<Vec<Option<String>>> {
    let values = cast(frame, column, &DataType::String)?;
    Ok(values.str().map_err(|error| anyhow::anyhow!("{error}"))?.iter().map(|text| text.map(str::to_owned)).collect())
}

pub fn booleans(frame: &DataFrame, column: &str) -> Result<Vec<Option<bool>>> {
    let values = cast(frame, column, &DataType::Boolean)?;
    Ok(values.bool().map_err(|error| anyhow::anyhow!("{error}"))?.iter().collect())
}
