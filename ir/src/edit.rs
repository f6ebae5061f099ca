//! Edits of a model. Nothing is removed before [`Model::compact`]: removing edges or vertices one by one is quadratic in petgraph.

use crate::{
    model::{Edge, Model, NodeId, Port, ScopeId, ValueId, Vertex},
    node::Node,
    order::{Cycle, OrderKey},
    scope::{Scope, ScopeKind},
    tensor::Tensor,
    value::{Declaration, Length, Value, ValueType},
};
use petgraph::{
    Direction::{Incoming, Outgoing},
    stable_graph::{EdgeIndex, NodeIndex},
    visit::EdgeRef,
};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

impl Model {
    /// A name that no value of the model has, made from `hint`.
    pub fn fresh_name(&mut self, hint: &str) -> String {
        if self.names.is_none() {
            self.names = Some(self.values().map(|v| self.name(v).to_string()).collect());
        }
        let names = self.names.get_or_insert_default();
        // `w_1` is made into `w_2`, not `w_1_1`.
        let stem = hint
            .rsplit_once('_')
            .filter(|(s, n)| !s.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit()))
            .map_or(hint, |(s, _)| s);
        let mut name = hint.to_string();
        let mut k = 0;
        while name.is_empty() || names.contains(&name) {
            k += 1;
            name = format!("{stem}_{k}");
        }
        names.insert(name.clone());
        name
    }

    /// Adds a scope.
    pub fn add_scope(&mut self, kind: ScopeKind, parent: Option<ScopeId>) -> ScopeId {
        self.touch();
        let id = ScopeId(self.scopes.len() as u32);
        if matches!(kind, ScopeKind::Function(_)) {
            self.functions.push(id);
        }
        self.scopes.push(Scope::new(kind, parent));
        id
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
        self.store(value, tensor);
        value
    }

    /// Stores the content of a value, which then needs no producer any more. Before IR version 4 it is listed as an input too, as the specification asks.
    /// Where there can be no initializers, a `Constant` makes the value.
    pub fn store(&mut self, id: ValueId, tensor: Tensor) {
        let scope = self.scope_of(id);
        if self.stores_in_nodes(scope) {
            // At the head of the scope: later readers stand anywhere.
            self.remake(id, OrderKey::default(), Node::constant(tensor), &[]);
            return;
        }
        self.detach(id);
        if self.lists_initializers(scope) && !self.is_input(id) {
            let ty = ValueType::tensor(tensor.dtype, tensor.dims.iter().map(|d| Length::Number(*d as i64)));
            self.declare_input(scope, Declaration { value: id, ty: Some(ty), doc: None, metadata: Vec::new() });
        }
        self.set_initializer(id, Some(tensor));
    }

    /// Whether nodes have to hold what a scope stores: in functions, and in bodies before IR version 4, whose initializers would be inputs.
    pub fn stores_in_nodes(&self, scope: ScopeId) -> bool {
        let body = matches!(self.scope(scope).kind, ScopeKind::Body(_));
        self.is_function(scope) || (body && self.header.ir_version.unwrap_or(0) < 4)
    }

    /// Whether a scope is a local function, which cannot store initializers.
    pub fn is_function(&self, scope: ScopeId) -> bool {
        matches!(self.scope(scope).kind, ScopeKind::Function(_))
    }

    /// Takes its producer away from a value.
    fn detach(&mut self, id: ValueId) {
        let edges: SmallVec<[EdgeIndex; 2]> = self.graph.edges_directed(id.0, Incoming).map(|e| e.id()).collect();
        for edge in edges {
            self.graph[edge].alive = false;
        }
    }

    /// Whether initializers of a scope must be listed as inputs (ONNX IR specification, before version 4).
    fn lists_initializers(&self, scope: ScopeId) -> bool {
        scope == Self::MAIN && self.header.ir_version.unwrap_or(0) < 4
    }

    /// Removes an initializer that nothing reads. One that a caller may override stays, and `false` comes back.
    pub fn drop_initializer(&mut self, id: ValueId) -> bool {
        let scope = self.scope_of(id);
        if self.use_count(id) > 0 || (self.is_input(id) && !self.lists_initializers(scope)) {
            return false;
        }
        self.touch();
        let value = self.value_quietly(id);
        (value.alive, value.is_input) = (false, false);
        true
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

    /// Lets a new node make a value, which loses its own producer or content. The node stands at `place`, in the value's scope.
    pub fn remake(&mut self, id: ValueId, place: OrderKey, node: Node, inputs: &[Option<ValueId>]) -> NodeId {
        self.detach(id);
        self.set_initializer(id, None);
        let order = self.order_after(place);
        self.add_node(self.scope_of(id), order, node, inputs, &[Some(id)])
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
        self.detach(from);
        self.detach(to);
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

    /// Lets the main graph put out other values, in place of those it did: for copies that a runtime is to read values from.
    pub fn put_out(&mut self, values: &[ValueId]) {
        self.touch();
        let old = std::mem::take(&mut self.scopes[0].outputs);
        for declaration in &old {
            self.value_quietly(declaration.value).output_uses -= 1;
        }
        for &value in values {
            let known = old.iter().find(|d| d.value == value).cloned();
            self.declare_output(Self::MAIN, known.unwrap_or(Declaration { value, ty: None, doc: None, metadata: Vec::new() }));
        }
    }

    pub(crate) fn declare_input(&mut self, scope: ScopeId, declaration: Declaration) {
        self.value_quietly(declaration.value).is_input = true;
        self.scopes[scope.0 as usize].inputs.push(declaration);
    }

    /// Takes values with stored content off the list of inputs of the main graph: they become constants.
    pub fn withdraw_stored_inputs(&mut self) {
        self.touch();
        let inputs = std::mem::take(&mut self.scopes[0].inputs);
        let (stored, inputs): (Vec<Declaration>, Vec<Declaration>) =
            inputs.into_iter().partition(|d| self.value(d.value).initializer.is_some());
        for declaration in stored {
            self.value_quietly(declaration.value).is_input = false;
        }
        self.scopes[0].inputs = inputs;
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
    pub fn dissolve(&mut self, body: ScopeId) -> Result<(), Cycle> {
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
                let hint = self.name(value).to_string();
                let name = self.fresh_name(&hint);
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
        let from = &mut self.scopes[body.0 as usize];
        from.nodes.clear();
        let initializers = std::mem::take(&mut from.initializers);
        let mut info = std::mem::take(&mut from.value_info);
        info.retain(|d| !from.inputs.iter().any(|i| i.value == d.value));
        let scope = &mut self.scopes[into.0 as usize];
        scope.nodes.extend(nodes);
        scope.initializers.extend(&initializers);
        scope.value_info.append(&mut info);
        self.touch();
        if self.is_function(into) {
            for value in initializers {
                if let Some(tensor) = self.value(value).initializer.clone() {
                    self.store(value, tensor);
                }
            }
        }
        Ok(())
    }

    /// Gives a value another name, which must be free.
    pub fn rename(&mut self, id: ValueId, name: String) {
        self.touch();
        self.value_quietly(id).name = name;
    }

    /// Removes what is dead: nodes marked so, values that nothing makes, stores, declares or reads, and the scopes of dead bodies. Linear in the model. The
    /// model means the same afterwards, so that its revision stays.
    pub fn compact(&mut self) {
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
            scope.inputs.retain(|d| !dead.contains(&d.value.0));
            scope.value_info.retain(|d| !dead.contains(&d.value.0));
        }
        self.names = None;
    }

    /// Takes back what was added last: nodes and values that nothing else refers to, newest last, and the revision they were added at.
    pub fn undo(&mut self, nodes: &[NodeId], values: &[ValueId], revision: u64) {
        for &node in nodes.iter().rev() {
            for value in self.inputs(node).into_iter().flatten() {
                self.value_quietly(value).uses -= 1;
            }
            let scope = self.node(node).scope;
            self.scopes[scope.0 as usize].nodes.retain_newest(node);
            self.graph.remove_node(node.0);
        }
        for &value in values.iter().rev() {
            let scope = self.scope_of(value).0 as usize;
            self.scopes[scope].initializers.retain_newest(value);
            if self.is_input(value) {
                self.scopes[scope].inputs.retain(|d| d.value != value);
            }
            self.graph.remove_node(value.0);
        }
        self.restore(revision);
    }
}

trait RetainNewest<T> {
    fn retain_newest(&mut self, last: T);
}

impl<T: PartialEq> RetainNewest<T> for Vec<T> {
    /// Removes an element that is the last one, if it is there at all.
    fn retain_newest(&mut self, last: T) {
        if self.last() == Some(&last) {
            self.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, OpName, verify::verify};

    fn relu(model: &mut Model, x: ValueId, place: u32) -> ValueId {
        let name = model.fresh_name("t");
        let y = model.add_value(Model::MAIN, name);
        model.add_node(Model::MAIN, OrderKey::at(place), Node::new(OpName::onnx("Relu"), vec![]), &[Some(x)], &[Some(y)]);
        y
    }

    fn chain() -> (Model, Vec<ValueId>) {
        let mut model = Model::new(Header::default());
        let x = model.add_value(Model::MAIN, "x".into());
        model.declare_input(Model::MAIN, Declaration { value: x, ty: None, doc: None, metadata: vec![] });
        let mut values = vec![x];
        for place in 0..3 {
            let next = relu(&mut model, values[place as usize], place);
            values.push(next);
        }
        model.declare_output(Model::MAIN, Declaration { value: values[3], ty: None, doc: None, metadata: vec![] });
        (model, values)
    }

    #[test]
    fn a_bypassed_node_goes_and_ids_of_the_rest_stay() {
        let (mut model, v) = chain();
        model.replace_uses(v[2], v[1]);
        let dead = model.producer(v[2]).unwrap().0;
        model.kill(dead);
        model.compact();
        assert_eq!(verify(&model), vec![]);
        assert_eq!(model.nodes().count(), 2);
        assert_eq!(model.uses(v[1]).count(), 1);
        assert_eq!((model.use_count(v[1]), model.use_count(v[3])), (1, 1));
    }

    #[test]
    fn a_moved_producer_keeps_the_name_of_the_output() {
        let (mut model, v) = chain();
        let last = model.producer(v[3]).unwrap().0;
        model.kill(last);
        model.move_producer(v[2], v[3]);
        model.compact();
        assert_eq!(verify(&model), vec![]);
        assert_eq!(model.nodes().count(), 2);
        assert!(model.producer(v[3]).is_some());
    }

    #[test]
    fn a_replacement_takes_the_place_of_what_it_replaces() {
        let (mut model, v) = chain();
        let first = model.producer(v[1]).unwrap().0;
        let order = model.node(first).order();
        let after = model.order_after(order);
        let name = model.fresh_name("t");
        let y = model.add_value(Model::MAIN, name);
        let new = model.add_node(Model::MAIN, after, Node::new(OpName::onnx("Neg"), vec![]), &[Some(v[1])], &[Some(y)]);
        assert_eq!(model.nodes_in_order(Model::MAIN).unwrap()[1], new);
        // A reader that stood before its new producer moves behind it.
        model.set_input(first, 0, Some(y));
        model.set_input(new, 0, Some(v[0]));
        assert_eq!(model.nodes_in_order(Model::MAIN).unwrap()[..2], [new, first]);
    }
}
