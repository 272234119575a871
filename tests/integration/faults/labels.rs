//! F49, F50: what becomes of labels on nodes when two write them, and when nothing changes.

use std::collections::BTreeMap;
use std::thread::scope;

use serde_json::json;

use super::bench::Seen;
use super::history::Truth;
use crate::labels::Grid;

const NODES: usize = 40;
const RECONCILES: usize = 100;

fn name(i: usize) -> String {
    format!("nl-{i:02}")
}

/// How often each node was patched.
fn writes(grid: &Grid) -> BTreeMap<String, usize> {
    let mut writes = BTreeMap::new();
    for (node, _) in grid.server.patches() {
        *writes.entry(node).or_insert(0) += 1;
    }
    writes
}

/// The figure of these cases: nodes that are as they should be, of all that there are.
fn count(seen: &mut Seen, right: usize, all: usize) {
    let truth = |nodes: usize| Truth { metered_mj: nodes as i64, ..Truth::default() };
    seen.figures.insert("nodes".to_owned(), truth(right));
    seen.truth.insert("nodes".to_owned(), truth(all));
}

/// Two labellers at once, on nodes of which some are told that somebody else was faster, and some have the label from somebody else.
pub fn two_labellers() -> Seen {
    let mut seen = Seen::default();
    let grid = Grid::new();
    grid.says("NL", 200.0);
    for i in 0..NODES {
        grid.node(&name(i), &[("team", "ml"), ("wattledger.io/rack", "7")]);
    }
    for i in 0..3 {
        grid.node(&format!("theirs-{i}"), &[("carbon-zone", "green"), ("team", "web")]);
    }
    for i in 0..10 {
        grid.server.conflict(&name(i), 2);
    }
    let foreign: Vec<_> = (0..3).map(|i| grid.labels(&format!("theirs-{i}"))).collect();
    for _ in 0..3 {
        scope(|scope| {
            let both = [scope.spawn(|| grid.run(&["--once"])), scope.spawn(|| grid.run(&["--once"]))];
            for output in both.map(|labeller| labeller.join().unwrap()) {
                let stderr = String::from_utf8_lossy(&output.stderr);
                seen.demand(output.status.success(), format!("a labeller ended with {}: {stderr}", output.status));
                seen.demand(stderr.contains("noted: node theirs-0"), format!("nothing is said of a label of somebody else: {stderr}"));
            }
        });
    }
    let mut right = 0;
    for i in 0..NODES {
        let expected = json!({ "team": "ml", "wattledger.io/rack": "7", "kubernetes.io/hostname": name(i), "carbon-zone": "medium" });
        let labels = grid.labels(&name(i));
        right += usize::from(labels == expected);
        seen.demand(labels == expected, format!("{} has {labels}", name(i)));
    }
    for (i, before) in foreign.iter().enumerate() {
        let labels = grid.labels(&format!("theirs-{i}"));
        right += usize::from(labels == *before);
        seen.demand(labels == *before, format!("theirs-{i} has {labels}, and had {before}"));
    }
    count(&mut seen, right, NODES + foreign.len());
    // Both may have written a node in the first round; none does when it is as it should be.
    let of_ours = writes(&grid).into_iter().filter(|(node, _)| node.starts_with("nl-")).map(|(_, count)| count).max();
    seen.demand(of_ours <= Some(2), format!("a node was written {of_ours:?} times"));
    seen
}

/// Reconciled again and again while the grid hovers around within what the hysteresis bridges.
pub fn nothing_changed() -> Seen {
    let mut seen = Seen { is_as_without_fault: true, ..Seen::default() };
    let grid = Grid::new();
    grid.says("NL", 151.0);
    for i in 0..NODES {
        grid.node(&name(i), &[("team", "ml")]);
    }
    grid.once();
    let first = writes(&grid);
    seen.demand(first.len() == NODES && first.values().all(|count| *count == 1), format!("the first time: {first:?}"));
    for round in 1..RECONCILES {
        // Every tenth time the grid says something else that makes no difference.
        if round % 10 == 0 {
            grid.says("NL", if round % 20 == 0 { 151.0 } else { 145.0 });
        }
        grid.once();
    }
    let all = writes(&grid);
    let right = (0..NODES).filter(|i| grid.level(&name(*i)) == "medium").count();
    count(&mut seen, right, NODES);
    seen.demand(all == first, format!("after {RECONCILES} reconciles: {all:?}"));
    seen.notes.push(format!("{} writes of {NODES} nodes in {RECONCILES} reconciles", grid.server.patches().len()));
    seen
}
