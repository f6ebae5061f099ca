//! What is known of each channel of a tensor.

use super::fixed::Fixed;

/// Extremes and moments, a channel each. Values that are not finite are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelStatistics {
    /// The axis along which the channels lie.
    pub axis: usize,
    /// The least value; infinity where there was none.
    pub min: Vec<f32>,
    /// The greatest value; minus infinity where there was none.
    pub max: Vec<f32>,
    /// Finite values.
    pub(super) count: Vec<u64>,
    /// Samples that had some.
    pub(super) samples: Vec<u64>,
    /// Sums, by [`Sum`].
    pub(super) sums: [Vec<Fixed>; SUMS],
}

/// What is summed over samples: the sum of the values and of their squares, the least value and the greatest, and the squares of these.
pub(super) const SUMS: usize = 6;

/// What one sample tells of its channels.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelScan {
    pub(crate) min: Vec<f32>,
    pub(crate) max: Vec<f32>,
    pub(crate) sum: Vec<f64>,
    pub(crate) square: Vec<f64>,
    pub(crate) count: Vec<u64>,
}

impl ChannelScan {
    /// Empties it, for so many channels.
    pub(crate) fn reset(&mut self, channels: usize) {
        fn fill<T: Clone>(all: &mut Vec<T>, length: usize, value: T) {
            all.clear();
            all.resize(length, value);
        }
        fill(&mut self.min, channels, f32::INFINITY);
        fill(&mut self.max, channels, f32::NEG_INFINITY);
        fill(&mut self.sum, channels, 0.0);
        fill(&mut self.square, channels, 0.0);
        fill(&mut self.count, channels, 0);
    }
}

impl ChannelStatistics {
    /// Those of one sample. `None` where a sum is too large to be exact.
    pub(crate) fn of(axis: usize, scan: &ChannelScan) -> Option<Self> {
        let channels = scan.min.len();
        let mut made = Self {
            axis,
            // Adding 0 makes 0 of -0, which would depend on the order of values.
            min: scan.min.iter().map(|x| x + 0.0).collect(),
            max: scan.max.iter().map(|x| x + 0.0).collect(),
            count: scan.count.clone(),
            samples: scan.count.iter().map(|n| u64::from(*n > 0)).collect(),
            sums: std::array::from_fn(|_| Vec::with_capacity(channels)),
        };
        for c in 0..channels {
            let seen = scan.count[c] > 0;
            let (lo, hi) = if seen { (f64::from(scan.min[c]), f64::from(scan.max[c])) } else { (0.0, 0.0) };
            let terms = [scan.sum[c], scan.square[c], lo, lo * lo, hi, hi * hi];
            for (sum, term) in made.sums.iter_mut().zip(terms) {
                sum.push(Fixed::of(term)?);
            }
        }
        Some(made)
    }

