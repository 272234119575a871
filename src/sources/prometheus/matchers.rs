//! A question's selector as matchers, for remote read: the query files stay the only place where it is written.
//!
//! In: PromQL of the one form that question files have, `name{label="value",…}[window]`. Out: matchers.
//! Rule: what is not of that form is an error, never half understood. Does not: know any other PromQL.

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub comparison: Comparison,
    pub label: String,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

/// The matchers of a selector, that of the metric's name first.
pub fn of_selector(promql: &str) -> Result<Vec<Matcher>, String> {
    let broken = |why: &str| format!("`{promql}` is not a plain selector: {why}");
    let (name, rest) = promql.trim().split_once('{').ok_or_else(|| broken("no `{`"))?;
    let mut matchers = Vec::new();
    let name = name.trim();
    if !name.is_empty() {
        if !is_name(name, true) {
            return Err(broken("its name is none"));
        }
        matchers.push(Matcher { comparison: Comparison::Equal, label: "__name__".to_owned(), value: name.to_owned() });
    }
    let mut rest = rest.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            rest = behind.trim_start();
            break;
        }
        let end = rest.find(['=', '!']).ok_or_else(|| broken("a matcher without comparison"))?;
        let label = rest[..end].trim();
        if !is_name(label, false) {
            return Err(broken("a label's name is none"));
        }
        let comparisons =
            [("=~", Comparison::Matches), ("!~", Comparison::MatchesNot), ("!=", Comparison::NotEqual), ("=", Comparison::Equal)];
        let (comparison, behind) = comparisons
            .into_iter()
            .find_map(|(text, comparison)| rest[end..].strip_prefix(text).map(|behind| (comparison, behind)))
            .ok_or_else(|| broken("an unknown comparison"))?;
        let (value, behind) = text(behind.trim_start()).ok_or_else(|| broken("a value that is no text"))?;
        matchers.push(Matcher { comparison, label: label.to_owned(), value });
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(broken("a matcher is not followed by `,` or `}`")),
        }
    }
    let is_window = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|window| !window.contains(['[', ']']));
    if is_window || rest.is_empty() { Ok(matchers) } else { Err(broken("something follows it")) }
}

fn is_name(text: &str, is_metric: bool) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || (is_metric && c == ':');
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// Text in quotes, and what is behind it.
fn text(quoted: &str) -> Option<(String, &str)> {
    let quote = quoted.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
    let mut value = String::new();
    let mut rest = quoted[1..].char_indices();
    while let Some((at, c)) = rest.next() {
        if c == quote {
            return Some((value, &quoted[1 + at + 1..]));
        }
        match c {
            '\n' if quote != '`' => return None,
            '\\' if quote != '`' => value.push(match rest.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                c @ ('\\' | '"' | '\'') => c,
                // Escapes by number are not written in question files.
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(promql: &str) -> Result<String, String> {
        let matchers = of_selector(promql)?;
        Ok(matchers.iter().map(|Matcher { comparison, label, value }| format!("{label} {comparison:?} {value};")).collect())
    }

    #[test]
    fn a_selector_becomes_its_matchers() {
        assert_eq!(shown("up{}[60s]").unwrap(), "__name__ Equal up;");
        assert_eq!(
            shown(r#"a:b{c="d", e != 'f"',g=~"h|\\.i\n",j!~`\d+`,}[1d]"#).unwrap(),
            "__name__ Equal a:b;c Equal d;e NotEqual f\";g Matches h|\\.i\n;j MatchesNot \\d+;"
        );
        assert_eq!(shown(r#"{__name__=~"x_.+",a="}",}[5m]"#).unwrap(), "__name__ Matches x_.+;a Equal };");
    }

    #[test]
    fn what_is_no_plain_selector_is_an_error() {
        let wrong = [
            "up",
            "rate(up{}[5m])",
            r#"up{a="b"}[5m] offset 1h"#,
            r#"up{a="b" c="d"}"#,
            r#"up{a="b}"#,
            "up{a=b}",
            r#"up{"a"="b"}"#,
            "up{}[5m:1m][1m]",
            r#"up{a="\x41"}"#,
        ];
        for promql in wrong {
            assert!(of_selector(promql).is_err(), "{promql}");
        }
    }
}
