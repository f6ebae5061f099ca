//! Values whose content is known: initializers that nobody can override, and outputs of `Constant` nodes.

use crate::Call;
use shrinx_ir::{AttributeValue, DataType, Model, Tensor, TensorData, ValueId};
use std::sync::Arc;

/// The content of a value that no caller can change. The tensor aliases the model's; cloning it copies no elements.
pub fn constant(model: &Model, value: ValueId) -> Option<Tensor> {
    if let Some(tensor) = model.constant(value) {
        return Some(tensor.clone());
    }
    let (node, _) = model.producer(value)?;
    let node = model.node(node);
    if node.is("Constant") { constant_attribute(Call { node, opset: 0 }) } else { None }
}

/// What a `Constant` node holds (ONNX `Constant`, versions 1 to 25).
pub fn constant_attribute(call: Call<'_>) -> Option<Tensor> {
    let [attribute] = call.node.attributes.as_slice() else { return None };
    Some(match (attribute.name.as_str(), &attribute.value) {
        ("value", AttributeValue::Tensor(t)) => t.clone(),
        ("value_int", AttributeValue::Int(i)) => Tensor::from_i64([], &[*i]),
        ("value_ints", AttributeValue::Ints(i)) => Tensor::vector_i64(i),
        ("value_float", AttributeValue::Float(f)) => Tensor::from_f32([], &[*f]),
        ("value_floats", AttributeValue::Floats(f)) => Tensor::from_f32([f.len() as u64], f),
        ("value_string", AttributeValue::String(s)) => strings(vec![], vec![s.clone()]),
        ("value_strings", AttributeValue::Strings(s)) => strings(vec![s.len() as u64], s.clone()),
        _ => return None,
    })
}

fn strings(dims: Vec<u64>, data: Vec<shrinx_ir::Bytes>) -> Tensor {
    Tensor { data: TensorData::Strings(Arc::new(data)), ..Tensor::raw(DataType::String, dims, Vec::new()) }
}
