//! The rows, one file a family of operators.

mod col2im;
mod concat;
mod constant_of_shape;
mod control;
mod elementwise;
mod expand;
mod gather;
mod identity;
mod one_hot;
mod pad;
mod range;
mod reshape;
mod reverse_sequence;
mod scatter;
mod selection;
mod shape;
mod slice;
mod space_depth;
mod squeeze;
mod transpose;
mod triangle;
mod unique;

pub(crate) use control::body_arguments;

use crate::OpSpec;

/// Every row of the standard table.
pub(crate) fn rows() -> impl Iterator<Item = OpSpec> {
    [elementwise::ROWS, control::ROWS].into_iter().chain(MOVEMENT.iter().copied()).flatten().copied()
}

/// Operators that move elements, or speak of shapes.
const MOVEMENT: &[&[OpSpec]] = &[
    col2im::ROWS,
    concat::ROWS,
    constant_of_shape::ROWS,
    expand::ROWS,
    gather::ROWS,
    identity::ROWS,
    one_hot::ROWS,
    pad::ROWS,
    range::ROWS,
    reshape::ROWS,
    reverse_sequence::ROWS,
    scatter::ROWS,
    selection::ROWS,
    shape::ROWS,
    slice::ROWS,
    space_depth::ROWS,
    squeeze::ROWS,
    transpose::ROWS,
    triangle::ROWS,
    unique::ROWS,
];
