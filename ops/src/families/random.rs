//! Random numbers.

use crate::{Fact, Inference, Inferred, OpSpec};
use shrinx_ir::{DataType, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("RandomNormal", of_shape).random(),
    OpSpec::new("RandomUniform", of_shape).random(),
    OpSpec::new("RandomNormalLike", like_input).random(),
    OpSpec::new("RandomUniformLike", like_input).random(),
    OpSpec::new("Bernoulli", like_input).random(),
    OpSpec::new("Multinomial", multinomial).random(),
];

fn dtype(cx: &Inference<'_>, default: Option<DataType>) -> Option<DataType> {
    if cx.call.int("dtype").is_some() { cx.call.dtype("dtype") } else { default }
}

fn of_shape(cx: &mut Inference<'_>) -> Inferred {
    let shape = cx.call.ints("shape").map(|shape| shape.iter().copied().map(Dim::Known).collect());
    Ok(vec![Fact::new(dtype(cx, Some(DataType::Float)), shape)])
}

fn like_input(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(dtype(cx, cx.dtype(0)), cx.shape(0))])
}

fn multinomial(cx: &mut Inference<'_>) -> Inferred {
    let input = cx.shape_of_rank(0, 2)?;
    let samples = cx.call.int("sample_size").unwrap_or(1);
    Ok(vec![Fact::new(dtype(cx, Some(DataType::Int32)), Some(vec![input[0].clone(), samples.into()]))])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn types_are_asked_for_or_taken_over() {
        let graph = "g (double[N,3] x) => (a, b, c, d) {
            a = RandomNormal <shape = [2, 3]> ()
            b = RandomUniformLike(x)
            c = Bernoulli <dtype = 9> (x)
            d = Multinomial <sample_size = 5> (x)
        }";
        assert_eq!(facts_of(graph), "float[2,3]; double[N,3]; bool[N,3]; int32[N,5]");
    }
}
