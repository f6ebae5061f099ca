//! Ridge regression: least squares with a damped diagonal.

use crate::cholesky::cholesky;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Mat, Par};

/// (G + λI)⁻¹ C `[n, m]` of `gram` G `[n, n]` and `cross` C `[n, m]`, with λ = `damping` times the mean of G's diagonal. `None` if that is
/// not positive definite.
///
/// With G = `E[x xᵀ]` and C = `E[x yᵀ]`, both centred or both not, the result R makes ‖y - Rᵀx‖² + λ‖R‖² least: to correct weights W (a row
/// an output), let y be what Wx misses, and add Rᵀ.
pub fn ridge(gram: &[f64], cross: &[f64], n: usize, m: usize, damping: f64) -> Option<Vec<f64>> {
    assert_eq!(cross.len(), n * m);
    let mut solution = Mat::from_fn(n, m, |i, j| cross[i * m + j]);
    Damped::of(gram, n, false, damping)?.solve(&mut solution);
    let solution: Vec<f64> = (0..n * m).map(|i| solution[(i / m, i % m)]).collect();
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}

/// A bias is damped by so much less than a weight: it has no scale of its own.
const BIAS: f64 = 1e-3;

/// A Gram matrix with a damped diagonal, factored.
pub(crate) struct Damped(Mat<f64>);

impl Damped {
    /// Of `gram` `[n, n]`, whose last row is that of the constant 1 where there is a `bias`, with `damping` times the mean of the diagonal of the others added
    /// to it. `None` if that is not positive definite.
    pub(crate) fn of(gram: &[f64], n: usize, bias: bool, damping: f64) -> Option<Self> {
        assert_eq!(gram.len(), n * n);
        let lambda = damping * mean_diagonal(gram, n, bias);
        let added = |i: usize| if bias && i + 1 == n { BIAS * lambda } else { lambda };
        cholesky(Mat::from_fn(n, n, |i, j| gram[i * n + j] + if i == j { added(i) } else { 0.0 })).map(Self)
    }

    /// Replaces `right` `[n, m]` by the solution.
    pub(crate) fn solve(&self, right: &mut Mat<f64>) {
        solve_lower_triangular_in_place(self.0.as_ref(), right.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.0.transpose(), right.as_mut(), Par::Seq);
    }
}

/// The mean of the diagonal, that of the bias left out.
fn mean_diagonal(gram: &[f64], n: usize, bias: bool) -> f64 {
    let inputs = n - usize::from(bias);
    (0..inputs).map(|i| gram[i * n + i]).sum::<f64>() / inputs as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn solves_the_normal_equations() {
        let mut random = Random(11);
        for (n, m, damping) in [(1, 1, 0.0), (7, 3, 0.1), (40, 5, 0.001), (130, 20, 1.0), (3, 0, 0.1)] {
            let gram = random.covariance(n, 3 * n);
            let cross = random.normals(n * m);
            let solution = ridge(&gram, &cross, n, m, damping).unwrap();
            let lambda = damping * (0..n).map(|i| gram[i * n + i]).sum::<f64>() / n as f64;
            for i in 0..n {
                for j in 0..m {
                    let left: f64 = (0..n).map(|k| gram[i * n + k] * solution[k * m + j]).sum::<f64>() + lambda * solution[i * m + j];
                    assert!((left - cross[i * m + j]).abs() < 1e-6, "{n} {m}: {left} against {}", cross[i * m + j]);
                }
            }
        }
    }

    #[test]
    fn refuses_what_is_not_positive_definite() {
        assert_eq!(ridge(&[0.0; 4], &[1.0, 1.0], 2, 1, 0.1), None);
        assert_eq!(ridge(&[1.0, 2.0, 2.0, 1.0], &[1.0, 1.0], 2, 1, 0.1), None);
        assert_eq!(ridge(&[f64::NAN; 1], &[1.0], 1, 1, 0.1), None);
        assert_eq!(ridge(&[1.0], &[f64::NAN], 1, 1, 0.1), None);
    }
}
