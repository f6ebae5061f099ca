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
    let same_weight = scale.iter().all(|s| *s == 1.0);
    if !same_weight && edit.model().use_count(linear.weight) > 1 && linear.weight_bytes() > SMALL {
        return Err(Skip::because("its weight is shared, and would have to be stored twice"));
    }
    let (weight, bias) = linear.scaled(scale, shift).map_err(Skip::because)?;
    let weight = if same_weight { linear.weight } else { edit.add_constant(linear.weight, weight) };
    let silent = linear.bias.is_none() && bias.to_f64().is_some_and(|b| b.iter().all(|x| *x == 0.0));
    let bias = if silent {
        None
    } else {
        let name = edit.model().name(linear.bias.unwrap_or(linear.weight)).to_string();
        Some(edit.add_constant_named(&if linear.bias.is_some() { name } else { format!("{name}_bias") }, bias))
    };
    let attributes = Linear::attributes(edit.model(), node);
    let op = edit.model().node(node).op.op.clone();
    let op = if op == "MatMul" && bias.is_some() { "Gemm" } else { &op };
    let inputs = [Some(linear.input), Some(weight), bias];
    Ok(edit.add_as(node, op, attributes, &inputs[..2 + usize::from(bias.is_some())]))
}
