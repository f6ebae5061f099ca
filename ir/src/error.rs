//! What every error of shrinx can tell of itself.

/// Who has to act. The exit code of the binary follows from it, in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line or a recipe is wrong.
    Usage,
    /// A file is missing, unreadable or broken.
    Input,
    /// Valid, and more than this version can do.
    Unsupported,
    /// A bound that the caller set was missed.
    Budget,
    /// Our own fault.
    Bug,
}

/// An error with a stable code, a kind, and advice.
pub trait Coded: std::error::Error {
    /// A stable code, as `E0103`.
    fn code(&self) -> &'static str;
    /// Who has to act.
    fn kind(&self) -> ErrorKind;
    /// What to do next.
    fn help(&self) -> Option<String> {
        None
    }
}
