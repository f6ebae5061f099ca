//! Comparisons and choice (ONNX `Equal`, `Less`, `Greater` and their kin, `Where`).

use super::{
    broadcast::Broadcast,
    numbers::{Numbers, operand},
};
use crate::Fold;
use shrinx_ir::{DataType, Tensor, TensorData};
use std::{cmp::Ordering, sync::Arc};

/// Bools that tell for which pairs of elements `holds`; NaN compares to nothing.
pub(crate) fn compare(fold: &Fold<'_>, holds: fn(Ordering) -> bool) -> Option<Vec<Tensor>> {
    let (a, b) = (operand(fold, 0)?, operand(fold, 1)?);
    if a.dtype != b.dtype || (fold.call.opset < 7 && a.dims != b.dims) {
        return None;
    }
    let walk = Broadcast::new([&a.dims, &b.dims])?;
    let dims = fold.affordable(walk.dims.clone())?;
    let tell = |order: Option<Ordering>| i64::from(order.is_some_and(holds));
    let found: Vec<i64> = if let (TensorData::Strings(x), TensorData::Strings(y)) = (&a.data, &b.data) {
        walk.cells().map(|[i, j]| Some(tell(Some(x.get(i)?.cmp(y.get(j)?))))).collect::<Option<_>>()?
    } else {
        match (Numbers::of(a)?, Numbers::of(b)?) {
            (Numbers::Integers(x), Numbers::Integers(y)) => walk.cells().map(|[i, j]| tell(x[i].partial_cmp(&y[j]))).collect(),
            (Numbers::Singles(x), Numbers::Singles(y)) => walk.cells().map(|[i, j]| tell(x[i].partial_cmp(&y[j]))).collect(),
            (Numbers::Doubles(x), Numbers::Doubles(y)) => walk.cells().map(|[i, j]| tell(x[i].partial_cmp(&y[j]))).collect(),
            _ => return None,
        }
    };
    Some(vec![Tensor::from_integers(DataType::Bool, dims, &found)?])
}

/// `Where`: elements are moved, bit by bit.
pub(crate) fn choose(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let (condition, x, y) = (operand(fold, 0)?, operand(fold, 1)?, operand(fold, 2)?);
    if condition.dtype != DataType::Bool || x.dtype != y.dtype {
        return None;
    }
    let walk = Broadcast::new([&condition.dims, &x.dims, &y.dims])?;
    let dims = fold.affordable(walk.dims.clone())?;
    let condition = condition.to_bytes().filter(|c| c.len() == condition.len())?;
    if let (TensorData::Strings(xs), TensorData::Strings(ys)) = (&x.data, &y.data) {
        let chosen = walk.cells().map(|[c, i, j]| if condition[c] != 0 { xs.get(i) } else { ys.get(j) }.cloned());
        let data = TensorData::Strings(Arc::new(chosen.collect::<Option<_>>()?));
        return Some(vec![Tensor { data, ..Tensor::raw(x.dtype, dims, Vec::new()) }]);
    }
    let width = x.dtype.bits() as usize / 8;
    let (xs, ys) = (x.to_bytes()?, y.to_bytes()?);
    if !x.dtype.bits().is_multiple_of(8) || xs.len() != x.len() * width || ys.len() != y.len() * width {
        return None;
    }
    let at = |c: usize, i: usize, j: usize| if condition[c] != 0 { &xs[i * width..][..width] } else { &ys[j * width..][..width] };
    let mut bytes = Vec::with_capacity(walk.len()? * width);
    walk.cells().for_each(|[c, i, j]| bytes.extend_from_slice(at(c, i, j)));
    Some(vec![Tensor::raw(x.dtype, dims, bytes)])
}
