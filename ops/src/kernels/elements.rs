//! Elements as things to be moved: whatever their type, what counts is their width.
//!
//! A [`Movement`] says where each element of the output comes from. It is planned once, from shapes, and then carried out on the bytes of tensors, on
//! strings, or on the symbolic contents that inference follows.

use shrinx_ir::{Bytes, DataType, Tensor, TensorData, tensor::External};
use std::sync::Arc;

/// Where each element of an output comes from.
pub(crate) trait Movement {
    /// The elements of the output, row by row, taken from the sources; `None` where a place lies outside them.
    fn apply<T: Clone>(&self, sources: &[&[T]]) -> Option<Vec<T>>;
}

/// A tensor of shape `dims`, moved together from tensors of one type. `None` for elements that do not fill whole bytes.
pub(crate) fn carry(movement: &impl Movement, sources: &[&Tensor], dims: Vec<u64>) -> Option<Tensor> {
    let dtype = sources.first()?.dtype;
    if sources.iter().any(|t| t.dtype != dtype) {
        return None;
    }
    let data = match dtype.bits() {
        8 => packed::<1>(movement, sources),
        16 => packed::<2>(movement, sources),
        32 => packed::<4>(movement, sources),
        64 => packed::<8>(movement, sources),
        128 => packed::<16>(movement, sources),
        _ if dtype == DataType::String => strings(movement, sources),
        _ => None,
    }?;
    let moved = Tensor { data, ..Tensor::raw(dtype, dims, Bytes::new()) };
    is_whole(&moved).then_some(moved)
}

/// The same elements in another shape of as many; nothing is copied.
pub(crate) fn relabel(tensor: &Tensor, dims: Vec<u64>) -> Option<Tensor> {
    let data = match &tensor.data {
        TensorData::External(External { bytes, .. }) => TensorData::Raw(bytes.clone()),
        TensorData::Sparse(_) | TensorData::Elided(_) => return None,
        TensorData::Empty
        | TensorData::Raw(_)
        | TensorData::Floats(_)
        | TensorData::Int32s(_)
        | TensorData::Int64s(_)
        | TensorData::Doubles(_)
        | TensorData::Uint64s(_)
        | TensorData::Strings(_) => tensor.data.clone(),
    };
    (count(&dims)? == count(&tensor.dims)?).then(|| Tensor { data, ..Tensor::raw(tensor.dtype, dims, Bytes::new()) })
}

/// A scalar whose bits are all zero (an empty string): what ONNX pads with by default.
pub(crate) fn zero(dtype: DataType) -> Option<Tensor> {
    if dtype == DataType::String {
        return Some(Tensor { data: TensorData::Strings(Arc::new(vec![Bytes::new()])), ..Tensor::raw(dtype, [], Bytes::new()) });
    }
    Some(Tensor::raw(dtype, [], vec![0; usize::try_from(dtype.bytes_for(1)?).ok()?]))
}

/// Number of elements of a shape; `None` where it overflows.
pub(crate) fn count(dims: &[u64]) -> Option<usize> {
    usize::try_from(dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d))?).ok()
}

fn is_whole(tensor: &Tensor) -> bool {
    let elements = match &tensor.data {
        TensorData::Strings(all) => Some(all.len()),
        TensorData::Raw(bytes) => bytes.len().checked_div(tensor.dtype.bits() as usize / 8),
        _ => None,
    };
    elements.is_some() && elements == count(&tensor.dims)
}

fn packed<const N: usize>(movement: &impl Movement, sources: &[&Tensor]) -> Option<TensorData> {
    let bytes: Vec<Bytes> = sources.iter().map(|t| t.to_bytes()).collect::<Option<_>>()?;
    let elements: Vec<&[[u8; N]]> = bytes.iter().map(|b| b.as_chunks::<N>().0).collect();
    Some(TensorData::Raw(movement.apply(&elements)?.into_flattened().into()))
}

fn strings(movement: &impl Movement, sources: &[&Tensor]) -> Option<TensorData> {
    let elements = sources.iter().map(|t| match &t.data {
        TensorData::Strings(all) => Some(all.as_slice()),
        _ => None,
    });
    Some(TensorData::Strings(Arc::new(movement.apply(&elements.collect::<Option<Vec<_>>>()?)?)))
}
