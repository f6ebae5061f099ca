//! NumPy's format of one array: a header that is a Python dictionary, then the elements (numpy.lib.format, versions 1 to 3).
//!
//! Nothing is believed: lengths are checked against the bytes there are, and memory grows with what was read. Pickled objects are refused.

use shrinx_rewrite::ir::{Bytes, DataType, Tensor};
use std::io::Read;

/// What stands before the elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: DataType,
    pub(super) dims: Vec<u64>,
    /// The first axis runs fastest.
    pub(super) fortran: bool,
    /// Bytes of the header.
    pub(super) length: u64,
    /// Bytes of the elements.
    pub(super) bytes: u64,
}

/// A header of ordinary arrays has 128 bytes.
const MAX_HEADER: usize = 1 << 16;

/// Reads the header, and nothing behind it.
pub(super) fn header(from: &mut dyn Read) -> Result<Header, String> {
    let mut take = |count: usize| {
        let mut bytes = Vec::new();
        (&mut *from).take(count as u64).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() == count { Ok(bytes) } else { Err("ends within its header".to_string()) }
    };
    let start = take(8)?;
    if start[..6] != *b"\x93NUMPY" {
        return Err("is no NumPy array".into());
    }
    let width = if start[6] == 1 { 2 } else { 4 };
    let length = take(width)?.iter().rev().fold(0usize, |n, b| n << 8 | usize::from(*b));
    if length > MAX_HEADER {
        return Err(format!("has a header of {length} bytes"));
    }
    let text = String::from_utf8(take(length)?).map_err(|_| "has a header that is no text".to_string())?;
    let dtype = dtype(field(&text, "descr")?)?;
    let fortran = field(&text, "fortran_order")?.starts_with("True");
    let dims = shape(field(&text, "shape")?).ok_or("has a header without a shape")?;
    let count = dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d));
    let bytes = count.and_then(|n| dtype.bytes_for(n)).filter(|n| i64::try_from(*n).is_ok());
    let bytes = bytes.ok_or_else(|| format!("has the shape {dims:?}, which is too large"))?;
    Ok(Header { dtype, dims, fortran, length: (8 + width + length) as u64, bytes })
}

/// Reads an array to the end.
pub(super) fn tensor(from: &mut dyn Read) -> Result<Tensor, String> {
    let header = header(from)?;
    let mut data = Vec::new();
    // One byte more shows what is too long, and lets an archive check what it read.
    from.take(header.bytes + 1).read_to_end(&mut data).map_err(|e| e.to_string())?;
    if data.len() as u64 != header.bytes {
        let (more, need) = (data.len() as u64 > header.bytes, header.bytes);
        let there = if more { "more".to_string() } else { data.len().to_string() };
        return Err(format!("has the shape {:?} of {}, which is {need} bytes, and holds {there}", header.dims, header.dtype));
    }
    Ok(assemble(&header, data))
}

/// A tensor of the elements, in the order of ONNX.
pub(super) fn assemble(header: &Header, data: Vec<u8>) -> Tensor {
    let data = if header.fortran && header.dims.len() > 1 { turned(header, &data) } else { data };
    Tensor::raw(header.dtype, header.dims.clone(), Bytes::from(data))
}

