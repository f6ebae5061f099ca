//! What can become int8: the convolutions and matrix products of the main graph with a constant weight, each seen as rows of weights.

use shrinx_calib::{ChannelStatistics, TensorStatistics};
use shrinx_rewrite::{
    ir::{DataType, Model, NodeId, Tensor, ValueId},
    ops::{Call, Facts, Int8, OpTable, Window, constant, label, linear::per_channel},
};

/// A `Conv`, `MatMul` or `Gemm` that may run int8.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The node.
    pub node: NodeId,
    /// What reports and plans call it: the node's name, else that of its output.
    pub name: String,
    /// Which operator it is.
    pub kind: Kind,
    /// The activations.
    pub input: ValueId,
    /// What the node gives.
    pub raw: ValueId,
    /// What remains of its output after an activation that quantizing makes superfluous: `raw`, where there is none.
    pub output: ValueId,
    /// That activation.
    pub activation: Option<Activation>,
    /// The constant that is added behind a `MatMul`.
    pub added: Option<Added>,
    /// The axis of input and output that runs over channels; `None` where the rank is not known.
    pub channel_axis: Option<usize>,
    /// Channels of the output: the rows of the weights.
    pub outputs: usize,
    /// Channels of the input that an output is made of: all, or one where each channel is convolved by itself.
    pub inputs: usize,
    /// Whether each channel is convolved by itself.
    pub depthwise: bool,
    /// Whether it needs a pair behind it to run int8, even where only floats are read: a convolution always, a `Gemm` where the runtime would rather fuse the
    /// activation that follows.
    pub needs_pair: bool,
    /// Elements of the kernel: a row holds `inputs × kernel` weights, channel by channel.
    pub kernel: usize,
}

/// The operators that have int8 kernels.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A convolution, of all channels or of each by itself.
    Conv(Window),
    /// `x · W`.
    MatMul,
    /// `x · W + c`, or `x · Wᵀ + c`.
    Gemm {
        /// Whether the weight is stored transposed.
        transposed: bool,
    },
}

/// An activation between a layer, or another operator, and its quantized output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activation {
    /// The node.
    pub node: NodeId,
    /// What it cuts its input to at the top; at the bottom it is 0.
    pub ceiling: f32,
}

/// The addition of a constant behind a `MatMul`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Added {
    /// The `Add`.
    pub node: NodeId,
    /// The port of the constant.
    pub port: usize,
    /// The constant.
    pub value: ValueId,
    /// Rank of the result.
    pub rank: usize,
}

/// A heavy node that stays float, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name, as in [`Layer::name`].
    pub name: String,
    /// The operator.
    pub op: String,
    /// The reason.
    pub reason: &'static str,
}

/// The layers of the main graph in the order in which they run, and the heavy nodes that are none.
pub fn layers(model: &Model, ops: &OpTable, facts: &Facts) -> (Vec<Layer>, Vec<Refused>) {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for scope in model.scopes() {
        for id in model.nodes_in_order(scope).unwrap_or_default() {
            let node = model.node(id);
            let layer = match ops.of(model, id).quant.int8 {
                Int8::Heavy if scope == Model::MAIN => layer(model, ops, facts, id),
                Int8::HeavyInFloat if scope == Model::MAIN => Err("there is no int8 kernel for it"),
                Int8::Heavy | Int8::HeavyInFloat => Err("bodies and functions stay float"),
                Int8::None | Int8::Computes | Int8::Joins | Int8::Moves | Int8::Unit => continue,
            };
            match layer {
                Ok(layer) => found.push(layer),
                Err(reason) => refused.push(Refused { name: label(model, id), op: node.op.op.clone(), reason }),
            }
        }
    }
    (found, refused)
}

