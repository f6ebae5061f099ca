//! `If(c) { then } { else }` ⟶ the body that `c` chooses, when `c` is known.
//!
//! Values of the body move into the scope around it, under fresh names where theirs are taken.

use rustc_hash::FxHashMap;
use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    driver::describe,
    ir::{AttributeValue, Model, Node, NodeId, OpName, ScopeId, ValueId},
};

/// The pass `inline-constant-if`.
pub struct InlineConstantIf;

impl Pass for InlineConstantIf {
    fn name(&self) -> &'static str {
        "inline-constant-if"
    }

    fn summary(&self) -> &'static str {
        "Replaces an If whose condition is known by the body it chooses"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        // Inner ones first, so that what moves outwards moves once.
        let mut found: Vec<NodeId> = model.nodes().filter(|n| model.node(*n).is("If")).collect();
        found.sort_by_key(|n| std::cmp::Reverse(depth(model, model.node(*n).scope())));
        for node in found {
            let Some(body) = chosen(model, context, node) else { continue };
            inline(model, node, body).map_err(|problem| PassError::Failed {
                pass: self.name().into(),
                node: describe(model, node),
                problem: problem.into(),
            })?;
            context.notes.applied(1);
        }
        Ok(())
    }
}

fn depth(model: &Model, scope: ScopeId) -> usize {
    std::iter::successors(Some(scope), |s| model.scope(*s).parent).count()
}

/// The body that a known condition chooses.
fn chosen(model: &Model, context: &Context<'_>, node: NodeId) -> Option<ScopeId> {
    let condition = model.input(node, 0)?;
    let contents = context.facts.of(condition).contents.as_deref()?;
    let [value] = contents else { return None };
    let name = if value.known()? != 0 { "then_branch" } else { "else_branch" };
    match model.node(node).attribute(name) {
        Some(AttributeValue::Graph(body)) if model.scope(*body).outputs().len() >= model.outputs(node).len() => Some(*body),
        _ => None,
    }
}

fn inline(model: &mut Model, node: NodeId, body: ScopeId) -> Result<(), &'static str> {
    let scope = model.node(node).scope();
    let results: Vec<ValueId> = model.scope(body).outputs().iter().map(|d| d.value).collect();
    let outputs = model.outputs(node);
    model.dissolve(body).map_err(|_| "the body's nodes wait for each other")?;
    model.kill(node);
    // A body may give one value out twice: the second time it goes by the name that it took the first time.
    let mut renamed: FxHashMap<ValueId, ValueId> = FxHashMap::default();
    for (output, result) in outputs.into_iter().zip(results) {
        let Some(output) = output else { continue };
        let result = renamed.get(&result).copied().unwrap_or(result);
        if !model.is_output(output) {
            model.replace_uses(output, result);
            continue;
        }
        let made_here = model.producer(result).is_some_and(|(maker, _)| model.node(maker).scope() == scope);
        if made_here && !model.is_output(result) {
            model.replace_uses(result, output);
            model.move_producer(result, output);
            renamed.insert(result, output);
        } else {
            let place = model.node(node).order();
            model.remake(output, place, Node::new(OpName::onnx("Identity"), vec![]), &[Some(result)]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(InlineConstantIf)
    }

    #[test]
    fn takes_the_body_that_the_condition_chooses() {
        assert_rewrites!(
            pass(),
            "g (float[3] x) => (float[3] y) <bool c = {1}> {
                k = Relu(x)
                u = Neg(x)
                r = If <
                    then_branch = a () => (float[3] o) { t = Add(x, k) o = Neg(t) },
                    else_branch = b () => (float[3] p) { t = Sub(x, k) p = Abs(t) }
                > (c)
                y = Add(r, u)
            }",
            @"
        -   r = If(c) <
        -     then_branch = a () => (float[3] o) {
        -       t = Add(x, k)
        -       o = Neg(t)
        -     },
        -     else_branch = b () => (float[3] p) {
        -       t = Sub(x, k)
        -       p = Abs(t)
        -     }
        -   >
        -   y = Add(r, u)
        +   t_1 = Add(x, k)
        +   o = Neg(t_1)
        +   y = Add(o, u)
        "
        );
    }

    #[test]
    fn the_name_of_an_output_stays() {
        assert_rewrites!(
            pass(),
            "g (float[3] x) => (float[3] y) <bool c = {0}> {
                y = If <then_branch = a () => (float[3] o) { o = Neg(x) }, else_branch = b () => (float[3] p) { p = Relu(x) }> (c)
            }",
            @"
        -   y = If(c) <
        -     then_branch = a () => (float[3] o) {
        -       o = Neg(x)
        -     },
        -     else_branch = b () => (float[3] p) {
        -       p = Relu(x)
        -     }
        -   >
        +   y = Relu(x)
        "
        );
    }

    #[test]
    fn one_value_may_be_given_out_twice() {
        assert_rewrites!(
            pass(),
            "g (float[3] x) => (float[3] y, float[3] z) <bool c = {1}> {
                y, z = If <
                    then_branch = a () => (float[3] o, float[3] o) { o = Neg(x) },
                    else_branch = b () => (float[3] p, float[3] q) { p = Relu(x) q = Abs(x) }
                > (c)
            }",
            @"
        -   y, z = If(c) <
        -     then_branch = a () => (float[3] o, float[3] o) {
        -       o = Neg(x)
        -     },
        -     else_branch = b () => (float[3] p, float[3] q) {
        -       p = Relu(x)
        -       q = Abs(x)
        -     }
        -   >
        +   y = Neg(x)
        +   z = Identity(y)
        "
        );
    }

    #[test]
    fn what_a_body_stored_becomes_a_node_in_a_function() {
        assert_rewrites!(
            pass(),
            "<ir_version: 9, opset_import: [\"\": 17, \"local\": 1]>
            g (float[N] x) => (float[N] y) { y = local.f(x) }
            <domain: \"local\", opset_import: [\"\": 17]>
            f (p) => (q) {
                c = Constant <value = bool {1}> ()
                q = If <
                    then_branch = t () => (float[N] a) <float[1] w = {2}> { a = Mul(p, w) },
                    else_branch = e () => (float[N] b) { b = Neg(p) }
                > (c)
            }",
            @"
        -   q = If(bool {1}) <
        -     then_branch = t () => (float[N] a) <
        -       float[1] w = {2.0}
        -     > {
        -       a = Mul(p, w)
        -     },
        -     else_branch = e () => (float[N] b) {
        -       b = Neg(p)
        -     }
        -   >
        +   c = Constant() <value = bool {1}>
        +   q = Mul(p, [2.0])
        "
        );
    }

    #[test]
    fn leaves_an_unknown_condition_alone() {
        assert_leaves!(
            pass(),
            "g (float[3] x, bool c) => (float[3] y) {
                y = If <then_branch = a () => (float[3] o) { o = Neg(x) }, else_branch = b () => (float[3] p) { p = Relu(x) }> (c)
            }",
            ""
        );
    }
}
