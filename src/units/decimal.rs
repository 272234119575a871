//! Decimal numbers for people: rounded once, half up, in integer arithmetic.
//!
//! In: exact integers of the ledger, or measured doubles (intensities, shares). Out: a decimal with a fixed number of digits, as text or as the nearest double.
//! Rule: `floor(x + 0.5)` of the last digit shown (method, section 2). Assumes: the caller rounds a figure once, and rounded rows need not add up to a rounded total.
//! Does not: print a negative zero, or take a ledger value through a double.

use std::fmt;

/// A decimal number as it is shown: `scaled` counts units of the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounded {
    scaled: i128,
    decimals: u32,
}

impl Rounded {
    /// `value / unit` with `decimals` digits, half up. `unit` is how many of the value's units make one of those shown, and is positive.
    pub fn of(value: i128, unit: i128, decimals: u32) -> Self {
        let doubled = value * 2 * 10_i128.pow(decimals) + unit;
        Self { scaled: doubled.div_euclid(2 * unit), decimals }
    }

    /// A measured double (an intensity, a share): not a ledger value, which goes through [`Rounded::of`].
    pub fn of_measured(value: f64, decimals: u32) -> Self {
        debug_assert!(value.is_finite(), "sources pass no NaN or infinity");
        Self { scaled: (value * 10_f64.powi(decimals as i32) + 0.5).floor() as i128, decimals }
    }

    /// Reads what [`Rounded::plain`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || digits.ends_with('.') {
            return None;
        }
        let scaled: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { scaled: sign * scaled, decimals: fraction.len() as u32 })
    }

    /// The same number in a unit that is ten to the `places` times as large: 41.2 per cent are 0.412.
    pub fn in_larger_unit(self, places: u32) -> Self {
        Self { scaled: self.scaled, decimals: self.decimals + places }
    }

    pub fn decimals(self) -> u32 {
        self.decimals
    }

    /// How many units of the last digit it counts.
    pub fn scaled(self) -> i128 {
        self.scaled
    }

    /// The double nearest to the decimal shown: what a spreadsheet cell holds.
    pub fn number(self) -> f64 {
        self.scaled as f64 / 10_f64.powi(self.decimals as i32)
    }

    /// With a sign in front of gains too, so that a loss differs by more than its colour.
    pub fn signed(self) -> String {
        if self.scaled > 0 { format!("+{self}") } else { self.to_string() }
    }

    /// For machines: no commas between thousands.
    pub fn plain(self) -> String {
        self.written(|whole| whole.to_string())
    }

    fn written(self, whole: impl Fn(u128) -> String) -> String {
        let power = 10_u128.pow(self.decimals);
        let magnitude = self.scaled.unsigned_abs();
        let sign = if self.scaled < 0 { "-" } else { "" };
        let whole = whole(magnitude / power);
        if self.decimals == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{:0width$}", magnitude % power, width = self.decimals as usize)
        }
    }
}

impl fmt::Display for Rounded {
    /// Thousands are set apart by commas; zero has no sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(grouped))
    }
}

/// 1234567 → `1,234,567`.
pub fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_reads_back_as_itself() {
        for (text, shown) in [("1234.500", "1,234.500"), ("-0.05", "-0.05"), ("0", "0"), ("7", "7")] {
            let rounded = Rounded::parse(text).unwrap();
            assert_eq!((rounded.plain().as_str(), rounded.to_string().as_str()), (text, shown));
        }
        for text in ["", "-", "1.", ".5", "1,000", "1e3", "+1"] {
            assert_eq!(Rounded::parse(text), None, "{text}");
        }
    }

    #[test]
    fn forty_one_point_two_per_cent_are_the_fraction_0_412() {
        assert_eq!(Rounded::parse("41.2").unwrap().in_larger_unit(2).plain(), "0.412");
        assert_eq!(Rounded::parse("0.0").unwrap().in_larger_unit(2).plain(), "0.000");
    }
}
