//! The runtime that was asked for.

use super::{
    args::{Running, RuntimeName},
    error::CliError,
};
use shrinx_rewrite::{ir::Model, ops::Runtime};
use shrinx_runtime::{OnnxRuntime, Rten};

/// The runtime for values.
pub(super) fn chosen(running: &Running) -> Result<Box<dyn Runtime>, CliError> {
    Ok(match named(running)? {
        Named::Rten(rten) => Box::new(rten),
        Named::OnnxRuntime(runtime) => Box::new(runtime),
    })
}

/// The runtime for values, for so many sessions that run at a time.
pub(super) fn with_threads(running: &Running, threads: usize) -> Result<Named, CliError> {
    Ok(match named(running)? {
        Named::Rten(_) => Named::Rten(Rten::with_threads(threads)),
        Named::OnnxRuntime(runtime) => Named::OnnxRuntime(runtime),
    })
}

/// The runtime for measuring speed, with all that makes it fast.
pub(super) fn fast(running: &Running, threads: usize) -> Result<Named, CliError> {
    Ok(match named(running)? {
        Named::Rten(_) => Named::Rten(Rten::with_threads(threads).with_optimizer()),
        Named::OnnxRuntime(runtime) => Named::OnnxRuntime(runtime.with_threads(threads)),
    })
}

/// A runtime by its name, for what only one of them can do.
pub(super) enum Named {
    Rten(Rten),
    OnnxRuntime(OnnxRuntime),
}

/// The runtime for values, by its name.
pub(super) fn named(running: &Running) -> Result<Named, CliError> {
    match (running.runtime, &running.onnxruntime_lib) {
        (RuntimeName::Rten, None) => Ok(Named::Rten(Rten::default())),
        (RuntimeName::Rten, Some(_)) => Err(CliError::usage("--onnxruntime-lib is of no use to rten", "add --runtime onnxruntime")),
        (RuntimeName::Onnxruntime, library) => Ok(Named::OnnxRuntime(OnnxRuntime::load(library.as_deref())?)),
    }
}

impl Named {
    pub(super) fn as_dyn(&self) -> &dyn Runtime {
        match self {
            Self::Rten(rten) => rten,
            Self::OnnxRuntime(runtime) => runtime,
        }
    }

    pub(super) fn version(&self) -> &str {
        match self {
            Self::Rten(_) => Rten::VERSION,
            Self::OnnxRuntime(runtime) => runtime.version(),
        }
    }

    /// The model as it is run after the runtime's optimizations, of a runtime that shows it.
    pub(super) fn optimized(&self, model: &Model) -> Result<Option<Model>, CliError> {
        match self {
            Self::Rten(_) => Ok(None),
            Self::OnnxRuntime(runtime) => Ok(Some(runtime.optimized(model)?)),
        }
    }
}
