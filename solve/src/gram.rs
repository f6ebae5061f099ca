//! Second moments of the rows that flow into a layer, and with the rows that flow out, added up as they come.
//!
//! Everything is f64: the product of two f32 is exact there, so that centring, which takes `E[x]²` from `E[x²]`, loses next to nothing.
//! Products of f32 blocks would take half the time and lose ten bits of a covariance where a mean is 30 times its deviation. Only one
//! triangle is computed, which wins that half back.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

/// Rows that are multiplied at once: their f64 copy stays small.
const BLOCK: usize = 256;

/// Sums over rows x `[n]` and y `[outputs]`: of x xᵀ, x yᵀ, x, y and ‖y‖². Their last bits depend on the order and the portions in which rows
/// were added, and on nothing else.
#[derive(Debug, Clone)]
pub struct Gram {
    rows: u64,
    /// Σ x xᵀ, its lower triangle.
    squares: Mat<f64>,
    cross: Mat<f64>,
    sums: Vec<f64>,
    output_sums: Vec<f64>,
    /// Σ ‖y‖².
    power: f64,
}

/// Second moments of inputs, and with outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Of x with x, `[n, n]`, symmetric.
    pub inputs: Vec<f64>,
    /// Of x with y, `[n, outputs]`.
    pub cross: Vec<f64>,
}

impl Gram {
    /// No rows yet. `outputs` may be 0.
    pub fn new(n: usize, outputs: usize) -> Self {
        let (squares, cross) = (Mat::zeros(n, n), Mat::zeros(n, outputs));
        Self { rows: 0, squares, cross, sums: vec![0.0; n], output_sums: vec![0.0; outputs], power: 0.0 }
    }

    /// Adds rows `x` `[m, n]` and the outputs `y` `[m, outputs]` that belong to them.
    pub fn add(&mut self, x: &[f32], y: &[f32]) {
        let (n, outputs) = (self.sums.len(), self.output_sums.len());
        assert!(n > 0 && x.len().is_multiple_of(n));
        let m = x.len() / n;
        assert_eq!(y.len(), m * outputs);
        self.rows += m as u64;
        for start in (0..m).step_by(BLOCK) {
            let rows = BLOCK.min(m - start);
            let x = block(&x[start * n..][..rows * n], &mut self.sums);
            let y = block(&y[start * outputs..][..rows * outputs], &mut self.output_sums);
            self.power += y.iter().map(|y| y * y).sum::<f64>();
            let (x, y) = (MatRef::from_row_major_slice(&x, rows, n), MatRef::from_row_major_slice(&y, rows, outputs));
            let (lower, dense) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular::matmul(&mut self.squares, lower, Accum::Add, x.transpose(), dense, x, dense, 1.0, Par::Seq);
            matmul(&mut self.cross, Accum::Add, x.transpose(), y, 1.0, Par::Seq);
        }
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.squares += &other.squares;
        self.cross += &other.cross;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum += more);
        self.output_sums.iter_mut().zip(&other.output_sums).for_each(|(sum, more)| *sum += more);
        self.power += other.power;
    }

    /// Elements of x.
    pub fn inputs(&self) -> usize {
        self.sums.len()
    }

    /// Elements of y.
    pub fn outputs(&self) -> usize {
        self.output_sums.len()
    }

    /// Σ xᵢ xⱼ.
    pub(crate) fn square(&self, i: usize, j: usize) -> f64 {
        self.squares[(i.max(j), i.min(j))]
    }

    /// Σ xᵢ yₒ.
    pub(crate) fn cross(&self, i: usize, o: usize) -> f64 {
        self.cross[(i, o)]
    }

    /// Σ xᵢ.
    pub(crate) fn sum(&self, i: usize) -> f64 {
        self.sums[i]
    }

    /// Σ yₒ.
    pub(crate) fn output_sum(&self, o: usize) -> f64 {
        self.output_sums[o]
    }

    /// Σ ‖y‖².
    pub(crate) fn power(&self) -> f64 {
        self.power
    }

    /// Rows added so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// `E[x]`, `[n]`. With no rows all means are 0.
    pub fn mean(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.count()).collect()
    }

    /// `E[y]`, `[outputs]`.
    pub fn output_mean(&self) -> Vec<f64> {
        self.output_sums.iter().map(|sum| sum / self.count()).collect()
    }

    /// `E[x²]`, `[n]`.
    pub fn mean_square(&self) -> Vec<f64> {
        (0..self.sums.len()).map(|i| self.squares[(i, i)] / self.count()).collect()
    }

    /// The covariances `E[(x - x̄)(x - x̄)ᵀ]` and `E[(x - x̄)(y - ȳ)ᵀ]`: what matters where a bias takes up the means.
    pub fn centred(&self) -> Moments {
        self.about(&self.mean(), &self.output_mean())
    }

    /// `E[x xᵀ]` and `E[x yᵀ]`, where there is no bias.
    pub fn raw(&self) -> Moments {
        self.about(&vec![0.0; self.sums.len()], &vec![0.0; self.output_sums.len()])
    }

    fn about(&self, mean: &[f64], output_mean: &[f64]) -> Moments {
        let (n, outputs) = (mean.len(), output_mean.len());
        let mut inputs = vec![0.0; n * n];
        for i in 0..n {
            // Column by column, as the triangle is stored.
            for j in i..n {
                let moment = self.squares[(j, i)] / self.count() - mean[i] * mean[j];
                (inputs[i * n + j], inputs[j * n + i]) = (moment, moment);
            }
            inputs[i * n + i] = inputs[i * n + i].max(0.0);
        }
        let cross = |i: usize| self.cross[(i / outputs, i % outputs)] / self.count() - mean[i / outputs] * output_mean[i % outputs];
        Moments { inputs, cross: (0..n * outputs).map(cross).collect() }
    }

    fn count(&self) -> f64 {
        self.rows.max(1) as f64
    }
}

