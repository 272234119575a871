//! Ids as text: written part by part, and taken apart again.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::{Part, RowId, RunId, StepId};
use crate::units::UtcDay;

/// What stands for a start that nobody saw.
const UNKNOWN: &str = "unknown";
const HOUR_S: i64 = 3_600;

/// Characters that part ids from one another, and those that would not survive a line of text. `~` parts a name from its number.
fn needs_escape(c: char) -> bool {
    matches!(c, '%' | ':' | '@') || c.is_whitespace() || c.is_control()
}

fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if needs_escape(c) {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
        } else {
            text.push(c);
        }
    }
    text
}

/// A name that a number may follow: its own `~` must not look like one.
fn escaped_before_number(name: &str) -> String {
    escaped(name).replace('~', "%7E")
}

fn unescaped(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut name = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = text.get(at + 1..at + 3)?;
            name.push(u8::from_str_radix(hex, 16).ok()?);
            at += 3;
        } else {
            name.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}

fn hour_text(hour: i32) -> String {
    DateTime::from_timestamp(i64::from(hour) * HOUR_S, 0).map_or_else(|| hour.to_string(), |at| at.format("%Y%m%dT%HZ").to_string())
}

fn second_text(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

fn day_text(day: UtcDay) -> String {
    day.date().format("%Y%m%d").to_string()
}

fn hour(text: &str) -> Option<i32> {
    let hours = text.strip_suffix('Z').filter(|rest| rest.len() == 11)?;
    let at = NaiveDateTime::parse_from_str(&format!("{hours}0000"), "%Y%m%dT%H%M%S").ok()?.and_utc();
    i32::try_from(at.timestamp() / HOUR_S).ok()
}

fn second(text: &str) -> Option<DateTime<Utc>> {
    let at = NaiveDateTime::parse_from_str(text.strip_suffix('Z').filter(|rest| rest.len() == 15)?, "%Y%m%dT%H%M%S").ok()?;
    Some(at.and_utc())
}

fn day(text: &str) -> Option<UtcDay> {
    let is_shaped = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_shaped.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok().map(UtcDay::new)).flatten()
}

/// `x` or `x~2`.
fn numbered(text: &str, number: u32) -> String {
    if number > 1 { format!("{text}~{number}") } else { text.to_owned() }
}

fn unnumbered(text: &str) -> Option<(&str, u32)> {
    match text.rsplit_once('~') {
        None => Some((text, 1)),
        Some((rest, number)) => Some((rest, number.parse().ok().filter(|number| *number > 1)?)),
    }
}

pub fn written(row: &RowId) -> String {
    let names = |kind: &str, parts: &[&str]| parts.iter().fold(kind.to_owned(), |text, part| format!("{text}:{}", escaped(part)));
    match row {
        RowId::Totals => "totals".to_owned(),
        RowId::Cluster { cluster } => names("cluster", &[cluster]),
        RowId::Namespace { cluster, namespace } => names("namespace", &[cluster, namespace]),
        RowId::Workload { cluster, namespace, workload } => names("workload", &[cluster, namespace, workload]),
        RowId::Run(RunId { cluster, namespace, job, start, again }) => {
            let start = start.map_or_else(|| UNKNOWN.to_owned(), second_text);
            format!("{}@{}", names("run", &[cluster, namespace, job]), numbered(&start, *again))
        }
        RowId::Counterfactual(part) => match part {
            Part::All => "counterfactual".to_owned(),
            Part::Cause(cause) => names("counterfactual", &[cause]),
            Part::Alternative(baseline) => names("counterfactual:alternative", &[baseline]),
            Part::Rule(rule) => names("counterfactual:rule", &[rule]),
            Part::Class { class, basis } => names("counterfactual:class", &[class, basis]),
            Part::MoveNext { cluster, namespace, workload, place } => {
                let workload = numbered(&escaped_before_number(workload), *place);
                format!("{}:{workload}", names("counterfactual:move-next", &[cluster, namespace]))
            }
            Part::Capacity { cluster, hour } => format!("{}@{}", names("counterfactual:capacity", &[cluster]), hour_text(*hour)),
        },
        RowId::NodeDay { cluster, node, day } => names("node-day", &[cluster, node, &day.to_string()]),
        RowId::Hour { cluster, hour } => format!("{}@{}", names("hour", &[cluster]), hour_text(*hour)),
        RowId::Scope2 { cluster_and_zone: None } => "scope2".to_owned(),
        RowId::Scope2 { cluster_and_zone: Some((cluster, zone)) } => names("scope2", &[cluster, zone]),
        RowId::Instrument { number } => format!("instrument:{number}"),
        RowId::MarketZone { zone } => names("market-zone", &[zone]),
        RowId::Scope3 { category: None } => "scope3".to_owned(),
        RowId::Scope3 { category: Some(category) } => format!("scope3:{category}"),
        RowId::Asset { cluster, node } => names("asset", &[cluster, node]),
        RowId::Month { month } => names("month", &[month]),
        RowId::CostCentre { cost_centre } => names("cost-centre", &[cost_centre]),
        RowId::Entity { entity } => names("entity", &[entity]),
        RowId::IntraGroup { provider, customer, cluster, namespace, placement } => {
            names("intra-group", &[provider, customer, cluster, namespace, placement])
        }
        RowId::Group => "group".to_owned(),
        RowId::LedgerDay { cluster, namespace, workload, day } => {
            format!("{}@{}", names("row", &[cluster, namespace, workload]), day_text(*day))
        }
        RowId::LedgerHour { cluster, namespace, workload, hour } => {
            format!("{}@{}", names("row", &[cluster, namespace, workload]), hour_text(*hour))
        }
        RowId::Step(StepId { cluster, node, namespace, pod, start }) => {
            format!("{}@{}", names("step", &[cluster, node, namespace, pod]), second_text(*start))
        }
    }
}

