//! What rten computes wrongly, spelled in operators that it computes rightly.

use super::{adapt::Adapter, site::Site};
use shrinx_ops::ir::{Attribute, DataType, Dim, OpName, Tensor, ValueId};

/// Rewrites a node, where there is a reason to.
pub(super) fn rewrite(adapter: &mut Adapter<'_>) -> Option<()> {
    match adapter.site.call.node.op.op.as_str() {
        "ArgMax" | "ArgMin" => arg(adapter),
        "Cast" | "CastLike" => cast(adapter),
        "Dropout" => dropout(adapter),
        "DynamicQuantizeLinear" => dynamic_quantize(adapter),
        "LogSoftmax" | "Softmax" => softmax(adapter),
        "MatMul" => mat_mul(adapter),
        "Pow" => pow(adapter),
        "QuantizeLinear" => quantize(adapter),
        "Sign" => sign(adapter),
        "Slice" => slice(adapter),
        "Softplus" => softplus(adapter),
        _ => None,
    }
}

/// Of equal elements the first counts: `ArgMax(x)` ⟶ `TopK(x, 1)`, whose ties are in order. rten takes the last one.
fn arg(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    if site.flag("select_last_index") {
        adapter.unset("select_last_index");
        return None;
    }
    let axis = site.call.int("axis").unwrap_or(0);
    let largest = i64::from(site.call.node.is("ArgMax"));
    let one = adapter.constant(Tensor::vector_i64(&[1]));
    let attributes = vec![Attribute::new("axis", axis), Attribute::new("largest", largest)];
    let places = adapter.add_at(1, "TopK", attributes, &[site.input(0)?, one]);
    if site.call.int("keepdims").unwrap_or(1) != 0 {
        return adapter.replace("Identity", vec![], &[places]);
    }
    let axes = adapter.constant(Tensor::vector_i64(&[axis]));
    adapter.replace("Squeeze", vec![], &[places, axes])
}

/// The type that a `Cast` or `CastLike` makes; `None` where what must be known is not.
pub(super) fn cast_target(site: &Site<'_>) -> Option<DataType> {
    let target = if site.call.node.is("Cast") {
        site.call.int("to").and_then(|c| i32::try_from(c).ok()).and_then(DataType::from_code)?
    } else {
        site.dtype(1)?
    };
    if target == DataType::Bool { site.dtype(0).map(|_| target) } else { Some(target) }
}

/// `Cast(x, bool)` ⟶ `Not(Equal(x, 0))`: to rten a bool is any integer.
fn cast(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    let (x, target) = (site.input(0)?, cast_target(site)?);
    if target != DataType::Bool {
        return if site.call.node.is("Cast") { None } else { adapter.replace("Cast", vec![to(target)], &[x]) };
    }
    match site.dtype(0)? {
        DataType::Bool => adapter.replace("Identity", vec![], &[x]),
        DataType::Float => {
            let zero = adapter.constant(Tensor::from_f32([], &[0.0]));
            let is_zero = adapter.add("Equal", vec![], &[x, zero]);
            adapter.replace("Not", vec![], &[is_zero])
        }
        _ => {
            let zero = adapter.constant(Tensor::from_i64([], &[0]));
            let wide = adapter.add("Cast", vec![to(DataType::Int64)], &[x]);
            let is_zero = adapter.add("Equal", vec![], &[wide, zero]);
            adapter.replace("Not", vec![], &[is_zero])
        }
    }
}

/// Outside training, `Dropout(x)` ⟶ `x`.
fn dropout(adapter: &mut Adapter<'_>) -> Option<()> {
    let x = adapter.site.input(0)?;
    adapter.replace("Identity", vec![], &[x])
}

