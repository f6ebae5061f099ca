//! Passes that let one operator do the work of several.

mod affine;
mod batch_norm;

pub use affine::FuseAffine;
pub use batch_norm::FuseBatchNorm;

use shrinx_rewrite::{
    Edit, Skip,
    ir::{NodeId, ValueId},
    ops::Linear,
};

/// Adds the linear operator at `node` with its output scaled and shifted a channel.
fn add_scaled(edit: &mut Edit<'_>, node: NodeId, linear: &Linear, scale: &[f64], shift: &[f64]) -> Result<ValueId, Skip> {
    const SMALL: u64 = 1024;
    if edit.model().use_count(linear.weight) > 1 && linear.weight_bytes() > SMALL {
        return Err(Skip::because("its weight is shared, and would have to be stored twice"));
    }
    let (weight, bias) = linear.scaled(scale, shift).map_err(Skip::because)?;
    let weight = edit.add_constant(linear.weight, weight);
    let bias = edit.add_constant(linear.bias.unwrap_or(linear.weight), bias);
    let attributes = Linear::attributes(edit.model(), node);
    let op = if edit.model().node(node).is("MatMul") { "Gemm" } else { &edit.model().node(node).op.op.clone() };
    Ok(edit.add_as(node, op, attributes, &[Some(linear.input), Some(weight), Some(bias)]))
}
