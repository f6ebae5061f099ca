//! How fast the result is: predicted by the table of costs; or measured, in turns with the original and the prepared float model, so that what preparation
//! gained and what int8 gained are told apart. No choice depends on what is measured: the same bytes come out whatever the clock says.

use crate::{
    bench::clock,
    timing::{Contestant, Hand, Interval, Plan as Timing, race},
};
use shrinx_calib::{Samples, Statistics};
use shrinx_passes::quantize::{Layer, Plan, cost::Predictor, evidence::EvidenceError, layers, placement::placement};
use shrinx_rewrite::{
    ir::Model,
    ops::{Facts, Feeds, OpTable, Runtime, RuntimeError, Session, costs::CostTable},
};

/// What the table of costs says of the layers that may gain from int8: all that were candidates for it, in whichever precision they were left.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// Milliseconds that they take in float, a run.
    pub prepared_ms: f64,
    /// Milliseconds that they take as they were chosen.
    pub int8_ms: f64,
    /// How many times as fast that is.
    pub speedup: f64,
    /// How many times as fast all of them in int8 would be.
    pub most_speedup: f64,
}

/// Where figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The models were run.
    Measured,
    /// The table of costs: of the layers that may gain alone.
    Predicted,
}

/// Latency, before and after.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Latency {
    /// Whether it was measured.
    pub source: Source,
    /// Milliseconds a run of the original; the table of costs does not tell.
    pub original_ms: Option<f64>,
    /// Milliseconds a run of the prepared float model.
    pub prepared_ms: f64,
    /// Milliseconds a run of the result.
    pub int8_ms: f64,
    /// How many times as fast as the original the prepared float model is.
    pub preparation_speedup: Option<f64>,
    /// Its 95 % interval.
    pub preparation_interval: Option<Interval>,
    /// How many times as fast as the prepared float model the result is.
    pub int8_speedup: f64,
    /// Its 95 % interval.
    pub int8_interval: Option<Interval>,
    /// Samples in a run.
    pub batch: u64,
    /// Runs of each model that were measured.
    pub runs: usize,
}

/// Seconds of runs, all models together; and how many rounds these are, at least and at most.
const SECONDS: f64 = 0.3;
const ROUNDS: std::ops::RangeInclusive<usize> = 3..=15;
/// The order in a round.
const PREPARED: usize = 0;
const ORIGINAL: usize = 1;
const RESULT: usize = 2;
/// Samples that are held.
const HELD: usize = 8;
/// More than all of the time of a layer is not saved, whatever a table says.
const MOST_SAVED: f64 = 0.99;

impl Prediction {
    /// Of a plan for a prepared model.
    pub fn of(model: &Model, statistics: &Statistics, costs: &CostTable, batch: u64, plan: &Plan) -> Self {
        let ops = OpTable::standard();
        let (all, _) = layers(model, &ops, &Facts::infer(model, &ops));
        // A candidate is int8, or was left float after its noise was measured.
        let candidate = |layer: &&Layer| plan.decisions.iter().any(|d| d.name == layer.name && (d.int8 || d.sqnr.is_some()));
        let candidates: Vec<&Layer> = all.iter().filter(candidate).collect();
        let predictor = Predictor::new(model, &ops, statistics, costs, batch);
        let float = predictor.float(&candidates);
        let faster = |saved_share: f64| if saved_share.is_finite() { 1.0 / (1.0 - saved_share.min(MOST_SAVED)) } else { 1.0 };
        let speedup = faster(plan.saved_share);
        let most = faster(predictor.saved(&placement(model, &ops, &candidates), &candidates) / float);
        Self { prepared_ms: float / 1e6, int8_ms: float / 1e6 / speedup, speedup, most_speedup: most.max(speedup) }
    }
}

impl Latency {
    /// As the table of costs has it.
    pub fn predicted(prediction: &Prediction, batch: u64) -> Self {
        let Prediction { prepared_ms, int8_ms, speedup, .. } = *prediction;
        Self {
            source: Source::Predicted,
            original_ms: None,
            prepared_ms,
            int8_ms,
            preparation_speedup: None,
            preparation_interval: None,
            int8_speedup: speedup,
            int8_interval: None,
            batch,
            runs: 0,
        }
    }

