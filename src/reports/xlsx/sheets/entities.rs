//! Sheets of a group of legal entities: consolidation, what is bought within the group, money, and a sheet an entity. Without entities there is none of them.

use super::{Cell, Column, ROUNDING, Table, figure_cells, figure_columns, share, table, text, with_ids};
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{Entities, EntityStatement, Figures, IntraGroupLine};
use crate::model::Boundary;
use crate::reports::{view, words};
use crate::units::MicrogramsCo2e;

/// Characters of a sheet's name, the format's own limit, less what a table on several sheets adds (`-12`).
const NAME_LENGTH: usize = 31 - 3;
const CONSOLIDATION: &str = "Consolidation";
const WITHIN_THE_GROUP: &str = "Within the group";
const MONEY: &str = "Money by entity";
const RATES: &str = "Exchange rates";

/// `taken` are the names of the other sheets.
pub fn tables(statement: &Statement, taken: &[String]) -> Vec<Table> {
    let Some(entities) = &statement.entities else { return Vec::new() };
    let mut tables = vec![consolidation(entities)];
    tables.extend((!entities.intra_group.is_empty()).then(|| within_the_group(entities)));
    tables.push(money(entities));
    tables.extend((!entities.exchange_rates.is_empty()).then(|| rates(entities)));
    let mut names: Vec<String> = taken.iter().cloned().chain([CONSOLIDATION, WITHIN_THE_GROUP, MONEY, RATES].map(str::to_owned)).collect();
    for entity in &entities.entities {
        let name = sheet_name(&entity.entity, &names);
        names.push(name.clone());
        tables.push(own_sheet(entities, entity, &name));
    }
    tables
}

/// A name as a sheet may have it: without the characters that the format refuses, not too long, and no other sheet's, whatever the case.
fn sheet_name(name: &str, taken: &[String]) -> String {
    let allowed: String = name.chars().map(|c| if c.is_control() || "[]:*?/\\".contains(c) { ' ' } else { c }).collect();
    let words = allowed.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = words.trim_matches('\'').trim();
    // What spreadsheets count are UTF-16 units.
    let cut = |length: usize| {
        let mut units = 0;
        let kept = plain.chars().take_while(|c| {
            units += c.len_utf16();
            units <= length
        });
        kept.collect::<String>().trim_end_matches([' ', '\'']).to_owned()
    };
    let is_free = |name: &str| {
        let lower = name.to_lowercase();
        // A table that is cut over sheets has names of its own; and one name belongs to spreadsheets.
        let is_part_of =
            |other: &str| lower.strip_prefix(other).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| rest.parse::<u32>().is_ok());
        let collides = |other: &String| other.to_lowercase() == lower || is_part_of(&other.to_lowercase());
        !name.is_empty() && lower != "history" && !taken.iter().any(collides)
    };
    let numbered = (2..).map(|number| format!("{} ({number})", if plain.is_empty() { "Entity".to_owned() } else { cut(NAME_LENGTH - 6) }));
    std::iter::once(cut(NAME_LENGTH)).chain(numbered).find(|name| is_free(name)).expect("there are more numbers than sheets")
}

/// What is consolidated, so that it fits a page; the entities' own sheets have every figure.
fn is_consolidated(column: &Column) -> bool {
    let left_out = ["active_mj", "idle_mj", "system_mj", "metered_mj", "gap_mj", "operational_hourly_ugco2e", "operational_annual_ugco2e"];
    column.exact.is_some_and(|exact| !left_out.contains(&exact))
}

/// The cells of the columns that are consolidated.
fn consolidated_cells(figures: &Figures) -> impl Iterator<Item = Cell> {
    figure_columns().into_iter().zip(figure_cells(figures)).filter(|(column, _)| is_consolidated(column)).map(|(_, cell)| cell)
}

/// The columns of figures, with what of category 1 was bought within the group behind it.
fn columns(first: &str, width: f64) -> Vec<Column> {
    let mut columns = vec![Column::text(first, width), Column::text("LEI", 22.0), Column::text("Currency", 9.0)];
    columns.extend(figure_columns().into_iter().filter(is_consolidated));
    columns.push(Column::figure("Of category 1, bought within the group (kg CO2e)", "bought_within_group_ugco2e"));
    columns.push(Column::figure("Sold within the group, in own scopes (kg CO2e)", "sold_within_group_ugco2e"));
    columns.push(Column::text("Why there is no market-based figure", 60.0));
    columns
}

