//! What can be removed: units that share their fate, in groups of comparable ones; and what cannot, and why.

use super::{
    blocks,
    parts::Parts,
    weights::{Weights, nodes},
};
use shrinx_rewrite::{
    ir::{Model, NodeId, ValueId},
    ops::{Atoms, Facts, OpTable, Ties, channels, constant},
};
use std::borrow::Cow;

/// Slice `index` of axis `axis` of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slice {
    /// The tensor.
    pub value: ValueId,
    /// The axis.
    pub axis: usize,
    /// The place on the axis.
    pub index: usize,
}

/// Slices of weights and activations that can only be removed together: a channel, a head, a neuron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The slices, by tensor, axis and place.
    pub slices: Vec<Slice>,
}

/// Units that cut the same axes of the same weights by the same number of slices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name of the first node whose weight is cut; unique among groups.
    pub name: String,
    /// The units, at least two.
    pub units: Vec<Unit>,
    /// The block of each unit. Each block must lose the same number of units; all 0 where they are free.
    pub blocks: Vec<usize>,
}

/// An axis of a weight that cannot be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The weight.
    pub value: ValueId,
    /// The axis.
    pub axis: usize,
    /// The node that needs it whole; `None` where the model's interface does.
    pub node: Option<NodeId>,
    /// What for.
    pub reason: Cow<'static, str>,
}

/// What can be removed from a model, and what cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// In topological order of their first nodes.
    pub groups: Vec<Group>,
    /// Likewise, by the nodes that read the weights.
    pub locks: Vec<Lock>,
}

impl Groups {
    /// Looks for what can be removed. The facts are those of this revision of the model.
    pub fn discover(model: &Model, facts: &Facts, ops: &OpTable) -> Self {
        let mut atoms = Atoms::of(model, facts);
        let nodes = nodes(model);
        for node in &nodes {
            Ties::run(model, facts, ops, *node, &mut atoms);
        }
        atoms.settle(model);
        let weights = Weights::of(model, &nodes);
        let (parts, blocks) = settle_blocks(&mut atoms, &weights);
        let groups = parts.groups(model, &mut atoms, &blocks);
        Self { groups, locks: locks(model, &mut atoms, &weights) }
    }
}

/// Unions until every axis in blocks is cut evenly: by its units' places, or by counting units a block.
fn settle_blocks(atoms: &mut Atoms, weights: &Weights) -> (Parts, Vec<u32>) {
    const ROUNDS: usize = 4;
    for _ in 0..ROUNDS {
        let parts = Parts::of(atoms, weights);
        let (labels, uneven) = blocks::label(atoms, &parts);
        if uneven.is_empty() {
            return (parts, labels);
        }
        blocks::tie_places(atoms, &uneven);
    }
    let all = atoms.blocks().to_vec();
    blocks::tie_places(atoms, &all);
    let parts = Parts::of(atoms, weights);
    let labels = vec![0; parts.group_of.len()];
    (parts, labels)
}

