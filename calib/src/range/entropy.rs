//! The range whose 256 codes tell most of the distribution.
//!
//! Over linear bins, P is the distribution with what a candidate clips added to its end bins; Q is what the codes can tell of it: the bins of each code share
//! its mass evenly, as far as P has any there. The candidate with the least Kullback-Leibler divergence of Q from P wins. Zeros, which have a code of
//! their own in every range, are left out. Sums up to each bin make a candidate cost 256 logarithms, however many bins it has.

use super::mass::{Mass, Side};

const BINS: usize = 2048;
const CODES: usize = 256;
/// Candidates are this many bins apart at first, then one around the best.
const STRIDE: usize = 16;
/// Ends are moved in turns at most so often.
const ROUNDS: usize = 4;
/// What is far beyond: not more than this share of the values that are not 0, or so many; and how far.
const FEW: f64 = 1e-4;
const AT_LEAST: f64 = 4.0;
const ROOM: f64 = 16.0;
/// A best range as narrow as candidates can be is looked at again, closer; the widest range of floats needs so many looks.
const LOOKS: usize = 48;
/// What a bin of Q holds at least, relative to all of P, where P holds something.
const LEAST: f64 = 1e-9;

pub(super) fn range(mass: &Mass, whole: (f64, f64)) -> (f64, f64) {
    let mut range = bulk(mass, whole);
    for _ in 0..LOOKS {
        let Some(bins) = Bins::of(mass, range) else { break };
        let (from, to) = bins.search();
        let edge = |k: usize| range.0 + (range.1 - range.0) * k as f64 / BINS as f64;
        range = (edge(from).min(0.0), edge(to).max(0.0));
        if to - from > CODES + STRIDE {
            break;
        }
    }
    range
}

/// Where all but few values lie, with ample room around: what lies far beyond would leave the others in one bin.
fn bulk(mass: &Mass, whole: (f64, f64)) -> (f64, f64) {
    let few = ((mass.above.count() + mass.below.count()) * FEW).max(AT_LEAST);
    let end = |side: &Side| side.at(side.count() - few) * ROOM;
    (whole.0.max(-end(&mass.below)), whole.1.min(end(&mass.above)))
}

/// A distribution over linear bins.
struct Bins {
    mass: Vec<f64>,
    /// The bin at whose lower edge 0 lies, or that 0 lies in.
    zero: usize,
    /// What lies before the first bin, and behind the last.
    outside: (f64, f64),
    /// Up to each bin: the mass, how many bins have some, and the sum of `p ln p`.
    sums: Vec<(f64, usize, f64)>,
}

impl Bins {
    /// `None` where there is nothing to distribute.
    fn of(mass: &Mass, (lo, hi): (f64, f64)) -> Option<Self> {
        let width = (hi - lo) / BINS as f64;
        let mut bins = vec![0.0; BINS];
        let above = spread(&mass.above, &mut |low, high| (low - lo, high - lo), hi, width, &mut bins);
        let below = spread(&mass.below, &mut |low, high| (-high - lo, -low - lo), -lo, width, &mut bins);
        let zero = (-lo / width).round().clamp(0.0, BINS as f64) as usize;
        Some(Self::new(bins, zero, (below, above))).filter(|b| width > 0.0 && b.sums[BINS].0 > 0.0)
    }

    fn new(mass: Vec<f64>, zero: usize, outside: (f64, f64)) -> Self {
        let mut sums = vec![(0.0, 0, 0.0)];
        let mut sum = (0.0, 0, 0.0);
        for m in &mass {
            sum = (sum.0 + m, sum.1 + usize::from(*m > 0.0), sum.2 + entropy(*m));
            sums.push(sum);
        }
        Self { mass, zero, outside, sums }
    }

    /// The best range of bins.
    fn search(&self) -> (usize, usize) {
        let mut best = (self.divergence(0, BINS), 0, BINS);
        // Both ends together.
        let all = (BINS - CODES) / STRIDE;
        for k in 1..=all {
            let part = |n: usize| n * k / (all + 1);
            self.consider(&mut best, part(self.zero), BINS - part(BINS - self.zero));
        }
        for _ in 0..ROUNDS {
            let before = best;
            for stride in [STRIDE, 1] {
                let reach = if stride == 1 { STRIDE } else { BINS };
                let (_, from, to) = best;
                for end in (to.saturating_sub(reach)..=(to + reach).min(BINS)).rev().step_by(stride) {
                    self.consider(&mut best, from, end);
                }
                let (_, from, to) = best;
                for start in (from.saturating_sub(reach)..=from + reach).step_by(stride) {
                    self.consider(&mut best, start, to);
                }
            }
            if best == before {
                break;
            }
        }
        (best.1, best.2)
    }

    fn consider(&self, best: &mut (f64, usize, usize), from: usize, to: usize) {
        if from <= self.zero && to >= self.zero && to >= from + CODES && to <= BINS {
            let divergence = self.divergence(from, to);
            if divergence < best.0 {
                *best = (divergence, from, to);
            }
        }
    }

