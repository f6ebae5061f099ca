//! Rules that element-wise operators share: one for all unary ones, one for all that broadcast.

use super::contents::{self, CellOp};
use crate::{Fact, Inference, Inferred};
use shrinx_ir::{DataType, Dim};

/// Type and shape of the first input.
pub(crate) fn same_as_input(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(cx.dtype(0), cx.shape(0))])
}

/// Type of the inputs, shape that they broadcast to.
pub(crate) fn broadcast_inputs(cx: &mut Inference<'_>) -> Inferred {
    let dtype = (0..cx.input_count()).find_map(|port| cx.dtype(port));
    Ok(vec![Fact::new(dtype, broadcast_shape(cx)?)])
}

/// Likewise, and what `op` makes of their contents.
pub(crate) fn broadcast_with(cx: &mut Inference<'_>, op: CellOp) -> Inferred {
    let facts = broadcast_inputs(cx)?;
    let contents = contents::join(cx, op);
    Ok(facts.into_iter().map(|fact| contents::fill(fact, contents.clone())).collect())
}

/// A bool for each cell of the shape that the inputs broadcast to.
pub(crate) fn broadcast_to_bool(cx: &mut Inference<'_>, op: CellOp) -> Inferred {
    let fact = Fact::new(Some(DataType::Bool), broadcast_shape(cx)?);
    Ok(vec![contents::fill(fact, contents::join(cx, op))])
}

/// The shape that all inputs broadcast to. Before opset 7 the second input may stretch, by rules of its own, but never the first.
pub(crate) fn broadcast_shape(cx: &mut Inference<'_>) -> Result<Option<Vec<Dim>>, crate::InferError> {
    let mut shape = cx.shape(0);
    if cx.call.opset < 7 {
        return Ok(shape);
    }
    for port in 1..cx.input_count() {
        shape = match (shape, cx.shape(port)) {
            (Some(a), Some(b)) => Some(cx.broadcast(&a, &b)?),
            _ => None,
        };
    }
    Ok(shape)
}
