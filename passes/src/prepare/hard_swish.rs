//! `x · Clip(x + 3, 0, 6) / 6` or `x · HardSigmoid(x)` ⟶ `HardSwish(x)`.
//!
//! However the product is written: factors in any order, the sixth as a quotient or a factor, anywhere. Needs opset 14 and float32: ONNX Runtime fuses this
//! operator into a convolution, and the longer spellings it does not. What else reads the inner values keeps them.

use super::affine::{is_standard, scalar};
use shrinx_rewrite::{
    Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip,
    ir::{DataType, NodeId, ValueId},
    op_of,
};

/// The rewrite `fuse-hard-swish`.
pub struct FuseHardSwish;

impl Rewrite for FuseHardSwish {
    fn name(&self) -> &'static str {
        "fuse-hard-swish"
    }

    fn summary(&self) -> &'static str {
        "Makes x * clip(x + 3, 0, 6) / 6 one HardSwish"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Reassociates
    }

    fn pattern(&self) -> Pattern {
        op_of(["Mul", "Div"])
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let root = found.root();
        let multiple = Spelling { edit }.swish(root).ok_or(Skip::because("it is no hard swish"))?;
        if !is_one(multiple.factor) {
            return Err(Skip::because("it is a multiple of a hard swish"));
        }
        if edit.call(root).opset < 14 {
            return Err(Skip::because("HardSwish came with opset 14"));
        }
        if edit.require_dtype(multiple.of)? != DataType::Float {
            return Err(Skip::because("element type is not float32"));
        }
        Ok(edit.add("HardSwish", vec![], &[Some(multiple.of)]).into())
    }
}

/// `factor · f(of)`, for an f that goes without saying.
struct Multiple {
    of: ValueId,
    factor: f64,
}

fn is_one(x: f64) -> bool {
    (x - 1.0).abs() < 1e-6
}

/// Reads products.
struct Spelling<'e, 'a> {
    edit: &'e Edit<'a>,
}

impl Spelling<'_, '_> {
    /// `k · HardSwish(x)`: x times its gate, or a multiple of that.
    fn swish(&self, node: NodeId) -> Option<Multiple> {
        let (product, k) = match self.scaled(node) {
            Some((value, k)) => (self.maker(value)?, k),
            None => (node, 1.0),
        };
        if !self.edit.model().node(product).is("Mul") {
            return None;
        }
        let [a, b] = self.operands(product)?;
        [(a, b), (b, a)].into_iter().find_map(|(x, gate)| {
            let gate = self.gate(gate)?;
            Some(Multiple { of: gate.of, factor: k * gate.factor * self.times(x, gate.of)? })
        })
    }

    /// `k · HardSigmoid(x)` with the slope of a hard swish.
    fn gate(&self, value: ValueId) -> Option<Multiple> {
        let node = self.maker(value)?;
        match self.scaled(node) {
            Some((value, k)) => self.plain_gate(self.maker(value)?).map(|gate| Multiple { factor: gate.factor * k, ..gate }),
            None => self.plain_gate(node),
        }
    }

    fn plain_gate(&self, node: NodeId) -> Option<Multiple> {
        let (call, inputs) = (self.edit.call(node), self.edit.model().inputs(node));
        if call.node.is("HardSigmoid") {
            let (slope, offset) = (call.float("alpha")?, call.float("beta").unwrap_or(0.5));
            let fits = is_one(f64::from(slope) * 6.0) && offset == 0.5 && !call.has_references();
            return if fits { Some(Multiple { of: inputs[0]?, factor: 1.0 }) } else { None };
        }
        let [Some(sum), Some(low), Some(high)] = inputs[..] else { return None };
        let is_bound = |value, bound: f64| self.edit.constant(value).and_then(|t| t.to_f64()).is_some_and(|b| b == [bound]);
        let fits = call.node.is("Clip") && is_bound(low, 0.0) && is_bound(high, 6.0);
        if fits { Some(Multiple { of: self.less_three(sum)?, factor: 6.0 }) } else { None }
    }

    /// x, of `x + 3`.
    fn less_three(&self, value: ValueId) -> Option<ValueId> {
        let node = self.maker(value).filter(|n| self.edit.model().node(*n).is("Add"))?;
        let [a, b] = self.operands(node)?;
        [(a, b), (b, a)].into_iter().find_map(|(x, three)| (self.number(three, x)? == 3.0).then_some(x))
    }

    /// k, where a value is `k · x`.
    fn times(&self, value: ValueId, x: ValueId) -> Option<f64> {
        if value == x {
            return Some(1.0);
        }
        let (inner, k) = self.scaled(self.maker(value)?)?;
        (inner == x).then_some(k)
    }

