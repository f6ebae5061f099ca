//! `f(c₁, c₂, ..)` ⟶ a constant, when every input is a constant and the operator has an exact kernel.
//!
//! The budget: a result may take as many bytes as the node and all that only it needed, so that folding never makes a file larger. (A weight behind
//! `DequantizeLinear` or a widening `Cast`, a large `Expand` or `ConstantOfShape` therefore stays.) Random and unknown operators are never folded.

use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    driver::{describe, set_constant},
    ir::{Model, NodeId, Tensor, ValueId},
    ops::{Call, Effects, Fold, constant, spec::Kernel},
    savings,
};

/// The pass `fold-constants`.
pub struct FoldConstants;

impl Pass for FoldConstants {
    fn name(&self) -> &'static str {
        "fold-constants"
    }

    fn summary(&self) -> &'static str {
        "Computes what depends on constants alone, where that does not make the file larger"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        let scopes: Vec<_> = model.scopes().collect();
        for scope in scopes {
            for node in model.nodes_in_order(scope).unwrap_or_default() {
                if let Some(results) = fold(model, context, node) {
                    replace(model, context, node, results);
                    context.notes.applied(1);
                }
            }
        }
        Ok(())
    }
}

/// The outputs of a node, where they can be computed within the budget.
fn fold(model: &Model, context: &mut Context<'_>, node: NodeId) -> Option<Vec<Tensor>> {
    let kernel: Kernel = context.ops.of(model, node).fold.filter(|_| context.ops.effects(model, node) == Effects::None)?;
    let call = Call { node: model.node(node), opset: model.opset(model.node(node).scope(), "")? };
    if call.node.is("Constant") || call.has_references() {
        return None;
    }
    let ports = model.inputs(node);
    let mut inputs = Vec::with_capacity(ports.len());
    for port in &ports {
        inputs.push(match port {
            Some(value) => Some(constant(model, *value)?),
            None => None,
        });
    }
    let budget = savings::of_node(model, node);
    let results = kernel(&Fold { call, inputs: &inputs, max_elements: budget as usize }).filter(|r| {
        let read = |v: &Option<ValueId>| v.filter(|v| model.use_count(*v) > 0);
        let pairs = model.outputs(node).into_iter().zip(r).filter_map(|(v, t)| Some((read(&v)?, t)));
        r.len() >= model.node(node).output_count() && pairs.map(|(v, t)| savings::cost(model, v, t)).sum::<u64>() <= budget
    });
    if results.is_none() {
        context.notes.skip("it has no exact result that is not larger than what it replaces", || describe(model, node));
    }
    results
}

/// Lets constants stand for the outputs of a node.
fn replace(model: &mut Model, context: &mut Context<'_>, node: NodeId, results: Vec<Tensor>) {
    for (output, tensor) in model.outputs(node).into_iter().zip(results) {
        if let Some(output) = output.filter(|v| model.use_count(*v) > 0) {
            set_constant(model, &mut context.facts, output, tensor);
        }
    }
    model.kill(node);
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(FoldConstants)
    }

    #[test]
    fn folds_what_depends_on_constants_alone() {
        assert_rewrites!(
            pass(),
            "g (float[N,2] x) => (float[N,2] y) <float[2] a = {1, 2}, float[2] b = {3, 4}> { c = Add(a, b) y = Mul(x, c) }",
            @"
        -   float[2] b = {3.0, 4.0}
        +   float[2] b = {3.0, 4.0},
        +   float[2] c = {4.0, 6.0}
          ...
        -   c = Add(a, b)
        "
        );
    }

    #[test]
    fn an_output_stays_the_output_of_a_node() {
        assert_rewrites!(
            pass(),
            "g (float[2] x) => (float[8] y, float[2] z) <float[8] a, float[8] b> { y = Add(a, b) z = Relu(x) }",
            @"
        -   y = Add(a, b)
        +   y = Constant() <value = float[8] #3a48e2bb>
        "
        );
    }

    #[test]
    fn leaves_alone_what_would_grow() {
        assert_leaves!(
            pass(),
            "g (float[N,64,64] x) => (float[N,64,64] y) <float[1] one = {1}, int64[2] s = {64, 64}> { c = Expand(one, s) y = Add(x, c) }",
            "larger"
        );
    }

    #[test]
    fn leaves_alone_a_default_that_a_caller_may_override() {
        assert_leaves!(pass(), "g (float[2] x, float[2] a = {1, 2}) => (float[2] y) { c = Neg(a) y = Add(x, c) }", "");
    }
}
