//! Tensors: element type, shape, and bytes that may alias the source file (`TensorProto`).
//!
//! The encoding that the file used is remembered, so that an untouched tensor is written as it came. Typed access copies only where the bytes are not
//! little-endian-aligned numbers already.

use crate::{dtype::DataType, value::Metadata};
use bytes::Bytes;
use std::{borrow::Cow, sync::Arc};

/// A constant array.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Element type.
    pub dtype: DataType,
    /// Lengths of the axes; empty for a scalar.
    pub dims: Vec<u64>,
    /// The elements.
    pub data: TensorData,
    /// The name in the file, where it is not the name of a value.
    pub name: Option<String>,
    /// Documentation.
    pub doc: Option<String>,
    /// `metadata_props`.
    pub metadata: Metadata,
    /// The file spells out the default `data_location`.
    pub explicit_location: bool,
}

/// The elements of a tensor, in the encoding of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// No data field at all: a tensor without elements.
    Empty,
    /// `raw_data`: little endian, packed.
    Raw(Bytes),
    /// `float_data`: floats, or pairs for complex64.
    Floats(Arc<Vec<f32>>),
    /// `int32_data`: integers of up to 32 bits, bool, and the bits of the 16-bit and smaller floats.
    Int32s(Arc<Vec<i32>>),
    /// `int64_data`.
    Int64s(Arc<Vec<i64>>),
    /// `double_data`: doubles, or pairs for complex128.
    Doubles(Arc<Vec<f64>>),
    /// `uint64_data`: uint32 and uint64.
    Uint64s(Arc<Vec<u64>>),
    /// `string_data`.
    Strings(Arc<Vec<Bytes>>),
    /// `raw_data` that lives in a file beside the model.
    External(External),
    /// A sparse tensor: the non-zero values and their places.
    Sparse(Box<Sparse>),
    /// Left out of a text, which keeps only this digest (may be empty). Cannot be written to a model.
    Elided(String),
}

/// Data outside the model file.
#[derive(Clone, Debug, PartialEq)]
pub struct External {
    /// The bytes, mapped.
    pub bytes: Bytes,
    /// `external_data` as the file has it: location, offset, length, checksum.
    pub entries: Metadata,
}

/// `SparseTensorProto`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse {
    /// `[NNZ]` values.
    pub values: Tensor,
    /// `[NNZ]` or `[NNZ, rank]` places, int64.
    pub indices: Option<Tensor>,
}

impl Tensor {
    /// A tensor of raw little-endian bytes.
    pub fn raw(dtype: DataType, dims: impl Into<Vec<u64>>, bytes: impl Into<Bytes>) -> Self {
        Self {
            dtype,
            dims: dims.into(),
            data: TensorData::Raw(bytes.into()),
            name: None,
            doc: None,
            metadata: Metadata::new(),
            explicit_location: false,
        }
    }

