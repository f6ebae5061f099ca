//! Convolutions and products of matrices: what is summed over is tied between the factors, what remains with the result.

use super::{Axis, ChannelRule, Port, Port::In, Port::Out, SPATIAL, Ties};

pub(crate) const CONV: ChannelRule = ChannelRule::new(|ties| {
    // A fused convolution may add a fourth input to its result.
    ties.tie_tensors(In(3), Out(0));
    conv(ties, 1, &[In(2)]);
});
pub(crate) const CONV_INTEGER: ChannelRule = ChannelRule::new(|ties| conv(ties, 1, &[In(3)]));
pub(crate) const QLINEAR_CONV: ChannelRule = ChannelRule::new(|ties| conv(ties, 3, &[In(4), In(5), In(8)]));
pub(crate) const CONV_TRANSPOSE: ChannelRule = ChannelRule::new(conv_transpose);
pub(crate) const GEMM: ChannelRule = ChannelRule::new(gemm);
pub(crate) const MATMUL: ChannelRule = ChannelRule::new(|ties| matmul(ties, 1, [false; 2]));
pub(crate) const FUSED_MATMUL: ChannelRule = ChannelRule::new(|ties| {
    let flag = |name| ties.call.int(name).unwrap_or(0) != 0;
    if flag("transBatchA") || flag("transBatchB") {
        return ties.lock_all("transposed batches");
    }
    let transposed = [flag("transA"), flag("transB")];
    matmul(ties, 1, transposed);
});
pub(crate) const MATMUL_INTEGER: ChannelRule = ChannelRule::new(|ties| quantized_matmul(ties, 1, &[In(2)], &[In(3)]));
/// Scales before zero points, then a bias.
pub(crate) const MATMUL_INTEGER_TO_FLOAT: ChannelRule =
    ChannelRule::new(|ties| quantized_matmul(ties, 1, &[In(2), In(4)], &[In(3), In(5), In(6)]));
/// The first factor is quantized while it runs: by its largest element, whichever column that is in.
pub(crate) const DYNAMIC_QUANTIZE_MATMUL: ChannelRule = ChannelRule::new(|ties| {
    quantized_matmul(ties, 1, &[], &[In(2), In(3), In(4)]);
    let columns = last(ties, In(0));
    ties.lock(columns, "quantized together");
});
pub(crate) const QLINEAR_MATMUL: ChannelRule =
    ChannelRule::new(|ties| quantized_matmul(ties, 3, &[In(1), In(2), In(6), In(7)], &[In(4), In(5)]));
/// The weight is packed: nothing but the rows goes.
pub(crate) const MATMUL_PACKED: ChannelRule = ChannelRule::new(|ties| {
    let rows = ties.rank(In(0)).saturating_sub(1);
    ties.broadcast_axes(In(0), 0..rows, Out(0), 0);
    ties.lock_rest("a packed weight");
});
pub(crate) const EINSUM: ChannelRule = ChannelRule::new(einsum);

fn last(ties: &Ties<'_>, port: Port) -> Axis {
    (port, ties.rank(port).saturating_sub(1))
}

fn groups(ties: &Ties<'_>) -> usize {
    ties.call.int("group").map_or(1, |g| usize::try_from(g).unwrap_or(0))
}

fn conv(ties: &mut Ties<'_>, weight: usize, parameters: &[Port]) {
    let (x, w, y) = (In(0), In(weight), Out(0));
    if !tie_second_axis(ties, w, (x, 1)) {
        return;
    }
    ties.tie_axes((y, 1), (w, 0));
    for parameter in parameters {
        ties.tie_parameter(*parameter, (w, 0));
    }
    finish(ties);
}

fn conv_transpose(ties: &mut Ties<'_>) {
    let (x, w, y) = (In(0), In(1), Out(0));
    if !tie_second_axis(ties, w, (y, 1)) {
        return;
    }
    ties.tie_axes((x, 1), (w, 0));
    ties.tie_parameter(In(2), (y, 1));
    finish(ties);
}

/// Ties the weight's second axis, which has the channels of one group, to the axis of the map that has those of all: inputs of a convolution, outputs of a
/// transposed one. Locks all, and says no, where the groups do not fit.
fn tie_second_axis(ties: &mut Ties<'_>, w: Port, map: Axis) -> bool {
    let groups = groups(ties);
    if groups == 1 {
        ties.tie_axes(map, (w, 1));
        return true;
    }
    let share = |axis| ties.length(axis).filter(|n| groups > 1 && n % groups == 0).map(|n| n / groups);
    let each = share(map).zip(share((w, 0))).filter(|(per_map, _)| ties.length((w, 1)) == Some(*per_map));
    let Some((per_map, per_weight)) = each else {
        ties.lock_all("groups that do not divide the channels");
        return false;
    };
    if per_map == 1 || per_weight == 1 {
        whole_groups(ties, map, per_map, (w, 0), per_weight, groups);
    } else {
        // The weight has one axis for all groups, so that all lose the same channels of it.
        ties.tie_each(map, (w, 1), (0..groups * per_map).map(|i| (i, i % per_map)));
        ties.equal_blocks((w, 0), groups);
    }
    true
}

