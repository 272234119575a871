//! Kubernetes quantities: `250m`, `1.5`, `16Gi`, `1e3`.

/// The number that a quantity stands for; none where it is not written as one.
pub fn number(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (mantissa, suffix) = text.split_at(digits);
    if !mantissa.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (factor, divisor) = match suffix {
        "" => (1.0, 1.0),
        "n" => (1.0, 1e9),
        "u" => (1.0, 1e6),
        "m" => (1.0, 1e3),
        "k" => (1e3, 1.0),
        "M" => (1e6, 1.0),
        "G" => (1e9, 1.0),
        "T" => (1e12, 1.0),
        "P" => (1e15, 1.0),
        "E" => (1e18, 1.0),
        "Ki" => (f64::from(1 << 10), 1.0),
        "Mi" => (f64::from(1 << 20), 1.0),
        "Gi" => (f64::from(1 << 30), 1.0),
        "Ti" => ((1_u64 << 40) as f64, 1.0),
        "Pi" => ((1_u64 << 50) as f64, 1.0),
        "Ei" => ((1_u64 << 60) as f64, 1.0),
        exponent if exponent.starts_with(['e', 'E']) => return text.parse().ok().filter(|value: &f64| value.is_finite()),
        _ => return None,
    };
    // Dividing keeps `100m` the double nearest to a tenth; multiplying by 0.001 would not.
    Some(mantissa.parse::<f64>().ok()? * factor / divisor)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn quantities_are_the_numbers_that_they_stand_for() {
        let cases = [
            ("0", 0.0),
            ("2", 2.0),
            ("0.5", 0.5),
            ("100m", 0.1),
            ("1500m", 1.5),
            ("250u", 0.000_25),
            ("100n", 1e-7),
            (".5", 0.5),
            ("+1.", 1.0),
            ("2k", 2_000.0),
            ("1e3", 1_000.0),
            ("12E2", 1_200.0),
            ("3E", 3e18),
            ("1.5Gi", 1_610_612_736.0),
            ("16485224Ki", 16_880_869_376.0),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for wrong in ["", "m", "1x", "Gi", "1 Gi", "--1", "1e", "1e999", "NaN", "inf"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
