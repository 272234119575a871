//! Which tables the workbook has, in order: the same content as the page, as sheets.

mod entities;
mod quality;
mod runs;
mod scopes;
mod shifting;
mod standard;
mod year;

use super::table::{Cell, Column, Table};
use crate::disclosure::Statement;
use crate::disclosure::figure_ids::RowId;
use crate::disclosure::statement::{CostCentreStatement, Figures, Reconciliation, TierShare};
use crate::model::{Boundary, Severity};
use crate::reports::average_day::Curve;
use crate::reports::inventory::{self, Amount};
use crate::reports::{method, view, words};
use crate::units::Share;

pub const DAILY_CURVE: &str = "Daily curve";
pub const COUNTERFACTUAL: &str = "Counterfactual";
pub const JOB_RUNS: &str = "Job runs";
/// Where `Avoided` stands on the sheet of job runs; the chart reads it.
pub const AVOIDED_COLUMN: u16 = 12;
const ROUNDING: &str = "Rows are rounded one by one; totals are rounded from the exact total. The exact integers (mJ, µg CO2e) are in the columns on the right. Unknown is n/a, never 0.";

pub fn tables(statement: &Statement) -> Vec<Table> {
    // A year has no hours, runs and node-days of its own.
    let is_year = statement.period.year.is_some();
    let or_of_a_month = |table: Table| (!is_year || !table.rows.is_empty()).then_some(table);
    let mut tables = vec![cover(statement)];
    tables.extend(year::tables(statement));
    tables.extend([clusters(statement)]);
    tables.extend(scopes::tables(statement));
    tables.extend(quality::tables(statement));
    tables.extend([standard::disclosure(statement), namespaces(statement), workloads(statement)]);
    tables.extend(statement.cost_centres.iter().any(CostCentreStatement::is_labelled).then(|| cost_centres(statement)));
    tables.extend(or_of_a_month(hours(statement)));
    tables.extend((!is_year || !statement.hours.is_empty()).then(|| daily_curve(statement)));
    tables.push(runs::counterfactual(statement));
    tables.extend(or_of_a_month(runs::job_runs(statement)));
    tables.extend(shifting::tables(statement));
    tables.extend(or_of_a_month(reconciliation(statement)));
    tables.extend([findings(statement), standard::factors(statement), method(statement), provenance(statement)]);
    let names: Vec<String> = tables.iter().map(|table| table.sheet.clone()).collect();
    // Behind the cover and the year: whoever has several entities looks for them first.
    let after = tables.iter().position(|table| table.sheet == "Clusters").unwrap_or(1);
    tables.splice(after..after, entities::tables(statement, &names));
    if let Some(watermark) = words::status::watermark(statement) {
        tables.iter_mut().for_each(|table| table.title = format!("{watermark}. {}", table.title));
    }
    tables
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn share(share: Option<Share>) -> Cell {
    Cell::Percent(share.map(Share::get))
}

fn table(sheet: &str, title: &str, note: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>, has_total: bool) -> Table {
    Table {
        sheet: sheet.to_owned(),
        title: title.to_owned(),
        note: note.to_owned(),
        columns,
        rows,
        ids: Vec::new(),
        has_total,
        chart_rows: 0,
    }
}

/// With the id of each row, which `wattledger explain` takes with the name of a figure.
fn with_ids(table: Table, ids: impl Iterator<Item = RowId>) -> Table {
    Table { ids: ids.map(|id| Some(id.to_string())).collect(), ..table }
}

fn cover(statement: &Statement) -> Table {
    let period = &statement.period;
    let fact = |name: &str, value: String| vec![text(name), text(""), text(""), text(value)];
    let line = |line: inventory::Line| {
        let (unit, amount) = match line.amount {
            Amount::Energy(energy) => ("kWh", Cell::Energy(energy)),
            Amount::Emissions(emissions) | Amount::Difference(emissions) => ("kg CO2e", Cell::Emissions(emissions)),
        };
        let interval = inventory::interval(statement, line.name).map(|interval| view::plus_minus(interval.relative));
        vec![text(line.label), amount, text(unit), text(line.note), text(interval.unwrap_or_default())]
    };
    let mut rows = vec![
        fact("Organisation", statement.organisation.clone()),
        fact(
            "Period",
            format!(
                "{} in {}, {} hours: {} to {} UTC",
                period.name(),
                period.time_zone,
                period.hours,
                view::utc_minute(period.from),
                view::utc_minute(period.to)
            ),
        ),
        fact("Status", words::status::status(statement)),
    ];
    rows.extend(words::status::watermark(statement).map(|words| fact("Incomplete", format!("{words}. What is missing is in no figure."))));
    rows.extend(method::choices(statement).into_iter().map(|(name, value)| fact(name, value)));
    let tiers = &statement.tier_share;
    for (name, tier) in [("metered", tiers.metered), ("allocated", tiers.allocated), ("modelled", tiers.modelled), ("filled", tiers.filled)]
    {
        rows.push(vec![text(format!("Share of energy before PUE: {name}")), share(tier), text("share"), text("")]);
    }
    let mut ids: Vec<Option<String>> = vec![None; rows.len()];
    let id = |name: &str| Some(RowId::Totals.figure(name).to_string());
    ids.push(id("tail_mj"));
    let tail = vec![text("Tails of ended pods"), Cell::Energy(statement.totals.tail_mj), text("kWh"), text(method::tails_found(statement))];
    rows.push(tail);
    for finding in statement.findings.iter().filter(|finding| finding.accepted_by.is_some()) {
        rows.push(fact(
            &format!("Accepted finding {}", finding.code),
            format!("{} Accepted by {}", finding.message, finding.accepted_by.as_deref().unwrap_or("")),
        ));
    }
    rows.extend(statement.scope2.disclosures.iter().map(|sentence| fact("To be disclosed with Scope 2", sentence.clone())));
    rows.extend(statement.disclosure.unsettled.iter().map(|sentence| fact("Unsettled in law or standard", sentence.clone())));
    ids.resize(rows.len(), None);
    for one in inventory::emissions(statement).into_iter().chain(inventory::energy(statement)) {
        ids.push(id(one.name));
        rows.push(line(one));
    }
    let mut amount = Column::figure("Figure", "Exact (mJ, µg CO2e)");
    amount.is_totalled = false;
    let columns = vec![
        Column::text("Item", 48.0),
        amount,
        Column::text("Unit", 9.0),
        Column::text("What it is, or why there is none", 90.0),
        Column::text("About 95 %", 12.0),
    ];
    let title = format!("Electricity and carbon of compute, {}", view::month_name(period.name()));
    Table { ids, ..table("Cover", &title, ROUNDING, columns, rows, false) }
}

fn figure_columns() -> Vec<Column> {
    vec![
        Column::figure("Active (kWh)", "active_mj"),
        Column::figure("Idle (kWh)", "idle_mj"),
        Column::figure("System (kWh)", "system_mj"),
        Column::figure("Metered (kWh)", "metered_mj"),
        Column::figure("Gap (kWh)", "gap_mj"),
        Column::figure("Facility (kWh)", "facility_mj"),
        Column::figure("All electricity, hourly (kg CO2e)", "operational_hourly_ugco2e"),
        Column::figure("All electricity, annual (kg CO2e)", "operational_annual_ugco2e"),
        Column::figure("Scope 2 location-based, hourly (kg CO2e)", "scope2_location_based_ugco2e"),
        Column::figure("Scope 2 location-based, annual (kg CO2e)", "scope2_location_based_annual_ugco2e"),
        Column::figure("Scope 2 market-based (kg CO2e)", "scope2_market_based_ugco2e"),
        Column::figure("Scope 3 category 1 (kg CO2e)", "scope3_category_1_ugco2e"),
        Column::figure("Scope 3 category 2, capitalised (kg CO2e)", "scope3_category_2_ugco2e"),
        Column::figure("Scope 3 category 3 (kg CO2e)", "scope3_category_3_ugco2e"),
        Column::figure("Scope 3 category 8 (kg CO2e)", "scope3_category_8_ugco2e"),
        Column::figure("Embodied, amortised; never added (kg CO2e)", "embodied_amortised_ugco2e"),
    ]
}

fn figure_cells(figures: &Figures) -> Vec<Cell> {
    vec![
        Cell::Energy(figures.active_mj),
        Cell::Energy(figures.idle_mj),
        Cell::Energy(figures.system_mj),
        Cell::Energy(figures.metered_mj),
        Cell::Energy(figures.gap_mj),
        Cell::Energy(figures.facility_mj),
        Cell::Emissions(Some(figures.operational_hourly_ugco2e)),
        Cell::Emissions(figures.operational_annual_ugco2e),
        Cell::Emissions(Some(figures.scope2_location_based_ugco2e)),
        Cell::Emissions(figures.scope2_location_based_annual_ugco2e),
        Cell::Emissions(figures.scope2_market_based_ugco2e),
        Cell::Emissions(figures.scope3_category_1_ugco2e),
        Cell::Emissions(figures.scope3_category_2_ugco2e),
        Cell::Emissions(figures.scope3_category_3_ugco2e),
        Cell::Emissions(figures.scope3_category_8_ugco2e),
        Cell::Emissions(figures.embodied_amortised_ugco2e),
    ]
}

/// Of the row's energy before PUE.
fn tier_cells(tiers: &TierShare) -> Vec<Cell> {
    [tiers.metered, tiers.allocated, tiers.modelled, tiers.filled].map(share).to_vec()
}

fn keyed(keys: &[(&str, f64)]) -> Vec<Column> {
    let tiers = ["Metered", "Allocated", "Modelled", "Filled"].map(|tier| Column::text(&format!("{tier} (of energy)"), 12.0));
    keys.iter().map(|(header, width)| Column::text(header, *width)).chain(figure_columns()).chain(tiers).collect()
}

fn clusters(statement: &Statement) -> Table {
    let keys = [
        ("Cluster", 18.0),
        ("Boundary", 11.0),
        ("Reported in", 18.0),
        ("Rule", 34.0),
        ("Grid zone", 10.0),
        ("Home zone", 10.0),
        ("PUE", 8.0),
        ("Nodes", 7.0),
        ("Power zones metered", 28.0),
    ];
    let rows = statement.clusters.iter().map(|cluster| {
        let boundary = match cluster.boundary {
            Boundary::Owned => "owned",
            Boundary::Colocated => "colocated",
            Boundary::Cloud => "cloud",
        };
        let mut row = vec![
            text(&cluster.cluster),
            text(boundary),
            text(cluster.placement.label()),
            text(&cluster.rule),
            text(&cluster.grid_zone),
            text(&cluster.home_zone),
        ];
        row.extend([
            Cell::Number(Some(view::Rounded::of_measured(cluster.pue.get(), 3))),
            Cell::Count(cluster.nodes),
            text(cluster.power_zones.join("; ")),
        ]);
        row.extend(figure_cells(&cluster.figures));
        row.extend(tier_cells(&cluster.tier_share));
        row
    });
    let ids = statement.clusters.iter().map(|cluster| RowId::cluster(&cluster.cluster));
    with_ids(table("Clusters", "Boundary and figures by cluster", ROUNDING, keyed(&keys), rows.collect(), true), ids)
}

fn namespaces(statement: &Statement) -> Table {
    let rows = statement
        .namespaces
        .iter()
        .map(|row| [vec![text(&row.cluster), text(&row.namespace)], figure_cells(&row.figures), tier_cells(&row.tier_share)].concat());
    let table = table(
        "Namespaces",
        "Energy and emissions by namespace",
        ROUNDING,
        keyed(&[("Cluster", 18.0), ("Namespace", 24.0)]),
        rows.collect(),
        true,
    );
    with_ids(table, statement.namespaces.iter().map(|row| RowId::namespace(&row.cluster, &row.namespace)))
}

fn workloads(statement: &Statement) -> Table {
    let rows = statement.workloads.iter().map(|row| {
        [vec![text(&row.cluster), text(&row.namespace), text(&row.workload)], figure_cells(&row.figures), tier_cells(&row.tier_share)]
            .concat()
    });
    let table = table(
        "Workloads",
        "Energy and emissions by workload",
        ROUNDING,
        keyed(&[("Cluster", 18.0), ("Namespace", 22.0), ("Workload", 30.0)]),
        rows.collect(),
        true,
    );
    with_ids(table, statement.workloads.iter().map(|row| RowId::workload(&row.cluster, &row.namespace, &row.workload)))
}

fn cost_centres(statement: &Statement) -> Table {
    let mut columns = keyed(&[("Cost centre", 24.0)]);
    columns.insert(1, Column::text("Namespaces", 11.0));
    columns.insert(2, Column::text("Share (of facility energy)", 12.0));
    let rows = statement.cost_centres.iter().map(|row| {
        let keys = vec![text(&row.cost_centre), Cell::Count(row.namespaces), share(row.facility_share)];
        [keys, figure_cells(&row.figures), tier_cells(&row.tier_share)].concat()
    });
    let title = format!("Energy and emissions by cost centre: label {} of namespaces", statement.policy.cost_centre_label);
    let ids = statement.cost_centres.iter().map(|row| RowId::CostCentre { cost_centre: row.cost_centre.clone() });
    with_ids(table("Cost centres", &title, ROUNDING, columns, rows.collect(), true), ids)
}

fn hours(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Cluster", 18.0),
        Column::text("Hour (UTC)", 17.0),
        Column::figure("Facility (kWh)", "facility_mj"),
        Column::figure("All electricity, hourly (kg CO2e)", "operational_hourly_ugco2e"),
        Column::text("Direct intensity (g CO2e/kWh)", 15.0),
    ];
    let rows = statement.hours.iter().map(|hour| {
        let intensity = hour.intensity_gco2e_per_kwh.map(|intensity| view::Rounded::of_measured(intensity, 3));
        vec![
            text(&hour.cluster),
            Cell::Instant(Some(hour.hour)),
            Cell::Energy(hour.facility_mj),
            Cell::Emissions(Some(hour.operational_hourly_ugco2e)),
            Cell::Number(intensity),
        ]
    });
    let ids = statement
        .hours
        .iter()
        .map(|row| RowId::Hour { cluster: row.cluster.clone(), hour: (row.hour.timestamp().div_euclid(3_600)) as i32 });
    with_ids(table("Hours", "Energy and grid intensity by cluster and UTC hour", ROUNDING, columns, rows.collect(), true), ids)
}

