//! Who controls a node's electricity, and where its emissions are therefore reported.

use serde::{Deserialize, Serialize};

/// Who controls the node's electricity. Set by cluster or pool; there is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boundary {
    Owned,
    Colocated,
    Cloud,
}

/// Where the electricity of a colocated node is reported; practice differs, so it must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColocatedAs {
    Scope2,
    #[serde(rename = "scope3-category8")]
    Scope3Category8,
}

/// The line of the inventory that a node's electricity belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Placement {
    #[serde(rename = "scope2")]
    Scope2,
    #[serde(rename = "scope3-category1")]
    Scope3Category1,
    #[serde(rename = "scope3-category8")]
    Scope3Category8,
}

impl Placement {
    /// GHG Protocol: own control is Scope 2; a cloud's electricity is a purchased service (Scope 3, category 1);
    /// colocation is Scope 2 or leased assets (Scope 3, category 8), as the configuration says.
    pub fn of(boundary: Boundary, colocated_as: Option<ColocatedAs>) -> Option<Self> {
        match (boundary, colocated_as) {
            (Boundary::Owned, _) => Some(Self::Scope2),
            (Boundary::Cloud, _) => Some(Self::Scope3Category1),
            (Boundary::Colocated, Some(ColocatedAs::Scope2)) => Some(Self::Scope2),
            (Boundary::Colocated, Some(ColocatedAs::Scope3Category8)) => Some(Self::Scope3Category8),
            (Boundary::Colocated, None) => None,
        }
    }

    /// As in `report.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scope2 => "scope2",
            Self::Scope3Category1 => "scope3-category1",
            Self::Scope3Category8 => "scope3-category8",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Scope2 => "Scope 2",
            Self::Scope3Category1 => "Scope 3, category 1",
            Self::Scope3Category8 => "Scope 3, category 8",
        }
    }

    /// The sentence that tells a reader why.
    pub fn rule(self, boundary: Boundary) -> &'static str {
        match (self, boundary) {
            (Self::Scope2, Boundary::Colocated) => "colocated, declared as purchased electricity under own control: Scope 2",
            (Self::Scope2, _) => "owned: purchased electricity, Scope 2",
            (Self::Scope3Category1, _) => "cloud: purchased service, Scope 3 category 1",
            (Self::Scope3Category8, _) => "colocated, declared as leased asset: Scope 3 category 8",
        }
    }
}
