//! Images at other lengths: `Resize`, `Upsample`, `GridSample`, `AffineGrid`.

use crate::{
    Call, Fact, Inference, Inferred, OpSpec, QuantRule, channels::window, infer::InferError, infer::agree, infer::distinct_axes, shrink,
};
use shrinx_ir::{Derived, Dim, Model, NodeId};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Resize", resize).cuts(window::RESIZE).shrinks(shrink::resize).quant(QuantRule::MOVES.only(takes_the_nearest)),
    OpSpec::new("Upsample", upsample).cuts(window::RESIZE),
    OpSpec::new("GridSample", grid_sample),
    OpSpec::new("AffineGrid", affine_grid),
];

fn takes_the_nearest(model: &Model, node: NodeId) -> bool {
    Call { node: model.node(node), opset: 0 }.string("mode").unwrap_or("nearest") == "nearest"
}

fn resize(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    let Some(mut shape) = cx.shape(0) else { return Ok(vec![Fact::new(dtype, None)]) };
    let axes = resized_axes(cx, shape.len())?;
    let (scales, sizes) = if cx.call.opset < 11 { (1, usize::MAX) } else { (2, 3) };
    let lengths: Vec<Dim> = axes.iter().map(|a| shape[*a].clone()).collect();
    let crops = cx.call.string("coordinate_transformation_mode") == Some("tf_crop_and_resize");
    let resized = match (is_given(cx, scales), is_given(cx, sizes)) {
        (true, false) if !crops => by_scales(cx, &lengths, constant_floats(cx, scales))?,
        (false, true) => by_sizes(cx, &lengths, sizes)?,
        _ => cx.fresh_shape(axes.len()),
    };
    for (axis, length) in axes.into_iter().zip(resized) {
        shape[axis] = length;
    }
    Ok(vec![Fact::new(dtype, Some(shape))])
}

/// The axes that `scales` and `sizes` speak of; by default, all.
fn resized_axes(cx: &Inference<'_>, rank: usize) -> Result<Vec<usize>, InferError> {
    let Some(axes) = cx.call.ints("axes") else { return Ok((0..rank).collect()) };
    distinct_axes(axes, rank)
}

/// Opset 11 had no other way to leave out an input than an empty tensor.
fn is_given(cx: &Inference<'_>, port: usize) -> bool {
    cx.has_input(port) && cx.input(port).known_shape().as_deref() != Some(&[0])
}

fn constant_floats(cx: &Inference<'_>, port: usize) -> Option<Vec<f64>> {
    match cx.constant(port) {
        Some(tensor) => tensor.to_f64(),
        None => Some(cx.known(port)?.into_iter().map(|n| n as f64).collect()),
    }
}

fn by_scales(cx: &mut Inference<'_>, lengths: &[Dim], scales: Option<Vec<f64>>) -> Result<Vec<Dim>, InferError> {
    match scales {
        Some(scales) if scales.len() != lengths.len() => Err(InferError(format!("{} scales for {} axes", scales.len(), lengths.len()))),
        Some(scales) => Ok(lengths.iter().zip(scales).map(|(length, scale)| scaled(cx, length, scale)).collect()),
        None => Ok(cx.fresh_shape(lengths.len())),
    }
}

/// `⌊length·scale⌋`, where all ways to round it agree.
fn scaled(cx: &mut Inference<'_>, length: &Dim, scale: f64) -> Dim {
    if let Some(n) = length.known() {
        return rounded(n, scale, f64::floor).map_or_else(|| cx.fresh(), Dim::Known);
    }
    let parts = [1, 2, 4, 8, 16, 32, 64].into_iter().find(|q| (scale * *q as f64).fract() == 0.0);
    match parts {
        Some(parts) if (0.0..1e6).contains(&scale) => {
            let product = cx.mul(length, &((scale * parts as f64) as i64).into());
            cx.derive(Derived::FloorDiv, &product, &parts.into())
        }
        _ => cx.fresh(),
    }
}

/// Runtimes hold the scale in single or in double precision, and multiply in either.
fn rounded(length: i64, scale: f64, round: fn(f64) -> f64) -> Option<i64> {
    let single = scale as f32;
    let [first, rest @ ..] = [length as f64 * scale, length as f64 * f64::from(single), f64::from(length as f32 * single)].map(round);
    (rest == [first; 2] && (0.0..1e15).contains(&first)).then_some(first as i64)
}