fn consolidation(entities: &Entities) -> Table {
    let line = |name: &str, lei: &str, currency: &str, figures: &Figures, [bought, sold]: [Option<MicrogramsCo2e>; 2], reason: &str| {
        let mut row = vec![text(name), text(lei), text(currency)];
        row.extend(consolidated_cells(figures));
        row.extend([Cell::Emissions(bought), Cell::Emissions(sold), text(reason)]);
        row
    };
    let mut rows: Vec<Vec<Cell>> = entities
        .entities
        .iter()
        .map(|entity| {
            let (lei, reason) = (entity.lei.as_deref().unwrap_or(""), entity.market_based_reason.as_deref().unwrap_or(""));
            let internal = [entity.bought_within_group_ugco2e, entity.sold_within_group_ugco2e];
            line(&entity.entity, lei, &entity.currency, &entity.figures, internal, reason)
        })
        .collect();
    let eliminated = entities.eliminated_ugco2e;
    rows.push(line("Sum of own statements", "", "", &entities.sum_of_own, [eliminated, eliminated], ""));
    let less = eliminated.map(|sum| MicrogramsCo2e::ZERO - sum);
    rows.push(eliminations(less));
    let none = Some(MicrogramsCo2e::ZERO);
    rows.push(line("Group: the totals of this report", "", &entities.currency, &entities.consolidated, [none, none], ""));
    let title = format!("From own statements to the group: {}", words::entities::consolidation(entities.consolidation));
    let note = format!("{} {ROUNDING}", words::entities::approach(entities.consolidation));
    let of_entities = entities.entities.iter().map(|entity| Some(id_of(entity)));
    let eliminated = RowId::Group.figure("eliminated_ugco2e").to_string();
    let ids = of_entities.chain([None, Some(eliminated), Some(RowId::Totals.to_string())]).collect();
    Table { ids, ..table(CONSOLIDATION, &title, &note, columns("Entity", 40.0), rows, false) }
}

fn id_of(entity: &EntityStatement) -> String {
    RowId::Entity { entity: entity.entity.clone() }.to_string()
}

/// Only category 1 is eliminated; the other cells are empty, so that nobody takes them for figures.
fn eliminations(less: Option<MicrogramsCo2e>) -> Vec<Cell> {
    let mut row = vec![text("Eliminated: bought within the group"), text(""), text("")];
    let of_column = |column: &Column| match column.exact {
        Some("scope3_category_1_ugco2e") => Cell::Emissions(less),
        _ => text(""),
    };
    row.extend(figure_columns().iter().filter(|column| is_consolidated(column)).map(of_column));
    row.extend([Cell::Emissions(less), Cell::Emissions(less), text("")]);
    row
}

fn within_the_group(entities: &Entities) -> Table {
    let columns = vec![
        Column::text("Provider", 30.0),
        Column::text("Customer", 30.0),
        Column::text("Cluster", 18.0),
        Column::text("Namespace", 24.0),
        Column::text("Provider reports it in", 20.0),
        Column::figure("Facility (kWh)", "facility_mj"),
        Column::figure("Electricity, location-based (kg CO2e)", "operation_ugco2e"),
        Column::figure("Machines, amortised (kg CO2e)", "embodied_ugco2e"),
        Column::figure("Customer's category 1, eliminated (kg CO2e)", "category_1_ugco2e"),
    ];
    let rows = entities.intra_group.iter().map(|line| {
        vec![
            text(&line.provider),
            text(&line.customer),
            text(&line.cluster),
            text(&line.namespace),
            text(line.placement.label()),
            Cell::Energy(line.facility_mj),
            Cell::Emissions(line.operation_ugco2e),
            Cell::Emissions(line.embodied_ugco2e),
            Cell::Emissions(line.category_1_ugco2e),
        ]
    });
    let note = "Rows of the customer's namespaces on the provider's machines, with their idle energy by policy and what their pods reserved of the machines. (idle), (system), (gap) and category 3 stay with the provider.";
    let title = "Computing that entities bought of each other: counted once in the group";
    let table = table(WITHIN_THE_GROUP, title, note, columns, rows.collect(), true);
    let id = |line: &IntraGroupLine| RowId::intra_group([&line.provider, &line.customer, &line.cluster, &line.namespace], line.placement);
    with_ids(table, entities.intra_group.iter().map(id))
}

