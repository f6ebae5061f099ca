//! `Reshape` and `Flatten`: the same elements, other axes.
//!
//! An entry of the target shape that depends on input shapes was computed to be a length: it is taken to be at least 1, so that it is neither ONNX's 0
//! ("copy the axis") nor its -1 ("what is left").

use crate::{
    Call, Fact, Fold, InferError, Inference, Inferred, OpSpec, QuantRule,
    channels::view,
    infer::axis_of,
    shrink,
    site::{Site, known, viewed},
};
use shrinx_ir::{Derived, Dim, Symbols, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Reshape", reshape).cuts(view::VIEW).shrinks(shrink::reshape).quant(QuantRule::MOVES.fixes_layout()).folds(fold_reshape),
    OpSpec::new("Flatten", flatten).cuts(view::VIEW).quant(QuantRule::MOVES.fixes_layout()).folds(fold_flatten),
];

fn reshape(cx: &mut Inference<'_>) -> Inferred {
    let target = match attribute_target(cx.call) {
        Some(target) => Some(target),
        None => cx.contents(1),
    };
    let shape = match target {
        Some(target) => {
            let (from, copies) = (cx.shape(0), copies_zero(cx.call));
            Some(resolve(cx.symbols(), from.as_deref(), &target, copies)?)
        }
        None => cx.list_length(1).map(|rank| cx.fresh_shape(rank)),
    };
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(cx.contents(0))])
}

fn fold_reshape(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let target = attribute_target(fold.call).or_else(|| Some(fold.integers(1)?.into_iter().map(Dim::Known).collect()))?;
    viewed(fold, &resolve(&mut Symbols::default(), Some(&known(&fold.dims(0)?)), &target, copies_zero(fold.call)).ok()?)
}

/// The target shape, which is an attribute in opsets before 5.
fn attribute_target(call: Call<'_>) -> Option<Vec<Dim>> {
    if call.opset < 5 { Some(call.ints("shape")?.iter().copied().map(Dim::Known).collect()) } else { None }
}

fn copies_zero(call: Call<'_>) -> bool {
    call.int("allowzero").unwrap_or(0) == 0
}

fn resolve(symbols: &mut Symbols, from: Option<&[Dim]>, target: &[Dim], copies_zero: bool) -> Result<Vec<Dim>, InferError> {
    let mut rest = None;
    let mut shape = Vec::with_capacity(target.len());
    for (k, entry) in target.iter().enumerate() {
        shape.push(match entry {
            Dim::Known(-1) if rest.replace(k).is_some() => return Err(InferError("more than one length of -1".into())),
            Dim::Known(-1) => Dim::Known(1),
            Dim::Known(n) if *n < 0 => return Err(InferError(format!("a length of {n}"))),
            Dim::Known(0) if copies_zero => match from {
                Some(from) => from.get(k).cloned().ok_or_else(|| InferError(format!("axis {k} is to be copied, and is not there")))?,
                None => symbols.fresh(),
            },
            Dim::Known(_) | Dim::Symbol(_) | Dim::Expr(_) => entry.clone(),
        });
    }
    let left = from.map_or(Ok(None), |from| quotient(symbols, from, &shape))?;
    match (rest, left) {
        (Some(axis), left) => shape[axis] = left.unwrap_or_else(|| symbols.fresh()),
        (None, Some(Dim::Known(n))) if n != 1 => return Err(InferError("the number of elements changes".into())),
        (None, _) => {}
    }
    Ok(shape)
}

/// How often the elements of `part` fit into those of `all`; `None` where that is beyond counting.
fn quotient(symbols: &mut Symbols, all: &[Dim], part: &[Dim]) -> Result<Option<Dim>, InferError> {
    let mut all = all.to_vec();
    let mut part = part.to_vec();
    // What stands on both sides is left out, for polynomials to stay small.
    part.retain(|d| match all.iter().position(|a| a == d && *a != Dim::Known(0)) {
        Some(k) => {
            all.swap_remove(k);
            false
        }
        None => true,
    });
    let product = |dims: &[Dim]| dims.iter().try_fold(Dim::Known(1), |a, b| a.mul(b));
    let (Some(all), Some(part)) = (product(&all), product(&part)) else { return Ok(None) };
    match (all.div_exact(&part), all.known(), part.known()) {
        (Some(exact), ..) => Ok(Some(exact)),
        (None, None | Some(0), Some(0)) => Ok(None),
        (None, Some(_), Some(_)) => Err(InferError("the number of elements changes".into())),
        (None, ..) => Ok(Some(symbols.derive(Derived::FloorDiv, &all, &part))),
    }
}

