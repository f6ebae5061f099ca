//! How the finite values of a tensor are spread, on each side of 0.

use crate::statistics::TensorStatistics;

/// The values of a tensor. Those that are 0 stand for themselves, for 0 always has a code.
pub(super) struct Mass {
    /// How many are 0, or too small to tell from it.
    zeros: f64,
    /// Those above 0.
    pub(super) above: Side,
    /// Those below, with their signs turned.
    pub(super) below: Side,
}

/// Positive values.
#[derive(Default)]
pub(super) struct Side {
    /// In ascending order.
    pub(super) parts: Vec<Part>,
    /// Sums of the squares of the values of the parts before each, and of all.
    pub(super) squares: Vec<f64>,
}

/// Values that lie evenly between two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) count: f64,
}

impl Mass {
    pub(super) fn of(statistics: &TensorStatistics) -> Self {
        let (min, max) = (f64::from(statistics.min), f64::from(statistics.max));
        let mut made = Self { zeros: 0.0, above: Side::default(), below: Side::default() };
        let mut below = Vec::new();
        for bucket in statistics.histogram.buckets() {
            let part = Part { low: bucket.low.clamp(min, max), high: bucket.high.clamp(min, max), count: bucket.count as f64 };
            if bucket.low.abs().max(bucket.high.abs()) < f64::from(f32::MIN_POSITIVE) {
                made.zeros += part.count;
            } else if bucket.high > 0.0 {
                made.above.parts.push(part);
            } else {
                below.push(Part { low: -part.high, high: -part.low, ..part });
            }
        }
        below.reverse();
        made.below.parts = below;
        made.above.sum();
        made.below.sum();
        made
    }

    pub(super) fn total(&self) -> f64 {
        self.zeros + self.above.count() + self.below.count()
    }

    /// The value that this share of all is not above, interpolated within parts.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let rank = share * self.total();
        let below = self.below.count();
        if rank < below { -self.below.at(below - rank) } else { self.above.at(rank - below - self.zeros) }
    }
}

impl Side {
    fn sum(&mut self) {
        let mut sum = 0.0;
        self.squares = vec![0.0];
        for p in &self.parts {
            sum += p.count * (p.low * p.low + p.low * p.high + p.high * p.high) / 3.0;
            self.squares.push(sum);
        }
    }

    pub(super) fn count(&self) -> f64 {
        self.parts.iter().map(|p| p.count).sum()
    }

    /// The value that `rank` values are not above, interpolated within parts; 0 for none.
    pub(super) fn at(&self, mut rank: f64) -> f64 {
        let mut last = 0.0;
        for p in &self.parts {
            if rank <= 0.0 {
                return last;
            }
            if rank <= p.count {
                return p.low + rank / p.count * (p.high - p.low);
            }
            rank -= p.count;
            last = p.high;
        }
        last
    }
}
