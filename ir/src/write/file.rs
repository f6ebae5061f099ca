//! A file that is not there until it is whole: written beside its place, flushed to disk, renamed.

use super::WriteFault;
use crate::mapped::MappedFile;
use bytes::Bytes;
#[cfg(target_os = "linux")]
use rustix::io::Errno;
use std::{
    fs::{File, Permissions},
    io::{ErrorKind, IoSlice, Write},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Segments from this length on are worth a system call of their own.
const LONG: usize = 1 << 16;

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
        check(path)?;
        // Through a link, the file it names is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        // `open` takes the umask off these permissions.
        let file = tempfile::Builder::new().prefix(".shrinx-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder(&path))?;
        Ok(Self { file, path, overwrite })
    }

    /// Writes segments; long ones that alias a file are copied from that file by the kernel.
    pub(super) fn write(mut self, segments: &[Bytes], sources: &[MappedFile]) -> Result<Self, WriteFault> {
        let file = self.file.as_file_mut();
        let mut rest = segments;
        while let Some(first) = rest.first() {
            let source = |s: &Bytes| if s.len() < LONG { None } else { sources.iter().find_map(|f| f.locate(s)) };
            if let Some((from, offset)) = source(first) {
                let copied = copy(from, offset, file, first.len())?;
                file.write_all(&first[copied..])?;
                rest = &rest[1..];
            } else {
                let count = rest.iter().take(512).take_while(|s| source(s).is_none()).count();
                write_vectored(file, &rest[..count])?;
                rest = &rest[count..];
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

/// Whether what is written to a path goes through it and is not kept there: terminals, `/dev/null`, named pipes.
pub fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.file_type().is_char_device() || m.file_type().is_fifo())
}

/// A path that a file may be put at: nothing is there, or a file.
fn check(path: &Path) -> Result<(), WriteFault> {
    let Ok(kind) = path.metadata().map(|m| m.file_type()) else { return Ok(()) };
    match (kind.is_dir(), kind.is_file()) {
        (true, _) => Err(WriteFault::NoFile("folder")),
        (_, true) => Ok(()),
        _ => Err(WriteFault::NoFile(if kind.is_socket() { "socket" } else { "device" })),
    }
}

/// Lets the kernel copy; how much it did comes back. Where it cannot between these two files, that is nothing.
#[cfg(target_os = "linux")]
fn copy(from: &File, mut offset: u64, to: &File, length: usize) -> Result<usize, WriteFault> {
    let mut done = 0;
    while done < length {
        match rustix::fs::copy_file_range(from, Some(&mut offset), to, None, length - done) {
            Ok(0) | Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => break,
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(e) => return Err(WriteFault::Io(e.into())),
        }
    }
    Ok(done)
}

/// Elsewhere, nothing is copied by the kernel.
#[cfg(not(target_os = "linux"))]
fn copy(_: &File, _: u64, _: &File, _: usize) -> Result<usize, WriteFault> {
    Ok(0)
}

fn write_vectored(file: &mut File, segments: &[Bytes]) -> Result<(), WriteFault> {
    let mut slices: Vec<IoSlice<'_>> = segments.iter().map(|b| IoSlice::new(b)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(std::io::Error::from(ErrorKind::WriteZero).into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
