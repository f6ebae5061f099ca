//! A line diff of two texts.

use similar::{ChangeTag, TextDiff};

/// The changed lines of two texts with `context` unchanged ones around them: `-` before, `+` after. Empty where the texts are equal.
pub fn lines(before: &str, after: &str, context: usize) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for (k, group) in diff.grouped_ops(context).iter().enumerate() {
        if k > 0 {
            out.push_str("  ...\n");
        }
        for op in group {
            for change in diff.iter_changes(op) {
                out.push_str(match change.tag() {
                    ChangeTag::Equal => "  ",
                    ChangeTag::Delete => "- ",
                    ChangeTag::Insert => "+ ",
                });
                out.push_str(change.value().trim_end_matches('\n'));
                out.push('\n');
            }
        }
    }
    out
}
