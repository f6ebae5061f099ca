//! A loaded model, and how it runs.

use super::{failed, guarded, unsupported_model, values};
use crate::{
    input::{self, Input},
    part::Part,
    place::{describe, label},
};
use rten::{NodeId as RtenId, RunOptions, ThreadPool, Value};
use rustc_hash::FxHashMap;
use shrinx_ops::{
    Facts, Feeds, RuntimeError, Session, Sink, constant,
    ir::{DataType, Model, Tensor, ValueId},
};
use std::sync::Arc;

/// A model in rten, with the way from feeds to wanted values.
pub(super) struct RtenSession {
    model: rten::Model,
    pool: Arc<ThreadPool>,
    /// Those that the wanted values do not need have no place in rten.
    inputs: Vec<(Input, Option<RtenId>)>,
    computed: Vec<(RtenId, DataType)>,
    wanted: Vec<(ValueId, Source)>,
    labels: FxHashMap<String, String>,
}

/// Where a wanted value comes from.
enum Source {
    /// It is a constant of the model.
    Constant(Tensor),
    /// It is this input.
    Input(usize),
    /// rten computes it: a place in `computed`.
    Computed(usize),
}

impl RtenSession {
    pub(super) fn new(
        model: &Model,
        facts: &Facts,
        part: &Part,
        wanted: &[ValueId],
        loaded: rten::Model,
        pool: Arc<ThreadPool>,
    ) -> Result<Self, RuntimeError> {
        let place = |value: ValueId| {
            let fed = part.has_value(value) && model.constant(value).is_none();
            if fed { loaded.find_node(model.name(value)) } else { None }
        };
        let inputs = model.scope(Model::MAIN).inputs().iter();
        let inputs = inputs.map(|d| (Input::of(model, facts, d.value), place(d.value))).collect();
        let mut session = Self { inputs, computed: Vec::new(), wanted: Vec::new(), labels: FxHashMap::default(), model: loaded, pool };
        session.labels = part.nodes(model).map(|node| (label(node), describe(model, node))).collect();
        let mut places: FxHashMap<ValueId, usize> = FxHashMap::default();
        for &value in wanted {
            let source = session.source(model, facts, value, &mut places)?;
            session.wanted.push((value, source));
        }
        Ok(session)
    }

    fn source(
        &mut self,
        model: &Model,
        facts: &Facts,
        value: ValueId,
        places: &mut FxHashMap<ValueId, usize>,
    ) -> Result<Source, RuntimeError> {
        let name = model.name(value);
        if let Some(tensor) = constant(model, value) {
            return Ok(Source::Constant(tensor));
        }
        if let Some(at) = self.inputs.iter().position(|(i, _)| i.name == name) {
            return Ok(Source::Input(at));
        }
        if let Some(place) = places.get(&value) {
            return Ok(Source::Computed(*place));
        }
        let id = self.model.find_node(name).ok_or_else(|| unsupported_model(format!("nothing makes value `{name}`")))?;
        let place = self.computed.len();
        places.insert(value, place);
        let dtype = facts.of(value).dtype.ok_or_else(|| unsupported_model(format!("the type of value `{name}` is not known")))?;
        self.computed.push((id, dtype));
        Ok(Source::Computed(place))
    }

    fn compute(&self, fed: Vec<(RtenId, Value)>) -> Result<Vec<Value>, RuntimeError> {
        let ids: Vec<RtenId> = self.computed.iter().map(|(id, _)| *id).collect();
        let fed = fed.into_iter().map(|(id, value)| (id, value.into())).collect();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        guarded(|| {
            self.model.run(fed, &ids, Some(options)).map_err(|e| {
                let at = e.node_path().into_iter().flatten().last().and_then(|name| self.labels.get(name.split('.').next()?));
                match at {
                    Some(node) => failed(format_args!("node {node}: {e}")),
                    None => failed(e),
                }
            })
        })
    }
}

