//! What a calibration saw.

use shrinx_calib::{Statistics, Trouble};
use std::{fmt::Write, path::Path};

/// What went into a file of statistics.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CalibrationReport {
    /// Version of this structure.
    pub schema_version: u32,
    /// The file.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Samples that were run, those of all shards.
    pub samples: usize,
    /// What was taken for a sample; nothing where files of statistics were added up.
    pub rule: Option<String>,
    /// Some samples were made up.
    pub random: bool,
    /// Tensors that were looked at.
    pub tensors: usize,
    /// Tensors that need a person's attention.
    pub troubles: Vec<TensorTrouble>,
}

/// A tensor that needs a person's attention.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TensorTrouble {
    /// Its name.
    pub tensor: String,
    /// NaNs, which are left out of its range.
    pub nan: u64,
    /// Infinities, likewise.
    pub infinite: u64,
    /// It has no statistics a channel.
    pub channels_dropped: bool,
    /// All that in words.
    pub message: String,
}

impl CalibrationReport {
    /// What is in these statistics, written to a file of so many bytes.
    pub fn of(statistics: &Statistics, rule: Option<String>, file: &Path, bytes: u64) -> Self {
        let trouble = |t: Trouble| TensorTrouble {
            message: t.to_string(),
            tensor: t.tensor,
            nan: t.nan,
            infinite: t.infinite,
            channels_dropped: t.dropped,
        };
        Self {
            schema_version: 1,
            file: file.display().to_string(),
            bytes,
            samples: statistics.samples(),
            rule,
            random: statistics.is_random(),
            tensors: statistics.tensors().count(),
            troubles: statistics.troubles().into_iter().map(trouble).collect(),
        }
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let Self { samples, tensors, file, bytes, .. } = self;
        let random = if self.random { " RANDOM" } else { "" };
        let mut text = format!("{tensors} tensors on {samples}{random} samples: {file}, {bytes} bytes\n");
        if let Some(rule) = &self.rule {
            let _ = writeln!(text, "  samples: {rule}");
        }
        if self.random {
            text += "  warning: random values say little about real ones; give samples with --data\n";
        }
        for trouble in &self.troubles {
            let _ = writeln!(text, "  warning: {}", trouble.message);
        }
        text
    }
}
