//! The rows, one file a family of operators.

mod control;
mod elementwise;

pub(crate) use control::body_arguments;

use crate::OpSpec;

/// Every row of the standard table.
pub(crate) fn rows() -> impl Iterator<Item = OpSpec> {
    [elementwise::ROWS, control::ROWS].into_iter().flatten().copied()
}