fn money(entities: &Entities) -> Table {
    let organisations = &entities.currency;
    let columns = vec![
        Column::text("Entity", 40.0),
        Column::text("Runs of its work", 9.0),
        Column::text("Shifted", 9.0),
        Column::figure("Avoided (kg CO2e)", "counterfactual.avoided_ugco2e"),
        Column::text("Runs with prices", 9.0),
        Column::figure("Cost (EUR)", "cost.actual_micro_eur"),
        Column::figure("Saved (EUR)", "cost.saved_micro_eur"),
        Column::text("Currency", 9.0),
        Column { is_totalled: false, ..Column::figure("Cost (currency)", "cost_in_currency.actual_micro_units") },
        Column { is_totalled: false, ..Column::figure("Saved (currency)", "cost_in_currency.saved_micro_units") },
        Column::text("Net revenue (currency)", 16.0),
        Column::text("t CO2e per million of it, location-based", 16.0),
        Column::text("t CO2e per million of it, market-based", 16.0),
        Column::text(&format!("t CO2e per million {organisations}, location-based"), 16.0),
        Column::text(&format!("t CO2e per million {organisations}, market-based"), 16.0),
    ];
    let rows = entities.entities.iter().map(|entity| {
        let (cost, converted, revenue) = (entity.cost.as_ref(), entity.cost_in_currency.as_ref(), entity.revenue.as_ref());
        let intensity = |figure: &str| revenue.and_then(|revenue| revenue.intensities.iter().find(|row| row.figure == figure));
        let per_million = |value: Option<f64>| value.map_or(Cell::Number(None), |value| Cell::Published(view::significant(value).number()));
        let [location_based, market_based] = ["total_location_based_ugco2e", "total_market_based_ugco2e"].map(intensity);
        vec![
            text(&entity.entity),
            Cell::Count(entity.counterfactual.runs),
            Cell::Count(entity.counterfactual.shifted_runs),
            Cell::Emissions(Some(entity.counterfactual.avoided_ugco2e)),
            Cell::Count(cost.map_or(0, |cost| cost.runs)),
            Cell::Euros(cost.map(|cost| cost.actual_micro_eur)),
            Cell::Euros(cost.map(|cost| cost.saved_micro_eur)),
            text(&entity.currency),
            Cell::Units(converted.map(|cost| cost.actual_micro_units)),
            Cell::Units(converted.map(|cost| cost.saved_micro_units)),
            revenue.map_or(Cell::Number(None), |revenue| Cell::Published(revenue.net_revenue.amount)),
            per_million(location_based.and_then(|row| row.tco2e_per_million)),
            per_million(market_based.and_then(|row| row.tco2e_per_million)),
            per_million(location_based.and_then(|row| row.tco2e_per_million_in_organisation_currency)),
            per_million(market_based.and_then(|row| row.tco2e_per_million_in_organisation_currency)),
        ]
    });
    let note = "What shifting came to is an estimate against a counterfactual, not part of reported emissions; a run is the entity's whose work it is. Sums in euros are converted once. Per net revenue: compute alone, of a year.";
    let table = table(MONEY, "Money by entity, in euros and in its currency", note, columns, rows.collect(), false);
    Table { ids: entities.entities.iter().map(|entity| Some(id_of(entity))).collect(), ..table }
}

fn rates(entities: &Entities) -> Table {
    let columns = vec![
        Column::text("Period", 12.0),
        Column::text("From", 9.0),
        Column::text("To", 9.0),
        Column::text("Units of the second for one of the first", 16.0),
        Column::text("Source", 70.0),
    ];
    let rows = entities
        .exchange_rates
        .iter()
        .map(|rate| vec![text(&rate.period), text(&rate.from), text(&rate.to), Cell::Published(rate.rate), text(&rate.source)]);
    table(RATES, "Exchange rates of the period, as configured", "", columns, rows.collect(), false)
}

