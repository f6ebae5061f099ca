//! What a model costs, as a function of how many units each group keeps: exactly what it will cost once they are cut.
//!
//! The length of every axis that loses something is `full − Σ (slices a unit) · (units removed)`. It stands as a symbol in the facts, so that multiply-accumulates are
//! polynomials in these lengths, by the same rows of the operator table that count them in any other model: products of two of them where a layer has both
//! axes in groups.

use super::{
    groups::Groups,
    price::{Measure, Price},
};
use shrinx_rewrite::{
    ir::{AttributeValue, Dim, Model, NodeId, Symbol, Tensor, TensorData, ValueId},
    ops::{
        Fact, Facts, Inference, OpTable,
        costs::{CostTable, KernelClass, Precision, SAMPLE_LENGTH, Work, lengths_of},
    },
};
use std::collections::BTreeMap;

/// The length of an axis that units may be taken from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    full: i64,
    /// Slices that a unit of a group has there.
    slices: Vec<(usize, i64)>,
}

/// A stored tensor of which an axis may become shorter.
struct Weight {
    axes: Vec<Length>,
    bits: u64,
    counted: bool,
}

/// A length that does not change, or one that does.
enum Length {
    Fixed(i64),
    Of(usize),
}

/// A node whose cost depends on groups.
struct Kernel {
    node: NodeId,
    macs: Option<Dim>,
    class: Option<KernelClass>,
}

/// Costs of a model under pruning.
pub struct Costs<'a> {
    model: &'a Model,
    facts: Facts,
    units: Vec<usize>,
    extents: Vec<Extent>,
    symbols: BTreeMap<Symbol, usize>,
    weights: Vec<Weight>,
    kernels: Vec<Kernel>,
    /// Weights and kernels that each group has a part in.
    touched: Vec<(Vec<usize>, Vec<usize>)>,
    fixed: Price,
    table: &'a CostTable,
    lengths: Box<dyn Fn(Symbol) -> i64>,
}

impl<'a> Costs<'a> {
    /// Of a model whose groups are known. `facts` are those of the model.
    pub fn new(model: &'a Model, facts: &Facts, ops: &OpTable, groups: &Groups, table: &'a CostTable) -> Self {
        let units = groups.groups.iter().map(|g| g.units.len()).collect();
        let mut costs = Self {
            model,
            facts: facts.clone(),
            units,
            extents: Vec::new(),
            symbols: BTreeMap::new(),
            weights: Vec::new(),
            kernels: Vec::new(),
            touched: vec![(Vec::new(), Vec::new()); groups.groups.len()],
            fixed: Price::default(),
            table,
            lengths: Box::new(lengths_of(model, facts, SAMPLE_LENGTH)),
        };
        let axes = costs.name_lengths(facts, groups);
        costs.weigh(&axes);
        costs.count(facts, ops);
        costs
    }

    /// What the model costs when each group keeps so many units.
    pub fn price(&self, kept: &[usize]) -> Price {
        let total = |measure| self.total(measure, kept);
        Price {
            params: total(Measure::Params) as u64,
            macs: total(Measure::Macs) as u64,
            bytes: total(Measure::Bytes) as u64,
            latency_us: total(Measure::Latency),
        }
    }

    /// Units of each group.
    pub fn units(&self) -> &[usize] {
        &self.units
    }

    /// What the whole model costs.
    pub fn full(&self) -> Price {
        self.price(&self.units)
    }

    /// What the model costs in one measure, when each group keeps so many units.
    pub fn total(&self, measure: Measure, kept: &[usize]) -> f64 {
        self.fixed.of(measure) + self.of_parts(measure, 0..self.weights.len(), 0..self.kernels.len(), kept)
    }

    /// What is saved when `group` keeps `less` instead of what `kept` says.
    pub fn saved(&self, measure: Measure, kept: &[usize], group: usize, less: usize) -> f64 {
        let mut after = kept.to_vec();
        after[group] = less;
        let (weights, kernels) = &self.touched[group];
        let cost = |kept: &[usize]| self.of_parts(measure, weights.iter().copied(), kernels.iter().copied(), kept);
        cost(kept) - cost(&after)
    }