fn locks(model: &Model, atoms: &mut Atoms, weights: &Weights) -> Vec<Lock> {
    let mut locks = Vec::new();
    let numbers = |value: &ValueId| constant(model, *value).is_some_and(|t| t.dtype.is_float() || t.dtype.bits() <= 8);
    for (value, _) in weights.0.iter().filter(|(value, _)| numbers(value)) {
        for (axis, span) in atoms.axes(*value).unwrap_or_default().to_vec().into_iter().enumerate().filter(|(_, s)| s.len > 1) {
            let cause = span.atoms().find_map(|atom| atoms.locked(atom).cloned());
            if let Some(cause) = cause.filter(|c| c.reason != channels::SPATIAL) {
                locks.push(Lock { value: *value, axis, node: cause.node, reason: cause.reason.into() });
            }
        }
    }
    locks
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{ops::label, testing::model as parse};

    /// Groups in text: name, units and blocks, the slices of weights of the first unit; then, after a bar, the locks.
    fn found(graph: &str) -> String {
        let model = parse(&format!("<ir_version: 10, opset_import: [\"\": 21, \"mine\": 1]> g {graph}"));
        let ops = OpTable::standard();
        let groups = Groups::discover(&model, &Facts::infer(&model, &ops), &ops);
        let slice = |s: &Slice| model.constant(s.value).map(|_| format!(" {}{}[{}]", model.name(s.value), s.axis, s.index));
        let group = |g: &Group| {
            let blocks = g.blocks.iter().max().map_or(0, |last| last + 1);
            let blocks = if blocks > 1 { format!(" in {blocks}") } else { String::new() };
            format!("{}: {}{blocks}:{}", g.name, g.units.len(), g.units[0].slices.iter().filter_map(slice).collect::<String>())
        };
        groups.groups.iter().map(group).collect::<Vec<_>>().join("; ")
    }

    fn locked(graph: &str) -> String {
        let model = parse(&format!("<ir_version: 10, opset_import: [\"\": 21, \"mine\": 1]> g {graph}"));
        let ops = OpTable::standard();
        let groups = Groups::discover(&model, &Facts::infer(&model, &ops), &ops);
        let lock =
            |l: &Lock| format!("{}{} {}: {}", model.name(l.value), l.axis, l.node.map(|n| label(&model, n)).unwrap_or_default(), l.reason);
        groups.locks.iter().map(lock).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_chain_of_convolutions() {
        let graph = "(float[N,3,H,W] x) => (float[N,2,H,W] y) <float[4,3,1,1] a, float[4] b, float[2,4,1,1] c> {
            p = Conv(x, a, b) q = Relu(p) y = Conv(q, c)
        }";
        assert_eq!(found(graph), "p: 4: a0[0] b0[0] c1[0]");
        assert_eq!(locked(graph), "a1 : an input of the graph; c0 : an output of the graph");
    }

    #[test]
    fn units_hold_activations_too() {
        let model = parse(
            "<ir_version: 10, opset_import: [\"\": 21]> g (float[N,3] x) => (float[N,3] y) <float[3,2] a, float[2,3] b> { p = MatMul(x, a) q = Relu(p) y = MatMul(q, b) }",
        );
        let ops = OpTable::standard();
        let groups = Groups::discover(&model, &Facts::infer(&model, &ops), &ops).groups;
        let mut names: Vec<&str> = groups[0].units[1].slices.iter().map(|s| model.name(s.value)).collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b", "p", "q"]);
    }

    #[test]
    fn an_unknown_operator_locks_its_neighbours_only() {
        let graph = "(float[N,3] x) => (float[N,3] y) <float[3,4] a, float[4,5] b, float[5,4] c, float[4,3] d> {
            p = MatMul(x, a) q = MatMul(p, b) r = mine.Odd(q) s = MatMul(r, c) y = MatMul(s, d)
        }";
        assert_eq!(found(graph), "p: 4: a1[0] b0[0]");
        assert!(locked(graph).contains("b1 r: no rule for its channels; c0 s: an input of unknown rank; "));
        let declared = graph.replace("d> {", "d, float[N,5] r> {");
        assert_eq!(found(&declared), "p: 4: a1[0] b0[0]; s: 4: c1[0] d0[0]");
        assert!(locked(&declared).contains("b1 r: no rule for its channels; c0 r: no rule for its channels; "));
    }

    #[test]
    fn outputs_of_groups_are_counted_by_block() {
        let graph = "(float[N,3,H] x) => (float[N,2,H] y) <float[4,3,1] a, float[8,2,1] b, float[2,8,1] c> {
            p = Conv(x, a) q = Conv <group = 2> (p, b) y = Conv(q, c)
        }";
        assert_eq!(found(graph), "p: 2: a0[0] a0[2] b1[0]; q: 8 in 2: b0[0] c1[0]");
    }

    #[test]
    fn blocks_that_units_do_not_fit_are_cut_at_the_same_places() {
        let graph = "(float[N,3,H] x) => (float[N,2,H] y) <float[8,3,1] a, float[8,4,1] b, float[2,4,1] c> {
            p = Conv(x, a) q = Conv <group = 2> (p, b) r, s = Split <axis = 1, num_outputs = 2> (q) t = Add(r, s) y = Conv(t, c)
        }";
        assert_eq!(found(graph), "p: 4: a0[0] a0[4] b1[0]; q: 4: b0[0] b0[4] c1[0]");
    }

    #[test]
    fn heads_lose_width_and_gates_lose_neurons() {
        let graph = "(float[N,T,6] x) => (float[N,T,6] y) <float[6,8] q, float[6,8] k, float[6,8] v, float[8,6] o, int64[4] apart = {0, 0, 2, 4}, int64[3] flat = {0, 0, -1}> {
            a = MatMul(x, q) b = MatMul(x, k) c = MatMul(x, v)
            d = Reshape(a, apart) e = Reshape(b, apart) f = Reshape(c, apart)
            h = Transpose <perm = [0, 2, 1, 3]> (d) i = Transpose <perm = [0, 2, 3, 1]> (e) j = Transpose <perm = [0, 2, 1, 3]> (f)
            l = MatMul(h, i) m = Softmax(l) n = MatMul(m, j) p = Transpose <perm = [0, 2, 1, 3]> (n) r = Reshape(p, flat) y = MatMul(r, o)
        }";
        assert_eq!(found(graph), "a: 4: q1[0] q1[4] k1[0] k1[4]; c: 4: v1[0] v1[4] o0[0] o0[4]");
    }

    #[test]
    fn names_are_unique() {
        let graph = "(float[N,3] x) => (float[N,3] y) <float[3,8] a, float[4,3] b, float[4,3] c> {
            o = MatMul(x, a) p, q = Split <axis = 1, num_outputs = 2> (o) r = MatMul(p, b) s = MatMul(q, c) y = Add(r, s)
        }";
        assert_eq!(found(graph), "o: 4: a1[0] b0[0]; o.1: 4: a1[4] c0[0]");
    }

    #[test]
    fn bodies_may_be_cut_inside() {
        let graph = "(float[N,3] x, bool c) => (float[N,3] y) <float[3,4] a, float[4,3] b> {
            y = If <then_branch = t () => (float[N,3] u) { p = MatMul(x, a) u = MatMul(p, b) }, else_branch = e () => (float[N,3] v) { v = Identity(x) }> (c)
        }";
        assert_eq!(found(graph), "p: 4: a1[0] b0[0]");
    }

    #[test]
    fn hostile_lengths_are_locked() {
        let graph =
            "(float[N,1000000000000] x, float[9000000000000000000,4] z) => (float[N,1000000000000] y, w) { y = Relu(x) w = Transpose(z) }";
        assert_eq!(found(graph), "");
    }
}
