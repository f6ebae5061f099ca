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
    assert_eq!(gram.len(), n * n);
    assert_eq!(cross.len(), n * m);
    let lambda = damping * (0..n).map(|i| gram[i * n + i]).sum::<f64>() / n as f64;
    let factor = cholesky(Mat::from_fn(n, n, |i, j| gram[i * n + j] + if i == j { lambda } else { 0.0 }))?;
    let mut solution = Mat::from_fn(n, m, |i, j| cross[i * m + j]);
    solve_lower_triangular_in_place(factor.as_ref(), solution.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(factor.transpose(), solution.as_mut(), Par::Seq);
    let solution: Vec<f64> = (0..n * m).map(|i| solution[(i / m, i % m)]).collect();
    solution.iter().all(|x| x.is_finite()).then_some(solution)
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