/// Before opset 13 all axes from `axis` on are one: `Softmax(x)` ⟶ `Reshape(Softmax(Flatten(x)), Shape(x))`.
fn softmax(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    if site.call.opset >= 13 {
        return None;
    }
    let (x, axis) = (site.input(0)?, site.call.int("axis").unwrap_or(1));
    if site.axis(0, 1).is_some_and(|a| site.rank(0) == Some(a + 1)) {
        adapter.set(Attribute::new("axis", -1));
        return None;
    }
    let shape = adapter.add("Shape", vec![], &[x]);
    let flat = adapter.add("Flatten", vec![Attribute::new("axis", axis)], &[x]);
    let op = site.call.node.op.op.clone();
    let soft = adapter.add(&op, vec![Attribute::new("axis", -1)], &[flat]);
    adapter.replace("Reshape", vec![], &[soft, shape])
}

/// A matrix times a vector: `MatMul(a, b)` ⟶ `Squeeze(MatMul(a, Unsqueeze(b, 1)), -1)`. rten leaves an axis too many where `a` has more than two.
fn mat_mul(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    if site.rank(1) != Some(1) || matches!(site.rank(0), Some(1 | 2)) {
        return None;
    }
    let (one, last) = (adapter.constant(Tensor::vector_i64(&[1])), adapter.constant(Tensor::vector_i64(&[-1])));
    let column = adapter.add("Unsqueeze", vec![], &[site.input(1)?, one]);
    let product = adapter.add("MatMul", vec![], &[site.input(0)?, column]);
    adapter.replace("Squeeze", vec![], &[product, last])
}

/// A float to an integer power: the exponent becomes a float.
fn pow(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    if site.dtype(0)? != DataType::Float || site.dtype(1)? == DataType::Float {
        return None;
    }
    let exponent = adapter.add("Cast", vec![to(DataType::Float)], &[site.input(1)?]);
    adapter.replace("Pow", vec![], &[site.input(0)?, exponent])
}

/// `Sign(x)` ⟶ `(x > 0) - (x < 0)`: rten says that the sign of 0.0 is 1.
fn sign(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    if site.dtype(0)? != DataType::Float {
        return None;
    }
    let x = site.input(0)?;
    let zero = adapter.constant(Tensor::from_f32([], &[0.0]));
    let [above, below] = ["Greater", "Less"].map(|op| {
        let test = adapter.add(op, vec![], &[x, zero]);
        adapter.add("Cast", vec![to(DataType::Float)], &[test])
    });
    adapter.replace("Sub", vec![], &[above, below])
}

/// Spells out the axes of a slice: rten asks for as many bounds as there are axes.
fn slice(adapter: &mut Adapter<'_>) -> Option<()> {
    let site = adapter.site;
    if site.call.opset < 10 || site.has(3) {
        return None;
    }
    let [Dim::Known(bounds)] = site.shape(1)? else { return None };
    let axes: Vec<i64> = (0..*bounds).collect();
    let axes = adapter.constant(Tensor::vector_i64(&axes));
    adapter.copy.set_input(site.id, 3, Some(axes));
    Some(())
}

/// `Softplus(x)` ⟶ `max(x, 0) + ln(1 + exp(-|x|))`, which does not overflow.
fn softplus(adapter: &mut Adapter<'_>) -> Option<()> {
    let x = adapter.site.input(0)?;
    let one = adapter.constant(Tensor::from_f32([], &[1.0]));
    let size = adapter.add("Abs", vec![], &[x]);
    let minus = adapter.add("Neg", vec![], &[size]);
    let small = adapter.add("Exp", vec![], &[minus]);
    let above = adapter.add("Add", vec![], &[small, one]);
    let rest = adapter.add("Log", vec![], &[above]);
    let base = adapter.add("Relu", vec![], &[x]);
    adapter.replace("Add", vec![], &[base, rest])
}

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

/// `QuantizeLinear(x, s, z)` ⟶ `Cast(clip(round(x / s) + z))`: rten multiplies by `1 / s`, which moves ties.
fn quantize(adapter: &mut Adapter<'_>) -> Option<()> {
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
fn dynamic_quantize(adapter: &mut Adapter<'_>) -> Option<()> {
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

fn to(dtype: DataType) -> Attribute {
    Attribute::new("to", i64::from(dtype.code()))
}
