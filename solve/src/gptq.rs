//! Rounding with error feedback (GPTQ, arXiv 2210.17323): codes Q that keep the output, not the weights: least (W - SQ) H (W - SQ)ᵀ a row.
//!
//! The columns are rounded one after the other, each after the errors so far have been put on it. GPTQ does this with the Cholesky factor
//! of H⁻¹; here the factor of H itself gives the same codes and nothing is inverted (as shown in QuIP, arXiv 2307.13304): with H = L Lᵀ the
//! error of a row is ‖e L‖², its term k is e_k L_kk + Σ_{m>k} e_m L_mk. Going from the last column to the first, the sum is known when k is
//! rounded, and w_k is moved by it: code_k = round((w_k + Σ_{m>k} e_m L_mk / L_kk) / s). The columns are sorted by H's diagonal, so that
//! the one that matters most comes first, while there is still room to make up for its error.
//!
//! The sum for the columns of the current block is kept up to date one by one, for those to come by one matrix product a block.

use crate::cholesky::cholesky;
use crate::rounding::{nearest, round_to_nearest};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};

const BLOCK: usize = 64;
const DAMPINGS: i32 = 5;

/// The codes `[rows, n]` of `weights` `[rows, n]` under `scales` `[rows]`, each within ±`limit`. `hessian` `[n, n]` is `E[x xᵀ]` of the
/// inputs, centred if a bias takes up the mean.
///
/// `damping` (0.01 is usual) times the mean of the diagonal is added to it, ten times as much after each factorization that fails,
/// four times over; then, and for numbers that are not finite, the answer is `None`. A column without input is rounded to nearest. So is a
/// whole row where that has less error under the damped Hessian: it can, as feedback is greedy and codes end at the limit.
pub fn gptq(weights: &[f64], rows: usize, n: usize, scales: &[f64], hessian: &[f64], damping: f64, limit: i32) -> Option<Vec<i8>> {
    assert_eq!(weights.len(), rows * n);
    assert_eq!(scales.len(), rows);
    assert_eq!(hessian.len(), n * n);
    let mut columns: Vec<usize> = (0..n).collect();
    columns.sort_by(|&a, &b| hessian[a * n + a].total_cmp(&hessian[b * n + b]).then(b.cmp(&a)));
    let factor = factor(hessian, n, &columns, damping)?;

    // Rows of weights stand as columns, so that the errors of one row lie side by side.
    let mut errors = Mat::<f64>::zeros(n, rows);
    let mut sums = Mat::<f64>::zeros(n, rows);
    let mut codes = vec![0; rows * n];
    let mut feedback = vec![0.0; rows];
    let mut corner = vec![[0.0; BLOCK]; BLOCK];
    let mut end = n;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        for (k, line) in corner.iter_mut().enumerate().take(end - start) {
            (0..=k).for_each(|m| line[m] = factor[(start + k, start + m)]);
        }
        for row in 0..rows {
            let sum = &mut sums.col_as_slice_mut(row)[start..end];
            let error = &mut errors.col_as_slice_mut(row)[start..end];
            for k in (0..end - start).rev() {
                let line = &corner[k][..=k];
                let at = row * n + columns[start + k];
                codes[at] = nearest(weights[at] + sum[k] / line[k], scales[row], limit);
                error[k] = weights[at] - f64::from(codes[at]) * scales[row];
                sum.iter_mut().zip(line).for_each(|(sum, l)| *sum += error[k] * l);
                feedback[row] += sum[k] * sum[k];
            }
        }
        let below = factor.submatrix(start, 0, end - start, start);
        matmul(sums.subrows_mut(0, start), Accum::Add, below.transpose(), errors.subrows(start, end - start), 1.0, Par::Seq);
        end = start;
    }

    let nearest = round_to_nearest(weights, rows, n, scales, limit);
    for (row, scale) in scales.iter().enumerate() {
        let error = errors.col_as_slice_mut(row).iter_mut();
        error.zip(&columns).for_each(|(error, &i)| *error = weights[row * n + i] - f64::from(nearest[row * n + i]) * scale);
    }
    let (upper, dense) = (BlockStructure::TriangularUpper, BlockStructure::Rectangular);
    triangular::matmul(&mut sums, dense, Accum::Replace, factor.transpose(), upper, &errors, dense, 1.0, Par::Seq);
    for (row, feedback) in feedback.iter().enumerate() {
        if sums.col_as_slice(row).iter().map(|sum| sum * sum).sum::<f64>() < *feedback {
            codes[row * n..][..n].copy_from_slice(&nearest[row * n..][..n]);
        }
    }
    feedback.iter().all(|error| error.is_finite()).then_some(codes)
}

