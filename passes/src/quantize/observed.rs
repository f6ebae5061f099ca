//! Which tensors calibration has to look at.

use super::{
    layer::{Layer, layers},
    placement::placement,
};
use shrinx_calib::Observe;
use shrinx_rewrite::{
    ir::{Model, ValueId},
    ops::{Facts, OpTable},
};

/// The tensors that any choice among the layers may round, and the axis along which each has channels.
pub fn observed(model: &Model, ops: &OpTable, facts: &Facts) -> Vec<Observe> {
    let (layers, _) = layers(model, ops, facts);
    let mut found: Vec<Observe> = Vec::new();
    let mut add = |value: ValueId, channel_axis: Option<usize>| {
        if !found.iter().any(|o| o.value == value) {
            found.push(Observe { value, channel_axis });
        }
    };
    for layer in &layers {
        add(layer.input, layer.channel_axis);
        add(layer.output, layer.channel_axis);
    }
    let all: Vec<&Layer> = layers.iter().collect();
    placement(model, ops, &all).inner.into_iter().for_each(|value| add(value, None));
    found
}
