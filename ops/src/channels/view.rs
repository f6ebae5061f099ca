//! Operators that keep all elements in their order, and those that move pixels into channels.

use super::{ChannelRule, Port::In, Port::Out, SPATIAL, Ties};
use crate::families::space_depth::{block_size, depth_last};

/// The same elements in another shape.
pub(crate) const VIEW: ChannelRule = ChannelRule::new(|ties| ties.view(In(0), Out(0)));
pub(crate) const DEPTH_TO_SPACE: ChannelRule = ChannelRule::new(|ties| pixels(ties, (In(0), 1), (Out(0), 1)));
pub(crate) const SPACE_TO_DEPTH: ChannelRule = ChannelRule::new(|ties| pixels(ties, (Out(0), 1), (In(0), 1)));

/// Ties channels that hold the pixels of one channel: by stride, or side by side.
fn pixels(ties: &mut Ties<'_>, many: super::Axis, few: super::Axis) {
    let Some(side_by_side) = depth_last(ties.call) else { return ties.lock_all("an order that is not known") };
    let (Ok(block), Some(n), Some(channels @ 1..)) = (block_size(ties.call), ties.length(many), ties.length(few)) else {
        return ties.lock_all("channels that are not known");
    };
    let each = (block * block) as usize;
    if channels > 1 {
        ties.tie_each(many, few, (0..n).map(|c| (c, if side_by_side { c / each } else { c % channels })));
    }
    ties.tie_axes((In(0), 0), (Out(0), 0));
    ties.lock_rest(SPATIAL);
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_of;

    fn reshaped(from: &str, to: &str, shape: &str) -> String {
        units_of(
            "x, y",
            &format!(
                "(float[{from}] x, float[{to}] like) => (y) <int64[{}] s = {{{shape}}}> {{ y = Reshape(x, s) }}",
                shape.split(',').count()
            ),
        )
    }

    #[test]
    fn axes_that_stay_are_tied() {
        assert_eq!(reshaped("N,T,2", "1", "-1,2"), "x2[0] y1[0]; x2[1] y1[1]");
        assert_eq!(reshaped("N,2,H,W", "1", "0,2,-1"), "x1[0] y1[0]; x1[1] y1[1]");
        assert_eq!(reshaped("1,2,1,N", "1", "2,-1"), "x1[0] y0[0]; x1[1] y0[1]");
    }

    #[test]
    fn heads_lose_width() {
        assert_eq!(reshaped("N,T,4", "1", "0,0,2,2"), "x2[0] x2[2] y3[0]; x2[1] x2[3] y3[1]");
    }

    #[test]
    fn merged_axes_follow_the_part_that_is_free() {
        let graph = "(float[N,2,2] x, float[1,2,2] w) => (y) <int64[2] s = {0, -1}> { p = Conv(x, w) a = MaxPool <kernel_shape = [1]> (x) y = Reshape(a, s) }";
        assert_eq!(units_of("x, y", graph), "x1[0] y1[0] y1[1]; x1[1] y1[2] y1[3]");
    }

    #[test]
    fn both_sides_may_be_cut_into_parts() {
        assert_eq!(reshaped("N,4,2", "1", "0,2,4"), "x2[0] y2[0] y2[2]; x2[1] y2[1] y2[3]");
        assert_eq!(reshaped("N,6,2", "1", "0,4,3"), "");
    }

    #[test]
    fn what_cannot_be_matched_is_locked() {
        let graph = "(float[N,4] x, int64[2] s) => (y) { y = Reshape(x, s) }";
        assert_eq!(units_of("x, y", graph), "");
    }

    #[test]
    fn pixels_of_a_channel_go_together() {
        let shuffled = |mode: &str| {
            units_of("x, y", &format!("(float[N,8,H,W] x) => (y) {{ y = DepthToSpace <blocksize = 2, mode = \"{mode}\"> (x) }}"))
        };
        assert_eq!(shuffled("DCR"), "x1[0] x1[2] x1[4] x1[6] y1[0]; x1[1] x1[3] x1[5] x1[7] y1[1]");
        assert_eq!(shuffled("CRD"), "x1[0] x1[1] x1[2] x1[3] y1[0]; x1[4] x1[5] x1[6] x1[7] y1[1]");
        let gathered =
            |mode: &str| units_of("x, y", &format!("(float[N,2,H,W] x) => (y) {{ y = SpaceToDepth <blocksize = 2{mode}> (x) }}"));
        assert_eq!(gathered(""), "x1[0] y1[0] y1[2] y1[4] y1[6]; x1[1] y1[1] y1[3] y1[5] y1[7]");
        assert_eq!(gathered(", mode = \"CRD\""), "x1[0] y1[0] y1[1] y1[2] y1[3]; x1[1] y1[4] y1[5] y1[6] y1[7]");
    }

    #[test]
    fn a_shuffle_written_out() {
        let graph = "(float[N,8,H,W] x, float[1,2,1,1] w) => (z) <int64[6] s = {0, 2, 2, 2, -1, 7}> {
            a = Reshape(x, s) b = Transpose <perm = [0, 1, 4, 2, 5, 3]> (a) h = Shape <start = 2> (x) t = Mul(h, [2]) u = Concat <axis = 0> ([-1], [2], t)
            y = Reshape(b, u) z = Conv(y, w)
        }";
        assert_eq!(units_of("x", &graph.replace("H,W", "N,7")), "x1[0] x1[1] x1[2] x1[3]; x1[4] x1[5] x1[6] x1[7]");
    }
}
