//! `Slice`: part of some axes, forwards or backwards.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec, QuantRule,
    channels::movement,
    infer::{Unknown, distinct_axes},
    kernels::Grid,
    shrink,
    site::{Plan, Site, moved},
};
use shrinx_ir::{Derived, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] =
    &[OpSpec::new("Slice", slice).cuts(movement::SLICE).shrinks(shrink::slice).quant(QuantRule::MOVES).folds(fold)];

/// Exporters write numbers from here on for "to the end".
const ENDLESS: i64 = i32::MAX as i64;

fn slice(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.shape(0) {
        Some(from) => Some(cut(cx, from)?),
        None => None,
    };
    let contents = moved(cx, plan);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

fn cut(cx: &mut Inference<'_>, mut shape: Vec<Dim>) -> Result<Vec<Dim>, InferError> {
    let (starts, ends) = (bounds(cx, "starts", 1), bounds(cx, "ends", 2));
    let steps = steps(cx);
    let given = [&starts, &ends].into_iter().flatten().map(Vec::len).next().or_else(|| cx.list_length(1));
    let Some(axes) = axes(cx, given)? else { return Ok(cx.fresh_shape(shape.len())) };
    let entry = |list: &Option<Vec<Dim>>, k: usize| list.as_ref().and_then(|l| l.get(k)).cloned();
    for (k, axis) in distinct_axes(&axes, shape.len())?.into_iter().enumerate() {
        let step = match &steps {
            Ok(steps) => steps.as_ref().map_or(Some(1), |s| s.get(k).copied()),
            Err(Unknown) => None,
        };
        shape[axis] = match (entry(&starts, k), entry(&ends, k), step) {
            (_, _, Some(0)) => return Err(InferError("a step of 0".into())),
            (Some(start), Some(end), Some(step)) => length(cx, &shape[axis], &start, &end, step),
            _ => cx.fresh(),
        };
    }
    Ok(shape)
}

fn bounds(cx: &Inference<'_>, name: &str, port: usize) -> Option<Vec<Dim>> {
    if cx.call.opset < 10 { Some(cx.call.ints(name)?.iter().copied().map(Dim::Known).collect()) } else { cx.contents(port) }
}

pub(crate) fn steps(site: &impl Site) -> Result<Option<Vec<i64>>, Unknown> {
    // Opsets before 10 know no steps, and a stray attribute of that name means nothing.
    if site.call().opset < 10 { Ok(None) } else { site.list("steps", 4, 10) }
}

/// The axes that are sliced; by default the first ones, as many as there are starts.
pub(crate) fn axes(site: &impl Site, starts: Option<usize>) -> Result<Option<Vec<i64>>, InferError> {
    match site.list("axes", 3, 10) {
        Ok(Some(axes)) if starts.is_some_and(|n| n != axes.len()) => {
            Err(InferError(format!("{} axes are sliced, and bounds given for others", axes.len())))
        }
        Ok(Some(axes)) => Ok(Some(axes)),
        Ok(None) => Ok(starts.map(|n| (0..n as i64).collect())),
        Err(Unknown) => Ok(None),
    }
}

/// How many places lie between two bounds on an axis of length `whole`.
fn length(cx: &mut Inference<'_>, whole: &Dim, start: &Dim, end: &Dim, step: i64) -> Dim {
    if let (Some(whole), Some(start), Some(end)) = (whole.known(), start.known(), end.known()) {
        return span(whole, start, end, step).map_or_else(|| cx.fresh(), |(_, len)| Dim::Known(len));
    }
    let endless = end.known().is_some_and(|n| n >= ENDLESS);
    let (Some(start), Some(end), Some(size)) = (placed(cx, whole, start), placed(cx, whole, end), step.checked_abs()) else {
        return cx.fresh();
    };
    let backwards = step < 0;
    if backwards && (endless || !cx.symbols().ordered(&Dim::Known(0), &start)) {
        return cx.fresh();
    }
    // Backwards, the start becomes one past the first element, and the end the last: so that both are bounds forwards.
    let [start, end] = [start, end].map(|place| {
        let place = cx.add(&place, &Dim::Known(i64::from(backwards)));
        let place = cx.max(&place, &Dim::Known(0));
        cx.min(&place, whole)
    });
    let distance = if backwards { cx.sub(&start, &end) } else { cx.sub(&end, &start) };
    let distance = cx.max(&distance, &Dim::Known(0));
    let raised = cx.add(&distance, &Dim::Known(size - 1));
    cx.derive(Derived::FloorDiv, &raised, &Dim::Known(size))
}

/// A bound, counted from the front; `None` where it is not known from which side it counts.
fn placed(cx: &mut Inference<'_>, whole: &Dim, bound: &Dim) -> Option<Dim> {
    match bound {
        Dim::Known(n) if *n >= ENDLESS => return Some(whole.clone()),
        Dim::Known(n) if *n <= -ENDLESS => return Some(Dim::Known(-1)),
        Dim::Known(_) | Dim::Symbol(_) | Dim::Expr(_) => {}
    }
    if cx.symbols().ordered(&Dim::Known(0), bound) {
        Some(bound.clone())
    } else if cx.symbols().ordered(bound, &Dim::Known(-1)) {
        Some(cx.add(whole, bound))
    } else {
        None
    }
}

/// The first place and the number of places between two bounds, all being numbers. `None` where runtimes differ: see [`disputed`].
pub(crate) fn span(whole: i64, start: i64, end: i64, step: i64) -> Option<(i64, i64)> {
    let whole = Some(whole).filter(|n| *n >= 0)?;
    let from_front = |n: i64| if n < 0 { n.saturating_add(whole) } else { n };
    let (first, distance) = if step > 0 {
        let first = from_front(start).clamp(0, whole);
        (first, from_front(end).clamp(0, whole) - first)
    } else if whole == 0 {
        (0, 0)
    } else if disputed(from_front(start), end) {
        return None;
    } else {
        let first = from_front(start).min(whole - 1);
        (first, first - from_front(end).clamp(-1, whole - 1))
    };
    let step = step.checked_abs()?;
    Some((first, distance.max(0).checked_add(step - 1)?.checked_div(step)?))
}

/// Whether ONNX Runtime and numpy disagree on what a slice backwards from `start` to `end` is: before the first element, or to "the end".
fn disputed(start: i64, end: i64) -> bool {
    start < 0 || end >= ENDLESS
}

fn plan(site: &impl Site) -> Option<Plan<Grid>> {
    let dims = site.dims(0)?;
    let (starts, ends) = (site.list("starts", 1, 10).ok()??, site.list("ends", 2, 10).ok()??);
    let axes = axes(site, Some(starts.len())).ok()??;
    let steps = steps(site).ok()?.unwrap_or_else(|| vec![1; axes.len()]);
    if [starts.len(), ends.len(), steps.len()] != [axes.len(); 3] {
        return None;
    }
    let mut movement = Grid::of(&dims)?;
    for (k, axis) in distinct_axes(&axes, dims.len()).ok()?.into_iter().enumerate() {
        let (start, len) = span(i64::try_from(dims[axis]).ok()?, starts[k], ends[k], steps[k])?;
        movement = movement.sliced(axis, start as u64, steps[k], u64::try_from(len).ok()?)?;
    }
    Some(Plan { dims: site.affordable(movement.dims())?, movement })
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan(fold)?.fold(&[fold.input(0)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded};

    fn sliced(start: &str, end: &str, step: i64) -> String {
        let lists = format!("int64[1] s = {{{start}}}, int64[1] e = {{{end}}}, int64[1] a = {{0}}, int64[1] k = {{{step}}}");
        facts_of(&format!("g (float[N] x) => (y) <{lists}> {{ y = Slice(x, s, e, a, k) }}"))
    }

    #[test]
    fn bounds_are_compared_with_symbols() {
        assert_eq!(sliced("0", "1", 1), "float[1]");
        assert_eq!(sliced("1", "9223372036854775807", 1), "float[N - 1]");
        assert_eq!(sliced("0", "-1", 1), "float[N - 1]");
        assert_eq!(sliced("-1", "2147483647", 1), "float[1]");
        assert_eq!(sliced("0", "7", 1), "float[min(7, N)]");
        assert_eq!(sliced("0", "2147483647", 2), "float[⌊(N + 1)/(2)⌋]");
        assert_eq!(sliced("-1", "-9223372036854775808", -1), "float[N]");
        assert_eq!(sliced("0", "1", 0), "! Slice: a step of 0");
    }

    #[test]
    fn bounds_that_depend_on_shapes() {
        let graph = "g (float[N,L] x, float[N,K] z) => (y) <int64[1] zero = {0}, int64[1] a = {1}, int64 one = {1}> {
            j = Concat <axis = 1> (x, z)
            s = Shape <start = 1> (x)
            e = Shape <start = 1> (j)
            y = Slice(j, s, e, a)
        }";
        assert_eq!(facts_of(graph), "float[N,K]");
    }

    #[test]
    fn half_and_half_is_whole() {
        let graph = "g (float[N] x) => (y) <int64[1] zero = {0}, int64[1] end = {2147483647}> {
            p, q = Split <num_outputs = 2> (x)
            s = Shape(p)
            a = Slice(x, zero, s)
            b = Slice(x, s, end)
            y = Concat <axis = 0> (a, b)
        }";
        assert_eq!(facts_of(graph), "float[N]");
    }

    #[test]
    fn missing_knowledge_spares_other_axes() {
        let graph = "g (float[N,4] x, int64[1] s) => (y) <int64[1] e = {2}, int64[1] a = {1}> { y = Slice(x, s, e, a) }";
        assert_eq!(facts_of(graph), "float[N,?1]");
        assert_eq!(facts_of("g (float[N,4] x, int64[1] s) => (y) { y = Slice(x, s, s, s) }"), "float[?1,?2]");
        assert_eq!(facts_at(9, "g (float[N,4] x) => (y) { y = Slice <starts = [1], ends = [-1], axes = [1]> (x) }"), "float[N,2]");
    }

    #[test]
    fn folds_forwards_and_backwards() {
        let fold = |start: i64, end: i64, step: i64| {
            let lists = format!("int64[1] s = {{{start}}}, int64[1] e = {{{end}}}, int64[1] a = {{0}}, int64[1] k = {{{step}}}");
            folded(&format!("g () => (y) <int32[4] x = {{1, 2, 3, 4}}, {lists}> {{ y = Slice(x, s, e, a, k) }}"))
        };
        assert_eq!(fold(1, i64::MAX, 2), "int32[2] = {2, 4}");
        assert_eq!(fold(-1, i64::MIN, -3), "int32[2] = {4, 1}");
        assert_eq!(fold(3, 1, 1), "int32[0] = {}");
        assert_eq!([fold(-9, -8, -1), fold(0, 4, 0), fold(0, 4, i64::MIN)], ["?"; 3]);
    }
}
