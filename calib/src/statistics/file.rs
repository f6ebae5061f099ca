//! The file of statistics: a mark, a version, sections, and the BLAKE3 hash of all before it.
//!
//! A section is four letters, the length of its contents in eight bytes, and the contents: `MODL` the model and whether samples were made up, `SAMP` the
//! samples, `TENS` counts, extremes and histograms, `CHAN` channels. All is little endian and in a fixed order, so that equal statistics are equal bytes.

use super::{
    ChannelStatistics, Statistics, StatisticsError, TensorStatistics,
    channels::SUMS,
    fixed::{Fixed, MAX_TERMS},
    varint::{Decoder, Encoder},
};
use crate::Digest;
use std::collections::BTreeMap;

const MARK: &[u8; 8] = b"shrxstat";
const VERSION: u32 = 1;
const HASH: usize = 32;
/// What a tensor without histogram, and a channel, take at least.
const TENSOR: usize = 1 + 4 + 8 + 1 + 1;
const CHANNEL: usize = 4 + 4 + 1 + 1 + SUMS;

impl Statistics {
    /// The statistics as a file. Equal statistics give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Encoder::default();
        file.bytes(MARK);
        file.bytes(&VERSION.to_le_bytes());
        let mut section = |tag: &[u8; 4], contents: Encoder| {
            file.bytes(tag);
            file.bytes(&(contents.0.len() as u64).to_le_bytes());
            file.bytes(&contents.0);
        };
        let mut model = Encoder::default();
        model.bytes(&self.model);
        model.count(u64::from(self.random));
        section(b"MODL", model);
        let mut samples = Encoder::default();
        samples.count(self.samples.len());
        self.samples.iter().for_each(|digest| samples.bytes(digest));
        section(b"SAMP", samples);
        let (mut tensors, mut channels) = (Encoder::default(), Encoder::default());
        tensors.count(self.tensors.len());
        for (name, tensor) in &self.tensors {
            tensors.text(name);
            write_tensor(&mut tensors, tensor);
            if let Some(seen) = &tensor.channels {
                write_channels(&mut channels, seen);
            }
        }
        section(b"TENS", tensors);
        section(b"CHAN", channels);
        let hash = *blake3::hash(&file.0).as_bytes();
        file.bytes(&hash);
        file.0
    }

    /// Reads a file of statistics. What is cut, changed or of another version is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StatisticsError> {
        let mut head = Decoder(bytes);
        if head.array().ok() != Some(*MARK) {
            return Err(StatisticsError::NotStatistics);
        }
        let version = u32::from_le_bytes(head.array()?);
        if version != VERSION {
            return Err(StatisticsError::Version(version));
        }
        let (body, hash) = bytes.split_at_checked(bytes.len().saturating_sub(HASH)).ok_or(StatisticsError::Damaged("it ends too early"))?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(StatisticsError::Damaged("its contents do not have the hash that it names"));
        }
        let mut rest = Decoder(body.get(MARK.len() + 4..).ok_or(StatisticsError::Damaged("it ends too early"))?);
        let mut made = Self::default();
        let mut model = section(&mut rest, *b"MODL")?;
        made.model = model.array()?;
        made.random = model.count()? != 0;
        let mut samples = section(&mut rest, *b"SAMP")?;
        for _ in 0..samples.length(size_of::<Digest>())? {
            made.samples.insert(samples.array()?);
        }
        if made.samples.len() > MAX_TERMS {
            return Err(StatisticsError::TooManySamples);
        }
        let (mut tensors, mut channels) = (section(&mut rest, *b"TENS")?, section(&mut rest, *b"CHAN")?);
        let mut all = BTreeMap::new();
        for _ in 0..tensors.length(TENSOR)? {
            let name = tensors.text()?.to_string();
            all.insert(name, read_tensor(&mut tensors, &mut channels)?);
        }
        made.tensors = all;
        let done = [&rest, &model, &samples, &tensors, &channels].iter().all(|d| d.0.is_empty());
        if done { Ok(made) } else { Err(StatisticsError::Damaged("a section goes on after its end")) }
    }
}

fn section<'a>(from: &mut Decoder<'a>, tag: [u8; 4]) -> Result<Decoder<'a>, StatisticsError> {
    if from.array()? != tag {
        return Err(StatisticsError::Damaged("a section is missing"));
    }
    let length = u64::from_le_bytes(from.array()?);
    let length = usize::try_from(length).map_err(|_| StatisticsError::Damaged("a length exceeds what there is"))?;
    Ok(Decoder(from.bytes(length)?))
}

