//! Which edition, and which file of it, each value of a grid zone comes from.
//!
//! In: the editions of a zone in the evidence. Out: by instant, the value's interval, its series and its file. Rule: the choice between editions is the one of
//! accounting. Assumes: several figures of one month look at the same zones, so that this is kept.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Result, anyhow};

use super::walk::Walk;
use crate::accounting::editions::Reconciled;
use crate::evidence::FileRecord;
use crate::model::IntensitySeries;

pub struct ZoneEvidence {
    editions: Vec<(IntensitySeries, FileRecord)>,
    /// By start: the end, and which of the editions the value is of.
    held: BTreeMap<i64, (i64, usize)>,
}

/// Where a value comes from.
pub struct Source<'a> {
    pub from_s: i64,
    pub to_s: i64,
    pub series: &'a IntensitySeries,
    pub file: &'a FileRecord,
}

impl ZoneEvidence {
    fn of(editions: Vec<(IntensitySeries, FileRecord)>, zone: &str) -> Result<Self> {
        let reconciled = Reconciled::of(editions.iter().map(|(series, _)| series), zone).map_err(|finding| anyhow!(finding.message))?;
        let which = |held: &IntensitySeries| editions.iter().position(|(series, _)| std::ptr::eq(series, held));
        let held = reconciled.held.iter().filter_map(|(from_s, held)| Some((*from_s, (held.to_s, which(held.series)?)))).collect();
        Ok(Self { editions, held })
    }

    /// The source of the value that holds at an instant; none in a hole.
    pub fn at(&self, at_s: i64) -> Option<Source<'_>> {
        let (from_s, (to_s, which)) = self.held.range(..=at_s).next_back().filter(|(_, (to_s, _))| *to_s > at_s)?;
        let (series, file) = &self.editions[*which];
        Some(Source { from_s: *from_s, to_s: *to_s, series, file })
    }
}

impl Walk<'_> {
    pub fn zone_evidence(&self, zone: usize) -> Result<Rc<ZoneEvidence>> {
        if let Some(known) = self.zones.borrow().get(&zone) {
            return Ok(Rc::clone(known));
        }
        let name = &self.workings.plan.zones[zone].zone;
        let read = Rc::new(ZoneEvidence::of(self.workings.store.intensity(name)?, name)?);
        self.zones.borrow_mut().insert(zone, Rc::clone(&read));
        Ok(read)
    }
}
