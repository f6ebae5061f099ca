//! What a rule sees of its node, and how it ties and locks.

use super::{Atoms, Span};
use crate::{Call, Fact, Facts, OpTable, constant, site::Site};
use shrinx_ir::{Dim, Model, NodeId, Ports, ValueId};

/// An input or output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// An input.
    In(usize),
    /// An output.
    Out(usize),
}

/// An axis of an input or output.
pub type Axis = (Port, usize);

/// A node whose channel rule runs. Ports that are absent, and axes that are not there, are passed over; axes that the rule has not spoken of in the end are
/// locked.
pub struct Ties<'a> {
    /// The node's attributes and opset.
    pub call: Call<'a>,
    id: NodeId,
    model: &'a Model,
    facts: &'a Facts,
    inputs: Ports,
    outputs: Ports,
    pub(super) atoms: &'a mut Atoms,
    /// By port, inputs first: the axes that the rule has spoken of.
    spoken: Vec<u64>,
}

/// Longer index lists are not followed.
const MAX_INDICES: usize = 1 << 22;

impl<'a> Ties<'a> {
    /// Runs the rule of one node.
    pub fn run(model: &'a Model, facts: &'a Facts, ops: &OpTable, node: NodeId, atoms: &'a mut Atoms) {
        let (inputs, outputs) = (model.inputs(node), model.outputs(node));
        let call = Call { node: model.node(node), opset: model.opset(model.node(node).scope(), model.node(node).op.domain()).unwrap_or(0) };
        let spoken = vec![0; inputs.len() + outputs.len()];
        let mut ties = Self { call, id: node, model, facts, inputs, outputs, atoms, spoken };
        let unranked = ties.ports().find(|p| ties.value(*p).is_some_and(|v| ties.atoms.axes(v).is_none_or(|axes| axes.len() >= 64)));
        match unranked {
            None => {
                (ops.of(model, node).channels.ties)(&mut ties);
                ties.lock_rest("not an axis that it lets go of");
            }
            Some(Port::In(_)) => ties.lock_all("an input of unknown rank"),
            Some(Port::Out(_)) => ties.lock_all("no rule for its channels"),
        }
    }

