//! What inference and folding have in common: enough of a node to plan where each element of its output comes from.
//!
//! A movement is planned once per operator, against a [`Site`]. Folding carries it out on tensors, inference on symbolic contents.

use crate::{
    Call, Fact, Fold, Inference,
    fold::affordable,
    infer::Unknown,
    kernels::{Movement, carry, relabel},
};
use shrinx_ir::{Dim, Tensor};

/// A node, looked at during inference or folding.
pub(crate) trait Site {
    /// The node's attributes and opset.
    fn call(&self) -> Call<'_>;
    /// Whether something is connected to a port.
    fn given(&self, port: usize) -> bool;
    /// The lengths of an input, where all are numbers.
    fn dims(&self, port: usize) -> Option<Vec<u64>>;
    /// The content of an integer input, where it is all numbers.
    fn integers(&self, port: usize) -> Option<Vec<i64>>;
    /// The largest number of elements that an output may have.
    fn limit(&self) -> usize;

    /// `dims`, where neither a tensor of them nor one axis goes beyond the limit.
    fn affordable(&self, dims: Vec<u64>) -> Option<Vec<u64>> {
        affordable(dims, self.limit())
    }

    /// The number at a port with one element, or `default` where nothing is connected.
    fn number(&self, port: usize, default: Option<i64>) -> Option<i64> {
        if !self.given(port) {
            return default;
        }
        match self.integers(port)?.as_slice() {
            [n] => Some(*n),
            _ => None,
        }
    }

    /// A list that is the attribute `name` in opsets before `moved`, and input `port` from then on; `Ok(None)` where it is not given.
    fn list(&self, name: &str, port: usize, moved: i64) -> Result<Option<Vec<i64>>, Unknown> {
        if self.call().opset < moved {
            return Ok(self.call().ints(name).map(<[i64]>::to_vec));
        }
        if self.given(port) { self.integers(port).map(Some).ok_or(Unknown) } else { Ok(None) }
    }
}

impl Site for Fold<'_> {
    fn call(&self) -> Call<'_> {
        self.call
    }

    fn given(&self, port: usize) -> bool {
        self.has_input(port)
    }

    fn dims(&self, port: usize) -> Option<Vec<u64>> {
        Some(self.input(port)?.dims.clone())
    }

    fn integers(&self, port: usize) -> Option<Vec<i64>> {
        Fold::integers(self, port)
    }

    fn limit(&self) -> usize {
        self.max_elements
    }
}

impl Site for Inference<'_> {
    fn call(&self) -> Call<'_> {
        self.call
    }

    fn given(&self, port: usize) -> bool {
        self.has_input(port)
    }

    fn dims(&self, port: usize) -> Option<Vec<u64>> {
        self.input(port).known_shape()?.into_iter().map(|d| u64::try_from(d).ok()).collect()
    }

    fn integers(&self, port: usize) -> Option<Vec<i64>> {
        self.known(port)
    }

    fn limit(&self) -> usize {
        Fact::MAX_CONTENTS
    }
}

/// A movement, and the shape of what it makes.
pub(crate) struct Plan<M> {
    pub(crate) movement: M,
    pub(crate) dims: Vec<u64>,
}

impl<M: Movement> Plan<M> {
    /// The output, as the only one of its node.
    pub(crate) fn fold(self, sources: &[&Tensor]) -> Option<Vec<Tensor>> {
        Some(vec![carry(&self.movement, sources, self.dims)?])
    }

    /// The output's contents.
    pub(crate) fn contents(&self, sources: &[&[Dim]]) -> Option<Vec<Dim>> {
        self.movement.apply(sources)
    }
}

/// Contents of the output, where those of the first input are followed: its movement by `plan`.
pub(crate) fn moved<'a, M: Movement>(cx: &Inference<'a>, plan: impl FnOnce(&Inference<'a>) -> Option<Plan<M>>) -> Option<Vec<Dim>> {
    let source = cx.input(0).contents.as_ref()?;
    plan(cx)?.contents(&[source])
}

/// The first input with its elements in another shape, as the only output.
pub(crate) fn viewed(fold: &Fold<'_>, shape: &[Dim]) -> Option<Vec<Tensor>> {
    Some(vec![relabel(fold.input(0)?, fold.affordable(lengths(shape)?)?)?])
}

/// A shape of numbers, as inference holds it.
pub(crate) fn known(dims: &[u64]) -> Vec<Dim> {
    dims.iter().map(|d| Dim::Known(*d as i64)).collect()
}

/// The numbers of a shape, where all are known.
pub(crate) fn lengths(shape: &[Dim]) -> Option<Vec<u64>> {
    shape.iter().map(|d| d.known().and_then(|n| u64::try_from(n).ok())).collect()
}