/// The rows as f64, added to the sums on the way.
fn block(rows: &[f32], sums: &mut [f64]) -> Vec<f64> {
    let rows: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
    if !sums.is_empty() {
        rows.chunks_exact(sums.len()).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn is_the_covariance_of_the_rows() {
        let mut random = Random(5);
        let (m, n, outputs) = (700, 37, 11);
        let x: Vec<f32> = (0..m * n).map(|i| (random.normal() + (i % n) as f64) as f32).collect();
        let y: Vec<f32> = (0..m * outputs).map(|i| (random.normal() * 3.0) as f32 + x[i / outputs * n]).collect();
        let mut gram = Gram::new(n, outputs);
        gram.add(&x[..300 * n], &y[..300 * outputs]);
        let mut rest = Gram::new(n, outputs);
        rest.add(&x[300 * n..], &y[300 * outputs..]);
        gram.merge(&rest);
        assert_eq!(gram.rows(), 700);
        let at = |values: &[f32], width: usize, row: usize, i: usize| f64::from(values[row * width + i]);
        let mean = |values: &[f32], width: usize, i: usize| (0..m).map(|row| at(values, width, row, i)).sum::<f64>() / m as f64;
        let (covariance, raw) = (gram.centred(), gram.raw());
        for i in 0..n {
            let mx = mean(&x, n, i);
            assert!((gram.mean()[i] - mx).abs() < 1e-12);
            assert!((gram.mean_square()[i] - (0..m).map(|row| at(&x, n, row, i).powi(2)).sum::<f64>() / m as f64).abs() < 1e-9);
            for j in 0..n {
                let mj = mean(&x, n, j);
                let expected = (0..m).map(|row| (at(&x, n, row, i) - mx) * (at(&x, n, row, j) - mj)).sum::<f64>() / m as f64;
                assert!((covariance.inputs[i * n + j] - expected).abs() < 1e-10);
                assert_eq!(covariance.inputs[i * n + j], covariance.inputs[j * n + i]);
                assert!((raw.inputs[i * n + j] - expected - mx * mj).abs() < 1e-9);
            }
            for o in 0..outputs {
                let my = mean(&y, outputs, o);
                assert!((gram.output_mean()[o] - my).abs() < 1e-12);
                let expected = (0..m).map(|row| (at(&x, n, row, i) - mx) * (at(&y, outputs, row, o) - my)).sum::<f64>() / m as f64;
                assert!((covariance.cross[i * outputs + o] - expected).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn needs_neither_rows_nor_outputs() {
        assert_eq!(Gram::new(2, 1).centred(), Moments { inputs: vec![0.0; 4], cross: vec![0.0; 2] });
        let mut gram = Gram::new(1, 0);
        gram.add(&[1.0, 3.0], &[]);
        assert_eq!(gram.centred(), Moments { inputs: vec![1.0], cross: vec![] });
    }
}
