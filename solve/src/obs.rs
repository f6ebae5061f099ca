//! The order in which inputs are best taken away: greedy block OBS (optimal brain surgeon).
//!
//! Of a layer with weights W and A = (Σ x xᵀ + λI)⁻¹, taking away the inputs u costs tr(W_u (A_uu)⁻¹ W_uᵀ) if the other weights make up for it as well as they
//! can: W -= W_u (A_uu)⁻¹ A_u:, A -= A_:u (A_uu)⁻¹ A_u:. A unit is a set of inputs of each of several layers; the one that costs least goes first, and each
//! cost is judged after those before it have gone.
//!
//! A is brought up to date for a block of units at once, by one matrix product; until then only what the costs need is: W, and the corners A_uu.

use crate::normal::times;
use crate::ridge::Damped;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};

/// Rows that are taken away before all of A is brought up to date.
const BLOCK: usize = 96;

/// A layer that reads the inputs in question.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Σ x xᵀ `[n, n]`; where there is a bias, the last element of x is 1.
    pub gram: &'a [f64],
    /// Its weights, `[outputs, n]`.
    pub weights: &'a [f64],
    /// Its outputs.
    pub outputs: usize,
    /// Whether the last weight is a bias.
    pub bias: bool,
    /// The inputs of each unit. None is in two units; those in no unit stay.
    pub units: &'a [Vec<usize>],
}

/// The units, the first to go first.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// All units.
    pub units: Vec<usize>,
    /// What each of them cost when it went: the share of the energy (variance) of the readers' outputs, added up over readers.
    pub costs: Vec<f64>,
}

/// The order in which the units are best taken from their `readers`. `damping` (1e-3 is usual) times the mean of the diagonal is λ. `None` where there are no
/// readers, or moments that are not finite.
pub fn obs_order(readers: &[Reader<'_>], damping: f64) -> Option<Order> {
    let count = readers.first()?.units.len();
    assert!(readers.iter().all(|reader| reader.units.len() == count));
    let mut states: Vec<State> = readers.iter().map(|reader| State::of(reader, damping)).collect::<Option<_>>()?;
    let mut alive: Vec<usize> = (0..count).collect();
    let mut order = Order { units: Vec::with_capacity(count), costs: Vec::with_capacity(count) };
    while !alive.is_empty() {
        let mut best: Option<(f64, usize)> = None;
        for (at, &unit) in alive.iter().enumerate() {
            let mut cost = 0.0;
            for state in &mut states {
                cost += state.cost(unit)?;
            }
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, at));
            }
        }
        let (cost, at) = best.filter(|(cost, _)| cost.is_finite())?;
        let unit = alive.remove(at);
        for state in &mut states {
            state.remove(unit, &alive)?;
        }
        order.units.push(unit);
        order.costs.push(cost);
    }
    Some(order)
}

struct State {
    /// A as of the last time it was brought up to date: the lower triangle.
    inverse: Mat<f64>,
    /// What is to be taken from it since: a column a row that went, `[n, BLOCK]`.
    taken: Vec<Vec<f64>>,
    /// W, a column an input; its rows may have been turned.
    weights: Mat<f64>,
    /// The lower triangle of A_uu of each unit, up to date, row by row.
    corners: Vec<Vec<f64>>,
    /// The inputs of each unit, as they are numbered now.
    units: Vec<Vec<usize>>,
    energy: f64,
    scratch: Vec<f64>,
}

impl State {
    fn of(reader: &Reader<'_>, damping: f64) -> Option<Self> {
        let n = reader.weights.len() / reader.outputs.max(1);
        assert_eq!(reader.gram.len(), n * n);
        let mut inverse = Mat::identity(n, n);
        Damped::of(reader.gram, n, reader.bias, damping)?.solve(&mut inverse);
        let corner = |unit: &Vec<usize>| unit.iter().enumerate().flat_map(|(k, i)| unit[..=k].iter().map(|j| (*i, *j))).collect::<Vec<_>>();
        let corners = reader.units.iter().map(|unit| corner(unit).into_iter().map(|(i, j)| inverse[(i.max(j), i.min(j))]).collect());
        Some(Self {
            corners: corners.collect(),
            taken: Vec::new(),
            weights: compact(Mat::from_fn(reader.outputs, n, |o, i| reader.weights[o * n + i])),
            units: reader.units.to_vec(),
            energy: energy(reader, n)?,
            scratch: Vec::new(),
            inverse,
        })
    }

