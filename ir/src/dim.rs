//! Lengths that inference reasons about: numbers, symbols, and polynomials over symbols.
//!
//! An unknown length is a fresh symbol, so that "unknown" needs no case of its own. `Known` is signed: the same type carries the contents of shape
//! tensors, where -1 is common.

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::fmt::Write;

/// A length whose value is not known, interned in [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u32);

/// An integer that may depend on symbols.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// A number.
    Known(i64),
    /// A name.
    Symbol(Symbol),
    /// A polynomial that is neither of the above.
    Expr(Poly),
}

type Monomial = SmallVec<[Symbol; 2]>;

/// A sum of products of symbols with integer factors, in canonical order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Poly(Vec<(Monomial, i64)>);

impl Dim {
    /// The number, if it is one.
    pub fn known(&self) -> Option<i64> {
        match self {
            Self::Known(n) => Some(*n),
            Self::Symbol(_) | Self::Expr(_) => None,
        }
    }

    pub(crate) fn poly(&self) -> Poly {
        match self {
            Self::Known(0) => Poly(vec![]),
            Self::Known(n) => Poly(vec![(smallvec![], *n)]),
            Self::Symbol(s) => Poly(vec![(smallvec![*s], 1)]),
            Self::Expr(p) => p.clone(),
        }
    }

    /// The sum; `None` on overflow.
    pub fn add(&self, other: &Self) -> Option<Self> {
        if let (Self::Known(a), Self::Known(b)) = (self, other) {
            return a.checked_add(*b).map(Self::Known);
        }
        self.poly().plus(&other.poly(), 1).map(Poly::into_dim)
    }

    /// The difference; `None` on overflow.
    pub fn sub(&self, other: &Self) -> Option<Self> {
        self.poly().plus(&other.poly(), -1).map(Poly::into_dim)
    }

    /// The product; `None` on overflow, or when the polynomial grows past 64 terms.
    pub fn mul(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a.checked_mul(*b).map(Self::Known),
            (Self::Known(1), x) | (x, Self::Known(1)) => Some(x.clone()),
            _ => self.poly().times(&other.poly()).map(Poly::into_dim),
        }
    }

    /// The quotient, when the division leaves no rest for any value of the symbols (which are taken to be non-zero).
    pub fn div_exact(&self, other: &Self) -> Option<Self> {
        if let (Self::Known(a), Self::Known(b)) = (self, other) {
            return (a.checked_rem(*b)? == 0).then(|| Self::Known(a / b));
        }
        let (mut rest, divisor) = (self.poly(), other.poly());
        let (lead, factor) = divisor.0.last()?.clone();
        let mut quotient = Poly(vec![]);
        while let Some((top, n)) = rest.0.last().cloned() {
            let term = Poly(vec![(without(&top, &lead)?, if n.checked_rem(factor)? == 0 { n / factor } else { return None })]);
            rest = rest.plus(&divisor.times(&term)?, -1)?;
            quotient = quotient.plus(&term, 1)?;
            if quotient.0.len() > 64 {
                return None;
            }
        }
        Some(quotient.into_dim())
    }

    /// Every symbol in it.
    pub fn symbols(&self) -> Vec<Symbol> {
        let mut all: Vec<Symbol> = self.poly().0.iter().flat_map(|(m, _)| m.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl From<i64> for Dim {
    fn from(n: i64) -> Self {
        Self::Known(n)
    }
}

fn without(from: &Monomial, part: &Monomial) -> Option<Monomial> {
    let mut left = from.clone();
    for symbol in part {
        let at = left.iter().position(|s| s == symbol)?;
        left.remove(at);
    }
    Some(left)
}

impl Poly {
    /// The terms: the symbols of each product, and its factor.
    pub fn terms(&self) -> impl Iterator<Item = (&[Symbol], i64)> {
        self.0.iter().map(|(m, n)| (m.as_slice(), *n))
    }

    fn into_dim(self) -> Dim {
        match self.0.as_slice() {
            [] => Dim::Known(0),
            [(m, n)] if m.is_empty() => Dim::Known(*n),
            [(m, 1)] if m.len() == 1 => Dim::Symbol(m[0]),
            _ => Dim::Expr(self),
        }
    }

    /// The polynomial with other factors.
    pub(crate) fn each(&self, change: impl Fn(i64) -> i64) -> Dim {
        let terms = self.0.iter().map(|(m, n)| (m.clone(), change(*n))).filter(|(_, n)| *n != 0);
        Self(terms.collect()).into_dim()
    }

    fn from_terms(mut terms: Vec<(Monomial, i64)>) -> Option<Self> {
        // By degree, then by name: so that the last term divides as in ordinary long division.
        terms.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
        let mut out: Vec<(Monomial, i64)> = Vec::with_capacity(terms.len());
        for (m, n) in terms {
            match out.last_mut() {
                Some((last, sum)) if *last == m => *sum = sum.checked_add(n)?,
                _ => out.push((m, n)),
            }
        }
        out.retain(|(_, n)| *n != 0);
        Some(Self(out))
    }

    fn plus(&self, other: &Self, sign: i64) -> Option<Self> {
        let mut terms = self.0.clone();
        for (m, n) in &other.0 {
            terms.push((m.clone(), n.checked_mul(sign)?));
        }
        Self::from_terms(terms)
    }

    fn times(&self, other: &Self) -> Option<Self> {
        if self.0.len() * other.0.len() > 64 {
            return None;
        }
        let mut terms = Vec::new();
        for (a, x) in &self.0 {
            for (b, y) in &other.0 {
                let mut m: Monomial = a.iter().chain(b).copied().collect();
                m.sort_unstable();
                if m.len() > 16 {
                    return None;
                }
                terms.push((m, x.checked_mul(*y)?));
            }
        }
        Self::from_terms(terms)
    }
}

/// An operation that polynomials cannot hold; its result is a symbol, the same for the same operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Derived {
    /// Division that rounds down.
    FloorDiv,
    /// Division that rounds towards zero.
    TruncDiv,
    /// The rest of a division, with the sign of the divisor.
    Mod,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// The length that both broadcast to.
    Broadcast,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Named(String),
    Fresh,
    Derived(Derived, Dim, Dim),
}

/// The table of symbols of one model.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    origins: Vec<Origin>,
    index: FxHashMap<Origin, Symbol>,
}

