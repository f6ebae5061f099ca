//! The samples that were asked for.

use super::error::CliError;
use clap::Args;
use shrinx_rewrite::{
    ir::Model,
    ops::{Facts, Feeds, OpTable, RuntimeError, seeded_feeds},
};
use std::path::PathBuf;

/// Where samples come from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// Samples: an .npz, a folder of .npz or .npy, or folders test_data_set_*
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// So many made-up samples instead; every result says so
    #[arg(long, value_name = "N")]
    random: Option<usize>,
}

/// What a command line gets of its samples.
pub(super) struct Chosen {
    /// How they came about, in one sentence.
    pub(super) rule: String,
    /// Whether they are made up.
    pub(super) random: bool,
    feeds: Vec<Feeds>,
}

impl Source {
    /// The samples for a model, at most so many.
    pub(super) fn open(&self, model: &Model, max: Option<usize>) -> Result<Chosen, CliError> {
        let facts = Facts::infer(model, &OpTable::standard());
        let count = self.random.ok_or_else(|| CliError::usage("not yet", "not yet"))?.min(max.unwrap_or(usize::MAX));
        let made = |seed| {
            seeded_feeds(model, &facts, &|_| 16, seed as u64).ok_or_else(|| CliError::usage("nothing can be made up", "give --data"))
        };
        Ok(Chosen { rule: "made-up values".into(), random: true, feeds: (0..count).map(made).collect::<Result<_, _>>()? })
    }
}

impl Chosen {
    /// Reads them, one at a time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<Feeds, RuntimeError>> {
        self.feeds.iter().cloned().map(Ok)
    }
}
