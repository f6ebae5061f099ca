//! Atoms, and which of them are tied or locked: a union-find over plain arrays.

use super::{dead::Mark, merge::Merge};
use crate::Facts;
use shrinx_ir::{DataType, Dim, Model, NodeId, ScopeKind, ValueId};

/// The atoms of one axis. An axis of unknown length, of length 1, or too long, has a single one, which is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first atom.
    pub first: u32,
    /// How many there are.
    pub len: u32,
}

impl Span {
    /// The atoms, in order.
    pub fn atoms(self) -> std::ops::Range<u32> {
        self.first..self.first + self.len
    }

    /// The atom of one slice.
    pub fn at(self, index: usize) -> Option<u32> {
        u32::try_from(index).ok().filter(|i| *i < self.len).map(|i| self.first + i)
    }
}

/// Why atoms are locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The node that needs them all; `None` where the model's interface does, or where there is nothing to remove.
    pub node: Option<NodeId>,
    /// What it needs them for.
    pub reason: &'static str,
}

/// An axis in blocks of equal length that must all lose the same number of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// The axis.
    pub span: Span,
    /// Number of blocks.
    pub count: u32,
}

/// The atoms of a model.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    /// By value: where its spans start, and how many there are. [`NO_RANK`] where the rank is not known.
    axes: Vec<(u32, u32)>,
    spans: Vec<Span>,
    parent: Vec<u32>,
    /// By root: the cause that locks it, or [`FREE`].
    lock: Vec<u32>,
    causes: Vec<Cause>,
    pub(super) merges: Vec<Merge>,
    blocks: Vec<Blocks>,
    /// By root; empty until weights are looked at.
    pub(super) marks: Vec<Mark>,
}

const NO_RANK: u32 = u32::MAX;
const FREE: u32 = u32::MAX;
/// More atoms than any real model has: what lies beyond is locked.
const MAX_ATOMS: usize = 1 << 25;
/// The causes that every model has. Where two causes meet, the first prevails: what the interface needs, no operator can give free.
const OUTPUT: u32 = 0;
const INPUT: u32 = 1;
const SINGLE: u32 = 2;
const NO_WEIGHT: u32 = 3;
const COMMON: [&str; 4] =
    ["an output of the graph", "an input of the graph", "of length 1, or of unknown length", "shapes and indices, not weights"];

impl Atoms {
    /// One atom a slice of every tensor outside local functions. Inputs and outputs of graphs are locked.
    pub fn of(model: &Model, facts: &Facts) -> Self {
        let mut atoms = Self::open(model, facts);
        for value in model.values() {
            let cause = match (model.is_output(value), model.is_input(value) && model.constant(value).is_none()) {
                (true, _) => OUTPUT,
                (false, true) => INPUT,
                (false, false) => continue,
            };
            atoms.axes(value).unwrap_or_default().to_vec().into_iter().for_each(|span| atoms.lock_span(span, cause));
        }
        atoms
    }

    /// Likewise, without locking inputs and outputs.
    pub(super) fn open(model: &Model, facts: &Facts) -> Self {
        let causes = COMMON.iter().map(|reason| Cause { node: None, reason }).collect();
        let mut atoms = Self { axes: vec![(0, NO_RANK); model.index_bound()], causes, ..Self::default() };
        for value in model.values() {
            let fact = facts.of(value);
            let Some(shape) = fact.shape.as_deref().filter(|_| !in_function(model, value)) else { continue };
            let numbers = matches!(fact.dtype, Some(t) if t != DataType::Int64 && t != DataType::String);
            let idle = is_constant(model, value) && (model.use_count(value) == 0 || !numbers);
            atoms.axes[value.index()] = (atoms.spans.len() as u32, shape.len() as u32);
            for dim in shape {
                let span = atoms.span_of(dim);
                atoms.spans.push(span);
                if idle {
                    atoms.lock_span(span, NO_WEIGHT);
                }
            }
        }
        atoms
    }

