//! Places along an axis: the sizes of `Split`, the bounds of `Slice`, the indices of `Gather`.

use super::{Port, Shrink, Unfit};
use crate::{call::normal_axis, kernels::Grid};
use shrinx_ir::{Attribute, DataType, OpName, Tensor};

pub(crate) fn split(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    let axis = cx.axis(0, Port::In(0))?;
    if cx.lost(Port::In(0), axis).is_empty() {
        return Ok(());
    }
    let (kept, whole) = (cx.kept(Port::In(0), axis)?, cx.length(Port::In(0), axis)?);
    let outputs = cx.call().node.output_count();
    let stated = cx.list("split", 1, 13);
    let part = whole.div_ceil(outputs.max(1));
    let equal = || (0..outputs).map(|k| part.min(whole.saturating_sub(k * part))).collect();
    let given = |sizes: &Vec<i64>| sizes.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect();
    let old: Vec<usize> = stated.as_ref().map_or_else(equal, given);
    if old.iter().try_fold(0usize, |sum, size| sum.checked_add(*size)) != Some(whole) {
        return Err(Unfit::because("its parts do not make up the whole"));
    }
    let mut start = 0;
    let sizes: Vec<i64> = old
        .iter()
        .map(|size| {
            let part = start..start + size;
            start += size;
            kept.iter().filter(|k| part.contains(k)).count() as i64
        })
        .collect();
    // Equal parts need not be told, as long as they are equal.
    if stated.is_none() && sizes.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    cx.drop_attribute("num_outputs");
    cx.set_list("split", 1, 13, sizes)
}

pub(crate) fn gather(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    let axis = cx.axis(0, Port::In(0))?;
    if cx.lost(Port::In(0), axis).is_empty() {
        return Ok(());
    }
    let (kept, whole) = (cx.kept(Port::In(0), axis)?, cx.length(Port::In(0), axis)?);
    let fact = cx.fact(Port::In(1)).clone();
    let indices = cx.numbers(1).ok_or(Unfit::because("its indices are not constant"))?;
    // What it picks from an axis of the indices goes with that axis of the output.
    let picked = match fact.rank() {
        Some(1) => super::kept(indices.len(), cx.lost(Port::Out(0), axis)),
        _ => (0..indices.len()).collect(),
    };
    let renumbered = picked.into_iter().map(|k| {
        let index = normal_axis(*indices.get(k)?, whole)?;
        Some(kept.binary_search(&index).ok()? as i64)
    });
    let renumbered: Vec<i64> = renumbered.collect::<Option<_>>().ok_or(Unfit::because("it picks an index that goes"))?;
    let dims = if fact.rank() == Some(1) { Some(vec![renumbered.len() as i64]) } else { fact.known_shape() };
    let dims: Vec<u64> = dims.into_iter().flatten().map(|n| n as u64).collect();
    let tensor = Tensor::from_integers(fact.dtype.unwrap_or(DataType::Int64), dims, &renumbered);
    cx.set_constant(1, tensor.ok_or(Unfit::because("its indices are no integers"))?);
    Ok(())
}