/// One table for all that an entity has: its own statement, what it controls, and what it buys and sells; the first column says which.
fn own_sheet(entities: &Entities, entity: &EntityStatement, sheet: &str) -> Table {
    let mut columns = vec![
        Column::text("What", 26.0),
        Column::text("Cluster", 18.0),
        Column::text("Namespace", 22.0),
        Column::text("Reported in", 30.0),
        Column::text("With", 28.0),
    ];
    columns.extend(figure_columns());
    columns.extend(["Metered", "Allocated", "Modelled", "Filled"].map(|tier| Column::text(&format!("{tier} (of energy)"), 12.0)));
    let mut rows = Vec::new();
    let mut push = |keys: [&str; 5], cells: Vec<Cell>| rows.push(keys.map(text).into_iter().chain(cells).collect::<Vec<Cell>>());
    let tiers = |row: &crate::disclosure::statement::TierShare| [row.metered, row.allocated, row.modelled, row.filled].map(share).to_vec();
    push(["Own statement", "", "", "", ""], [figure_cells(&entity.figures), tiers(&entity.tier_share)].concat());
    for row in &entity.clusters {
        let place = format!("{} ({})", row.placement.label(), boundary(row.boundary));
        push(["Controlled, by cluster", &row.cluster, "", &place, ""], [figure_cells(&row.figures), tiers(&row.tier_share)].concat());
    }
    for row in &entity.namespaces {
        push(
            ["Controlled, by namespace", &row.cluster, &row.namespace, "", ""],
            [figure_cells(&row.figures), tiers(&row.tier_share)].concat(),
        );
    }
    for line in entities.intra_group.iter().filter(|line| line.customer == entity.entity) {
        push(["Bought within the group", &line.cluster, &line.namespace, "Scope 3, category 1", &line.provider], bought_cells(line));
    }
    for line in entities.intra_group.iter().filter(|line| line.provider == entity.entity) {
        let place = format!("{}, as controlled", line.placement.label());
        push(["Sold within the group", &line.cluster, &line.namespace, &place, &line.customer], bought_cells(line));
    }
    let lei = entity.lei.as_deref().map_or_else(String::new, |lei| format!(", LEI {lei}"));
    let reason = entity.market_based_reason.as_deref().map_or_else(String::new, |reason| format!("{reason} "));
    let note = format!(
        "{reason}Own statement = controlled, and in category 1 what was bought within the group. What was sold is in the controlled rows already. {ROUNDING}"
    );
    table(sheet, &format!("{}{lei}: own statement", entity.entity), &note, columns, rows, false)
}

/// Its energy, and what it is in the customer's category 1; nothing else is bought.
fn bought_cells(line: &IntraGroupLine) -> Vec<Cell> {
    let of_column = |column: &Column| match column.exact {
        Some("facility_mj") => Cell::Energy(line.facility_mj),
        Some("scope3_category_1_ugco2e") => Cell::Emissions(line.category_1_ugco2e),
        Some("embodied_amortised_ugco2e") => Cell::Emissions(line.embodied_ugco2e),
        _ => text(""),
    };
    figure_columns().iter().map(of_column).collect()
}

fn boundary(boundary: Boundary) -> &'static str {
    match boundary {
        Boundary::Owned => "owned",
        Boundary::Colocated => "colocated",
        Boundary::Cloud => "cloud",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Millijoules;

    #[test]
    fn any_name_becomes_that_of_a_sheet_and_no_two_are_alike() {
        let taken = ["Clusters".to_owned(), "Cover".to_owned()];
        for (name, expected) in [
            ("Example BV", "Example BV"),
            ("a/b\\c[d]e:f*g?h", "a b c d e f g h"),
            ("'quoted'", "quoted"),
            ("clusters", "clusters (2)"),
            ("Clusters-2", "Clusters-2 (2)"),
            ("History", "History (2)"),
            ("[]", "Entity (2)"),
            ("An entity whose name is longer than any sheet's", "An entity whose name is long"),
        ] {
            assert_eq!(sheet_name(name, &taken), expected, "{name}");
        }
        let first = sheet_name("An entity whose name is longer than any sheet's", &taken);
        let second = sheet_name("An entity whose name is longer than that", &[taken.to_vec(), vec![first.clone()]].concat());
        assert_ne!(first, second);
        assert!([&first, &second, &sheet_name(&"🦉".repeat(40), &taken)].iter().all(|name| name.encode_utf16().count() <= NAME_LENGTH));
    }

    #[test]
    fn the_line_that_eliminates_has_nothing_but_category_1() {
        let row = eliminations(Some(MicrogramsCo2e::new(-5)));
        let exact = row.iter().filter(|cell| matches!(cell, Cell::Emissions(Some(sum)) if sum.get() == -5)).count();
        assert_eq!((exact, row.len()), (3, columns("Entity", 40.0).len()));
        assert!(!row.iter().any(|cell| matches!(cell, Cell::Energy(energy) if *energy == Millijoules::ZERO)));
    }
}
