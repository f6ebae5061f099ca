//! Two nodes with the same operator, attributes and inputs ⟶ one.
//!
//! Within one scope. Never nodes that draw random numbers, hold bodies, or are of unknown operators; never two that both make an output of the graph.

use rustc_hash::{FxHashMap, FxHasher};
use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    ir::{AttributeValue, Model, NodeId, Tensor, ValueId},
    ops::Effects,
};
use std::hash::{Hash, Hasher};

/// The pass `merge-duplicates`.
pub struct MergeDuplicates;

impl Pass for MergeDuplicates {
    fn name(&self) -> &'static str {
        "merge-duplicates"
    }

    fn summary(&self) -> &'static str {
        "Computes once what several nodes compute alike"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        let scopes: Vec<_> = model.scopes().collect();
        for scope in scopes {
            let mut seen: FxHashMap<u64, Vec<NodeId>> = FxHashMap::default();
            for node in model.nodes_in_order(scope).unwrap_or_default() {
                if context.ops.effects(model, node) != Effects::None || model.node(node).bodies().next().is_some() {
                    continue;
                }
                let alike = seen.entry(fingerprint(model, node)).or_default();
                match alike.iter().find(|first| same(model, **first, node)) {
                    None => alike.push(node),
                    Some(&first) => {
                        if merge(model, first, node) {
                            context.notes.applied(1);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn fingerprint(model: &Model, id: NodeId) -> u64 {
    let node = model.node(id);
    let mut hasher = FxHasher::default();
    node.op.op.hash(&mut hasher);
    model.inputs(id).hash(&mut hasher);
    model.outputs(id).len().hash(&mut hasher);
    for attribute in &node.attributes {
        attribute.name.hash(&mut hasher);
        match &attribute.value {
            AttributeValue::Int(i) => i.hash(&mut hasher),
            AttributeValue::Ints(i) => i.hash(&mut hasher),
            AttributeValue::Float(f) => f.to_bits().hash(&mut hasher),
            AttributeValue::String(s) => s.hash(&mut hasher),
            AttributeValue::Tensor(t) => fingerprint_of_tensor(t, &mut hasher),
            other => other.type_code().hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// Type, shape and the first bytes: enough to tell most tensors apart without reading them.
pub(super) fn fingerprint_of_tensor(tensor: &Tensor, hasher: &mut FxHasher) {
    tensor.dtype.hash(hasher);
    tensor.dims.hash(hasher);
    if let shrinx_rewrite::ir::TensorData::Raw(bytes) = &tensor.data {
        bytes[..bytes.len().min(64)].hash(hasher);
    }
}

fn same(model: &Model, a: NodeId, b: NodeId) -> bool {
    let (x, y) = (model.node(a), model.node(b));
    let alike = |p: &AttributeValue, q: &AttributeValue| match (p, q) {
        (AttributeValue::Tensor(s), AttributeValue::Tensor(t)) => s.same_content(t),
        // By their bits: -0 equals 0, and divides otherwise.
        (AttributeValue::Float(s), AttributeValue::Float(t)) => s.to_bits() == t.to_bits(),
        (AttributeValue::Floats(s), AttributeValue::Floats(t)) => s.iter().map(|x| x.to_bits()).eq(t.iter().map(|x| x.to_bits())),
        _ => p == q,
    };
    x.op.op == y.op.op
        && x.op.domain() == y.op.domain()
        && model.inputs(a) == model.inputs(b)
        && model.outputs(a).iter().map(Option::is_some).eq(model.outputs(b).iter().map(Option::is_some))
        && x.attributes.len() == y.attributes.len()
        && x.attributes.iter().zip(&y.attributes).all(|(p, q)| p.name == q.name && alike(&p.value, &q.value))
}

/// Lets the outputs of `first` stand for those of `second`.
fn merge(model: &mut Model, first: NodeId, second: NodeId) -> bool {
    let pairs: Vec<(ValueId, ValueId)> =
        model.outputs(first).into_iter().zip(model.outputs(second)).filter_map(|(a, b)| Some((a?, b?))).collect();
    if pairs.iter().any(|(a, b)| model.is_output(*a) && model.is_output(*b)) {
        return false;
    }
    model.kill(second);
    for (kept, gone) in pairs {
        if model.is_output(gone) {
            // The name of the output stays, and the first node makes it.
            model.replace_uses(kept, gone);
            model.move_producer(kept, gone);
        } else {
            model.replace_uses(gone, kept);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(MergeDuplicates)
    }

    #[test]
    fn computes_once_what_is_computed_twice() {
        assert_rewrites!(
            pass(),
            "g (float[4] x) => (float[4] y) { a = Relu(x) b = Relu(x) c = Neg(a) d = Neg(b) y = Add(c, d) }",
            @"
        -   b = Relu(x)
          ...
        -   d = Neg(b)
        -   y = Add(c, d)
        +   y = Add(c, c)
        "
        );
    }

    #[test]
    fn the_name_of_an_output_stays() {
        assert_rewrites!(pass(), "g (float[4] x) => (float[4] y, float[4] z) { a = Relu(x) y = Relu(x) z = Neg(a) }", @"
        -   a = Relu(x)
          ...
        -   z = Neg(a)
        +   z = Neg(y)
        ");
    }

    #[test]
    fn leaves_two_outputs_alone() {
        assert_leaves!(pass(), "g (float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Relu(x) }", "");
    }

    #[test]
    fn leaves_zeros_of_other_signs_alone() {
        assert_leaves!(
            pass(),
            "g (float[1] x) => (float[1] y, float[1] z) {
                a = Constant <value_floats = [0.0]> ()
                b = Constant <value_floats = [-0.0]> ()
                y = Div(x, a)
                z = Div(x, b)
            }",
            ""
        );
    }

    #[test]
    fn leaves_random_numbers_alone() {
        assert_leaves!(
            pass(),
            "g (float[3] x) => (float[3] y) { a = RandomUniform <shape = [3]> () b = RandomUniform <shape = [3]> () c = Sub(a, b) y = Add(x, c) }",
            ""
        );
    }
}
