//! `Identity` and `Constant`: values as they are.

use crate::{Fact, Fold, Inference, Inferred, OpSpec, channels::elementwise, constant::constant_attribute, kernels::relabel};
use shrinx_ir::{AttributeValue, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Identity", identity).cuts(elementwise::UNARY).folds(fold_identity),
    OpSpec::new("Constant", constant).cuts(elementwise::CONSTANT).folds(fold_constant),
];

fn identity(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![cx.input(0).clone()])
}

fn fold_identity(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let input = fold.input(0)?;
    Some(vec![relabel(input, fold.affordable(input.dims.clone())?)?])
}

fn constant(cx: &mut Inference<'_>) -> Inferred {
    let content = match cx.call.node.attribute("sparse_value") {
        Some(AttributeValue::SparseTensor(tensor)) => Some(Fact::of_tensor(tensor)),
        _ => constant_attribute(cx.call).map(|t| Fact::of_tensor(&t)),
    };
    Ok(content.into_iter().collect())
}

fn fold_constant(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    Some(vec![constant_attribute(fold.call)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn constants_are_what_they_hold() {
        let graph = "g () => (a, b, c) {
            a = Constant <value_ints = [3, 4]> ()
            b = Identity(a)
            c = Constant <value_float = 2.5> ()
        }";
        assert_eq!(facts_of(graph).split("; ").take(2).collect::<Vec<_>>(), ["int64[2] = {3, 4}"; 2]);
        assert_eq!(folded("g () => (a) { a = Constant <value_float = 2.5> () }"), "float[] = {2.5}");
        assert_eq!(folded("g () => (y) <float[2] w = {1, 2}> { y = Identity(w) }"), "float[2] = {1, 2}");
    }
}
