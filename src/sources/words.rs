//! What a server says in its own words, as far as a message may repeat it.
//!
//! In: text of a server. Out: the same, short and on one line. Rule: nothing that lets us in is repeated. Servers and proxies that turn somebody away may
//! give back what they were sent, headers and all; so known secrets are blotted out, and whatever stands behind `Bearer` or `Basic`.
//! Does not: look into data, or know a secret that nobody named and that stands alone.

use std::fmt;

/// Characters that a message repeats.
const LONGEST: usize = 300;
const BLOT: &str = "[secret]";
/// Shorter ones would blot out ordinary words.
const SHORTEST_SECRET: usize = 4;
const SCHEMES: [&str; 2] = ["bearer ", "basic "];

/// What must not be repeated.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Secrets {
    pub fn add(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        if secret.len() >= SHORTEST_SECRET {
            self.0.push(secret);
        }
    }

    /// A server's words, short, on one line, without these secrets.
    pub fn quote(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            text = text.replace(secret, BLOT);
        }
        // Blotted before it is cut: half a secret is one too.
        without_schemes(&text).chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect::<String>().trim().to_owned()
    }
}

/// The same without secrets that are known.
pub fn quote(text: &str) -> String {
    Secrets::default().quote(text)
}

/// Without what stands behind the name of a scheme of the header `Authorization`.
fn without_schemes(text: &str) -> String {
    let is_of_a_token = |c: &char| c.is_ascii_alphanumeric() || "-._~+/=".contains(*c);
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    loop {
        // ASCII letters have the same length in both cases, so places are the same.
        let lower = rest.to_ascii_lowercase();
        let place = SCHEMES.iter().filter_map(|scheme| Some(lower.find(scheme)? + scheme.len())).min();
        let Some(place) = place else { break };
        let token: usize = rest[place..].chars().take_while(is_of_a_token).map(char::len_utf8).sum();
        kept.push_str(&rest[..place]);
        // «basic auth» is no secret.
        kept.push_str(if token >= 8 { BLOT } else { &rest[place..place + token] });
        rest = &rest[place + token..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_blotted_out_wherever_they_stand() {
        let mut secrets = Secrets::default();
        secrets.add("s3cret-token");
        secrets.add("abc");
        assert_eq!(secrets.quote("token s3cret-token, or \"s3cret-token\"; abc"), "token [secret], or \"[secret]\"; abc");
        assert_eq!(format!("{secrets:?}"), "1 secrets");
    }

    #[test]
    fn headers_that_are_sent_back_are_blotted_out() {
        assert_eq!(quote("got Authorization: Bearer eyJhbGciOi.J9_x-1/+==\r\nHost: a"), "got Authorization: Bearer [secret]  Host: a");
        assert_eq!(quote("BASIC QWxhZGRpbjpvcGVu and bearer abcdefgh."), "BASIC [secret] and bearer [secret]");
        assert_eq!(quote("é basic auth is off; bearer tokens"), "é basic auth is off; bearer tokens");
    }

    #[test]
    fn half_a_secret_is_not_left_at_the_end_and_words_stay_short() {
        let mut secrets = Secrets::default();
        secrets.add("0123456789abcdef");
        let long = format!("{}0123456789abcdef", "x".repeat(295));
        assert_eq!(secrets.quote(&long), format!("{}[secr", "x".repeat(295)));
        assert_eq!(quote(&"ä\n".repeat(1_000)).chars().count(), 299);
    }
}
