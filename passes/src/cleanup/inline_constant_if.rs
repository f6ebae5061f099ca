//! `If(c) { then } { else }` ⟶ the body that `c` chooses, when `c` is known.
//!
//! Values of the body move into the scope around it, under fresh names where theirs are taken.

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
    let mut taken: Vec<ValueId> = Vec::new();
    for (output, result) in outputs.into_iter().zip(results) {
        let Some(output) = output else { continue };
        if !model.is_output(output) {
            model.replace_uses(output, result);
            continue;
        }
        let makes = model.producer(result).is_some_and(|(maker, _)| model.node(maker).scope() == scope);
        if makes && !model.is_output(result) && !taken.contains(&result) {
            model.replace_uses(result, output);
            model.move_producer(result, output);
            taken.push(result);
        } else {
            let source = if taken.contains(&result) { output } else { result };
            debug_assert!(source != output, "a body's output was moved twice");
            let name = model.fresh_name("t");
            let made = model.add_value(scope, name);
            let place = model.node(node).order();
            let order = model.order_after(place);
            model.add_node(scope, order, Node::new(OpName::onnx("Identity"), vec![]), &[Some(source)], &[Some(made)]);
            model.move_producer(made, output);
        }
    }
    Ok(())
}
