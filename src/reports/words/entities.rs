//! How a group's boundary is called, and what it means.

use crate::model::Consolidation;

pub fn consolidation(approach: Consolidation) -> &'static str {
    match approach {
        Consolidation::FinancialControl => "financial control",
        Consolidation::OperationalControl => "operational control",
    }
}

/// The approach with what a reader has to know of it.
pub fn approach(approach: Consolidation) -> &'static str {
    match approach {
        Consolidation::FinancialControl => {
            "Financial control: the entities are those of the consolidated accounting group, each whole. What is under operational control alone is not in this report; \
             ESRS E1-6 50 (2023 edition) asks for its Scope 1 and 2 apart, for the undertaking to add."
        }
        Consolidation::OperationalControl => {
            "Operational control: the entities are those at which the group may introduce its operating policies, each whole. ESRS E1-6 50 (2023 edition) asks for Scope 1 and 2 of \
             the consolidated accounting group and of other investees under operational control apart: the rows of entities below are what that split is made of."
        }
    }
}