fn flatten(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.shape(0) {
        Some(from) => {
            let axis = cut(cx.call, from.len())?;
            vec![cx.product(&from[..axis]), cx.product(&from[axis..])]
        }
        None => cx.fresh_shape(2),
    };
    Ok(vec![Fact::new(cx.dtype(0), Some(shape)).with_contents(cx.contents(0))])
}

/// The axis before which the matrix that `Flatten` makes is cut.
fn cut(call: Call<'_>, rank: usize) -> Result<usize, InferError> {
    let axis = call.int("axis").unwrap_or(1);
    if axis == rank as i64 { Ok(rank) } else { axis_of(axis, rank) }
}

fn fold_flatten(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dims = known(&fold.dims(0)?);
    let (outer, inner) = dims.split_at(cut(fold.call, dims.len()).ok()?);
    let product = |dims: &[Dim]| dims.iter().try_fold(Dim::Known(1), |a, b| a.mul(b));
    viewed(fold, &[product(outer)?, product(inner)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded};

    #[test]
    fn shape_computations_resolve() {
        let graph = "g (float[batch,3,4] x) => (t, y) <int64 first = {0}, int64[1] axis = {0}, int64[1] rest = {-1}> {
            s = Shape(x)
            d = Gather(s, first)
            u = Unsqueeze(d, axis)
            t = Concat <axis = 0> (u, rest)
            y = Reshape(x, t)
        }";
        assert_eq!(facts_of(graph), "int64[2] = {batch, -1}; float[batch,12]");
    }

    #[test]
    fn what_is_left_is_divided() {
        let left = |target: &str| facts_of(&format!("g (float[N,6,H] x) => (y) <int64[3] s = {{{target}}}> {{ y = Reshape(x, s) }}"));
        assert_eq!(left("0, 2, -1"), "float[N,2,3*H]");
        assert_eq!(left("-1, 0, 3"), "float[⌊(N*H)/(3)⌋,6,3]");
        assert_eq!(left("-1, -1, 3"), "! Reshape: more than one length of -1");
        assert_eq!(left("-2, 1, 3"), "! Reshape: a length of -2");
    }

    #[test]
    fn elements_are_counted() {
        let counted = |target: &str| facts_of(&format!("g (float[2,3] x) => (y) <int64[2] s = {{{target}}}> {{ y = Reshape(x, s) }}"));
        assert_eq!(counted("3, 2"), "float[3,2]");
        assert_eq!(counted("4, 2"), "! Reshape: the number of elements changes");
        assert_eq!(counted("4, -1"), "! Reshape: the number of elements changes");
    }

    #[test]
    fn zero_copies_or_not() {
        let graph = "g (float[N,4] x) => (y) <int64[2] s = {0, 4}> { y = Reshape <allowzero = 1> (x, s) }";
        assert_eq!(facts_of(graph), "float[0,4]");
        assert_eq!(facts_at(1, "g (float[N,4] x) => (y) { y = Reshape <shape = [0, -1, 2]> (x) }"), "float[N,2,2]");
        assert_eq!(facts_of("g (float[N,4] x, int64[3] s) => (y) { y = Reshape(x, s) }"), "float[?1,?2,?3]");
    }

    #[test]
    fn flatten_makes_a_matrix() {
        assert_eq!(
            facts_of("g (float[N,C,H,W] x) => (y, z) { y = Flatten(x) z = Flatten <axis = -4> (x) }"),
            "float[N,C*H*W]; float[1,N*C*H*W]"
        );
    }

    #[test]
    fn folds_by_another_label() {
        assert_eq!(folded("g () => (y) <int32[2,2] x = {1, 2, 3, 4}, int64[1] s = {-1}> { y = Reshape(x, s) }"), "int32[4] = {1, 2, 3, 4}");
        assert_eq!(folded("g () => (y) <int32[2,2] x = {1, 2, 3, 4}, int64[1] s = {3}> { y = Reshape(x, s) }"), "?");
        assert_eq!(folded("g () => (y) <int32[2,2] x = {1, 2, 3, 4}> { y = Flatten <axis = 0> (x) }"), "int32[1,4] = {1, 2, 3, 4}");
    }
}
