//! The model: one vertex space of nodes and values, scopes on top.
//!
//! A value is a vertex, so it keeps identity and name while its producer is replaced. A body of If, Loop or Scan is a scope in the same vertex space, and
//! a capture is an ordinary edge from an outer value to an inner node: use counts, dead code and escape checks need no special case.
//!
//! Edits mark dead; [`Model::compact`] removes. Ids of what survives a compaction stay as they are, ids of the dead are reused afterwards: an id is valid
//! for one revision and is never stored across passes.

use crate::{
    attribute::Attribute,
    node::Node,
    order::OrderKey,
    tensor::Tensor,
    value::{Declaration, Metadata, Value},
};
use bytes::Bytes;
use petgraph::{
    Direction::{Incoming, Outgoing},
    stable_graph::{EdgeIndex, NodeIndex, StableDiGraph},
    visit::EdgeRef,
};
use rustc_hash::{FxHashMap, FxHashSet};
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

/// A model in memory.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) graph: StableDiGraph<Vertex, Edge>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) header: Header,
    revision: u64,
    next_order: u32,
    names: Option<FxHashSet<String>>,
    pub(crate) external_files: Vec<std::path::PathBuf>,
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
            header,
            revision: 0,
            next_order: 0,
            names: None,
            external_files: Vec::new(),
        }
    }

    /// Counts edits: equal revisions of one model mean that nothing has changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn reset_revision(&mut self) {
        self.revision = 0;
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

    // ---- looking

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

    fn node_quietly(&mut self, id: NodeId) -> &mut Node {
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
        self.scopes().filter_map(|s| match &self.scope(s).kind {
            ScopeKind::Function(f) => Some((s, &**f)),
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

    /// Whether `inner` is `outer` or lies within it.
    pub fn encloses(&self, outer: ScopeId, inner: ScopeId) -> bool {
        std::iter::successors(Some(inner), |s| self.scope(*s).parent).any(|s| s == outer)
    }

    // ---- editing

    /// A name that no value of the model has, made from `hint`.
    pub fn fresh_name(&mut self, hint: &str) -> String {
        if self.names.is_none() {
            self.names = Some(self.values().map(|v| self.name(v).to_string()).collect());
        }
        let names = self.names.get_or_insert_default();
        let mut name = hint.to_string();
        let mut k = 0;
        while name.is_empty() || names.contains(&name) {
            k += 1;
            name = format!("{hint}_{k}");
        }
        names.insert(name.clone());
        name
    }

    /// Adds a scope.
    pub fn add_scope(&mut self, kind: ScopeKind, parent: Option<ScopeId>) -> ScopeId {
        self.touch();
        self.scopes.push(Scope::new(kind, parent));
        ScopeId(self.scopes.len() as u32 - 1)
    }

    /// Adds a value of exactly this name. The caller sees to it that the name is free in its scope; [`Model::fresh_name`] finds one that is.
    pub fn add_value(&mut self, scope: ScopeId, name: String) -> ValueId {
        self.touch();
        let value = Value { name, initializer: None, scope, uses: 0, output_uses: 0, is_input: false, alive: true };
        ValueId(self.graph.add_node(Vertex::Value(Box::new(value))))
    }

    /// Adds a value with stored content, under a fresh name.
    pub fn add_initializer(&mut self, scope: ScopeId, hint: &str, tensor: Tensor) -> ValueId {
        let name = self.fresh_name(hint);
        let value = self.add_value(scope, name);
        self.set_initializer(value, Some(tensor));
        value
    }

    /// Gives a value stored content, or takes it away.
    pub fn set_initializer(&mut self, id: ValueId, tensor: Option<Tensor>) {
        self.touch();
        let (had, has, scope) = (self.value(id).initializer.is_some(), tensor.is_some(), self.scope_of(id));
        self.value_quietly(id).initializer = tensor;
        if has && !had {
            self.scopes[scope.0 as usize].initializers.push(id);
        }
        if had && !has {
            self.scopes[scope.0 as usize].initializers.retain(|v| *v != id);
        }
    }

    /// A place right behind `after` for a node that is to be added.
    pub fn order_after(&mut self, after: OrderKey) -> OrderKey {
        self.next_order += 1;
        OrderKey { place: after.place, step: self.next_order }
    }

    /// Adds a node that reads `inputs` and makes `outputs`, which have no producer yet.
    pub fn add_node(
        &mut self,
        scope: ScopeId,
        order: OrderKey,
        node: Node,
        inputs: &[Option<ValueId>],
        outputs: &[Option<ValueId>],
    ) -> NodeId {
        self.touch();
        let node = Node { scope, order, inputs: inputs.len() as u32, outputs: outputs.len() as u32, alive: true, ..node };
        let id = NodeId(self.graph.add_node(Vertex::Node(Box::new(node))));
        self.scopes[scope.0 as usize].nodes.push(id);
        for (k, value) in inputs.iter().enumerate() {
            if let Some(value) = value {
                self.connect(*value, id, k as u32);
            }
        }
        for (k, value) in outputs.iter().enumerate() {
            if let Some(value) = value {
                self.graph.add_edge(id.0, value.0, Edge { port: Port::Output(k as u32), alive: true });
            }
        }
        id
    }

    fn connect(&mut self, value: ValueId, node: NodeId, port: u32) {
        self.graph.add_edge(value.0, node.0, Edge { port: Port::Input(port), alive: true });
        self.value_quietly(value).uses += 1;
    }

    /// Reads another value, or none, at one input port; grows the list of ports where needed.
    pub fn set_input(&mut self, node: NodeId, port: usize, value: Option<ValueId>) {
        self.touch();
        let old = self.graph.edges_directed(node.0, Incoming).find(|e| *e.weight() == Edge { port: Port::Input(port as u32), alive: true });
        if let Some((edge, source)) = old.map(|e| (e.id(), ValueId(e.source()))) {
            self.graph[edge].alive = false;
            self.value_quietly(source).uses -= 1;
        }
        let arity = &mut self.node_quietly(node).inputs;
        *arity = (*arity).max(port as u32 + 1);
        if let Some(value) = value {
            self.connect(value, node, port as u32);
        }
    }

    /// Drops the input ports from `count` on.
    pub fn truncate_inputs(&mut self, node: NodeId, count: usize) {
        for port in count..self.node(node).inputs as usize {
            self.set_input(node, port, None);
        }
        self.touch();
        let arity = &mut self.node_quietly(node).inputs;
        *arity = (*arity).min(count as u32);
    }

    /// Makes every reader of `old`, nodes only, read `new` instead. Linear in the number of readers.
    pub fn replace_uses(&mut self, old: ValueId, new: ValueId) {
        self.touch();
        let edges: Vec<(EdgeIndex, NodeId, u32)> = self
            .graph
            .edges_directed(old.0, Outgoing)
            .filter_map(|e| match e.weight() {
                Edge { port: Port::Input(k), alive: true } => Some((e.id(), NodeId(e.target()), *k)),
                _ => None,
            })
            .collect();
        for (edge, node, port) in edges.into_iter().rev() {
            self.graph[edge].alive = false;
            if self.is_alive(node) {
                self.value_quietly(old).uses -= 1;
                self.connect(new, node, port);
            }
        }
    }

    /// Makes the producer of `from` produce `to` instead, which loses its own producer or content; `from` is left without one.
    pub fn move_producer(&mut self, from: ValueId, to: ValueId) {
        self.touch();
        let (node, port) = self.producer(from).expect("a value whose producer is moved has one");
        for value in [from, to] {
            let edges: SmallVec<[EdgeIndex; 2]> = self.graph.edges_directed(value.0, Incoming).map(|e| e.id()).collect();
            for edge in edges {
                self.graph[edge].alive = false;
            }
        }
        self.set_initializer(to, None);
        self.graph.add_edge(node.0, to.0, Edge { port: Port::Output(port as u32), alive: true });
    }

    /// Lets scope output `k` name another value. The name that callers see changes with it: for bodies and functions only.
    pub fn set_output(&mut self, scope: ScopeId, k: usize, value: ValueId) {
        self.touch();
        let old = std::mem::replace(&mut self.scopes[scope.0 as usize].outputs[k].value, value);
        self.value_quietly(old).output_uses -= 1;
        self.value_quietly(value).output_uses += 1;
    }

    pub(crate) fn declare_input(&mut self, scope: ScopeId, declaration: Declaration) {
        self.value_quietly(declaration.value).is_input = true;
        self.scopes[scope.0 as usize].inputs.push(declaration);
    }

    pub(crate) fn declare_output(&mut self, scope: ScopeId, declaration: Declaration) {
        self.value_quietly(declaration.value).output_uses += 1;
        self.scopes[scope.0 as usize].outputs.push(declaration);
    }

    /// Marks a node dead, with the bodies it holds. Its outputs stay, without a producer.
    pub fn kill(&mut self, id: NodeId) {
        self.touch();
        if !self.is_alive(id) {
            return;
        }
        self.node_quietly(id).alive = false;
        for value in self.inputs(id).into_iter().flatten() {
            self.value_quietly(value).uses -= 1;
        }
        let bodies: SmallVec<[ScopeId; 2]> = self.node(id).bodies().collect();
        for body in bodies {
            self.kill_scope(body);
        }
    }

    fn kill_scope(&mut self, scope: ScopeId) {
        self.scopes[scope.0 as usize].alive = false;
        for node in self.scope(scope).nodes.clone() {
            self.kill(node);
        }
        for declaration in self.scope(scope).outputs.clone() {
            self.value_quietly(declaration.value).output_uses -= 1;
        }
    }

    /// Moves the nodes and values of a body into the scope around it, at the place of the node that holds it, which is left to be killed. Values whose
    /// names occur elsewhere in the model are renamed. The body's inputs must have no readers left. Linear in the model.
    pub fn dissolve(&mut self, body: ScopeId) -> Result<(), crate::order::Cycle> {
        let ScopeKind::Body(owner) = self.scope(body).kind else { return Ok(()) };
        let (into, place) = (self.node(owner).scope, self.node(owner).order);
        let nodes = self.nodes_in_order(body)?;
        let mut count: FxHashMap<String, u32> = FxHashMap::default();
        for value in self.values() {
            *count.entry(self.name(value).to_string()).or_default() += 1;
        }
        let moved: Vec<ValueId> = self.values().filter(|v| self.scope_of(*v) == body && !self.is_input(*v)).collect();
        for value in moved {
            if count[self.name(value)] > 1 {
                let name = self.fresh_name(&self.name(value).to_string());
                self.value_quietly(value).name = name;
            }
            self.value_quietly(value).scope = into;
        }
        for node in &nodes {
            let order = self.order_after(place);
            let node = self.node_quietly(*node);
            (node.scope, node.order) = (into, order);
            let bodies: SmallVec<[ScopeId; 2]> = node.bodies().collect();
            for inner in bodies {
                self.scopes[inner.0 as usize].parent = Some(into);
            }
        }
        let (from, initializers) = (&mut self.scopes[body.0 as usize], &mut Vec::new());
        from.nodes.clear();
        initializers.append(&mut from.initializers);
        let mut info = std::mem::take(&mut from.value_info);
        info.retain(|d| !from.inputs.iter().any(|i| i.value == d.value));
        let scope = &mut self.scopes[into.0 as usize];
        scope.nodes.extend(nodes);
        scope.initializers.append(initializers);
        scope.value_info.append(&mut info);
        self.touch();
        Ok(())
    }

    /// Gives a value another name, which must be free.
    pub fn rename(&mut self, id: ValueId, name: String) {
        self.touch();
        self.value_quietly(id).name = name;
    }

    /// Removes what is dead: nodes marked so, values that nothing makes, stores, declares or reads, and the scopes of dead bodies. Linear in the model.
    pub fn compact(&mut self) {
        self.touch();
        let keep_value = |v: ValueId| {
            let value = self.value(v);
            let scope = self.scope(value.scope);
            scope.alive && (self.use_count(v) > 0 || value.is_input || value.initializer.is_some() || self.producer(v).is_some())
        };
        let dead: FxHashSet<NodeIndex> = self
            .graph
            .node_indices()
            .filter(|i| match &self.graph[*i] {
                Vertex::Node(n) => !n.alive,
                Vertex::Value(v) => !v.alive || !keep_value(ValueId(*i)),
            })
            .collect();
        let graph = std::mem::take(&mut self.graph);
        self.graph = graph.filter_map_owned(|i, v| (!dead.contains(&i)).then_some(v), |_, e| e.alive.then_some(e));
        for scope in &mut self.scopes {
            scope.nodes.retain(|n| !dead.contains(&n.0));
            scope.initializers.retain(|v| !dead.contains(&v.0));
            scope.value_info.retain(|d| !dead.contains(&d.value.0));
        }
        self.names = None;
    }

    /// Marks a value dead: an initializer or input-less value that nothing reads any more.
    pub fn kill_value(&mut self, id: ValueId) {
        self.touch();
        self.value_quietly(id).alive = false;
    }
}
