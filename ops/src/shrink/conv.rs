//! Convolutions: the attribute `group`.
//!
//! The rows of a weight (its first axis) belong to groups one after the other, and its columns speak of places within each row's group. So all groups keep
//! the same columns and as many rows, and a group goes when it keeps none: a depthwise channel is such a group.

use super::{Port, Shrink, Unfit, blocks::Blocks};

pub(crate) fn conv(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    grouped(cx, Port::Out(0), Port::In(0), 1)
}

pub(crate) fn qlinear_conv(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    grouped(cx, Port::Out(0), Port::In(0), 3)
}

pub(crate) fn conv_transpose(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    grouped(cx, Port::In(0), Port::Out(0), 1)
}

/// `rows` and `columns` are what the first two axes of the weight at port `w` stand for.
fn grouped(cx: &mut Shrink<'_>, rows: Port, columns: Port, w: usize) -> Result<(), Unfit> {
    let group = usize::try_from(cx.call().int("group").unwrap_or(1)).unwrap_or(0);
    if group == 1 || (cx.lost(rows, 1).is_empty() && cx.lost(columns, 1).is_empty()) {
        return Ok(());
    }
    let [row_blocks, column_blocks] =
        [Blocks::of(&cx.kept(rows, 1)?, cx.length(rows, 1)?, group)?, Blocks::of(&cx.kept(columns, 1)?, cx.length(columns, 1)?, group)?];
    let alive = row_blocks.alive()?;
    if column_blocks.alive()? != alive || !row_blocks.live_with(&column_blocks) {
        return Err(Unfit::because("a group keeps inputs without outputs"));
    }
    if alive != group {
        cx.set_attribute("group", alive as i64);
    }
    // The weight has one axis for the columns of all groups.
    let kept = cx.kept(Port::In(w), 1)?;
    if column_blocks.living().any(|places| places != kept) {
        return Err(Unfit::because("its groups keep other places than its weight"));
    }
    Ok(())
}
