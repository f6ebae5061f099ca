//! Running a model over samples, and looking at its values.
//!
//! Each sample runs by itself: what a runtime computes may depend on what else is in the batch. Its statistics are added to those of the others exactly, so
//! that neither the number of threads nor which sample falls to which shows in the result. Of no sample anything is kept but that.

mod groups;
pub(crate) mod scan;

use crate::{
    Digest, SampleError, Samples,
    statistics::{Observe, Statistics, StatisticsError, TensorStatistics},
};
use scan::Scanner;
use shrinx_rewrite::{
    ir::{Model, Tensor, coded_by},
    ops::{Runtime, RuntimeError, Session},
};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Why there are no statistics.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A sample cannot be read.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// A sample cannot be run.
    #[error("sample `{sample}`: {source}")]
    Run {
        /// The sample.
        sample: String,
        /// What the runtime says.
        source: RuntimeError,
    },
    /// The model cannot be run.
    #[error(transparent)]
    Prepare(RuntimeError),
    /// Two samples are one, or there are too many.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
}

coded_by!(CollectError { Self::Sample(e) => e, Self::Run { source: e, .. } | Self::Prepare(e) => e, Self::Statistics(e) => e });

/// Runs a model over the samples that `indices` choose, on so many threads, and looks at the `wanted` values. `digest` names the model in the statistics.
/// `progress` is told each time how many samples are done.
#[allow(clippy::too_many_arguments)] // what calibration consists of
pub fn collect(
    runtime: &dyn Runtime,
    model: &Model,
    digest: Digest,
    wanted: &[Observe],
    samples: &Samples,
    indices: &[usize],
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Statistics, CollectError> {
    let threads = threads.clamp(1, indices.len().max(1));
    let groups = match indices.first() {
        Some(first) => groups::groups(model, wanted, &samples.load(*first)?.feeds, threads),
        None => Vec::new(),
    };
    let prepare = || Worker::new(runtime, model, digest, wanted, &groups).map_err(CollectError::Prepare);
    let shared =
        Shared { samples, indices, next: AtomicUsize::new(0), done: AtomicUsize::new(0), failed: AtomicBool::new(false), progress };
    // What the runtime refuses is said once.
    let mut first = prepare()?;
    let total = Mutex::new(Ok(Statistics::new(digest)));
    let finish = |outcome: Result<Statistics, CollectError>| {
        let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *total = match (std::mem::replace(&mut *total, Ok(Statistics::default())), outcome) {
            (Ok(a), Ok(b)) => a.merge(b).map_err(CollectError::from),
            (Err(e), _) | (_, Err(e)) => Err(e),
        };
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| finish(prepare().and_then(|mut worker| worker.run(&shared)).inspect_err(|_| shared.fail())));
        }
        finish(first.run(&shared).inspect_err(|_| shared.fail()));
    });
    total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What the threads have in common.
struct Shared<'a> {
    samples: &'a Samples,
    indices: &'a [usize],
    next: AtomicUsize,
    done: AtomicUsize,
    failed: AtomicBool,
    progress: &'a (dyn Fn(usize) + Sync),
}

impl Shared<'_> {
    fn take(&self) -> Option<usize> {
        if self.failed.load(Ordering::Relaxed) { None } else { self.indices.get(self.next.fetch_add(1, Ordering::Relaxed)).copied() }
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }
}

/// A thread's own sessions and statistics.
struct Worker<'a> {
    model: &'a Model,
    wanted: &'a [Observe],
    sessions: Vec<Box<dyn Session>>,
    scanner: Scanner,
    found: Statistics,
}

impl<'a> Worker<'a> {
    fn new(
        runtime: &dyn Runtime,
        model: &'a Model,
        digest: Digest,
        wanted: &'a [Observe],
        groups: &[Vec<Observe>],
    ) -> Result<Self, RuntimeError> {
        let prepare = |group: &Vec<Observe>| runtime.prepare(model, &group.iter().map(|o| o.value).collect::<Vec<_>>());
        let sessions = groups.iter().map(prepare).collect::<Result<_, _>>()?;
        Ok(Self { model, wanted, sessions, scanner: Scanner::default(), found: Statistics::new(digest) })
    }

