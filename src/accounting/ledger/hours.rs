//! Sums of a cluster-day by site, workload and hour, as the columnar pass fills them.

use super::{DayTerms, Sums, WorkloadHour};

/// Sums by site, workload and hour of the day; a workload takes space only once it has energy.
pub struct HourSums {
    per_site: usize,
    first_hour: i32,
    /// Row of `sums` by `site * per_site + workload + 3`; `u32::MAX` where there is none yet.
    rows: Vec<u32>,
    sums: Vec<[Sums; 24]>,
}

impl HourSums {
    pub fn new(terms: &DayTerms<'_>) -> Self {
        let per_site = terms.workload_count + 3;
        let first_hour = terms.hour_of(terms.first_step);
        Self { per_site, first_hour, rows: vec![u32::MAX; terms.sites.len() * per_site], sums: Vec::new() }
    }

    pub fn add(&mut self, site: usize, workload: i32, hour: i32, sums: &Sums) {
        let row = &mut self.rows[site * self.per_site + (workload + 3) as usize];
        if *row == u32::MAX {
            *row = self.sums.len() as u32;
            self.sums.push([Sums::default(); 24]);
        }
        self.sums[*row as usize][(hour - self.first_hour) as usize].add(sums);
    }

    pub fn into_rows(self) -> Vec<WorkloadHour> {
        let mut workload_hours = Vec::new();
        for (key, row) in self.rows.iter().enumerate().filter(|(_, row)| **row != u32::MAX) {
            for (hour, sums) in self.sums[*row as usize].iter().enumerate().filter(|(_, sums)| **sums != Sums::default()) {
                workload_hours.push(WorkloadHour {
                    site: (key / self.per_site) as i32,
                    workload: (key % self.per_site) as i32 - 3,
                    hour: self.first_hour + hour as i32,
                    sums: *sums,
                });
            }
        }
        workload_hours
    }
}
