//! From names to edges: the one place where a graph that was read, from bytes or from text, becomes part of a model.
//!
//! A scope is built in two steps, definitions first and uses second, so that nodes may stand in any order. Names resolve from the inside out.

use crate::{
    attribute::{Attribute, AttributeValue},
    model::{Model, ScopeId, ScopeKind, ValueId},
    node::Node,
    order::OrderKey,
    tensor::Tensor,
    value::{Declaration, Metadata, ValueType},
};
use rustc_hash::{FxHashMap, FxHashSet};

/// A graph, body or function that still speaks of values by name.
#[derive(Debug, Default)]
pub(crate) struct GraphDraft {
    pub(crate) name: Option<String>,
    pub(crate) doc: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) inputs: Vec<DeclarationDraft>,
    pub(crate) outputs: Vec<DeclarationDraft>,
    pub(crate) value_info: Vec<DeclarationDraft>,
    pub(crate) initializers: Vec<(String, Tensor)>,
    pub(crate) quantization: Vec<(Option<String>, Metadata)>,
    pub(crate) nodes: Vec<NodeDraft>,
}

/// An entry of a list of inputs, outputs or `value_info`.
#[derive(Debug, Default)]
pub(crate) struct DeclarationDraft {
    pub(crate) name: String,
    pub(crate) ty: Option<ValueType>,
    pub(crate) doc: Option<String>,
    pub(crate) metadata: Metadata,
}

/// A node; `node.attributes` is filled from `attributes`.
#[derive(Debug)]
pub(crate) struct NodeDraft {
    pub(crate) node: Node,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<AttributeDraft>,
}

/// An attribute; where it holds graphs, its value is the place that the built scopes take.
#[derive(Debug)]
pub(crate) struct AttributeDraft {
    pub(crate) attribute: Attribute,
    pub(crate) graphs: Vec<GraphDraft>,
}

/// What keeps a draft from being a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum BuildFault {
    #[error("node {node} reads `{name}`, which nothing makes")]
    DanglingInput { node: String, name: String },
    #[error("output `{name}` of {graph} is made by nothing")]
    DanglingOutput { graph: String, name: String },
    #[error("two values of {graph} are named `{name}`")]
    DuplicateName { graph: String, name: String },
    #[error("node {node} has two attributes named `{name}`")]
    DuplicateAttribute { node: String, name: String },
    #[error("an input or output of {graph} has no name")]
    Nameless { graph: String },
    #[error("the nodes of {graph} wait for each other in a cycle, {node} among them")]
    Cycle { graph: String, node: String },
}

type Names = FxHashMap<String, ValueId>;

/// Fills `scope` of `model` from a draft.
pub(crate) fn build(model: &mut Model, scope: ScopeId, draft: GraphDraft) -> Result<(), BuildFault> {
    Builder { model, names: Vec::new() }.scope(scope, draft)
}

struct Builder<'a> {
    model: &'a mut Model,
    names: Vec<Names>,
}

