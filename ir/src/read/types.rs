//! Declared types.

use super::ReadFault;
use crate::{
    dtype::DataType,
    value::{DeclaredDim, Length, TensorType, TypeKind, ValueType},
};
use shrinx_proto::onnx::{self, tensor_shape_proto::dimension, type_proto};

pub(super) fn value_type(proto: onnx::TypeProto, place: &str) -> Result<ValueType, ReadFault> {
    let nested = |t: Option<Box<onnx::TypeProto>>| t.map(|t| value_type(*t, place).map(Box::new)).transpose();
    let kind = match proto.value {
        None => TypeKind::Absent,
        Some(type_proto::Value::TensorType(t)) => TypeKind::Tensor(tensor_type(t.elem_type, t.shape, place)?),
        Some(type_proto::Value::SparseTensorType(t)) => TypeKind::SparseTensor(tensor_type(t.elem_type, t.shape, place)?),
        Some(type_proto::Value::SequenceType(t)) => TypeKind::Sequence(nested(t.elem_type)?),
        Some(type_proto::Value::OptionalType(t)) => TypeKind::Optional(nested(t.elem_type)?),
        Some(type_proto::Value::MapType(t)) => {
            TypeKind::Map { key: t.key_type.map(|c| data_type(c, place)).transpose()?, value: nested(t.value_type)? }
        }
        Some(type_proto::Value::OpaqueType(t)) => TypeKind::Opaque { domain: t.domain, name: t.name },
    };
    Ok(ValueType { kind, denotation: proto.denotation })
}

fn tensor_type(elem: Option<i32>, shape: Option<onnx::TensorShapeProto>, place: &str) -> Result<TensorType, ReadFault> {
    let dim = |d: onnx::tensor_shape_proto::Dimension| DeclaredDim {
        length: match d.value {
            None => Length::Unset,
            Some(dimension::Value::DimValue(n)) => Length::Number(n),
            Some(dimension::Value::DimParam(name)) => Length::Name(name),
        },
        denotation: d.denotation,
    };
    Ok(TensorType { dtype: elem.map(|c| data_type(c, place)).transpose()?, shape: shape.map(|s| s.dim.into_iter().map(dim).collect()) })
}

pub(super) fn data_type(code: i32, place: &str) -> Result<DataType, ReadFault> {
    DataType::from_code(code).ok_or_else(|| ReadFault::UnknownType { place: format!("`{place}`"), code })
}
