//! Arithmetic of two operands (ONNX `Add`, `Sub`, `Mul`, `Div`, `Mod`, `Pow`, `Min`, `Max`, `BitShift`, `Bitwise*`).

use super::{
    broadcast::Broadcast,
    numbers::{Numbers, operand, range},
};
use crate::Fold;
use shrinx_ir::Tensor;

/// An operation on two numbers, for each of the types that numbers are widened to.
pub(crate) struct Operation {
    /// Whether an integer result that does not fit wraps; else the kernel declines.
    wraps: bool,
    pub(crate) integer: fn(i128, i128) -> Option<i128>,
    pub(crate) single: fn(f32, f32) -> Option<f32>,
    pub(crate) double: fn(f64, f64) -> Option<f64>,
}

macro_rules! operation {
    ($wraps:literal, $integer:expr, |$a:ident, $b:ident| $float:expr) => {
        Operation { wraps: $wraps, integer: $integer, single: |$a: f32, $b: f32| $float, double: |$a: f64, $b: f64| $float }
    };
    ($wraps:literal, $integer:expr) => {
        Operation { wraps: $wraps, integer: $integer, single: |_, _| None, double: |_, _| None }
    };
}

pub(crate) const ADD: Operation = operation!(true, |a, b| a.checked_add(b), |a, b| Some(a + b));
pub(crate) const SUB: Operation = operation!(true, |a, b| a.checked_sub(b), |a, b| Some(a - b));
pub(crate) const MUL: Operation = operation!(true, |a, b| Some(a.wrapping_mul(b)), |a, b| Some(a * b));
pub(crate) const DIV: Operation = operation!(false, |a, b| a.checked_div(b), |a, b| Some(a / b));
/// With the sign of the divisor. Runtimes disagree about floats.
pub(crate) const MOD: Operation = operation!(true, |a, b| a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }));
/// With the sign of the dividend, as C's `fmod`.
pub(crate) const FMOD: Operation = operation!(true, |a, b| a.checked_rem(b), |a, b| if a == 0.0 { None } else { Some(a % b) });
/// Up to where a double, in which runtimes compute it, is exact.
pub(crate) const POW: Operation = operation!(false, |a, b| a.checked_pow(u32::try_from(b).ok()?).filter(|p| p.unsigned_abs() <= 1 << 53));
pub(crate) const MIN: Operation = operation!(false, |a, b| Some(a.min(b)), |a, b| pick(a, b, a < b));
pub(crate) const MAX: Operation = operation!(false, |a, b| Some(a.max(b)), |a, b| pick(a, b, a > b));
pub(crate) const AND: Operation = operation!(false, |a, b| Some(a & b));
pub(crate) const OR: Operation = operation!(false, |a, b| Some(a | b));
pub(crate) const XOR: Operation = operation!(false, |a, b| Some(a ^ b));
pub(crate) const SHIFT_LEFT: Operation = operation!(true, |a, b| Some(a << u32::try_from(b).ok()?));
pub(crate) const SHIFT_RIGHT: Operation = operation!(true, |a, b| Some(a >> u32::try_from(b).ok()?));

/// Floats as far as minimum and maximum need to know them.
pub(crate) trait Float: Copy + PartialEq {
    const NAN: Self;
    fn is_negative(self) -> bool;
}

impl Float for f32 {
    const NAN: Self = Self::NAN;
    fn is_negative(self) -> bool {
        self.is_sign_negative()
    }
}

impl Float for f64 {
    const NAN: Self = Self::NAN;
    fn is_negative(self) -> bool {
        self.is_sign_negative()
    }
}

/// `a` where it is the first, else `b`; NaN prevails. Of zeros with different signs runtimes choose differently.
#[expect(clippy::eq_op, reason = "NaN is what differs from itself")]
pub(crate) fn pick<T: Float>(a: T, b: T, first: bool) -> Option<T> {
    if a != a || b != b {
        return Some(T::NAN);
    }
    (a != b || a.is_negative() == b.is_negative()).then_some(if first { a } else { b })
}

