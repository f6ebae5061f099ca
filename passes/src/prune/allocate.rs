//! How many units each group keeps, so that the model costs no more than a target and loses least.
//!
//! Greedy: from full width, whatever step down costs least loss for what it saves, over all lower levels of all groups, until the target is reached. What is
//! saved beyond the target is not rewarded. Savings are exact and depend on what other groups keep: a layer with both axes in groups costs their product.
//! In the end widths are given back as far as the target allows.

use super::{cost::Costs, price::Measure};

/// The loss of the model by how many units a group keeps: pairs from all units downwards, never less loss for fewer units. Measured on samples where there
/// are any, else the share of the importance that goes ([`super::Ranking::loss_at`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Units kept, loss.
    pub points: Vec<(usize, f64)>,
}

impl Curve {
    /// From the loss at each number of units kept; made monotone.
    pub fn new(levels: &[usize], loss: impl Fn(usize) -> f64) -> Self {
        let mut most = 0f64;
        let points = levels.iter().map(|kept| {
            let loss = loss(*kept);
            most = most.max(if loss.is_finite() { loss } else { f64::MAX.sqrt() });
            (*kept, most)
        });
        Self { points: points.collect() }
    }

    /// The loss at the nearest level that keeps no more.
    pub fn at(&self, kept: usize) -> f64 {
        self.points.iter().find(|(k, _)| *k <= kept).map_or(0.0, |(_, loss)| *loss)
    }
}

/// A loss that no step is cheaper than: among steps without loss the one that saves most goes first.
const LEAST_LOSS: f64 = 1e-7;

/// Units kept by each group such that the `measure` is at most `target`; `None` where even the lowest levels cost more.
pub fn allocate(costs: &Costs<'_>, curves: &[Curve], measure: Measure, target: f64) -> Option<Vec<usize>> {
    let mut search = Search::new(costs, curves, measure);
    while search.cost() > target {
        let excess = search.cost() - target;
        let steps = (0..curves.len()).flat_map(|g| search.steps[g].iter().map(move |s| (g, *s)));
        let ratio = |step: &Step| (step.loss + LEAST_LOSS) / step.saved.min(excess);
        let (group, step) = steps.filter(|(_, s)| s.saved > 0.0).min_by(|a, b| ratio(&a.1).total_cmp(&ratio(&b.1)))?;
        search.go(group, step.level);
    }
    search.give_back(target);
    Some(search.kept)
}

#[derive(Clone, Copy, Debug)]
struct Step {
    level: usize,
    loss: f64,
    saved: f64,
}

struct Search<'a> {
    costs: &'a Costs<'a>,
    curves: &'a [Curve],
    measure: Measure,
    kept: Vec<usize>,
    levels: Vec<usize>,
    /// For each group, the steps down from where it is.
    steps: Vec<Vec<Step>>,
}

impl<'a> Search<'a> {
    fn new(costs: &'a Costs<'a>, curves: &'a [Curve], measure: Measure) -> Self {
        let kept = curves.iter().map(|c| c.points.first().map_or(0, |p| p.0)).collect();
        let mut search = Self { costs, curves, measure, kept, levels: vec![0; curves.len()], steps: vec![Vec::new(); curves.len()] };
        (0..curves.len()).for_each(|g| search.look(g));
        search
    }

    fn cost(&self) -> f64 {
        self.costs.total(self.measure, &self.kept)
    }

    fn step(&self, group: usize, level: usize) -> Step {
        let points = &self.curves[group].points;
        let ((_, now), (kept, loss)) = (points[self.levels[group]], points[level]);
        Step { level, loss: loss - now, saved: self.costs.saved(self.measure, &self.kept, group, kept) }
    }

    fn look(&mut self, group: usize) {
        self.steps[group] = (self.levels[group] + 1..self.curves[group].points.len()).map(|level| self.step(group, level)).collect();
    }

    fn go(&mut self, group: usize, level: usize) {
        (self.levels[group], self.kept[group]) = (level, self.curves[group].points[level].0);
        for neighbour in self.costs.neighbours(group) {
            self.look(neighbour);
        }
    }

    /// Steps up, the one that wins most loss for what it costs first, as long as one fits.
    fn give_back(&mut self, target: f64) {
        loop {
            let room = target - self.cost();
            let ups = (0..self.curves.len()).flat_map(|g| (0..self.levels[g]).map(move |level| (g, level)));
            let fitting = ups.map(|(g, level)| (g, self.step(g, level))).filter(|(_, s)| s.loss < 0.0 && -s.saved <= room);
            let Some((group, step)) = fitting.min_by(|a, b| gain(&b.1).total_cmp(&gain(&a.1))) else { return };
            self.go(group, step.level);
        }
    }
}

/// Loss won for each unit of cost of a step up.
fn gain(step: &Step) -> f64 {
    -step.loss / (-step.saved).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::super::Groups;
    use super::*;
    use shrinx_rewrite::{
        ops::{Facts, OpTable, costs::CostTable},
        testing,
    };

    /// Two hidden layers of eight, of which the second is cheap to lose.
    fn allocated(share: f64) -> Option<Vec<usize>> {
        let source = "g (float[N,8] x) => (float[N,8] y) <float[8,8] a, float[8,8] b, float[8,8] c> {
            p = MatMul(x, a) q = Relu(p) r = MatMul(q, b) s = Relu(r) y = MatMul(s, c) }";
        let (model, ops, table) = (testing::model(source), OpTable::standard(), CostTable::shipped());
        let facts = Facts::infer(&model, &ops);
        let groups = Groups::discover(&model, &facts, &ops);
        let costs = Costs::new(&model, &facts, &ops, &groups, &table);
        let levels: Vec<usize> = (1..=8).rev().collect();
        let curve = |price: f64| Curve::new(&levels, |kept| price * (8 - kept) as f64);
        allocate(&costs, &[curve(1.0), curve(0.01)], Measure::Macs, share * costs.total(Measure::Macs, &[8, 8]))
    }

    #[test]
    fn what_costs_little_goes_first_and_no_more_than_is_asked_for() {
        assert_eq!(allocated(1.0), Some(vec![8, 8]));
        assert_eq!(allocated(0.75), Some(vec![8, 5]), "(64 + 64·5/8 + 64·5/8) / 192 is 0.75, one more would be too much");
        assert_eq!(allocated(0.42), Some(vec![8, 1]));
        assert_eq!(allocated(0.01), None);
    }

    #[test]
    fn losses_never_fall_with_fewer_units() {
        let curve = Curve::new(&[4, 3, 2, 1], |kept| [0.0, f64::NAN, 0.1, 0.5, 0.0][kept]);
        assert_eq!(curve.points[..3], [(4, 0.0), (3, 0.5), (2, 0.5)]);
        assert!(curve.at(1) > 1e100);
    }
}
