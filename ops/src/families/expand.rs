//! `Expand` and `Tile`: the same elements again and again.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec,
    channels::movement,
    kernels::Grid,
    shrink,
    site::{Plan, Site, moved},
};
use shrinx_ir::{Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Expand", expand).cuts(movement::EXPAND).shrinks(shrink::expand).folds(fold_expand),
    OpSpec::new("Tile", tile_along).cuts(movement::TILE).folds(fold_tile),
    OpSpec { since: 6, ..OpSpec::new("Tile", tile).cuts(movement::TILE).shrinks(shrink::expand).folds(fold_tile) },
];

fn expand(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), cx.contents(1)) {
        (Some(from), Some(target)) => {
            // A negative length means nothing in ONNX: what a runtime makes of it is not known.
            let target: Vec<Dim> = target.into_iter().map(|d| if d.known().is_some_and(|n| n < 0) { cx.fresh() } else { d }).collect();
            Some(cx.broadcast(&from, &target)?)
        }
        (Some(from), None) => cx.list_length(1).map(|n| cx.fresh_shape(n.max(from.len()))),
        (None, _) => None,
    };
    let contents = moved(cx, plan_expand);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

fn plan_expand(site: &impl Site) -> Option<Plan<Grid>> {
    let from = site.dims(0)?;
    let target: Vec<u64> = site.integers(1)?.into_iter().map(|n| u64::try_from(n).ok()).collect::<Option<_>>()?;
    let rank = from.len().max(target.len());
    let mut movement = Grid::of(&from)?;
    for _ in from.len()..rank {
        movement = movement.repeated(0, 1)?;
    }
    for (axis, length) in (rank - target.len()..).zip(target) {
        movement = match movement.dims()[axis] {
            old if old == length || length == 1 => movement,
            _ => movement.stretched(axis, length)?,
        };
    }
    Some(Plan { dims: site.affordable(movement.dims())?, movement })
}

fn fold_expand(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_expand(fold)?.fold(&[fold.input(0)?])
}

fn tile(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), cx.contents(1)) {
        (Some(from), Some(repeats)) if from.len() == repeats.len() => Some(from.iter().zip(&repeats).map(|(d, n)| cx.mul(d, n)).collect()),
        (Some(from), Some(repeats)) => return Err(InferError(format!("{} repeats for {} axes", repeats.len(), from.len()))),
        (Some(from), None) => Some(cx.fresh_shape(from.len())),
        (None, _) => None,
    };
    let contents = moved(cx, plan_tile);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

/// Opsets before 6: one axis, whose number and repeats are inputs of the data's type.
fn tile_along(cx: &mut Inference<'_>) -> Inferred {
    let shape = cx.rank(0).map(|rank| cx.fresh_shape(rank));
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn plan_tile(site: &impl Site) -> Option<Plan<Grid>> {
    let from = site.dims(0)?;
    let repeats: Vec<u64> = site.integers(1)?.into_iter().map(|n| u64::try_from(n).ok()).collect::<Option<_>>()?;
    if site.call().opset < 6 || repeats.len() != from.len() {
        return None;
    }
    let dims = from.iter().zip(&repeats).map(|(d, n)| d.checked_mul(*n)).collect::<Option<_>>()?;
    let mut movement = Grid::of(&from)?;
    for (axis, times) in repeats.into_iter().enumerate().filter(|(_, times)| *times != 1) {
        let before = movement.dims().len() - (from.len() - axis);
        movement = movement.repeated(before, times)?;
    }
    Some(Plan { movement, dims: site.affordable(dims)? })
}

fn fold_tile(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_tile(fold)?.fold(&[fold.input(0)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded};

    #[test]
    fn lengths_broadcast_and_multiply() {
        let graph = "g (float[N,1,3] x, float[2,N,4,1] z) => (y) { s = Shape(z) y = Expand(x, s) }";
        assert_eq!(facts_of(graph), "float[2,N,4,3]");
        assert_eq!(facts_of("g (float[N,3] x) => (y) <int64[2] r = {2, 1}> { y = Tile(x, r) }"), "float[2*N,3]");
        assert!(facts_of("g (float[N,3] x) => (y) <int64[1] r = {2}> { y = Tile(x, r) }").starts_with("! Tile"));
        assert_eq!(facts_at(1, "g (float[N,3] x, float t, float a) => (y) { y = Tile(x, t, a) }"), "float[?1,?2]");
    }

    #[test]
    fn folds_within_the_budget() {
        let expand =
            |shape: &str| folded(&format!("g () => (y) <int32[2,1] x = {{1, 2}}, int64[2] s = {{{shape}}}> {{ y = Expand(x, s) }}"));
        assert_eq!(expand("1, 2"), "int32[2,2] = {1, 1, 2, 2}");
        assert_eq!([expand("2, 501"), expand("3, 1"), expand("-1, 1"), expand("0, 9223372036854775807")], ["?"; 4]);
        assert_eq!(
            folded("g () => (y) <int32[1,2] x = {1, 2}, int64[2] r = {2, 2}> { y = Tile(x, r) }"),
            "int32[2,4] = {1, 2, 1, 2, 1, 2, 1, 2}"
        );
        assert_eq!(folded("g () => (y) <int32[1] x = {1}, int64[1] r = {9223372036854775807}> { y = Tile(x, r) }"), "?");
    }
}
