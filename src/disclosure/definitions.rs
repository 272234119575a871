//! What each figure is, in a sentence, and by which rule it is made: for whoever asks where one comes from.
//!
//! In: a row's id and a figure's name. Out: [`Definition`]. Rule: the method's own words; the files named are those of `queries/accounting`.
//! Does not: say a value.

use super::figure_ids::{Part, RowId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    pub label: &'static str,
    /// A sentence.
    pub meaning: &'static str,
    /// Where the rule stands.
    pub rule: &'static str,
}

const fn definition(label: &'static str, meaning: &'static str, rule: &'static str) -> Definition {
    Definition { label, meaning, rule }
}

/// Of a figure; none where the name says nothing beyond itself.
pub fn of(row: &RowId, field: &str) -> Option<Definition> {
    match row {
        RowId::NodeDay { .. } => of_node_day(field),
        RowId::Run(_) => of_run(field),
        RowId::Counterfactual(part) => of_counterfactual(part, field),
        RowId::Asset { .. } => of_asset(field),
        RowId::Scope2 { .. } | RowId::Instrument { .. } | RowId::MarketZone { .. } => of_scope2(field).or_else(|| of_totals(field)),
        RowId::Entity { .. } | RowId::IntraGroup { .. } | RowId::Group => of_entities(field),
        _ => of_totals(field),
    }
}

/// Figures of an entity, of what it buys of another, and of the group.
fn of_entities(field: &str) -> Option<Definition> {
    const RULE: &str = "GHG Protocol Corporate Standard, chapter 3: what is in several own statements is in the group's once";
    Some(match field {
        "bought_within_group_ugco2e" => {
            definition("Bought within the group", "Category 1 of an own statement that sisters provided.", RULE)
        }
        "sold_within_group_ugco2e" => {
            definition("Sold within the group", "The same of its customers; it is in the provider's own scopes already.", RULE)
        }
        "sold_within_group_mj" => definition("Sold within the group", "Facility energy that ran work of other entities.", RULE),
        "eliminated_ugco2e" => {
            definition("Eliminated", "All that entities bought of each other, taken out of the group's category 1.", RULE)
        }
        "category_1_ugco2e" => definition(
            "Category 1 of the customer",
            "Electricity of the namespace's rows and the period's part of the machines that its pods reserved.",
            RULE,
        ),
        "operation_ugco2e" => {
            definition("Electricity", "Location-based emissions of the namespace's rows, by the factors of the reported method.", RULE)
        }
        "embodied_ugco2e" => definition("Machines", "The period's part of the machines' making that the namespace's pods reserved.", RULE),
        _ => return of_totals(field.rsplit('.').next().unwrap_or(field)),
    })
}

