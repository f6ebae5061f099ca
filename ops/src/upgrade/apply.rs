//! Writing the rewritten nodes into the model. Nothing here can fail.

use super::{Draft, Source, ir_version};
use rustc_hash::FxHashMap;
use shrinx_ir::{
    Attribute, DataType, Header, Model, Node, NodeId, OpName, Opset, ScopeId, ScopeKind, Tensor, ValueId, node::normal_domain,
};

/// The new text of a node, free of the model that it was made from.
pub(super) struct Change {
    node: NodeId,
    op: String,
    attributes: Vec<Attribute>,
    inputs: Vec<Source>,
    flattened: Option<i64>,
}

impl Change {
    pub(super) fn of(draft: Draft<'_>) -> Self {
        Self { node: draft.node, op: draft.op, attributes: draft.attributes, inputs: draft.inputs, flattened: draft.flattened }
    }
}

/// Constants that were added: the same one serves all nodes of a scope.
type Added = FxHashMap<(ScopeId, DataType, Vec<u64>, Vec<u8>), ValueId>;

pub(super) fn apply(model: &mut Model, changes: Vec<Change>, to: i64) {
    // First, for a newer IR version lets bodies have initializers.
    raise_opsets(model, to);
    let mut added = Added::default();
    for change in changes {
        let node = model.node_mut(change.node);
        node.op.op = change.op;
        node.attributes = change.attributes;
        let before = model.inputs(change.node);
        for (port, source) in change.inputs.iter().enumerate() {
            let value = match source {
                Source::Absent => None,
                Source::Value(value) => Some(*value),
                Source::New(name, tensor) => Some(add_constant(model, &mut added, change.node, name, tensor)),
            };
            if before.get(port) != Some(&value) {
                model.set_input(change.node, port, value);
            }
        }
        model.truncate_inputs(change.node, change.inputs.len());
        if let Some(axis) = change.flattened {
            flatten_around(model, change.node, axis);
        }
    }
}

/// A constant in the scope of a node.
fn add_constant(model: &mut Model, added: &mut Added, reader: NodeId, name: &str, tensor: &Tensor) -> ValueId {
    let scope = model.node(reader).scope();
    let key = (scope, tensor.dtype, tensor.dims.clone(), tensor.to_bytes().unwrap_or_default().to_vec());
    if let Some(value) = added.get(&key) {
        return *value;
    }
    let value = model.add_initializer(scope, name, tensor.clone());
    added.insert(key, value);
    value
}

/// `y = f(x)` becomes `y = Reshape(f(Flatten(x, axis)), Shape(x))`.
fn flatten_around(model: &mut Model, node: NodeId, axis: i64) {
    let (Some(x), Some(y)) = (model.input(node, 0), model.outputs(node).first().copied().flatten()) else { return };
    let (scope, order) = (model.node(node).scope(), model.node(node).order());
    let make = |model: &mut Model, op: &str, attributes: Vec<Attribute>, inputs: &[Option<ValueId>], output: Option<ValueId>| {
        let output = output.unwrap_or_else(|| {
            let name = model.name(y).to_string();
            let name = model.fresh_name(&format!("{name}_{}", op.to_ascii_lowercase()));
            model.add_value(scope, name)
        });
        let order = model.order_after(order);
        model.add_node(scope, order, Node::new(OpName::onnx(op), attributes), inputs, &[Some(output)]);
        output
    };
    let matrix = make(model, "Flatten", vec![Attribute::new("axis", axis)], &[Some(x)], None);
    let shape = make(model, "Shape", vec![], &[Some(x)], None);
    let name = model.name(y).to_string();
    let name = model.fresh_name(&format!("{name}_matrix"));
    let made = model.add_value(scope, name);
    model.move_producer(y, made);
    model.set_input(node, 0, Some(matrix));
    make(model, "Reshape", vec![], &[Some(made), Some(shape)], Some(y));
}

fn raise_opsets(model: &mut Model, to: i64) {
    let raise = |opsets: &mut Vec<Opset>| {
        opsets.iter_mut().filter(|o| normal_domain(o.domain.as_deref()).is_empty()).for_each(|o| o.version = Some(to));
    };
    let functions: Vec<ScopeId> = model.functions().map(|(scope, _)| scope).collect();
    for scope in functions {
        if let ScopeKind::Function(function) = &mut model.scope_mut(scope).kind {
            raise(&mut function.opsets);
        }
    }
    let Header { ir_version: old, .. } = *model.header();
    let header = model.header_mut();
    raise(&mut header.opsets);
    header.ir_version = old.max(Some(ir_version(to)));
    if old.unwrap_or(0) < 4 && header.ir_version >= Some(4) {
        // There, being listed made an initializer a constant all the same; from version 4 on, a default that the caller may replace.
        model.withdraw_stored_inputs();
    }
}