pub(crate) fn slice(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    let rank = cx.rank(Port::In(0))?;
    if (0..rank).all(|axis| cx.lost(Port::In(0), axis).is_empty()) {
        return Ok(());
    }
    let unknown = || Unfit::because("what it slices is not constant");
    let axes = cx.list("axes", 3, 10);
    // Bounds of other axes may be computed: only those of axes that lose something are read.
    let listed = axes.as_ref().map(Vec::len).or_else(|| bound_count(cx)).ok_or_else(unknown)?;
    let axes = axes.unwrap_or_else(|| (0..listed as i64).collect());
    let axes: Vec<usize> = axes.iter().map(|a| normal_axis(*a, rank)).collect::<Option<_>>().ok_or_else(unknown)?;
    if axes.iter().all(|axis| cx.lost(Port::In(0), *axis).is_empty()) {
        return Ok(());
    }
    let (mut starts, mut ends) = (cx.list("starts", 1, 10).ok_or_else(unknown)?, cx.list("ends", 2, 10).ok_or_else(unknown)?);
    let mut steps = if cx.call().opset < 10 { None } else { cx.numbers(4) }.unwrap_or_else(|| vec![1; axes.len()]);
    if [starts.len(), ends.len(), steps.len()] != [axes.len(); 3] {
        return Err(Unfit::because("its bounds do not fit its axes"));
    }
    let old_steps = steps.clone();
    let shorter = axes.iter().enumerate().filter(|(_, axis)| !cx.lost(Port::In(0), **axis).is_empty());
    let taken = shorter.map(|(k, axis)| Ok((k, *axis, places(cx, *axis, starts[k], ends[k], steps[k])?)));
    for (k, axis, places) in taken.collect::<Result<Vec<_>, Unfit>>()? {
        (starts[k], ends[k], steps[k]) = match arithmetic(&places, steps[k]) {
            Some(bounds) => bounds,
            None if axes.len() == 1 => return pick(cx, axis, &places),
            None => {
                pick_before(cx, axis, &places)?;
                (0, places.len() as i64, 1)
            }
        };
    }
    cx.set_list("starts", 1, 10, starts)?;
    cx.set_list("ends", 2, 10, ends)?;
    if steps != old_steps {
        cx.set_list("steps", 4, 10, steps)?;
    }
    Ok(())
}

fn bound_count(cx: &Shrink<'_>) -> Option<usize> {
    if cx.call().opset < 10 {
        return cx.call().ints("starts").map(<[i64]>::len);
    }
    usize::try_from(cx.fact(Port::In(1)).known_shape()?.first().copied()?).ok()
}

/// The places, on the axis that is left, of what a slice takes and keeps.
fn places(cx: &Shrink<'_>, axis: usize, start: i64, end: i64, step: i64) -> Result<Vec<i64>, Unfit> {
    let (whole, kept) = (cx.length(Port::In(0), axis)?, cx.kept(Port::In(0), axis)?);
    let (first, length) =
        crate::families::span(whole as i64, start, end, step).ok_or(Unfit::because("runtimes differ on what it slices"))?;
    let taken = Grid::of(&[whole as u64]).and_then(|g| g.sliced(0, first as u64, step, length as u64));
    let taken =
        taken.filter(|_| cx.length(Port::Out(0), axis) == Ok(length as usize)).ok_or(Unfit::because("its bounds are not on the axis"))?;
    let old = (0..taken.dims()[0] as i64).map(|k| first + k * step);
    Ok(old.filter_map(|place| Some(kept.binary_search(&usize::try_from(place).ok()?).ok()? as i64)).collect())
}

/// Start, end and step of a slice that takes these places.
fn arithmetic(places: &[i64], step: i64) -> Option<(i64, i64, i64)> {
    let (first, last) = (*places.first()?, *places.last()?);
    let step = places.get(1).map_or(step.signum(), |second| second - first);
    let even = places.windows(2).all(|pair| pair[1] - pair[0] == step);
    // An end before the first index has no number of its own: ONNX clamps what lies far below.
    let end = if step < 0 && last == 0 { -i64::from(i32::MAX) } else { last + step.signum() };
    even.then_some((first, end, step))
}

/// Lets the slice read what a `Gather` in front of it picks from one of several axes.
fn pick_before(cx: &mut Shrink<'_>, axis: usize, places: &[i64]) -> Result<(), Unfit> {
    let data = cx.value(Port::In(0)).ok_or(Unfit::because("it has no input"))?;
    let indices = cx.add_constant(data, Tensor::vector_i64(places));
    let picked = cx.add_before("Gather", vec![Attribute::new("axis", axis as i64)], [data, indices]);
    let node = cx.node;
    cx.model.set_input(node, 0, Some(picked));
    Ok(())
}

/// Makes the slice a `Gather`: what is left of the axis is not evenly spaced.
fn pick(cx: &mut Shrink<'_>, axis: usize, places: &[i64]) -> Result<(), Unfit> {
    let node = cx.node;
    cx.model.truncate_inputs(node, 1);
    let changed = cx.model.node_mut(node);
    (changed.op, changed.attributes) = (OpName::onnx("Gather"), vec![Attribute::new("axis", axis as i64)]);
    cx.set_constant(1, Tensor::vector_i64(places));
    Ok(())
}
