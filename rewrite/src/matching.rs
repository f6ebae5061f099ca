//! Finding a pattern at a node.

use crate::pattern::{OpPattern, Pattern};
use shrinx_ops::{
    constant,
    ir::{Model, NodeId, ValueId},
};
use smallvec::SmallVec;

/// A pattern found in a model.
#[derive(Clone, Debug, Default)]
pub struct Match {
    nodes: SmallVec<[NodeId; 4]>,
    bound: SmallVec<[(&'static str, Bound); 6]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Node(NodeId),
    Value(ValueId),
}

impl Match {
    /// The node at the root of the pattern, whose outputs are replaced.
    pub fn root(&self) -> NodeId {
        self.nodes[0]
    }

    /// The nodes of the pattern, root first.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// Values by the names that the pattern gave them. Asking for a name that it does not always bind is a bug of the rewrite, and panics.
    pub fn values<const N: usize>(&self, names: [&'static str; N]) -> [ValueId; N] {
        names.map(|name| self.optional(name).unwrap_or_else(|| panic!("the pattern binds no value `{name}`")))
    }

    /// A value by name, where its part of the pattern is optional.
    pub fn optional(&self, name: &str) -> Option<ValueId> {
        self.bound.iter().find_map(|(n, bound)| match bound {
            Bound::Value(value) if *n == name => Some(*value),
            Bound::Value(_) | Bound::Node(_) => None,
        })
    }

    /// A node by the name that the pattern gave it. Asking for another name is a bug of the rewrite, and panics.
    pub fn node(&self, name: &str) -> NodeId {
        let found = self.bound.iter().find_map(|(n, bound)| match bound {
            Bound::Node(node) if *n == name => Some(*node),
            Bound::Value(_) | Bound::Node(_) => None,
        });
        found.unwrap_or_else(|| panic!("the pattern binds no node `{name}`"))
    }

    fn bind(&mut self, name: &'static str, bound: Bound) -> bool {
        if let Some((_, before)) = self.bound.iter().find(|(n, _)| *n == name) {
            return *before == bound;
        }
        self.bound.push((name, bound));
        true
    }
}

/// The pattern at `node`, if it is there.
pub(crate) fn find(model: &Model, pattern: &OpPattern, node: NodeId) -> Option<Match> {
    let mut found = Match::default();
    at_node(model, pattern, node, &mut found).then_some(found)
}

fn at_node(model: &Model, pattern: &OpPattern, id: NodeId, found: &mut Match) -> bool {
    let node = model.node(id);
    if !node.op.domain().is_empty() || !pattern.ops.contains(&node.op.op.as_str()) {
        return false;
    }
    found.nodes.push(id);
    if pattern.name.is_some_and(|name| !found.bind(name, Bound::Node(id))) {
        return false;
    }
    let Some(wanted) = &pattern.inputs else { return true };
    let inputs = model.inputs(id);
    if inputs.iter().skip(wanted.len()).any(Option::is_some) {
        return false;
    }
    let input = |k: usize| inputs.get(k).copied().flatten();
    let before = found.clone();
    if wanted.iter().enumerate().all(|(k, p)| at_value(model, p, input(k), found)) {
        return true;
    }
    if let (true, [first, second]) = (pattern.any_order, wanted.as_slice()) {
        *found = before;
        return at_value(model, first, input(1), found) && at_value(model, second, input(0), found);
    }
    false
}

fn at_value(model: &Model, pattern: &Pattern, value: Option<ValueId>, found: &mut Match) -> bool {
    match (pattern, value) {
        (Pattern::Optional(_), None) => true,
        (Pattern::Optional(inner), _) => at_value(model, inner, value, found),
        (Pattern::Any(_) | Pattern::Constant(_) | Pattern::Op(_), None) => false,
        (Pattern::Any(name), Some(value)) => found.bind(name, Bound::Value(value)),
        (Pattern::Constant(name), Some(value)) => constant(model, value).is_some() && found.bind(name, Bound::Value(value)),
        (Pattern::Op(op), Some(value)) => model.producer(value).is_some_and(|(node, port)| port == 0 && at_node(model, op, node, found)),
    }
}
