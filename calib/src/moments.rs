//! Second moments of what flows into and out of contractions: the evidence that weights are fitted to.
//!
//! The model runs over the samples, one by one. Of each sample, some places of each output are looked at, evenly spread: for a convolution the patch under the
//! kernel, for a matrix product the row. Nothing else is kept. Sums are added up in the order of the samples, so that they are the same each time.

use crate::{SampleError, Samples};
use shrinx_rewrite::{
    ir::{Model, Tensor, ValueId, coded_by},
    ops::{Contraction, Runtime, RuntimeError, patches::spread},
};
use shrinx_solve::Gram;

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A sample cannot be read.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The model does not run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

coded_by!(EvidenceError { Self::Sample(e) => e, Self::Runtime(e) => e });

/// How many places of an output are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Over all samples, for each column of the matrix,
    pub rows_per_column: usize,
    /// but at least so many a sample,
    pub least: usize,
    /// and at most so many.
    pub most: usize,
}

impl Limit {
    /// Places of one sample, for a matrix with so many columns.
    pub fn of(self, columns: usize, samples: usize) -> usize {
        (self.rows_per_column * columns / samples.max(1)).clamp(self.least, self.most)
    }
}

/// What moments are wanted of.
pub struct Moments<'a> {
    /// Where the rows come from.
    pub view: &'a Contraction,
    /// Of which value the outputs are, if any are wanted: laid out as the contraction's own output.
    pub output: Option<ValueId>,
    /// How an element of the input is seen: its channel and its value.
    pub map: &'a dyn Fn(usize, f32) -> f32,
    /// How many places are looked at.
    pub limit: Limit,
}

/// The moments, for each of those wanted a [`Gram`] a group. `indices` choose the samples. A sample whose shape does not fit adds nothing.
pub fn gather_moments(
    runtime: &dyn Runtime,
    model: &Model,
    wanted: &[Moments<'_>],
    samples: &Samples,
    indices: &[usize],
) -> Result<Vec<Vec<Gram>>, EvidenceError> {
    let mut values: Vec<ValueId> = Vec::new();
    for value in wanted.iter().flat_map(|w| std::iter::once(w.view.input).chain(w.output)) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    // They come in this order, and inputs are waited for.
    let order = model.nodes_in_order(Model::MAIN).unwrap_or_default();
    values.sort_by_key(|value| model.producer(*value).and_then(|(node, _)| order.iter().position(|n| *n == node)));
    let mut session = runtime.prepare(model, &values)?;
    let empty = |w: &Moments<'_>| Gram::new(w.view.columns(), w.output.map_or(0, |_| w.view.outputs));
    let mut grams: Vec<Vec<Gram>> = wanted.iter().map(|w| (0..w.view.groups).map(|_| empty(w)).collect()).collect();
    for index in indices {
        let sample = samples.load(*index)?;
        // What came first waits for the other.
        let mut waiting: Vec<Option<Patches>> = wanted.iter().map(|_| None).collect();
        session.run(&sample.feeds, &mut |value, tensor| {
            for (k, w) in wanted.iter().enumerate() {
                if w.view.input == value {
                    waiting[k] = patches(w, &tensor, w.limit.of(w.view.columns(), indices.len()), *index);
                }
                if w.output.is_none_or(|output| output == value)
                    && let Some(found) = waiting[k].take()
                {
                    add(w, &found, &tensor, &mut grams[k]);
                }
            }
            Ok(())
        })?;
    }
    Ok(grams)
}

/// Rows of inputs, a group each, and their places.
struct Patches {
    places: Vec<usize>,
    rows: Vec<Vec<f32>>,
}

fn patches(wanted: &Moments<'_>, x: &Tensor, limit: usize, sample: usize) -> Option<Patches> {
    let (view, data) = (wanted.view, x.as_f32()?);
    let places = spread(view.count(&x.dims)?, limit, sample);
    let of = |group| {
        let mut rows = Vec::new();
        view.add_rows((&data, &x.dims), group, &places, wanted.map, &mut rows)?;
        Some(rows)
    };
    let rows = (0..view.groups).map(of).collect::<Option<_>>()?;
    Some(Patches { places, rows })
}

fn add(wanted: &Moments<'_>, found: &Patches, y: &Tensor, grams: &mut [Gram]) {
    let Some(data) = y.as_f32() else { return };
    for (group, (rows, gram)) in found.rows.iter().zip(grams).enumerate() {
        let mut outputs = Vec::new();
        let fits = wanted.output.is_none() || wanted.view.add_outputs((&data, &y.dims), group, &found.places, &mut outputs).is_some();
        if fits {
            gram.add(rows, &outputs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InputSpec;
    use shrinx_rewrite::{
        ir::text,
        ops::{Feeds, Session, Sink},
    };

    /// Gives the input for x, and its double for any other value.
    struct Doubles;

    struct Doubling(Vec<(ValueId, f32)>);

    impl Runtime for Doubles {
        fn name(&self) -> &'static str {
            "doubles"
        }

        fn prepare(&self, model: &Model, wanted: &[ValueId]) -> Result<Box<dyn Session>, RuntimeError> {
            Ok(Box::new(Doubling(wanted.iter().map(|v| (*v, if model.is_input(*v) { 1.0 } else { 2.0 })).collect())))
        }
    }

    impl Session for Doubling {
        fn run(&mut self, feeds: &Feeds, sink: &mut Sink<'_>) -> Result<(), RuntimeError> {
            let x = feeds.get("x").unwrap();
            let data = x.as_f32().unwrap();
            self.0.iter().try_for_each(|(value, factor)| {
                let scaled: Vec<f32> = data.iter().map(|x| x * factor).collect();
                sink(*value, Tensor::from_f32(x.dims.clone(), &scaled))
            })
        }
    }

    #[test]
    fn rows_and_outputs_belong_together() {
        let mut model = text::parse("g (float[5,3] x) => (float[5,3] z) <float[3,3] w> { y = MatMul(x, w)\n z = MatMul(y, w) }").unwrap();
        let w = model.find(Model::MAIN, "w").unwrap();
        model.set_initializer(w, Some(Tensor::from_f32([3, 3], &[1.0; 9])));
        let views: Vec<Contraction> =
            model.nodes_in_order(Model::MAIN).unwrap().into_iter().map(|n| Contraction::of(&model, n).unwrap()).collect();
        let samples = Samples::random(&InputSpec::of(&model), 4, 1);
        // The last first: its input is another's output.
        let map = |channel: usize, x: f32| if channel == 1 { 0.0 } else { x };
        let limit = Limit { rows_per_column: 1, least: 2, most: 2 };
        let wanted = [
            Moments { view: &views[1], output: None, map: &|_, x| x, limit },
            Moments { view: &views[0], output: Some(views[0].output), map: &map, limit },
        ];
        let grams = gather_moments(&Doubles, &model, &wanted, &samples, &[0, 1, 3]).unwrap();
        let [[y], [x]] = [&grams[0][..], &grams[1][..]] else { panic!() };
        assert_eq!((x.rows(), y.rows(), y.outputs()), (6, 6, 0));
        let (x, y) = (x.raw(), y.raw());
        for i in [0, 2] {
            assert!((x.cross[i * 3 + i] - 2.0 * x.inputs[i * 3 + i]).abs() < 1e-9 && x.inputs[i * 3 + i] > 0.0);
            assert!((y.inputs[i * 3 + i] - 4.0 * x.inputs[i * 3 + i]).abs() < 1e-9);
        }
        assert_eq!((x.inputs[4], x.cross[4]), (0.0, 0.0));
    }
}