fn of_totals(field: &str) -> Option<Definition> {
    Some(match field {
        "metered_mj" => definition(
            "Metered IT energy",
            "Active, idle and system energy together: what the nodes' meters counted, or a model says where there is none.",
            "Method, section 3, point 3 (balance.sql)",
        ),
        "active_mj" => definition(
            "Active energy",
            "What meters attribute to pods above idle, after correction to the node's meter; with moved tails where the policy moves them.",
            "Method, section 3, points 2, 3 and Tail (active.sql)",
        ),
        "idle_mj" => definition(
            "Idle energy",
            "What machines draw for being on: given to pods by the policy, and what is left in (idle).",
            "Method, section 3, point 4 (idle_quotas.sql)",
        ),
        "system_mj" => definition(
            "System energy",
            "The node's meter less pods and idle: processes outside pods, and what pods used after their last sample.",
            "Method, section 3, point 3 (balance.sql)",
        ),
        "gap_mj" => definition(
            "Energy in gaps",
            "Steps in which a node existed and no meter spoke, filled from the node's own mean.",
            "Method, section 3, Gaps",
        ),
        "tail_mj" => definition(
            "Tails of ended pods",
            "What pods are estimated to have used between their last sample and their recorded end, at most what (system) held.",
            "Method, section 3, Tail (balance.sql)",
        ),
        "allocated_mj" => definition(
            "Allocated energy",
            "Of active, idle and system energy, what a node's meter shared by CPU time, and tails that were moved.",
            "Method, section 3, Quality tier (energy.sql)",
        ),
        "modelled_mj" => definition(
            "Modelled energy",
            "Of active, idle and system energy, what no meter saw and a model says.",
            "Method, section 3, Quality tier (energy.sql)",
        ),
        "facility_mj" => definition(
            "Facility energy",
            "Metered energy and gaps, each node's and step's times its PUE, rounded once and shared over its rows by largest remainder.",
            "Method, section 3, point 7 (facility_quotas.sql, split.sql)",
        ),
        "operational_hourly_ugco2e" => definition(
            "Emissions of electricity, hourly factors",
            "Each row's facility energy times the direct intensity of its grid zone at that time, rounded once a row and segment.",
            "Method, sections 2 and 4 (emissions.sql)",
        ),
        "operational_annual_ugco2e" => definition(
            "Emissions of electricity, annual factors",
            "Each row's facility energy times its grid zone's annual direct factor, rounded once a row.",
            "Method, section 4 (ledger.sql)",
        ),
        "scope2_location_based_ugco2e" => definition(
            "Scope 2, location-based, hourly factors",
            "Emissions with hourly factors of the electricity that is placed in Scope 2.",
            "Method, section 4; GHG Protocol Scope 2 Guidance, table 6.2",
        ),
        "scope2_location_based_annual_ugco2e" => definition(
            "Scope 2, location-based, annual factors",
            "Emissions with annual factors of the electricity that is placed in Scope 2.",
            "Method, section 4; GHG Protocol Scope 2 Guidance, table 6.2",
        ),
        "scope2_hourly_less_annual_ugco2e" => definition(
            "Scope 2, hourly less annual",
            "What annual factors hide: the hours at which electricity was used.",
            "Method, section 4",
        ),
        "scope2_market_based_ugco2e" => definition(
            "Scope 2, market-based",
            "What instruments cover at their own factors, and the rest at the residual mix, or where there is none at the declared location-based factor. Of a row: its share of its site's.",
            "Method, section 4; GHG Protocol Scope 2 Guidance, table 6.3",
        ),
        "scope3_category_1_ugco2e" => definition(
            "Scope 3, category 1: cloud",
            "Electricity of clouds with the declared location-based factors, and the amortised part of their hardware.",
            "Method, sections 4 and 5",
        ),
        "scope3_category_2_ugco2e" => definition(
            "Scope 3, category 2: capital goods",
            "The whole making of owned machines that came into service in the period.",
            "Method, section 5; GHG Protocol Scope 3 Standard, chapter 5",
        ),
        "scope3_category_3_ugco2e" => definition(
            "Scope 3, category 3: upstream and grid losses",
            "Upstream of the electricity in Scope 2, and generation and upstream of what the grid lost on the way to it.",
            "Method, section 4 (emissions.sql)",
        ),
        "scope3_category_8_ugco2e" => definition(
            "Scope 3, category 8: leased assets",
            "Electricity of colocated clusters that are declared as leased assets, with the declared location-based factors.",
            "Method, section 4",
        ),
        "scope3_known_ugco2e" => definition(
            "Scope 3, what is known of compute",
            "Sum of categories 1, 2, 3 and 8, as far as they are known.",
            "GHG Protocol Scope 3 Standard, chapter 5",
        ),
        "upstream_ugco2e" => definition(
            "Upstream of electricity",
            "Facility energy in Scope 2 times the upstream factor of its zone and time.",
            "Method, section 4, category 3, activity B (emissions.sql)",
        ),
        "losses_ugco2e" => definition(
            "Grid losses",
            "Facility energy in Scope 2 times what the grid loses on the way to each kilowatt-hour.",
            "Method, section 4, category 3, activity C (emissions.sql)",
        ),
        "embodied_amortised_ugco2e" => definition(
            "Embodied emissions, amortised",
            "The period's part of every machine's making, by time, shared by what workloads reserved; what nobody reserved is (idle)'s.",
            "Method, section 5; ISO/IEC 21031",
        ),
        "cloud_operation_ugco2e" => {
            definition("Category 1: electricity of clouds", "Category 1 less the hardware in it.", "Method, section 4")
        }
        "cloud_embodied_ugco2e" => {
            definition("Category 1: hardware of clouds", "The amortised part of clouds' machines.", "Method, section 5")
        }
        _ => return None,
    })
}

