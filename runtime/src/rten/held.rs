//! Types and constants: what rten would compute in another precision, clip, or not find room for.

use super::{unsupported, unsupported_model, values};
use crate::part::Part;
use shrinx_ops::{
    Facts, RuntimeError, constant,
    ir::{Attribute, AttributeValue, DataType, Model, Node, Tensor, TensorData, ValueId},
};

/// Values of more elements are not made.
const MAX_ELEMENTS: i64 = 1 << 30;

/// Whether rten holds all values of the part as they are.
pub(super) fn check(model: &Model, facts: &Facts, part: &Part) -> Result<(), RuntimeError> {
    for value in part.values(model) {
        let refuse = |reason: String| match model.producer(value) {
            Some((node, _)) => unsupported(model, node, reason),
            None => unsupported_model(reason),
        };
        let (fact, name) = (facts.of(value), model.name(value));
        if let Some(dtype) = fact.dtype.filter(|t| !values::is_held(*t)) {
            return Err(refuse(format!("`{name}` has type {dtype}")));
        }
        let elements = fact.known_shape().map(|s| s.iter().try_fold(1i64, |n, d| n.checked_mul(*d)));
        if elements.is_some_and(|n| n.is_none_or(|n| n > MAX_ELEMENTS)) {
            return Err(refuse(format!("`{name}` has too many elements")));
        }
        if let Some(tensor) = constant(model, value) {
            held(model, value, &tensor).map_err(|reason| refuse(format!("`{name}`: {reason}")))?;
        }
    }
    for node in part.nodes(model).filter(|n| !model.node(*n).is("Constant")) {
        for attribute in &model.node(node).attributes {
            changed(model.node(node), attribute).map_err(|reason| unsupported(model, node, format!("`{}`: {reason}", attribute.name)))?;
        }
    }
    Ok(())
}

/// Whether an attribute names or holds what rten would change.
fn changed(node: &Node, attribute: &Attribute) -> Result<(), String> {
    let names_type =
        matches!(attribute.name.as_str(), "dtype" | "output_dtype") || attribute.name == "to" && (node.is("Cast") || node.is("BitCast"));
    match &attribute.value {
        AttributeValue::Tensor(tensor) => values::to_rten(tensor).map(|_| ()),
        AttributeValue::Int(code) if names_type && *code != 0 => {
            let dtype = i32::try_from(*code).ok().and_then(DataType::from_code);
            if dtype.is_some_and(values::is_held) { Ok(()) } else { Err(format!("type {}", dtype.map_or("?", DataType::name))) }
        }
        _ => Ok(()),
    }
}

/// Whether rten holds a constant without loss, or clips it where that does no harm: a bound of a slice.
fn held(model: &Model, value: ValueId, tensor: &Tensor) -> Result<(), String> {
    if !values::is_held(tensor.dtype) {
        return Err(format!("type {}", tensor.dtype));
    }
    if matches!(tensor.data, TensorData::Elided(_) | TensorData::Sparse(_)) {
        return Err("its elements are not at hand".into());
    }
    if tensor.dtype != DataType::Int64 || bounds_slices(model, value, 4) {
        return Ok(());
    }
    let wide = tensor.to_integers().and_then(|i| i.into_iter().find(|i| i32::try_from(*i).is_err()));
    wide.map_or(Ok(()), |i| Err(format!("{i} exceeds 32 bits")))
}

/// Whether every reader of a value is a `Slice` that takes it for a bound, perhaps by way of nodes that only gather bounds.
fn bounds_slices(model: &Model, value: ValueId, depth: usize) -> bool {
    !model.is_output(value)
        && model.uses(value).all(|(node, port)| {
            let reader = model.node(node);
            let gathers = ["Concat", "Identity", "Unsqueeze", "Squeeze", "Cast"].iter().any(|op| reader.is(op));
            let onward = || model.outputs(node).iter().flatten().all(|v| bounds_slices(model, *v, depth - 1));
            reader.is("Slice") && matches!(port, 1 | 2) || depth > 0 && gathers && onward()
        })
}
