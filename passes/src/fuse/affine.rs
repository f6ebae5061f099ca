//! `L(x, W, b) · s + t` ⟶ `L(x, W·s, b·s + t)` for constant s and t, one a channel; L is Conv, ConvTranspose or Gemm.
//!
//! The root is one Mul, Div, Add or Sub. Needs constants that run along the channel axis alone and do not enlarge the result, and an L that nobody else
//! reads. A constant along any other axis, as `[W]` after a convolution, is left alone.

use shrinx_rewrite::{Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip, constant, ir::Tensor, op, op_of, ops::Linear};

/// The rewrite `fuse-affine`.
pub struct FuseAffine;

impl Rewrite for FuseAffine {
    fn name(&self) -> &'static str {
        "fuse-affine"
    }

    fn summary(&self) -> &'static str {
        "Folds constant factors and terms into the weights before them"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Reassociates
    }

    fn pattern(&self) -> Pattern {
        let linear = op_of(["Conv", "ConvTranspose", "Gemm"]).named("linear");
        op("Mul", [linear, constant("k")]).or("Add").or("Div").or("Sub").in_any_order().named("affine")
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let (affine, node) = (found.node("affine"), found.node("linear"));
        let [k] = found.values(["k"]);
        if edit.call(affine).opset < 7 {
            return Err(Skip::because("broadcasting is by attributes before opset 7"));
        }
        let linear = Linear::of(edit.model(), node).map_err(Skip::because)?;
        let tensor = edit.constant(k).ok_or(Skip::because("the operand is not constant"))?;
        let k_first = edit.model().input(affine, 0) == Some(k);
        let k = along_channels(&tensor, &linear)?;
        let (zero, one) = (vec![0.0; k.len()], vec![1.0; k.len()]);
        let negative = |all: &[f64]| all.iter().map(|x| -x).collect::<Vec<f64>>();
        let (scale, shift) = match (edit.model().node(affine).op.op.as_str(), k_first) {
            ("Mul", _) => (k, zero),
            ("Add", _) => (one, k),
            ("Sub", false) => (one, negative(&k)),
            ("Sub", true) => (negative(&one), k),
            ("Div", false) if k.iter().all(|x| *x != 0.0) => (k.iter().map(|x| 1.0 / x).collect(), zero),
            _ => return Err(Skip::because("the quotient is not linear")),
        };
        Ok(super::add_scaled(edit, node, &linear, &scale, &shift)?.into())
    }
}

/// One number a channel, from a constant that broadcasts along the channel axis of the output and no other.
fn along_channels(k: &Tensor, linear: &Linear) -> Result<Vec<f64>, Skip> {
    if k.rank() > linear.rank {
        return Err(Skip::because("the operand has more axes than the result"));
    }
    let offset = linear.rank - k.rank();
    let other = k.dims.iter().enumerate().any(|(axis, d)| *d != 1 && axis + offset != linear.channel_axis);
    if other {
        return Err(Skip::because("the operand runs along another axis than the channels"));
    }
    let values = k.to_f64().ok_or(Skip::because("the operand is not floating point"))?;
    match values.len() {
        1 => Ok(vec![values[0]; linear.channels]),
        n if n == linear.channels => Ok(values),
        _ => Err(Skip::because("the operand enlarges the result")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn graph(weights: &str, nodes: &str) -> String {
        format!("g (float[N,3,6,6] x) => (float[N,4,4,4] y) <float[4,3,3,3] w, {weights}> {{ {nodes} }}")
    }

    #[test]
    fn folds_a_factor_and_a_term_a_channel() {
        assert_rewrites!(
            FuseAffine,
            &graph("float[4,1,1] k, float[1,4,1,1] t", "c = Conv(x, w) d = Mul(c, k) y = Add(t, d)"),
            @"
        -   float[1,4,1,1] t = {0.10593567, 1.418161, 0.1002594, 1.023233}
        +   float[1,4,1,1] t = {0.10593567, 1.418161, 0.1002594, 1.023233},
        +   float[4,3,3,3] w_1 = #4c3182ac,
        +   float[4] w_1_bias = {0.10593567, 1.418161, 0.1002594, 1.023233}
          ...
        -   c = Conv(x, w)
        -   d = Mul(c, k)
        -   y = Add(t, d)
        +   y = Conv(x, w_1, w_1_bias)
        "
        );
    }

    #[test]
    fn folds_quotients_and_differences() {
        assert_rewrites!(
            FuseAffine,
            &graph("float k = {2}, float[4] b, float[4,1,1] t", "c = Conv(x, w, b) d = Div(c, k) y = Sub(t, d)"),
            @"
        -   float[4,1,1] t = {0.10593567, 1.418161, 0.1002594, 1.023233}
        +   float[4,1,1] t = {0.10593567, 1.418161, 0.1002594, 1.023233},
        +   float[4,3,3,3] w_1 = #87d0248e,
        +   float[4] b_1 = {0.11902313, 0.058247376, 0.1416748, 0.45184022},
        +   float[4,3,3,3] w_2 = #49359de0,
        +   float[4] b_2 = {-0.013087459, 1.3599137, -0.0414154, 0.57139283}
          ...
        -   c = Conv(x, w, b)
        -   d = Div(c, k)
        -   y = Sub(t, d)
        +   y = Conv(x, w_2, b_2)
        "
        );
    }

    #[test]
    fn folds_into_a_gemm() {
        assert_rewrites!(
            FuseAffine,
            "g (float[N,3] x) => (float[N,4] y) <float[3,4] w, float[4] k> { c = Gemm(x, w) y = Mul(c, k) }",
            @"
        -   float[4] k = {0.12450562, 0.20235595, 0.2956482, 0.4069458}
        +   float[4] k = {0.12450562, 0.20235595, 0.2956482, 0.4069458},
        +   float[3,4] w_1 = #8d09c5ea
          ...
        -   c = Gemm(x, w)
        -   y = Mul(c, k)
        +   y = Gemm(x, w_1)
        "
        );
    }

    #[test]
    fn a_function_holds_the_new_weights_in_nodes() {
        assert_rewrites!(
            FuseAffine,
            "<ir_version: 9, opset_import: [\"\": 17, \"local\": 1]>
            g (float[N,2] x) => (float[N,1] y) { y = local.f(x) }
            <domain: \"local\", opset_import: [\"\": 17]>
            f (p) => (q) {
                w = Constant <value = float[2,1] {1.0, 2.0}> ()
                k = Constant <value_float = 3.0> ()
                m = Gemm(p, w)
                q = Add(m, k)
            }",
            @"
        -   m = Gemm(p, float[2,1] {1.0, 2.0})
        -   q = Add(m, k)
        +   q = Gemm(p, float[2,1] {1.0, 2.0}, [3.0])
        "
        );
    }

    #[test]
    fn leaves_a_factor_along_the_width_alone() {
        assert_leaves!(FuseAffine, &graph("float[4] k", "c = Conv(x, w) y = Mul(c, k)"), "another axis");
    }

    #[test]
    fn leaves_a_term_that_adds_an_axis_alone() {
        let source = "g (float[N,3] x) => (float[1,N,4] y) <float[3,4] w, float[1,1,4] k> { c = Gemm(x, w) y = Add(c, k) }";
        assert_leaves!(FuseAffine, source, "more axes");
    }

    #[test]
    fn leaves_a_quotient_of_the_result_alone() {
        assert_leaves!(FuseAffine, &graph("float k = {2}", "c = Conv(x, w) y = Div(k, c)"), "not linear");
    }
}
