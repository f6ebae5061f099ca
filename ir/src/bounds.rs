//! How small a dim can be: proofs that one length is no longer than another.
//!
//! A declared or fresh symbol is taken to be at least 1: an axis of length 0 is legal, but models are not made for it, and without this even
//! `x[:, :1]` would have no known shape.

use crate::dim::{Derived, Dim, Origin, Symbol, Symbols};
use std::cell::Cell;

impl Symbols {
    /// A number that the dim is never less than; `None` where none is found.
    pub fn at_least(&self, dim: &Dim) -> Option<i64> {
        Proof { symbols: self, shortest: 1, steps: Cell::new(64) }.least(dim, 5)
    }

    /// Whether the dim is zero or more even where axes have length 0, as far as can be proved: for conclusions that must hold of every input.
    pub fn is_nonnegative(&self, dim: &Dim) -> bool {
        Proof { symbols: self, shortest: 0, steps: Cell::new(64) }.least(dim, 5).is_some_and(|least| least >= 0)
    }

    /// Whether `a <= b` for all values of the symbols, as far as can be proved.
    pub fn ordered(&self, a: &Dim, b: &Dim) -> bool {
        b.sub(a).and_then(|rest| self.at_least(&rest)).is_some_and(|least| least >= 0)
    }
}

/// A search for a bound. Derivations share operands, so that both its depth and its steps are limited.
struct Proof<'a> {
    symbols: &'a Symbols,
    /// What a length is at least.
    shortest: i64,
    steps: Cell<u32>,
}

impl Proof<'_> {
    fn least(&self, dim: &Dim, depth: u32) -> Option<i64> {
        if let Dim::Known(n) = dim {
            return Some(*n);
        }
        self.steps.set(self.steps.get().checked_sub(1)?);
        let depth = depth.checked_sub(1)?;
        self.shifted(dim, depth).or_else(|| self.replaced(dim, depth))
    }

    /// Each symbol written as its least value and a rest that is not negative: where every other coefficient then is positive, the constant is a bound.
    fn shifted(&self, dim: &Dim, depth: u32) -> Option<i64> {
        let mut sum = Dim::Known(0);
        for (symbols, factor) in terms(dim) {
            let mut product = Dim::Known(factor);
            for symbol in symbols {
                let least = self.least_of(symbol, depth)?;
                product = product.mul(&Dim::Symbol(symbol).add(&Dim::Known(least))?)?;
            }
            sum = sum.add(&product)?;
        }
        terms(&sum).iter().all(|(symbols, factor)| symbols.is_empty() || *factor > 0).then(|| constant(&sum))
    }

    /// A symbol that is subtracted, replaced by what it cannot exceed.
    fn replaced(&self, dim: &Dim, depth: u32) -> Option<i64> {
        for (symbols, factor) in terms(dim) {
            let ([symbol], true) = (symbols.as_slice(), factor < 0) else { continue };
            let Some((op, a, b)) = self.derivation(*symbol) else { continue };
            let without = dim.sub(&Dim::Symbol(*symbol).mul(&Dim::Known(factor))?)?;
            let with = |most: &Dim, scale: i64| {
                let scaled = without.mul(&Dim::Known(scale))?.add(&most.mul(&Dim::Known(factor))?)?;
                self.least(&scaled, depth)?.checked_neg()?.div_euclid(scale).checked_neg()
            };
            let bound = match (op, b) {
                (Derived::FloorDiv, Dim::Known(divisor)) if *divisor > 0 => with(a, *divisor),
                (Derived::Mod, Dim::Known(divisor)) => with(&Dim::Known(divisor.checked_sub(1)?), 1),
                (Derived::Min, _) => with(a, 1).max(with(b, 1)),
                (Derived::FloorDiv | Derived::TruncDiv | Derived::Mod | Derived::Max | Derived::Broadcast, _) => None,
            };
            if bound.is_some() {
                return bound;
            }
        }
        None
    }

    fn least_of(&self, symbol: Symbol, depth: u32) -> Option<i64> {
        let Some((op, a, b)) = self.derivation(symbol) else { return Some(self.shortest) };
        let (least_b, least_a) = (self.least(b, depth), self.least(a, depth));
        match op {
            Derived::FloorDiv => match b {
                Dim::Known(divisor) if *divisor > 0 => Some(least_a?.div_euclid(*divisor)),
                _ => (least_a? >= 0 && least_b? > 0).then_some(0),
            },
            Derived::TruncDiv => (least_a? >= 0 && least_b? > 0).then_some(0),
            Derived::Mod => (least_b? > 0).then_some(0),
            Derived::Min | Derived::Broadcast => Some(least_a?.min(least_b?)),
            Derived::Max => least_a.max(least_b),
        }
    }

    fn derivation(&self, symbol: Symbol) -> Option<(Derived, &Dim, &Dim)> {
        match self.symbols.origin(symbol) {
            Origin::Derived(op, a, b) => Some((*op, a, b)),
            Origin::Named(_) | Origin::Fresh => None,
        }
    }
}

fn terms(dim: &Dim) -> Vec<(Vec<Symbol>, i64)> {
    match dim {
        Dim::Known(n) => vec![(Vec::new(), *n)],
        Dim::Symbol(s) => vec![(vec![*s], 1)],
        Dim::Expr(p) => p.terms().map(|(symbols, factor)| (symbols.to_vec(), factor)).collect(),
    }
}

fn constant(dim: &Dim) -> i64 {
    terms(dim).iter().find(|(symbols, _)| symbols.is_empty()).map_or(0, |(_, n)| *n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_may_be_zero() {
        let mut t = Symbols::default();
        let n = t.named("N");
        assert!(t.is_nonnegative(&n.mul(&n).unwrap()));
        assert!(!t.is_nonnegative(&n.sub(&1.into()).unwrap()));
    }

    #[test]
    fn sums_and_products_are_bounded() {
        let mut t = Symbols::default();
        let (n, m) = (t.named("N"), t.named("M"));
        assert_eq!(t.at_least(&n.sub(&1.into()).unwrap()), Some(0));
        assert!(t.ordered(&n, &n.mul(&m).unwrap()));
        assert!(!t.ordered(&n, &m));
        assert_eq!(t.at_least(&n.sub(&m).unwrap()), None);
    }

    #[test]
    fn derived_lengths_are_bounded_from_both_sides() {
        let mut t = Symbols::default();
        let n = t.named("N");
        let half = t.derive(Derived::FloorDiv, &n, &2.into());
        assert_eq!(t.at_least(&half), Some(0));
        assert!(t.ordered(&half, &n));
        assert!(!t.ordered(&n, &half));
        let few = t.derive(Derived::Min, &n, &7.into());
        assert!(t.ordered(&few, &n) && t.ordered(&few, &7.into()));
        let rest = t.derive(Derived::Mod, &n, &8.into());
        assert!(t.ordered(&rest, &7.into()) && !t.ordered(&1.into(), &rest));
    }

    #[test]
    fn long_chains_end() {
        let mut t = Symbols::default();
        let mut d = t.named("N");
        for k in 2..10_000 {
            d = t.derive(Derived::Max, &d.sub(&Dim::Known(k)).unwrap(), &1.into());
        }
        assert_eq!(t.at_least(&d), Some(1));
    }
}
