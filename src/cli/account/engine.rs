//! What runs the method: two engines of this program, or one elsewhere.
//!
//! In: `--engine`, the configuration. Out: an [`Engine`]. Rule: what the command line names goes before what `[engine]` names; where neither does, it is the
//! pass over columns. All give the same figures and hashes. Does not: connect.

use std::ffi::OsStr;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Result;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};

use crate::config::Config;
use crate::engine::Spark;
use crate::model::{EngineAddress, Hint};

/// How a verb accounts, as all of them ask for it.
#[derive(Args, Clone, Debug)]
pub struct EngineArgs {
    /// What runs the method: `columns`, one pass over columns, or `sql`, the SQL files themselves, both here; or a Spark Connect server,
    /// `sc://host:port`. All give the same figures [default: the engine of [engine], else columns]
    #[arg(long, value_name = "ENGINE", value_parser = EngineParser)]
    pub engine: Option<EngineName>,

    /// How many cluster-days are accounted at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl EngineArgs {
    pub fn open(&self, config: &Config) -> Result<Engine> {
        Engine::open(self.engine.as_ref(), config)
    }
}

/// What the command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineName {
    Columns,
    Sql,
    /// A Spark Connect server.
    Spark(EngineAddress),
}

impl FromStr for EngineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "columns" => Ok(Self::Columns),
            "sql" => Ok(Self::Sql),
            address if address.starts_with("sc:") => {
                address.parse().map(Self::Spark).map_err(|error: Hint| format!("{error}; {}", error.advice()))
            }
            _ => Err("it is columns, sql, or the address of a Spark Connect server, sc://host:port".to_owned()),
        }
    }
}

/// Reads `--engine`. clap's own message would repeat what was written, and whoever knows Spark may have written a token into the address.
#[derive(Clone, Debug)]
pub struct EngineParser;

impl TypedValueParser for EngineParser {
    type Value = EngineName;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<EngineName, clap::Error> {
        let refuse = |error: String| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("invalid value for '--engine <ENGINE>': {error}\n")).with_cmd(command)
        };
        value.to_string_lossy().parse().map_err(refuse)
    }
}

/// What runs the method.
#[derive(Clone, Debug, Default)]
pub enum Engine {
    /// One pass over sorted columns.
    #[default]
    Columns,
    /// The files of `queries/accounting`, run by polars.
    Sql,
    /// The same files, run by a Spark Connect server.
    Spark(Arc<Spark>),
}

impl Engine {
    pub fn open(name: Option<&EngineName>, config: &Config) -> Result<Self> {
        let address = match (name, &config.engine.address) {
            (Some(EngineName::Columns), _) | (None, None) => return Ok(Self::Columns),
            (Some(EngineName::Sql), _) => return Ok(Self::Sql),
            (Some(EngineName::Spark(address)), _) | (None, Some(address)) => address,
        };
        Ok(Self::Spark(Arc::new(Spark::new(address, &config.engine, &config.evidence)?)))
    }

    /// As a seal names it. What another engine made, this program makes again by itself: a seal does not say where that was.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "columns" | "spark" => Ok(Self::Columns),
            "sql" => Ok(Self::Sql),
            _ => Err(anyhow::anyhow!("`{name}` is not an engine that this version has")),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Sql => "sql",
            Self::Spark(_) => "spark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_named_as_the_command_line_and_the_seal_write_it() {
        assert_eq!("columns".parse(), Ok(EngineName::Columns));
        assert_eq!("sql".parse(), Ok(EngineName::Sql));
        assert_eq!("sc://a:1".parse(), Ok(EngineName::Spark("sc://a:1".parse().unwrap())));
        assert!("duckdb".parse::<EngineName>().unwrap_err().contains("sc://host:port"));
        assert!("sc://a/;token=x".parse::<EngineName>().unwrap_err().contains("token_file"));
        for name in ["columns", "sql"] {
            assert_eq!(Engine::named(name).unwrap().name(), name);
        }
        assert_eq!(Engine::named("spark").unwrap().name(), "columns");
        assert!(Engine::named("duckdb").is_err());
    }

    #[test]
    fn a_token_on_the_command_line_is_refused_and_not_repeated() {
        let parse = |engine: &str| EngineArgs::augment_args(Command::new("report")).try_get_matches_from(["report", "--engine", engine]);
        assert_eq!(parse("sc://a:1").unwrap().get_one("engine"), Some(&EngineName::Spark("sc://a:1".parse().unwrap())));
        let error = parse("sc://a/;token=s3cret").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueValidation);
        let text = error.to_string();
        assert!(text.contains("'--engine <ENGINE>'") && text.contains("token_file") && !text.contains("s3cret"), "{text}");
    }
}
