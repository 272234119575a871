//! A difference as text: figures by unit, largest change first, then the inputs that differ, then what each of them is worth.
//!
//! Rule: a figure is shown as the report shows it, and with all its digits where that would hide the change. Does not: leave out a cause.

use std::fmt::Write;

use super::shown::{SCALES, Scale, per_cent};
use crate::disclosure::difference::{Causes, Change, Difference, FileChange, Kind, SeriesChange, ValueChange, Waterfall};
use crate::units::grouped;

/// Characters of a SHA-256 that tell files apart.
const DIGEST: usize = 12;
/// Days, files and the like that are named before the rest is counted.
const NAMED: usize = 12;

struct Page {
    out: String,
    is_coloured: bool,
    top: usize,
}

pub fn text(difference: &Difference, top: usize, is_coloured: bool) -> String {
    let mut page = Page { out: String::new(), is_coloured, top: if top == 0 { usize::MAX } else { top } };
    page.difference(difference);
    page.out
}

fn signed(value: i64) -> String {
    format!("{}{}", if value < 0 { "−" } else { "+" }, grouped(value.unsigned_abs().into()))
}

fn whole(value: i64) -> String {
    format!("{}{}", if value < 0 { "−" } else { "" }, grouped(value.unsigned_abs().into()))
}

