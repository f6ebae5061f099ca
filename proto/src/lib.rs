//! The wire: prost structs generated from `onnx.proto`, and a scanner that checks bytes before they are decoded.
//!
//! Nobody installs `protoc`: `build.rs` compiles the file with protox. `bytes` fields are `Bytes`, so that a tensor decoded from
//! a mapped file aliases that file. prost drops unknown fields without a word; [`scan::check`] names them first, and says where a damaged file breaks.

/// The generated types of package `onnx` (ONNX IR specification, `onnx.proto`).
#[allow(clippy::all, clippy::pedantic, missing_docs)]
pub mod onnx {
    include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
}

pub mod scan;

pub use prost::Message;
