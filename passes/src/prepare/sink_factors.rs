//! `Conv(x · a, W, b)` ⟶ `Conv(x, W·a, b)` for constant a, one number or one a channel.
//!
//! One number also passes through what lies between, where all paths end in convolutions: `x·a + b = (x + b/a)·a`, pooling, products and quotients, and
//! where it is positive through Relu and MaxPool.

use super::{
    affine::{Affine, is_precise, is_standard},
    conv_input::{ConvInput, rounded},
    sink::sink,
};
use rustc_hash::FxHashSet;
use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    ir::{Model, NodeId, ScopeId, Tensor, ValueId},
    ops::constant,
};

/// The pass `sink-factors`.
pub struct SinkFactors;

impl Pass for SinkFactors {
    fn name(&self) -> &'static str {
        "sink-factors"
    }

    fn summary(&self) -> &'static str {
        "Folds constant factors into the weights of the convolutions after them"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Reassociates
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        sink(model, context, factor, Plan::of, Plan::apply);
        Ok(())
    }
}

/// A node as `x · k`, where k is of a size that neither overflows nor vanishes elsewhere.
fn factor(model: &Model, context: &Context<'_>, node: NodeId) -> Option<Affine> {
    let (is_product, is_quotient) = (model.node(node).is("Mul"), model.node(node).is("Div"));
    let mut affine = Affine::of(model, &context.facts, node).filter(|a| is_product || (is_quotient && !a.k_first))?;
    if is_quotient {
        affine.k.iter_mut().for_each(|k| *k = 1.0 / *k);
    }
    let tame = affine.k.iter().all(|k| (1e-6..1e6).contains(&k.abs()));
    tame.then_some(affine)
}

/// What takes a factor up.
struct Plan {
    weights: Vec<(ConvInput, Tensor)>,
    /// Terms that are added on the way: node, port, and the term divided by the factor.
    terms: Vec<(NodeId, usize, Tensor)>,
}

/// Paths longer than this are given up.
const MAX_NODES: usize = 64;

impl Plan {
    fn of(model: &Model, node: NodeId, factor: &Affine) -> Result<Self, &'static str> {
        if model.use_count(factor.y) == 0 {
            return Err("nothing reads the product");
        }
        let scope = model.node(node).scope();
        let mut plan = Self { weights: Vec::new(), terms: Vec::new() };
        let (mut open, mut seen, mut products) = (vec![factor.y], FxHashSet::default(), Vec::new());
        seen.insert(factor.y);
        while let Some(value) = open.pop() {
            if model.is_output(value) {
                return Err("an output would lack the factor");
            }
            for (reader, port) in model.uses(value) {
                if let Some(passed) = plan.pass(model, scope, factor, (reader, port), &mut products)?
                    && seen.insert(passed)
                {
                    open.push(passed);
                }
            }
            if seen.len() > MAX_NODES {
                return Err("the paths to convolutions are long");
            }
        }
        if products.iter().any(|other| seen.contains(other)) {
            return Err("a product would take the factor twice");
        }
        Ok(plan)
    }

    /// Takes the factor past one reader: into its weight, or to its output, which is returned.
    fn pass(
        &mut self,
        model: &Model,
        scope: ScopeId,
        factor: &Affine,
        (reader, port): (NodeId, usize),
        products: &mut Vec<ValueId>,
    ) -> Result<Option<ValueId>, &'static str> {
        let node = model.node(reader);
        if node.scope() != scope || !is_standard(model, reader) {
            return Err("a reader is no convolution");
        }
        if node.is("Conv") || node.is("ConvTranspose") {
            self.weights.push(scaled(model, (reader, port), factor)?);
            return Ok(None);
        }
        let &[k] = &factor.k[..] else { return Err("a reader is no convolution") };
        match (node.op.op.as_str(), port) {
            ("Add" | "Sub", 0 | 1) => {
                let other = 1 - port;
                let term = model.input(reader, other).and_then(|v| constant(model, v)).filter(|t| is_precise(t.dtype));
                let term = term.ok_or("a term on the way is not constant")?;
                let numbers = term.to_f64().ok_or("a term on the way cannot be read")?;
                let divided: Vec<f64> = numbers.iter().map(|t| t / k).collect();
                self.terms.push((reader, other, rounded(&term, term.dims.clone(), &divided)?));
            }
            ("Mul", 0 | 1) => products.extend(model.input(reader, 1 - port)),
            ("Div", 0) => products.extend(model.input(reader, 1)),
            ("GlobalAveragePool" | "AveragePool", _) => {}
            ("Relu" | "MaxPool", _) if k > 0.0 => {}
            _ => return Err("a reader is no convolution"),
        }
        Ok(model.outputs(reader).first().copied().flatten())
    }

    fn apply(self, model: &mut Model) {
        for (conv, weights) in self.weights {
            conv.set_weight(model, weights);
        }
        for (node, port, term) in self.terms {
            let hint = model.input(node, port).map(|v| model.name(v).to_string()).unwrap_or_default();
            let term = model.add_initializer(model.node(node).scope(), &hint, term);
            model.set_input(node, port, Some(term));
        }
    }
}

