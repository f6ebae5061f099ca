//! One use of an operator: its attributes, read with their defaults, and the opset that gives them meaning.

use shrinx_ir::{AttributeValue, DataType, Node, Tensor};

/// A node together with the version of the operator set that it is written in.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The node.
    pub node: &'a Node,
    /// The opset version of the node's domain.
    pub opset: i64,
}

impl<'a> Call<'a> {
    /// An int attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.node.attribute(name) {
            Some(AttributeValue::Int(i)) => Some(*i),
            _ => None,
        }
    }

    /// A float attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.node.attribute(name) {
            Some(AttributeValue::Float(f)) => Some(*f),
            _ => None,
        }
    }

    /// A list of ints.
    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        match self.node.attribute(name) {
            Some(AttributeValue::Ints(i)) => Some(i),
            _ => None,
        }
    }

    /// A list of floats.
    pub fn floats(&self, name: &str) -> Option<&'a [f32]> {
        match self.node.attribute(name) {
            Some(AttributeValue::Floats(f)) => Some(f),
            _ => None,
        }
    }

    /// An int attribute that names an element type; `None` where it is absent, zero, or no such type.
    pub fn dtype(&self, name: &str) -> Option<DataType> {
        DataType::from_code(i32::try_from(self.int(name)?).ok()?).filter(|t| *t != DataType::Undefined)
    }

    /// A string attribute that is UTF-8.
    pub fn string(&self, name: &str) -> Option<&'a str> {
        match self.node.attribute(name) {
            Some(AttributeValue::String(s)) => std::str::from_utf8(s).ok(),
            _ => None,
        }
    }

    /// A tensor attribute.
    pub fn tensor(&self, name: &str) -> Option<&'a Tensor> {
        match self.node.attribute(name) {
            Some(AttributeValue::Tensor(t)) => Some(t),
            _ => None,
        }
    }

    /// Whether an attribute takes its value from the caller of the function around it: then nothing may be concluded from it.
    pub fn has_references(&self) -> bool {
        self.node.attributes.iter().any(|a| matches!(a.value, AttributeValue::Reference { .. }))
    }
}

/// `axis` counted from the front; `None` where it is out of range for `rank` axes (`rank` itself is in range for `insert`).
pub fn normal_axis(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|a| *a < rank)
}
