//! What each group of inputs is worth: the month is accounted again and again on its way from one edition to the other.
//!
//! In: two editions of a month with their books. Out: a [`Waterfall`]. Rule: evidence first, then intensity and prices, then factors and configuration. What this
//! software makes of the books of either end, other than their reports say, is the software's part. Does not: explain why an input differs.

use anyhow::Result;
use serde_json::Value;

use crate::cli::account::{self, Books, SOFTWARE};
use crate::cli::editions::account;
use crate::disclosure::difference::{Cause, Waterfall};
use crate::units::ReportingPeriod;

/// One end.
#[derive(Clone, Copy)]
pub struct End<'a> {
    pub books: &'a Books,
    pub report: &'a Value,
    pub accept: &'a [String],
}

impl End<'_> {
    /// By this software; the report itself where this software made it.
    fn by_this_software(&self, period: ReportingPeriod) -> Result<Value> {
        let said = &self.report["provenance"];
        let is_ours = said["software"] == SOFTWARE && said["method"] == account::method();
        if is_ours { Ok(self.report.clone()) } else { account(self.books, period, self.accept) }
    }
}

pub fn waterfall(period: ReportingPeriod, before: End<'_>, after: End<'_>) -> Result<Waterfall> {
    let (old, new) = (&before.books.store, &after.books.store);
    let first = before.by_this_software(period)?;
    let exchanged = |store| account(&before.books.clone().with_store(store), period, before.accept);
    let evidence = exchanged(new.with_series_of(old))?;
    let intensity = exchanged(new.clone())?;
    let last = after.by_this_software(period)?;
    Ok(Waterfall::of(
        before.report,
        &[
            (Cause::Software, &first),
            (Cause::Evidence, &evidence),
            (Cause::Intensity, &intensity),
            (Cause::FactorsAndConfiguration, &last),
            (Cause::Software, after.report),
        ],
    ))
}
