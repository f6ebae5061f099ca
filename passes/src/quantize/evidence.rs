//! What the corrections need to know of a layer: second moments of its rounded inputs, and their means beside those of its outputs, from one run of the float
//! model over the samples.

use super::{fit::Corrections, input::Input, layer::Layer};
pub use shrinx_calib::EvidenceError;
use shrinx_calib::{Limit, Moments, Samples, gather_moments};
use shrinx_rewrite::{
    ir::Model,
    ops::{Contraction, Runtime},
};
use shrinx_solve::Gram;

/// A layer and how its input is rounded.
pub struct Job<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// The rounding of its input.
    pub input: &'a Input,
}

/// Places looked at.
const LIMIT: Limit = Limit { rows_per_column: 3, least: 48, most: 512 };
/// Places looked at where only means are corrected.
const FEW: Limit = Limit { most: 48, ..LIMIT };

/// The moments for each job: of the node's own output, before what is added behind it. `indices` choose the samples. Depthwise convolutions get none.
pub fn gather(
    runtime: &dyn Runtime,
    model: &Model,
    jobs: &[Job<'_>],
    samples: &Samples,
    indices: &[usize],
) -> Result<Vec<Gram>, EvidenceError> {
    let views: Vec<Option<Contraction>> =
        jobs.iter().map(|job| Contraction::of(model, job.layer.node).ok().filter(|view| view.groups == 1)).collect();
    let maps: Vec<_> = jobs.iter().map(|job| |channel: usize, x: f32| job.input.round(channel, x)).collect();
    let limit = |job: &Job<'_>| if Corrections::of(job.layer).need_moments() { LIMIT } else { FEW };
    let wanted: Vec<Moments<'_>> = (jobs.iter().zip(&views).zip(&maps))
        .filter_map(|((job, view), map)| view.as_ref().map(|view| Moments { view, output: Some(view.output), map, limit: limit(job) }))
        .collect();
    let mut found = gather_moments(runtime, model, &wanted, samples, indices)?.into_iter().flatten();
    let none = |job: &Job<'_>| Gram::new(job.layer.inputs * job.layer.kernel, job.layer.outputs);
    Ok(jobs.iter().zip(&views).map(|(job, view)| view.as_ref().and_then(|_| found.next()).unwrap_or_else(|| none(job))).collect())
}
