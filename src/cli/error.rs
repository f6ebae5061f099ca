//! Errors as people see them: a code, one sentence, help; and the exit code that follows from their kind.

use shrinx_rewrite::ir::{Coded, ErrorKind};
use std::fmt;

/// An error on its way to the terminal.
#[derive(Debug)]
pub(super) struct CliError {
    code: &'static str,
    kind: ErrorKind,
    message: String,
    help: Option<String>,
}

impl CliError {
    /// A wrong command line that clap cannot see.
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: "E0603", kind: ErrorKind::Usage, message: message.into(), help: Some(help.into()) }
    }

    /// What was measured is not what was asked for.
    pub(super) fn budget(message: impl Into<String>) -> Self {
        Self { code: "E0605", kind: ErrorKind::Budget, message: message.into(), help: None }
    }

    /// An error that is about a file and does not name it.
    pub(super) fn at(path: &std::path::Path, error: &impl Coded) -> Self {
        let message = format!("{}: {error}", path.display());
        Self { code: error.code(), kind: error.kind(), message, help: error.help() }
    }

    pub(super) fn stdout(error: &std::io::Error) -> Self {
        Self { code: "E0604", kind: ErrorKind::Input, message: format!("<stdout>: {error}"), help: None }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage | ErrorKind::Input | ErrorKind::Unsupported => 2,
            ErrorKind::Budget => 1,
            ErrorKind::Bug => 3,
        }
    }
}

impl<E: Coded> From<E> for CliError {
    fn from(error: E) -> Self {
        Self { code: error.code(), kind: error.kind(), message: error.to_string(), help: error.help() }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        match &self.help {
            Some(help) => writeln!(f, "  help: {help}"),
            None => Ok(()),
        }
    }
}
