//! Which slices of tensors share their fate: the removal of channels, heads and neurons, operator by operator.
//!
//! Slice `i` of axis `a` of a tensor is an *atom*. An operator ties atoms that can only be removed together, and locks atoms that it cannot do without
//! ([`Ties`]). What is tied, over the whole model, is one unit: a channel, a head, a neuron. Whatever a rule says nothing about is locked, so that a rule
//! errs on the safe side.

mod atoms;
pub(crate) mod attention;
mod dead;
pub(crate) mod elementwise;
pub(crate) mod linear;
mod merge;
pub(crate) mod movement;
pub(crate) mod norm;
pub(crate) mod quant;
pub(crate) mod recurrent;
pub(crate) mod reduce;
#[cfg(test)]
mod testing;
mod ties;
pub(crate) mod view;
pub(crate) mod window;

pub use atoms::{Atoms, Blocks, Cause, Span};
pub use ties::{Axis, Port, Ties};

/// Why the axes of space are locked: nobody wants to cut them.
pub const SPATIAL: &str = "space, not channels";

/// What an operator says about the removal of channels: the column `channels` of the operator table.
#[derive(Clone, Copy, Debug)]
pub struct ChannelRule {
    /// Which atoms of its inputs and outputs are tied, and which are locked.
    pub ties: fn(&mut Ties<'_>),
}

impl ChannelRule {
    /// Every axis of its inputs and outputs is locked.
    pub const UNKNOWN: Self = Self { ties: |ties| ties.lock_all("no rule for its channels") };

    /// A rule that ties.
    pub const fn new(ties: fn(&mut Ties<'_>)) -> Self {
        Self { ties }
    }
}
