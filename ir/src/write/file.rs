//! A file that is not there until it is whole: written beside its place, flushed to disk, renamed.

use super::WriteFault;
use bytes::Bytes;
use std::{
    fs::{File, Permissions},
    io::{ErrorKind, IoSlice, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

pub(super) struct Pending {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
}

impl Pending {
    pub(super) fn new(path: &Path, overwrite: bool) -> Result<Self, WriteFault> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(WriteFault::Exists);
        }
        if path.is_dir() {
            return Err(WriteFault::Io(std::io::Error::new(ErrorKind::IsADirectory, "it is a folder")));
        }
        // Through a link, the file it names is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        // `open` takes the umask off these permissions.
        let file = tempfile::Builder::new().prefix(".shrinx-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder(&path))?;
        Ok(Self { file, path, overwrite })
    }

    pub(super) fn write(mut self, segments: &[Bytes]) -> Result<Self, WriteFault> {
        let file = self.file.as_file_mut();
        for group in segments.chunks(512) {
            let mut slices: Vec<IoSlice<'_>> = group.iter().map(|b| IoSlice::new(b)).collect();
            let mut rest = &mut slices[..];
            while !rest.is_empty() {
                match file.write_vectored(rest) {
                    Ok(0) => return Err(std::io::Error::from(ErrorKind::WriteZero).into()),
                    Ok(count) => IoSlice::advance_slices(&mut rest, count),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return Err(e.into()),
                }
            }
        }
        file.sync_all()?;
        Ok(self)
    }

    pub(super) fn commit(self) -> Result<(), WriteFault> {
        let folder = folder(&self.path).to_path_buf();
        if self.overwrite {
            self.file.persist(&self.path).map_err(|e| e.error)?;
        } else {
            self.file
                .persist_noclobber(&self.path)
                .map_err(|e| if e.error.kind() == ErrorKind::AlreadyExists { WriteFault::Exists } else { e.error.into() })?;
        }
        // The rename itself must reach the disk too; some file systems refuse to flush folders.
        let _ = File::open(folder).and_then(|f| f.sync_all());
        Ok(())
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
