//! The copy of a model that rten gets: only what is needed, without declared types, and with what rten misreads spelled differently.

use super::{convs, rewrites, site::Site};
use crate::{part::Part, place::label};
use shrinx_ops::{
    Facts,
    ir::{Attribute, Model, Node, OpName, Ports, Tensor, ValueId},
};

/// The part of the model, rewritten for rten.
pub(super) fn adapted(model: &Model, facts: &Facts, part: &Part) -> Model {
    let mut copy = model.clone();
    for node in model.nodes() {
        if !part.has_node(node) {
            copy.kill(node);
        }
    }
    for value in model.values() {
        // A default that may be overridden is an input for rten, fed with the default where nothing else is.
        let default = model.is_input(value) && model.constant(value).is_none();
        let stored = model.value(value).initializer.is_some();
        if stored && (default || !part.has_value(value) && (model.is_input(value) || model.is_output(value))) {
            copy.set_initializer(value, None);
        } else if stored && !part.has_value(value) {
            copy.drop_initializer(value);
        }
    }
    // Declared types may be stale, and rten would believe them.
    for scope in copy.scopes().collect::<Vec<_>>() {
        let scope = copy.scope_mut(scope);
        scope.value_info.clear();
        scope.quantization.clear();
    }
    for node in part.nodes(model) {
        let site = Site::of(model, facts, part, node);
        Adapter { copy: &mut copy, site: &site, made: 0 }.node();
    }
    copy.compact();
    copy
}

/// Rewrites one node. Nothing is removed before all nodes are done, so that ids of the original hold in the copy.
pub(super) struct Adapter<'a> {
    pub(super) copy: &'a mut Model,
    pub(super) site: &'a Site<'a>,
    made: usize,
}

impl Adapter<'_> {
    fn node(&mut self) {
        let node = self.site.call.node;
        self.copy.node_mut(self.site.id).name = Some(label(self.site.id));
        if node.op.domain().is_empty() {
            match node.op.op.as_str() {
                "Conv" | "ConvInteger" | "ConvTranspose" => convs::convolution(self),
                "AveragePool" | "MaxPool" => convs::pool(self),
                _ => {
                    rewrites::rewrite(self);
                }
            }
            self.leave_out_unwanted();
        }
    }

    /// Leaves out outputs that nobody wants and rten does not have.
    fn leave_out_unwanted(&mut self) {
        let id = self.site.id;
        let op = self.copy.node(id).op.op.as_str();
        if !matches!(op, "Attention" | "BatchNormalization" | "LayerNormalization" | "MaxPool") {
            return;
        }
        let kept: Ports = (0..self.site.outputs.len()).map(|k| self.site.outputs[k].filter(|_| self.site.wants(k))).collect();
        let (node, inputs) = (self.copy.node(id).clone(), self.copy.inputs(id));
        self.copy.kill(id);
        let (scope, order) = (node.scope(), node.order());
        self.copy.add_node(scope, order, node, &inputs, &kept);
    }

    /// Sets an attribute, in place of an earlier one of the same name.
    pub(super) fn set(&mut self, attribute: Attribute) {
        self.unset(&attribute.name);
        self.copy.node_mut(self.site.id).attributes.push(attribute);
    }

    /// Takes an attribute away.
    pub(super) fn unset(&mut self, name: &str) {
        self.copy.node_mut(self.site.id).attributes.retain(|a| a.name != name);
    }

    /// A constant beside the node.
    pub(super) fn constant(&mut self, tensor: Tensor) -> ValueId {
        self.copy.add_initializer(self.site.call.node.scope(), "rten", tensor)
    }

    /// A new node beside the node, and its only output.
    pub(super) fn add(&mut self, op: &str, attributes: Vec<Attribute>, inputs: &[ValueId]) -> ValueId {
        self.add_at(0, op, attributes, inputs)
    }

    /// A new node beside the node, and its output at a port, the only one that it makes.
    pub(super) fn add_at(&mut self, port: usize, op: &str, attributes: Vec<Attribute>, inputs: &[ValueId]) -> ValueId {
        let name = self.copy.fresh_name("rten");
        let output = self.copy.add_value(self.site.call.node.scope(), name);
        let outputs: Ports = std::iter::repeat_n(None, port).chain([Some(output)]).collect();
        self.make(OpName::onnx(op), attributes, inputs, &outputs);
        output
    }

    /// A new node beside the node, with these outputs.
    pub(super) fn make(&mut self, op: OpName, attributes: Vec<Attribute>, inputs: &[ValueId], outputs: &[Option<ValueId>]) {
        let old = self.site.call.node;
        let mut node = Node::new(op, attributes);
        node.name = Some(format!("{}.{}", label(self.site.id), self.made));
        self.made += 1;
        let inputs: Ports = inputs.iter().map(|v| Some(*v)).collect();
        self.copy.add_node(old.scope(), old.order(), node, &inputs, outputs);
    }

    /// Removes the node; its outputs wait for others to make them.
    pub(super) fn vacate(&mut self) -> Ports {
        self.copy.kill(self.site.id);
        self.site.outputs.clone()
    }

    /// Lets a new node make the first output of the node, which goes.
    pub(super) fn replace(&mut self, op: &str, attributes: Vec<Attribute>, inputs: &[ValueId]) -> Option<()> {
        let outputs = self.vacate();
        self.make(OpName::onnx(op), attributes, inputs, &[outputs.first().copied().flatten()]);
        Some(())
    }
}