    /// A float32 tensor.
    pub fn from_f32(dims: impl Into<Vec<u64>>, data: &[f32]) -> Self {
        Self::raw(DataType::Float, dims, data.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// An int64 tensor.
    pub fn from_i64(dims: impl Into<Vec<u64>>, data: &[i64]) -> Self {
        Self::raw(DataType::Int64, dims, data.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// A one-dimensional int64 tensor.
    pub fn vector_i64(data: &[i64]) -> Self {
        Self::from_i64([data.len() as u64], data)
    }

    /// A floating point tensor of type `dtype` (float, double, float16 or bfloat16), each element rounded once. `None` for another type.
    pub fn from_f64(dtype: DataType, dims: impl Into<Vec<u64>>, data: &[f64]) -> Option<Self> {
        let bytes: Vec<u8> = match dtype {
            DataType::Float => data.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
            DataType::Double => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            DataType::Float16 => data.iter().flat_map(|&x| half::f16::from_f32(to_odd(x)).to_le_bytes()).collect(),
            DataType::Bfloat16 => data.iter().flat_map(|&x| half::bf16::from_f32(to_odd(x)).to_le_bytes()).collect(),
            _ => return None,
        };
        Some(Self::raw(dtype, dims, bytes))
    }

    /// An integer tensor of type `dtype`, wrapped to its width. `None` for a type that is no integer of 8 to 64 bits nor bool.
    pub fn from_integers(dtype: DataType, dims: impl Into<Vec<u64>>, data: &[i64]) -> Option<Self> {
        let width = match dtype {
            DataType::Bool => 1,
            t if t.is_integer() => t.bits() as usize / 8,
            _ => return None,
        };
        let bytes: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes().into_iter().take(width)).collect();
        Some(Self::raw(dtype, dims, bytes))
    }

    /// Number of elements; dims are checked against overflow when a tensor is read or built.
    pub fn len(&self) -> usize {
        self.dims.iter().product::<u64>() as usize
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Bytes of its elements when packed as `raw_data`; for strings, the bytes of the strings.
    pub fn byte_len(&self) -> u64 {
        match &self.data {
            TensorData::Strings(s) => s.iter().map(|b| b.len() as u64).sum(),
            TensorData::Sparse(s) => s.values.byte_len() + s.indices.as_ref().map_or(0, Self::byte_len),
            _ => self.dtype.bytes_for(self.len() as u64).unwrap_or(0),
        }
    }

    /// The elements as packed little-endian bytes, without a copy where they are stored so. `None` for strings, sparse and elided tensors.
    pub fn to_bytes(&self) -> Option<Bytes> {
        Some(match &self.data {
            TensorData::Empty => Bytes::new(),
            TensorData::Raw(bytes) | TensorData::External(External { bytes, .. }) => bytes.clone(),
            TensorData::Floats(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::Doubles(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::Int64s(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            // One an entry here, packed in `raw_data` (`TensorProto`, comments).
            TensorData::Int32s(v) if self.dtype.bits() == 6 => pack(&v.iter().map(|x| *x as u64).collect::<Vec<_>>(), 6).into(),
            TensorData::Int32s(v) => {
                let width = (self.dtype.bits() as usize).div_ceil(8);
                v.iter().flat_map(|x| x.to_le_bytes().into_iter().take(width)).collect()
            }
            TensorData::Uint64s(v) => {
                let width = self.dtype.bits() as usize / 8;
                v.iter().flat_map(|x| x.to_le_bytes().into_iter().take(width)).collect()
            }
            TensorData::Strings(_) | TensorData::Sparse(_) | TensorData::Elided(_) => return None,
        })
    }

    /// The elements of a float32 tensor, borrowed where they are stored as floats. `None` for any other type.
    pub fn as_f32(&self) -> Option<Cow<'_, [f32]>> {
        if self.dtype != DataType::Float {
            return None;
        }
        if let TensorData::Floats(v) = &self.data {
            return Some(Cow::Borrowed(v));
        }
        let bytes = self.to_bytes()?;
        Some(Cow::Owned(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()))
    }

    /// The elements of a floating point tensor as f64. `None` for any other type.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        let bytes = self.to_bytes()?;
        Some(match self.dtype {
            DataType::Float => bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect(),
            DataType::Double => bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())).collect(),
            DataType::Float16 => bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f64()).collect(),
            DataType::Bfloat16 => bytes.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f64()).collect(),
            _ => return None,
        })
    }

    /// The elements of an integer or bool tensor. `None` for any other type; uint64 beyond `i64::MAX` wraps.
    pub fn to_integers(&self) -> Option<Vec<i64>> {
        if !(self.dtype.is_integer() || self.dtype == DataType::Bool) {
            return None;
        }
        let width = self.dtype.bits() as usize / 8;
        let signed = self.dtype.is_signed_integer();
        let widen = |b: &[u8]| {
            let negative = signed && b.last().is_some_and(|top| top & 0x80 != 0);
            let mut wide = [if negative { 0xff } else { 0 }; 8];
            wide[..width].copy_from_slice(b);
            i64::from_le_bytes(wide)
        };
        Some(self.to_bytes()?.chunks_exact(width).map(widen).collect())
    }

    /// A float32 tensor as an array.
    pub fn to_array(&self) -> Option<ndarray::ArrayD<f32>> {
        let dims: Vec<usize> = self.dims.iter().map(|&d| d as usize).collect();
        ndarray::ArrayD::from_shape_vec(dims, self.as_f32()?.into_owned()).ok()
    }

    /// Whether both hold the same elements: type, shape and bits, whatever the encoding.
    pub fn same_content(&self, other: &Self) -> bool {
        self.dtype == other.dtype
            && self.dims == other.dims
            && match (&self.data, &other.data) {
                (TensorData::Strings(a), TensorData::Strings(b)) => a == b,
                (TensorData::Sparse(a), TensorData::Sparse(b)) => a == b,
                (TensorData::Elided(a), TensorData::Elided(b)) => !a.is_empty() && a == b,
                _ => self.to_bytes().is_some_and(|a| other.to_bytes().is_some_and(|b| a == b)),
            }
    }

    /// Eight hexadecimal digits of the BLAKE3 hash of type, shape and elements; of an elided tensor, the digest it was read with.
    pub fn digest(&self) -> String {
        if let TensorData::Elided(digest) = &self.data {
            return digest.clone();
        }
        let mut hasher = blake3::Hasher::new();
        self.feed(&mut hasher);
        hasher.finalize().to_hex()[..8].to_string()
    }

    fn feed(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.dtype.code().to_le_bytes());
        for d in &self.dims {
            hasher.update(&d.to_le_bytes());
        }
        match &self.data {
            TensorData::Strings(all) => {
                for s in all.iter() {
                    hasher.update(&(s.len() as u64).to_le_bytes());
                    hasher.update(s);
                }
            }
            TensorData::Sparse(s) => {
                s.values.feed(hasher);
                if let Some(indices) = &s.indices {
                    indices.feed(hasher);
                }
            }
            _ => {
                hasher.update(&self.to_bytes().unwrap_or_default());
            }
        }
    }
}

