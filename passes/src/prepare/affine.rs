//! Element-wise operators with a constant operand: one number, or one a channel.

use shrinx_rewrite::ops::{
    Fact, Facts, constant,
    ir::{DataType, Model, NodeId, Tensor, ValueId},
    table::is_local_function,
};

/// `x · k`, `x / k`, `x + k`, `x − k` or `k − x`.
pub(super) struct Affine {
    /// The operand that is not constant.
    pub(super) x: ValueId,
    /// The result.
    pub(super) y: ValueId,
    /// One number, or one for each place along axis 1.
    pub(super) k: Vec<f64>,
    /// Whether k is the first operand.
    pub(super) k_first: bool,
}

impl Affine {
    /// The view of a node; `None` where it is something else, or not in float32 or float64, or k would enlarge x.
    pub(super) fn of(model: &Model, facts: &Facts, node: NodeId) -> Option<Self> {
        if model.opset(model.node(node).scope(), "")? < 7 || !is_standard(model, node) {
            return None;
        }
        let ([Some(a), Some(b)], [Some(y)]) = (&model.inputs(node)[..], &model.outputs(node)[..]) else { return None };
        let (x, tensor, k_first) = match (constant(model, *a), constant(model, *b)) {
            (None, Some(k)) => (*a, k, false),
            (Some(k), None) => (*b, k, true),
            (None, None) | (Some(_), Some(_)) => return None,
        };
        if !is_precise(tensor.dtype) {
            return None;
        }
        let fact = facts.of(x);
        let k = scalar(&tensor, fact).map(|k| vec![k]).or_else(|| along_channels(&tensor, fact))?;
        Some(Self { x, y: *y, k, k_first })
    }
}

/// Whether a node is of the standard domain, and means what stands there.
pub(super) fn is_standard(model: &Model, node: NodeId) -> bool {
    let node = model.node(node);
    node.op.domain().is_empty() && !is_local_function(model, node)
}

/// Whether folding in this element type loses nothing that matters.
pub(super) fn is_precise(dtype: DataType) -> bool {
    dtype == DataType::Float || dtype == DataType::Double
}

/// The one number of a constant that does not enlarge what `beside` says of the other operand.
pub(super) fn scalar(constant: &Tensor, beside: &Fact) -> Option<f64> {
    let [number] = constant.to_f64()?[..] else { return None };
    let fits = constant.rank() == 0 || beside.rank().is_some_and(|rank| constant.rank() <= rank);
    fits.then_some(number)
}

/// One number for each place along axis 1 of the other operand.
fn along_channels(constant: &Tensor, beside: &Fact) -> Option<Vec<f64>> {
    let shape = beside.shape.as_deref()?;
    let axis = (1 + constant.rank()).checked_sub(shape.len())?;
    let channels = *constant.dims.get(axis)?;
    let fits = constant.rank() <= shape.len() && constant.len() as u64 == channels && shape[1].known() == Some(channels as i64);
    if fits { constant.to_f64() } else { None }
}
