//! Normalizations: what statistics are taken over cannot be cut without changing them.

use super::{ChannelRule, Port::In, Port::Out, SPATIAL, Ties};
use crate::call::normal_axis;

pub(crate) const BATCH_NORM: ChannelRule = ChannelRule::new(|ties| {
    if (1..ties.output_count()).any(|k| ties.has(Out(k))) {
        return ties.lock_all("statistics of training");
    }
    per_channel(ties);
    // The statistics are given: no axis is summed over.
    ties.tie_tensors(In(0), Out(0));
});
pub(crate) const INSTANCE_NORM: ChannelRule = ChannelRule::new(|ties| {
    per_channel(ties);
    ties.lock_rest("normalized over this axis");
});
pub(crate) const GROUP_NORM: ChannelRule = ChannelRule::new(group_norm);
/// The last axes, from `axis` on, are normalized.
pub(crate) const LAYER_NORM: ChannelRule = ChannelRule::new(|ties| last_axes(ties, &[Out(0)], &[In(1), In(2)]));
/// `SkipLayerNormalization`: the sum of two inputs is normalized, and handed out as well.
pub(crate) const SKIP_LAYER_NORM: ChannelRule = ChannelRule::new(|ties| {
    ties.tie_tensors(In(0), In(1));
    last_axes(ties, &[Out(0), Out(3)], &[In(2), In(3), In(4)]);
});
pub(crate) const SOFTMAX: ChannelRule = ChannelRule::new(softmax);
/// One axis is normalized: -1 by default.
pub(crate) const LP_NORM: ChannelRule =
    ChannelRule::new(|ties| along(ties, ties.call.int("axis").unwrap_or(-1), "normalized over this axis"));
/// Channels are normalized over their neighbours.
pub(crate) const LRN: ChannelRule = ChannelRule::new(|ties| along(ties, 1, "normalized over this axis"));
/// The last axis is turned in pairs.
pub(crate) const ROTARY: ChannelRule = ChannelRule::new(|ties| {
    along(ties, -1, "rotated in pairs");
    // The angles are given by sample and place.
    let heads = if ties.rank(In(0)) == 4 { 1 } else { usize::MAX };
    (0..ties.rank(In(0))).filter(|axis| *axis != heads).for_each(|axis| ties.lock((In(0), axis), "rotated by angles of its own"));
});

fn per_channel(ties: &mut Ties<'_>) {
    ties.tie_axes((In(0), 0), (Out(0), 0));
    ties.tie_axes((In(0), 1), (Out(0), 1));
    (1..ties.input_count()).for_each(|k| ties.tie_parameter(In(k), (Out(0), 1)));
}

/// Groups go as wholes: with fewer channels, a group would have other statistics. Their number shrinks.
fn group_norm(ties: &mut Ties<'_>) {
    let (x, y) = (In(0), Out(0));
    let channels = ties.length((x, 1));
    let groups = ties.call.int("num_groups").and_then(|g| usize::try_from(g).ok()).filter(|g| *g > 0);
    let (Some(channels), Some(groups)) = (channels, groups) else { return ties.lock_all("normalized over groups of this axis") };
    if channels % groups != 0 || groups == 1 {
        return ties.lock_all("normalized over groups of this axis");
    }
    let each = channels / groups;
    ties.tie_axes((x, 0), (y, 0));
    ties.tie_axes((x, 1), (y, 1));
    ties.tie_each((x, 1), (x, 1), (0..channels).map(|c| (c, c / each * each)));
    for parameter in [In(1), In(2)] {
        // Before opset 21 there was one a group.
        if ties.length((parameter, 0)) == Some(channels) {
            ties.tie_axes((parameter, 0), (x, 1));
        } else if ties.length((parameter, 0)) == Some(groups) {
            ties.tie_each((parameter, 0), (x, 1), (0..groups).map(|g| (g, g * each)));
        } else {
            ties.lock((x, 1), "parameters of another length");
        }
    }
    ties.lock_rest(SPATIAL);
}

