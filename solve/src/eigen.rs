//! Eigenvalues and singular values, largest first.

use faer::{Mat, MatRef, Side};

/// A symmetric matrix as V diag(values) Vᵀ.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The eigenvalues, largest first.
    pub values: Vec<f64>,
    /// V `[n, n]`: an eigenvector a column.
    pub vectors: Vec<f64>,
}

/// A matrix as U diag(values) Vᵀ.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    /// U `[rows, r]`, r the lesser of rows and columns.
    pub left: Vec<f64>,
    /// The r singular values, largest first.
    pub values: Vec<f64>,
    /// V `[columns, r]`.
    pub right: Vec<f64>,
}

/// Eigenvalues and vectors of a symmetric matrix `[n, n]`, of which one triangle is read. `None` where it has elements that are no numbers.
pub fn eigen(symmetric: &[f64], n: usize) -> Option<Eigen> {
    let matrix = MatRef::from_row_major_slice(symmetric, n, n);
    let found = finite(symmetric).then(|| matrix.self_adjoint_eigen(Side::Lower).ok())??;
    // faer gives the smallest first.
    let values: Vec<f64> = (0..n).rev().map(|i| found.S()[i]).collect();
    let vectors = row_major(n, n, |i, j| found.U()[(i, n - 1 - j)]);
    (finite(&values) && finite(&vectors)).then_some(Eigen { values, vectors })
}

/// The thin singular value decomposition of a matrix `[rows, columns]`. `None` where it has elements that are no numbers.
pub fn svd(matrix: &[f64], rows: usize, columns: usize) -> Option<Svd> {
    let view = MatRef::from_row_major_slice(matrix, rows, columns);
    let found = finite(matrix).then(|| view.thin_svd().ok())??;
    let r = rows.min(columns);
    let values: Vec<f64> = (0..r).map(|i| found.S()[i]).collect();
    let (left, right) = (row_major(rows, r, |i, j| found.U()[(i, j)]), row_major(columns, r, |i, j| found.V()[(i, j)]));
    (finite(&values) && finite(&left) && finite(&right)).then_some(Svd { left, values, right })
}

/// The square root of a covariance, and its inverse.
#[derive(Clone, Debug, PartialEq)]
pub struct Whitening {
    /// C^½ `[n, n]`, symmetric.
    pub root: Vec<f64>,
    /// C^-½ `[n, n]`, symmetric.
    pub inverse: Vec<f64>,
}

/// C^½ and C^-½ of a `covariance` `[n, n]`, where `floor` (1e-6 is usual) times the largest eigenvalue is added to each. `None` where that is not positive.
pub fn whitening(covariance: &[f64], n: usize, floor: f64) -> Option<Whitening> {
    let Eigen { values, vectors } = eigen(covariance, n)?;
    let added = floor * values.first()?;
    let values: Vec<f64> = values.iter().map(|value| value.max(0.0) + added).collect();
    if values.iter().any(|value| *value <= 0.0) {
        return None;
    }
    let vectors = MatRef::from_row_major_slice(&vectors, n, n);
    let power = |exponent: f64| {
        let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j].powf(exponent));
        let product = &scaled * scaled.transpose();
        // One triangle for both: symmetric to the bit.
        row_major(n, n, |i, j| product[(i.max(j), i.min(j))])
    };
    // Half of the exponent stands in each factor.
    let (root, inverse) = (power(0.25), power(-0.25));
    (finite(&root) && finite(&inverse)).then_some(Whitening { root, inverse })
}

fn row_major(rows: usize, columns: usize, at: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).map(|(i, j)| at(i, j)).collect()
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// A `[m, k]` times Bᵀ, B `[n, k]`.
    fn times(a: &[f64], b: &[f64], k: usize) -> Vec<f64> {
        let (m, n) = (a.len() / k, b.len() / k);
        row_major(m, n, |i, j| (0..k).map(|l| a[i * k + l] * b[j * k + l]).sum())
    }

    fn near(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < tolerance, "{a} against {b}"));
    }

    fn scaled(columns: &[f64], by: &[f64]) -> Vec<f64> {
        columns.iter().enumerate().map(|(k, x)| x * by[k % by.len()]).collect()
    }

    #[test]
    fn eigenvectors_give_the_matrix_back() {
        for n in [1, 2, 9, 60] {
            let matrix = Random(n as u64).covariance(n, n + 2);
            let found = eigen(&matrix, n).unwrap();
            assert!(found.values.is_sorted_by(|a, b| a >= b));
            near(&times(&scaled(&found.vectors, &found.values), &found.vectors, n), &matrix, 1e-9 * found.values[0]);
        }
        assert_eq!(eigen(&[f64::NAN], 1), None);
    }

    #[test]
    fn singular_vectors_give_the_matrix_back() {
        for (rows, columns) in [(1, 1), (7, 3), (3, 7), (40, 40)] {
            let matrix = Random(2).normals(rows * columns);
            let found = svd(&matrix, rows, columns).unwrap();
            assert!(found.values.is_sorted_by(|a, b| a >= b) && found.values.len() == rows.min(columns));
            near(&times(&scaled(&found.left, &found.values), &found.right, found.values.len()), &matrix, 1e-9);
        }
        assert_eq!(svd(&[f64::INFINITY, 0.0], 1, 2), None);
    }

    #[test]
    fn the_root_squared_is_the_covariance() {
        let n = 20;
        let matrix = Random(4).covariance(n, 50);
        let found = whitening(&matrix, n, 0.0).unwrap();
        near(&times(&found.root, &found.root, n), &matrix, 1e-8);
        let identity = row_major(n, n, |i, j| f64::from(u8::from(i == j)));
        near(&times(&found.root, &found.inverse, n), &identity, 1e-7);
        assert!((0..n * n).all(|k| found.root[k] == found.root[k % n * n + k / n]));
        // A direction without data is what the floor is for.
        assert!(whitening(&[1.0, 1.0, 1.0, 1.0], 2, 1e-6).is_some());
        assert_eq!(whitening(&[0.0], 1, 1e-6), None);
    }
}
