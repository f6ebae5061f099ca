//! What can be wrong with a text.

use crate::{
    build::BuildFault,
    error::{Coded, ErrorKind},
};

/// A text that is not a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text does not follow the syntax.
    #[error("line {line}, column {column}: expected {expected}\n{evidence}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The character within the line, counted from 1.
        column: usize,
        /// What would have been right there.
        expected: String,
        /// The line, clipped around the place, and a mark below the place.
        evidence: String,
    },
    /// The text follows the syntax, but describes no graph.
    #[error(transparent)]
    Graph(#[from] BuildFault),
}

impl Coded for TextError {
    fn code(&self) -> &'static str {
        "E0130"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } => {
                Some("the syntax is ONNX's own (docs/Syntax.md); names that are no plain identifiers stand in double quotes".into())
            }
            Self::Graph(_) => None,
        }
    }
}

impl TextError {
    /// An error at byte `at` of `source`.
    pub(super) fn syntax(source: &str, at: usize, expected: String) -> Self {
        const BEFORE: usize = 60;
        const AFTER: usize = 30;
        let at = (0..=at.min(source.len())).rev().find(|k| source.is_char_boundary(*k)).unwrap_or(0);
        let start = source[..at].rfind('\n').map_or(0, |k| k + 1);
        let end = source[at..].find('\n').map_or(source.len(), |k| at + k);
        let column = source[start..at].chars().count();
        let from = column.saturating_sub(BEFORE);
        let shown = source[start..end].chars().skip(from).take(BEFORE + AFTER).map(|c| if c.is_control() { ' ' } else { c });
        let evidence = format!("  | {}\n  | {}^", shown.collect::<String>().trim_end(), " ".repeat(column - from));
        Self::Syntax { line: source[..start].matches('\n').count() + 1, column: column + 1, expected, evidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_shown() {
        let error = TextError::syntax("a\n  é = Relu(x}\n", "a\n  é = Relu(x".len(), "`)`".into());
        assert_eq!(error.to_string(), "line 2, column 13: expected `)`\n  |   é = Relu(x}\n  |             ^");
    }

    #[test]
    fn long_lines_are_clipped() {
        let text = "x".repeat(5000);
        assert!(TextError::syntax(&text, 4000, "`y`".into()).to_string().len() < 250);
        assert!(TextError::syntax("", 7, "a name".into()).to_string().starts_with("line 1, column 1"));
    }
}
