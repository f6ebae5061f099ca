//! What the corrections need to know of a layer: second moments of its rounded inputs, and their means beside those of its outputs.
//!
//! The float model runs once over the samples. Of each sample, some places of each layer's output are looked at, evenly spread: for a convolution the patch
//! under the kernel, for a matrix product the row. Nothing else is kept.

use super::{
    fit::Corrections,
    input::Input,
    layer::{Kind, Layer, Window},
};
use shrinx_calib::{SampleError, Samples};
use shrinx_rewrite::{
    ir::{Model, Tensor, ValueId, coded_by},
    ops::{Runtime, RuntimeError},
};
use shrinx_solve::Gram;

/// A layer and how its input is rounded.
pub struct Job<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// The rounding of its input.
    pub input: &'a Input,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A sample cannot be read.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The model does not run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

coded_by!(EvidenceError { Self::Sample(e) => e, Self::Runtime(e) => e });

/// Rows looked at, over all samples, for each weight of an output channel; and within which bounds, for one sample.
const ROWS_PER_WEIGHT: usize = 3;
const ROWS_A_SAMPLE: std::ops::RangeInclusive<usize> = 48..=512;

/// The moments for each job. `indices` choose the samples.
pub fn gather(
    runtime: &dyn Runtime,
    model: &Model,
    jobs: &[Job<'_>],
    samples: &Samples,
    indices: &[usize],
) -> Result<Vec<Gram>, EvidenceError> {
    let mut wanted: Vec<ValueId> = Vec::new();
    for value in jobs.iter().flat_map(|j| [j.layer.input, j.layer.raw]) {
        if !wanted.contains(&value) {
            wanted.push(value);
        }
    }
    let mut session = runtime.prepare(model, &wanted)?;
    let mut grams: Vec<Gram> = jobs.iter().map(|j| Gram::new(j.layer.inputs * j.layer.kernel, j.layer.outputs)).collect();
    for index in indices {
        let sample = samples.load(*index)?;
        let mut waiting: Vec<Option<Patches>> = jobs.iter().map(|_| None).collect();
        session.run(&sample.feeds, &mut |value, tensor| {
            for (k, job) in jobs.iter().enumerate() {
                if job.layer.input == value {
                    let limit = ROWS_PER_WEIGHT * job.layer.inputs * job.layer.kernel / indices.len().max(1);
                    // Where only means are corrected, a few rows do.
                    let limit = if Corrections::of(job.layer).need_moments() { limit } else { 0 };
                    waiting[k] = patches(job, &tensor, limit.clamp(*ROWS_A_SAMPLE.start(), *ROWS_A_SAMPLE.end()), *index);
                } else if job.layer.raw == value
                    && let Some(x) = waiting[k].take()
                    && let Some(y) = outputs(job.layer, &tensor, &x.places)
                {
                    grams[k].add(&x.rows, &y);
                }
            }
            Ok(())
        })?;
    }
    Ok(grams)
}

/// Rounded inputs of some places of the output.
struct Patches {
    rows: Vec<f32>,
    places: Vec<usize>,
}

/// Evenly spread numbers below `all`, at most `limit`, beginning elsewhere in each sample.
fn spread(all: usize, limit: usize, sample: usize) -> Vec<usize> {
    let count = all.min(limit);
    let start = if count == all { 0 } else { sample.wrapping_mul(0x9E37_79B9) % all };
    (0..count).map(|k| (start + k * all / count.max(1)) % all).collect()
}

fn patches(job: &Job<'_>, x: &Tensor, limit: usize, sample: usize) -> Option<Patches> {
    let (layer, data) = (job.layer, x.as_f32()?);
    let dims: Vec<usize> = x.dims.iter().map(|d| *d as usize).collect();
    let n = layer.inputs * layer.kernel;
    match &layer.kind {
        Kind::MatMul | Kind::Gemm { .. } => {
            let places = spread(data.len() / n.max(1), limit, sample);
            let rows =
                places.iter().flat_map(|p| data[p * n..(p + 1) * n].iter().enumerate().map(|(c, v)| job.input.round(c, *v))).collect();
            (*dims.last()? == n).then_some(Patches { rows, places })
        }
        Kind::Conv(window) => {
            let [batch, channels, space @ ..] = dims.as_slice() else { return None };
            let out = window.lengths(space)?;
            let inner: usize = space.iter().product();
            let places = spread(batch * out.iter().product::<usize>(), limit, sample);
            if *channels != layer.inputs {
                return None;
            }
            let mut rows = Vec::with_capacity(places.len() * n);
            let mut offsets = Vec::with_capacity(layer.kernel);
            for place in &places {
                let image = place / out.iter().product::<usize>();
                window.offsets(place % out.iter().product::<usize>(), &out, space, &mut offsets);
                for c in 0..layer.inputs {
                    let base = (image * layer.inputs + c) * inner;
                    rows.extend(offsets.iter().map(|o| o.map_or(0.0, |o| job.input.round(c, data[base + o]))));
                }
            }
            Some(Patches { rows, places })
        }
    }
}

/// The outputs at these places, channels together.
fn outputs(layer: &Layer, y: &Tensor, places: &[usize]) -> Option<Vec<f32>> {
    let data = y.as_f32()?;
    let m = layer.outputs;
    if !layer.is_conv() {
        return places
            .iter()
            .all(|p| (p + 1) * m <= data.len())
            .then(|| places.iter().flat_map(|p| &data[p * m..(p + 1) * m]).copied().collect());
    }
    let inner: usize = y.dims.iter().skip(2).map(|d| *d as usize).product();
    let at = |place: usize, c: usize| data.get(((place / inner) * m + c) * inner + place % inner).copied();
    places.iter().flat_map(|p| (0..m).map(move |c| at(*p, c))).collect()
}

impl Window {
    /// Lengths of the output for those of the input.
    fn lengths(&self, space: &[usize]) -> Option<Vec<usize>> {
        if space.len() != self.kernel.len() {
            return None;
        }
        (0..space.len())
            .map(|a| {
                let room = space[a] as i64 + self.pads[a] + self.pads_behind[a] - (self.dilations[a] * (self.kernel[a] - 1)) as i64 - 1;
                usize::try_from(room).ok().map(|room| room / self.strides[a] + 1)
            })
            .collect()
    }

    /// Where the kernel's elements lie in a channel of the input, for a place of the output; `None` in the padding.
    fn offsets(&self, place: usize, out: &[usize], space: &[usize], found: &mut Vec<Option<usize>>) {
        let mut at = vec![0i64; out.len()];
        let mut rest = place;
        for a in (0..out.len()).rev() {
            at[a] = (rest % out[a] * self.strides[a]) as i64 - self.pads[a];
            rest /= out[a];
        }
        found.clear();
        for k in 0..self.kernel.iter().product::<usize>() {
            let (mut rest, mut offset, mut step) = (k, Some(0usize), 1usize);
            for a in (0..out.len()).rev() {
                let x = at[a] + (rest % self.kernel[a] * self.dilations[a]) as i64;
                rest /= self.kernel[a];
                offset = offset.filter(|_| x >= 0 && x < space[a] as i64).map(|o| o + x as usize * step);
                step *= space[a];
            }
            found.push(offset);
        }
    }
}