    /// What taking away a unit costs now.
    fn cost(&mut self, unit: usize) -> Option<f64> {
        let cost = match (self.units[unit].as_slice(), self.corners[unit].as_slice()) {
            (&[i], &[a]) if a > 0.0 => square(self.weights.col_as_slice(i)) / a,
            _ => {
                self.spread(unit)?;
                square(&self.scratch)
            }
        };
        Some(cost / self.energy)
    }

    /// Puts L⁻¹ W_uᵀ, with A_uu = L Lᵀ, into the scratch, row by row, and gives L.
    fn spread(&mut self, unit: usize) -> Option<Vec<f64>> {
        let (outputs, inputs) = (self.weights.nrows(), &self.units[unit]);
        let factor = factor(&self.corners[unit], inputs.len())?;
        self.scratch.clear();
        for (k, i) in inputs.iter().enumerate() {
            self.scratch.extend_from_slice(self.weights.col_as_slice(*i));
            let (before, row) = self.scratch.split_at_mut(k * outputs);
            let line = &factor[k * (k + 1) / 2..][..=k];
            for (earlier, l) in before.chunks_exact(outputs.max(1)).zip(line) {
                row.iter_mut().zip(earlier).for_each(|(x, e)| *x -= l * e);
            }
            for x in row {
                *x /= line[k];
            }
        }
        Some(factor)
    }

    /// Takes it away.
    fn remove(&mut self, unit: usize, alive: &[usize]) -> Option<()> {
        let factor = self.spread(unit)?;
        let inputs = std::mem::take(&mut self.units[unit]);
        let (n, outputs) = (self.inverse.nrows(), self.weights.nrows());
        let first = self.taken.len();
        for (k, &i) in inputs.iter().enumerate() {
            // A_:i as it is now, then A_:u L⁻ᵀ column by column.
            let mut column: Vec<f64> = (0..n).map(|j| self.inverse[(i.max(j), i.min(j))]).collect();
            for (at, taken) in self.taken.iter().enumerate() {
                let by = if at < first { taken[i] } else { factor[k * (k + 1) / 2 + at - first] };
                column.iter_mut().zip(taken).for_each(|(x, t)| *x -= by * t);
            }
            let pivot = factor[k * (k + 1) / 2 + k];
            for x in &mut column {
                *x /= pivot;
            }
            let change = &self.scratch[k * outputs..][..outputs];
            for &j in alive.iter().flat_map(|unit| &self.units[*unit]) {
                let by = column[j];
                self.weights.col_as_slice_mut(j).iter_mut().zip(change).for_each(|(w, c)| *w -= by * c);
            }
            for &unit in alive {
                let inputs = &self.units[unit];
                let mut corner = self.corners[unit].iter_mut();
                for (k, i) in inputs.iter().enumerate() {
                    inputs[..=k].iter().zip(&mut corner).for_each(|(j, a)| *a -= column[*i] * column[*j]);
                }
            }
            self.taken.push(column);
        }
        if self.taken.len() >= BLOCK {
            self.update(alive);
        }
        Some(())
    }

    /// Brings all of A up to date, and forgets the inputs that have gone or never will.
    fn update(&mut self, alive: &[usize]) {
        let stay: Vec<usize> = alive.iter().flat_map(|unit| self.units[*unit].iter().copied()).collect();
        let mut inverse =
            Mat::from_fn(
                stay.len(),
                stay.len(),
                |i, j| {
                    if i < j { 0.0 } else { self.inverse[(stay[i].max(stay[j]), stay[i].min(stay[j]))] }
                },
            );
        let taken = Mat::from_fn(stay.len(), self.taken.len(), |i, t| self.taken[t][stay[i]]);
        let (lower, dense) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        triangular::matmul(&mut inverse, lower, Accum::Add, &taken, dense, taken.transpose(), dense, -1.0, Par::Seq);
        self.inverse = inverse;
        self.weights = Mat::from_fn(self.weights.nrows(), stay.len(), |o, i| self.weights[(o, stay[i])]);
        self.taken.clear();
        let mut next = 0..stay.len();
        for unit in alive {
            self.units[*unit].iter_mut().zip(&mut next).for_each(|(at, new)| *at = new);
        }
    }
}

