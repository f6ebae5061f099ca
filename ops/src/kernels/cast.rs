//! Conversion between element types (ONNX `Cast`, `CastLike`, `BitCast`).

use super::numbers::{Numbers, operand, range};
use crate::Fold;
use shrinx_ir::{DataType, Tensor};

/// The first input as type `to`. Declines where a float does not fit the integer type, and where runtimes round twice.
pub(crate) fn cast(fold: &Fold<'_>, to: DataType) -> Option<Vec<Tensor>> {
    let x = operand(fold, 0)?;
    if x.dtype == to {
        return Some(vec![x.clone()]);
    }
    let numbers = match Numbers::of(x)? {
        Numbers::Integers(all) => from_integers(all, to)?,
        Numbers::Singles(all) if to == DataType::Double => Numbers::Doubles(all.into_iter().map(f64::from).collect()),
        Numbers::Singles(all) if to.is_float() => Numbers::Singles(all),
        Numbers::Singles(all) => to_integers(all.into_iter().map(f64::from), to)?,
        Numbers::Doubles(all) if to.is_float() => to_singles(all, to)?,
        Numbers::Doubles(all) => to_integers(all.into_iter(), to)?,
    };
    Some(vec![numbers.into_tensor(to, x.dims.clone())?])
}

fn from_integers(all: Vec<i128>, to: DataType) -> Option<Numbers> {
    Some(match to {
        DataType::Bool => Numbers::Integers(all.into_iter().map(|x| i128::from(x != 0)).collect()),
        DataType::Double => Numbers::Doubles(all.into_iter().map(|x| x as f64).collect()),
        DataType::Float => Numbers::Singles(all.into_iter().map(|x| x as f32).collect()),
        t if t.is_float() => Numbers::Singles(all.into_iter().map(|x| Some(x as f32).filter(|y| *y as i128 == x)).collect::<Option<_>>()?),
        _ => Numbers::Integers(all),
    })
}

/// By way of float32, as runtimes do; so the narrower types only where that loses nothing.
fn to_singles(all: Vec<f64>, to: DataType) -> Option<Numbers> {
    let round = |x: f64| Some(x as f32).filter(|y| to == DataType::Float || x.is_nan() || f64::from(*y) == x);
    Some(Numbers::Singles(all.into_iter().map(round).collect::<Option<_>>()?))
}

fn to_integers(all: impl Iterator<Item = f64>, to: DataType) -> Option<Numbers> {
    if to == DataType::Bool {
        return Some(Numbers::Integers(all.map(|x| i128::from(x != 0.0)).collect()));
    }
    let (low, high) = range(to)?;
    let truncate = |x: f64| x.is_finite().then(|| x.trunc() as i128).filter(|n| (low..=high).contains(n));
    Some(Numbers::Integers(all.map(truncate).collect::<Option<_>>()?))
}

/// The bits of the first input, taken for elements of type `to`.
pub(crate) fn bit_cast(fold: &Fold<'_>, to: DataType) -> Option<Vec<Tensor>> {
    let x = operand(fold, 0)?;
    let bytes = x.to_bytes().filter(|_| x.dtype.bits() == to.bits() && to.bits() > 0)?;
    Some(vec![Tensor::raw(to, x.dims.clone(), bytes)])
}
