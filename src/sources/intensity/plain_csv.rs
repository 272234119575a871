//! Plain CSV: `ts,zone,intensity_gco2e_per_kwh`, and its neighbours.
//!
//! In: rows with a time, a grid zone, one value. Out: rows for the table above.
//! Rule: the unit stands in the header (`intensity_lb_per_mwh`) or is given for the file, and a file without one is refused; so is a local time
//! in the hour that the clocks repeat or skip. The zone may be given for the file too.
//! Assumes: the values are average ones, of the kind that the feed's `factor` names. Does not: know of estimates.

use anyhow::{Result, bail};

use super::files::FileTerms;
use super::table::{Row, Rows};
use crate::model::policy::FactorKind;
use crate::sources::delimited::{Reader, position};
use crate::sources::local_time::{NoInstant, instant};
use crate::sources::{Reach, Refusal};
use crate::units::IntensityUnit;

const TIMES: [&str; 4] = ["ts", "datetime", "time", "timestamp"];
const ZONES: [&str; 3] = ["zone", "zone_name", "zone_id"];
/// Columns of values whose names do not say a unit.
const WITHOUT_UNIT: [&str; 4] = ["intensity", "carbon_intensity", "carbon_intensity_avg", "value"];
const PREFIX: &str = "intensity_";

pub(super) struct Columns {
    time: usize,
    fold: Option<usize>,
    zone: Option<usize>,
    value: usize,
    unit: Option<IntensityUnit>,
}

impl Columns {
    /// The columns in a header in lower case, or none if the file is of another kind.
    pub fn find(header: &[String]) -> Option<Self> {
        let with_unit = header.iter().enumerate().find_map(|(i, name)| Some((i, IntensityUnit::parse(name.strip_prefix(PREFIX)?)?)));
        let (value, unit) = match with_unit {
            Some((i, unit)) => (i, Some(unit)),
            None => (position(header, &WITHOUT_UNIT)?, None),
        };
        Some(Self { time: position(header, &TIMES)?, fold: position(header, &["fold"]), zone: position(header, &ZONES), value, unit })
    }

    pub fn read(&self, reader: &mut Reader, source: usize, terms: &FileTerms, rows: &mut Rows) -> Result<()> {
        let name = rows.source(source).name.clone();
        let unit = self.unit(&name, terms.unit)?;
        if self.zone.is_none() && terms.zone.is_none() {
            let message = format!("{name} has no column `zone`");
            bail!(Refusal::new("CI_ZONE", Reach::Source, message).hint("add the column, or import the file with `--zone NL`"));
        }
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |column: usize| record.get(column).unwrap_or_default();
            let fold = self.fold.map_or("", cell);
            let start_s = instant(cell(self.time), fold, terms.time_zone).map_err(|NoInstant { message, hint }| {
                Refusal::new("CI_AMBIGUOUS_TIME", Reach::Source, format!("{name}, line {line}: {message}")).hint(hint)
            })?;
            let value = rows.value(source, line, cell(self.value), unit)?;
            let (direct, lifecycle) = match terms.factor {
                FactorKind::Direct => (value, None),
                FactorKind::Lifecycle => (None, value),
            };
            rows.push(Row {
                source,
                line,
                zone: self.zone.map_or(terms.zone.as_deref().unwrap_or_default(), cell).to_owned(),
                start_s,
                direct,
                lifecycle,
                is_estimated: false,
                estimation_method: String::new(),
                updated_s: None,
            });
        }
        Ok(())
    }

    /// The unit that the file or whoever brings it says; nobody, or two that differ, is refused.
    fn unit(&self, name: &str, given: Option<IntensityUnit>) -> Result<IntensityUnit, Refusal> {
        let refusal = |message: String| Refusal::new("CI_UNIT", Reach::Source, message);
        match (self.unit, given) {
            (Some(unit), None) | (None, Some(unit)) => Ok(unit),
            (Some(unit), Some(given)) if unit == given => Ok(unit),
            (Some(unit), Some(given)) => {
                Err(refusal(format!("{name}: its header says {unit}, and {given} was given")).hint("leave out the one that is wrong"))
            }
            (None, None) => Err(refusal(format!("{name} does not say the unit of its values")).hint(
                "name the column intensity_gco2e_per_kwh or intensity_lb_per_mwh, or give `unit`: unit = \"gCO2e/kWh\", --unit lb/MWh",
            )),
        }
    }
}
