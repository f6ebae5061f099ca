//! Values and their declared types (ONNX IR specification, "Values", `TypeProto`).

use crate::{dtype::DataType, model::ScopeId, tensor::Tensor};

/// A named value: an input, an initializer, or the output of a node.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its name, unique in its scope.
    pub name: String,
    /// Its content, when it is stored in the model. See [`crate::model::Model::constant`] for when that content may be relied upon.
    pub initializer: Option<Tensor>,
    pub(crate) scope: ScopeId,
    pub(crate) uses: u32,
    pub(crate) output_uses: u32,
    pub(crate) is_input: bool,
    pub(crate) alive: bool,
}

/// An entry in a scope's list of inputs, outputs or `value_info`: what the file declares of a value there.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// The value.
    pub value: crate::model::ValueId,
    /// Its declared type.
    pub ty: Option<ValueType>,
    /// Documentation.
    pub doc: Option<String>,
    /// `metadata_props`.
    pub metadata: Metadata,
}

/// Key and value pairs, in file order; either may be absent.
pub type Metadata = Vec<(Option<String>, Option<String>)>;

/// A `TypeProto`.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueType {
    /// What kind of thing it is.
    pub kind: TypeKind,
    /// The standard denotation, if declared.
    pub denotation: Option<String>,
}

/// The kinds of ONNX types.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TypeKind {
    /// A type message without a value.
    Absent,
    Tensor(TensorType),
    SparseTensor(TensorType),
    Sequence(Option<Box<ValueType>>),
    Optional(Option<Box<ValueType>>),
    Map {
        key: Option<DataType>,
        value: Option<Box<ValueType>>,
    },
    Opaque {
        domain: Option<String>,
        name: Option<String>,
    },
}

/// Element type and shape of a tensor, as declared.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TensorType {
    /// Element type.
    pub dtype: Option<DataType>,
    /// One entry an axis; `None` where not even the rank is declared.
    pub shape: Option<Vec<DeclaredDim>>,
}

/// The length of an axis as the file declares it, written back as it came.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeclaredDim {
    /// Its length.
    pub length: Length,
    /// The standard denotation, if declared.
    pub denotation: Option<String>,
}

/// A declared length.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Length {
    /// Nothing is declared.
    #[default]
    Unset,
    /// A number (`dim_value`); some exporters write -1 for unknown.
    Number(i64),
    /// A name (`dim_param`).
    Name(String),
}

impl ValueType {
    /// A tensor of this element type and these lengths.
    pub fn tensor(dtype: DataType, lengths: impl IntoIterator<Item = Length>) -> Self {
        let shape = lengths.into_iter().map(|length| DeclaredDim { length, denotation: None }).collect();
        Self { kind: TypeKind::Tensor(TensorType { dtype: Some(dtype), shape: Some(shape) }), denotation: None }
    }

    /// The tensor type, if it is one.
    pub fn as_tensor(&self) -> Option<&TensorType> {
        match &self.kind {
            TypeKind::Tensor(t) => Some(t),
            TypeKind::Absent
            | TypeKind::SparseTensor(_)
            | TypeKind::Sequence(_)
            | TypeKind::Optional(_)
            | TypeKind::Map { .. }
            | TypeKind::Opaque { .. } => None,
        }
    }
}
