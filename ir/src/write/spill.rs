//! The file beside the model: which tensors go there, and where (ONNX `docs/ExternalData.md`).

use super::WriteFault;
use crate::{
    mapped::MappedFile,
    tensor::{Tensor, TensorData},
};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};

/// Tensors shorter than this stay in the model.
const LONG: u64 = 1024;
/// Offsets are multiples of this, so that a runtime can map single tensors.
const ALIGNMENT: u64 = 4096;

pub(super) struct Spill {
    path: PathBuf,
    name: String,
    segments: Vec<Bytes>,
    length: u64,
    placed: FxHashMap<(usize, usize), u64>,
}

impl Spill {
    /// The file `MODEL.data`; where the source's own data lies there, a numbered name: replacing it would damage the input if we were stopped before the
    /// model that refers to the new one is in place.
    pub(super) fn new(model: &Path, sources: &[MappedFile]) -> Result<Self, WriteFault> {
        let name =
            model.file_name().and_then(|n| n.to_str()).ok_or_else(|| WriteFault::Io(std::io::Error::other("its name is not UTF-8")))?;
        let taken: Vec<PathBuf> = sources.iter().filter_map(|s| s.path.canonicalize().ok()).collect();
        let free = |name: &String| model.with_file_name(name).canonicalize().map_or(true, |p| !taken.contains(&p));
        let mut names = std::iter::once(format!("{name}.data")).chain((1..).map(|k| format!("{name}.{k}.data")));
        let name = names.find(free).unwrap_or_default();
        Ok(Self { path: model.with_file_name(&name), name, segments: Vec::new(), length: 0, placed: FxHashMap::default() })
    }

    /// The `external_data` entries of a tensor, if it goes outside: one that was there before, or any long one where `everything` goes.
    pub(super) fn place(&mut self, tensor: &Tensor, everything: bool) -> Option<Vec<(String, String)>> {
        let from_outside = matches!(tensor.data, TensorData::External(_));
        if !(everything || from_outside) || tensor.byte_len() < LONG {
            return None;
        }
        let bytes = tensor.to_bytes()?;
        let key = (bytes.as_ptr() as usize, bytes.len());
        let (segments, length) = (&mut self.segments, &mut self.length);
        let offset = *self.placed.entry(key).or_insert_with(|| {
            let padding = length.next_multiple_of(ALIGNMENT) - *length;
            if padding > 0 {
                segments.push(Bytes::from(vec![0; padding as usize]));
            }
            let offset = *length + padding;
            *length = offset + bytes.len() as u64;
            segments.push(bytes.clone());
            offset
        });
        let mut entries =
            vec![("location".into(), self.name.clone()), ("offset".into(), offset.to_string()), ("length".into(), key.1.to_string())];
        if let TensorData::External(external) = &tensor.data {
            let checksum = external.entries.iter().find(|(k, _)| k.as_deref() == Some("checksum"));
            entries.extend(checksum.and_then(|(_, v)| v.clone()).map(|v| ("checksum".into(), v)));
        }
        Some(entries)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }
}