/// Costs know only products of columns: with more rows than columns, R of W = QR does as well.
fn compact(weights: Mat<f64>) -> Mat<f64> {
    if weights.nrows() <= weights.ncols() { weights } else { weights.qr().thin_R().to_owned() }
}

/// The lower Cholesky factor of a small matrix, both as lower triangles row by row.
fn factor(corner: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut factor = corner.to_vec();
    let line = |i: usize| i * (i + 1) / 2;
    for i in 0..n {
        for j in 0..=i {
            let product: f64 = (0..j).map(|k| factor[line(i) + k] * factor[line(j) + k]).sum();
            let rest = factor[line(i) + j] - product;
            factor[line(i) + j] = if i > j { rest / factor[line(j) + j] } else { rest.sqrt() };
        }
        if factor[line(i) + i].is_nan() || factor[line(i) + i] <= 0.0 {
            return None;
        }
    }
    Some(factor)
}

/// The variance of the outputs, added up, times the number of rows; without a bias, their power.
fn energy(reader: &Reader<'_>, n: usize) -> Option<f64> {
    let product = times(reader.weights, reader.outputs, reader.gram, n);
    let mut energy: f64 = product.iter().zip(reader.weights).map(|(g, w)| g * w).sum();
    if reader.bias {
        let rows = reader.gram[n * n - 1].max(f64::MIN_POSITIVE);
        energy -= product.chunks_exact(n).map(|sums| sums[n - 1] * sums[n - 1] / rows).sum::<f64>();
    }
    // A layer that gives always the same has nothing to lose.
    energy.is_finite().then_some(if energy > 0.0 { energy } else { f64::INFINITY })
}