    fn run(&mut self, shared: &Shared<'_>) -> Result<Statistics, CollectError> {
        while let Some(index) = shared.take() {
            let sample = shared.samples.load(index)?;
            for session in &mut self.sessions {
                let (model, wanted, scanner, found) = (self.model, self.wanted, &mut self.scanner, &mut self.found);
                let ran = session.run(&sample.feeds, &mut |value, tensor| {
                    let axis = wanted.iter().find(|o| o.value == value).and_then(|o| o.channel_axis);
                    if let Some(seen) = look(scanner, &tensor, axis) {
                        found.add_tensor(model.name(value), seen);
                    }
                    Ok(())
                });
                ran.map_err(|source| CollectError::Run { sample: sample.name.clone(), source })?;
            }
            self.found.add_sample(sample.hash, shared.samples.is_random())?;
            (shared.progress)(shared.done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        Ok(std::mem::take(&mut self.found))
    }
}

/// What a tensor shows. `None` for one that has no floating point numbers.
fn look(scanner: &mut Scanner, tensor: &Tensor, axis: Option<usize>) -> Option<TensorStatistics> {
    if let Some(data) = tensor.as_f32() {
        return Some(scanner.scan(&data, &tensor.dims, axis));
    }
    let narrow: Vec<f32> = tensor.to_f64()?.into_iter().map(|x| x as f32).collect();
    Some(scanner.scan(&narrow, &tensor.dims, axis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InputSpec;
    use shrinx_rewrite::{
        ir::{ValueId, text},
        ops::{Feeds, Sink},
    };

    /// Gives for each wanted value the input times its place.
    struct Times;

    struct TimesSession(Vec<ValueId>);

    impl Runtime for Times {
        fn name(&self) -> &'static str {
            "times"
        }

        fn prepare(&self, _: &Model, wanted: &[ValueId]) -> Result<Box<dyn Session>, RuntimeError> {
            Ok(Box::new(TimesSession(wanted.to_vec())))
        }
    }

    impl Session for TimesSession {
        fn run(&mut self, feeds: &Feeds, sink: &mut Sink<'_>) -> Result<(), RuntimeError> {
            let x = feeds.get("x").and_then(|x| Some((x.dims.clone(), x.as_f32()?.into_owned())));
            let (dims, x) = x.ok_or(RuntimeError::Failed { runtime: "times", reason: "there is no x".into() })?;
            for value in &self.0 {
                let y: Vec<f32> = x.iter().map(|x| x * value.index() as f32).collect();
                sink(*value, Tensor::from_f32(dims.clone(), &y))?;
            }
            Ok(())
        }
    }

    fn model() -> (Model, Vec<Observe>) {
        let model = text::parse("g (float[N,C,9] x) => (float[N,C,9] y) { t = Relu(x)\n y = Neg(t) }").unwrap();
        let wanted = ["y", "t"].map(|n| Observe { value: model.find(Model::MAIN, n).unwrap(), channel_axis: Some(1) });
        (model, wanted.to_vec())
    }

    #[test]
    fn threads_and_shards_do_not_change_a_byte() {
        let (model, wanted) = model();
        let samples = Samples::random(&InputSpec::of(&model), 23, 5);
        let run = |samples: &Samples, threads| {
            let indices: Vec<usize> = (0..samples.len()).collect();
            let seen = AtomicUsize::new(0);
            let count = |done| {
                seen.fetch_max(done, Ordering::Relaxed);
            };
            let found = collect(&Times, &model, [9; 32], &wanted, samples, &indices, threads, &count).unwrap();
            assert_eq!((seen.into_inner(), found.samples()), (samples.len(), samples.len()));
            found
        };
        let whole = run(&samples, 1).to_bytes();
        assert!([2, 4, 40].iter().all(|threads| run(&samples, *threads).to_bytes() == whole));
        let parts = [3, 1, 2].map(|k| run(&samples.clone().shard(k, 3), 2));
        let merged = parts.into_iter().reduce(|a, b| a.merge(b).unwrap()).unwrap();
        assert_eq!(merged.to_bytes(), whole);
        assert!(merged.is_random());
    }

    #[test]
    fn a_sample_that_does_not_run_is_named() {
        let (model, wanted) = model();
        let other = text::parse("g (float[3] z) => (float[3] y) { y = Relu(z) }").unwrap();
        let samples = Samples::random(&InputSpec::of(&other), 2, 0);
        let error = collect(&Times, &model, [0; 32], &wanted, &samples, &[1], 4, &|_| {}).unwrap_err();
        assert_eq!(error.to_string(), "sample `random[1]`: times failed: there is no x");
        assert!(collect(&Times, &model, [0; 32], &wanted, &samples, &[], 4, &|_| {}).unwrap().tensors().next().is_none());
    }
}
