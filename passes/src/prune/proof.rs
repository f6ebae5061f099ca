//! The proof of a cut: the original with zeros in the place of what goes computes the same.
//!
//! `MatMul(x, w)` ⟶ `MatMul(Mul(x, mask), w)`, likewise wherever products are summed over an axis that loses indices; the mask has a 0 there and a 1
//! elsewhere. Zeros stand in front of the sum, not behind the node that made the value: what a bias or a sigmoid makes of a zero is no zero.

use super::{Kept, weights::nodes};
use shrinx_rewrite::{
    check::{Check, Checker},
    ir::{Model, Node, NodeId, OpName, ScopeId, Tensor, ValueId},
    ops::{Fact, Facts, Inference, OpTable, Runtime, shrink},
};
use std::collections::BTreeMap;

/// The original, in which what the cut takes away does not count. It computes what the cut model must compute.
pub fn masked(model: &Model, ops: &OpTable, kept: &Kept) -> Model {
    let mut facts = Facts::infer(model, ops);
    let mut masking = Masking { model: model.clone(), kept, done: BTreeMap::new() };
    for node in nodes(model) {
        let Some(contracted) = ops.of(model, node).contracted else { continue };
        let axes = contracted(&Inference::of(model, &mut facts, node));
        for (port, axis) in axes {
            let Some(value) = model.input(node, port) else { continue };
            masking.mask(&facts, value, (node, port), axis);
        }
    }
    masking.model
}

/// Whether the cut model computes what the masked original does, on made-up inputs.
pub fn prove(model: &Model, ops: &OpTable, kept: &Kept, cut: &Model, runtime: Option<&dyn Runtime>) -> Check {
    let mut masked = masked(model, ops, kept);
    // Equal revisions would mean that both are one model.
    if masked.revision() == cut.revision() {
        masked.header_mut();
    }
    Checker::new(&masked, ops, runtime).values(cut)
}

struct Masking<'a> {
    model: Model,
    kept: &'a Kept,
    /// What is masked already, by what it was, the axis and the readers' scope: several nodes may read it.
    done: BTreeMap<(ValueId, usize, ScopeId), ValueId>,
}

impl Masking<'_> {
    /// Masks an axis of `value`, which the node reads at the port, or did before another axis was masked.
    fn mask(&mut self, facts: &Facts, value: ValueId, (node, port): (NodeId, usize), axis: usize) {
        let lost = self.kept.lost(value, axis);
        let Some(current) = self.model.input(node, port).filter(|_| !lost.is_empty()) else { return };
        let key = (current, axis, self.model.node(node).scope());
        let known = self.done.get(&key).copied();
        let Some(masked) = known.or_else(|| Some(self.multiply(node, current, mask(facts.of(value), axis, lost)?))) else { return };
        self.done.insert(key, masked);
        self.model.set_input(node, port, Some(masked));
    }

    fn multiply(&mut self, node: NodeId, value: ValueId, mask: Tensor) -> ValueId {
        let model = &mut self.model;
        let hint = model.name(value).to_string();
        let (place, scope) = (model.node(node).order(), model.node(node).scope());
        let mask = model.add_initializer(scope, &format!("{hint}_mask"), mask);
        let name = model.fresh_name(&format!("{hint}_masked"));
        let masked = model.add_value(scope, name);
        let order = model.order_after(place);
        model.add_node(scope, order, Node::new(OpName::onnx("Mul"), vec![]), &[Some(value), Some(mask)], &[Some(masked)]);
        masked
    }
}

/// Zeros at the lost places of an axis, ones elsewhere.
fn mask(fact: &Fact, axis: usize, lost: &[usize]) -> Option<Tensor> {
    let shape = fact.shape.as_ref()?;
    let length = usize::try_from(shape.get(axis)?.known()?).ok()?;
    let mut numbers = vec![0.0; length];
    for index in shrink::kept(length, lost) {
        numbers[index] = 1.0;
    }
    let mut dims = vec![1; shape.len()];
    dims[axis] = length as u64;
    Tensor::from_f64(fact.dtype?, dims, &numbers)
}
