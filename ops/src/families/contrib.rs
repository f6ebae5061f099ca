//! Operators of ONNX Runtime that exporters and its optimizer write (domain `com.microsoft`).

use super::{conv, elementwise::same_as_input, matmul, matmul::matmul_shape, quant};
use crate::{
    Fact, Inference, Inferred, OpSpec,
    channels::{elementwise, linear, norm, quant as quantization},
    infer::InferError,
    infer::agree,
    infer::unknown,
    shrink,
};
use shrinx_ir::{DataType, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    microsoft("Gelu", same_as_input).cuts(elementwise::UNARY),
    microsoft("BiasGelu", same_as_input).cuts(elementwise::BROADCAST),
    microsoft("FastGelu", same_as_input).cuts(elementwise::UNARY),
    microsoft("QuickGelu", same_as_input).cuts(elementwise::UNARY),
    microsoft("RotaryEmbedding", same_as_input).cuts(norm::ROTARY),
    microsoft("SkipLayerNormalization", skip_normalization).cuts(norm::SKIP_LAYER_NORM),
    microsoft("SkipSimplifiedLayerNormalization", skip_normalization).cuts(norm::SKIP_LAYER_NORM),
    // ONNX Runtime keeps this one in the standard domain.
    OpSpec::new("SimplifiedLayerNormalization", |cx| Ok(vec![Fact::new(cx.dtype(1), cx.shape(0))])).cuts(norm::LAYER_NORM),
    microsoft("FusedConv", conv::conv).cuts(linear::CONV).shrinks(shrink::conv).contracts(conv::channels).costs(conv::conv_macs),
    microsoft("FusedGemm", matmul::gemm).cuts(linear::GEMM).contracts(matmul::gemm_contracts).costs(matmul::gemm_macs),
    microsoft("FusedMatMul", fused_matmul).cuts(linear::FUSED_MATMUL).contracts(fused_contracts).costs(fused_matmul_macs),
    microsoft("MatMulNBits", matmul_nbits).cuts(linear::MATMUL_PACKED).costs(matmul_nbits_macs),
    microsoft("MatMulIntegerToFloat", |cx| float_matmul(cx, cx.dtype(2))).cuts(linear::MATMUL_INTEGER_TO_FLOAT).costs(matmul::matmul_macs),
    microsoft("DynamicQuantizeMatMul", |cx| float_matmul(cx, cx.dtype(0))).cuts(linear::DYNAMIC_QUANTIZE_MATMUL).costs(matmul::matmul_macs),
    microsoft("QuantizeLinear", quant::quantize_linear).cuts(quantization::LINEAR),
    microsoft("DequantizeLinear", quant::dequantize_linear).cuts(quantization::LINEAR),
    microsoft("QLinearAdd", qlinear_broadcast).cuts(elementwise::QLINEAR_BROADCAST),
    microsoft("QLinearMul", qlinear_broadcast).cuts(elementwise::QLINEAR_BROADCAST),
    microsoft("QLinearLeakyRelu", same_as_input).cuts(elementwise::UNARY),
    microsoft("QLinearSigmoid", same_as_input).cuts(elementwise::UNARY),
    microsoft("QLinearSoftmax", same_as_input).cuts(norm::SOFTMAX),
    microsoft("Attention", unknown),
    microsoft("MultiHeadAttention", unknown),
    microsoft("EmbedLayerNormalization", unknown),
];

const fn microsoft(op: &'static str, infer: fn(&mut Inference<'_>) -> Inferred) -> OpSpec {
    OpSpec { domain: "com.microsoft", ..OpSpec::new(op, infer) }
}

/// The normalized sum, two statistics, the sum.
fn skip_normalization(cx: &mut Inference<'_>) -> Inferred {
    let like_input = Fact::new(cx.dtype(0), cx.shape(0));
    Ok(vec![like_input.clone(), Fact::UNKNOWN, Fact::UNKNOWN, like_input])
}

fn float_matmul(cx: &mut Inference<'_>, dtype: Option<DataType>) -> Inferred {
    let shape = matmul::ports_product(cx, 0, 1)?;
    Ok(vec![Fact::new(dtype, shape)])
}

/// The factors as `MatMul` would take them; `None` where that is not known.
fn factors(cx: &Inference<'_>) -> Option<[Vec<Dim>; 2]> {
    let flag = |name| cx.call.int(name).unwrap_or(0) != 0;
    if flag("transBatchA") || flag("transBatchB") {
        return None;
    }
    let (mut a, mut b) = (cx.shape(0)?, cx.shape(1)?);
    for (factor, transposed) in [(&mut a, flag("transA")), (&mut b, flag("transB"))] {
        if let ([.., rows, columns], true) = (&mut factor[..], transposed) {
            std::mem::swap(rows, columns);
        }
    }
    Some([a, b])
}

fn fused_matmul(cx: &mut Inference<'_>) -> Inferred {
    let shape = factors(cx).map(|[a, b]| matmul_shape(cx, &a, &b)).transpose()?;
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn fused_contracts(cx: &Inference<'_>) -> Vec<(usize, usize)> {
    let transposed = usize::from(cx.call.int("transA").unwrap_or(0) != 0);
    cx.rank(0).and_then(|rank| rank.checked_sub(1 + transposed)).map(|axis| (0, axis)).into_iter().collect()
}

fn fused_matmul_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    let [a, b] = factors(cx)?;
    super::product(matmul_shape(cx, &a, &b).ok()?.iter().chain(a.last()))
}

/// Shape of the result: the columns are told by an attribute, as the weight is packed.
fn nbits_shape(cx: &mut Inference<'_>) -> Result<Option<Vec<Dim>>, InferError> {
    let (Some(mut a), Some(rows), Some(columns)) = (cx.shape(0), cx.call.int("K"), cx.call.int("N")) else { return Ok(None) };
    let Some(last) = a.last_mut() else { return Err(InferError("a factor is a scalar".into())) };
    agree("the axes that are summed over", last, &rows.into())?;
    *last = columns.into();
    Ok(Some(a))
}

fn matmul_nbits(cx: &mut Inference<'_>) -> Inferred {
    let shape = nbits_shape(cx)?;
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn matmul_nbits_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    let (out, rows) = (nbits_shape(cx).ok()??, cx.call.int("K")?.into());
    super::product(out.iter().chain([&rows]))
}

/// Each factor comes with a scale and a zero point.
fn qlinear_broadcast(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), cx.shape(3)) {
        (Some(a), Some(b)) => Some(cx.broadcast(&a, &b)?),
        _ => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, macs_of};

    #[test]
    fn products() {
        let graph = "g (float[N,8,T] a, float[N,8,4] b, float[N,T,64] x, uint8 w, float s) => (y, z) {
            y = com.microsoft.FusedMatMul <transA = 1> (a, b)
            z = com.microsoft.MatMulNBits <K = 64, N = 32> (x, w, s)
        }";
        assert_eq!(facts_of(graph), "float[N,T,4]; float[N,T,32]");
        assert_eq!(macs_of(graph), "32*N*T; 2048*N*T");
    }

    #[test]
    fn skip_normalization_hands_out_the_sum() {
        let graph = "g (float[N,T,8] x, float[8] s) => (y, sum) {
            y, \"\", \"\", sum = com.microsoft.SkipLayerNormalization(x, x, s)
        }";
        assert_eq!(facts_of(graph), "float[N,T,8]; float[N,T,8]");
    }
}