    /// Atoms for an axis of this length.
    pub(super) fn span_of(&mut self, dim: &Dim) -> Span {
        let first = self.parent.len();
        let len = dim.known().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 1 && n.saturating_add(first) <= MAX_ATOMS);
        let end = first + len.unwrap_or(1);
        self.parent.extend(first as u32..end as u32);
        self.lock.resize(end, if len.is_some() { FREE } else { SINGLE });
        Span { first: first as u32, len: (end - first) as u32 }
    }

    /// The axes of a value; `None` where its rank is not known.
    pub fn axes(&self, value: ValueId) -> Option<&[Span]> {
        let (first, rank) = *self.axes.get(value.index()).filter(|(_, rank)| *rank != NO_RANK)?;
        Some(&self.spans[first as usize..(first + rank) as usize])
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// The atom that stands for all that are tied to this one.
    pub fn root(&mut self, mut atom: u32) -> u32 {
        while self.parent[atom as usize] != atom {
            let above = self.parent[self.parent[atom as usize] as usize];
            self.parent[atom as usize] = above;
            atom = above;
        }
        atom
    }

    /// Ties two atoms: they go together, or not at all.
    pub fn tie(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
        self.lock[low as usize] = self.lock[low as usize].min(self.lock[high as usize]);
        if let Some(mark) = self.marks.get(high as usize).copied() {
            self.marks[low as usize] = mark.join(self.marks[low as usize]);
        }
    }

    /// Ties two axes, slice by slice; locks both where their lengths differ.
    pub(super) fn tie_spans(&mut self, a: Span, b: Span, cause: impl FnOnce(&mut Self) -> u32) {
        if a.len == b.len {
            a.atoms().zip(b.atoms()).for_each(|(a, b)| self.tie(a, b));
        } else {
            let cause = cause(self);
            a.atoms().chain(b.atoms()).for_each(|a| self.lock(a, cause));
        }
    }

    /// Locks an atom, and all that are tied to it.
    pub(super) fn lock(&mut self, atom: u32, cause: u32) {
        let root = self.root(atom);
        self.lock[root as usize] = self.lock[root as usize].min(cause);
    }

    /// A cause, to lock with.
    pub(super) fn cause(&mut self, node: NodeId, reason: &'static str) -> u32 {
        let cause = Cause { node: Some(node), reason };
        if self.causes.last() != Some(&cause) {
            self.causes.push(cause);
        }
        self.causes.len() as u32 - 1
    }

    /// Why an atom is locked, if it is.
    pub fn locked(&mut self, atom: u32) -> Option<&Cause> {
        let root = self.root(atom);
        self.causes.get(self.lock[root as usize] as usize)
    }

    /// Locks an axis.
    pub(super) fn lock_span(&mut self, span: Span, cause: u32) {
        span.atoms().for_each(|a| self.lock(a, cause));
    }

    /// The first cause that locks a slice of an axis.
    pub(super) fn lock_of(&mut self, span: Span) -> Option<u32> {
        let mut cause = |atom| {
            let root = self.root(atom);
            self.lock[root as usize]
        };
        span.atoms().map(&mut cause).filter(|cause| *cause != FREE).min()
    }

    /// Whether any slice of an axis is free.
    pub(super) fn any_free(&mut self, span: Span) -> bool {
        span.atoms().any(|a| self.locked(a).is_none())
    }

    /// Asks for equal blocks along an axis.
    pub(super) fn block(&mut self, span: Span, count: u32) {
        self.blocks.push(Blocks { span, count });
    }

    /// The axes in equal blocks.
    pub fn blocks(&self) -> &[Blocks] {
        &self.blocks
    }
}

fn is_constant(model: &Model, value: ValueId) -> bool {
    model.constant(value).is_some() || model.producer(value).is_some_and(|(node, _)| model.node(node).is("Constant"))
}

/// Whether a value belongs to a local function, whose callers are not known.
fn in_function(model: &Model, value: ValueId) -> bool {
    let scopes = std::iter::successors(Some(model.scope_of(value)), |s| model.scope(*s).parent);
    scopes.last().is_some_and(|s| matches!(model.scope(s).kind, ScopeKind::Function(_)))
}
