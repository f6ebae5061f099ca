//! Operators that move slices along an axis: each output slice is tied to where it comes from.

use super::{ChannelRule, Port::In, Port::Out, Ties};
use crate::{
    call::normal_axis,
    families::{concat::joined_axis, pad, slice, transpose::permutation},
    site::Site,
};
use shrinx_ir::Dim;

pub(crate) const CONCAT: ChannelRule = ChannelRule::new(concat);
pub(crate) const SPLIT: ChannelRule = ChannelRule::new(split);
pub(crate) const SLICE: ChannelRule = ChannelRule::new(sliced);
pub(crate) const GATHER: ChannelRule = ChannelRule::new(gather);
pub(crate) const TRANSPOSE: ChannelRule = ChannelRule::new(|ties| match permutation(ties.call, ties.rank(In(0))) {
    Ok(axes) => axes.into_iter().enumerate().for_each(|(k, from)| ties.tie_axes((In(0), from), (Out(0), k))),
    Err(_) => ties.lock_all("no permutation of its axes"),
});
pub(crate) const EXPAND: ChannelRule = ChannelRule::new(expand);
pub(crate) const TILE: ChannelRule = ChannelRule::new(tile);
pub(crate) const PAD: ChannelRule = ChannelRule::new(padded);

const NO_AXIS: &str = "an axis that is not there";
const MOVING: &str = "slices at places that are not known before it runs";

fn concat(ties: &mut Ties<'_>) {
    let rank = ties.rank(Out(0));
    let Ok(axis) = joined_axis(ties.call, rank) else { return ties.lock_all(NO_AXIS) };
    let ports: Vec<_> = (0..ties.input_count()).map(In).filter(|p| ties.has(*p)).collect();
    if ports.iter().any(|p| ties.rank(*p) != rank) {
        return ties.lock_all("operands of other ranks");
    }
    let lengths: Option<Vec<usize>> = ports.iter().map(|p| ties.length((*p, axis))).collect();
    let mut start = 0;
    for (n, port) in ports.iter().enumerate() {
        (0..rank).filter(|k| *k != axis).for_each(|k| ties.tie_axes((*port, k), (Out(0), k)));
        if let Some(length) = lengths.as_ref().map(|all| all[n]) {
            ties.tie_each((*port, axis), (Out(0), axis), (0..length).map(|i| (i, start + i)));
            start += length;
        }
    }
    if lengths.is_none() {
        ties.lock_each(ports.into_iter().chain([Out(0)]).map(|p| (p, axis)), MOVING);
    }
}

fn split(ties: &mut Ties<'_>) {
    let rank = ties.rank(In(0));
    let Some(axis) = normal_axis(ties.call.int("axis").unwrap_or(0), rank) else { return ties.lock_all(NO_AXIS) };
    let outputs = ties.output_count();
    let lengths: Option<Vec<usize>> = (0..outputs).map(|k| ties.length((Out(k), axis))).collect();
    let mut start = 0;
    for k in 0..outputs {
        (0..rank).filter(|a| *a != axis).for_each(|a| ties.tie_axes((Out(k), a), (In(0), a)));
        if let Some(length) = lengths.as_ref().map(|all| all[k]) {
            ties.tie_each((Out(k), axis), (In(0), axis), (0..length).map(|i| (i, start + i)));
            start += length;
        }
    }
    if lengths.is_none() {
        ties.lock_each((0..outputs).map(Out).chain([In(0)]).map(|p| (p, axis)), MOVING);
    }
}