fn of_rows(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count as u128), if count == 1 { "" } else { "s" })
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        writeln!(self.out, "{:indent$}{text}", "").expect("a string takes all");
    }

    fn ink(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn head(&mut self, text: &str) {
        self.out.push('\n');
        self.line(0, &self.ink("1", text));
    }

    fn dim(&mut self, indent: usize, text: &str) {
        self.line(indent, &self.ink("2", text));
    }

    fn difference(&mut self, difference: &Difference) {
        let (before, after) = (&difference.before, &difference.after);
        let who = if before.organisation == after.organisation { format!(", {}", before.organisation) } else { String::new() };
        self.line(0, &self.ink("1", &format!("{} → {}{who}", before.written(), after.written())));
        let unchanged = of_rows(difference.unchanged, "figure");
        match difference.figures.len() {
            0 => self.line(0, &format!("No figure differs; {unchanged} are the same.")),
            changed => self.line(0, &format!("{} differ; {unchanged} do not.", of_rows(changed, "figure"))),
        }
        if let Some(why) = &difference.left_out {
            self.line(0, why);
        }
        for scale in SCALES {
            self.section(&format!("{}, {}", scale.title, scale.shown), Some(scale), &difference.figures);
        }
        self.section("Counts and others", None, &difference.figures);
        self.causes(&difference.causes);
        if let Some(waterfall) = &difference.waterfall {
            self.waterfall(waterfall);
        }
        if let Some(why) = &difference.no_waterfall {
            self.head("What each of them is worth");
            self.line(2, &format!("Not worked out: {why}"));
        }
    }

    /// Figures of one unit, or of all others.
    fn section(&mut self, title: &str, scale: Option<Scale>, figures: &[Change]) {
        let of_unit: Vec<&Change> =
            figures.iter().filter(|figure| Scale::of(figure.unit).map(|of| of.unit) == scale.map(|scale| scale.unit)).collect();
        if of_unit.is_empty() {
            return;
        }
        self.head(title);
        let shown = |value: i64, change: Option<i64>| {
            scale.map_or_else(|| whole(value), |scale| scale.amount(value, scale.decimals(change.unwrap_or_default())))
        };
        let rows: Vec<[String; 5]> = of_unit
            .iter()
            .take(self.top)
            .map(|figure| {
                let value = |value: Option<i64>, absent: Kind| match value {
                    Some(value) => shown(value, figure.change),
                    None if figure.kind == absent => "not there".to_owned(),
                    None => "unknown".to_owned(),
                };
                let change = match (figure.change, figure.kind) {
                    (Some(change), _) if change < 0 => shown(change, figure.change),
                    (Some(change), _) => format!("+{}", shown(change, figure.change)),
                    (None, Kind::Appeared) => "new".to_owned(),
                    (None, Kind::Gone) => "gone".to_owned(),
                    (None, Kind::BecameKnown) => "known now".to_owned(),
                    (None, _) => "unknown now".to_owned(),
                };
                let per_cent = figure.relative.map_or_else(String::new, per_cent);
                [value(figure.before, Kind::Appeared), value(figure.after, Kind::Gone), change, per_cent, figure.id.clone()]
            })
            .collect();
        self.table(["before", "after", "change", "", "figure"], &rows);
        if of_unit.len() > rows.len() {
            self.dim(2, &format!("{} more", grouped((of_unit.len() - rows.len()) as u128)));
        }
    }

    /// Right-aligned columns, the last one left-aligned.
    fn table<const N: usize>(&mut self, heads: [&str; N], rows: &[[String; N]]) {
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).chain([heads[at].chars().count()]).max().unwrap_or(0);
        let line = |cells: [&str; N]| {
            let aligned = (0..N - 1).map(|at| format!("{:>width$}", cells[at], width = width(at))).collect::<Vec<_>>().join("  ");
            format!("{aligned}  {}", cells[N - 1])
        };
        let head = line(heads);
        self.dim(2, &head);
        for row in rows {
            let text = line(std::array::from_fn(|at| row[at].as_str()));
            self.line(2, &text);
        }
    }

    fn causes(&mut self, causes: &Causes) {
        self.head("What differs in what they were made from");
        if causes.is_empty() {
            self.line(2, "Nothing.");
            return;
        }
        if !causes.evidence.is_empty() {
            self.line(2, &format!("Evidence: {} of clusters", of_rows(causes.evidence.len(), "day")));
            self.some(&causes.evidence, |page, day| {
                page.line(4, &format!("{} {}: {}", day.cluster, day.day, of_rows(day.files.len(), "file")));
            });
        }
        for (what, series) in [("Grid intensity", &causes.intensity), ("Prices", &causes.prices)] {
            if !series.is_empty() {
                self.line(2, &format!("{what}: {}", of_rows(series.len(), "zone")));
                self.some(series, |page, zone| page.series(zone));
            }
        }
        if !causes.other_files.is_empty() {
            self.line(2, &format!("Other evidence: {}", of_rows(causes.other_files.len(), "file")));
            self.some(&causes.other_files, |page, file| page.file(4, file));
        }
        if !causes.factors.is_empty() {
            self.line(2, "Factors");
            self.some(&causes.factors, |page, factor| {
                let value = |value: Option<f64>| value.map_or_else(|| "not there".to_owned(), |value| value.to_string());
                let differs =
                    if factor.differs_in.is_empty() { String::new() } else { format!(", and its {}", factor.differs_in.join(", ")) };
                let values = match factor.before == factor.after {
                    true => value(factor.before),
                    false => format!("{} → {}", value(factor.before), value(factor.after)),
                };
                page.line(4, &format!("{}: {values} {}{differs}", factor.id, factor.unit));
            });
        }
        if !causes.configuration.is_empty() {
            self.line(2, "Configuration");
            self.some(&causes.configuration, |page, key| {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not said".to_owned());
                page.line(4, &format!("{}: {} → {}", key.key, value(&key.before), value(&key.after)));
            });
        } else if let Some(ValueChange { before, after, .. }) = &causes.configuration_sha256 {
            self.line(2, &format!("Configuration: another one, SHA-256 {} → {}", short(before), short(after)));
        }
        for change in causes.policy.iter().chain(&causes.software).chain(&causes.method) {
            self.line(2, &format!("{}: {} → {}", super::super::explain::sentence_case(&change.name), change.before, change.after));
        }
        if causes.accepted.before != causes.accepted.after {
            let codes = |codes: &[String]| if codes.is_empty() { "none".to_owned() } else { codes.join(", ") };
            self.line(2, &format!("Accepted by name: {} → {}", codes(&causes.accepted.before), codes(&causes.accepted.after)));
        }
    }

    /// The first ones, and how many more.
    fn some<T>(&mut self, rows: &[T], mut show: impl FnMut(&mut Self, &T)) {
        let shown = if self.top == usize::MAX { rows.len() } else { rows.len().min(NAMED) };
        rows[..shown].iter().for_each(|row| show(self, row));
        if shown < rows.len() {
            self.dim(4, &format!("{} more", grouped((rows.len() - shown) as u128)));
        }
    }

    fn series(&mut self, series: &SeriesChange) {
        let edition = |edition: &Option<String>| edition.clone().unwrap_or_else(|| "none".to_owned());
        let editions = match series.edition_before == series.edition_after {
            true => edition(&series.edition_before),
            false => format!("{} → {}", edition(&series.edition_before), edition(&series.edition_after)),
        };
        self.line(4, &format!("{}: {editions}", series.zone));
        series.files.iter().for_each(|file| self.file(6, file));
    }

    fn file(&mut self, indent: usize, file: &FileChange) {
        let digest = |digest: &Option<String>| digest.as_deref().map_or("not there", short).to_owned();
        self.line(indent, &format!("{}: {} → {}", file.path, digest(&file.before), digest(&file.after)));
    }

    /// Groups of inputs exchanged one after the other.
    fn waterfall(&mut self, waterfall: &Waterfall) {
        self.head("What each of them is worth");
        let names: Vec<&str> = waterfall.order.iter().map(|cause| cause.name()).collect();
        self.line(2, &format!("Accounted again with one group of inputs exchanged after the other: {}.", names.join(", then ")));
        self.line(2, "What two of them do together goes to the later one.");
        for scale in SCALES {
            let Scale { title, unit, shown, .. } = scale;
            let figures: Vec<_> = waterfall.figures.iter().filter(|figure| figure.unit == unit).collect();
            if figures.is_empty() {
                continue;
            }
            self.out.push('\n');
            self.line(2, &format!("{title}, {shown}"));
            for figure in figures.iter().take(self.top) {
                self.line(4, &figure.id);
                let smallest = figure.parts.iter().copied().filter(|part| *part != 0).min_by_key(|part| part.unsigned_abs()).unwrap_or(0);
                let decimals = scale.decimals(smallest);
                let value = |value: i64| scale.amount(value, decimals);
                let plus = |part: i64| scale.change(part, decimals);
                let mut rows = vec![("before", value(figure.before))];
                rows.extend(names.iter().copied().zip(figure.parts.iter().map(|part| plus(*part))));
                rows.push(("after", value(figure.after)));
                let width = rows.iter().map(|(_, value)| value.chars().count()).max().unwrap_or(0);
                for (name, value) in rows {
                    self.line(6, &format!("{value:>width$}  {name}"));
                }
                let parts = figure.parts.iter().map(|part| signed(*part)).collect::<Vec<_>>().join(" ");
                let verdict = if figure.adds_up { "adds up" } else { "does not add up" };
                self.dim(6, &format!("{verdict}: {} {parts} = {} {unit}", whole(figure.before), whole(figure.after)));
            }
            if figures.len() > self.top {
                self.dim(4, &format!("{} more", grouped((figures.len() - self.top) as u128)));
            }
        }
        if waterfall.unknown_figures > 0 {
            self.dim(2, &format!("{} are unknown on the way and left out.", of_rows(waterfall.unknown_figures, "figure")));
        }
    }
}

fn short(digest: &str) -> &str {
    digest.get(..DIGEST).unwrap_or(digest)
}
