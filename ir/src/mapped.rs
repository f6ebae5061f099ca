//! The only unsafe code of shrinx: files mapped into memory, and a buffer that gathers segments without copying them.

#![allow(unsafe_code)] // reviewed: two uses, each with its reason

use bytes::{Buf, BufMut, Bytes, BytesMut, buf::UninitSlice};
use std::{fs::File, io, path::PathBuf, sync::Arc};

/// A file in memory. The bytes, and every slice of them, keep the mapping alive.
///
/// A file that another process shortens while it is mapped ends this process with SIGBUS, as in any program that maps files; shrinx itself never writes
/// to a file that it read: outputs are renamed into place.
#[derive(Clone, Debug)]
pub(crate) struct MappedFile {
    pub(crate) bytes: Bytes,
    pub(crate) path: PathBuf,
    file: Arc<File>,
}

impl MappedFile {
    pub(crate) fn new(file: File, path: PathBuf) -> io::Result<Self> {
        let bytes = if file.metadata()?.len() == 0 {
            Bytes::new()
        } else {
            // SAFETY: the mapping is private and read-only, and owned by the `Bytes`. What another process may do to the file is described above.
            Bytes::from_owner(unsafe { memmap2::Mmap::map(&file)? })
        };
        Ok(Self { bytes, path, file: Arc::new(file) })
    }

    /// The file and the offset in it of a slice of its bytes; `None` for bytes from elsewhere.
    pub(crate) fn locate(&self, slice: &Bytes) -> Option<(&File, u64)> {
        let offset = (slice.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        (offset + slice.len() <= self.bytes.len()).then_some((&*self.file, offset as u64))
    }
}

/// A buffer for prost to encode into: long byte fields are kept by reference, the rest is copied.
pub(crate) struct Segments {
    done: Vec<Bytes>,
    current: BytesMut,
}

/// Fields from this length on are not copied.
const LONG: usize = 4096;

impl Segments {
    pub(crate) fn new() -> Self {
        Self { done: Vec::new(), current: BytesMut::with_capacity(1 << 16) }
    }

    fn flush(&mut self) {
        if !self.current.is_empty() {
            self.done.push(self.current.split().freeze());
        }
    }

    /// The segments, in order.
    pub(crate) fn finish(mut self) -> Vec<Bytes> {
        self.flush();
        self.done
    }
}

// SAFETY: `chunk_mut` and `advance_mut` are those of the inner `BytesMut`, which keeps their contract; `put` only appends whole segments.
unsafe impl BufMut for Segments {
    fn remaining_mut(&self) -> usize {
        usize::MAX - self.current.len()
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        // SAFETY: the caller's promise is handed on unchanged.
        unsafe { self.current.advance_mut(count) }
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        self.current.chunk_mut()
    }

    fn put<T: Buf>(&mut self, mut source: T) {
        let length = source.remaining();
        if length >= LONG {
            self.flush();
            self.done.push(source.copy_to_bytes(length)); // of `Bytes`: a slice, not a copy
            return;
        }
        while source.has_remaining() {
            let chunk = source.chunk();
            self.current.extend_from_slice(chunk);
            let count = chunk.len();
            source.advance(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_fields_are_kept_by_reference() {
        let long = Bytes::from(vec![7u8; LONG]);
        let mut segments = Segments::new();
        segments.put_u8(1);
        segments.put(long.clone());
        segments.put_slice(&[2, 3]);
        let done = segments.finish();
        assert_eq!(done.concat().len(), LONG + 3);
        assert_eq!(done[1].as_ptr(), long.as_ptr());
    }
}
