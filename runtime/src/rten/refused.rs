//! What rten is known to compute wrongly, or not at all, and nobody rewrites: refused, as precisely as the node and the facts allow.

use super::{convs, rewrites, site::Site};
use shrinx_ops::ir::{DataType, Dim};

/// The opsets in which the comparison with ONNX Runtime was made.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// Why rten must not run this node; `None` where it may.
pub(super) fn reason(site: &Site<'_>) -> Option<&'static str> {
    let node = site.call.node;
    if node.op.domain().is_empty() && !OPSETS.contains(&site.call.opset) {
        return Some("its opset is older than 7 or newer than 28");
    }
    if site.call.has_references() || is_local_function(site) {
        return Some("it belongs to a local function");
    }
    if !node.op.domain().is_empty() {
        return None;
    }
    let when = |wrong: bool, reason: &'static str| wrong.then_some(reason);
    match node.op.op.as_str() {
        "Attention" => {
            when(site.wants(3), "output qk_matmul_output").or(when(site.has(3) && site.has(6), "attn_mask together with nonpad_kv_seqlen"))
        }
        "AveragePool" | "Conv" | "ConvTranspose" | "MaxPool" => convolution(site),
        "BatchNormalization" => when((1..5).any(|k| site.wants(k)), "outputs for training"),
        "Bernoulli" | "Multinomial" | "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" => {
            Some("it draws random numbers")
        }
        "Cast" | "CastLike" => rewrites::cast_target(site).is_none().then_some("element types that are not known"),
        "ConvInteger" => convolution(site).or(when(is_padded(site), "padding")),
        "Dropout" => when(site.wants(1), "output mask").or(when(site.has(2) && !is_zero(site, 2), "training mode")),
        "GridSample" => when(site.rank(0) != Some(4), "an input that is not of rank 4"),
        "GRU" | "LSTM" => {
            when(site.has(4), "sequence_lens").or(when(node.op.op == "GRU" && !site.flag("linear_before_reset"), "linear_before_reset = 0"))
        }
        "LayerNormalization" => when(site.wants(1) || site.wants(2), "outputs Mean and InvStdDev"),
        "MatMul" => when(site.rank(1).is_none(), "a second input whose rank is not known"),
        "MatMulInteger" => when((2..4).any(|k| site.has(k) && is_single(site, k)), "a zero point that is a vector of one element"),
        "NonMaxSuppression" => Some("batches, classes and swapped corners"),
        "Pad" => when(site.has(3), "input axes"),
        "QuantizeLinear" => rewrites::quantization(site).is_none().then_some("blocks, or shapes and types that are not known"),
        "ReduceMax" | "ReduceMin" if site.dtype(0) == Some(DataType::Bool) => Some("booleans"),
        op if op.starts_with("Reduce") => when(site.flag("noop_with_empty_axes") && !reduces_some(site), "noop_with_empty_axes"),
        "Resize" => resize(site),
        "ScatterElements" | "Scatter" => when(!scatters_along_axis(site), "indices that cover a part of the other axes"),
        "Sign" => when(site.dtype(0).is_none(), "an input whose type is not known"),
        "Unsqueeze" | "Squeeze" => when(site.rank(1) == Some(0), "axes that are a scalar"),
        _ => None,
    }
}

fn is_local_function(site: &Site<'_>) -> bool {
    let op = &site.call.node.op;
    let same = |domain: Option<&str>| shrinx_ops::ir::node::normal_domain(domain) == op.domain();
    site.model.functions().any(|(_, f)| f.name.as_deref() == Some(&op.op) && same(f.domain.as_deref()))
}

fn is_zero(site: &Site<'_>, port: usize) -> bool {
    site.constant(port).and_then(|t| t.to_integers()).is_some_and(|i| i.iter().all(|i| *i == 0))
}

/// Whether the axes of a reduction are known not to be empty.
fn reduces_some(site: &Site<'_>) -> bool {
    site.call.ints("axes").is_some_and(|a| !a.is_empty()) || matches!(site.shape(1), Some([Dim::Known(1..)]))
}

fn is_padded(site: &Site<'_>) -> bool {
    site.call.ints("pads").is_some_and(|p| p.iter().any(|p| *p != 0)) || site.string("auto_pad", "NOTSET").starts_with("SAME")
}

fn is_single(site: &Site<'_>, port: usize) -> bool {
    site.shape(port).is_none_or(|s| s == [Dim::Known(1)])
}

fn convolution(site: &Site<'_>) -> Option<&'static str> {
    match convs::axes(site) {
        Some(1 | 2) => {}
        Some(_) => return Some("more than two spatial axes"),
        None => return Some("an input whose rank is not known"),
    }
    if site.call.node.is("MaxPool") && site.wants(1) {
        return Some("output Indices");
    }
    if convs::is_lower(site) && (site.call.node.is("ConvTranspose") || convs::lower_pads(site).is_none()) {
        return Some("auto_pad = SAME_LOWER over lengths that are not known");
    }
    None
}

/// With `align_corners`, rten measures the output in whole elements where the definition measures it by the scale.
fn resize(site: &Site<'_>) -> Option<&'static str> {
    if site.string("mode", "nearest") == "cubic" {
        return Some("mode = cubic");
    }
    let whole = || site.constant(2).and_then(|t| t.to_f64()).is_some_and(|s| s.iter().all(|s| s.fract() == 0.0));
    let by_scale = site.has(2) && !site.has(3);
    if by_scale && site.string("coordinate_transformation_mode", "") == "align_corners" && !whole() {
        return Some("align_corners with scales that are not whole");
    }
    match site.rank(0) {
        Some(0..=4) => None,
        _ => Some("an input that is not known to have at most four axes"),
    }
}

/// rten pairs the lanes of data and indices in order, which is right where the other axes have equal lengths.
fn scatters_along_axis(site: &Site<'_>) -> bool {
    let (Some(data), Some(indices), Some(axis)) = (site.shape(0), site.shape(1), site.axis(0, 0)) else { return false };
    data.len() == indices.len() && data.iter().zip(indices).enumerate().all(|(k, (d, i))| k == axis || d == i)
}
