//! How much each unit matters to the layers that read it, as samples show: second moments of what the layers were fed.

use super::{groups::Group, importance::Ranking};
use shrinx_rewrite::ir::ValueId;
use shrinx_solve::{Normal, Reader, obs_order};

/// A layer that was observed: every output is a sum over all of its inputs.
pub struct Observed {
    /// What it reads, and the axis whose slices it sums over.
    pub input: (ValueId, usize),
    /// Inputs of a slice: the elements of the kernel of a convolution. Slice `i` is inputs `i · kernel ..`.
    pub kernel: usize,
    /// Its weights, `[outputs, n]`; a bias is the last one.
    pub weights: Vec<f64>,
    /// Second moments of its inputs, over all samples.
    pub moments: Normal,
}

/// By what units are judged, with samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The error that is left once the other units have made up for it, each judged after those before it have gone (greedy block OBS).
    Obs,
    /// Absolute weights times the root mean square of their inputs (Sun et al., "A Simple and Effective Pruning Approach for Large Language Models", 2023).
    Wanda,
    /// Power of what it adds to the outputs.
    Energy,
    /// Variance of what it adds: what is constant goes into the bias (An et al., "Fluctuation-based Adaptive Structured Pruning", 2024).
    Variance,
}

impl Judgement {
    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Obs => "obs",
            Self::Wanda => "wanda",
            Self::Energy => "energy",
            Self::Variance => "variance",
        }
    }
}

/// Damping of the inverse, in parts of the mean of the diagonal.
const DAMPING: f64 = 1e-3;

/// Ranks the units of a group by what its observed readers say; `None` where it has none, or they saw no numbers.
pub fn rank_observed(group: &Group, layers: &[Observed], judgement: Judgement) -> Option<Ranking> {
    let parts: Vec<(&Observed, Vec<Vec<usize>>)> = layers.iter().filter_map(|l| Some((l, l.units(group)?))).collect();
    if judgement == Judgement::Obs {
        let readers: Vec<Reader<'_>> = parts.iter().map(|(layer, units)| layer.reader(units)).collect();
        let order = obs_order(&readers, DAMPING)?;
        return Some(Ranking::by_order(group, order.units, &order.costs));
    }
    let mut scores = vec![0.0; group.units.len()];
    for (layer, units) in &parts {
        let whole = layer.power(&(0..layer.moments.n).collect::<Vec<_>>(), true).max(f64::MIN_POSITIVE);
        for (score, inputs) in scores.iter_mut().zip(units) {
            *score += match judgement {
                Judgement::Wanda => layer.product(inputs) / whole.sqrt(),
                Judgement::Energy => layer.power(inputs, false) / whole,
                Judgement::Obs | Judgement::Variance => layer.power(inputs, true) / whole,
            };
        }
    }
    (!parts.is_empty() && scores.iter().all(|s| s.is_finite())).then(|| Ranking::by_scores(group, &scores))
}

impl Observed {
    /// The inputs of each unit; `None` where the layer reads none.
    fn units(&self, group: &Group) -> Option<Vec<Vec<usize>>> {
        let of = |slices: &[super::Slice]| {
            let mine = slices.iter().filter(|s| (s.value, s.axis) == self.input);
            mine.flat_map(|s| s.index * self.kernel..(s.index + 1) * self.kernel).collect::<Vec<usize>>()
        };
        let units: Vec<Vec<usize>> = group.units.iter().map(|u| of(&u.slices)).collect();
        units.iter().any(|u| !u.is_empty()).then_some(units)
    }

    fn reader<'a>(&'a self, units: &'a [Vec<usize>]) -> Reader<'a> {
        Reader { gram: &self.moments.gram, weights: &self.weights, outputs: self.moments.outputs, bias: self.moments.bias, units }
    }

    /// Power, or variance, of what some inputs add to the outputs: tr(W_u M_uu W_uᵀ). Without a bias the means count.
    fn power(&self, inputs: &[usize], centred: bool) -> f64 {
        let Normal { n, outputs, bias, gram, .. } = &self.moments;
        let last = n.saturating_sub(1);
        let rows = gram.last().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        let moment =
            |i: usize, j: usize| gram[i * n + j] - if *bias && centred { gram[i * n + last] * gram[j * n + last] / rows } else { 0.0 };
        let mut sum = 0.0;
        for (i, j) in inputs.iter().flat_map(|i| inputs.iter().map(move |j| (*i, *j))) {
            let products: f64 = (0..*outputs).map(|o| self.weights[o * n + i] * self.weights[o * n + j]).sum();
            sum += products * moment(i, j);
        }
        sum.max(0.0)
    }

    fn product(&self, inputs: &[usize]) -> f64 {
        let Normal { n, outputs, gram, .. } = &self.moments;
        let of = |i: &usize| (0..*outputs).map(|o| self.weights[o * n + i].abs()).sum::<f64>() * gram[i * n + i].max(0.0).sqrt();
        inputs.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::{Slice, Unit};
    use shrinx_rewrite::ir::{Model, text};
    use shrinx_solve::Gram;

    /// Three inputs: the second is the double of the first; the third is nearly constant, and large.
    fn layer() -> (Group, Observed) {
        let model = text::parse("g (float[N,3] x) => (float[N,1] y) <float[3,1] w> { y = MatMul(x, w) }").unwrap();
        let value = model.find(Model::MAIN, "x").unwrap();
        let unit = |index| Unit { slices: vec![Slice { value, axis: 1, index }] };
        let group = Group { name: "g".into(), units: (0..3).map(unit).collect(), blocks: vec![0; 3] };
        let mut gram = Gram::new(3, 1);
        for k in 0..100u16 {
            let x = f32::from(k % 7) - 3.0;
            gram.add(&[x, 2.0 * x, 5.0 + f32::from(k % 3) * 0.1], &[0.0]);
        }
        (group, Observed { input: (value, 1), kernel: 1, weights: vec![1.0, 0.6, 1.0, 0.0], moments: Normal::of(&gram, true) })
    }

    #[test]
    fn judgements_differ_in_what_is_made_up_for() {
        let (group, layer) = layer();
        let order = |judgement| rank_observed(&group, std::slice::from_ref(&layer), judgement).unwrap().order;
        assert_eq!(order(Judgement::Variance), [2, 0, 1], "a bias makes up for what is constant");
        assert_eq!(order(Judgement::Energy), [0, 1, 2]);
        assert_eq!(order(Judgement::Wanda), [0, 1, 2]);
        let obs = rank_observed(&group, std::slice::from_ref(&layer), Judgement::Obs).unwrap();
        assert_eq!(obs.order[2], 1, "one of the first two makes up for the other: {obs:?}");
        assert!(obs.loss[2] < 1e-2 && obs.loss[3] > 0.5, "{obs:?}");
    }

    #[test]
    fn a_layer_that_reads_nothing_of_a_group_says_nothing() {
        let (mut group, layer) = layer();
        group.units.iter_mut().for_each(|u| u.slices[0].axis = 0);
        assert_eq!(rank_observed(&group, &[layer], Judgement::Obs), None);
    }
}
