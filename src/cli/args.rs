//! What may stand on the command line.

use super::samples::Source;
use crate::{Verify, compare::Budget};
use clap::{Args, Parser, Subcommand, ValueEnum, builder::TypedValueParser};
use shrinx_rewrite::ir::ExternalData;
use std::{num::NonZeroUsize, path::PathBuf};

/// Makes ONNX models smaller and faster before deployment.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Tell more: every pass; twice: also why matches are left alone
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Tell nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Arguments {
    /// `None` for quiet.
    pub(super) fn verbosity(&self) -> Option<u8> {
        (!self.quiet).then_some(self.verbose)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Clean a model up, fold constants and fuse operators
    Optimize(Box<Optimize>),
    /// Run a model on samples and keep what its values look like, for quantization
    Calibrate(Box<Calibrate>),
    /// Add up statistics of shards, in any order, to what one run over all gives
    MergeStats(MergeStats),
    /// Make layers int8 where it pays, calibrated, corrected and judged on samples
    Quantize(Box<super::quantize::Quantize>),
    /// Cut channels, heads and neurons out of a model, proven exact, down to a budget
    Prune(Box<super::prune::Prune>),
    /// Say what stands in the way, and what it costs
    Explain(Explain),
    /// Show what a model consists of
    Info(Info),
    /// Print a model in ONNX's textual syntax, one node a line
    Text(Text),
    /// Compare the texts of two models; exits 0 when equal, 1 when different
    Diff(Diff),
    /// Run two models on samples and say how far their outputs are apart
    Compare(Compare),
    /// Measure how fast a model runs, or two against each other
    Bench(Bench),
    /// List the passes, in the order in which they run
    Passes(Passes),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Human,
    /// For programs; has a `schema_version`
    Json,
}

/// Reading of untrusted models.
#[derive(Debug, Args)]
pub(super) struct Reading {
    /// A folder outside the model's own that its external data may lie in, links included
    #[arg(long, value_name = "DIR")]
    pub(super) allow_dir: Vec<PathBuf>,
}

/// What runs models.
#[derive(Debug, Args)]
pub(super) struct Running {
    /// What runs models: the embedded rten, or ONNX Runtime
    #[arg(long, value_name = "NAME", default_value = "rten")]
    pub(super) runtime: RuntimeName,
    /// The library of ONNX Runtime [default: ORT_DYLIB_PATH, else the package of the active Python]
    #[arg(long, value_name = "PATH")]
    pub(super) onnxruntime_lib: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RuntimeName {
    Rten,
    Onnxruntime,
}

#[derive(Debug, Args)]
pub(super) struct Optimize {
    /// The model; `-` for stdin
    #[arg(value_name = "IN")]
    pub(super) input: PathBuf,
    /// Where the result goes; `-` for stdout
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["in_place", "dry_run"])]
    pub(super) output: Option<PathBuf>,
    /// 0: nothing; 1: what is exact, or only folds constants into weights; 2: also what reassociates more [default: 1]
    #[arg(short = 'O', long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(super) opt_level: Option<u8>,
    /// Run this pass instead of the level's; may be repeated, and the order counts
    #[arg(long, value_name = "NAME")]
    pub(super) pass: Vec<String>,
    /// Do not run this pass; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) skip: Vec<String>,
    /// Take these settings from a TOML file; flags go before it
    #[arg(long, value_name = "FILE")]
    pub(super) recipe: Option<PathBuf>,
    /// Save the settings of this run as a recipe
    #[arg(long, value_name = "FILE")]
    pub(super) save_recipe: Option<PathBuf>,
    /// When outputs are compared with the original's, on made-up inputs [default: end]
    #[arg(long, value_name = "WHEN")]
    pub(super) verify: Option<Verify>,
    /// Report what would be done, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// When weights go to OUT.data beside the model: those that were outside, and all above 2 GB (auto)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) external_data: External,
    /// Replace OUT if it exists
    #[arg(long)]
    pub(super) force: bool,
    /// Replace IN by the result
    #[arg(long, conflicts_with = "output")]
    pub(super) in_place: bool,
    /// How the report is printed: for people on stderr, as JSON on stdout
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) running: Running,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Args)]
pub(super) struct Calibrate {
    /// The model; `-` for stdin
    #[arg(value_name = "MODEL")]
    pub(super) input: PathBuf,
    /// Samples: a folder with an .npz (keys are input names) or .npy file for each run, or test_data_set_* folders, or one .npz whose arrays have samples along
    /// an axis of their own in front, or along an open batch axis
    #[arg(long, value_name = "PATH", required_unless_present = "random", conflicts_with = "random")]
    pub(super) data: Option<PathBuf>,
    /// Run on so many samples of random values instead, which says little about real ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..).map(|n| n as usize))]
    pub(super) random: Option<usize>,
    /// Where the statistics go; `-` for stdout
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Only part I of N of the samples; `merge-stats` adds the parts up
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// At most so many samples, always the same ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..).map(|n| n as usize))]
    pub(super) max_samples: Option<usize>,
    /// Samples that run at a time; the result is the same
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256).map(|n| n as usize))]
    pub(super) threads: usize,
    /// Replace FILE if it exists
    #[arg(long)]
    pub(super) force: bool,
    /// How the report is printed: for people on stderr, as JSON on stdout
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) running: Running,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// A part of samples, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) part: usize,
    pub(super) parts: usize,
}