fn of_node_day(field: &str) -> Option<Definition> {
    Some(match field {
        "metered_mj" => definition(
            "The node's meter",
            "What the node's meter counted in the steps of this UTC day that belong to the period.",
            "Method, section 3, Balance (node_days.sql)",
        ),
        "attributed_mj" => definition(
            "Attributed to pods",
            "Active energy of pods after correction, and the idle energy that they were given.",
            "Method, section 3, Balance (node_days.sql)",
        ),
        "idle_mj" => definition("Left in (idle)", "Idle energy that nobody was given.", "Method, section 3, Balance (node_days.sql)"),
        "system_mj" => definition(
            "(system)",
            "The meter less pods and idle, less what was moved to ended pods.",
            "Method, section 3, Balance (node_days.sql)",
        ),
        "correction_mj" => definition(
            "Correction",
            "What pods claimed beyond the meter and lost again: active energy of the balance less what pods claimed; at most 0.",
            "Method, section 3, point 3 (balance.sql)",
        ),
        "difference_mj" => {
            definition("Difference", "Metered less attributed, idle and system: 0, or nothing is published.", "Method, section 3, Balance")
        }
        _ => return of_totals(field),
    })
}

fn of_run(field: &str) -> Option<Definition> {
    Some(match field {
        "active_mj" => definition(
            "Active energy of the run",
            "Active energy of the run's pods, over all its days.",
            "Method, section 7 (job_rows.sql)",
        ),
        "outside_mj" => definition(
            "Of it outside the month",
            "The part of the run's energy that lies outside the period: a run counts whole in the month in which it ended.",
            "Method, section 7 (job_rows.sql)",
        ),
        "actual_ugco2e" => definition(
            "As it was",
            "Each row's active energy times PUE times the mean intensity of where and when it ran, rounded once a row.",
            "Method, section 7 (job_rows.sql)",
        ),
        "counterfactual_ugco2e" => definition(
            "Had it not been shifted",
            "The same rows at the baseline start and zone: the same energy times PUE and mean intensity there and then, rounded once a row.",
            "Method, section 7 (job_rows.sql)",
        ),
        "avoided_ugco2e" => definition(
            "Avoided",
            "Counterfactual less actual; below zero where shifting lost. Not part of reported emissions, and never netted with them.",
            "Method, section 7",
        ),
        "best_ugco2e" => definition("At its best start", "The least of all starts in its window and zones.", "Method, section 7, Bounds"),
        "worst_ugco2e" => definition("At its worst start", "The most of all starts in its window and zones.", "Method, section 7, Bounds"),
        "mean_ugco2e" => {
            definition("At a start drawn evenly", "The arithmetic mean of all starts in its window and zones.", "Method, section 7, Bounds")
        }
        _ if field.starts_with("cost.") => definition(
            "Cost",
            "The run's energy at the prices of the zone and hour, on the side that its name says.",
            "Method, section 7, Cost",
        ),
        _ if field.starts_with("consequential.") => definition(
            "With marginal intensity",
            "The run's energy at the marginal intensity of the zone and time: a claim about the grid, never in the inventory.",
            "Method, section 7, consequential",
        ),
        _ if field.starts_with("alternatives.") => {
            definition("Under another baseline", "The run's counterfactual had it begun otherwise.", "Method, section 7")
        }
        _ if field.starts_with("overhead.") => {
            definition("Overhead", "What shifting the run used, by decision record or policy.", "Method, section 7")
        }
        _ => return None,
    })
}

