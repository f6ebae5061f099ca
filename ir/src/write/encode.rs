//! Model to proto structs: the reverse of `read`, field by field.

use super::WriteFault;
use crate::{
    attribute::{Attribute, AttributeValue},
    dtype::DataType,
    model::{Function, Model, NodeId, Opset, ScopeId, ValueId},
    tensor::{Tensor, TensorData},
    value::{Declaration, Length, Metadata, TensorType, TypeKind, ValueType},
};
use bytes::Bytes;
use shrinx_proto::{
    Message,
    onnx::{self, tensor_shape_proto::dimension, type_proto},
};

/// Says where a tensor goes: the entries of `external_data`, or inline.
pub(super) type Place<'a> = &'a mut dyn FnMut(&Tensor) -> Option<Vec<(String, String)>>;

pub(super) fn model(model: &Model, place: Place<'_>) -> Result<onnx::ModelProto, WriteFault> {
    let mut encoder = Encoder { model, place };
    let header = model.header();
    let decode_all = |all: &[Bytes]| all.iter().filter_map(|b| onnx::TrainingInfoProto::decode(b.clone()).ok()).collect();
    let mut proto = onnx::ModelProto {
        ir_version: header.ir_version,
        opset_import: opsets(&header.opsets),
        producer_name: header.producer_name.clone(),
        producer_version: header.producer_version.clone(),
        domain: header.domain.clone(),
        model_version: header.model_version,
        doc_string: header.doc.clone(),
        graph: Some(encoder.graph(Model::MAIN)?),
        metadata_props: metadata(&header.metadata),
        training_info: decode_all(&header.training_info),
        functions: Vec::new(),
        configuration: header.configuration.iter().filter_map(|b| onnx::DeviceConfigurationProto::decode(b.clone()).ok()).collect(),
    };
    for (scope, function) in model.functions() {
        proto.functions.push(encoder.function(scope, function)?);
    }
    Ok(proto)
}

/// One node, its bodies left out.
pub(super) fn node(model: &Model, id: NodeId) -> Result<onnx::NodeProto, WriteFault> {
    let mut encoder = Encoder { model, place: &mut |_| None };
    if model.node(id).bodies().next().is_some() {
        return Ok(onnx::NodeProto::default());
    }
    encoder.node(id)
}

/// One tensor, inline.
pub(super) fn tensor(tensor: &Tensor, name: &str) -> Result<onnx::TensorProto, WriteFault> {
    let model = Model::new(crate::Header::default());
    Encoder { model: &model, place: &mut |_| None }.tensor(tensor, Some(name))
}

struct Encoder<'a> {
    model: &'a Model,
    place: Place<'a>,
}