impl std::str::FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((part, parts)) if (1..=parts).contains(&part) => Ok(Self { part, parts }),
            _ => Err("a shard is I/N, with I from 1 to N"),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

#[derive(Debug, Args)]
pub(super) struct MergeStats {
    /// Statistics of one model over different samples
    #[arg(value_name = "PART", required = true)]
    pub(super) parts: Vec<PathBuf>,
    /// Where their sum goes; `-` for stdout
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace FILE if it exists
    #[arg(long)]
    pub(super) force: bool,
    /// How the report is printed: for people on stderr, as JSON on stdout
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum External {
    Auto,
    Always,
    Never,
}

impl From<External> for ExternalData {
    fn from(when: External) -> Self {
        match when {
            External::Auto => Self::Auto,
            External::Always => Self::Always,
            External::Never => Self::Never,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Info {
    /// The model; `-` for stdin
    #[arg(value_name = "MODEL")]
    pub(super) input: PathBuf,
    /// How it is printed
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// Printing of models.
#[derive(Debug, Args)]
pub(super) struct Printing {
    /// Leave documentation and metadata out
    #[arg(long)]
    pub(super) brief: bool,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The model; `-` for stdin
    #[arg(value_name = "MODEL")]
    pub(super) input: PathBuf,
    /// What cannot be pruned: for every axis that is locked the node that locks it, and what unlocking would bring
    #[arg(long, required = true)]
    pub(super) prune: bool,
    /// How it is printed
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Args)]
pub(super) struct Text {
    /// The model; `-` for stdin
    #[arg(value_name = "MODEL")]
    pub(super) input: PathBuf,
    #[command(flatten)]
    pub(super) printing: Printing,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The model before
    #[arg(value_name = "A")]
    pub(super) before: PathBuf,
    /// The model after
    #[arg(value_name = "B")]
    pub(super) after: PathBuf,
    #[command(flatten)]
    pub(super) printing: Printing,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// The model that is the measure
    #[arg(value_name = "A")]
    pub(super) a: PathBuf,
    /// The model that is measured by it
    #[arg(value_name = "B")]
    pub(super) b: PathBuf,
    #[command(flatten)]
    pub(super) samples: Source,
    /// Compare every value that both models compute under one name
    #[arg(long)]
    pub(super) layers: bool,
    /// What every output must keep: sqnr>=DB, cosine>=C, argmax>=SHARE, equal>=SHARE or maxabs<=X; exits 1 where missed; may be repeated
    #[arg(long, value_name = "BOUND")]
    pub(super) budget: Vec<Budget>,
    /// Use at most so many samples
    #[arg(long, value_name = "N")]
    pub(super) max_samples: Option<NonZeroUsize>,
    /// How it is printed
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) running: Running,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The model, or the one that the other is measured against
    #[arg(value_name = "A", required_unless_present = "costs")]
    pub(super) a: Option<PathBuf>,
    /// Another one, run in turns with A
    #[arg(value_name = "B")]
    pub(super) b: Option<PathBuf>,
    /// Measure no model but kernels, and write the table that `quantize --costs` takes
    #[arg(long, group = "Source", requires = "output", conflicts_with_all = ["a", "b"])]
    pub(super) costs: bool,
    /// Where the table goes; `-` for stdout
    #[arg(short, long, value_name = "FILE", requires = "costs")]
    pub(super) output: Option<PathBuf>,
    /// Replace that FILE if it exists
    #[arg(long, requires = "costs")]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) samples: Source,
    /// Use at most so many samples [default: 16]
    #[arg(long, value_name = "N")]
    pub(super) max_samples: Option<NonZeroUsize>,
    /// Measure for so long, or until the 95 % interval is narrower than 2 %
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub(super) seconds: f64,
    /// Runs of each model before its time counts
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) warm_ups: usize,
    /// Threads of the runtime; with one, processor time counts, which is steadier on a busy machine
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: u16,
    /// How it is printed
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) running: Running,
    #[command(flatten)]
    pub(super) reading: Reading,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0).ok_or_else(|| "it is no number of seconds".into())
}

#[derive(Debug, Args)]
pub(super) struct Passes {
    /// How they are printed
    #[arg(long, default_value = "human")]
    pub(super) format: Format,
}
