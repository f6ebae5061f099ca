//! Values on their way into ONNX Runtime and out of it.

use half::{bf16, f16};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor as OrtTensor, TensorElementType, ValueType};
use shrinx_ops::ir::{DataType, Tensor, TensorData};
use std::{fmt::Debug, sync::Arc};

/// A tensor as ONNX Runtime takes it, or why it cannot.
pub(super) fn to_ort(tensor: &Tensor) -> Result<DynValue, String> {
    match tensor.dtype {
        DataType::Float => value(tensor, tensor.as_f32().ok_or_else(missing)?.into_owned()),
        DataType::Double => numbers(tensor, f64::from_le_bytes),
        DataType::Float16 => numbers(tensor, f16::from_le_bytes),
        DataType::Bfloat16 => numbers(tensor, bf16::from_le_bytes),
        DataType::Int8 => numbers(tensor, i8::from_le_bytes),
        DataType::Int16 => numbers(tensor, i16::from_le_bytes),
        DataType::Int32 => numbers(tensor, i32::from_le_bytes),
        DataType::Int64 => numbers(tensor, i64::from_le_bytes),
        DataType::Uint8 => numbers(tensor, u8::from_le_bytes),
        DataType::Uint16 => numbers(tensor, u16::from_le_bytes),
        DataType::Uint32 => numbers(tensor, u32::from_le_bytes),
        DataType::Uint64 => numbers(tensor, u64::from_le_bytes),
        DataType::Bool => numbers(tensor, |[b]: [u8; 1]| b != 0),
        DataType::String => strings(tensor),
        other => Err(format!("type {other} is not supported")),
    }
}

fn missing() -> String {
    "its elements are not in the model".into()
}

fn dims(tensor: &Tensor) -> Vec<i64> {
    tensor.dims.iter().map(|d| *d as i64).collect()
}

fn value<T: PrimitiveTensorElementType + Debug + Clone + 'static>(tensor: &Tensor, data: Vec<T>) -> Result<DynValue, String> {
    OrtTensor::from_array((dims(tensor), data)).map(OrtTensor::into_dyn).map_err(|e| e.to_string())
}

fn numbers<T, const N: usize>(tensor: &Tensor, read: fn([u8; N]) -> T) -> Result<DynValue, String>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    let bytes = tensor.to_bytes().ok_or_else(missing)?;
    value(tensor, bytes.as_chunks::<N>().0.iter().map(|b| read(*b)).collect())
}

fn strings(tensor: &Tensor) -> Result<DynValue, String> {
    let text = |b: &[u8]| String::from_utf8(b.to_vec()).map_err(|_| "a string is no UTF-8".to_string());
    let elements = match &tensor.data {
        TensorData::Strings(elements) => elements.iter().map(|b| text(b)).collect::<Result<Vec<String>, _>>()?,
        _ if tensor.is_empty() => Vec::new(),
        _ => return Err(missing()),
    };
    let made = OrtTensor::from_string_array((dims(tensor), elements.as_slice()));
    made.map(OrtTensor::into_dyn).map_err(|e| e.to_string())
}

/// What ONNX Runtime computed, or why we cannot hold it.
pub(super) fn from_ort(value: &DynValue) -> Result<Tensor, String> {
    let ValueType::Tensor { ty, .. } = value.dtype() else { return Err(format!("it made {}, which is no tensor", value.dtype())) };
    match ty {
        TensorElementType::Float32 => {
            let (shape, data) = value.try_extract_tensor::<f32>().map_err(|e| e.to_string())?;
            let dims: Vec<u64> = shape.iter().map(|d| *d as u64).collect();
            Ok(Tensor { data: TensorData::Floats(Arc::new(data.to_vec())), ..Tensor::raw(DataType::Float, dims, Vec::new()) })
        }
        TensorElementType::Float64 => bytes(value, DataType::Double, f64::to_le_bytes),
        TensorElementType::Float16 => bytes(value, DataType::Float16, f16::to_le_bytes),
        TensorElementType::Bfloat16 => bytes(value, DataType::Bfloat16, bf16::to_le_bytes),
        TensorElementType::Int8 => bytes(value, DataType::Int8, i8::to_le_bytes),
        TensorElementType::Int16 => bytes(value, DataType::Int16, i16::to_le_bytes),
        TensorElementType::Int32 => bytes(value, DataType::Int32, i32::to_le_bytes),
        TensorElementType::Int64 => bytes(value, DataType::Int64, i64::to_le_bytes),
        TensorElementType::Uint8 => bytes(value, DataType::Uint8, u8::to_le_bytes),
        TensorElementType::Uint16 => bytes(value, DataType::Uint16, u16::to_le_bytes),
        TensorElementType::Uint32 => bytes(value, DataType::Uint32, u32::to_le_bytes),
        TensorElementType::Uint64 => bytes(value, DataType::Uint64, u64::to_le_bytes),
        TensorElementType::Bool => bytes(value, DataType::Bool, |b: bool| [u8::from(b)]),
        TensorElementType::String => {
            let (shape, data) = value.try_extract_strings().map_err(|e| e.to_string())?;
            let dims: Vec<u64> = shape.iter().map(|d| *d as u64).collect();
            let data = TensorData::Strings(Arc::new(data.into_iter().map(|s| s.into_bytes().into()).collect()));
            Ok(Tensor { data, ..Tensor::raw(DataType::String, dims, Vec::new()) })
        }
        other => Err(format!("type {other} is not supported")),
    }
}

fn bytes<T: PrimitiveTensorElementType + Copy, const N: usize>(
    value: &DynValue,
    dtype: DataType,
    write: fn(T) -> [u8; N],
) -> Result<Tensor, String> {
    let (shape, data) = value.try_extract_tensor::<T>().map_err(|e| e.to_string())?;
    let dims: Vec<u64> = shape.iter().map(|d| *d as u64).collect();
    Ok(Tensor::raw(dtype, dims, data.iter().flat_map(|x| write(*x)).collect::<Vec<u8>>()))
}
