//! Comparing two models by running them: how far B's outputs are from A's, on samples.
//!
//! Values are streamed: A's of one sample are held while B's come in, and nothing of a sample outlives it. Outputs are those that the runtime makes with its
//! optimizations, as a user would get them; inner values, where asked for, come from runs of their own.

mod budget;
mod show;
mod tally;

pub use budget::Budget;
pub use tally::{MAX_SQNR, Measures, Tally};

use shrinx_rewrite::{
    ir::{Coded, Model, Tensor, ValueId, coded_by},
    ops::{Facts, Feeds, OpTable, Runtime, RuntimeError, Session, constant},
};
use std::collections::BTreeMap;

/// What is compared besides outputs, and how the samples came about.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompareOptions {
    /// Also every value that both models compute under one name.
    pub layers: bool,
    /// The samples are made up, which the result then says.
    pub random: bool,
}

/// How far B is from A.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// Version of this structure.
    pub schema_version: u32,
    /// What ran both.
    pub runtime: String,
    /// Samples that were run.
    pub samples: usize,
    /// Whether they were made up.
    pub random: bool,
    /// Over all float outputs.
    pub overall: Measures,
    /// By output, in A's order.
    pub outputs: Vec<Agreement>,
    /// By inner value of one shape and type in both, the worst first, where asked for.
    pub layers: Option<Vec<Agreement>>,
}

/// How far a value of B is from A's of the same name.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Agreement {
    /// The value.
    pub name: String,
    /// The figures; empty where nothing could be compared.
    #[serde(flatten)]
    pub measures: Measures,
    /// Why it could not be compared, or not in all samples.
    pub problem: Option<String>,
}

/// Why models were not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError<E: Coded + 'static> {
    /// A sample could not be read.
    #[error(transparent)]
    Sample(E),
    /// One of the models was not run.
    #[error("model {model}: {source}")]
    Run {
        /// `A` or `B`.
        model: char,
        /// Why.
        source: RuntimeError,
    },
}

coded_by!(CompareError<E> where E: Coded { Self::Sample(e) => e, Self::Run { source: e, .. } => e });

impl Comparison {
    /// What is wrong whatever the bounds: outputs that are missing, differ in shape or type, or are NaN or infinite in one model alone.
    pub fn problems(&self) -> Vec<String> {
        let apart = |n: u64| format!("{n} elements are NaN or infinite in one model and something else in the other");
        let problem = |o: &Agreement| {
            let apart = (o.measures.non_finite_apart > 0).then(|| apart(o.measures.non_finite_apart));
            o.problem.clone().or(apart).map(|what| format!("output `{}`: {what}", o.name))
        };
        self.outputs.iter().filter_map(problem).collect()
    }
}

/// Both models, A first, ready to run.
pub type Ready = [Box<dyn Session>; 2];

/// Runs both models on the samples and compares what they make.
pub fn compare<E: Coded + 'static>(
    runtime: &dyn Runtime,
    a: &Model,
    b: &Model,
    samples: &mut dyn Iterator<Item = Result<Feeds, E>>,
    options: CompareOptions,
) -> Result<Comparison, CompareError<E>> {
    Ok(compare_and_keep(runtime, a, b, samples, options)?.0)
}

/// As [`compare`]; both models come back, ready to make those outputs that both have.
pub fn compare_and_keep<E: Coded + 'static>(
    runtime: &dyn Runtime,
    a: &Model,
    b: &Model,
    samples: &mut dyn Iterator<Item = Result<Feeds, E>>,
    options: CompareOptions,
) -> Result<(Comparison, Ready), CompareError<E>> {
    let (outputs, lonely) = outputs(a, b);
    let mut outputs = Meeting::prepare(runtime, a, b, outputs)?;
    let mut layers = if options.layers { Some(Meeting::prepare(runtime, a, b, layers(a, b))?) } else { None };
    let mut comparison = Comparison { schema_version: 1, runtime: runtime.name().into(), random: options.random, ..Comparison::default() };
    for feeds in samples {
        let feeds = feeds.map_err(CompareError::Sample)?;
        outputs.run(&feeds)?;
        if let Some(layers) = &mut layers {
            layers.run(&feeds)?;
        }
        comparison.samples += 1;
    }
    let mut overall = Tally::default();
    outputs.pairs.iter().filter(|p| p.tally.is_float()).for_each(|p| overall.absorb(&p.tally));
    comparison.overall = overall.measures();
    comparison.outputs = outputs.agreements().chain(lonely).collect();
    comparison.layers = layers.map(|layers| {
        // A name may stand for different things in both.
        let mut layers: Vec<Agreement> = layers.agreements().filter(|l| l.problem.is_none()).collect();
        // Floats by noise, others by what differs; what has neither comes last.
        let rank = |l: &Agreement| l.measures.sqnr.unwrap_or(if l.measures.equal < 1.0 { 0.0 } else { MAX_SQNR });
        layers.sort_by(|x, y| rank(x).total_cmp(&rank(y)).then_with(|| x.name.cmp(&y.name)));
        layers
    });
    Ok((comparison, [outputs.a, outputs.b]))
}

