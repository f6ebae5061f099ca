//! Whether a model still computes what the original computes: both are run on the same made-up inputs, at two bindings of each symbolic length.

use shrinx_ops::ir::{Dim, Model, Symbol, Tensor, ValueId};
use shrinx_ops::{Effects, Facts, Feeds, OpTable, Runtime, RuntimeError, seeded_feeds};
use std::{cell::OnceCell, fmt};

/// The outcome of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Check {
    /// All outputs are equal within [`TOLERANCE`].
    Equal {
        /// On how many sets of inputs.
        runs: usize,
        /// The largest difference, relative to the largest magnitude of its output.
        max_relative: f64,
    },
    /// An output differs.
    Differs {
        /// The output.
        output: String,
        /// What is different.
        difference: String,
    },
    /// The models could not be run.
    NotRun {
        /// Why.
        reason: String,
    },
    /// Nobody asked.
    #[default]
    Off,
}

/// The difference that passes may make, relative to the largest magnitude of an output.
pub const TOLERANCE: f64 = 1e-4;

/// Runs whose weights exceed this many bytes are left to the user: a runtime holds copies of them.
const MAX_BYTES: u64 = 512 << 20;

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal { runs: 0, .. } => write!(f, "nothing was changed"),
            Self::Equal { runs, max_relative } => {
                write!(f, "values equal on {runs} seeded runs (largest relative difference {max_relative:.1e})")
            }
            Self::Differs { output, difference } => write!(f, "output `{output}` {difference}"),
            Self::NotRun { reason } => write!(f, "structure and signature checked; values not compared: {reason}"),
            Self::Off => write!(f, "structure and signature checked; values not compared"),
        }
    }
}

/// A run of the original: what it was fed, and what it gave.
struct Reference {
    feeds: Feeds,
    outputs: Vec<Tensor>,
}

/// Compares models with one original.
pub struct Checker<'a> {
    original: &'a Model,
    ops: &'a OpTable,
    runtime: Option<&'a dyn Runtime>,
    references: OnceCell<Result<Vec<Reference>, String>>,
}

impl<'a> Checker<'a> {
    /// A comparison with `original`, which is run when it is first needed.
    pub fn new(original: &'a Model, ops: &'a OpTable, runtime: Option<&'a dyn Runtime>) -> Self {
        Self { original, ops, runtime, references: OnceCell::new() }
    }

    /// Compares the outputs of a model with the original's.
    pub fn values(&self, model: &Model) -> Check {
        let not_run = |reason: &str| Check::NotRun { reason: reason.into() };
        let Some(runtime) = self.runtime else { return not_run("no runtime is there") };
        if model.revision() == self.original.revision() {
            return Check::Equal { runs: 0, max_relative: 0.0 };
        }
        let references = match self.references.get_or_init(|| self.run_original(runtime)) {
            Ok(references) => references,
            Err(reason) => return not_run(reason),
        };
        let mut session = match runtime.prepare(model, &outputs(model)) {
            Ok(session) => session,
            Err(e) => return not_run(&format!("the result: {e}")),
        };
        let mut max_relative = 0f64;
        for reference in references {
            let mut found = Vec::new();
            let names: Vec<ValueId> = outputs(model);
            let outcome = session.run(&reference.feeds, &mut |_, tensor| {
                found.push(tensor);
                Ok(())
            });
            if let Err(e) = outcome {
                return Check::Differs { output: model.name(names[0]).into(), difference: format!("cannot be computed any more: {e}") };
            }
            for (k, (before, after)) in reference.outputs.iter().zip(&found).enumerate() {
                match difference(before, after, least_scale(self.original, k)) {
                    Ok(relative) => max_relative = max_relative.max(relative),
                    Err(difference) => return Check::Differs { output: model.name(names[k]).into(), difference },
                }
            }
        }
        Check::Equal { runs: references.len(), max_relative }
    }

