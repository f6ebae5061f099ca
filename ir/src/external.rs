//! External data: files beside the model that hold tensors (ONNX `docs/ExternalData.md`).
//!
//! A model is untrusted. A location may name only a regular file within the model's folder, reached through no symlink, with no second hard link; each part
//! of the path is opened relative to the one before it, so that nothing can be swapped in between. Other places open only where `allow_dirs` names them.

use crate::{mapped::MappedFile, value::Metadata};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use rustix::fs::{self, FileType, Mode, OFlags};
use std::{
    fs::File,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

/// Why external data was refused.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ExternalFault {
    #[error("external data `{location}` lies outside the model's folder")]
    Outside { location: String },
    #[error("external data `{location}` is reached through a symbolic link")]
    Symlink { location: String },
    #[error("external data `{location}` has {links} hard links")]
    HardLink { location: String, links: u64 },
    #[error("external data `{location}` is not a regular file")]
    NotAFile { location: String },
    #[error("external data `{location}`: {source}")]
    Io { location: String, source: std::io::Error },
    #[error("external data has no location")]
    NoLocation,
    #[error("external data entry `{key}` = `{value}` is not understood")]
    Entry { key: String, value: String },
    #[error("external data `{location}`: bytes {offset}..{offset}+{length} reach past its end at {size}")]
    Range { location: String, offset: u64, length: u64, size: u64 },
    #[error("external data `{location}` declares {declared} bytes where the tensor's shape needs {needed}")]
    Length { location: String, declared: u64, needed: u64 },
    #[error("the model came from a stream, so that its external data has no folder")]
    NoFolder,
}

/// Opens and keeps the files that one model refers to.
pub(crate) struct ExternalFiles<'a> {
    folder: Option<&'a Path>,
    allowed: &'a [PathBuf],
    open: FxHashMap<String, usize>,
    pub(crate) files: Vec<MappedFile>,
}

impl<'a> ExternalFiles<'a> {
    pub(crate) fn new(folder: Option<&'a Path>, allowed: &'a [PathBuf]) -> Self {
        Self { folder, allowed, open: FxHashMap::default(), files: Vec::new() }
    }

    /// The `needed` bytes that the entries of one tensor name.
    pub(crate) fn resolve(&mut self, entries: &Metadata, needed: u64) -> Result<Bytes, ExternalFault> {
        let (mut location, mut offset, mut length) = (None, 0u64, None);
        for (key, value) in entries {
            let (key, value) = (key.as_deref().unwrap_or(""), value.as_deref().unwrap_or(""));
            let bad = || ExternalFault::Entry { key: key.into(), value: value.into() };
            match key {
                "location" => location = Some(value),
                "offset" => offset = value.parse().map_err(|_| bad())?,
                "length" => length = Some(value.parse().map_err(|_| bad())?),
                "checksum" => {}
                _ => return Err(bad()),
            }
        }
        let location = location.ok_or(ExternalFault::NoLocation)?;
        if let Some(declared) = length.filter(|l| *l != needed) {
            return Err(ExternalFault::Length { location: location.into(), declared, needed });
        }
        let file = self.file(location)?;
        let size = file.len() as u64;
        match offset.checked_add(needed).filter(|end| *end <= size) {
            Some(end) => Ok(file.slice(offset as usize..end as usize)),
            None => Err(ExternalFault::Range { location: location.into(), offset, length: needed, size }),
        }
    }

    fn file(&mut self, location: &str) -> Result<Bytes, ExternalFault> {
        if let Some(&known) = self.open.get(location) {
            return Ok(self.files[known].bytes.clone());
        }
        let folder = self.folder.ok_or(ExternalFault::NoFolder)?;
        let file = match open_within(folder, location) {
            Ok(file) => file,
            Err(refused) => self.open_allowed(folder, location).ok_or(refused)?,
        };
        let mapped =
            MappedFile::new(file, folder.join(location)).map_err(|source| ExternalFault::Io { location: location.into(), source })?;
        let bytes = mapped.bytes.clone();
        self.open.insert(location.into(), self.files.len());
        self.files.push(mapped);
        Ok(bytes)
    }

    /// The file, links followed, where its real path lies within a folder that the user named.
    fn open_allowed(&self, folder: &Path, location: &str) -> Option<File> {
        let real = folder.join(location).canonicalize().ok()?;
        let allowed = self.allowed.iter().filter_map(|dir| dir.canonicalize().ok()).any(|dir| real.starts_with(dir));
        if allowed { File::open(&real).ok().filter(|f| f.metadata().is_ok_and(|m| m.is_file())) } else { None }
    }
}

/// Opens `location` below `folder`, part by part.
fn open_within(folder: &Path, location: &str) -> Result<File, ExternalFault> {
    let name = || location.to_string();
    let io = |source: rustix::io::Errno| match source {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => ExternalFault::Symlink { location: name() },
        other => ExternalFault::Io { location: name(), source: other.into() },
    };
    let mut parts = Vec::new();
    for part in Path::new(location).components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(ExternalFault::Outside { location: name() }),
        }
    }
    let (last, folders) = parts.split_last().ok_or(ExternalFault::NoLocation)?;
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let walk = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at: OwnedFd = fs::open(here, walk, Mode::empty()).map_err(io)?;
    for part in folders {
        at = fs::openat(&at, *part, walk | OFlags::NOFOLLOW, Mode::empty()).map_err(io)?;
    }
    // Without NONBLOCK, opening a named pipe would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = fs::openat(&at, *last, flags, Mode::empty()).map_err(io)?;
    let stat = fs::fstat(&file).map_err(io)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(ExternalFault::NotAFile { location: name() });
    }
    if stat.st_nlink > 1 {
        return Err(ExternalFault::HardLink { location: name(), links: stat.st_nlink as u64 });
    }
    Ok(File::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(location: &str) -> Metadata {
        vec![(Some("location".into()), Some(location.into()))]
    }

    #[test]
    fn stays_within_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("model");
        std::fs::create_dir_all(inner.join("sub")).unwrap();
        for file in ["secret", "model/w", "model/sub/w"] {
            std::fs::write(dir.path().join(file), [1u8; 8]).unwrap();
        }
        std::os::unix::fs::symlink("../secret", inner.join("link")).unwrap();
        std::os::unix::fs::symlink("..", inner.join("up")).unwrap();
        std::fs::hard_link(dir.path().join("secret"), inner.join("hard")).unwrap();

        let mut files = ExternalFiles::new(Some(&inner), &[]);
        assert_eq!(files.resolve(&entries("w"), 8).unwrap().len(), 8);
        assert_eq!(files.resolve(&entries("sub/w"), 8).unwrap().len(), 8);
        assert!(matches!(files.resolve(&entries("w"), 9), Err(ExternalFault::Range { .. })));
        assert!(matches!(files.resolve(&entries("../secret"), 8), Err(ExternalFault::Outside { .. })));
        assert!(matches!(files.resolve(&entries("link"), 8), Err(ExternalFault::Symlink { .. })));
        assert!(matches!(files.resolve(&entries("up/secret"), 8), Err(ExternalFault::Symlink { .. })));
        assert!(matches!(files.resolve(&entries("hard"), 8), Err(ExternalFault::HardLink { .. })));

        let allowed = [dir.path().to_path_buf()];
        let mut files = ExternalFiles::new(Some(&inner), &allowed);
        assert_eq!(files.resolve(&entries("link"), 8).unwrap().len(), 8);
    }
}
