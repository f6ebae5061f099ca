//! What samples tell of a model's values, in a form that adds up exactly.
//!
//! Statistics of parts of the samples merge into those of all, to the bit, in whatever order: counts and extremes are exact by nature, and sums are rounded
//! once, for each sample, into fixed point. They know of which model they are, and from which samples, so that nothing is counted twice or mistaken.

mod channels;
mod fault;
mod file;
mod fixed;
mod tensor;
mod varint;

pub(crate) use channels::ChannelScan;
pub use channels::ChannelStatistics;
pub use fault::StatisticsError;
pub(crate) use fixed::MAX_TERMS;
pub use tensor::TensorStatistics;

use crate::Digest;
use shrinx_rewrite::ir::ValueId;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A value to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observe {
    /// The value.
    pub value: ValueId,
    /// The axis along which it has channels, if it has.
    pub channel_axis: Option<usize>,
}

/// Statistics of one model over a set of samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    model: Digest,
    random: bool,
    samples: BTreeSet<Digest>,
    tensors: BTreeMap<String, TensorStatistics>,
}

/// Something about a tensor that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The tensor.
    pub tensor: String,
    /// How many NaNs it had.
    pub nan: u64,
    /// How many infinities.
    pub infinite: u64,
    /// It has no statistics a channel, where it should.
    pub dropped: bool,
}

impl Statistics {
    /// Statistics of a model over no samples.
    pub fn new(model: Digest) -> Self {
        Self { model, ..Self::default() }
    }

    /// Those over one more sample.
    pub(crate) fn add_sample(&mut self, sample: Digest, random: bool) -> Result<(), StatisticsError> {
        self.random |= random;
        if !self.samples.insert(sample) {
            return Err(StatisticsError::SampleTwice { count: 1 });
        }
        self.check_size()
    }

    /// Where to add what a sample tells of a tensor.
    pub(crate) fn add_tensor(&mut self, name: &str, seen: TensorStatistics) {
        match self.tensors.get_mut(name) {
            Some(tensor) => tensor.merge(&seen),
            None => {
                self.tensors.insert(name.into(), seen);
            }
        }
    }

    /// What is known of a tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorStatistics> {
        self.tensors.get(name)
    }

    /// All tensors, by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorStatistics)> {
        self.tensors.iter().map(|(name, t)| (name.as_str(), t))
    }

    /// The digest of the model that was run.
    pub fn model(&self) -> Digest {
        self.model
    }

    /// How many samples were run.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Whether some of the samples were made up.
    pub fn is_random(&self) -> bool {
        self.random
    }

    /// Refuses statistics of another model.
    pub fn require_model(&self, model: Digest) -> Result<(), StatisticsError> {
        if self.model == model { Ok(()) } else { Err(StatisticsError::OtherModel) }
    }

    /// Statistics over the samples of both. Refuses those of another model, and samples that are in both.
    pub fn merge(mut self, other: Self) -> Result<Self, StatisticsError> {
        self.require_model(other.model)?;
        let count = self.samples.intersection(&other.samples).count();
        if count > 0 {
            return Err(StatisticsError::SampleTwice { count });
        }
        self.random |= other.random;
        self.samples.extend(other.samples);
        self.check_size()?;
        for (name, tensor) in other.tensors {
            self.add_tensor(&name, tensor);
        }
        Ok(self)
    }

    /// Tensors with NaNs or infinities, and those that could not be followed channel by channel, by name.
    pub fn troubles(&self) -> Vec<Trouble> {
        let trouble = |(name, t): (&str, &TensorStatistics)| {
            let trouble = Trouble { tensor: name.into(), nan: t.nan, infinite: t.infinite, dropped: t.dropped };
            (t.nan > 0 || t.infinite > 0 || t.dropped).then_some(trouble)
        };
        self.tensors().filter_map(trouble).collect()
    }

    fn check_size(&self) -> Result<(), StatisticsError> {
        if self.samples.len() > MAX_TERMS { Err(StatisticsError::TooManySamples) } else { Ok(()) }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.tensor)?;
        let found = [(self.nan, "NaN"), (self.infinite, "infinite")];
        let found: Vec<String> = found.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if !found.is_empty() {
            write!(f, "has {} values, left out of its range", found.join(" and "))?;
        }
        if self.dropped {
            let and = if found.is_empty() { "" } else { "; " };
            write!(
                f,
                "{and}has no statistics a channel: their number differs between samples, or values are too large to be summed exactly"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statistics of sample `k` of twelve.
    fn one(k: u64) -> Statistics {
        let mut made = Statistics::new([7; 32]);
        made.add_sample(*blake3::hash(&k.to_le_bytes()).as_bytes(), false).unwrap();
        let data: Vec<f32> = (0..24).map(|i| ((i as f32 + 1.3) * (k as f32 + 0.7)).sin() * 10f32.powi(k as i32 - 5)).collect();
        made.add_tensor("t", TensorStatistics::of(&data, &[2, 3, 4], Some(1)));
        if k.is_multiple_of(3) {
            made.add_tensor("odd", TensorStatistics::of(&data[..=k as usize], &[k + 1], Some(0)));
        }
        if k == 4 {
            made.add_tensor("bad", TensorStatistics::of(&[f32::NAN, -1.0, f32::INFINITY], &[3], None));
        }
        made
    }

    fn merged(parts: impl IntoIterator<Item = Statistics>) -> Statistics {
        parts.into_iter().reduce(|a, b| a.merge(b).unwrap()).unwrap()
    }

    #[test]
    fn any_partition_in_any_order_gives_the_same_bytes() {
        let whole = merged((0..12).map(one)).to_bytes();
        for seed in 0u64..20 {
            let mut parts: Vec<Statistics> = (0..12).map(one).collect();
            let mut state = seed;
            while parts.len() > 1 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let a = parts.swap_remove((state >> 33) as usize % parts.len());
                let b = parts.swap_remove((state >> 40) as usize % parts.len());
                parts.push(a.merge(b).unwrap());
            }
            assert_eq!(parts[0].to_bytes(), whole, "{seed}");
        }
        let back = Statistics::from_bytes(&whole).unwrap();
        assert_eq!(back.to_bytes(), whole);
        assert_eq!(back, merged((0..12).map(one)));
        assert_eq!(back.samples(), 12);
    }

    #[test]
    fn what_was_counted_is_not_counted_again() {
        let twice = merged([one(1), one(2)]).merge(one(2)).unwrap_err();
        assert_eq!(twice.to_string(), "1 sample is in both statistics: a shard was given twice");
        let other = one(1).merge(Statistics::new([8; 32])).unwrap_err();
        assert_eq!(other.to_string(), "the statistics are of another model, or of this one prepared otherwise");
    }

    #[test]
    fn troubles_are_named() {
        let all = merged((0..12).map(one));
        let said: Vec<String> = all.troubles().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "`bad` has 1 NaN and 1 infinite values, left out of its range",
                "`odd` has no statistics a channel: their number differs between samples, or values are too large to be summed exactly",
            ]
        );
        let bad = all.tensor("bad").unwrap();
        assert_eq!((bad.count, bad.nan, bad.infinite, bad.min, bad.max), (3, 1, 1, -1.0, -1.0));
    }
}
