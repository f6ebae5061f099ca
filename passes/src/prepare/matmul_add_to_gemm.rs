//! `Add(MatMul(x, W), b)` ⟶ `Gemm(x, W, b)`, when x is a matrix, and W and b are constant with one number of b a column.
//!
//! An int8 Gemm takes its bias as int32, where an Add after a MatMul would stay float.

use shrinx_rewrite::{Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip, any, constant, ir::DataType, op};

/// The rewrite `matmul-add-to-gemm`.
pub struct MatMulAddToGemm;

impl Rewrite for MatMulAddToGemm {
    fn name(&self) -> &'static str {
        "matmul-add-to-gemm"
    }

    fn summary(&self) -> &'static str {
        "Makes a matrix product and the bias after it one Gemm"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Reassociates
    }

    fn pattern(&self) -> Pattern {
        op("Add", [op("MatMul", [any("x"), constant("w")]).named("product"), constant("b")]).in_any_order()
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let [x, w, b] = found.values(["x", "w", "b"]);
        if edit.call(found.root()).opset < 7 {
            return Err(Skip::because("broadcasting is by attributes before opset 7"));
        }
        edit.require_rank(x, 2)?;
        edit.require_rank(w, 2)?;
        edit.require_rank(b, 1)?;
        match edit.require_dtype(x)? {
            DataType::Float | DataType::Double => {}
            _ => return Err(Skip::because("element type is neither float32 nor float64")),
        }
        let length = |value, axis: usize| edit.constant(value).and_then(|t| t.dims.get(axis).copied());
        if length(b, 0) != length(w, 1) {
            return Err(Skip::because("the term does not run along the columns"));
        }
        Ok(edit.add_as(found.node("product"), "Gemm", vec![], &[Some(x), Some(w), Some(b)]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn graph(x: &str, b: &str, y: &str) -> String {
        format!("g ({x} x) => ({y} y) <float[8,4] w, {b} b> {{ t = MatMul(x, w) y = Add(b, t) }}")
    }

    #[test]
    fn fuses_a_dense_layer() {
        assert_rewrites!(MatMulAddToGemm, &graph("float[N,8]", "float[4]", "float[N,4]"), @"
        -   t = MatMul(x, w)
        -   y = Add(b, t)
        +   y = Gemm(x, w, b)
        ");
    }

    #[test]
    fn leaves_a_batched_product_alone() {
        assert_leaves!(MatMulAddToGemm, &graph("float[B,N,8]", "float[4]", "float[B,N,4]"), "rank is not 2");
        assert_leaves!(MatMulAddToGemm, &graph("float[8]", "float[4]", "float[4]"), "rank is not 2");
    }

    #[test]
    fn leaves_other_terms_alone() {
        assert_leaves!(MatMulAddToGemm, &graph("float[N,8]", "float[1]", "float[N,4]"), "columns");
        assert_leaves!(MatMulAddToGemm, &graph("float[N,8]", "float[3,1,4]", "float[3,N,4]"), "rank is not 1");
    }

    #[test]
    fn leaves_half_precision_alone() {
        assert_leaves!(MatMulAddToGemm, &graph("float[N,8]", "float[4]", "float[N,4]").replace("float", "float16"), "neither");
    }

    #[test]
    fn leaves_a_product_that_others_read_alone() {
        let source = "g (float[N,8] x) => (float[N,4] y, float[N,4] t) <float[8,4] w, float[4] b> { t = MatMul(x, w) y = Add(b, t) }";
        assert_leaves!(MatMulAddToGemm, source, "used elsewhere");
    }
}
