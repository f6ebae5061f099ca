//! What a node owes to a cut: after axes of its ports have lost indices, its attributes and shape constants tell the old lengths, and are rewritten here.
//!
//! A rule sees which indices each axis of each port has lost, and what was known before. It changes numbers that speak of lengths and places, and nothing
//! else: weights have been cut already. Lengths that it need not touch, as the 0 and -1 of a `Reshape` and what is computed when the model runs, stay.

mod blocks;
mod conv;
mod heads;
mod index;
mod lengths;
mod recurrent;

pub(crate) use conv::{conv, conv_transpose, qlinear_conv};
pub(crate) use heads::{attention, group_normalization};
pub(crate) use index::{gather, slice, split};
pub(crate) use lengths::{expand, first_input, reshape, resize};
pub(crate) use recurrent::recurrent;

use crate::{Call, Fact, Facts, OpTable, call::normal_axis, channels::Port, constant, kernels::Grid, site::Plan};
use shrinx_ir::{Attribute, AttributeValue, DataType, Dim, Model, Node, NodeId, OpName, Tensor, ValueId};
use std::borrow::Cow;

/// A rule: what a node owes to a cut.
pub type Rule = fn(&mut Shrink<'_>) -> Result<(), Unfit>;

/// Why a node cannot follow a cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub Cow<'static, str>);

impl Unfit {
    /// For this reason.
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

/// Sorted indices that an axis of a value has lost.
pub type Lost<'a> = dyn Fn(ValueId, usize) -> &'a [usize] + 'a;

/// A node in a model whose weights have been cut, and whose earlier nodes have followed.
pub struct Shrink<'a> {
    model: &'a mut Model,
    node: NodeId,
    ops: &'a OpTable,
    lost: &'a Lost<'a>,
    before: &'a Facts,
    after: &'a mut Facts,
}

impl<'a> Shrink<'a> {
    /// The node `node` after a cut; facts `before` it, and `after` it of what the node reads.
    pub fn of(model: &'a mut Model, node: NodeId, ops: &'a OpTable, lost: &'a Lost<'a>, before: &'a Facts, after: &'a mut Facts) -> Self {
        Self { model, node, ops, lost, before, after }
    }

    fn call(&self) -> Call<'_> {
        let node = self.model.node(self.node);
        Call { node, opset: self.model.opset(node.scope(), node.op.domain()).unwrap_or(0) }
    }

    fn value(&self, at: Port) -> Option<ValueId> {
        match at {
            Port::In(port) => self.model.input(self.node, port),
            Port::Out(port) => self.model.outputs(self.node).get(port).copied().flatten(),
        }
    }

    /// What was known before the cut.
    fn fact(&self, at: Port) -> &Fact {
        self.value(at).map_or(&Fact::UNKNOWN, |v| self.before.of(v))
    }

    fn rank(&self, at: Port) -> Result<usize, Unfit> {
        self.fact(at).rank().ok_or(Unfit::because("a rank is not known"))
    }

    /// An attribute `axis`, counted from the front.
    fn axis(&self, default: i64, at: Port) -> Result<usize, Unfit> {
        let axis = self.call().int("axis").unwrap_or(default);
        normal_axis(axis, self.rank(at)?).ok_or(Unfit::because("its axis is not there"))
    }

    fn lost(&self, at: Port, axis: usize) -> &'a [usize] {
        self.value(at).map_or(&[], |v| (self.lost)(v, axis))
    }

    /// The length before the cut.
    fn length(&self, at: Port, axis: usize) -> Result<usize, Unfit> {
        let length = self.fact(at).shape.as_ref().and_then(|s| s.get(axis)?.known());
        length.and_then(|n| usize::try_from(n).ok()).ok_or(Unfit::because("a length is not known"))
    }

    /// The length after the cut.
    fn remaining(&self, at: Port, axis: usize) -> Result<usize, Unfit> {
        Ok(self.length(at, axis)?.saturating_sub(self.lost(at, axis).len()))
    }

    /// The indices that an axis keeps.
    fn kept(&self, at: Port, axis: usize) -> Result<Vec<usize>, Unfit> {
        Ok(kept(self.length(at, axis)?, self.lost(at, axis)))
    }

    /// The numbers at an integer input, as they were; `None` where they are not known or nothing is connected.
    fn numbers(&self, port: usize) -> Option<Vec<i64>> {
        let value = self.value(Port::In(port))?;
        let contents = || self.before.of(value).contents.as_ref()?.iter().map(Dim::known).collect();
        self.constant(port).and_then(|t| t.to_integers()).or_else(contents)
    }

    /// The list that is the attribute `name` in opsets before `moved`, and an input from then on.
    fn list(&self, name: &str, port: usize, moved: i64) -> Option<Vec<i64>> {
        if self.call().opset < moved { self.call().ints(name).map(<[i64]>::to_vec) } else { self.numbers(port) }
    }

    fn constant(&self, port: usize) -> Option<Tensor> {
        constant(self.model, self.value(Port::In(port))?)
    }

    fn set_attribute(&mut self, name: &str, value: impl Into<AttributeValue>) {
        let value = value.into();
        let attributes = &mut self.model.node_mut(self.node).attributes;
        match attributes.iter_mut().find(|a| a.name == name) {
            Some(attribute) => attribute.value = value,
            None => attributes.push(Attribute::new(name, value)),
        }
    }

    fn drop_attribute(&mut self, name: &str) {
        self.model.node_mut(self.node).attributes.retain(|a| a.name != name);
    }

    /// Sets a list that is the attribute `name` in opsets before `moved`, and an input from then on.
    fn set_list(&mut self, name: &str, port: usize, moved: i64, numbers: Vec<i64>) -> Result<(), Unfit> {
        if self.call().opset < moved {
            self.set_attribute(name, numbers);
            return Ok(());
        }
        let like = self.value(Port::In(port)).map(|v| self.before.of(v).clone()).unwrap_or_default();
        let dims = like.known_shape().map_or_else(|| vec![numbers.len() as u64], |s| s.iter().map(|n| *n as u64).collect());
        let tensor = Tensor::from_integers(like.dtype.unwrap_or(DataType::Int64), dims, &numbers);
        self.set_constant(port, tensor.ok_or(Unfit::because("a list of lengths is no list of integers"))?);
        Ok(())
    }

    /// Lets an input be this constant: in place where nothing else reads it, else as a copy.
    fn set_constant(&mut self, port: usize, tensor: Tensor) {
        let old = self.value(Port::In(port));
        let own = old.filter(|v| self.model.use_count(*v) == 1 && constant(self.model, *v).is_some());
        if let Some(value) = own {
            self.after.set(value, Fact::of_tensor(&tensor));
            replace_constant(self.model, value, tensor);
        } else if let Some(like) = old.or(self.value(Port::Out(0))) {
            let value = self.add_constant(like, tensor);
            self.model.set_input(self.node, port, Some(value));
        }
    }

    /// Adds a constant of numbers that a node added here is to read.
    fn add_constant(&mut self, like: ValueId, tensor: Tensor) -> ValueId {
        let (fact, hint) = (Fact::of_tensor(&tensor), self.model.name(like).to_string());
        let value = self.model.add_initializer(self.model.node(self.node).scope(), &hint, tensor);
        self.after.set(value, fact);
        value
    }

    /// Adds a node in front of this one, with one output; the inputs must be known to `after`.
    fn add_before(&mut self, op: &str, attributes: Vec<Attribute>, inputs: [ValueId; 2]) -> ValueId {
        let (place, scope) = (self.model.node(self.node).order(), self.model.node(self.node).scope());
        let hint = self.model.name(inputs[0]).to_string();
        let name = self.model.fresh_name(&hint);
        let output = self.model.add_value(scope, name);
        let order = self.model.order_after(place);
        let node = Node::new(OpName::onnx(op), attributes);
        let node = self.model.add_node(scope, order, node, &inputs.map(Some), &[Some(output)]);
        self.after.node(self.model, self.ops, node);
        output
    }
}

