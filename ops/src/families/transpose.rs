//! `Transpose`.

use crate::{
    Call, Fact, Fold, InferError, Inference, Inferred, OpSpec, QuantRule,
    channels::movement,
    kernels::Grid,
    site::{Plan, Site, moved},
};
use shrinx_ir::Tensor;

pub(crate) const ROWS: &[OpSpec] =
    &[OpSpec::new("Transpose", transpose).cuts(movement::TRANSPOSE).quant(QuantRule::MOVES.fixes_layout()).folds(fold)];

fn transpose(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.shape(0) {
        Some(from) => Some(permutation(cx.call, from.len())?.into_iter().map(|axis| from[axis].clone()).collect()),
        None => cx.call.ints("perm").map(|perm| cx.fresh_shape(perm.len())),
    };
    let contents = moved(cx, plan);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

/// For each axis of the output, the one of the input that goes there; by default the axes are reversed.
pub(crate) fn permutation(call: Call<'_>, rank: usize) -> Result<Vec<usize>, InferError> {
    let Some(perm) = call.ints("perm") else { return Ok((0..rank).rev().collect()) };
    let mut seen = vec![false; rank];
    let once = |axis: &i64| usize::try_from(*axis).ok().filter(|k| seen.get_mut(*k).is_some_and(|seen| !std::mem::replace(seen, true)));
    let axes: Option<Vec<usize>> = perm.iter().map(once).collect();
    axes.filter(|a| a.len() == rank).ok_or_else(|| InferError(format!("{perm:?} does not permute {rank} axes")))
}

fn plan(site: &impl Site) -> Option<Plan<Grid>> {
    let dims = site.dims(0)?;
    let movement = Grid::of(&dims)?.permuted(&permutation(site.call(), dims.len()).ok()?)?;
    Some(Plan { dims: site.affordable(movement.dims())?, movement })
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan(fold)?.fold(&[fold.input(0)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn axes_are_permuted() {
        assert_eq!(
            facts_of("g (float[N,C,L] x) => (y, z) { y = Transpose <perm = [0, 2, 1]> (x) z = Transpose(x) }"),
            "float[N,L,C]; float[L,C,N]"
        );
        assert!(facts_of("g (float[N,C] x) => (y) { y = Transpose <perm = [0, 0]> (x) }").starts_with("! Transpose"));
    }

    #[test]
    fn folds_elements_of_any_width() {
        assert_eq!(folded("g () => (y) <uint8[2,2] x = {1, 2, 3, 4}> { y = Transpose(x) }"), "uint8[2,2] = {1, 3, 2, 4}");
        assert_eq!(folded("g () => (y) <double[2,2] x = {1, 2, 3, 4}> { y = Transpose(x) }"), "double[2,2] = {1, 3, 2, 4}");
        assert_eq!(
            folded(r#"g () => (y) <string[2,2] x = {"a", "b", "c", "d"}> { y = Transpose(x) }"#),
            r#"string[2,2] = {"a", "c", "b", "d"}"#
        );
    }
}
