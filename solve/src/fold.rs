//! Inputs that are taken away are put on those that stay: least squares with one Gram matrix, for a layer with any outputs.

use crate::normal::{rows, times};
use crate::ridge::Damped;
use faer::Mat;

/// The dampings that are tried.
const DAMPINGS: [f64; 6] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];

/// A layer that reads fewer inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// Its weights, `[outputs, kept]`.
    pub weights: Vec<f64>,
    /// The damping that was best.
    pub damping: f64,
    /// The error on the accept part, as a share of the power of the outputs: of the plain cut,
    pub before: f64,
    /// and of the folded weights, had they been fitted without the accept part.
    pub after: f64,
}

/// Weights of the `kept` inputs (in rising order) that do best what `weights` W `[outputs, n]` did with all inputs:
/// W_S += (W G_:S - W_S G_SS)(G_SS + λI)⁻¹.
///
/// `fit` and `accept` are Σ x xᵀ `[n, n]` over two parts of the samples. λ is chosen on the second, the answer fitted to both. Where there is a `bias`, it is
/// the last weight, and must be kept. `None` where the moments are not finite or all is 0.
pub fn fold(fit: &[f64], accept: &[f64], weights: &[f64], outputs: usize, bias: bool, kept: &[usize]) -> Option<Folded> {
    let n = weights.len() / outputs.max(1);
    assert_eq!((fit.len(), accept.len(), weights.len()), (n * n, n * n, outputs * n));
    assert!(!bias || kept.last() == Some(&(n - 1)));
    let cut: Vec<f64> = (0..outputs).flat_map(|o| kept.iter().map(move |i| weights[o * n + i])).collect();
    // (W G_:S - W_S G_SS) = D G_:S, D the weights that are lost.
    let mut lost = weights.to_vec();
    (0..outputs).for_each(|o| kept.iter().for_each(|i| lost[o * n + i] = 0.0));
    let problem = |gram: &[f64]| {
        let part = |all: &[f64], lines: &mut dyn Iterator<Item = usize>| -> Vec<f64> {
            lines.flat_map(|line| kept.iter().map(move |i| line * n + i)).map(|at| all[at]).collect()
        };
        let missing = part(&times(&lost, outputs, gram, n), &mut (0..outputs));
        (part(gram, &mut kept.iter().copied()), Mat::from_fn(kept.len(), outputs, |i, o| missing[o * kept.len() + i]))
    };
    let solve = |(gram, missing): &(Vec<f64>, Mat<f64>), damping| {
        let mut change = missing.clone();
        Damped::of(gram, kept.len(), bias, damping)?.solve(&mut change);
        let weights: Vec<f64> = cut.iter().zip(rows(&change)).map(|(w, change)| w + change).collect();
        weights.iter().all(|w| w.is_finite()).then_some(weights)
    };
    let error = |kept_weights: &[f64]| {
        let mut difference = weights.to_vec();
        for o in 0..outputs {
            kept.iter().zip(&kept_weights[o * kept.len()..]).for_each(|(i, w)| difference[o * n + i] -= w);
        }
        power(&difference, outputs, accept, n)
    };
    let part = problem(fit);
    let tried = DAMPINGS.iter().filter_map(|&damping| Some((error(&solve(&part, damping)?), damping)));
    let (after, damping) = tried.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let whole = power(weights, outputs, accept, n).max(f64::MIN_POSITIVE);
    let both: Vec<f64> = fit.iter().zip(accept).map(|(a, b)| a + b).collect();
    Some(Folded { weights: solve(&problem(&both), damping)?, damping, before: error(&cut) / whole, after: after / whole })
}

/// tr(W G Wᵀ): Σ ‖Wx‖².
fn power(weights: &[f64], outputs: usize, gram: &[f64], n: usize) -> f64 {
    times(weights, outputs, gram, n).iter().zip(weights).map(|(g, w)| g * w).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use crate::{Gram, Normal};

    /// Σ [x; 1][x; 1]ᵀ of rows whose last two inputs follow from the others, with a little noise.
    fn moments(random: &mut Random, rows: usize, noise: f64) -> Vec<f64> {
        let mut gram = Gram::new(6, 0);
        for _ in 0..rows {
            let mut x = random.normals(6);
            x[4] = 2.0 * x[0] - x[1] + 3.0 + noise * x[4];
            x[5] = x[2] + 0.5 * x[3] - 1.0 + noise * x[5];
            gram.add(&x.iter().map(|x| *x as f32).collect::<Vec<_>>(), &[]);
        }
        Normal::of(&gram, true).gram
    }

    #[test]
    fn what_follows_from_the_rest_is_not_missed() {
        let mut random = Random(1);
        let (fit, accept) = (moments(&mut random, 200, 1e-6), moments(&mut random, 50, 1e-6));
        let weights = random.normals(3 * 7);
        let folded = fold(&fit, &accept, &weights, 3, true, &[0, 1, 2, 3, 6]).unwrap();
        assert!(folded.after < 1e-6 && folded.before > 0.1, "{folded:?}");
        for o in 0..3 {
            let (old, new) = (&weights[o * 7..][..7], &folded.weights[o * 5..][..5]);
            let expected = [old[0] + 2.0 * old[4], old[1] - old[4], old[2] + old[5], old[3] + 0.5 * old[5], old[6] + 3.0 * old[4] - old[5]];
            new.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-3, "{new:?} {expected:?}"));
        }
    }

    #[test]
    fn is_ridge_towards_the_plain_cut() {
        let mut random = Random(2);
        let (fit, accept) = (moments(&mut random, 30, 1.0), moments(&mut random, 30, 1.0));
        let weights = random.normals(7);
        let kept = [1, 4, 6];
        let folded = fold(&fit, &accept, &weights, 1, true, &kept).unwrap();
        let both: Vec<f64> = fit.iter().zip(&accept).map(|(a, b)| a + b).collect();
        let lambda = folded.damping * (both[8] + both[4 * 7 + 4]) / 2.0;
        // The gradient of ‖X_S v - X w‖² + λ‖v - w_S‖² is zero.
        for (s, i) in kept.iter().enumerate() {
            let seen: f64 = kept.iter().zip(&folded.weights).map(|(j, v)| both[i * 7 + j] * v).sum();
            let wanted: f64 = (0..7).map(|j| both[i * 7 + j] * weights[j]).sum();
            let damped = lambda * if s == 2 { 1e-3 } else { 1.0 } * (folded.weights[s] - weights[*i]);
            assert!((seen - wanted + damped).abs() < 1e-8);
        }
    }

    #[test]
    fn nothing_is_lost_where_all_is_kept_and_nothing_found_without_numbers() {
        let gram = moments(&mut Random(4), 40, 1.0);
        let weights = Random(5).normals(14);
        let folded = fold(&gram, &gram, &weights, 2, true, &[0, 1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!((folded.weights, folded.before, folded.after), (weights, 0.0, 0.0));
        assert_eq!(fold(&[f64::NAN], &[1.0], &[1.0], 1, false, &[0]), None);
        assert_eq!(fold(&[0.0; 4], &[0.0; 4], &[1.0, 1.0], 1, false, &[0]), None);
    }
}
