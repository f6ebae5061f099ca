//! Counts of values by the upper 16 bits of their float32 form, which are their bfloat16 prefix: a relative resolution of 1/128 over the whole range of
//! floats. Which bucket a value falls into depends on the value alone, so that histograms of parts add up to that of the whole.

/// How often values of each bucket were seen. Finite values only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// 256 pages in the order of values, those without counts left out; none at all in an empty histogram.
    pages: Vec<Option<Box<Page>>>,
}

const PAGE: usize = 256;
type Page = [u64; PAGE];

/// Values that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The lowest of them.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// How many were seen.
    pub count: u64,
}

impl Histogram {
    /// Counts values with a prefix. The prefix of an infinity or of a NaN is ignored.
    pub fn add(&mut self, prefix: u16, count: u64) {
        if count == 0 || prefix & 0x7f80 == 0x7f80 {
            return;
        }
        let (page, place) = place(prefix);
        let slot = &mut self.page(page)[place];
        *slot = slot.saturating_add(count);
    }

    /// Adds the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (k, page) in other.pages.iter().enumerate() {
            if let Some(page) = page {
                self.page(k).iter_mut().zip(page.iter()).for_each(|(a, b)| *a = a.saturating_add(*b));
            }
        }
    }

    /// Prefixes with their counts, in the order of their values, -0 before 0.
    pub fn counts(&self) -> impl Iterator<Item = (u16, u64)> {
        let pages = self.pages.iter().enumerate().filter_map(|(k, page)| Some((k, page.as_ref()?)));
        pages.flat_map(|(k, page)| page.iter().enumerate().filter(|(_, n)| **n > 0).map(move |(place, n)| (prefix(k * PAGE + place), *n)))
    }

    /// What was seen, in the order of values.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.counts().map(|(prefix, count)| {
            let near = f64::from(f32::from_bits(u32::from(prefix) << 16));
            let far = f64::from(f32::from_bits(u32::from(prefix) << 16 | 0xffff));
            Bucket { low: near.min(far), high: near.max(far), count }
        })
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.counts().fold(0, |sum, (_, n)| sum.saturating_add(n))
    }

    fn page(&mut self, k: usize) -> &mut Page {
        if self.pages.is_empty() {
            self.pages.resize(PAGE, None);
        }
        self.pages[k].get_or_insert_with(|| Box::new([0; PAGE]))
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.buckets()).finish()
    }
}

/// The prefix of a value.
pub(crate) fn prefix_of(x: f32) -> u16 {
    (x.to_bits() >> 16) as u16
}

/// Floats order as their bits do, once the bits of negative ones are turned around.
fn place(prefix: u16) -> (usize, usize) {
    let key = usize::from(if prefix & 0x8000 == 0 { prefix | 0x8000 } else { !prefix });
    (key / PAGE, key % PAGE)
}

fn prefix(key: usize) -> u16 {
    let key = key as u16;
    if key & 0x8000 == 0 { !key } else { key & 0x7fff }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        for x in values {
            histogram.add(prefix_of(*x), 1);
        }
        histogram
    }

    #[test]
    fn buckets_hold_their_values_and_come_in_order() {
        let values = [-3.4e38, -7.0, -1e-30, -0.0, 0.0, 1e-40, 0.1, 0.1003, 1.0, 3.4e38];
        let buckets: Vec<Bucket> = of(&values).buckets().collect();
        assert!(buckets.windows(2).all(|w| w[0].high <= w[1].low), "{buckets:?}");
        assert!(values.iter().all(|x| buckets.iter().any(|b| b.low <= f64::from(*x) && f64::from(*x) <= b.high)));
        assert_eq!(buckets.iter().map(|b| b.count).sum::<u64>(), 10);
        assert!(buckets.iter().all(|b| b.high - b.low <= b.high.abs().max(b.low.abs()) / 128.0 || b.high.abs() < 1e-37));
    }

    #[test]
    fn parts_add_up_and_what_is_not_finite_is_left_out() {
        let (a, b) = ([1.0, -2.0, 0.5], [1.001, f32::NAN, f32::INFINITY, 9.0]);
        let mut sum = of(&b);
        sum.merge(&of(&a));
        assert_eq!(sum, of(&[&a[..], &b[..]].concat()));
        assert_eq!(sum.total(), 5);
        assert_eq!(Histogram::default(), of(&[f32::NAN]));
    }
}
