//! What was decided about each layer, as plain data.

use super::judge::decibels;

/// The decisions, and what led to them.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Plan {
    /// One for each heavy node.
    pub decisions: Vec<Decision>,
    /// The choices among which no other is better in both: what they save, and their noise, by prediction.
    pub front: Vec<Point>,
    /// Noise of the choice, measured, in parts of the signal.
    pub measured: Option<f64>,
    /// What the choice saves of the float model's time, by the table of costs.
    pub saved_share: f64,
    /// Why nothing was chosen.
    pub refusal: Option<String>,
}

/// The decision about a heavy node.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Decision {
    /// The node.
    pub name: String,
    /// Its operator.
    pub op: String,
    /// Whether it runs int8.
    pub int8: bool,
    /// Why.
    pub reason: String,
    /// Microseconds saved beside the other candidates, by the table of costs.
    pub gain_us: Option<f64>,
    /// Signal-to-quantization-noise ratio of the model's outputs with this layer alone in int8, in dB.
    pub sqnr: Option<f64>,
}

/// A choice of layers.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Point {
    /// What it saves of the float model's time.
    pub saved_share: f64,
    /// Its noise, in parts of the signal.
    pub noise: f64,
    /// How many layers it has.
    pub layers: usize,
    /// Whether it is the knee: from there on, error buys less time than on the average.
    pub knee: bool,
}

impl Decision {
    /// A node that stays float.
    pub fn float(name: &str, op: &str, reason: &str) -> Self {
        Self { name: name.into(), op: op.into(), int8: false, reason: reason.into(), gain_us: None, sqnr: None }
    }

    /// The decision with what was predicted to be saved, in nanoseconds.
    #[must_use]
    pub fn gaining(self, gain: f64) -> Self {
        Self { gain_us: Some(gain / 1e3), ..self }
    }
}

impl Plan {
    /// Notes what a candidate saves, in nanoseconds, and its noise alone.
    pub fn measure(&mut self, name: &str, gain: f64, noise: f64) {
        let decision = Decision { sqnr: Some(decibels(noise)), ..Decision::float(name, "", "").gaining(gain) };
        self.decisions.push(decision);
    }

    /// Notes what became of a candidate.
    pub fn decide(&mut self, name: &str, op: &str, int8: bool) {
        let reason = if int8 { "faster in int8" } else { "too much noise for what it saves" };
        // What was measured has no operator yet; a node of a body may have the same name.
        match self.decisions.iter_mut().find(|d| d.name == name && d.op.is_empty()) {
            Some(decision) => (decision.op, decision.int8, decision.reason) = (op.into(), int8, reason.into()),
            None => self.decisions.push(Decision { int8, ..Decision::float(name, op, reason) }),
        }
    }

    /// How many layers run int8.
    pub fn int8(&self) -> usize {
        self.decisions.iter().filter(|d| d.int8).count()
    }
}
