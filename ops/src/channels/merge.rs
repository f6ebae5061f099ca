//! Axes that are made of others: what `Reshape` and its kin do.
//!
//! Row by row, place `f` of a merged axis lies at place `f / stride % length` of each of its factors. Its slices can be removed along one factor only; the
//! others are locked. Which one is decided when all rules have run: the only one with a free slice; else one with slices that are zero throughout; else the
//! innermost, so that of an attention the width of the heads is cut, not their number.

use super::{Atoms, Axis, Port, Span, Ties};
use shrinx_ir::{Dim, Model};

/// An axis, and the factors that it is made of, outermost first.
#[derive(Clone, Debug)]
pub(super) struct Merge {
    whole: Span,
    factors: Vec<Span>,
    /// What locks the factors that lose.
    cause: u32,
}

/// Decisions are repeated this often, as long as one makes another.
const ROUNDS: usize = 8;

impl Atoms {
    /// Decides along which factors merged axes are cut. To be called once, when all rules have run.
    pub fn settle(&mut self, model: &Model) {
        let mut open = std::mem::take(&mut self.merges);
        for _ in 0..ROUNDS {
            let before = open.len();
            open.retain(|merge| !self.decide(merge, false));
            if open.len() == before {
                break;
            }
        }
        if !open.is_empty() {
            self.weigh(model);
        }
        for merge in &open {
            self.decide(merge, true);
        }
    }

    /// Whether a merge is decided; with `choose`, it is in the end.
    fn decide(&mut self, merge: &Merge, choose: bool) -> bool {
        let Merge { whole, factors, cause } = merge;
        let fits = factors.iter().try_fold(1u32, |all, f| all.checked_mul(f.len)) == Some(whole.len);
        let free: Vec<usize> = (0..factors.len()).filter(|k| self.any_free(factors[*k])).collect();
        let Some(inner) = free.last().copied().filter(|_| fits && self.any_free(*whole)) else {
            let locked = [*whole].iter().chain(factors).filter_map(|s| self.lock_of(*s)).min();
            [*whole].iter().chain(factors).for_each(|s| self.lock_span(*s, locked.unwrap_or(*cause)));
            return true;
        };
        if free.len() > 1 && !choose {
            return false;
        }
        let stride = |k: usize| factors[k + 1..].iter().map(|f| f.len).product::<u32>();
        let dead = if free.len() > 1 { free.iter().rev().find(|k| self.has_dead(*whole, stride(**k), factors[**k].len)) } else { None };
        let chosen = dead.copied().unwrap_or(inner);
        for place in 0..whole.len {
            self.tie(whole.first + place, factors[chosen].first + place / stride(chosen) % factors[chosen].len);
        }
        factors.iter().enumerate().filter(|(k, _)| *k != chosen).for_each(|(_, f)| self.lock_span(*f, *cause));
        true
    }
}

/// The axes of two tensors with the same elements in the same order, cut into factors that both have.
struct Refined {
    factors: Vec<Dim>,
    /// By axis: its factors, outermost first.
    parts: [Vec<Vec<usize>>; 2],
    /// The first axes that have no common factors.
    rest: [usize; 2],
}

impl Refined {
    fn of(from: &[&Dim], to: &[&Dim]) -> Self {
        let mut refined = Self { factors: Vec::new(), parts: [vec![Vec::new(); from.len()], vec![Vec::new(); to.len()]], rest: [0, 0] };
        let mut left = [from.first().copied().cloned(), to.first().copied().cloned()];
        while let [Some(a), Some(b)] = &left {
            let [i, j] = refined.rest;
            let zero = [a, b].contains(&&Dim::Known(0));
            let (factor, rests) = match (a == b, b.div_exact(a), a.div_exact(b)) {
                _ if zero => break,
                (true, ..) => (a.clone(), [None, None]),
                (false, Some(more), _) => (a.clone(), [None, Some(more)]),
                (false, None, Some(more)) => (b.clone(), [Some(more), None]),
                (false, None, None) => break,
            };
            refined.parts[0][i].push(refined.factors.len());
            refined.parts[1][j].push(refined.factors.len());
            refined.factors.push(factor);
            for (side, rest) in rests.into_iter().enumerate() {
                left[side] = rest.or_else(|| {
                    refined.rest[side] += 1;
                    [from, to][side].get(refined.rest[side]).copied().cloned()
                });
            }
        }
        refined
    }
}

impl Ties<'_> {
    /// Ties the axes of two tensors with the same elements in the same order. An axis that is made of several others is decided about later.
    pub fn view(&mut self, x: Port, y: Port) {
        let (from, to) = (self.shape(x), self.shape(y));
        let [mut a, mut b] = [(x, from), (y, to)]
            .map(|(port, shape)| (0..shape.len()).filter(|k| self.length((port, *k)) != Some(1)).map(|k| (port, k)).collect::<Vec<Axis>>());
        let dim = |axis: &Axis| if axis.0 == x { &from[axis.1] } else { &to[axis.1] };
        // The last axes first: what stands before them need not be known.
        while let (Some(s), Some(t)) = (a.last(), b.last()) {
            if dim(s) != dim(t) {
                break;
            }
            self.tie_axes(*s, *t);
            a.pop();
            b.pop();
        }
        let refined = Refined::of(&a.iter().map(dim).collect::<Vec<_>>(), &b.iter().map(dim).collect::<Vec<_>>());
        self.tie_refined(&refined, [&a, &b]);
    }

    fn tie_refined(&mut self, refined: &Refined, axes: [&[Axis]; 2]) {
        let cause = self.cause("a reshaped axis is cut along another of its parts");
        let whole = |side: usize, k: usize| k < refined.rest[side];
        let mut spans: Vec<Option<Span>> = vec![None; refined.factors.len()];
        for (side, axes) in axes.into_iter().enumerate() {
            for (k, parts) in refined.parts[side].iter().enumerate() {
                if let ([factor], true, Some(own)) = (parts.as_slice(), whole(side, k), self.span(axes[k])) {
                    match spans[*factor] {
                        None => spans[*factor] = Some(own),
                        Some(other) => self.atoms.tie_spans(other, own, |_| cause),
                    }
                }
            }
        }
        let spans: Vec<Span> = spans.iter().zip(&refined.factors).map(|(s, dim)| s.unwrap_or_else(|| self.atoms.span_of(dim))).collect();
        for (side, axes) in axes.into_iter().enumerate() {
            for (k, parts) in refined.parts[side].iter().enumerate() {
                let factors: Vec<Span> = parts.iter().map(|p| spans[*p]).collect();
                let axis = axes[k];
                if !whole(side, k) {
                    for factor in factors {
                        self.atoms.lock_span(factor, cause);
                    }
                    self.lock(axis, "a reshape without common factors");
                } else if let Some(whole) = self.span(axis) {
                    self.free(axis);
                    if factors.len() > 1 {
                        self.atoms.merges.push(Merge { whole, factors, cause });
                    }
                }
            }
        }
    }

    /// Says that an axis is made of factors of these lengths, outermost first, and gives their atoms.
    pub(super) fn split(&mut self, axis: Axis, lengths: &[Dim]) -> Vec<Span> {
        let cause = self.cause("its parts are kept");
        let factors: Vec<Span> = lengths.iter().map(|dim| self.atoms.span_of(dim)).collect();
        if let Some(whole) = self.span(axis) {
            self.free(axis);
            self.atoms.merges.push(Merge { whole, factors: factors.clone(), cause });
        }
        factors
    }
}
