//! `shrinx quantize`.

use super::{
    args::{External, Format, Reading, Running},
    calibrate,
    error::CliError,
    input, print, progress,
    runtime::{self, Named},
    samples,
    target::Target,
};
use crate::{
    compare::{CompareOptions, compare_and_keep},
    exclude::Exclude,
    heavy::HeavyOps,
    prepare,
    quantize::{Evidence, Latency, Prediction, QuantizeOptions, QuantizeReport, quantize},
};
use clap::{Args, ValueEnum};
use shrinx_calib::RangeMethod;
use shrinx_passes::quantize::Goal;
use shrinx_rewrite::{Registry, ir::Model, ops::costs::CostTable};
use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // flags are
pub(super) struct Quantize {
    /// The float model; `-` for stdin
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the result goes; `-` for stdout
    #[arg(short, long, value_name = "OUT", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// Samples: an .npz, a folder of .npz or .npy, or folders test_data_set_*
    #[arg(long, value_name = "PATH", required_unless_present_any = ["random", "stats"])]
    data: Option<PathBuf>,
    /// So many made-up samples instead; every result says so
    #[arg(long, value_name = "N", conflicts_with = "data")]
    random: Option<NonZeroUsize>,
    /// What an earlier `shrinx calibrate` saw, instead of samples: nothing is corrected or measured then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "random"])]
    stats: Option<PathBuf>,
    /// Use at most so many samples
    #[arg(long, value_name = "N", conflicts_with = "stats")]
    max_samples: Option<NonZeroUsize>,
    /// How many samples the model will be run on at a time [default: 1; 16 where samples were cut from the arrays of one .npz]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    batch: Option<u64>,
    /// How the range of a tensor is found [default: as measures best]
    #[arg(long, value_name = "METHOD")]
    range: Option<Range>,
    /// The fastest choice of layers that keeps so many dB of the outputs; where none does, exits 1 and writes nothing [default: 29.5, and float where none
    /// does]
    #[arg(long, value_name = "DB", value_parser = decibels, conflicts_with_all = ["min_speedup", "stats"])]
    min_sqnr: Option<f64>,
    /// The truest choice of layers by which all layers that may gain from int8 (none of those excluded) are predicted to run so many times as fast as in the
    /// prepared float model, as the cost table has it: the figure that the report calls predicted. Where no choice does, exits 1 and writes nothing
    #[arg(long, value_name = "X", value_parser = times)]
    min_speedup: Option<f64>,
    /// Write the result even if the bound is missed, which still exits 1
    #[arg(long)]
    keep_going: bool,
    /// Print all choices among which no other is both faster and truer
    #[arg(long)]
    pareto: bool,
    /// Layers that stay float: a name, a glob or an operator type; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Kernel costs that `shrinx bench --costs` measured [default: those of ONNX Runtime on x64 with VNNI]
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// Save the decision about each layer, and its reason, as JSON; also on a dry run, and where a bound is missed
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Compare the values of all layers too
    #[arg(long, conflicts_with = "stats")]
    layers: bool,
    /// Report what would be done, and write no model
    #[arg(long)]
    dry_run: bool,
    /// Threads for calibration; the result is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// When weights go to OUT.data beside the model
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    external_data: External,
    /// Replace OUT, and the FILE of --plan, if they exist
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

/// How the range of a tensor is found.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Range {
    /// All that was seen
    Minmax,
    /// All but the outermost 0.01 % on each side
    Percentile,
    /// The least mean squared error
    Mse,
    /// The least divergence of the histograms
    Entropy,
    /// The least error among these, tensor by tensor
    Auto,
}

impl From<Range> for RangeMethod {
    fn from(range: Range) -> Self {
        match range {
            Range::Minmax => Self::MinMax,
            Range::Percentile => Self::Percentile(99.99),
            Range::Mse => Self::Mse,
            Range::Entropy => Self::Entropy,
            Range::Auto => Self::Auto,
        }
    }
}

/// What is kept when nothing else is asked for, in dB.
const LEAST_SQNR: f64 = 29.5;
/// Samples that the result is compared on.
const COMPARED: usize = 8;

