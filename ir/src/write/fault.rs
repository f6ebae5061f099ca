//! What can keep a model from being written.

use crate::error::{Coded, ErrorKind};
use std::path::Path;

/// A model that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct WriteError {
    /// The file.
    pub file: String,
    /// What went wrong.
    pub fault: WriteFault,
}

/// What keeps a model from being written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum WriteFault {
    #[error("cannot be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("exists already")]
    Exists,
    #[error("is a {0}, which holds no model")]
    NoFile(&'static str),
    #[error("the model would have {size} bytes, and a protobuf file holds at most 2147483647")]
    TooLarge { size: u64 },
    #[error("{place}: its elements were left out of the text that the model was read from")]
    Elided { place: String },
    #[error("the nodes wait for each other in a cycle")]
    Cycle,
}

impl WriteFault {
    pub(super) fn at(self, path: &Path) -> WriteError {
        WriteError { file: path.display().to_string(), fault: self }
    }
}

impl Coded for WriteError {
    fn code(&self) -> &'static str {
        match self.fault {
            WriteFault::Io(_) => "E0201",
            WriteFault::Exists => "E0202",
            WriteFault::TooLarge { .. } => "E0203",
            WriteFault::Elided { .. } => "E0204",
            WriteFault::Cycle => "E0205",
            WriteFault::NoFile(_) => "E0206",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self.fault {
            WriteFault::Io(_) | WriteFault::TooLarge { .. } | WriteFault::Elided { .. } => ErrorKind::Input,
            WriteFault::Exists | WriteFault::NoFile(_) => ErrorKind::Usage,
            WriteFault::Cycle => ErrorKind::Bug,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self.fault {
            WriteFault::Io(_) => "check that the folder exists, is writable and has room; nothing was changed".into(),
            WriteFault::Exists => "choose another name, or pass --force to replace it".into(),
            WriteFault::NoFile(_) => "name a file, a pipe, or - for stdout".into(),
            WriteFault::TooLarge { .. } => "write the weights beside the model: --external-data auto".into(),
            WriteFault::Elided { .. } => "texts keep small tensors only; start from the .onnx file".into(),
            WriteFault::Cycle => return None,
        })
    }
}