/// Outputs of both, in A's order; and those that only one has, as they are reported.
fn outputs(a: &Model, b: &Model) -> (Vec<Pair>, Vec<Agreement>) {
    let named = |model: &Model| -> Vec<(String, ValueId)> {
        model.scope(Model::MAIN).outputs().iter().map(|d| (model.name(d.value).to_string(), d.value)).collect()
    };
    let (of_a, of_b) = (named(a), named(b));
    let lonely = |name: &str, other| Agreement {
        name: name.into(),
        measures: Measures::default(),
        problem: Some(format!("{other} has no output of this name")),
    };
    let mut pairs = Vec::new();
    let mut alone = Vec::new();
    for (name, value) in &of_a {
        match of_b.iter().find(|(n, _)| n == name) {
            Some((_, other)) => pairs.push(Pair::new(name, *value, *other)),
            None => alone.push(lonely(name, "B")),
        }
    }
    alone.extend(of_b.iter().filter(|(name, _)| !of_a.iter().any(|(n, _)| n == name)).map(|(name, _)| lonely(name, "A")));
    (pairs, alone)
}

/// Values that both compute under one name and that are no outputs.
fn layers(a: &Model, b: &Model) -> Vec<Pair> {
    let (facts_a, facts_b) = (Facts::infer(a, &OpTable::standard()), Facts::infer(b, &OpTable::standard()));
    let computed = |model: &Model, facts: &Facts, value: ValueId| {
        let inner = model.scope_of(value) == Model::MAIN && model.producer(value).is_some() && !model.is_output(value);
        inner && facts.of(value).dtype.is_some() && constant(model, value).is_none()
    };
    let of_b: BTreeMap<&str, ValueId> = b.values().filter(|v| computed(b, &facts_b, *v)).map(|v| (b.name(v), v)).collect();
    let of_a = a.values().filter(|v| computed(a, &facts_a, *v));
    of_a.filter_map(|v| Some(Pair::new(a.name(v), v, *of_b.get(a.name(v))?))).collect()
}

/// A value of A and its counterpart in B.
struct Pair {
    name: String,
    a: ValueId,
    b: ValueId,
    tally: Tally,
    problem: Option<String>,
}

impl Pair {
    fn new(name: &str, a: ValueId, b: ValueId) -> Self {
        Self { name: name.into(), a, b, tally: Tally::default(), problem: None }
    }
}

/// Both models, ready to make the values of some pairs.
struct Meeting {
    pairs: Vec<Pair>,
    a: Box<dyn Session>,
    b: Box<dyn Session>,
}

impl Meeting {
    fn prepare<E: Coded>(runtime: &dyn Runtime, a: &Model, b: &Model, pairs: Vec<Pair>) -> Result<Self, CompareError<E>> {
        let ready = |name: char, model: &Model, wanted: Vec<ValueId>| {
            runtime.prepare(model, &wanted).map_err(|source| CompareError::Run { model: name, source })
        };
        let of_a = ready('A', a, pairs.iter().map(|p| p.a).collect())?;
        let of_b = ready('B', b, pairs.iter().map(|p| p.b).collect())?;
        Ok(Self { pairs, a: of_a, b: of_b })
    }

    fn run<E: Coded>(&mut self, feeds: &Feeds) -> Result<(), CompareError<E>> {
        let Self { pairs, a, b } = self;
        let mut held: Vec<Tensor> = Vec::new();
        let failed = |model| move |source| CompareError::Run { model, source };
        let hold = &mut |_, tensor| {
            held.push(tensor);
            Ok(())
        };
        a.run(feeds, hold).map_err(failed('A'))?;
        let mut held = held.into_iter();
        let mut pairs = pairs.iter_mut();
        let meet = &mut |_, tensor: Tensor| {
            if let (Some(pair), Some(held)) = (pairs.next(), held.next())
                && let Err(problem) = pair.tally.add(&held, &tensor)
            {
                pair.problem.get_or_insert(problem);
            }
            Ok(())
        };
        b.run(feeds, meet).map_err(failed('B'))
    }

    fn agreements(&self) -> impl Iterator<Item = Agreement> {
        self.pairs.iter().map(|p| Agreement { name: p.name.clone(), measures: p.tally.measures(), problem: p.problem.clone() })
    }
}
