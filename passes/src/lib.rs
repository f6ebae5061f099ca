//! The verbs of shrinx: one rewrite or one step a file, and the order in which they run.

pub mod cleanup;
pub mod fuse;
pub mod prepare;
pub mod prune;
pub mod quantize;

use shrinx_rewrite::{Level, Registry, Rewrite};

/// The standard passes, in order. The pipeline repeats the list until nothing changes.
#[rustfmt::skip]
pub fn standard() -> Registry {
    use Level::{One, Two};
    Registry::default()
        .with(One, Box::new(cleanup::EliminateDead))          // first: the rest need not look at what nobody reads
        .with(One, Box::new(cleanup::MaterializeShapes))      // before folding: what depends on known shapes becomes constant
        .with(One, Box::new(cleanup::FoldConstants))          // before fusions: they match on constants
        .with(Two, Box::new(prepare::RaiseOpset))              // after folding: inputs that have to be constant are by then
        .with(One, Box::new(cleanup::InlineConstantIf))       // after folding: conditions are constants by then
        .with(One, cleanup::EliminateIdentity.pass())         // before fusions: what stands between two operators goes
        .with(One, cleanup::MergeTransposes.pass())
        .with(One, cleanup::MergeReshapes.pass())
        .with(One, Box::new(cleanup::MergeDuplicates))        // before fusions: a value has one reader more often
        .with(One, fuse::FuseBatchNorm.pass())
        .with(One, fuse::FuseAffine.pass())                   // after batch norm: its scale and shift are folded by then
        .with(Two, prepare::FuseHardSwish.pass())
        .with(Two, Box::new(prepare::SinkFactors))            // after affine: what fits into the weights before goes there
        .with(Two, Box::new(prepare::SinkTerms))              // after factors: they stand between term and convolution
        .with(Two, prepare::MatMulAddToGemm.pass())
        .with(One, Box::new(cleanup::ShareInitializers))      // last but one: fusions have made their weights
        .with(One, Box::new(cleanup::EliminateDead))          // last: old weights go
}
