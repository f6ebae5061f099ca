//! Wanted values in groups that fit into memory together.
//!
//! A runtime hands over what was asked for at the end of a run. Where that is much, the model runs several times a sample, for a part of the values each.

use crate::Observe;
use shrinx_rewrite::{
    ir::{Dim, Model, Symbol, ValueId},
    ops::{Facts, Feeds, OpTable},
};
use std::collections::HashMap;

/// Bytes of wanted values that may be there at a time, over all threads.
const BUDGET: u64 = 320 << 20;

/// Parts of `wanted`, each of values that follow each other as the model computes them.
pub(super) fn groups(model: &Model, wanted: &[Observe], feeds: &Feeds, threads: usize) -> Vec<Vec<Observe>> {
    let facts = Facts::infer(model, &OpTable::standard());
    let lengths = bind(model, &facts, feeds);
    let place = places(model);
    let mut ordered: Vec<(Observe, u64)> = wanted.iter().map(|o| (*o, bytes(&facts, &lengths, o.value))).collect();
    ordered.sort_by_key(|(o, _)| place.get(&o.value).copied());
    let total: u64 = ordered.iter().map(|(_, n)| n).sum();
    let count = total.div_ceil(BUDGET / threads as u64).max(1);
    let mut groups: Vec<Vec<Observe>> = vec![Vec::new(); count as usize];
    let mut before = 0;
    for (observe, n) in ordered {
        // Parts of like size: where the middle of a value lies among all bytes.
        let part = (before + n / 2) * count / total.max(1);
        groups[part.min(count - 1) as usize].push(observe);
        before += n;
    }
    groups.retain(|g| !g.is_empty());
    // A runtime may fuse more where nothing but outputs is wanted, and give other bits; groups depend on shapes and threads, and must not show.
    let ends = |group: &[Observe]| group.iter().all(|o| model.is_output(o.value) || model.is_input(o.value));
    groups.into_iter().fold(Vec::new(), |mut joined, group| {
        match joined.last_mut() {
            Some(last) if ends(last) || ends(&group) => last.extend(group),
            Some(_) | None => joined.push(group),
        }
        joined
    })
}

/// Where each value is computed; what no node makes is there from the start.
fn places(model: &Model) -> HashMap<ValueId, usize> {
    let nodes = model.nodes_in_order(Model::MAIN).unwrap_or_default();
    let outputs = |(k, node)| model.outputs(node).into_iter().flatten().map(move |v| (v, k)).collect::<Vec<_>>();
    nodes.into_iter().enumerate().flat_map(outputs).collect()
}

/// What the symbols in the shapes of inputs stand for in these feeds.
fn bind(model: &Model, facts: &Facts, feeds: &Feeds) -> HashMap<Symbol, i64> {
    let mut lengths = HashMap::new();
    for input in model.scope(Model::MAIN).inputs() {
        let (Some(shape), Some(tensor)) = (&facts.of(input.value).shape, feeds.get(model.name(input.value))) else { continue };
        for (dim, length) in shape.iter().zip(&tensor.dims) {
            if let Dim::Symbol(symbol) = dim {
                lengths.entry(*symbol).or_insert(*length as i64);
            }
        }
    }
    lengths
}

/// The bytes of a value; 0 where nothing is known of it.
fn bytes(facts: &Facts, lengths: &HashMap<Symbol, i64>, value: ValueId) -> u64 {
    let Some(shape) = &facts.of(value).shape else { return 0 };
    let length = |dim| facts.symbols.evaluate(dim, &|s| lengths.get(&s).copied().unwrap_or(1)).and_then(|n| u64::try_from(n).ok());
    shape.iter().map(length).try_fold(size_of::<f32>() as u64, |n, d| n.checked_mul(d?)).unwrap_or(0).min(u64::from(u32::MAX) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ir::{Tensor, text};

    #[test]
    fn groups_follow_the_model_and_keep_to_the_budget() {
        let model = text::parse(
            "g (float[N,1024] x) => (float[N,1024] d) { a = Relu(x)
             b = Neg(a)
             c = Abs(b)
             d = Sqrt(c) }",
        )
        .unwrap();
        let wanted = ["d", "b", "x", "c", "a"].map(|n| Observe { value: model.find(Model::MAIN, n).unwrap(), channel_axis: None });
        let feeds = |rows: u64| [("x", Tensor::raw(shrinx_rewrite::ir::DataType::Float, [rows, 1024], vec![]))].into_iter().collect();
        let names = |rows: u64, threads: usize| {
            let groups = groups(&model, &wanted, &feeds(rows), threads);
            groups.iter().map(|g| g.iter().map(|o| model.name(o.value)).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(names(1, 1), ["x a b c d"]);
        assert_eq!(names(32 << 10, 1), ["x a", "b c d"]);
        assert_eq!(names(32 << 10, 2), ["x a", "b c d"]);
        assert_eq!(names(64 << 10, 2), ["x a", "b", "c d"]);
    }
}
