//! The range with the least expected squared error: a sweep over both ends together, then each end by itself in ever smaller steps.

use super::mass::Mass;

/// By how much the sweep shrinks the range each time, and how often: to a thousandth.
const SHRINK: f64 = 0.96;
const SHRINKS: i32 = 170;
/// Factors by which an end moves, coarse ones first.
const STEPS: [f64; 5] = [0.7, 0.85, 0.95, 0.98, 0.995];
/// No search goes on for ever.
const MOVES: usize = 64;

pub(super) fn range(mass: &Mass, whole: (f64, f64)) -> (f64, f64) {
    let mut best = Best { mass, whole, range: whole, error: mass.error(whole) };
    for k in 1..SHRINKS {
        let factor = SHRINK.powi(k);
        best.consider((whole.0 * factor, whole.1 * factor));
    }
    for step in STEPS {
        for _ in 0..MOVES {
            let (lo, hi) = best.range;
            let ends = [(lo, hi * step), (lo, hi / step), (lo * step, hi), (lo / step, hi)];
            if !ends.map(|range| best.consider(range)).contains(&true) {
                break;
            }
        }
    }
    best.range
}

struct Best<'a> {
    mass: &'a Mass,
    whole: (f64, f64),
    range: (f64, f64),
    error: f64,
}

impl Best<'_> {
    /// Takes a range, cut to what was seen, if it is better.
    fn consider(&mut self, range: (f64, f64)) -> bool {
        let range = (range.0.max(self.whole.0), range.1.min(self.whole.1));
        if range == self.range {
            return false;
        }
        let error = self.mass.error(range);
        let better = error < self.error;
        if better {
            (self.range, self.error) = (range, error);
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        RangeMethod, range,
        tests::{sample, statistics},
    };
    use super::Mass;

    #[test]
    fn finds_what_trying_all_ranges_finds() {
        for (count, outliers, relu) in [(3000, 0, false), (3000, 9, false), (3000, 9, true), (40, 1, false)] {
            let seen = statistics(&sample(count, outliers, relu));
            let mass = Mass::of(&seen);
            let (lo, hi) = range(&seen, RangeMethod::Mse);
            let found = mass.error((f64::from(lo), f64::from(hi)));
            let grid = |end: f32| (0..=120).map(move |k| f64::from(end) * f64::from(k) / 120.0);
            let all = grid(seen.min.min(0.0)).flat_map(|l| grid(seen.max.max(0.0)).map(move |h| (l, h)));
            let least = all.map(|range| mass.error(range)).fold(f64::INFINITY, f64::min);
            assert!(found <= least * 1.01, "{count} {outliers}: {found} {least}");
        }
    }
}
