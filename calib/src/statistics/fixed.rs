//! Sums that do not depend on the order of their terms: 128-bit fixed point.

/// A sum of numbers, each rounded once to a multiple of 2⁻⁴⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fixed(pub(super) i128);

const UNIT: f64 = (1u64 << 48) as f64;
/// A term stays below 2⁵⁶, so that no sum of fewer than 2²³ terms can leave 128 bits, in whatever order it is made.
const LIMIT: f64 = (1u64 << 56) as f64;

/// More terms than this are not added: [`Fixed`].
pub(crate) const MAX_TERMS: usize = 1 << 23;

impl Fixed {
    /// A term. `None` where it is too large.
    pub(crate) fn of(x: f64) -> Option<Self> {
        // The product is exact, and so is the conversion of the rounded number.
        (x.abs() < LIMIT).then(|| Self((x * UNIT).round_ties_even() as i128))
    }

    /// The sum of two.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) fn to_f64(self) -> f64 {
        self.0 as f64 / UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_order() {
        let terms: Vec<Fixed> = (1..1000).map(|i| Fixed::of((f64::from(i) * 0.37).sin() * 10f64.powi(i % 15 - 3)).unwrap()).collect();
        let forth = terms.iter().fold(Fixed::default(), |a, b| a.plus(*b));
        let back = terms.iter().rev().fold(Fixed::default(), |a, b| a.plus(*b));
        assert_eq!(forth, back);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert_eq!(Fixed::of(LIMIT), None);
        assert_eq!(Fixed::of(f64::NAN), None);
        let largest = Fixed::of(-LIMIT.next_down()).unwrap();
        assert!(largest.0.checked_mul(MAX_TERMS as i128).is_some());
        assert_eq!(Fixed::of(-1.5).unwrap().to_f64(), -1.5);
    }
}
