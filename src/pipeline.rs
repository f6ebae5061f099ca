//! Which passes run, in which order, until nothing changes; and what is checked after each.
//!
//! A pass that fails, breaks an invariant, or makes the model larger, is named and undone: the run starts again from the original without it.

use crate::{
    nearest::nearest,
    report::{Failure, Report, StepReport},
    summary::Summary,
};
use shrinx_rewrite::{
    Context, Level, Notes, Pass, Registry,
    check::{Check, Checker},
    ir::{
        Coded, ErrorKind, Model,
        verify::{Signature, verify},
        write::size,
    },
    ops::{OpTable, Runtime},
};
use std::time::Instant;

/// What to run.
pub struct PipelineOptions<'a> {
    /// The optimization level: 0 nothing, 1 what is exact or folds constants into weights, 2 more.
    pub level: u8,
    /// These passes, in this order, instead of the level's.
    pub passes: Vec<String>,
    /// Not these passes.
    pub skip: Vec<String>,
    /// When values are compared with the original's.
    pub verify: Verify,
    /// What runs the models that are compared; without one, structure and signature are checked alone.
    pub runtime: Option<&'a dyn Runtime>,
}

impl Default for PipelineOptions<'_> {
    fn default() -> Self {
        Self { level: 1, passes: Vec::new(), skip: Vec::new(), verify: Verify::End, runtime: None }
    }
}

/// When values are compared with the original's. Structure and signature are always checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Verify {
    /// After every pass that changed something.
    Each,
    /// Once, at the end.
    #[default]
    End,
    /// Never.
    Off,
}

/// A pass that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no pass `{name}`")]
pub struct PipelineError {
    /// The name asked for.
    pub name: String,
    /// The nearest names that there are.
    pub near: Vec<String>,
}

impl Coded for PipelineError {
    fn code(&self) -> &'static str {
        "E0601"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn help(&self) -> Option<String> {
        Some(match self.near.first() {
            Some(near) => format!("did you mean `{near}`? `shrinx passes` lists them all"),
            None => "`shrinx passes` lists them all".into(),
        })
    }
}

/// An ordered list of passes, ready to run on models.
pub struct Pipeline<'a> {
    steps: Vec<&'a dyn Pass>,
    ops: OpTable,
    verify: Verify,
    runtime: Option<&'a dyn Runtime>,
}

/// A model that went through a pipeline.
pub struct Outcome {
    /// The result.
    pub model: Model,
    /// What was done.
    pub report: Report,
}

/// A run that a pass spoiled.
struct Spoiled {
    pass: String,
    problem: String,
}

/// The list is repeated at most this often.
const MAX_ROUNDS: usize = 10;

impl<'a> Pipeline<'a> {
    /// The passes of `registry` that the options choose. An unknown name is an error.
    pub fn new(registry: &'a Registry, options: &PipelineOptions<'a>) -> Result<Self, PipelineError> {
        let find = |name: &String| registry.get(name).ok_or_else(|| unknown(registry, name));
        for name in &options.skip {
            find(name)?;
        }
        let wanted = |level: Level| match level {
            Level::One => options.level >= 1,
            Level::Two => options.level >= 2,
            Level::OnRequest => false,
        };
        let chosen: Vec<&dyn Pass> = if options.passes.is_empty() {
            registry.steps().iter().filter(|s| wanted(s.level)).map(|s| &*s.pass).collect()
        } else {
            options.passes.iter().map(find).collect::<Result<_, _>>()?
        };
        let steps = chosen.into_iter().filter(|p| !options.skip.iter().any(|s| s == p.name())).collect();
        Ok(Self { steps, ops: OpTable::standard(), verify: options.verify, runtime: options.runtime })
    }

    /// Names of the passes, in order.
    pub fn names(&self) -> Vec<&str> {
        self.steps.iter().map(|p| p.name()).collect()
    }

