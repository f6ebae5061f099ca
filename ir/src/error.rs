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

/// [`Coded`] for an error that speaks for others: which one, by pattern.
///
/// ```
/// # use shrinx_ir::{ReadError, WriteError, coded_by};
/// #[derive(Debug, thiserror::Error)]
/// enum CopyError {
///     #[error(transparent)]
///     Read(#[from] ReadError),
///     #[error("after {done} bytes: {source}")]
///     Write { done: u64, source: WriteError },
/// }
///
/// coded_by!(CopyError { Self::Read(source) => source, Self::Write { source, .. } => source });
/// ```
#[macro_export]
macro_rules! coded_by {
    ($error:ty $(where $parameter:ident: $bound:path)? { $($pattern:pat => $source:ident),+ $(,)? }) => {
        impl $(<$parameter: $bound + 'static>)? $crate::Coded for $error {
            fn code(&self) -> &'static str {
                match self {
                    $($pattern => $crate::Coded::code($source)),+
                }
            }

            fn kind(&self) -> $crate::ErrorKind {
                match self {
                    $($pattern => $crate::Coded::kind($source)),+
                }
            }

            fn help(&self) -> Option<String> {
                match self {
                    $($pattern => $crate::Coded::help($source)),+
                }
            }
        }
    };
}
