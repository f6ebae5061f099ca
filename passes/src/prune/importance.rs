//! How much each unit of a group matters: which go first, and what their removal is taken to cost.
//!
//! A unit has slices in several weights: rows of what makes it, columns of what reads it, kernels of depthwise convolutions between. A weight says what share of
//! it each unit holds, so that no weight counts more for being larger in scale: scaling a producer up and its reader down changes nothing but numbers. The score
//! of a unit is the mean of its shares; scores of a group add up to 1. Vectors along the channels (biases, scales) are no weights: they count only where a
//! group has nothing else.

use super::groups::{Group, Slice, Unit};
use shrinx_rewrite::{
    ir::{DataType, Model, Tensor, ValueId},
    ops::{constant, seeded_tensor},
};
use std::collections::BTreeMap;

/// By what units are judged, from weights alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Sums of absolute weights.
    L1,
    /// Sums of squared weights.
    L2,
    /// Distances from all other units: what lies in their midst can be replaced by them (He et al., "Filter Pruning via Geometric Median", 2019).
    GeometricMedian,
    /// Scales of `BatchNormalization`, where a group has one; else as [`Importance::L2`].
    Gamma,
    /// Squared weights in parts of all that are no smaller (Lee et al., "Layer-adaptive Sparsity for the Magnitude-based Pruning", 2021).
    Lamp,
    /// None: random, as a control.
    Random(u64),
}

impl Importance {
    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::GeometricMedian => "geometric-median",
            Self::Gamma => "gamma",
            Self::Lamp => "lamp",
            Self::Random(_) => "random",
        }
    }
}

/// The units of a group, the least important first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// In the order of removal. Of a group in blocks, any number that is a multiple of the blocks takes the same number from each.
    pub order: Vec<usize>,
    /// What removing the first so many is taken to cost: 0 for none, and never less for more.
    pub loss: Vec<f64>,
}

impl Ranking {
    /// By scores, of which the least go first; of equal ones the last.
    pub fn by_scores(group: &Group, scores: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)));
        let costs: Vec<f64> = order.iter().map(|unit| scores[*unit]).collect();
        Self::by_order(group, order, &costs)
    }

    /// In an order, with what each unit of it costs when it goes.
    pub fn by_order(group: &Group, order: Vec<usize>, costs: &[f64]) -> Self {
        let mut cost_of = vec![0.0; order.len()];
        order.iter().zip(costs).for_each(|(unit, cost)| cost_of[*unit] = *cost);
        let order = even(order, &group.blocks);
        let sums = order.iter().scan(0.0, |sum, unit| {
            *sum += cost_of[*unit];
            Some(*sum)
        });
        Self { loss: std::iter::once(0.0).chain(sums).collect(), order }
    }

    /// Units that go when so many are kept, ascending.
    pub fn removed(&self, kept: usize) -> Vec<usize> {
        let mut removed = self.order[..self.order.len().saturating_sub(kept)].to_vec();
        removed.sort_unstable();
        removed
    }

    /// What keeping so many is taken to cost.
    pub fn loss_at(&self, kept: usize) -> f64 {
        self.loss.get(self.order.len().saturating_sub(kept)).copied().unwrap_or(0.0)
    }
}

/// The order such that blocks take turns.
fn even(order: Vec<usize>, blocks: &[usize]) -> Vec<usize> {
    let mut turns: BTreeMap<usize, usize> = BTreeMap::new();
    let mut keyed: Vec<(usize, usize)> = Vec::with_capacity(order.len());
    for unit in order {
        let turn = turns.entry(blocks.get(unit).copied().unwrap_or(0)).or_default();
        keyed.push((*turn, unit));
        *turn += 1;
    }
    keyed.sort_by_key(|(turn, _)| *turn);
    keyed.into_iter().map(|(_, unit)| unit).collect()
}

/// Ranks the units of a group by its weights.
pub fn rank(model: &Model, group: &Group, importance: Importance) -> Ranking {
    let scores = match importance {
        Importance::Random(seed) => {
            let random = seeded_tensor(DataType::Double, vec![group.units.len() as u64], &group.name, seed);
            normal(random.and_then(|t| t.to_f64()).unwrap_or_default().into_iter().map(f64::abs).collect())
        }
        Importance::Gamma if has_gamma(model, group) => shares(&gammas(model, group), group.units.len(), f64::abs),
        Importance::L1 => shares(&weights(model, group), group.units.len(), f64::abs),
        Importance::L2 | Importance::Gamma => squares(model, group),
        Importance::Lamp => lamp(&squares(model, group)),
        Importance::GeometricMedian => distances(model, group),
    };
    Ranking::by_scores(group, &scores)
}

