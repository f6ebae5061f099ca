//! Operators that multiply what flows by a constant matrix: seen alike, whatever their layout.
//!
//! A [`Contraction`] has one matrix `[outputs, inputs × kernel]` a group, f64, and may write it back; of its input it gives the rows that the matrix is
//! multiplied with, of its output the rows that come out, both at chosen places.

use crate::{Call, Window, call::normal_axis, constant, linear::per_channel};
use shrinx_ir::{DataType, Model, NodeId, Tensor, ValueId};

/// A `Conv`, `ConvTranspose`, `Gemm` or `MatMul` with a constant weight of float32.
#[derive(Clone, Debug)]
pub struct Contraction {
    /// The node.
    pub node: NodeId,
    /// The activations.
    pub input: ValueId,
    /// The weight.
    pub weight: ValueId,
    /// What the node gives, before what is added behind a `MatMul`.
    pub output: ValueId,
    /// What is added to each channel.
    pub bias: Bias,
    /// Groups of channels, each with a matrix of its own.
    pub groups: usize,
    /// Output channels of a group.
    pub outputs: usize,
    /// Input channels of a group.
    pub inputs: usize,
    /// Where it looks.
    pub window: Window,
    /// The axis of the input that runs over channels, from the back if negative.
    pub input_axis: i64,
    /// The axis of the output that runs over channels, from the back if negative.
    pub output_axis: i64,
    weight_port: usize,
    layout: Layout,
    alpha: f64,
    beta: f64,
}

/// Where the bias of a contraction stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bias {
    /// There is none.
    Absent,
    /// It is the third input.
    Port(ValueId),
    /// An `Add` behind the node adds it.
    Added {
        /// The `Add`.
        node: NodeId,
        /// The port of the bias.
        port: usize,
        /// The bias.
        value: ValueId,
        /// The sum.
        output: ValueId,
    },
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    /// `[outputs, inputs, kernel..]`, groups one after the other.
    OutputsFirst,
    /// `[inputs, outputs, kernel..]`, groups one after the other.
    InputsFirst,
}

