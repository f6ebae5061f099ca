//! A loaded model, and how it runs.

use super::{NAME, failed, place, values};
use crate::input::{self, Input};
use ort::{session::Session as Loaded, value::DynValue};
use shrinx_ops::{
    Facts, Feeds, RuntimeError, Session, Sink, constant,
    ir::{Model, Tensor, ValueId},
};

/// A model in ONNX Runtime, with the way from feeds to wanted values.
pub(super) struct OrtSession {
    /// Kept to name nodes in messages; weights are shared with the caller's.
    model: Model,
    inputs: Vec<Input>,
    wanted: Vec<(ValueId, Source)>,
    loaded: Option<Loaded>,
}

/// Where a wanted value comes from.
enum Source {
    /// It is a constant of the model.
    Constant(Tensor),
    /// It is this input.
    Input(usize),
    /// ONNX Runtime computes it.
    Computed,
}

impl OrtSession {
    pub(super) fn new(model: &Model, facts: &Facts, wanted: &[ValueId]) -> Self {
        let declared = model.scope(Model::MAIN).inputs();
        let source = |value: ValueId| match (constant(model, value), declared.iter().position(|d| d.value == value)) {
            (Some(tensor), _) => Source::Constant(tensor),
            (None, Some(at)) => Source::Input(at),
            (None, None) => Source::Computed,
        };
        Self {
            inputs: declared.iter().map(|d| Input::of(model, facts, d.value)).collect(),
            wanted: wanted.iter().map(|v| (*v, source(*v))).collect(),
            model: model.clone(),
            loaded: None,
        }
    }

    /// The wanted values that must be computed, each once.
    pub(super) fn computed(&self) -> Vec<ValueId> {
        let mut computed = Vec::new();
        for (value, source) in &self.wanted {
            if matches!(source, Source::Computed) && !computed.contains(value) {
                computed.push(*value);
            }
        }
        computed
    }

    pub(super) fn start(&mut self, loaded: Loaded) {
        self.loaded = Some(loaded);
    }
}

impl Session for OrtSession {
    fn run(&mut self, feeds: &Feeds, sink: &mut Sink<'_>) -> Result<(), RuntimeError> {
        input::check_names(&self.inputs.iter(), feeds)?;
        let Self { model, inputs, wanted, loaded } = self;
        let mut fed: Vec<(&str, DynValue)> = Vec::new();
        let taken = loaded.as_ref().map_or(&[][..], |l| l.inputs());
        for input in inputs.iter() {
            // What is fed in place of a default is no input that ONNX Runtime lists.
            if taken.iter().any(|t| t.name() == input.name) || feeds.get(&input.name).is_some() && loaded.is_some() {
                fed.push((&input.name, values::to_ort(input.given(feeds)?).map_err(|reason| input.bad(reason))?));
            }
        }
        let explain = |e: ort::Error| match place(model, &e.to_string()) {
            Some((op, node, reason)) => RuntimeError::Failed { runtime: NAME, reason: format!("node {node} ({op}): {reason}") },
            None => failed(e.to_string()),
        };
        let made = match loaded {
            Some(loaded) => Some(loaded.run(fed).map_err(explain)?),
            None => None,
        };
        for (value, source) in wanted.iter() {
            let tensor = match source {
                Source::Constant(tensor) => tensor.clone(),
                Source::Input(at) => inputs[*at].given(feeds)?.clone(),
                Source::Computed => {
                    let name = model.name(*value);
                    let made = made.as_ref().and_then(|m| m.get(name)).ok_or_else(|| failed(format!("it did not make `{name}`")))?;
                    values::from_ort(made).map_err(failed)?
                }
            };
            sink(*value, tensor)?;
        }
        Ok(())
    }
}
