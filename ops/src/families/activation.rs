//! Activations (ONNX operators of the same names): type and shape of their first input.

use super::elementwise::same_as_input;
use crate::{OpSpec, kernels::arithmetic};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Celu", same_as_input),
    OpSpec::new("Clip", same_as_input).folds(arithmetic::clip),
    OpSpec::new("Elu", same_as_input),
    OpSpec::new("Gelu", same_as_input),
    OpSpec::new("HardSigmoid", same_as_input),
    OpSpec::new("HardSwish", same_as_input),
    OpSpec::new("LeakyRelu", same_as_input),
    OpSpec::new("Mish", same_as_input),
    // Its slope stretches to the input, never the other way.
    OpSpec::new("PRelu", same_as_input),
    OpSpec::new("Relu", same_as_input).folds(arithmetic::relu),
    OpSpec::new("Selu", same_as_input),
    OpSpec::new("Shrink", same_as_input),
    OpSpec::new("Sigmoid", same_as_input),
    OpSpec::new("Softplus", same_as_input),
    OpSpec::new("Softsign", same_as_input),
    OpSpec::new("SwiGLU", same_as_input),
    OpSpec::new("Swish", same_as_input),
    OpSpec::new("Tanh", same_as_input),
    OpSpec::new("ThresholdedRelu", same_as_input),
];

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded, folded_at};

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
