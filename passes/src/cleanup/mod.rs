//! Passes that make a graph smaller and leave its arithmetic alone.

mod eliminate_dead;
mod eliminate_identity;
mod fold_constants;
mod inline_constant_if;
mod materialize_shapes;
mod merge_duplicates;
mod merge_reshapes;
mod merge_transposes;
mod share_initializers;

pub use eliminate_dead::EliminateDead;
pub use eliminate_identity::EliminateIdentity;
pub use fold_constants::FoldConstants;
pub use inline_constant_if::InlineConstantIf;
pub use materialize_shapes::MaterializeShapes;
pub use merge_duplicates::MergeDuplicates;
pub use merge_reshapes::MergeReshapes;
pub use merge_transposes::MergeTransposes;
pub use share_initializers::ShareInitializers;
