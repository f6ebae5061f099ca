//! The nodes follow a cut, in order: each by the rule of its operator, and each checked against what the plan says of its outputs.

use super::{CutError, Kept};
use shrinx_rewrite::{
    ir::{Dim, Model, NodeId, ScopeId, ValueId},
    ops::{
        Effects, Facts, OpTable,
        constant::constant,
        label,
        shrink::{Lost, Shrink},
    },
};

pub(super) struct Follower<'a> {
    model: &'a mut Model,
    ops: &'a OpTable,
    kept: &'a Kept,
    before: &'a Facts,
    /// Of constants and of what has followed; of the rest, as before.
    after: Facts,
    /// Values whose facts differ from those before, by index.
    changed: Vec<bool>,
}

impl<'a> Follower<'a> {
    /// `after` knows the cut constants.
    pub(super) fn new(model: &'a mut Model, ops: &'a OpTable, kept: &'a Kept, before: &'a Facts, after: Facts) -> Self {
        let mut changed = vec![false; model.index_bound()];
        kept.losses().for_each(|(value, ..)| changed[value.index()] = true);
        Self { model, ops, kept, before, after, changed }
    }

    pub(super) fn run(mut self) -> Result<(), CutError> {
        self.scope(Model::MAIN)
    }

    fn scope(&mut self, scope: ScopeId) -> Result<(), CutError> {
        for node in self.model.nodes_in_order(scope).unwrap_or_default() {
            let bodies: Vec<ScopeId> = self.model.node(node).bodies().collect();
            bodies.iter().try_for_each(|body| self.scope(*body))?;
            let (inputs, outputs) = (self.model.inputs(node), self.model.outputs(node));
            let is_constant = outputs.iter().flatten().any(|v| constant(self.model, *v).is_some());
            let ports = || inputs.iter().chain(&outputs).flatten().copied();
            if is_constant || !ports().any(|v| self.has_changed(v)) {
                continue;
            }
            if ports().any(|v| self.loses(v)) {
                self.shrink(node)?;
            }
            // What a body gives is whole: neither its node nor those behind see a difference.
            if bodies.is_empty() {
                self.infer(node)?;
            }
        }
        Ok(())
    }

    fn has_changed(&self, value: ValueId) -> bool {
        self.changed.get(value.index()).copied().unwrap_or(false)
    }

    fn loses(&self, value: ValueId) -> bool {
        let rank = self.before.of(value).rank().unwrap_or(0);
        (0..rank).any(|axis| !self.kept.lost(value, axis).is_empty())
    }

    fn shrink(&mut self, node: NodeId) -> Result<(), CutError> {
        let row = *self.ops.of(self.model, node);
        if row.effects == Effects::Unknown || self.model.node(node).bodies().next().is_some() {
            return Err(self.error(node, "what it does with its inputs is not known".into()));
        }
        let Some(rule) = row.shrink else { return Ok(()) };
        let kept = self.kept;
        let lost: &Lost<'_> = &|value, axis| kept.lost(value, axis);
        let outcome = rule(&mut Shrink::of(self.model, node, self.ops, lost, self.before, &mut self.after));
        outcome.map_err(|unfit| self.error(node, unfit.to_string()))
    }

    /// Infers the outputs of a node, and compares them with what the plan says.
    fn infer(&mut self, node: NodeId) -> Result<(), CutError> {
        let outputs = self.model.outputs(node);
        for &output in outputs.iter().flatten() {
            // Where inference has gaps, the plan fills them.
            self.after.set(output, self.kept.of_fact(output, self.before.of(output)));
        }
        let problems = self.after.problems().len();
        self.after.node(self.model, self.ops, node);
        if let Some((_, problem)) = self.after.problems().get(problems) {
            let reason = problem.to_string();
            return Err(self.error(node, reason));
        }
        for &output in outputs.iter().flatten() {
            self.compare(node, output)?;
            self.changed[output.index()] |= self.after.of(output) != self.before.of(output);
        }
        Ok(())
    }

    fn compare(&self, node: NodeId, output: ValueId) -> Result<(), CutError> {
        let planned = self.kept.of_fact(output, self.before.of(output));
        let (Some(planned), Some(found)) = (planned.shape, self.after.of(output).shape.as_ref()) else { return Ok(()) };
        if planned.len() != found.len() {
            return Err(self.error(node, format!("its output has {} axes instead of {}", found.len(), planned.len())));
        }
        let differ = |(planned, found): (&Dim, &Dim)| planned.known() != found.known();
        match planned.iter().zip(found).position(differ) {
            None => Ok(()),
            Some(axis) => {
                let show = |dim: &Dim| self.after.symbols.show(dim);
                let reason = format!("axis {axis} of its output has length {} instead of {}", show(&found[axis]), show(&planned[axis]));
                Err(self.error(node, reason))
            }
        }
    }

    fn error(&self, node: NodeId, reason: String) -> CutError {
        CutError::Node { node: label(self.model, node), op: self.model.node(node).op.to_string(), reason }
    }
}
