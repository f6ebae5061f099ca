//! The rows, one file a family of operators.

mod activation;
mod attention;
mod binary;
mod cast;
mod col2im;
pub(crate) mod concat;
mod constant_of_shape;
mod contents;
mod contrib;
mod control;
mod conv;
mod einsum;
mod elementwise;
mod expand;
mod extract;
mod gather;
mod identity;
mod logic;
mod loss;
mod matmul;
mod ml;
mod norm;
mod one_hot;
pub(crate) mod pad;
mod pool;
mod quant;
mod random;
mod range;
mod recurrent;
mod reduce;
mod reshape;
mod resize;
mod reverse_sequence;
mod scatter;
mod selection;
mod sequence;
mod shape;
mod signal;
pub(crate) mod slice;
pub(crate) mod space_depth;
mod squeeze;
mod strings;
pub(crate) mod transpose;
mod triangle;
mod unary;
mod unique;
mod window;

pub(crate) use control::body_arguments;
pub(crate) use slice::span;

use crate::OpSpec;
use shrinx_ir::Dim;

/// Every row of the standard table.
pub(crate) fn rows() -> impl Iterator<Item = OpSpec> {
    ELEMENTWISE.iter().chain(MOVEMENT).chain(COMPUTE).chain(&[control::ROWS]).copied().flatten().copied()
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

/// Operators that compute with weights, over windows or sequences; and those without a family of their own.
const COMPUTE: &[&[OpSpec]] = &[
    attention::ROWS,
    contrib::ROWS,
    conv::ROWS,
    einsum::ROWS,
    extract::ROWS,
    loss::ROWS,
    matmul::ROWS,
    ml::ROWS,
    norm::ROWS,
    pool::ROWS,
    quant::ROWS,
    random::ROWS,
    recurrent::ROWS,
    resize::ROWS,
    sequence::ROWS,
    signal::ROWS,
];

/// The product of lengths; `None` where it grows too large.
fn product<'a>(lengths: impl IntoIterator<Item = &'a Dim>) -> Option<Dim> {
    lengths.into_iter().try_fold(Dim::Known(1), |all, length| all.mul(length))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_operator_has_two_rows_of_one_version() {
        let mut seen = BTreeSet::new();
        assert_eq!(super::rows().find(|row| !seen.insert((row.domain, row.op, row.since))).map(|row| row.op), None);
    }
}