/// Whether a shape can be that of a tensor in memory.
pub(crate) fn fits(dims: &[u64]) -> bool {
    // A zero may stand beside lengths whose product alone would overflow.
    let product = dims.iter().filter(|d| **d != 0).try_fold(1u64, |n, d| n.checked_mul(*d));
    product.is_some_and(|n| n <= i64::MAX as u64 / 16)
}

/// Elements of so many bits as `raw_data` has them: without gaps, lowest bits first.
pub(crate) fn pack(elements: &[u64], width: u64) -> Vec<u8> {
    let mut bytes = vec![0; (elements.len() as u64 * width).div_ceil(8) as usize];
    for (k, element) in elements.iter().enumerate() {
        for i in (0..width).filter(|i| element >> i & 1 == 1) {
            let at = k as u64 * width + i;
            bytes[(at / 8) as usize] |= 1 << (at % 8);
        }
    }
    bytes
}

/// The f32 next to `x`, the odd one of the two where `x` lies between: rounding that to a narrower type rounds `x` once, not twice (Boldo and Melquiond,
/// "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
fn to_odd(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) == x || !near.is_finite() || near.to_bits() & 1 == 1 {
        return near;
    }
    if f64::from(near) > x { near.next_down() } else { near.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_of_one_content_are_equal() {
        let raw = Tensor::vector_i64(&[1, -2]);
        let typed = Tensor { data: TensorData::Int64s(Arc::new(vec![1, -2])), ..raw.clone() };
        assert!(raw.same_content(&typed));
        assert_eq!(raw.digest(), typed.digest());
        assert_eq!(typed.to_integers(), Some(vec![1, -2]));
    }

    #[test]
    fn six_bit_floats_take_an_entry_each_and_are_packed_raw() {
        let typed = Tensor { data: TensorData::Int32s(Arc::new(vec![63, 1, 32, 0, 5])), ..Tensor::raw(DataType::Float6E2M3, [5], vec![]) };
        let raw = Tensor::raw(DataType::Float6E2M3, [5], vec![0x7f, 0x00, 0x02, 0x05]);
        assert!(typed.same_content(&raw));
    }

    #[test]
    fn half_precision_is_rounded_once() {
        let half = |x: f64| Tensor::from_f64(DataType::Float16, [1], &[x]).unwrap().to_f64().unwrap()[0];
        assert_eq!(
            [2049.0, 2049.0 + 1e-9, 2049.0 - 1e-9, 1.0 / 3.0, -2051.0].map(half),
            [2048.0, 2050.0, 2048.0, 0.333_251_953_125, -2052.0]
        );
    }

    #[test]
    fn narrow_integers_widen_with_their_sign() {
        let t = Tensor { data: TensorData::Int32s(Arc::new(vec![-3, 4])), ..Tensor::raw(DataType::Int8, [2], Bytes::new()) };
        assert_eq!(t.to_bytes().unwrap().as_ref(), &[0xfd, 4]);
        assert_eq!(t.to_integers(), Some(vec![-3, 4]));
    }
}
