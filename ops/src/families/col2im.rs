//! `Col2Im`: columns of blocks, back to an image. Not folded: overlapping blocks are summed, in an order that ONNX leaves open.

use crate::{Fact, InferError, Inference, Inferred, OpSpec};
use shrinx_ir::{Derived, Dim};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("Col2Im", col2im)];

fn col2im(cx: &mut Inference<'_>) -> Inferred {
    let columns = cx.shape(0).unwrap_or_else(|| cx.fresh_shape(3));
    let [batch, channels, _] = columns.as_slice() else { return Err(InferError(format!("columns of rank {}", columns.len()))) };
    let channels = match cx.contents(2) {
        Some(block) => {
            let block = cx.product(&block);
            if block == Dim::Known(0) {
                return Err(InferError("an empty block".into()));
            }
            cx.derive(Derived::FloorDiv, channels, &block)
        }
        None => cx.fresh(),
    };
    let image = cx.contents(1).or_else(|| cx.list_length(1).map(|rank| cx.fresh_shape(rank)));
    Ok(vec![Fact::new(cx.dtype(0), image.map(|image| [vec![batch.clone(), channels], image].concat()))])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn blocks_become_an_image() {
        let graph = "g (float[N,12,L] x) => (y) <int64[2] image = {8, 9}, int64[2] block = {2, 3}> { y = Col2Im(x, image, block) }";
        assert_eq!(facts_of(graph), "float[N,2,8,9]");
    }
}