impl Symbols {
    fn intern(&mut self, origin: Origin) -> Symbol {
        if let Some(&symbol) = self.index.get(&origin) {
            return symbol;
        }
        let symbol = Symbol(self.origins.len() as u32);
        self.origins.push(origin.clone());
        self.index.insert(origin, symbol);
        symbol
    }

    /// The symbol of a name that the model declares (`dim_param`). Names that exporters write for "unknown" (empty, `?`, `-1`, `unk__N`) give a fresh
    /// symbol each time: equal names mean equal lengths only for real names.
    pub fn named(&mut self, name: &str) -> Dim {
        let unknown = name.is_empty()
            || name == "?"
            || name == "-1"
            || name.strip_prefix("unk__").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if unknown { self.fresh() } else { Dim::Symbol(self.intern(Origin::Named(name.into()))) }
    }

    /// A length that equals no other.
    pub fn fresh(&mut self) -> Dim {
        let symbol = Symbol(self.origins.len() as u32);
        self.origins.push(Origin::Fresh);
        Dim::Symbol(symbol)
    }

    /// The result of `op`: a number where both are numbers, else an interned symbol.
    pub fn derive(&mut self, op: Derived, a: &Dim, b: &Dim) -> Dim {
        let rounds_down = op == Derived::TruncDiv && self.at_least(a).is_some_and(|n| n >= 0) && self.at_least(b).is_some_and(|n| n > 0);
        let op = if rounds_down { Derived::FloorDiv } else { op };
        let exact = match (op, a, b) {
            (Derived::FloorDiv | Derived::TruncDiv, _, _) if a.div_exact(b).is_some() && b.known() != Some(0) => a.div_exact(b),
            (_, Dim::Known(x), Dim::Known(y)) => match op {
                Derived::FloorDiv => (*y > 0).then(|| x.div_euclid(*y)),
                Derived::TruncDiv => x.checked_div(*y),
                Derived::Mod => (*y > 0).then(|| x.rem_euclid(*y)),
                Derived::Min => Some(*x.min(y)),
                Derived::Max => Some(*x.max(y)),
                Derived::Broadcast => Some(if *x == 1 { *y } else { *x }),
            }
            .map(Dim::Known),
            (Derived::Min | Derived::Max | Derived::Broadcast, _, _) if a == b => Some(a.clone()),
            // A known length other than 1 wins: the other must be equal, or 1.
            (Derived::Broadcast, Dim::Known(1), x)
            | (Derived::Broadcast, x, Dim::Known(1))
            | (Derived::Broadcast, x @ Dim::Known(_), _)
            | (Derived::Broadcast, _, x @ Dim::Known(_)) => Some(x.clone()),
            (Derived::FloorDiv, _, Dim::Known(n @ 1..)) => self.quotient(a, *n),
            (Derived::Min | Derived::Max | Derived::Broadcast, _, _) if self.absorbs(op, a, b, 8) => Some(a.clone()),
            (Derived::Min | Derived::Max | Derived::Broadcast, _, _) if self.absorbs(op, b, a, 8) => Some(b.clone()),
            _ => None,
        };
        exact.unwrap_or_else(|| {
            let commutes = matches!(op, Derived::Min | Derived::Max | Derived::Broadcast);
            let (a, b) = if commutes && b < a { (b, a) } else { (a, b) };
            Dim::Symbol(self.intern(Origin::Derived(op, a.clone(), b.clone())))
        })
    }

