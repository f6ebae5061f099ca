//! `shrinx calibrate` and `shrinx merge-stats`.

use super::{
    args::{Calibrate, Format, MergeStats},
    error::CliError,
    input, print, progress, runtime, samples,
    target::Target,
};
use crate::{prepare, report::CalibrationReport};
use shrinx_calib::{Samples, Statistics, collect, model_digest};
use shrinx_passes::quantize::observed;
use shrinx_rewrite::{
    Registry,
    ir::Model,
    ops::{Facts, OpTable},
};
use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

pub(super) fn run(registry: &Registry, arguments: &Calibrate, verbosity: Option<u8>) -> Result<u8, CliError> {
    let sources: Vec<&Path> = [Some(&arguments.input), arguments.data.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect();
    let target = target(&arguments.output, arguments.force, &sources, arguments.format)?;
    let runtime = runtime::with_threads(&arguments.running, arguments.threads)?;
    let model = prepare(registry, input::read(&arguments.input, &arguments.reading)?)?;
    let samples = chosen(arguments, &model)?;
    let ops = OpTable::standard();
    let wanted = observed(&model, &ops, &Facts::infer(&model, &ops));
    let digest = model_digest(&model)?;
    let indices: Vec<usize> = (0..samples.len()).collect();
    let bar = progress::Bar::new("calibrate", samples.len(), verbosity);
    let seen = collect(runtime.as_dyn(), &model, digest, &wanted, &samples, &indices, arguments.threads, &|done| bar.at(done))
        .inspect_err(|_| bar.end())?;
    bar.end();
    let rule = Some(samples.rule().to_string());
    finish(&seen, rule, target, arguments.format, verbosity)
}

pub(super) fn merge(arguments: &MergeStats, verbosity: Option<u8>) -> Result<u8, CliError> {
    let parts: Vec<&Path> = arguments.parts.iter().map(PathBuf::as_path).collect();
    let target = target(&arguments.output, arguments.force, &parts, arguments.format)?;
    let mut all: Option<Statistics> = None;
    for path in parts {
        let part = read(path)?;
        all = Some(match all {
            Some(all) => all.merge(part).map_err(|e| CliError::at(path, &e))?,
            None => part,
        });
    }
    finish(&all.unwrap_or_default(), None, target, arguments.format, verbosity)
}

/// Reads a file of statistics.
pub(super) fn read(path: &Path) -> Result<Statistics, CliError> {
    let bytes = std::fs::read(path)
        .map_err(|e| CliError::usage(format!("{}: cannot be read: {e}", path.display()), "give files that `shrinx calibrate` wrote"))?;
    Statistics::from_bytes(&bytes).map_err(|e| CliError::at(path, &e))
}

fn target<'a>(path: &'a Path, force: bool, sources: &[&Path], format: Format) -> Result<Target<'a>, CliError> {
    Target::new(path, force, sources)?.beside_report(format == Format::Json)
}

fn finish(seen: &Statistics, rule: Option<String>, target: Target<'_>, format: Format, verbosity: Option<u8>) -> Result<u8, CliError> {
    let bytes = seen.to_bytes();
    target.write(&bytes)?;
    let report = CalibrationReport::of(seen, rule, target.path(), bytes.len() as u64);
    match (format, verbosity) {
        (Format::Json, _) => print(&format!("{}\n", serde_json::to_string_pretty(&report).unwrap_or_default()))?,
        (Format::Human, Some(_)) => eprint!("{}", report.to_text()),
        (Format::Human, None) => {}
    }
    Ok(0)
}

/// The samples that the arguments ask for: of all, at most so many; of these, a shard.
fn chosen(arguments: &Calibrate, model: &Model) -> Result<Samples, CliError> {
    let source = samples::Source { data: arguments.data.clone(), random: arguments.random.and_then(NonZeroUsize::new) };
    // The report says what was taken for a sample.
    let mut samples = source.open(model, arguments.max_samples, true)?;
    if let Some(shard) = arguments.shard {
        let all = samples.len();
        samples = samples.shard(shard.part, shard.parts);
        if samples.is_empty() {
            return Err(CliError::usage(
                format!("shard {shard} of {all} samples is empty"),
                "ask for no more shards than there are samples",
            ));
        }
    }
    Ok(samples)
}
