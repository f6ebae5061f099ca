//! To quantized numbers and back: `QuantizeLinear`, `DequantizeLinear`, `DynamicQuantizeLinear`.

use crate::{Fact, Inference, Inferred, OpSpec, channels::quant, infer::InferError};
use shrinx_ir::DataType;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("QuantizeLinear", quantize_linear).cuts(quant::LINEAR),
    OpSpec::new("DequantizeLinear", dequantize_linear).cuts(quant::LINEAR),
    OpSpec::new("DynamicQuantizeLinear", dynamic_quantize_linear),
];

pub(super) fn quantize_linear(cx: &mut Inference<'_>) -> Inferred {
    let asked = cx.call.dtype("output_dtype");
    let dtype = match (cx.dtype(2), asked) {
        (Some(zero), Some(asked)) if zero != asked => {
            return Err(InferError(format!("output_dtype {asked} and a zero point of type {zero}")));
        }
        (None, None) if !cx.has_input(2) => Some(DataType::Uint8),
        (zero, asked) => zero.or(asked),
    };
    Ok(vec![Fact::new(dtype, cx.shape(0))])
}

pub(super) fn dequantize_linear(cx: &mut Inference<'_>) -> Inferred {
    let asked = cx.call.dtype("output_dtype");
    Ok(vec![Fact::new(asked.or(cx.dtype(1)), cx.shape(0))])
}

fn dynamic_quantize_linear(cx: &mut Inference<'_>) -> Inferred {
    let scalar = |dtype| Fact::new(Some(dtype), Some(vec![]));
    Ok(vec![Fact::new(Some(DataType::Uint8), cx.shape(0)), scalar(DataType::Float), scalar(DataType::Uint8)])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn the_zero_point_tells_the_type() {
        let graph = "g (float[N,3] x, float s, int8 z) => (a, b, c, d) {
            a = QuantizeLinear(x, s, z)
            b = QuantizeLinear(x, s)
            c = QuantizeLinear <output_dtype = 22> (x, s)
            d = DequantizeLinear(a, s, z)
        }";
        assert_eq!(facts_of(graph), "int8[N,3]; uint8[N,3]; int4[N,3]; float[N,3]");
    }

    #[test]
    fn dynamic_parameters_are_scalars() {
        let graph = "g (float[N,3] x) => (y, s, z) { y, s, z = DynamicQuantizeLinear(x) }";
        assert_eq!(facts_of(graph), "uint8[N,3]; float[]; uint8[]");
    }
}