fn sliced(ties: &mut Ties<'_>) {
    let rank = ties.rank(In(0));
    let list = |name: &str, port: usize| -> Option<Vec<Dim>> {
        if ties.call.opset < 10 {
            Some(ties.call.ints(name)?.iter().copied().map(Dim::Known).collect())
        } else {
            ties.fact(In(port)).contents.clone()
        }
    };
    let (starts, ends) = (list("starts", 1), list("ends", 2));
    let count = starts.as_ref().or(ends.as_ref()).map(Vec::len);
    let Ok(Some(axes)) = slice::axes(ties, count) else { return ties.lock_all(MOVING) };
    let steps = slice::steps(ties).ok().map(|steps| steps.unwrap_or_else(|| vec![1; axes.len()]));
    let mut moved = vec![false; rank];
    for (k, axis) in axes.iter().enumerate() {
        let Some(axis) = normal_axis(*axis, rank).filter(|a| !moved[*a]) else { return ties.lock_all(NO_AXIS) };
        moved[axis] = true;
        let number = |list: &Option<Vec<Dim>>| list.as_ref()?.get(k)?.known();
        let step = steps.as_ref().and_then(|s| s.get(k).copied());
        let length = ties.length((In(0), axis)).and_then(|n| i64::try_from(n).ok());
        let bounds = length.zip(number(&starts)).zip(number(&ends)).zip(step);
        let span = bounds.and_then(|(((length, start), end), step)| Some((slice::span(length, start, end, step)?, step)));
        match span.filter(|((_, len), _)| ties.length((Out(0), axis)).is_some_and(|n| n as i64 == *len)) {
            Some(((first, len), step)) => {
                ties.tie_each((Out(0), axis), (In(0), axis), (0..len).map(|i| (i as usize, (first + i * step) as usize)));
            }
            None => ties.lock_each([(In(0), axis), (Out(0), axis)], MOVING),
        }
    }
    (0..rank).filter(|a| !moved[*a]).for_each(|a| ties.tie_axes((In(0), a), (Out(0), a)));
}

fn gather(ties: &mut Ties<'_>) {
    let (data, picks, rank) = (In(0), ties.rank(In(1)), ties.rank(In(0)));
    let Some(axis) = normal_axis(ties.call.int("axis").unwrap_or(0), rank) else { return ties.lock_all(NO_AXIS) };
    for k in (0..rank).filter(|k| *k != axis) {
        ties.tie_axes((data, k), (Out(0), if k < axis { k } else { k + picks - 1 }));
    }
    let length = ties.length((data, axis)).unwrap_or(0) as i64;
    let constant = if picks == 1 && ties.is_constant(1) { ties.integers(1) } else { None };
    match constant.filter(|all| all.iter().all(|i| (-length..length).contains(i))) {
        Some(all) => ties.tie_each((Out(0), axis), (data, axis), all.iter().enumerate().map(|(k, i)| (k, i.rem_euclid(length) as usize))),
        None => ties.lock((data, axis), "looked up by index"),
    }
}

/// Axes that it repeats may shrink as they please, if the shape can be rewritten.
fn expand(ties: &mut Ties<'_>) {
    let (x, y) = (In(0), Out(0));
    let Some(offset) = ties.rank(y).checked_sub(ties.rank(x)) else { return ties.lock_all("an input longer than the result") };
    let repeats = |ties: &Ties<'_>, k: usize| k < offset || (ties.length((x, k - offset)) == Some(1) && ties.length((y, k)) != Some(1));
    ties.broadcast(x, y, offset);
    if ties.is_constant(1) {
        (0..ties.rank(y)).filter(|k| repeats(ties, *k)).collect::<Vec<_>>().into_iter().for_each(|k| ties.free((y, k)));
    }
}

fn tile(ties: &mut Ties<'_>) {
    let repeats = ties.integers(1).filter(|r| r.len() == ties.rank(In(0)));
    let Some(repeats) = repeats else { return ties.lock_all("repeats that are not known before it runs") };
    for (k, repeats) in repeats.into_iter().enumerate() {
        match (ties.length((In(0), k)), ties.length((Out(0), k))) {
            _ if repeats == 1 => ties.tie_axes((In(0), k), (Out(0), k)),
            (Some(from @ 1..), Some(to)) => ties.tie_each((Out(0), k), (In(0), k), (0..to).map(|i| (i, i % from))),
            _ => ties.lock_each([(In(0), k), (Out(0), k)], MOVING),
        }
    }
}

