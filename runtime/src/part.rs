//! The part of a model that some values need.

use shrinx_ops::{
    RuntimeError,
    ir::{Model, NodeId, ScopeId, ValueId},
};

/// Nodes and values that wanted values are computed from, those of bodies included.
pub(crate) struct Part {
    needed: Vec<bool>,
}

impl Part {
    /// What `wanted` values of the main graph need.
    pub(crate) fn of(runtime: &'static str, model: &Model, wanted: &[ValueId]) -> Result<Self, RuntimeError> {
        if let Some(inner) = wanted.iter().find(|v| model.scope_of(**v) != Model::MAIN) {
            let reason = format!("value `{}` is not in the main graph", model.name(*inner));
            return Err(RuntimeError::UnsupportedModel { runtime, reason });
        }
        let mut part = Self { needed: vec![false; model.index_bound()] };
        let mut open = wanted.to_vec();
        while let Some(value) = open.pop() {
            if std::mem::replace(&mut part.needed[value.index()], true) {
                continue;
            }
            if let Some((node, _)) = model.producer(value) {
                part.add(model, node, &mut open);
            }
        }
        Ok(part)
    }

    fn add(&mut self, model: &Model, node: NodeId, open: &mut Vec<ValueId>) {
        if std::mem::replace(&mut self.needed[node.index()], true) {
            return;
        }
        open.extend(model.inputs(node).into_iter().flatten());
        for body in model.node(node).bodies() {
            self.add_body(model, body, open);
        }
    }

    fn add_body(&mut self, model: &Model, body: ScopeId, open: &mut Vec<ValueId>) {
        open.extend(model.scope(body).outputs().iter().map(|d| d.value));
        for node in model.nodes_in(body) {
            self.add(model, node, open);
        }
    }

    pub(crate) fn has_node(&self, node: NodeId) -> bool {
        self.needed.get(node.index()).copied().unwrap_or(false)
    }

    pub(crate) fn has_value(&self, value: ValueId) -> bool {
        self.needed.get(value.index()).copied().unwrap_or(false)
    }

    /// The nodes, in a fixed order.
    pub(crate) fn nodes(&self, model: &Model) -> impl Iterator<Item = NodeId> {
        model.nodes().filter(|n| self.has_node(*n))
    }

    /// The values, in a fixed order.
    pub(crate) fn values(&self, model: &Model) -> impl Iterator<Item = ValueId> {
        model.values().filter(|v| self.has_value(*v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_ops::ir::text;

    #[test]
    fn captures_are_needed_and_neighbours_are_not() {
        let model = text::parse(
            "g (bool c, float[2] x) => (float[2] y, float[2] z) {
                a = Relu(x)
                z = Hardmax(x)
                y = If (c) <then_branch = t () => (float[2] p) { p = Neg(a) }, else_branch = e () => (float[2] x) { }>
            }",
        )
        .unwrap();
        let find = |name| model.find(Model::MAIN, name).unwrap();
        let part = Part::of("test", &model, &[find("y")]).unwrap();
        let ops: Vec<&str> = part.nodes(&model).map(|n| model.node(n).op.op.as_str()).collect();
        assert_eq!(ops, ["Relu", "If", "Neg"]);
        assert!(part.has_value(find("x")) && part.has_value(find("c")) && !part.has_value(find("z")));
    }
}
