//! Rates from measured shapes: the least sum of relative errors, no rate below zero.

use shrinx_rewrite::ops::costs::{Rates, Work};

/// Rates, and one more beside them.
const N: usize = 8;

/// What a kernel took for one shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    amounts: [f64; N],
    nanoseconds: f64,
    /// An error that counts as 1.
    unit: f64,
}

/// What was found.
pub(super) struct Fitted {
    /// The rates.
    pub(super) rates: Rates,
    /// The rate of what was done beside.
    pub(super) beside: f64,
    /// The median relative error, each shape held out once.
    pub(super) error: f64,
}

impl Observation {
    /// Of a model that took `seen`, in which all but the kernel took `known`.
    pub(super) fn new(work: &Work, block: u64, seen: f64, known: f64) -> Self {
        let [a, b, c, d, e, f, g] = Rates::amounts(work, block);
        // What is left of much says little. Half a microsecond counts as nothing.
        let unit = (seen - known).max(seen / 4.0).max(500.0);
        Self { amounts: [a, b, c, d, e, f, g, 0.0], nanoseconds: seen - known, unit }
    }

    /// Of a model that also did so much of something else, for each element that came in or went out: then what these cost the kernel cannot be told apart.
    pub(super) fn beside(mut self, amount: f64) -> Self {
        let [_, _, input, output, .., beside] = &mut self.amounts;
        (*input, *output, *beside) = (0.0, 0.0, amount);
        self
    }

    /// The relative error.
    fn error(&self, rates: &[f64; N]) -> f64 {
        let predicted: f64 = self.amounts.iter().zip(rates).map(|(amount, rate)| amount * rate).sum();
        (predicted - self.nanoseconds) / self.unit
    }
}

/// The rates, and how well they predict.
pub(super) fn fit(observations: &[Observation]) -> Fitted {
    const FOLDS: usize = 8;
    let mut errors = Vec::new();
    for fold in 0..FOLDS.min(observations.len()) {
        let held_out = |k: &usize| k % FOLDS == fold;
        let learned: Vec<Observation> = (0..observations.len()).filter(|k| !held_out(k)).map(|k| observations[k]).collect();
        let rates = least_deviations(&learned);
        errors.extend((0..observations.len()).filter(held_out).map(|k| observations[k].error(&rates).abs()));
    }
    errors.sort_by(f64::total_cmp);
    let [a, b, c, d, e, f, g, beside] = least_deviations(observations).map(four_digits);
    let rates = Rates::from_array([a, b, c, d, e, f, g]);
    Fitted { rates, beside, error: errors.get(errors.len() / 2).copied().unwrap_or(0.0) }
}

/// The least sum of relative errors, by squares whose weights follow from the errors: a shape that a machine's other work disturbed says nothing.
fn least_deviations(observations: &[Observation]) -> [f64; N] {
    const ROUNDS: usize = 25;
    /// Below this an error is as good as none.
    const SMALL: f64 = 0.02;
    let mut weights = vec![1.0; observations.len()];
    let mut rates = [0.0; N];
    for _ in 0..ROUNDS {
        rates = least_squares(observations, &weights);
        for (weight, observation) in weights.iter_mut().zip(observations) {
            *weight = 1.0 / observation.error(&rates).abs().max(SMALL);
        }
    }
    rates
}

/// Non-negative least squares, one rate at a time (Franc, Hlavac and Navara, "Sequential Coordinate-Wise Algorithm for the Non-negative Least Squares
/// Problem", 2005).
fn least_squares(observations: &[Observation], weights: &[f64]) -> [f64; N] {
    const SWEEPS: usize = 3000;
    let mut gram = [[0.0; N]; N];
    let mut right = [0.0; N];
    for (observation, weight) in observations.iter().zip(weights) {
        let row = observation.amounts.map(|a| a / observation.unit);
        for i in 0..N {
            right[i] += weight * row[i] * observation.nanoseconds / observation.unit;
            for j in 0..N {
                gram[i][j] += weight * row[i] * row[j];
            }
        }
    }
    let mut rates = [0.0f64; N];
    for _ in 0..SWEEPS {
        for i in 0..N {
            if gram[i][i] > 0.0 {
                let rest: f64 = (0..N).filter(|j| *j != i).map(|j| gram[i][j] * rates[j]).sum();
                rates[i] = ((right[i] - rest) / gram[i][i]).max(0.0);
            }
        }
    }
    rates
}

/// What a person can read, and more than was measured. A millionth of a nanosecond is nothing.
fn four_digits(x: f64) -> f64 {
    if x < 1e-6 { 0.0 } else { format!("{x:.3e}").parse().unwrap_or(x) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ops::costs::KernelClass;

    fn shapes() -> impl Iterator<Item = Work> {
        let shapes = (1..=40u64).map(|k| (1 + k * k % 37 * 8, 16 + k * 29 % 61 * 8, 16 + k * 13 % 23 * 16));
        shapes.map(|(positions, reduction, channels)| Work::product(KernelClass::MatMul, positions, reduction, channels))
    }

    fn observations(rates: Rates, less: f64) -> Vec<Observation> {
        let took = |w: &Work| Rates::amounts(w, 16).iter().zip(rates.to_array()).map(|(a, r)| a * r).sum::<f64>();
        shapes().map(|w| Observation::new(&w, 16, took(&w) - less, 0.0)).collect()
    }

    #[test]
    fn finds_the_rates_that_were_there_whatever_single_shapes_say() {
        let rates = Rates { mac: 0.005, output: 0.25, weight: 0.01, call: 800.0, ..Rates::default() };
        let mut seen = observations(rates, 0.0);
        seen[5].nanoseconds *= 3.0;
        seen[20].nanoseconds /= 2.0;
        let Fitted { rates: found, beside, error } = fit(&seen);
        assert!(error < 0.02, "{error}");
        assert!((found.mac / rates.mac - 1.0).abs() < 0.02, "{found:?}");
        assert_eq!(beside, 0.0);
    }

    #[test]
    fn finds_what_was_done_beside() {
        let rates = Rates { mac: 0.005, ..Rates::default() };
        let work = shapes().map(|w| (w, (w.input + w.output) as f64));
        let took = |w: &Work, elements: f64| rates.mac * w.macs() as f64 + 0.125 * elements;
        let seen: Vec<_> = work.map(|(w, elements)| Observation::new(&w, 16, took(&w, elements), 0.0).beside(elements)).collect();
        assert!((fit(&seen).beside - 0.125).abs() < 0.005, "{}", fit(&seen).beside);
    }

    #[test]
    fn no_rate_is_below_zero() {
        let seen = observations(Rates { mac: 0.005, ..Rates::default() }, 300.0);
        assert!(fit(&seen).rates.to_array().iter().all(|r| *r >= 0.0));
        assert_eq!(four_digits(0.012_345_6), 0.01235);
    }
}