    /// Whether both speak of the same channels.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.axis == other.axis && self.min.len() == other.min.len()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        fn all<T: Copy>(into: &mut [T], from: &[T], join: impl Fn(T, T) -> T) {
            into.iter_mut().zip(from).for_each(|(a, b)| *a = join(*a, *b));
        }
        all(&mut self.min, &other.min, f32::min);
        all(&mut self.max, &other.max, f32::max);
        all(&mut self.count, &other.count, u64::saturating_add);
        all(&mut self.samples, &other.samples, u64::saturating_add);
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| all(a, b, Fixed::plus));
    }

    /// The mean of each channel; 0 where nothing was seen.
    pub fn mean(&self) -> Vec<f64> {
        self.average(0, &self.count)
    }

    /// The mean of the squares of each channel; 0 where nothing was seen.
    pub fn mean_square(&self) -> Vec<f64> {
        self.average(1, &self.count)
    }

    /// A range for each channel that leaves room for what the samples did not show, and includes 0.
    ///
    /// The greatest values of a channel in the samples are taken for log-normal: over samples, channels that some inputs alone awaken vary by factors, not by
    /// terms (measured on gated convolutions: in an unusual input, channels of very different spread all reached 3.8 to 3.9 deviations of the logarithm).
    /// `hi = max(maxᵢ hᵢ, exp(µ + k σ))`, with σ² = ln(1 + (std(h) / mean(h))²) and µ = ln mean(h) − σ² / 2, where hᵢ is the channel's greatest value in
    /// sample i; the lower end alike. Both stay within the observed range of the whole tensor and a quarter more.
    pub fn with_margin(&self, k: f64) -> Vec<(f32, f32)> {
        let lowest = self.min.iter().copied().filter(|x| x.is_finite()).fold(0.0, f32::min) * HEADROOM;
        let highest = self.max.iter().copied().filter(|x| x.is_finite()).fold(0.0, f32::max) * HEADROOM;
        let averages: [Vec<f64>; SUMS] = std::array::from_fn(|s| self.average(s, &self.samples));
        let deviation = |c: usize, s: usize| (averages[s + 1][c] - averages[s][c] * averages[s][c]).max(0.0).sqrt();
        let range = |c: usize| {
            if self.samples[c] == 0 {
                return (0.0, 0.0);
            }
            let lo = -reach(-averages[2][c], deviation(c, 2), k).max(-f64::from(self.min[c])) as f32;
            let hi = reach(averages[4][c], deviation(c, 4), k).max(f64::from(self.max[c])) as f32;
            (lo.max(lowest).min(0.0), hi.min(highest).max(0.0))
        };
        (0..self.min.len()).map(range).collect()
    }

    fn average(&self, sum: usize, over: &[u64]) -> Vec<f64> {
        self.sums[sum].iter().zip(over).map(|(s, n)| s.to_f64() / (*n).max(1) as f64).collect()
    }
}

/// How far beyond the observed range of its tensor a channel may reach.
const HEADROOM: f32 = 1.25;

/// With a deviation of less than this share of its mean, a quantity is taken for normal.
const STEADY: f64 = 0.75;

/// `k` deviations above the mean of a quantity that is about log-normal; `k + 1` of one that is about normal, as steady ones are.
fn reach(mean: f64, deviation: f64, k: f64) -> f64 {
    if deviation <= STEADY * mean || mean <= 0.0 {
        return mean + (k + 1.0) * deviation;
    }
    let variance = (deviation / mean).powi(2).ln_1p();
    mean * (k * variance.sqrt() - variance / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(hi: f32, lo: f32) -> ChannelStatistics {
        let scan = ChannelScan {
            min: vec![lo, -9.0],
            max: vec![hi, 20.0],
            sum: vec![f64::from(hi) + f64::from(lo), 11.0],
            square: vec![f64::from(hi).powi(2) + f64::from(lo).powi(2), 481.0],
            count: vec![2, 2],
        };
        ChannelStatistics::of(1, &scan).unwrap()
    }

    #[test]
    fn margins_reach_beyond_the_samples_and_not_beyond_the_tensor() {
        let mut all = sample(2.0, 1.0);
        all.merge(&sample(4.0, -1.0));
        assert_eq!(all.mean(), [1.5, 5.5]);
        assert_eq!(all.mean_square(), [5.5, 240.5]);
        assert_eq!(all.with_margin(0.0), [(-1.0, 4.0), (-9.0, 20.0)]);
        assert_eq!(all.with_margin(3.0), [(-4.0, 7.0), (-9.0, 20.0)]);
        // Mean 3, deviation 3: σ² = ln 2.
        let mut unsteady = sample(0.0, 0.0);
        unsteady.merge(&sample(6.0, 0.0));
        let expected = 3.0 * (2.0 * 2.0f64.ln().sqrt() - 2.0f64.ln() / 2.0).exp();
        assert!((f64::from(unsteady.with_margin(2.0)[0].1) - expected).abs() < 1e-4);
        assert_eq!(all.with_margin(1e9)[0], (-11.25, 25.0));
    }

    #[test]
    fn what_cannot_be_summed_is_refused() {
        let scan = ChannelScan { min: vec![-3e38], max: vec![0.0], sum: vec![-3e38], square: vec![9e76], count: vec![1] };
        assert_eq!(ChannelStatistics::of(0, &scan), None);
    }
}
