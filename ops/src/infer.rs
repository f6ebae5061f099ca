//! The context in which a row infers the facts of one node's outputs.

use crate::{Call, Fact, Facts, call::normal_axis, constant};
use shrinx_ir::{DataType, Derived, Dim, Model, NodeId, Ports, Symbols, Tensor};

/// Facts of the outputs, by port; a short list leaves the rest unknown.
pub type Inferred = Result<Vec<Fact>, InferError>;

/// A node that contradicts its operator's definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InferError(pub String);

/// One node under inference: its attributes, and what is known of its inputs.
pub struct Inference<'a> {
    /// The node's attributes and opset.
    pub call: Call<'a>,
    pub(crate) model: &'a Model,
    pub(crate) inputs: Ports,
    pub(crate) facts: &'a mut Facts,
}

impl<'a> Inference<'a> {
    /// A node of a model under inference.
    pub fn of(model: &'a Model, facts: &'a mut Facts, node: NodeId) -> Self {
        let inputs = model.inputs(node);
        let node = model.node(node);
        Self { call: Call { node, opset: model.opset(node.scope(), node.op.domain()).unwrap_or(0) }, model, inputs, facts }
    }

    /// Number of input ports, absent ones included.
    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// Number of output ports, absent ones included.
    pub fn output_count(&self) -> usize {
        self.call.node.output_count()
    }

    /// Whether something is connected to the port.
    pub fn has_input(&self, port: usize) -> bool {
        self.inputs.get(port).is_some_and(Option::is_some)
    }

    /// What is known of an input; all unknown where it is absent.
    pub fn input(&self, port: usize) -> &Fact {
        self.inputs.get(port).copied().flatten().map_or(&Fact::UNKNOWN, |v| self.facts.of(v))
    }

    /// Element type of an input.
    pub fn dtype(&self, port: usize) -> Option<DataType> {
        self.input(port).dtype
    }

    /// Shape of an input; cloned, so that symbols may be made while it is looked at.
    pub fn shape(&self, port: usize) -> Option<Vec<Dim>> {
        self.input(port).shape.clone()
    }

    /// Rank of an input.
    pub fn rank(&self, port: usize) -> Option<usize> {
        self.input(port).shape.as_ref().map(Vec::len)
    }

    /// Shape of an input that must have `rank` axes: its own, or fresh lengths where nothing is known.
    pub fn shape_of_rank(&mut self, port: usize, rank: usize) -> Result<Vec<Dim>, InferError> {
        match self.shape(port) {
            Some(shape) if shape.len() != rank => Err(InferError(format!("input {port} has rank {}, not {rank}", shape.len()))),
            Some(shape) => Ok(shape),
            None => Ok(self.fresh_shape(rank)),
        }
    }

    /// Content of an integer input, row by row, as far as it is known symbolically.
    pub fn contents(&self, port: usize) -> Option<Vec<Dim>> {
        self.input(port).contents.clone()
    }

    /// Content of an integer input, where it is all numbers.
    pub fn known(&self, port: usize) -> Option<Vec<i64>> {
        self.input(port).contents.as_ref()?.iter().map(Dim::known).collect()
    }

    /// The constant connected to an input.
    pub fn constant(&self, port: usize) -> Option<Tensor> {
        constant(self.model, self.inputs.get(port).copied().flatten()?)
    }

    /// The table of symbols.
    pub fn symbols(&mut self) -> &mut Symbols {
        &mut self.facts.symbols
    }

    /// A length that equals no other.
    pub fn fresh(&mut self) -> Dim {
        self.facts.symbols.fresh()
    }

    /// `rank` lengths that equal no others.
    pub fn fresh_shape(&mut self, rank: usize) -> Vec<Dim> {
        (0..rank).map(|_| self.fresh()).collect()
    }

    /// The sum, or a fresh symbol on overflow; likewise the other operations.
    pub fn add(&mut self, a: &Dim, b: &Dim) -> Dim {
        a.add(b).unwrap_or_else(|| self.fresh())
    }

    /// The difference.
    pub fn sub(&mut self, a: &Dim, b: &Dim) -> Dim {
        a.sub(b).unwrap_or_else(|| self.fresh())
    }

    /// The product.
    pub fn mul(&mut self, a: &Dim, b: &Dim) -> Dim {
        a.mul(b).unwrap_or_else(|| self.fresh())
    }

