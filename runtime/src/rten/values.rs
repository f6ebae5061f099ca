//! Values on their way into rten and out of it.

use rten::Value;
use rten_tensor::{Layout, Tensor as RtenTensor};
use shrinx_ops::ir::{DataType, Tensor, TensorData};
use std::sync::Arc;

/// Whether rten holds values of this type without loss. Of int64, those within 32 bits.
pub(super) fn is_held(dtype: DataType) -> bool {
    matches!(dtype, DataType::Float | DataType::Int32 | DataType::Int64 | DataType::Bool | DataType::Int8 | DataType::Uint8)
}

/// A tensor as rten takes it, or why it cannot.
pub(super) fn to_rten(tensor: &Tensor) -> Result<Value, String> {
    let shape: Vec<usize> = tensor.dims.iter().map(|d| *d as usize).collect();
    let missing = || "its elements are not in the model".to_string();
    match tensor.dtype {
        DataType::Float => value(&shape, tensor.as_f32().ok_or_else(missing)?.into_owned()),
        DataType::Uint8 => value(&shape, tensor.to_bytes().ok_or_else(missing)?.to_vec()),
        DataType::Int8 => value(&shape, tensor.to_bytes().ok_or_else(missing)?.iter().map(|b| b.cast_signed()).collect()),
        DataType::Bool => value(&shape, tensor.to_integers().ok_or_else(missing)?.iter().map(|i| i32::from(*i != 0)).collect()),
        DataType::Int32 | DataType::Int64 => {
            let narrow = |i: &i64| i32::try_from(*i).map_err(|_| format!("{i} exceeds 32 bits"));
            value(&shape, tensor.to_integers().ok_or_else(missing)?.iter().map(narrow).collect::<Result<Vec<i32>, _>>()?)
        }
        other => Err(format!("type {other} is not supported")),
    }
}

fn value<T>(shape: &[usize], data: Vec<T>) -> Result<Value, String>
where
    Value: From<RtenTensor<T>>,
{
    let length = data.len();
    let tensor = RtenTensor::try_from_data(shape, data).map_err(|_| format!("{length} elements do not fill shape {shape:?}"))?;
    Ok(tensor.into())
}

/// What rten computed, as the type that the model gives it.
pub(super) fn from_rten(value: Value, dtype: DataType) -> Result<Tensor, String> {
    let dims: Vec<u64> = value.shape().iter().map(|d| *d as u64).collect();
    match (value, dtype) {
        (Value::FloatTensor(t), DataType::Float) => Ok(tensor(dtype, dims, TensorData::Floats(Arc::new(t.into_data())))),
        (Value::Int32Tensor(t), DataType::Int32) => Ok(tensor(dtype, dims, TensorData::Int32s(Arc::new(t.into_data())))),
        (Value::Int32Tensor(t), DataType::Int64) => {
            let wide: Vec<i64> = t.into_data().into_iter().map(i64::from).collect();
            // rten saturates where a cast or a constant leaves 32 bits.
            match wide.iter().find(|i| **i == i64::from(i32::MAX) || **i == i64::from(i32::MIN)) {
                Some(limit) => Err(format!("an int64 value reached {limit}, the limit of 32 bits")),
                None => Ok(tensor(dtype, dims, TensorData::Int64s(Arc::new(wide)))),
            }
        }
        (Value::Int32Tensor(t), DataType::Bool) => {
            Ok(Tensor::raw(dtype, dims, t.into_data().into_iter().map(|i| u8::from(i != 0)).collect::<Vec<u8>>()))
        }
        (Value::Int8Tensor(t), DataType::Int8) => {
            Ok(Tensor::raw(dtype, dims, t.into_data().into_iter().map(i8::cast_unsigned).collect::<Vec<u8>>()))
        }
        (Value::UInt8Tensor(t), DataType::Uint8) => Ok(Tensor::raw(dtype, dims, t.into_data())),
        (other, _) => Err(format!("it made {} where the model says {dtype}", other.dtype())),
    }
}

fn tensor(dtype: DataType, dims: Vec<u64>, data: TensorData) -> Tensor {
    Tensor { data, ..Tensor::raw(dtype, dims, Vec::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_types_survive_the_way_there_and_back() {
        for dtype in DataType::ALL.iter().copied().filter(|t| is_held(*t)) {
            let tensor = if dtype == DataType::Float {
                Tensor::from_f32([2], &[0.0, -1.5])
            } else {
                Tensor::from_integers(dtype, [2], &[0, 1]).unwrap()
            };
            let back = from_rten(to_rten(&tensor).unwrap(), dtype).unwrap();
            assert!(back.same_content(&tensor), "{dtype}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(to_rten(&Tensor::vector_i64(&[1 << 40])).unwrap_err(), "1099511627776 exceeds 32 bits");
        assert!(to_rten(&Tensor::from_f64(DataType::Double, [1], &[0.0]).unwrap()).is_err());
        let limit = to_rten(&Tensor::vector_i64(&[i64::from(i32::MAX)])).unwrap();
        assert!(from_rten(limit, DataType::Int64).is_err());
        let integers = to_rten(&Tensor::vector_i64(&[1])).unwrap();
        assert_eq!(from_rten(integers, DataType::Float).unwrap_err(), "it made tensor(i32) where the model says float");
    }
}