/// Groups go as wholes, and their number shrinks: as in depthwise convolutions.
fn whole_groups(ties: &mut Ties<'_>, a: Axis, per_a: usize, b: Axis, per_b: usize, groups: usize) {
    ties.tie_each(a, b, (0..groups * per_a).map(|i| (i, i / per_a * per_b)));
    ties.tie_each(b, b, (0..groups * per_b).map(|i| (i, i / per_b * per_b)));
}

fn finish(ties: &mut Ties<'_>) {
    ties.tie_axes((In(0), 0), (Out(0), 0));
    ties.lock_rest(SPATIAL);
}

fn gemm(ties: &mut Ties<'_>) {
    let flag = |name| ties.call.int(name).unwrap_or(0) != 0;
    let transposed = [flag("transA"), flag("transB")];
    matmul(ties, 1, transposed);
    if let Some(offset) = ties.rank(Out(0)).checked_sub(ties.rank(In(2))) {
        ties.broadcast(In(2), Out(0), offset);
    }
}

fn matmul(ties: &mut Ties<'_>, second: usize, transposed: [bool; 2]) {
    let (a, b, y) = (In(0), In(second), Out(0));
    let [m, n, result] = [a, b, y].map(|p| ties.rank(p));
    if m == 0 || n == 0 {
        return ties.lock_all("a factor without axes");
    }
    // Rows and columns of a matrix; a vector has no rows on the left, no columns on the right.
    let matrix = |rank: usize, transposed: bool| if transposed { [rank - 1, rank - 2] } else { [rank - 2, rank - 1] };
    let (rows, summed_a) = if m < 2 { (None, 0) } else { (Some(matrix(m, transposed[0])[0]), matrix(m, transposed[0])[1]) };
    let (summed_b, columns) = if n < 2 { (0, None) } else { (matrix(n, transposed[1])[0], Some(matrix(n, transposed[1])[1])) };
    ties.tie_axes((a, summed_a), (b, summed_b));
    let batches = m.max(n).saturating_sub(2);
    for (operand, rank) in [(a, m), (b, n)] {
        let own = rank.saturating_sub(2);
        ties.broadcast_axes(operand, 0..own, y, batches - own);
    }
    if let Some(rows) = rows {
        ties.tie_axes((a, rows), (y, batches));
    }
    if let Some(columns) = columns {
        ties.tie_axes((b, columns), (y, result.saturating_sub(1)));
    }
}

/// A product with parameters that must be single, and such that may be one a column.
fn quantized_matmul(ties: &mut Ties<'_>, second: usize, single: &[Port], columns: &[Port]) {
    if !single.iter().all(|p| ties.is_single(*p)) {
        return ties.lock_all("parameters a row");
    }
    matmul(ties, second, [false; 2]);
    let axis = last(ties, Out(0));
    for parameter in columns {
        ties.tie_parameter(*parameter, axis);
    }
}

