//! How fast models run, against each other.

use crate::{
    heavy::HeavyOps,
    machine::Machine,
    report::grouped,
    timing::{Contestant, Hand, Interval, Plan, Reading, Spread, race},
};
use comfy_table::{CellAlignment, Table, presets};
use rustix::time::{ClockId, clock_gettime};
use shrinx_rewrite::{
    ir::{Model, ValueId, coded_by},
    ops::{Feeds, Runtime, RuntimeError},
};
use std::fmt::Write;

/// What was measured, on what.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Bench {
    /// Version of this structure.
    pub schema_version: u32,
    /// Where.
    pub machine: Machine,
    /// What ran the models.
    pub runtime: String,
    /// Its version.
    pub version: String,
    /// Threads that it had.
    pub threads: usize,
    /// Samples that the runs went through in turn.
    pub samples: usize,
    /// Whether they were made up.
    pub random: bool,
    /// Runs of each model before its time counted.
    pub warm_ups: usize,
    /// Measured runs of each model.
    pub runs: usize,
    /// The models.
    pub models: Vec<BenchedModel>,
    /// What the ratio is taken of.
    pub judged_by: Hand,
    /// How many times as fast as the first model the second is, by medians.
    pub speed_up: Option<Interval>,
}

/// How fast one model runs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct BenchedModel {
    /// Its name, mostly its path.
    pub name: String,
    /// Bytes of its file and of what lies beside it, where known.
    pub file_bytes: Option<u64>,
    /// Seconds until it was ready to run.
    pub load_seconds: f64,
    /// Seconds that passed, a run.
    pub wall: Spread,
    /// Seconds of processors, a run.
    pub cpu: Spread,
    /// What the runtime's optimized graph tells, where it can be had.
    pub heavy: Option<HeavyOps>,
}

/// A model to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// The model.
    pub model: &'a Model,
    /// Bytes of its file, where known.
    pub file_bytes: Option<u64>,
}

/// What models are called where their names are too long.
const LETTERS: [char; 2] = ['A', 'B'];

/// The clock of this process. Processor time is that of all threads: a runtime may compute on threads of its own.
pub fn clock() -> Reading {
    let seconds = |id| {
        let time = clock_gettime(id);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    Reading { wall: seconds(ClockId::Monotonic), cpu: seconds(ClockId::ProcessCPUTime) }
}

/// A model that was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{model}: {source}")]
pub struct BenchError {
    /// The model.
    pub model: String,
    /// Why.
    pub source: RuntimeError,
}

coded_by!(BenchError { Self { source, .. } => source });

/// Runs the models in turns, each on the same samples in the same order. What a [`Runtime`] does not tell (its version and threads, whether samples are made
/// up, its optimized graphs) is left to the caller to add.
pub fn bench(runtime: &dyn Runtime, entries: &[Entry<'_>], samples: &[Feeds], plan: &Plan) -> Result<Bench, BenchError> {
    let machine = Machine::here();
    let failed = |entry: &Entry<'_>, source| BenchError { model: entry.name.into(), source };
    let mut models = Vec::new();
    let mut contestants: Vec<Contestant<'_, BenchError>> = Vec::new();
    for entry in entries {
        let outputs: Vec<ValueId> = entry.model.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect();
        let start = clock();
        let mut session = runtime.prepare(entry.model, &outputs).map_err(|e| failed(entry, e))?;
        models.push((entry, clock().wall - start.wall));
        contestants.push(Box::new(move |round| match samples.get(round % samples.len().max(1)) {
            Some(feeds) => session.run(feeds, &mut |_, _| Ok(())).map_err(|e| failed(entry, e)),
            None => Ok(()),
        }));
    }
    // Each sample counts as often as the others, more or less.
    let plan = Plan { look: plan.look.max(2 * samples.len()), ..*plan };
    let timings = race(&mut contestants, &plan, &mut clock)?;
    let measured = |(k, (entry, load_seconds)): (usize, (&Entry<'_>, f64))| BenchedModel {
        name: entry.name.into(),
        file_bytes: entry.file_bytes,
        load_seconds,
        wall: timings.spread(k, Hand::Wall),
        cpu: timings.spread(k, Hand::Cpu),
        heavy: None,
    };
    Ok(Bench {
        schema_version: 1,
        machine,
        runtime: runtime.name().into(),
        version: String::new(),
        threads: 1,
        samples: samples.len(),
        random: false,
        warm_ups: plan.warm_ups,
        runs: timings.rounds(),
        models: models.into_iter().enumerate().map(measured).collect(),
        judged_by: plan.hand,
        speed_up: (entries.len() > 1).then(|| timings.speed_up(0, 1, plan.hand)),
    })
}

impl Bench {
    /// The figures for people.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let s = if self.threads == 1 { "" } else { "s" };
        let _ = writeln!(out, "machine  {}", self.machine.to_text());
        let _ = writeln!(out, "runtime  {} {}, {} thread{s}", self.runtime, self.version, self.threads);
        let made_up = if self.random { " RANDOM, made-up" } else { "" };
        let _ = writeln!(out, "data     {}{made_up} samples, {} runs in turns after {} warm-ups", self.samples, self.runs, self.warm_ups);
        if let Some(warning) = self.machine.warning() {
            let _ = writeln!(out, "warning: {warning}");
        }
        let _ = writeln!(out, "{}", self.table());
        if let Some(Interval { value, low, high }) = self.speed_up {
            let by = match self.judged_by {
                Hand::Wall => "wall",
                Hand::Cpu => "processor",
            };
            let _ = writeln!(out, "B is {value:.2}x as fast as A by {by} time (95 %: {low:.2} to {high:.2})");
        }
        for (model, letter) in self.models.iter().zip(LETTERS) {
            if let Some(heavy) = &model.heavy {
                let _ = writeln!(out, "{letter}: {heavy}");
            }
        }
        out
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        let header = ["ms", "median", "p90", "p99", "min", "CPU median", "load", "file bytes"];
        table.load_preset(presets::NOTHING).set_header(header);
        for (model, letter) in self.models.iter().zip(LETTERS) {
            let Spread { median, p90, p99, min } = model.wall;
            let times = [median, p90, p99, min, model.cpu.median, model.load_seconds].map(|seconds| format!("{:.3}", seconds * 1e3));
            let bytes = model.file_bytes.map_or("-".into(), grouped);
            table.add_row([format!("{letter} {}", model.name)].into_iter().chain(times).chain([bytes]));
        }
        for column in 1..header.len() {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}
