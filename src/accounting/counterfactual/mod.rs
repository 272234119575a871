//! What the same work would have emitted, had nothing been shifted: run by run, after the fact, in time and in place.
//!
//! In: the plan (each run with its baseline and its window) and the inventory (what each run used, step by step). Out: [`Effects`], one a run, and what is
//! seen only when all runs are looked at together. Rule: method, sections 7 and 8. Every sum is of integers; a run's value under one more start is two look-ups
//! a piece of its profile, whatever the length of the window. Does not: sum over runs what the statement can sum itself, or touch the inventory.

pub mod baseline;
pub mod bounds;
pub mod capacity;
pub mod curves;
pub mod effects;
pub mod energy;
pub mod history;
pub mod move_next;
pub mod outcome;
pub mod profile;
pub mod retiming;
pub mod window;

pub use self::effects::{Effects, evaluate};
