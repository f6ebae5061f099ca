//! Made-up values for the inputs of a model, the same on every machine: what two models are compared on where nobody has samples.

use crate::{Facts, Feeds};
use shrinx_ir::{DataType, Model, Symbol, Tensor, ValueId};

/// More elements than this are not made up.
const MAX_ELEMENTS: u64 = 1 << 28;

/// Values for every input of the main graph that has no content of its own. `binding` gives the length that each symbol stands for. Floats are about
/// normally distributed, integers lie in 0..=3 (valid as indices almost everywhere), booleans alternate. `None` where an input is no tensor of such a type,
/// or has a shape that is not known or absurdly large.
///
/// What an input receives depends on its name, its shape and the seed alone.
pub fn seeded_feeds(model: &Model, facts: &Facts, binding: &dyn Fn(Symbol) -> i64, seed: u64) -> Option<Feeds> {
    let inputs = model.scope(Model::MAIN).inputs().iter().map(|d| d.value);
    inputs.filter(|v| model.value(*v).initializer.is_none()).map(|v| seeded_input(model, facts, binding, seed, v)).collect()
}

fn seeded_input(model: &Model, facts: &Facts, binding: &dyn Fn(Symbol) -> i64, seed: u64, input: ValueId) -> Option<(String, Tensor)> {
    let fact = facts.of(input);
    let lengths = fact.shape.as_ref()?.iter().map(|d| facts.symbols.evaluate(d, binding).and_then(|n| u64::try_from(n).ok()));
    let name = model.name(input);
    Some((name.to_string(), seeded_tensor(fact.dtype?, lengths.collect::<Option<Vec<u64>>>()?, name, seed)?))
}

/// A made-up tensor, as [`seeded_feeds`] makes it for an input of this name.
pub fn seeded_tensor(dtype: DataType, dims: Vec<u64>, name: &str, seed: u64) -> Option<Tensor> {
    let elements = dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| *n <= MAX_ELEMENTS)?;
    let mut random = SplitMix::for_name(seed, name);
    if dtype.is_float() {
        Tensor::from_f64(dtype, dims, &(0..elements).map(|_| random.normal()).collect::<Vec<f64>>())
    } else if dtype == DataType::Bool {
        Tensor::from_integers(dtype, dims, &(0..elements as i64).map(|i| i % 2).collect::<Vec<i64>>())
    } else {
        Tensor::from_integers(dtype, dims, &(0..elements).map(|_| (random.next() >> 62) as i64).collect::<Vec<i64>>())
    }
}

/// The generator of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    /// A stream of its own for each name (FNV-1a of its bytes).
    fn for_name(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self(seed ^ hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Near N(0, 1), by sums of twelve 16-bit uniforms: no logarithm or cosine, whose last bits differ between platforms.
    fn normal(&mut self) -> f64 {
        let sum: u64 = (0..3).map(|_| self.next()).flat_map(|z| [z & 0xffff, (z >> 16) & 0xffff, (z >> 32) & 0xffff, z >> 48]).sum();
        (sum as f64 + 6.0) / 65536.0 - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_mean_zero_and_variance_one() {
        let x = seeded_tensor(DataType::Float, vec![100, 100], "x", 1).unwrap().to_f64().unwrap();
        let mean = x.iter().sum::<f64>() / 1e4;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn streams_differ_by_name_and_seed_and_never_change() {
        let first = |seed, name| SplitMix::for_name(seed, name).next();
        assert_eq!(first(1, "x"), first(1, "x"));
        assert_ne!(first(1, "x"), first(1, "y"));
        assert_ne!(first(1, "x"), first(2, "x"));
        assert_eq!(SplitMix(0).next(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn integers_are_small_and_booleans_alternate() {
        let ints = seeded_tensor(DataType::Int64, vec![64], "i", 1).unwrap().to_integers().unwrap();
        assert!(ints.iter().all(|i| (0..=3).contains(i)) && ints.contains(&0) && ints.contains(&3));
        let bools = seeded_tensor(DataType::Bool, vec![3], "b", 1).unwrap().to_integers();
        assert_eq!(bools, Some(vec![0, 1, 0]));
        assert_eq!(seeded_tensor(DataType::String, vec![1], "s", 1), None);
        assert_eq!(seeded_tensor(DataType::Float, vec![1 << 20, 1 << 20], "x", 1), None);
    }
}
