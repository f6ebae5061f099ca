//! Symmetric scales, one a row, and rounding to nearest: code = round(w / s), half to even, within ±limit.

/// A scale `[rows]` for each row of `weights` `[rows, n]`: its largest magnitude becomes `limit` (127 for 8 bits, 7 for 4).
///
/// Scales are numbers that f32 can hold, as files store them. A row of zeros takes the largest scale of the others, so that a bias
/// in units of it neither overflows nor gets coarser than its neighbours.
pub fn absmax_scales(weights: &[f64], rows: usize, n: usize, limit: i32) -> Vec<f64> {
    assert_eq!(weights.len(), rows * n);
    let absmax = |row: usize| weights[row * n..][..n].iter().fold(0.0_f64, |max, w| max.max(w.abs()));
    let mut scales: Vec<f64> = (0..rows).map(|row| f64::from((absmax(row) / f64::from(limit)) as f32)).collect();
    let largest = scales.iter().copied().fold(0.0, f64::max);
    let spare = if largest > 0.0 { largest } else { 1.0 };
    scales.iter_mut().filter(|scale| **scale < f64::from(f32::MIN_POSITIVE)).for_each(|scale| *scale = spare);
    scales
}

/// As [`absmax_scales`], each times the ratio in 1, 0.99 .. 0.7 that rounds its row with the least squared error: clips the few
/// largest weights where that helps the many.
pub fn mse_scales(weights: &[f64], rows: usize, n: usize, limit: i32) -> Vec<f64> {
    let mut scales = absmax_scales(weights, rows, n, limit);
    for (row, scale) in scales.iter_mut().enumerate() {
        let row = &weights[row * n..][..n];
        let widest = *scale;
        let mut least = f64::INFINITY;
        for percent in (70..=100).rev() {
            let candidate = f64::from((widest * f64::from(percent) / 100.0) as f32);
            let error: f64 = row.iter().map(|w| (w - f64::from(nearest(*w, candidate, limit)) * candidate).powi(2)).sum();
            if error < least {
                (least, *scale) = (error, candidate);
            }
        }
    }
    scales
}

/// The codes `[rows, n]` of `weights` `[rows, n]` under `scales` `[rows]`.
pub fn round_to_nearest(weights: &[f64], rows: usize, n: usize, scales: &[f64], limit: i32) -> Vec<i8> {
    assert_eq!(weights.len(), rows * n);
    assert_eq!(scales.len(), rows);
    (0..rows * n).map(|i| nearest(weights[i], scales[i / n], limit)).collect()
}

/// One code. What is not a number becomes 0.
pub(crate) fn nearest(weight: f64, scale: f64, limit: i32) -> i8 {
    let limit = f64::from(limit.min(127));
    (weight / scale).round_ties_even().clamp(-limit, limit) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn the_largest_weight_becomes_the_limit() {
        let weights = [0.5, -2.54, 1.28, 0.0, 0.0, 0.0, 0.01, 0.02, -0.03];
        let scales = absmax_scales(&weights, 3, 3, 127);
        assert_eq!(round_to_nearest(&weights, 3, 3, &scales, 127), [25, -127, 64, 0, 0, 0, 42, 85, -127]);
        assert_eq!(scales[1], scales[0], "a row of zeros takes the largest scale");
        assert_eq!(absmax_scales(&[0.0, 0.0], 1, 2, 127), [1.0]);
    }

    #[test]
    fn halves_go_to_even_and_codes_stay_within_the_limit() {
        assert_eq!(round_to_nearest(&[0.5, 1.5, 2.5, -0.5, -1.5, 100.0, -100.0], 1, 7, &[1.0], 7), [0, 2, 2, 0, -2, 7, -7]);
        assert_eq!(round_to_nearest(&[f64::NAN, f64::INFINITY, 3.0], 1, 3, &[1.0], 127), [0, 127, 3]);
    }

    #[test]
    fn the_line_search_never_rounds_worse_than_the_largest_magnitude() {
        let mut random = Random(1);
        let (rows, n) = (20, 64);
        let mut weights = random.normals(rows * n);
        weights[5] = 8.0;
        let error = |scales: &[f64]| -> Vec<f64> {
            let codes = round_to_nearest(&weights, rows, n, scales, 7);
            let of = |i: usize| (weights[i] - f64::from(codes[i]) * scales[i / n]).powi(2);
            (0..rows).map(|row| (row * n..(row + 1) * n).map(of).sum()).collect()
        };
        let (absmax, mse) = (error(&absmax_scales(&weights, rows, n, 7)), error(&mse_scales(&weights, rows, n, 7)));
        assert!(absmax.iter().zip(&mse).all(|(absmax, mse)| mse <= absmax));
        assert!(mse.iter().sum::<f64>() < 0.95 * absmax.iter().sum::<f64>());
    }
}
