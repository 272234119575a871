//! The method in words: one text for HTML and XLSX, with the choices of this statement filled in.

use super::{view, words};
use crate::disclosure::Statement;
use crate::model::policy::{FactorKind, IdlePolicy, LocationBased, Tails};

pub struct Paragraph {
    pub heading: &'static str,
    pub text: String,
}

/// The choices that the method leaves to the organisation, as the cover prints them.
pub fn choices(statement: &Statement) -> Vec<(&'static str, String)> {
    let policy = &statement.policy;
    let mut choices = vec![
        ("Disclosure standard", policy.disclosure.clone()),
        ("Reported location-based figure", location_based(policy.location_based).to_owned()),
        ("Idle energy", idle(policy.idle).to_owned()),
        ("Tails of ended pods", tails(policy.tails).to_owned()),
        ("Step", step(policy.step_seconds)),
        ("Gaps allowed", format!("up to {} of node-hours", view::percent(Some(policy.max_gap_share)))),
        ("Cost centre", format!("label {} of the namespace, by UTC day", policy.cost_centre_label)),
    ];
    choices.extend(statement.entities.as_ref().map(|entities| {
        let approach = words::entities::consolidation(entities.consolidation);
        ("Consolidation", format!("{approach}, {} legal entities, in {}", entities.entities.len(), entities.currency))
    }));
    choices
}

fn location_based(choice: LocationBased) -> &'static str {
    match choice {
        LocationBased::Hourly => "hourly factors (annual shown beside it)",
        LocationBased::Annual => "annual factors (hourly shown beside it)",
    }
}

fn idle(policy: IdlePolicy) -> &'static str {
    match policy {
        IdlePolicy::ByUsage => "shared by CPU seconds of the step",
        IdlePolicy::ByRequest => "shared by CPU requests",
        IdlePolicy::Unallocated => "not shared: it stays in (idle)",
    }
}

fn tails(policy: Tails) -> &'static str {
    match policy {
        Tails::Unattributed => "left in (system)",
        Tails::LastRate => "moved to the pod at its last rate, tier allocated",
    }
}

/// How much was seen to be missed at the end of pods, and what became of it.
pub fn tails_found(statement: &Statement) -> String {
    format!(
        "{} kWh between the last samples of pods and their recorded ends, {}",
        view::kwh(statement.totals.tail_mj),
        tails(statement.policy.tails)
    )
}

fn step(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{} minutes", seconds / 60) } else { format!("{seconds} seconds") }
}

pub fn factor(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Direct => "direct",
        FactorKind::Lifecycle => "lifecycle",
    }
}

