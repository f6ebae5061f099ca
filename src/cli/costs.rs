//! `shrinx bench --costs`: measures kernels, and writes a table of costs.

use super::{args::Bench, error::CliError, runtime, target};
use crate::{
    bench::clock,
    costs::{self, Measured, Target, micro::Micro},
    machine::Machine,
    timing::{Contestant, Hand, Plan, race},
};
use shrinx_rewrite::{
    ir::Model,
    ops::{Runtime, RuntimeError},
};

/// Seconds for one shape, all its models together.
const SECONDS: f64 = 0.4;

pub(super) fn run(arguments: &Bench, verbosity: Option<u8>) -> Result<u8, CliError> {
    // clap asks for it.
    let table = arguments.output.as_deref().map(|path| target::Target::new(path, arguments.force, &[])).transpose()?;
    let runtime = runtime::fast(&arguments.running, 1)?;
    let machine = Machine::here();
    let name = runtime.as_dyn().name();
    let target = Target {
        name: format!("{}-{}", if name == "onnxruntime" { "ort" } else { name }, kind(&machine)),
        machine: machine.cpu.clone(),
        runtime: format!("{name} {}", runtime.version()),
    };
    if let (Some(_), Some(warning)) = (verbosity, machine.warning()) {
        eprintln!("warning: {warning}");
    }
    let bar = indicatif::ProgressBar::new(if verbosity.is_some() { costs::rounds() as u64 } else { 0 });
    let measured = costs::measure(target, &mut |micros| time(runtime.as_dyn(), micros), &|k| bar.set_position(k as u64))?;
    bar.finish_and_clear();
    if verbosity.is_some() {
        eprint!("{}", errors(&measured));
    }
    if let Some(table) = table {
        table.write(measured.table.print().as_bytes())?;
    }
    Ok(0)
}

/// The kind of processor, as targets spell it.
fn kind(machine: &Machine) -> &'static str {
    let has = |flag| machine.flags.contains(&flag);
    match std::env::consts::ARCH {
        "x86_64" if has("avx512_vnni") => "x64-vnni",
        "x86_64" => "x64",
        "aarch64" if has("i8mm") => "arm64-i8mm",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The fastest run of each model, in nanoseconds.
fn time(runtime: &dyn Runtime, micros: &[Micro]) -> Result<Vec<f64>, RuntimeError> {
    let mut contestants: Vec<Contestant<'_, RuntimeError>> = Vec::new();
    for micro in micros {
        let outputs: Vec<_> = micro.model.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect();
        let mut session = runtime.prepare(&micro.model, &outputs)?;
        contestants.push(Box::new(move |_| session.run(&micro.feeds, &mut |_, _| Ok(()))));
    }
    // Rounds are counted beforehand: to look at the clock for the end would disturb runs of microseconds.
    let plan = |rounds| Plan { warm_ups: 2, rounds, ..Plan::new(0.0, Hand::Cpu) };
    let best = |rounds, contestants: &mut [Contestant<'_, RuntimeError>]| {
        let timings = race(contestants, &plan(rounds), &mut clock)?;
        Ok::<Vec<f64>, RuntimeError>((0..micros.len()).map(|k| timings.spread(k, Hand::Cpu).min).collect())
    };
    let round: f64 = best(3, &mut contestants)?.iter().sum();
    let times = best(((SECONDS / round) as usize).clamp(5, 2000), &mut contestants)?;
    Ok(times.into_iter().map(|seconds| seconds * 1e9).collect())
}

fn errors(measured: &Measured) -> String {
    let line = |(class, precision, error): &(_, _, f64)| format!("{class:?} {precision:?}: median error {:.0} %\n", error * 100.0);
    measured.errors.iter().map(line).collect()
}