impl Encoder<'_> {
    fn graph(&mut self, id: ScopeId) -> Result<onnx::GraphProto, WriteFault> {
        let scope = self.model.scope(id);
        let mut proto = onnx::GraphProto {
            name: scope.name.clone(),
            doc_string: scope.doc.clone(),
            input: self.declarations(scope.inputs()),
            output: self.declarations(scope.outputs()),
            value_info: self.declarations(&scope.value_info),
            node: self.nodes(id)?,
            metadata_props: metadata(&scope.metadata),
            quantization_annotation: Vec::new(),
            initializer: Vec::new(),
            sparse_initializer: Vec::new(),
        };
        for (tensor_name, parameters) in &scope.quantization {
            let annotation =
                onnx::TensorAnnotation { tensor_name: tensor_name.clone(), quant_parameter_tensor_names: metadata(parameters) };
            proto.quantization_annotation.push(annotation);
        }
        for &value in scope.initializers() {
            let Some(tensor) = self.model.value(value).initializer.as_ref().filter(|_| self.model.value(value).alive) else { continue };
            let name = self.model.name(value);
            if matches!(tensor.data, TensorData::Sparse(_)) {
                proto.sparse_initializer.push(self.sparse(tensor, Some(name))?);
            } else {
                proto.initializer.push(self.tensor(tensor, Some(name))?);
            }
        }
        Ok(proto)
    }

    fn function(&mut self, id: ScopeId, function: &Function) -> Result<onnx::FunctionProto, WriteFault> {
        let scope = self.model.scope(id);
        let names = |all: &[Declaration]| all.iter().map(|d| self.model.name(d.value).to_string()).collect();
        Ok(onnx::FunctionProto {
            name: function.name.clone(),
            input: names(scope.inputs()),
            output: names(scope.outputs()),
            attribute: function.attributes.clone(),
            attribute_proto: function.attribute_defaults.iter().map(|a| self.attribute(a)).collect::<Result<_, _>>()?,
            node: self.nodes(id)?,
            doc_string: scope.doc.clone(),
            opset_import: opsets(&function.opsets),
            domain: function.domain.clone(),
            overload: function.overload.clone(),
            value_info: self.declarations(&scope.value_info),
            metadata_props: metadata(&scope.metadata),
        })
    }

    fn declarations(&self, all: &[Declaration]) -> Vec<onnx::ValueInfoProto> {
        let one = |d: &Declaration| onnx::ValueInfoProto {
            name: Some(self.model.name(d.value).to_string()),
            r#type: d.ty.as_ref().map(value_type),
            doc_string: d.doc.clone(),
            metadata_props: metadata(&d.metadata),
        };
        all.iter().map(one).collect()
    }

    fn nodes(&mut self, scope: ScopeId) -> Result<Vec<onnx::NodeProto>, WriteFault> {
        // A model that nobody touched goes out as it came in, even where its file was not sorted.
        let order = if self.model.revision() == 0 {
            self.model.nodes_in_file_order(scope)
        } else {
            self.model.nodes_in_order(scope).map_err(|_| WriteFault::Cycle)?
        };
        order.into_iter().map(|node| self.node(node)).collect()
    }

    fn node(&mut self, id: NodeId) -> Result<onnx::NodeProto, WriteFault> {
        let node = self.model.node(id);
        let name = |v: &Option<ValueId>| v.map_or(String::new(), |v| self.model.name(v).to_string());
        Ok(onnx::NodeProto {
            input: self.model.inputs(id).iter().map(name).collect(),
            output: self.model.outputs(id).iter().map(name).collect(),
            name: node.name.clone(),
            op_type: Some(node.op.op.clone()),
            domain: node.op.domain.clone(),
            overload: node.overload.clone(),
            attribute: node.attributes.iter().map(|a| self.attribute(a)).collect::<Result<_, _>>()?,
            doc_string: node.doc.clone(),
            metadata_props: metadata(&node.metadata),
            device_configurations: node.devices.iter().filter_map(|b| onnx::NodeDeviceConfigurationProto::decode(b.clone()).ok()).collect(),
        })
    }

    fn attribute(&mut self, attribute: &Attribute) -> Result<onnx::AttributeProto, WriteFault> {
        let kind = attribute.value.type_code();
        let mut proto = onnx::AttributeProto {
            name: Some(attribute.name.clone()),
            doc_string: attribute.doc.clone(),
            r#type: (!attribute.spelling.untyped).then_some(kind),
            ..Default::default()
        };
        let explicit = !attribute.spelling.implicit_default;
        match &attribute.value {
            AttributeValue::Float(f) => proto.f = explicit.then_some(*f),
            AttributeValue::Int(i) => proto.i = explicit.then_some(*i),
            AttributeValue::String(s) => proto.s = explicit.then(|| s.clone()),
            AttributeValue::Tensor(t) => proto.t = Some(self.tensor(t, t.name.as_deref())?),
            AttributeValue::Graph(scope) => proto.g = Some(self.graph(*scope)?),
            AttributeValue::SparseTensor(t) => proto.sparse_tensor = Some(self.sparse(t, None)?),
            AttributeValue::Type(t) => proto.tp = Some(value_type(t)),
            AttributeValue::Floats(f) => proto.floats.clone_from(f),
            AttributeValue::Ints(i) => proto.ints.clone_from(i),
            AttributeValue::Strings(s) => proto.strings.clone_from(s),
            AttributeValue::Tensors(t) => proto.tensors = t.iter().map(|t| self.tensor(t, t.name.as_deref())).collect::<Result<_, _>>()?,
            AttributeValue::Graphs(scopes) => proto.graphs = scopes.iter().map(|s| self.graph(*s)).collect::<Result<_, _>>()?,
            AttributeValue::SparseTensors(t) => proto.sparse_tensors = t.iter().map(|t| self.sparse(t, None)).collect::<Result<_, _>>()?,
            AttributeValue::Types(t) => proto.type_protos = t.iter().map(value_type).collect(),
            AttributeValue::Reference { name, .. } => proto.ref_attr_name = Some(name.clone()),
        }
        Ok(proto)
    }

    fn tensor(&mut self, tensor: &Tensor, name: Option<&str>) -> Result<onnx::TensorProto, WriteFault> {
        let mut proto = onnx::TensorProto {
            dims: tensor.dims.iter().map(|d| *d as i64).collect(),
            data_type: Some(tensor.dtype.code()),
            name: name.map(str::to_string),
            doc_string: tensor.doc.clone(),
            metadata_props: metadata(&tensor.metadata),
            data_location: tensor.explicit_location.then_some(0),
            ..Default::default()
        };
        if let Some(entries) = (self.place)(tensor) {
            proto.data_location = Some(1);
            proto.external_data = entries.into_iter().map(|(k, v)| onnx::StringStringEntryProto { key: Some(k), value: Some(v) }).collect();
            return Ok(proto);
        }
        match &tensor.data {
            TensorData::Empty => {}
            TensorData::Raw(bytes) => proto.raw_data = Some(bytes.clone()),
            TensorData::External(external) => proto.raw_data = Some(external.bytes.clone()),
            TensorData::Floats(v) => proto.float_data.clone_from(v),
            TensorData::Int32s(v) => proto.int32_data.clone_from(v),
            TensorData::Int64s(v) => proto.int64_data.clone_from(v),
            TensorData::Doubles(v) => proto.double_data.clone_from(v),
            TensorData::Uint64s(v) => proto.uint64_data.clone_from(v),
            TensorData::Strings(v) => proto.string_data.clone_from(v),
            TensorData::Sparse(_) | TensorData::Elided(_) => {
                return Err(WriteFault::Elided { place: format!("tensor `{}`", name.unwrap_or("")) });
            }
        }
        Ok(proto)
    }

    fn sparse(&mut self, tensor: &Tensor, name: Option<&str>) -> Result<onnx::SparseTensorProto, WriteFault> {
        let TensorData::Sparse(sparse) = &tensor.data else {
            return Err(WriteFault::Elided { place: format!("tensor `{}`", name.unwrap_or("")) });
        };
        Ok(onnx::SparseTensorProto {
            values: Some(self.tensor(&sparse.values, name.or(sparse.values.name.as_deref()))?),
            indices: sparse.indices.as_ref().map(|t| self.tensor(t, t.name.as_deref())).transpose()?,
            dims: tensor.dims.iter().map(|d| *d as i64).collect(),
        })
    }
}