/// A page for a reader who knows accounting and not Kubernetes.
pub fn paragraphs(statement: &Statement) -> Vec<Paragraph> {
    let policy = &statement.policy;
    let paragraph = |heading, text: String| Paragraph { heading, text };
    vec![
        paragraph(
            "What is metered",
            "Energy comes from counters in the machines themselves. Two readings of a counter are subtracted from each other, and the difference is spread over the time between them; a counter that \
             restarted counts from zero again. For each machine the widest set of power zones that do not contain one another is taken, and it is printed on the cover. Nothing is extrapolated."
                .to_owned(),
        ),
        paragraph(
            "How a machine's energy is shared",
            "What the meters attribute to a pod above idle is its active energy. The machine's own meter is the whole: active, idle and system energy add up to it, exactly, for every machine and day. Where \
             the pods together claim more than the machine used, they are scaled down to it, and a finding says so. (system) is what ran outside pods."
                .to_owned(),
        ),
        paragraph(
            "Idle energy",
            format!(
                "A machine draws power for being on. In this report that energy is {}. What is not given to a workload is the row (idle); steps in which nobody ran are always there.",
                idle(policy.idle)
            ),
        ),
        paragraph(
            "Tails",
            format!(
                "What a pod used between its last sample and its recorded end was seen by the machine's meter only, and so is part of (system). Its size is estimated at the pod's last rate, at most what \
                 (system) holds at the time. In this report it is {}.",
                tails(policy.tails)
            ),
        ),
        paragraph(
            "Gaps",
            format!(
                "A step in which a machine existed and no meter was read is filled with that machine's mean power at the same hour of day in that month, as the row (gap). Above {} of node-hours the report \
                 is refused unless somebody accepts it by name, and then the cover says so.",
                view::percent(Some(policy.max_gap_share))
            ),
        ),
        paragraph(
            "From the machine to the building",
            "Facility energy is the machine's energy times the PUE (power usage effectiveness) of the place where it stands: cooling and power distribution are part of using a computer.".to_owned(),
        ),
        paragraph(
            "Location-based emissions",
            format!(
                "With hourly factors, each step's facility energy is multiplied by the average direct (combustion) intensity of the grid zone at that time. With annual factors, it is multiplied by the zone's mean over the \
                 calendar year. Both are shown; reported here: {}. Marginal intensities are never used in the inventory.",
                location_based(policy.location_based)
            ),
        ),
        paragraph(
            "Market-based emissions",
            format!(
                "What was bought, by contract: guarantees of origin and power purchase agreements, then suppliers' rates, each for its own zone and calendar span and never for more than was used. An instrument that does not meet \
                 all eight quality criteria of the Scope 2 Guidance is shown and not used. Electricity that no instrument covers meets the residual mix of its zone; where none is known, the location-based factor ({}), and \
                 a sentence says so. Contracts belong to a site: a workload's market-based figure is its share by energy. The energy mix follows the same contracts, never the mix of the grid.",
                match policy.location_based {
                    LocationBased::Hourly => "hourly",
                    LocationBased::Annual => "annual",
                }
            ),
        ),
        paragraph(
            "Upstream and grid losses",
            "Scope 3, category 3, of the electricity in Scope 2: making and bringing the fuels (upstream), and generation and upstream of what the grid lost on the way. Upstream is a published factor, or lifecycle less direct \
             intensity of the same series; the list of factors says which. The latter holds the building of power plants too, and so is an upper bound. Where no losses of a zone are known, a finding says that they are not in it."
                .to_owned(),
        ),
        paragraph(
            "Hardware",
            "Making a machine emitted something once. As a capital good (Scope 3, category 2) it counts whole, in the period in which an owned machine came into service. For management and for scores it is also spread over the \
             machine's life, by time, and given to workloads by what they reserve; what nobody reserved stays in (idle). The two are never added. Clouds' machines are not capital goods of the organisation: their amortised part \
             belongs to the purchased service (category 1)."
                .to_owned(),
        ),
        paragraph(
            "Where emissions are reported",
            "Electricity under own control is Scope 2. A cloud's electricity is part of a purchased service: Scope 3, category 1. Colocated machines are Scope 2 or leased assets (Scope 3, category 8), as declared. \
             The rule that placed each cluster is printed on the cover."
                .to_owned(),
        ),
        paragraph(
            "The counterfactual",
            "For each job run: what would the same work, with the same active energy, have emitted at the time and in the place where it would have run had nobody shifted it? The baseline start is written on the job, or is its \
             schedule, or its creation where it had to wait. Intensities are those that came to pass, on both sides. Losses count as much as gains. Idle and embodied emissions do not move with a job and are on \
             neither side. The result is an estimate; it is not part of reported emissions, not netted against them, and no offset."
                .to_owned(),
        ),
        paragraph(
            "Uncertainty",
            "A total's interval (about 95 %) comes from stated relative uncertainties of its inputs: quality tiers, intensity series, annual and residual factors, PUE, embodied emissions. What is independent is combined by squares; \
             what rests on the same factor moves together and is added, so that many rows do not make a factor better known. The three inputs that contribute most are named, with where their uncertainty comes from."
                .to_owned(),
        ),
        paragraph(
            "Numbers",
            "The ledger holds whole millijoules and whole micrograms. A row is rounded once, when energy meets its factor; from there on there are only sums of integers. Shown figures are rounded one by one, half up, from the exact \
             integer, so that a column of rounded rows may differ from its rounded total in the last digit. The exact integers are in report.json, beside each figure in report.xlsx, and in the data-value attributes of report.html. \
             Unknown is n/a, never 0."
                .to_owned(),
        ),
        paragraph(
            "Quality",
            "Metered: the workload's own meter. Allocated: the machine's meter, shared by CPU time, and tails that were moved. Modelled: from CPU use and the hardware's watts. Filled: gaps. The shares are of \
             energy before PUE, metered and gap.".to_owned(),
        ),
    ]
}

/// What the licences of the intensity providers ask a reader to be told, each once.
pub fn attributions(statement: &Statement) -> Vec<&'static str> {
    let text = |provider: &str| match provider {
        "electricity-maps" => {
            Some("Contains information from the Electricity Maps data portal, made available under the Open Database License (ODbL 1.0).")
        }
        _ => None,
    };
    let mut texts: Vec<&'static str> = statement.provenance.intensity.iter().filter_map(|series| text(&series.provider)).collect();
    texts.dedup();
    texts
}
