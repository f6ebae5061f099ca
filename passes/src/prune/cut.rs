//! The cut: indices leave every axis of every tensor that they stand on, and the numbers that speak of lengths follow.
//!
//! Weights are cut first; then the nodes follow in order, each by its row of the operator table ([`shrinx_rewrite::ops::shrink`]), and what is inferred of
//! its outputs must be what the plan says. Lengths that depend on the input stay so. Names, inputs and outputs stay, and so do computations of shapes that
//! nobody reads any more: `eliminate-dead` removes them.

use super::{Kept, follow::Follower};
use shrinx_rewrite::{
    ir::{Coded, ErrorKind, Length, Model, Tensor, ValueId},
    ops::{Facts, OpTable, constant, shrink},
};

/// Why a model was not cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// The plan does not fit the tensor.
    #[error("`{value}` cannot be cut along axis {axis}: {reason}")]
    Value {
        /// The tensor.
        value: String,
        /// The axis.
        axis: usize,
        /// Why.
        reason: &'static str,
    },
    /// The operator cannot follow.
    #[error("node `{node}` ({op}) cannot follow the cut: {reason}")]
    Node {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// Why.
        reason: String,
    },
}

impl Coded for CutError {
    fn code(&self) -> &'static str {
        match self {
            Self::Value { .. } => "E0801",
            Self::Node { .. } => "E0802",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Value { .. } | Self::Node { .. } => ErrorKind::Unsupported,
        }
    }
}

/// Cuts a model down to what is kept. After an error the model is as it was.
pub fn cut(model: &mut Model, ops: &OpTable, kept: &Kept) -> Result<(), CutError> {
    if kept.is_whole() {
        return Ok(());
    }
    let before = Facts::infer(model, ops);
    check(model, &before, kept)?;
    let mut result = model.clone();
    let mut after = before.clone();
    cut_constants(&mut result, &mut after, kept)?;
    Follower::new(&mut result, ops, kept, &before, after).run()?;
    redeclare(&mut result, kept);
    *model = result;
    Ok(())
}

/// Whether the axes are there, and free.
fn check(model: &Model, facts: &Facts, kept: &Kept) -> Result<(), CutError> {
    for (value, axis, lost) in kept.losses() {
        let length = facts.of(value).shape.as_ref().and_then(|s| s.get(axis)?.known());
        let reason = match length {
            _ if model.is_in_function(value) => "it is in a function",
            _ if model.is_output(value) => "it is an output",
            _ if model.is_input(value) && model.constant(value).is_none() => "a caller gives it",
            None => "its length is not known",
            Some(length) if lost.last().is_some_and(|last| *last as i64 >= length) => "it is not that long",
            Some(length) if lost.len() as i64 >= length => "nothing would be left",
            Some(_) => continue,
        };
        return Err(CutError::Value { value: model.name(value).into(), axis, reason });
    }
    Ok(())
}

fn cut_constants(model: &mut Model, facts: &mut Facts, kept: &Kept) -> Result<(), CutError> {
    let losses: Vec<(ValueId, usize, &[usize])> = kept.losses().collect();
    for axes in losses.chunk_by(|a, b| a.0 == b.0) {
        let &[(value, axis, _), ..] = axes else { continue };
        let Some(tensor) = constant(model, value) else { continue };
        let lost: Vec<(usize, &[usize])> = axes.iter().map(|(_, axis, lost)| (*axis, *lost)).collect();
        let immovable = || CutError::Value { value: model.name(value).into(), axis, reason: "its elements cannot be moved" };
        let cut: Tensor = shrink::without(&tensor, &lost).ok_or_else(immovable)?;
        facts.set(value, shrinx_rewrite::ops::Fact::of_tensor(&cut));
        shrink::replace_constant(model, value, cut);
    }
    Ok(())
}