fn last_axes(ties: &mut Ties<'_>, outputs: &[super::Port], parameters: &[super::Port]) {
    let rank = ties.rank(In(0));
    let Some(axis) = normal_axis(ties.call.int("axis").unwrap_or(-1), rank) else { return ties.lock_all("an axis that is not there") };
    for output in outputs {
        ties.tie_tensors(In(0), *output);
    }
    for parameter in parameters {
        if let Some(offset) = rank.checked_sub(ties.rank(*parameter)) {
            ties.broadcast(*parameter, Out(0), offset);
        }
    }
    (axis..rank).for_each(|k| ties.lock((Out(0), k), "normalized over this axis"));
    for statistics in [Out(1), Out(2)] {
        (0..axis).for_each(|k| ties.tie_axes((In(0), k), (statistics, k)));
    }
    ties.lock_rest("statistics");
}

/// All axes are tied, and one is locked.
fn along(ties: &mut Ties<'_>, axis: i64, reason: &'static str) {
    let Some(axis) = normal_axis(axis, ties.rank(In(0))) else { return ties.lock_all("an axis that is not there") };
    ties.tie_tensors(In(0), Out(0));
    ties.lock((Out(0), axis), reason);
}

fn softmax(ties: &mut Ties<'_>) {
    const REASON: &str = "shares are taken along this axis";
    // Before opset 13, all axes from `axis` on were one.
    let modern = ties.call.opset >= 13 && ties.call.node.op.domain().is_empty();
    let Some(axis) = normal_axis(ties.call.int("axis").unwrap_or(if modern { -1 } else { 1 }), ties.rank(In(0))) else {
        return ties.lock_all("an axis that is not there");
    };
    ties.tie_tensors(In(0), Out(0));
    (axis..ties.rank(In(0))).filter(|k| !modern || *k == axis).for_each(|k| ties.lock((Out(0), k), REASON));
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::{units_at, units_of};

    #[test]
    fn batch_norm_is_per_channel() {
        let graph = "(float[N,2,H] x, float[2] s) => (y) { y = BatchNormalization(x, s, s, s, s) }";
        assert_eq!(units_of("x, s, y", graph), "x1[0] s0[0] y1[0]; x1[1] s0[1] y1[1]");
        let training = "(float[N,2,H] x, float[2] s) => (y, m, v) { y, m, v = BatchNormalization <training_mode = 1> (x, s, s, s, s) }";
        assert_eq!(units_of("x, s, y", training), "");
    }

    #[test]
    fn instance_norm_is_per_channel() {
        let graph = "(float[N,2,4] x, float[2] s) => (y) { y = InstanceNormalization(x, s, s) }";
        assert_eq!(units_of("x, s, y", graph), "x1[0] s0[0] y1[0]; x1[1] s0[1] y1[1]");
    }

    #[test]
    fn group_norm_loses_whole_groups() {
        let graph =
            |length: usize| format!("(float[N,4,H] x, float[{length}] s) => (y) {{ y = GroupNormalization <num_groups = 2> (x, s, s) }}");
        assert_eq!(units_of("x, s", &graph(4)), "x1[0] x1[1] s0[0] s0[1]; x1[2] x1[3] s0[2] s0[3]");
        assert_eq!(units_at(18, "x, s", &graph(2)), "x1[0] x1[1] s0[0]; x1[2] x1[3] s0[1]");
    }

    #[test]
    fn layer_norm_locks_what_it_normalizes() {
        let graph = |axis: i64| format!("(float[2,2] x, float[2] s) => (y) {{ y = LayerNormalization <axis = {axis}> (x, s) }}");
        assert_eq!(units_of("x, s, y", &graph(-1)), "x0[0] y0[0]; x0[1] y0[1]");
        assert_eq!(units_of("x, s, y", &graph(0)), "");
    }

    #[test]
    fn shares_need_their_axis() {
        let graph = "(float[2,2,2] x) => (y) { y = Softmax <axis = 1> (x) }";
        assert_eq!(units_of("x", graph), "x0[0]; x0[1]; x2[0]; x2[1]");
        assert_eq!(units_at(12, "x", graph), "x0[0]; x0[1]");
    }
}
