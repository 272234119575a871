//! What went wrong together with what to do about it.

use std::fmt;

/// An error, or a fragment of an error's chain, that knows what to do next.
///
/// In: a lowercase fragment as any other in the chain, and one sentence of advice. Out: an error for `anyhow`, at the root of a chain or as its
/// context. The command line prints the chain as one `error:` line and the outermost advice as the `hint:` line below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    message: String,
    advice: String,
}

impl Hint {
    pub fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { message: message.into(), advice: advice.into() }
    }

    pub fn advice(&self) -> &str {
        &self.advice
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hint {}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_advice_is_found_wherever_in_the_chain_it_stands() {
        let at_the_root = anyhow::Error::new(Hint::new("no such file", "make one")).context("read a").context("report");
        let as_context = Err::<(), _>(std::fmt::Error).context(Hint::new("no such file", "make one")).context("report").unwrap_err();

        for error in [at_the_root, as_context] {
            assert_eq!(error.downcast_ref::<Hint>().map(Hint::advice), Some("make one"), "{error:#}");
        }
    }
}
