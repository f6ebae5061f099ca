//! Reductions: what is summed or compared over cannot be cut without changing the result.

use super::{ChannelRule, Port::In, Port::Out, Ties};
use crate::{call::normal_axis, site::Site};

pub(crate) const REDUCE: ChannelRule = ChannelRule::new(reduce);
/// `ArgMax` and its kin: along one axis.
pub(crate) const INDEX_OF: ChannelRule = ChannelRule::new(|ties| match normal_axis(ties.call.int("axis").unwrap_or(0), ties.rank(In(0))) {
    Some(axis) => over(ties, |k| k == axis),
    None => ties.lock_all(NO_AXIS),
});
/// Running sums: the length stays, the order matters.
pub(crate) const RUNNING: ChannelRule = ChannelRule::new(|ties| {
    let axis = ties.integers(1).and_then(|a| normal_axis(*a.first()?, ties.rank(In(0))));
    let Some(axis) = axis else { return ties.lock_all(NO_AXIS) };
    ties.tie_tensors(In(0), Out(0));
    ties.lock((In(0), axis), REASON);
});
pub(crate) const TOP: ChannelRule = ChannelRule::new(|ties| {
    let Some(axis) = normal_axis(ties.call.int("axis").unwrap_or(-1), ties.rank(In(0))) else { return ties.lock_all(NO_AXIS) };
    for y in [Out(0), Out(1)] {
        (0..ties.rank(y)).filter(|k| *k != axis).for_each(|k| ties.tie_axes((In(0), k), (y, k)));
    }
    ties.lock_rest(REASON);
});

const NO_AXIS: &str = "an axis that is not there";
const REASON: &str = "reduced along this axis";

fn reduce(ties: &mut Ties<'_>) {
    let rank = ties.rank(In(0));
    let axes = match ties.call.ints("axes") {
        Some(axes) => Some(axes.to_vec()),
        None if ties.given(1) => ties.integers(1),
        None => Some(Vec::new()),
    };
    let Some(axes) = axes.and_then(|axes| axes.into_iter().map(|a| normal_axis(a, rank)).collect::<Option<Vec<_>>>()) else {
        return ties.lock_all("axes that are not known before it runs");
    };
    let nothing = ties.call.int("noop_with_empty_axes").unwrap_or(0) != 0;
    over(ties, |k| if axes.is_empty() { !nothing } else { axes.contains(&k) });
}

fn over(ties: &mut Ties<'_>, reduced: impl Fn(usize) -> bool) {
    let keeps = ties.call.int("keepdims").unwrap_or(1) != 0;
    let mut place = 0;
    for k in 0..ties.rank(In(0)) {
        if reduced(k) {
            ties.lock((In(0), k), REASON);
        } else {
            ties.tie_axes((In(0), k), (Out(0), place));
        }
        place += usize::from(keeps || !reduced(k));
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::{units_at, units_of};

    #[test]
    fn other_axes_stay() {
        let graph = "(float[2,2,2] x) => (y) { y = ReduceMean <keepdims = 0> (x, [-1, 0]) }";
        assert_eq!(units_of("x, y", graph), "x1[0] y0[0]; x1[1] y0[1]");
        assert_eq!(units_at(11, "x, y", "(float[2,2] x) => (y) { y = ReduceMax <axes = [0]> (x) }"), "x1[0] y1[0]; x1[1] y1[1]");
        assert_eq!(units_of("x, y", "(float[2,2] x) => (y) { y = ArgMax <axis = 1, keepdims = 0> (x) }"), "x0[0] y0[0]; x0[1] y0[1]");
    }

    #[test]
    fn all_or_unknown_axes_lock() {
        assert_eq!(units_of("x", "(float[2,2] x) => (y) { y = ReduceSum(x) }"), "");
        assert_eq!(units_of("x", "(float[2,2] x, int64[1] a) => (y) { y = ReduceSum(x, a) }"), "");
        assert_eq!(units_of("x", "(float[2] x) => (y) { y = ReduceSum <noop_with_empty_axes = 1> (x) }"), "x0[0]; x0[1]");
    }

    #[test]
    fn order_needs_its_axis() {
        assert_eq!(units_of("x", "(float[2,2] x) => (y) { y = CumSum(x, 1) }"), "x0[0]; x0[1]");
        assert_eq!(units_of("x", "(float[2,2] x) => (y, i) { y, i = TopK(x, [1]) }"), "x0[0]; x0[1]");
    }
}
