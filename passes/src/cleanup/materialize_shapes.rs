//! Integer arithmetic on shapes whose result is known ⟶ a constant; `Reshape(x, s)` with at most one length of `s` unknown ⟶ `Reshape(x, [.., -1, ..])`.
//!
//! Needs the contents that inference follows through `Shape`, `Gather`, `Concat` and the like, so that a dynamic batch keeps its name and the chain that
//! computed it goes. Leaves inputs of unknown content alone, and what would make the file larger.

use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    driver::set_constant,
    ir::{DataType, Dim, Model, NodeId, Tensor, ValueId},
    ops::{Effects, Fact, constant},
    savings,
};

/// The pass `materialize-shapes`.
pub struct MaterializeShapes;

impl Pass for MaterializeShapes {
    fn name(&self) -> &'static str {
        "materialize-shapes"
    }

    fn summary(&self) -> &'static str {
        "Replaces shape arithmetic whose result is known by constants"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        for node in model.nodes().collect::<Vec<_>>() {
            if context.ops.effects(model, node) != Effects::None || model.node(node).bodies().next().is_some() {
                continue;
            }
            if let Some(results) = results(model, context, node).filter(|r| together_pay(model, context, node, r)) {
                context.notes.applied(results.len());
                for (output, tensor) in results {
                    set_constant(model, &mut context.facts, output, tensor);
                }
                model.kill(node);
                continue;
            }
            if let Some((shape, tensor)) = reshape_target(model, context, node).filter(|(v, t)| pays(model, *v, t)) {
                let scope = model.node(node).scope();
                let hint = model.name(shape).to_string();
                let fact = Fact::of_tensor(&tensor);
                let target = model.add_initializer(scope, &hint, tensor);
                context.facts.set(target, fact);
                model.set_input(node, 1, Some(target));
                context.notes.applied(1);
            }
        }
        Ok(())
    }
}

/// The contents of those outputs of a node that something reads, where inference knows them all.
fn results(model: &Model, context: &Context<'_>, node: NodeId) -> Option<Vec<(ValueId, Tensor)>> {
    let read = model.outputs(node).into_iter().flatten().filter(|v| model.use_count(*v) > 0);
    read.map(|v| Some((v, known(model, context, v)?))).collect()
}

/// Whether some result is of use, and all together cost no more than the node that goes.
fn together_pay(model: &Model, context: &Context<'_>, node: NodeId, results: &[(ValueId, Tensor)]) -> bool {
    results.iter().any(|(v, _)| wanted(model, context, *v))
        && results.iter().map(|(v, t)| savings::cost(model, *v, t)).sum::<u64>() <= savings::of_node(model, node)
}

/// The content of a value that is not stored, where inference knows all of it.
fn known(model: &Model, context: &Context<'_>, value: ValueId) -> Option<Tensor> {
    if constant(model, value).is_some() {
        return None;
    }
    let fact = context.facts.of(value);
    let contents: Vec<i64> = fact.contents.as_ref()?.iter().map(Dim::known).collect::<Option<_>>()?;
    let dims: Vec<u64> = fact.known_shape()?.iter().map(|d| *d as u64).collect();
    let tensor = Tensor::from_integers(fact.dtype?, dims, &contents)?;
    (tensor.len() == contents.len()).then_some(tensor)
}

/// Whether some reader of a value is not itself replaced: only there a constant is of use.
fn wanted(model: &Model, context: &Context<'_>, value: ValueId) -> bool {
    let replaced = |node: NodeId| results(model, context, node).is_some();
    model.is_output(value) || model.uses(value).any(|(reader, _)| !replaced(reader))
}

/// Whether a constant target costs no more than what computes the target now, which goes if only `Reshape` nodes read it.
fn pays(model: &Model, target: ValueId, tensor: &Tensor) -> bool {
    let Some((maker, _)) = model.producer(target) else { return false };
    let elsewhere = model.is_output(target) || model.uses(target).any(|(reader, port)| port != 1 || !model.node(reader).is("Reshape"));
    !elsewhere && savings::cost(model, target, tensor) <= savings::of_node(model, maker)
}