/// The operation on all pairs of elements of two tensors of one type.
pub(crate) fn combine(fold: &Fold<'_>, a: &Tensor, b: &Tensor, op: &Operation) -> Option<Tensor> {
    // Before opset 7 an attribute told how the second input stretches.
    if a.dtype != b.dtype || (fold.call.opset < 7 && a.dims != b.dims) {
        return None;
    }
    let walk = Broadcast::new([&a.dims, &b.dims])?;
    let dims = fold.affordable(walk.dims.clone())?;
    let numbers = match (Numbers::of(a)?, Numbers::of(b)?) {
        (Numbers::Integers(x), Numbers::Integers(y)) => {
            let (low, high) = range(a.dtype)?;
            let fits = |z: &i128| op.wraps || (low..=high).contains(z);
            Numbers::Integers(walk.cells().map(|[i, j]| (op.integer)(x[i], y[j]).filter(fits)).collect::<Option<_>>()?)
        }
        (Numbers::Singles(x), Numbers::Singles(y)) => {
            Numbers::Singles(walk.cells().map(|[i, j]| (op.single)(x[i], y[j])).collect::<Option<_>>()?)
        }
        (Numbers::Doubles(x), Numbers::Doubles(y)) => {
            Numbers::Doubles(walk.cells().map(|[i, j]| (op.double)(x[i], y[j])).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    numbers.into_tensor(a.dtype, dims)
}

/// The operation on two inputs.
pub(crate) fn binary(fold: &Fold<'_>, op: &Operation) -> Option<Vec<Tensor>> {
    Some(vec![combine(fold, operand(fold, 0)?, operand(fold, 1)?, op)?])
}

/// The operation on all inputs, from the left.
pub(crate) fn variadic(fold: &Fold<'_>, op: &Operation) -> Option<Vec<Tensor>> {
    let first = operand(fold, 0)?.clone();
    let rest = 1..fold.inputs.len();
    Some(vec![rest.into_iter().try_fold(first, |sum, port| combine(fold, &sum, operand(fold, port)?, op))?])
}

/// `Sum`. Of more than two floats the order of additions is not told.
pub(crate) fn sum(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    if fold.inputs.len() > 2 { None } else { variadic(fold, &ADD) }
}

/// `Mod`, in the way that `fmod` tells.
pub(crate) fn modulo(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    binary(fold, if fold.call.int("fmod").unwrap_or(0) == 0 { &MOD } else { &FMOD })
}

/// `BitShift` by less than the width of the type.
pub(crate) fn shift(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let Numbers::Integers(by) = Numbers::of(operand(fold, 1)?)? else { return None };
    let width = i128::from(fold.input(0)?.dtype.bits());
    if by.iter().any(|y| !(0..width).contains(y)) {
        return None;
    }
    match fold.call.string("direction")? {
        "LEFT" => binary(fold, &SHIFT_LEFT),
        "RIGHT" => binary(fold, &SHIFT_RIGHT),
        _ => None,
    }
}

/// `Clip`: bounds from attributes before opset 11, from inputs since. Runtimes disagree about NaN and infinities.
pub(crate) fn clip(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let mut x = operand(fold, 0)?.clone();
    for (port, name, op) in [(1, "min", &MAX), (2, "max", &MIN)] {
        let bound = if fold.call.opset < 11 {
            match fold.call.float(name) {
                Some(bound) => Numbers::Singles(vec![bound]).into_tensor(x.dtype, vec![])?,
                None => continue,
            }
        } else if fold.has_input(port) {
            operand(fold, port)?.clone()
        } else {
            continue;
        };
        if bound.len() != 1 || !Numbers::of(&x)?.is_finite() || !Numbers::of(&bound)?.is_finite() {
            return None;
        }
        x = combine(fold, &x, &Tensor { dims: vec![], ..bound }, op)?;
    }
    Some(vec![x])
}

/// `Relu`, likewise.
pub(crate) fn relu(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let x = operand(fold, 0)?;
    let numbers = Numbers::of(x)?;
    let zero = match &numbers {
        Numbers::Integers(_) => Numbers::Integers(vec![0]),
        Numbers::Singles(_) => Numbers::Singles(vec![0.0]),
        Numbers::Doubles(_) => Numbers::Doubles(vec![0.0]),
    };
    if numbers.is_finite() { Some(vec![combine(fold, x, &zero.into_tensor(x.dtype, vec![])?, &MAX)?]) } else { None }
}
