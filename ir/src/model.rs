//! The model: one vertex space of nodes and values, scopes on top.
//!
//! A value is a vertex, so it keeps identity and name while its producer is replaced. A body of If, Loop or Scan is a scope in the same vertex space, and
//! a capture is an ordinary edge from an outer value to an inner node: use counts, dead code and escape checks need no special case.
//!
//! Edits mark dead; [`Model::compact`] removes. Ids of what survives a compaction stay as they are, ids of the dead are reused afterwards: an id is valid
//! for one revision and is never stored across passes.

pub use crate::scope::{Function, Header, Opset, Scope, ScopeKind};
use crate::{edit::names::Names, mapped::MappedFile, node::Node, tensor::Tensor, value::Value};
use petgraph::{
    Direction::{Incoming, Outgoing},
    stable_graph::{NodeIndex, StableDiGraph},
    visit::EdgeRef,
};

use smallvec::SmallVec;

/// A node of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) NodeIndex);

/// A value of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(crate) NodeIndex);

/// A scope of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub(crate) u32);

impl ValueId {
    /// A small number, unique among the vertices of one revision: an index for side tables.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

impl NodeId {
    /// A small number, unique among the vertices of one revision: an index for side tables.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Vertex {
    Node(Box<Node>),
    Value(Box<Value>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Port {
    Input(u32),
    Output(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edge {
    pub(crate) port: Port,
    pub(crate) alive: bool,
}

/// A model in memory.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) graph: StableDiGraph<Vertex, Edge>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) functions: Vec<ScopeId>,
    pub(crate) header: Header,
    revision: u64,
    pub(crate) next_order: u32,
    pub(crate) names: Option<Names>,
    /// Files that tensors alias: the model's own first, if it came from one; then external data.
    pub(crate) files: Vec<MappedFile>,
    pub(crate) has_external_data: bool,
}

/// Values by port; `None` where an optional port is left out.
pub type Ports = SmallVec<[Option<ValueId>; 4]>;

impl Model {
    /// The main graph.
    pub const MAIN: ScopeId = ScopeId(0);

    /// A model with an empty main graph.
    pub fn new(header: Header) -> Self {
        Self {
            graph: StableDiGraph::new(),
            scopes: vec![Scope::new(ScopeKind::Main, None)],
            functions: Vec::new(),
            header,
            revision: 0,
            next_order: 0,
            names: None,
            files: Vec::new(),
            has_external_data: false,
        }
    }

    /// Counts edits: equal revisions of one model mean that nothing has changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn restore(&mut self, revision: u64) {
        self.revision = revision;
    }

    pub(crate) fn touch(&mut self) {
        self.revision += 1;
    }

    /// What the model carries besides its graph.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header, to be changed.
    pub fn header_mut(&mut self) -> &mut Header {
        self.touch();
        &mut self.header
    }

    /// An index past every vertex: the size of a side table.
    pub fn index_bound(&self) -> usize {
        use petgraph::visit::NodeIndexable;
        self.graph.node_bound()
    }

    /// The node; it must be of this revision.
    pub fn node(&self, id: NodeId) -> &Node {
        match &self.graph[id.0] {
            Vertex::Node(node) => node,
            Vertex::Value(_) => unreachable!("a node id names a value: it outlived its revision"),
        }
    }

    /// The node, to be changed.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.touch();
        self.node_quietly(id)
    }

    pub(crate) fn node_quietly(&mut self, id: NodeId) -> &mut Node {
        match &mut self.graph[id.0] {
            Vertex::Node(node) => node,
            Vertex::Value(_) => unreachable!("a node id names a value: it outlived its revision"),
        }
    }

    /// The value; it must be of this revision.
    pub fn value(&self, id: ValueId) -> &Value {
        match &self.graph[id.0] {
            Vertex::Value(value) => value,
            Vertex::Node(_) => unreachable!("a value id names a node: it outlived its revision"),
        }
    }

    pub(crate) fn value_quietly(&mut self, id: ValueId) -> &mut Value {
        match &mut self.graph[id.0] {
            Vertex::Value(value) => value,
            Vertex::Node(_) => unreachable!("a value id names a node: it outlived its revision"),
        }
    }

    /// Whether the node is still part of the model.
    pub fn is_alive(&self, id: NodeId) -> bool {
        self.node(id).alive
    }

    /// The name of a value.
    pub fn name(&self, id: ValueId) -> &str {
        &self.value(id).name
    }

    /// The scope a value belongs to.
    pub fn scope_of(&self, id: ValueId) -> ScopeId {
        self.value(id).scope
    }

    /// The scope.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// The scope, to be changed.
    pub fn scope_mut(&mut self, id: ScopeId) -> &mut Scope {
        self.touch();
        &mut self.scopes[id.0 as usize]
    }

    /// Every live scope: the main graph, then bodies and functions in file order.
    pub fn scopes(&self) -> impl Iterator<Item = ScopeId> {
        (0..self.scopes.len() as u32).map(ScopeId).filter(|s| self.scope(*s).alive)
    }

    /// Local functions.
    pub fn functions(&self) -> impl Iterator<Item = (ScopeId, &Function)> {
        self.functions.iter().filter_map(|s| match &self.scope(*s).kind {
            ScopeKind::Function(f) => Some((*s, &**f)),
            ScopeKind::Main | ScopeKind::Body(_) => None,
        })
    }

    /// Every live node of the model, in no particular but fixed order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.graph.node_indices().filter(|i| matches!(&self.graph[*i], Vertex::Node(n) if n.alive)).map(NodeId)
    }