    /// Groups whose savings depend on how much a group keeps: those with which it shares a weight or a kernel, itself included.
    pub fn neighbours(&self, group: usize) -> Vec<usize> {
        let (weights, kernels) = &self.touched[group];
        let meets = |other: &(Vec<usize>, Vec<usize>)| {
            weights.iter().any(|w| other.0.binary_search(w).is_ok()) || kernels.iter().any(|k| other.1.binary_search(k).is_ok())
        };
        (0..self.touched.len()).filter(|g| meets(&self.touched[*g])).collect()
    }

    fn of_parts(
        &self,
        measure: Measure,
        weights: impl Iterator<Item = usize>,
        kernels: impl Iterator<Item = usize>,
        kept: &[usize],
    ) -> f64 {
        match measure {
            Measure::Macs => kernels.map(|k| self.macs(&self.kernels[k], kept)).sum::<u64>() as f64,
            Measure::Params => weights.map(|w| self.elements(&self.weights[w], kept) as f64 * f64::from(self.weights[w].counted)).sum(),
            Measure::Bytes => weights.map(|w| self.bytes(&self.weights[w], kept)).sum::<u64>() as f64,
            Measure::Latency => kernels.map(|k| self.latency(&self.kernels[k], kept)).sum(),
        }
    }

    fn elements(&self, weight: &Weight, kept: &[usize]) -> u64 {
        weight.axes.iter().map(|a| self.length(a, kept) as u64).product()
    }

    fn bytes(&self, weight: &Weight, kept: &[usize]) -> u64 {
        (self.elements(weight, kept) * weight.bits).div_ceil(8)
    }

    fn length(&self, axis: &Length, kept: &[usize]) -> i64 {
        match axis {
            Length::Fixed(n) => *n,
            Length::Of(extent) => self.extent(*extent, kept),
        }
    }

    fn extent(&self, extent: usize, kept: &[usize]) -> i64 {
        let Extent { full, slices } = &self.extents[extent];
        full - slices.iter().map(|(g, n)| n * (self.units[*g] - kept[*g]) as i64).sum::<i64>()
    }

    fn symbol(&self, symbol: Symbol, kept: &[usize]) -> i64 {
        self.symbols.get(&symbol).map_or_else(|| (self.lengths)(symbol), |extent| self.extent(*extent, kept))
    }

    /// Multiply-accumulates; 0 where they are not known.
    fn macs(&self, kernel: &Kernel, kept: &[usize]) -> u64 {
        let known = kernel.macs.as_ref().and_then(|macs| self.facts.symbols.evaluate(macs, &|s| self.symbol(s, kept)));
        known.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    }

    /// Microseconds.
    fn latency(&self, kernel: &Kernel, kept: &[usize]) -> f64 {
        let Some(class) = kernel.class else { return 0.0 };
        let work = Work::of(self.model, &self.facts, kernel.node, &|s| self.symbol(s, kept));
        work.map_or(0.0, |work| self.table.nanoseconds(&Work { class, ..work }, Precision::Float32) / 1e3)
    }