fn opsets(all: &[Opset]) -> Vec<onnx::OperatorSetIdProto> {
    all.iter().map(|o| onnx::OperatorSetIdProto { domain: o.domain.clone(), version: o.version }).collect()
}

fn metadata(all: &Metadata) -> Vec<onnx::StringStringEntryProto> {
    all.iter().map(|(key, value)| onnx::StringStringEntryProto { key: key.clone(), value: value.clone() }).collect()
}

fn value_type(ty: &ValueType) -> onnx::TypeProto {
    let nested = |t: &Option<Box<ValueType>>| t.as_ref().map(|t| Box::new(value_type(t)));
    let value = match &ty.kind {
        TypeKind::Absent => None,
        TypeKind::Tensor(t) => {
            Some(type_proto::Value::TensorType(type_proto::Tensor { elem_type: t.dtype.map(DataType::code), shape: shape(t) }))
        }
        TypeKind::SparseTensor(t) => {
            Some(type_proto::Value::SparseTensorType(type_proto::SparseTensor { elem_type: t.dtype.map(DataType::code), shape: shape(t) }))
        }
        TypeKind::Sequence(t) => Some(type_proto::Value::SequenceType(Box::new(type_proto::Sequence { elem_type: nested(t) }))),
        TypeKind::Optional(t) => Some(type_proto::Value::OptionalType(Box::new(type_proto::Optional { elem_type: nested(t) }))),
        TypeKind::Map { key, value } => {
            Some(type_proto::Value::MapType(Box::new(type_proto::Map { key_type: key.map(DataType::code), value_type: nested(value) })))
        }
        TypeKind::Opaque { domain, name } => {
            Some(type_proto::Value::OpaqueType(type_proto::Opaque { domain: domain.clone(), name: name.clone() }))
        }
    };
    onnx::TypeProto { value, denotation: ty.denotation.clone() }
}

fn shape(ty: &TensorType) -> Option<onnx::TensorShapeProto> {
    let dims = ty.shape.as_ref()?;
    let dim = dims.iter().map(|d| onnx::tensor_shape_proto::Dimension {
        value: match &d.length {
            Length::Unset => None,
            Length::Number(n) => Some(dimension::Value::DimValue(*n)),
            Length::Name(name) => Some(dimension::Value::DimParam(name.clone())),
        },
        denotation: d.denotation.clone(),
    });
    Some(onnx::TensorShapeProto { dim: dim.collect() })
}