impl Contraction {
    /// The view of a node, or why there is none.
    pub fn of(model: &Model, node: NodeId) -> Result<Self, &'static str> {
        let call = Call { node: model.node(node), opset: 0 };
        let is = |op| call.node.is(op);
        let ports = model.inputs(node);
        let at = |port: usize| ports.get(port).copied().flatten();
        let held = |port| at(port).and_then(|value| constant(model, value));
        if !["Conv", "ConvTranspose", "Gemm", "MatMul"].iter().any(|op| is(op)) {
            return Err("it is no linear operator");
        }
        let matrix = is("Gemm") || is("MatMul");
        let weight_port = usize::from(!(matrix && held(0).is_some()));
        let weights = held(weight_port).ok_or("its weight is computed")?;
        let (input, weight) = (at(1 - weight_port).ok_or("it has no input")?, at(weight_port).ok_or("it has no weight")?);
        if constant(model, input).is_some() {
            return Err("its input is constant");
        }
        if weights.dtype != DataType::Float {
            return Err("it does not compute in float32");
        }
        if weights.is_empty() {
            return Err("its weight is empty");
        }
        let output = model.outputs(node).first().copied().flatten().ok_or("it has no output")?;
        let dims: Vec<usize> = weights.dims.iter().map(|d| *d as usize).collect();
        let group = usize::try_from(call.int("group").unwrap_or(1)).ok().filter(|g| *g > 0).ok_or("its group is not positive")?;
        let split = |n: usize| if n.is_multiple_of(group) { Ok(n / group) } else { Err("its group does not divide its channels") };
        let transposed = |name| matrix && call.int(name).unwrap_or(0) != 0;
        let (layout, groups, outputs, inputs, window, input_axis, output_axis) = match dims.as_slice() {
            [m, i, kernel @ ..] if is("Conv") => (Layout::OutputsFirst, group, split(*m)?, *i, Window::of(&call, kernel)?, 1, 1),
            [i, m, kernel @ ..] if is("ConvTranspose") => {
                (Layout::InputsFirst, group, *m, split(*i)?, Window::of_transposed(&call, kernel)?, 1, 1)
            }
            [a, b] if matrix => {
                // On the right, rows of x are multiplied; on the left, columns. A transposed x has them the other way round.
                let right = weight_port == 1;
                let outputs_first = transposed(if right { "transB" } else { "transA" }) == right;
                let columns = transposed(if right { "transA" } else { "transB" }) == right;
                let layout = if outputs_first { Layout::OutputsFirst } else { Layout::InputsFirst };
                let (m, i) = if outputs_first { (*a, *b) } else { (*b, *a) };
                let (window, input_axis) = if columns { (Window::point(1), -2) } else { (Window::point(0), -1) };
                (layout, 1, m, i, window, input_axis, if right { -1 } else { -2 })
            }
            _ => return Err("its weight is no matrix"),
        };
        let factor = |name| if is("Gemm") { call.float(name).map_or(1.0, f64::from) } else { 1.0 };
        let (alpha, beta) = (factor("alpha"), factor("beta"));
        if alpha == 0.0 || beta == 0.0 {
            return Err("it is multiplied by zero");
        }
        let bias = if is("MatMul") { added(model, output, outputs, output_axis) } else { at(2).map_or(Bias::Absent, Bias::Port) };
        let view = Self {
            node,
            input,
            weight,
            output,
            bias,
            groups,
            outputs,
            inputs,
            window,
            input_axis,
            output_axis,
            weight_port,
            layout,
            alpha,
            beta,
        };
        if let Bias::Port(value) = bias {
            view.read_bias(&constant(model, value).ok_or("its bias is computed")?).ok_or("its bias is not one number a channel")?;
        }
        Ok(view)
    }

    /// Output channels of all groups.
    pub fn channels(&self) -> usize {
        self.groups * self.outputs
    }

    /// Columns of a group's matrix.
    pub fn columns(&self) -> usize {
        self.inputs * self.window.len()
    }

    /// The value that holds the result, bias included.
    pub fn result(&self) -> ValueId {
        match self.bias {
            Bias::Absent | Bias::Port(_) => self.output,
            Bias::Added { output, .. } => output,
        }
    }

    /// The matrix of each group, `[outputs, inputs × kernel]`, channel by channel; a `Gemm`'s factor included.
    pub fn weights(&self, model: &Model) -> Option<Vec<Vec<f64>>> {
        let stored = constant(model, self.weight)?.to_f64()?;
        let group = |g| self.places(g).map(|at| stored[at] * self.alpha).collect();
        Some((0..self.groups).map(group).collect())
    }

    /// Stores other matrices of the same sizes. A weight that others read stays as it is for them.
    pub fn set_weights(&self, model: &mut Model, weights: &[Vec<f64>]) {
        let Some(old) = constant(model, self.weight) else { return };
        let mut stored = vec![0.0; old.len()];
        for (g, matrix) in weights.iter().enumerate() {
            self.places(g).zip(matrix).for_each(|(at, w)| stored[at] = (w / self.alpha) as f32);
        }
        replace(model, self.node, self.weight_port, self.weight, Tensor::from_f32(old.dims, &stored));
    }

    /// What is added to each channel, by the node itself or by the `Add` behind it.
    pub fn biases(&self, model: &Model) -> Vec<f64> {
        let read = match self.bias {
            Bias::Absent => None,
            Bias::Port(value) | Bias::Added { value, .. } => constant(model, value).and_then(|t| self.read_bias(&t)),
        };
        read.unwrap_or_else(|| vec![0.0; self.channels()])
    }

    /// Adds other numbers to the channels. Without effect on a `MatMul` that nothing is added to.
    pub fn set_biases(&self, model: &mut Model, biases: &[f64]) {
        let stored: Vec<f32> = biases.iter().map(|b| (b / self.beta) as f32).collect();
        let count = stored.len() as u64;
        match self.bias {
            Bias::Port(value) => replace(model, self.node, 2, value, Tensor::from_f32(self.bias_dims(count), &stored)),
            Bias::Added { node, port, value, .. } => {
                replace(model, node, port, value, Tensor::from_f32(self.bias_dims(count), &stored));
            }
            Bias::Absent if self.takes_bias(model) => {
                let name = format!("{}_bias", model.name(self.output));
                let scope = model.scope_of(self.output);
                let value = model.add_initializer(scope, &name, Tensor::from_f32(self.bias_dims(count), &stored));
                model.set_input(self.node, 2, Some(value));
            }
            Bias::Absent => {}
        }
    }

    /// Whether it has a bias, or can be given one.
    pub fn takes_bias(&self, model: &Model) -> bool {
        self.bias != Bias::Absent || !model.node(self.node).is("MatMul")
    }

    fn bias_dims(&self, count: u64) -> Vec<u64> {
        if self.output_axis == -2 { vec![count, 1] } else { vec![count] }
    }

    fn read_bias(&self, tensor: &Tensor) -> Option<Vec<f64>> {
        let column = self.output_axis == -2;
        let read = match tensor.dims.as_slice() {
            [n, 1] if column && *n as usize == self.channels() => tensor.to_f64()?,
            _ if !column || tensor.len() == 1 => per_channel(tensor, self.channels()).ok()?,
            _ => return None,
        };
        Some(read.into_iter().map(|b| b * self.beta).collect())
    }

    /// Where the elements of a group's matrix stand in the weight, row by row.
    fn places(&self, group: usize) -> impl Iterator<Item = usize> {
        let (outputs, inputs, kernel, layout) = (self.outputs, self.inputs, self.window.len(), self.layout);
        (0..outputs * inputs * kernel).map(move |at| {
            let (o, i, k) = (at / (inputs * kernel), at / kernel % inputs, at % kernel);
            match layout {
                Layout::OutputsFirst => group * outputs * inputs * kernel + at,
                Layout::InputsFirst => ((group * inputs + i) * outputs + o) * kernel + k,
            }
        })
    }

    /// How many places the output has, for an input of this shape; `None` if it does not fit.
    pub fn count(&self, input: &[u64]) -> Option<usize> {
        let planes = Planes::of(input, self.input_axis, self.groups * self.inputs)?;
        Some(planes.outer * self.window.lengths(&planes.space)?.iter().product::<usize>())
    }

    /// Adds the rows `[places, inputs × kernel]` that a group's matrix is multiplied with, each element as `map` has it for its channel. `None` if the shape
    /// does not fit.
    pub fn add_rows(
        &self,
        (data, dims): (&[f32], &[u64]),
        group: usize,
        places: &[usize],
        map: impl Fn(usize, f32) -> f32,
        rows: &mut Vec<f32>,
    ) -> Option<()> {
        let planes = Planes::of(dims, self.input_axis, self.groups * self.inputs)?;
        let out = self.window.lengths(&planes.space)?;
        let (spots, inner): (usize, usize) = (out.iter().product(), planes.inner());
        let mut offsets = Vec::with_capacity(self.window.len());
        rows.reserve(places.len() * self.columns());
        for place in places {
            self.window.offsets(place % spots, &out, &planes.space, &mut offsets);
            for c in group * self.inputs..(group + 1) * self.inputs {
                let base = (place / spots * self.groups * self.inputs + c) * inner;
                rows.extend(offsets.iter().map(|o| o.map_or(0.0, |o| map(c, data[base + o]))));
            }
        }
        Some(())
    }

    /// Adds the rows `[places, outputs]` of a group that come out at these places. `None` if the shape does not fit.
    pub fn add_outputs(&self, (data, dims): (&[f32], &[u64]), group: usize, places: &[usize], rows: &mut Vec<f32>) -> Option<()> {
        let planes = Planes::of(dims, self.output_axis, self.channels())?;
        let inner = planes.inner();
        if places.iter().any(|p| *p >= planes.outer * inner) {
            return None;
        }
        for place in places {
            let base = place / inner * self.channels();
            rows.extend((group * self.outputs..(group + 1) * self.outputs).map(|c| data[(base + c) * inner + place % inner]));
        }
        Some(())
    }
}