/// How a tensor stands with its channels.
const NO_CHANNELS: u64 = 0;
const CHANNELS: u64 = 1;
const DROPPED: u64 = 2;

fn write_tensor(into: &mut Encoder, t: &TensorStatistics) {
    for n in [t.count, t.nan, t.infinite, t.zero] {
        into.count(n);
    }
    into.float(t.min);
    into.float(t.max);
    into.count(if t.channels.is_some() { CHANNELS } else { u64::from(t.dropped) * DROPPED });
    into.count(t.histogram.counts().count());
    for (prefix, count) in t.histogram.counts() {
        into.bytes(&prefix.to_le_bytes());
        into.count(count);
    }
}

fn read_tensor(from: &mut Decoder<'_>, channels: &mut Decoder<'_>) -> Result<TensorStatistics, StatisticsError> {
    let mut t = TensorStatistics { count: from.count()?, nan: from.count()?, infinite: from.count()?, ..TensorStatistics::default() };
    t.zero = from.count()?;
    t.min = from.float()?;
    t.max = from.float()?;
    match from.count()? {
        NO_CHANNELS => {}
        CHANNELS => t.channels = Some(read_channels(channels)?),
        DROPPED => t.dropped = true,
        _ => return Err(StatisticsError::Damaged("a tensor of unknown kind")),
    }
    for _ in 0..from.length(3)? {
        let prefix = u16::from_le_bytes(from.array()?);
        t.histogram.add(prefix, from.count()?);
    }
    if t.histogram.total() != t.finite()
        || t.zero > t.finite()
        || t.finite() > 0 && !(t.min.is_finite() && t.max.is_finite() && t.min <= t.max)
    {
        return Err(StatisticsError::Damaged("counts of a tensor disagree"));
    }
    Ok(t)
}

fn write_channels(into: &mut Encoder, c: &ChannelStatistics) {
    into.count(c.axis);
    into.count(c.min.len());
    for k in 0..c.min.len() {
        into.float(c.min[k]);
        into.float(c.max[k]);
        into.count(c.count[k]);
        into.count(c.samples[k]);
        c.sums.iter().for_each(|s| into.signed(s[k].0));
    }
}

fn read_channels(from: &mut Decoder<'_>) -> Result<ChannelStatistics, StatisticsError> {
    let mut c = ChannelStatistics { axis: usize::try_from(from.count()?).unwrap_or(usize::MAX), ..ChannelStatistics::default() };
    for _ in 0..from.length(CHANNEL)? {
        c.min.push(from.float()?);
        c.max.push(from.float()?);
        c.count.push(from.count()?);
        c.samples.push(from.count()?);
        for sum in &mut c.sums {
            sum.push(Fixed(from.signed()?));
        }
    }
    Ok(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Statistics {
        let mut made = Statistics::new([3; 32]);
        made.add_sample([1; 32], true).unwrap();
        made.add_tensor("x", TensorStatistics::of(&[0.0, -1.5, 2.0, 1e-3], &[1, 2, 2], Some(1)));
        made.add_tensor("empty", TensorStatistics::of(&[], &[0], None));
        made
    }

    #[test]
    fn every_damage_is_noticed() {
        let good = example().to_bytes();
        assert_eq!(Statistics::from_bytes(&good).unwrap(), example());
        assert!((0..good.len()).all(|n| Statistics::from_bytes(&good[..n]).is_err()));
        for k in 0..good.len() {
            let mut bad = good.clone();
            bad[k] ^= 0x11;
            assert!(Statistics::from_bytes(&bad).is_err(), "byte {k}");
        }
        assert_eq!(Statistics::from_bytes(b"PK\x03\x04 something"), Err(StatisticsError::NotStatistics));
    }

    /// A hash does not make contents true.
    #[test]
    fn lies_with_a_right_hash_neither_panic_nor_allocate() {
        let good = example().to_bytes();
        let body = good.len() - HASH;
        for k in 12..body {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut lie = good[..body].to_vec();
                lie[k] = byte;
                let hash = *blake3::hash(&lie).as_bytes();
                lie.extend_from_slice(&hash);
                let _ = Statistics::from_bytes(&lie);
            }
        }
        let mut later = good;
        later[8] = 2;
        assert_eq!(Statistics::from_bytes(&later), Err(StatisticsError::Version(2)));
    }
}
