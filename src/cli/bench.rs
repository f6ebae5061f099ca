//! `shrinx bench`.

use super::{
    args::{Bench, Format},
    costs,
    error::CliError,
    input, print, runtime, samples,
};
use crate::{
    bench::{Entry, bench},
    heavy::HeavyOps,
    timing::{Hand, Plan},
};
use std::num::NonZeroUsize;

/// Samples that runs go through unless more are asked for: all are held.
const SAMPLES: usize = 16;

pub(super) fn run(arguments: &Bench, verbosity: Option<u8>) -> Result<u8, CliError> {
    if arguments.costs {
        return costs::run(arguments, verbosity);
    }
    let paths: Vec<_> = arguments.a.iter().chain(&arguments.b).collect();
    let models = match paths.as_slice() {
        [a, b] => input::read_both(a, b, &arguments.reading)?.into(),
        paths => paths.iter().map(|path| input::read(path, &arguments.reading)).collect::<Result<Vec<_>, _>>()?,
    };
    let threads = usize::from(arguments.threads);
    let runtime = runtime::fast(&arguments.running, threads)?;
    let most = arguments.max_samples.map_or(SAMPLES, NonZeroUsize::get);
    let samples = arguments.samples.open(&models[0], Some(most), verbosity.is_none())?;
    let feeds = samples::feeds(&samples).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    let bytes = |k: usize| input::file_bytes(paths[k]).map(|n| n + models[k].external_bytes());
    let entries: Vec<Entry<'_>> =
        names.iter().zip(&models).enumerate().map(|(k, (name, model))| Entry { name, model, file_bytes: bytes(k) }).collect();
    let hand = if threads == 1 { Hand::Cpu } else { Hand::Wall };
    let mut report =
        bench(runtime.as_dyn(), &entries, &feeds, &Plan { warm_ups: arguments.warm_ups, ..Plan::new(arguments.seconds, hand) })?;
    report.version = runtime.version().into();
    report.threads = threads;
    report.random = samples.is_random();
    for (benched, model) in report.models.iter_mut().zip(&models) {
        benched.heavy = runtime.optimized(model)?.as_ref().map(HeavyOps::of);
    }
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&report).unwrap_or_default()))?,
        Format::Human => print(&report.to_text())?,
    }
    Ok(0)
}
