//! `DepthToSpace` and `SpaceToDepth`: blocks of pixels and channels.

use crate::{
    Call, Fact, Fold, InferError, Inference, Inferred, OpSpec, QuantRule,
    channels::view,
    kernels::Grid,
    site::{Plan, Site},
};
use shrinx_ir::{Derived, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("DepthToSpace", depth_to_space).cuts(view::DEPTH_TO_SPACE).quant(QuantRule::MOVES).folds(fold_depth),
    OpSpec::new("SpaceToDepth", space_to_depth).cuts(view::SPACE_TO_DEPTH).folds(fold_space),
];

pub(crate) fn block_size(call: Call<'_>) -> Result<i64, InferError> {
    call.int("blocksize").filter(|b| *b > 0 && *b < 1 << 16).ok_or_else(|| InferError("a blocksize that is no positive number".into()))
}

/// Whether channels are ordered column, row, depth; by default depth comes first. `None` for an order that ONNX does not define.
pub(crate) fn depth_last(call: Call<'_>) -> Option<bool> {
    match call.string("mode") {
        None | Some("DCR") => Some(false),
        Some("CRD") => Some(true),
        Some(_) => None,
    }
}

fn image(cx: &mut Inference<'_>) -> Result<[Dim; 4], InferError> {
    let shape = cx.shape(0).unwrap_or_else(|| cx.fresh_shape(4));
    shape.try_into().map_err(|shape: Vec<Dim>| InferError(format!("an image of rank {}", shape.len())))
}

fn part(cx: &mut Inference<'_>, whole: &Dim, size: i64) -> Result<Dim, InferError> {
    match whole {
        Dim::Known(n) if n % size != 0 => Err(InferError(format!("a length of {n} in blocks of {size}"))),
        Dim::Known(_) | Dim::Symbol(_) | Dim::Expr(_) => Ok(cx.derive(Derived::FloorDiv, whole, &Dim::Known(size))),
    }
}

fn depth_to_space(cx: &mut Inference<'_>) -> Inferred {
    let block = block_size(cx.call)?;
    let [n, c, h, w] = image(cx)?;
    let c = part(cx, &c, block * block)?;
    let (h, w) = (cx.mul(&h, &Dim::Known(block)), cx.mul(&w, &Dim::Known(block)));
    Ok(vec![Fact::new(cx.dtype(0), Some(vec![n, c, h, w]))])
}

fn space_to_depth(cx: &mut Inference<'_>) -> Inferred {
    let block = block_size(cx.call)?;
    let [n, c, h, w] = image(cx)?;
    let c = cx.mul(&c, &Dim::Known(block * block));
    let (h, w) = (part(cx, &h, block)?, part(cx, &w, block)?);
    Ok(vec![Fact::new(cx.dtype(0), Some(vec![n, c, h, w]))])
}

fn fold_depth(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let block = block_size(fold.call).ok()? as u64;
    let [n, c, h, w] = fold.dims(0)?.try_into().ok()?;
    let dims = vec![n, c / (block * block), h.checked_mul(block)?, w.checked_mul(block)?];
    let grid = Grid::of(&[n, c, h, w])?;
    let movement = if depth_last(fold.call)? {
        grid.split(1, block)?.split(1, block)?.permuted(&[0, 1, 4, 2, 5, 3])
    } else {
        grid.split(1, dims[1])?.split(1, block)?.permuted(&[0, 3, 4, 1, 5, 2])
    }?;
    Plan { movement, dims: fold.affordable(dims)? }.fold(&[fold.input(0)?])
}

fn fold_space(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let block = block_size(fold.call).ok()? as u64;
    let [n, c, h, w] = fold.dims(0)?.try_into().ok()?;
    let dims = vec![n, c.checked_mul(block * block)?, h / block, w / block];
    let grid = Grid::of(&[n, c, h, w])?.split(3, block)?.split(2, block)?;
    let movement = if depth_last(fold.call)? { grid.permuted(&[0, 1, 3, 5, 2, 4]) } else { grid.permuted(&[0, 3, 5, 1, 2, 4]) }?;
    Plan { movement, dims: fold.affordable(dims)? }.fold(&[fold.input(0)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn blocks_change_places() {
        let graph = "g (float[N,12,H,W] x) => (y, z) { y = DepthToSpace <blocksize = 2> (x) z = SpaceToDepth <blocksize = 2> (y) }";
        assert_eq!(facts_of(graph), "float[N,3,2*H,2*W]; float[N,12,H,W]");
        assert_eq!(
            facts_of("g (float[N,3,H,W] x) => (y) { y = DepthToSpace <blocksize = 2> (x) }"),
            "! DepthToSpace: a length of 3 in blocks of 4"
        );
    }

    #[test]
    fn folds_in_both_orders() {
        let graph = |mode: &str| {
            format!(
                "g () => (y) <uint8[1,8,1,1] x = {{0, 1, 2, 3, 4, 5, 6, 7}}> {{ y = DepthToSpace <blocksize = 2, mode = \"{mode}\"> (x) }}"
            )
        };
        assert_eq!(folded(&graph("DCR")), "uint8[1,2,2,2] = {0, 2, 4, 6, 1, 3, 5, 7}");
        assert_eq!(folded(&graph("CRD")), "uint8[1,2,2,2] = {0, 1, 2, 3, 4, 5, 6, 7}");
    }
}