/// 24 rows; two columns a cluster, which its chart reads.
fn daily_curve(statement: &Statement) -> Table {
    let curves: Vec<Curve> = statement.clusters.iter().map(|cluster| Curve::of(&cluster.cluster, &statement.hours)).collect();
    let mut columns = vec![Column::text("Hour of day (UTC)", 12.0)];
    for cluster in &statement.clusters {
        columns.push(Column::text(&format!("{}: mean power (kW)", cluster.cluster), 16.0));
        columns.push(Column::text(&format!("{}: mean intensity of {} (g CO2e/kWh)", cluster.cluster, cluster.grid_zone), 20.0));
    }
    let row = |hour: usize| {
        let of_cluster = curves.iter().flat_map(|curve| {
            let bucket = &curve.by_hour_of_day[hour];
            [Cell::Number(bucket.mean_kw()), Cell::Number(bucket.mean_intensity())]
        });
        std::iter::once(Cell::Count(hour as u64)).chain(of_cluster).collect()
    };
    table(
        DAILY_CURVE,
        "The daily curve: when electricity was used, and how dirty it was then",
        "Means over the month by UTC hour of day.",
        columns,
        (0..24).map(row).collect(),
        false,
    )
}

fn reconciliation(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Cluster", 18.0),
        Column::text("Node", 24.0),
        Column::text("Day (UTC)", 12.0),
        Column::figure("Metered (kWh)", "metered_mj"),
        Column::figure("Attributed (kWh)", "attributed_mj"),
        Column::figure("Idle (kWh)", "idle_mj"),
        Column::figure("System (kWh)", "system_mj"),
        Column::figure("Difference (kWh)", "difference_mj"),
        Column::figure("Correction (kWh)", "correction_mj"),
        Column::figure("Gap (kWh)", "gap_mj"),
        Column::figure("Tails (kWh)", "tail_mj"),
    ];
    let rows = statement.reconciliation.iter().map(|row| {
        let figures =
            [row.metered_mj, row.attributed_mj, row.idle_mj, row.system_mj, row.difference_mj, row.correction_mj, row.gap_mj, row.tail_mj];
        [text(&row.cluster), text(&row.node), text(&row.day)].into_iter().chain(figures.map(Cell::Energy)).collect()
    });
    let title = "Metered = attributed + idle + system, per node and day, exact";
    let id = |row: &Reconciliation| row.day.parse().ok().map(|day| RowId::node_day(&row.cluster, &row.node, day).to_string());
    let table = table("Reconciliation", title, ROUNDING, columns, rows.collect(), true);
    Table { ids: statement.reconciliation.iter().map(id).collect(), ..table }
}

