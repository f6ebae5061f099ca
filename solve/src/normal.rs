//! Least-squares problems as normal equations: what is left of the rows once they have been added up.

use crate::Gram;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

/// Sums over rows x and the outputs y that are wanted for them. Where there is a bias, it is the last weight, and the last element of each x is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    /// Elements of x, the 1 included.
    pub n: usize,
    /// Elements of y.
    pub outputs: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// Σ x xᵀ, `[n, n]`, symmetric.
    pub gram: Vec<f64>,
    /// Σ y xᵀ, `[outputs, n]`.
    pub cross: Vec<f64>,
    /// Σ ‖y‖².
    pub power: f64,
}

impl Normal {
    /// Those of the rows in `gram`; with a bias, each row gets a 1 at its end.
    pub fn of(gram: &Gram, bias: bool) -> Self {
        let (inputs, outputs) = (gram.inputs(), gram.outputs());
        let n = inputs + usize::from(bias);
        let sum = |i: usize, j: usize| match (i == inputs, j == inputs) {
            (false, false) => gram.square(i, j),
            (true, false) => gram.sum(j),
            (false, true) => gram.sum(i),
            (true, true) => gram.rows() as f64,
        };
        let cross = |o: usize, i: usize| if i == inputs { gram.output_sum(o) } else { gram.cross(i, o) };
        Self {
            n,
            outputs,
            bias,
            gram: (0..n * n).map(|k| sum(k / n, k % n)).collect(),
            cross: (0..outputs * n).map(|k| cross(k / n, k % n)).collect(),
            power: gram.power(),
        }
    }

    /// Those of the rows of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        assert_eq!((self.n, self.outputs, self.bias), (other.n, other.outputs, other.bias));
        let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
        let (gram, cross) = (add(&self.gram, &other.gram), add(&self.cross, &other.cross));
        Self { gram, cross, power: self.power + other.power, ..*self }
    }

    /// Σ ‖y - Wx‖² for `weights` W `[outputs, n]`.
    pub fn error(&self, weights: &[f64]) -> f64 {
        let product = times(weights, self.outputs, &self.gram, self.n);
        let terms = weights.iter().zip(&product).zip(&self.cross);
        (terms.map(|((w, g), c)| w * (g - 2.0 * c)).sum::<f64>() + self.power).max(0.0)
    }
}

/// W G `[outputs, n]` of `weights` `[outputs, n]` and a symmetric `gram` `[n, n]`.
pub(crate) fn times(weights: &[f64], outputs: usize, gram: &[f64], n: usize) -> Vec<f64> {
    let mut product = Mat::zeros(n, outputs);
    let (gram, columns) = (MatRef::from_column_major_slice(gram, n, n), MatRef::from_column_major_slice(weights, n, outputs));
    matmul(&mut product, Accum::Replace, gram, columns, 1.0, Par::Seq);
    rows(&product)
}

/// The columns of a matrix as rows, one after the other.
pub(crate) fn rows(columns: &Mat<f64>) -> Vec<f64> {
    (0..columns.ncols()).flat_map(|j| columns.col_as_slice(j).iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn knows_the_error_of_any_weights() {
        let mut random = Random(3);
        let (m, inputs, outputs) = (90, 5, 3);
        let x: Vec<f32> = (0..m * inputs).map(|_| random.normal() as f32 + 1.0).collect();
        let y: Vec<f32> = (0..m * outputs).map(|_| random.normal() as f32 - 2.0).collect();
        let gram = |from: usize, to: usize| {
            let mut gram = Gram::new(inputs, outputs);
            gram.add(&x[from * inputs..to * inputs], &y[from * outputs..to * outputs]);
            gram
        };
        for bias in [false, true] {
            let n = inputs + usize::from(bias);
            let weights = random.normals(outputs * n);
            let at = |row: usize, i: usize| if i == inputs { 1.0 } else { f64::from(x[row * inputs + i]) };
            let predicted = |row: usize, o: usize| (0..n).map(|i| weights[o * n + i] * at(row, i)).sum::<f64>();
            let expected: f64 = (0..m * outputs).map(|k| (f64::from(y[k]) - predicted(k / outputs, k % outputs)).powi(2)).sum();
            let whole = Normal::of(&gram(0, m), bias);
            let halves = Normal::of(&gram(0, 40), bias).plus(&Normal::of(&gram(40, m), bias));
            assert!((whole.error(&weights) / expected - 1.0).abs() < 1e-10);
            assert!((halves.error(&weights) / expected - 1.0).abs() < 1e-10);
        }
    }
}