    /// Gives each length that may change a symbol, the same one to the same function of the groups.
    fn name_lengths(&mut self, facts: &Facts, groups: &Groups) -> BTreeMap<(ValueId, usize), usize> {
        let mut slices: BTreeMap<(ValueId, usize), BTreeMap<usize, i64>> = BTreeMap::new();
        for (g, group) in groups.groups.iter().enumerate() {
            // Units of a group are alike: the first one tells of all.
            for slice in group.units.first().iter().flat_map(|u| &u.slices) {
                *slices.entry((slice.value, slice.axis)).or_default().entry(g).or_default() += 1;
            }
        }
        let mut known: BTreeMap<Extent, (usize, Dim)> = BTreeMap::new();
        let mut axes = BTreeMap::new();
        for ((value, axis), slices) in slices {
            let Some(shape) = facts.of(value).shape.as_ref() else { continue };
            let Some(full) = shape.get(axis).and_then(Dim::known) else { continue };
            let extent = Extent { full, slices: slices.into_iter().collect() };
            let (index, dim) = known.entry(extent.clone()).or_insert_with(|| {
                let dim = self.facts.symbols.fresh();
                self.extents.push(extent);
                self.symbols.extend(dim.symbols().first().map(|s| (*s, self.extents.len() - 1)));
                (self.extents.len() - 1, dim)
            });
            axes.insert((value, axis), *index);
            let mut fact: Fact = self.facts.of(value).clone();
            if let Some(length) = fact.shape.as_mut().and_then(|s| s.get_mut(axis)) {
                *length = dim.clone();
            }
            self.facts.set(value, fact);
        }
        axes
    }