fn findings(statement: &Statement) -> Table {
    let columns = vec![
        Column::text("Code", 20.0),
        Column::text("Severity", 11.0),
        Column::text("What it is, and what to do", 90.0),
        Column::text("Examined (rows)", 11.0),
        Column::text("Failing (rows)", 11.0),
        Column::text("Accepted by", 26.0),
    ];
    let rows = statement.findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Blocked => "blocked",
            Severity::Disclosed => "disclosed",
            Severity::Noted => "noted",
        };
        let accepted_by = finding.accepted_by.as_deref().unwrap_or("");
        vec![
            text(&finding.code),
            text(severity),
            text(&finding.message),
            Cell::Count(finding.examined),
            Cell::Count(finding.failing),
            text(accepted_by),
        ]
    });
    table(
        "Findings",
        "What the checks found in the data",
        "Blocked findings refuse a report unless somebody accepts them by name.",
        columns,
        rows.collect(),
        false,
    )
}

fn method(statement: &Statement) -> Table {
    let rows = method::paragraphs(statement).into_iter().map(|paragraph| vec![text(paragraph.heading), text(paragraph.text)]);
    table(
        "Method",
        "The method in words",
        &statement.provenance.method,
        vec![Column::text("What", 32.0), Column::text("How", 120.0)],
        rows.collect(),
        false,
    )
}

