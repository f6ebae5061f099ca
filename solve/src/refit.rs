//! The weights of a layer fitted anew to what it is fed and to what it ought to give.

use crate::Normal;
use crate::normal::{rows, times};
use crate::ridge::Damped;
use faer::Mat;

/// The dampings that are tried.
const DAMPINGS: [f64; 7] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// How often one-sided targets are set anew.
const ROUNDS: usize = 4;

/// A layer whose weights do better.
#[derive(Clone, Debug, PartialEq)]
pub struct Refit {
    /// Its weights, as they came: `[outputs, n]` a block.
    pub weights: Vec<Vec<f64>>,
    /// The damping that was best.
    pub damping: f64,
    /// The error on the accept part, as a share of the power of what is wanted: of the old weights,
    pub before: f64,
    /// and of the new ones, had they been fitted without the accept part.
    pub after: f64,
}

/// Ridge regression from given weights: W = W₀ + (C - W₀G)(G + λI)⁻¹, where λ is chosen on the accept part and the answer fitted to both. A grouped layer is
/// several blocks, which share λ; others are one. `None` where no damping makes the error on the accept part fall.
pub fn refit(fit: &[Normal], accept: &[Normal], weights: &[Vec<f64>]) -> Option<Refit> {
    assert_eq!((fit.len(), accept.len()), (weights.len(), weights.len()));
    let error = |all: &[Vec<f64>]| accept.iter().zip(all).map(|(normal, w)| normal.error(w)).sum::<f64>();
    let tried = DAMPINGS.iter().filter_map(|&damping| {
        let solved: Option<Vec<_>> = fit.iter().zip(weights).map(|(n, w)| Refitter::of(n, damping)?.solve(w, &n.cross)).collect();
        Some((error(&solved?), damping))
    });
    let (after, damping) = tried.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let before = error(weights);
    if after >= before {
        return None;
    }
    let power = accept.iter().map(|normal| normal.power).sum::<f64>().max(f64::MIN_POSITIVE);
    let both = fit.iter().zip(accept).map(|(a, b)| a.plus(b));
    let weights: Option<_> = both.zip(weights).map(|(n, w)| Refitter::of(&n, damping)?.solve(w, &n.cross)).collect();
    Some(Refit { weights: weights?, damping, before: before / power, after: after / power })
}

/// Fits the same inputs to any outputs: one factorization.
pub struct Refitter<'a> {
    normal: &'a Normal,
    damped: Damped,
}

impl<'a> Refitter<'a> {
    /// For these inputs. `None` if their damped Gram matrix is not positive definite.
    pub fn of(normal: &'a Normal, damping: f64) -> Option<Self> {
        Some(Self { normal, damped: Damped::of(&normal.gram, normal.n, normal.bias, damping)? })
    }

    /// W₀ + (C - W₀G)(G + λI)⁻¹ of `weights` W₀ and `cross` C = Σ y xᵀ, each `[outputs, n]`.
    pub fn solve(&self, weights: &[f64], cross: &[f64]) -> Option<Vec<f64>> {
        let n = self.normal.n;
        let outputs = weights.len() / n;
        let product = times(weights, outputs, &self.normal.gram, n);
        let mut change = Mat::from_fn(n, outputs, |i, o| cross[o * n + i] - product[o * n + i]);
        self.damped.solve(&mut change);
        let solved: Vec<f64> = weights.iter().zip(rows(&change)).map(|(w, change)| w + change).collect();
        solved.iter().all(|w| w.is_finite()).then_some(solved)
    }

    /// The same for targets that depend on the prediction ([`Flat::target`]): from `start`, solved again and again for the `cross` that the latest weights
    /// give. An error of `cross` ends it.
    pub fn one_sided<E>(
        &self,
        weights: &[f64],
        start: Vec<f64>,
        mut cross: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Option<Vec<f64>>, E> {
        let mut latest = start;
        for _ in 0..ROUNDS {
            match self.solve(weights, &cross(&latest)?) {
                Some(solved) => latest = solved,
                None => return Ok(None),
            }
        }
        Ok(Some(latest))
    }
}

/// Where an activation is flat: there any input does that is as far out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flat {
    /// All below gives the same; minus infinity where nothing does.
    pub below: f32,
    /// All above gives the same; infinity where nothing does.
    pub above: f32,
}

