//! `Range`: evenly spaced numbers.

use crate::{Fact, Fold, InferError, Inference, Inferred, OpSpec};
use shrinx_ir::{DataType, Derived, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("Range", range).folds(fold)];

fn range(cx: &mut Inference<'_>) -> Inferred {
    let dtype = (0..3).find_map(|port| cx.dtype(port));
    let scalar = |port| match cx.contents(port)?.as_slice() {
        [number] => Some(number.clone()),
        _ => None,
    };
    let (Some(start), Some(limit), Some(Dim::Known(delta))) = (scalar(0), scalar(1), scalar(2)) else {
        let numbers = scalars(|port| cx.constant(port)?.to_f64());
        let steps = numbers.zip(dtype).and_then(|(numbers, dtype)| float_steps(dtype, numbers));
        let length = steps.map_or_else(|| cx.fresh(), |n| Dim::Known(n as i64));
        return Ok(vec![Fact::new(dtype, Some(vec![length]))]);
    };
    let length = length(cx, &start, &limit, delta)?;
    let contents = length.known().filter(|n| *n <= Fact::MAX_CONTENTS as i64).and_then(|n| {
        let at = |k: i64| start.add(&Dim::Known(k.checked_mul(delta)?));
        (0..n).map(at).collect()
    });
    Ok(vec![Fact::new(dtype, Some(vec![length])).with_contents(contents)])
}

/// `max(0, ⌈(limit − start) / delta⌉)`
fn length(cx: &mut Inference<'_>, start: &Dim, limit: &Dim, delta: i64) -> Result<Dim, InferError> {
    let Some(step) = delta.checked_abs() else { return Ok(cx.fresh()) };
    if step == 0 {
        return Err(InferError("a range in steps of 0".into()));
    }
    let distance = if delta > 0 { cx.sub(limit, start) } else { cx.sub(start, limit) };
    let distance = cx.max(&distance, &Dim::Known(0));
    let raised = cx.add(&distance, &Dim::Known(step - 1));
    Ok(cx.derive(Derived::FloorDiv, &raised, &Dim::Known(step)))
}

/// The length of a range of floating point numbers, where its rounding is not disputed: ONNX divides in float32, ONNX Runtime in float64.
fn float_steps(dtype: DataType, [start, limit, delta]: [f64; 3]) -> Option<usize> {
    let distance = match dtype {
        DataType::Float => f64::from(limit as f32 - start as f32),
        DataType::Double => limit - start,
        _ => return None,
    };
    let (narrow, wide) = ((distance as f32 / delta as f32).ceil(), (distance / delta).ceil());
    (wide.is_finite() && f64::from(narrow) == wide).then_some(wide.max(0.0) as usize)
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dtype = fold.input(0)?.dtype;
    if (1..3).any(|port| fold.input(port).is_none_or(|t| t.dtype != dtype)) {
        return None;
    }
    if dtype.is_float() {
        let numbers = scalars(|port| fold.input(port)?.to_f64())?;
        let steps = float_steps(dtype, numbers)?;
        fold.affordable(vec![steps as u64])?;
        return Some(vec![Tensor::from_f64(dtype, [steps as u64], &floats(dtype, numbers, steps)?)?]);
    }
    let [start, limit, delta] = scalars(|port| fold.integers(port))?;
    let (distance, step) = (i128::from(limit) - i128::from(start), i128::from(delta));
    let steps = (distance.abs() + step.abs() - 1).checked_div(step.abs())?;
    let steps = if (distance > 0) == (step > 0) { u64::try_from(steps).ok()? } else { 0 };
    fold.affordable(vec![steps])?;
    let numbers: Option<Vec<i64>> = (0..steps as i64).map(|k| start.checked_add(k.checked_mul(delta)?)).collect();
    Some(vec![Tensor::from_integers(dtype, [steps], &numbers?)?])
}

/// The numbers, where it makes no difference whether each is the one before it plus `delta`, as in ONNX Runtime, or `start + k·delta`, as in ONNX.
fn floats(dtype: DataType, [start, _, delta]: [f64; 3], steps: usize) -> Option<Vec<f64>> {
    let round = |x: f64| if dtype == DataType::Float { f64::from(x as f32) } else { x };
    let mut next = start;
    let number = |k: usize| {
        let number = round(start + round(k as f64 * delta));
        let agreed = number == next;
        next = round(next + delta);
        agreed.then_some(number)
    };
    (0..steps).map(number).collect()
}

fn scalars<T: Copy>(list: impl Fn(usize) -> Option<Vec<T>>) -> Option<[T; 3]> {
    let one = |port| list(port).filter(|l| l.len() == 1).map(|l| l[0]);
    Some([one(0)?, one(1)?, one(2)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn lengths_depend_on_shapes() {
        let graph = "g (float[N,4] x) => (y, z) <int64 zero = {0}, int64 one = {1}, int64 two = {2}> {
            s = Shape(x)
            n = Gather(s, zero)
            c = Gather(s, one)
            y = Range(zero, n, two)
            z = Range(zero, c, one)
        }";
        assert_eq!(facts_of(graph), "int64[⌊(N + 1)/(2)⌋]; int64[4] = {0, 1, 2, 3}");
        assert_eq!(facts_of("g () => (y) <float a = {0}, float b = {1}, float d = {0.25}> { y = Range(a, b, d) }"), "float[4]");
    }

    #[test]
    fn folds_undisputed_numbers() {
        let range = |kind: &str, [start, limit, delta]: [&str; 3]| {
            folded(&format!(
                "g () => (y) <{kind} a = {{{start}}}, {kind} b = {{{limit}}}, {kind} d = {{{delta}}}> {{ y = Range(a, b, d) }}"
            ))
        };
        assert_eq!(range("int32", ["5", "0", "-2"]), "int32[3] = {5, 3, 1}");
        assert_eq!(range("int64", ["0", "-3", "1"]), "int64[0] = {}");
        assert_eq!(range("float", ["0", "1", "0.25"]), "float[4] = {0, 0.25, 0.5, 0.75}");
        assert_eq!(range("float", ["0", "1", "0.1"]), "?");
        assert_eq!(range("int64", ["0", "1", "0"]), "?");
        assert_eq!(range("int64", ["-9223372036854775808", "9223372036854775807", "1"]), "?");
    }
}
