//! The accounting SQL keeps to the dialect that polars, DuckDB, DataFusion, ClickHouse, Sail and Spark understand alike.
//!
//! Each file must parse, and must not hold a construct that one of these engines lacks or reads differently. The rules look at tokens,
//! not at text, so a word in a comment or a string is nobody's business.

use std::fs;
use std::path::Path;

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Words that at least one engine does not know, with what to do instead.
const FORBIDDEN: [(&str, &str); 13] = [
    ("DATE_TRUNC", "precompute hour and day as integer columns"),
    ("ROLLUP", "use UNION ALL"),
    ("CUBE", "use UNION ALL"),
    ("GROUPING", "use UNION ALL"),
    ("EXISTS", "use a join"),
    ("QUALIFY", "use a CTE with ROW_NUMBER and WHERE"),
    ("ASOF", "join at ingest"),
    ("LATERAL", "use a join"),
    ("RECURSIVE", "there is no portable form"),
    ("TIMESTAMP", "use integers"),
    ("FLOAT", "say DOUBLE"),
    ("REAL", "say DOUBLE"),
    ("DECIMAL", "the ledger is BIGINT"),
];

/// What a query breaks of the dialect.
fn broken(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Err(error) = Parser::parse_sql(&GenericDialect {}, sql) {
        found.push(format!("does not parse: {error}"));
    }
    let tokens: Vec<Token> = match Tokenizer::new(&GenericDialect {}, sql).tokenize() {
        Ok(tokens) => tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect(),
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    for (place, token) in tokens.iter().enumerate() {
        let before = |distance: usize| place.checked_sub(distance).and_then(|place| tokens.get(place)).map(upper).unwrap_or_default();
        let after = |distance: usize| tokens.get(place + distance).map(upper).unwrap_or_default();
        let word = upper(token);
        if let Some((_, instead)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == word) {
            found.push(format!("{word}: {instead}"));
        }
        if matches!(token, Token::Number(text, _) if text.contains(['.', 'e', 'E'])) && before(2) != "CAST" {
            found.push(format!("bare {word}: write CAST({word} AS DOUBLE), which is a decimal on Spark otherwise"));
        }
        if *token == Token::Div && !["NULLIF", "CAST"].contains(&after(1).as_str()) {
            found.push(format!(
                "/ {}: divide by NULLIF(…) or by CAST(… AS DOUBLE); integers divide differently, and by zero some raise",
                after(1)
            ));
        }
        if word == "SUM" && after(1) == "(" && before(2) != "CAST" {
            found.push("SUM: write CAST(SUM(…) AS BIGINT), whose type differs otherwise".to_owned());
        }
        if word == "PRECEDING" && before(1) != "UNBOUNDED" {
            found.push("PRECEDING: only UNBOUNDED PRECEDING".to_owned());
        }
        if word == "SELECT" && before(1) == "(" && !["AS", "FROM", "JOIN", "IN", "ALL", "UNION", "(", ","].contains(&before(2).as_str()) {
            found.push("scalar subquery: use a join".to_owned());
        }
    }
    found
}

fn upper(token: &Token) -> String {
    token.to_string().to_uppercase()
}

#[test]
fn the_accounting_queries_keep_to_the_portable_dialect() {
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut trouble = Vec::new();
    let mut read = 0;
    let of = |room: &str| fs::read_dir(queries.join(room)).unwrap_or_else(|error| panic!("queries/{room}: {error}"));
    for entry in of("accounting").chain(of("engine")) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            read += 1;
            let text = fs::read_to_string(&path).unwrap();
            trouble.extend(broken(&text).into_iter().map(|what| format!("{}: {what}", path.display())));
        }
    }
    assert!(read > 20, "only {read} queries");
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

#[test]
fn what_is_outside_the_dialect_is_caught() {
    for (sql, what) in [
        ("SELECT DATE_TRUNC('hour', ts) FROM t", "DATE_TRUNC"),
        ("SELECT a, CAST(SUM(b) AS BIGINT) FROM t GROUP BY ROLLUP (a)", "ROLLUP"),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u)", "EXISTS"),
        ("SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1", "QUALIFY"),
        ("SELECT SUM(a) AS a FROM t", "SUM"),
        ("SELECT a * 0.5 AS a FROM t", "bare 0.5"),
        ("SELECT a / b AS a FROM t", "/ B"),
        ("SELECT a - (SELECT 1) AS a FROM t", "scalar subquery"),
        ("SELECT CAST(SUM(a) OVER (ORDER BY b ROWS 3 PRECEDING) AS BIGINT) FROM t", "PRECEDING"),
        ("SELECT a FROM t WHERE (", "does not parse"),
    ] {
        assert!(broken(sql).iter().any(|found| found.starts_with(what)), "{sql}: {:?}", broken(sql));
    }
}

#[test]
fn what_is_inside_the_dialect_is_not_caught() {
    let sql = "
        -- A comment may say SUM, QUALIFY and 0.5.
        WITH part AS (SELECT node_id, CAST(SUM(energy_mj) AS BIGINT) AS energy_mj FROM usage GROUP BY node_id)
        SELECT node_id, CAST(FLOOR(CAST(energy_mj AS DOUBLE) * CAST(1.2 AS DOUBLE) / CAST(3600 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS ug,
               ROW_NUMBER() OVER (PARTITION BY node_id ORDER BY energy_mj) AS place
        FROM part WHERE node_id IN (SELECT node_id FROM nodes)";

    assert_eq!(broken(sql), Vec::<String>::new());
}
