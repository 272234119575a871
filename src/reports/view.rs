//! Rounds figures for people: the only place of the reports that does.
//!
//! In: exact integers of the ledger, or measured doubles (intensities, shares). Out: decimal text, and the same decimal as a number for spreadsheets.
//! Rule: half up, once, from the exact value, in integer arithmetic (method, section 2): `floor(x + 0.5)` of the last digit shown.
//! Assumes: a figure is rounded on its own; a rounded total is not the sum of rounded rows. Does not: print a negative zero, or format a ledger value through a double.

use chrono::{DateTime, Utc};

use crate::units::{MicroEuros, MicroUnits, MicrogramsCo2e, Millijoules, Share};

pub use crate::units::{Rounded, grouped};

pub const MILLIJOULES_PER_KWH: i128 = 3_600_000_000;
pub const MILLIJOULES_PER_MWH: i128 = 1_000 * MILLIJOULES_PER_KWH;
pub const MICROGRAMS_PER_KG: i128 = 1_000_000_000;
pub const MICROGRAMS_PER_TONNE: i128 = 1_000 * MICROGRAMS_PER_KG;
pub const MICRO_EUR_PER_EUR: i128 = 1_000_000;
/// What every report prints for a figure that nobody computed; never 0.
pub const UNKNOWN: &str = "n/a";

/// Energy in tables: kilowatt-hours with three decimals.
pub fn kwh(energy: Millijoules) -> Rounded {
    Rounded::of(energy.get().into(), MILLIJOULES_PER_KWH, 3)
}

/// Emissions in tables: kilograms with three decimals.
pub fn kg(emissions: MicrogramsCo2e) -> Rounded {
    Rounded::of(emissions.get().into(), MICROGRAMS_PER_KG, 3)
}

/// Money in tables: euros with three decimals, since a run's electricity costs cents.
pub fn eur(money: MicroEuros) -> Rounded {
    Rounded::of(money.get().into(), MICRO_EUR_PER_EUR, 3)
}

/// Money in another currency, as euros are shown.
pub fn units(money: MicroUnits) -> Rounded {
    Rounded::of(money.get().into(), MICRO_EUR_PER_EUR, 3)
}

/// An intensity: grams per kWh with one decimal.
pub fn grams_per_kwh(intensity: f64) -> Rounded {
    Rounded::of_measured(intensity, 1)
}

/// Cores from thousandths, with one decimal.
pub fn cores(milli: i64) -> Rounded {
    Rounded::of(milli.into(), 1_000, 1)
}

/// A length of time in hours and minutes, `8:00`; a sign where it is below zero.
pub fn hours_minutes(seconds: i64) -> String {
    let minutes = seconds.abs() / 60;
    format!("{}{}:{:02}", if seconds <= -60 { "-" } else { "" }, minutes / 60, minutes % 60)
}

/// The unit of a headline, by its size: people read `1.234 t` better than `1,234.000 kg` only when there are many of them.
pub fn headline_energy(energy: Millijoules) -> (Rounded, &'static str) {
    let exact = i128::from(energy.get());
    if exact.abs() < 100 * MILLIJOULES_PER_MWH {
        (Rounded::of(exact, MILLIJOULES_PER_KWH, 1), "kWh")
    } else {
        (Rounded::of(exact, MILLIJOULES_PER_MWH, 1), "MWh")
    }
}

/// One unit for all headlines that stand beside each other, chosen by the largest.
pub fn headline_emissions_unit(largest: MicrogramsCo2e) -> (i128, &'static str) {
    if i128::from(largest.get()).abs() < 10 * MICROGRAMS_PER_TONNE {
        (MICROGRAMS_PER_KG, "kg CO₂e")
    } else {
        (MICROGRAMS_PER_TONNE, "t CO₂e")
    }
}

/// Mean intensity of the electricity used: emissions over energy, in g/kWh with one decimal; unknown without energy.
pub fn intensity_of_use(emissions: i128, energy: i128) -> Option<Rounded> {
    (energy > 0).then(|| Rounded::of(emissions * 3_600, energy, 1))
}

/// A part of a whole in percent with one decimal, from the exact integers.
pub fn percent_of(part: i64, whole: i64) -> String {
    match whole {
        0 => UNKNOWN.to_owned(),
        _ => edge_percent(Rounded::of(i128::from(part) * 100, whole.into(), 1), part != 0, part != whole),
    }
}

/// A share in percent with one decimal. A little is not nothing, and nearly all is not all.
pub fn percent(share: Option<f64>) -> String {
    match share {
        None => UNKNOWN.to_owned(),
        Some(share) => edge_percent(Rounded::of_measured(share * 100.0, 1), share != 0.0, share != 1.0),
    }
}

pub fn share_percent(share: Option<Share>) -> String {
    percent(share.map(Share::get))
}

fn edge_percent(rounded: Rounded, is_something: bool, is_not_all: bool) -> String {
    match rounded.scaled() {
        0 if is_something => "<0.1 %".to_owned(),
        1000 if is_not_all => ">99.9 %".to_owned(),
        _ => format!("{rounded} %"),
    }
}

/// A change in percent with its sign: a loss differs from a gain by more than its colour.
pub fn signed_percent(change: Option<f64>) -> String {
    change.map_or_else(|| UNKNOWN.to_owned(), |change| format!("{} %", Rounded::of_measured(change * 100.0, 1).signed()))
}

/// Half the width of an interval, relative to the value.
pub fn plus_minus(relative: f64) -> String {
    format!("± {}", percent(Some(relative)))
}

