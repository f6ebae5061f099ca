//! What is known of one tensor.

use super::ChannelStatistics;
use crate::{collect::scan::Scanner, histogram::Histogram};

/// What samples showed of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorStatistics {
    /// Elements.
    pub count: u64,
    /// Those that are NaN.
    pub nan: u64,
    /// Those that are infinite.
    pub infinite: u64,
    /// Those that are 0 or -0.
    pub zero: u64,
    /// The least finite value; infinity where there was none.
    pub min: f32,
    /// The greatest finite value; minus infinity where there was none.
    pub max: f32,
    /// The finite values.
    pub histogram: Histogram,
    /// The tensor channel by channel, where that was asked for and could be done.
    pub channels: Option<ChannelStatistics>,
    /// It was asked for and could not: samples have different numbers of channels, or values too large for sums that do not depend on their order.
    pub dropped: bool,
}

impl Default for TensorStatistics {
    fn default() -> Self {
        Self {
            count: 0,
            nan: 0,
            infinite: 0,
            zero: 0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            histogram: Histogram::default(),
            channels: None,
            dropped: false,
        }
    }
}

impl TensorStatistics {
    /// What one sample shows: `data` of shape `dims`, with channels along `axis`.
    pub fn of(data: &[f32], dims: &[u64], axis: Option<usize>) -> Self {
        Scanner::default().scan(data, dims, axis)
    }

    /// Values that are neither NaN nor infinite.
    pub fn finite(&self) -> u64 {
        self.count.saturating_sub(self.nan).saturating_sub(self.infinite)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (a, b) in
            [(&mut self.count, other.count), (&mut self.nan, other.nan), (&mut self.infinite, other.infinite), (&mut self.zero, other.zero)]
        {
            *a = a.saturating_add(b);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.histogram.merge(&other.histogram);
        // What is dropped stays so: the order of merging must not show.
        let together = !self.dropped
            && !other.dropped
            && match (&mut self.channels, &other.channels) {
                (Some(a), Some(b)) if a.matches(b) => {
                    a.merge(b);
                    true
                }
                (None, None) => true,
                (Some(_), _) | (None, Some(_)) => false,
            };
        if !together {
            self.dropped = true;
            self.channels = None;
        }
    }
}
