//! Changes of element type (ONNX `Cast`, `CastLike`, `BitCast`).

use super::contents;
use crate::{Call, Fact, Inference, Inferred, OpSpec, channels::elementwise, kernels::cast};
use shrinx_ir::DataType;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("BitCast", |cx| Ok(vec![Fact::new(target(cx.call), cx.shape(0))]))
        .cuts(elementwise::UNARY)
        .folds(|f| cast::bit_cast(f, target(f.call)?)),
    OpSpec::new("Cast", |cx| {
        let to = target(cx.call);
        convert(cx, to)
    })
    .cuts(elementwise::UNARY)
    .folds(|f| cast::cast(f, target(f.call)?)),
    OpSpec::new("CastLike", |cx| {
        let to = cx.dtype(1);
        convert(cx, to)
    })
    .cuts(elementwise::LIKE)
    .folds(|f| cast::cast(f, f.input(1)?.dtype)),
];

/// The type that the attribute `to` tells: by name before opset 6, by number since.
fn target(call: Call<'_>) -> Option<DataType> {
    if call.opset < 6 {
        return DataType::from_name(&call.string("to")?.to_ascii_lowercase());
    }
    DataType::from_code(i32::try_from(call.int("to")?).ok()?)
}

/// Contents stay what they are, except where they become bools. What does not fit the new type is left to the kernels.
fn convert(cx: &mut Inference<'_>, to: Option<DataType>) -> Inferred {
    let contents = if to == Some(DataType::Bool) { contents::map(cx, contents::truth) } else { cx.contents(0) };
    Ok(vec![contents::fill(Fact::new(to, cx.shape(0)), contents)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded};

    #[test]
    fn types_are_told_by_name_or_number() {
        assert_eq!(facts_at(5, "g (float[N] x) => (y) { y = Cast<to = \"INT32\">(x) }"), "int32[N]");
        assert_eq!(facts_of("g (float[N] x) => (y) { y = Cast<to = 9>(x) }"), "bool[N]");
        assert_eq!(facts_of("g (float[N] x, int8[3] t) => (y) { y = CastLike(x, t) }"), "int8[N]");
    }

    #[test]
    fn contents_pass_between_integers() {
        assert_eq!(facts_of("g (float[N,3] x) => (y) { s = Shape(x) y = Cast<to = 6>(s) }"), "int32[2] = {N, 3}");
        assert_eq!(facts_of("g (float[N,3] x) => (y) { s = Shape(x) y = Cast<to = 1>(s) }"), "float[2]");
        assert_eq!(facts_of("g () => (y) { y = Cast<to = 6>([4294967296]) }"), "int32[1]");
        assert_eq!(facts_of("g () => (y) { y = Cast<to = 9>([5, 0]) }"), "bool[2] = {1, 0}");
    }

    #[test]
    fn floats_are_truncated_within_range() {
        assert_eq!(folded("g () => (y) <float[2] x = {-1.9, 2.9}> { y = Cast<to = 6>(x) }"), "int32[2] = {-1, 2}");
        assert_eq!(folded("g () => (y) <float[1] x = {300.0}> { y = Cast<to = 2>(x) }"), "?");
        assert_eq!(folded("g () => (y) <float[1] x = {nan}> { y = Cast<to = 7>(x) }"), "?");
        assert_eq!(folded("g () => (y) <int64[2] x = {300, -1}> { y = Cast<to = 2>(x) }"), "uint8[2] = {44, 255}");
        assert_eq!(folded("g () => (y) <double[1] x = {2049.0000001}> { y = Cast<to = 10>(x) }"), "?");
        assert_eq!(folded("g () => (y) <float[2] x = {65519.0, 65520.0}> { y = Cast<to = 10>(x) }"), "float16[2] = {65504, inf}");
        assert_eq!(folded("g () => (y) <float[1] x = {1.0}> { y = BitCast<to = 6>(x) }"), "int32[1] = {1065353216}");
    }
}
