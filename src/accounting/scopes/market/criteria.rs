//! Whether an instrument may be used at all: its answers to the eight Scope 2 Quality Criteria.
//!
//! In: an instrument. Out: what is not met, what nobody answered, and why it is therefore not used. Rule (GHG Protocol Scope 2 Guidance, table 7.1):
//! an instrument that misses a criterion is not used and is reported apart, with the criterion. Where somebody began to answer, what is unanswered
//! counts as not met; where nobody did, it is used and the reader is told. Does not: judge an answer.

use crate::model::{CriterionAnswer, Instrument};

/// How many there are.
pub const CRITERIA: u8 = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    pub not_met: Vec<u8>,
    pub unanswered: Vec<u8>,
    pub refusal: Option<String>,
}

pub fn criteria(instrument: &Instrument) -> Criteria {
    let numbers = |wanted: CriterionAnswer| -> Vec<u8> {
        (1..=CRITERIA).filter(|number| instrument.criteria.get(usize::from(*number) - 1).copied().unwrap_or_default() == wanted).collect()
    };
    let (not_met, unanswered) = (numbers(CriterionAnswer::NotMet), numbers(CriterionAnswer::Unanswered));
    let refusal = if !not_met.is_empty() {
        Some(format!("it does not meet {} (Scope 2 Guidance, table 7.1)", named(&not_met)))
    } else if !instrument.criteria.is_empty() && !unanswered.is_empty() {
        Some(format!("{} is not answered, which counts as not met (Scope 2 Guidance, table 7.1)", named(&unanswered)))
    } else {
        None
    };
    Criteria { not_met, unanswered, refusal }
}

fn named(numbers: &[u8]) -> String {
    let list: Vec<String> = numbers.iter().map(u8::to_string).collect();
    format!("quality criterion {}", list.join(", "))
}
