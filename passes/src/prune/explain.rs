//! What stands in the way of pruning, and what it would bring to have it out of the way.

use super::Groups;
use shrinx_rewrite::{
    ir::{Model, NodeId, ValueId},
    ops::{Facts, Inference, OpTable, constant, costs::lengths_of},
};
use std::borrow::Cow;

/// A node, or the model's interface, that needs axes of weights whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The node; `None` for the interface.
    pub node: Option<NodeId>,
    /// What it needs them for.
    pub reason: Cow<'static, str>,
    /// The axes.
    pub axes: Vec<(ValueId, usize)>,
    /// Elements of these weights.
    pub params: u64,
    /// Multiplications with an addition, for one run, of the nodes that read them: lengths that are not known are taken to be `length`.
    pub macs: u64,
}

/// Why axes are locked, by cause, the one that holds most first. How much would go depends on the plan: params and MACs are those of all that is locked.
pub fn explain(groups: &Groups, model: &Model, facts: &Facts, ops: &OpTable, length: i64) -> Vec<Obstacle> {
    let mut obstacles: Vec<Obstacle> = Vec::new();
    for lock in &groups.locks {
        let axis = (lock.value, lock.axis);
        match obstacles.iter_mut().find(|o| (o.node, &o.reason) == (lock.node, &lock.reason)) {
            Some(obstacle) => obstacle.axes.push(axis),
            None => obstacles.push(Obstacle { node: lock.node, reason: lock.reason.clone(), axes: vec![axis], params: 0, macs: 0 }),
        }
    }
    let (lengths, mut facts) = (lengths_of(model, facts, length), facts.clone());
    let mut macs_of = |node: NodeId| {
        let macs = ops.of(model, node).macs?(&mut Inference::of(model, &mut facts, node))?;
        facts.symbols.evaluate(&macs, &lengths).and_then(|n| u64::try_from(n).ok())
    };
    for obstacle in &mut obstacles {
        let mut weights: Vec<ValueId> = obstacle.axes.iter().map(|(value, _)| *value).collect();
        weights.dedup();
        let mut readers: Vec<NodeId> = weights.iter().flat_map(|w| model.uses(*w)).map(|(node, _)| node).collect();
        readers.sort_unstable();
        readers.dedup();
        obstacle.params = weights.iter().filter_map(|w| Some(constant(model, *w)?.len() as u64)).sum();
        obstacle.macs = readers.into_iter().filter_map(&mut macs_of).fold(0, u64::saturating_add);
    }
    obstacles.sort_by_key(|o| std::cmp::Reverse((o.params, o.macs)));
    obstacles
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{ops::label, testing::model};

    #[test]
    fn obstacles_are_named_and_weighed() {
        let model = model(
            "<ir_version: 10, opset_import: [\"\": 21]> g (float[N,4] x) => (float[N,4] y) <float[4,8] a, float[8,4] b, float[8] s> {
                p = MatMul(x, a) n = LayerNormalization(p, s) y = MatMul(n, b)
            }",
        );
        let ops = OpTable::standard();
        let facts = Facts::infer(&model, &ops);
        let groups = Groups::discover(&model, &facts, &ops);
        let show = |o: &Obstacle| {
            let axes: Vec<String> = o.axes.iter().map(|(v, k)| format!("{}{k}", model.name(*v))).collect();
            let node = o.node.map(|n| label(&model, n)).unwrap_or_default();
            format!("{node}: {}: {} params {} macs {}", o.reason, axes.join(" "), o.params, o.macs)
        };
        let all: Vec<String> = explain(&groups, &model, &facts, &ops, 10).iter().map(show).collect();
        assert_eq!(
            all,
            [
                "n: normalized over this axis: a1 s0 b0 params 72 macs 64",
                ": an input of the graph: a0 params 32 macs 32",
                ": an output of the graph: b1 params 32 macs 32",
            ]
        );
        assert_eq!(groups.groups, []);
    }
}
