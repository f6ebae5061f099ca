//! Inputs and outputs of scopes.

use crate::{
    model::{Model, ScopeId, ValueId, Vertex},
    value::{Declaration, TensorType, TypeKind},
};

impl Model {
    /// Lets scope output `k` name another value. The name that callers see changes with it: for bodies and functions only.
    pub fn set_output(&mut self, scope: ScopeId, k: usize, value: ValueId) {
        self.touch();
        let old = std::mem::replace(&mut self.scopes[scope.0 as usize].outputs[k].value, value);
        self.value_quietly(old).output_uses -= 1;
        self.value_quietly(value).output_uses += 1;
    }

    /// Lets the main graph put out other values, in place of those it did: for copies that a runtime is to read values from.
    pub fn put_out(&mut self, values: &[ValueId]) {
        self.touch();
        let old = std::mem::take(&mut self.scopes[0].outputs);
        for declaration in &old {
            self.value_quietly(declaration.value).output_uses -= 1;
        }
        for &value in values {
            let known = old.iter().find(|d| d.value == value).cloned();
            self.declare_output(Self::MAIN, known.unwrap_or(Declaration { value, ty: None, doc: None, metadata: Vec::new() }));
        }
    }

    /// Shows every declared type of inner and stored values to `change`: of those that are neither given nor asked for by callers.
    pub fn redeclare(&mut self, mut change: impl FnMut(ValueId, &mut TensorType)) {
        self.touch();
        let graph = &self.graph;
        let stored = |d: &&mut Declaration| matches!(&graph[d.value.0], Vertex::Value(value) if value.initializer.is_some());
        for scope in &mut self.scopes {
            for declaration in scope.inputs.iter_mut().filter(stored).chain(&mut scope.value_info) {
                if let Some(TypeKind::Tensor(ty)) = declaration.ty.as_mut().map(|t| &mut t.kind) {
                    change(declaration.value, ty);
                }
            }
        }
    }

    pub(crate) fn declare_input(&mut self, scope: ScopeId, declaration: Declaration) {
        self.value_quietly(declaration.value).is_input = true;
        self.scopes[scope.0 as usize].inputs.push(declaration);
    }

    /// Takes values with stored content off the list of inputs of the main graph: they become constants.
    pub fn withdraw_stored_inputs(&mut self) {
        self.touch();
        let inputs = std::mem::take(&mut self.scopes[0].inputs);
        let (stored, inputs): (Vec<Declaration>, Vec<Declaration>) =
            inputs.into_iter().partition(|d| self.value(d.value).initializer.is_some());
        for declaration in stored {
            self.value_quietly(declaration.value).is_input = false;
        }
        self.scopes[0].inputs = inputs;
    }

    pub(crate) fn declare_output(&mut self, scope: ScopeId, declaration: Declaration) {
        self.value_quietly(declaration.value).output_uses += 1;
        self.scopes[scope.0 as usize].outputs.push(declaration);
    }
}
