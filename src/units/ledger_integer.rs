//! What all quantities of the ledger are alike in: a whole number of a small unit, added exactly.
//!
//! Rule: overflow is an error in the ledger, never a wrap: sums panic in every profile. Does not: convert one quantity into another.

/// Makes a type of the ledger; `$bound` says what a sum stays below, for whoever reads the panic.
macro_rules! ledger_integer {
    ($(#[$about:meta])* $name:ident, $bound:literal) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Nothing at all, which is not the same as unknown.
            pub const ZERO: Self = Self(0);

            pub const fn new(whole: i64) -> Self {
                Self(whole)
            }

            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0.checked_add(other.0).expect($bound))
            }
        }

        impl std::ops::Sub for $name {
            type Output = Self;

            fn sub(self, other: Self) -> Self {
                Self(self.0.checked_sub(other.0).expect($bound))
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, std::ops::Add::add)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                super::serialize_ledger_integer(self.0, serializer)
            }
        }
    };
}

pub(super) use ledger_integer;
