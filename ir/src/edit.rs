//! Edits of a model. Nothing is removed before [`Model::compact`]: removing edges or vertices one by one is quadratic in petgraph.

mod declare;
mod dissolve;
pub(crate) mod names;
mod remove;
mod store;

use crate::{
    model::{Edge, Model, NodeId, Port, ScopeId, ValueId, Vertex},
    node::Node,
    order::OrderKey,
    scope::{Scope, ScopeKind},
    value::Value,
};
use petgraph::{
    Direction::{Incoming, Outgoing},
    stable_graph::EdgeIndex,
    visit::EdgeRef,
};
use smallvec::SmallVec;

impl Model {
    /// A name that no value of the model has, made from `hint`.
    pub fn fresh_name(&mut self, hint: &str) -> String {
        self.index_names().fresh(hint)
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
        if let Some(names) = &mut self.names {
            names.add(&name);
        }
        let value = Value { name, initializer: None, scope, uses: 0, output_uses: 0, is_input: false, alive: true };
        ValueId(self.graph.add_node(Vertex::Value(Box::new(value))))
    }

    /// Takes its producer away from a value.
    fn detach(&mut self, id: ValueId) {
        let edges: SmallVec<[EdgeIndex; 2]> = self.graph.edges_directed(id.0, Incoming).map(|e| e.id()).collect();
        for edge in edges {
            self.graph[edge].alive = false;
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

    /// Gives a value another name, which must be free.
    pub fn rename(&mut self, id: ValueId, name: String) {
        self.touch();
        if let Some(names) = &mut self.names {
            names.add(&name);
        }
        let old = std::mem::replace(&mut self.value_quietly(id).name, name);
        if let Some(names) = &mut self.names {
            names.remove(&old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Declaration, Header, OpName, verify::verify};

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
