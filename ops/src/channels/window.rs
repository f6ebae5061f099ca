//! Operators over windows of space: batch and channels stay.

use super::{ChannelRule, Port::In, Port::Out, SPATIAL, Ties};
use crate::site::Site;

pub(crate) const POOL: ChannelRule = ChannelRule::new(|ties| {
    // Its places count through all channels.
    if ties.has(Out(1)) {
        return ties.lock_all("places of the largest elements");
    }
    for axis in [0, 1] {
        ties.tie_axes((In(0), axis), (Out(0), axis));
    }
    ties.lock_rest(SPATIAL);
});
pub(crate) const RESIZE: ChannelRule = ChannelRule::new(resize);

/// Ties the axes that keep their length because their scale is 1.
fn resize(ties: &mut Ties<'_>) {
    let rank = ties.rank(In(0));
    let port = if ties.call.node.is("Upsample") || ties.call.opset < 11 { 1 } else { 2 };
    let attribute = ties.call.floats("scales").map(|s| s.iter().map(|s| f64::from(*s)).collect::<Vec<_>>());
    let scales = attribute.or_else(|| ties.numbers(port)).filter(|s| !s.is_empty());
    let axes: Vec<i64> = ties.call.ints("axes").map_or_else(|| (0..rank as i64).collect(), <[i64]>::to_vec);
    let crops = ties.call.string("coordinate_transformation_mode") == Some("tf_crop_and_resize");
    for k in 0..rank {
        let place = axes.iter().position(|a| crate::call::normal_axis(*a, rank) == Some(k));
        let whole = match (place, &scales) {
            (None, _) => true,
            (Some(place), Some(scales)) => scales.get(place) == Some(&1.0),
            // By sizes: an equal length is a scale of 1.
            (Some(_), None) => ties.given(3) && ties.call.string("keep_aspect_ratio_policy").is_none_or(|p| p == "stretch"),
        };
        let same = ties.length((In(0), k)).is_some() && ties.length((In(0), k)) == ties.length((Out(0), k));
        if whole && same && !crops {
            ties.tie_axes((In(0), k), (Out(0), k));
        }
    }
    ties.lock_rest(SPATIAL);
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::{units_at, units_of};

    #[test]
    fn channels_pass_pools() {
        let pool = |outputs: &str| format!("(float[N,2,4,4] x) => (y) {{ {outputs} = MaxPool <kernel_shape = [2, 2]> (x) }}");
        assert_eq!(units_of("x, y", &pool("y")), "x1[0] y1[0]; x1[1] y1[1]");
        assert_eq!(units_of("x, y", &pool("y, i")), "");
    }

    #[test]
    fn channels_pass_scales_of_1() {
        let resize = |scale: &str| {
            let scales = format!("float[4] s = {{1, {scale}, 2, 2}}");
            units_of("x, y", &format!("(float[1,2,4,4] x) => (y) <{scales}> {{ y = Resize(x, \"\", s) }}"))
        };
        assert_eq!(resize("1"), "x1[0] y1[0]; x1[1] y1[1]");
        assert_eq!(resize("1.25"), "");
        let sizes = "(float[1,2,4,4] x) => (y) <int64[4] s = {1, 2, 9, 9}> { y = Resize(x, \"\", \"\", s) }";
        assert_eq!(units_of("x, y", sizes), "x1[0] y1[0]; x1[1] y1[1]");
        let old = "(float[1,2,4,4] x) => (y) <float[4] s = {1, 1, 2, 2}> { y = Upsample(x, s) }";
        assert_eq!(units_at(9, "x, y", old), "x1[0] y1[0]; x1[1] y1[1]");
    }
}
