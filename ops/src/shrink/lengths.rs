//! Lengths that an input tells: the target of `Reshape` and `Expand`, the repeats of `Tile`, the `sizes` of `Resize`.

use super::{Port, Shrink, Unfit};
use crate::call::normal_axis;
use shrinx_ir::{Dim, Tensor};

pub(crate) fn reshape(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    let Some(stated) = cx.call().ints("shape").filter(|_| cx.call().opset < 5).map(<[i64]>::to_vec) else { return right_aligned(cx, 1) };
    let changed = changes(cx, &stated.iter().copied().map(Dim::Known).collect::<Vec<_>>(), &(0..stated.len()).collect::<Vec<_>>())?;
    let mut target = stated;
    for (k, length) in &changed {
        target[*k] = *length;
    }
    if !changed.is_empty() {
        cx.set_attribute("shape", target);
    }
    Ok(())
}

pub(crate) fn expand(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    right_aligned(cx, 1)
}

/// Lengths at the first input, as of `ConstantOfShape`.
pub(crate) fn first_input(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    right_aligned(cx, 0)
}

pub(crate) fn resize(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    if cx.call().opset < 11 || cx.value(Port::In(3)).is_none() {
        return Ok(());
    }
    let rank = cx.rank(Port::Out(0))?;
    let axes = match cx.call().ints("axes") {
        Some(axes) => axes.iter().map(|a| normal_axis(*a, rank)).collect::<Option<Vec<usize>>>(),
        None => Some((0..rank).collect()),
    };
    rewrite(cx, 3, &axes.ok_or(Unfit::because("its axes are not there"))?)
}

/// The last entry at the port is for the last axis of the output, and so on.
fn right_aligned(cx: &mut Shrink<'_>, port: usize) -> Result<(), Unfit> {
    let rank = cx.rank(Port::Out(0))?;
    let Some(&[Dim::Known(count)]) = cx.fact(Port::In(port)).shape.as_deref() else { return Ok(()) };
    let first = rank.checked_sub(count as usize).ok_or(Unfit::because("it tells more lengths than there are axes"))?;
    rewrite(cx, port, &(first..rank).collect::<Vec<_>>())
}

/// Lets the entries at a port, which tell the lengths of these axes of the output, tell the new ones.
fn rewrite(cx: &mut Shrink<'_>, port: usize, axes: &[usize]) -> Result<(), Unfit> {
    let Some(value) = cx.value(Port::In(port)) else { return Ok(()) };
    // What is computed from shapes may have followed by itself.
    let Some(entries) = cx.after.of(value).contents.clone() else { return Ok(()) };
    let changed = changes(cx, &entries, axes)?;
    if changed.is_empty() {
        return Ok(());
    }
    if let Some(mut numbers) = entries.iter().map(Dim::known).collect::<Option<Vec<i64>>>() {
        for (k, length) in changed {
            numbers[k] = length;
        }
        return cx.set_list("", port, 0, numbers);
    }
    // Partly known when the model runs: the old entries are multiplied by 0, and the new ones added.
    let dtype = cx.fact(Port::In(port)).dtype;
    let (mut factors, mut terms) = (vec![1; entries.len()], vec![0; entries.len()]);
    for (k, length) in changed {
        (factors[k], terms[k]) = (0, length);
    }
    let mut patched = value;
    for (op, numbers) in [("Mul", factors), ("Add", terms)] {
        let tensor = dtype.and_then(|t| Tensor::from_integers(t, [numbers.len() as u64], &numbers));
        let tensor = tensor.ok_or(Unfit::because("its lengths are no integers"))?;
        let operand = cx.add_constant(value, tensor);
        patched = cx.add_before(op, vec![], [patched, operand]);
    }
    let node = cx.node;
    cx.model.set_input(node, port, Some(patched));
    Ok(())
}

/// Which entries tell an old length of the output, and the new one. Others, as 0 for a copy and 1 for a broadcast, follow by themselves.
fn changes(cx: &Shrink<'_>, entries: &[Dim], axes: &[usize]) -> Result<Vec<(usize, i64)>, Unfit> {
    let mut changed = Vec::new();
    for (k, (entry, axis)) in entries.iter().zip(axes).enumerate() {
        if cx.lost(Port::Out(0), *axis).is_empty() {
            continue;
        }
        let (old, new) = (cx.length(Port::Out(0), *axis)? as i64, cx.remaining(Port::Out(0), *axis)? as i64);
        if entry.known() == Some(old) {
            changed.push((k, new));
        }
    }
    Ok(changed)
}