impl Flat {
    /// What to ask for where `wanted` is wanted and `predicted` is what there is.
    pub fn target(self, wanted: f32, predicted: f32) -> f32 {
        if wanted <= self.below {
            predicted.min(self.below)
        } else if wanted >= self.above {
            predicted.max(self.above)
        } else {
            wanted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gram;
    use crate::testing::Random;
    use std::convert::Infallible;

    struct Rows {
        x: Vec<f32>,
        y: Vec<f32>,
    }

    /// y = relu-free linear map of x [4] to 2 outputs, plus noise.
    fn made(random: &mut Random, m: usize, truth: &[f64], noise: f64) -> Rows {
        let x: Vec<f32> = (0..m * 4).map(|_| random.normal() as f32 + 0.5).collect();
        let exact = |k: usize| {
            let (row, o) = (k / 2, k % 2);
            (0..4).map(|i| truth[o * 5 + i] * f64::from(x[row * 4 + i])).sum::<f64>() + truth[o * 5 + 4]
        };
        let y = (0..m * 2).map(|k| (exact(k) + noise * random.normal()) as f32).collect();
        Rows { x, y }
    }

    fn normal(rows: &Rows) -> Normal {
        let mut gram = Gram::new(4, 2);
        gram.add(&rows.x, &rows.y);
        Normal::of(&gram, true)
    }

    #[test]
    fn finds_the_weights_that_made_the_outputs() {
        let mut random = Random(7);
        let truth = random.normals(10);
        let (fit, accept) = (normal(&made(&mut random, 300, &truth, 0.01)), normal(&made(&mut random, 60, &truth, 0.01)));
        let refit = refit(&[fit], &[accept], &[vec![0.0; 10]]).unwrap();
        assert!(refit.before > 0.9 && refit.after < 1e-3, "{refit:?}");
        refit.weights[0].iter().zip(&truth).for_each(|(a, b)| assert!((a - b).abs() < 0.01));
    }

    #[test]
    fn leaves_what_cannot_be_improved() {
        let mut random = Random(8);
        let truth = random.normals(10);
        let (fit, accept) = (normal(&made(&mut random, 12, &truth, 3.0)), normal(&made(&mut random, 4000, &truth, 3.0)));
        assert_eq!(refit(&[fit], &[accept], &[truth]), None);
        let nothing = Normal { n: 1, outputs: 1, bias: false, gram: vec![0.0], cross: vec![0.0], power: 0.0 };
        assert_eq!(refit(std::slice::from_ref(&nothing), std::slice::from_ref(&nothing), &[vec![1.0]]), None);
    }

    #[test]
    fn one_sided_targets_serve_the_activation_better() {
        let mut random = Random(9);
        let truth = random.normals(10);
        let mut rows = made(&mut random, 500, &truth, 0.0);
        // Where relu is flat, the teacher's values are far from linear; rounds close in on it by and by.
        rows.y.iter_mut().filter(|y| **y < 0.0).for_each(|y| *y = -30.0 - *y * *y);
        let flat = Flat { below: 0.0, above: f32::INFINITY };
        let normal = normal(&rows);
        let fitter = Refitter::of(&normal, 1e-5).unwrap();
        let zero = vec![0.0; 10];
        let predict = |w: &[f64], row: usize, o: usize| {
            ((0..4).map(|i| w[o * 5 + i] * f64::from(rows.x[row * 4 + i])).sum::<f64>() + w[o * 5 + 4]) as f32
        };
        let cross = |w: &[f64]| -> Result<Vec<f64>, Infallible> {
            let mut gram = Gram::new(4, 2);
            let y: Vec<f32> = (0..1000).map(|k| flat.target(rows.y[k], predict(w, k / 2, k % 2))).collect();
            gram.add(&rows.x, &y);
            Ok(Normal::of(&gram, true).cross)
        };
        let error = |w: &[f64]| (0..1000).map(|k| (rows.y[k].max(0.0) - predict(w, k / 2, k % 2).max(0.0)).powi(2)).sum::<f32>();
        let plain = fitter.solve(&zero, &normal.cross).unwrap();
        let Ok(one_sided) = fitter.one_sided(&zero, plain.clone(), cross);
        let one_sided = one_sided.unwrap();
        assert!(error(&one_sided) < 0.7 * error(&plain), "{} {}", error(&one_sided), error(&plain));
    }
}
