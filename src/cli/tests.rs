//! The command line as a script meets it: exit codes and the words on stderr.

use anyhow::{Context, anyhow};
use clap::CommandFactory;

use super::*;
use crate::model::{Finding, Severity};

/// Runs a command line (without the program's name) and returns its exit code and what it said on stderr.
fn wattledger(line: &str) -> (u8, String) {
    let mut stderr = Vec::new();
    let code = run_from(std::iter::once("wattledger").chain(line.split_whitespace()), &mut stderr);
    (code, String::from_utf8(stderr).unwrap())
}

fn parse(line: &str) -> Cli {
    Cli::try_parse_from(std::iter::once("wattledger").chain(line.split_whitespace())).unwrap()
}

fn printed(error: &anyhow::Error) -> (u8, String) {
    let mut stderr = Vec::new();
    let code = print_error(error, &mut stderr);
    (code, String::from_utf8(stderr).unwrap())
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn a_command_line_that_is_not_understood_exits_with_64() {
    for line in [
        "",
        "frobnicate",
        "report",
        "report --out r --month",
        "report --out r --month 2026-13",
        "report --out r --month ../2026",
        "report --month 2026-10 --out r --frobnicate",
        "report --month 2026-10 --out r --accept gap",
        "close",
        "close --month 2026-13",
        "close --month 2026-10 --restate",
        "close --month 2026-10 --reason because",
        "close --month 2026-10 --at yesterday",
        "close --month 2026-10 --wait soon",
        "collect --last 7 --shard 8/8",
        "restate --from 2026-01",
        "restate --from 2026-01 --to 2026-12",
        "restate --from 2026-01 --to 2026-13 --reason because",
        "verify --month 2026-13",
        "verify --edition 1",
        "verify bundle.tar.zst --month 2026-10",
        "import a.csv",
        "import --kind intensity",
        "import --kind weather a.csv",
        "import --kind prices --time-zone Europe/Amsterdm a.csv",
        "import --kind intensity --published 2026-13-01 a.csv",
        "--log-format xml report --month 2026-10 --out r",
    ] {
        let (code, stderr) = wattledger(line);
        assert_eq!(code, exit::USAGE, "{line}: {stderr}");
        assert!(!stderr.is_empty(), "{line}");
    }
    assert!(wattledger("report --out r --month 2026-13").1.starts_with("error: "));
}

#[test]
fn help_and_version_exit_with_0() {
    for line in [
        "--help",
        "-h",
        "--version",
        "report --help",
        "collect --help",
        "import --help",
        "doctor --help",
        "close --help",
        "restate --help",
        "verify --help",
        "window --help",
        "label --help",
        "help report",
    ] {
        assert_eq!(wattledger(line), (exit::DONE, String::new()), "{line}");
    }
}

#[test]
fn help_teaches_the_monthly_flow_and_every_verb_has_examples() {
    let mut command = Cli::command();
    let help = command.render_long_help().to_string();
    let examples = [
        MONTHLY_FLOW,
        COLLECT_EXAMPLES,
        IMPORT_EXAMPLES,
        DOCTOR_EXAMPLES,
        REPORT_EXAMPLES,
        CLOSE_EXAMPLES,
        RESTATE_EXAMPLES,
        VERIFY_EXAMPLES,
        SERVE_EXAMPLES,
        TOKEN_EXAMPLES,
        WINDOW_EXAMPLES,
        LABEL_EXAMPLES,
    ];
    let longest = examples.into_iter().flat_map(str::lines).map(str::len).max();
    assert!(longest <= Some(80), "a terminal of 80 columns would break a line");
    assert!(help.find("1. collect:").unwrap() < help.find("2. report:").unwrap());

    for verb in command.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
        let name = verb.get_name().to_owned();
        assert!(verb.render_long_help().to_string().contains(&format!("Examples:\n  wattledger {name} ")), "{name}");
    }
}

#[test]
fn findings_are_accepted_before_and_after_the_verb_together() {
    let cli = parse("--accept GAP --accept CI_GAP report --month 2026-10 --out r --accept NO_DATA --accept GAP");

    let Verb::Report(verb) = &cli.verb else { panic!("{cli:?}") };
    assert_eq!(accepted(&cli.accept, &verb.accept), ["CI_GAP", "GAP", "NO_DATA"]);
}

#[test]
fn global_options_stand_before_or_after_the_verb() {
    for line in [
        "--config a.toml -vv --log-format json report --month 2026-10 --out r",
        "report --month 2026-10 --out r --config a.toml -vv --log-format json",
    ] {
        let cli = parse(line);
        assert_eq!((cli.config, cli.verbose, cli.log_format), (PathBuf::from("a.toml"), 2, LogFormat::Json), "{line}");
    }
}

#[test]
fn a_missing_configuration_is_one_sentence_and_a_hint() {
    let (code, stderr) = wattledger("report --month 2026-10 --out r --config /nowhere/wattledger.toml");

    assert_eq!(code, exit::FAILED);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines[0], "error: there is no configuration file /nowhere/wattledger.toml");
    assert!(lines[1].starts_with("hint: ") && lines[1].contains("sample-data/wattledger.toml"), "{stderr}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn an_error_is_the_whole_chain_in_one_line() {
    let error = anyhow!("connection refused\n(os error 111)").context("ask http://127.0.0.1:9090").context("collect prod-nl 2026-10-01");

    let line = "error: collect prod-nl 2026-10-01: ask http://127.0.0.1:9090: connection refused (os error 111)\n";
    assert_eq!(printed(&error), (exit::FAILED, line.to_owned()));
}

#[test]
fn a_link_that_its_parent_has_said_is_not_said_again() {
    let error = anyhow!("no route").context("send: no route");

    assert_eq!(printed(&error).1, "error: send: no route\n");
}

#[test]
fn what_would_tell_a_terminal_what_to_do_is_written_out() {
    assert_eq!(printed(&anyhow!("a name \u{1b}[2J\u{7} of a cluster")).1, "error: a name \\u{1b}[2J\\u{7} of a cluster\n");
}

#[test]
fn a_refusal_has_one_line_a_finding_and_exits_with_2() {
    let findings = vec![
        Finding::new("GAP", Severity::Blocked, "9.1 % of node-hours\nhave no samples."),
        Finding::new("CI_GAP", Severity::Blocked, "FR has no intensity."),
    ];
    let error = Err::<(), _>(Refusal { findings }).context("report 2026-10").unwrap_err();

    let (code, stderr) = printed(&error);
    assert_eq!(code, exit::REFUSED);
    assert_eq!(
        stderr,
        "error: report 2026-10: refused because of 2 findings\n\
         refused: GAP: 9.1 % of node-hours have no samples.\n\
         refused: CI_GAP: FR has no intensity.\n\
         hint: mend what each line names, or accept it by name, which the report's cover will say: --accept CI_GAP --accept GAP\n"
    );
}
