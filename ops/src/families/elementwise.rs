//! Element-wise operators: one rule for all unary ones, one for all that broadcast.

use crate::{Fact, Inference, Inferred, OpSpec};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("Relu", same_as_input), OpSpec::new("Add", broadcast_inputs).commutes()];

/// Type and shape of the first input.
pub(crate) fn same_as_input(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(cx.dtype(0), cx.shape(0))])
}

/// Type of the first input, shape that all inputs broadcast to.
pub(crate) fn broadcast_inputs(cx: &mut Inference<'_>) -> Inferred {
    let mut shape = cx.shape(0);
    for port in 1..cx.input_count() {
        shape = match (shape, cx.shape(port)) {
            (Some(a), Some(b)) => Some(cx.broadcast(&a, &b)?),
            _ => None,
        };
    }
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}