pub(super) fn run(registry: &Registry, arguments: &Quantize, verbosity: Option<u8>) -> Result<u8, CliError> {
    let targets = targets(arguments)?;
    let exclude = Exclude::new(&arguments.exclude)
        .map_err(|e| CliError::usage(format!("--exclude: {e}"), "names, globs and operator types may stand there"))?;
    let costs = costs(arguments.costs.as_deref())?;
    let runtime = runtime::named(&arguments.running)?;
    let original = input::read(&arguments.input, &arguments.reading)?;
    let evidence = evidence(arguments, &original, verbosity.is_none())?;
    let prepared = prepare(registry, original.clone())?;
    let bar = progress::Bar::new("calibrate", evidence.count(), verbosity);
    let options = QuantizeOptions {
        runtime: runtime.as_dyn(),
        goal: goal(arguments),
        range: arguments.range.map(RangeMethod::from),
        batch: arguments.batch,
        costs: &costs,
        exclude,
        threads: usize::from(arguments.threads),
        progress: &|done| bar.at(done),
    };
    let outcome = quantize(registry, &prepared, &evidence, &options);
    bar.end();
    let (model, mut report) = outcome?;
    if let Evidence::Samples(samples) = &evidence {
        let some = samples.clone().take(COMPARED);
        let compared = CompareOptions { layers: arguments.layers, random: some.is_random() };
        let (comparison, [before, after]) = compare_and_keep(runtime.as_dyn(), &original, &model, &mut samples::feeds(&some), compared)?;
        report.comparison = Some(comparison);
        if let Named::OnnxRuntime(fast) = &runtime {
            let after = Some(after).filter(|_| report.plan.int8() > 0);
            report.latency = Latency::measured(fast, before, &prepared, after, samples, options.batch_for(&evidence))?;
        }
    }
    report.heavy = runtime.optimized(&model)?.as_ref().map(HeavyOps::of);
    finish(arguments, verbosity, &model, &report, &targets)
}

/// Where the model goes, and the plan.
struct Targets<'a> {
    model: Option<Target<'a>>,
    plan: Option<Target<'a>>,
}

fn targets(arguments: &Quantize) -> Result<Targets<'_>, CliError> {
    let Quantize { input, data, stats, costs, force, .. } = arguments;
    let sources: Vec<&Path> =
        [Some(input), data.as_ref(), stats.as_ref(), costs.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect();
    let json = arguments.format == Format::Json;
    let model = match &arguments.output {
        Some(path) if !arguments.dry_run => Some(Target::new(path, *force, &sources)?.beside_report(json)?),
        Some(_) | None => None,
    };
    let plan = match &arguments.plan {
        Some(path) => Some(Target::new(path, *force, &sources)?.beside_report(json)?.apart_from(model)?),
        None => None,
    };
    Ok(Targets { model, plan })
}

fn evidence(arguments: &Quantize, model: &Model, quiet: bool) -> Result<Evidence, CliError> {
    let source = samples::Source { data: arguments.data.clone(), random: arguments.random };
    Ok(match &arguments.stats {
        None => Evidence::Samples(source.open(model, arguments.max_samples.map(NonZeroUsize::get), quiet)?),
        Some(path) => Evidence::Statistics(calibrate::read(path)?),
    })
}

fn finish(
    arguments: &Quantize,
    verbosity: Option<u8>,
    model: &Model,
    report: &QuantizeReport,
    targets: &Targets<'_>,
) -> Result<u8, CliError> {
    if let Some(plan) = &targets.plan {
        plan.write(format!("{}\n", serde_json::to_string_pretty(&report.plan).unwrap_or_default()).as_bytes())?;
    }
    match (arguments.format, verbosity) {
        (Format::Json, _) => print(&format!("{}\n", serde_json::to_string_pretty(report).unwrap_or_default()))?,
        (Format::Human, Some(verbosity)) => eprint!("{}", report.to_text(verbosity, arguments.pareto)),
        (Format::Human, None) => {}
    }
    let missed = missed(arguments, report).map(CliError::budget);
    let kept = if arguments.keep_going { None } else { missed.as_ref() };
    if let (Some(target), None) = (&targets.model, kept) {
        target.write_model(model, arguments.external_data)?;
    }
    missed.map_or(Ok(0), Err)
}

/// The bound that was asked for and missed.
fn missed(arguments: &Quantize, report: &QuantizeReport) -> Option<String> {
    let predicted = report.predicted;
    if let Some(least) = arguments.min_speedup
        && predicted.speedup * (1.0 + 1e-9) < least
    {
        let Prediction { speedup, most_speedup, .. } = predicted;
        return Some(format!(
            "the layers that may gain are predicted to run {speedup:.2}x as fast, not {least}x; at most {most_speedup:.2}x can be had"
        ));
    }
    report.plan.refusal.clone().filter(|_| arguments.min_sqnr.is_some())
}

fn goal(arguments: &Quantize) -> Goal {
    match (arguments.min_sqnr, arguments.min_speedup) {
        (_, Some(speedup)) => Goal::MaxTime(1.0 / speedup),
        (Some(least), None) => Goal::MinSqnr(least),
        (None, None) => Goal::MinSqnr(LEAST_SQNR),
    }
}

fn decibels(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|db: &f64| db.is_finite()).ok_or_else(|| "it is no number of decibels".into())
}

fn times(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 1.0).ok_or_else(|| "it is no number of 1 or more".into())
}

/// The table of kernel costs in a file, or the shipped one.
pub(super) fn costs(path: Option<&Path>) -> Result<CostTable, CliError> {
    let Some(path) = path else { return Ok(CostTable::shipped()) };
    let text =
        std::fs::read_to_string(path).map_err(|e| CliError::usage(format!("{}: {e}", path.display()), "check the path of --costs"))?;
    CostTable::parse(&text).map_err(|e| CliError::at(path, &e))
}
