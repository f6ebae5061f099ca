//! What a pass did and why it did not do more, as data: printing is the product's business.

use std::collections::BTreeMap;

/// What a pass did and why it did not do more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Rewrites applied, or things removed.
    pub applied: usize,
    /// Reasons for leaving a match alone, each with how often and one example.
    pub skipped: BTreeMap<String, Skipped>,
}

/// How often a reason held, and where first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// How often.
    pub count: usize,
    /// The first node, as messages name it.
    pub example: String,
}

impl Notes {
    /// Counts what was done.
    pub fn applied(&mut self, count: usize) {
        self.applied += count;
    }

    /// Notes a reason for leaving a node alone.
    pub fn skip(&mut self, reason: &str, node: impl FnOnce() -> String) {
        match self.skipped.get_mut(reason) {
            Some(skipped) => skipped.count += 1,
            None => {
                self.skipped.insert(reason.to_string(), Skipped { count: 1, example: node() });
            }
        }
    }
}
