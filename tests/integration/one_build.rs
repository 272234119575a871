//! `cargo run` and `cargo test` must ask for the same features of every shared dependency, and so must a build with Spark Connect, which is how tests are
//! built: otherwise polars is compiled twice.

use std::collections::BTreeSet;
use std::process::Command;

fn packages(edges: &str, features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-e", edges, "--features", features, "--prefix", "none", "-f", "{p} [{f}]"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    // Our own crate is compiled for each.
    lines.lines().filter(|line| !line.starts_with("wattledger ")).map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn tests_and_the_main_job_share_one_build() {
    let (main, tests) = (packages("normal,build", ""), packages("normal,build,dev", "spark"));
    let only_main: Vec<_> = main.difference(&tests).collect();

    assert!(main.len() > 200);
    assert!(only_main.is_empty(), "these have other features in tests; ask for them in [dependencies] too: {only_main:?}");
}
