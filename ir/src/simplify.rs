//! Derived lengths in their simplest form, so that equal lengths are equal dims.

use crate::dim::{Derived, Dim, Origin, Symbols};

impl Symbols {
    /// `⌊dim/n⌋` in simpler terms: so that ⌊(H + 1)/2⌋ is the same as ⌊(H - 1)/2⌋ + 1, and halving twice the same as dividing by four.
    pub(crate) fn quotient(&mut self, dim: &Dim, n: i64) -> Option<Dim> {
        let poly = dim.poly();
        // ⌊(n·q + r)/n⌋ = q + ⌊r/n⌋
        let [whole, rest] = [i64::div_euclid, i64::rem_euclid].map(|part| poly.each(|factor| part(factor, n)));
        if whole != Dim::Known(0) {
            return whole.add(&self.derive(Derived::FloorDiv, &rest, &n.into()));
        }
        // ⌊(⌊x/m⌋ + y)/n⌋ = ⌊(x + m·y)/(m·n)⌋
        let (inner, x, m) = poly.terms().find_map(|term| match term {
            ([inner], 1) => match self.origin(*inner) {
                Origin::Derived(Derived::FloorDiv, x, Dim::Known(m @ 1..)) => Some((*inner, x, *m)),
                _ => None,
            },
            _ => None,
        })?;
        let moved = x.add(&dim.sub(&Dim::Symbol(inner))?.mul(&m.into())?)?;
        Some(self.derive(Derived::FloorDiv, &moved, &m.checked_mul(n)?.into()))
    }

    /// Whether `whole` is what `op` makes of `part` and others, looking `depth` levels deep: then `op` makes nothing new of the two.
    pub(crate) fn absorbs(&self, op: Derived, whole: &Dim, part: &Dim, depth: u32) -> bool {
        let (Dim::Symbol(symbol), Some(depth)) = (whole, depth.checked_sub(1)) else { return false };
        match self.origin(*symbol) {
            Origin::Derived(made_by, a, b) if *made_by == op => [a, b].iter().any(|x| *x == part || self.absorbs(op, x, part, depth)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dim::Symbol;

    #[test]
    fn division_leaves_only_the_rest_under_the_bar() {
        let mut t = Symbols::default();
        let n = t.named("N");
        let [before, after] = [-1, 3].map(|k| n.mul(&5.into()).unwrap().add(&k.into()).unwrap());
        let [before, after] = [before, after].map(|dim| t.derive(Derived::FloorDiv, &dim, &2.into()));
        assert_eq!(before.add(&2.into()), Some(after.clone()));
        assert_eq!(t.show(&after), "⌊(N + 1)/(2)⌋ + 2*N + 1");
        assert_eq!(t.evaluate(&after, &|_| 4), Some(11));
    }

    #[test]
    fn quotients_of_quotients_are_one() {
        let mut t = Symbols::default();
        let mut halved = t.named("H");
        for _ in 0..5 {
            let up = halved.add(&1.into()).unwrap();
            halved = t.derive(Derived::FloorDiv, &up, &2.into());
        }
        assert_eq!(t.show(&halved), "⌊(H + 31)/(32)⌋");
        let mixed = halved.mul(&4.into()).and_then(|d| d.add(&t.named("W"))).unwrap();
        let mixed = t.derive(Derived::FloorDiv, &mixed, &3.into());
        assert_eq!(t.show(&mixed), "⌊(32*W + H + 31)/(96)⌋ + ⌊(H + 31)/(32)⌋");
        for h in [-7i64, 0, 1, 31, 32, 33, 100] {
            let value = |s: Symbol| if t.name(s) == Some("H") { h } else { 5 };
            let by_hand = (4 * (h + 31).div_euclid(32) + 5).div_euclid(3);
            assert_eq!(t.evaluate(&mixed, &value), Some(by_hand));
        }
    }

    #[test]
    fn what_is_joined_already_adds_nothing() {
        let mut t = Symbols::default();
        let (n, m, k) = (t.named("N"), t.named("M"), t.named("K"));
        let two = t.derive(Derived::Broadcast, &n, &m);
        let three = t.derive(Derived::Broadcast, &two, &k);
        assert_eq!(t.derive(Derived::Broadcast, &m, &three), three);
        assert_ne!(t.derive(Derived::Max, &m, &three), three);
    }
}