    /// The product of all.
    pub fn product(&mut self, dims: &[Dim]) -> Dim {
        dims.iter().fold(Dim::Known(1), |a, b| self.mul(&a, b))
    }

    /// An operation that polynomials cannot hold.
    pub fn derive(&mut self, op: Derived, a: &Dim, b: &Dim) -> Dim {
        self.facts.symbols.derive(op, a, b)
    }

    /// The smaller one, where that can be proved; else a symbol for it.
    pub fn min(&mut self, a: &Dim, b: &Dim) -> Dim {
        let symbols = &self.facts.symbols;
        if symbols.ordered(a, b) {
            a.clone()
        } else if symbols.ordered(b, a) {
            b.clone()
        } else {
            self.derive(Derived::Min, a, b)
        }
    }

    /// The larger one, where that can be proved; else a symbol for it.
    pub fn max(&mut self, a: &Dim, b: &Dim) -> Dim {
        let symbols = &self.facts.symbols;
        if symbols.ordered(a, b) {
            b.clone()
        } else if symbols.ordered(b, a) {
            a.clone()
        } else {
            self.derive(Derived::Max, a, b)
        }
    }

    /// Shape that two shapes broadcast to (ONNX "Multidirectional Broadcasting").
    pub fn broadcast(&mut self, a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, InferError> {
        let rank = a.len().max(b.len());
        let at = |s: &[Dim], k: usize| (k + s.len()).checked_sub(rank).map_or(Dim::Known(1), |i| s[i].clone());
        (0..rank)
            .map(|k| match (at(a, k), at(b, k)) {
                (Dim::Known(x), Dim::Known(y)) if x != y && x != 1 && y != 1 => {
                    Err(InferError(format!("lengths {x} and {y} do not broadcast")))
                }
                (x, y) => Ok(self.derive(Derived::Broadcast, &x, &y)),
            })
            .collect()
    }

    /// An attribute `axis`, counted from the front.
    pub fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize, InferError> {
        axis_of(self.call.int(name).unwrap_or(default), rank)
    }

    /// Length of a list at an input, whose content need not be known; `None` beyond [`Fact::MAX_CONTENTS`].
    pub fn list_length(&self, port: usize) -> Option<usize> {
        match self.input(port).shape.as_deref()? {
            [Dim::Known(n)] => usize::try_from(*n).ok().filter(|n| *n <= Fact::MAX_CONTENTS),
            _ => None,
        }
    }

    /// `axes`, from an attribute of that name in opsets before `moved`, from input `port` from then on. `Ok(None)` where they are not given, an error
    /// where they are given and not known.
    pub fn axes(&self, port: usize, moved: i64) -> Result<Option<Vec<i64>>, Unknown> {
        if self.call.opset < moved {
            return Ok(self.call.ints("axes").map(<[i64]>::to_vec));
        }
        if self.has_input(port) { self.known(port).map(Some).ok_or(Unknown) } else { Ok(None) }
    }
}

/// `axis`, counted from the front.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, InferError> {
    normal_axis(axis, rank).ok_or_else(|| InferError(format!("axis {axis} of a tensor of rank {rank}")))
}

/// Axes that must differ, counted from the front.
pub(crate) fn distinct_axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, InferError> {
    let mut seen = vec![false; rank];
    let mut once = |given: &i64| {
        let axis = axis_of(*given, rank)?;
        if std::mem::replace(&mut seen[axis], true) { Err(InferError(format!("axis {given} is given twice"))) } else { Ok(axis) }
    };
    axes.iter().map(&mut once).collect()
}

/// One length that is told twice: the number, where either is one; an error where they contradict each other.
pub(crate) fn agree(what: &str, a: &Dim, b: &Dim) -> Result<Dim, InferError> {
    match (a, b) {
        (Dim::Known(x), Dim::Known(y)) if x != y => Err(InferError(format!("{what}: {x} and {y}"))),
        (Dim::Known(_), _) => Ok(a.clone()),
        (_, Dim::Known(_)) => Ok(b.clone()),
        _ => Ok(a.clone()),
    }
}

/// Something is given, and not known before the model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// The row of an operator about which nothing is known.
pub(crate) fn unknown(_: &mut Inference<'_>) -> Inferred {
    Ok(Vec::new())
}
