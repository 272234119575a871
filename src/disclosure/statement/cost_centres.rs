//! Who pays: figures by the cost centre of namespaces.

use serde::Serialize;

use super::{Figures, TierShare};
use crate::model::{GAP, IDLE, SYSTEM, UNLABELLED};
use crate::units::Share;

/// Over all clusters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostCentreStatement {
    /// What the label of namespaces says, or `(unlabelled)`, `(idle)`, `(system)`, `(gap)`.
    pub cost_centre: String,
    /// Namespaces of it that used energy; of a year, the most that any month had.
    pub namespaces: u64,
    /// Of all facility energy.
    pub facility_share: Option<Share>,
    #[serde(flatten)]
    pub figures: Figures,
    pub tier_share: TierShare,
}

impl CostCentreStatement {
    /// `all` are the figures of everything.
    pub fn of(cost_centre: String, namespaces: u64, figures: Figures, tier_share: TierShare, all: &Figures) -> Self {
        let facility_share = Share::of(figures.facility_mj.get(), all.facility_mj.get());
        Self { cost_centre, namespaces, facility_share, figures, tier_share }
    }

    /// Whether it is a label's, and not one of the rows for what has none.
    pub fn is_labelled(&self) -> bool {
        ![GAP, IDLE, SYSTEM, UNLABELLED].contains(&self.cost_centre.as_str())
    }
}