/// ‖x‖², in eight sums side by side.
fn square(x: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let mut chunks = x.chunks_exact(8);
    for chunk in &mut chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x * x);
    }
    sums.iter().sum::<f64>() + chunks.remainder().iter().map(|x| x * x).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use crate::{Gram, Normal};

    struct Layer {
        gram: Vec<f64>,
        weights: Vec<f64>,
        outputs: usize,
        units: Vec<Vec<usize>>,
    }

    impl Layer {
        /// Of `units` with `k` inputs each, spread over the axis, and a bias.
        fn made(random: &mut Random, units: usize, k: usize, outputs: usize) -> Self {
            let n = units * k;
            let mut gram = Gram::new(n, 0);
            let mix = random.normals(n * n);
            for _ in 0..3 * n {
                let seed = random.normals(n);
                let x = (0..n).map(|i| 1.0 + seed[i] + 0.2 * (0..n).map(|j| mix[i * n + j] * seed[j]).sum::<f64>());
                gram.add(&x.map(|x| x as f32).collect::<Vec<_>>(), &[]);
            }
            let units = (0..units).map(|u| (0..k).map(|j| j * units + u).collect()).collect();
            Self { gram: Normal::of(&gram, true).gram, weights: random.normals(outputs * (n + 1)), outputs, units }
        }

        fn reader(&self) -> Reader<'_> {
            Reader { gram: &self.gram, weights: &self.weights, outputs: self.outputs, bias: true, units: &self.units }
        }

        /// The least damped error with the inputs of `gone` taken away.
        fn error(&self, gone: &[usize], damping: f64) -> f64 {
            let n = self.weights.len() / self.outputs;
            let gone: Vec<usize> = gone.iter().flat_map(|u| self.units[*u].clone()).collect();
            let stay: Vec<usize> = (0..n).filter(|i| !gone.contains(i)).collect();
            let lambda = damping * (0..n - 1).map(|i| self.gram[i * n + i]).sum::<f64>() / (n - 1) as f64;
            let damped = |i: usize, j: usize| {
                self.gram[i * n + j]
                    + if i != j {
                        0.0
                    } else if i + 1 == n {
                        1e-3 * lambda
                    } else {
                        lambda
                    }
            };
            let (s, o) = (stay.len(), self.outputs);
            let part: Vec<f64> = (0..s * s).map(|k| damped(stay[k / s], stay[k % s])).collect();
            let cross: Vec<f64> = (0..s * o).map(|k| (0..n).map(|j| damped(stay[k / o], j) * self.weights[k % o * n + j]).sum()).collect();
            let kept = crate::ridge(&part, &cross, s, o, 0.0).unwrap();
            let mut difference = self.weights.clone();
            (0..s * o).for_each(|k| difference[k % o * n + stay[k / o]] -= kept[k]);
            let row = |w: &[f64]| (0..n * n).map(|k| w[k / n] * damped(k / n, k % n) * w[k % n]).sum::<f64>();
            difference.chunks_exact(n).map(row).sum::<f64>() / energy(&self.reader(), n).unwrap()
        }
    }

    fn check(layers: &[Layer], damping: f64) {
        let readers: Vec<_> = layers.iter().map(Layer::reader).collect();
        let order = obs_order(&readers, damping).unwrap();
        let count = layers[0].units.len();
        let mut gone: Vec<usize> = Vec::new();
        let error = |gone: &[usize]| layers.iter().map(|layer| layer.error(gone, damping)).sum::<f64>();
        for (&unit, &cost) in order.units.iter().zip(&order.costs) {
            let so_far = error(&gone);
            let with = |u: usize| error(&[gone.clone(), vec![u]].concat()) - so_far;
            let best = (0..count).filter(|u| !gone.contains(u)).map(|u| (with(u), u)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            assert!((best.0 - cost).abs() < 1e-6 * (1.0 + cost), "{cost} against {best:?}");
            assert_eq!(unit, best.1);
            gone.push(unit);
        }
        assert_eq!(gone.len(), count);
    }

    #[test]
    fn each_step_is_the_best_one() {
        let mut random = Random(1);
        check(&[Layer::made(&mut random, 12, 1, 3)], 1e-3);
        check(&[Layer::made(&mut random, 7, 4, 10)], 1e-2);
        // Two readers, which see the units through different kernels.
        check(&[Layer::made(&mut random, 6, 9, 2), Layer::made(&mut random, 6, 1, 5)], 1e-3);
    }

    #[test]
    fn blocks_change_nothing() {
        let layer = Layer::made(&mut Random(2), 60, 4, 3);
        let order = obs_order(&[layer.reader()], 1e-3).unwrap();
        let mut sorted = order.units.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..60).collect::<Vec<_>>());
        for gone in [1, 24, 25, 49, 59, 60] {
            let cost: f64 = order.costs[..gone].iter().sum();
            let expected = layer.error(&order.units[..gone], 1e-3);
            assert!((cost / expected - 1.0).abs() < 1e-6, "{gone}: {cost} against {expected}");
        }
    }

    #[test]
    fn what_nobody_needs_goes_first() {
        let mut layer = Layer::made(&mut Random(3), 5, 2, 4);
        let n = 11;
        // Unit 3 (inputs 3 and 8) is not read.
        for o in 0..4 {
            (layer.weights[o * n + 3], layer.weights[o * n + 8]) = (0.0, 0.0);
        }
        // Unit 1 (inputs 1 and 6) is always 0.
        (0..n).for_each(|i| [1, 6].iter().for_each(|j| (layer.gram[i * n + j], layer.gram[j * n + i]) = (0.0, 0.0)));
        let order = obs_order(&[layer.reader()], 1e-3).unwrap();
        assert_eq!(order.units[..2], [3, 1]);
        assert!(order.costs[0] == 0.0 && order.costs[1] < 1e-3);
        assert_eq!(obs_order(&[], 1e-3), None);
        layer.gram[0] = f64::NAN;
        assert_eq!(obs_order(&[layer.reader()], 1e-3), None);
    }
}
