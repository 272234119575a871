//! The content of a ledger as one SHA-256: what any engine that runs the method gives, whatever its files look like.
//!
//! In: rows, sorted by node, step and row, all at once or a part at a time. Out: their hash and how many they are. Rule: fields in the order of [`LedgerRow`],
//! `|` between them, a null as nothing, a line feed after each row. Does not: sort, or keep rows.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::LedgerRow;
use crate::model::hex;

/// Rows of a ledger, counted and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentHash {
    pub rows: u64,
    /// In hex.
    pub sha256: String,
}

impl ContentHash {
    pub fn of(rows: &[LedgerRow]) -> Self {
        let mut hasher = RowHasher::default();
        hasher.add(rows);
        hasher.finish()
    }
}

/// Takes rows in order, a part at a time.
#[derive(Clone, Debug, Default)]
pub struct RowHasher {
    digest: Sha256,
    rows: u64,
    /// The text of one part.
    text: String,
}

impl RowHasher {
    pub fn add(&mut self, rows: &[LedgerRow]) {
        for row in rows {
            let energy = [row.active_mj, row.idle_mj, row.system_mj, row.gap_mj, row.allocated_mj, row.modelled_mj, row.facility_mj];
            let emissions = [row.operational_hourly_ugco2e, row.operational_annual_ugco2e, row.upstream_ugco2e, row.losses_ugco2e];
            let mut write = || -> std::fmt::Result {
                write!(self.text, "{}|{}|{}", row.node_id, row.step, row.row_id)?;
                energy.iter().try_for_each(|mj| write!(self.text, "|{mj}"))?;
                emissions.iter().try_for_each(|ug| match ug {
                    Some(ug) => write!(self.text, "|{ug}"),
                    None => self.text.write_char('|'),
                })?;
                self.text.write_char('\n')
            };
            write().expect("a string takes all that is written to it");
        }
        self.digest.update(&self.text);
        self.text.clear();
        self.rows += rows.len() as u64;
    }

    pub fn finish(self) -> ContentHash {
        ContentHash { rows: self.rows, sha256: hex(self.digest.finalize()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: i32, annual: Option<i64>) -> LedgerRow {
        LedgerRow {
            node_id: 0,
            step,
            row_id: -2,
            active_mj: 1,
            idle_mj: 2,
            system_mj: 3,
            gap_mj: 4,
            allocated_mj: 5,
            modelled_mj: 6,
            facility_mj: 7,
            operational_hourly_ugco2e: Some(8),
            operational_annual_ugco2e: annual,
            upstream_ugco2e: Some(0),
            losses_ugco2e: None,
        }
    }

    #[test]
    fn rows_are_hashed_as_the_text_that_the_method_says() {
        let rows = [row(10, Some(9)), row(11, None)];
        let text = "0|10|-2|1|2|3|4|5|6|7|8|9|0|\n0|11|-2|1|2|3|4|5|6|7|8||0|\n";
        let expected: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();

        assert_eq!(ContentHash::of(&rows), ContentHash { rows: 2, sha256: expected });
    }

    #[test]
    fn parts_give_the_hash_of_the_whole() {
        let rows: Vec<LedgerRow> = (0..7).map(|step| row(step, None)).collect();
        let mut hasher = RowHasher::default();
        for part in rows.chunks(3) {
            hasher.add(part);
        }

        assert_eq!(hasher.finish(), ContentHash::of(&rows));
    }
}