/// From the first axis fastest to the last axis fastest.
fn turned(header: &Header, data: &[u8]) -> Vec<u8> {
    let width = (header.dtype.bits() / 8) as usize;
    let dims: Vec<usize> = header.dims.iter().map(|d| *d as usize).collect();
    let mut made = Vec::with_capacity(data.len());
    let mut at = vec![0usize; dims.len()];
    for _ in 0..data.len() / width {
        let place = at.iter().zip(&dims).rev().fold(0, |n, (k, d)| n * d + k);
        made.extend_from_slice(&data[place * width..(place + 1) * width]);
        for axis in (0..dims.len()).rev() {
            at[axis] += 1;
            if at[axis] < dims[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    made
}

/// What follows a key.
fn field<'a>(text: &'a str, key: &str) -> Result<&'a str, String> {
    let missing = || format!("has a header without `{key}`");
    let (_, rest) = text.split_once(&format!("'{key}'")).ok_or_else(missing)?;
    Ok(rest.trim_start().strip_prefix(':').ok_or_else(missing)?.trim_start())
}

fn dtype(text: &str) -> Result<DataType, String> {
    let quoted = text.strip_prefix('\'').and_then(|t| t.split_once('\''));
    let Some((name, _)) = quoted else { return Err("has a structured type, which no input has".into()) };
    Ok(match name.trim_start_matches(['<', '|', '=']) {
        "f2" => DataType::Float16,
        "f4" => DataType::Float,
        "f8" => DataType::Double,
        "i1" => DataType::Int8,
        "i2" => DataType::Int16,
        "i4" => DataType::Int32,
        "i8" => DataType::Int64,
        "u1" => DataType::Uint8,
        "u2" => DataType::Uint16,
        "u4" => DataType::Uint32,
        "u8" => DataType::Uint64,
        "b1" => DataType::Bool,
        "O" => return Err("holds pickled Python objects, which are never loaded".into()),
        other if other.starts_with('>') => {
            return Err(format!("has the big-endian type {other}; save it with .astype('<{}')", &other[1..]));
        }
        other => return Err(format!("has the type {other}, which is not supported")),
    })
}

/// A tuple of lengths.
fn shape(text: &str) -> Option<Vec<u64>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    inside.split(',').map(|d| d.trim().trim_end_matches('L')).filter(|d| !d.is_empty()).map(|d| d.parse().ok()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An array as NumPy writes it.
    pub(in super::super) fn npy(descr: &str, fortran: bool, dims: &[u64], data: &[u8]) -> Vec<u8> {
        let shape = format!("{dims:?}").replace('[', "(").replace(']', if dims.len() == 1 { ",)" } else { ")" });
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn read(bytes: &[u8]) -> Result<Tensor, String> {
        tensor(&mut &*bytes)
    }

    #[test]
    fn every_type_and_both_orders_are_read() {
        for (descr, dtype) in [("<f4", DataType::Float), ("|b1", DataType::Bool), ("<f2", DataType::Float16), ("<u8", DataType::Uint64)] {
            let data: Vec<u8> = (0..6 * (dtype.bits() / 8) as u8).collect();
            assert_eq!(read(&npy(descr, false, &[2, 3], &data)).unwrap(), Tensor::raw(dtype, [2, 3], data));
        }
        let turned = read(&npy("|i1", true, &[2, 3], &[1, 4, 2, 5, 3, 6])).unwrap();
        assert_eq!(turned.to_integers().unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(read(&npy("<i8", false, &[], &7u64.to_le_bytes())).unwrap(), Tensor::from_i64([], &[7]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |bytes: &[u8]| read(bytes).unwrap_err();
        let good = npy("<f4", false, &[2], &[0; 8]);
        assert!((0..good.len()).all(|n| read(&good[..n]).is_err()));
        assert_eq!(said(&npy("<f4", false, &[2], &[0; 7])), "has the shape [2] of float, which is 8 bytes, and holds 7");
        assert_eq!(said(&npy("<f4", false, &[2], &[0; 9])), "has the shape [2] of float, which is 8 bytes, and holds more");
        assert_eq!(said(&npy("|O", false, &[2], &[0; 9])), "holds pickled Python objects, which are never loaded");
        assert_eq!(said(&npy(">f4", false, &[2], &[0; 8])), "has the big-endian type >f4; save it with .astype('<f4')");
        assert_eq!(said(&npy("<f4", false, &[1 << 40, 1 << 40], &[])), "has the shape [1099511627776, 1099511627776], which is too large");
        // No memory is taken for elements that are not there.
        assert!(said(&npy("<f4", false, &[1 << 40], &[0; 4])).ends_with("and holds 4"));
        assert_eq!(said(b"PK\x03\x04....."), "is no NumPy array");
    }
}
