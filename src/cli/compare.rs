//! `shrinx compare`.

use super::{
    args::{Compare, Format},
    error::CliError,
    input, print, runtime,
    samples::feeds,
};
use crate::compare::{CompareOptions, compare};
use std::num::NonZeroUsize;

/// How many inner values are shown to people; programs get all.
const SHOWN: usize = 20;

pub(super) fn run(arguments: &Compare, verbosity: Option<u8>) -> Result<u8, CliError> {
    let [a, b] = input::read_both(&arguments.a, &arguments.b, &arguments.reading)?;
    let runtime = runtime::chosen(&arguments.running)?;
    let samples = arguments.samples.open(&a, arguments.max_samples.map(NonZeroUsize::get), verbosity.is_none())?;
    let options = CompareOptions { layers: arguments.layers, random: samples.is_random() };
    let comparison = compare(runtime.as_ref(), &a, &b, &mut feeds(&samples), options)?;
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&comparison).unwrap_or_default()))?,
        Format::Human => print(&comparison.to_text(if verbosity.unwrap_or(0) > 0 { usize::MAX } else { SHOWN }))?,
    }
    let problems = comparison.problems();
    let missed: Vec<String> = arguments.budget.iter().flat_map(|b| b.missed(&comparison)).collect();
    if problems.is_empty() && missed.is_empty() {
        return Ok(0);
    }
    Err(CliError::budget(problems.into_iter().chain(missed).collect::<Vec<_>>().join("; ")))
}
