//! The range that a tensor's 8-bit codes should cover, read off its statistics.
//!
//! Codes are unsigned and asymmetric, and 0 has one: `q = clamp(round(x / s) + z, 0, 255)`, `s = (hi − lo) / 255`, `z = round(−lo / s)`. A range always
//! includes 0. Within a bucket of the histogram values are taken to lie evenly.

mod entropy;
mod error;
mod mass;
mod mse;

pub use error::quantization_error;

use crate::statistics::TensorStatistics;
use mass::Mass;

/// How a range is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeMethod {
    /// All that was seen.
    MinMax,
    /// From the percentile 100 − p to the percentile p, interpolated within buckets: 99.99 leaves out a value in 10,000 at each end.
    Percentile(f64),
    /// The range with the least expected squared error of quantization, clipping included.
    Mse,
    /// The range whose codes tell most of the distribution: the least Kullback-Leibler divergence (Migacz, "8-bit inference with TensorRT", GTC 2017).
    Entropy,
    /// Of all methods, the one with the least expected squared error.
    Auto,
}

/// What [`RangeMethod::Auto`] chooses among, the widest first.
const CANDIDATES: [RangeMethod; 5] =
    [RangeMethod::MinMax, RangeMethod::Percentile(99.999), RangeMethod::Percentile(99.99), RangeMethod::Entropy, RangeMethod::Mse];

/// The range of a tensor for unsigned 8-bit asymmetric codes. Includes 0; `(0, 0)` where nothing finite was seen.
pub fn range(statistics: &TensorStatistics, method: RangeMethod) -> (f32, f32) {
    if statistics.finite() == 0 {
        return (0.0, 0.0);
    }
    let whole = (statistics.min.min(0.0), statistics.max.max(0.0));
    let (lo, hi) = of_mass(&Mass::of(statistics), (f64::from(whole.0), f64::from(whole.1)), method);
    ((lo as f32).clamp(whole.0, 0.0), (hi as f32).clamp(0.0, whole.1))
}

fn of_mass(mass: &Mass, whole: (f64, f64), method: RangeMethod) -> (f64, f64) {
    match method {
        RangeMethod::MinMax => whole,
        RangeMethod::Percentile(p) => {
            let p = if p.is_nan() { 1.0 } else { (p / 100.0).clamp(0.5, 1.0) };
            (mass.quantile(1.0 - p).min(0.0), mass.quantile(p).max(0.0))
        }
        RangeMethod::Mse => mse::range(mass, whole),
        RangeMethod::Entropy => entropy::range(mass, whole),
        RangeMethod::Auto => {
            let ranges = CANDIDATES.map(|method| of_mass(mass, whole, method));
            let errors = ranges.map(|range| mass.error(range));
            let best = (0..ranges.len()).reduce(|best, k| if errors[k] < errors[best] { k } else { best });
            best.map_or(whole, |k| ranges[k])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// About normal values, of which some are far out.
    pub(super) fn sample(count: u32, outliers: u32, relu: bool) -> Vec<f32> {
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let mut values: Vec<f32> = (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect();
        values.iter_mut().take(outliers as usize).for_each(|x| *x *= 20.0);
        if relu { values.into_iter().map(|x| x.max(0.0)).collect() } else { values }
    }

    pub(super) fn statistics(values: &[f32]) -> TensorStatistics {
        TensorStatistics::of(values, &[values.len() as u64], None)
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut values = sample(20_000, 10, false);
        let seen = statistics(&values);
        values.sort_by(f32::total_cmp);
        for p in [99.0, 99.9, 99.99, 100.0] {
            let (lo, hi) = range(&seen, RangeMethod::Percentile(p));
            let at = |q: f64| values[((q * (values.len() - 1) as f64).round() as usize).min(values.len() - 1)];
            for (found, expected) in [(hi, at(p / 100.0)), (lo, at(1.0 - p / 100.0))] {
                assert!((found - expected).abs() <= expected.abs() * 0.02, "{p}: {found} {expected}");
            }
        }
        assert_eq!(range(&seen, RangeMethod::MinMax), (values[0], values[values.len() - 1]));
    }

    #[test]
    fn every_range_includes_zero_and_stays_within_what_was_seen() {
        let sets: [&[f32]; 6] = [&[], &[f32::NAN, f32::INFINITY], &[0.0; 5], &[3.0; 9], &[-2.0, -1.0], &[-3e38, 3e38, 1e-40]];
        let methods = [RangeMethod::MinMax, RangeMethod::Percentile(99.9), RangeMethod::Mse, RangeMethod::Entropy, RangeMethod::Auto];
        for values in sets {
            let seen = statistics(values);
            for method in methods {
                let (lo, hi) = range(&seen, method);
                assert!(lo <= 0.0 && hi >= 0.0, "{values:?} {method:?}: {lo} {hi}");
                assert!(seen.finite() == 0 || lo >= seen.min.min(0.0) && hi <= seen.max.max(0.0), "{values:?} {method:?}: {lo} {hi}");
            }
        }
        assert_eq!(range(&statistics(&[3.0; 9]), RangeMethod::Auto), (0.0, 3.0));
    }

    #[test]
    fn auto_is_never_worse_than_any_method() {
        for (outliers, relu) in [(0, false), (50, false), (5, true)] {
            let seen = statistics(&sample(10_000, outliers, relu));
            let error = |method| quantization_error(&seen, range(&seen, method));
            assert!(CANDIDATES.iter().all(|m| error(RangeMethod::Auto) <= error(*m)));
            assert!(outliers == 0 || error(RangeMethod::Auto) < error(RangeMethod::MinMax));
        }
    }
}
