//! The nouns of shrinx: what an ONNX model consists of, and the border to bytes and text.
//!
//! A [`model::Model`] is one graph whose vertices are nodes and values. Bodies of control flow and local functions are [`model::Scope`]s in the same vertex
//! space. Nothing here knows an operator by name: what operators mean is told by the crate `shrinx-ops`.

pub mod attribute;
mod bounds;
mod build;
pub mod dim;
pub mod dtype;
mod edit;
pub mod error;
mod external;
mod mapped;
pub mod model;
pub mod node;
pub mod order;
pub mod read;
mod scope;
mod simplify;
pub mod tensor;
pub mod text;
pub mod value;
pub mod verify;
pub mod write;

pub use attribute::{Attribute, AttributeValue};
pub use build::BuildFault;
pub use bytes::Bytes;
pub use dim::{Derived, Dim, Symbol, Symbols};
pub use dtype::DataType;
pub use error::{Coded, ErrorKind};
pub use external::ExternalFault;
pub use model::{Function, Header, Model, NodeId, Opset, Ports, Scope, ScopeId, ScopeKind, ValueId};
pub use node::{Node, OpName};
pub use order::{Cycle, OrderKey};
pub use read::{ReadError, ReadFault, ReadOptions, read_bytes, read_file, read_tensor};
pub use tensor::{Tensor, TensorData};
pub use value::{Declaration, DeclaredDim, Length, Metadata, TensorType, TypeKind, Value, ValueType};
pub use write::{ExternalData, WriteError, WriteFault, WriteOptions, Written, to_bytes, to_stream, write_file};
