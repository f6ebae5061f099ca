//! Attributes of nodes, kept raw: what they mean is the business of the operator table.

use crate::{model::ScopeId, tensor::Tensor, value::ValueType};
use bytes::Bytes;

/// A named attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name, unique in its node.
    pub name: String,
    /// What it holds.
    pub value: AttributeValue,
    /// Documentation.
    pub doc: Option<String>,
    /// How the file spelled it, where it departs from the usual.
    pub spelling: Spelling,
}

/// Ways in which a file may spell an attribute that mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Spelling {
    /// The `type` field is absent (IR version 1).
    pub untyped: bool,
    /// A zero or an empty string is left out, as proto3 writers do.
    pub implicit_default: bool,
}

/// The content of an attribute (`AttributeProto`).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum AttributeValue {
    Float(f32),
    Int(i64),
    /// UTF-8 by convention, any bytes in fact.
    String(Bytes),
    Tensor(Tensor),
    /// The body of a control-flow operator.
    Graph(ScopeId),
    SparseTensor(Tensor),
    Type(ValueType),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Strings(Vec<Bytes>),
    Tensors(Vec<Tensor>),
    Graphs(Vec<ScopeId>),
    SparseTensors(Vec<Tensor>),
    Types(Vec<ValueType>),
    /// Inside a function: the attribute of the calling node that takes this place, and the type it has (`AttributeType`).
    Reference {
        name: String,
        kind: i32,
    },
}

impl AttributeValue {
    /// The number of its type in `AttributeProto.AttributeType`.
    pub fn type_code(&self) -> i32 {
        match self {
            Self::Float(_) => 1,
            Self::Int(_) => 2,
            Self::String(_) => 3,
            Self::Tensor(_) => 4,
            Self::Graph(_) => 5,
            Self::Floats(_) => 6,
            Self::Ints(_) => 7,
            Self::Strings(_) => 8,
            Self::Tensors(_) => 9,
            Self::Graphs(_) => 10,
            Self::SparseTensor(_) => 11,
            Self::SparseTensors(_) => 12,
            Self::Type(_) => 13,
            Self::Types(_) => 14,
            Self::Reference { kind, .. } => *kind,
        }
    }

    /// The scopes it holds.
    pub fn scopes(&self) -> &[ScopeId] {
        match self {
            Self::Graph(s) => std::slice::from_ref(s),
            Self::Graphs(all) => all,
            _ => &[],
        }
    }
}

impl Attribute {
    /// An attribute without documentation.
    pub fn new(name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Self { name: name.into(), value: value.into(), doc: None, spelling: Spelling::default() }
    }
}

macro_rules! into_attribute_value {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for AttributeValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
into_attribute_value!(f32 => Float, i64 => Int, String => String, &'static str => String, Tensor => Tensor, Vec<f32> => Floats, Vec<i64> => Ints, ScopeId => Graph);
