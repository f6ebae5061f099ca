//! What can be wrong with a model file.

use crate::{
    build::BuildFault,
    error::{Coded, ErrorKind},
    external::ExternalFault,
};
use shrinx_proto::scan::{Fault, MAX_DEPTH, Problem};

/// A file that could not be read as a model.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct ReadError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub fault: ReadFault,
}

/// What is wrong with a model file.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ReadFault {
    #[error("cannot be opened: {0}")]
    Io(std::io::Error),
    #[error("is a folder, not a model file")]
    Folder,
    #[error("is empty")]
    Empty,
    #[error("is not an ONNX model: byte {offset} of {path} is {problem}")]
    Malformed { path: String, offset: usize, problem: &'static str },
    #[error("truncated: it ends within {path} (from byte {offset} on); at least {missing} bytes are missing after the {size} there are")]
    Truncated { path: String, offset: usize, missing: u64, size: usize },
    #[error("field {number} of {message} at byte {offset} ({path}) is not known to this version of ONNX")]
    UnknownField { path: String, offset: usize, message: &'static str, number: u32 },
    #[error("more than {MAX_DEPTH} messages nest at byte {offset}")]
    TooDeep { offset: usize },
    #[error("cannot be decoded: {0}")]
    Decode(String),
    #[error("is not an ONNX model: it has no graph")]
    NoGraph,
    #[error("names no operator set")]
    NoOpset,
    #[error("node {index} has no operator type")]
    NoOp { index: usize },
    #[error("{place}: element type {code} is not known")]
    UnknownType { place: String, code: i32 },
    #[error("{place}: {problem}")]
    Tensor { place: String, problem: String },
    #[error("{place}: attribute `{name}` has {problem}")]
    Attribute { place: String, name: String, problem: &'static str },
    #[error("{place}: {source}")]
    External { place: String, source: ExternalFault },
    #[error(transparent)]
    Build(#[from] BuildFault),
}

pub(super) fn of_scan(fault: Fault, size: usize) -> ReadFault {
    let Fault { path, offset, problem } = fault;
    match problem {
        Problem::Truncated { missing } => ReadFault::Truncated { path, offset, missing, size },
        Problem::UnknownField { message, number } => ReadFault::UnknownField { path, offset, message, number },
        Problem::Malformed(problem) => ReadFault::Malformed { path, offset, problem },
        Problem::TooDeep => ReadFault::TooDeep { offset },
    }
}

impl Coded for ReadError {
    fn code(&self) -> &'static str {
        match &self.fault {
            ReadFault::Io(_) | ReadFault::Folder => "E0101",
            ReadFault::Empty | ReadFault::NoGraph | ReadFault::Malformed { .. } | ReadFault::Decode(_) => "E0102",
            ReadFault::Truncated { .. } => "E0103",
            ReadFault::UnknownField { .. } => "E0104",
            ReadFault::TooDeep { .. } => "E0105",
            ReadFault::NoOpset | ReadFault::NoOp { .. } => "E0106",
            ReadFault::UnknownType { .. } => "E0107",
            ReadFault::Tensor { .. } => "E0108",
            ReadFault::Attribute { .. } => "E0109",
            ReadFault::Build(_) => "E0110",
            ReadFault::External { .. } => "E0120",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn help(&self) -> Option<String> {
        let text = match &self.fault {
            ReadFault::Io(_) => "check the path and its permissions",
            ReadFault::Folder => "name the .onnx file in it",
            ReadFault::Empty | ReadFault::Truncated { .. } => {
                "copy or download the file again, and compare its size or checksum with the source"
            }
            ReadFault::Malformed { .. } | ReadFault::NoGraph | ReadFault::Decode(_) => {
                "only serialized ONNX models (.onnx) are read; was it fetched whole, and not as a web page or a Git LFS pointer?"
            }
            ReadFault::UnknownField { .. } => {
                "the file is damaged, or written by a newer ONNX release: dropping what is not understood could change the model"
            }
            ReadFault::TooDeep { .. } => "flatten the nested control flow",
            ReadFault::External {
                source: ExternalFault::Outside { .. } | ExternalFault::Symlink { .. } | ExternalFault::HardLink { .. },
                ..
            } => "copy the data into the model's folder, or name the folder that holds it with --allow-dir if you trust the model",
            ReadFault::External { .. } => "external data must lie beside the model, unchanged since it was written",
            ReadFault::NoOpset
            | ReadFault::NoOp { .. }
            | ReadFault::UnknownType { .. }
            | ReadFault::Tensor { .. }
            | ReadFault::Attribute { .. }
            | ReadFault::Build(_) => "the file is damaged, or its exporter wrote an invalid model; `onnx.checker` may say more",
        };
        Some(text.into())
    }
}
