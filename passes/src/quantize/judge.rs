//! How far a model's outputs are from those of the float model, on samples.
//!
//! A softmax at an output makes most errors vanish and a few, where two classes are near each other, large: which ones is chance, and another handful of
//! samples has other ones. So the values before it are looked at instead, whose error is steady. Before a sigmoid, whose outputs are many, as well as behind.

use super::evidence::EvidenceError;
use shrinx_calib::Samples;
use shrinx_rewrite::{
    ir::{Model, Tensor, ValueId},
    ops::{Call, Feeds, Runtime},
};

/// The float model's outputs on some samples.
pub struct Judge<'a> {
    runtime: &'a dyn Runtime,
    looks: Vec<Look>,
    runs: Vec<Run>,
}

/// What is fed, and what the float model gives.
type Run = (Feeds, Vec<Vec<f32>>);

/// A value that is looked at, by its name, and what makes an output of it.
struct Look {
    name: String,
    squash: Option<Squash>,
}

/// What stands at an output.
#[derive(Clone, Copy, PartialEq)]
enum Squash {
    Sigmoid,
    /// Along an axis; along any other than the last, it is not looked behind.
    Softmax(i64),
}

/// Elements of outputs that are kept: more samples than fill this are not looked at.
const MOST_ELEMENTS: usize = 64 << 20;
/// What noise before a softmax or sigmoid counts: behind it, over many samples, it is about this much larger (measured on text recognition: 3 to 4 dB).
const BEFORE: f64 = 2.0;

/// Powers of a difference and of what it differs from.
#[derive(Clone, Copy, Default)]
struct Power {
    noise: f64,
    signal: f64,
}

impl<'a> Judge<'a> {
    /// Runs the float model.
    pub fn new(runtime: &'a dyn Runtime, model: &Model, samples: &Samples, indices: &[usize]) -> Result<Self, EvidenceError> {
        let mut judge = Self { runtime, looks: looks(model), runs: Vec::new() };
        let (shown, wanted) = judge.shown(model);
        let mut session = runtime.prepare(&shown, &wanted)?;
        let mut kept = 0;
        for index in indices {
            let sample = samples.load(*index)?;
            let mut given = Vec::new();
            session.run(&sample.feeds, &mut |_, tensor| {
                given.push(floats(&tensor));
                Ok(())
            })?;
            kept += given.iter().map(Vec::len).sum::<usize>();
            judge.runs.push((sample.feeds, given));
            if kept > MOST_ELEMENTS {
                break;
            }
        }
        Ok(judge)
    }

    /// The power of the difference of a float output, in parts of the power of the float model's: of the output that suffers most.
    pub fn noise(&self, model: &Model) -> Result<f64, EvidenceError> {
        self.noise_on(model, &self.runs)
    }

    /// As [`Judge::noise`], from two thirds of the samples: enough to rank by.
    pub fn rough_noise(&self, model: &Model) -> Result<f64, EvidenceError> {
        let some = (self.runs.len() * 2 / 3).max(1).min(self.runs.len());
        self.noise_on(model, &self.runs[..some])
    }

    fn noise_on(&self, model: &Model, runs: &[Run]) -> Result<f64, EvidenceError> {
        let (shown, wanted) = self.shown(model);
        let mut session = self.runtime.prepare(&shown, &wanted)?;
        let mut powers = vec![(Power::default(), Power::default()); self.looks.len()];
        for (feeds, expected) in runs {
            let mut expected = expected.iter().zip(&self.looks).zip(&mut powers);
            session.run(feeds, &mut |_, tensor| {
                let Some(((expected, look), (before, behind))) = expected.next() else { return Ok(()) };
                let given = floats(&tensor);
                match look.squash.filter(|s| s.fits(tensor.rank())) {
                    None => behind.add(expected, &given),
                    Some(Squash::Softmax(_)) => before.add(expected, &given),
                    Some(Squash::Sigmoid) => {
                        before.add(expected, &given);
                        behind.add(&sigmoid(expected), &sigmoid(&given));
                    }
                }
                Ok(())
            })?;
        }
        // A large output must not hide what becomes of a small one.
        Ok(powers.iter().map(|(before, behind)| behind.ratio().max(BEFORE * before.ratio())).fold(0.0, f64::max))
    }

    /// The model with what is looked at as its outputs.
    fn shown(&self, model: &Model) -> (Model, Vec<ValueId>) {
        let wanted: Vec<ValueId> = self.looks.iter().filter_map(|look| model.find(Model::MAIN, &look.name)).collect();
        let mut shown = model.clone();
        shown.put_out(&wanted);
        (shown, wanted)
    }
}

impl Power {
    fn add(&mut self, expected: &[f32], given: &[f32]) {
        if expected.len() != given.len() {
            self.noise = f64::INFINITY;
        }
        for (e, g) in expected.iter().zip(given).filter(|(e, _)| e.is_finite()) {
            let (e, g) = (f64::from(*e), f64::from(*g));
            self.signal += e * e;
            self.noise += if g.is_finite() { (e - g) * (e - g) } else { f64::INFINITY };
        }
    }

