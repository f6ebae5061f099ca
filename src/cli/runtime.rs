//! The runtime that was asked for.

use super::{
    args::{Running, RuntimeName},
    error::CliError,
};
use shrinx_rewrite::ops::Runtime;
use shrinx_runtime::{OnnxRuntime, Rten};

pub(super) fn chosen(running: &Running) -> Result<Box<dyn Runtime>, CliError> {
    match (running.runtime, &running.onnxruntime_lib) {
        (RuntimeName::Rten, None) => Ok(Box::new(Rten::default())),
        (RuntimeName::Rten, Some(_)) => Err(CliError::usage("--onnxruntime-lib is of no use to rten", "add --runtime onnxruntime")),
        (RuntimeName::Onnxruntime, library) => Ok(Box::new(OnnxRuntime::load(library.as_deref())?)),
    }
}
