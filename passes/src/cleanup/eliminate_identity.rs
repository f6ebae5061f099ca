//! `f(x)` ⟶ `x`, when f does nothing: Identity, Dropout in inference, a Cast to the type that is there, a Reshape, Expand, Flatten or Tile to the shape
//! that is there, a Transpose in order, a Slice of everything, a Pad of nothing, a Concat of one, x + 0, x · 1, a Relu of a Relu.
//!
//! Needs the facts that show it. An Identity between an input and an output of a graph stays: both names are public. x + 0 stays for floats, as it makes
//! 0 of -0; x + (-0) and x − 0 go.

use shrinx_rewrite::{
    Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip,
    ir::{DataType, Dim, Ports, Tensor, ValueId},
    op_of,
};

/// The rewrite `eliminate-identity`.
pub struct EliminateIdentity;

impl Rewrite for EliminateIdentity {
    fn name(&self) -> &'static str {
        "eliminate-identity"
    }

    fn summary(&self) -> &'static str {
        "Removes nodes that return their input unchanged"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    #[rustfmt::skip]
    fn pattern(&self) -> Pattern {
        op_of([
            "Identity", "Dropout", "Cast", "CastLike", "Reshape", "Expand", "Flatten", "Tile", "Squeeze", "Transpose", "Slice", "Pad",
            "Concat", "Sum", "Mean", "Max", "Min", "Add", "Sub", "Mul", "Div", "Pow", "Relu", "Abs", "Ceil", "Floor", "Round", "Sign",
        ])
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let node = found.root();
        let inputs = edit.model().inputs(node);
        let outputs = edit.model().outputs(node);
        let (Some(x), Some(y)) = (inputs.first().copied().flatten(), outputs.first().copied().flatten()) else {
            return Err(Skip::because("it has no input or no output"));
        };
        if outputs.iter().skip(1).flatten().any(|v| edit.model().use_count(*v) > 0) {
            return Err(Skip::because("a further output is read"));
        }
        let call = edit.call(node);
        let same_shape = || edit.fact(x).shape.is_some() && edit.fact(x).shape == edit.fact(y).shape;
        let kept = match call.node.op.op.as_str() {
            // A Dropout in training draws random numbers, and is not matched.
            "Identity" | "Dropout" => Some(x),
            "Cast" => same_type(edit, x, call.int("to").and_then(|t| DataType::from_code(i32::try_from(t).ok()?))).then_some(x),
            "CastLike" => inputs.get(1).copied().flatten().filter(|like| same_type(edit, x, edit.fact(*like).dtype)).map(|_| x),
            "Reshape" | "Expand" | "Flatten" | "Tile" | "Squeeze" => same_shape().then_some(x),
            "Transpose" => call.ints("perm").is_some_and(|p| p.iter().enumerate().all(|(k, axis)| *axis == k as i64)).then_some(x),
            "Slice" => (same_shape() && all(edit, &inputs, 4, 1)).then_some(x),
            "Pad" => pads_nothing(edit, call.opset, call.ints("pads"), &inputs).then_some(x),
            "Concat" | "Sum" | "Mean" | "Max" | "Min" => (inputs.len() == 1).then_some(x),
            "Add" => neutral(edit, &inputs, -0.0, true),
            "Sub" => neutral(edit, &inputs, 0.0, false),
            "Mul" => neutral(edit, &inputs, 1.0, true),
            "Div" | "Pow" => neutral(edit, &inputs, 1.0, false),
            op => edit.model().producer(x).filter(|(maker, _)| edit.model().node(*maker).is(op)).map(|_| x),
        };
        kept.map(Into::into).ok_or(Skip::because("it changes its input"))
    }
}

fn same_type(edit: &Edit<'_>, x: ValueId, to: Option<DataType>) -> bool {
    to.is_some() && edit.fact(x).dtype == to
}

/// Whether the integers at `port`, absent or constant, are all `wanted`.
fn all(edit: &Edit<'_>, inputs: &Ports, port: usize, wanted: i64) -> bool {
    inputs
        .get(port)
        .copied()
        .flatten()
        .is_none_or(|v| edit.constant(v).and_then(|t| t.to_integers()).is_some_and(|n| n.iter().all(|x| *x == wanted)))
}

fn pads_nothing(edit: &Edit<'_>, opset: i64, attribute: Option<&[i64]>, inputs: &Ports) -> bool {
    if opset < 11 {
        return attribute.is_some_and(|pads| pads.iter().all(|p| *p == 0));
    }
    inputs.len() > 1 && all(edit, inputs, 1, 0)
}

/// The operand that is left when the other is constant, everywhere `element`, and does not enlarge the result.
fn neutral(edit: &Edit<'_>, inputs: &Ports, element: f64, commutes: bool) -> Option<ValueId> {
    let [Some(a), Some(b)] = inputs.as_slice() else { return None };
    let keeps = |x: ValueId, other: ValueId| {
        let constant = edit.constant(other)?;
        (is_all(&constant, element) && fits_within(&constant, edit.fact(x).shape.as_deref())).then_some(x)
    };
    keeps(*a, *b).or_else(|| if commutes { keeps(*b, *a) } else { None })
}

