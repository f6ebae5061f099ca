//! The constants of a model, in the order in which nodes first read them.

use shrinx_rewrite::{
    ir::{DataType, Model, NodeId, ScopeId, ValueId},
    ops::constant,
};

/// Constants that are not shapes or indices, each with the first node that reads it, in topological order.
pub(super) struct Weights(pub(super) Vec<(ValueId, NodeId)>);

impl Weights {
    pub(super) fn of(model: &Model, nodes: &[NodeId]) -> Self {
        let mut seen = vec![false; model.index_bound()];
        let mut weights = Vec::new();
        for node in nodes {
            for value in model.inputs(*node).into_iter().flatten() {
                if !std::mem::replace(&mut seen[value.index()], true) && is_weight(model, value) {
                    weights.push((value, *node));
                }
            }
        }
        Self(weights)
    }
}

/// The nodes of the main graph in topological order, each followed by those of its bodies.
pub(super) fn nodes(model: &Model) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    collect(model, Model::MAIN, &mut nodes);
    nodes
}

fn collect(model: &Model, scope: ScopeId, nodes: &mut Vec<NodeId>) {
    for node in model.nodes_in_order(scope).unwrap_or_default() {
        nodes.push(node);
        model.node(node).bodies().for_each(|body| collect(model, body, nodes));
    }
}

/// Int32 may be biases of quantized layers: they are cut with their channels, and shapes and indices are locked where they are read.
fn is_weight(model: &Model, value: ValueId) -> bool {
    constant(model, value).is_some_and(|t| t.dtype != DataType::Int64 && t.dtype != DataType::String && t.dims.iter().any(|d| *d > 1))
}
