//! Quantization, to the last bit: rten multiplies by the inverse of a scale, which moves ties.

use super::{adapt::Adapter, rewrites::to, site::Site};
use shrinx_ops::ir::{Attribute, DataType, Dim, OpName, Tensor, ValueId};

/// What a `QuantizeLinear` makes, and the lengths behind its axis where scale and zero point are vectors along one.
pub(super) fn quantization(site: &Site<'_>) -> Option<(DataType, Option<usize>)> {
    let declared = site.call.int("output_dtype").unwrap_or(0);
    let target = match (site.has(2), declared) {
        (true, 0) => site.dtype(2)?,
        (false, 0) => DataType::Uint8,
        _ => i32::try_from(declared).ok().and_then(DataType::from_code)?,
    };
    let simple =
        site.dtype(0)? == DataType::Float && site.dtype(1)? == DataType::Float && !site.flag("block_size") && !site.flag("precision");
    if !simple || !matches!(target, DataType::Uint8 | DataType::Int8) {
        return None;
    }
    match site.shape(1)? {
        [] | [Dim::Known(1)] => Some((target, None)),
        [_] => Some((target, Some(site.rank(0)? - 1 - site.axis(0, 1)?))),
        _ => None,
    }
}

/// `QuantizeLinear(x, s, z)` ⟶ `Cast(clip(round(x / s) + z))`.
pub(super) fn quantize(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    let (target, behind) = quantization(site)?;
    let (x, mut scale, mut zero) = (site.input(0)?, site.input(1)?, site.input(2));
    if let Some(behind) = behind {
        let lengths: Vec<i64> = std::iter::once(-1).chain(std::iter::repeat_n(1, behind)).collect();
        let lengths = adapter.constant(Tensor::vector_i64(&lengths));
        scale = adapter.add("Reshape", vec![], &[scale, lengths]);
        zero = zero.map(|z| adapter.add("Reshape", vec![], &[z, lengths]));
    }
    let clipped = rounded(adapter, x, scale, zero, target);
    adapter.replace("Cast", vec![to(target)], &[clipped])
}

fn rounded(adapter: &mut Adapter<'_>, x: ValueId, scale: ValueId, zero: Option<ValueId>, target: DataType) -> ValueId {
    let (low, high) = if target == DataType::Int8 { (-128.0, 127.0) } else { (0.0, 255.0) };
    let [low, high] = [low, high].map(|limit| adapter.constant(Tensor::from_f32([], &[limit])));
    let ratio = quotient(adapter, x, scale);
    let mut whole = adapter.add("Round", vec![], &[ratio]);
    if let Some(zero) = zero {
        let zero = adapter.add("Cast", vec![to(DataType::Float)], &[zero]);
        whole = adapter.add("Add", vec![], &[whole, zero]);
    }
    adapter.add("Clip", vec![], &[whole, low, high])
}

/// `a / b`, rounded once. rten multiplies by `1 / b` where b has one element, so it gets one that has more.
fn quotient(adapter: &mut Adapter<'_>, a: ValueId, b: ValueId) -> ValueId {
    let shape = adapter.add("Shape", vec![], &[a]);
    let b = adapter.add("Expand", vec![], &[b, shape]);
    adapter.add("Div", vec![], &[a, b])
}

/// The quotient of scalars: of its two equal elements the first.
fn scalar_quotient(adapter: &mut Adapter<'_>, a: ValueId, b: ValueId) -> ValueId {
    let (two, first) = (adapter.constant(Tensor::vector_i64(&[2])), adapter.constant(Tensor::from_i64([], &[0])));
    let b = adapter.add("Expand", vec![], &[b, two]);
    let both = adapter.add("Div", vec![], &[a, b]);
    adapter.add("Gather", vec![], &[both, first])
}

/// The function body of `DynamicQuantizeLinear` in its definition, with the quantization spelled as above.
pub(super) fn dynamic_quantize(adapter: &mut Adapter<'_>) -> Option<()> {
    let x = adapter.site.input(0)?;
    let [zero, top] = [0.0, 255.0].map(|limit| adapter.constant(Tensor::from_f32([], &[limit])));
    let [least, most] = [("ReduceMin", "Min"), ("ReduceMax", "Max")].map(|(reduce, bound)| {
        let extreme = adapter.add(reduce, vec![Attribute::new("keepdims", 0)], &[x]);
        adapter.add(bound, vec![], &[extreme, zero])
    });
    let range = adapter.add("Sub", vec![], &[most, least]);
    let scale = scalar_quotient(adapter, range, top);
    let shift = scalar_quotient(adapter, least, scale);
    let shift = adapter.add("Neg", vec![], &[shift]);
    let shift = adapter.add("Clip", vec![], &[shift, zero, top]);
    let shift = adapter.add("Round", vec![], &[shift]);
    let point = adapter.add("Cast", vec![to(DataType::Uint8)], &[shift]);
    let clipped = rounded(adapter, x, scale, Some(point), DataType::Uint8);
    let outputs = adapter.vacate();
    adapter.make(OpName::onnx("Cast"), vec![to(DataType::Uint8)], &[clipped], &[outputs.first().copied().flatten()]);
    for (k, made) in [(1, scale), (2, point)] {
        adapter.make(OpName::onnx("Identity"), vec![], &[made], &[outputs.get(k).copied().flatten()]);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::rten::testing::{integers, outputs, run};
    use shrinx_ops::ir::Tensor;

    #[test]
    fn ties_go_to_the_even_number() {
        let x = ("x", Tensor::from_f32([4], &[-2.5, 0.15, 2.5, 300.0]));
        let y = run("g (float[4] x) => (uint8[4] y) <float s = {0.1}, uint8 z = {3}> { y = QuantizeLinear(x, s, z) }", &[&x]);
        assert_eq!(integers(&y), [0, 5, 28, 255]);
        let y = run("g (float[4] x) => (int8[4] y) <float s = {0.019607844}, int8 z = {0}> { y = QuantizeLinear(x, s, z) }", &[&x]);
        assert_eq!(integers(&y), [-127, 8, 127, 127]);
    }

    #[test]
    fn scales_run_along_the_second_axis_by_default() {
        let x = ("x", Tensor::from_f32([1, 2, 2], &[1.0, 2.0, 3.0, 4.0]));
        let text = "g (float[1,2,2] x) => (uint8[1,2,2] y) <float[2] s = {1.0, 2.0}, uint8[2] z = {0, 10}> { y = QuantizeLinear(x, s, z) }";
        assert_eq!(integers(&run(text, &[&x])), [1, 2, 12, 12]);
    }

    #[test]
    fn dynamic_scales_are_rounded_once() {
        let x = ("x", Tensor::from_f32([6], &[0.0, 2.0, -3.0, -2.5, 1.34, 0.5]));
        let text = "g (float[6] x) => (uint8[6] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear(x) }";
        let made = outputs(text, &[&x]).unwrap();
        assert_eq!((integers(&made[0]), integers(&made[2])), (vec![153, 255, 0, 26, 221, 179], vec![153]));
    }
}
