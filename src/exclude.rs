//! Nodes by name, glob or operator type, as they stand on the command line.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// Names, globs and operator types.
#[derive(Clone, Debug, Default)]
pub struct Exclude {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Exclude {
    /// From what stands on the command line; an invalid glob is an error.
    pub fn new(patterns: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern)?);
        }
        Ok(Self { patterns: patterns.to_vec(), set: set.build()? })
    }

    /// Whether a node is meant.
    pub fn matches(&self, name: &str, op: &str) -> bool {
        self.patterns.iter().any(|p| p == name || p == op) || self.set.is_match(name)
    }

    /// Patterns that mean none of these nodes: a slip of the one who wrote them.
    pub fn unmatched(&self, nodes: &[(String, String)]) -> Vec<String> {
        let alone = |pattern: &String| Self::new(std::slice::from_ref(pattern)).unwrap_or_default();
        self.patterns.iter().filter(|p| !nodes.iter().any(|(name, op)| alone(p).matches(name, op))).cloned().collect()
    }
}