    /// Weights: stored values, what `Constant` nodes hold, and other tensors in attributes.
    fn weigh(&mut self, axes: &BTreeMap<(ValueId, usize), usize>) {
        let model = self.model;
        for value in model.values() {
            if let Some(tensor) = &model.value(value).initializer {
                self.weight(tensor, Some(value), axes);
            }
        }
        for id in model.nodes() {
            let holds = model.node(id).is("Constant").then(|| model.outputs(id).first().copied().flatten()).flatten();
            for attribute in &model.node(id).attributes {
                match &attribute.value {
                    AttributeValue::Tensor(t) | AttributeValue::SparseTensor(t) => self.weight(t, holds, axes),
                    AttributeValue::Tensors(all) | AttributeValue::SparseTensors(all) => {
                        for tensor in all {
                            self.weight(tensor, None, axes);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn weight(&mut self, tensor: &Tensor, value: Option<ValueId>, axes: &BTreeMap<(ValueId, usize), usize>) {
        if matches!(tensor.data, TensorData::Elided(_)) {
            return;
        }
        let extent = |axis: usize| value.and_then(|v| axes.get(&(v, axis)).copied());
        let lengths: Vec<Length> =
            tensor.dims.iter().enumerate().map(|(k, n)| extent(k).map_or(Length::Fixed(*n as i64), Length::Of)).collect();
        let counted = tensor.dtype.holds_parameters();
        let changing: Vec<usize> = (0..tensor.rank()).filter_map(extent).collect();
        if changing.is_empty() {
            self.fixed.params += if counted { tensor.len() as u64 } else { 0 };
            self.fixed.bytes += tensor.byte_len();
            return;
        }
        let index = self.weights.len();
        self.weights.push(Weight { axes: lengths, bits: tensor.dtype.bits(), counted });
        for group in self.groups_of(&changing) {
            self.touched[group].0.push(index);
        }
    }

    /// Kernels: nodes that multiply, or that the table prices.
    fn count(&mut self, facts: &Facts, ops: &OpTable) {
        let model = self.model;
        for node in model.nodes() {
            let macs = ops.of(model, node).macs.and_then(|macs| macs(&mut Inference::of(model, &mut self.facts, node)));
            let class = Work::of(model, facts, node, &self.lengths).map(|work| work.class);
            let kernel = Kernel { node, macs, class };
            let around = model.inputs(node).into_iter().chain(model.outputs(node)).flatten();
            let shapes = around.filter_map(|v| self.facts.of(v).shape.as_ref());
            let changing: Vec<usize> = shapes.flatten().flat_map(Dim::symbols).filter_map(|s| self.symbols.get(&s).copied()).collect();
            if changing.is_empty() {
                self.fixed.macs += self.macs(&kernel, &self.units);
                self.fixed.latency_us += self.latency(&kernel, &self.units);
            } else if kernel.macs.is_some() || kernel.class.is_some() {
                let index = self.kernels.len();
                self.kernels.push(kernel);
                for group in self.groups_of(&changing) {
                    self.touched[group].1.push(index);
                }
            }
        }
    }

    fn groups_of(&self, extents: &[usize]) -> Vec<usize> {
        let mut all: Vec<usize> = extents.iter().flat_map(|e| &self.extents[*e].slices).map(|(g, _)| *g).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kept, Removal, cut};
    use super::*;
    use shrinx_rewrite::testing;

    /// What is predicted of the cut, and what the cut model really costs, with every group at each of its sizes.
    fn exact(source: &str, groups_expected: usize) {
        let (model, ops, table) = (testing::model(source), OpTable::standard(), CostTable::shipped());
        let facts = Facts::infer(&model, &ops);
        let groups = Groups::discover(&model, &facts, &ops);
        assert_eq!(groups.groups.len(), groups_expected);
        let costs = Costs::new(&model, &facts, &ops, &groups, &table);
        for lost in 1..4 {
            let fewer = |units: usize| units.saturating_sub(lost).max(1);
            let kept: Vec<usize> = costs.units().iter().map(|n| fewer(*n)).collect();
            let removal = Removal { groups: groups.groups.iter().map(|g| (fewer(g.units.len())..g.units.len()).collect()).collect() };
            let mut result = model.clone();
            cut(&mut result, &ops, &Kept::of(&groups, &removal)).unwrap();
            let real = Costs::new(&result, &Facts::infer(&result, &ops), &ops, &Groups::default(), &table).full();
            let predicted = costs.price(&kept);
            assert_eq!((predicted.params, predicted.macs, predicted.bytes), (real.params, real.macs, real.bytes));
            assert!(predicted.macs < costs.full().macs && predicted.latency_us <= costs.full().latency_us);
            // Steps add up, whatever the order.
            let mut at = costs.units().to_vec();
            let mut cost = costs.full().of(Measure::Macs);
            for g in 0..at.len() {
                cost -= costs.saved(Measure::Macs, &at, g, kept[g]);
                at[g] = kept[g];
            }
            assert_eq!(cost, real.macs as f64);
        }
    }

    #[test]
    fn convolutions() {
        exact(
            "g (float[N,3,H,8] x) => (float[N,2,H,8] y)
                <float[8,3,3,3] a, float[8,1,3,3] d, float[8] b, float[12,8,1,1] c, float[2,12,1,1] e> {
                p = Conv<pads = [1,1,1,1]>(x, a, b) q = Relu(p) r = Conv<group = 8, pads = [1,1,1,1]>(q, d) s = Add(q, r)
                t = Conv(s, c) y = Conv(t, e) }",
            2,
        );
    }

    #[test]
    fn concatenated_and_split_channels() {
        exact(
            "g (float[N,4,8,8] x) => (float[N,2,8,8] y) <float[6,4,1,1] a, float[5,4,1,1] b, float[2,11,1,1] c> {
                p = Conv(x, a) q = Conv(x, b) r = Concat<axis = 1>(p, q) y = Conv(r, c) }",
            2,
        );
    }

    #[test]
    fn products_of_activations() {
        exact(
            "g (float[N,S,6] x) => (float[N,S,6] y) <float[6,8] q, float[6,8] k, float[6,5] v, float[5,6] o> {
                a = MatMul(x, q) b = MatMul(x, k) t = Transpose<perm = [0,2,1]>(b) p = MatMul(a, t) s = Softmax(p) c = MatMul(x, v)
                d = MatMul(s, c) y = MatMul(d, o) }",
            2,
        );
    }

    #[test]
    fn hidden_units() {
        exact(
            "g (float[S,N,3] x) => (float[S,1,N,2] y) <float[1,16,3] w, float[1,16,4] r, float[1,32] b, float[4,2] v> {
                h = LSTM<hidden_size = 4>(x, w, r, b) y = MatMul(h, v) }",
            1,
        );
    }

    #[test]
    fn dense_layers() {
        exact(
            "g (float[N,6] x) => (float[N,3] y) <float[8,6] w, float[8] b, float[8,3] v> {
                h = Gemm<transB = 1>(x, w, b) r = Relu(h) y = Gemm(r, v) }",
            1,
        );
    }
}
