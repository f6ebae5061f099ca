//! Activations (ONNX operators of the same names): type and shape of their first input.

use super::elementwise::same_as_input;
use crate::{OpSpec, QuantRule, channels::elementwise, constant, kernels::arithmetic};
use shrinx_ir::{Model, NodeId};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Celu", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Clip", same_as_input)
        .cuts(elementwise::UNARY)
        .quant(QuantRule::FLOAT.absorbed(clip_ceiling).into_conv())
        .folds(arithmetic::clip),
    OpSpec::new("Elu", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::FLOAT.into_gemm()),
    OpSpec::new("Gelu", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("HardSigmoid", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::FLOAT.into_conv().smooth()),
    OpSpec::new("HardSwish", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::FLOAT.into_conv().smooth()),
    OpSpec::new("LeakyRelu", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::COMPUTES.into_conv().into_gemm()),
    OpSpec::new("Mish", same_as_input).cuts(elementwise::UNARY),
    // Its slope stretches to the input, never the other way.
    OpSpec::new("PRelu", same_as_input).cuts(elementwise::BROADCAST),
    OpSpec::new("Relu", same_as_input)
        .cuts(elementwise::UNARY)
        .quant(QuantRule::FLOAT.absorbed(|_, _| Some(f32::INFINITY)).into_conv().into_gemm())
        .folds(arithmetic::relu),
    OpSpec::new("Selu", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::FLOAT.into_gemm()),
    OpSpec::new("Shrink", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Sigmoid", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::UNIT.into_conv().into_gemm().smooth()),
    OpSpec::new("Softplus", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::FLOAT.into_gemm()),
    OpSpec::new("Softsign", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("SwiGLU", same_as_input),
    OpSpec::new("Swish", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Tanh", same_as_input).cuts(elementwise::UNARY).quant(QuantRule::FLOAT.into_conv().into_gemm().smooth()),
    OpSpec::new("ThresholdedRelu", same_as_input).cuts(elementwise::UNARY),
];

/// The upper bound, where the lower one is 0.
fn clip_ceiling(model: &Model, node: NodeId) -> Option<f32> {
    let bound = |port| constant(model, model.input(node, port)?)?.to_f64().filter(|v| v.len() == 1).map(|v| v[0] as f32);
    // Before opset 11 the bounds were attributes.
    if !model.node(node).attributes.is_empty() || bound(1) != Some(0.0) {
        return None;
    }
    let ceiling = if model.input(node, 2).is_some() { bound(2)? } else { f32::INFINITY };
    (ceiling > 0.0).then_some(ceiling)
}

#[cfg(test)]
mod tests {
    use crate::{
        OpTable,
        testing::{facts_of, folded, folded_at},
    };
    use shrinx_ir::text;

    #[test]
    fn what_cuts_at_zero_is_absorbed_up_to_its_ceiling() {
        let ceiling = |node: &str| {
            let constants = "<float zero = {0.0}, float one = {1.0}, float six = {6.0}, float none = {-1.0}>";
            let graph = format!("<ir_version: 8, opset_import: [\"\": 17]> g (float[N] x, float c) => (y) {constants} {{ y = {node} }}");
            let model = text::parse(&graph).unwrap();
            let node = model.nodes().next().unwrap();
            OpTable::standard().of(&model, node).quant.absorbed.and_then(|ceiling| ceiling(&model, node))
        };
        assert_eq!(ceiling("Relu(x)"), Some(f32::INFINITY));
        assert_eq!(ceiling("Clip(x, zero)"), Some(f32::INFINITY));
        assert_eq!(ceiling("Clip(x, zero, six)"), Some(6.0));
        for other in ["Clip(x, one, six)", "Clip(x, \"\", six)", "Clip(x, zero, c)", "Clip(x, zero, none)", "LeakyRelu(x)"] {
            assert_eq!(ceiling(other), None, "{other}");
        }
    }

    #[test]
    fn shapes_stay() {
        assert_eq!(facts_of("g (float[N,3] x, float[3] s) => (y) { y = PRelu(x, s) }"), "float[N,3]");
    }

    #[test]
    fn bounds_are_attributes_or_inputs() {
        let x = "<float[3] x = {-1.0, 0.5, 7.0}>";
        assert_eq!(folded_at(9, &format!("g () => (y) {x} {{ y = Clip<min = 0.0, max = 6.0>(x) }}")), "float[3] = {0, 0.5, 6}");
        assert_eq!(folded_at(9, &format!("g () => (y) {x} {{ y = Clip<max = 6.0>(x) }}")), "float[3] = {-1, 0.5, 6}");
        assert_eq!(folded(&format!("g () => (y) {x} {{ y = Relu(x) }}")), "float[3] = {0, 0.5, 7}");
        assert_eq!(folded("g () => (y) <int8[3] x = {-1, 3, 7}, int8 a = {5}> { y = Clip(x, \"\", a) }"), "int8[3] = {-1, 3, 5}");
    }
}
