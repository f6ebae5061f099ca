//! Attributes: one value, of the type that the attribute declares.

use super::{GRAPH_PLACE, ReadFault, Reader, types};
use crate::{
    attribute::{Attribute, AttributeValue, Spelling},
    build::AttributeDraft,
};
use shrinx_proto::onnx::{self, attribute_proto::AttributeType as Type};

pub(super) fn read(reader: &mut Reader<'_>, proto: onnx::AttributeProto, place: &str) -> Result<AttributeDraft, ReadFault> {
    let name = proto.name.clone().unwrap_or_default();
    let wrong = |problem| ReadFault::Attribute { place: place.into(), name: name.clone(), problem };
    let filled = filled(&proto);
    let mut spelling = Spelling { untyped: proto.r#type.is_none(), implicit_default: false };
    let kind = match (proto.r#type, filled.as_slice()) {
        (Some(code), _) => Type::try_from(code).map_err(|_| wrong("a type that is not known"))?,
        (None, [only]) => *only,
        (None, _) => return Err(wrong("no type, and not one value")),
    };
    let inner = format!("{place}, attribute `{name}`");
    let doc = proto.doc_string.clone();
    let mut graphs = Vec::new();
    let value = if let Some(target) = proto.ref_attr_name.filter(|r| !r.is_empty()) {
        if !filled.is_empty() {
            return Err(wrong("a value beside a reference"));
        }
        AttributeValue::Reference { name: target, kind: kind as i32 }
    } else {
        if filled.iter().any(|f| *f != kind) {
            return Err(wrong("a value of another type than it declares"));
        }
        spelling.implicit_default = filled.is_empty() && matches!(kind, Type::Float | Type::Int | Type::String);
        match kind {
            Type::Undefined => return Err(wrong("no type")),
            Type::Float => AttributeValue::Float(proto.f.unwrap_or(0.0)),
            Type::Int => AttributeValue::Int(proto.i.unwrap_or(0)),
            Type::String => AttributeValue::String(proto.s.unwrap_or_default()),
            Type::Tensor => AttributeValue::Tensor(reader.tensor(proto.t.ok_or_else(|| wrong("no value"))?, &inner)?),
            Type::SparseTensor => {
                AttributeValue::SparseTensor(reader.sparse(proto.sparse_tensor.ok_or_else(|| wrong("no value"))?, &inner)?)
            }
            Type::TypeProto => AttributeValue::Type(types::value_type(proto.tp.ok_or_else(|| wrong("no value"))?, &inner)?),
            Type::Graph => {
                graphs.push(reader.graph(proto.g.ok_or_else(|| wrong("no value"))?)?);
                GRAPH_PLACE
            }
            Type::Floats => AttributeValue::Floats(proto.floats),
            Type::Ints => AttributeValue::Ints(proto.ints),
            Type::Strings => AttributeValue::Strings(proto.strings),
            Type::Tensors => {
                AttributeValue::Tensors(proto.tensors.into_iter().map(|t| reader.tensor(t, &inner)).collect::<Result<_, _>>()?)
            }
            Type::SparseTensors => {
                AttributeValue::SparseTensors(proto.sparse_tensors.into_iter().map(|t| reader.sparse(t, &inner)).collect::<Result<_, _>>()?)
            }
            Type::TypeProtos => {
                AttributeValue::Types(proto.type_protos.into_iter().map(|t| types::value_type(t, &inner)).collect::<Result<_, _>>()?)
            }
            Type::Graphs => {
                graphs = proto.graphs.into_iter().map(|g| reader.graph(g)).collect::<Result<_, _>>()?;
                AttributeValue::Graphs(Vec::new())
            }
        }
    };
    if name.is_empty() {
        return Err(wrong("no name"));
    }
    Ok(AttributeDraft { attribute: Attribute { name, value, doc, spelling }, graphs })
}

/// The types whose fields hold something.
fn filled(proto: &onnx::AttributeProto) -> Vec<Type> {
    [
        (proto.f.is_some(), Type::Float),
        (proto.i.is_some(), Type::Int),
        (proto.s.is_some(), Type::String),
        (proto.t.is_some(), Type::Tensor),
        (proto.g.is_some(), Type::Graph),
        (proto.sparse_tensor.is_some(), Type::SparseTensor),
        (proto.tp.is_some(), Type::TypeProto),
        (!proto.floats.is_empty(), Type::Floats),
        (!proto.ints.is_empty(), Type::Ints),
        (!proto.strings.is_empty(), Type::Strings),
        (!proto.tensors.is_empty(), Type::Tensors),
        (!proto.graphs.is_empty(), Type::Graphs),
        (!proto.sparse_tensors.is_empty(), Type::SparseTensors),
        (!proto.type_protos.is_empty(), Type::TypeProtos),
    ]
    .into_iter()
    .filter_map(|(there, kind)| there.then_some(kind))
    .collect()
}