fn by_sizes(cx: &mut Inference<'_>, lengths: &[Dim], port: usize) -> Result<Vec<Dim>, InferError> {
    let Some(sizes) = cx.contents(port) else { return Ok(cx.fresh_shape(lengths.len())) };
    if sizes.len() != lengths.len() {
        return Err(InferError(format!("{} sizes for {} axes", sizes.len(), lengths.len())));
    }
    let pick = match cx.call.string("keep_aspect_ratio_policy").unwrap_or("stretch") {
        "stretch" => return Ok(sizes),
        "not_larger" => f64::min,
        "not_smaller" => f64::max,
        other => return Err(InferError(format!("keep_aspect_ratio_policy {other}"))),
    };
    // ONNX Runtime keeps the aspect ratio of axes that are counted from the back in its own way.
    if cx.call.ints("axes").is_some_and(|axes| axes.iter().any(|a| *a < 0)) {
        return Ok(cx.fresh_shape(lengths.len()));
    }
    let known = |dims: &[Dim]| dims.iter().map(Dim::known).collect::<Option<Vec<i64>>>();
    let (Some(from), Some(to)) = (known(lengths), known(&sizes)) else { return Ok(cx.fresh_shape(lengths.len())) };
    let scale = from.iter().zip(&to).map(|(from, to)| *to as f64 / *from as f64).reduce(pick).unwrap_or(1.0);
    Ok(from.into_iter().map(|n| rounded(n, scale, f64::round).map_or_else(|| cx.fresh(), Dim::Known)).collect())
}

fn upsample(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    let Some(lengths) = cx.shape(0) else { return Ok(vec![Fact::new(dtype, None)]) };
    let scales = if cx.call.opset >= 9 {
        constant_floats(cx, 1)
    } else if cx.call.opset >= 7 {
        cx.call.floats("scales").map(|scales| scales.iter().copied().map(f64::from).collect())
    } else {
        let scale = |name| cx.call.float(name).map(f64::from);
        scale("height_scale").zip(scale("width_scale")).map(|(height, width)| vec![1.0, 1.0, height, width])
    };
    let shape = by_scales(cx, &lengths, scales)?;
    Ok(vec![Fact::new(dtype, Some(shape))])
}

fn grid_sample(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    let Some(rank) = cx.rank(0).or(cx.rank(1)) else { return Ok(vec![Fact::new(dtype, None)]) };
    let (x, grid) = (cx.shape_of_rank(0, rank)?, cx.shape_of_rank(1, rank)?);
    let ([batch, channels, ..], [grids, places @ .., _]) = (&x[..], &grid[..]) else {
        return Err(InferError(format!("a grid over rank {rank}")));
    };
    let batch = agree("batches of the input and of the grid", batch, grids)?;
    Ok(vec![Fact::new(dtype, Some([&[batch, channels.clone()], places].concat()))])
}

fn affine_grid(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.contents(1).as_deref() {
        Some([batch, _, places @ ..]) => Some([std::slice::from_ref(batch), places, &[Dim::Known(places.len() as i64)]].concat()),
        Some(_) => return Err(InferError("a size without batch and channels".into())),
        None => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of};

    fn scaled(scales: &str) -> String {
        facts_of(&format!("g (float[1,C,H,9] x) => (y) <float[4] s = {{1.0, 1.0, {scales}}}> {{ y = Resize(x, \"\", s) }}"))
    }

    #[test]
    fn scales_multiply() {
        assert_eq!(scaled("2.0, 2.0"), "float[1,C,2*H,18]");
        assert_eq!(scaled("0.5, 0.5"), "float[1,C,⌊(H)/(2)⌋,4]");
        assert_eq!(scaled("1.5, 1.5"), "float[1,C,⌊(H)/(2)⌋ + H,13]");
        // No fraction with a small denominator; and 15 in single precision, but a little less in double.
        assert_eq!(scaled("0.3, 1.6666666"), "float[1,C,?2,?3]");
    }

    #[test]
    fn sizes_may_be_symbols() {
        let graph = "g (float[1,C,H,W] x, float[1,C,P,Q] like) => (y) {
            sizes = Shape(like)
            empty = Constant <value = float[0] {}> ()
            y = Resize(x, empty, empty, sizes)
        }";
        assert_eq!(facts_at(11, graph), "float[1,C,P,Q]");
    }

    #[test]
    fn aspect_ratios_are_kept() {
        let resized = |policy: &str| {
            facts_of(&format!(
                "g (float[1,C,10,20] x) => (y) <int64[2] s = {{30, 31}}> {{
                    y = Resize <axes = [2, 3], keep_aspect_ratio_policy = \"{policy}\"> (x, \"\", \"\", s)
                }}"
            ))
        };
        assert_eq!(resized("not_larger"), "float[1,C,?1,31]");
        assert_eq!(resized("not_smaller"), "float[1,C,30,60]");
    }

    #[test]
    fn older_spellings() {
        let graph = "g (float[1,C,4,W] x) => (y) { y = Upsample <height_scale = 2.0, width_scale = 3.0> (x) }";
        assert_eq!(facts_at(1, graph), "float[1,C,8,3*W]");
        let graph = "g (float[1,C,4,W] x) => (y) { y = Upsample <scales = [1.0, 1.0, 2.0, 3.0]> (x) }";
        assert_eq!(facts_at(7, graph), "float[1,C,8,3*W]");
    }

    #[test]
    fn grids() {
        let graph = "g (float[N,C,H,W] x, float[2,2,3] theta) => (grid, y) <int64[4] size = {2, 3, 5, 6}> {
            grid = AffineGrid(theta, size)
            y = GridSample(x, grid)
        }";
        assert_eq!(facts_of(graph), "float[2,5,6,2]; float[2,C,5,6]");
    }
}
