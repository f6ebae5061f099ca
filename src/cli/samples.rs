//! The samples that were asked for.

use super::error::CliError;
use clap::Args;
use shrinx_calib::{InputSpec, SampleError, Samples};
use shrinx_rewrite::{ir::Model, ops::Feeds};
use std::{num::NonZeroUsize, path::PathBuf};

/// Where samples come from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// Samples: an .npz, a folder of .npz or .npy, or of test_data_set_*
    #[arg(long, value_name = "PATH")]
    pub(super) data: Option<PathBuf>,
    /// So many made-up samples instead, and every output says so
    #[arg(long, value_name = "N")]
    pub(super) random: Option<NonZeroUsize>,
}

impl Source {
    /// The samples for a model, at most so many; what was taken for a sample is said on stderr.
    pub(super) fn open(&self, model: &Model, max: Option<usize>, quiet: bool) -> Result<Samples, CliError> {
        let inputs = InputSpec::of(model);
        let all = match &self.data {
            Some(path) => Samples::open(path, &inputs)?,
            None => Samples::random(&inputs, self.random.map_or(1, NonZeroUsize::get), 0),
        };
        let (rule, count) = (all.rule().to_string(), all.len());
        let taken = all.take(max.unwrap_or(count));
        if !quiet {
            let part = if taken.len() < count { format!("; {} of them are used", taken.len()) } else { String::new() };
            eprintln!("{rule}{part}");
        }
        Ok(taken)
    }
}

/// The values of samples, loaded one at a time.
pub(super) fn feeds(samples: &Samples) -> impl Iterator<Item = Result<Feeds, SampleError>> {
    (0..samples.len()).map(|k| samples.load(k).map(|sample| sample.feeds))
}
