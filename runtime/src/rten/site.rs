//! One node of the original model, with what is known of its surroundings.

use crate::part::Part;
use shrinx_ops::{
    Call, Facts,
    call::normal_axis,
    constant,
    ir::{DataType, Dim, Model, NodeId, Ports, Tensor, ValueId},
};

/// A node that rten is to run.
pub(super) struct Site<'a> {
    pub(super) model: &'a Model,
    pub(super) facts: &'a Facts,
    pub(super) part: &'a Part,
    pub(super) id: NodeId,
    pub(super) call: Call<'a>,
    pub(super) inputs: Ports,
    pub(super) outputs: Ports,
}

impl<'a> Site<'a> {
    pub(super) fn of(model: &'a Model, facts: &'a Facts, part: &'a Part, id: NodeId) -> Self {
        let node = model.node(id);
        let opset = model.opset(node.scope(), node.op.domain()).unwrap_or(0);
        Self { model, facts, part, id, call: Call { node, opset }, inputs: model.inputs(id), outputs: model.outputs(id) }
    }

    pub(super) fn input(&self, port: usize) -> Option<ValueId> {
        self.inputs.get(port).copied().flatten()
    }

    pub(super) fn has(&self, port: usize) -> bool {
        self.input(port).is_some()
    }

    /// Whether anybody wants the output at a port.
    pub(super) fn wants(&self, port: usize) -> bool {
        self.outputs.get(port).copied().flatten().is_some_and(|v| self.part.has_value(v))
    }

    pub(super) fn dtype(&self, port: usize) -> Option<DataType> {
        self.facts.of(self.input(port)?).dtype
    }

    pub(super) fn shape(&self, port: usize) -> Option<&'a [Dim]> {
        self.facts.of(self.input(port)?).shape.as_deref()
    }

    pub(super) fn rank(&self, port: usize) -> Option<usize> {
        self.shape(port).map(<[Dim]>::len)
    }

    pub(super) fn constant(&self, port: usize) -> Option<Tensor> {
        constant(self.model, self.input(port)?)
    }

    /// A string attribute, with its default.
    pub(super) fn string(&self, name: &str, default: &'a str) -> &'a str {
        self.call.string(name).unwrap_or(default)
    }

    /// Whether an int attribute is set to something other than 0.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.call.int(name).unwrap_or(0) != 0
    }

    /// `axis` of the input at a port, counted from the front.
    pub(super) fn axis(&self, port: usize, default: i64) -> Option<usize> {
        normal_axis(self.call.int("axis").unwrap_or(default), self.rank(port)?)
    }
}