    /// Runs the passes on a model.
    pub fn run(&self, original: Model) -> Outcome {
        let before = Summary::of(&original, &self.ops);
        let unchanged = |failures| Report { after: before.clone(), before: before.clone(), failures, ..Report::default() };
        if self.steps.is_empty() {
            return Outcome { report: unchanged(vec![]), model: original };
        }
        if let Some(what) = names_values(&original) {
            let problem = format!("its {what} refers to values by name, which passes would take away");
            return Outcome { report: unchanged(vec![Failure::of_all(problem)]), model: original };
        }
        let checker = Checker::new(&original, &self.ops, self.runtime.filter(|_| self.verify != Verify::Off));
        let mut failures: Vec<Failure> = Vec::new();
        let mut verify_each = self.verify == Verify::Each;
        loop {
            let skip: Vec<&str> = failures.iter().map(|f| f.pass.as_str()).collect();
            let mut model = original.clone();
            let outcome = self.attempt(&mut model, &checker, &skip, verify_each).and_then(|steps| {
                let check = if self.verify == Verify::Off { Check::Off } else { checker.values(&model) };
                match &check {
                    Check::Differs { .. } => Err(Spoiled { pass: String::new(), problem: check.to_string() }),
                    Check::Equal { .. } | Check::NotRun { .. } | Check::Off => Ok((steps, check)),
                }
            });
            match outcome {
                Ok((steps, check)) => {
                    if let Some(growth) = growth(&original, &model) {
                        let problem = format!("the result would be {growth} bytes larger");
                        let Some(pass) = self.growing(&original, &model, &checker, &skip, &steps) else {
                            failures.push(Failure::of_all(problem));
                            return Outcome { report: unchanged(failures), model: original };
                        };
                        failures.push(Failure { pass, problem });
                        continue;
                    }
                    let after = Summary::of(&model, &self.ops);
                    return Outcome { report: Report { before, after, steps, failures, check: check.into(), ..Report::default() }, model };
                }
                // Who did it is not known: again, looking after each pass.
                Err(spoiled) if spoiled.pass.is_empty() && !verify_each => verify_each = true,
                Err(Spoiled { pass, problem }) => {
                    let known = self.steps.iter().any(|p| p.name() == pass && !skip.contains(&p.name()));
                    failures.push(Failure { pass: pass.clone(), problem });
                    if !known {
                        // Not even the single steps show it: nothing is changed at all.
                        failures
                            .extend(self.steps.iter().map(|p| Failure { pass: p.name().into(), problem: "not trusted after that".into() }));
                    }
                }
            }
        }
    }

    /// The pass without which the result is smallest, if it is smaller at all. Sizes after single steps do not tell: some leave behind what a later one
    /// removes.
    fn growing(&self, original: &Model, result: &Model, checker: &Checker<'_>, skip: &[&str], steps: &[StepReport]) -> Option<String> {
        let without = |step: &StepReport| {
            let mut model = original.clone();
            self.attempt(&mut model, checker, &[skip, &[step.pass.as_str()]].concat(), false).ok()?;
            Some((size(&model)?, step.pass.clone()))
        };
        let (least, pass) = steps.iter().filter(|s| s.applied > 0).filter_map(without).min()?;
        (least < size(result)?).then_some(pass)
    }

    fn attempt(&self, model: &mut Model, checker: &Checker<'_>, skip: &[&str], verify_each: bool) -> Result<Vec<StepReport>, Spoiled> {
        let steps: Vec<&dyn Pass> = self.steps.iter().copied().filter(|p| !skip.contains(&p.name())).collect();
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let signature = Signature::of(model);
        let mut context = Context::new(model, &self.ops);
        let mut reports: Vec<StepReport> = Vec::new();
        // The revision at which a step last found nothing to do.
        let mut idle: Vec<Option<u64>> = vec![None; steps.len()];
        for _ in 0..MAX_ROUNDS {
            let start = model.revision();
            for (step, idle) in steps.iter().zip(&mut idle) {
                let revision = model.revision();
                if *idle == Some(revision) {
                    continue;
                }
                let clock = Instant::now();
                context.notes = Notes::default();
                let spoiled = |problem: String| Spoiled { pass: step.name().into(), problem };
                step.run(model, &mut context).map_err(|e| spoiled(e.to_string()))?;
                let changed = model.revision() != revision;
                if changed {
                    context.refresh(model);
                    if let Some(violation) = verify(model).into_iter().chain(signature.compare(&Signature::of(model))).next() {
                        return Err(spoiled(violation.to_string()));
                    }
                    if verify_each && let check @ Check::Differs { .. } = checker.values(model) {
                        return Err(spoiled(check.to_string()));
                    }
                } else {
                    *idle = Some(revision);
                }
                StepReport::add(&mut reports, step.name(), &context.notes, clock.elapsed());
            }
            if model.revision() == start {
                break;
            }
        }
        Ok(reports)
    }
}

/// What in a model refers to values by their names, outside the graph.
fn names_values(model: &Model) -> Option<&'static str> {
    if !model.header().training_info.is_empty() {
        return Some("training information");
    }
    let annotated = model.scopes().any(|s| !model.scope(s).quantization.is_empty());
    annotated.then_some("quantization annotation")
}

/// By how many bytes a result is larger than its original.
fn growth(original: &Model, result: &Model) -> Option<u64> {
    if result.revision() == original.revision() {
        return None;
    }
    size(result)?.checked_sub(size(original)?).filter(|n| *n > 0)
}

fn unknown(registry: &Registry, name: &str) -> PipelineError {
    let near = nearest(name, registry.steps().iter().map(|s| s.pass.name()));
    PipelineError { name: name.into(), near }
}
