//! Constants: values with stored content.

use crate::{
    model::{Model, ScopeId, ValueId},
    node::Node,
    order::OrderKey,
    scope::ScopeKind,
    tensor::Tensor,
    value::{Declaration, Length, ValueType},
};

impl Model {
    /// Adds a value with stored content, under a fresh name.
    pub fn add_initializer(&mut self, scope: ScopeId, hint: &str, tensor: Tensor) -> ValueId {
        let name = self.fresh_name(hint);
        let value = self.add_value(scope, name);
        self.store(value, tensor);
        value
    }

    /// Stores the content of a value, which then needs no producer any more. Before IR version 4 it is listed as an input too, as the specification asks.
    /// Where there can be no initializers, a `Constant` makes the value.
    pub fn store(&mut self, id: ValueId, tensor: Tensor) {
        let scope = self.scope_of(id);
        if self.stores_in_nodes(scope) {
            // At the head of the scope: later readers stand anywhere.
            self.remake(id, OrderKey::default(), Node::constant(tensor), &[]);
            return;
        }
        self.detach(id);
        if self.lists_initializers(scope) && !self.is_input(id) {
            let ty = ValueType::tensor(tensor.dtype, tensor.dims.iter().map(|d| Length::Number(*d as i64)));
            self.declare_input(scope, Declaration { value: id, ty: Some(ty), doc: None, metadata: Vec::new() });
        }
        self.set_initializer(id, Some(tensor));
    }

    /// Whether nodes have to hold what a scope stores: in functions, and in bodies before IR version 4, whose initializers would be inputs.
    pub fn stores_in_nodes(&self, scope: ScopeId) -> bool {
        let body = matches!(self.scope(scope).kind, ScopeKind::Body(_));
        self.is_function(scope) || (body && self.header.ir_version.unwrap_or(0) < 4)
    }

    /// Whether a scope is a local function, which cannot store initializers.
    pub fn is_function(&self, scope: ScopeId) -> bool {
        matches!(self.scope(scope).kind, ScopeKind::Function(_))
    }

    /// Whether a value belongs to a local function, or to a body within one.
    pub fn is_in_function(&self, id: ValueId) -> bool {
        let scopes = std::iter::successors(Some(self.scope_of(id)), |s| self.scope(*s).parent);
        scopes.last().is_some_and(|s| self.is_function(s))
    }

    /// Whether initializers of a scope must be listed as inputs (ONNX IR specification, before version 4).
    pub(super) fn lists_initializers(&self, scope: ScopeId) -> bool {
        scope == Self::MAIN && self.header.ir_version.unwrap_or(0) < 4
    }

    /// Removes an initializer that nothing reads. One that a caller may override stays, and `false` comes back.
    pub fn drop_initializer(&mut self, id: ValueId) -> bool {
        let scope = self.scope_of(id);
        if self.use_count(id) > 0 || (self.is_input(id) && !self.lists_initializers(scope)) {
            return false;
        }
        self.touch();
        let value = self.value_quietly(id);
        (value.alive, value.is_input) = (false, false);
        true
    }

    /// Gives a value stored content, or takes it away.
    pub fn set_initializer(&mut self, id: ValueId, tensor: Option<Tensor>) {
        self.touch();
        let (had, has, scope) = (self.value(id).initializer.is_some(), tensor.is_some(), self.scope_of(id));
        self.value_quietly(id).initializer = tensor;
        if has && !had {
            self.scopes[scope.0 as usize].initializers.push(id);
        }
        if had && !has {
            self.scopes[scope.0 as usize].initializers.retain(|v| *v != id);
        }
    }
}
