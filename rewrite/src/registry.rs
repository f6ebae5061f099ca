//! The passes there are, in the order in which they run.

use crate::Pass;

/// From which optimization level on a step runs by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `-O1`: exact, or only folds constants into weights.
    One,
    /// `-O2`: raises the opset, or reassociates more.
    Two,
    /// Only where it is asked for by name.
    OnRequest,
}

/// A pass, and when it runs.
pub struct Step {
    /// The pass.
    pub pass: Box<dyn Pass>,
    /// From which level on it runs.
    pub level: Level,
}

/// An ordered list of passes. A value: users add their own.
#[derive(Default)]
pub struct Registry {
    steps: Vec<Step>,
}

impl Registry {
    /// The registry with one more pass at its end.
    #[must_use]
    pub fn with(mut self, level: Level, pass: Box<dyn Pass>) -> Self {
        self.steps.push(Step { pass, level });
        self
    }

    /// Every step, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The pass of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Pass> {
        self.steps.iter().find(|s| s.pass.name() == name).map(|s| &*s.pass)
    }
}
