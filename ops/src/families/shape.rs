//! `Shape` and `Size`: where symbolic contents begin.

use crate::{Call, Fact, Fold, Inference, Inferred, OpSpec, QuantRule, channels::elementwise, kernels::elements::count, site::Site};
use shrinx_ir::{DataType, Dim, Tensor};
use std::ops::Range;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Shape", shape).cuts(elementwise::SHAPE).quant(QuantRule::FLOAT.fixes_layout()).folds(fold_shape),
    OpSpec::new("Size", size).folds(fold_size),
];

fn shape(cx: &mut Inference<'_>) -> Inferred {
    let contents = cx.shape(0).map(|dims| dims[part(cx.call, dims.len())].to_vec());
    let length = contents.as_ref().map_or_else(|| cx.fresh(), |c| Dim::Known(c.len() as i64));
    Ok(vec![Fact::new(Some(DataType::Int64), Some(vec![length])).with_contents(contents)])
}

/// The axes that `start` and `end` choose, out of range or not.
fn part(call: Call<'_>, rank: usize) -> Range<usize> {
    let rank = rank as i64;
    let place = |name, default| {
        let at = call.int(name).unwrap_or(default);
        (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize
    };
    let start = place("start", 0);
    start..place("end", rank).max(start)
}

fn fold_shape(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dims = fold.dims(0)?;
    let numbers: Option<Vec<i64>> = dims[part(fold.call, dims.len())].iter().map(|d| i64::try_from(*d).ok()).collect();
    Some(vec![Tensor::vector_i64(&numbers?)])
}

fn size(cx: &mut Inference<'_>) -> Inferred {
    let contents = cx.shape(0).map(|dims| vec![cx.product(&dims)]);
    Ok(vec![Fact::new(Some(DataType::Int64), Some(vec![])).with_contents(contents)])
}

fn fold_size(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    Some(vec![Tensor::from_i64([], &[i64::try_from(count(&fold.dims(0)?)?).ok()?])])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn shapes_become_contents() {
        assert_eq!(
            facts_of("g (float[N,3] x) => (s, n) { s = Shape <start = -1, end = 9> (x) n = Size(x) }"),
            "int64[1] = {3}; int64[] = {3*N}"
        );
        assert_eq!(facts_of("g (float[N,3] x) => (s) { s = Shape <start = 2> (x) }"), "int64[0] = {}");
    }

    #[test]
    fn folds() {
        assert_eq!(folded("g () => (s) <float[1,2] x = {1, 2}> { s = Shape(x) }"), "int64[2] = {1, 2}");
        assert_eq!(folded("g () => (s) <float[1,2] x = {1, 2}> { s = Size(x) }"), "int64[] = {2}");
    }
}
