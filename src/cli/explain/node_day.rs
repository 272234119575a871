//! The reconciliation of a node and day: the steps that make it, and the meter beneath the largest.

use std::collections::BTreeMap;

use anyhow::Result;

use super::step::TracedRow;
use super::tree::{Explanation, Sum, Term};
use super::walk::Walk;
use crate::accounting::ledger::LedgerRow;
use crate::accounting::ledger::trace::{self, Balance};
use crate::disclosure::figure_ids::{RowId, Unit};
use crate::model::tables::Table;
use crate::model::{GAP_ROW, IDLE_ROW, SYSTEM_ROW};

/// The balance `metered = attributed + idle + system` of a node and day, and `difference = metered − …`.
const BALANCE: [(&str, i64); 4] = [("metered_mj", 1), ("attributed_mj", -1), ("idle_mj", -1), ("system_mj", -1)];

impl Walk<'_> {
    pub fn node_day(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let RowId::NodeDay { cluster, node, day } = row else { return Ok(None) };
        let Some(figure) = self.index.get(&row.figure(field).to_string()) else { return Ok(None) };
        let mut level = self.head(row, field, figure.value);
        let unit = Unit::of(field);
        let value = figure.value.unwrap_or(0);
        let part = |(name, sign): (&str, i64)| {
            let term = self.term(row, name)?;
            Some(Term { what: name.to_owned(), value: term.value.map(|value| value * sign), ..term })
        };
        match field {
            "metered_mj" => {
                let terms = BALANCE.into_iter().skip(1).filter_map(|(name, _)| part((name, 1))).collect();
                level.sums.push(Sum::of("by kind", "this figure", (value, unit), terms, 0));
            }
            "difference_mj" => {
                let terms = BALANCE.into_iter().filter_map(part).collect();
                level.sums.push(Sum::of("by part", "this figure", (value, unit), terms, 0));
                level.next = self.follow(Some(&row.figure("metered_mj").to_string()), depth)?;
                return Ok(Some(level));
            }
            _ => {}
        }
        let Some(day) = self.cluster(cluster).map(|cluster| self.day(cluster, *day)).transpose()?.flatten() else { return Ok(Some(level)) };
        let Some(node_id) = day.node_id(node) else { return Ok(Some(level)) };
        let steps = day.terms.first_step..day.terms.first_step + day.terms.step_count as i32;
        let traced = trace::node(&day.terms, &day.node_steps, &day.usage, node_id, steps)?;
        let mut by_step: BTreeMap<i32, i64> = BTreeMap::new();
        for balance in traced.balances.iter().filter(|balance| day.terms.is_in_period(balance.step)) {
            if let Some(value) = of_balance(balance, field) {
                *by_step.entry(balance.step).or_default() += value;
            }
        }
        for row in traced.rows.iter().filter(|row| day.terms.is_in_period(row.step)) {
            if let Some(value) = of_row(row, field) {
                *by_step.entry(row.step).or_default() += value;
            }
        }
        let whose = match field {
            "idle_mj" => Some((IDLE_ROW, "idle_mj")),
            "system_mj" => Some((SYSTEM_ROW, "system_mj")),
            "gap_mj" => Some((GAP_ROW, "gap_mj")),
            _ => None,
        };
        let id = |step: i32| whose.map(|(row_id, name)| RowId::Step(day.step_id(node_id, row_id, step)).figure(name).to_string());
        let terms = by_step
            .iter()
            .filter(|(_, value)| **value != 0)
            .map(|(step, value)| Term::new(id(*step), day.start_of(*step).format("%H:%M").to_string(), *value));
        level.sums.push(Sum::of("by step", "this figure", (value, unit), terms.collect(), self.top));
        level.evidence = day.files(&[Table::NodeSteps, Table::Usage]);
        let largest = by_step.iter().max_by_key(|(_, value)| value.unsigned_abs()).map(|(step, _)| *step);
        level.next = match (largest, whose) {
            (Some(step), Some(_)) => self.follow(id(step).as_deref(), depth)?,
            (Some(step), None) if depth > 1 && traced.balance(step).is_some() => {
                // Any row stands for its node and step: the meter is of all of them.
                let row = traced.rows.iter().find(|row| row.step == step).copied();
                let of_step = trace::node(&day.terms, &day.node_steps, &day.usage, node_id, step..step + 1)?;
                match row {
                    Some(row) => {
                        let id = day.step_id(node_id, row.row_id, step);
                        let traced = TracedRow { day, trace: of_step, node_id, row_id: row.row_id, step, row, id };
                        Some(Box::new(self.node_meter(&traced)?))
                    }
                    None => None,
                }
            }
            _ => None,
        };
        Ok(Some(level))
    }
}

/// What node_days.sql takes from the balance.
fn of_balance(balance: &Balance, field: &str) -> Option<i64> {
    match field {
        "metered_mj" => Some(balance.metered_mj),
        "correction_mj" => Some(balance.correction_mj),
        "tail_mj" => Some(balance.tail_mj),
        _ => None,
    }
}

/// What node_days.sql takes from the ledger.
fn of_row(row: &LedgerRow, field: &str) -> Option<i64> {
    match field {
        "attributed_mj" if row.row_id >= 0 => Some(row.active_mj + row.idle_mj),
        "idle_mj" if row.row_id < 0 => Some(row.idle_mj),
        "system_mj" => Some(row.system_mj),
        "gap_mj" => Some(row.gap_mj),
        _ => None,
    }
}
