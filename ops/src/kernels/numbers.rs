//! Elements widened to one of three types in which an operation of the narrow type is exact or rounds once.

use crate::Fold;
use half::{bf16, f16};
use shrinx_ir::{DataType, Tensor};

/// Elements of a tensor. An operation on float16 or bfloat16 is correctly rounded when it is done in float32 and rounded again; one on an integer wraps
/// when its low bits are kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Numbers {
    /// Integers of every width, and bool as 0 and 1.
    Integers(Vec<i128>),
    /// float32, float16, bfloat16.
    Singles(Vec<f32>),
    /// float64.
    Doubles(Vec<f64>),
}

impl Numbers {
    /// The elements of a tensor; `None` for types that kernels do not compute with.
    pub(crate) fn of(tensor: &Tensor) -> Option<Self> {
        let numbers = match tensor.dtype {
            DataType::Bool => Self::Integers(tensor.to_integers()?.into_iter().map(|x| i128::from(x != 0)).collect()),
            DataType::Uint64 => Self::Integers(tensor.to_integers()?.into_iter().map(|x| i128::from(x as u64)).collect()),
            DataType::Double => Self::Doubles(tensor.to_f64()?),
            t if t.is_float() => Self::Singles(tensor.to_f64()?.into_iter().map(|x| x as f32).collect()),
            _ => Self::Integers(tensor.to_integers()?.into_iter().map(i128::from).collect()),
        };
        (numbers.len() == tensor.len()).then_some(numbers)
    }

    /// Whether neither NaN nor an infinity is among them.
    pub(crate) fn is_finite(&self) -> bool {
        match self {
            Self::Integers(_) => true,
            Self::Singles(all) => all.iter().all(|x| x.is_finite()),
            Self::Doubles(all) => all.iter().all(|x| x.is_finite()),
        }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(all) => all.len(),
            Self::Singles(all) => all.len(),
            Self::Doubles(all) => all.len(),
        }
    }

    /// The elements as a tensor of type `dtype`, each rounded or wrapped once. NaN gets one spelling, since its bits depend on the processor.
    pub(crate) fn into_tensor(self, dtype: DataType, dims: Vec<u64>) -> Option<Tensor> {
        match self {
            Self::Integers(all) if dtype == DataType::Bool && all.iter().any(|x| !matches!(x, 0 | 1)) => None,
            Self::Integers(all) => Tensor::from_integers(dtype, dims, &all.into_iter().map(|x| x as i64).collect::<Vec<_>>()),
            Self::Singles(all) => {
                let all = all.into_iter().map(|x| if x.is_nan() { f32::NAN } else { x });
                let bytes: Vec<u8> = match dtype {
                    DataType::Float => all.flat_map(f32::to_le_bytes).collect(),
                    DataType::Float16 => all.flat_map(|x| f16::from_f32(x).to_le_bytes()).collect(),
                    DataType::Bfloat16 => all.flat_map(|x| bf16::from_f32(x).to_le_bytes()).collect(),
                    _ => return None,
                };
                Some(Tensor::raw(dtype, dims, bytes))
            }
            Self::Doubles(all) => {
                let bytes: Vec<u8> = all.into_iter().flat_map(|x| if x.is_nan() { f64::NAN } else { x }.to_le_bytes()).collect();
                (dtype == DataType::Double).then(|| Tensor::raw(dtype, dims, bytes))
            }
        }
    }
}

/// The constant at a port, where its elements are few enough to be worked on.
pub(crate) fn operand<'a>(fold: &Fold<'a>, port: usize) -> Option<&'a Tensor> {
    let tensor = fold.input(port)?;
    fold.affordable(tensor.dims.clone())?;
    Some(tensor)
}

/// The smallest and the largest number of an integer type, or of bool.
pub(crate) fn range(dtype: DataType) -> Option<(i128, i128)> {
    if dtype == DataType::Bool {
        return Some((0, 1));
    }
    let bits = dtype.is_integer().then(|| dtype.bits())?;
    Some(if dtype.is_signed_integer() { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_sign_and_wrap() {
        let all = Tensor::from_integers(DataType::Uint64, [2], &[-1, 1]).unwrap();
        assert_eq!(Numbers::of(&all), Some(Numbers::Integers(vec![i128::from(u64::MAX), 1])));
        let wrapped = Numbers::Integers(vec![200]).into_tensor(DataType::Int8, vec![1]).unwrap();
        assert_eq!(wrapped.to_integers(), Some(vec![-56]));
    }

    #[test]
    fn floats_round_half_to_even() {
        let ties = Numbers::Singles(vec![2049.0, 2051.0, 2049.5]).into_tensor(DataType::Float16, vec![3]).unwrap();
        assert_eq!(ties.to_f64(), Some(vec![2048.0, 2052.0, 2050.0]));
    }

    #[test]
    fn ranges_are_those_of_the_type() {
        assert_eq!(range(DataType::Int8), Some((-128, 127)));
        assert_eq!(range(DataType::Uint64), Some((0, i128::from(u64::MAX))));
        assert_eq!(range(DataType::Float), None);
    }
}
