//! From a model to bytes.
//!
//! The model is turned into proto structs whose tensors still alias the source, encoded into segments that keep long fields by reference, and written with
//! vectored writes into a temporary file that takes its place by a rename: a copy of weights is never made, and a half-written file is never seen.

mod encode;
mod fault;
mod file;
mod spill;

pub use fault::{WriteError, WriteFault};
pub use file::is_stream;

use crate::{
    Tensor,
    mapped::Segments,
    model::{Model, NodeId},
};
use bytes::Bytes;
use shrinx_proto::{Message, onnx};
use std::{io::Write, path::Path};

/// When tensors go to a file beside the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExternalData {
    /// Those that the source kept outside, and all long ones when the model would exceed 2 GB.
    #[default]
    Auto,
    /// All long ones.
    Always,
    /// None: a model above 2 GB is an error.
    Never,
}

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// When tensors go to a file beside the model.
    pub external_data: ExternalData,
    /// Replace files that exist.
    pub overwrite: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the model file.
    pub model: u64,
    /// Bytes of the file beside it; 0 where there is none.
    pub external: u64,
}

/// Bytes that a protobuf message may have (protobuf encoding guide).
pub const MAX_MODEL: u64 = i32::MAX as u64;

/// The model as one serialized `ModelProto`, all tensors inline.
pub fn to_bytes(model: &Model) -> Result<Bytes, WriteError> {
    let segments = encode(model).map_err(|fault| fault.at(Path::new("<memory>")))?;
    Ok(segments.concat().into())
}

/// Writes the model to a stream, all tensors inline.
pub fn to_stream(model: &Model, stream: &mut dyn Write) -> Result<Written, WriteError> {
    pour(model, stream).map_err(|fault| fault.at(Path::new("<stream>")))
}

fn pour(model: &Model, stream: &mut dyn Write) -> Result<Written, WriteFault> {
    let segments = encode(model)?;
    for segment in &segments {
        stream.write_all(segment)?;
    }
    stream.flush()?;
    Ok(Written { model: length(&segments), external: 0 })
}

/// Bytes that the model takes when serialized with all tensors inline; `None` where it cannot be serialized.
pub fn size(model: &Model) -> Option<u64> {
    Some(encode::model(model, &mut |_| None).ok()?.encoded_len() as u64)
}

/// Bytes that a node takes in the file, without the bodies it holds.
pub fn node_size(model: &Model, node: NodeId) -> u64 {
    encode::node(model, node).map_or(0, |n| delimited(n.encoded_len()))
}

/// Bytes that a tensor takes in the file as an initializer of this name.
pub fn tensor_size(tensor: &Tensor, name: &str) -> u64 {
    encode::tensor(tensor, name).map_or(0, |t| delimited(t.encoded_len()))
}

/// Bytes of a message with the field and the length before it.
fn delimited(length: usize) -> u64 {
    (1 + prost::length_delimiter_len(length) + length) as u64
}

fn encode(model: &Model) -> Result<Vec<Bytes>, WriteFault> {
    segments_of(&encode::model(model, &mut |_| None)?)
}

/// Writes the model to `path`, and `path.data` beside it where tensors go outside: data first, each by a rename. What [`is_stream`] is written to, with all
/// tensors inline.
pub fn write_file(model: &Model, path: &Path, options: &WriteOptions) -> Result<Written, WriteError> {
    write(model, path, options).map_err(|fault| fault.at(path))
}

/// Writes bytes to `path`, by a rename, as models are written. What [`is_stream`] is written to.
pub fn write_bytes(bytes: &[u8], path: &Path, overwrite: bool) -> Result<(), WriteError> {
    let write = || {
        if is_stream(path) {
            return Ok(std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes)?);
        }
        file::Pending::new(path, overwrite)?.write(&[Bytes::copy_from_slice(bytes)], &[])?.commit()
    };
    write().map_err(|fault: WriteFault| fault.at(path))
}

fn write(model: &Model, path: &Path, options: &WriteOptions) -> Result<Written, WriteFault> {
    if is_stream(path) {
        return pour(model, &mut std::fs::OpenOptions::new().write(true).open(path)?);
    }
    let inline = match options.external_data {
        ExternalData::Always => None,
        ExternalData::Auto if model.has_external_data => None,
        ExternalData::Auto | ExternalData::Never => match encode(model) {
            Err(WriteFault::TooLarge { .. }) if options.external_data == ExternalData::Auto => None,
            other => Some(other?),
        },
    };
    if let Some(segments) = inline {
        file::Pending::new(path, options.overwrite)?.write(&segments, &model.files)?.commit()?;
        return Ok(Written { model: length(&segments), external: 0 });
    }
    let mut spill = spill::Spill::new(path, &model.files)?;
    let everything = options.external_data == ExternalData::Always || !model.has_external_data || inline_size(model)? > MAX_MODEL;
    let segments = segments_of(&encode::model(model, &mut |tensor| spill.place(tensor, everything))?)?;
    let external = spill.length();
    let pending_model = file::Pending::new(path, options.overwrite)?.write(&segments, &model.files)?;
    if external > 0 {
        file::Pending::new(spill.path(), options.overwrite)?.write(spill.segments(), &model.files)?.commit()?;
    }
    pending_model.commit()?;
    Ok(Written { model: length(&segments), external })
}

/// Bytes of the model were the tensors that the source kept outside to stay outside, and all others inline.
fn inline_size(model: &Model) -> Result<u64, WriteFault> {
    let outside = |tensor: &crate::Tensor| matches!(tensor.data, crate::TensorData::External(_)).then(Vec::new);
    Ok(encode::model(model, &mut { outside })?.encoded_len() as u64)
}

fn segments_of(proto: &onnx::ModelProto) -> Result<Vec<Bytes>, WriteFault> {
    let size = proto.encoded_len() as u64;
    if size > MAX_MODEL {
        return Err(WriteFault::TooLarge { size });
    }
    let mut segments = Segments::new();
    proto.encode(&mut segments).map_err(|e| WriteFault::Io(std::io::Error::other(e)))?;
    Ok(segments.finish())
}

fn length(segments: &[Bytes]) -> u64 {
    segments.iter().map(|s| s.len() as u64).sum()
}
