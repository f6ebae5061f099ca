//! Reductions along axes, and selection along one (ONNX `Reduce*`, `ArgMax`, `ArgMin`, `CumSum`, `CumProd`, `TopK`).

use super::{
    contents::{self, CellOp, Contents},
    elementwise::same_as_input,
};
use crate::{
    Fact, InferError, Inference, Inferred, OpSpec, QuantRule,
    channels::reduce,
    kernels::{
        broadcast::Broadcast,
        reduce::{self as kernel, reduced_axes},
    },
};
use shrinx_ir::{DataType, Dim};

/// The opset in which the axes of `ReduceSum` became an input.
const SUM: i64 = 13;
/// The same for all others.
const REST: i64 = 18;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("ArgMax", index_of).cuts(reduce::INDEX_OF),
    OpSpec::new("ArgMin", index_of).cuts(reduce::INDEX_OF),
    OpSpec::new("CumProd", same_as_input).cuts(reduce::RUNNING).folds(|f| kernel::running(f, &kernel::PRODUCT)),
    OpSpec::new("CumSum", same_as_input).cuts(reduce::RUNNING).folds(|f| kernel::running(f, &kernel::SUM)),
    OpSpec::new("ReduceL1", |cx| reduce(cx, REST, None)).cuts(reduce::REDUCE).folds(|f| kernel::reduce(f, REST, &kernel::L1)),
    OpSpec::new("ReduceL2", |cx| reduce(cx, REST, None)).cuts(reduce::REDUCE),
    OpSpec::new("ReduceLogSum", |cx| reduce(cx, REST, None)).cuts(reduce::REDUCE),
    OpSpec::new("ReduceLogSumExp", |cx| reduce(cx, REST, None)).cuts(reduce::REDUCE),
    OpSpec::new("ReduceMax", |cx| reduce(cx, REST, Some((None, contents::max)))).cuts(reduce::REDUCE).folds(|f| kernel::max(f, REST)),
    OpSpec::new("ReduceMean", |cx| reduce(cx, REST, None)).cuts(reduce::REDUCE).quant(QuantRule::FLOAT.fixes_layout()),
    OpSpec::new("ReduceMin", |cx| reduce(cx, REST, Some((None, contents::min)))).cuts(reduce::REDUCE).folds(|f| kernel::min(f, REST)),
    OpSpec::new("ReduceProd", |cx| reduce(cx, REST, Some((Some(1), contents::mul))))
        .cuts(reduce::REDUCE)
        .folds(|f| kernel::reduce(f, REST, &kernel::PRODUCT)),
    OpSpec::new("ReduceSum", |cx| reduce(cx, SUM, Some((Some(0), contents::add))))
        .cuts(reduce::REDUCE)
        .folds(|f| kernel::reduce(f, SUM, &kernel::SUM)),
    OpSpec::new("ReduceSumSquare", |cx| reduce(cx, REST, None)).cuts(reduce::REDUCE).folds(|f| kernel::reduce(f, REST, &kernel::SQUARES)),
    OpSpec::new("TopK", top).cuts(reduce::TOP),
];

/// The result over nothing, and how two results become one.
type Joining = (Option<i64>, CellOp);

fn reduce(cx: &mut Inference<'_>, moved: i64, joining: Option<Joining>) -> Inferred {
    let keeps = cx.call.int("keepdims").unwrap_or(1) != 0;
    let noop = cx.call.int("noop_with_empty_axes").unwrap_or(0) != 0;
    let dtype = cx.dtype(0);
    let Ok(axes) = cx.axes(1, moved) else {
        let shape = some_axes(cx, keeps);
        return Ok(vec![Fact::new(dtype, shape)]);
    };
    let axes = axes.unwrap_or_default();
    let Some(shape) = cx.shape(0) else {
        let scalar = axes.is_empty() && !noop && !keeps;
        return Ok(vec![Fact::new(dtype, scalar.then(Vec::new))]);
    };
    let reduced =
        reduced_axes(&axes, noop, shape.len()).ok_or_else(|| InferError(format!("axes {axes:?} of a tensor of rank {}", shape.len())))?;
    let lengths = shape.into_iter().zip(&reduced);
    let shape = lengths.filter_map(|(length, r)| if *r { keeps.then_some(Dim::Known(1)) } else { Some(length) }).collect();
    let contents = joining.and_then(|j| joined(cx, &reduced, j));
    Ok(vec![contents::fill(Fact::new(dtype, Some(shape)), contents)])
}

/// The shape, where it is not known which axes go: their number may be.
fn some_axes(cx: &mut Inference<'_>, keeps: bool) -> Option<Vec<Dim>> {
    let rank = cx.rank(0)?;
    if keeps {
        return Some(cx.fresh_shape(rank));
    }
    let [Dim::Known(count)] = cx.shape(1)?[..] else { return None };
    let left = rank.checked_sub(usize::try_from(count).ok()?)?;
    (count > 0).then(|| cx.fresh_shape(left))
}

