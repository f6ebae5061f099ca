//! Structured pruning: channels, heads and neurons are cut, so that tensors become smaller.

pub mod allocate;
mod blocks;
pub mod cost;
mod cut;
pub mod evidence;
pub mod explain;
mod follow;
pub mod groups;
pub mod importance;
mod kept;
mod parts;
pub mod plan;
pub mod price;
mod proof;
pub mod rules;
mod unshare;
mod weights;

pub use allocate::Curve;
pub use cost::Costs;
pub use cut::{CutError, cut};
pub use evidence::{Judgement, Observed, rank_observed};
pub use explain::{Obstacle, explain};
pub use groups::{Group, Groups, Lock, Slice, Unit};
pub use importance::{Importance, Ranking, rank};
pub use kept::{Kept, Removal};
pub use plan::{Goal, Plan};
pub use price::{Measure, Price};
pub use proof::{masked, prove};
pub use rules::{Room, Rules};
pub use unshare::unshare;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;