    fn ratio(self) -> f64 {
        if self.noise == 0.0 { 0.0 } else { self.noise / self.signal.max(f64::MIN_POSITIVE) }
    }
}

impl Squash {
    fn fits(self, rank: usize) -> bool {
        match self {
            Self::Sigmoid => true,
            Self::Softmax(axis) => axis == -1 || axis + 1 == rank as i64,
        }
    }
}

fn sigmoid(values: &[f32]) -> Vec<f32> {
    values.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect()
}

/// Noise in decibels: the signal-to-quantization-noise ratio.
pub fn decibels(noise: f64) -> f64 {
    -10.0 * noise.max(1e-30).log10()
}

/// The outputs, each once; where a softmax over the last axis or a sigmoid makes it, what goes in there.
fn looks(model: &Model) -> Vec<Look> {
    let mut all: Vec<Look> = Vec::new();
    for output in model.scope(Model::MAIN).outputs() {
        let (value, squash) = match squashed(model, output.value) {
            Some((before, squash)) => (before, Some(squash)),
            None => (output.value, None),
        };
        let name = model.name(value).to_string();
        if !all.iter().any(|look| look.name == name) {
            all.push(Look { name, squash });
        }
    }
    all
}

fn squashed(model: &Model, output: ValueId) -> Option<(ValueId, Squash)> {
    let (node, _) = model.producer(output)?;
    let call = Call { node: model.node(node), opset: model.opset(Model::MAIN, "")? };
    let squash = match call.node.op.op.as_str() {
        "Sigmoid" => Squash::Sigmoid,
        "Softmax" if call.opset >= 13 => Squash::Softmax(call.int("axis").unwrap_or(-1)),
        _ => return None,
    };
    let before = model.input(node, 0).filter(|v| model.producer(*v).is_some() && !model.is_output(*v))?;
    (call.node.op.domain().is_empty()).then_some((before, squash))
}

/// The floats of an output; of others, nothing.
fn floats(tensor: &Tensor) -> Vec<f32> {
    let all = if tensor.dtype.is_float() { tensor.to_f64().unwrap_or_default() } else { Vec::new() };
    all.into_iter().map(|x| x as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ir::text;

    fn looked(outputs: &str, nodes: &str) -> String {
        let graph = format!("<ir_version: 8, opset_import: [\"\": 17]> g (float[N,4,4] x) => ({outputs}) {{ {nodes} }}");
        let one = |look: &Look| match look.squash {
            None => look.name.clone(),
            Some(Squash::Sigmoid) => format!("{} before sigmoid", look.name),
            Some(Squash::Softmax(axis)) => format!("{} before softmax {axis}", look.name),
        };
        looks(&text::parse(&graph).unwrap()).iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn looks_before_what_squashes() {
        assert_eq!(looked("float[N,4,4] y", "a = Relu(x) y = Softmax(a)"), "a before softmax -1");
        let two = looked("float[N,4,4] y, float[N,4,4] z", "a = Relu(x) y = Sigmoid(a) z = Softmax<axis = 1>(a)");
        assert_eq!(two, "a before sigmoid");
        assert_eq!(looked("float[N,4,4] y, float[N,4,4] a", "a = Relu(x) y = Softmax(a)"), "y, a");
        assert_eq!(looked("float[N,4,4] y", "y = Sigmoid(x)"), "y");
        assert!(Squash::Softmax(2).fits(3) && Squash::Softmax(-1).fits(3) && !Squash::Softmax(1).fits(3));
    }

    #[test]
    fn powers_of_all_add_up() {
        let mut power = Power::default();
        power.add(&[3.0, 4.0], &[3.0, 5.0]);
        power.add(&[5.0], &[5.0]);
        assert!((power.ratio() - 1.0 / 50.0).abs() < 1e-12);
        assert!((decibels(power.ratio()) - 16.99).abs() < 0.01);
    }

    #[test]
    fn nothing_is_no_signal() {
        let mut silent = Power::default();
        silent.add(&[0.0], &[0.0]);
        assert_eq!(silent.ratio(), 0.0);
        silent.add(&[0.0], &[0.1]);
        assert!(silent.ratio() > 1e100);
    }

    #[test]
    fn what_is_not_finite_counts_only_where_it_is_new() {
        let mut power = Power::default();
        power.add(&[f32::NAN, f32::INFINITY, 1.0], &[0.0, 0.0, 1.0]);
        assert_eq!(power.ratio(), 0.0);
        power.add(&[1.0], &[f32::NAN]);
        assert_eq!(power.ratio(), f64::INFINITY);
        let mut other_lengths = Power::default();
        other_lengths.add(&[1.0], &[1.0, 1.0]);
        assert_eq!(other_lengths.ratio(), f64::INFINITY);
    }
}
