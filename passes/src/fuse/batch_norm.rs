//! `BatchNormalization(L(x, W, b), γ, β, μ, σ²)` ⟶ `L(x, W·s, (b − μ)·s + β)`, s = γ / √(σ² + ε); L is Conv, ConvTranspose, Gemm or MatMul.
//!
//! Needs constant weights and statistics, inference mode, and an L that nobody else reads. A MatMul becomes a Gemm, and needs a matrix as input.

use shrinx_rewrite::{
    Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip, constant, op, op_of,
    ops::{Linear, linear::per_channel},
};

/// The rewrite `fuse-batch-norm`.
pub struct FuseBatchNorm;

impl Rewrite for FuseBatchNorm {
    fn name(&self) -> &'static str {
        "fuse-batch-norm"
    }

    fn summary(&self) -> &'static str {
        "Folds batch normalization into the weights before it"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Reassociates
    }

    fn pattern(&self) -> Pattern {
        let linear = op_of(["Conv", "ConvTranspose", "Gemm", "MatMul"]).named("linear");
        op("BatchNormalization", [linear, constant("gamma"), constant("beta"), constant("mean"), constant("variance")]).named("norm")
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let (norm, node) = (found.node("norm"), found.node("linear"));
        let call = edit.call(norm);
        let training = call.int("training_mode").unwrap_or(0) != 0 || (call.opset < 7 && call.int("is_test").unwrap_or(0) == 0);
        if training || call.int("spatial").unwrap_or(1) == 0 {
            return Err(Skip::because("it normalizes with the statistics of the batch"));
        }
        if edit.model().outputs(norm).iter().skip(1).any(Option::is_some) {
            return Err(Skip::because("it gives its statistics as outputs"));
        }
        let epsilon = f64::from(call.float("epsilon").unwrap_or(1e-5));
        let linear = Linear::of(edit.model(), node).map_err(Skip::because)?;
        if edit.model().node(node).is("MatMul") {
            edit.require_rank(linear.input, 2)?;
            if call.opset < 7 {
                return Err(Skip::because("Gemm broadcasts by an attribute before opset 7"));
            }
        }
        let read = |name| {
            let [value] = found.values([name]);
            let tensor = edit.constant(value).ok_or(Skip::because("a statistic is not constant"))?;
            per_channel(&tensor, linear.channels).map_err(Skip::because)
        };
        let (gamma, beta, mean, variance) = (read("gamma")?, read("beta")?, read("mean")?, read("variance")?);
        let scale: Vec<f64> = gamma.iter().zip(&variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
        let shift: Vec<f64> = beta.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
        Ok(super::add_scaled(edit, node, &linear, &scale, &shift)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    const STATISTICS: &str = "float[4] s, float[4] b, float[4] m, float[4] v";

    fn graph(inputs: &str, output: &str, weights: &str, nodes: &str) -> String {
        format!("g ({inputs}) => ({output}) <{weights}, {STATISTICS}> {{ {nodes} }}")
    }

    #[test]
    fn folds_into_a_convolution() {
        assert_rewrites!(
            FuseBatchNorm,
            &graph(
                "float[N,3,8,8] x",
                "float[N,4,6,6] y",
                "float[4,3,3,3] w, float[4] k",
                "c = Conv(x, w, k) y = BatchNormalization(c, s, b, m, v)"
            ),
            @"
        -   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0}
        +   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0},
        +   float[4,3,3,3] w_1 = #b9a3e913,
        +   float[4] k_1 = {0.1850836, 0.08626332, -0.9410525, 0.5210193}
          ...
        -   c = Conv(x, w, k)
        -   y = BatchNormalization(c, s, b, m, v)
        +   y = Conv(x, w_1, k_1)
        "
        );
    }

    #[test]
    fn folds_into_a_grouped_transposed_convolution() {
        assert_rewrites!(
            FuseBatchNorm,
            &graph(
                "float[N,6,5,5] x",
                "float[N,4,7,7] y",
                "float[6,2,3,3] w",
                "c = ConvTranspose <group = 2> (x, w) y = BatchNormalization <epsilon = 0.1> (c, s, b, m, v)"
            ),
            @"
        -   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0}
        +   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0},
        +   float[6,2,3,3] w_1 = #d4097023,
        +   float[4] w_bias = {0.14932124, -0.020900434, -1.204389, 0.359435}
          ...
        -   c = ConvTranspose(x, w) <group = 2>
        -   y = BatchNormalization(c, s, b, m, v) <epsilon = 0.1>
        +   y = ConvTranspose(x, w_1, w_bias) <group = 2>
        "
        );
    }

    #[test]
    fn folds_into_a_gemm_and_takes_its_beta() {
        assert_rewrites!(
            FuseBatchNorm,
            &graph(
                "float[N,3] x",
                "float[N,4] y",
                "float[4,3] w, float[4] k",
                "c = Gemm <alpha = 0.5, beta = 2.0, transB = 1> (x, w, k) y = BatchNormalization(c, s, b, m, v)"
            ),
            @"
        -   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0}
        +   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0},
        +   float[4,3] w_1 = #53c89248,
        +   float[4] k_1 = {0.22574927, 0.20284288, -0.4688674, 0.69604236}
          ...
        -   c = Gemm(x, w, k) <alpha = 0.5, beta = 2.0, transB = 1>
        -   y = BatchNormalization(c, s, b, m, v)
        +   y = Gemm(x, w_1, k_1) <alpha = 0.5, transB = 1>
        "
        );
    }

    #[test]
    fn makes_a_matmul_a_gemm() {
        assert_rewrites!(
            FuseBatchNorm,
            &graph("float[N,3] x", "float[N,4] y", "float[3,4] w", "c = MatMul(x, w) y = BatchNormalization(c, s, b, m, v)"),
            @"
        -   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0}
        +   float[4] v = {0.88031924, 0.7053467, 0.33277282, 2.0},
        +   float[3,4] w_1 = #163ddf98,
        +   float[4] w_bias = {0.14441793, -0.030316235, -1.4132376, 0.3459962}
          ...
        -   c = MatMul(x, w)
        -   y = BatchNormalization(c, s, b, m, v)
        +   y = Gemm(x, w_1, w_bias)
        "
        );
    }

    #[test]
    fn leaves_a_matmul_of_an_old_opset_alone() {
        let nodes = "c = MatMul(x, w) y = BatchNormalization <is_test = 1> (c, s, b, m, v)";
        let source = graph("float[N,3] x", "float[N,4] y", "float[3,4] w", nodes);
        assert_leaves!(FuseBatchNorm, &format!("<ir_version: 3, opset_import: [\"\": 6]> {source}"), "before opset 7");
    }

    #[test]
    fn leaves_training_mode_alone() {
        let nodes = "c = Conv(x, w) y, rm, rv = BatchNormalization <training_mode = 1> (c, s, b, m, v)";
        assert_leaves!(FuseBatchNorm, &graph("float[N,3,8,8] x", "float[N,4,6,6] y", "float[4,3,3,3] w", nodes), "statistics of the batch");
    }

    #[test]
    fn leaves_a_convolution_that_is_an_output_alone() {
        let nodes = "c = Conv(x, w) y = BatchNormalization(c, s, b, m, v)";
        let outputs = "float[N,4,6,6] y, float[N,4,6,6] c";
        assert_leaves!(FuseBatchNorm, &graph("float[N,3,8,8] x", outputs, "float[4,3,3,3] w", nodes), "used elsewhere");
    }

    #[test]
    fn leaves_a_computed_weight_alone() {
        let source = format!(
            "g (float[N,3,8,8] x, float[4,3,3,3] w) => (float[N,4,6,6] y) <{STATISTICS}> {{
                c = Conv(x, w) y = BatchNormalization(c, s, b, m, v)
            }}"
        );
        assert_leaves!(FuseBatchNorm, &source, "not constant");
    }
}
