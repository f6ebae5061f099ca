//! What quantization to 8 bits costs: the expected squared error, by integration over the histogram.

use super::mass::{Mass, Part, Side};
use crate::statistics::TensorStatistics;

/// The mean squared error of the finite values of a tensor when they are rounded to 256 codes over `lo..=hi`, clipping included.
pub fn quantization_error(statistics: &TensorStatistics, (lo, hi): (f32, f32)) -> f64 {
    Mass::of(statistics).error((f64::from(lo.min(0.0)), f64::from(hi.max(0.0))))
}

impl Mass {
    /// The mean squared error with this range.
    pub(super) fn error(&self, (lo, hi): (f64, f64)) -> f64 {
        let total = self.total();
        if total == 0.0 {
            return 0.0;
        }
        let step = (hi - lo) / 255.0;
        let sum = if step > 0.0 {
            let zero = (-lo / step).round_ties_even().clamp(0.0, 255.0);
            self.above.error(step, (255.0 - zero) * step) + self.below.error(step, zero * step)
        } else {
            [&self.above, &self.below].iter().filter_map(|side| side.squares.last()).sum()
        };
        sum / total
    }
}

impl Side {
    /// The sum of squared errors when values are rounded to multiples of `step` up to `limit`, which is one.
    fn error(&self, step: f64, limit: f64) -> f64 {
        // Those that become 0 are known already.
        let small = self.parts.partition_point(|p| p.high <= (step / 2.0).min(limit));
        let rest = self.parts[small..].iter().map(|p| p.count * part_error(*p, step, limit)).sum::<f64>();
        self.squares[small] + rest
    }
}

/// The mean squared error of values of a part.
fn part_error(part: Part, step: f64, limit: f64) -> f64 {
    let Part { low, high, .. } = part;
    let width = high - low;
    if width <= step * 1e-9 {
        let x = (low / step).round() * step;
        return (low - x.min(limit)).powi(2);
    }
    let inside = (low.min(limit), high.min(limit));
    let rounded = if inside.1 > inside.0 { (integral(inside.1 / step) - integral(inside.0 / step)) * step.powi(3) } else { 0.0 };
    let outside = (low.max(limit) - limit, high.max(limit) - limit);
    let clipped = (outside.1.powi(3) - outside.0.powi(3)) / 3.0;
    (rounded + clipped) / width
}

/// The integral of `(t − round(t))²` from 0 to `t`, for small `t ≥ 0`.
fn integral(t: f64) -> f64 {
    let nearest = f64::from((t + 0.5) as u32);
    nearest / 12.0 + (t - nearest).powi(3) / 3.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample, statistics};
    use super::*;

    fn rounded(values: &[f32], (lo, hi): (f64, f64)) -> f64 {
        let step = (hi - lo) / 255.0;
        let zero = (-lo / step).round_ties_even();
        let error = |x: f64| x - (((x / step).round_ties_even() + zero).clamp(0.0, 255.0) - zero) * step;
        values.iter().map(|x| error(f64::from(*x)).powi(2)).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn is_what_rounding_the_values_costs() {
        for (outliers, relu) in [(0, false), (40, false), (40, true)] {
            let values = sample(50_000, outliers, relu);
            let seen = statistics(&values);
            for range in [(-4.0, 4.0), (-1.0, 3.0), (0.0, 1.5), (-90.0, 80.0), (-0.2, 0.0)] {
                let (expected, found) = (rounded(&values, range), Mass::of(&seen).error(range));
                assert!((expected - found).abs() <= 0.02 * expected, "{range:?}: {expected} {found}");
            }
        }
    }

    #[test]
    fn integrals_are_exact() {
        for (a, b, step) in [(0.0, 1.0, 0.3), (0.49, 0.51, 1.0), (2.0, 9.0, 0.7)] {
            let n = 200_000;
            let x = |k: i32| a + (b - a) * (f64::from(k) + 0.5) / f64::from(n);
            let error = |x: f64| (x - ((x / step).round() * step).min(5.0 * step)).powi(2);
            let expected = (0..n).map(|k| error(x(k))).sum::<f64>() / f64::from(n);
            let found = part_error(Part { low: a, high: b, count: 1.0 }, step, 5.0 * step);
            assert!((expected - found).abs() < 1e-6 * expected, "{expected} {found}");
        }
    }
}
