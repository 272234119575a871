//! An explanation as text, a hundred columns wide: one block a level, each beneath the one that it is part of.
//!
//! Rule: a figure is shown as the report shows it and with its exact integer. Does not: leave out what JSON has, but for labels of series beyond the telling ones.

use std::fmt::Write;

use super::tree::{Counter, Explanation, Intensity, Number, Operand, Others, Product, Run, Share, Side, Sum, Term};
use crate::disclosure::figure_ids::Unit;
use crate::units::{Rounded, grouped};

const WIDTH: usize = 100;
/// Labels that say where a sample was scraped, and nothing of what it is.
const SCRAPE_LABELS: [&str; 8] = ["endpoint", "instance", "job", "service", "container_id", "id", "image", "state"];

struct Page {
    out: String,
    is_coloured: bool,
}

pub fn text(explanation: &Explanation, is_coloured: bool) -> String {
    let mut page = Page { out: String::new(), is_coloured };
    for (number, level) in explanation.levels().enumerate() {
        if number > 0 {
            page.line(0, &page.dim(&format!("\n{} made of", "▼")));
        }
        page.level(level);
    }
    page.out
}

pub fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// An integer with thousands set apart, and its sign.
fn whole(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs().into()))
}

/// As the report shows it: kilowatt-hours, kilograms, euros.
fn shown(value: i64, unit: &str) -> Option<String> {
    let of = |per: i128, decimals, name: &str| Some(format!("{} {name}", Rounded::of(value.into(), per, decimals)));
    match unit {
        "mJ" => of(3_600_000_000, 3, "kWh"),
        "µgCO2e" => of(1_000_000_000, 3, "kg CO2e"),
        "µEUR" => of(1_000_000, 3, "EUR"),
        _ => None,
    }
}

