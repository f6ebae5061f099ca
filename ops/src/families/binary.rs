//! Arithmetic of two or more inputs that broadcast (ONNX operators of the same names).

use super::{
    contents,
    elementwise::{broadcast_inputs, broadcast_shape, broadcast_with},
};
use crate::{Fact, Inference, Inferred, OpSpec, QuantRule, channels::elementwise, kernels::arithmetic};
use shrinx_ir::DataType;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Add", |cx| broadcast_with(cx, contents::add))
        .cuts(elementwise::BROADCAST)
        .quant(QuantRule::COMPUTES)
        .folds(|f| arithmetic::binary(f, &arithmetic::ADD))
        .commutes(),
    OpSpec::new("BitShift", broadcast_inputs).cuts(elementwise::BROADCAST).folds(arithmetic::shift),
    OpSpec::new("BitwiseAnd", broadcast_inputs).cuts(elementwise::BROADCAST).folds(|f| arithmetic::binary(f, &arithmetic::AND)).commutes(),
    OpSpec::new("BitwiseOr", broadcast_inputs).cuts(elementwise::BROADCAST).folds(|f| arithmetic::binary(f, &arithmetic::OR)).commutes(),
    OpSpec::new("BitwiseXor", broadcast_inputs).cuts(elementwise::BROADCAST).folds(|f| arithmetic::binary(f, &arithmetic::XOR)).commutes(),
    OpSpec::new("Div", divide).cuts(elementwise::BROADCAST).folds(|f| arithmetic::binary(f, &arithmetic::DIV)),
    OpSpec::new("Max", |cx| broadcast_with(cx, contents::max))
        .cuts(elementwise::BROADCAST)
        .folds(|f| arithmetic::variadic(f, &arithmetic::MAX))
        .commutes(),
    OpSpec::new("Mean", broadcast_inputs).cuts(elementwise::BROADCAST).commutes(),
    OpSpec::new("Min", |cx| broadcast_with(cx, contents::min))
        .cuts(elementwise::BROADCAST)
        .folds(|f| arithmetic::variadic(f, &arithmetic::MIN))
        .commutes(),
    OpSpec::new("Mod", modulo).cuts(elementwise::BROADCAST).folds(arithmetic::modulo),
    OpSpec::new("Mul", |cx| broadcast_with(cx, contents::mul))
        .cuts(elementwise::BROADCAST)
        .quant(QuantRule::COMPUTES)
        .folds(|f| arithmetic::binary(f, &arithmetic::MUL))
        .commutes(),
    OpSpec::new("Pow", power).cuts(elementwise::BROADCAST).folds(|f| arithmetic::binary(f, &arithmetic::POW)),
    OpSpec::new("Sub", |cx| broadcast_with(cx, contents::sub))
        .cuts(elementwise::BROADCAST)
        .folds(|f| arithmetic::binary(f, &arithmetic::SUB)),
    OpSpec::new("Sum", |cx| broadcast_with(cx, contents::add)).cuts(elementwise::BROADCAST).folds(arithmetic::sum).commutes(),
];

fn divide(cx: &mut Inference<'_>) -> Inferred {
    let float = cx.dtype(0).is_none_or(DataType::is_float);
    broadcast_with(cx, if float { contents::div_exact } else { contents::div })
}

fn modulo(cx: &mut Inference<'_>) -> Inferred {
    let truncates = cx.call.int("fmod").unwrap_or(0) != 0;
    broadcast_with(cx, if truncates { contents::fmod } else { contents::modulo })
}

/// The exponent may be of another type; the result has that of the base.
fn power(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(cx.dtype(0), broadcast_shape(cx)?)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded, folded_at};

    #[test]
    fn shapes_broadcast() {
        assert_eq!(facts_of("g (float[N,1,4] x, float[3,1] y) => (z) { z = Add(x, y) }"), "float[N,3,4]");
        assert_eq!(facts_of("g (float[2] x, float[3] y) => (z) { z = Mul(x, y) }"), "! Mul: lengths 2 and 3 do not broadcast");
        assert_eq!(facts_at(6, "g (float[N,3] x, float[N] y) => (z) { z = Add<broadcast = 1, axis = 0>(x, y) }"), "float[N,3]");
        assert_eq!(facts_of("g (float[N] x, int64 y) => (z) { z = Pow(x, y) }"), "float[N]");
    }

    #[test]
    fn shape_arithmetic_is_followed() {
        let of = |node: &str| facts_of(&format!("g (float[N,8] x) => (z) {{ s = Shape(x) {node} }}"));
        assert_eq!(of("z = Mul(s, [2, 3])"), "int64[2] = {2*N, 24}");
        assert_eq!(of("z = Div(s, [2, 3])"), "int64[2] = {⌊(N)/(2)⌋, 2}");
        assert_eq!(of("z = Sub(s, [1])"), "int64[2] = {N - 1, 7}");
        assert_eq!(of("z = Mod(s, [4, -3])"), "int64[2] = {(N) mod (4), -1}");
        assert_eq!(of("z = Max(s, [-1, 9], [2])"), "int64[2] = {max(2, N), 9}");
        assert_eq!(of("z = Div(s, [0, 1])"), "int64[2]");
    }

    #[test]
    fn whole_floats_are_followed() {
        let graph = "g (float[4,6] x) => (z) { s = Shape(x) f = Cast<to = 1>(s) g = Div(f, float[1] {2.0}) z = Cast<to = 7>(g) }";
        assert_eq!(facts_of(graph), "int64[2] = {2, 3}");
        assert_eq!(facts_of(&graph.replace("{2.0}", "{4.0}")), "int64[2]");
        assert_eq!(facts_of(&graph.replace("float[4,6]", "float[N,6]")), "int64[2]");
    }

    #[test]
    fn integers_wrap_and_never_divide_by_zero() {
        let folds = |op: &str, dtype: &str, a: i64, b: i64| {
            let graph = format!("g () => (z) <{dtype}[1] a = {{{a}}}, {dtype}[1] b = {{{b}}}> {{ z = {op}(a, b) }}");
            folded(&graph)
        };
        assert_eq!(folds("Add", "uint8", 250, 10), "uint8[1] = {4}");
        assert_eq!(folds("Div", "int32", -7, 2), "int32[1] = {-3}");
        assert_eq!(folds("Mod", "int32", -7, 2), "int32[1] = {1}");
        assert_eq!(folds("Div", "int32", 7, 0), "?");
        assert_eq!(folds("Div", "int8", -128, -1), "?");
        assert_eq!(folds("Pow", "int64", 3, 4), "int64[1] = {81}");
        assert_eq!(folds("Pow", "int64", 3, 40), "?");
    }

    #[test]
    fn floats_round_once() {
        let half = |op: &str| folded(&format!("g () => (z) <float16[1] a = {{2049.0}}, float16[1] b = {{3.0}}> {{ z = {op}(a, b) }}"));
        assert_eq!(half("Add"), "float16[1] = {2052}");
        assert_eq!(half("Div"), "float16[1] = {682.5}");
        assert_eq!(folded("g () => (z) <float[2] a = {nan, 0.0}, float[2] b = {1.0, 1.0}> { z = Max(a, b) }"), "float[2] = {NaN, 1}");
        assert_eq!(folded("g () => (z) <float[1] a = {-0.0}, float[1] b = {0.0}> { z = Max(a, b) }"), "?");
        assert_eq!(folded_at(6, "g () => (z) <float[2] a = {1.0, 2.0}, float[1] b = {1.0}> { z = Add(a, b) }"), "?");
    }
}
