//! One pass over the values of a tensor, which is what calibration costs beside running the model.
//!
//! Each block of values is read twice while it is in the cache: once for extremes, sums and zeros, several values at a time, and once for the histogram.

use crate::{
    histogram::prefix_of,
    statistics::{ChannelScan, ChannelStatistics, TensorStatistics},
};

/// Looks at tensors, one after the other; keeps its tables between them.
pub(crate) struct Scanner {
    /// Counts by prefix, in turns: a value that equals the one before it must not wait for its count to be stored.
    counts: [Vec<u32>; TURNS],
    channels: ChannelScan,
}

const TURNS: usize = 2;
const PREFIXES: usize = 1 << 16;
/// Prefixes that are looked at together.
const PAGE: usize = 256;
/// Values of a block: they stay in the first cache, and their number in a count of 32 bits.
const BLOCK: usize = 2048;
/// Blocks after which counts are taken out of the table, long before they overflow.
const LONG: usize = 1 << 30;
/// Fewer values than this are counted one by one, for emptying the table costs as much.
const FEW: usize = 8192;

impl Default for Scanner {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| vec![0; PREFIXES]), channels: ChannelScan::default() }
    }
}

impl Scanner {
    /// What one sample shows of a tensor: `data` of shape `dims`, with channels along `axis`.
    pub(crate) fn scan(&mut self, data: &[f32], dims: &[u64], axis: Option<usize>) -> TensorStatistics {
        let mut seen = TensorStatistics { count: data.len() as u64, ..TensorStatistics::default() };
        let channels = axis.and_then(|a| Some((*dims.get(a)? as usize, dims[a + 1..].iter().product::<u64>() as usize)));
        // Without channels, all is one.
        let (count, inner) = channels.unwrap_or((1, data.len()));
        self.channels.reset(count);
        if inner == 1 && count > 1 {
            data.chunks_exact(count).for_each(|row| self.row(row, &mut seen));
        } else if inner > 0 {
            for (k, block) in data.chunks_exact(inner).enumerate() {
                self.block(k % count, block, &mut seen);
            }
        }
        if self.channels.count.iter().any(|n| *n > 0) {
            seen.min = self.channels.min.iter().copied().fold(f32::INFINITY, f32::min) + 0.0;
            seen.max = self.channels.max.iter().copied().fold(f32::NEG_INFINITY, f32::max) + 0.0;
        }
        for part in data.chunks(LONG) {
            self.count(part, &mut seen);
        }
        if let Some(axis) = axis {
            seen.channels = channels.and_then(|_| ChannelStatistics::of(axis, &self.channels));
            seen.dropped = seen.channels.is_none();
        }
        seen
    }

    /// Values of one channel.
    fn block(&mut self, channel: usize, values: &[f32], seen: &mut TensorStatistics) {
        let c = &mut self.channels;
        for part in values.chunks(BLOCK) {
            let found = Lanes::of(part);
            seen.zero += found.zero;
            if !found.is_finite() {
                for x in part {
                    one(c, channel, *x, seen);
                }
                continue;
            }
            c.min[channel] = c.min[channel].min(found.min);
            c.max[channel] = c.max[channel].max(found.max);
            c.sum[channel] += found.sum;
            c.square[channel] += found.square;
            c.count[channel] += part.len() as u64;
        }
    }

    /// A value of each channel.
    fn row(&mut self, row: &[f32], seen: &mut TensorStatistics) {
        let found = Lanes::of(row);
        seen.zero += found.zero;
        let c = &mut self.channels;
        if !found.is_finite() {
            row.iter().enumerate().for_each(|(k, x)| one(c, k, *x, seen));
            return;
        }
        let (extremes, sums) = (c.min.iter_mut().zip(&mut c.max), c.sum.iter_mut().zip(&mut c.square));
        for ((x, (min, max)), ((sum, square), count)) in row.iter().zip(extremes).zip(sums.zip(&mut c.count)) {
            let wide = f64::from(*x);
            *min = if *x < *min { *x } else { *min };
            *max = if *x > *max { *x } else { *max };
            *sum += wide;
            *square += wide * wide;
            *count += 1;
        }
    }

    /// Counts values, among which are no lesser and no greater ones than were seen.
    fn count(&mut self, values: &[f32], seen: &mut TensorStatistics) {
        if values.len() < FEW {
            for x in values {
                seen.histogram.add(prefix_of(*x), 1);
            }
            return;
        }
        let [a, b] = &mut self.counts;
        let (pairs, rest) = values.as_chunks::<TURNS>();
        for [x, y] in pairs {
            a[usize::from(prefix_of(*x))] += 1;
            b[usize::from(prefix_of(*y))] += 1;
        }
        for x in rest {
            a[usize::from(prefix_of(*x))] += 1;
        }
        let page_of = |x: f32| usize::from(prefix_of(x)) / PAGE;
        // Infinities and NaNs are counted too, and must be taken out again.
        let finite = seen.nan + seen.infinite == 0;
        let top = if finite { page_of(seen.max.max(0.0)) } else { page_of(f32::INFINITY) };
        let bottom = if finite && seen.min >= 0.0 {
            page_of(-0.0)
        } else if finite {
            page_of(seen.min)
        } else {
            page_of(f32::NEG_INFINITY)
        };
        for page in (0..=top).chain(page_of(-0.0)..=bottom) {
            let range = page * PAGE..(page + 1) * PAGE;
            let (a, b) = (&mut a[range.clone()], &mut b[range]);
            if a.iter().chain(b.iter()).fold(0, |any, n| any | n) == 0 {
                continue;
            }
            for (k, (a, b)) in a.iter_mut().zip(b).enumerate() {
                seen.histogram.add((page * PAGE + k) as u16, u64::from(*a) + u64::from(*b));
                (*a, *b) = (0, 0);
            }
        }
    }
}

