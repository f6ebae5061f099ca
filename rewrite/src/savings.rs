//! What leaves the file with a node: the node itself, and all that only it needed. By this, passes that store constants never make a file larger.

use rustc_hash::FxHashMap;
use shrinx_ops::ir::{
    Model, NodeId, Tensor, ValueId,
    write::{node_size, tensor_size},
};

/// Chains longer than this are not followed: what is saved is then more than what is told.
const MAX_NODES: usize = 256;

/// Bytes that leave the file when nothing reads the outputs of `node` any more. Never too many.
pub fn of_node(model: &Model, node: NodeId) -> u64 {
    let mut gone = Gone { model, left: FxHashMap::default(), open: vec![node], nodes: 0, bytes: 0 };
    gone.drain();
    gone.bytes
}

/// Bytes that a constant of this content takes in the file, in the place of `value`. Never too few.
pub fn cost(model: &Model, value: ValueId, tensor: &Tensor) -> u64 {
    // Type and shape, where initializers have to be listed as inputs too; name and attribute, where a `Constant` has to make it: an output, and what stands in a function.
    let listed =
        if model.header().ir_version.unwrap_or(0) < 4 { 24 + model.name(value).len() as u64 + 6 * tensor.rank() as u64 } else { 0 };
    let made = if model.is_output(value) || model.stores_in_nodes(model.scope_of(value)) { 40 } else { 0 };
    tensor_size(tensor, model.name(value)) + listed + made
}

struct Gone<'a> {
    model: &'a Model,
    /// Readers that values have left.
    left: FxHashMap<ValueId, usize>,
    open: Vec<NodeId>,
    nodes: usize,
    bytes: u64,
}

impl Gone<'_> {
    fn drain(&mut self) {
        while let Some(node) = self.open.pop() {
            self.nodes += 1;
            if self.nodes > MAX_NODES || self.model.node(node).bodies().next().is_some() {
                return;
            }
            self.bytes += node_size(self.model, node);
            for value in self.model.inputs(node).into_iter().flatten() {
                let left = self.left.entry(value).or_insert_with(|| self.model.use_count(value));
                *left -= 1;
                if *left == 0 {
                    self.unread(value);
                }
            }
        }
    }

    fn unread(&mut self, value: ValueId) {
        if let Some(tensor) = self.model.constant(value) {
            self.bytes += tensor_size(tensor, self.model.name(value));
        } else if let Some((maker, _)) = self.model.producer(value) {
            let read = |v: ValueId| self.left.get(&v).copied().unwrap_or_else(|| self.model.use_count(v)) > 0;
            if !self.model.outputs(maker).into_iter().flatten().any(read) {
                self.open.push(maker);
            }
        }
    }
}