    /// Every live value of the model, in no particular but fixed order.
    pub fn values(&self) -> impl Iterator<Item = ValueId> {
        self.graph.node_indices().filter(|i| matches!(&self.graph[*i], Vertex::Value(v) if v.alive)).map(ValueId)
    }

    /// Live nodes of one scope, bodies not included, in no particular but fixed order.
    pub fn nodes_in(&self, scope: ScopeId) -> impl Iterator<Item = NodeId> {
        self.scope(scope).nodes.iter().copied().filter(|n| self.node(*n).alive)
    }

    /// The inputs of a node by port.
    pub fn inputs(&self, id: NodeId) -> Ports {
        let mut ports: Ports = SmallVec::from_elem(None, self.node(id).inputs as usize);
        for edge in self.graph.edges_directed(id.0, Incoming) {
            if let (Edge { port: Port::Input(k), alive: true }, source) = (edge.weight(), edge.source()) {
                ports[*k as usize] = Some(ValueId(source));
            }
        }
        ports
    }

    /// The input at one port. Costs as much as [`Model::inputs`].
    pub fn input(&self, id: NodeId, port: usize) -> Option<ValueId> {
        self.inputs(id).get(port).copied().flatten()
    }

    /// The outputs of a node by port.
    pub fn outputs(&self, id: NodeId) -> Ports {
        let mut ports: Ports = SmallVec::from_elem(None, self.node(id).outputs as usize);
        for edge in self.graph.edges_directed(id.0, Outgoing) {
            if let (Edge { port: Port::Output(k), alive: true }, target) = (edge.weight(), edge.target()) {
                ports[*k as usize] = Some(ValueId(target));
            }
        }
        ports
    }

    /// The node and port that make a value; `None` for inputs and initializers.
    pub fn producer(&self, id: ValueId) -> Option<(NodeId, usize)> {
        self.graph.edges_directed(id.0, Incoming).find_map(|edge| match edge.weight() {
            Edge { port: Port::Output(k), alive: true } if self.is_alive(NodeId(edge.source())) => {
                Some((NodeId(edge.source()), *k as usize))
            }
            _ => None,
        })
    }

    /// The nodes and ports that read a value, captures included, newest first.
    pub fn uses(&self, id: ValueId) -> impl Iterator<Item = (NodeId, usize)> {
        self.graph.edges_directed(id.0, Outgoing).filter_map(|edge| match edge.weight() {
            Edge { port: Port::Input(k), alive: true } if self.is_alive(NodeId(edge.target())) => {
                Some((NodeId(edge.target()), *k as usize))
            }
            _ => None,
        })
    }

    /// How many node ports and scope outputs read a value. Constant time.
    pub fn use_count(&self, id: ValueId) -> usize {
        let value = self.value(id);
        (value.uses + value.output_uses) as usize
    }

    /// Whether a value is an output of its graph, body or function.
    pub fn is_output(&self, id: ValueId) -> bool {
        self.value(id).output_uses > 0
    }

    /// Whether a value is an input of its graph, body or function.
    pub fn is_input(&self, id: ValueId) -> bool {
        self.value(id).is_input
    }

    /// The content of a value that no caller can change: an initializer that is not also an input. Before IR version 4 every initializer had to be
    /// listed as an input; there (as in ONNX Runtime) being listed does not make it a default.
    pub fn constant(&self, id: ValueId) -> Option<&Tensor> {
        let value = self.value(id);
        let fixed = !value.is_input || self.header.ir_version.unwrap_or(0) < 4;
        value.initializer.as_ref().filter(|_| fixed)
    }

    /// The value of this name in one scope, without its parents. Linear: for tests, command lines and borders.
    pub fn find(&self, scope: ScopeId, name: &str) -> Option<ValueId> {
        self.values().find(|v| self.scope_of(*v) == scope && self.name(*v) == name)
    }

    /// Version of the operator set of `domain` in the model, or in the function that holds `scope`.
    pub fn opset(&self, scope: ScopeId, domain: &str) -> Option<i64> {
        let mut at = scope;
        while let Some(parent) = self.scope(at).parent {
            at = parent;
        }
        let opsets = match &self.scope(at).kind {
            ScopeKind::Function(f) => &f.opsets,
            ScopeKind::Main | ScopeKind::Body(_) => &self.header.opsets,
        };
        let fallback = if domain.is_empty() && self.header.ir_version.unwrap_or(0) < 3 { Some(1) } else { None };
        opsets.iter().find(|o| crate::node::normal_domain(o.domain.as_deref()) == domain).and_then(|o| o.version).or(fallback)
    }

    /// Bytes of the tensors that the source keeps outside the model file.
    pub fn external_bytes(&self) -> u64 {
        let outside = |t: &&Tensor| matches!(t.data, crate::TensorData::External(_));
        self.values().filter_map(|v| self.value(v).initializer.as_ref()).filter(outside).map(Tensor::byte_len).sum()
    }

    /// Whether `inner` is `outer` or lies within it.
    pub fn encloses(&self, outer: ScopeId, inner: ScopeId) -> bool {
        std::iter::successors(Some(inner), |s| self.scope(*s).parent).any(|s| s == outer)
    }
}
