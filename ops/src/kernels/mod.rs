//! Small exact kernels that constant folding needs: the only ones of our own.
//!
//! "Exact" means that no runtime can disagree: integer arithmetic, moves, comparisons, and those floating point operations that IEEE 754 rounds correctly.
//! Where runtimes differ (transcendental functions, order of summation, the sign of a zero, NaN in a comparison of sizes) a kernel declines with `None`.

pub(crate) mod arithmetic;
pub(crate) mod broadcast;
pub(crate) mod cast;
pub(crate) mod elements;
pub(crate) mod grid;
pub(crate) mod logic;
pub(crate) mod numbers;
pub(crate) mod places;
pub(crate) mod reduce;
pub(crate) mod unary;

pub(crate) use elements::{Movement, carry, relabel, zero};
pub(crate) use grid::Grid;
pub(crate) use places::{Join, Places};