    /// Runs the original, the prepared model and the result in turns, on batches of so many samples where they can be stacked and do not take too long. The
    /// original and the result are ready; of a result that is the prepared model, there is none.
    pub fn measured(
        runtime: &dyn Runtime,
        mut original: Box<dyn Session>,
        prepared: &Model,
        result: Option<Box<dyn Session>>,
        samples: &Samples,
        batch: u64,
    ) -> Result<Self, EvidenceError> {
        let outputs: Vec<_> = prepared.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect();
        let prepared = runtime.prepare(prepared, &outputs)?;
        let (feeds, batch) = feeds(&mut *original, samples, batch)?;
        let int8 = if result.is_some() { RESULT } else { PREPARED };
        let feeds = &feeds;
        let run = |mut session: Box<dyn Session>| -> Contestant<'_, RuntimeError> {
            Box::new(move |round| match feeds.get(round % feeds.len().max(1)) {
                Some(feeds) => session.run(feeds, &mut |_, _| Ok(())),
                None => Ok(()),
            })
        };
        let mut contestants: Vec<_> = [Some(prepared), Some(original), result].into_iter().flatten().map(run).collect();
        let plan = Timing { warm_ups: 1, rounds: *ROUNDS.start(), most: *ROUNDS.end(), narrow: 0.0, ..Timing::new(SECONDS, Hand::Cpu) };
        let timings = race(&mut contestants, &plan, &mut clock)?;
        let median = |contestant| 1e3 * timings.spread(contestant, plan.hand).median;
        let preparation = timings.speed_up(ORIGINAL, PREPARED, plan.hand);
        let int8_gain = timings.speed_up(PREPARED, int8, plan.hand);
        Ok(Self {
            source: Source::Measured,
            original_ms: Some(median(ORIGINAL)),
            prepared_ms: median(PREPARED),
            int8_ms: median(int8),
            preparation_speedup: Some(preparation.value),
            preparation_interval: Some(preparation),
            int8_speedup: int8_gain.value,
            int8_interval: Some(int8_gain),
            batch,
            runs: timings.rounds(),
        })
    }
}

/// What is run, by rounds, and how many samples that is: as many of a batch as three models can run a few times within the time there is.
fn feeds(session: &mut dyn Session, samples: &Samples, batch: u64) -> Result<(Vec<Feeds>, u64), EvidenceError> {
    let some = samples.clone().take(HELD);
    let single = (0..some.len()).map(|k| Ok(some.load(k)?.feeds)).collect::<Result<Vec<Feeds>, EvidenceError>>()?;
    let Some(first) = single.first().filter(|_| batch > 1) else { return Ok((single, 1)) };
    let start = clock();
    session.run(first, &mut |_, _| Ok(()))?;
    let rounds = SECONDS / (3.0 * (clock().cpu - start.cpu));
    let affordable = ((rounds / (1 + ROUNDS.start()) as f64) as u64).clamp(1, batch).min(samples.len() as u64);
    Ok(match samples.batch(affordable as usize)? {
        Some(stacked) => (vec![stacked], affordable),
        None => (single, 1),
    })
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use shrinx_calib::InputSpec;
    use shrinx_rewrite::ir::text;
    use shrinx_runtime::Rten;

    #[test]
    fn a_result_that_is_the_prepared_model_is_as_fast() {
        let model = text::parse("g (float[N,2] x) => (float[N,2] y) { y = Relu(x) }").unwrap();
        let samples = Samples::random(&InputSpec::of(&model), 4, 0);
        let outputs: Vec<_> = model.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect();
        let runtime = Rten::default();
        let session = || runtime.prepare(&model, &outputs).unwrap();
        let alone = Latency::measured(&runtime, session(), &model, None, &samples, 3).unwrap();
        assert_eq!((alone.int8_speedup, alone.prepared_ms.to_bits(), alone.batch), (1.0, alone.int8_ms.to_bits(), 3));
        let beside = Latency::measured(&runtime, session(), &model, Some(session()), &samples, 1).unwrap();
        assert!(
            beside.original_ms.is_some_and(|ms| ms > 0.0) && beside.int8_interval.is_some() && ROUNDS.contains(&beside.runs),
            "{beside:?}"
        );
    }
}