/// Axes of one letter are tied.
fn einsum(ties: &mut Ties<'_>) {
    let equation: String = ties.call.string("equation").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
    let Some((operands, result)) = equation.split_once("->") else { return ties.lock_all("an equation without its result") };
    let terms: Vec<(Port, &str)> = operands.split(',').enumerate().map(|(k, term)| (In(k), term)).chain([(Out(0), result)]).collect();
    let plain = |(port, term): &(Port, &str)| {
        let letters = term.bytes().all(|c| c.is_ascii_alphabetic());
        letters && term.len() == ties.rank(*port) && (1..term.len()).all(|k| !term[..k].contains(&term[k..=k]))
    };
    if !terms.iter().all(plain) {
        return ties.lock_all("an equation with `...`, or with a letter twice in a term");
    }
    for (n, (port, term)) in terms.iter().enumerate() {
        for (axis, letter) in term.char_indices() {
            let before = terms[..n].iter().find_map(|(p, t)| Some((*p, t.find(letter)?)));
            match before {
                Some(before) => ties.tie_axes((*port, axis), before),
                None => ties.free((*port, axis)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_of;

    fn conv(attributes: &str, weight: &str, channels: usize) -> String {
        let graph = format!("(float[N,{channels},H] x, float[{weight},1] w) => (y) {{ y = Conv <{attributes}> (x, w) }}");
        units_of("x, w, y", &graph)
    }

    #[test]
    fn convolutions_sum_over_inputs() {
        let graph = "(float[N,2,H,W] x, float[2,2,3,3] w, float[2] b) => (y) { y = Conv(x, w, b) }";
        assert_eq!(units_of("x, w, b, y", graph), "x1[0] w1[0]; x1[1] w1[1]; w0[0] b0[0] y1[0]; w0[1] b0[1] y1[1]");
    }

    #[test]
    fn depthwise_groups_go_as_wholes() {
        assert_eq!(conv("group = 2", "4,1", 2), "x1[0] w0[0] w0[1] y1[0] y1[1]; x1[1] w0[2] w0[3] y1[2] y1[3]");
        assert_eq!(conv("group = 2", "2,2", 4), "x1[0] x1[1] w0[0] y1[0]; x1[2] x1[3] w0[1] y1[1]");
    }

    #[test]
    fn groups_lose_the_same_inputs() {
        let units = "x1[0] x1[2] w1[0]; x1[1] x1[3] w1[1]; w0[0] y1[0]; w0[1] y1[1]; w0[2] y1[2]; w0[3] y1[3]";
        assert_eq!(conv("group = 2", "4,2", 4), units);
    }

    #[test]
    fn groups_that_do_not_divide_lock() {
        let graph = "(float[N,C,H] x, float[4,2,1] w) => (y) { y = Conv <group = 2> (x, w) }";
        assert_eq!(units_of("x, w, y", graph), "");
    }

    #[test]
    fn transposed_convolutions() {
        let graph = |group: usize, out: usize| {
            let node = format!("y = ConvTranspose <group = {group}> (x, w)");
            units_of("x, w, y", &format!("(float[N,2,H] x, float[2,{out},3] w) => (y) {{ {node} }}"))
        };
        assert_eq!(graph(1, 2), "x1[0] w0[0]; x1[1] w0[1]; w1[0] y1[0]; w1[1] y1[1]");
        assert_eq!(graph(2, 1), "x1[0] w0[0] y1[0]; x1[1] w0[1] y1[1]");
        assert_eq!(graph(2, 2), "x1[0] w0[0] y1[0] y1[1]; x1[1] w0[1] y1[2] y1[3]");
    }

    #[test]
    fn gemm_honours_transposition() {
        let graph = "(float[2,N] a, float[3,2] b, float[1,3] c) => (y) { y = Gemm <transA = 1, transB = 1> (a, b, c) }";
        let units = "a0[0] b1[0]; a0[1] b1[1]; b0[0] c1[0] y1[0]; b0[1] c1[1] y1[1]; b0[2] c1[2] y1[2]";
        assert_eq!(units_of("a, b, c, y", graph), units);
    }

    #[test]
    fn products_of_activations() {
        let graph = "(float[N,2,T,2] a, float[N,2,2,S] b) => (y) { y = MatMul(a, b) }";
        assert_eq!(units_of("a, b, y", graph), "a1[0] b1[0] y1[0]; a1[1] b1[1] y1[1]; a3[0] b2[0]; a3[1] b2[1]");
        let graph = "(float[N,1,T,2] a, float[2,2,S] b) => (y) { y = MatMul(a, b) }";
        assert_eq!(units_of("a, b, y", graph), "a3[0] b1[0]; a3[1] b1[1]; b0[0] y1[0]; b0[1] y1[1]");
        assert_eq!(
            units_of("a, b, y", "(float[2] a, float[2,2] b) => (y) { y = MatMul(a, b) }"),
            "a0[0] b0[0]; a0[1] b0[1]; b1[0] y0[0]; b1[1] y0[1]"
        );
        assert_eq!(
            units_of("a, b, y", "(float[2,2] a, float[2] b) => (y) { y = MatMul(a, b) }"),
            "a0[0] y0[0]; a0[1] y0[1]; a1[0] b0[0]; a1[1] b0[1]"
        );
    }

    #[test]
    fn letters_are_axes() {
        let of = |equation: &str| {
            units_of("a, b, y", &format!("(float[N,2] a, float[2,T] b) => (y) {{ y = Einsum <equation = \"{equation}\"> (a, b) }}"))
        };
        assert_eq!(of("nk, kt -> nt"), "a1[0] b0[0]; a1[1] b0[1]");
        assert_eq!(of("...k, kt -> ...t"), "");
    }

    #[test]
    fn integers_have_parameters_a_channel() {
        let product = "(uint8[N,2] a, int8[2,2] b, uint8 az, int8[2] bz) => (y) { y = MatMulInteger(a, b, az, bz) }";
        assert_eq!(units_of("a, b, bz", product), "a1[0] b0[0]; a1[1] b0[1]; b1[0] bz0[0]; b1[1] bz0[1]");
        assert_eq!(units_of("b", &product.replace("uint8 az", "uint8[N] az")), "");
        let graph = "(uint8[N,2,H] x, int8[2,2,1] w, float s, uint8 z, float[2] ws, int8[2] wz, int32[2] b) => (y) { y = QLinearConv(x, s, z, w, ws, wz, s, z, b) }";
        assert_eq!(units_of("w, ws, wz, b, y", graph), "w0[0] ws0[0] wz0[0] b0[0] y1[0]; w0[1] ws0[1] wz0[1] b0[1] y1[1]; w1[0]; w1[1]");
    }
}
