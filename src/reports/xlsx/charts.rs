//! Native charts over the tables: the daily curve of each cluster, and what shifted runs gained and lost.

use anyhow::Result;
use rust_xlsxwriter::{
    Chart, ChartAxisLabelPosition, ChartFont, ChartFormat, ChartLegendPosition, ChartLine, ChartPoint, ChartSolidFill, ChartType, Workbook,
};

use super::sheets::{AVOIDED_COLUMN, COUNTERFACTUAL, DAILY_CURVE, JOB_RUNS};
use super::table::HEADER_ROW;
use crate::disclosure::Statement;
use crate::disclosure::statement::ClusterStatement;
use crate::reports::runs::Runs;

/// More bars than this cannot be read; they are the largest ones.
const MOST_RUNS: usize = 60;
const FIRST: u32 = HEADER_ROW + 1;

pub fn insert(workbook: &mut Workbook, statement: &Statement) -> Result<()> {
    // A year has no such sheet.
    let has_curve = workbook.worksheet_from_name(DAILY_CURVE).is_ok();
    let beside_the_table = 2 + 2 * statement.clusters.len() as u16;
    for (index, cluster) in statement.clusters.iter().enumerate().filter(|_| has_curve) {
        let chart = daily_curve(cluster, 1 + 2 * index as u16);
        workbook.worksheet_from_name(DAILY_CURVE)?.insert_chart(HEADER_ROW + 18 * index as u32, beside_the_table, &chart)?;
    }
    let runs = Runs::of(&statement.job_runs);
    // A month with so many runs that their sheet is split has no such chart, rather than one of half of them.
    if !runs.shifted.is_empty() && workbook.worksheet_from_name(JOB_RUNS).is_ok() {
        workbook.worksheet_from_name(COUNTERFACTUAL)?.insert_chart(HEADER_ROW + 6, 0, &gains_and_losses(&runs))?;
    }
    Ok(())
}

/// Columns of power and, on the second axis, a line of intensity.
fn daily_curve(cluster: &ClusterStatement, power: u16) -> Chart {
    let last = FIRST + 23;
    let mut chart = Chart::new(ChartType::Column);
    let columns = chart.add_series();
    columns
        .set_categories((DAILY_CURVE, FIRST, 0, last, 0))
        .set_values((DAILY_CURVE, FIRST, power, last, power))
        .set_name("Mean power (kW)");
    columns.set_gap(40).set_format(&mut fill("#9FB6C9"));
    let mut line = Chart::new(ChartType::Line);
    let intensity = line.add_series();
    intensity.set_categories((DAILY_CURVE, FIRST, 0, last, 0)).set_values((DAILY_CURVE, FIRST, power + 1, last, power + 1));
    intensity.set_name("Mean intensity (g CO2e/kWh)").set_secondary_axis(true);
    intensity.set_format(ChartFormat::new().set_line(ChartLine::new().set_color("#8C3B0F").set_width(2)));
    line.y2_axis().set_name("g CO2e/kWh").set_num_format("0").set_min(0);
    chart.combine(&line);
    title(&mut chart, &format!("{} ({}): power and grid intensity by hour of day", cluster.cluster, cluster.grid_zone));
    chart.x_axis().set_name("hour of day, UTC");
    chart.y_axis().set_name("kW").set_num_format("General").set_min(0);
    chart.legend().set_position(ChartLegendPosition::Bottom);
    chart.set_width(720).set_height(330).set_alt_text("Columns: mean facility power by UTC hour of day. Line: mean direct grid intensity.");
    chart
}

/// One column for each shifted run, green above zero and red below.
fn gains_and_losses(runs: &Runs<'_>) -> Chart {
    let shown = &runs.shifted[..runs.shifted.len().min(MOST_RUNS)];
    let last = HEADER_ROW + shown.len() as u32;
    let is_loss = shown.iter().map(|run| run.avoided_ugco2e.is_some_and(|avoided| avoided.get() < 0));
    let points: Vec<ChartPoint> =
        is_loss.map(|is_loss| ChartPoint::new().set_format(&mut fill(if is_loss { "#9B2226" } else { "#2C6E49" }))).collect();
    let mut chart = Chart::new(ChartType::Column);
    let avoided = chart.add_series();
    avoided.set_categories((JOB_RUNS, FIRST, 0, last, 0)).set_values((JOB_RUNS, FIRST, AVOIDED_COLUMN, last, AVOIDED_COLUMN));
    avoided.set_name("Avoided (kg CO2e)").set_points(&points).set_gap(40);
    title(&mut chart, "Gains and losses of shifted runs, largest effect first");
    chart.x_axis().set_label_position(ChartAxisLabelPosition::Low);
    chart.y_axis().set_name("kg CO2e, losses below zero").set_num_format("General");
    chart.legend().set_hidden();
    chart.set_width(960).set_height(360).set_alt_text("One column for each shifted run: avoided emissions in kg CO2e, losses below zero.");
    chart
}

fn fill(color: &str) -> ChartFormat {
    ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(color)).clone()
}

fn title(chart: &mut Chart, text: &str) {
    chart.title().set_name(text).set_font(ChartFont::new().set_size(12).set_bold());
}