/// Whether a group has a `BatchNormalization` of its own.
pub fn has_gamma(model: &Model, group: &Group) -> bool {
    !gammas(model, group).is_empty()
}

/// A weight, and the units that its indices along an axis belong to.
struct Sliced {
    tensor: Tensor,
    axis: usize,
    /// Index along the axis, unit.
    places: Vec<(usize, usize)>,
}

impl Sliced {
    /// Elements of the tensor behind one index of the axis; how many such runs an index has.
    fn strides(&self) -> (usize, usize) {
        let lengths = |dims: &[u64]| dims.iter().product::<u64>() as usize;
        (lengths(&self.tensor.dims[self.axis + 1..]), lengths(&self.tensor.dims[..self.axis]))
    }

    fn length(&self) -> usize {
        self.tensor.dims[self.axis] as usize
    }

    /// The elements, as numbers.
    fn elements(&self) -> Vec<f64> {
        let codes = || Some(self.tensor.to_integers()?.into_iter().map(|x| x as f64).collect());
        self.tensor.to_f64().or_else(codes).unwrap_or_default()
    }

    /// Sums over the elements of each unit.
    fn sums(&self, units: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
        let ((inner, _), length) = (self.strides(), self.length());
        let mut along = vec![0.0; length];
        for (k, run) in self.elements().chunks_exact(inner.max(1)).enumerate() {
            along[k % length] += run.iter().map(|x| of(*x)).sum::<f64>();
        }
        let mut sums = vec![0.0; units];
        self.places.iter().for_each(|(index, unit)| sums[*unit] += along[*index]);
        sums
    }
}

/// The stored tensors in which a group has slices, by value and axis.
fn sliced(model: &Model, group: &Group, wanted: impl Fn(&Tensor, &Slice) -> bool) -> Vec<Sliced> {
    let mut places: BTreeMap<(ValueId, usize), Vec<(usize, usize)>> = BTreeMap::new();
    for (unit, Unit { slices }) in group.units.iter().enumerate() {
        for slice in slices {
            places.entry((slice.value, slice.axis)).or_default().push((slice.index, unit));
        }
    }
    let stored = |((value, axis), places): ((ValueId, usize), Vec<(usize, usize)>)| {
        let tensor = constant(model, value)?;
        let slice = Slice { value, axis, index: 0 };
        let fits = axis < tensor.rank() && !tensor.is_empty() && tensor.dtype.holds_parameters();
        (fits && wanted(&tensor, &slice)).then_some(Sliced { tensor, axis, places })
    };
    places.into_iter().filter_map(stored).collect()
}

/// The weights of a group; vectors, where it has nothing else.
fn weights(model: &Model, group: &Group) -> Vec<Sliced> {
    let all = sliced(model, group, |_, _| true);
    let is_vector = |s: &Sliced| s.tensor.len() == s.length();
    if all.iter().all(is_vector) { all } else { all.into_iter().filter(|s| !is_vector(s)).collect() }
}

fn gammas(model: &Model, group: &Group) -> Vec<Sliced> {
    sliced(model, group, |_, slice| model.uses(slice.value).any(|(node, port)| port == 1 && model.node(node).is("BatchNormalization")))
}

/// The mean share of each unit.
fn shares(weights: &[Sliced], units: usize, of: impl Fn(f64) -> f64 + Copy) -> Vec<f64> {
    let mut scores = vec![0.0; units];
    for weight in weights {
        let sums = weight.sums(units, of);
        let total: f64 = sums.iter().sum();
        if total > 0.0 && total.is_finite() {
            sums.iter().zip(&mut scores).for_each(|(sum, score)| *score += sum / total);
        }
    }
    normal(scores)
}

fn squares(model: &Model, group: &Group) -> Vec<f64> {
    shares(&weights(model, group), group.units.len(), |x| x * x)
}

/// In parts of the sum, where there is one.
fn normal(mut scores: Vec<f64>) -> Vec<f64> {
    let total: f64 = scores.iter().sum();
    if total > 0.0 {
        for score in &mut scores {
            *score /= total;
        }
    }
    scores
}

