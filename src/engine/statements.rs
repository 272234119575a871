//! What an engine is asked to do for a batch: views over files, the steps of the plan, and what it writes.
//!
//! In: where the engine sees the evidence and the exchange, the days. Out: [`Statement`]s, in order. Rule: the files of `queries/accounting` run as they
//! are. Tables that several steps read are written and read back, because an engine works a view out anew for each that reads it.
//! Does not: send anything.

use anyhow::{Context, Result};

use super::batch::Batch;
use crate::accounting::ledger::sql;
use crate::evidence::day_files;
use crate::model::tables::Table;

/// One thing that an engine does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Makes Parquet files known under a name.
    Files { name: String, path: String, schema: Option<&'static str> },
    /// Whether a table has so many rows: an engine may take files that it does not find for a table without any.
    Expect { name: String, rows: i64 },
    /// Makes the result of a query known under a name.
    View { name: String, sql: String },
    /// Writes what is known under a name as Parquet files.
    Write { name: String, path: String, by: Option<&'static str> },
}

/// What the plan makes and an account needs: the roll-ups.
pub const ROLL_UPS: [&str; 6] = ["workload_hours", "node_days", "job_rows", "reservations", "job_steps", "step_requests"];
/// What is asked beside them.
pub const CONTROLS: [&str; 2] = ["usage_control", "node_control"];
pub const LEDGER_ROWS: &str = "ledger_rows";
pub const DAY_FOLDER: &str = "day_id";

/// Tables that are read by many others, or are the end of many steps.
const KEPT: [&str; 4] = ["balance", "active", "energy", "ledger"];

const USAGE_SCHEMA: &str = "node_id INT, pod_id INT, step INT, active_mj BIGINT, cpu_ms BIGINT, tail_mj BIGINT";
const NODE_STEPS_SCHEMA: &str = "node_id INT, step INT, metered_mj BIGINT, idle_mj BIGINT, tier INT";

/// The queries that only an engine runs.
pub const QUERIES: &[(&str, &str)] = &[
    ("usage", include_str!("../../queries/engine/usage.sql")),
    ("node_steps", include_str!("../../queries/engine/node_steps.sql")),
    ("usage_control", include_str!("../../queries/engine/usage_control.sql")),
    ("node_control", include_str!("../../queries/engine/node_control.sql")),
    (LEDGER_ROWS, include_str!("../../queries/engine/ledger_rows.sql")),
];

/// Where things are, as the engine sees them.
pub struct Places {
    /// The evidence.
    pub evidence: String,
    /// Key of the folder of the tables that we hand over, and of the folder for what this attempt writes.
    pub given: String,
    pub written: String,
}

/// `tables` are those that we hand over.
pub fn statements<'t>(
    batch: &Batch<'_>,
    tables: impl Iterator<Item = &'t str>,
    places: &Places,
    with_rows: bool,
) -> Result<Vec<Statement>> {
    let root = &places.evidence;
    let mut statements = Vec::new();
    let files = |name: &str, path: String, schema| Statement::Files { name: name.to_owned(), path, schema };
    for table in tables {
        statements.push(files(table, format!("{root}/{}/{table}.parquet", places.given), None));
    }
    let steps = batch.days().iter().map(|day| day.terms.step_count).sum::<usize>();
    statements.push(Statement::Expect { name: "day_keys".to_owned(), rows: i64::try_from(steps)? });
    let evidence =
        |table| Ok::<_, anyhow::Error>(format!("{root}/{}", day_files(batch.cluster(), batch.days().iter().map(|day| day.day), table)?));
    statements.push(files("usage_files", evidence(Table::Usage)?, Some(USAGE_SCHEMA)));
    statements.push(files("node_step_files", evidence(Table::NodeSteps)?, Some(NODE_STEPS_SCHEMA)));
    let query = |name: &str| -> Result<String> {
        let found = QUERIES.iter().find(|(known, _)| *known == name);
        Ok(found.with_context(|| format!("there is no query {name} for engines"))?.1.to_owned())
    };
    for name in ["usage", "node_steps"] {
        statements.push(Statement::View { name: name.to_owned(), sql: query(name)? });
    }
    let write = |name: &str, by| Statement::Write { name: name.to_owned(), path: format!("{root}/{}/{name}", places.written), by };
    for step in sql::plan() {
        // A view is resolved when it is made, so the next step may put another table in the place of `quotas`.
        if let Some(quotas) = &step.quotas {
            statements.push(Statement::View { name: "quotas".to_owned(), sql: format!("SELECT * FROM {quotas}") });
        }
        statements.push(Statement::View { name: step.table.clone(), sql: step.text()?.to_owned() });
        if KEPT.contains(&step.table.as_str()) {
            statements.push(write(&step.table, None));
            statements.push(files(&step.table, format!("{root}/{}/{}", places.written, step.table), None));
        }
    }
    for name in CONTROLS {
        statements.push(Statement::View { name: name.to_owned(), sql: query(name)? });
    }
    statements.extend(ROLL_UPS.iter().chain(&CONTROLS).map(|name| write(name, None)));
    if with_rows {
        statements.push(Statement::View { name: LEDGER_ROWS.to_owned(), sql: query(LEDGER_ROWS)? });
        statements.push(write(LEDGER_ROWS, Some(DAY_FOLDER)));
    }
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_for_engines_is_named_and_every_table_that_is_kept_is_made() {
        for name in ["usage", "node_steps", LEDGER_ROWS].iter().chain(&CONTROLS) {
            assert!(QUERIES.iter().any(|(known, _)| known == name), "{name}");
        }
        let made: Vec<String> = sql::plan().into_iter().map(|step| step.table).collect();
        for name in ROLL_UPS.iter().chain(&KEPT) {
            assert!(made.contains(&(*name).to_owned()), "{name}");
        }
    }
}
