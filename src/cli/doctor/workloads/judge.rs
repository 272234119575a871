//! Who may wait, who perhaps could, and who was marked by mistake: three lists of a month's workloads.
//!
//! In: rows of a month's workloads. Out: [`Lists`], most to be had first. Rule: what is marked and looks as if it served users is listed there and not among the
//! deferrable; what somebody said may not wait is left alone. Does not: change a class: the report's figures stay as they are.

use std::cmp::Reverse;

use serde::Serialize;

use super::looks::{Work, like_batch_work, like_serving};
use super::rows::Row;
use crate::model::{ClassBasis, DeferralClass};
use crate::units::{MicrogramsCo2e, Millijoules};

/// A row, and why it is in its list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    #[serde(flatten)]
    pub row: Row,
    pub looks_like: Option<Work>,
    pub because: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lists {
    pub deferrable: Vec<Judged>,
    /// Looks deferrable, and nobody said so.
    pub unmarked: Vec<Judged>,
    /// Marked, and serves users.
    pub marked_but_serving: Vec<Judged>,
    pub sums: Sums,
}

/// Energy of each list, and of the month.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sums {
    pub active_mj: Millijoules,
    pub deferrable_mj: Millijoules,
    pub unmarked_mj: Millijoules,
    pub marked_but_serving_mj: Millijoules,
    /// By shifting.
    pub deferrable_avoided_ugco2e: Option<MicrogramsCo2e>,
    /// What windows had to offer.
    pub deferrable_best_ugco2e: Option<MicrogramsCo2e>,
    pub unmarked_best_ugco2e: Option<MicrogramsCo2e>,
}

impl Lists {
    pub fn of(rows: Vec<Row>) -> Self {
        let mut lists = Self::default();
        for row in rows {
            lists.sums.active_mj += row.active_mj;
            lists.place(row);
        }
        let Self { deferrable, unmarked, marked_but_serving, sums } = &mut lists;
        for list in [&mut *deferrable, &mut *unmarked, &mut *marked_but_serving] {
            sort(list);
        }
        (sums.deferrable_mj, sums.deferrable_best_ugco2e) = summed(deferrable);
        sums.deferrable_avoided_ugco2e = deferrable.iter().filter_map(|judged| judged.row.avoided_ugco2e).reduce(|a, b| a + b);
        (sums.unmarked_mj, sums.unmarked_best_ugco2e) = summed(unmarked);
        (sums.marked_but_serving_mj, _) = summed(marked_but_serving);
        lists
    }

    fn place(&mut self, row: Row) {
        let likeness = || like_batch_work(&row.namespace, &row.workload);
        match (row.class, row.said_by) {
            (DeferralClass::Deferrable, _) => match like_serving(&row.workload) {
                Some(because) => self.marked_but_serving.push(Judged { row, looks_like: None, because: Some(because) }),
                None => self.deferrable.push(Judged { looks_like: likeness().map(|likeness| likeness.work), row, because: None }),
            },
            // The kind alone says that it serves; its name may say otherwise.
            (DeferralClass::Unclassified, _) | (DeferralClass::NotDeferrable, ClassBasis::Kind) => {
                if let Some(likeness) = likeness() {
                    self.unmarked.push(Judged { row, looks_like: Some(likeness.work), because: Some(likeness.because) });
                }
            }
            (DeferralClass::NotDeferrable, _) => {}
        }
    }
}

/// Most to be had first, then most energy, then by name.
fn sort(list: &mut [Judged]) {
    list.sort_by_cached_key(|judged| {
        let row = &judged.row;
        let names = (row.cluster.clone(), row.namespace.clone(), row.workload.clone(), row.class, row.said_by);
        (Reverse(row.best_ugco2e), Reverse(row.active_mj), names)
    });
}

fn summed(list: &[Judged]) -> (Millijoules, Option<MicrogramsCo2e>) {
    let energy = list.iter().map(|judged| judged.row.active_mj).sum();
    (energy, list.iter().filter_map(|judged| judged.row.best_ugco2e).reduce(|a, b| a + b))
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Workload, of};
    use super::*;

    fn lists(workloads: &[(&str, DeferralClass, ClassBasis)]) -> Lists {
        let workloads: Vec<_> = workloads
            .iter()
            .zip(1..)
            .map(|((name, class, basis), energy)| Workload {
                cluster: "a",
                namespace: "x",
                name,
                active_mj: Millijoules::new(energy),
                class: *class,
                basis: *basis,
            })
            .collect();
        Lists::of(of(&workloads, &[]))
    }

    fn names(list: &[Judged]) -> Vec<&str> {
        list.iter().map(|judged| judged.row.workload.as_str()).collect()
    }

    #[test]
    fn each_workload_is_in_one_list_or_in_none() {
        use ClassBasis::{Kind, Label, None, Policy};
        use DeferralClass::{Deferrable, NotDeferrable, Unclassified};
        let lists = lists(&[
            ("CronJob/etl", Deferrable, Policy),
            ("Deployment/web", Deferrable, Label),
            ("Deployment/shop", NotDeferrable, Kind),
            ("Deployment/build-farm", NotDeferrable, Kind),
            ("Job/train", Unclassified, None),
            ("Job/payroll", NotDeferrable, Label),
            ("Pod/postgres", Unclassified, None),
        ]);

        assert_eq!(names(&lists.deferrable), ["CronJob/etl"]);
        // Nothing is known to be had, so the larger goes first.
        assert_eq!(names(&lists.unmarked), ["Job/train", "Deployment/build-farm"]);
        assert_eq!(names(&lists.marked_but_serving), ["Deployment/web"]);
        assert_eq!(lists.unmarked[0].looks_like, Some(Work::Training));
        let sums = &lists.sums;
        let energies = [sums.active_mj, sums.deferrable_mj, sums.unmarked_mj, sums.marked_but_serving_mj].map(Millijoules::get);
        assert_eq!(energies, [28, 1, 9, 2]);
        assert_eq!(sums.unmarked_best_ugco2e, Option::None);
    }
}