    /// The divergence of the codes of bins `from..to`.
    fn divergence(&self, from: usize, to: usize) -> f64 {
        let total = self.outside.0 + self.sums[self.mass.len()].0 + self.outside.1;
        let told = self.sums[to].0 - self.sums[from].0;
        if told <= 0.0 {
            return f64::INFINITY;
        }
        let clipped = (self.outside.0 + self.sums[from].0, self.outside.1 + self.sums[self.mass.len()].0 - self.sums[to].0);
        let (first, last) = (self.mass[from], self.mass[to - 1]);
        let ends = entropy(first + clipped.0) - entropy(first) + entropy(last + clipped.1) - entropy(last);
        let own = self.sums[to].2 - self.sums[from].2 + ends;
        let mut cross = 0.0;
        for code in 0..CODES {
            let (a, b) = (from + code * (to - from) / CODES, from + (code + 1) * (to - from) / CODES);
            let mass = self.sums[b].0 - self.sums[a].0;
            let (mut held, mut filled) = (mass, self.sums[b].1 - self.sums[a].1);
            for (end, bin, outside) in [(0, from, clipped.0), (CODES - 1, to - 1, clipped.1)] {
                if code == end {
                    held += outside;
                    filled += usize::from(outside > 0.0 && self.mass[bin] <= 0.0);
                }
            }
            if held > 0.0 {
                cross += held * (mass / filled.max(1) as f64).max(LEAST * total).ln();
            }
        }
        (own - cross) / total - total.ln() + told.ln()
    }
}

fn entropy(p: f64) -> f64 {
    if p > 0.0 { p * p.ln() } else { 0.0 }
}

/// Spreads the parts of a side over bins of this width; what lies beyond `limit` comes back. `place` says where a part lies from the first bin on.
fn spread(side: &Side, place: &mut dyn FnMut(f64, f64) -> (f64, f64), limit: f64, width: f64, bins: &mut [f64]) -> f64 {
    let mut beyond = 0.0;
    for part in &side.parts {
        let inside = part.high.min(limit);
        let share = if part.high > part.low {
            ((inside - part.low) / (part.high - part.low)).max(0.0)
        } else {
            f64::from(u8::from(part.low <= limit))
        };
        beyond += part.count * (1.0 - share);
        if share <= 0.0 {
            continue;
        }
        let (low, high) = place(part.low, inside);
        let bin = |x: f64| ((x / width) as usize).min(BINS - 1);
        let (a, b) = (bin(low), bin(high));
        for (k, mass) in bins.iter_mut().enumerate().take(b + 1).skip(a) {
            let overlap = high.min((k + 1) as f64 * width) - low.max(k as f64 * width);
            let all = if a == b { 1.0 } else { (overlap / (high - low)).clamp(0.0, 1.0) };
            *mass += part.count * share * all;
        }
    }
    beyond
}

#[cfg(test)]
mod tests {
    use super::super::{
        RangeMethod, range as of,
        tests::{sample, statistics},
    };
    use super::*;

    /// P and Q written out.
    fn plain(mass: &[f64], from: usize, to: usize, outside: (f64, f64)) -> f64 {
        let mut p = mass[from..to].to_vec();
        let n = p.len();
        p[0] += outside.0 + mass[..from].iter().sum::<f64>();
        p[n - 1] += outside.1 + mass[to..].iter().sum::<f64>();
        let total: f64 = p.iter().sum();
        let mut q = vec![0.0; n];
        for code in 0..CODES {
            let bins = code * n / CODES..(code + 1) * n / CODES;
            let sum: f64 = mass[from..to][bins.clone()].iter().sum();
            let filled = bins.clone().filter(|k| p[*k] > 0.0).count();
            bins.filter(|k| p[*k] > 0.0).for_each(|k| q[k] = (sum / filled as f64).max(LEAST * total));
        }
        let told: f64 = mass[from..to].iter().sum();
        p.iter().zip(&q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p / total * ((p / total) / (q / told)).ln()).sum()
    }

    fn bins(values: &[f32]) -> Bins {
        let seen = statistics(values);
        Bins::of(&Mass::of(&seen), (f64::from(seen.min.min(0.0)), f64::from(seen.max.max(0.0)))).unwrap()
    }

    #[test]
    fn sums_give_what_the_definition_gives() {
        for (outliers, relu) in [(0, false), (7, false), (7, true)] {
            let bins = bins(&sample(5000, outliers, relu));
            for (from, to) in [(0, BINS), (0, 700), (3, 259), (500, 1900), (1, 2047)] {
                let expected = plain(&bins.mass, from, to, bins.outside);
                assert!((bins.divergence(from, to) - expected).abs() < 1e-9, "{from}..{to}: {expected}");
            }
        }
    }

    #[test]
    fn finds_what_trying_every_upper_end_finds() {
        let bins = bins(&sample(20_000, 20, true));
        let least = (CODES..=BINS).map(|to| bins.divergence(0, to)).fold(f64::INFINITY, f64::min);
        let (from, to) = bins.search();
        assert!(from == 0 && bins.divergence(from, to) <= least + 1e-3, "{to}: {} {least}", bins.divergence(from, to));
    }

    #[test]
    fn all_values_are_distributed_and_outliers_are_clipped() {
        let values = sample(20_000, 4, false);
        let all = bins(&values);
        assert!((all.sums[BINS].0 - values.iter().filter(|x| **x != 0.0).count() as f64).abs() < 1e-6);
        let (lo, hi) = of(&statistics(&values), RangeMethod::Entropy);
        assert!((-12.0..-2.0).contains(&lo) && (2.0..12.0).contains(&hi), "{lo} {hi}");
    }

    #[test]
    fn one_value_beyond_all_measure_does_not_hide_the_others() {
        let mut values = sample(5000, 0, false);
        values[7] = -3.0e38;
        let (lo, hi) = of(&statistics(&values), RangeMethod::Entropy);
        assert!(lo > -20.0 && hi > 2.0, "{lo} {hi}");
    }
}
