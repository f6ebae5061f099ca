//! What calibration looks at: the inputs and outputs of convolutions and of products with constant weights, and the activations around them.

use shrinx_calib::Observe;
use shrinx_rewrite::{
    ir::{DataType, Model, NodeId, ValueId},
    ops::{Facts, constant},
};
use std::collections::BTreeSet;

/// Operators that pass 8-bit values on, or stand between those that run in 8 bits.
const AROUND: [&str; 17] = [
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "GlobalAveragePool",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "MaxPool",
    "Mul",
    "Relu",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Slice",
    "Split",
    "Transpose",
];

/// The values of the main graph whose ranges quantization may need, each once, in the order in which they are computed.
pub fn observed(model: &Model, facts: &Facts) -> Vec<Observe> {
    let order = model.nodes_in_order(Model::MAIN).unwrap_or_default();
    let is_activation = |v: ValueId| facts.of(v).dtype == Some(DataType::Float) && constant(model, v).is_none();
    let mut around_convs: BTreeSet<ValueId> = BTreeSet::new();
    let mut wanted: BTreeSet<ValueId> = BTreeSet::new();
    // Convolutions first: what they and a product share has its channels where they have them.
    for convs in [true, false] {
        let mut open: Vec<ValueId> = order.iter().filter(|n| is_layer(model, **n, convs)).flat_map(|n| ends(model, *n)).collect();
        while let Some(value) = open.pop() {
            if !is_activation(value) || !wanted.insert(value) {
                continue;
            }
            if convs {
                around_convs.insert(value);
            }
            let makers = model.producer(value).map(|(node, _)| node).into_iter();
            let neighbours = makers.chain(model.uses(value).map(|(node, _)| node)).filter(|n| is_around(model, *n));
            open.extend(neighbours.flat_map(|n| model.inputs(n).into_iter().chain(model.outputs(n)).flatten()));
        }
    }
    let axis = |value| match facts.of(value).rank() {
        Some(rank @ 3..) if around_convs.contains(&value) => Some(1).filter(|a| *a < rank),
        Some(rank) => rank.checked_sub(1),
        None => None,
    };
    let made = order.iter().flat_map(|n| model.outputs(*n).into_iter().flatten());
    let inputs = model.scope(Model::MAIN).inputs().iter().map(|d| d.value);
    inputs.chain(made).filter(|v| wanted.contains(v)).map(|value| Observe { value, channel_axis: axis(value) }).collect()
}

/// A node that may run in 8 bits: a convolution, or a product with a constant weight.
fn is_layer(model: &Model, node: NodeId, convs: bool) -> bool {
    let op = &model.node(node).op;
    let weight = model.input(node, 1).is_some_and(|w| constant(model, w).is_some());
    op.domain().is_empty()
        && weight
        && if convs { op.op == "Conv" || op.op == "ConvTranspose" } else { op.op == "MatMul" || op.op == "Gemm" }
}

fn is_around(model: &Model, node: NodeId) -> bool {
    let op = &model.node(node).op;
    op.domain().is_empty() && AROUND.contains(&op.op.as_str()) && model.node(node).scope() == Model::MAIN
}

fn ends(model: &Model, node: NodeId) -> Vec<ValueId> {
    [model.input(node, 0), model.outputs(node).into_iter().next().flatten()].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{ir::text, ops::OpTable};

    #[test]
    fn layers_and_what_is_around_them_are_observed_once() {
        let model = text::parse(
            "g (float[N,3,8,8] x) => (float[N,4] y) <float[4,3,1,1] w, float[4,4] m, float[4] b> {
                c = Conv(x, w)
                s = Sigmoid(c)
                a = Mul(c, s)
                p = ReduceMean <axes = [2, 3], keepdims = 0>(a)
                d = MatMul(p, m)
                e = Add(d, b)
                y = Softmax(e)
            }",
        )
        .unwrap();
        let found = observed(&model, &Facts::infer(&model, &OpTable::standard()));
        let said: Vec<(&str, Option<usize>)> = found.iter().map(|o| (model.name(o.value), o.channel_axis)).collect();
        let (one, last) = (Some(1), Some(1));
        assert_eq!(said, [("x", one), ("c", one), ("s", one), ("a", one), ("p", last), ("d", last), ("e", last)]);
    }
}
