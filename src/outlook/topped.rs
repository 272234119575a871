//! What a provider said since the process began, of hours that the evidence may not have yet.
//!
//! In: one answer after the other. Out: series, each with the rows that no later answer has. Rule: the later answer holds; what is older than some days is in the
//! evidence, or is not going to be acted on, and is forgotten.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::IntensitySeries;

const KEPT: TimeDelta = TimeDelta::days(3);

#[derive(Debug, Default)]
pub struct Topped {
    /// In the order in which they came; no hour is in two of them.
    series: Vec<IntensitySeries>,
}

impl Topped {
    pub fn take(&mut self, new: IntensitySeries, now: DateTime<Utc>) {
        let oldest_s = (now - KEPT).timestamp();
        // An hour of which the new answer has no value keeps the one that it had.
        let said: std::collections::BTreeSet<i64> =
            (0..new.len()).filter(|row| new.direct_gco2e_per_kwh[*row].is_some()).map(|row| new.start_s[row]).collect();
        for old in &mut self.series {
            *old = old.with_rows(|row| old.end_s[row] > oldest_s && !said.contains(&old.start_s[row]));
        }
        self.series.push(new.with_rows(|row| new.direct_gco2e_per_kwh[row].is_some()));
        self.series.retain(|series| !series.is_empty());
    }

    pub fn series(&self) -> impl Iterator<Item = &IntensitySeries> {
        self.series.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at_s: i64, rows: &[(i64, Option<f64>)]) -> IntensitySeries {
        IntensitySeries {
            zone: "NL".to_owned(),
            retrieved_s: Some(at_s),
            edition: at_s.to_string(),
            start_s: rows.iter().map(|(hour, _)| hour * 3_600).collect(),
            end_s: rows.iter().map(|(hour, _)| (hour + 1) * 3_600).collect(),
            direct_gco2e_per_kwh: rows.iter().map(|(_, value)| *value).collect(),
            lifecycle_gco2e_per_kwh: vec![None; rows.len()],
            is_estimated: vec![false; rows.len()],
            estimation_method: vec![String::new(); rows.len()],
            ..IntensitySeries::default()
        }
    }

    fn held(topped: &Topped) -> Vec<(&str, Vec<i64>)> {
        topped.series().map(|series| (series.edition.as_str(), series.start_s.iter().map(|start| start / 3_600).collect())).collect()
    }

    #[test]
    fn each_hour_is_of_the_last_answer_that_has_it() {
        let mut topped = Topped::default();
        let at = |hour: i64| DateTime::from_timestamp(hour * 3_600, 0).unwrap();
        topped.take(answer(1, &[(0, Some(1.0)), (1, Some(2.0)), (2, Some(3.0))]), at(3));
        topped.take(answer(2, &[(1, Some(2.5)), (2, None), (3, Some(4.0))]), at(4));
        assert_eq!(held(&topped), [("1", vec![0, 2]), ("2", vec![1, 3])]);
        // Three days on the first hours are forgotten, and an answer without hours left is gone.
        topped.take(answer(3, &[(3, Some(4.5))]), at(75));
        assert_eq!(held(&topped), [("3", vec![3])]);
    }
}
