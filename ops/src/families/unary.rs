//! Functions of one number each (ONNX operators of the same names).

use super::{contents, elementwise::same_as_input};
use crate::{Fact, Inference, Inferred, OpSpec, channels::elementwise, kernels::unary};
use shrinx_ir::{DataType, Dim, Symbols};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Abs", |cx| with_contents(cx, contents::abs)).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::ABS)),
    OpSpec::new("Acos", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Acosh", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Asin", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Asinh", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Atan", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Atanh", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("BitwiseNot", same_as_input).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::BITWISE_NOT)),
    OpSpec::new("Ceil", whole).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::CEIL)),
    OpSpec::new("Cos", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Cosh", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Erf", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Exp", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Floor", whole).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::FLOOR)),
    OpSpec::new("IsInf", to_bool).cuts(elementwise::UNARY).folds(unary::is_infinite),
    OpSpec::new("IsNaN", to_bool).cuts(elementwise::UNARY).folds(unary::is_nan),
    OpSpec::new("Log", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Neg", |cx| with_contents(cx, contents::neg)).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::NEG)),
    OpSpec::new("Reciprocal", same_as_input).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::RECIPROCAL)),
    OpSpec::new("Round", whole).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::ROUND)),
    OpSpec::new("Sign", same_as_input).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::SIGN)),
    OpSpec::new("Sin", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Sinh", same_as_input).cuts(elementwise::UNARY),
    OpSpec::new("Sqrt", same_as_input).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::SQRT)),
    OpSpec::new("Tan", same_as_input).cuts(elementwise::UNARY),
];

fn with_contents(cx: &mut Inference<'_>, op: fn(&mut Symbols, &Dim) -> Option<Dim>) -> Inferred {
    let contents = contents::map(cx, op);
    Ok(vec![contents::fill(Fact::new(cx.dtype(0), cx.shape(0)), contents)])
}

/// Whole numbers round to themselves.
fn whole(cx: &mut Inference<'_>) -> Inferred {
    with_contents(cx, |_, cell| Some(cell.clone()))
}

fn to_bool(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(Some(DataType::Bool), cx.shape(0))])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn contents_keep_their_sign() {
        let of = |node: &str| facts_of(&format!("g (float[N,3] x) => (z) {{ s = Shape(x) {node} }}"));
        assert_eq!(of("z = Neg(s)"), "int64[2] = {-N, -3}");
        assert_eq!(of("n = Neg(s) z = Abs(n)"), "int64[2] = {N, 3}");
        assert_eq!(of("d = Sub(s, [1]) z = Abs(d)"), "int64[2]");
    }

    #[test]
    fn halves_round_to_even() {
        assert_eq!(folded("g () => (y) <float[3] x = {0.5, 1.5, -2.5}> { y = Round(x) }"), "float[3] = {0, 2, -2}");
        assert_eq!(folded("g () => (y) <float[2] x = {4.0, 2.0}> { y = Sqrt(x) }"), "float[2] = {2, 1.4142135381698608}");
        assert_eq!(folded("g () => (y) <int8[1] x = {-128}> { y = Neg(x) }"), "int8[1] = {-128}");
        assert_eq!(folded("g () => (y) <uint8[1] x = {1}> { y = BitwiseNot(x) }"), "uint8[1] = {254}");
        assert_eq!(folded("g () => (y) <float[2] x = {inf, -inf}> { y = IsInf<detect_negative = 0>(x) }"), "bool[2] = {1, 0}");
    }
}