/// The indices of an axis without those that are lost.
pub fn kept(length: usize, lost: &[usize]) -> Vec<usize> {
    let mut gone = lost.iter().copied().peekable();
    let mut keeps = |k: &usize| {
        while gone.next_if(|g| g < k).is_some() {}
        gone.peek() != Some(k)
    };
    (0..length).filter(|k| keeps(k)).collect()
}

/// A tensor without the indices that its axes lose, given as axis and sorted indices. `None` where its elements cannot be moved.
pub fn without(tensor: &Tensor, lost: &[(usize, &[usize])]) -> Option<Tensor> {
    let mut movement = Grid::of(&tensor.dims)?;
    for (axis, lost) in lost {
        let length = usize::try_from(*tensor.dims.get(*axis)?).ok()?;
        movement = movement.picked(*axis, kept(length, lost).into_iter().map(Some))?;
    }
    let cut = Plan { dims: movement.dims(), movement }.fold(&[tensor])?.pop()?;
    Some(Tensor { name: tensor.name.clone(), doc: tensor.doc.clone(), metadata: tensor.metadata.clone(), ..cut })
}

/// Gives a constant other content, whether an initializer or a `Constant` node holds it.
pub fn replace_constant(model: &mut Model, value: ValueId, tensor: Tensor) {
    match model.producer(value) {
        Some((maker, _)) => model.node_mut(maker).attributes = vec![Attribute::new("value", tensor)],
        None => model.set_initializer(value, Some(tensor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_the_rest() {
        assert_eq!(kept(5, &[0, 3]), [1, 2, 4]);
        assert_eq!(kept(2, &[]), [0, 1]);
    }

    #[test]
    fn every_axis_is_cut_whatever_the_type() {
        let tensor = Tensor::raw(DataType::Float16, [2, 3], (0u8..12).collect::<Vec<_>>());
        let cut = without(&tensor, &[(0, &[1]), (1, &[0])]).unwrap();
        assert_eq!((cut.dims.as_slice(), cut.to_bytes().unwrap().as_ref()), (&[1, 2][..], &[2, 3, 4, 5][..]));
        assert_eq!(without(&tensor, &[(2, &[0])]), None);
    }
}
