//! `ConstantOfShape`: one number, everywhere.

use crate::{
    Call, Fact, Fold, InferError, Inference, Inferred, OpSpec,
    kernels::{Grid, zero},
    shrink,
    site::{Plan, Site, lengths},
};
use shrinx_ir::{DataType, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("ConstantOfShape", constant_of_shape).folds(fold).shrinks(shrink::first_input)];

/// The number, as a tensor with one element; by default a zero of type float.
fn value(call: Call<'_>) -> Option<Tensor> {
    match call.tensor("value") {
        Some(value) => Some(value.clone()).filter(|v| v.len() == 1),
        None => zero(DataType::Float),
    }
}

fn constant_of_shape(cx: &mut Inference<'_>) -> Inferred {
    let value = value(cx.call);
    let shape = cx.contents(0).or_else(|| cx.list_length(0).map(|rank| cx.fresh_shape(rank)));
    if let Some(length) = shape.iter().flatten().filter_map(Dim::known).find(|n| *n < 0) {
        return Err(InferError(format!("a length of {length}")));
    }
    let elements =
        shape.as_deref().and_then(lengths).and_then(|dims| cx.affordable(dims)).map(|dims| dims.iter().product::<u64>() as usize);
    let number = value.as_ref().and_then(|v| Fact::of_tensor(v).contents);
    let contents = elements.zip(number).map(|(n, number)| vec![number[0].clone(); n]);
    Ok(vec![Fact::new(value.map(|v| v.dtype), shape).with_contents(contents)])
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dims = fold.integers(0)?.into_iter().map(|n| u64::try_from(n).ok()).collect::<Option<_>>()?;
    let dims = fold.affordable(dims)?;
    let movement = dims.iter().rev().try_fold(Grid::of(&[])?, |grid, length| grid.repeated(0, *length))?;
    Plan { movement, dims }.fold(&[&value(fold.call)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn contents_become_shapes() {
        let graph = "g (float[N,3] x) => (y, z) <int64[1] two = {2}> { s = Shape(x) y = ConstantOfShape(s) z = ConstantOfShape <value = int64[1] {7}> (two) }";
        assert_eq!(facts_of(graph), "float[N,3]; int64[2] = {7, 7}");
    }

    #[test]
    fn folds_within_the_budget() {
        let filled =
            |shape: &str| folded(&format!("g () => (y) <int64[2] s = {{{shape}}}> {{ y = ConstantOfShape <value = bool[1] {{1}}> (s) }}"));
        assert_eq!(filled("1, 2"), "bool[1,2] = {1, 1}");
        assert_eq!([filled("10000, 10000"), filled("-1, 2"), filled("9223372036854775807, 4")], ["?"; 3]);
    }
}
