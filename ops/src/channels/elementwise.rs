//! Operators that compute each element from its own: all axes are tied.

use super::{ChannelRule, Port, Ties};

/// All outputs have the axes of the first input.
pub(crate) const UNARY: ChannelRule = ChannelRule::new(unary);
/// All inputs broadcast to the output.
pub(crate) const BROADCAST: ChannelRule = ChannelRule::new(|ties| broadcast(ties, (0..ties.input_count()).map(Port::In)));
/// Likewise; what is compared with stored numbers, as a one-hot code is, keeps them.
pub(crate) const COMPARE: ChannelRule = ChannelRule::new(|ties| {
    broadcast(ties, [Port::In(0), Port::In(1)]);
    for k in 0..2 {
        if ties.is_constant(k) {
            ties.lock_tensor(Port::In(k), "compared with stored numbers");
        }
    }
});
/// Two inputs broadcast to the output, and has a scale and a zero point.
pub(crate) const QLINEAR_BROADCAST: ChannelRule = ChannelRule::new(|ties| broadcast(ties, [Port::In(0), Port::In(3)]));
/// The second input lends its type only.
pub(crate) const LIKE: ChannelRule = ChannelRule::new(|ties| {
    unary(ties);
    free(ties, Port::In(1));
});
/// Nothing is needed of the input but its shape.
pub(crate) const SHAPE: ChannelRule = ChannelRule::new(|ties| free(ties, Port::In(0)));
/// A stored value.
pub(crate) const CONSTANT: ChannelRule = ChannelRule::new(|ties| free(ties, Port::Out(0)));

fn unary(ties: &mut Ties<'_>) {
    (0..ties.output_count()).for_each(|k| ties.tie_tensors(Port::In(0), Port::Out(k)));
}

fn free(ties: &mut Ties<'_>, port: Port) {
    (0..ties.rank(port)).for_each(|k| ties.free((port, k)));
}

fn broadcast(ties: &mut Ties<'_>, operands: impl IntoIterator<Item = Port>) {
    let y = Port::Out(0);
    for x in operands {
        let Some(behind) = ties.rank(y).checked_sub(ties.rank(x)) else { return ties.lock_all("operands longer than the result") };
        // Before opset 7, an attribute tells where the second operand starts.
        let stated = ties.call.int("axis").filter(|_| ties.call.opset < 7 && x != Port::In(0)).and_then(|k| usize::try_from(k).ok());
        ties.broadcast(x, y, stated.unwrap_or(behind));
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_of;

    #[test]
    fn operands_meet_from_the_right() {
        assert_eq!(
            units_of("x, c -> y", "(float[N,2,H] x, float[2,1] c) => (y) { y = Add(x, c) }"),
            "x1[0] c0[0] y1[0]; x1[1] c0[1] y1[1]"
        );
        assert_eq!(units_of("x, c -> y", "(float[N,2] x, float[N,1] c) => (y) { y = PRelu(x, c) }"), "x1[0] y1[0]; x1[1] y1[1]");
    }

    #[test]
    fn lengths_that_may_differ_are_locked() {
        assert_eq!(units_of("x, c -> y", "(float[N,2] x, float[T] c) => (y) { y = Mul(x, c) }"), "");
    }

    #[test]
    fn stored_numbers_that_are_compared_stay() {
        assert_eq!(units_of("x, y", "(float[2] x, float[2] t) => (y) { y = Less(x, t) }"), "x0[0] y0[0]; x0[1] y0[1]");
        assert_eq!(units_of("x, y", "(float[N,1] x) => (y) <float[2] c = {0, 1}> { y = Equal(x, c) }"), "");
    }

    #[test]
    fn masks_and_types() {
        assert_eq!(units_of("x -> y, m", "(float[2] x) => (y, m) { y, m = Dropout(x) }"), "x0[0] y0[0] m0[0]; x0[1] y0[1] m0[1]");
        assert_eq!(
            units_of("x, t -> y", "(float[2] x, float[2] t) => (y) { y = CastLike(x, t) }"),
            "x0[0] y0[0]; x0[1] y0[1]; t0[0]; t0[1]"
        );
    }
}
