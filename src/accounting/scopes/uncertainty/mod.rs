//! How well a total is known, from how well its inputs are known.
//!
//! In: terms, each a part of a figure with the inputs that it moves with, and the relative standard uncertainty of every input. Out: for each figure its
//! expanded uncertainty and the inputs that contribute most. Rule (JCGM 100:2008, GUM): an input that several parts share is one input, so its effects
//! add up before they are squared (5.2.2: correlated, not averaged away); distinct inputs are independent and add in quadrature (5.1.2);
//! expanded with k = 2, about 95 % (6.2.1, 6.3.3). Assumes: effects are linear. Does not: know what an input is.

pub mod terms;

use std::collections::BTreeMap;

/// GUM 6.3.3: a coverage factor of 2 stands for about 95 %.
pub const COVERAGE_FACTOR: f64 = 2.0;
const CONTRIBUTORS: usize = 3;

/// A part of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Name of the figure among the statement's totals.
    pub figure: &'static str,
    /// In the figure's unit, mJ or µgCO2e.
    pub value: i64,
    /// By input: by how many per cent the part moves where the input moves by one.
    pub inputs: Vec<(String, f64)>,
}

/// A figure with its uncertainty.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncertain {
    pub figure: &'static str,
    pub value: i64,
    /// Half the width of the interval, in the figure's unit.
    pub expanded: i64,
    /// Inputs with their share of the variance, largest first, at most three.
    pub contributors: Vec<(String, f64)>,
}

/// One for each figure that has a term, in the order in which figures first come.
///
/// `uncertainty_of` gives an input's relative standard uncertainty; what it does not know is taken as exact.
pub fn combine(terms: &[Term], uncertainty_of: impl Fn(&str) -> Option<f64>) -> Vec<Uncertain> {
    let mut figures: Vec<&'static str> = Vec::new();
    for term in terms {
        if !figures.contains(&term.figure) {
            figures.push(term.figure);
        }
    }
    let of_figure = |figure: &'static str| {
        let own = || terms.iter().filter(|term| term.figure == figure);
        let mut effects: BTreeMap<&str, f64> = BTreeMap::new();
        for term in own() {
            for (input, elasticity) in &term.inputs {
                // GUM 5.1.3: sensitivity coefficient times standard uncertainty; of one input in all terms together (5.2.2, note 1).
                *effects.entry(input).or_default() += term.value as f64 * elasticity * uncertainty_of(input).unwrap_or(0.0);
            }
        }
        // GUM 5.1.2, equation 10.
        let variance: f64 = effects.values().map(|effect| effect * effect).sum();
        let mut contributors: Vec<(String, f64)> = effects
            .into_iter()
            .filter(|(_, effect)| *effect != 0.0)
            .map(|(input, effect)| (input.to_owned(), effect * effect / variance))
            .collect();
        // Stable: of equal shares the first name.
        contributors.sort_by(|a, b| b.1.total_cmp(&a.1));
        contributors.truncate(CONTRIBUTORS);
        let value = own().map(|term| term.value).sum();
        Uncertain { figure, value, expanded: (COVERAGE_FACTOR * variance.sqrt() + 0.5).floor() as i64, contributors }
    };
    figures.into_iter().map(of_figure).collect()
}

/// Relative standard uncertainty of a value that lies anywhere between two bounds alike (GUM 4.3.7, equation 7: the width over 2√3).
pub fn rectangular(low: f64, high: f64, value: f64) -> f64 {
    (high - low) / (2.0 * 3_f64.sqrt()) / value
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: &str = "facility_mj";

    fn term(value: i64, inputs: &[(&str, f64)]) -> Term {
        Term { figure: FIGURE, value, inputs: inputs.iter().map(|(input, elasticity)| ((*input).to_owned(), *elasticity)).collect() }
    }

    fn ten_per_cent(_: &str) -> Option<f64> {
        Some(0.1)
    }

    #[test]
    fn distinct_inputs_add_in_quadrature() {
        // 300 and 400 at 10 % each: 30 and 40, together 50, expanded 100.
        let found = combine(&[term(300, &[("a", 1.0)]), term(400, &[("b", 1.0)])], ten_per_cent);

        assert_eq!((found[0].value, found[0].expanded), (700, 100));
        assert_eq!(found[0].contributors, [("b".to_owned(), 0.64), ("a".to_owned(), 0.36)]);
    }

    #[test]
    fn an_input_that_two_parts_share_is_not_averaged_away() {
        // The same with one input: 30 and 40 add up to 70, expanded 140.
        let found = combine(&[term(300, &[("a", 1.0)]), term(400, &[("a", 1.0)])], ten_per_cent);

        assert_eq!((found[0].value, found[0].expanded), (700, 140));
        assert_eq!(found[0].contributors, [("a".to_owned(), 1.0)]);
    }

    #[test]
    fn a_hundred_parts_with_their_own_inputs_are_known_ten_times_better_than_with_a_shared_one() {
        let parts = |name: fn(usize) -> String| -> Vec<Term> {
            (0..100).map(|i| Term { figure: FIGURE, value: 1_000, inputs: vec![(name(i), 1.0)] }).collect()
        };
        let expanded = |terms: Vec<Term>| combine(&terms, ten_per_cent)[0].expanded;

        assert_eq!(expanded(parts(|i| i.to_string())), 2_000);
        assert_eq!(expanded(parts(|_| "one".to_owned())), 20_000);
    }

    #[test]
    fn an_input_may_move_a_part_more_or_less_than_itself() {
        // 100 that moves twice and against: 20 less 30 of another 300, so 10; expanded 20.
        let found = combine(&[term(100, &[("a", 2.0)]), term(300, &[("a", -1.0)])], ten_per_cent);

        assert_eq!(found[0].expanded, 20);
    }

    #[test]
    fn what_is_exact_does_not_contribute() {
        let found = combine(&[term(100, &[("a", 1.0), ("b", 1.0)])], |input| (input == "a").then_some(0.1));

        assert_eq!((found[0].expanded, found[0].contributors.len()), (20, 1));
        assert_eq!(combine(&[term(100, &[])], ten_per_cent)[0].expanded, 0);
    }

    #[test]
    fn a_range_is_taken_as_rectangular() {
        // 800 to 1,200 around 1,000: 400 / 3.4641 = 115.47.
        assert!((rectangular(800.0, 1_200.0, 1_000.0) - 0.115_470).abs() < 1e-6);
    }
}