fn is_all(tensor: &Tensor, element: f64) -> bool {
    match (tensor.to_f64(), tensor.to_integers()) {
        (Some(values), _) => values.iter().all(|x| x.to_bits() == element.to_bits()),
        (None, Some(values)) => values.iter().all(|x| *x == element as i64),
        (None, None) => false,
    }
}

/// Whether a constant broadcasts to `shape` without changing it.
fn fits_within(constant: &Tensor, shape: Option<&[Dim]>) -> bool {
    let Some(shape) = shape else { return constant.rank() == 0 };
    constant.rank() <= shape.len()
        && constant.dims.iter().rev().zip(shape.iter().rev()).all(|(c, x)| *c == 1 || x.known() == Some(*c as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    #[test]
    fn removes_what_returns_its_input() {
        assert_rewrites!(
            EliminateIdentity,
            "g (float[N,4] x) => (float[N,4] y) <float[4] zeros = {-0.0, -0.0, -0.0, -0.0}, float one = {1}, int64[2] all = {0, 4}> {
                a = Neg(x)
                b = Identity(a)
                c = Cast <to = 1> (b)
                d = Reshape(c, all)
                e = Transpose <perm = [0, 1]> (d)
                f = Add(zeros, e)
                h = Mul(f, one)
                i = Concat <axis = 1> (h)
                j = Dropout(i)
                y = Relu(j)
            }",
            @"
        -   b = Identity(a)
        -   c = Cast(b) <to = 1>
        -   d = Reshape(c, all)
        -   e = Transpose(d) <perm = [0, 1]>
        -   f = Add(zeros, e)
        -   h = Mul(f, one)
        -   i = Concat(h) <axis = 1>
        -   j = Dropout(i)
        -   y = Relu(j)
        +   y = Relu(a)
        "
        );
    }

    #[test]
    fn an_output_keeps_its_name() {
        assert_rewrites!(EliminateIdentity, "g (float[4] x) => (float[4] y) { a = Relu(x) y = Identity(a) }", @"
        -   a = Relu(x)
        -   y = Identity(a)
        +   y = Relu(x)
        ");
    }

    #[test]
    fn works_inside_bodies_and_functions() {
        assert_rewrites!(
            EliminateIdentity,
            "g (float[4] x, bool c) => (float[4] y) {
                y = If <
                    then_branch = t () => (float[4] p) { i = Identity(x) p = Relu(i) },
                    else_branch = e () => (float[4] q) { a = Neg(x) q = Identity(a) }
                > (c)
            }",
            @"
        -       i = Identity(x)
        -       p = Relu(i)
        +       p = Relu(x)
          ...
        -       a = Neg(x)
        -       q = Identity(a)
        +       q = Neg(x)
        "
        );
    }

    #[test]
    fn leaves_what_joins_an_input_to_an_output_alone() {
        assert_leaves!(EliminateIdentity, "g (float[4] x) => (float[4] y) { y = Identity(x) }", "between an input and an output");
    }

    #[test]
    fn leaves_a_factor_that_enlarges_alone() {
        assert_leaves!(
            EliminateIdentity,
            "g (float[1,3] x) => (float[2,3] y) <float[2,3] ones = {1, 1, 1, 1, 1, 1}> { y = Mul(x, ones) }",
            "changes its input"
        );
    }

    #[test]
    fn leaves_rounding_alone() {
        assert_leaves!(
            EliminateIdentity,
            "g (float[3] x) => (float[3] y) { a = Cast <to = 10> (x) y = Cast <to = 1> (a) }",
            "changes its input"
        );
    }

    #[test]
    fn leaves_a_sum_that_takes_the_sign_off_zero_alone() {
        assert_leaves!(EliminateIdentity, "g (float[3] x) => (float[3] y) <float zero = {0}> { y = Add(x, zero) }", "changes its input");
        assert_leaves!(EliminateIdentity, "g (float[3] x) => (float[3] y) <float zero = {-0.0}> { y = Sub(x, zero) }", "changes its input");
        assert_rewrites!(EliminateIdentity, "g (int64[3] x) => (int64[3] y) <int64 zero = {0}> { a = Add(x, zero) y = Neg(a) }", @"
        -   a = Add(x, zero)
        -   y = Neg(a)
        +   y = Neg(x)
        ");
    }

    #[test]
    fn leaves_a_reversal_alone() {
        assert_leaves!(
            EliminateIdentity,
            "g (float[4] x) => (float[4] y) <int64[1] s = {3}, int64[1] e = {-100}, int64[1] a = {0}, int64[1] d = {-1}> { y = Slice(x, s, e, a, d) }",
            "changes its input"
        );
    }
}
