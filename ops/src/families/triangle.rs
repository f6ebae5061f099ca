//! `Trilu` and `EyeLike`: what lies on, above or below a diagonal.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec,
    kernels::{Places, elements::count, zero},
    site::{Plan, Site},
};
use shrinx_ir::{DataType, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("Trilu", trilu).folds(fold_trilu), OpSpec::new("EyeLike", eye_like).folds(fold_eye)];

fn trilu(cx: &mut Inference<'_>) -> Inferred {
    if let Some(rank) = cx.rank(0).filter(|rank| *rank < 2) {
        return Err(InferError(format!("the triangle of a tensor of rank {rank}")));
    }
    let contents = match &cx.input(0).contents {
        Some(source) => plan_trilu(cx).and_then(|plan| plan.contents(&[source, &[Dim::Known(0)]])),
        None => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), cx.shape(0)).with_contents(contents)])
}

fn plan_trilu(site: &impl Site) -> Option<Plan<Places>> {
    let dims = site.affordable(site.dims(0)?)?;
    let &[.., rows, columns] = dims.as_slice() else { return None };
    let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
    let diagonal = site.number(1, Some(0))?;
    let upper = site.call().int("upper").unwrap_or(1) != 0;
    let all = count(&dims)?;
    let kept = |place: usize| {
        let (row, column) = ((place / columns % rows) as i64, (place % columns) as i64);
        if upper { column - row >= diagonal } else { column - row <= diagonal }
    };
    Some(Plan { movement: Places((0..all).map(|place| if kept(place) { place } else { all }).collect()), dims })
}

fn fold_trilu(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let data = fold.input(0)?;
    plan_trilu(fold)?.fold(&[data, &zero(data.dtype)?])
}

fn eye_like(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(eye_type(cx, cx.dtype(0)), Some(cx.shape(0).unwrap_or_else(|| cx.fresh_shape(2))))])
}

fn eye_type(site: &impl Site, input: Option<DataType>) -> Option<DataType> {
    match site.call().int("dtype") {
        Some(code) => DataType::from_code(i32::try_from(code).ok()?),
        None => input,
    }
}

fn fold_eye(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dims = fold.affordable(fold.dims(0)?)?;
    let &[rows, columns] = dims.as_slice() else { return None };
    let dtype = eye_type(fold, Some(fold.input(0)?.dtype))?;
    let one = Tensor::from_integers(dtype, [], &[1]).or_else(|| Tensor::from_f64(dtype, [], &[1.0]))?;
    let diagonal = fold.call.int("k").unwrap_or(0);
    let on = |row: u64, column: u64| usize::from((row as i64).checked_add(diagonal) == Some(column as i64));
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| on(row, column))).collect();
    Plan { movement: Places(places), dims }.fold(&[&zero(dtype)?, &one])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn a_triangle_is_kept() {
        assert_eq!(facts_of("g (float[B,N,M] x) => (y) { y = Trilu(x) }"), "float[B,N,M]");
        let trilu = |upper: i64| {
            folded(&format!("g () => (y) <int32[2,2] x = {{1, 2, 3, 4}}, int64 k = {{0}}> {{ y = Trilu <upper = {upper}> (x, k) }}"))
        };
        assert_eq!([trilu(1), trilu(0)], ["int32[2,2] = {1, 2, 0, 4}", "int32[2,2] = {1, 0, 3, 4}"]);
    }

    #[test]
    fn ones_on_a_diagonal() {
        assert_eq!(facts_of("g (float[N,M] x) => (y) { y = EyeLike <dtype = 7> (x) }"), "int64[N,M]");
        assert_eq!(
            folded("g () => (y) <int32[2,3] x = {9, 9, 9, 9, 9, 9}> { y = EyeLike <k = 1> (x) }"),
            "int32[2,3] = {0, 1, 0, 0, 0, 1}"
        );
        assert_eq!(folded("g () => (y) <int32[1,1] x = {9}> { y = EyeLike <dtype = 10> (x) }"), "float16[1,1] = {1}");
    }
}
