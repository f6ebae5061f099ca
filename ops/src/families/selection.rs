//! `Compress` and `NonZero`: how many elements come out depends on what they are.

use crate::{
    Fact, Fold, Inference, Inferred, OpSpec,
    call::normal_axis,
    kernels::{Grid, elements::count, places::each_index},
    site::{Plan, Site, moved},
};
use shrinx_ir::{DataType, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] =
    &[OpSpec::new("Compress", compress).folds(fold_compress), OpSpec::new("NonZero", non_zero).folds(fold_non_zero)];

fn compress(cx: &mut Inference<'_>) -> Inferred {
    let chosen = cx.known(1).map(|c| c.iter().filter(|c| **c != 0).count() as i64);
    let length = chosen.map_or_else(|| cx.fresh(), Dim::Known);
    let shape = match (cx.call.int("axis"), cx.shape(0)) {
        (None, _) => Some(vec![length]),
        (Some(_), Some(mut shape)) => {
            let axis = cx.axis("axis", 0, shape.len())?;
            shape[axis] = length;
            Some(shape)
        }
        (Some(_), None) => None,
    };
    let contents = moved(cx, plan_compress);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

fn plan_compress(site: &impl Site) -> Option<Plan<Grid>> {
    let dims = site.dims(0)?;
    let (dims, axis) = match site.call().int("axis") {
        Some(axis) => (dims.clone(), normal_axis(axis, dims.len())?),
        None => (vec![count(&dims)? as u64], 0),
    };
    let condition = site.integers(1)?;
    let picks = condition.iter().enumerate().filter(|(_, chosen)| **chosen != 0).map(|(k, _)| Some(k));
    let movement = Grid::of(&dims)?.picked(axis, picks)?;
    Some(Plan { dims: site.affordable(movement.dims())?, movement })
}

fn fold_compress(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_compress(fold)?.fold(&[fold.input(0)?])
}

fn non_zero(cx: &mut Inference<'_>) -> Inferred {
    // Runtimes differ in the number of axes that they give to a scalar.
    let rank = match cx.rank(0) {
        Some(rank) if rank > 0 => Dim::Known(rank as i64),
        _ => cx.fresh(),
    };
    Ok(vec![Fact::new(Some(DataType::Int64), Some(vec![rank, cx.fresh()]))])
}

fn fold_non_zero(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let input = fold.input(0)?;
    let dims = fold.affordable(input.dims.clone()).filter(|d| !d.is_empty())?;
    let mut truths = truths(input)?.into_iter();
    let mut found = vec![Vec::new(); dims.len()];
    each_index(&dims, |index| {
        if truths.next()? {
            for (list, k) in found.iter_mut().zip(index) {
                list.push(*k as i64);
            }
        }
        Some(())
    })?;
    let dims = fold.affordable(vec![dims.len() as u64, found[0].len() as u64])?;
    Some(vec![Tensor::from_i64(dims, &found.concat())])
}

/// Whether each element is other than zero.
fn truths(tensor: &Tensor) -> Option<Vec<bool>> {
    match tensor.to_integers() {
        Some(numbers) => Some(numbers.into_iter().map(|n| n != 0).collect()),
        None => Some(tensor.to_f64()?.into_iter().map(|x| x != 0.0).collect()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn how_many_is_counted_or_fresh() {
        let graph = "g (float[N,3] x, bool[N] d) => (a, b, c) <bool[3] k = {1, 0, 1}> { a = Compress <axis = 1> (x, k) b = Compress(x, d) c = NonZero(x) }";
        assert_eq!(facts_of(graph), "float[N,2]; float[?1]; int64[2,?2]");
    }

    #[test]
    fn folds() {
        assert_eq!(
            folded("g () => (y) <int32[2,2] x = {1, 2, 3, 4}, bool[2] k = {0, 1}> { y = Compress <axis = 1> (x, k) }"),
            "int32[2,1] = {2, 4}"
        );
        assert_eq!(folded("g () => (y) <int32[2,2] x = {1, 2, 3, 4}, bool[3] k = {0, 1, 1}> { y = Compress(x, k) }"), "int32[2] = {2, 3}");
        assert_eq!(folded("g () => (y) <int32[2] x = {1, 2}, bool[3] k = {0, 1, 1}> { y = Compress(x, k) }"), "?");
        assert_eq!(folded("g () => (y) <float[2,2] x = {0, 2, 3, 0}> { y = NonZero(x) }"), "int64[2,2] = {0, 1, 1, 0}");
    }
}
