//! Where a result goes: a file, which nobody sees before it is whole; stdout; or what is written through, as devices and named pipes are.

use super::{args::External, error::CliError, input};
use shrinx_rewrite::ir::{
    Model, WriteError, WriteFault, WriteOptions, Written, to_stream,
    write::{is_stream, write_bytes, write_file},
};
use std::{io::Write, path::Path};

/// A place that may be written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    path: &'a Path,
    overwrite: bool,
}

impl<'a> Target<'a> {
    /// Refuses, before any work is done, to replace what nobody said may be replaced, or what is read.
    pub(super) fn new(path: &'a Path, force: bool, sources: &[&Path]) -> Result<Self, CliError> {
        let target = Self { path, overwrite: force };
        if target.is_stdout() || is_stream(path) {
            return Ok(target);
        }
        if sources.iter().any(|source| input::same_file(source, path)) {
            return Err(CliError::usage(format!("{} is read too", path.display()), "choose another name for the result"));
        }
        if path.is_dir() {
            return Err(CliError::usage(format!("{} is a folder", path.display()), "name the file that the result goes to"));
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            let fault = WriteFault::Io(std::io::ErrorKind::NotFound.into());
            return Err(WriteError { file: path.display().to_string(), fault }.into());
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(CliError::usage(
                format!("{} exists already", path.display()),
                "choose another name, or pass --force to replace it",
            ));
        }
        Ok(target)
    }

    /// Refuses what would mix with the report on stdout.
    pub(super) fn beside_report(self, json: bool) -> Result<Self, CliError> {
        if json && self.is_stdout() {
            return Err(CliError::usage("result and report cannot both go to stdout", "give a file to -o"));
        }
        Ok(self)
    }

    /// Two results need two places.
    pub(super) fn apart_from(self, other: Option<Self>) -> Result<Self, CliError> {
        let same =
            |other: &Self| self.path == other.path || input::same_file(self.path, other.path) || (self.is_stdout() && other.is_stdout());
        match other.filter(|other| same(other) && !is_stream(self.path)) {
            Some(_) => Err(CliError::usage(format!("two results would go to {}", self.path.display()), "choose another name for one")),
            None => Ok(self),
        }
    }

    /// Its path.
    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Writes a model.
    pub(super) fn write_model(&self, model: &Model, external: External) -> Result<Written, CliError> {
        if self.is_stdout() {
            return Ok(to_stream(model, &mut std::io::stdout().lock())?);
        }
        Ok(write_file(model, self.path, &WriteOptions { external_data: external.into(), overwrite: self.overwrite })?)
    }

    /// Writes anything else.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        if self.is_stdout() {
            let mut stdout = std::io::stdout().lock();
            return stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| CliError::stdout(&e));
        }
        Ok(write_bytes(bytes, self.path, self.overwrite)?)
    }

    /// Whether it is stdout; by its other name, a file that stdout goes to would be replaced, not written.
    pub(super) fn is_stdout(&self) -> bool {
        input::is_stream(self.path) || self.path == Path::new("/dev/stdout")
    }
}
