//! How a graph changes.
//!
//! A [`Rewrite`] says *what* it looks for ([`Pattern`]) and *what* takes its place; it only adds. The driver ([`Rewriting`]) does the rest, and alone removes:
//! it matches, checks that nothing outside needs what goes away, that types agree, that names of outputs stay, and takes everything back on [`Skip`].
//! A [`Pass`] is any step over a whole model; a rewrite becomes one by [`Rewrite::pass`].
//!
//! An author of passes depends on this crate and on nothing heavier: `ir` and `ops` are re-exported.

pub mod check;
pub mod context;
pub mod diff;
pub mod driver;
pub mod edit;
pub mod matching;
pub mod notes;
pub mod pass;
pub mod pattern;
pub mod registry;
pub mod savings;
#[cfg(feature = "testing")]
pub mod testing;

pub use context::Context;
pub use driver::{Rewrite, Rewriting};
pub use edit::{Edit, Replacement, Skip};
pub use matching::Match;
pub use notes::Notes;
pub use pass::{Fidelity, Pass, PassError};
pub use pattern::{Pattern, any, constant, op, op_of};
pub use registry::{Level, Registry, Step};
pub use shrinx_ops as ops;
pub use shrinx_ops::ir;