/// A published number as it was published, with its thousands set apart.
pub fn as_published(value: f64) -> String {
    grouped_decimal(&value.to_string())
}

/// A decimal string with its thousands set apart; what is no number stays as it is.
pub fn grouped_decimal(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match whole.parse::<u128>() {
        Ok(number) if is_digits(whole) && is_digits(fraction) => {
            format!("{}{}{}", &text[..text.len() - unsigned.len()], grouped(number), &unsigned[whole.len()..])
        }
        _ => text.to_owned(),
    }
}

/// A measured double with four significant digits, at most nine after the point.
pub fn significant(value: f64) -> Rounded {
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    Rounded::of_measured(value, (3 - magnitude).clamp(0, 9) as u32)
}

/// An instant as people read it in a table whose header says UTC.
pub fn utc_minute(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M").to_string()
}

/// `2026-10` → `October 2026`; what is no month stays as it is.
pub fn month_name(month: &str) -> String {
    const NAMES: [&str; 12] =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
    let name = month.split_once('-').and_then(|(year, number)| {
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        Some(format!("{} {year}", NAMES.get(index)?))
    });
    name.unwrap_or_else(|| month.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kwh_text(millijoules: i64) -> String {
        kwh(Millijoules::new(millijoules)).to_string()
    }

    #[test]
    fn half_of_the_last_digit_rounds_up_and_less_rounds_down() {
        // 0.0005 kWh are exactly 1,800,000 mJ.
        assert_eq!(kwh_text(1_800_000), "0.001");
        assert_eq!(kwh_text(1_799_999), "0.000");
        assert_eq!(kwh_text(-1_800_000), "0.000");
        assert_eq!(kwh_text(-1_800_001), "-0.001");
    }

    #[test]
    fn thousands_are_grouped_and_the_largest_integers_keep_every_digit() {
        assert_eq!(kwh_text(3_600_000_000 * 1_234_567), "1,234,567.000");
        // i64::MAX µg = 9,223,372,036,854,775,807 µg = 9,223,372,036.854775807 kg.
        assert_eq!(kg(MicrogramsCo2e::new(i64::MAX)).to_string(), "9,223,372,036.855");
        assert_eq!(kg(MicrogramsCo2e::new(i64::MIN)).to_string(), "-9,223,372,036.855");
    }

    #[test]
    fn zero_has_no_sign_and_a_gain_has_one() {
        assert_eq!(kg(MicrogramsCo2e::new(-1)).to_string(), "0.000");
        assert_eq!(kg(MicrogramsCo2e::new(-1)).signed(), "0.000");
        assert_eq!(kg(MicrogramsCo2e::new(2_000_000)).signed(), "+0.002");
        assert_eq!(Rounded::of_measured(-0.001, 1).to_string(), "0.0");
    }

    #[test]
    fn a_little_is_not_nothing_and_nearly_all_is_not_all() {
        assert_eq!(percent(Some(0.0001)), "<0.1 %");
        assert_eq!(percent(Some(0.9999)), ">99.9 %");
        assert_eq!(percent(Some(0.0)), "0.0 %");
        assert_eq!(percent(Some(1.0)), "100.0 %");
        assert_eq!(percent(None), "n/a");
        assert_eq!(percent_of(1, 3), "33.3 %");
        assert_eq!(percent_of(0, 0), "n/a");
    }

    #[test]
    fn a_run_that_costs_a_tenth_of_a_cent_shows_it_and_a_delay_is_hours_and_minutes() {
        assert_eq!(eur(MicroEuros::new(1_000)).to_string(), "0.001");
        assert_eq!(eur(MicroEuros::new(-1_234_567_890)).to_string(), "-1,234.568");
        assert_eq!([0, 5_400, -1_800, -59, 90_000].map(hours_minutes), ["0:00", "1:30", "-0:30", "0:00", "25:00"]);
    }

    #[test]
    fn published_numbers_keep_their_digits_and_texts_stay_texts() {
        assert_eq!(as_published(1_848.0), "1,848");
        assert_eq!(as_published(0.0433), "0.0433");
        assert_eq!(grouped_decimal("-1234567.50"), "-1,234,567.50");
        for text in ["=1+1", "", "-", "12 %", "+5", "1e9"] {
            assert_eq!(grouped_decimal(text), text);
        }
    }

    #[test]
    fn four_digits_are_shown_whatever_the_size() {
        for (value, text) in [(0.0, "0.000"), (0.81234, "0.8123"), (12.34567, "12.35"), (98_765.4, "98,765"), (0.000_012_344, "0.00001234")]
        {
            assert_eq!(significant(value).to_string(), text);
        }
    }

    #[test]
    fn a_change_has_a_sign_and_an_interval_both() {
        assert_eq!(signed_percent(Some(-0.2958)), "-29.6 %");
        assert_eq!(signed_percent(Some(0.075)), "+7.5 %");
        assert_eq!(signed_percent(None), "n/a");
        assert_eq!(plus_minus(0.12), "± 12.0 %");
    }

    #[test]
    fn the_spreadsheet_number_is_the_decimal_that_is_shown() {
        let rounded = kg(MicrogramsCo2e::new(1_234_567_890));
        assert_eq!(rounded.to_string(), "1.235");
        assert_eq!(rounded.number(), 1.235);
    }

    #[test]
    fn one_kilowatt_hour_that_emitted_300_grams_has_an_intensity_of_300() {
        assert_eq!(intensity_of_use(300_000_000, 3_600_000_000).unwrap().to_string(), "300.0");
        assert_eq!(intensity_of_use(0, 0), None);
    }
}