fn layer(model: &Model, ops: &OpTable, facts: &Facts, id: NodeId) -> Result<Layer, &'static str> {
    let node = model.node(id);
    let call = Call { node, opset: model.opset(Model::MAIN, "").unwrap_or(0) };
    let at = |port| model.input(id, port);
    let input = at(0).ok_or("it has no input")?;
    if constant(model, input).is_some() {
        return Err("its input is constant");
    }
    let weight = at(1).ok_or("it has no weight")?;
    if model.producer(weight).is_some_and(|(node, _)| model.node(node).is("DequantizeLinear")) {
        return Err("it is quantized already");
    }
    let weight = constant(model, weight).ok_or("its weight is computed")?;
    if weight.dtype != DataType::Float || facts.of(input).dtype != Some(DataType::Float) {
        return Err("it does not compute in float32");
    }
    let raw = model.outputs(id).first().copied().flatten().ok_or("it has no output")?;
    let dims: Vec<usize> = weight.dims.iter().map(|d| *d as usize).collect();
    if weight.is_empty() {
        return Err("its weight is empty");
    }
    if call.opset < 13 {
        return Err("scales a channel need opset 13, and the model could not be raised to it");
    }
    let mut depthwise = false;
    let (kind, outputs, inputs, kernel) = match (node.op.op.as_str(), dims.as_slice()) {
        ("Conv", [out, inputs, kernel @ ..]) if !kernel.is_empty() => {
            let group = call.int("group").unwrap_or(1);
            depthwise = group > 1 && *inputs == 1 && group == *out as i64;
            if group != 1 && !depthwise {
                return Err("grouped convolutions are slower in int8");
            }
            (Kind::Conv(Window::of(&call, kernel)?), *out, *inputs, kernel.iter().product())
        }
        ("MatMul", [inputs, out]) => (Kind::MatMul, *out, *inputs, 1),
        ("Gemm", [a, b]) => {
            if call.int("transA").unwrap_or(0) != 0 {
                return Err("its input is transposed");
            }
            let transposed = call.int("transB").unwrap_or(0) != 0;
            let (out, inputs) = if transposed { (*a, *b) } else { (*b, *a) };
            (Kind::Gemm { transposed }, out, inputs, 1)
        }
        _ => return Err("its weight is no matrix"),
    };
    if let Some(bias) = at(2) {
        per_channel(&constant(model, bias).ok_or("its bias is computed")?, outputs).map_err(|_| "its bias is not one number a channel")?;
    }
    let activation = if kind == Kind::MatMul { None } else { activation(model, ops, raw) };
    let output = activation.map_or(raw, |a| model.outputs(a.node)[0].unwrap_or(raw));
    let rank = facts.of(input).rank();
    let channel_axis = if matches!(kind, Kind::Conv(_)) { Some(1) } else { rank.and_then(|r| r.checked_sub(1)) };
    let needs_pair = match kind {
        Kind::Conv(_) => true,
        Kind::MatMul => false,
        Kind::Gemm { .. } => activation.is_some() || model.uses(raw).any(|(node, _)| ops.of(model, node).quant.into_gemm),
    };
    let added = if kind == Kind::MatMul { added(model, facts, raw, outputs) } else { None };
    if kind == Kind::MatMul && added.is_none() && facts.of(raw).rank() == Some(2) && is_added_to(model, raw) {
        return Err("the runtime makes one float product of it and the addition behind it");
    }
    Ok(Layer {
        node: id,
        name: label(model, id),
        kind,
        input,
        raw,
        output,
        activation,
        added,
        outputs,
        inputs,
        depthwise,
        needs_pair,
        channel_axis,
        kernel,
    })
}

/// A `Relu`, or a `Clip` from 0 to a constant, that alone reads a value: rounding to unsigned integers with a zero point of 0 does its work.
pub fn activation(model: &Model, ops: &OpTable, value: ValueId) -> Option<Activation> {
    if model.is_output(value) || model.use_count(value) != 1 {
        return None;
    }
    let (node, port) = model.uses(value).next()?;
    if port != 0 || model.node(node).scope() != model.scope_of(value) {
        return None;
    }
    let ceiling = ops.of(model, node).quant.absorbed?(model, node)?;
    Some(Activation { node, ceiling })
}

fn added(model: &Model, facts: &Facts, raw: ValueId, outputs: usize) -> Option<Added> {
    if model.is_output(raw) || model.use_count(raw) != 1 {
        return None;
    }
    let (node, port) = model.uses(raw).next()?;
    if !model.node(node).is("Add") || model.node(node).scope() != Model::MAIN {
        return None;
    }
    let value = model.input(node, 1 - port)?;
    let rank = facts.of(raw).rank()?;
    let tensor = constant(model, value)?;
    (tensor.rank() <= rank && per_channel(&tensor, outputs).is_ok()).then_some(Added { node, port: 1 - port, value, rank })
}

/// Whether an `Add` alone reads a value.
fn is_added_to(model: &Model, raw: ValueId) -> bool {
    !model.is_output(raw) && model.use_count(raw) == 1 && model.uses(raw).all(|(node, _)| model.node(node).is("Add"))
}

impl Layer {
    /// The weights as rows: `[outputs, inputs × kernel]`, a `Gemm`'s factor included.
    pub fn rows(&self, model: &Model) -> Vec<f64> {
        let all = model.input(self.node, 1).and_then(|w| constant(model, w)).and_then(|t| t.to_f64()).unwrap_or_default();
        let alpha = self.call(model).float("alpha").map_or(1.0, f64::from);
        let scaled = |w: &f64| if matches!(self.kind, Kind::Gemm { .. }) { w * alpha } else { *w };
        match self.kind {
            Kind::Conv(_) | Kind::Gemm { transposed: true } => all.iter().map(scaled).collect(),
            Kind::MatMul | Kind::Gemm { transposed: false } => {
                (0..self.outputs).flat_map(|o| all.iter().skip(o).step_by(self.outputs).map(scaled)).collect()
            }
        }
    }

