//! Bodies that become part of the scope around them.

use crate::{
    model::{Model, ScopeId, ValueId},
    order::Cycle,
    scope::ScopeKind,
};
use smallvec::SmallVec;

impl Model {
    /// Moves the nodes and values of a body into the scope around it, at the place of the node that holds it, which is left to be killed. Values whose
    /// names occur elsewhere in the model are renamed. The body's inputs must have no readers left. Linear in the body, but for the first
    /// after a compaction.
    pub fn dissolve(&mut self, body: ScopeId) -> Result<(), Cycle> {
        let ScopeKind::Body(owner) = self.scope(body).kind else { return Ok(()) };
        let (into, place) = (self.node(owner).scope, self.node(owner).order);
        let nodes = self.nodes_in_order(body)?;
        let made = nodes.iter().flat_map(|n| self.outputs(*n)).flatten();
        let stored = self.scope(body).initializers.iter().copied().filter(|v| self.value(*v).alive);
        let mut moved: Vec<ValueId> = made.chain(stored).filter(|v| !self.is_input(*v)).collect();
        moved.sort();
        for value in moved {
            let name = self.name(value).to_string();
            if self.index_names().is_shared(&name) {
                let name = self.fresh_name(&name);
                self.rename(value, name);
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
        if self.stores_in_nodes(into) || self.lists_initializers(into) {
            for value in initializers {
                if let Some(tensor) = self.value(value).initializer.clone() {
                    self.store(value, tensor);
                }
            }
        }
        Ok(())
    }
}