/// Lets declarations of inner values tell the new lengths.
fn redeclare(model: &mut Model, kept: &Kept) {
    model.redeclare(|value, ty| {
        for (axis, dim) in ty.shape.iter_mut().flatten().enumerate() {
            if let Length::Number(n) = &mut dim.length
                && *n > 0
            {
                *n -= kept.lost(value, axis).len() as i64;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{cut_text, numbers, refusal};
    use shrinx_rewrite::{
        ir::{AttributeValue, Model},
        ops::constant,
    };

    fn int(model: &Model, op: &str, name: &str) -> Option<i64> {
        let node = model.nodes().find(|n| model.node(*n).is(op)).expect("the node");
        match model.node(node).attribute(name) {
            Some(AttributeValue::Int(n)) => Some(*n),
            _ => None,
        }
    }

    fn dims(model: &Model, name: &str) -> Vec<u64> {
        constant(model, model.find(Model::MAIN, name).expect("the value")).expect("a constant").dims
    }

    #[test]
    fn a_channel_leaves_weights_biases_and_statistics() {
        let model = cut_text(
            "g (float[N,3,8,8] x) => (float[N,2,8,8] y) <float[4,3,1,1] w, float[4] b, float[4] s, float[4] m, float[2,4,3,3] v> {
                c = Conv(x, w, b) n = BatchNormalization(c, s, b, m, s) r = Sigmoid(n) y = Conv<pads = [1,1,1,1]>(r, v) }",
            "w 0 1 3; b 0 1 3; s 0 1 3; m 0 1 3; c 1 1 3; n 1 1 3; r 1 1 3; v 1 1 3",
        );
        assert_eq!([dims(&model, "w"), dims(&model, "v")], [[2, 3, 1, 1], [2, 2, 3, 3]]);
    }

    #[test]
    fn depthwise_groups_go_with_their_channels() {
        let model = cut_text(
            "g (float[N,3,4,4] x) => (float[N,2,4,4] y) <float[4,3,1,1] w, float[8,1,3,3] d, float[2,8,1,1] v> {
                c = Conv(x, w) e = Conv<group = 4, pads = [1,1,1,1]>(c, d) y = Conv(e, v) }",
            "w 0 1; c 1 1; d 0 2 3; e 1 2 3; v 1 2 3",
        );
        assert_eq!(dims(&model, "d"), [6, 1, 3, 3]);
    }

    #[test]
    fn groups_keep_the_same_columns_and_as_many_rows() {
        let graph = "g (float[N,3,4,4] x) => (float[N,2,4,4] y) <float[6,3,1,1] w, float[4,3,3,3] d, float[2,4,1,1] v> {
            c = Conv(x, w) e = Conv<group = 2, pads = [1,1,1,1]>(c, d) y = Conv(e, v) }";
        let model = cut_text(graph, "w 0 0 3; c 1 0 3; d 0 1 2; d 1 0; e 1 1 2; v 1 1 2");
        assert_eq!(dims(&model, "d"), [2, 2, 3, 3]);
        let reason = "node `e` (Conv) cannot follow the cut: its groups keep other places than its weight";
        assert_eq!(refusal(graph, "w 0 0 5; c 1 0 5; d 1 0").to_string(), reason);
    }

    #[test]
    fn a_transposed_convolution_is_cut_along_the_other_axis() {
        let model = cut_text(
            "g (float[N,3,4,4] x) => (float[N,2,8,8] y) <float[4,3,1,1] w, float[4,2,2,2] d, float[2,4,1,1] v> {
                c = Conv(x, w) e = ConvTranspose<group = 2, strides = [2,2]>(c, d) y = Conv(e, v) }",
            "w 0 1 2; c 1 1 2; d 0 1 2; d 1 1; e 1 1 3; v 1 1 3",
        );
        assert_eq!(dims(&model, "d"), [2, 1, 2, 2]);
    }

    #[test]
    fn lengths_in_constants_follow_and_dynamic_ones_stay() {
        let model = cut_text(
            "g (float[N,S,8] x) => (float[N,S,3] y)
                <float[8,6] w, float[6,3] v, int64[4] t = {0, -1, 2, 3}, int64[3] u = {0, -1, 6}> {
                a = MatMul(x, w) h = Reshape(a, t) p = Transpose<perm = [0,2,1,3]>(h) q = Softmax<axis = 2>(p)
                k = Transpose<perm = [0,2,1,3]>(q) f = Reshape(k, u) y = MatMul(f, v) }",
            "w 1 1 4; a 2 1 4; h 3 1; p 3 1; q 3 1; k 3 1; f 2 1 4; v 0 1 4",
        );
        assert_eq!([numbers(&model, "t"), numbers(&model, "u")], [vec![0, -1, 2, 2], vec![0, -1, 4]]);
    }

    #[test]
    fn a_shared_shape_is_copied_and_a_computed_one_mended() {
        let model = cut_text(
            "g (float[N,S,4] x) => (float[N,S,4] y, float[N,S,2,2] z)
                <float[4,4] w, float[2,4] v, int64[1] i = {0}, int64[1] j = {1}, int64[2] t = {2, 2}> {
                s = Shape(x) n = Gather(s, i) l = Gather(s, j) k = Concat<axis = 0>(n, l, t) a = MatMul(x, w) h = Reshape(a, k)
                p = ReduceSum<keepdims = 0>(h, i2) y = MatMul(p, v) z = Reshape(x, k) i2 = Constant<value_ints = [2]>() }",
            "w 1 1 3; a 2 1 3; h 3 1; p 2 1; v 0 1",
        );
        assert_eq!(numbers(&model, "t"), [2, 2]);
    }

    #[test]
    fn parts_and_bounds_follow() {
        let model = cut_text(
            "g (float[N,3] x) => (float[N,2] y)
                <float[3,8] w, float[4,2] v, float[4,2] z, int64[2] t = {4, 4}, int64[1] s = {-6}, int64[1] e = {8}, int64[1] o = {1}, float[6,2] u> {
                a = MatMul(x, w) b, c = Split<axis = 1>(a, t) d = Slice(a, s, e, o) f = MatMul(b, v) g = MatMul(c, z) h = MatMul(d, u)
                k = Add(f, g) y = Add(k, h) }",
            "w 1 1 4 5; a 1 1 4 5; b 1 1; c 1 0 1; d 1 2 3; u 0 2 3; v 0 1; z 0 0 1",
        );
        assert_eq!([numbers(&model, "t"), numbers(&model, "s")], [vec![3, 2], vec![1]]);
    }

    #[test]
    fn a_slice_that_is_no_longer_even_becomes_a_gather() {
        let model = cut_text(
            "g (float[N,3] x) => (float[N,2] y)
                <float[3,8] w, float[4,2] v, int64[1] s = {7}, int64[1] e = {-100}, int64[1] o = {1}, int64[1] p = {-2}, int64[4] i = {-1, 3, 1, 3}> {
                a = MatMul(x, w) d = Slice(a, s, e, o, p) g = Gather<axis = 1>(a, i) h = Add(d, g) y = MatMul(h, v) }",
            "w 1 2 6; a 1 2 6; d 1; g 1",
        );
        assert_eq!(numbers(&model, "i"), [5, 2, 1, 2]);
        cut_text(
            "g (float[3] x) => (float[2,2] y)
                <float[3,8] w, float[4,2] v, int64[2] s = {0, 7}, int64[2] e = {2, -100}, int64[2] o = {0, 1}, int64[2] p = {1, -2}> {
                a = Mul(w, r) r = Reshape(x, z) d = Slice(a, s, e, o, p) y = MatMul(d, v) z = Constant<value_ints = [3, 1]>() }",
            "w 1 2 5; a 1 2 5; d 1 1; v 0 1",
        );
        let gathers = model.nodes().filter(|n| model.node(*n).is("Gather")).count();
        assert_eq!(gathers, 2);
    }

    #[test]
    fn hidden_units_leave_a_recurrent_layer() {
        let model = cut_text(
            "g (float[S,N,3] x) => (float[S,1,N,2] y)
                <float[1,16,3] w, float[1,16,4] r, float[1,32] b, float[4,2] v> {
                h = LSTM<hidden_size = 4>(x, w, r, b) y = MatMul(h, v) }",
            "w 1 1 3 5 7 9 11 13 15; r 1 1 3 5 7 9 11 13 15; r 2 1 3; b 1 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31; h 3 1 3; v 0 1 3",
        );
        assert_eq!(int(&model, "LSTM", "hidden_size"), Some(2));
    }

    #[test]
    fn sizes_and_declared_types_follow() {
        let model = cut_text(
            "g (float[N,3,4,4] x) => (float[N,2,8,8] y)
                <float[N,4,4,4] c, int64[4] t = {1, 4, 8, 8}, float[4,3,1,1] w, float[2,4,1,1] v> {
                c = Conv(x, w) r = Resize<mode = \"nearest\">(c, , , t) y = Conv(r, v) }",
            "w 0 1; c 1 1; r 1 1; v 1 1",
        );
        assert_eq!(numbers(&model, "t"), [1, 3, 8, 8]);
        let text = shrinx_rewrite::ir::text::print(&model);
        assert!(text.contains("float[N,3,4,4] c"), "{text}");
    }

    #[test]
    fn what_cannot_follow_is_refused_and_nothing_is_cut() {
        let graph =
            "g (float[N,3] x) => (float[N,4] y) <float[3,4] w, float[4,4] v> { a = MatMul(x, w) b = Mystery.Op(a) y = MatMul(b, v) }";
        let reason = |losses| refusal(graph, losses).to_string();
        assert_eq!(reason("w 1 0; a 1 0"), "node `b` (Mystery.Op) cannot follow the cut: what it does with its inputs is not known");
        assert_eq!(reason("w 1 0"), "node `a` (MatMul) cannot follow the cut: axis 1 of its output has length 3 instead of 4");
        assert_eq!(reason("y 1 0"), "`y` cannot be cut along axis 1: it is an output");
        assert_eq!(reason("w 1 0 1 2 3"), "`w` cannot be cut along axis 1: nothing would be left");
        assert_eq!(reason("w 1 4"), "`w` cannot be cut along axis 1: it is not that long");
        assert_eq!(reason("w 2 0"), "`w` cannot be cut along axis 2: its length is not known");
    }
}