fn provenance(statement: &Statement) -> Table {
    let provenance = &statement.provenance;
    let columns = vec![
        Column::text("What", 30.0),
        Column::text("Which", 60.0),
        Column::text("Edition, or SHA-256", 70.0),
        Column::text("Estimated (of energy)", 12.0),
        Column::text("Filled by us (of energy)", 12.0),
        Column::text("Annual, direct (g CO2e/kWh)", 14.0),
    ];
    let mut rows = vec![
        vec![text("Software"), text(&provenance.software), text("")],
        vec![text("Method"), text(&provenance.method), text("")],
        vec![text("Configuration"), text(""), text(&provenance.config_sha256)],
    ];
    rows.extend(provenance.intensity.iter().map(|series| {
        let which = format!("{}, {}, {}", series.zone, series.provider, method::factor(series.factor));
        let annual = series.annual_direct_gco2e_per_kwh.map(|annual| view::Rounded::of_measured(annual, 3));
        vec![
            text("Grid intensity"),
            text(which),
            text(&series.edition),
            share(series.estimated_share),
            share(series.filled_share),
            Cell::Number(annual),
        ]
    }));
    rows.extend(method::attributions(statement).into_iter().map(|words| vec![text("Attribution"), text(words), text("")]));
    rows.extend(provenance.evidence.iter().map(|file| vec![text("Evidence"), text(&file.path), text(&file.sha256)]));
    table("Provenance", "What the figures rest on", "", columns, rows, false)
}
