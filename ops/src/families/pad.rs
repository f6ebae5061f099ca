//! `Pad` and `CenterCropPad`: more or less around the edges.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec,
    channels::movement,
    infer::{Unknown, distinct_axes},
    kernels::{Grid, zero},
    site::{Plan, Site},
};
use shrinx_ir::{DataType, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] =
    &[OpSpec::new("Pad", pad).cuts(movement::PAD).folds(fold_pad), OpSpec::new("CenterCropPad", center_crop_pad).folds(fold_center)];

fn pad(cx: &mut Inference<'_>) -> Inferred {
    let pads = if cx.call.opset < 11 { attribute_pads(cx).map(|p| p.into_iter().map(Dim::Known).collect()) } else { cx.contents(1) };
    let shape = match (cx.shape(0), pads) {
        (Some(from), Some(pads)) => Some(padded(cx, from, &pads)?),
        (Some(from), None) => Some(cx.fresh_shape(from.len())),
        (None, _) => None,
    };
    let contents = cx.input(0).contents.clone().and_then(|source| {
        let fill = if cx.has_input(2) { cx.contents(2)? } else { vec![Dim::Known(0)] };
        plan_pad(cx)?.contents(&[&source, &fill])
    });
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

fn padded(cx: &mut Inference<'_>, mut shape: Vec<Dim>, pads: &[Dim]) -> Result<Vec<Dim>, InferError> {
    let Ok(axes) = axes(cx, shape.len()) else { return Ok(cx.fresh_shape(shape.len())) };
    let axes = distinct_axes(&axes, shape.len())?;
    if pads.len() != 2 * axes.len() {
        return Err(InferError(format!("{} pads for {} axes", pads.len(), axes.len())));
    }
    for (k, axis) in axes.iter().enumerate() {
        let begun = cx.add(&shape[*axis], &pads[k]);
        shape[*axis] = cx.add(&begun, &pads[k + axes.len()]);
        if let Some(length) = shape[*axis].known().filter(|n| *n < 0) {
            return Err(InferError(format!("padded to a length of {length}")));
        }
    }
    Ok(shape)
}

pub(crate) fn attribute_pads(site: &impl Site) -> Option<Vec<i64>> {
    let name = if site.call().opset < 2 { "paddings" } else { "pads" };
    site.call().ints(name).map(<[i64]>::to_vec)
}

/// The axes that pads are given for: by default all.
pub(crate) fn axes(site: &impl Site, rank: usize) -> Result<Vec<i64>, Unknown> {
    let axes = if site.call().opset < 18 { None } else { site.list("axes", 3, 18)? };
    Ok(axes.unwrap_or_else(|| (0..rank as i64).collect()))
}

fn plan_pad(site: &impl Site) -> Option<Plan<Grid>> {
    let from = site.dims(0)?;
    let axes = distinct_axes(&axes(site, from.len()).ok()?, from.len()).ok()?;
    let pads = if site.call().opset < 11 { attribute_pads(site) } else { site.integers(1) }.filter(|p| p.len() == 2 * axes.len())?;
    let mut dims = from.clone();
    for (k, axis) in axes.iter().enumerate() {
        dims[*axis] = from[*axis].checked_add_signed(pads[k])?.checked_add_signed(pads[k + axes.len()])?;
    }
    let dims = site.affordable(dims)?;
    let mode = site.call().string("mode").unwrap_or("constant");
    let mut movement = Grid::of(&from)?;
    for (k, axis) in axes.iter().enumerate() {
        let (begin, end) = (pads[k], pads[k + axes.len()]);
        if (begin, end) != (0, 0) {
            movement = movement.picked(*axis, picks(from[*axis], begin, end, mode)?)?;
        }
    }
    Some(Plan { movement, dims })
}

/// Where the elements along a padded axis come from; `None` for the padding. Negative pads cut first: the edge then is where the cut was made.
fn picks(length: u64, begin: i64, end: i64, mode: &str) -> Option<Vec<Option<usize>>> {
    let length = i64::try_from(length).ok()?;
    let (first, last) = (begin.min(0).checked_neg()?, length.checked_add(end.min(0))?);
    let (before, after, kept) = (begin.max(0), end.max(0), last.checked_sub(first)?);
    let source = |k: i64| match mode {
        _ if (0..kept).contains(&k) => Some(Some(k)),
        "constant" => Some(None),
        "edge" => Some(Some(k.clamp(0, kept - 1))),
        "wrap" => Some(Some(k.rem_euclid(kept))),
        "reflect" => Some(Some(if k < 0 { -k } else { 2 * (kept - 1) - k })),
        _ => None,
    };
    // What a runtime makes of a reflection that goes beyond the far edge is not known.
    let reach = match mode {
        "constant" => i64::MAX,
        "reflect" => kept - 1,
        "edge" if kept > 0 => i64::MAX,
        "wrap" => kept,
        _ => 0,
    };
    if kept < 0 || before > reach || after > reach {
        return None;
    }
    let place = |k: i64| Some(source(k)?.map(|k| (k + first) as usize));
    (-before..kept.checked_add(after)?).map(place).collect()
}

fn fold_pad(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let data = fold.input(0)?;
    let fill = match fold.input(2) {
        Some(value) => value.clone(),
        None if fold.call.opset < 11 => fill_value(data.dtype, fold.call.float("value").unwrap_or(0.0))?,
        None => zero(data.dtype)?,
    };
    plan_pad(fold)?.fold(&[data, &fill])
}

fn fill_value(dtype: DataType, value: f32) -> Option<Tensor> {
    if value.to_bits() == 0 { zero(dtype) } else { Tensor::from_f64(dtype, [], &[f64::from(value)]) }
}

fn center_crop_pad(cx: &mut Inference<'_>) -> Inferred {
    let Some(mut shape) = cx.shape(0) else { return Ok(vec![Fact::new(cx.dtype(0), None)]) };
    let axes = center_axes(cx, shape.len())?;
    let target = cx.contents(1).unwrap_or_else(|| cx.fresh_shape(axes.len()));
    if target.len() != axes.len() {
        return Err(InferError(format!("{} lengths for {} axes", target.len(), axes.len())));
    }
    for (axis, length) in axes.into_iter().zip(target) {
        shape[axis] = length;
    }
    Ok(vec![Fact::new(cx.dtype(0), Some(shape))])
}

fn center_axes(site: &impl Site, rank: usize) -> Result<Vec<usize>, InferError> {
    site.call().ints("axes").map_or_else(|| Ok((0..rank).collect()), |axes| distinct_axes(axes, rank))
}

fn fold_center(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let data = fold.input(0)?;
    let axes = center_axes(fold, data.rank()).ok()?;
    let target = fold.integers(1)?;
    let mut dims = data.dims.clone();
    for (axis, length) in axes.iter().zip(&target) {
        dims[*axis] = u64::try_from(*length).ok()?;
    }
    let dims = fold.affordable(dims).filter(|_| target.len() == axes.len())?;
    let mut movement = Grid::of(&data.dims)?;
    for axis in axes {
        let (old, new) = (i64::try_from(data.dims[axis]).ok()?, i64::try_from(dims[axis]).ok()?);
        // Both halves round down: an odd rest is cut or added at the end.
        let begin = if new < old { -((old - new) / 2) } else { (new - old) / 2 };
        movement = movement.picked(axis, picks(data.dims[axis], begin, new - old - begin, "constant")?)?;
    }
    Plan { movement, dims }.fold(&[data, &zero(data.dtype)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded, folded_at};

    #[test]
    fn lengths_grow() {
        assert_eq!(facts_of("g (float[N,8] x) => (y) <int64[4] p = {0, 1, 2, 3}> { y = Pad(x, p) }"), "float[N + 2,12]");
        assert_eq!(facts_of("g (float[N,8] x) => (y) <int64[2] p = {1, 1}, int64[1] a = {-1}> { y = Pad(x, p, , a) }"), "float[N,10]");
        assert_eq!(facts_at(2, "g (float[N,8] x) => (y) { y = Pad <pads = [0, 1, 0, 1]> (x) }"), "float[N,10]");
        assert_eq!(facts_of("g (float[N,8] x, int64[4] p) => (y) { y = Pad(x, p) }"), "float[?1,?2]");
        assert!(facts_of("g (float[2] x) => (y) <int64[2] p = {-2, -1}> { y = Pad(x, p) }").starts_with("! Pad"));
    }

    #[test]
    fn folds_in_every_mode() {
        let pad = |pads: &str, mode: &str| {
            folded(&format!("g () => (y) <int32[3] x = {{1, 2, 3}}, int64[2] p = {{{pads}}}> {{ y = Pad <mode = \"{mode}\"> (x, p) }}"))
        };
        assert_eq!(pad("1, 2", "constant"), "int32[6] = {0, 1, 2, 3, 0, 0}");
        assert_eq!(pad("1, 2", "edge"), "int32[6] = {1, 1, 2, 3, 3, 3}");
        assert_eq!(pad("1, 2", "reflect"), "int32[6] = {2, 1, 2, 3, 2, 1}");
        assert_eq!(pad("1, 2", "wrap"), "int32[6] = {3, 1, 2, 3, 1, 2}");
        assert_eq!(pad("-1, 1", "edge"), "int32[3] = {2, 3, 3}");
        assert_eq!([pad("0, 3", "reflect"), pad("0, 1", "odd"), pad("-9223372036854775808, 0", "constant")], ["?"; 3]);
        assert_eq!(folded_at(2, "g () => (y) <float[1] x = {1}> { y = Pad <pads = [1, 0], value = 2.5> (x) }"), "float[2] = {2.5, 1}");
    }

    #[test]
    fn odd_rests_go_to_the_end() {
        assert_eq!(facts_of("g (float[N,8] x) => (y) <int64[1] s = {5}> { y = CenterCropPad <axes = [1]> (x, s) }"), "float[N,5]");
        let center = |length: i64| {
            folded(&format!("g () => (y) <int32[4] x = {{1, 2, 3, 4}}, int64[1] s = {{{length}}}> {{ y = CenterCropPad(x, s) }}"))
        };
        assert_eq!([center(1), center(7)], ["int32[1] = {2}", "int32[7] = {0, 1, 2, 3, 4, 0, 0}"]);
    }
}
