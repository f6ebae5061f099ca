//! Where quantized values flow, for a choice of layers: which tensors get a pair of Quantize and Dequantize, and which operators between the layers run int8.
//!
//! The rules are those of ONNX Runtime's fusions on x64 (measured; `docs/results.md`): a convolution runs int8 only with a Quantize behind it; a `MatMul`
//! is best without; element-wise operators run int8 only if all they read and give is quantized, so they do where int8 comes in and is read again, as in
//! SiLU regions; operators that move values keep scale and zero point. Nothing is put around operators that have no int8 kernel.

use super::layer::{Activation, Layer, activation};
use shrinx_rewrite::{
    ir::{Model, NodeId, ValueId},
    ops::{Int8, OpTable, constant},
};
use std::collections::{BTreeMap, BTreeSet};

/// A choice of places.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Tensors between int8 operators: one pair, which all readers in int8 share.
    pub inner: BTreeSet<ValueId>,
    /// Tensors that come out of int8 operators.
    pub made: BTreeSet<ValueId>,
    /// Where an inner tensor's scale and zero point come from, if not from its own range.
    pub shared: BTreeMap<ValueId, Shared>,
    /// Operators between the layers that run int8, with the activation behind them, in order.
    pub bridges: Vec<Bridge>,
    /// Layers whose input or output stays per tensor, for the runtime would move the per-channel form to another axis.
    pub guarded: Guarded,
}

/// Where scale and zero point come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Those of another tensor.
    With(ValueId),
    /// Those of 0 to 1.
    Unit,
}

/// An operator that runs int8 between layers.
#[derive(Clone, Copy, Debug)]
pub struct Bridge {
    /// The node.
    pub node: NodeId,
    /// An activation that the quantization behind it makes superfluous.
    pub activation: Option<Activation>,
    /// What comes out, behind the activation.
    pub output: ValueId,
}

/// Layers, by node, next to another layer with nothing in between that fixes the layout.
#[derive(Clone, Debug, Default)]
pub struct Guarded {
    /// On the side of the input.
    pub inputs: BTreeSet<NodeId>,
    /// On the side of the output.
    pub outputs: BTreeSet<NodeId>,
}

/// What an operator computes on: the inputs that are no parameters.
fn operands(model: &Model, node: NodeId, kernel: Int8) -> Vec<ValueId> {
    let all = model.inputs(node).into_iter().flatten();
    if kernel == Int8::Moves { all.take(1).collect() } else { all.collect() }
}

/// The places for these layers.
pub fn placement(model: &Model, ops: &OpTable, chosen: &[&Layer]) -> Placement {
    let mut from_int8: BTreeSet<ValueId> = chosen.iter().filter(|l| l.gives_int8()).map(|l| l.output).collect();
    let mut candidates: Vec<(Bridge, Int8)> = Vec::new();
    for node in model.nodes_in_order(Model::MAIN).unwrap_or_default() {
        let kernel = ops.of(model, node).quant.kernel(model, node);
        if matches!(kernel, Int8::None | Int8::Heavy | Int8::HeavyInFloat) {
            continue;
        }
        let operands = operands(model, node, kernel);
        let computed = operands.iter().all(|v| constant(model, *v).is_none());
        let int8 = operands.iter().filter(|v| from_int8.contains(v)).count();
        // What is joined may come in float for a part: rounding it costs less than leaving int8 and coming back.
        let enough = if kernel == Int8::Joins { 2 * int8 >= operands.len() } else { int8 == operands.len() };
        let outputs: Vec<ValueId> = model.outputs(node).into_iter().flatten().collect();
        if operands.is_empty() || !computed || !enough || outputs.is_empty() {
            continue;
        }
        let activation = if matches!(kernel, Int8::Computes | Int8::Joins) { activation(model, ops, outputs[0]) } else { None };
        let output = activation.and_then(|a| model.outputs(a.node)[0]).unwrap_or(outputs[0]);
        from_int8.insert(output);
        from_int8.extend(outputs.iter().skip(1));
        candidates.push((Bridge { node, activation, output }, kernel));
    }
    // A bridge that leads to no int8 operator is none.
    let inputs: BTreeSet<ValueId> = chosen.iter().map(|l| l.input).collect();
    let mut read: BTreeSet<ValueId> = inputs;
    let mut bridges: Vec<(Bridge, Int8)> = Vec::new();
    for (bridge, kernel) in candidates.into_iter().rev() {
        let outputs = bridge_outputs(model, &bridge);
        // All that moves are of one scale: where one output is read in float alone, that is no loss.
        if outputs.iter().any(|v| read.contains(v)) {
            read.extend(operands(model, bridge.node, kernel));
            bridges.push((bridge, kernel));
        }
    }
    bridges.reverse();
    let mut placement = Placement { guarded: guarded(model, ops, chosen), ..Placement::default() };
    let made: BTreeSet<ValueId> = chosen
        .iter()
        .filter(|l| l.gives_int8())
        .map(|l| l.output)
        .chain(bridges.iter().flat_map(|(b, _)| bridge_outputs(model, b)))
        .collect();
    for (bridge, kernel) in &bridges {
        let operands = operands(model, bridge.node, *kernel);
        placement.inner.extend(operands.iter().copied());
        let outputs = bridge_outputs(model, bridge);
        placement.inner.extend(outputs.iter().copied());
        let shared = match kernel {
            Int8::Moves => Some(Shared::With(operands[0])),
            Int8::Unit => Some(Shared::Unit),
            Int8::Computes | Int8::Joins | Int8::None | Int8::Heavy | Int8::HeavyInFloat => None,
        };
        placement.shared.extend(shared.into_iter().flat_map(|s| outputs.iter().map(move |o| (*o, s))));
    }
    placement.inner.extend(chosen.iter().map(|l| l.input).filter(|v| made.contains(v)));
    placement.bridges = bridges.into_iter().map(|(b, _)| b).collect();
    placement.made = made;
    placement
}