    /// Codes of the weights, in rows, as the tensor that the node reads.
    pub fn codes(&self, model: &Model, rows: &[i8]) -> Tensor {
        let dims = model.input(self.node, 1).and_then(|w| constant(model, w)).map(|t| t.dims).unwrap_or_default();
        let n = self.inputs * self.kernel;
        let bytes: Vec<u8> = match self.kind {
            Kind::Conv(_) | Kind::Gemm { transposed: true } => rows.iter().map(|q| *q as u8).collect(),
            Kind::MatMul | Kind::Gemm { transposed: false } => {
                (0..n).flat_map(|k| (0..self.outputs).map(move |o| rows[o * n + k] as u8)).collect()
            }
        };
        Tensor::raw(DataType::Int8, dims, bytes)
    }

    /// The axis of the weight that runs over output channels.
    pub fn weight_axis(&self) -> i64 {
        match self.kind {
            Kind::Conv(_) | Kind::Gemm { transposed: true } => 0,
            Kind::MatMul | Kind::Gemm { transposed: false } => 1,
        }
    }

    /// What was seen of the channels of its input or output, where they are so many and lie where the layer has them: another reader may have them elsewhere.
    pub fn channels<'s>(&self, seen: &'s TensorStatistics, count: usize) -> Option<&'s ChannelStatistics> {
        seen.channels.as_ref().filter(|c| c.min.len() == count && Some(c.axis) == self.channel_axis)
    }

    /// What is added to each output channel, by the node itself or by the `Add` behind it.
    pub fn bias(&self, model: &Model) -> Vec<f64> {
        let beta = self.call(model).float("beta").map_or(1.0, f64::from);
        let (value, factor) = match (&self.kind, self.added) {
            (Kind::MatMul, added) => (added.map(|a| a.value), 1.0),
            (Kind::Conv(_), _) => (model.input(self.node, 2), 1.0),
            (Kind::Gemm { .. }, _) => (model.input(self.node, 2), beta),
        };
        let tensor = value.and_then(|v| constant(model, v));
        let read = tensor.and_then(|t| per_channel(&t, self.outputs).ok());
        read.map_or_else(|| vec![0.0; self.outputs], |all| all.iter().map(|b| b * factor).collect())
    }

    /// Whether it is a convolution.
    pub fn is_conv(&self) -> bool {
        matches!(self.kind, Kind::Conv(_))
    }

    /// Whether zeros are put around its input.
    pub fn is_padded(&self) -> bool {
        matches!(&self.kind, Kind::Conv(w) if w.pads.iter().chain(&w.pads_behind).any(|p| *p != 0))
    }

    /// Whether it can give int8: a `MatMul` gives float, which is faster and truer.
    pub fn gives_int8(&self) -> bool {
        self.kind != Kind::MatMul
    }

    fn call<'a>(&self, model: &'a Model) -> Call<'a> {
        Call { node: model.node(self.node), opset: model.opset(Model::MAIN, "").unwrap_or(0) }
    }
}

/// The layers of a model, its facts made for the purpose.
pub fn layers_of(model: &Model, ops: &OpTable) -> (Vec<Layer>, Vec<Refused>) {
    layers(model, ops, &Facts::infer(model, ops))
}

/// The only layer of a graph.
#[cfg(test)]
pub(super) fn only_layer(graph: &str) -> (Model, Layer) {
    let model = shrinx_rewrite::ir::text::parse(&format!("<ir_version: 8, opset_import: [\"\": 17]>\n{graph}")).unwrap();
    let (mut found, _) = layers_of(&model, &OpTable::standard());
    let layer = found.pop().unwrap();
    assert!(found.is_empty());
    (model, layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ir::text;

    #[test]
    fn what_cannot_be_told_per_channel_stays_float() {
        let graph = "<ir_version: 6, opset_import: [\"\": 12]> g (float[N,8] x) => (float[N,8] y) <float[8,8] w> { y = MatMul(x, w) }";
        let (found, refused) = layers_of(&text::parse(graph).unwrap(), &OpTable::standard());
        assert!(found.is_empty());
        assert!(refused[0].reason.contains("opset 13"));
    }

    #[test]
    fn channels_of_another_reader_are_no_channels() {
        let (_, layer) = only_layer("g (float[N,4,4] x) => (float[N,4,4] y) <float[4,4] w> { y = MatMul(x, w) }");
        let seen = |axis| TensorStatistics::of(&[1.0; 16], &[1, 4, 4], Some(axis));
        assert!(layer.channels(&seen(2), 4).is_some());
        assert!(layer.channels(&seen(1), 4).is_none());
        assert!(layer.channels(&seen(2), 5).is_none());
    }

    #[test]
    fn same_padding_lies_where_the_name_says() {
        let pads = |auto_pad: &str| {
            let nodes = format!("y = Conv<auto_pad = \"{auto_pad}\", dilations = [3]>(x, w)");
            let (_, layer) = only_layer(&format!("g (float[N,2,9] x) => (float[N,2,L] y) <float[2,2,2] w> {{ {nodes} }}"));
            let Kind::Conv(window) = layer.kind else { unreachable!() };
            (window.pads[0], window.pads_behind[0])
        };
        assert_eq!([pads("SAME_UPPER"), pads("SAME_LOWER"), pads("VALID")], [(1, 2), (2, 1), (0, 0)]);
    }
}
