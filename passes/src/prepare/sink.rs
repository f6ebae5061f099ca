//! Taking away operators with a constant operand whose readers can take it up.

use super::affine::Affine;
use shrinx_rewrite::{
    Context,
    driver::describe,
    ir::{Model, NodeId},
};

/// For each node that `of` sees as an operator with a constant: by what `plan` makes of it, `apply` changes its readers, which then read its input.
pub(super) fn sink<P>(
    model: &mut Model,
    context: &mut Context<'_>,
    of: impl Fn(&Model, &Context<'_>, NodeId) -> Option<Affine>,
    plan: impl Fn(&Model, NodeId, &Affine) -> Result<P, &'static str>,
    apply: impl Fn(P, &mut Model),
) {
    let scopes: Vec<_> = model.scopes().collect();
    let nodes: Vec<_> = scopes.into_iter().flat_map(|s| model.nodes_in_order(s).unwrap_or_default()).collect();
    // Readers first: what stood before them may then go the same way.
    for node in nodes.into_iter().rev() {
        let Some(affine) = of(model, context, node) else { continue };
        match plan(model, node, &affine) {
            Err(reason) => context.notes.skip(reason, || describe(model, node)),
            Ok(plan) => {
                apply(plan, model);
                model.replace_uses(affine.y, affine.x);
                model.kill(node);
                context.notes.applied(1);
            }
        }
    }
}