    fn run_original(&self, runtime: &dyn Runtime) -> Result<Vec<Reference>, String> {
        let model = self.original;
        if model.nodes().any(|n| self.ops.effects(model, n) == Effects::Random) {
            return Err("it draws random numbers".into());
        }
        let weights: u64 = model.values().filter_map(|v| model.constant(v)).map(Tensor::byte_len).sum();
        if weights > MAX_BYTES {
            return Err(format!("its weights take more than {} MiB", MAX_BYTES >> 20));
        }
        let mut session = runtime.prepare(model, &outputs(model)).map_err(|e: RuntimeError| e.to_string())?;
        let facts = Facts::infer(model, self.ops);
        let mut references: Vec<Reference> = Vec::new();
        let mut reason = String::from("its inputs are no tensors of known rank");
        let inputs = model.scope(Model::MAIN).inputs().iter();
        let shapes: Vec<Vec<Dim>> = inputs.filter_map(|d| facts.of(d.value).shape.clone()).collect();
        for (seed, (first, last, between)) in LENGTHS.into_iter().enumerate() {
            let binding = Binding { shapes: &shapes, first, last, between };
            let bind = |symbol: Symbol| binding.of(symbol);
            let Some(feeds) = seeded_feeds(model, &facts, &bind, seed as u64) else { continue };
            let mut outputs = Vec::new();
            let outcome = session.run(&feeds, &mut |_, tensor| {
                outputs.push(tensor);
                Ok(())
            });
            match outcome {
                Ok(()) => references.push(Reference { feeds, outputs }),
                Err(e) => reason = format!("made-up inputs do not fit the original: {e}"),
            }
            if references.len() == 2 {
                break;
            }
        }
        if references.is_empty() { Err(reason) } else { Ok(references) }
    }
}

fn outputs(model: &Model) -> Vec<ValueId> {
    model.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect()
}

/// Lengths for symbols, by where they stand in the shape of an input.
struct Binding<'a> {
    shapes: &'a [Vec<Dim>],
    first: i64,
    last: i64,
    between: i64,
}

impl Binding<'_> {
    fn of(&self, symbol: Symbol) -> i64 {
        let stands = |dim: Option<&Dim>| dim.is_some_and(|d| d.symbols().contains(&symbol));
        if self.shapes.iter().any(|s| stands(s.first())) {
            self.first
        } else if self.shapes.iter().any(|s| stands(s.last())) {
            self.last
        } else {
            self.between
        }
    }
}

/// Lengths to try, the likely ones first: small ones suit sequences, multiples of 32 suit images, low and wide ones suit lines of text.
const LENGTHS: [(i64, i64, i64); 14] = [
    (2, 7, 7),
    (1, 12, 12),
    (1, 64, 64),
    (2, 96, 96),
    (1, 32, 32),
    (1, 224, 224),
    (2, 96, 48),
    (1, 160, 48),
    (1, 100, 32),
    (1, 1, 1),
    (1, 256, 256),
    (4, 4, 4),
    (1, 512, 512),
    (1, 640, 640),
];

/// What an output is measured against at least. Runtimes compute probabilities near zero only as exactly as those near one.
fn least_scale(original: &Model, output: usize) -> f64 {
    let declared = original.scope(Model::MAIN).outputs().get(output);
    let maker = declared.and_then(|d| original.producer(d.value)).map(|(maker, _)| original.node(maker));
    if maker.is_some_and(|n| n.is("Sigmoid") || n.is("Softmax")) { 1e-2 } else { 1e-6 }
}

/// The largest difference of two outputs, relative to the largest magnitude of the first; or what makes them differ.
fn difference(before: &Tensor, after: &Tensor, least_scale: f64) -> Result<f64, String> {
    if (before.dtype, &before.dims) != (after.dtype, &after.dims) {
        return Err(format!("is {}{:?} instead of {}{:?}", after.dtype, after.dims, before.dtype, before.dims));
    }
    let (Some(x), Some(y)) = (before.to_f64(), after.to_f64()) else {
        return if before.same_content(after) { Ok(0.0) } else { Err("has other elements".into()) };
    };
    let scale = x.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
    let mut largest = 0f64;
    for (a, b) in x.iter().zip(&y) {
        if a == b || (a.is_nan() && b.is_nan()) {
            continue;
        }
        let relative = (a - b).abs() / scale.max(least_scale);
        if relative.is_nan() || relative > TOLERANCE {
            return Err(format!("differs: {b} instead of {a}, relative difference {relative:.1e}"));
        }
        largest = largest.max(relative);
    }
    Ok(largest)
}