    fn values(&self) -> impl Iterator<Item = ValueId> + use<'a> {
        self.inputs.clone().into_iter().chain(self.outputs.clone()).flatten()
    }

    fn ports(&self) -> impl Iterator<Item = Port> + use<'a> {
        (0..self.inputs.len()).map(Port::In).chain((0..self.outputs.len()).map(Port::Out))
    }

    /// Number of input ports, absent ones included.
    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// Number of output ports, absent ones included.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// The value at a port.
    pub fn value(&self, port: Port) -> Option<ValueId> {
        match port {
            Port::In(k) => self.inputs.get(k).copied().flatten(),
            Port::Out(k) => self.outputs.get(k).copied().flatten(),
        }
    }

    /// Whether something is connected to a port.
    pub fn has(&self, port: Port) -> bool {
        self.value(port).is_some()
    }

    /// What is known of the value at a port.
    pub fn fact(&self, port: Port) -> &Fact {
        self.value(port).map_or(&Fact::UNKNOWN, |v| self.facts.of(v))
    }

    /// The shape at a port; empty where nothing is connected.
    pub fn shape(&self, port: Port) -> &'a [Dim] {
        self.value(port).and_then(|v| self.facts.of(v).shape.as_deref()).unwrap_or_default()
    }

    /// Number of axes at a port; 0 where nothing is connected.
    pub fn rank(&self, port: Port) -> usize {
        self.shape(port).len()
    }

    /// Length of an axis, where it is known.
    pub fn length(&self, axis: Axis) -> Option<usize> {
        self.shape(axis.0).get(axis.1)?.known().and_then(|n| usize::try_from(n).ok())
    }

    /// Whether an input is a constant that no caller can change.
    pub fn is_constant(&self, port: usize) -> bool {
        self.value(Port::In(port)).is_some_and(|v| constant(self.model, v).is_some())
    }

    /// The numbers of a constant input.
    pub fn numbers(&self, port: usize) -> Option<Vec<f64>> {
        constant(self.model, self.value(Port::In(port))?)?.to_f64()
    }

    pub(super) fn span(&self, axis: Axis) -> Option<Span> {
        self.atoms.axes(self.value(axis.0)?)?.get(axis.1).copied()
    }

    fn speak(&mut self, axis: Axis) {
        let port = match axis.0 {
            Port::In(k) => k,
            Port::Out(k) => self.inputs.len() + k,
        };
        if let Some(axes) = self.spoken.get_mut(port) {
            *axes |= 1 << axis.1.min(63);
        }
    }

    pub(super) fn cause(&mut self, reason: &'static str) -> u32 {
        self.atoms.cause(self.id, reason)
    }

    /// Ties one slice to another.
    pub fn tie(&mut self, a: Axis, i: usize, b: Axis, j: usize) {
        self.tie_each(a, b, std::iter::once((i, j)));
    }

    /// Ties slices of one axis to slices of another, pair by pair. Locks both axes where one of them has fewer slices than its pairs tell.
    pub fn tie_each(&mut self, a: Axis, b: Axis, pairs: impl IntoIterator<Item = (usize, usize)>) {
        let (Some(s), Some(t)) = (self.span(a), self.span(b)) else { return };
        self.speak(a);
        self.speak(b);
        for (i, j) in pairs {
            let (Some(i), Some(j)) = (s.at(i), t.at(j)) else { return self.lock_each([a, b], "lengths that are not known to be equal") };
            self.atoms.tie(i, j);
        }
    }

    /// Ties two axes of equal length, slice by slice. Locks both where the lengths are not equal.
    pub fn tie_axes(&mut self, a: Axis, b: Axis) {
        let (Some(s), Some(t)) = (self.span(a), self.span(b)) else { return };
        self.speak(a);
        self.speak(b);
        let node = self.id;
        self.atoms.tie_spans(s, t, |atoms| atoms.cause(node, "lengths that are not known to be equal"));
    }

    /// Ties all axes of two tensors of equal rank.
    pub fn tie_tensors(&mut self, x: Port, y: Port) {
        if self.rank(x) == self.rank(y) {
            (0..self.rank(x)).for_each(|k| self.tie_axes((x, k), (y, k)));
        }
    }

    /// Ties the axes of an operand to those of the result that it broadcasts to, `offset` being the axis of the result that its first one meets. Axes of
    /// length 1 are passed over.
    pub fn broadcast(&mut self, x: Port, y: Port, offset: usize) {
        self.broadcast_axes(x, 0..self.rank(x), y, offset);
    }

    /// Likewise, for some axes of the operand; `offset` is the axis of the result that the first of them meets.
    pub fn broadcast_axes(&mut self, x: Port, axes: std::ops::Range<usize>, y: Port, offset: usize) {
        for (k, axis) in axes.enumerate() {
            if self.length((x, axis)) == Some(1) {
                self.speak((x, axis));
            } else {
                self.tie_axes((x, axis), (y, k + offset));
            }
        }
    }

    /// Ties a parameter with one number a channel; one for all is passed over. Locks the channels where there are more.
    pub fn tie_parameter(&mut self, parameter: Port, axis: Axis) {
        match self.rank(parameter) {
            1 => self.broadcast(parameter, axis.0, axis.1),
            _ if self.is_single(parameter) => {}
            _ => self.lock(axis, "parameters along other axes too"),
        }
    }

    /// Whether a tensor has a single element, or is absent.
    pub fn is_single(&self, port: Port) -> bool {
        self.shape(port).iter().all(|dim| *dim == Dim::Known(1))
    }

    /// Says that slices of an axis may go without any of this node's other tensors.
    pub fn free(&mut self, axis: Axis) {
        self.speak(axis);
    }

    /// Says that an axis must lose the same number of slices in each of `count` equal blocks.
    pub fn equal_blocks(&mut self, axis: Axis, count: usize) {
        if let (Some(span), Ok(count)) = (self.span(axis), u32::try_from(count))
            && count > 1
            && span.len >= count
            && span.len % count == 0
        {
            self.atoms.block(span, count);
        }
    }

    /// Locks an axis.
    pub fn lock(&mut self, axis: Axis, reason: &'static str) {
        self.speak(axis);
        if let Some(span) = self.span(axis) {
            let cause = self.cause(reason);
            self.atoms.lock_span(span, cause);
        }
    }

    /// Locks some axes.
    pub fn lock_each(&mut self, axes: impl IntoIterator<Item = Axis>, reason: &'static str) {
        axes.into_iter().for_each(|axis| self.lock(axis, reason));
    }

    /// Locks the axes of one tensor.
    pub fn lock_tensor(&mut self, port: Port, reason: &'static str) {
        (0..self.rank(port)).for_each(|k| self.lock((port, k), reason));
    }

    /// Locks every axis of every input and output.
    pub fn lock_all(&mut self, reason: &'static str) {
        for value in self.values() {
            let cause = self.cause(reason);
            let spans = self.atoms.axes(value).unwrap_or_default().to_vec();
            spans.iter().flat_map(|s| s.atoms()).for_each(|a| self.atoms.lock(a, cause));
        }
    }

    /// Locks every axis that the rule has not spoken of so far.
    pub fn lock_rest(&mut self, reason: &'static str) {
        for (k, port) in self.ports().enumerate() {
            for axis in 0..self.rank(port) {
                if self.spoken[k] >> axis & 1 == 0 {
                    self.lock((port, axis), reason);
                }
            }
        }
    }
}

impl Site for Ties<'_> {
    fn call(&self) -> Call<'_> {
        self.call
    }

    fn given(&self, port: usize) -> bool {
        self.has(Port::In(port))
    }

    fn dims(&self, port: usize) -> Option<Vec<u64>> {
        self.has(Port::In(port)).then(|| crate::site::lengths(self.shape(Port::In(port)))).flatten()
    }

    fn integers(&self, port: usize) -> Option<Vec<i64>> {
        if let Some(contents) = &self.fact(Port::In(port)).contents {
            return contents.iter().map(Dim::known).collect();
        }
        let tensor = constant(self.model, self.value(Port::In(port))?)?;
        if tensor.len() <= MAX_INDICES { tensor.to_integers() } else { None }
    }

    fn limit(&self) -> usize {
        Fact::MAX_CONTENTS
    }
}