impl Session for RtenSession {
    fn run(&mut self, feeds: &Feeds, sink: &mut Sink<'_>) -> Result<(), RuntimeError> {
        input::check_names(&self.inputs.iter().map(|(i, _)| i), feeds)?;
        let mut fed = Vec::new();
        for (input, place) in &self.inputs {
            if let Some(place) = place {
                fed.push((*place, values::to_rten(input.given(feeds)?).map_err(|reason| input.bad(reason))?));
            }
        }
        let mut computed: Vec<Option<Value>> =
            if self.computed.is_empty() { Vec::new() } else { self.compute(fed)?.into_iter().map(Some).collect() };
        let mut uses = vec![0usize; computed.len()];
        for (_, source) in &self.wanted {
            if let Source::Computed(place) = source {
                uses[*place] += 1;
            }
        }
        for (value, source) in &self.wanted {
            let tensor = match source {
                Source::Constant(tensor) => tensor.clone(),
                Source::Input(at) => self.inputs[*at].0.given(feeds)?.clone(),
                Source::Computed(place) => {
                    uses[*place] -= 1;
                    let made = if uses[*place] == 0 { computed[*place].take() } else { computed[*place].clone() };
                    let made = made.ok_or_else(|| failed("a value vanished"))?;
                    values::from_rten(made, self.computed[*place].1).map_err(failed)?
                }
            };
            sink(*value, tensor)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::rten::{
        Rten,
        testing::{floats, model, outputs, values},
    };
    use shrinx_ops::{
        Feeds, RuntimeError,
        ir::{Model, Tensor},
    };

    const GRAPH: &str = "g (float[N,2] x, float[2] b) => (float[N,2] y) <float[2] b = {1.0, 2.0}, float[2] w = {3.0, 4.0}, float[N,2] t> {
        t = Add(x, w)
        y = Add(t, b)
    }";

    #[test]
    fn every_kind_of_value_may_be_wanted_and_more_than_once() {
        let model = model(GRAPH);
        let wanted = ["y", "w", "x", "t", "y", "b"].map(|name| model.find(Model::MAIN, name).unwrap());
        let feeds: Feeds = [("x", Tensor::from_f32([1, 2], &[10.0, 20.0]))].into_iter().collect();
        let made = values(&Rten::new(), &model, &wanted, &feeds).unwrap();
        let expected = [[14.0, 26.0], [3.0, 4.0], [10.0, 20.0], [13.0, 24.0], [14.0, 26.0], [1.0, 2.0]];
        assert_eq!(made.iter().map(floats).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_default_gives_way_to_what_is_fed() {
        let feeds = [&("x", Tensor::from_f32([1, 2], &[0.0, 0.0])), &("b", Tensor::from_f32([2], &[5.0, 6.0]))];
        assert_eq!(floats(&outputs(GRAPH, &feeds).unwrap()[0]), [8.0, 10.0]);
    }

    #[test]
    fn says_what_is_wrong_with_a_feed() {
        let x = |dims: &[u64]| ("x", Tensor::from_f32(dims, &vec![0.0; dims.iter().product::<u64>() as usize]));
        let complaint = |feeds: &[&(&str, Tensor)]| match outputs(GRAPH, feeds) {
            Err(RuntimeError::BadFeed { input, reason }) => format!("{input}: {reason}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(complaint(&[]), "x: no value is given");
        assert_eq!(complaint(&[&x(&[1, 2]), &("z", Tensor::vector_i64(&[]))]), "z: the model has no input of this name");
        assert_eq!(complaint(&[&x(&[1, 3])]), "x: its shape is [?, 2], given is [1, 3]");
        assert_eq!(complaint(&[&("x", Tensor::vector_i64(&[0, 0]))]), "x: its type is float, given is int64");
    }

    #[test]
    fn integers_beyond_32_bits_are_not_clipped() {
        let graph = "g (int64[1] i) => (int64[1] y) { y = Add(i, i) }";
        assert!(matches!(outputs(graph, &[&("i", Tensor::vector_i64(&[1 << 40]))]), Err(RuntimeError::BadFeed { .. })));
        let graph = "g (int64[1] i) => (int64[1] y) <int64[1] k = {4294967296}> { y = Add(i, k) }";
        assert!(matches!(outputs(graph, &[]), Err(RuntimeError::UnsupportedModel { .. })));
    }

    #[test]
    fn a_failure_names_the_node() {
        let graph = "g (float[N] a, float[M] b) => (float[K] y) { [sum] y = Add(a, b) }";
        let feeds = [&("a", Tensor::from_f32([2], &[0.0; 2])), &("b", Tensor::from_f32([3], &[0.0; 3]))];
        let said = outputs(graph, &feeds).unwrap_err().to_string();
        assert!(said.starts_with("rten failed: node `sum`: "), "{said}");
    }
}
