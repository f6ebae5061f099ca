//! Models from files and from stdin.

use super::{args::Reading, error::CliError};
use shrinx_rewrite::ir::{Model, ReadOptions, read_bytes, read_file};
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Reads a model; `-` is stdin.
pub(super) fn read(path: &Path, reading: &Reading) -> Result<Model, CliError> {
    if !is_stream(path) {
        return Ok(read_file(path, &ReadOptions { allow_dirs: reading.allow_dir.clone() })?);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| CliError::usage(format!("<stdin>: {e}"), "pipe a model in"))?;
    Ok(read_bytes(bytes)?)
}

/// Reads two models, of which one may be stdin.
pub(super) fn read_both(a: &Path, b: &Path, reading: &Reading) -> Result<[Model; 2], CliError> {
    if is_stream(a) && is_stream(b) {
        return Err(CliError::usage("both models cannot come from stdin", "name a file for one of them"));
    }
    Ok([read(a, reading)?, read(b, reading)?])
}

/// Whether a path stands for stdin or stdout.
pub(super) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Bytes of a model file; of stdin, nothing is known.
pub(super) fn file_bytes(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
}

/// Whether both paths lead to one file.
pub(super) fn same_file(a: &Path, b: &Path) -> bool {
    let real = |p: &Path| -> Option<PathBuf> { p.canonicalize().ok() };
    real(a).is_some_and(|a| real(b) == Some(a))
}
