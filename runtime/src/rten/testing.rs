//! Tests of this runtime: a graph as text and values in, values out.

use super::Rten;
use shrinx_ops::{
    Feeds, Runtime, RuntimeError,
    ir::{Model, Tensor, ValueId, text},
};

/// The model of a text.
pub(crate) fn model(source: &str) -> Model {
    text::parse(source).unwrap_or_else(|e| panic!("{source}: {e}"))
}

/// All outputs of a graph.
pub(crate) fn outputs(source: &str, feeds: &[&(&str, Tensor)]) -> Result<Vec<Tensor>, RuntimeError> {
    let model = model(source);
    let wanted: Vec<ValueId> = model.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect();
    values(&Rten::new(), &model, &wanted, &feeds.iter().map(|(name, tensor)| (*name, tensor.clone())).collect())
}

/// Wanted values of a model.
pub(crate) fn values(runtime: &Rten, model: &Model, wanted: &[ValueId], feeds: &Feeds) -> Result<Vec<Tensor>, RuntimeError> {
    let mut made = Vec::new();
    let mut session = runtime.prepare(model, wanted)?;
    session.run(feeds, &mut |_, tensor| {
        made.push(tensor);
        Ok(())
    })?;
    Ok(made)
}

/// The first output of a graph that runs.
pub(crate) fn run(source: &str, feeds: &[&(&str, Tensor)]) -> Tensor {
    outputs(source, feeds).unwrap_or_else(|e| panic!("{source}: {e}")).remove(0)
}

pub(crate) fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.as_f32().expect("floats").into_owned()
}

pub(crate) fn integers(tensor: &Tensor) -> Vec<i64> {
    tensor.to_integers().expect("integers")
}
