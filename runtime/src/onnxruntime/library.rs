//! Where the library is, and loading it.

use ort::{environment::Environment, logging::LogLevel};
use shrinx_ops::ir::{Coded, ErrorKind};
use std::{
    panic::catch_unwind,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// The one environment of this process, and the version of the library that it came from.
static ENVIRONMENT: Mutex<Option<(Environment, String)>> = Mutex::new(None);

/// Prints the library of the `onnxruntime` package. The working folder is no place to take a library from.
const FIND: &str = "
import sys
sys.path[:] = [p for p in sys.path if p]
import glob, importlib.util, os
spec = importlib.util.find_spec('onnxruntime')
for folder in (spec.submodule_search_locations or []) if spec else []:
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), 'capi', 'libonnxruntime.*'))):
        print(path)
";

/// Why ONNX Runtime is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// No library was named, and none was found.
    #[error("no library of ONNX Runtime was found")]
    NotFound,
    /// What was named or found is no library of ONNX Runtime, or one that is too old.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Coded for LoadError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "E0505",
            Self::Unusable { .. } => "E0506",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn help(&self) -> Option<String> {
        let minor = ort::MINOR_VERSION;
        Some(format!(
            "name a library of ONNX Runtime 1.{minor} or later by --onnxruntime-lib or in ORT_DYLIB_PATH, or `pip install onnxruntime` into the active Python"
        ))
    }
}

/// The environment of this process, made of this library if it is the first.
pub(super) fn environment(path: Option<&Path>) -> Result<(Environment, String), LoadError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = &*environment {
        return Ok(loaded.clone());
    }
    let path = find(path).ok_or(LoadError::NotFound)?;
    let unusable = |reason: String| LoadError::Unusable { path: path.clone(), reason };
    if !path.is_file() {
        return Err(unusable("there is no such file".into()));
    }
    // A relative path would be taken from the folder of the executable.
    let absolute = std::path::absolute(&path).map_err(|e| unusable(e.to_string()))?;
    let made = catch_unwind(|| {
        let builder = ort::init_from(absolute).map_err(|e| e.to_string())?;
        builder.with_telemetry(false).build().map_err(|e| e.to_string())
    });
    let made = made.unwrap_or_else(|_| Err("it is no library of ONNX Runtime".into())).map_err(unusable)?;
    made.set_log_level(LogLevel::Fatal);
    Ok(environment.insert((made, version(&path))).clone())
}

/// The version that the library's name ends in, links followed: the bindings give no other way to it.
fn version(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = real.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('.').filter(digits).collect();
    if parts.is_empty() { "of unknown version".into() } else { parts.join(".") }
}

fn find(path: Option<&Path>) -> Option<PathBuf> {
    let named = || std::env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()).map(PathBuf::from);
    path.map(Path::to_path_buf).or_else(named).or_else(of_python)
}

fn of_python() -> Option<PathBuf> {
    let output = Command::new("python3").args(["-c", FIND]).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    said.lines().map(PathBuf::from).find(|p| p.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_name() {
        assert_eq!(version(Path::new("no/such/libonnxruntime.so.1.32.0")), "1.32.0");
        assert_eq!(version(Path::new("no/such/libonnxruntime.1.17.dylib")), "1.17");
        assert_eq!(version(Path::new("no/such/libonnxruntime.so")), "of unknown version");
    }
}
