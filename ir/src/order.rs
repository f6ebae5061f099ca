//! The order of nodes within a scope: by their edges first, then by their place in the file.
//!
//! petgraph's `toposort` is depth first and loses file order; this is Kahn's algorithm over nodes only, smallest [`OrderKey`] first, so that an edit moves
//! as little as it can.

use crate::model::{Model, NodeId, ScopeId};
use rustc_hash::FxHashMap;
use std::{cmp::Reverse, collections::BinaryHeap};

/// A node's wish for its place. `place` counts nodes in the file; what replaces a node inherits its place and takes a later step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderKey {
    pub(crate) place: u32,
    pub(crate) step: u32,
}

impl OrderKey {
    /// The place of the node with this number in the file.
    pub fn at(place: u32) -> Self {
        Self { place, step: 0 }
    }
}

/// Nodes that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// One node of the cycle.
    pub node: NodeId,
}

impl Model {
    /// Live nodes of a scope by their keys alone, as the file had them.
    pub fn nodes_in_file_order(&self, scope: ScopeId) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.nodes_in(scope).collect();
        nodes.sort_by_key(|n| (self.node(*n).order(), *n));
        nodes
    }

    /// Live nodes of a scope so that each stands behind those whose values it, or a body it holds, reads.
    pub fn nodes_in_order(&self, scope: ScopeId) -> Result<Vec<NodeId>, Cycle> {
        let nodes = self.nodes_in_file_order(scope);
        let position: FxHashMap<NodeId, usize> = nodes.iter().enumerate().map(|(k, n)| (*n, k)).collect();
        let mut readers: Vec<Vec<u32>> = vec![Vec::new(); nodes.len()];
        let mut waits: Vec<u32> = vec![0; nodes.len()];
        let mut sorted = true;
        for (k, node) in nodes.iter().enumerate() {
            self.for_each_read(*node, &mut |value| {
                if let Some(&p) = self.producer(value).and_then(|(maker, _)| position.get(&maker)) {
                    readers[p].push(k as u32);
                    waits[k] += 1;
                    sorted &= p < k;
                }
            });
        }
        if sorted {
            return Ok(nodes);
        }
        let mut ready: BinaryHeap<Reverse<usize>> = (0..nodes.len()).filter(|k| waits[*k] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(nodes.len());
        while let Some(Reverse(k)) = ready.pop() {
            order.push(nodes[k]);
            for &reader in &readers[k] {
                waits[reader as usize] -= 1;
                if waits[reader as usize] == 0 {
                    ready.push(Reverse(reader as usize));
                }
            }
        }
        match (0..nodes.len()).find(|k| waits[*k] > 0) {
            None => Ok(order),
            Some(k) => Err(Cycle { node: nodes[k] }),
        }
    }

    /// Calls `found` for each value that a node reads itself or through its bodies, those made inside the bodies included.
    pub fn for_each_read(&self, node: NodeId, found: &mut impl FnMut(crate::model::ValueId)) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            self.inputs(node).into_iter().flatten().for_each(&mut *found);
            for body in self.node(node).bodies() {
                self.scope(body).outputs().iter().for_each(|d| found(d.value));
                open.extend(self.nodes_in(body));
            }
        }
    }
}
