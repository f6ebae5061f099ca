//! What a runtime's optimized graph tells about 8 bits: how many of the heavy operators run in them, and which do not.

use shrinx_rewrite::ir::Model;
use std::fmt;

/// Operators that multiply in 8 bits or less, as ONNX Runtime names them.
const INT8: [&str; 8] = [
    "QLinearConv",
    "QLinearMatMul",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
    "MatMulInteger",
    "ConvInteger",
    "QGemm",
    "MatMulNBits",
];
/// Operators that multiply in floats, as ONNX Runtime names them.
const FLOAT: [&str; 7] = ["Conv", "FusedConv", "ConvTranspose", "MatMul", "Gemm", "FusedMatMul", "FusedGemm"];

/// The operators of a model that multiply, bodies included.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct HeavyOps {
    /// Those that run in 8 bits or less.
    pub int8: usize,
    /// All.
    pub total: usize,
    /// Those that run in floats: name (of the node, else of its first output) and operator.
    pub float: Vec<(String, String)>,
    /// `QuantizeLinear` and `DynamicQuantizeLinear` nodes that are left.
    pub quantize: usize,
    /// `DequantizeLinear` nodes that are left.
    pub dequantize: usize,
}

impl HeavyOps {
    /// Counts a graph as a runtime optimized it.
    pub fn of(optimized: &Model) -> Self {
        let mut heavy = Self::default();
        for id in optimized.nodes() {
            let node = optimized.node(id);
            match node.op.op.as_str() {
                op if INT8.contains(&op) => heavy.int8 += 1,
                op if FLOAT.contains(&op) => {
                    let named = node.name.as_deref().filter(|n| !n.is_empty());
                    let output = || optimized.outputs(id).iter().flatten().next().map_or("?", |v| optimized.name(*v));
                    heavy.float.push((named.unwrap_or_else(output).to_string(), op.to_string()));
                }
                "QuantizeLinear" | "DynamicQuantizeLinear" => heavy.quantize += 1,
                "DequantizeLinear" => heavy.dequantize += 1,
                _ => {}
            }
        }
        heavy.total = heavy.int8 + heavy.float.len();
        heavy
    }
}

impl fmt::Display for HeavyOps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { int8, total, float, quantize, dequantize } = self;
        write!(f, "{int8} of {total} heavy ops run int8")?;
        // Of a float model, the names of all its operators say nothing.
        if *int8 > 0 && !float.is_empty() {
            let shown: Vec<String> = float.iter().take(5).map(|(name, op)| format!("{op} `{name}`")).collect();
            let more = if float.len() > shown.len() { format!(" and {} more", float.len() - shown.len()) } else { String::new() };
            write!(f, " (not {}{more})", shown.join(", "))?;
        }
        write!(f, "; {quantize} QuantizeLinear and {dequantize} DequantizeLinear left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ir::text;

    #[test]
    fn bodies_and_other_domains_count() {
        let model = text::parse(
            "g (float[N,2] x, bool c) => (float[N,2] z) <float[2,2] w = {1.0, 2.0, 3.0, 4.0}> {
                [first] a = MatMul(x, w)
                b = com.microsoft.FusedMatMul(a, w)
                q = com.microsoft.MatMulIntegerToFloat(b, w)
                z = If <then_branch = t () => (float[N,2] y) { y = MatMul(q, w) }, else_branch = e () => (float[N,2] n) { n = Neg(q) }> (c)
            }",
        );
        let heavy = HeavyOps::of(&model.unwrap());
        assert_eq!((heavy.int8, heavy.total), (1, 4));
        let named: Vec<_> = heavy.float.iter().map(|(name, op)| (name.as_str(), op.as_str())).collect();
        assert_eq!(named, [("first", "MatMul"), ("b", "FusedMatMul"), ("y", "MatMul")]);
    }
}
