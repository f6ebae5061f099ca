//! What a rewrite may do: look, and add.

use shrinx_ops::{
    Call, Fact, Facts, OpTable, constant,
    ir::{Attribute, DataType, Model, Node, NodeId, OpName, OrderKey, ScopeId, Tensor, ValueId},
};
use std::borrow::Cow;

/// Why a match was left alone: a reason, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip(Cow<'static, str>);

impl Skip {
    /// A reason, as in "skipped *conv1*: grouped convolution".
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

/// What takes the place of the outputs of a match's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement(pub(crate) Vec<ValueId>);

impl From<ValueId> for Replacement {
    fn from(value: ValueId) -> Self {
        Self(vec![value])
    }
}

impl From<Vec<ValueId>> for Replacement {
    /// One value for each output port of the root.
    fn from(values: Vec<ValueId>) -> Self {
        Self(values)
    }
}

/// The model as a rewrite sees it at a match.
pub struct Edit<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) facts: &'a mut Facts,
    pub(crate) ops: &'a OpTable,
    pub(crate) root: NodeId,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) values: Vec<ValueId>,
}

impl<'a> Edit<'a> {
    pub(crate) fn new(model: &'a mut Model, facts: &'a mut Facts, ops: &'a OpTable, root: NodeId) -> Self {
        Self { model, facts, ops, root, nodes: Vec::new(), values: Vec::new() }
    }

    /// The model, to be looked at.
    pub fn model(&self) -> &Model {
        self.model
    }

    /// What operators mean.
    pub fn ops(&self) -> &OpTable {
        self.ops
    }

    /// A node's attributes.
    pub fn call(&self, node: NodeId) -> Call<'_> {
        let node = self.model.node(node);
        Call { node, opset: self.model.opset(node.scope(), node.op.domain()).unwrap_or(0) }
    }

    /// What is known of a value.
    pub fn fact(&self, value: ValueId) -> &Fact {
        self.facts.of(value)
    }

    /// The content of a value that no caller can change.
    pub fn constant(&self, value: ValueId) -> Option<Tensor> {
        constant(self.model, value)
    }

    /// The element type of a value, or a reason.
    pub fn require_dtype(&self, value: ValueId) -> Result<DataType, Skip> {
        self.fact(value).dtype.ok_or(Skip::because("element type is not known"))
    }

    /// A reason, unless the value is known to have this many axes.
    pub fn require_rank(&self, value: ValueId, rank: usize) -> Result<(), Skip> {
        match self.fact(value).rank() {
            Some(r) if r == rank => Ok(()),
            Some(_) => Err(Skip::because(format!("rank is not {rank}"))),
            None => Err(Skip::because("rank is not known")),
        }
    }

    /// Adds a constant, named after `like`.
    pub fn add_constant(&mut self, like: ValueId, tensor: Tensor) -> ValueId {
        let hint = self.model.name(like).to_string();
        self.add_constant_named(&hint, tensor)
    }

    /// Adds a constant under a name made from `hint`.
    pub fn add_constant_named(&mut self, hint: &str, tensor: Tensor) -> ValueId {
        let fact = Fact::of_tensor(&tensor);
        let value = self.model.add_initializer(self.scope(), hint, tensor);
        self.facts.set(value, fact);
        // In a function, a node makes it.
        self.nodes.extend(self.model.producer(value).map(|(maker, _)| maker));
        self.values.push(value);
        value
    }

    /// Adds a node of the standard domain with one output, at the root's place and under the root's name.
    pub fn add(&mut self, op: &str, attributes: Vec<Attribute>, inputs: &[Option<ValueId>]) -> ValueId {
        self.add_node(Node::new(OpName::onnx(op), attributes), inputs)
    }

    /// Adds a copy of `node`, its attributes and name included, that reads other inputs and has one output.
    pub fn add_like(&mut self, node: NodeId, inputs: &[Option<ValueId>]) -> ValueId {
        let copy = self.model.node(node).clone();
        self.add_node(copy, inputs)
    }

    /// Adds a node of the standard domain with one output that stands for `node`: under its name and with its documentation.
    pub fn add_as(&mut self, node: NodeId, op: &str, attributes: Vec<Attribute>, inputs: &[Option<ValueId>]) -> ValueId {
        let mut copy = self.model.node(node).clone();
        (copy.op, copy.attributes) = (OpName::onnx(op), attributes);
        self.add_node(copy, inputs)
    }

    fn add_node(&mut self, mut node: Node, inputs: &[Option<ValueId>]) -> ValueId {
        let root = self.model.node(self.root);
        if node.name.is_none() {
            (node.name, node.doc, node.metadata) = (root.name.clone(), root.doc.clone(), root.metadata.clone());
        }
        let place: OrderKey = root.order();
        let scope = self.scope();
        let hint = self.model.outputs(self.root).into_iter().flatten().next().map_or("t".to_string(), |v| self.model.name(v).to_string());
        let name = self.model.fresh_name(&hint);
        let value = self.model.add_value(scope, name);
        let order = self.model.order_after(place);
        let id = self.model.add_node(scope, order, node, inputs, &[Some(value)]);
        self.facts.set(value, Fact::UNKNOWN);
        self.facts.node(self.model, self.ops, id);
        self.nodes.push(id);
        self.values.push(value);
        value
    }

    fn scope(&self) -> ScopeId {
        self.model.node(self.root).scope()
    }
}
