//! Legal entities and the group: what own statements, purchases within the group and eliminations are made of.
//!
//! In: a row of the section on entities and a figure of it. Out: the rows that it is the sum of. Rule: as the statement shows them. A namespace with pools in several hands
//! is in parts, which have no id of their own; a part that is the whole namespace is walked on. Does not: take the runs of an entity's work apart.

use anyhow::Result;

use super::tree::{Explanation, Sum, Term};
use super::walk::Walk;
use crate::disclosure::figure_ids::{RowId, Unit};
use crate::disclosure::statement::{Entities, EntityStatement, IntraGroupLine};
use crate::model::policy::LocationBased;
use crate::units::MicrogramsCo2e;

const CATEGORY_1: &str = "scope3_category_1_ugco2e";

impl Walk<'_> {
    pub fn of_entities(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let (Some(figure), Some(entities)) = (self.index.get(&row.figure(field).to_string()), &self.workings.statement.entities) else {
            return Ok(None);
        };
        let mut level = self.head(row, field, figure.value);
        let (by, terms) = match row {
            RowId::Entity { entity } => {
                let Some(statement) = entities.entities.iter().find(|known| known.entity == *entity) else { return Ok(None) };
                self.of_entity(entities, statement, field)
            }
            RowId::IntraGroup { .. } => ("part", self.of_purchase(row, field)),
            _ => self.of_group(entities, field),
        };
        if terms.is_empty() {
            level.notes.push(note(row, field).to_owned());
            return Ok(Some(level));
        }
        self.add_sum(&mut level, by, terms, Unit::of(field));
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(Some(level))
    }

    /// What it controls, by namespace; what it bought or sold within the group, line by line.
    fn of_entity(&self, entities: &Entities, statement: &EntityStatement, field: &str) -> (&'static str, Vec<Term>) {
        let bought = || entities.intra_group.iter().filter(|line| line.customer == statement.entity);
        let sold = || entities.intra_group.iter().filter(|line| line.provider == statement.entity);
        let line = |line: &IntraGroupLine, figure: &str| self.term(&id_of(line), figure);
        match field {
            "bought_within_group_ugco2e" => ("purchase", bought().filter_map(|bought| line(bought, "category_1_ugco2e")).collect()),
            "sold_within_group_ugco2e" => ("sale", sold().filter_map(|sold| line(sold, "category_1_ugco2e")).collect()),
            "sold_within_group_mj" => ("sale", sold().filter_map(|sold| line(sold, "facility_mj")).collect()),
            _ => {
                let controlled = statement
                    .namespaces
                    .iter()
                    .filter(|row| self.index.get(&totals_id(field)).is_some() && row.figures.named(field).is_some());
                let part = |row: &crate::disclosure::statement::NamespaceStatement| {
                    let (value, id) = (row.figures.named(field), RowId::namespace(&row.cluster, &row.namespace).figure(field).to_string());
                    let is_whole = self.index.get(&id).is_some_and(|whole| whole.value == value);
                    Term {
                        id: is_whole.then_some(id),
                        what: format!("namespace {} of {}", row.namespace, row.cluster),
                        value,
                        ..Term::default()
                    }
                };
                let mut terms: Vec<Term> = controlled.map(part).collect();
                if field == CATEGORY_1 {
                    terms.extend(bought().filter_map(|bought| line(bought, "category_1_ugco2e")));
                }
                ("namespace", terms)
            }
        }
    }

    /// A purchase's category 1 is two parts; each part is the namespace's, where all of it is in one pair of hands.
    fn of_purchase(&self, row: &RowId, field: &str) -> Vec<Term> {
        let RowId::IntraGroup { cluster, namespace, .. } = row else { return Vec::new() };
        if field == "category_1_ugco2e" {
            return ["operation_ugco2e", "embodied_ugco2e"].iter().filter_map(|part| self.term(row, part)).collect();
        }
        let of_namespace = match field {
            "facility_mj" => "facility_mj",
            "embodied_ugco2e" => "embodied_amortised_ugco2e",
            "operation_ugco2e" if self.workings.statement.policy.location_based == LocationBased::Annual => "operational_annual_ugco2e",
            "operation_ugco2e" => "operational_hourly_ugco2e",
            _ => return Vec::new(),
        };
        let value = self.index.value(row, field);
        self.term(&RowId::namespace(cluster, namespace), of_namespace).filter(|term| term.value == value).into_iter().collect()
    }

    fn of_group(&self, entities: &Entities, field: &str) -> (&'static str, Vec<Term>) {
        let of_entity = |figure: &str| {
            let row = |entity: &EntityStatement| RowId::Entity { entity: entity.entity.clone() };
            entities.entities.iter().filter_map(|entity| self.term(&row(entity), figure)).collect::<Vec<Term>>()
        };
        match field.split_once('.') {
            None if field == "eliminated_ugco2e" => ("entity", of_entity("bought_within_group_ugco2e")),
            Some(("sum_of_own", figure)) => ("entity", of_entity(figure)),
            // Market-based it is not made of the entities' figures, which may be unknown.
            Some(("consolidated", figure)) if figure == CATEGORY_1 => {
                let less = entities.eliminated_ugco2e.map(|sum| (MicrogramsCo2e::ZERO - sum).get());
                let eliminated = self.term(&RowId::Group, "eliminated_ugco2e").map(|term| Term { value: less, ..term });
                ("figure", self.term(&RowId::Group, &format!("sum_of_own.{figure}")).into_iter().chain(eliminated).collect())
            }
            Some(("consolidated", figure)) => ("figure", self.term(&RowId::Totals, figure).into_iter().collect()),
            _ => ("figure", Vec::new()),
        }
    }
}

fn totals_id(field: &str) -> String {
    RowId::Totals.figure(field).to_string()
}

/// The id of a line of the table of purchases.
fn id_of(line: &IntraGroupLine) -> RowId {
    RowId::intra_group([&line.provider, &line.customer, &line.cluster, &line.namespace], line.placement)
}

/// Of a figure that is no sum of rows.
fn note(row: &RowId, field: &str) -> &'static str {
    match row {
        RowId::IntraGroup { .. } => "A part of the namespace: the rest of it ran at sites of another entity, or of another placement.",
        _ if field.starts_with("counterfactual.") || field.starts_with("cost") => {
            "Over the runs of the entity's own work, wherever they ran; each run has its own figures. Money in another currency is the sum in euros, converted once."
        }
        _ => "Not taken apart: there is nothing of it, or a part of it is unknown.",
    }
}