/// Each in parts of all that are no smaller.
fn lamp(squares: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..squares.len()).collect();
    order.sort_by(|a, b| squares[*b].total_cmp(&squares[*a]).then(a.cmp(b)));
    let mut scores = vec![0.0; squares.len()];
    let mut above = 0.0;
    for unit in order {
        above += squares[unit];
        scores[unit] = if above > 0.0 { squares[unit] / above } else { 0.0 };
    }
    normal(scores)
}

/// The sum of each unit's distances from all others.
fn distances(model: &Model, group: &Group) -> Vec<f64> {
    let n = group.units.len();
    let mut squared = vec![0.0; n * n];
    for weight in weights(model, group) {
        let products = weight.products(n);
        let energy: f64 = (0..n).map(|u| products[u * n + u]).sum();
        if energy > 0.0 && energy.is_finite() {
            for (u, v) in (0..n).flat_map(|u| (0..n).map(move |v| (u, v))) {
                squared[u * n + v] += (products[u * n + u] + products[v * n + v] - 2.0 * products[u * n + v]) / energy;
            }
        }
    }
    let sum = |u: usize| squared[u * n..][..n].iter().map(|d| d.max(0.0).sqrt()).sum();
    normal((0..n).map(sum).collect())
}

impl Sliced {
    /// Inner products of the slices of all pairs of units, `[units, units]`.
    fn products(&self, units: usize) -> Vec<f64> {
        let ((inner, outer), length, elements) = (self.strides(), self.length(), self.elements());
        let per_unit = self.places.len() / units.max(1);
        let mut seen = vec![0; units];
        // One row for each element of a slice, one column a unit.
        let mut rows = vec![0f32; per_unit * inner * outer * units];
        for (index, unit) in &self.places {
            let turn = seen[*unit];
            seen[*unit] += 1;
            for (k, j) in (0..outer).flat_map(|k| (0..inner).map(move |j| (k, j))).filter(|_| turn < per_unit) {
                rows[((turn * outer + k) * inner + j) * units + unit] = elements[(k * length + index) * inner + j] as f32;
            }
        }
        let mut gram = shrinx_solve::Gram::new(units, 0);
        gram.add(&rows, &[]);
        let count = gram.rows() as f64;
        gram.raw().inputs.iter().map(|x| x * count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{
        ir::text,
        ops::{Facts, OpTable},
    };

    /// Three channels: the second is larger than the first, the third lies between the two in what it does, and is largest in what reads it.
    const NET: &str = "g (float[N,2,4,4] x) => (float[N,2,4,4] y)
        <float[3,2,1,1] w = {1.0, 0.0, 4.0, 0.0, 2.5, 0.0}, float[3] s = {0.5, 0.1, 0.9}, float[3] b = {9.0, 0.0, 0.0}, float[3] m = {0.0, 0.0, 0.0},
         float[3] v = {1.0, 1.0, 1.0}, float[2,3,1,1] r = {1.0, 1.0, 4.0, 0.0, 0.0, 0.0}> {
            c = Conv(x, w) n = BatchNormalization(c, s, b, m, v) a = Relu(n) y = Conv(a, r) }";

    fn order(importance: Importance) -> Vec<usize> {
        let model = text::parse(NET).unwrap();
        let ops = OpTable::standard();
        let groups = crate::prune::Groups::discover(&model, &Facts::infer(&model, &ops), &ops).groups;
        let [group] = groups.as_slice() else { panic!("{groups:?}") };
        rank(&model, group, importance).order
    }

    #[test]
    fn all_slices_of_a_unit_count_alike() {
        assert_eq!(order(Importance::L2), [0, 1, 2], "16 + 1 of 23.25 and 18, against 6.25 and 16");
        assert_eq!(order(Importance::L1), [0, 1, 2]);
        assert_eq!(order(Importance::Lamp), [0, 1, 2]);
        assert_eq!(order(Importance::Gamma), [1, 0, 2]);
        assert_eq!(order(Importance::GeometricMedian)[2], 2, "the other two are near each other");
        assert_ne!(order(Importance::Random(1)), order(Importance::Random(5)));
    }

    #[test]
    fn blocks_take_turns() {
        let unit = Unit { slices: Vec::new() };
        let group = Group { name: String::new(), units: vec![unit; 4], blocks: vec![0, 0, 1, 1] };
        let ranking = Ranking::by_scores(&group, &[0.1, 0.2, 0.3, 0.4]);
        assert_eq!((ranking.removed(2), ranking.loss_at(2)), (vec![0, 2], 0.4));
        assert_eq!(ranking.removed(4), []);
        assert_eq!(ranking.loss.len(), 5);
    }
}