/// A shape around its channels: `[outer, channels, space..]`.
struct Planes {
    outer: usize,
    space: Vec<usize>,
}

impl Planes {
    fn of(dims: &[u64], axis: i64, channels: usize) -> Option<Self> {
        let axis = normal_axis(axis, dims.len())?;
        let space = dims[axis + 1..].iter().map(|d| *d as usize).collect();
        (dims[axis] as usize == channels).then(|| Self { outer: dims[..axis].iter().product::<u64>() as usize, space })
    }

    fn inner(&self) -> usize {
        self.space.iter().product()
    }
}

/// The `Add` of a constant that alone reads a product.
fn added(model: &Model, raw: ValueId, channels: usize, axis: i64) -> Bias {
    let found = || {
        let (node, port) = model.uses(raw).next().filter(|_| !model.is_output(raw) && model.use_count(raw) == 1)?;
        if !model.node(node).is("Add") || model.node(node).scope() != model.scope_of(raw) {
            return None;
        }
        let value = model.input(node, 1 - port)?;
        let tensor = constant(model, value)?;
        let fits = match (tensor.dims.as_slice(), axis) {
            ([n], -1) | ([n, 1], -2) => *n as usize == channels,
            _ => false,
        };
        let output = model.outputs(node).first().copied().flatten()?;
        (fits && tensor.dtype == DataType::Float).then_some(Bias::Added { node, port: 1 - port, value, output })
    };
    found().unwrap_or(Bias::Absent)
}

/// Gives a port a constant of its own: in place of the old one, where nobody else reads that.
fn replace(model: &mut Model, node: NodeId, port: usize, old: ValueId, tensor: Tensor) {
    if model.use_count(old) == 1 {
        model.store(old, tensor);
    } else {
        let hint = model.name(old).to_string();
        let value = model.add_initializer(model.node(node).scope(), &hint, tensor);
        model.set_input(node, port, Some(value));
    }
}

#[cfg(test)]
mod tests;
