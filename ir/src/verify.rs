//! The invariants of a model: what every reader may rely upon and every edit must keep.

use crate::{
    build::describe,
    model::{Model, NodeId, ScopeId, ScopeKind, ValueId},
    value::ValueType,
};
use rustc_hash::FxHashSet;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Violation {
    #[error("node {node} reads `{name}`, which nothing makes")]
    Dangling { node: String, name: String },
    #[error("node {node} reads `{name}`, which is not visible where it stands")]
    Invisible { node: String, name: String },
    #[error("output `{name}` is made by nothing")]
    DanglingOutput { name: String },
    #[error("two values of one scope are named `{name}`")]
    DuplicateName { name: String },
    #[error("`{name}` is stored, and made by a node as well")]
    StoredAndMade { name: String },
    #[error("`{name}` is stored in a function, which has no initializers")]
    StoredInFunction { name: String },
    #[error("`{name}` is counted as used {counted} times, and used {found} times")]
    UseCount { name: String, counted: usize, found: usize },
    #[error("the nodes of a scope wait for each other in a cycle, {node} among them")]
    Cycle { node: String },
    #[error("the model's {what} changed from {before} to {after}")]
    Signature { what: &'static str, before: String, after: String },
}

/// What callers of a model see: names, declared types and order of its inputs and outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    inputs: Vec<(String, Option<ValueType>)>,
    outputs: Vec<(String, Option<ValueType>)>,
}

impl Signature {
    /// The signature of a model. Before IR version 4, initializers had to be listed as inputs; those are left out.
    pub fn of(model: &Model) -> Self {
        let main = model.scope(Model::MAIN);
        let entry = |d: &crate::Declaration| (model.name(d.value).to_string(), d.ty.clone());
        let given = |d: &&crate::Declaration| model.constant(d.value).is_none();
        Self { inputs: main.inputs().iter().filter(given).map(entry).collect(), outputs: main.outputs().iter().map(entry).collect() }
    }

    /// Where `after` departs from this one.
    pub fn compare(&self, after: &Self) -> Vec<Violation> {
        let sides = [("inputs", &self.inputs, &after.inputs), ("outputs", &self.outputs, &after.outputs)];
        let show = |side: &[(String, Option<ValueType>)]| side.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
        sides
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(what, before, after)| Violation::Signature { what, before: show(before), after: show(after) })
            .collect()
    }
}

/// Every broken invariant of a model; empty for a sound one. Linear in the model.
pub fn verify(model: &Model) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut reads = vec![0usize; model.index_bound()];
    for node in model.nodes() {
        for value in model.inputs(node).into_iter().flatten() {
            reads[value.index()] += 1;
            check_read(model, node, value, &mut found);
        }
    }
    for scope in model.scopes() {
        for output in model.scope(scope).outputs() {
            reads[output.value.index()] += 1;
            if !is_made(model, output.value) {
                found.push(Violation::DanglingOutput { name: model.name(output.value).into() });
            }
        }
        if let Err(cycle) = model.nodes_in_order(scope) {
            found.push(Violation::Cycle { node: describe(model.node(cycle.node)) });
        }
    }
    let mut names: FxHashSet<(ScopeId, &str)> = FxHashSet::default();
    for value in model.values().filter(|v| is_part(model, *v)) {
        let name = model.name(value);
        if !names.insert((model.scope_of(value), name)) {
            found.push(Violation::DuplicateName { name: name.into() });
        }
        if model.value(value).initializer.is_some() && model.producer(value).is_some() {
            found.push(Violation::StoredAndMade { name: name.into() });
        }
        if model.value(value).initializer.is_some() && model.is_function(model.scope_of(value)) {
            found.push(Violation::StoredInFunction { name: name.into() });
        }
        let counted = model.use_count(value);
        if counted != reads[value.index()] {
            found.push(Violation::UseCount { name: name.into(), counted, found: reads[value.index()] });
        }
    }
    found
}

fn check_read(model: &Model, node: NodeId, value: ValueId, found: &mut Vec<Violation>) {
    let (reader, name) = (model.node(node), model.name(value));
    if !is_made(model, value) {
        found.push(Violation::Dangling { node: describe(reader), name: name.into() });
    }
    if !model.encloses(model.scope_of(value), reader.scope()) {
        found.push(Violation::Invisible { node: describe(reader), name: name.into() });
    }
}

/// Whether something makes, stores or receives the value.
fn is_made(model: &Model, value: ValueId) -> bool {
    let v = model.value(value);
    v.alive && (v.is_input || v.initializer.is_some() || model.producer(value).is_some())
}

/// Whether the value belongs to a live scope, and is more than a name that only `value_info` mentions.
fn is_part(model: &Model, value: ValueId) -> bool {
    let scope = model.scope(model.scope_of(value));
    let owner_lives = !matches!(scope.kind, ScopeKind::Body(owner) if !model.is_alive(owner));
    scope.alive && owner_lives && (is_made(model, value) || model.use_count(value) > 0)
}
