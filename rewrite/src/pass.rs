//! A step over a whole model.

use crate::Context;
use shrinx_ops::ir::{Coded, ErrorKind, Model};

/// A step over a whole model.
///
/// Whether it changed anything is read from the model's revision, never from its word.
pub trait Pass: Send + Sync {
    /// Its name, verb first: `fuse-batch-norm`.
    fn name(&self) -> &str;
    /// One plain sentence.
    fn summary(&self) -> &str;
    /// How close the result is to the original.
    fn fidelity(&self) -> Fidelity;
    /// Does it.
    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError>;
}

/// How close a pass keeps a model's outputs to the original's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// The same bits.
    Exact,
    /// The same function over the reals: constants are folded into weights, or sums reordered, each rounded once.
    Reassociates,
    /// Another function that is close, with an error figure.
    Approximate,
}

/// A pass that could not go on. The driver of a pipeline undoes it and reports it by name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum PassError {
    #[error("`{pass}` does not come to an end: {applied} rewrites of a model of {nodes} nodes")]
    Endless { pass: String, applied: usize, nodes: usize },
    #[error("`{pass}` at node {node}: the replacement {problem}")]
    BadReplacement { pass: String, node: String, problem: String },
    #[error("`{pass}` at node {node}: {problem}")]
    Failed { pass: String, node: String, problem: String },
}

impl Coded for PassError {
    fn code(&self) -> &'static str {
        match self {
            Self::Endless { .. } => "E0401",
            Self::BadReplacement { .. } => "E0402",
            Self::Failed { .. } => "E0403",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Bug
    }
}
