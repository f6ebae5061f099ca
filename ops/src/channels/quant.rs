//! Quantization: per-channel parameters follow their axis.

use super::{ChannelRule, Port::In, Port::Out, Ties};
use crate::call::normal_axis;

/// `QuantizeLinear` and `DequantizeLinear`.
pub(crate) const LINEAR: ChannelRule = ChannelRule::new(linear);

fn linear(ties: &mut Ties<'_>) {
    if ties.call.int("block_size").unwrap_or(0) != 0 || ties.rank(In(1)) > 1 {
        return ties.lock_all("quantized in blocks");
    }
    ties.tie_tensors(In(0), Out(0));
    if let Some(axis) = normal_axis(ties.call.int("axis").unwrap_or(1), ties.rank(In(0))) {
        for parameter in [In(1), In(2)] {
            ties.tie_parameter(parameter, (In(0), axis));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_of;

    #[test]
    fn scales_follow_their_axis() {
        let graph = "(int8[2,2] x, float[2] s, int8[2] z) => (y) { y = DequantizeLinear <axis = 0> (x, s, z) }";
        assert_eq!(units_of("x, s, z", graph), "x0[0] s0[0] z0[0]; x0[1] s0[1] z0[1]; x1[0]; x1[1]");
    }

    #[test]
    fn blocks_are_locked() {
        let graph = "(int8[2,4] x, float[2,2] s) => (y) { y = DequantizeLinear <axis = 1, block_size = 2> (x, s) }";
        assert_eq!(units_of("x, s", graph), "");
    }
}
