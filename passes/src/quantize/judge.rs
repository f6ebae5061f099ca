//! How far a model's outputs are from those of the float model, on samples that nothing was fitted to.

use super::evidence::EvidenceError;
use shrinx_calib::Samples;
use shrinx_rewrite::{
    ir::{Model, Tensor, ValueId},
    ops::{Feeds, Runtime},
};

/// The float model's outputs on some samples.
pub struct Judge<'a> {
    runtime: &'a dyn Runtime,
    runs: Vec<(Feeds, Vec<Vec<f32>>)>,
    power: f64,
}

/// Elements of outputs that are kept: more samples than fill this are not looked at.
const MOST_ELEMENTS: usize = 64 << 20;

impl<'a> Judge<'a> {
    /// Runs the float model.
    pub fn new(runtime: &'a dyn Runtime, model: &Model, samples: &Samples, indices: &[usize]) -> Result<Self, EvidenceError> {
        let mut session = runtime.prepare(model, &outputs(model))?;
        let (mut runs, mut power, mut kept) = (Vec::new(), 0.0, 0);
        for index in indices {
            let sample = samples.load(*index)?;
            let mut given = Vec::new();
            session.run(&sample.feeds, &mut |_, tensor| {
                given.push(floats(&tensor));
                Ok(())
            })?;
            power += given.iter().flatten().filter(|x| x.is_finite()).map(|x| f64::from(*x).powi(2)).sum::<f64>();
            kept += given.iter().map(Vec::len).sum::<usize>();
            runs.push((sample.feeds, given));
            if kept > MOST_ELEMENTS {
                break;
            }
        }
        Ok(Self { runtime, runs, power })
    }

    /// Samples that are looked at.
    pub fn samples(&self) -> usize {
        self.runs.len()
    }

    /// The power of the difference of all float outputs, in parts of the power of the float model's outputs.
    pub fn noise(&self, model: &Model) -> Result<f64, EvidenceError> {
        let mut session = self.runtime.prepare(model, &outputs(model))?;
        let mut noise = 0.0;
        for (feeds, expected) in &self.runs {
            let mut expected = expected.iter();
            session.run(feeds, &mut |_, tensor| {
                let (given, expected) = (floats(&tensor), expected.next());
                noise += match expected {
                    Some(expected) if expected.len() == given.len() => difference(expected, &given),
                    _ => f64::INFINITY,
                };
                Ok(())
            })?;
        }
        Ok(noise / self.power.max(f64::MIN_POSITIVE))
    }
}

fn difference(expected: &[f32], given: &[f32]) -> f64 {
    let pairs = expected.iter().zip(given).filter(|(e, _)| e.is_finite());
    pairs.map(|(e, g)| if g.is_finite() { (f64::from(*e) - f64::from(*g)).powi(2) } else { f64::INFINITY }).sum()
}

/// Noise in decibels: the signal-to-quantization-noise ratio.
pub fn decibels(noise: f64) -> f64 {
    -10.0 * noise.max(1e-30).log10()
}

fn outputs(model: &Model) -> Vec<ValueId> {
    let mut all = Vec::new();
    for output in model.scope(Model::MAIN).outputs() {
        if !all.contains(&output.value) {
            all.push(output.value);
        }
    }
    all
}

/// The floats of an output; of others, nothing.
fn floats(tensor: &Tensor) -> Vec<f32> {
    if tensor.dtype.is_float() { tensor.to_f64().unwrap_or_default().into_iter().map(|x| x as f32).collect() } else { Vec::new() }
}
