//! Normalizations, `Softmax` and its kin, `Dropout`: what keeps type and shape of its first input.

use super::elementwise::same_as_input;
use crate::{
    Call, Fact, Inference, Inferred, OpSpec, QuantRule,
    channels::{elementwise, norm},
    constant,
    infer::InferError,
    infer::agree,
    shrink,
};
use shrinx_ir::{DataType, Dim, Model, NodeId};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("BatchNormalization", batch_normalization).cuts(norm::BATCH_NORM),
    OpSpec::new("InstanceNormalization", per_channel).cuts(norm::INSTANCE_NORM),
    OpSpec::new("GroupNormalization", same_as_input).cuts(norm::GROUP_NORM).shrinks(shrink::group_normalization),
    OpSpec::new("LayerNormalization", layer_normalization).cuts(norm::LAYER_NORM).quant(QuantRule::FLOAT.fixes_layout()),
    OpSpec::new("RMSNormalization", rms_normalization).cuts(norm::LAYER_NORM),
    OpSpec::new("LRN", same_as_input).cuts(norm::LRN),
    OpSpec::new("LpNormalization", same_as_input).cuts(norm::LP_NORM),
    OpSpec::new("MeanVarianceNormalization", same_as_input),
    OpSpec::new("Softmax", same_as_input).cuts(norm::SOFTMAX),
    OpSpec::new("LogSoftmax", same_as_input).cuts(norm::SOFTMAX),
    OpSpec::new("Hardmax", same_as_input).cuts(norm::SOFTMAX),
    OpSpec::new("Dropout", dropout).cuts(elementwise::UNARY).random_unless(drops_nothing),
];

/// Type and shape of the input; the scale (port 1) has one number a channel.
fn per_channel(cx: &mut Inference<'_>) -> Inferred {
    if let (Some([_, channels, ..]), Some([scales])) = (cx.shape(0).as_deref(), cx.shape(1).as_deref()) {
        agree("channels of the input and of the scale", channels, scales)?;
    }
    same_as_input(cx)
}

fn batch_normalization(cx: &mut Inference<'_>) -> Inferred {
    // Before opset 9, `spatial = 0` gave statistics to every element.
    let mut outputs = if cx.call.opset < 9 { same_as_input(cx)? } else { per_channel(cx)? };
    // The statistics of training: up to two from opset 14 on, up to four before.
    let statistics = Fact::new(cx.dtype(3), cx.shape(3));
    outputs.resize(cx.output_count().clamp(1, 5), statistics);
    Ok(outputs)
}

/// What normalization along the last axes, from `axis` on, leaves of them: one element.
fn kept_axes(cx: &Inference<'_>) -> Result<Option<Vec<Dim>>, InferError> {
    let Some(shape) = cx.shape(0) else { return Ok(None) };
    let axis = cx.axis("axis", -1, shape.len())?;
    Ok(Some(shape.into_iter().enumerate().map(|(k, d)| if k < axis { d } else { Dim::Known(1) }).collect()))
}

fn layer_normalization(cx: &mut Inference<'_>) -> Inferred {
    let kept = kept_axes(cx)?;
    // Before opset 17 it is ONNX Runtime's own, whose statistics have other types.
    let dtype = (cx.call.opset >= 17).then(|| cx.call.int("stash_type").map_or(Some(DataType::Float), |_| cx.call.dtype("stash_type")));
    let statistics = Fact::new(dtype.flatten(), kept);
    Ok([same_as_input(cx)?, vec![statistics.clone(), statistics]].concat())
}

fn rms_normalization(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(cx.dtype(1), cx.shape(0))])
}

fn dropout(cx: &mut Inference<'_>) -> Inferred {
    let mask = if cx.call.opset < 10 { cx.dtype(0) } else { Some(DataType::Bool) };
    Ok([same_as_input(cx)?, vec![Fact::new(mask, cx.shape(0))]].concat())
}

/// Whether a `Dropout` only hands its input through: outside training. The opsets before 12 tell training by attribute, or know inference only.
fn drops_nothing(model: &Model, node: NodeId) -> bool {
    let holder = model.node(node);
    match model.opset(holder.scope(), "").unwrap_or(0) {
        12.. => match model.input(node, 2) {
            Some(training) => constant(model, training).and_then(|t| t.to_integers()).is_some_and(|t| t == [0]),
            None => true,
        },
        7.. => true,
        opset => Call { node: holder, opset }.int("is_test").unwrap_or(0) != 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Effects, OpTable,
        testing::{facts_at, facts_of},
    };
    use shrinx_ir::text;

    #[test]
    fn statistics_of_training() {
        let graph = "g (float[N,8,H] x, float[8] s) => (y, m, v) { y, m, v = BatchNormalization(x, s, s, s, s) }";
        assert_eq!(facts_of(graph), "float[N,8,H]; float[8]; float[8]");
        let wrong = "g (float[N,7,H] x, float[8] s) => (y) { y = BatchNormalization(x, s, s, s, s) }";
        assert_eq!(facts_of(wrong), "! BatchNormalization: channels of the input and of the scale: 7 and 8");
    }

    #[test]
    fn layer_normalization_keeps_axes() {
        let graph = "g (float16[N,T,8] x, float16[8] s) => (y, m, d) { y, m, d = LayerNormalization <axis = 1> (x, s) }";
        assert_eq!(facts_of(graph), "float16[N,T,8]; float[N,1,1]; float[N,1,1]");
    }

    #[test]
    fn dropout_has_a_mask() {
        let graph = "g (float[N,8] x) => (y, m) { y, m = Dropout(x) }";
        assert_eq!(facts_at(7, graph), "float[N,8]; float[N,8]");
        assert_eq!(facts_of(graph), "float[N,8]; bool[N,8]");
    }

    #[test]
    fn dropout_is_random_in_training_only() {
        let effects = |opset: i64, node: &str| {
            let header = format!("<ir_version: 10, opset_import: [\"\": {opset}]>");
            let inputs = "float[2] x, float r, bool m";
            let constants = "<bool on = {1}, bool off = {0}>";
            let model = text::parse(&format!("{header} g ({inputs}) => (y) {constants} {{ y = Dropout {node} }}")).unwrap();
            OpTable::standard().effects(&model, model.nodes().next().unwrap())
        };
        assert_eq!(effects(21, "(x, r)"), Effects::None);
        assert_eq!(effects(21, "(x, r, off)"), Effects::None);
        assert_eq!(effects(21, "(x, r, on)"), Effects::Random);
        assert_eq!(effects(21, "(x, r, m)"), Effects::Random);
        assert_eq!(effects(10, "(x)"), Effects::None);
        assert_eq!(effects(6, "(x)"), Effects::Random);
        assert_eq!(effects(6, "<is_test = 1> (x)"), Effects::None);
    }
}