/// The factor of the damped Hessian, with its rows and columns in the given order.
fn factor(hessian: &[f64], n: usize, columns: &[usize], damping: f64) -> Option<Mat<f64>> {
    let mean = (0..n).map(|i| hessian[i * n + i]).sum::<f64>() / n.max(1) as f64;
    if !mean.is_finite() || mean < 0.0 {
        return None;
    }
    let dead = if mean > 0.0 { mean } else { 1.0 };
    (0..DAMPINGS).find_map(|tenfold| {
        let damping = if tenfold == 0 { damping } else { damping.max(1e-4) * 10_f64.powi(tenfold) };
        cholesky(Mat::from_fn(n, n, |i, j| match hessian[columns[i] * n + columns[j]] {
            _ if j > i => 0.0,
            0.0 if i == j => dead,
            h if i == j => h + damping * mean,
            h => h,
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounding::absmax_scales;
    use crate::testing::Random;

    /// The error of each row: e H eᵀ.
    fn errors(weights: &[f64], codes: &[i8], scales: &[f64], hessian: &[f64], n: usize) -> Vec<f64> {
        let of = |(row, scale): (usize, &f64)| {
            let e: Vec<f64> = (0..n).map(|i| weights[row * n + i] - f64::from(codes[row * n + i]) * scale).collect();
            (0..n * n).map(|i| e[i / n] * hessian[i] * e[i % n]).sum()
        };
        scales.iter().enumerate().map(of).collect()
    }

    /// GPTQ as the paper writes it: with the inverse, no blocks.
    fn by_the_book(weights: &[f64], n: usize, scale: f64, hessian: &[f64], damping: f64, limit: i32) -> Vec<i8> {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| hessian[b * n + b].total_cmp(&hessian[a * n + a]).then(a.cmp(&b)));
        let mean = (0..n).map(|i| hessian[i * n + i]).sum::<f64>() / n as f64;
        let mut inverse: Vec<f64> = vec![0.0; n * n];
        let factor = factor(hessian, n, &order, damping).unwrap();
        assert!(mean > 0.0);
        for column in 0..n {
            let mut x: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == column))).collect();
            for i in 0..n {
                x[i] = (x[i] - (0..i).map(|j| factor[(i, j)] * x[j]).sum::<f64>()) / factor[(i, i)];
            }
            for i in (0..n).rev() {
                x[i] = (x[i] - (i + 1..n).map(|j| factor[(j, i)] * x[j]).sum::<f64>()) / factor[(i, i)];
            }
            (0..n).for_each(|i| inverse[i * n + column] = x[i]);
        }
        let upper = cholesky(Mat::from_fn(n, n, |i, j| inverse[i * n + j])).unwrap();
        let mut w: Vec<f64> = order.iter().map(|&i| weights[i]).collect();
        let mut codes = vec![0; n];
        for i in 0..n {
            codes[order[i]] = nearest(w[i], scale, limit);
            let error = (w[i] - f64::from(codes[order[i]]) * scale) / upper[(i, i)];
            (i..n).for_each(|j| w[j] -= error * upper[(j, i)]);
        }
        codes
    }

    #[test]
    fn gives_the_codes_of_the_paper() {
        let mut random = Random(7);
        let n = 150; // more than two blocks
        let hessian = random.covariance(n, 300);
        let weights = random.normals(n);
        let scales = absmax_scales(&weights, 1, n, 7);
        let codes = gptq(&weights, 1, n, &scales, &hessian, 0.01, 7).unwrap();
        assert_eq!(codes, by_the_book(&weights, n, scales[0], &hessian, 0.01, 7));
    }

    #[test]
    fn beats_rounding_to_nearest() {
        let (mut feedback, mut plain) = (0.0, 0.0);
        for seed in 0..60 {
            let mut random = Random(seed);
            let (n, rows) = (1 + (random.uniform() * 90.0) as usize, 1 + (random.uniform() * 6.0) as usize);
            let samples = 1 + (random.uniform() * 200.0) as usize;
            let hessian = random.covariance(n, samples);
            let weights = random.normals(rows * n);
            let limit = if seed % 2 == 0 { 127 } else { 7 };
            let scales = absmax_scales(&weights, rows, n, limit);
            let codes = gptq(&weights, rows, n, &scales, &hessian, 0.01, limit).unwrap();
            assert!(codes.iter().all(|code| i32::from(*code).abs() <= limit));
            let nearest = round_to_nearest(&weights, rows, n, &scales, limit);
            let (a, b): (f64, f64) = (
                errors(&weights, &codes, &scales, &hessian, n).iter().sum(),
                errors(&weights, &nearest, &scales, &hessian, n).iter().sum(),
            );
            assert!(a <= 1.05 * b, "seed {seed}: {a} against {b}");
            (feedback, plain) = (feedback + a / b.max(1e-300), plain + 1.0);
        }
        assert!(feedback < 0.6 * plain, "mean ratio {}", feedback / plain);
    }

    #[test]
    fn is_rounding_to_nearest_where_inputs_are_independent() {
        let mut random = Random(3);
        let (rows, n) = (5, 130);
        let mut hessian = vec![0.0; n * n];
        (0..n).filter(|i| i % 7 != 0).for_each(|i| hessian[i * n + i] = random.uniform());
        let weights = random.normals(rows * n);
        let scales = absmax_scales(&weights, rows, n, 127);
        for damping in [0.0, 0.01] {
            let codes = gptq(&weights, rows, n, &scales, &hessian, damping, 127).unwrap();
            assert_eq!(codes, round_to_nearest(&weights, rows, n, &scales, 127));
        }
    }

    #[test]
    fn raises_the_damping_or_gives_up() {
        let scales = [1.0];
        let singular = [1.0, 1.0, 1.0, 1.0];
        assert!(gptq(&[0.4, 0.4], 1, 2, &scales, &singular, 0.0, 127).is_some());
        let indefinite = [1.0, 90.0, 90.0, 1.0];
        assert_eq!(gptq(&[0.4, 0.4], 1, 2, &scales, &indefinite, 0.01, 127).map(|_| ()), Some(()), "damped by 100");
        assert_eq!(gptq(&[0.4, 0.4], 1, 2, &scales, &[1.0, 900.0, 900.0, 1.0], 0.01, 127), None);
        assert_eq!(gptq(&[0.4, 0.4], 1, 2, &scales, &[1.0, f64::NAN, f64::NAN, 1.0], 0.01, 127), None);
        assert_eq!(gptq(&[0.4, 0.4], 1, 2, &scales, &[0.0; 4], 0.01, 127), Some(vec![0, 0]));
        assert_eq!(gptq(&[f64::NAN, 0.4], 1, 2, &scales, &[1.0, 0.5, 0.5, 1.0], 0.01, 127), None);
        assert_eq!(gptq(&[], 0, 0, &[], &[], 0.01, 127), Some(Vec::new()));
    }
}