fn joined(cx: &mut Inference<'_>, reduced: &[bool], (empty, op): Joining) -> Option<Vec<Dim>> {
    let all = Contents::of(cx.input(0))?;
    let kept: Vec<u64> = all.dims.iter().zip(reduced).map(|(d, r)| if *r { 1 } else { *d }).collect();
    let count = Broadcast::new([&kept])?.len().filter(|n| *n <= Fact::MAX_CONTENTS)?;
    let mut out: Vec<Option<Dim>> = vec![empty.map(Dim::Known); count];
    for [i, o] in Broadcast::new([&all.dims, &kept])?.cells() {
        let next = match out[o].take() {
            None => all.cells[i].clone(),
            Some(sum) => op(cx.symbols(), &sum, &all.cells[i])?,
        };
        // Runtimes may add and multiply in doubles.
        if empty.is_some() && next.known().is_some_and(|n| n.unsigned_abs() > 1 << 53) {
            return None;
        }
        out[o] = Some(next);
    }
    out.into_iter().collect()
}

fn index_of(cx: &mut Inference<'_>) -> Inferred {
    let Some(mut shape) = cx.shape(0) else { return Ok(vec![Fact::new(Some(DataType::Int64), None)]) };
    let axis = cx.axis("axis", 0, shape.len())?;
    if cx.call.int("keepdims").unwrap_or(1) != 0 {
        shape[axis] = Dim::Known(1);
    } else {
        shape.remove(axis);
    }
    Ok(vec![Fact::new(Some(DataType::Int64), Some(shape))])
}

/// How many, an attribute told before opset 10.
fn top(cx: &mut Inference<'_>) -> Inferred {
    let count = if cx.call.opset < 10 { cx.call.int("k").map(Dim::Known) } else { cx.contents(1).and_then(|k| k.into_iter().next()) };
    if let Some(Dim::Known(k)) = count
        && k < 0
    {
        return Err(InferError(format!("the top {k} elements")));
    }
    let shape = match cx.shape(0) {
        Some(mut shape) => {
            let axis = cx.axis("axis", -1, shape.len())?;
            shape[axis] = count.unwrap_or_else(|| cx.fresh());
            Some(shape)
        }
        None => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), shape.clone()), Fact::new(Some(DataType::Int64), shape)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded};

    #[test]
    fn axes_come_from_an_attribute_or_an_input() {
        assert_eq!(facts_at(11, "g (float[N,3,4] x) => (y) { y = ReduceMean<axes = [1]>(x) }"), "float[N,1,4]");
        assert_eq!(facts_of("g (float[N,3,4] x) => (y) { y = ReduceMean<keepdims = 0>(x, [-1, 1]) }"), "float[N]");
        assert_eq!(facts_of("g (float[N,3] x) => (y) { y = ReduceSum<noop_with_empty_axes = 1>(x) }"), "float[N,3]");
        assert_eq!(facts_of("g (float[N,3] x, int64[1] a) => (y) { y = ReduceMax<keepdims = 0>(x, a) }"), "float[?1]");
        assert_eq!(facts_of("g (float[N,3] x) => (y) { y = ReduceMean(x, [2]) }"), "! ReduceMean: axes [2] of a tensor of rank 2");
    }

    #[test]
    fn contents_are_reduced() {
        let graph = "g (float[N,3] x) => (y) { s = Shape(x) y = ReduceProd<keepdims = 0>(s) }";
        assert_eq!(facts_of(graph), "int64[] = {3*N}");
    }

    #[test]
    fn selections_keep_the_other_axes() {
        assert_eq!(facts_of("g (float[N,9] x) => (v, i) { v, i = TopK(x, [4]) }"), "float[N,4]; int64[N,4]");
        assert_eq!(facts_of("g (float[N,9] x) => (v, i) { v, i = TopK(x, [-4]) }"), "! TopK: the top -4 elements");
        assert_eq!(facts_of("g (float[N,9] x) => (i) { i = ArgMax<axis = -1, keepdims = 0>(x) }"), "int64[N]");
    }

    #[test]
    fn sums_beyond_doubles_are_left() {
        assert_eq!(folded("g () => (y) <int64[2] x = {3, 4}> { y = ReduceSum<keepdims = 0>(x) }"), "int64[] = {7}");
        assert_eq!(folded("g () => (y) <int64[2] x = {9007199254740992, 4}> { y = ReduceSum(x) }"), "?");
        assert_eq!(folded("g () => (y) <int32[2] x = {2147483647, 4}> { y = ReduceSum(x) }"), "?");
        assert_eq!(folded("g () => (y) <float[2] x = {1.0, 4.0}> { y = ReduceSum(x) }"), "?");
        assert_eq!(folded("g () => (y) <float[2] x = {1.0, 4.0}> { y = ReduceMax(x) }"), "float[1] = {4}");
        assert_eq!(
            folded("g () => (y) <int32[2,2] x = {1, 2, 3, 4}, int64 a = {1}> { y = CumSum<reverse = 1, exclusive = 1>(x, a) }"),
            "int32[2,2] = {2, 0, 4, 0}"
        );
    }
}