/// A constant target for a `Reshape` whose target is computed, where one length at most is not a number.
fn reshape_target(model: &Model, context: &Context<'_>, node: NodeId) -> Option<(ValueId, Tensor)> {
    if !model.node(node).is("Reshape") {
        return None;
    }
    let inputs = model.inputs(node);
    let (data, target) = (inputs.first().copied().flatten()?, inputs.get(1).copied().flatten()?);
    if constant(model, target).is_some() {
        return None;
    }
    let contents = context.facts.of(target).contents.as_ref()?;
    let source = context.facts.of(data).shape.as_deref();
    let output = model.outputs(node)[0].and_then(|v| context.facts.of(v).shape.clone());
    let keeps_zero = matches!(model.node(node).attribute("allowzero"), Some(shrinx_rewrite::ir::AttributeValue::Int(1)));
    let mut lengths = Vec::with_capacity(contents.len());
    // A 0 copies a length that may be 0 when the model runs; beside it, a -1 of ours could not be inferred.
    let (mut copied, mut left) = (false, false);
    for (k, length) in contents.iter().enumerate() {
        let given = length.known() == Some(-1);
        let resolved = if given { output.as_ref().and_then(|o| o.get(k)).and_then(Dim::known) } else { length.known() };
        lengths.push(match resolved {
            Some(n) if n > 0 || (n == 0 && length.known() == Some(0)) => n,
            None if !keeps_zero && !given && source.and_then(|s| s.get(k)) == Some(length) => {
                copied = true;
                0
            }
            None if !lengths.contains(&-1) => {
                left = !given;
                -1
            }
            Some(_) | None => return None,
        });
    }
    if copied && left {
        return None;
    }
    (context.facts.of(target).dtype == Some(DataType::Int64)).then(|| (target, Tensor::vector_i64(&lengths)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(MaterializeShapes)
    }

    #[test]
    fn a_reshape_keeps_its_dynamic_batch() {
        assert_rewrites!(
            pass(),
            "g (float[batch,3,4] x) => (float[batch,12] y) <int64 zero = {0}, int64[1] axis = {0}, int64[1] rest = {-1}> {
                s = Shape(x)
                d = Gather(s, zero)
                u = Unsqueeze(d, axis)
                t = Concat <axis = 0> (u, rest)
                y = Reshape(x, t)
            }",
            @"
        -   int64[1] rest = {-1}
        +   int64[1] rest = {-1},
        +   int64[2] t_1 = {0, 12}
          ...
        -   y = Reshape(x, t)
        +   y = Reshape(x, t_1)
        "
        );
    }

    #[test]
    fn a_known_length_becomes_a_constant() {
        assert_rewrites!(
            pass(),
            "g (float[N,3,4] x) => (float[N,3,4] y) <int64 two = {2}> {
                s = Shape(x)
                d = Gather(s, two)
                f = Cast <to = 1> (d)
                y = Div(x, f)
            }",
            @"
        -   int64 two = {2}
        +   int64 two = {2},
        +   int64 d = {4}
          ...
        -   d = Gather(s, two)
        "
        );
    }

    #[test]
    fn several_results_pay_together_or_stay() {
        assert_leaves!(
            pass(),
            "g (float[N] x1) => (float[N] v2, int64[1,3] v5, int64[1,3] v6) <int64[2,3] c4 = {2, -2, -2, -4, -4, -5}> {
                v2 = Neg(x1)
                v5, v6 = Split <axis = 0, num_outputs = 2> (c4)
            }",
            ""
        );
    }

    #[test]
    fn leaves_two_unknown_lengths_alone() {
        assert_leaves!(
            pass(),
            "g (float[N,M,4] x) => (float[M,N,4] y) <int64[3] swap = {1, 0, 2}> { s = Shape(x) t = Gather(s, swap) y = Reshape(x, t) }",
            ""
        );
    }
}
