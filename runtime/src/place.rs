//! Nodes in messages: a runtime gets them under names that lead back to the model.

use shrinx_ops::ir::{Model, NodeId};

/// The name that a node has in the copy: a runtime's messages lead back to the node by it.
pub(crate) fn label(node: NodeId) -> String {
    format!("node#{}", node.index())
}

pub(crate) fn labelled(model: &Model, label: &str) -> Option<NodeId> {
    let index: usize = label.strip_prefix("node#")?.split('.').next()?.parse().ok()?;
    model.nodes().find(|n| n.index() == index)
}

/// A node as messages name it.
pub(crate) fn describe(model: &Model, node: NodeId) -> String {
    let named = model.node(node).name.as_deref().filter(|n| !n.is_empty());
    let first = || model.outputs(node).iter().flatten().next().map_or("?", |v| model.name(*v));
    format!("`{}`", named.unwrap_or_else(first))
}