fn with_unit(value: i64, unit: &str) -> String {
    if unit.is_empty() { whole(value) } else { format!("{} {unit}", whole(value)) }
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        writeln!(self.out, "{:indent$}{text}", "").expect("a string takes all");
    }

    fn ink(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.ink("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.ink("2", text)
    }

    /// Words in lines that fit behind an indent; a word that is longer than a line stays whole.
    fn words(&mut self, indent: usize, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
                let full = std::mem::take(&mut line);
                self.line(indent, &full);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(indent, &line);
        }
    }

    fn level(&mut self, level: &Explanation) {
        let head = level.id.as_deref().map_or_else(|| sentence_case(&level.what), str::to_owned);
        self.line(0, &self.bold(&head));
        if level.id.is_some() {
            self.words(2, &level.what);
        }
        match level.value {
            Some(value) => {
                let exact = with_unit(value, level.unit);
                let text = shown(value, level.unit).map_or_else(|| exact.clone(), |shown| format!("{shown} = {exact}"));
                self.line(2, &self.bold(&text));
            }
            None if level.figures.is_empty() || !level.meaning.starts_with("Each") => {
                self.line(2, &self.bold("unknown, which is not zero"))
            }
            None => {}
        }
        if !level.meaning.is_empty() {
            self.words(2, &level.meaning);
        }
        if !level.rule.is_empty() {
            self.line(2, &self.dim(&format!("{}.", level.rule)));
        }
        if let Some(run) = &level.run {
            self.run(run);
        }
        for note in &level.notes {
            self.words(2, note);
        }
        self.figures(level);
        level.sums.iter().for_each(|sum| self.sum(sum));
        level.products.iter().for_each(|product| self.product(product));
        level.splits.iter().for_each(|split| self.split(split));
        self.intensities(&level.intensities);
        level.counters.iter().for_each(|counter| self.counter(counter));
        self.sources(level);
    }

    fn figures(&mut self, level: &Explanation) {
        if level.figures.is_empty() {
            return;
        }
        self.out.push('\n');
        let width = level.figures.iter().map(|term| term.id.as_deref().unwrap_or(&term.what).chars().count()).max().unwrap_or(0);
        for term in &level.figures {
            let name = term.id.as_deref().unwrap_or(&term.what);
            let unit = if term.id.is_some() { Unit::of(&term.what).name() } else { level.unit };
            let value = term.value.map_or_else(|| "unknown".to_owned(), |value| with_unit(value, unit));
            self.line(4, &format!("{name:<width$}  {value:>26}"));
        }
    }

    /// Terms with what they come to, and the line that says that they add up.
    fn sum(&mut self, sum: &Sum) {
        self.out.push('\n');
        let title = if sum.of == "this figure" { sum.by.clone() } else { format!("{}, of {}", sum.by, sum.of) };
        self.line(2, &self.dim(&title));
        self.terms(&sum.terms, sum.others, sum.unit);
        let says = if sum.adds_up { self.dim(&sum.says) } else { self.ink("1;31", &sum.says) };
        self.line(4, &says);
    }

    fn terms(&mut self, terms: &[Term], others: Option<Others>, unit: &str) {
        let name = |term: &Term| term.id.clone().unwrap_or_else(|| term.what.clone());
        let values: Vec<String> =
            terms.iter().map(|term| term.value.map_or_else(|| "unknown".to_owned(), |value| with_unit(value, unit))).collect();
        let rest = others.map(|others| (format!("{} more", grouped(others.rows as u128)), with_unit(others.value, unit)));
        let width = values.iter().chain(rest.iter().map(|(_, value)| value)).map(|value| value.chars().count()).max().unwrap_or(0);
        for (term, value) in terms.iter().zip(&values) {
            let weight = term.weight.map(|weight| format!("  weight {}", whole(weight))).unwrap_or_default();
            let note = term.note.as_ref().map(|note| format!("  {note}")).unwrap_or_default();
            self.line(4, &format!("{value:>width$}  {}{weight}{note}", name(term)));
        }
        if let Some((what, value)) = rest {
            self.line(4, &format!("{value:>width$}  {what}"));
        }
    }

    fn product(&mut self, product: &Product) {
        self.out.push('\n');
        self.words(2, &product.what);
        self.line(4, &format!("{} = {}", product.formula, with_unit(product.result, product.unit)));
        for Operand { name, value, unit, source } in &product.operands {
            let value = match value {
                Number::Whole(value) => whole(*value),
                Number::Factor(value) => value.to_string(),
            };
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            let source = source.as_ref().map(|source| format!("  ({source})")).unwrap_or_default();
            self.line(6, &format!("{name} = {value}{unit}{source}"));
        }
    }

    fn split(&mut self, split: &Share) {
        self.out.push('\n');
        self.words(2, &format!("Its part of {}, by largest remainder", split.what));
        let (whole_text, part) = (with_unit(split.whole, split.unit), with_unit(split.part, split.unit));
        let quota = if split.total_weight == 0 { 0.0 } else { split.whole as f64 * split.weight as f64 / split.total_weight as f64 };
        let weight = |weight: i64| with_unit(weight, split.unit_of_weight);
        self.line(4, &format!("{whole_text} × {} / {} = {quota:.3}, so {part}", weight(split.weight), weight(split.total_weight)));
        self.line(4, &self.dim(&split.parts.by));
        self.terms(&split.parts.terms, split.parts.others, split.parts.unit);
        let says = if split.parts.adds_up { self.dim(&split.parts.says) } else { self.ink("1;31", &split.parts.says) };
        self.line(4, &says);
    }

    fn intensities(&mut self, values: &[Intensity]) {
        if values.is_empty() {
            return;
        }
        self.out.push('\n');
        self.line(2, &self.dim("grid intensity that was met"));
        for value in values {
            self.line(4, &format!("{} {} to {}: {} g/kWh, {}", value.grid_zone, value.from, value.to, value.gco2e_per_kwh, value.status));
            match (&value.provider, &value.path) {
                (Some(provider), Some(path)) => {
                    let edition = value.edition.as_deref().unwrap_or_default();
                    let retrieved = value.retrieved_at.as_ref().map(|at| format!(", retrieved {at}")).unwrap_or_default();
                    self.words(6, &format!("{provider}, edition {edition}{retrieved}"));
                    self.line(6, &format!("{path}  SHA-256 {}", value.sha256.as_deref().unwrap_or_default()));
                }
                _ => self.words(
                    6,
                    "no value of the provider: a hole up to 2 h is bridged by a line, a longer one by the mean of the hour of day",
                ),
            }
        }
    }

    fn counter(&mut self, counter: &Counter) {
        self.out.push('\n');
        let role = match counter.role {
            crate::accounting::metering::trace::Role::NodeEnergy => "Counter of the node's energy",
            crate::accounting::metering::trace::Role::NodeIdle => "Counter of the node's idle energy",
            crate::accounting::metering::trace::Role::PodEnergy => "Counter of the pod's energy",
            crate::accounting::metering::trace::Role::PodTail => "The pod's tail",
            crate::accounting::metering::trace::Role::PodCpu => "Counter of the pod's CPU time",
            crate::accounting::metering::trace::Role::MachineCpu => "Counter of the machine's CPU time",
        };
        let zone = if counter.power_zone.is_empty() { String::new() } else { format!(", power zone {}", counter.power_zone) };
        self.line(2, &self.dim(&format!("{role}{zone}, {}", counter.family)));
        for series in &counter.series {
            let telling = |(name, _): &(&String, &String)| !SCRAPE_LABELS.contains(&name.as_str());
            let labels =
                series.labels.iter().filter(telling).map(|(name, value)| format!("{name}=\"{value}\"")).collect::<Vec<_>>().join(", ");
            self.words(4, &format!("{}{{{labels}}}", series.metric));
        }
        let values: Vec<String> = counter.differences.iter().map(|difference| with_unit(difference.in_step, counter.unit)).collect();
        let width = values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
        let first = counter.differences.len() - counter.differences.len() / 2;
        for (at, (difference, value)) in counter.differences.iter().zip(&values).enumerate() {
            if let Some(others) = counter.others.filter(|_| at == first) {
                self.line(
                    4,
                    &format!("{:>width$}  {} more in between", with_unit(others.value, counter.unit), grouped(others.rows as u128)),
                );
            }
            let unit = counter.unit_of_values;
            let note = difference.note.map(|note| format!("  ({note})")).unwrap_or_default();
            let raw = match (difference.from_raw, difference.to_raw) {
                (Some(from), Some(to)) => format!("  [as exported: {from}, {to}]"),
                _ => String::new(),
            };
            let span = format!("{} {} → {} {}", time(&difference.from), difference.from_value, time(&difference.to), difference.to_value);
            self.line(4, &format!("{value:>width$}  {span} {unit}{raw}{note}"));
        }
        self.line(4, &self.dim(&counter.says));
    }

    fn sources(&mut self, level: &Explanation) {
        if !level.queries.is_empty() {
            self.out.push('\n');
            self.line(2, &self.dim("asked of the server"));
        }
        for query in &level.queries {
            self.line(
                4,
                &format!(
                    "{} ({}), {} to {}: {} samples of {} series",
                    query.name, query.read, query.from, query.to, query.samples, query.series
                ),
            );
            self.line(6, &query.promql);
        }
        if !level.evidence.is_empty() {
            self.out.push('\n');
            self.line(2, &self.dim("evidence, with SHA-256"));
        }
        for file in &level.evidence {
            self.line(4, &format!("{}  {}", file.sha256, file.path));
        }
    }

    fn run(&mut self, run: &Run) {
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        self.line(2, &format!("ran       {} to {} in {}", or_unknown(&run.start), or_unknown(&run.end), run.grid_zone));
        let pue = run.baseline_pue.map(|pue| format!(", PUE {pue}")).unwrap_or_default();
        let rule = run.baseline_rule.as_deref().unwrap_or("none");
        self.line(
            2,
            &format!("baseline  {} in {}{pue}, by the rule {rule}", or_unknown(&run.baseline_start), or_unknown(&run.baseline_zone)),
        );
        self.line(2, &format!("cause     {}, read off: {}", run.cause, run.cause_basis));
        for row in &run.rows {
            self.line(4, &row.id);
            self.line(6, &with_unit(row.active_mj, "mJ"));
            for (name, side) in [("as it was", &row.actual), ("at the baseline", &row.counterfactual)] {
                if let Some(Side { grid_zone, from, to, mean_gco2e_per_kwh, pue, ug_per_mj, ugco2e, .. }) = side {
                    let met = format!("{grid_zone} {from} to {to}: mean {mean_gco2e_per_kwh} g/kWh × PUE {pue}");
                    self.line(6, &format!("{name}: {met} = {ug_per_mj} µg/mJ, so {}", with_unit(*ugco2e, "µgCO2e")));
                }
            }
        }
    }
}

/// The day is said above; `02:15:00`, or with fractions of a second.
fn time(instant: &str) -> &str {
    instant.split_once('T').map_or(instant, |(_, time)| time.trim_end_matches('Z'))
}
