//! Functions of one number (ONNX `Neg`, `Abs`, `Sign`, `Floor`, `Ceil`, `Round`, `Sqrt`, `Reciprocal`, `BitwiseNot`, `Not`, `IsNaN`, `IsInf`).

use super::numbers::{Numbers, operand};
use crate::Fold;
use shrinx_ir::{DataType, Tensor};

/// A function of one number, for each of the types that numbers are widened to.
pub(crate) struct Function {
    integer: fn(i128) -> Option<i128>,
    single: fn(f32) -> Option<f32>,
    double: fn(f64) -> Option<f64>,
}

macro_rules! function {
    ($integer:expr, |$x:ident| $float:expr) => {
        Function { integer: $integer, single: |$x: f32| $float, double: |$x: f64| $float }
    };
}

pub(crate) const NEG: Function = function!(|x| Some(-x), |x| Some(-x));
pub(crate) const ABS: Function = function!(|x| Some(x.abs()), |x| Some(x.abs()));
/// Of NaN and of a negative zero runtimes disagree.
pub(crate) const SIGN: Function = function!(|x| Some(x.signum()), |x| {
    if x > 0.0 {
        Some(1.0)
    } else if x < 0.0 {
        Some(-1.0)
    } else {
        (!x.is_nan() && x.is_sign_positive()).then_some(x)
    }
});
pub(crate) const FLOOR: Function = function!(|_| None, |x| Some(x.floor()));
pub(crate) const CEIL: Function = function!(|_| None, |x| Some(x.ceil()));
pub(crate) const ROUND: Function = function!(|_| None, |x| Some(x.round_ties_even()));
pub(crate) const SQRT: Function = function!(|_| None, |x| Some(x.sqrt()));
pub(crate) const RECIPROCAL: Function = function!(|_| None, |x| Some(1.0 / x));
pub(crate) const BITWISE_NOT: Function = function!(|x| Some(!x), |_x| None);
pub(crate) const NOT: Function = function!(|x| (0..=1).contains(&x).then_some(1 - x), |_x| None);

/// The function of each element of the first input.
pub(crate) fn map(fold: &Fold<'_>, function: &Function) -> Option<Vec<Tensor>> {
    let x = operand(fold, 0)?;
    let numbers = match Numbers::of(x)? {
        Numbers::Integers(all) => Numbers::Integers(all.into_iter().map(function.integer).collect::<Option<_>>()?),
        Numbers::Singles(all) => Numbers::Singles(all.into_iter().map(function.single).collect::<Option<_>>()?),
        Numbers::Doubles(all) => Numbers::Doubles(all.into_iter().map(function.double).collect::<Option<_>>()?),
    };
    Some(vec![numbers.into_tensor(x.dtype, x.dims.clone())?])
}

/// `IsNaN`.
pub(crate) fn is_nan(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    classify(fold, f64::is_nan)
}

/// `IsInf`: of which signs, two attributes tell.
pub(crate) fn is_infinite(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let detects = |name| fold.call.int(name).unwrap_or(1) != 0;
    let (negative, positive) = (detects("detect_negative"), detects("detect_positive"));
    classify(fold, |x| x.is_infinite() && if x < 0.0 { negative } else { positive })
}

fn classify(fold: &Fold<'_>, test: impl Fn(f64) -> bool) -> Option<Vec<Tensor>> {
    let x = operand(fold, 0)?;
    let found: Vec<i64> = x.to_f64()?.into_iter().map(|x| i64::from(test(x))).collect();
    Some(vec![Tensor::from_integers(DataType::Bool, x.dims.clone(), &found)?])
}
