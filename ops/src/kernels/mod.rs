//! Small exact kernels that constant folding needs: the only ones of our own.

pub(crate) mod elements;
pub(crate) mod grid;
pub(crate) mod places;

pub(crate) use elements::{Movement, carry, relabel, zero};
pub(crate) use grid::Grid;
pub(crate) use places::{Join, Places};
