//! Where a result goes.

use super::{error::CliError, input};
use std::path::Path;

/// Refuses, before any work is done, to replace what nobody said may be replaced.
pub(super) fn check(path: &Path, force: bool, sources: &[&Path]) -> Result<(), CliError> {
    if sources.iter().any(|source| input::same_file(source, path)) {
        return Err(CliError::usage(format!("{} is read too", path.display()), "choose another name for the result"));
    }
    if path.is_dir() {
        return Err(CliError::usage(format!("{} is a folder", path.display()), "name the file that the result goes to"));
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(CliError::usage(format!("{} exists already", path.display()), "choose another name, or pass --force to replace it"));
    }
    Ok(())
}
