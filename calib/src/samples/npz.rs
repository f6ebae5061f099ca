//! NumPy's archives of arrays: zip files of .npy files, stored or deflated.

use super::npy::{self, Header};
use shrinx_rewrite::ir::{DataType, Tensor};
use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};
use zip::ZipArchive;

/// All arrays of an archive, by name. What is wrong comes with the name of the array.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Tensor)>, String> {
    each(path, |_, entry| npy::tensor(entry))
}

/// An array that stays in its file; rows of it are read when they are asked for.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) header: Header,
    file: Arc<File>,
    offset: u64,
}

/// The arrays of an archive, without their elements. Compressed ones are unpacked into a temporary file that has no name.
pub(super) fn open(path: &Path) -> Result<Vec<(String, Stored)>, String> {
    let raw = Arc::new(File::open(path).map_err(|e| e.to_string())?);
    each(path, |stored_at, entry| {
        let header = npy::header(entry)?;
        if let (Some(start), false) = (stored_at, header.fortran) {
            let length = raw.metadata().map_err(|e| e.to_string())?.len();
            let end = start.checked_add(header.length).and_then(|n| n.checked_add(header.bytes));
            if end.is_none_or(|end| end > length) {
                return Err(format!("has the shape {:?}, and the file ends before", header.dims));
            }
            let offset = start + header.length;
            return Ok(Stored { header, file: Arc::clone(&raw), offset });
        }
        unpack(header, entry)
    })
}

fn unpack(header: Header, from: &mut dyn Read) -> Result<Stored, String> {
    let said = |e: std::io::Error| e.to_string();
    let mut file = tempfile::tempfile().map_err(said)?;
    if header.fortran {
        let mut data = Vec::new();
        from.take(header.bytes).read_to_end(&mut data).map_err(said)?;
        if data.len() as u64 == header.bytes {
            file.write_all(&npy::assemble(&header, data).to_bytes().unwrap_or_default()).map_err(said)?;
        }
    } else {
        std::io::copy(&mut from.take(header.bytes), &mut file).map_err(said)?;
    }
    if file.seek(SeekFrom::End(0)).map_err(said)? != header.bytes {
        return Err(format!("has the shape {:?}, and ends before", header.dims));
    }
    Ok(Stored { header: Header { fortran: false, ..header }, file: Arc::new(file), offset: 0 })
}

impl Stored {
    /// The elements from one place along the first axis on, `count` of them there, as a tensor of shape `dims`.
    pub(super) fn rows(&self, first: u64, count: u64, dims: Vec<u64>) -> Result<Tensor, String> {
        let all = self.header.dims.first().copied().unwrap_or(1).max(1);
        let row = self.header.bytes / all;
        self.bytes(first * row, count * row, self.header.dtype, dims)
    }

    /// The whole array.
    pub(super) fn whole(&self) -> Result<Tensor, String> {
        self.bytes(0, self.header.bytes, self.header.dtype, self.header.dims.clone())
    }

    fn bytes(&self, from: u64, count: u64, dtype: DataType, dims: Vec<u64>) -> Result<Tensor, String> {
        let mut data = vec![0; count as usize];
        self.file.read_exact_at(&mut data, self.offset + from).map_err(|e| e.to_string())?;
        Ok(Tensor::raw(dtype, dims, data))
    }
}

/// Makes something of each array, which is given where its bytes lie in the file if they lie there as they are.
fn each<T>(path: &Path, mut make: impl FnMut(Option<u64>, &mut dyn Read) -> Result<T, String>) -> Result<Vec<(String, T)>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| format!("is no .npz archive: {e}"))?;
    let mut made: Vec<(String, T)> = Vec::new();
    for k in 0..archive.len() {
        let mut entry = archive.by_index(k).map_err(|e| e.to_string())?;
        let name = entry.name().strip_suffix(".npy").unwrap_or(entry.name()).to_string();
        if made.iter().any(|(n, _)| *n == name) {
            return Err(format!("holds two arrays `{name}`"));
        }
        let stored_at = (entry.compression() == zip::CompressionMethod::Stored).then(|| entry.data_start());
        let array = make(stored_at, &mut entry).map_err(|problem| format!("array `{name}` {problem}"))?;
        made.push((name, array));
    }
    Ok(made)
}
