//! Evidence about a model: samples, what its values look like on them, and which ranges follow from that.
//!
//! [`Samples`] reads what people have: `.npz` and `.npy` files and ONNX test data. [`collect()`] runs a model over them and returns [`Statistics`], which merge
//! exactly: no result depends on the order of samples, on shards or on threads. [`range()`] reads the range of a tensor off its statistics, after the fact, by
//! the method that is asked for.
//!
//! A runtime comes as `&dyn Runtime`; nothing here names one.

mod collect;
mod histogram;
mod moments;
mod range;
mod samples;
mod statistics;

pub use collect::{CollectError, collect};
pub use histogram::{Bucket, Histogram};
pub use moments::{EvidenceError, Limit, Moments, gather_moments};
pub use range::{RangeMethod, quantization_error, range};
pub use samples::{InputSpec, Sample, SampleError, Samples};
pub use statistics::{ChannelStatistics, Observe, Statistics, StatisticsError, TensorStatistics, Trouble};

use shrinx_rewrite::ir::{Model, WriteError, to_bytes};

/// A BLAKE3 hash.
pub type Digest = [u8; 32];

/// The digest of a model: what statistics and model know each other by.
pub fn model_digest(model: &Model) -> Result<Digest, WriteError> {
    Ok(*blake3::hash(&to_bytes(model)?).as_bytes())
}