fn scaled(model: &Model, (reader, port): (NodeId, usize), factor: &Affine) -> Result<(ConvInput, Tensor), &'static str> {
    let conv = ConvInput::of(model, reader)?;
    if port != 0 {
        return Err("a convolution reads the product as its weight or bias");
    }
    if factor.k.len() > 1 && factor.k.len() != conv.channels() {
        return Err("the factor does not run along the channels");
    }
    if conv.shares_weight(model) {
        return Err("its weight is shared, and would have to be stored twice");
    }
    let weights = conv.scaled(&factor.k)?;
    Ok((conv, weights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(SinkFactors)
    }

    fn graph(weights: &str, nodes: &str) -> String {
        format!("g (float[N,4,6,6] x) => (float[N,2,H,W] y) <float[2,4,3,3] w, {weights}> {{ {nodes} }}")
    }

    #[test]
    fn folds_into_all_readers() {
        assert_rewrites!(
            pass(),
            &graph("float[1] k, float[4,1,3,3] v", "m = Mul(x, k) p = Conv <pads = [1, 1, 1, 1]> (m, w) q = ConvTranspose <group = 4> (m, v) s = ReduceSum(q) y = Add(p, s)"),
            @"
        -   float[4,1,3,3] v = #aa9ebe47
        +   float[4,1,3,3] v = #aa9ebe47,
        +   float[4,1,3,3] v_1 = #17b0d370,
        +   float[2,4,3,3] w_1 = #8ce7f37a
          ...
        -   m = Mul(x, k)
        -   p = Conv(m, w) <pads = [1, 1, 1, 1]>
        -   q = ConvTranspose(m, v) <group = 4>
        +   p = Conv(x, w_1) <pads = [1, 1, 1, 1]>
        +   q = ConvTranspose(x, v_1) <group = 4>
        "
        );
    }

    #[test]
    fn folds_numbers_a_channel_into_groups() {
        assert_rewrites!(pass(), &graph("float[4,1,1] k, float[2,2,3,3] v", "m = Div(x, k) c = Conv <group = 2> (m, v) d = Conv(x, w) y = Add(c, d)"), @"
        -   float[2,2,3,3] v = #d25ce303
        +   float[2,2,3,3] v = #d25ce303,
        +   float[2,2,3,3] v_1 = #f7f561d4
          ...
        -   m = Div(x, k)
        -   c = Conv(m, v) <group = 2>
        +   c = Conv(x, v_1) <group = 2>
        ");
    }

    #[test]
    fn passes_through_terms_pools_and_gates() {
        assert_rewrites!(
            pass(),
            &graph(
                "float k = {2}, float[1] t = {3}, float[4,4,1,1] v",
                "m = Mul(k, x) a = Add(m, t) p = GlobalAveragePool(a) c = Conv(p, v) s = Sigmoid(c) g = Mul(a, s) y = Conv(g, w)"
            ),
            @"
        -   float[4,4,1,1] v = #cc3bfed6
        +   float[4,4,1,1] v = #cc3bfed6,
        +   float[4,4,1,1] v_1 = #62032f87,
        +   float[2,4,3,3] w_1 = #d5b904e6,
        +   float[1] t_1 = {1.5}
          ...
        -   m = Mul(k, x)
        -   a = Add(m, t)
        +   a = Add(x, t_1)
          ...
        -   c = Conv(p, v)
        +   c = Conv(p, v_1)
          ...
        -   y = Conv(g, w)
        +   y = Conv(g, w_1)
        "
        );
    }

    #[test]
    fn leaves_a_product_with_itself_alone() {
        assert_leaves!(pass(), &graph("float k", "m = Mul(x, k) s = Mul(m, m) y = Conv(s, w)"), "twice");
        assert_leaves!(pass(), &graph("float k", "m = Mul(x, k) p = GlobalAveragePool(m) s = Mul(m, p) y = Conv(s, w)"), "twice");
    }

    #[test]
    fn leaves_a_factor_that_others_read_alone() {
        assert_leaves!(pass(), &graph("float k", "m = Mul(x, k) s = Sigmoid(m) y = Conv(s, w)"), "no convolution");
        let source = graph("float k", "m = Mul(x, k) y = Conv(m, w)").replace("y) <", "y, float[N,4,6,6] m) <");
        assert_leaves!(pass(), &source, "an output would lack");
    }

    #[test]
    fn leaves_a_negative_factor_before_a_relu_alone() {
        assert_leaves!(pass(), &graph("float k = {-2}", "m = Mul(x, k) r = Relu(m) y = Conv(r, w)"), "no convolution");
    }

    #[test]
    fn leaves_a_large_shared_weight_alone() {
        let nodes = "m = Mul(x, k) p = Conv(m, v) q = Conv(x, v) y = Add(p, q)";
        let source = format!("g (float[N,4,6,6] x) => (float[N,8,4,4] y) <float k, float[8,4,3,3] v> {{ {nodes} }}");
        assert_leaves!(pass(), &source, "shared");
    }

    #[test]
    fn leaves_zero_alone() {
        assert_leaves!(pass(), &graph("float k = {0}", "m = Mul(x, k) y = Conv(m, w)"), "");
    }

    #[test]
    fn leaves_half_precision_alone() {
        assert_leaves!(pass(), &graph("float k", "m = Mul(x, k) y = Conv(m, w)").replace("float", "float16"), "");
    }

    #[test]
    fn works_inside_bodies() {
        assert_rewrites!(
            pass(),
            "g (float[1,4,6,6] x, bool c) => (float[1,2,H,W] y) <float[2,4,3,3] w, float k> {
                y = If <
                    then_branch = t () => (float[1,2,H,W] a) { m = Mul(x, k) a = Conv(m, w) },
                    else_branch = e () => (float[1,2,H,W] b) { b = Conv(x, w) }
                > (c)
            }",
            @"
        -     then_branch = t () => (float[1,2,H,W] a) {
        -       m = Mul(x, k)
        -       a = Conv(m, w)
        +     then_branch = t () => (float[1,2,H,W] a) <
        +       float[2,4,3,3] w_1 = #8ce7f37a
        +     > {
        +       a = Conv(x, w_1)
        "
        );
    }
}
