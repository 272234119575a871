//! The examination as one screen a cluster, a hundred columns wide.
//!
//! In: an [`Examination`], whether a person's terminal shows colours. Out: text. Rule: a mark stands for its state and the words say it too,
//! so that nothing is lost without colours. Does not: decide anything.

use std::fmt::Write;

use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use comfy_table::{ContentArrangement, Table};

use super::checks::State;
use super::nodes::NodeGroup;
use super::{ClusterExamination, Examination};

const WIDTH: u16 = 98;
/// Where a line's words begin, behind mark and topic.
const INDENT: usize = 16;
const NAMES_SHOWN: usize = 3;

/// What a terminal does with a piece of text.
#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
}

pub fn text(examination: &Examination, is_coloured: bool) -> String {
    let ink = |ink: Ink, text: &str| inked(is_coloured, ink, text);
    let Examination { month, time_zone, hours, utc_days, .. } = examination;
    let mut out = format!("{} in {time_zone}: {hours} hours, {utc_days} UTC days\n", ink(Ink::Bold, month));
    for cluster in &examination.clusters {
        let server = cluster.prometheus.as_deref().unwrap_or("no server");
        let gap = usize::from(WIDTH).saturating_sub(cluster.cluster.chars().count() + server.chars().count()).max(2);
        writeln!(out, "\n{}{}{}", ink(Ink::Bold, &cluster.cluster), " ".repeat(gap), ink(Ink::Dim, server)).expect("a string takes all");
        add_cluster(&mut out, cluster, is_coloured);
    }
    let (verdict, colour) = if examination.is_well { ("Nothing is lacking.", Ink::Green) } else { ("Something is lacking.", Ink::Red) };
    // A command stays whole, so that it can be copied.
    let is_command = ["wattledger ", "kubectl "].iter().any(|program| examination.next.starts_with(program));
    let next = if is_command { examination.next.clone() } else { wrapped(&examination.next, "Next: ".len()).join("\n      ") };
    writeln!(out, "\n{}\n{} {next}", ink(colour, verdict), ink(Ink::Bold, "Next:")).expect("a string takes all");
    out
}

fn add_cluster(out: &mut String, cluster: &ClusterExamination, is_coloured: bool) {
    for check in &cluster.checks {
        let (mark, colour) = match check.state {
            State::Fine => ("✓", Ink::Green),
            State::Minded => ("!", Ink::Yellow),
            State::Lacking => ("✗", Ink::Red),
            State::NotAsked => ("·", Ink::Dim),
        };
        for (number, text) in wrapped(&check.says, INDENT).iter().enumerate() {
            let (mark, topic) = if number == 0 { (inked(is_coloured, colour, mark), check.topic) } else { (" ".to_owned(), "") };
            writeln!(out, " {mark} {topic:<12} {text}").expect("a string takes all");
        }
        for (number, text) in check.next.iter().flat_map(|next| wrapped(next, INDENT + 2)).enumerate() {
            let arrow = if number == 0 { "→" } else { " " };
            writeln!(out, "{:INDENT$}{}", "", inked(is_coloured, Ink::Dim, &format!("{arrow} {text}"))).expect("a string takes all");
        }
        if check.topic == "exporters" && !cluster.nodes.is_empty() {
            nodes(&cluster.nodes).lines().for_each(|line| writeln!(out, "{:INDENT$}{}", "", line.trim_end()).expect("a string takes all"));
        }
    }
}

/// A text in lines that fit behind an indent; words that are longer than a line are broken.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH - indent as u16);
    table.add_row([text]);
    table.lines().map(|line| line.trim().to_owned()).collect()
}

fn nodes(groups: &[NodeGroup]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH - INDENT as u16);
    table.set_header(["nodes", "", "energy", "CPU time", "objects"]);
    // Lines between rows would be most of the table.
    *table.style_mut() = table
        .style()
        .row_separator(comfy_table::LineStyle::none())
        .header_separator(comfy_table::LineStyle::none().fill('─').junction('─'));
    let or_none = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    for group in groups {
        let shown = group.nodes.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let names = if group.nodes.len() > NAMES_SHOWN { format!("{shown}, …") } else { shown };
        let mut energy = group.energy.clone();
        energy.extend(group.modelled_as.iter().map(|model| format!("modelled as {model}")));
        let gpus = if group.gpu.is_empty() { String::new() } else { format!("; GPUs {}", group.gpu.join(", ")) };
        let energy = or_none(&energy) + &gpus;
        table.add_row([group.nodes.len().to_string(), names, energy, or_none(&group.cpu), or_none(&group.objects)]);
    }
    table
}

fn inked(is_coloured: bool, ink: Ink, text: &str) -> String {
    let code = match ink {
        Ink::Bold => "1",
        Ink::Dim => "2",
        Ink::Green => "32",
        Ink::Yellow => "33",
        Ink::Red => "31",
    };
    if is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::checks::Check;
    use super::*;

    #[test]
    fn a_screen_stays_within_a_hundred_columns_and_ends_with_what_to_do() {
        let check = |topic, state, says: &str| Check { topic, state, says: says.to_owned(), next: Some("mend it ".repeat(20)), urgency: 0 };
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let group = NodeGroup {
            nodes: (0..40).map(|i| format!("worker-pool-with-a-long-name-{i:02}.example.internal")).collect(),
            energy: texts(&["kepler-legacy", "bmc"]),
            gpu: texts(&["dcgm"]),
            modelled_as: None,
            cpu: texts(&["cadvisor", "kubelet"]),
            objects: texts(&["kube-state-metrics", "Kubernetes"]),
        };
        let examination = Examination {
            month: "2026-10".to_owned(),
            time_zone: "Europe/Amsterdam".to_owned(),
            hours: 745,
            utc_days: 32,
            clusters: vec![ClusterExamination {
                cluster: "prod-nl".to_owned(),
                prometheus: Some("http://127.0.0.1:9090".to_owned()),
                checks: vec![
                    check("exporters", State::Fine, "all"),
                    check("evidence", State::Lacking, &"2026-10-01 to 2026-10-08, ".repeat(9)),
                ],
                nodes: vec![group],
            }],
            is_well: false,
            next: "wattledger collect --month 2026-10".to_owned(),
        };
        let plain = text(&examination, false);

        assert!(plain.lines().all(|line| line.chars().count() <= 100), "{plain}");
        assert!(plain.ends_with("Next: wattledger collect --month 2026-10\n"));
        assert!(plain.contains("\n                → mend it mend it"));
        assert!(plain.contains(" ✗ evidence") && !plain.contains('\u{1b}'));
        assert!(text(&examination, true).contains("\u{1b}[31m✗\u{1b}[0m evidence"));
    }
}