    pub(crate) fn origin(&self, symbol: Symbol) -> &Origin {
        &self.origins[symbol.0 as usize]
    }

    /// The declared name of a symbol, if it has one.
    pub fn name(&self, symbol: Symbol) -> Option<&str> {
        match &self.origins[symbol.0 as usize] {
            Origin::Named(name) => Some(name),
            Origin::Fresh | Origin::Derived(..) => None,
        }
    }

    /// The dim as people write it: `2*N + 1`.
    pub fn show(&self, dim: &Dim) -> String {
        match dim {
            Dim::Known(n) => n.to_string(),
            Dim::Symbol(s) => self.show_symbol(*s),
            Dim::Expr(p) => {
                let mut text = String::new();
                for (m, n) in p.0.iter().rev() {
                    let sign = if text.is_empty() {
                        if *n < 0 { "-" } else { "" }
                    } else if *n < 0 {
                        " - "
                    } else {
                        " + "
                    };
                    let names: Vec<String> = m.iter().map(|s| self.show_symbol(*s)).collect();
                    let factor = (n.unsigned_abs() != 1 || names.is_empty()).then(|| n.unsigned_abs().to_string());
                    let product = factor.into_iter().chain(names).collect::<Vec<_>>().join("*");
                    let _ = write!(text, "{sign}{product}");
                }
                text
            }
        }
    }

    fn show_symbol(&self, symbol: Symbol) -> String {
        match &self.origins[symbol.0 as usize] {
            Origin::Named(name) => name.clone(),
            Origin::Fresh => format!("?{}", symbol.0),
            Origin::Derived(op, a, b) => {
                let (a, b) = (self.show(a), self.show(b));
                match op {
                    Derived::FloorDiv | Derived::TruncDiv => format!("⌊({a})/({b})⌋"),
                    Derived::Mod => format!("({a}) mod ({b})"),
                    Derived::Min => format!("min({a}, {b})"),
                    Derived::Max => format!("max({a}, {b})"),
                    Derived::Broadcast => format!("broadcast({a}, {b})"),
                }
            }
        }
    }

    /// The number a dim takes when each symbol takes the number that `value` gives; `None` on overflow or an impossible operation.
    pub fn evaluate(&self, dim: &Dim, value: &dyn Fn(Symbol) -> i64) -> Option<i64> {
        let symbol = |s: Symbol| match &self.origins[s.0 as usize] {
            Origin::Named(_) | Origin::Fresh => Some(value(s)),
            Origin::Derived(op, a, b) => {
                let (a, b) = (Dim::Known(self.evaluate(a, value)?), Dim::Known(self.evaluate(b, value)?));
                Self::default().derive(*op, &a, &b).known()
            }
        };
        match dim {
            Dim::Known(n) => Some(*n),
            Dim::Symbol(s) => symbol(*s),
            Dim::Expr(p) => p.0.iter().try_fold(0i64, |sum, (m, n)| {
                let product = m.iter().try_fold(*n, |x, s| x.checked_mul(symbol(*s)?))?;
                sum.checked_add(product)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_products_and_sums() {
        let mut t = Symbols::default();
        let (n, c) = (t.named("N"), t.named("C"));
        let all = n.mul(&c).unwrap().mul(&12.into()).unwrap();
        assert_eq!(all.div_exact(&n), c.mul(&12.into()));
        let sum = n.add(&3.into()).unwrap();
        assert_eq!(sum.mul(&c).unwrap().div_exact(&sum), Some(c.clone()));
        assert_eq!(sum.div_exact(&c), None);
        assert_eq!(n.sub(&n), Some(Dim::Known(0)));
        assert_eq!(t.show(&sum.mul(&2.into()).unwrap()), "2*N + 6");
    }

    #[test]
    fn unknown_names_are_fresh() {
        let mut t = Symbols::default();
        assert_ne!(t.named("?"), t.named("?"));
        assert_ne!(t.named("unk__0"), t.named("unk__0"));
        assert_eq!(t.named("N"), t.named("N"));
    }

    #[test]
    fn equal_derivations_are_equal() {
        let mut t = Symbols::default();
        let n = t.named("N");
        let half = t.derive(Derived::FloorDiv, &n, &2.into());
        assert_eq!(half, t.derive(Derived::FloorDiv, &n, &2.into()));
        assert_eq!(t.evaluate(&half.add(&1.into()).unwrap(), &|_| 7), Some(4));
        assert_eq!(t.derive(Derived::FloorDiv, &(-3).into(), &2.into()), Dim::Known(-2));
    }
}
