//! Nodes: one use of an operator (`NodeProto`).

use crate::{
    attribute::{Attribute, AttributeValue},
    model::ScopeId,
    order::OrderKey,
    tensor::Tensor,
    value::Metadata,
};
use bytes::Bytes;
use std::fmt;

/// Which operator: domain and type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpName {
    /// The domain as the file spells it; `None`, empty and `ai.onnx` all mean the standard one.
    pub domain: Option<String>,
    /// The operator's type, as `Conv`.
    pub op: String,
}

impl OpName {
    /// An operator of the standard domain.
    pub fn onnx(op: impl Into<String>) -> Self {
        Self { domain: None, op: op.into() }
    }

    /// The domain; empty for the standard one.
    pub fn domain(&self) -> &str {
        normal_domain(self.domain.as_deref())
    }
}

/// The domain; empty for the standard one, which may also be spelled `ai.onnx`.
pub fn normal_domain(domain: Option<&str>) -> &str {
    domain.filter(|d| *d != "ai.onnx").unwrap_or("")
}

impl fmt::Display for OpName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.domain().is_empty() { f.write_str(&self.op) } else { write!(f, "{}.{}", self.domain(), self.op) }
    }
}

/// A node of the graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name; may be absent, need not be unique.
    pub name: Option<String>,
    /// The operator.
    pub op: OpName,
    /// Which overload of a local function.
    pub overload: Option<String>,
    /// Attributes, raw and in file order.
    pub attributes: Vec<Attribute>,
    /// Documentation.
    pub doc: Option<String>,
    /// `metadata_props`.
    pub metadata: Metadata,
    /// `device_configurations`, carried through as they came.
    pub devices: Vec<Bytes>,
    pub(crate) scope: ScopeId,
    pub(crate) order: OrderKey,
    pub(crate) inputs: u32,
    pub(crate) outputs: u32,
    pub(crate) alive: bool,
}

/// The one operator that is known by name on this side of the operator table.
pub(crate) const CONSTANT: &str = "Constant";

impl Node {
    /// A node that is not yet part of a model.
    pub fn new(op: OpName, attributes: Vec<Attribute>) -> Self {
        Self {
            name: None,
            op,
            overload: None,
            attributes,
            doc: None,
            metadata: Metadata::new(),
            devices: Vec::new(),
            scope: ScopeId(0),
            order: OrderKey::default(),
            inputs: 0,
            outputs: 0,
            alive: true,
        }
    }

    /// A `Constant` that holds this content: what stores a value where there are no initializers.
    pub fn constant(content: Tensor) -> Self {
        Self::new(OpName::onnx(CONSTANT), vec![Attribute::new("value", content)])
    }

    /// The scope it stands in.
    pub fn scope(&self) -> ScopeId {
        self.scope
    }

    /// Its place: smaller comes first where the edges leave a choice.
    pub fn order(&self) -> OrderKey {
        self.order
    }

    /// Number of input ports, absent ones included.
    pub fn input_count(&self) -> usize {
        self.inputs as usize
    }

    /// Number of output ports, absent ones included.
    pub fn output_count(&self) -> usize {
        self.outputs as usize
    }

    /// Whether it is this operator of the standard domain.
    pub fn is(&self, op: &str) -> bool {
        self.op.op == op && self.op.domain().is_empty()
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.attributes.iter().find(|a| a.name == name).map(|a| &a.value)
    }

    /// The bodies it holds, in attribute order.
    pub fn bodies(&self) -> impl Iterator<Item = ScopeId> {
        self.attributes.iter().flat_map(|a| a.value.scopes().iter().copied())
    }
}
