//! What rten is known to compute wrongly, or not at all, and nobody rewrites: refused, as precisely as the node and the facts allow.

use super::{convs, quantize, rewrites, site::Site};
use shrinx_ops::{
    ir::{DataType, Dim},
    table::is_local_function,
};

/// The opsets in which the comparison with ONNX Runtime was made.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// Why rten must not run this node; `None` where it may.
pub(super) fn reason(site: &Site<'_>) -> Option<&'static str> {
    let node = site.call.node;
    if node.op.domain().is_empty() && !OPSETS.contains(&site.call.opset) {
        return Some("its opset is older than 7 or newer than 28");
    }
    if site.call.has_references() || is_local_function(site.model, node) {
        return Some("it belongs to a local function");
    }
    if !node.op.domain().is_empty() {
        let rough = node.op.op == "MatMulNBits" && site.call.int("accuracy_level") == Some(4);
        return rough.then_some("accuracy_level = 4, which leaves the result to the runtime");
    }
    let when = |wrong: bool, reason: &'static str| wrong.then_some(reason);
    match node.op.op.as_str() {
        "Attention" => {
            when(site.wants(3), "output qk_matmul_output").or(when(site.has(3) && site.has(6), "attn_mask together with nonpad_kv_seqlen"))
        }
        "AveragePool" | "Conv" | "ConvTranspose" | "MaxPool" => convolution(site),
        // Before opset 14, outputs for training make it one of training, wanted or not.
        "BatchNormalization" => {
            when((1..5).any(|k| site.wants(k)) || site.call.opset < 14 && site.outputs.len() > 1, "outputs for training")
        }
        "Bernoulli" | "Multinomial" | "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" => {
            Some("it draws random numbers")
        }
        "Cast" | "CastLike" => rewrites::cast_target(site).is_none().then_some("element types that are not known"),
        "ConvInteger" => convolution(site).or(when(is_padded(site), "padding")),
        "Div" | "Pow" => when(widens(site), "a second input of one element that adds axes"),
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
        "QuantizeLinear" => quantize::quantization(site).is_none().then_some("blocks, or shapes and types that are not known"),
        "ReduceMax" | "ReduceMin" if site.dtype(0) == Some(DataType::Bool) => Some("booleans"),
        op if op.starts_with("Reduce") => when(site.flag("noop_with_empty_axes") && !reduces_some(site), "noop_with_empty_axes"),
        "Resize" => resize(site),
        "ScatterElements" | "Scatter" => when(!scatters_along_axis(site), "indices that cover a part of the other axes"),
        "Sign" => when(site.dtype(0).is_none(), "an input whose type is not known"),
        "Unsqueeze" | "Squeeze" => when(site.rank(1) == Some(0), "axes that are a scalar"),
        _ => None,
    }
}

/// Whether the second input may have one element and more axes than the first: rten takes it for a scalar then.
fn widens(site: &Site<'_>) -> bool {
    let single = |other: &[Dim]| other.iter().all(|d| d.known().is_none_or(|n| n == 1));
    site.shape(1).is_some_and(|other| single(other) && site.rank(0).is_some_and(|rank| rank < other.len()))
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

#[cfg(test)]
mod tests {
    use crate::rten::testing::{floats, outputs};
    use shrinx_ops::{RuntimeError, ir::Tensor};

    fn refusal(graph: &str) -> String {
        match outputs(graph, &[]) {
            Err(RuntimeError::Unsupported { node, reason, .. }) => format!("{node}: {reason}"),
            other => panic!("{graph}: {other:?}"),
        }
    }

    #[test]
    fn refuses_precisely() {
        let cases = [
            ("g (float[1,1,4,4,4] x) => (float y) { y = MaxPool<kernel_shape=[2,2,2]>(x) }", "`y`: more than two spatial axes"),
            (
                "g (float[1,1,N,4] x) => (float y) { y = MaxPool<kernel_shape=[2,2], strides=[2,2], auto_pad=\"SAME_LOWER\">(x) }",
                "`y`: auto_pad = SAME_LOWER over lengths that are not known",
            ),
            (
                "g (float[1,1,4,4] x) => (float y) <float[4] s = {1.0, 1.0, 2.0, 2.0}> { y = Resize<mode=\"cubic\">(x, \"\", s) }",
                "`y`: mode = cubic",
            ),
            (
                "g (float[2,3] x, int64[1,2] i, float[1,2] u) => (float y) { y = ScatterElements<axis=1>(x, i, u) }",
                "`y`: indices that cover a part of the other axes",
            ),
            ("g (float[2] x) => (float y) { [last] y = RandomNormalLike(x) }", "`last`: it draws random numbers"),
            (
                "<ir_version: 7, opset_import: [\"\": 13]> g (float[2,3] x, float[3] w) => (float y) { y, m, v = BatchNormalization(x, w, w, w, w) }",
                "`y`: outputs for training",
            ),
            ("g (bool[2,2] x) => (bool y) { y = ReduceMax(x) }", "`y`: booleans"),
            ("g (float[2] x, float[1,N] d) => (float[1,2] y) { y = Div(x, d) }", "`y`: a second input of one element that adds axes"),
            ("g (uint8[2] x) => (uint8[2] y) { y = Add(x, x) }", "`y`: not known to be right for types uint8, uint8"),
            ("g (float[2] x) => (float[2] y) { y = Hardmax(x) }", "`y`: the operator is not known to be right"),
            ("g (double[2] x) => (float[2] y) { y = Cast<to=1>(x) }", "`y`: not known to be right for types double"),
            (
                "g (int64[1] n) => (int64[N] y) { y = ConstantOfShape<value=int64[1] {4294967296}>(n) }",
                "`y`: `value`: 4294967296 exceeds 32 bits",
            ),
        ];
        for (graph, expected) in cases {
            assert_eq!(refusal(graph), expected, "{graph}");
        }
    }

    #[test]
    fn an_output_that_nobody_wants_is_no_obstacle() {
        let graph = "g (float[1,2] x) => (float[1,2] y) <float[2] s = {1.0, 1.0}> { y, mean = LayerNormalization(x, s) }";
        let y = &outputs(graph, &[&("x", Tensor::from_f32([1, 2], &[1.0, 3.0]))]).unwrap()[0];
        assert!(floats(y).iter().zip([-1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-4), "{y:?}");
    }

    #[test]
    fn a_local_function_is_not_what_its_name_says() {
        let text = r#"<ir_version: 10, opset_import: ["": 21, "own": 1]> g (float[2] x) => (float[2] y) { y = own.Relu(x) }
            <domain: "own", opset_import: ["": 21]> Relu (a) => (b) { b = Neg(a) }"#;
        assert_eq!(refusal(text), "`y`: it belongs to a local function");
    }
}
