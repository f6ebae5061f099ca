//! `Squeeze` and `Unsqueeze`: axes of length 1 go and come.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec, QuantRule,
    channels::view,
    infer::{Unknown, axis_of, distinct_axes},
    site::{Site, known, viewed},
};
use shrinx_ir::{Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Squeeze", squeeze).cuts(view::VIEW).quant(QuantRule::MOVES.fixes_layout()).folds(fold_squeeze),
    OpSpec::new("Unsqueeze", unsqueeze).cuts(view::VIEW).quant(QuantRule::MOVES.fixes_layout()).folds(fold_unsqueeze),
];

fn axes(site: &impl Site) -> Result<Option<Vec<i64>>, Unknown> {
    site.list("axes", 1, 13)
}

fn squeeze(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), axes(cx)) {
        (Some(from), Ok(axes)) => without(&from, axes.as_deref())?,
        (Some(from), Err(Unknown)) => cx.list_length(1).and_then(|n| from.len().checked_sub(n)).map(|rank| cx.fresh_shape(rank)),
        (None, _) => None,
    };
    let contents = shape.as_ref().and_then(|_| cx.contents(0));
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

/// `from` without some axes, or without all of length 1; `None` where it is not known which these are.
fn without(from: &[Dim], axes: Option<&[i64]>) -> Result<Option<Vec<Dim>>, InferError> {
    let Some(axes) = axes else {
        let decided = from.iter().all(|d| d.known().is_some());
        return Ok(decided.then(|| from.iter().filter(|d| **d != Dim::Known(1)).cloned().collect()));
    };
    let mut gone = vec![false; from.len()];
    for &axis in axes {
        let axis = axis_of(axis, from.len())?;
        match from[axis] {
            Dim::Known(n) if n != 1 => return Err(InferError(format!("an axis of length {n} is squeezed"))),
            Dim::Known(_) | Dim::Symbol(_) | Dim::Expr(_) => gone[axis] = true,
        }
    }
    Ok(Some(from.iter().zip(gone).filter(|(_, gone)| !gone).map(|(d, _)| d.clone()).collect()))
}

fn fold_squeeze(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    viewed(fold, &without(&known(&fold.dims(0)?), axes(fold).ok()?.as_deref()).ok()??)
}

fn unsqueeze(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), axes(cx)) {
        (Some(from), Ok(axes)) => Some(with(&from, &axes.unwrap_or_default())?),
        (Some(from), Err(Unknown)) => cx.list_length(1).map(|n| cx.fresh_shape(from.len() + n)),
        (None, _) => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(cx.contents(0))])
}

/// `from` with axes of length 1 that stand at these places in the end.
fn with(from: &[Dim], axes: &[i64]) -> Result<Vec<Dim>, InferError> {
    let rank = from.len() + axes.len();
    let mut new = vec![false; rank];
    for axis in distinct_axes(axes, rank)? {
        new[axis] = true;
    }
    let mut old = from.iter().cloned();
    Ok(new.into_iter().map(|new| if new { Dim::Known(1) } else { old.next().unwrap_or(Dim::Known(1)) }).collect())
}

fn fold_unsqueeze(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    viewed(fold, &with(&known(&fold.dims(0)?), &axes(fold).ok()??).ok()?)
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded};

    #[test]
    fn axes_come_and_go() {
        let graph = "g (float[N,1,C] x) => (y, z) <int64[1] a = {-2}, int64[2] b = {0, -1}> { y = Squeeze(x, a) z = Unsqueeze(x, b) }";
        assert_eq!(facts_of(graph), "float[N,C]; float[1,N,1,C,1]");
        assert_eq!(facts_at(11, "g (float[N,1,C] x) => (y) { y = Squeeze <axes = [1]> (x) }"), "float[N,C]");
    }

    #[test]
    fn without_axes_all_lengths_must_be_known() {
        assert_eq!(facts_of("g (float[2,1,3] x) => (y) { y = Squeeze(x) }"), "float[2,3]");
        assert_eq!(facts_of("g (float[N,1,3] x) => (y) { y = Squeeze(x) }"), "float[?]");
    }

    #[test]
    fn contradictions() {
        assert_eq!(
            facts_of("g (float[2] x) => (y) <int64[1] a = {0}> { y = Squeeze(x, a) }"),
            "! Squeeze: an axis of length 2 is squeezed"
        );
        assert!(facts_of("g (float[2] x) => (y) <int64[2] a = {0, 0}> { y = Unsqueeze(x, a) }").contains("axis 0 is given twice"));
        assert!(facts_of("g (float[2] x) => (y) <int64[1] a = {5}> { y = Unsqueeze(x, a) }").contains("axis 5 of a tensor of rank 2"));
    }

    #[test]
    fn folds_by_another_label() {
        assert_eq!(folded("g () => (y) <float[1,2] x = {1, 2}> { y = Squeeze(x) }"), "float[2] = {1, 2}");
        assert_eq!(folded("g () => (y) <float[2] x = {1, 2}, int64[1] a = {-1}> { y = Unsqueeze(x, a) }"), "float[2,1] = {1, 2}");
    }
}
