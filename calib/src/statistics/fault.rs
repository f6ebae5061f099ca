//! What can be wrong with statistics.

use shrinx_rewrite::ir::{Coded, ErrorKind};

/// Statistics that cannot be used, or not together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatisticsError {
    /// No statistics at all.
    #[error("is not a file of statistics")]
    NotStatistics,
    /// Made by a later shrinx.
    #[error("is of version {0}, which this shrinx does not know")]
    Version(u32),
    /// Damaged.
    #[error("is damaged: {0}")]
    Damaged(&'static str),
    /// Of another model.
    #[error("the statistics are of another model, or of this one prepared otherwise")]
    OtherModel,
    /// The same samples.
    #[error("{count} {} in both statistics: a shard was given twice", if *count == 1 { "sample is" } else { "samples are" })]
    SampleTwice {
        /// How many of them.
        count: usize,
    },
    /// More than sums can hold exactly.
    #[error("more than {} samples cannot be summed exactly", super::MAX_TERMS)]
    TooManySamples,
}

impl Coded for StatisticsError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotStatistics => "E0711",
            Self::Version(_) => "E0712",
            Self::Damaged(_) => "E0713",
            Self::OtherModel => "E0714",
            Self::SampleTwice { .. } => "E0715",
            Self::TooManySamples => "E0716",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotStatistics => "`shrinx calibrate` writes such files".into(),
            Self::Version(_) => "use the shrinx that wrote it, or calibrate again".into(),
            Self::Damaged(_) => "copy it again, or calibrate again".into(),
            Self::OtherModel => "calibrate the model itself, with this shrinx".into(),
            Self::SampleTwice { .. } => "give each shard once; samples are told apart by name and content".into(),
            Self::TooManySamples => "a few hundred samples are enough".into(),
        })
    }
}