    /// The value and k, where a node is `k · value` or `value / (1 / k)`.
    fn scaled(&self, node: NodeId) -> Option<(ValueId, f64)> {
        let [a, b] = self.operands(node)?;
        let is = |op| self.edit.model().node(node).is(op);
        if is("Div") {
            return Some((a, 1.0 / self.number(b, a)?));
        }
        let product = || self.number(b, a).map(|k| (a, k)).or_else(|| Some((b, self.number(a, b)?)));
        if is("Mul") { product() } else { None }
    }

    fn number(&self, constant: ValueId, beside: ValueId) -> Option<f64> {
        scalar(&self.edit.constant(constant)?, self.edit.fact(beside))
    }

    fn maker(&self, value: ValueId) -> Option<NodeId> {
        let node = self.edit.model().producer(value).filter(|(_, port)| *port == 0)?.0;
        is_standard(self.edit.model(), node).then_some(node)
    }

    fn operands(&self, node: NodeId) -> Option<[ValueId; 2]> {
        let [Some(a), Some(b)] = self.edit.model().inputs(node)[..] else { return None };
        Some([a, b])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites, testing};

    const GATE: &str = "a = Add(x, three) c = Clip(a, zero, six)";

    fn graph(nodes: &str) -> String {
        let constants = "float three = {3}, float zero = {0}, float six = {6}, float[1] sixth = {0.16666667}";
        format!("<ir_version: 8, opset_import: [\"\": 14]> g (float[N,4] x) => (float[N,4] y) <{constants}> {{ {nodes} }}")
    }

    #[test]
    fn fuses_the_long_spelling() {
        assert_rewrites!(FuseHardSwish, &graph(&format!("{GATE} m = Mul(x, c) y = Div(m, six)")), @"
        -   y = Div(m, six)
        +   y = HardSwish(x)
        ");
    }

    #[test]
    fn fuses_every_other_spelling() {
        for nodes in [
            "m = Mul(c, x) y = Mul(sixth, m)",
            "d = Div(c, six) y = Mul(x, d)",
            "d = Mul(c, sixth) y = Mul(d, x)",
            "d = Div(x, six) y = Mul(c, d)",
            "d = Mul(sixth, x) y = Mul(d, c)",
        ] {
            let outcome = testing::run(&*FuseHardSwish.pass(), &graph(&format!("{GATE} {nodes}")));
            assert!(outcome.diff.contains("+   y = HardSwish(x)"), "{nodes}: {}", outcome.diff);
        }
        let hard_sigmoid = "h = HardSigmoid <alpha = 0.16666667, beta = 0.5> (x) y = Mul(h, x)";
        assert!(testing::run(&*FuseHardSwish.pass(), &graph(hard_sigmoid)).diff.contains("+   y = HardSwish(x)"));
    }

    #[test]
    fn what_else_reads_the_gate_keeps_it() {
        let source = graph(&format!("{GATE} m = Mul(x, c) y = Div(m, six)")).replace("(float[N,4] y)", "(float[N,4] y, float[N,4] c)");
        assert_rewrites!(FuseHardSwish, &source, @"
        -   y = Div(m, six)
        +   y = HardSwish(x)
        ");
    }

    #[test]
    fn leaves_another_gate_alone() {
        assert_leaves!(FuseHardSwish, &graph("h = HardSigmoid(x) y = Mul(h, x)"), "no hard swish");
        assert_leaves!(FuseHardSwish, &graph("a = Add(x, three) c = Clip(a, zero, three) m = Mul(x, c) y = Div(m, six)"), "no hard swish");
        assert_leaves!(FuseHardSwish, &graph(&format!("{GATE} n = Neg(x) m = Mul(n, c) y = Div(m, six)")), "no hard swish");
    }

    #[test]
    fn leaves_a_product_without_the_sixth_alone() {
        assert_leaves!(FuseHardSwish, &graph(&format!("{GATE} y = Mul(x, c)")), "a multiple");
    }

    #[test]
    fn leaves_older_opsets_and_other_types_alone() {
        let source = graph(&format!("{GATE} m = Mul(x, c) y = Div(m, six)"));
        assert_leaves!(FuseHardSwish, &source.replace("\"\": 14", "\"\": 13"), "opset 14");
        assert_leaves!(FuseHardSwish, &source.replace("float", "double"), "not float32");
    }

    #[test]
    fn leaves_a_constant_that_enlarges_alone() {
        let source = graph(&format!("{GATE} m = Mul(x, c) y = Mul(m, sixth)"));
        assert_leaves!(FuseHardSwish, &source.replace("[N,4] x", " x").replace("[N,4] y", "[1] y"), "a multiple");
    }
}
