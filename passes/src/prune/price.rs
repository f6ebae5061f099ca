//! What a model costs, in each measure that a budget may be about.

/// What a budget is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Multiply-accumulates of one run.
    Macs,
    /// Elements of weights.
    Params,
    /// Bytes of constants.
    Bytes,
    /// Time by the table of kernel costs.
    Latency,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 4] = [Self::Macs, Self::Params, Self::Bytes, Self::Latency];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Macs => "macs",
            Self::Params => "params",
            Self::Bytes => "bytes",
            Self::Latency => "latency",
        }
    }
}

/// What a model costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Price {
    /// Elements of weights.
    pub params: u64,
    /// Multiply-accumulates of one run: batches are 1, other unknown lengths [`SAMPLE_LENGTH`](shrinx_rewrite::ops::costs::SAMPLE_LENGTH).
    pub macs: u64,
    /// Bytes of constants.
    pub bytes: u64,
    /// Microseconds of one run, as far as the table of kernel costs prices it.
    pub latency_us: f64,
}

impl Price {
    /// The part that a budget is about.
    pub fn of(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Macs => self.macs as f64,
            Measure::Params => self.params as f64,
            Measure::Bytes => self.bytes as f64,
            Measure::Latency => self.latency_us,
        }
    }
}
