//! What can be wrong with samples.

use shrinx_rewrite::ir::{Coded, ErrorKind};

/// Samples that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// A file cannot be read.
    #[error("{file}: {problem}")]
    Unreadable {
        /// The file, and the array in it.
        file: String,
        /// Why.
        problem: String,
    },
    /// There are none.
    #[error("{path} holds no samples")]
    Nothing {
        /// The path that was given.
        path: String,
    },
    /// An array has a name that no input has.
    #[error("{file}: the model has no input `{key}`{}", near.as_ref().map_or(String::new(), |n| format!("; did you mean `{n}`?")))]
    NoInput {
        /// The file.
        file: String,
        /// The name.
        key: String,
        /// The nearest name of an input.
        near: Option<String>,
        /// What the model wants.
        wants: String,
    },
    /// An input gets nothing.
    #[error("{file}: nothing is there for input `{input}`")]
    Missing {
        /// The file.
        file: String,
        /// The input.
        input: String,
        /// What the model wants.
        wants: String,
    },
    /// An array does not fit.
    #[error("{file}: input `{input}` {problem}")]
    Unfit {
        /// The file.
        file: String,
        /// The input.
        input: String,
        /// What does not.
        problem: String,
        /// What the model wants.
        wants: String,
    },
    /// An array without a name, and several inputs.
    #[error("{file}: an .npy file holds one array, and the model wants {inputs} inputs")]
    Unnamed {
        /// The file.
        file: String,
        /// How many inputs there are.
        inputs: usize,
        /// What the model wants.
        wants: String,
    },
}

impl Coded for SampleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "E0701",
            Self::Nothing { .. } => "E0702",
            Self::NoInput { .. } | Self::Missing { .. } => "E0703",
            Self::Unfit { .. } => "E0704",
            Self::Unnamed { .. } => "E0705",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => "samples are .npz or .npy files, as NumPy writes them, or ONNX test data".into(),
            Self::Nothing { .. } => "give an .npz file, a folder of .npz or .npy files, or one of test_data_set_* folders".into(),
            Self::NoInput { wants, .. } | Self::Missing { wants, .. } | Self::Unfit { wants, .. } => format!("the model wants {wants}"),
            Self::Unnamed { wants, .. } => format!("save .npz files with an array for each input; the model wants {wants}"),
        })
    }
}