/// The parts of an id, taken from the left.
pub struct Parts<'a> {
    parts: std::collections::VecDeque<&'a str>,
}

impl<'a> Parts<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { parts: text.split(':').collect() }
    }

    fn name(&mut self) -> Option<String> {
        unescaped(self.parts.pop_front()?)
    }

    /// A name with what stands behind its `@`.
    fn name_at(&mut self) -> Option<(String, &'a str)> {
        let (name, at) = self.parts.pop_front()?.rsplit_once('@')?;
        Some((unescaped(name)?, at))
    }

    /// A row, and the field that is left; more than that, or an empty field, is no id.
    pub fn read(mut self) -> Option<(RowId, Option<String>)> {
        let row = self.row()?;
        let field = self.parts.pop_front();
        if !self.parts.is_empty() || field == Some("") {
            return None;
        }
        Some((row, field.map(str::to_owned)))
    }

    fn row(&mut self) -> Option<RowId> {
        Some(match self.parts.pop_front()? {
            "totals" => RowId::Totals,
            "cluster" => RowId::Cluster { cluster: self.name()? },
            "namespace" => RowId::Namespace { cluster: self.name()?, namespace: self.name()? },
            "workload" => RowId::Workload { cluster: self.name()?, namespace: self.name()?, workload: self.name()? },
            "run" => {
                let (cluster, namespace) = (self.name()?, self.name()?);
                let (job, at) = self.name_at()?;
                let (start, again) = unnumbered(at)?;
                let start = if start == UNKNOWN { None } else { Some(second(start)?) };
                RowId::Run(RunId { cluster, namespace, job, start, again })
            }
            "counterfactual" => RowId::Counterfactual(self.part()?),
            "node-day" => RowId::NodeDay { cluster: self.name()?, node: self.name()?, day: self.name()?.parse().ok()? },
            "hour" => {
                let (cluster, at) = self.name_at()?;
                RowId::Hour { cluster, hour: hour(at)? }
            }
            "scope2" if self.parts.len() < 2 => RowId::Scope2 { cluster_and_zone: None },
            "scope2" => RowId::Scope2 { cluster_and_zone: Some((self.name()?, self.name()?)) },
            "instrument" => RowId::Instrument { number: self.name()?.parse().ok()? },
            "market-zone" => RowId::MarketZone { zone: self.name()? },
            "scope3" => match self.parts.front().and_then(|part| part.parse().ok()) {
                None => RowId::Scope3 { category: None },
                category => {
                    self.parts.pop_front();
                    RowId::Scope3 { category }
                }
            },
            "asset" => RowId::Asset { cluster: self.name()?, node: self.name()? },
            "month" => RowId::Month { month: self.name()? },
            "cost-centre" => RowId::CostCentre { cost_centre: self.name()? },
            "entity" => RowId::Entity { entity: self.name()? },
            "intra-group" => RowId::IntraGroup {
                provider: self.name()?,
                customer: self.name()?,
                cluster: self.name()?,
                namespace: self.name()?,
                placement: self.name()?,
            },
            "group" => RowId::Group,
            "row" => {
                let (cluster, namespace) = (self.name()?, self.name()?);
                let (workload, at) = self.name_at()?;
                match (day(at), hour(at)) {
                    (Some(day), _) => RowId::LedgerDay { cluster, namespace, workload, day },
                    (None, hour) => RowId::LedgerHour { cluster, namespace, workload, hour: hour? },
                }
            }
            "step" => {
                let (cluster, node, namespace) = (self.name()?, self.name()?, self.name()?);
                let (pod, at) = self.name_at()?;
                RowId::Step(StepId { cluster, node, namespace, pod, start: second(at)? })
            }
            _ => return None,
        })
    }

    fn part(&mut self) -> Option<Part> {
        let Some(first) = self.parts.front().copied() else { return Some(Part::All) };
        if !["carbon", "other", "none", "alternative", "rule", "class", "move-next", "capacity"].contains(&first) {
            return Some(Part::All);
        }
        self.parts.pop_front();
        Some(match first {
            "alternative" => Part::Alternative(self.name()?),
            "rule" => Part::Rule(self.name()?),
            "class" => Part::Class { class: self.name()?, basis: self.name()? },
            "move-next" => {
                let (cluster, namespace) = (self.name()?, self.name()?);
                let (workload, place) = unnumbered(self.parts.pop_front()?)?;
                Part::MoveNext { cluster, namespace, workload: unescaped(workload)?, place }
            }
            "capacity" => {
                let (cluster, at) = self.name_at()?;
                Part::Capacity { cluster, hour: hour(at)? }
            }
            cause => Part::Cause(cause.to_owned()),
        })
    }
}
