//! A node none of whose outputs is read ⟶ nothing; an initializer that nothing reads ⟶ nothing.
//!
//! Needs no facts. Inputs of the model stay, read or not; so do initializers that a caller may override, and nodes of unknown operators, which may have
//! effects of their own.

use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    ir::{Model, NodeId, ScopeId, ValueId},
    ops::Effects,
};

/// The pass `eliminate-dead`.
pub struct EliminateDead;

impl Pass for EliminateDead {
    fn name(&self) -> &'static str {
        "eliminate-dead"
    }

    fn summary(&self) -> &'static str {
        "Removes nodes and initializers that no output depends on"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        let live = Live::of(model, context);
        let dead: Vec<NodeId> = model.nodes().filter(|n| !live.nodes[n.index()]).collect();
        for &node in &dead {
            model.kill(node);
        }
        let unread: Vec<ValueId> =
            model.scopes().flat_map(|s| model.scope(s).initializers().to_vec()).filter(|v| model.use_count(*v) == 0).collect();
        let dropped = unread.into_iter().filter(|v| model.drop_initializer(*v)).count();
        context.notes.applied(dead.len() + dropped);
        Ok(())
    }
}

/// Nodes that some output depends on, found from the outputs back.
struct Live<'a> {
    model: &'a Model,
    nodes: Vec<bool>,
    open: Vec<NodeId>,
}

impl<'a> Live<'a> {
    fn of(model: &'a Model, context: &Context<'_>) -> Self {
        let mut live = Self { model, nodes: vec![false; model.index_bound()], open: Vec::new() };
        for scope in model.scopes().filter(|s| model.scope(*s).parent.is_none()) {
            live.outputs(scope);
            for node in model.nodes_in(scope) {
                if context.ops.effects(model, node) == Effects::Unknown && model.outputs(node).iter().flatten().next().is_none() {
                    live.mark(node);
                }
            }
        }
        while let Some(node) = live.open.pop() {
            for value in model.inputs(node).into_iter().flatten() {
                live.value(value);
            }
            for body in model.node(node).bodies() {
                live.outputs(body);
            }
        }
        live
    }

    fn outputs(&mut self, scope: ScopeId) {
        for output in self.model.scope(scope).outputs() {
            self.value(output.value);
        }
    }

    fn value(&mut self, value: ValueId) {
        if let Some((maker, _)) = self.model.producer(value) {
            self.mark(maker);
        }
    }

    fn mark(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.nodes[node.index()], true) {
            self.open.push(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(EliminateDead)
    }

    #[test]
    fn removes_what_no_output_depends_on() {
        assert_rewrites!(
            pass(),
            "g (float[4] x) => (float[4] y) <float[4] w, float[4] unused> { a = Add(x, w) b = Relu(x) y = Relu(b) }",
            @"
        - g (float[4] x) => (float[4] y) <
        -   float[4] w = {0.623346, 1.0728394, 0.36141357, 0.5123993},
        -   float[4] unused
        - > {
        -   a = Add(x, w)
        + g (float[4] x) => (float[4] y) {
        "
        );
    }

    #[test]
    fn removes_a_branch_value_and_the_capture_that_fed_it() {
        assert_rewrites!(
            pass(),
            "g (float[4] x, bool c) => (float[4] y) {
                k = Neg(x)
                y = If <then_branch = t () => (float[4] p) { d = Relu(k) p = Relu(x) }, else_branch = e () => (float[4] q) { q = Abs(x) }> (c)
            }",
            @"
        -   k = Neg(x)
          ...
        -       d = Relu(k)
        "
        );
    }

    #[test]
    fn leaves_an_unread_input_and_a_default_alone() {
        assert_leaves!(pass(), "g (float[4] x, float[2] unread, float[4] w = {1, 2, 3, 4}) => (float[4] y) { y = Relu(x) }", "");
    }
}
