//! `shrinx prune`.

use super::{
    args::{External, Format, Reading, Running},
    error::CliError,
    input, print, quantize, runtime,
    target::Target,
};
use crate::{
    Verify,
    exclude::Exclude,
    prune::{Asked, PruneOptions, PruneReport, prune},
};
use clap::{Args, ValueEnum};
use shrinx_passes::prune::{Importance, Measure, Plan};
use shrinx_rewrite::{Registry, ir::Model};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // flags are
pub(super) struct Prune {
    /// The model; `-` for stdin
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the result goes
    #[arg(short, long, value_name = "OUT", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    #[command(flatten)]
    amount: Amount,
    /// By what channels are judged
    #[arg(long, value_name = "SCORE", default_value = "l2")]
    importance: Score,
    /// Only cut. What is left is never corrected so far: this takes the warning away
    #[arg(long)]
    no_recover: bool,
    /// No width goes below this; what is narrower stays whole
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    min_channels: u32,
    /// Widths are multiples of this: other ones are often slower than what they were cut from
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=65536))]
    round_to: u32,
    /// Layers whose weights stay as they are: a name, a glob or an operator type; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Layers that keep at least this share of their channels; may be repeated
    #[arg(long, value_name = "PATTERN=SHARE")]
    limit: Vec<Limit>,
    /// Save what is removed, and why, as JSON
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Report what would be done, and write no model
    #[arg(long)]
    dry_run: bool,
    /// Write the result even if what was asked for is not reached
    #[arg(long)]
    keep_going: bool,
    /// Whether the cut is proven, on made-up inputs: against the original with zeros for what went [default: end]
    #[arg(long, value_name = "WHEN", default_value = "end")]
    verify: Verify,
    /// Seed of `--importance random`
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Kernel costs that `shrinx bench --costs` measured [default: those of ONNX Runtime on x64 with VNNI]
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// When weights go to OUT.data beside the model
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    external_data: External,
    /// Replace OUT if it exists
    #[arg(long)]
    force: bool,
    /// How the report is printed: for people on stderr, as JSON on stdout
    #[arg(long, default_value = "human")]
    format: Format,
    #[command(flatten)]
    running: Running,
    #[command(flatten)]
    reading: Reading,
}

/// How much is kept.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Amount {
    /// Keep this share of the channels, heads and neurons of each group
    #[arg(long, value_name = "SHARE", value_parser = share)]
    keep: Option<f64>,
    /// Keep so much that the model costs this share of what it cost: macs=0.5, params=.., bytes=.. or latency=..
    #[arg(long, value_name = "MEASURE=SHARE")]
    target: Option<Budget>,
    /// Remove what a saved plan says, also from a sibling of its model
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

/// By what channels are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Score {
    /// Sums of absolute weights
    L1,
    /// Sums of squared weights
    L2,
    /// Distances from all other channels of the group
    GeometricMedian,
    /// Scales of BatchNormalization
    Gamma,
    /// Squared weights in parts of all that are no smaller
    Lamp,
    /// None: a control
    Random,
}

impl Score {
    fn importance(self, seed: u64) -> Importance {
        match self {
            Self::L1 => Importance::L1,
            Self::L2 => Importance::L2,
            Self::GeometricMedian => Importance::GeometricMedian,
            Self::Gamma => Importance::Gamma,
            Self::Lamp => Importance::Lamp,
            Self::Random => Importance::Random(seed),
        }
    }
}

/// The share of a measure.
#[derive(Clone, Copy, Debug)]
struct Budget {
    measure: Measure,
    share: f64,
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("a target is MEASURE=SHARE, as macs=0.5")?;
        let measure = Measure::ALL.into_iter().find(|m| m.name() == name);
        Ok(Self { measure: measure.ok_or("macs, params, bytes and latency can be targets")?, share: share(value)? })
    }
}

/// Layers, and the least share that they keep.
#[derive(Clone, Debug)]
struct Limit {
    pattern: String,
    share: f64,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pattern, value) = text.rsplit_once('=').ok_or("a limit is PATTERN=SHARE, as head*=0.8")?;
        Ok(Self { pattern: pattern.into(), share: share(value)? })
    }
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s: &f64| *s > 0.0 && *s <= 1.0).ok_or_else(|| "it is no share: above 0, at most 1".into())
}

