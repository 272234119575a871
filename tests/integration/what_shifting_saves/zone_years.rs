//! The years of intensities that are there, each with the clock by which its nights are told.

use chrono_tz::Tz;

/// One published file.
pub struct ZoneYear {
    pub zone: &'static str,
    pub year: i32,
    /// Which publication of the data portal's files; the same year is revised between them.
    pub vintage: &'static str,
    pub file: &'static str,
    pub time_zone: Tz,
    pub has_direct: bool,
}

const fn direct(zone: &'static str, year: i32, vintage: &'static str, file: &'static str, time_zone: Tz) -> ZoneYear {
    ZoneYear { zone, year, vintage, file, time_zone, has_direct: true }
}

const fn lifecycle_only(zone: &'static str, file: &'static str, time_zone: Tz) -> ZoneYear {
    ZoneYear { zone, year: 2022, vintage: "2024", file, time_zone, has_direct: false }
}

pub const ZONE_YEARS: [ZoneYear; 14] = [
    direct("BE", 2022, "2023", "vintage-a-2023/BE_2022_hourly.csv", Tz::Europe__Brussels),
    direct("DE", 2021, "2023", "vintage-a-2023/DE_2021_hourly.csv", Tz::Europe__Berlin),
    direct("DE", 2022, "2023", "vintage-a-2023/DE_2022_hourly.csv", Tz::Europe__Berlin),
    direct("ES", 2022, "2023", "vintage-a-2023/ES_2022_hourly.csv", Tz::Europe__Madrid),
    direct("ES", 2022, "2024", "vintage-b-2024/ES_2022_hourly.csv", Tz::Europe__Madrid),
    direct("FR", 2022, "2023", "vintage-a-2023/FR_2022_hourly.csv", Tz::Europe__Paris),
    direct("GB", 2022, "2023", "vintage-a-2023/GB_2022_hourly.csv", Tz::Europe__London),
    direct("NL", 2021, "2023", "vintage-a-2023/NL_2021_hourly.csv", Tz::Europe__Amsterdam),
    direct("NL", 2022, "2023", "vintage-a-2023/NL_2022_hourly.csv", Tz::Europe__Amsterdam),
    direct("NO", 2022, "2024", "vintage-b-2024/NO_2022_hourly.csv", Tz::Europe__Oslo),
    direct("PL", 2022, "2023", "vintage-a-2023/PL_2022_hourly.csv", Tz::Europe__Warsaw),
    direct("US-CAL-CISO", 2022, "2024", "vintage-b-2024/US-CAL-CISO_2022_hourly.csv", Tz::America__Los_Angeles),
    lifecycle_only("IE", "lca-only-2022/IE_2022_hourly_lca.csv", Tz::Europe__Dublin),
    lifecycle_only("SE-SE3", "lca-only-2022/SE-SE3_2022_hourly_lca.csv", Tz::Europe__Stockholm),
];

impl ZoneYear {
    /// As the tables call it.
    pub fn name(&self) -> String {
        let kind = if self.has_direct { "" } else { ", life cycle" };
        format!("{} {}{kind}", self.zone, self.year)
    }
}
