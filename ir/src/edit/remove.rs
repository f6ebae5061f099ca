//! Removal: nodes are marked dead, and one compaction takes them away.

use crate::model::{Model, NodeId, ScopeId, ValueId, Vertex};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

impl Model {
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

    /// Removes what is dead: nodes marked so, values that nothing makes, stores, declares or reads, and the scopes of dead bodies. Linear in the model. The
    /// model means the same afterwards, so that its revision stays.
    pub fn compact(&mut self) {
        let keep_value = |v: ValueId| {
            let value = self.value(v);
            let scope = self.scope(value.scope);
            scope.alive && (self.use_count(v) > 0 || value.is_input || value.initializer.is_some() || self.producer(v).is_some())
        };
        let dead: FxHashSet<_> = self
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
