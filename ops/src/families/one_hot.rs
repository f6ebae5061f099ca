//! `OneHot`: an axis on which an index marks one place.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec,
    call::normal_axis,
    kernels::{Places, elements::count},
    site::Plan,
};
use shrinx_ir::Tensor;

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("OneHot", one_hot).folds(fold)];

fn one_hot(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.shape(0) {
        Some(mut shape) => {
            let axis = cx.axis("axis", -1, shape.len() + 1)?;
            let depth = match cx.contents(1).as_deref() {
                Some([depth]) => depth.clone(),
                Some(_) => return Err(InferError("a depth that is not one number".into())),
                None => {
                    cx.constant(1).and_then(|t| whole_numbers(&t)).and_then(|n| n.first().copied()).map_or_else(|| cx.fresh(), Into::into)
                }
            };
            shape.insert(axis, depth);
            Some(shape)
        }
        None => None,
    };
    Ok(vec![Fact::new(cx.dtype(2), shape)])
}

/// The elements, cut to integers where they are floating point.
fn whole_numbers(tensor: &Tensor) -> Option<Vec<i64>> {
    tensor.to_integers().or_else(|| Some(tensor.to_f64()?.into_iter().map(|x| x as i64).collect()))
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let (indices, values) = (fold.input(0)?, fold.input(2)?);
    let [depth] = whole_numbers(fold.input(1)?)?[..] else { return None };
    let axis = normal_axis(fold.call.int("axis").unwrap_or(-1), indices.rank() + 1)?;
    let mut dims = indices.dims.clone();
    dims.insert(axis, u64::try_from(depth).ok()?);
    let dims = fold.affordable(dims)?;
    let numbers = whole_numbers(indices)?;
    // Before opset 11, what a negative index means is not defined.
    if fold.call.opset < 11 && numbers.iter().any(|n| *n < 0) || values.dims != [2] {
        return None;
    }
    let (outer, inner) = (count(&indices.dims[..axis])?, count(&indices.dims[axis..])?);
    let mut places = Vec::with_capacity(count(&dims)?);
    for block in 0..outer {
        for class in 0..depth {
            let marks = |n: &i64| usize::from(*n == class || n.checked_add(depth) == Some(class));
            places.extend(numbers.get(block * inner..(block + 1) * inner)?.iter().map(marks));
        }
    }
    Plan { movement: Places(places), dims }.fold(&[values])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn an_axis_is_added() {
        let graph = "g (int64[N,L] i) => (y, z) <int64 d = {5}, float f = {7}, float[2] v = {0, 1}> { y = OneHot(i, d, v) z = OneHot <axis = 0> (i, f, v) }";
        assert_eq!(facts_of(graph), "float[N,L,5]; float[7,N,L]");
    }

    #[test]
    fn folds() {
        let graph = "g () => (y) <int64[3] i = {1, -1, 9}, int64 d = {2}, int32[2] v = {3, 4}> { y = OneHot <axis = AXIS> (i, d, v) }";
        assert_eq!(folded(&graph.replace("AXIS", "-1")), "int32[3,2] = {3, 4, 3, 4, 3, 3}");
        assert_eq!(folded(&graph.replace("AXIS", "0")), "int32[2,3] = {3, 3, 3, 4, 4, 3}");
    }
}
