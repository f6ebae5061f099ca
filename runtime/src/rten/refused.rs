//! What rten is known to compute wrongly, or not at all, and nobody rewrites: refused, as precisely as the node and the facts allow.

use super::{convs, part::Part, rewrites, site::Site, unsupported, unsupported_model, values};
use shrinx_ops::{
    Call, Facts, RuntimeError,
    ir::{AttributeValue, DataType, Dim, Model, NodeId, Tensor, TensorData, ValueId},
};

/// The opsets in which the comparison with ONNX Runtime was made.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;
/// Values of more elements are not made.
const MAX_ELEMENTS: i64 = 1 << 30;

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
        "Attention" => when(site.wants(3), "output qk_matmul_output")
            .or(when(site.has(3) && site.has(6), "attn_mask together with nonpad_kv_seqlen")),
        "AveragePool" | "Conv" | "ConvTranspose" | "MaxPool" => convolution(site),
        "BatchNormalization" => when((1..5).any(|k| site.wants(k)), "outputs for training"),
        "Bernoulli" | "Multinomial" | "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" => {
            Some("it draws random numbers")
        }
        "Cast" | "CastLike" => rewrites::cast_target(site).is_none().then_some("element types that are not known"),
        "ConvInteger" => convolution(site).or(when(is_padded(site), "padding")),
        "Dropout" => when(site.wants(1), "output mask").or(when(site.has(2) && !is_zero(site, 2), "training mode")),
        "GridSample" => when(site.rank(0) != Some(4), "an input that is not of rank 4"),
        "GRU" | "LSTM" => when(site.has(4), "sequence_lens")
            .or(when(node.op.op == "GRU" && !site.flag("linear_before_reset"), "linear_before_reset = 0")),
        "LayerNormalization" => when(site.wants(1) || site.wants(2), "outputs Mean and InvStdDev"),
        "MatMul" => when(site.rank(1).is_none(), "a second input whose rank is not known"),
        "MatMulInteger" => when((2..4).any(|k| site.has(k) && is_single(site, k)), "a zero point that is a vector of one element"),
        "NonMaxSuppression" => Some("batches, classes and swapped corners"),
        "Pad" => when(site.has(3), "input axes"),
        "QuantizeLinear" => rewrites::quantization(site).is_none().then_some("blocks, or shapes and types that are not known"),
        "ReduceMax" | "ReduceMin" if site.dtype(0) == Some(DataType::Bool) => Some("booleans"),
        op if op.starts_with("Reduce") => when(site.flag("noop_with_empty_axes"), "noop_with_empty_axes"),
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

/// Refuses types that rten would compute in another precision, and what is too large.
pub(super) fn check_values(model: &Model, facts: &Facts, part: &Part) -> Result<(), RuntimeError> {
    for value in part.values(model) {
        let refuse = |reason: String| match model.producer(value) {
            Some((node, _)) => unsupported(model, node, reason),
            None => unsupported_model(reason),
        };
        let (fact, name) = (facts.of(value), model.name(value));
        if let Some(dtype) = fact.dtype.filter(|t| !values::is_held(*t)) {
            return Err(refuse(format!("`{name}` has type {dtype}")));
        }
        let elements = fact.known_shape().map(|s| s.iter().try_fold(1i64, |n, d| n.checked_mul(*d)));
        if elements.is_some_and(|n| n.is_none_or(|n| n > MAX_ELEMENTS)) {
            return Err(refuse(format!("`{name}` has too many elements")));
        }
        if let Some(tensor) = model.constant(value) {
            held(model, value, tensor).map_err(|reason| refuse(format!("`{name}`: {reason}")))?;
        }
    }
    for node in part.nodes(model) {
        for attribute in &model.node(node).attributes {
            let refuse = |reason: String| unsupported(model, node, format!("`{}`: {reason}", attribute.name));
            let made = model.outputs(node).first().copied().flatten();
            match &attribute.value {
                AttributeValue::Tensor(tensor) => match made.filter(|_| model.node(node).is("Constant")) {
                    Some(value) => held(model, value, tensor).map_err(refuse)?,
                    None if values::is_held(tensor.dtype) && values::to_rten(tensor).is_ok() => {}
                    None => return Err(refuse("a tensor that rten would change".into())),
                },
                AttributeValue::Int(code) if is_type(Call { node: model.node(node), opset: 0 }, &attribute.name) => {
                    let dtype = i32::try_from(*code).ok().and_then(DataType::from_code);
                    if *code != 0 && !dtype.is_some_and(values::is_held) {
                        return Err(refuse(format!("type {}", dtype.map_or("?", DataType::name))));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether an int attribute names an element type.
fn is_type(call: Call<'_>, attribute: &str) -> bool {
    matches!(attribute, "dtype" | "output_dtype") || attribute == "to" && matches!(call.node.op.op.as_str(), "Cast" | "BitCast")
}

/// Whether rten holds a constant without loss, or clips it where that does no harm: a bound of a slice.
fn held(model: &Model, value: ValueId, tensor: &Tensor) -> Result<(), String> {
    if !values::is_held(tensor.dtype) {
        return Err(format!("type {}", tensor.dtype));
    }
    if matches!(tensor.data, TensorData::Elided(_) | TensorData::Sparse(_)) {
        return Err("its elements are not at hand".into());
    }
    if tensor.dtype != DataType::Int64 || bounds_slices(model, value, 4) {
        return Ok(());
    }
    let wide = tensor.to_integers().and_then(|i| i.into_iter().find(|i| i32::try_from(*i).is_err()));
    wide.map_or(Ok(()), |i| Err(format!("{i} exceeds 32 bits")))
}

/// Whether every reader of a value is a `Slice` that takes it for a bound, perhaps by way of nodes that only gather bounds.
fn bounds_slices(model: &Model, value: ValueId, depth: usize) -> bool {
    !model.is_output(value)
        && model.uses(value).all(|(node, port)| {
            let reader = model.node(node);
            let gathers = ["Concat", "Identity", "Unsqueeze", "Squeeze", "Cast"].iter().any(|op| reader.is(op));
            let onward = || model.outputs(node).iter().flatten().all(|v| bounds_slices(model, *v, depth - 1));
            reader.is("Slice") && matches!(port, 1 | 2) || depth > 0 && gathers && onward()
        })
}

#[allow(unused)]
fn unused(_: &Facts, _: NodeId) {}
