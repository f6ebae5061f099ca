//! Recipes: what to run, as a TOML file. A key is spelled as its command-line flag.

use crate::{Verify, nearest::nearest};
use serde::{Deserialize, Serialize};
use shrinx_rewrite::ir::{Coded, ErrorKind};
use std::path::Path;

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Recipe {
    /// The optimization level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_level: Option<u8>,
    /// These passes, in this order, instead of the level's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// Not these passes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// When values are compared with the original's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

const KEYS: [&str; 4] = ["opt-level", "pass", "skip", "verify"];

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct RecipeError {
    file: String,
    problem: String,
    help: String,
}

impl Coded for RecipeError {
    fn code(&self) -> &'static str {
        "E0602"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn help(&self) -> Option<String> {
        Some(self.help.clone())
    }
}

impl Recipe {
    /// Reads a recipe. Unknown keys are errors.
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        let error = |problem: String, help: String| RecipeError { file: path.display().to_string(), problem, help };
        let text = std::fs::read_to_string(path).map_err(|e| error(format!("cannot be read: {e}"), "check the path of --recipe".into()))?;
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| error(e.to_string(), "recipes are TOML".into()))?;
        if let Some(key) = table.keys().find(|k| !KEYS.contains(&k.as_str())) {
            let help = match nearest(key, KEYS.into_iter()).first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", KEYS.join(", ")),
            };
            return Err(error(format!("there is no key `{key}`"), help));
        }
        table.try_into().map_err(|e: toml::de::Error| error(e.to_string(), "see `shrinx optimize --help` for what each takes".into()))
    }

    /// The recipe as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}