/// What comes out of a bridge: the activation's output in place of the first.
pub fn bridge_outputs(model: &Model, bridge: &Bridge) -> Vec<ValueId> {
    let rest = model.outputs(bridge.node).into_iter().skip(1).flatten();
    std::iter::once(bridge.output).chain(rest).collect()
}

/// Pairs of chosen convolutions that are linked by operators of any layout alone.
fn guarded(model: &Model, ops: &OpTable, chosen: &[&Layer]) -> Guarded {
    let convs: BTreeMap<NodeId, &Layer> = chosen.iter().filter(|l| l.is_conv()).map(|l| (l.node, *l)).collect();
    let mut found = Guarded::default();
    for (node, layer) in &convs {
        let (mut todo, mut seen) = (vec![layer.raw], BTreeSet::new());
        while let Some(value) = todo.pop() {
            for (reader, port) in model.uses(value) {
                if convs.contains_key(&reader) && port == 0 {
                    found.outputs.insert(*node);
                    found.inputs.insert(reader);
                } else if !ops.of(model, reader).quant.fixes_layout && seen.insert(reader) {
                    todo.extend(model.outputs(reader).into_iter().flatten());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::layer::layers_of;
    use shrinx_rewrite::ir::text;

    /// The places for all layers of a graph, as text.
    fn places(graph: &str) -> String {
        let model = text::parse(&format!("<ir_version: 8, opset_import: [\"\": 17]>\n{graph}")).unwrap();
        let ops = OpTable::standard();
        let (layers, _) = layers_of(&model, &ops);
        let placement = placement(&model, &ops, &layers.iter().collect::<Vec<_>>());
        let names = |values: &mut dyn Iterator<Item = ValueId>| {
            let mut names: Vec<&str> = values.map(|v| model.name(v)).collect();
            names.sort_unstable();
            names.join(" ")
        };
        let bridges: Vec<&str> = placement.bridges.iter().map(|b| model.node(b.node).op.op.as_str()).collect();
        let guarded = |nodes: &BTreeSet<NodeId>| names(&mut layers.iter().filter(|l| nodes.contains(&l.node)).map(|l| l.raw));
        format!(
            "inner: {}; bridges: {}; guarded: {} | {}",
            names(&mut placement.inner.iter().copied()),
            bridges.join(" "),
            guarded(&placement.guarded.inputs),
            guarded(&placement.guarded.outputs)
        )
    }

    fn convs(nodes: &str) -> String {
        places(&format!("g (float[N,4,8,8] x) => (float[N,4,8,8] y) <float[4,4,1,1] w, float[4,4,1,1] v> {{ {nodes} }}"))
    }

    #[test]
    fn a_relu_is_absorbed_between_layers() {
        assert_eq!(convs("a = Conv(x, w) b = Relu(a) y = Conv(b, v)"), "inner: b; bridges: ; guarded: y | a");
    }

    #[test]
    fn a_relu_with_a_second_reader_of_its_input_is_not() {
        assert_eq!(convs("a = Conv(x, w) b = Relu(a) c = Conv(b, v) y = Add(a, c)"), "inner: ; bridges: ; guarded: c | a");
    }

    #[test]
    fn a_silu_region_is_int8_throughout() {
        let silu = "a = Conv(x, w) s = Sigmoid(a) m = Mul(a, s) y = Conv(m, v)";
        assert_eq!(convs(silu), "inner: a m s; bridges: Sigmoid Mul; guarded: y | a");
    }

    #[test]
    fn operators_that_lead_to_no_layer_stay_float() {
        assert_eq!(convs("a = Conv(x, w) s = Sigmoid(a) y = Mul(a, s)"), "inner: ; bridges: ; guarded:  | ");
    }

    #[test]
    fn operators_without_a_kernel_stay_float_and_guard_the_layout() {
        assert_eq!(convs("a = Conv(x, w) h = HardSwish(a) y = Conv(h, v)"), "inner: ; bridges: ; guarded: y | a");
    }

    #[test]
    fn a_grouped_convolution_stays_float_and_fixes_the_layout() {
        let nodes = "a = Conv(x, w) d = Conv<group = 2>(a, k) y = Conv(d, v)";
        let graph =
            format!("g (float[N,4,8,8] x) => (float[N,4,8,8] y) <float[4,4,1,1] w, float[4,4,1,1] v, float[4,2,1,1] k> {{ {nodes} }}");
        assert_eq!(places(&graph), "inner: ; bridges: ; guarded:  | ");
    }

    #[test]
    fn a_depthwise_convolution_is_a_layer_in_a_chain() {
        let nodes = "a = Conv(x, w) d = Conv<group = 4>(a, k) y = Conv(d, v)";
        let graph =
            format!("g (float[N,4,8,8] x) => (float[N,4,8,8] y) <float[4,4,1,1] w, float[4,4,1,1] v, float[4,1,1,1] k> {{ {nodes} }}");
        assert_eq!(places(&graph), "inner: a d; bridges: ; guarded: d y | a d");
    }

    #[test]
    fn a_residual_sum_is_int8_where_both_sides_are() {
        let both = "a = Conv(x, w) b = Conv(x, v) s = Add(a, b) r = Relu(s) y = Conv(r, v)";
        assert_eq!(convs(both), "inner: a b r; bridges: Add; guarded: y | a b");
        let one = "a = Conv(x, w) s = Add(a, x) r = Relu(s) y = Conv(r, v)";
        assert_eq!(convs(one), "inner: ; bridges: ; guarded: y | a");
    }

    #[test]
    fn a_concat_takes_a_float_part_along() {
        let graph = "g (float[N,4,8,8] x) => (float[N,4,8,8] y) <float[4,4,1,1] w, float[4,8,1,1] v> {
            a = Conv(x, w) c = Concat<axis = 1>(a, x) y = Conv(c, v)
        }";
        assert_eq!(places(graph), "inner: a c x; bridges: Concat; guarded: y | a");
    }

    #[test]
    fn what_moves_keeps_its_scale() {
        let graph = "g (float[N,4,8,8] x) => (float[N,4,8,8] y) <float[8,4,1,1] w, float[4,4,1,1] v> {
            a = Conv(x, w) p, q = Split<axis = 1>(a) s = MaxPool<kernel_shape = [1, 1]>(p) m = Add(s, q) y = Conv(m, v)
        }";
        assert_eq!(places(graph), "inner: a m p q s; bridges: Split MaxPool Add; guarded: y | a");
    }

    #[test]
    fn matrix_products_give_float() {
        let graph = "g (float[N,S,4] x) => (float[N,S,4] y) <float[4,4] w, float[4,4] v> { a = MatMul(x, w) b = Relu(a) y = MatMul(b, v) }";
        assert_eq!(places(graph), "inner: ; bridges: ; guarded:  | ");
    }
}
