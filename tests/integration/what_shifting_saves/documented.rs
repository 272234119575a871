//! The tables of `docs/what-shifting-saves.md`: each stands between two comments, and is what the code gives.

use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;

use crate::sample;

/// Tests that write the page anew wait for each other.
static PAGE: Mutex<()> = Mutex::new(());

/// Holds a table of the page against what was worked out; `BLESS=1` writes it anew.
pub fn compare(name: &str, table: &str) {
    let path = sample::root().join("docs/what-shifting-saves.md");
    let _only_one = PAGE.lock().unwrap_or_else(|broken| broken.into_inner());
    let page = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let from = page.find(&begin).unwrap_or_else(|| panic!("the page has no `{begin}`")) + begin.len();
    let to = from + page[from..].find(&end).unwrap_or_else(|| panic!("the page has no `{end}`"));
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{}{table}{}", &page[..from], &page[to..])).unwrap();
        return;
    }
    for (number, (found, expected)) in table.lines().zip(page[from..to].lines()).enumerate() {
        assert_eq!(found, expected, "table {name}, line {}; BLESS=1 if that is meant", number + 1);
    }
    assert_eq!(table.len(), to - from, "table {name} ends elsewhere; BLESS=1 if that is meant");
}

/// A table in Markdown, with its first columns to the left and the numbers to the right.
pub struct Table {
    text: String,
}

impl Table {
    pub fn new(left: &[&str], right: &[&str]) -> Self {
        let mut text = format!("| {} |\n|", [left, right].concat().join(" | "));
        text += &"---|".repeat(left.len());
        text += &"---:|".repeat(right.len());
        text.push('\n');
        Self { text }
    }

    pub fn row(&mut self, cells: &[String]) {
        writeln!(self.text, "| {} |", cells.join(" | ")).unwrap();
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A ratio in whole units of the last place, halves away from zero: 1234 with 1 place is 123.4.
pub fn decimal(numerator: i128, denominator: i128, places: u32) -> String {
    let scaled = numerator * 10_i128.pow(places);
    let half = denominator / 2;
    let units = if scaled < 0 { -((half - scaled) / denominator) } else { (scaled + half) / denominator };
    let unit = 10_i128.pow(places);
    let sign = if units < 0 { "−" } else { "" };
    let (whole, rest) = (units.abs() / unit, units.abs() % unit);
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:0width$}", width = places as usize) }
}

/// What a saving is of a whole, with a decimal.
pub fn percent(saved: i64, of: i64) -> String {
    decimal(i128::from(saved) * 100, i128::from(of), 1)
}

/// Micrograms in kilograms.
pub fn kilograms(ugco2e: i64, places: u32) -> String {
    decimal(i128::from(ugco2e), 1_000_000_000, places)
}

#[test]
fn figures_are_rounded_once_and_keep_their_sign() {
    assert_eq!(
        (percent(1, 8), percent(-1, 8), percent(-1, 10_000), percent(25, 10_000)),
        ("12.5".into(), "−12.5".into(), "0.0".into(), "0.3".into())
    );
    assert_eq!((kilograms(1_250_000_000, 1), kilograms(-449_999_999, 0)), ("1.3".into(), "0".into()));
}