pub(super) fn run(registry: &Registry, arguments: &Prune, verbosity: Option<u8>) -> Result<u8, CliError> {
    let targets = Targets::of(arguments)?;
    let costs = quantize::costs(arguments.costs.as_deref())?;
    let runtime = if arguments.verify == Verify::Off || arguments.dry_run { None } else { Some(runtime::chosen(&arguments.running)?) };
    let pattern = |option: &str, patterns: &[String]| {
        Exclude::new(patterns).map_err(|e| CliError::usage(format!("{option}: {e}"), "names, globs and operator types may stand there"))
    };
    let limits = arguments.limit.iter().map(|l| Ok((pattern("--limit", std::slice::from_ref(&l.pattern))?, l.share)));
    let options = PruneOptions {
        asked: asked(&arguments.amount)?,
        importance: arguments.importance.importance(arguments.seed),
        round_to: arguments.round_to as usize,
        min_channels: arguments.min_channels as usize,
        exclude: pattern("--exclude", &arguments.exclude)?,
        limits: limits.collect::<Result<_, CliError>>()?,
        costs: &costs,
        runtime: runtime.as_deref(),
        keep_going: arguments.keep_going,
        plan_only: arguments.dry_run,
    };
    let model = input::read(&arguments.input, &arguments.reading)?;
    let before = input::file_bytes(&arguments.input).map(|n| n + model.external_bytes());
    let (model, report) = prune(registry, model, &options)?;
    finish(arguments, verbosity, model, report, before, &targets)
}

/// Where the model goes, and the plan.
struct Targets<'a> {
    model: Option<Target<'a>>,
    plan: Option<Target<'a>>,
}

impl<'a> Targets<'a> {
    fn of(arguments: &'a Prune) -> Result<Self, CliError> {
        let Prune { input, amount, costs, force, .. } = arguments;
        let sources: Vec<&Path> =
            [Some(input), amount.replay.as_ref(), costs.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect();
        let target = |path: &'a PathBuf| Target::new(path, *force, &sources)?.beside_report(arguments.format == Format::Json);
        let model = arguments.output.as_ref().filter(|_| !arguments.dry_run).map(target).transpose()?;
        let plan = arguments.plan.as_ref().map(|path| target(path)?.apart_from(model)).transpose()?;
        Ok(Self { model, plan })
    }
}

fn asked(amount: &Amount) -> Result<Asked, CliError> {
    Ok(match (&amount.replay, amount.target, amount.keep) {
        (Some(path), _, _) => {
            let plan: Plan = serde_json::from_str(&text(path, "--replay")?)
                .map_err(|e| CliError::usage(format!("{}: {e}", path.display()), "give a file that `shrinx prune --plan` wrote"))?;
            Asked::Replay(Box::new(plan))
        }
        (None, Some(budget), _) => Asked::Target(budget.measure, budget.share),
        (None, None, keep) => Asked::Keep(keep.unwrap_or(1.0)),
    })
}

fn text(path: &Path, option: &str) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|e| CliError::usage(format!("{}: {e}", path.display()), format!("check the path of {option}")))
}

fn finish(
    arguments: &Prune,
    verbosity: Option<u8>,
    model: Option<Model>,
    mut report: PruneReport,
    before: Option<u64>,
    targets: &Targets<'_>,
) -> Result<u8, CliError> {
    if let Some(plan) = &targets.plan {
        plan.write(format!("{}\n", serde_json::to_string_pretty(&report.plan).unwrap_or_default()).as_bytes())?;
    }
    if let (Some(target), Some(model)) = (&targets.model, &model) {
        let written = target.write_model(model, arguments.external_data)?;
        report.file_bytes = before.map(|b| (b, written.model + written.external));
    }
    match (arguments.format, verbosity) {
        (Format::Json, _) => print(&format!("{}\n", serde_json::to_string_pretty(&report).unwrap_or_default()))?,
        (Format::Human, Some(verbosity)) => {
            eprint!("{}", report.to_text(verbosity));
            if !arguments.no_recover {
                eprintln!("warning: what is left was not corrected: such a model has to be trained on before it is of use");
            }
        }
        (Format::Human, None) => {}
    }
    // The process ends here: giving back a large graph piece by piece would take longer than the work itself.
    std::mem::forget(model);
    report.plan.missed.map_or(Ok(0), |missed| Err(CliError::budget(missed)))
}
