//! Quantization from end to end: prepare the float model, calibrate, choose and write the int8 layers, and look at the result.

mod latency;
mod show;

pub use latency::{Latency, Prediction, Source};

use crate::{Pipeline, PipelineError, PipelineOptions, Verify, compare::Comparison, exclude::Exclude, heavy::HeavyOps};
use shrinx_calib::{CollectError, RangeMethod, Samples, Statistics, StatisticsError, collect, model_digest};
use shrinx_passes::quantize::{self as pass, Goal, Plan, Quantized, Settings, Trials, evidence::EvidenceError};
use shrinx_rewrite::{
    Registry,
    ir::{Model, WriteError, coded_by},
    ops::{Facts, OpTable, Runtime, costs::CostTable},
};

/// What quantization is to do.
pub struct QuantizeOptions<'a> {
    /// Runs the model.
    pub runtime: &'a dyn Runtime,
    /// Which choice of layers is made.
    pub goal: Goal,
    /// How ranges of tensors are found; `None`: as measures best.
    pub range: Option<RangeMethod>,
    /// How many samples the model will be run on at a time; `None`: one, or a usual batch where samples were cut from one.
    pub batch: Option<u64>,
    /// Kernel costs of the machine that the model is for.
    pub costs: &'a CostTable,
    /// Layers that stay float.
    pub exclude: Exclude,
    /// Threads for calibration. The result does not depend on them.
    pub threads: usize,
    /// Called with the number of samples done.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

impl QuantizeOptions<'_> {
    /// How many samples the model will be run on at a time.
    pub fn batch_for(&self, evidence: &Evidence) -> u64 {
        self.batch.unwrap_or(if matches!(evidence, Evidence::Samples(s) if s.are_cut_from_batches()) { BATCH } else { 1 }).max(1)
    }
}

/// What the ranges come from.
pub enum Evidence {
    /// Samples, which the result is also corrected and judged by.
    Samples(Samples),
    /// Statistics alone.
    Statistics(Statistics),
}

impl Evidence {
    /// How many samples there are to run.
    pub fn count(&self) -> usize {
        match self {
            Self::Samples(samples) => samples.len(),
            Self::Statistics(_) => 0,
        }
    }
}

/// What was done.
#[derive(Clone, Debug, serde::Serialize)]
pub struct QuantizeReport {
    /// Version of this structure.
    pub schema_version: u32,
    /// The decisions about layers.
    pub plan: Plan,
    /// Whether the samples were made up.
    pub random_data: bool,
    /// The result beside the float model, on the samples, where there were any.
    pub comparison: Option<Comparison>,
    /// What the table of costs says of the layers that may gain: what [`Goal::MaxTime`] is held to.
    pub predicted: Prediction,
    /// How fast the result is: as predicted, until it is measured.
    pub latency: Latency,
    /// What runs int8 in the runtime's own optimized graph, where it shows it.
    pub heavy: Option<HeavyOps>,
    /// Tensors with values that are not finite: their layers stay float.
    pub troubles: Vec<String>,
    /// Patterns of `--exclude` that matched nothing.
    pub unmatched: Vec<String>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// Calibration failed.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The model could not be tried out.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Statistics that cannot be used.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// The registry lacks a pass.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The prepared model is too large for a digest.
    #[error(transparent)]
    Write(#[from] WriteError),
}

coded_by!(QuantizeError {
    Self::Collect(e) => e,
    Self::Evidence(e) => e,
    Self::Statistics(e) => e,
    Self::Pipeline(e) => e,
    Self::Write(e) => e,
});

/// Calibrates a prepared model.
fn calibrate(prepared: &Model, samples: &Samples, indices: &[usize], options: &QuantizeOptions<'_>) -> Result<Statistics, QuantizeError> {
    let ops = OpTable::standard();
    let wanted = pass::observed(prepared, &ops, &Facts::infer(prepared, &ops));
    let digest = model_digest(prepared)?;
    Ok(collect(options.runtime, prepared, digest, &wanted, samples, indices, options.threads, options.progress)?)
}

/// Quantizes a prepared model.
pub fn quantize(
    registry: &Registry,
    prepared: &Model,
    evidence: &Evidence,
    options: &QuantizeOptions<'_>,
) -> Result<(Model, QuantizeReport), QuantizeError> {
    let settings = Settings {
        goal: options.goal,
        range: options.range,
        margin: MARGIN,
        costs: options.costs,
        batch: options.batch_for(evidence),
        excluded: &|name, op| options.exclude.matches(name, op),
    };
    let done = |quantized: Quantized, statistics: &Statistics| {
        let predicted = Prediction::of(prepared, statistics, options.costs, settings.batch, &quantized.plan);
        (quantized, predicted, statistics.troubles())
    };
    let (mut quantized, predicted, troubles) = match evidence {
        Evidence::Samples(samples) => {
            let (fit, mut accept) = samples.split();
            // A single sample has to do for both.
            let fit = thinned(if fit.is_empty() { &accept } else { &fit }, MOST_FIT);
            // What was fitted is means and moments of many places: outputs of the same samples still tell what they miss. A few samples tell less.
            accept.extend(&fit);
            accept.truncate(MOST_ACCEPT);
            let statistics = calibrate(prepared, samples, &fit, options)?;
            let trials = Trials { runtime: options.runtime, samples, fit: &fit, accept: &accept };
            done(pass::quantize(prepared, &statistics, Some(&trials), &settings)?, &statistics)
        }
        Evidence::Statistics(statistics) => {
            statistics.require_model(model_digest(prepared)?)?;
            done(pass::quantize(prepared, statistics, None, &settings)?, statistics)
        }
    };
    if quantized.plan.saved_share.is_nan() {
        // There was nothing to save from.
        quantized.plan.saved_share = 0.0;
    }
    let nodes: Vec<(String, String)> = quantized.plan.decisions.iter().map(|d| (d.name.clone(), d.op.clone())).collect();
    let report = QuantizeReport {
        schema_version: 1,
        unmatched: options.exclude.unmatched(&nodes),
        plan: quantized.plan,
        troubles: troubles.iter().map(ToString::to_string).collect(),
        comparison: None,
        predicted,
        latency: Latency::predicted(&predicted, settings.batch),
        heavy: None,
        random_data: matches!(evidence, Evidence::Samples(s) if s.is_random()),
    };
    Ok((tidied(registry, quantized.model)?, report))
}

/// Without the float weights that nobody reads any more.
fn tidied(registry: &Registry, model: Model) -> Result<Model, PipelineError> {
    let passes = vec!["share-initializers".into(), "eliminate-dead".into()];
    let options = PipelineOptions { passes, verify: Verify::Off, ..PipelineOptions::default() };
    Ok(Pipeline::new(registry, &options)?.run(model).model)
}

/// How many deviations, over the samples, the range of a channel reaches beyond what is usual: values that no sample shows must not be cut.
const MARGIN: f64 = 4.0;
/// A usual batch.
const BATCH: u64 = 16;
/// Samples that are looked at for fitting and for judging; more change nothing that can be seen.
const MOST_FIT: usize = 512;
const MOST_ACCEPT: usize = 26;

/// At most `most` of these, evenly spread.
fn thinned(all: &[usize], most: usize) -> Vec<usize> {
    let count = all.len().min(most);
    (0..count).map(|k| all[k * all.len() / count]).collect()
}
