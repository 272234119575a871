//! How well the energy of a node's step is known (method, section 3, Quality tier).

/// The tier of a step, and of all its rows. Gaps are the fourth tier, `filled`: they have no step in `node_steps`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The node's meter, and the pods' own.
    #[default]
    Metered,
    /// The node's meter, shared among pods by CPU time.
    Allocated,
    /// From CPU use and the hardware's watts.
    Modelled,
}

impl Tier {
    /// What the column `tier` of `node_steps` and `queries/accounting` call it.
    pub const fn id(self) -> i32 {
        match self {
            Self::Metered => 1,
            Self::Allocated => 2,
            Self::Modelled => 3,
        }
    }

    pub fn of(id: i32) -> Option<Self> {
        [Self::Metered, Self::Allocated, Self::Modelled].into_iter().find(|tier| tier.id() == id)
    }
}
