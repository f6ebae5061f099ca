//! What rten computes wrongly, spelled in operators that it computes rightly.

use super::{adapt::Adapter, quantize, site::Site};
use shrinx_ops::ir::{Attribute, DataType, Dim, Tensor};

/// Rewrites a node, where there is a reason to.
pub(super) fn rewrite(adapter: &mut Adapter<'_>) -> Option<()> {
    match adapter.site.call.node.op.op.as_str() {
        "ArgMax" | "ArgMin" => arg(adapter),
        "Cast" | "CastLike" => cast(adapter),
        "Dropout" => dropout(adapter),
        "DynamicQuantizeLinear" => quantize::dynamic_quantize(adapter),
        "LogSoftmax" | "Softmax" => softmax(adapter),
        "MatMul" => mat_mul(adapter),
        "Pow" => pow(adapter),
        "QuantizeLinear" => quantize::quantize(adapter),
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

/// The attribute `to` of a `Cast`.
pub(super) fn to(dtype: DataType) -> Attribute {
    Attribute::new("to", i64::from(dtype.code()))
}

#[cfg(test)]
mod tests {
    use crate::rten::testing::{floats, integers, run};
    use shrinx_ops::ir::{DataType, Tensor};

    #[test]
    fn the_first_of_equal_elements_counts() {
        let x = ("x", Tensor::from_f32([2, 3], &[1.0, 2.0, 2.0, 3.0, 0.0, 0.0]));
        assert_eq!(integers(&run("g (float[2,3] x) => (int64[2] y) { y = ArgMax<axis=1, keepdims=0>(x) }", &[&x])), [1, 0]);
        assert_eq!(integers(&run("g (float[2,3] x) => (int64[2,1] y) { y = ArgMin<axis=-1>(x) }", &[&x])), [0, 1]);
        let last = "g (float[2,3] x) => (int64[2,1] y) { y = ArgMax<axis=1, select_last_index=1>(x) }";
        assert_eq!(integers(&run(last, &[&x])), [2, 0]);
    }

    #[test]
    fn whatever_is_not_zero_is_true() {
        let x = Tensor::from_f32([4], &[0.0, 0.25, -3.0, f32::NAN]);
        let y = run("g (float[4] x) => (bool[4] y) { y = Cast<to=9>(x) }", &[&("x", x)]);
        assert_eq!((y.dtype, integers(&y)), (DataType::Bool, vec![0, 1, 1, 1]));
        let x = Tensor::from_integers(DataType::Uint8, [3], &[0, 1, 7]).unwrap();
        assert_eq!(integers(&run("g (uint8[3] x) => (bool[3] y) { y = Cast<to=9>(x) }", &[&("x", x)])), [0, 1, 1]);
    }

    #[test]
    fn an_old_softmax_takes_all_axes_from_its_own_on() {
        let old = r#"<ir_version: 8, opset_import: ["": 11]> g (float[1,2,2] x) => (float[1,2,2] y) { y = Softmax<axis=1>(x) }"#;
        let x = ("x", Tensor::from_f32([1, 2, 2], &[0.0, 0.0, 0.0, 0.0]));
        assert_eq!(floats(&run(old, &[&x])), [0.25; 4]);
        assert_eq!(floats(&run("g (float[1,2,2] x) => (float[1,2,2] y) { y = Softmax<axis=1>(x) }", &[&x])), [0.5; 4]);
    }

    #[test]
    fn a_stack_of_matrices_times_a_vector_has_no_axis_too_many() {
        let feeds = [&("a", Tensor::from_f32([1, 1, 1, 2], &[1.0, 2.0])), &("b", Tensor::from_f32([2], &[3.0, 4.0]))];
        let y = run("g (float[1,1,1,2] a, float[2] b) => (float[1,1,1] y) { y = MatMul(a, b) }", &feeds);
        assert_eq!((y.dims.as_slice(), floats(&y)), ([1, 1, 1].as_slice(), vec![11.0]));
    }

    #[test]
    fn signs_and_softplus_are_right_at_their_limits() {
        let x = ("x", Tensor::from_f32([3], &[-2.0, 0.0, 3.0]));
        assert_eq!(floats(&run("g (float[3] x) => (float[3] y) { y = Sign(x) }", &[&x])), [-1.0, 0.0, 1.0]);
        let x = ("x", Tensor::from_f32([3], &[-200.0, 0.0, 200.0]));
        let y = floats(&run("g (float[3] x) => (float[3] y) { y = Softplus(x) }", &[&x]));
        assert!(y[0] == 0.0 && (y[1] - 2f32.ln()).abs() < 1e-6 && y[2] == 200.0, "{y:?}");
    }

    #[test]
    fn a_float_may_be_raised_to_an_integer() {
        let x = ("x", Tensor::from_f32([2], &[-3.0, 2.0]));
        assert_eq!(floats(&run("g (float[2] x) => (float[2] y) <int64 k = {2}> { y = Pow(x, k) }", &[&x])), [9.0, 4.0]);
    }

    #[test]
    fn a_slice_may_leave_out_its_axes() {
        let x = ("x", Tensor::from_f32([2, 2], &[1.0, 2.0, 3.0, 4.0]));
        let y =
            run("g (float[2,2] x) => (float[1,2] y) <int64[1] a = {1}, int64[1] b = {9223372036854775807}> { y = Slice(x, a, b) }", &[&x]);
        assert_eq!(floats(&y), [3.0, 4.0]);
    }
}