fn padded(ties: &mut Ties<'_>) {
    let rank = ties.rank(In(0));
    let pads = if ties.call.opset < 11 { pad::attribute_pads(ties) } else { ties.integers(1) };
    let Some(axes) = pad::axes(ties, rank).ok().filter(|axes| pads.as_ref().is_some_and(|p| p.len() == 2 * axes.len())) else {
        return ties.lock_all("pads that are not known before it runs");
    };
    let pads = pads.unwrap_or_default();
    let mut at = vec![false; rank];
    for (k, axis) in axes.iter().enumerate() {
        let Some(axis) = normal_axis(*axis, rank) else { return ties.lock_all(NO_AXIS) };
        at[axis] |= pads[k] != 0 || pads[k + axes.len()] != 0;
    }
    for (k, at) in at.into_iter().enumerate() {
        if at {
            ties.lock_each([(In(0), k), (Out(0), k)], "padded along this axis");
        } else {
            ties.tie_axes((In(0), k), (Out(0), k));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::{units_at, units_of};

    #[test]
    fn joined_axes_follow_one_another() {
        let graph = "(float[N,1] a, float[N,2] b) => (y) { y = Concat <axis = 1> (a, b, b) }";
        assert_eq!(units_of("b, y", graph), "b1[0] y1[1] y1[3]; b1[1] y1[2] y1[4]");
        assert_eq!(units_of("b, y", &graph.replace("float[N,1]", "float[N,T]")), "");
    }

    #[test]
    fn split_axes_are_parts() {
        let graph = "(float[4] x) => (a, b) { a, b = Split <num_outputs = 2> (x) }";
        assert_eq!(units_of("x, a, b", graph), "x0[0] a0[0]; x0[1] a0[1]; x0[2] b0[0]; x0[3] b0[1]");
        assert_eq!(units_of("x", "(float[4] x, int64[2] s) => (a, b) { a, b = Split(x, s) }"), "");
    }

    #[test]
    fn slices_have_places() {
        let graph = "(float[N,4] x) => (y) { y = Slice(x, [-1], [0], [1], [-2]) }";
        assert_eq!(units_of("x, y", graph), "x1[0]; x1[1] y1[1]; x1[2]; x1[3] y1[0]");
        let old = "(float[2,4] x) => (y) { y = Slice <axes = [1], starts = [0], ends = [999]> (x) }";
        assert_eq!(units_at(9, "y", old), "y0[0]; y0[1]; y1[0]; y1[1]; y1[2]; y1[3]");
        assert_eq!(units_of("x", "(float[2,4] x, int64[1] s) => (y) { y = Slice(x, s, [2], [1]) }"), "x0[0]; x0[1]");
    }

    #[test]
    fn constant_places_are_followed() {
        let graph = "(float[N,3] x) => (y) <int64[2] i = {-1, 0}> { y = Gather <axis = 1> (x, i) }";
        assert_eq!(units_of("x, y", graph), "x1[0] y1[1]; x1[1]; x1[2] y1[0]");
    }

    #[test]
    fn looked_up_rows_stay() {
        let graph = "(float[3,2] x, int64[N,T] i) => (y) { y = Gather(x, i) }";
        assert_eq!(units_of("x, y", graph), "x1[0] y2[0]; x1[1] y2[1]");
        assert_eq!(
            units_of("x, y", "(float[2,3,2] x) => (y) { y = Gather <axis = 1> (x, 1) }"),
            "x0[0] y0[0]; x0[1] y0[1]; x2[0] y1[0]; x2[1] y1[1]"
        );
    }

    #[test]
    fn axes_are_permuted() {
        assert_eq!(units_of("x, y", "(float[N,2] x) => (y) { y = Transpose(x) }"), "x1[0] y0[0]; x1[1] y0[1]");
    }

    #[test]
    fn repeated_axes_are_free() {
        let graph = "(float[N,1,2] x) => (y) { y = Expand(x, [1, 2, 1]) }";
        assert_eq!(units_of("x, y", graph), "x2[0] y2[0]; x2[1] y2[1]; y1[0]; y1[1]");
        let tiled = "(float[N,2] x) => (y) { y = Tile(x, [1, 2]) }";
        assert_eq!(units_of("x, y", tiled), "x1[0] y1[0] y1[2]; x1[1] y1[1] y1[3]");
        assert_eq!(units_of("x", "(float[N,2] x, int64[2] r) => (y) { y = Tile(x, r) }"), "");
    }

    #[test]
    fn padded_axes_stay() {
        let graph = "(float[1,2,4] x) => (y) { y = Pad(x, [0, 0, 1, 0, 0, 1]) }";
        assert_eq!(units_of("x, y", graph), "x1[0] y1[0]; x1[1] y1[1]");
        assert_eq!(units_of("x", "(float[1,2] x) => (y) { y = Pad(x, [0, 1, 0, 0]) }"), "");
        assert_eq!(units_of("x", "(float[1,2] x, int64[4] p) => (y) { y = Pad(x, p) }"), "");
    }
}
