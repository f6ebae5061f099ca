//! What a pass may look at besides the model.

use crate::Notes;
use shrinx_ops::{Facts, OpTable, ir::Model};

/// What a pass may look at besides the model.
pub struct Context<'a> {
    /// What operators mean.
    pub ops: &'a OpTable,
    /// What is known of the values; true of the model at the start of a pass, kept up to date by the driver of rewrites.
    pub facts: Facts,
    /// What was done and what was not.
    pub notes: Notes,
}

impl<'a> Context<'a> {
    /// The context of a model.
    pub fn new(model: &Model, ops: &'a OpTable) -> Self {
        Self { ops, facts: Facts::infer(model, ops), notes: Notes::default() }
    }

    /// Removes what is dead and infers the facts anew: to be called after a pass that changed the model.
    pub fn refresh(&mut self, model: &mut Model) {
        model.compact();
        self.facts = Facts::infer(model, self.ops);
    }
}
