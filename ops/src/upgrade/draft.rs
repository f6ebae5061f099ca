//! The text of one node on its way to a newer opset.

use crate::{Facts, constant};
use shrinx_ir::{Attribute, AttributeValue, DataType, Dim, Model, NodeId, Tensor, ValueId};
use std::{borrow::Cow, fmt};

/// A reason why a node cannot be raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Cow<'static, str>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The optional input is left out.
    Absent,
    /// A value of the model.
    Value(ValueId),
    /// A constant that is to be added, under a name like this.
    New(&'static str, Tensor),
}

/// A node that is being rewritten, outside its model.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The model, as it was.
    pub model: &'a Model,
    /// What is known of its values.
    pub facts: &'a Facts,
    /// The node, as it was.
    pub node: NodeId,
    /// The operator.
    pub op: String,
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// The inputs.
    pub inputs: Vec<Source>,
    /// The axis at which the input is made a matrix first; the output gets the input's shape back.
    pub flattened: Option<i64>,
}

impl<'a> Draft<'a> {
    /// The text of a node as it stands.
    pub fn of(model: &'a Model, facts: &'a Facts, node: NodeId) -> Self {
        let inputs = model.inputs(node).into_iter().map(|v| v.map_or(Source::Absent, Source::Value)).collect();
        let text = model.node(node);
        Self { model, facts, node, op: text.op.op.clone(), attributes: text.attributes.clone(), inputs, flattened: None }
    }

    /// Whether anything differs from the node in the model.
    pub fn is_changed(&self) -> bool {
        let original = Self::of(self.model, self.facts, self.node);
        self.flattened.is_some() || self.op != original.op || self.attributes != original.attributes || self.inputs != original.inputs
    }

    /// Element type of an input.
    pub fn dtype(&self, port: usize) -> Option<DataType> {
        match self.inputs.get(port)? {
            Source::Absent => None,
            Source::Value(value) => self.facts.of(*value).dtype,
            Source::New(_, tensor) => Some(tensor.dtype),
        }
    }

    /// Shape of an input.
    pub fn shape(&self, port: usize) -> Option<Vec<Dim>> {
        match self.inputs.get(port)? {
            Source::Absent => None,
            Source::Value(value) => self.facts.of(*value).shape.clone(),
            Source::New(_, tensor) => Some(tensor.dims.iter().map(|d| Dim::Known(*d as i64)).collect()),
        }
    }

    /// The constant at an input.
    pub fn constant(&self, port: usize) -> Option<Tensor> {
        match self.inputs.get(port)? {
            Source::Absent => None,
            Source::Value(value) => constant(self.model, *value),
            Source::New(_, tensor) => Some(tensor.clone()),
        }
    }

    /// Connects an input; ports before it that do not exist yet are left out.
    pub fn set_input(&mut self, port: usize, source: Source) {
        if self.inputs.len() <= port {
            self.inputs.resize(port + 1, Source::Absent);
        }
        self.inputs[port] = source;
        while self.inputs.last() == Some(&Source::Absent) {
            self.inputs.pop();
        }
    }

    /// An attribute, as `read` takes it from its value. An attribute of another kind, or one that the caller of a function gives, is refused.
    pub fn get<T>(&self, name: &str, read: fn(&AttributeValue) -> Option<T>) -> Result<Option<T>, Refusal> {
        let Some(attribute) = self.attributes.iter().find(|a| a.name == name) else { return Ok(None) };
        match (&attribute.value, read(&attribute.value)) {
            (AttributeValue::Reference { .. }, _) => {
                Err(Refusal(format!("attribute `{name}` is given by the caller of the function").into()))
            }
            (_, None) => Err(Refusal(format!("attribute `{name}` has an unexpected type").into())),
            (_, found) => Ok(found),
        }
    }

    /// Likewise, and takes the attribute away.
    pub fn take<T>(&mut self, name: &str, read: fn(&AttributeValue) -> Option<T>) -> Result<Option<T>, Refusal> {
        let found = self.get(name, read)?;
        self.attributes.retain(|a| a.name != name);
        Ok(found)
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: impl Into<AttributeValue>) {
        match self.attributes.iter_mut().find(|a| a.name == name) {
            Some(attribute) => *attribute = Attribute::new(name, value),
            None => self.attributes.push(Attribute::new(name, value)),
        }
    }
}

pub(super) fn int(value: &AttributeValue) -> Option<i64> {
    if let AttributeValue::Int(i) = value { Some(*i) } else { None }
}

pub(super) fn ints(value: &AttributeValue) -> Option<Vec<i64>> {
    if let AttributeValue::Ints(i) = value { Some(i.clone()) } else { None }
}

pub(super) fn float(value: &AttributeValue) -> Option<f32> {
    if let AttributeValue::Float(f) = value { Some(*f) } else { None }
}

pub(super) fn floats(value: &AttributeValue) -> Option<Vec<f32>> {
    if let AttributeValue::Floats(f) = value { Some(f.clone()) } else { None }
}

pub(super) fn string(value: &AttributeValue) -> Option<String> {
    if let AttributeValue::String(s) = value { String::from_utf8(s.to_vec()).ok() } else { None }
}
