//! `Unique`: elements, or slices along an axis, each but once.

use crate::{
    Fact, Fold, Inference, Inferred, OpSpec,
    call::normal_axis,
    kernels::{Grid, Movement, carry, elements::count, relabel},
};
use shrinx_ir::{DataType, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("Unique", unique).folds(fold)];

fn unique(cx: &mut Inference<'_>) -> Inferred {
    let found = cx.fresh();
    let (shape, length) = match (cx.call.int("axis"), cx.shape(0)) {
        (None, Some(shape)) => (Some(vec![found.clone()]), cx.product(&shape)),
        (None, None) => (Some(vec![found.clone()]), cx.fresh()),
        (Some(_), Some(mut shape)) => {
            let axis = cx.axis("axis", 0, shape.len())?;
            let length = std::mem::replace(&mut shape[axis], found.clone());
            (Some(shape), length)
        }
        (Some(_), None) => (None, cx.fresh()),
    };
    let list = |length: Dim| Fact::new(Some(DataType::Int64), Some(vec![length]));
    Ok(vec![Fact::new(cx.dtype(0), shape), list(found.clone()), list(length), list(found)])
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let input = fold.input(0)?;
    let (input, axis) = match fold.call.int("axis") {
        Some(axis) => (input.clone(), normal_axis(axis, input.rank())?),
        None => (relabel(input, vec![count(&input.dims)? as u64])?, 0),
    };
    fold.affordable(input.dims.clone()).filter(|dims| !dims.contains(&0))?;
    let groups = groups(&slices(&input, axis)?, fold.call.int("sorted").unwrap_or(1) != 0);
    let firsts: Vec<i64> = groups.iter().map(|g| g[0] as i64).collect();
    let counts: Vec<i64> = groups.iter().map(|g| g.len() as i64).collect();
    let mut inverse = vec![0; input.dims[axis] as usize];
    for (k, group) in groups.iter().enumerate() {
        for member in group {
            inverse[*member] = k as i64;
        }
    }
    let movement = Grid::of(&input.dims)?.picked(axis, groups.iter().map(|g| Some(g[0])))?;
    let found = carry(&movement, &[&input], movement.dims())?;
    Some(vec![found, Tensor::vector_i64(&firsts), Tensor::vector_i64(&inverse), Tensor::vector_i64(&counts)])
}

/// The slices along an axis, as numbers that compare as their elements do.
fn slices(input: &Tensor, axis: usize) -> Option<Vec<Vec<i64>>> {
    let order: Vec<usize> = [axis].into_iter().chain((0..axis).chain(axis + 1..input.rank())).collect();
    let numbers = Grid::of(&input.dims)?.permuted(&order)?.apply(&[&ordered(input)?])?;
    let slice = numbers.len().checked_div(usize::try_from(input.dims[axis]).ok()?)?;
    Some(numbers.chunks(slice.max(1)).map(<[i64]>::to_vec).collect())
}

/// `None` for numbers of which equal ones have different bits, and those that are no numbers.
fn ordered(input: &Tensor) -> Option<Vec<i64>> {
    if input.dtype != DataType::Uint64
        && let Some(integers) = input.to_integers()
    {
        return Some(integers);
    }
    let number = |x: f64| {
        let bits = x.to_bits() as i64;
        let plain = !x.is_nan() && (x != 0.0 || bits == 0);
        plain.then_some(if bits < 0 { bits ^ i64::MAX } else { bits })
    };
    input.to_f64()?.into_iter().map(number).collect()
}

/// The places of equal slices together; the groups by content, or by their first place.
fn groups(slices: &[Vec<i64>], sorted: bool) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..slices.len()).collect();
    places.sort_by_key(|k| &slices[*k]);
    let mut groups: Vec<Vec<usize>> = places.chunk_by(|a, b| slices[*a] == slices[*b]).map(<[usize]>::to_vec).collect();
    if !sorted {
        groups.sort_by_key(|group| group[0]);
    }
    groups
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn the_number_is_one_symbol() {
        assert_eq!(
            facts_of("g (float[N,3] x) => (y, i, v, c) { y, i, v, c = Unique <axis = 0> (x) }"),
            "float[?1,3]; int64[?1]; int64[N]; int64[?1]"
        );
    }

    #[test]
    fn folds() {
        let unique = |sorted: i64| {
            folded(&format!("g () => (y, i, v, c) <float[4] x = {{2, -1, 2, 0}}> {{ y, i, v, c = Unique <sorted = {sorted}> (x) }}"))
        };
        assert_eq!(unique(1), "float[3] = {-1, 0, 2}; int64[3] = {1, 3, 0}; int64[4] = {2, 0, 2, 1}; int64[3] = {1, 1, 2}");
        assert_eq!(unique(0), "float[3] = {2, -1, 0}; int64[3] = {0, 1, 3}; int64[4] = {0, 1, 0, 2}; int64[3] = {2, 1, 1}");
    }
}
