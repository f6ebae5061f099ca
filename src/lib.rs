//! shrinx makes ONNX models smaller and faster before deployment.
//!
//! The facade: [`read_file`], a [`Pipeline`] of passes, [`write_file`]. The command line is [`cli::main_with`], for a registry of one's own passes too.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = shrinx::read_file("fixtures/models/fashion_resnet.onnx".as_ref(), &Default::default())?;
//! let registry = shrinx::standard();
//! let outcome = shrinx::Pipeline::new(&registry, &shrinx::PipelineOptions::default())?.run(model);
//! assert!(outcome.report.after.nodes < outcome.report.before.nodes);
//! # Ok(())
//! # }
//! ```

pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compare;
pub mod costs;
pub mod exclude;
pub mod heavy;
pub mod machine;
mod nearest;
pub mod pipeline;
mod prepare;
pub mod prune;
pub mod quantize;
pub mod recipe;
pub mod report;
pub mod summary;
pub mod timing;

pub use pipeline::{Outcome, Pipeline, PipelineError, PipelineOptions, Verify};
pub use prepare::prepare;
pub use shrinx_passes::standard;
pub use shrinx_rewrite as rewrite;
pub use shrinx_rewrite::{
    ir,
    ir::{ReadOptions, WriteOptions, read_bytes, read_file, to_bytes, write_file},
    ops,
};