fn of_counterfactual(part: &Part, field: &str) -> Option<Definition> {
    let leaf = field.rsplit('.').next().unwrap_or(field);
    Some(match (part, leaf) {
        (_, "actual_ugco2e") => definition("As it was", "Sum over placed runs.", "Method, section 7"),
        (_, "counterfactual_ugco2e") => definition("Had nothing been shifted", "Sum over placed runs.", "Method, section 7"),
        (_, "avoided_ugco2e") => definition(
            "Avoided",
            "Counterfactual less actual over placed runs, losses counted. Not part of reported emissions, and never netted with them.",
            "Method, section 7",
        ),
        (_, "gains_ugco2e") => definition("Gains", "Avoided of the runs that gained.", "Method, section 7"),
        (_, "losses_ugco2e") => definition("Losses", "Avoided of the runs that lost; at most 0.", "Method, section 7"),
        (_, "best_ugco2e" | "worst_ugco2e" | "mean_ugco2e") => {
            definition("Bounds", "Sum over placed runs with a window, each at its best, worst or mean start.", "Method, section 7, Bounds")
        }
        (_, "runs" | "shifted_runs" | "gained_runs" | "unplaced_runs") => {
            definition("Number of runs", "Job runs that ended in the period, as far as they are of this part.", "Method, section 7")
        }
        _ => return None,
    })
}

fn of_asset(field: &str) -> Option<Definition> {
    Some(match field {
        "embodied_ugco2e" => {
            definition("Embodied, whole", "Cradle to gate, with its GPUs, as its hardware class states it.", "Method, section 5")
        }
        "capitalised_ugco2e" => definition(
            "Capitalised",
            "The whole, if the machine is owned and came into service in the period; else 0.",
            "Method, section 5; GHG Protocol Scope 3 Standard, chapter 5",
        ),
        "amortised_ugco2e" => {
            definition("Amortised", "The whole times the time it served in the period over its life.", "Method, section 5; ISO/IEC 21031")
        }
        _ => return None,
    })
}

fn of_scope2(field: &str) -> Option<Definition> {
    let rule = "Method, section 4; GHG Protocol Scope 2 Guidance, table 6.3";
    Some(match field {
        "covered_mj" => definition("Covered by instruments", "Electricity that instruments cover in their own periods.", rule),
        "rest_mj" => definition("The rest", "Facility energy less what instruments cover.", rule),
        "covered_ugco2e" => definition("Emissions of what is covered", "Covered energy at the instruments' own factors.", rule),
        "rest_ugco2e" => {
            definition("Emissions of the rest", "At the residual mix, or where there is none at the declared location-based factor.", rule)
        }
        "volume_mj" => definition("Volume", "What the instrument is for.", rule),
        "available_mj" => definition("Available", "Of the volume, what its period leaves for this report.", rule),
        "applied_mj" => definition("Applied", "Of what is available, what covered consumption.", rule),
        "applied_ugco2e" => definition("Emissions of what was applied", "Applied energy at the instrument's factor.", rule),
        "location_based_ugco2e" => return of_totals("scope2_location_based_ugco2e"),
        "location_based_annual_ugco2e" => return of_totals("scope2_location_based_annual_ugco2e"),
        "market_based_ugco2e" => return of_totals("scope2_market_based_ugco2e"),
        "hourly_less_annual_ugco2e" => return of_totals("scope2_hourly_less_annual_ugco2e"),
        "market_less_location_based_ugco2e" => {
            definition("Market-based less location-based", "The two methods side by side; neither is added to the other.", rule)
        }
        _ => return None,
    })
}