impl Builder<'_> {
    fn scope(&mut self, scope: ScopeId, draft: GraphDraft) -> Result<(), BuildFault> {
        let graph = self.label(scope, draft.name.as_deref());
        self.names.push(Names::default());
        for input in draft.inputs {
            let value = self.define(scope, input.name.clone(), &graph)?;
            self.model.declare_input(scope, input.of(value));
        }
        for (name, tensor) in draft.initializers {
            // Listed as an input as well: a default that the caller may replace.
            let listed = self.local(&name).filter(|v| self.model.is_input(*v) && self.model.value(*v).initializer.is_none());
            let value = match listed {
                Some(value) => value,
                None => self.define(scope, name, &graph)?,
            };
            self.model.set_initializer(value, Some(tensor));
        }
        let mut made = Vec::with_capacity(draft.nodes.len());
        for node in &draft.nodes {
            let mut outputs = Vec::with_capacity(node.outputs.len());
            for name in &node.outputs {
                outputs.push(if name.is_empty() { None } else { Some(self.define(scope, name.clone(), &graph)?) });
            }
            made.push(outputs);
        }
        for info in draft.value_info {
            let value = match self.resolve(&info.name) {
                Some(value) => value,
                None => self.define(scope, info.name.clone(), &graph)?,
            };
            self.model.scope_mut(scope).value_info.push(info.of(value));
        }
        let declared_only = self.declared_only(scope, &made);
        for output in draft.outputs {
            let value = self
                .resolve(&output.name)
                .filter(|v| !declared_only.contains(v))
                .ok_or_else(|| BuildFault::DanglingOutput { graph: graph.clone(), name: output.name.clone() })?;
            self.model.declare_output(scope, output.of(value));
        }
        for (place, (node, outputs)) in draft.nodes.into_iter().zip(made).enumerate() {
            self.node(scope, place as u32, node, &outputs, &declared_only)?;
        }
        self.names.pop();
        let kept = self.model.scope_mut(scope);
        (kept.name, kept.doc, kept.metadata, kept.quantization) = (draft.name, draft.doc, draft.metadata, draft.quantization);
        match self.model.nodes_in_order(scope) {
            Ok(_) => Ok(()),
            Err(cycle) => Err(BuildFault::Cycle { graph, node: describe(self.model.node(cycle.node)) }),
        }
    }

    /// Values of this scope that are only declared in `value_info`: nothing makes them.
    fn declared_only(&self, scope: ScopeId, made: &[Vec<Option<ValueId>>]) -> FxHashSet<ValueId> {
        let made: FxHashSet<ValueId> = made.iter().flatten().flatten().copied().collect();
        let info = &self.model.scope(scope).value_info;
        info.iter()
            .map(|d| d.value)
            .filter(|v| !made.contains(v) && !self.model.is_input(*v) && self.model.value(*v).initializer.is_none())
            .filter(|v| self.model.scope_of(*v) == scope)
            .collect()
    }

    fn label(&self, scope: ScopeId, name: Option<&str>) -> String {
        match &self.model.scope(scope).kind {
            ScopeKind::Main => format!("graph `{}`", name.unwrap_or("")),
            ScopeKind::Body(node) => format!("a body of node {}", describe(self.model.node(*node))),
            ScopeKind::Function(f) => format!("function `{}`", f.name.as_deref().unwrap_or("")),
        }
    }

    fn define(&mut self, scope: ScopeId, name: String, graph: &str) -> Result<ValueId, BuildFault> {
        if name.is_empty() {
            return Err(BuildFault::Nameless { graph: graph.into() });
        }
        if self.local(&name).is_some() {
            return Err(BuildFault::DuplicateName { graph: graph.into(), name });
        }
        let value = self.model.add_value(scope, name.clone());
        self.names.last_mut().expect("a scope is open").insert(name, value);
        Ok(value)
    }

    fn local(&self, name: &str) -> Option<ValueId> {
        self.names.last()?.get(name).copied()
    }

    fn resolve(&self, name: &str) -> Option<ValueId> {
        self.names.iter().rev().find_map(|names| names.get(name)).copied()
    }

    fn node(
        &mut self,
        scope: ScopeId,
        place: u32,
        draft: NodeDraft,
        outputs: &[Option<ValueId>],
        declared_only: &FxHashSet<ValueId>,
    ) -> Result<(), BuildFault> {
        let mut inputs = Vec::with_capacity(draft.inputs.len());
        for name in draft.inputs {
            let value = self.resolve(&name).filter(|v| !declared_only.contains(v));
            if value.is_none() && !name.is_empty() {
                return Err(BuildFault::DanglingInput { node: describe(&draft.node), name });
            }
            inputs.push(value);
        }
        let id = self.model.add_node(scope, OrderKey::at(place), draft.node, &inputs, outputs);
        let mut attributes: Vec<Attribute> = Vec::with_capacity(draft.attributes.len());
        for AttributeDraft { mut attribute, graphs } in draft.attributes {
            if attributes.iter().any(|a| a.name == attribute.name) {
                return Err(BuildFault::DuplicateAttribute { node: describe(self.model.node(id)), name: attribute.name });
            }
            let mut bodies = Vec::with_capacity(graphs.len());
            for graph in graphs {
                let body = self.model.add_scope(ScopeKind::Body(id), Some(scope));
                self.scope(body, graph)?;
                bodies.push(body);
            }
            match (&mut attribute.value, bodies.first()) {
                (AttributeValue::Graph(place), Some(body)) => *place = *body,
                (AttributeValue::Graphs(place), _) => *place = bodies,
                _ => {}
            }
            attributes.push(attribute);
        }
        self.model.node_mut(id).attributes = attributes;
        Ok(())
    }
}

/// A node as messages name it: `conv1` (Conv).
pub(crate) fn describe(node: &Node) -> String {
    match node.name.as_deref() {
        Some(name) if !name.is_empty() => format!("`{name}` ({})", node.op),
        _ => format!("({})", node.op),
    }
}

impl DeclarationDraft {
    fn of(self, value: ValueId) -> Declaration {
        Declaration { value, ty: self.ty, doc: self.doc, metadata: self.metadata }
    }
}
