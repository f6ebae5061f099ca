//! Comparisons, logic of bools, and choice (ONNX operators of the same names).

use super::{
    contents::{self, Contents},
    elementwise::{broadcast_shape, broadcast_to_bool},
};
use crate::{
    Fact, Inference, Inferred, OpSpec,
    channels::elementwise,
    kernels::{arithmetic, broadcast::Broadcast, logic, unary},
};
use shrinx_ir::{DataType, Dim, Symbols};
use std::cmp::Ordering;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("And", |cx| broadcast_to_bool(cx, and))
        .cuts(elementwise::BROADCAST)
        .folds(|f| arithmetic::binary(f, &arithmetic::AND))
        .commutes(),
    OpSpec::new("Equal", |cx| compares(cx, |s, a, b| contents::compare(s, a, b, Ordering::is_eq)))
        .cuts(elementwise::COMPARE)
        .folds(|f| logic::compare(f, Ordering::is_eq))
        .commutes(),
    OpSpec::new("Greater", |cx| compares(cx, |s, a, b| contents::compare(s, a, b, Ordering::is_gt)))
        .cuts(elementwise::COMPARE)
        .folds(|f| logic::compare(f, Ordering::is_gt)),
    OpSpec::new("GreaterOrEqual", |cx| compares(cx, |s, a, b| contents::compare(s, a, b, Ordering::is_ge)))
        .cuts(elementwise::COMPARE)
        .folds(|f| logic::compare(f, Ordering::is_ge)),
    OpSpec::new("Less", |cx| compares(cx, |s, a, b| contents::compare(s, a, b, Ordering::is_lt)))
        .cuts(elementwise::COMPARE)
        .folds(|f| logic::compare(f, Ordering::is_lt)),
    OpSpec::new("LessOrEqual", |cx| compares(cx, |s, a, b| contents::compare(s, a, b, Ordering::is_le)))
        .cuts(elementwise::COMPARE)
        .folds(|f| logic::compare(f, Ordering::is_le)),
    OpSpec::new("Not", not).cuts(elementwise::UNARY).folds(|f| unary::map(f, &unary::NOT)),
    OpSpec::new("Or", |cx| broadcast_to_bool(cx, or))
        .cuts(elementwise::BROADCAST)
        .folds(|f| arithmetic::binary(f, &arithmetic::OR))
        .commutes(),
    OpSpec::new("Where", choose).cuts(elementwise::BROADCAST).folds(logic::choose),
    OpSpec::new("Xor", |cx| broadcast_to_bool(cx, xor))
        .cuts(elementwise::BROADCAST)
        .folds(|f| arithmetic::binary(f, &arithmetic::XOR))
        .commutes(),
];

fn compares(cx: &mut Inference<'_>, op: contents::CellOp) -> Inferred {
    broadcast_to_bool(cx, op)
}

fn and(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    Some(Dim::Known(a.known()? & b.known()?))
}

fn or(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    Some(Dim::Known(a.known()? | b.known()?))
}

fn xor(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    Some(Dim::Known(a.known()? ^ b.known()?))
}

fn not(cx: &mut Inference<'_>) -> Inferred {
    let contents = contents::map(cx, |_, cell| cell.known().map(|c| Dim::Known(i64::from(c == 0))));
    Ok(vec![contents::fill(Fact::new(Some(DataType::Bool), cx.shape(0)), contents)])
}

fn choose(cx: &mut Inference<'_>) -> Inferred {
    let fact = Fact::new(cx.dtype(1).or(cx.dtype(2)), broadcast_shape(cx)?);
    let contents = chosen(cx);
    Ok(vec![contents::fill(fact, contents)])
}

/// Cell by cell from the side that the condition names. Where the other side is not known, that does no harm.
fn chosen(cx: &Inference<'_>) -> Option<Vec<Dim>> {
    let condition = Contents::of(cx.input(0))?;
    let sides = [Contents::of(cx.input(1)), Contents::of(cx.input(2))];
    let dims = |side: usize| match &sides[side] {
        Some(contents) => Some(contents.dims.clone()),
        None => cx.input(side + 1).known_shape()?.into_iter().map(|d| u64::try_from(d).ok()).collect(),
    };
    let walk = Broadcast::new([&condition.dims, &dims(0)?, &dims(1)?])?;
    if walk.len()? > Fact::MAX_CONTENTS {
        return None;
    }
    let pick = |[c, i, j]: [usize; 3]| {
        let (x, y) = (sides[0].as_ref().map(|s| &s.cells[i]), sides[1].as_ref().map(|s| &s.cells[j]));
        match condition.cells[c].known() {
            Some(0) => y.cloned(),
            Some(_) => x.cloned(),
            None => x.filter(|x| Some(*x) == y).cloned(),
        }
    };
    walk.cells().map(pick).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn lengths_are_not_negative() {
        let of = |node: &str| facts_of(&format!("g (float[N,M] x) => (z) {{ s = Shape(x) {node} }}"));
        assert_eq!(of("z = Equal(s, [-1])"), "bool[2] = {0, 0}");
        assert_eq!(of("z = Equal(s, s)"), "bool[2] = {1, 1}");
        assert_eq!(of("z = Equal(s, [0])"), "bool[2]");
        assert_eq!(of("z = GreaterOrEqual(s, [0])"), "bool[2] = {1, 1}");
        assert_eq!(of("e = Equal(s, [-1]) z = Where(e, [7], s)"), "int64[2] = {N, M}");
        assert_eq!(of("z = Where(bool[2] {1, 0}, s, [9])"), "int64[2] = {N, 9}");
    }

    #[test]
    fn bools_are_computed() {
        assert_eq!(facts_of("g () => (z) { a = Not(bool[2] {1, 0}) z = Or(a, bool[1] {1}) }"), "bool[2] = {1, 1}");
        assert_eq!(folded("g () => (z) <bool[2] a = {1, 0}> { z = Not(a) }"), "bool[2] = {0, 1}");
        assert_eq!(folded("g () => (z) <float[2] a = {nan, 1.0}> { z = Equal(a, a) }"), "bool[2] = {0, 1}");
        assert_eq!(folded("g () => (z) <string[2] a = {\"p\", \"q\"}, string b = {\"q\"}> { z = Equal(a, b) }"), "bool[2] = {0, 1}");
    }

    #[test]
    fn choice_moves_any_type() {
        let graph = "g () => (z) <bool[2,1] c = {1, 0}, string[2] a = {\"p\", \"q\"}, string b = {\"r\"}> { z = Where(c, a, b) }";
        assert_eq!(folded(graph), r#"string[2,2] = {"p", "q", "r", "r"}"#);
        assert_eq!(
            folded("g () => (z) <bool[2] c = {1, 0}, int8 a = {-1}, int8[2] b = {4, 5}> { z = Where(c, a, b) }"),
            "int8[2] = {-1, 5}"
        );
    }
}
