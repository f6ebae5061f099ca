//! Pools: a window without weights, the whole image, or regions of it.

use super::window::Window;
use crate::{Fact, Inference, Inferred, OpSpec, QuantRule, channels::window, infer::InferError};
use shrinx_ir::{DataType, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("MaxPool", max_pool).cuts(window::POOL).quant(QuantRule::MOVES.only(|model, node| model.outputs(node).len() == 1)),
    OpSpec::new("AveragePool", pool).cuts(window::POOL).quant(QuantRule::COMPUTES),
    OpSpec::new("LpPool", pool).cuts(window::POOL),
    OpSpec::new("GlobalAveragePool", global_pool).cuts(window::POOL).quant(QuantRule::COMPUTES.fixes_layout()),
    OpSpec::new("GlobalMaxPool", global_pool).cuts(window::POOL),
    OpSpec::new("GlobalLpPool", global_pool).cuts(window::POOL),
    OpSpec::new("MaxUnpool", max_unpool),
    OpSpec::new("MaxRoiPool", max_roi_pool),
    OpSpec::new("RoiAlign", roi_align),
];

fn max_pool(cx: &mut Inference<'_>) -> Inferred {
    let shape = pool_shape(cx)?;
    Ok(vec![Fact::new(cx.dtype(0), shape.clone()), Fact::new(Some(DataType::Int64), shape)])
}

fn pool(cx: &mut Inference<'_>) -> Inferred {
    let shape = pool_shape(cx)?;
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn pool_shape(cx: &mut Inference<'_>) -> Result<Option<Vec<Dim>>, InferError> {
    let Some((window, x)) = window(cx)? else { return Ok(cx.rank(0).map(|rank| cx.fresh_shape(rank))) };
    let spatial = window.outputs(cx, &x[2..]);
    Ok(Some([&x[..2], &spatial].concat()))
}

/// The window of `kernel_shape`, and the shape of the image.
fn window(cx: &mut Inference<'_>) -> Result<Option<(Window, Vec<Dim>)>, InferError> {
    let Some(kernel) = cx.call.ints("kernel_shape") else { return Ok(None) };
    let x = cx.shape_of_rank(0, kernel.len() + 2)?;
    Ok(Some((Window::of_pool(cx.call, kernel)?, x)))
}

fn global_pool(cx: &mut Inference<'_>) -> Inferred {
    let shape = cx.shape(0).map(|x| x.into_iter().enumerate().map(|(k, d)| if k < 2 { d } else { Dim::Known(1) }).collect());
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn max_unpool(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    if cx.has_input(2) {
        let shape = match (cx.contents(2), cx.rank(0)) {
            (Some(asked), Some(rank)) if asked.len() != rank => {
                return Err(InferError(format!("output_shape of rank {} for an input of rank {rank}", asked.len())));
            }
            (Some(asked), _) => Some(asked),
            (None, rank) => rank.map(|rank| cx.fresh_shape(rank)),
        };
        return Ok(vec![Fact::new(dtype, shape)]);
    }
    let shape = window(cx)?.map(|(window, x)| {
        let spatial = window.transposed(cx, &x[2..], &vec![0; x.len() - 2]);
        [&x[..2], &spatial].concat()
    });
    Ok(vec![Fact::new(dtype, shape)])
}

/// Shape of what is pooled from each of the regions at port 1.
fn regions(cx: &mut Inference<'_>, lengths: [i64; 2]) -> Inferred {
    let (x, rois) = (cx.shape_of_rank(0, 4)?, cx.shape_of_rank(1, 2)?);
    let shape = vec![rois[0].clone(), x[1].clone(), lengths[0].into(), lengths[1].into()];
    Ok(vec![Fact::new(cx.dtype(0), Some(shape))])
}

fn max_roi_pool(cx: &mut Inference<'_>) -> Inferred {
    match cx.call.ints("pooled_shape") {
        Some([height, width]) => regions(cx, [*height, *width]),
        _ => Err(InferError("no pooled_shape of two lengths".into())),
    }
}

fn roi_align(cx: &mut Inference<'_>) -> Inferred {
    let [height, width] = ["output_height", "output_width"].map(|name| cx.call.int(name).unwrap_or(1));
    regions(cx, [height, width])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn max_pool_tells_places() {
        let graph = "g (float[N,3,8,8] x) => (y, i) { y, i = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x) }";
        assert_eq!(facts_of(graph), "float[N,3,4,4]; int64[N,3,4,4]");
        let back = "g (float[N,3,4,4] x, int64[N,3,4,4] i) => (y) { y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (x, i) }";
        assert_eq!(facts_of(back), "float[N,3,8,8]");
    }

    #[test]
    fn global_pools_leave_one() {
        assert_eq!(facts_of("g (float[N,C,H,W] x) => (y) { y = GlobalAveragePool(x) }"), "float[N,C,1,1]");
    }

    #[test]
    fn regions() {
        let graph = "g (float[1,C,H,W] x, float[R,4] rois, int64[R] b, float[R,5] old) => (y, z) {
            y = RoiAlign <output_height = 7, output_width = 5> (x, rois, b)
            z = MaxRoiPool <pooled_shape = [2, 3]> (x, old)
        }";
        assert_eq!(facts_of(graph), "float[R,C,7,5]; float[R,C,2,3]");
    }
}
