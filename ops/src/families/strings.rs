//! Strings (ONNX `StringConcat`, `StringNormalizer`, `StringSplit`, `RegexFullMatch`).

use super::elementwise::broadcast_inputs;
use crate::{Fact, Inference, Inferred, OpSpec};
use shrinx_ir::DataType;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("RegexFullMatch", |cx| Ok(vec![Fact::new(Some(DataType::Bool), cx.shape(0))])),
    OpSpec::new("StringConcat", broadcast_inputs),
    OpSpec::new("StringNormalizer", normalize),
    OpSpec::new("StringSplit", split),
];

/// Stop words are dropped, so that the length is not known.
fn normalize(cx: &mut Inference<'_>) -> Inferred {
    let mut shape = cx.shape(0);
    let length = cx.fresh();
    if let Some(last) = shape.as_mut().and_then(|s| s.last_mut()) {
        *last = length;
    }
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

/// The parts, padded to the number of the longest, and the numbers of parts.
fn split(cx: &mut Inference<'_>) -> Inferred {
    let shape = cx.shape(0);
    let longest = cx.fresh();
    let parts = shape.clone().map(|s| [s, vec![longest]].concat());
    Ok(vec![Fact::new(cx.dtype(0), parts), Fact::new(Some(DataType::Int64), shape)])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn parts_have_an_axis_of_their_own() {
        assert_eq!(facts_of("g (string[N] x) => (y, z) { y, z = StringSplit(x) }"), "string[N,?1]; int64[N]");
        assert_eq!(facts_of("g (string[N] x, string[1] y) => (z) { z = StringConcat(x, y) }"), "string[N]");
    }
}
