//! The float model that quantization starts from, and that calibration observes.

use crate::{Pipeline, PipelineError, PipelineOptions, Verify};
use shrinx_rewrite::{Registry, ir::Model};

/// The model after the standard passes of level 2. The same model gives the same bytes, so that statistics can be told to be of it.
pub fn prepare(registry: &Registry, model: Model) -> Result<Model, PipelineError> {
    let options = PipelineOptions { level: 2, verify: Verify::Off, ..PipelineOptions::default() };
    Ok(Pipeline::new(registry, &options)?.run(model).model)
}
