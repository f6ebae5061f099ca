//! Reductions and running sums that are exact (ONNX `Reduce*`, `CumSum`, `CumProd`).

use super::{
    arithmetic::{MAX, MIN, Operation},
    broadcast::Broadcast,
    numbers::{Numbers, operand, range},
};
use crate::{Fold, call::normal_axis};
use shrinx_ir::Tensor;

/// A reduction of integers, and a running one.
pub(crate) struct Reduction {
    /// What each element becomes first.
    pub(crate) map: fn(i128) -> i128,
    /// The result over nothing.
    pub(crate) empty: i128,
    /// How two results become one.
    pub(crate) join: fn(i128, i128) -> i128,
}

pub(crate) const SUM: Reduction = Reduction { map: |x| x, empty: 0, join: i128::wrapping_add };
pub(crate) const PRODUCT: Reduction = Reduction { map: |x| x, empty: 1, join: i128::wrapping_mul };
pub(crate) const L1: Reduction = Reduction { map: i128::abs, empty: 0, join: i128::wrapping_add };
pub(crate) const SQUARES: Reduction = Reduction { map: |x| x.wrapping_mul(x), empty: 0, join: i128::wrapping_add };

/// Which axes of a tensor are reduced. No axes mean all, unless `noop`. `None` where one is out of range.
pub(crate) fn reduced_axes(axes: &[i64], noop: bool, rank: usize) -> Option<Vec<bool>> {
    let mut reduced = vec![axes.is_empty() && !noop; rank];
    for axis in axes {
        *reduced.get_mut(normal_axis(*axis, rank)?)? = true;
    }
    Some(reduced)
}

/// The input, its shape with reduced axes of length 1, and the shape of the output.
fn frame<'a>(fold: &Fold<'a>, moved: i64) -> Option<(&'a Tensor, Vec<u64>, Vec<u64>)> {
    let x = operand(fold, 0)?;
    let axes = if fold.call.opset < moved {
        fold.call.ints("axes").unwrap_or_default().to_vec()
    } else if fold.has_input(1) {
        fold.integers(1)?
    } else {
        Vec::new()
    };
    let reduced = reduced_axes(&axes, fold.call.int("noop_with_empty_axes").unwrap_or(0) != 0, x.rank())?;
    let kept: Vec<u64> = x.dims.iter().zip(&reduced).map(|(d, r)| if *r { 1 } else { *d }).collect();
    let pruned = x.dims.iter().zip(&reduced).filter(|(_, r)| !**r).map(|(d, _)| *d).collect();
    let dims = if fold.call.int("keepdims").unwrap_or(1) != 0 { kept.clone() } else { pruned };
    fold.affordable(kept.clone())?;
    Some((x, kept, dims))
}

/// A reduction of integers, whose axes are an input from opset `moved` on. Runtimes may compute in doubles, so that they agree only where those are exact
/// and the result fits its type.
pub(crate) fn reduce(fold: &Fold<'_>, moved: i64, reduction: &Reduction) -> Option<Vec<Tensor>> {
    let (x, kept, dims) = frame(fold, moved)?;
    let Numbers::Integers(all) = Numbers::of(x)? else { return None };
    let mut out = vec![reduction.empty; kept.iter().product::<u64>() as usize];
    // Each kept cell, stretched to the input's shape, meets the elements that it gathers.
    for [i, o] in Broadcast::new([&x.dims, &kept])?.cells() {
        out[o] = (reduction.join)(out[o], (reduction.map)(all[i]));
        if out[o].unsigned_abs() > 1 << 53 {
            return None;
        }
    }
    let (low, high) = range(x.dtype)?;
    if !out.iter().all(|n| (low..=high).contains(n)) {
        return None;
    }
    Some(vec![Numbers::Integers(out).into_tensor(x.dtype, dims)?])
}

/// `ReduceMax`.
pub(crate) fn max(fold: &Fold<'_>, moved: i64) -> Option<Vec<Tensor>> {
    extreme(fold, moved, &MAX)
}

/// `ReduceMin`.
pub(crate) fn min(fold: &Fold<'_>, moved: i64) -> Option<Vec<Tensor>> {
    extreme(fold, moved, &MIN)
}

/// Runtimes disagree about NaN, and about nothing to choose from.
fn extreme(fold: &Fold<'_>, moved: i64, op: &Operation) -> Option<Vec<Tensor>> {
    let (x, kept, dims) = frame(fold, moved)?;
    let walk = Broadcast::new([&x.dims, &kept])?;
    let count = kept.iter().product::<u64>() as usize;
    let numbers = match Numbers::of(x)? {
        Numbers::Integers(all) => Numbers::Integers(gather(&walk, count, &all, op.integer)?),
        Numbers::Singles(all) if !all.iter().any(|x| x.is_nan()) => Numbers::Singles(gather(&walk, count, &all, op.single)?),
        Numbers::Doubles(all) if !all.iter().any(|x| x.is_nan()) => Numbers::Doubles(gather(&walk, count, &all, op.double)?),
        Numbers::Singles(_) | Numbers::Doubles(_) => return None,
    };
    Some(vec![numbers.into_tensor(x.dtype, dims)?])
}

fn gather<T: Copy>(walk: &Broadcast<2>, count: usize, all: &[T], join: fn(T, T) -> Option<T>) -> Option<Vec<T>> {
    let mut out = vec![None; count];
    for [i, o] in walk.cells() {
        out[o] = Some(match out[o] {
            None => all[i],
            Some(best) => join(best, all[i])?,
        });
    }
    out.into_iter().collect()
}

/// `CumSum` and `CumProd` of integers; they wrap.
pub(crate) fn running(fold: &Fold<'_>, reduction: &Reduction) -> Option<Vec<Tensor>> {
    let x = operand(fold, 0)?;
    let Numbers::Integers(mut all) = Numbers::of(x)? else { return None };
    let [axis] = fold.integers(1)?[..] else { return None };
    let axis = normal_axis(axis, x.rank())?;
    let length = x.dims[axis] as usize;
    let inner = x.dims[axis + 1..].iter().product::<u64>() as usize;
    let flag = |name| fold.call.int(name).unwrap_or(0) != 0;
    for line in 0..all.len().checked_div(length).unwrap_or(0) {
        let start = line / inner * inner * length + line % inner;
        let mut sum = reduction.empty;
        for step in 0..length {
            let at = start + inner * if flag("reverse") { length - 1 - step } else { step };
            let next = (reduction.join)(sum, all[at]);
            all[at] = if flag("exclusive") { sum } else { next };
            sum = next;
        }
    }
    Some(vec![Numbers::Integers(all).into_tensor(x.dtype, x.dims.clone())?])
}