/// A value of a block that holds some that are not finite. Zeros are counted already.
fn one(c: &mut ChannelScan, channel: usize, x: f32, seen: &mut TensorStatistics) {
    if x.is_nan() {
        seen.nan += 1;
    } else if x.is_infinite() {
        seen.infinite += 1;
    } else {
        c.min[channel] = c.min[channel].min(x);
        c.max[channel] = c.max[channel].max(x);
        c.sum[channel] += f64::from(x);
        c.square[channel] += f64::from(x) * f64::from(x);
        c.count[channel] += 1;
    }
}

/// What a block shows. In a fixed order, so that sums are the same everywhere.
struct Lanes {
    min: f32,
    max: f32,
    sum: f64,
    square: f64,
    zero: u64,
}

impl Lanes {
    const WIDTH: usize = 8;

    fn of(values: &[f32]) -> Self {
        let (mut min, mut max) = ([f32::INFINITY; Self::WIDTH], [f32::NEG_INFINITY; Self::WIDTH]);
        let (mut sum, mut square, mut zero) = ([0f64; Self::WIDTH], [0f64; Self::WIDTH], [0u32; Self::WIDTH]);
        let (chunks, rest) = values.as_chunks::<{ Self::WIDTH }>();
        for chunk in chunks {
            for k in 0..Self::WIDTH {
                let x = chunk[k];
                let wide = f64::from(x);
                min[k] = if x < min[k] { x } else { min[k] };
                max[k] = if x > max[k] { x } else { max[k] };
                zero[k] += u32::from(x == 0.0);
                sum[k] += wide;
                square[k] += wide * wide;
            }
        }
        let mut all = Self {
            min: min.into_iter().fold(f32::INFINITY, f32::min),
            max: max.into_iter().fold(f32::NEG_INFINITY, f32::max),
            sum: sum.iter().sum(),
            square: square.iter().sum(),
            zero: zero.iter().map(|n| u64::from(*n)).sum(),
        };
        for x in rest {
            let wide = f64::from(*x);
            all.min = all.min.min(*x);
            all.max = all.max.max(*x);
            all.zero += u64::from(*x == 0.0);
            all.sum += wide;
            all.square += wide * wide;
        }
        all
    }

    /// No sum of so few finite floats leaves the range of f64, and no NaN or infinity leaves the sum of squares finite.
    fn is_finite(&self) -> bool {
        self.square.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plain way.
    fn expected(data: &[f32], dims: &[u64], axis: Option<usize>) -> TensorStatistics {
        let mut t = TensorStatistics { count: data.len() as u64, ..TensorStatistics::default() };
        let (count, inner) = axis.map_or((1, data.len()), |a| (dims[a] as usize, dims[a + 1..].iter().product::<u64>() as usize));
        let mut c = ChannelScan::default();
        c.reset(count);
        for (k, x) in data.iter().enumerate() {
            t.zero += u64::from(*x == 0.0);
            one(&mut c, k / inner.max(1) % count, *x, &mut t);
            t.histogram.add(prefix_of(*x), 1);
        }
        t.min = c.min.iter().copied().fold(f32::INFINITY, f32::min);
        t.max = c.max.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        t.channels = axis.and_then(|a| ChannelStatistics::of(a, &c));
        t
    }

    #[test]
    fn agrees_with_the_plain_way() {
        let mut scanner = Scanner::default();
        // Small integers: sums are exact in any order.
        let value = |k: u64| ((k.wrapping_mul(2_654_435_761) >> 7) % 97) as f32 - 40.0;
        for dims in [vec![3, 5, 7, 11], vec![2, 9, 50, 60], vec![40, 300], vec![1, 6, 1, 1], vec![2, 0, 4], vec![3000, 7]] {
            let count: u64 = dims.iter().product();
            let mut data: Vec<f32> = (0..count).map(value).collect();
            for spoiled in [false, true] {
                if spoiled && count > 20 {
                    (data[3], data[11], data[17]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
                }
                for axis in [None, Some(0), Some(1), Some(dims.len() - 1)] {
                    assert_eq!(scanner.scan(&data, &dims, axis), expected(&data, &dims, axis), "{dims:?} {axis:?} {spoiled}");
                }
            }
        }
    }

    #[test]
    fn an_axis_that_is_not_there_is_said() {
        let seen = Scanner::default().scan(&[1.0, 2.0], &[2], Some(1));
        assert!(seen.dropped && seen.channels.is_none() && seen.max == 2.0);
    }

    #[test]
    fn negative_zero_is_zero() {
        let seen = Scanner::default().scan(&[-0.0, -0.0], &[2], Some(0));
        assert!(seen.min.is_sign_positive() && seen.zero == 2);
        assert!(seen.channels.unwrap().min[0].is_sign_positive());
    }
}
