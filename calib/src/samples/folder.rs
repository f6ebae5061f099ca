//! Folders of samples: `.npz` and `.npy` files, or ONNX test data.

use super::{InputSpec, SampleError, npy, npz, spec};
use shrinx_rewrite::{
    ir::{Tensor, read_tensor},
    ops::Feeds,
};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

/// A sample that is a file, or a folder of test data.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Npz,
    Npy,
    TestData,
}

/// The samples in a folder, by name; or the one that the path itself is.
pub(super) fn entries(path: &Path) -> Result<Vec<Entry>, SampleError> {
    if let Some(entry) = entry(path.to_path_buf()) {
        return Ok(vec![entry]);
    }
    if !path.is_dir() {
        return Err(unreadable(path, "is neither an .npz nor an .npy file, nor a folder"));
    }
    let mut found: Vec<Entry> = list(path)?.into_iter().filter_map(entry).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn entry(path: PathBuf) -> Option<Entry> {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    let kind = if path.is_dir() {
        list(&path).ok()?.iter().any(|p| input_number(p).is_some()).then_some(Kind::TestData)?
    } else {
        match path.extension()?.to_str()? {
            "npz" => Kind::Npz,
            "npy" => Kind::Npy,
            _ => return None,
        }
    };
    Some(Entry { path, name, kind })
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, SampleError> {
    let entries = std::fs::read_dir(folder).map_err(|e| unreadable(folder, e))?;
    entries.map(|e| Ok(e.map_err(|e| unreadable(folder, e))?.path())).collect()
}

/// K of `input_K.pb`.
fn input_number(path: &Path) -> Option<usize> {
    path.file_name()?.to_str()?.strip_prefix("input_")?.strip_suffix(".pb")?.parse().ok()
}

impl Entry {
    pub(super) fn load(&self, inputs: &[InputSpec]) -> Result<Feeds, SampleError> {
        match self.kind {
            Kind::Npz => Ok(npz::read(&self.path).map_err(|problem| unreadable(&self.path, problem))?.into_iter().collect()),
            Kind::Npy => self.one_array(inputs),
            Kind::TestData => self.test_data(inputs),
        }
    }

    fn one_array(&self, inputs: &[InputSpec]) -> Result<Feeds, SampleError> {
        let [input] = inputs else {
            return Err(SampleError::Unnamed { file: self.path.display().to_string(), inputs: inputs.len(), wants: spec::wants(inputs) });
        };
        let file = File::open(&self.path).map_err(|e| unreadable(&self.path, e))?;
        let tensor = npy::tensor(&mut BufReader::new(file)).map_err(|problem| unreadable(&self.path, problem))?;
        Ok([(input.name.clone(), tensor)].into_iter().collect())
    }

    /// By the names that the tensors carry, else by their numbers.
    fn test_data(&self, inputs: &[InputSpec]) -> Result<Feeds, SampleError> {
        let mut files: Vec<(usize, PathBuf)> = list(&self.path)?.into_iter().filter_map(|p| Some((input_number(&p)?, p))).collect();
        files.sort();
        let mut feeds = Feeds::new();
        for (number, path) in files {
            let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, e))?;
            let mut tensor: Tensor = read_tensor(bytes).map_err(|e| unreadable(&path, e))?;
            let own = tensor.name.take().unwrap_or_default();
            let by_number = || inputs.get(number).map(|i| i.name.clone());
            let name = if inputs.iter().any(|i| i.name == own) { own } else { by_number().unwrap_or_else(|| format!("input_{number}")) };
            feeds.set(name, tensor);
        }
        Ok(feeds)
    }
}

pub(super) fn unreadable(path: &Path, problem: impl std::fmt::Display) -> SampleError {
    SampleError::Unreadable { file: path.display().to_string(), problem: format!("{problem}") }
}
