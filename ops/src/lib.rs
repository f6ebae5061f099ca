//! What each ONNX operator means, as rows of one table, and what follows from it: the facts of a model.
//!
//! An [`OpSpec`] is one row; a new operator is one row in its family's file, a new concern one column. An operator without a row is opaque and harmless:
//! [`OpSpec::UNKNOWN`]. [`OpTable`] is a value, so that a user adds rows of his own: `OpTable::standard().with(row)`.
//!
//! [`Facts`] (element types, shapes, known contents) are derived from a model and stand beside it, so that what a file declares and what was inferred are
//! never mixed up.

pub mod call;
pub mod channels;
pub mod constant;
pub mod contraction;
pub mod costs;
pub mod facts;
pub mod fold;
pub mod infer;
pub mod kernels;
pub mod linear;
pub mod patches;
pub mod quant;
pub mod runtime;
pub mod seeded;
pub mod shrink;
pub mod spec;
pub mod table;
pub mod upgrade;

mod families;
mod site;
#[cfg(test)]
mod testing;

pub use call::Call;
pub use channels::{Atoms, ChannelRule, Ties};
pub use constant::constant;
pub use contraction::{Bias, Contraction};
pub use facts::{Fact, Facts};
pub use fold::Fold;
pub use infer::{InferError, Inference, Inferred};
pub use linear::Linear;
pub use patches::Window;
pub use quant::{Int8, QuantRule};
pub use runtime::{Feeds, Runtime, RuntimeError, Session, Sink};
pub use seeded::{seeded_feeds, seeded_tensor};
pub use shrinx_ir as ir;
pub use spec::{Effects, OpSpec};
pub use table::OpTable;
pub use upgrade::{UpgradeError, upgrade};

/// A node as people find it: by its name, else by that of its first output.
pub fn label(model: &ir::Model, node: ir::NodeId) -> String {
    let name = model.node(node).name.clone().filter(|n| !n.is_empty());
    name.or_else(|| Some(model.name(model.outputs(node).into_iter().flatten().next()?).to_string())).unwrap_or_default()
}
