//! `Conv(x + t, W, b)` ⟶ `Conv(x, W, b + Σ W·t)` for constant t, one number or one a channel.
//!
//! Needs convolutions without padding as the only readers, for padding puts zeros beside x + t.

use super::{affine::Affine, conv_input::ConvInput, sink::sink};
use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    ir::{Model, NodeId, Tensor},
    ops::Call,
};

/// The pass `sink-terms`.
pub struct SinkTerms;

impl Pass for SinkTerms {
    fn name(&self) -> &'static str {
        "sink-terms"
    }

    fn summary(&self) -> &'static str {
        "Folds constant terms into the biases of the convolutions after them"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Reassociates
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        sink(model, context, term, biases, |biases, model| biases.into_iter().for_each(|(conv, bias)| conv.set_bias(model, bias)));
        Ok(())
    }
}

/// A node as `x + k`.
fn term(model: &Model, context: &Context<'_>, node: NodeId) -> Option<Affine> {
    let (is_sum, is_difference) = (model.node(node).is("Add"), model.node(node).is("Sub"));
    let affine = Affine::of(model, &context.facts, node).filter(|_| is_sum || is_difference)?;
    match (is_difference, affine.k_first) {
        (false, _) => Some(affine),
        (true, false) => Some(Affine { k: affine.k.iter().map(|k| -k).collect(), ..affine }),
        (true, true) => None,
    }
}

/// The new biases of all that reads the sum.
fn biases(model: &Model, node: NodeId, term: &Affine) -> Result<Vec<(ConvInput, Tensor)>, &'static str> {
    if model.is_output(term.y) || model.use_count(term.y) == 0 {
        return Err("the sum is an output");
    }
    let uses = model.uses(term.y).map(|(reader, port)| {
        let conv = ConvInput::of(model, reader)?;
        if port != 0 || model.node(reader).scope() != model.node(node).scope() {
            return Err("the sum is read otherwise than as the input of a convolution");
        }
        if !is_unpadded(model, reader) {
            return Err("a convolution pads its input");
        }
        if term.k.len() > 1 && term.k.len() != conv.channels() {
            return Err("the term does not run along the channels");
        }
        let bias = conv.shifted(model, &term.k)?;
        Ok((conv, bias))
    });
    uses.collect()
}

fn is_unpadded(model: &Model, conv: NodeId) -> bool {
    let call = Call { node: model.node(conv), opset: 0 };
    matches!(call.string("auto_pad"), None | Some("NOTSET" | "VALID")) && call.ints("pads").is_none_or(|pads| pads.iter().all(|p| *p == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(SinkTerms)
    }

    fn graph(weights: &str, nodes: &str) -> String {
        format!("g (float[N,4,6,6] x) => (float[N,2,4,4] y) <{weights}> {{ {nodes} }}")
    }

    #[test]
    fn folds_a_number_and_numbers_a_channel() {
        assert_rewrites!(
            pass(),
            &graph("float[2,4,3,3] w, float[2,4,3,3] v, float[1] t, float[4,1,1] u, float[2] b", "a = Add(t, x) c = Sub(a, u) p = Conv(c, w) q = Conv(c, v, b) y = Add(p, q)"),
            @"
        -   float[2] b = {0.23804626, 0.11649475}
        +   float[2] b = {0.23804626, 0.11649475},
        +   float[2] b_1 = {-31.603865, -32.2262},
        +   float[2] w_bias = {-38.802505, -32.55404},
        +   float[2] b_2 = {-28.366732, -28.95746},
        +   float[2] w_bias_1 = {-34.932354, -29.41628}
          ...
        -   a = Add(t, x)
        -   c = Sub(a, u)
        -   p = Conv(c, w)
        -   q = Conv(c, v, b)
        +   p = Conv(x, w, w_bias_1)
        +   q = Conv(x, v, b_2)
        "
        );
    }

    #[test]
    fn folds_before_groups() {
        assert_rewrites!(pass(), &graph("float[2,2,3,3] w, float[1,4,1,1] t", "a = Add(x, t) y = Conv <group = 2> (a, w)"), @"
        -   float[1,4,1,1] t = {0.10593567, 1.418161, 0.1002594, 1.023233}
        +   float[1,4,1,1] t = {0.10593567, 1.418161, 0.1002594, 1.023233},
        +   float[2] w_bias = {14.0056925, 10.374982}
          ...
        -   a = Add(x, t)
        -   y = Conv(a, w) <group = 2>
        +   y = Conv(x, w, w_bias) <group = 2>
        ");
    }

    #[test]
    fn leaves_padded_convolutions_alone() {
        for padding in ["pads = [1, 1, 0, 0], strides = [1, 1]", "auto_pad = \"SAME_UPPER\""] {
            let source = graph("float[2,4,3,3] w, float t", &format!("a = Add(x, t) y = Conv <{padding}> (a, w)"));
            assert_leaves!(pass(), &source.replace("[N,2,4,4] y", "[N,2,H,W] y"), "pads its input");
        }
    }

    #[test]
    fn leaves_sums_that_others_read_alone() {
        let source = graph("float[2,4,3,3] w, float t", "a = Add(x, t) y = Conv(a, w)");
        assert_leaves!(pass(), &source.replace("y) <", "y, float[N,4,6,6] a) <"), "an output");
        assert_leaves!(pass(), &source.replace("y) <", "y, float[N,4,6,6] z) <").replace("y =", "z = Relu(a) y ="), "no convolution");
    }

    #[test]
    fn leaves_terms_along_other_axes_alone() {
        assert_leaves!(pass(), &graph("float[2,4,3,3] w, float[6] t", "a = Add(x, t) y = Conv(a, w)"), "");
    }

    #[test]
    fn leaves_computed_weights_and_biases_alone() {
        let source = "g (float[N,4,6,6] x, float[2,4,3,3] w, float[2] b) => (float[N,2,4,4] y) <float t";
        assert_leaves!(pass(), &format!("{source}> {{ a = Add(x, t) y = Conv(a, w) }}"), "weight");
        assert_leaves!(pass(), &format!("{source}, float[2,4,3,3] v> {{ a = Add(x, t) y = Conv(a, v, b) }}"), "bias");
    }
}
