//! Convolutions: `Conv`, `ConvInteger`, `QLinearConv`, `ConvTranspose`, `DeformConv`.

use super::window::Window;
use crate::{Fact, Inference, Inferred, OpSpec, QuantRule, channels::linear, infer::InferError, infer::agree, shrink};
use shrinx_ir::{DataType, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Conv", conv).cuts(linear::CONV).shrinks(shrink::conv).contracts(channels).quant(QuantRule::HEAVY).costs(conv_macs),
    OpSpec::new("DeformConv", conv).costs(conv_macs),
    OpSpec::new("ConvInteger", conv_integer).cuts(linear::CONV_INTEGER).shrinks(shrink::conv).costs(conv_macs),
    OpSpec::new("QLinearConv", qlinear_conv).cuts(linear::QLINEAR_CONV).shrinks(shrink::qlinear_conv).costs(qlinear_conv_macs),
    OpSpec::new("ConvTranspose", conv_transpose)
        .cuts(linear::CONV_TRANSPOSE)
        .shrinks(shrink::conv_transpose)
        .contracts(channels)
        .quant(QuantRule::HEAVY_IN_FLOAT)
        .costs(conv_transpose_macs),
];

/// Channels of the input are summed over.
pub(super) fn channels(_: &Inference<'_>) -> Vec<(usize, usize)> {
    vec![(0, 1)]
}

pub(super) fn conv(cx: &mut Inference<'_>) -> Inferred {
    let shape = conv_shape(cx, 1)?;
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn conv_integer(cx: &mut Inference<'_>) -> Inferred {
    let shape = conv_shape(cx, 1)?;
    Ok(vec![Fact::new(Some(DataType::Int32), shape)])
}

fn qlinear_conv(cx: &mut Inference<'_>) -> Inferred {
    let shape = conv_shape(cx, 3)?;
    Ok(vec![Fact::new(cx.dtype(7), shape)])
}

fn conv_transpose(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    let Some(Operands { x, w, kernel }) = operands(cx, 1)? else { return Ok(vec![Fact::new(dtype, None)]) };
    agree("channels of the input and of the weight", &x[1], &w[0])?;
    let window = Window::of(cx.call, kernel)?;
    let axes = x.len() - 2;
    let extra = match cx.call.ints("output_padding") {
        None | Some([]) => vec![0; axes],
        Some(extra) if extra.len() == axes => extra.to_vec(),
        Some(extra) => return Err(InferError(format!("output_padding {extra:?} for {axes} axes"))),
    };
    let spatial = match cx.call.ints("output_shape") {
        None | Some([]) => window.transposed(cx, &x[2..], &extra),
        Some(asked) if asked.len() == axes => asked.iter().copied().map(Dim::Known).collect(),
        // Some exporters put batch and channels in front.
        Some(asked) if asked.len() == x.len() => asked[2..].iter().copied().map(Dim::Known).collect(),
        Some(asked) => return Err(InferError(format!("output_shape {asked:?} for {axes} axes"))),
    };
    let channels = cx.mul(&w[1], &group(cx).into());
    Ok(vec![Fact::new(dtype, Some([vec![x[0].clone(), channels], spatial].concat()))])
}

struct Operands {
    x: Vec<Dim>,
    w: Vec<Dim>,
    /// Lengths of the weight along the spatial axes.
    kernel: Vec<Dim>,
}

/// Shapes of the input (port 0) and of the weight, where at least the rank is known.
fn operands(cx: &mut Inference<'_>, w: usize) -> Result<Option<Operands>, InferError> {
    let stated = cx.call.ints("kernel_shape").filter(|k| !k.is_empty());
    let Some(rank) = cx.rank(0).or(cx.rank(w)).or(stated.map(|k| k.len() + 2)) else { return Ok(None) };
    if rank < 2 {
        return Err(InferError(format!("a convolution of rank {rank}")));
    }
    let (x, w) = (cx.shape_of_rank(0, rank)?, cx.shape_of_rank(w, rank)?);
    let kernel = match stated {
        None => w[2..].to_vec(),
        Some(stated) if stated.len() == rank - 2 => stated
            .iter()
            .zip(&w[2..])
            .map(|(k, length)| agree("kernel_shape and the weight", &(*k).into(), length))
            .collect::<Result<_, _>>()?,
        Some(stated) => return Err(InferError(format!("kernel_shape {stated:?} for {} axes", rank - 2))),
    };
    Ok(Some(Operands { x, w, kernel }))
}

fn group(cx: &Inference<'_>) -> i64 {
    cx.call.int("group").unwrap_or(1)
}

fn conv_shape(cx: &mut Inference<'_>, w: usize) -> Result<Option<Vec<Dim>>, InferError> {
    let Some(Operands { x, w, kernel }) = operands(cx, w)? else { return Ok(None) };
    let channels = cx.mul(&w[1], &group(cx).into());
    agree("channels of the input and of the weight", &x[1], &channels)?;
    let spatial = Window::of(cx.call, kernel)?.outputs(cx, &x[2..]);
    Ok(Some([vec![x[0].clone(), w[0].clone()], spatial].concat()))
}

pub(super) fn conv_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    forward_macs(cx, 1)
}

