//! Operators that are linear in a constant weight: what scaling and shifting their output channels does to weight and bias.

use crate::{Call, constant};
use shrinx_ir::{Attribute, Model, NodeId, Tensor, ValueId};

/// A `Conv`, `ConvTranspose`, `Gemm` or `MatMul` with constant weight and bias.
#[derive(Clone, Debug)]
pub struct Linear {
    /// The input that is no weight.
    pub input: ValueId,
    /// The weight's value.
    pub weight: ValueId,
    /// The bias's value, if there is one.
    pub bias: Option<ValueId>,
    /// Output channels.
    pub channels: usize,
    /// Rank of the output.
    pub rank: usize,
    /// The axis of the output that runs over channels.
    pub channel_axis: usize,
    weights: Tensor,
    bias_per_channel: Vec<f64>,
    layout: Layout,
}

/// How the channel of a weight follows from its place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    /// `[M, ..]`: `inner` weights a channel.
    First { inner: usize },
    /// `[K, N]`.
    Last,
    /// `[C, M/group, kernel..]`.
    Transposed { group: usize, inputs: usize, kernel: usize },
}

impl Linear {
    /// The view of a node, or why there is none.
    pub fn of(model: &Model, node: NodeId) -> Result<Self, &'static str> {
        let inputs = model.inputs(node);
        let call = Call { node: model.node(node), opset: 0 };
        let at = |k: usize| inputs.get(k).copied().flatten();
        let (input, weight) = (at(0).ok_or("it has no input")?, at(1).ok_or("it has no weight")?);
        let weights = constant(model, weight).ok_or("its weight is not constant")?;
        if !weights.dtype.is_float() {
            return Err("its weight is not floating point");
        }
        let dims: Vec<usize> = weights.dims.iter().map(|d| *d as usize).collect();
        let is = |op| call.node.is(op);
        let (layout, channels) = if is("Conv") {
            let inner = dims.iter().skip(1).product();
            (Layout::First { inner }, *dims.first().ok_or("its weight has no axes")?)
        } else if is("ConvTranspose") {
            let group = usize::try_from(call.int("group").unwrap_or(1)).ok().filter(|g| *g > 0).ok_or("its group is not positive")?;
            let [inputs, per_group, kernel @ ..] = dims.as_slice() else { return Err("its weight has too few axes") };
            if inputs % group != 0 {
                return Err("its group does not divide its channels");
            }
            (Layout::Transposed { group, inputs: *inputs, kernel: kernel.iter().product() }, per_group * group)
        } else if is("Gemm") || is("MatMul") {
            let [rows, columns] = dims.as_slice() else { return Err("its weight is no matrix") };
            if call.int("transB").unwrap_or(0) != 0 { (Layout::First { inner: *columns }, *rows) } else { (Layout::Last, *columns) }
        } else {
            return Err("it is no linear operator");
        };
        if weights.is_empty() {
            return Err("its weight is empty");
        }
        let gemm = is("Gemm") || is("MatMul");
        let bias = at(2);
        let beta = if is("Gemm") { f64::from(call.float("beta").unwrap_or(1.0)) } else { 1.0 };
        let bias_per_channel = match bias {
            None => vec![0.0; channels],
            Some(value) => {
                per_channel(&constant(model, value).ok_or("its bias is not constant")?, channels)?.iter().map(|b| b * beta).collect()
            }
        };
        Ok(Self {
            input,
            weight,
            bias,
            channels,
            rank: if gemm { 2 } else { dims.len() },
            channel_axis: 1,
            weights,
            bias_per_channel,
            layout,
        })
    }

    fn channel(&self, place: usize) -> usize {
        match self.layout {
            Layout::First { inner } => place / inner,
            Layout::Last => place % self.channels,
            Layout::Transposed { group, inputs, kernel } => {
                let per_group = self.channels / group;
                let (input, rest) = (place / (per_group * kernel), place % (per_group * kernel));
                input / (inputs / group) * per_group + rest / kernel
            }
        }
    }

    /// Weight and bias of the same operator with its output multiplied by `scale` and increased by `shift`, both one a channel: computed in f64, rounded
    /// once. A `Gemm` must then have a `beta` of 1 ([`Linear::attributes`]).
    pub fn scaled(&self, scale: &[f64], shift: &[f64]) -> Result<(Tensor, Tensor), &'static str> {
        let weights = self.weights.to_f64().ok_or("its weight cannot be read")?;
        let weights: Vec<f64> = weights.iter().enumerate().map(|(k, w)| w * scale[self.channel(k)]).collect();
        let bias: Vec<f64> = self.bias_per_channel.iter().zip(scale).zip(shift).map(|((b, s), t)| b * s + t).collect();
        let build = |dims: &[u64], data: &[f64]| {
            let tensor = Tensor::from_f64(self.weights.dtype, dims, data).ok_or("its weight is not floating point")?;
            let finite = tensor.to_f64().is_some_and(|all| all.iter().all(|x| x.is_finite()));
            if finite { Ok(tensor) } else { Err("its weight would overflow") }
        };
        Ok((build(&self.weights.dims, &weights)?, build(&[self.channels as u64], &bias)?))
    }

    /// The attributes of the node without those that [`Linear::scaled`] has taken into the bias.
    pub fn attributes(model: &Model, node: NodeId) -> Vec<Attribute> {
        model.node(node).attributes.iter().filter(|a| a.name != "beta").cloned().collect()
    }

    /// Bytes of the weight.
    pub fn weight_bytes(&self) -> u64 {
        self.weights.byte_len()
    }
}

/// One number a channel, from a tensor whose only axis longer than 1 is its last.
pub fn per_channel(tensor: &Tensor, channels: usize) -> Result<Vec<f64>, &'static str> {
    let values = tensor.to_f64().ok_or("a constant is not floating point")?;
    match (values.len(), tensor.dims.last()) {
        (1, _) => Ok(vec![values[0]; channels]),
        (n, Some(last)) if n == channels && *last == channels as u64 => Ok(values),
        _ => Err("a constant does not run along the channels"),
    }
}
