//! Heads of attention and groups of normalization: how many are left, and the scale that the width of a head implies.

use super::{Port, Shrink, Unfit, blocks::Blocks};

/// `Attention`: the heads lose width, and the scale that followed from it stays.
pub(crate) fn attention(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    let axis = cx.rank(Port::In(0))?.saturating_sub(1);
    if cx.lost(Port::In(0), axis).is_empty() || cx.call().float("scale").is_some_and(|s| s != 0.0) {
        return Ok(());
    }
    let packed = if axis == 2 { cx.call().int("q_num_heads") } else { None };
    let heads = packed.map_or(Some(1), |n| usize::try_from(n).ok().filter(|n| *n > 0));
    let width = cx.length(Port::In(0), axis)? / heads.ok_or(Unfit::because("its number of heads is no number"))?;
    cx.set_attribute("scale", (1.0 / (width as f64).sqrt()) as f32);
    Ok(())
}

/// `GroupNormalization`: groups go as wholes.
pub(crate) fn group_normalization(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    if cx.lost(Port::In(0), 1).is_empty() {
        return Ok(());
    }
    let count = cx.call().int("num_groups").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let alive = Blocks::of(&cx.kept(Port::In(0), 1)?, cx.length(Port::In(0), 1)?, count)?.alive()?;
    if alive != count {
        cx.set_attribute("num_groups", alive as i64);
    }
    Ok(())
}