fn qlinear_conv_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    forward_macs(cx, 3)
}

/// Every output element gathers from the input channels of its group, under the kernel.
fn forward_macs(cx: &mut Inference<'_>, w: usize) -> Option<Dim> {
    let out = conv_shape(cx, w).ok()??;
    let w = cx.shape(w)?;
    super::product(out.iter().chain(&w[1..]))
}

/// Every input element scatters to the output channels of its group, under the kernel.
fn conv_transpose_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    let (x, w) = (cx.shape(0)?, cx.shape(1)?);
    super::product(x.iter().chain(w.get(1..)?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, macs_of};

    #[test]
    fn equal_strides_give_equal_lengths() {
        let graph = "g (float[N,3,H,W] x, float[8,3,3,3] w, float[8,3,1,1] p, float[8,1,3,3] d) => (a, b, c) {
            a = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w)
            b = Conv <strides = [2, 2]> (x, p)
            c = Conv <group = 8, pads = [1, 1, 1, 1]> (a, d)
        }";
        let shape = "float[N,8,⌊(H + 1)/(2)⌋,⌊(W + 1)/(2)⌋]";
        assert_eq!(facts_of(graph), [shape; 3].join("; "));
    }

    #[test]
    fn a_weight_alone_tells_rank_and_channels() {
        assert_eq!(facts_of("g (float[] x, float[8,3,3,3] w) => (y) { y = Conv(x, w) }"), "float[?0,8,?2 - 2,?3 - 2]");
        assert_eq!(
            facts_of("g (float[1,4,9,9] x, float[8,3,3,3] w) => (y) { y = Conv(x, w) }"),
            "! Conv: channels of the input and of the weight: 4 and 3"
        );
        assert_eq!(facts_of("g (float[1,3,9,9] x, float[8,3,K,K] w) => (y) { y = Conv(x, w) }"), "float[1,8,-K + 10,-K + 10]");
    }

    #[test]
    fn integers_have_types_of_their_own() {
        let graph = "g (uint8[1,3,9,9] x, int8[8,3,3,3] w, float[1] s, int8 z) => (a, b) {
            a = ConvInteger(x, w)
            b = QLinearConv(x, s, z, w, s, z, s, z)
        }";
        assert_eq!(facts_of(graph), "int32[1,8,7,7]; int8[1,8,7,7]");
    }

    #[test]
    fn transposed_lengths() {
        let transposed = |attributes: &str| {
            facts_of(&format!("g (float[1,4,H] x, float[4,3,4] w) => (y) {{ y = ConvTranspose <group = 2, {attributes}> (x, w) }}"))
        };
        assert_eq!(transposed("strides = [2]"), "float[1,6,2*H + 2]");
        assert_eq!(transposed("strides = [2], pads = [1, 1], output_padding = [1]"), "float[1,6,2*H + 1]");
        assert_eq!(transposed("strides = [2], auto_pad = \"SAME_UPPER\""), "float[1,6,2*H]");
        assert_eq!(transposed("strides = [2], output_shape = [9]"), "float[1,6,9]");
        assert_eq!(transposed("output_shape = [-9]"), "! ConvTranspose: an output of length -9");
    }

    #[test]
    fn multiplications_are_products_of_lengths() {
        let graph = "g (float[N,4,9,9] x, float[8,2,3,3] w, float[4,3,2,2] t) => (y, z) {
            y = Conv <group = 2> (x, w)
            z = ConvTranspose(x, t)
        }";
        assert_eq!(macs_of(graph), format!("{}*N; {}*N", 8 * 7 * 7 * 2 * 9, 4 * 81 * 3 * 4));
    }
}
