//! Scopes: the main graph, bodies of control flow, and local functions; and what a model carries besides them.

use crate::{
    attribute::Attribute,
    model::{NodeId, ScopeId, ValueId},
    value::{Declaration, Metadata},
};
use bytes::Bytes;

/// What a scope is.
#[derive(Clone, Debug, PartialEq)]
pub enum ScopeKind {
    /// The main graph.
    Main,
    /// A body, held by an attribute of this node.
    Body(NodeId),
    /// A local function.
    Function(Box<Function>),
}

/// What a local function carries besides its nodes (`FunctionProto`).
#[derive(Clone, Debug, PartialEq, Default)]
#[allow(missing_docs)]
pub struct Function {
    pub domain: Option<String>,
    pub name: Option<String>,
    pub overload: Option<String>,
    pub opsets: Vec<Opset>,
    pub attributes: Vec<String>,
    pub attribute_defaults: Vec<Attribute>,
}

/// An operator set that a model or function uses (`OperatorSetIdProto`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Opset {
    pub domain: Option<String>,
    pub version: Option<i64>,
}

/// A graph, body or function: a list of nodes with inputs and outputs.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What it is.
    pub kind: ScopeKind,
    /// The scope around it, for a body.
    pub parent: Option<ScopeId>,
    /// `GraphProto.name`.
    pub name: Option<String>,
    /// Documentation.
    pub doc: Option<String>,
    /// `metadata_props`.
    pub metadata: Metadata,
    /// Declared types of inner values, in file order.
    pub value_info: Vec<Declaration>,
    /// `quantization_annotation`: tensor name, and the names of its parameters.
    pub quantization: Vec<(Option<String>, Metadata)>,
    pub(crate) inputs: Vec<Declaration>,
    pub(crate) outputs: Vec<Declaration>,
    pub(crate) initializers: Vec<ValueId>,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) alive: bool,
}

impl Scope {
    pub(crate) fn new(kind: ScopeKind, parent: Option<ScopeId>) -> Self {
        Self {
            kind,
            parent,
            name: None,
            doc: None,
            metadata: Metadata::new(),
            value_info: Vec::new(),
            quantization: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            initializers: Vec::new(),
            nodes: Vec::new(),
            alive: true,
        }
    }

    /// Declared inputs, in order. In the main graph, initializers that are also inputs are among them.
    pub fn inputs(&self) -> &[Declaration] {
        &self.inputs
    }

    /// Declared outputs, in order.
    pub fn outputs(&self) -> &[Declaration] {
        &self.outputs
    }

    /// Values with stored content, in file order; may hold dead ones until the next compaction.
    pub fn initializers(&self) -> &[ValueId] {
        &self.initializers
    }
}

/// All that a model carries besides its graph (`ModelProto`).
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Header {
    pub ir_version: Option<i64>,
    pub opsets: Vec<Opset>,
    pub producer_name: Option<String>,
    pub producer_version: Option<String>,
    pub domain: Option<String>,
    pub model_version: Option<i64>,
    pub doc: Option<String>,
    pub metadata: Metadata,
    /// `training_info`, carried through as it came.
    pub training_info: Vec<Bytes>,
    /// `configuration`, carried through as it came.
    pub configuration: Vec<Bytes>,
}
