//! Convolutions seen from their input: what a factor or a term on its channels does to weight and bias.

use super::affine::{is_precise, is_standard};
use shrinx_rewrite::ops::{
    Call, constant,
    ir::{Model, NodeId, Tensor, ValueId},
};

/// A `Conv` or `ConvTranspose` with constant weight.
pub(super) struct ConvInput {
    node: NodeId,
    weight: ValueId,
    weights: Tensor,
    /// Weights of one kernel: those of one input and one output channel.
    kernel: usize,
    /// Inputs and outputs of a group, or the other way round in a transposed convolution.
    inner: usize,
    outer: usize,
    transposed: bool,
    channels: usize,
}

/// A weight that several read is not stored twice beyond this size.
const SMALL: u64 = 1024;

impl ConvInput {
    /// The view of a node, or why there is none.
    pub(super) fn of(model: &Model, node: NodeId) -> Result<Self, &'static str> {
        let call = Call { node: model.node(node), opset: 0 };
        let transposed = call.node.is("ConvTranspose");
        if (!transposed && !call.node.is("Conv")) || !is_standard(model, node) || call.has_references() {
            return Err("a reader is no convolution");
        }
        let weight = model.input(node, 1).ok_or("a convolution has no weight")?;
        let weights =
            constant(model, weight).filter(|w| is_precise(w.dtype)).ok_or("the weight of a convolution is not constant, or narrow")?;
        let group = usize::try_from(call.int("group").unwrap_or(1)).ok().filter(|g| *g > 0).ok_or("a convolution has no group")?;
        let [first, inner, ref kernel @ ..] = weights.dims.iter().map(|d| *d as usize).collect::<Vec<_>>()[..] else {
            return Err("the weight of a convolution has too few axes");
        };
        if weights.is_empty() || first % group != 0 {
            return Err("the weight of a convolution does not fit its group");
        }
        let channels = if transposed { first } else { inner * group };
        Ok(Self { node, weight, kernel: kernel.iter().product(), inner, outer: first / group, transposed, channels, weights })
    }

    /// Channels of the input.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Whether its weight would have to be stored a second time.
    pub(super) fn shares_weight(&self, model: &Model) -> bool {
        model.use_count(self.weight) > 1 && self.weights.byte_len() > SMALL
    }

    /// The input channel of a weight, by its place.
    fn channel(&self, place: usize) -> usize {
        let (first, second) = (place / self.kernel / self.inner, place / self.kernel % self.inner);
        if self.transposed { first } else { first / self.outer * self.inner + second }
    }

    /// The weight for an input that is multiplied no more; `factor` has one number, or one a channel.
    pub(super) fn scaled(&self, factor: &[f64]) -> Result<Tensor, &'static str> {
        let weights = self.weights.to_f64().ok_or("the weight of a convolution cannot be read")?;
        let weights: Vec<f64> = weights.iter().enumerate().map(|(place, w)| w * at(factor, self.channel(place))).collect();
        rounded(&self.weights, self.weights.dims.clone(), &weights)
    }

    /// The bias for an input that nothing is added to any more; `term` has one number, or one a channel.
    pub(super) fn shifted(&self, model: &Model, term: &[f64]) -> Result<Tensor, &'static str> {
        let mut bias = match model.input(self.node, 2) {
            None => vec![0.0; self.outer * self.channels / self.inner],
            Some(bias) => constant(model, bias).and_then(|b| b.to_f64()).ok_or("the bias of a convolution is not constant")?,
        };
        let weights = self.weights.to_f64().ok_or("the weight of a convolution cannot be read")?;
        let fan_in = self.inner * self.kernel;
        if self.transposed || bias.len() * fan_in != weights.len() {
            return Err("a reader has no bias that could take the term");
        }
        for (place, w) in weights.iter().enumerate() {
            bias[place / fan_in] += w * at(term, self.channel(place));
        }
        rounded(&self.weights, vec![bias.len() as u64], &bias)
    }

    /// Stores a new weight.
    pub(super) fn set_weight(&self, model: &mut Model, weights: Tensor) {
        self.set(model, 1, self.weight, "", weights);
    }

    /// Stores a new bias.
    pub(super) fn set_bias(&self, model: &mut Model, bias: Tensor) {
        match model.input(self.node, 2) {
            Some(old) => self.set(model, 2, old, "", bias),
            None => self.set(model, 2, self.weight, "_bias", bias),
        }
    }

    fn set(&self, model: &mut Model, port: usize, like: ValueId, suffix: &str, tensor: Tensor) {
        let hint = format!("{}{suffix}", model.name(like));
        let value = model.add_initializer(model.node(self.node).scope(), &hint, tensor);
        model.set_input(self.node, port, Some(value));
    }
}

fn at(numbers: &[f64], channel: usize) -> f64 {
    if let [one] = numbers { *one } else { numbers[channel] }
}

/// A tensor of the type of `like`, each element rounded once.
pub(super) fn rounded(like: &Tensor, dims: Vec<u64>, data: &[f64]) -> Result<Tensor, &'static str> {
    let tensor = Tensor::from_f64(like.dtype, dims, data).ok_or("a constant is not floating point")?;
    let finite = tensor.to_f64().is_some_and(|all| all.iter().all(|x| x.is_finite()));
    if finite { Ok(tensor) } else { Err("a constant would overflow") }
}
