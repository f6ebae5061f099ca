//! The rows, one file a family of operators.

mod activation;
mod binary;
mod cast;
mod col2im;
mod concat;
mod constant_of_shape;
mod contents;
mod control;
mod elementwise;
mod expand;
mod gather;
mod identity;
mod logic;
mod one_hot;
mod pad;
mod range;
mod reduce;
mod reshape;
mod reverse_sequence;
mod scatter;
mod selection;
mod shape;
mod slice;
mod space_depth;
mod squeeze;
mod strings;
mod transpose;
mod triangle;
mod unary;
mod unique;

pub(crate) use control::body_arguments;

use crate::OpSpec;

/// Every row of the standard table.
pub(crate) fn rows() -> impl Iterator<Item = OpSpec> {
    ELEMENTWISE.iter().chain(MOVEMENT).chain(&[control::ROWS]).copied().flatten().copied()
}

/// Operators that compute each element, or reduce along axes.
const ELEMENTWISE: &[&[OpSpec]] = &[activation::ROWS, binary::ROWS, cast::ROWS, logic::ROWS, reduce::ROWS, strings::ROWS, unary::ROWS];

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
