//! The context in which a row computes one node whose inputs are all constants.

use crate::{Call, kernels::elements::count};
use shrinx_ir::Tensor;

/// One node with constant inputs.
pub struct Fold<'a> {
    /// The node's attributes and opset.
    pub call: Call<'a>,
    /// The inputs by port; `None` where an optional one is absent.
    pub inputs: &'a [Option<Tensor>],
    /// The largest number of elements that an output may have; a kernel that would exceed it returns `None` before it allocates.
    pub max_elements: usize,
}

impl<'a> Fold<'a> {
    /// The constant at a port.
    pub fn input(&self, port: usize) -> Option<&'a Tensor> {
        self.inputs.get(port)?.as_ref()
    }

    /// Whether something is connected to the port.
    pub fn has_input(&self, port: usize) -> bool {
        self.input(port).is_some()
    }

    /// The numbers at an integer port.
    pub fn integers(&self, port: usize) -> Option<Vec<i64>> {
        self.input(port)?.to_integers()
    }

    /// `dims`, where neither a tensor of them nor one axis goes beyond the budget.
    pub fn affordable(&self, dims: Vec<u64>) -> Option<Vec<u64>> {
        affordable(dims, self.max_elements)
    }
}

/// `dims`, where neither a tensor of them nor one axis goes beyond `limit`: the axis may be long although another is empty.
pub(crate) fn affordable(dims: Vec<u64>, limit: usize) -> Option<Vec<u64>> {
    (count(&dims)? <= limit && dims.iter().all(|d| *d <= limit as u64)).then_some(dims)
}
