//! How a model is run: the traits that runtimes implement, and what goes in and comes out.
//!
//! A model is prepared once and run many times; each wanted value is pushed into a sink as soon as it is there, so that nobody holds the values of all
//! samples. What a runtime cannot do, or is known to do wrongly, it says when it prepares: [`RuntimeError::Unsupported`].

use shrinx_ir::{Coded, ErrorKind, Model, Tensor, ValueId};

/// Something that runs models.
pub trait Runtime: Send + Sync {
    /// Its name, as reports and messages spell it.
    fn name(&self) -> &str;

    /// Readies the part of a model that `wanted` values of its main graph need. Values that are not in `wanted` need not be computed at all, so that a node
    /// that the runtime does not know is an obstacle only to what comes after it.
    fn prepare(&self, model: &Model, wanted: &[ValueId]) -> Result<Box<dyn Session>, RuntimeError>;
}

/// A model that is ready to run.
pub trait Session: Send {
    /// Runs once, and pushes every wanted value into `sink`, in the order in which they were asked for. Each has the element type that the model gives it,
    /// whatever the runtime computes with. The same feeds give the same bits. An error of `sink` ends the run and is returned.
    fn run(&mut self, feeds: &Feeds, sink: &mut Sink<'_>) -> Result<(), RuntimeError>;
}

/// Receives wanted values, one at a time.
pub type Sink<'a> = dyn FnMut(ValueId, Tensor) -> Result<(), RuntimeError> + 'a;

/// Values for the inputs of a main graph, by name: names are what two revisions of one model have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feeds {
    values: Vec<(String, Tensor)>,
}

impl Feeds {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Feeds a value, in place of an earlier one of the same name.
    pub fn set(&mut self, name: impl Into<String>, tensor: Tensor) {
        let name = name.into();
        match self.values.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = tensor,
            None => self.values.push((name, tensor)),
        }
    }

    /// The value fed under this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    /// Names and values, in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.values.iter().map(|(n, t)| (n.as_str(), t))
    }
}

impl<S: Into<String>> FromIterator<(S, Tensor)> for Feeds {
    fn from_iter<I: IntoIterator<Item = (S, Tensor)>>(values: I) -> Self {
        let mut feeds = Self::new();
        values.into_iter().for_each(|(name, tensor)| feeds.set(name, tensor));
        feeds
    }
}

/// Why a model was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// The runtime does not know an operator, or is known to compute it wrongly as it is used here.
    #[error("{runtime} does not run node {node} ({op}): {reason}")]
    Unsupported {
        /// The runtime.
        runtime: &'static str,
        /// The operator, with its domain where that is not the standard one.
        op: String,
        /// The node, by its name or by its first output.
        node: String,
        /// What stands in the way.
        reason: String,
    },
    /// The model holds something, in no single node, that the runtime does not handle.
    #[error("{runtime} does not run this model: {reason}")]
    UnsupportedModel {
        /// The runtime.
        runtime: &'static str,
        /// What stands in the way.
        reason: String,
    },
    /// A value that was fed is missing or of the wrong type or shape.
    #[error("input `{input}`: {reason}")]
    BadFeed {
        /// The input.
        input: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// The run began and did not end well.
    #[error("{runtime} failed: {reason}")]
    Failed {
        /// The runtime.
        runtime: &'static str,
        /// What it said.
        reason: String,
    },
}

impl Coded for RuntimeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "E0501",
            Self::UnsupportedModel { .. } => "E0502",
            Self::BadFeed { .. } => "E0503",
            Self::Failed { .. } => "E0504",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported { .. } | Self::UnsupportedModel { .. } | Self::Failed { .. } => ErrorKind::Unsupported,
            Self::BadFeed { .. } => ErrorKind::Input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_keep_their_order_and_replace_by_name() {
        let mut feeds: Feeds = [("b", Tensor::vector_i64(&[1])), ("a", Tensor::vector_i64(&[2]))].into_iter().collect();
        feeds.set("b", Tensor::vector_i64(&[3]));
        assert_eq!(feeds.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(feeds.get("b"), Some(&Tensor::vector_i64(&[3])));
        assert_eq!(feeds.get("c"), None);
    }
}
