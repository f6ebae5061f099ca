//! A scale for each input channel of a layer, free of charge at run time: x_c is quantized with step s_c and the weights take up the rest.
//!
//! A small step makes its channel fine, but shrinks the channel's weights, which stand as w s_c, against the largest of their output, which
//! sets the step D of all: they get coarse. A large step makes the others' weights coarse. With both roundings uniform, the noise is
//!
//! ```text
//! J(s) = Σ_o v_o [ Σ_c s_c² Σ_k w_ock² / 12 + D_o² / 12 · Σ_ck E[x_ck²] / s_c² ],  D_o = max_ck |w_ock| s_c / limit
//! ```
//!
//! and s_c is at least what clips nothing. The search starts from the best of a grid, s = full^a · max(full)^(1-a) · (w_c / median w)^-b
//! with w_c the channel's largest weight, which holds both "one scale for all" and "each its own", and goes on channel by channel; J never
//! rises.

/// Exponents of the grid: a in eighths, b.
const EIGHTHS: std::ops::RangeInclusive<u8> = 0..=8;
const POWERS: [f64; 3] = [0.0, 0.25, 0.5];
/// What a channel's scale is multiplied by, one of them 1.
const MOVES: [f64; 8] = [0.5, 0.7, 0.84, 1.0, 1.19, 1.41, 2.0, 4.0];
const SWEEPS: usize = 3;
/// The least scale, relative to the largest that a channel needs.
const LEAST: f64 = 1e-3;

/// What the search is about.
#[derive(Debug, Clone, Copy)]
pub struct InputScales<'a> {
    /// The least scale of each channel that clips nothing, `[inputs]`. Less than a thousandth of the largest is taken as that.
    pub full: &'a [f64],
    /// `[outputs, inputs, kernel]`; the kernel of a matrix product is 1.
    pub weights: &'a [f64],
    /// `E[x²]` about the zero point, `[inputs, kernel]` or `[inputs]`.
    pub second_moment: &'a [f64],
    /// What noise in each output counts, `[outputs]`: 1, or one over its variance.
    pub importance: &'a [f64],
    /// The largest code of a weight, 127 for 8 bits.
    pub limit: i32,
}

/// The scales `[inputs]`, none below `full`, that the search found to make J least.
pub fn search_scales(layer: &InputScales) -> Vec<f64> {
    let widest = layer.full.iter().copied().fold(0.0, f64::max);
    let least = if widest > 0.0 { LEAST * widest } else { 1.0 };
    let full: Vec<f64> = layer.full.iter().map(|full| full.max(least)).collect();
    let objective = Objective::of(layer);
    let mut scales = objective.best_of_grid(&full);
    for _ in 0..SWEEPS {
        objective.sweep(&full, &mut scales);
    }
    scales
}

/// J, with all that does not depend on the scales.
struct Objective<'a> {
    importance: &'a [f64],
    /// Σ_ok v_o w_ock², a channel.
    energy: Vec<f64>,
    /// Σ_k `E[x_ck²]`, a channel.
    power: Vec<f64>,
    /// max_k |w_ock| / limit, a row a channel.
    steps: Vec<f64>,
}

/// The two largest s_c max_k |w_ock| / limit of an output, and where the largest is.
#[derive(Clone, Copy)]
struct Largest {
    first: f64,
    channel: usize,
    second: f64,
}

impl<'a> Objective<'a> {
    fn of(layer: &InputScales<'a>) -> Self {
        let (inputs, outputs) = (layer.full.len(), layer.importance.len());
        let kernel = layer.weights.len().checked_div(inputs * outputs).unwrap_or(0);
        assert_eq!(layer.weights.len(), outputs * inputs * kernel);
        let each = layer.second_moment.len() == inputs;
        assert!(each || layer.second_moment.len() == inputs * kernel);
        let moment =
            |c: usize| if each { layer.second_moment[c] * kernel as f64 } else { layer.second_moment[c * kernel..][..kernel].iter().sum() };
        let mut energy = vec![0.0; inputs];
        let mut steps = vec![0.0; inputs * outputs];
        for (o, importance) in layer.importance.iter().enumerate() {
            for (c, energy) in energy.iter_mut().enumerate() {
                let taps = &layer.weights[(o * inputs + c) * kernel..][..kernel];
                *energy += importance * taps.iter().map(|w| w * w).sum::<f64>();
                steps[c * outputs + o] = taps.iter().fold(0.0_f64, |max, w| max.max(w.abs())) / f64::from(layer.limit);
            }
        }
        Self { importance: layer.importance, energy, power: (0..inputs).map(moment).collect(), steps }
    }

    fn channel(&self, c: usize) -> &[f64] {
        &self.steps[c * self.importance.len()..][..self.importance.len()]
    }

    /// 12 J.
    fn value(&self, scales: &[f64]) -> f64 {
        let mut largest = vec![0.0; self.importance.len()];
        for (c, scale) in scales.iter().enumerate() {
            largest.iter_mut().zip(self.channel(c)).for_each(|(largest, step)| *largest = greater(*largest, step * scale));
        }
        let weights: f64 = largest.iter().zip(self.importance).map(|(d, importance)| importance * d * d).sum();
        let (activations, spread) = self.sums_without(scales, scales.len());
        activations + weights * spread
    }

    /// Σ s_c² energy_c and Σ power_c / s_c², without one channel.
    fn sums_without(&self, scales: &[f64], without: usize) -> (f64, f64) {
        let others = (0..scales.len()).filter(|c| *c != without);
        others.fold((0.0, 0.0), |(a, b), c| (a + self.energy[c] * scales[c].powi(2), b + self.power[c] / scales[c].powi(2)))
    }

    fn best_of_grid(&self, full: &[f64]) -> Vec<f64> {
        let widest = full.iter().copied().fold(0.0, f64::max);
        let largest: Vec<f64> = (0..full.len()).map(|c| self.channel(c).iter().copied().fold(0.0, f64::max)).collect();
        let mut sorted = largest.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        // A channel without weights may have any scale: not one that dwarfs the rest.
        let relative: Vec<f64> = largest.iter().map(|w| if median > 0.0 { (w / median).clamp(1e-3, 1e3) } else { 1.0 }).collect();
        let mut best = (f64::INFINITY, full.to_vec());
        for a in EIGHTHS.map(|eighths| f64::from(eighths) / 8.0) {
            for b in POWERS {
                let start = |(full, relative): (&f64, &f64)| (full.powf(a) * widest.powf(1.0 - a) * relative.powf(-b)).max(*full);
                let scales: Vec<f64> = full.iter().zip(&relative).map(start).collect();
                let value = self.value(&scales);
                if value < best.0 {
                    best = (value, scales);
                }
            }
        }
        best.1
    }

    /// Gives each channel, the loudest first, the best of its moves.
    fn sweep(&self, full: &[f64], scales: &mut [f64]) {
        let mut largest: Vec<Largest> = (0..self.importance.len()).map(|o| self.largest(scales, o)).collect();
        let loudness: Vec<f64> = self.power.iter().zip(scales.iter()).map(|(power, scale)| power / scale.powi(2)).collect();
        let mut order: Vec<usize> = (0..scales.len()).collect();
        order.sort_by(|&a, &b| loudness[b].total_cmp(&loudness[a]));
        for c in order {
            let candidates = MOVES.map(|step| greater(scales[c] * step, full[c]));
            let mut weights = [0.0; MOVES.len()];
            for ((largest, step), importance) in largest.iter().zip(self.channel(c)).zip(self.importance) {
                let rest = if largest.channel == c { largest.second } else { largest.first };
                for (weights, candidate) in weights.iter_mut().zip(candidates) {
                    let d = greater(rest, step * candidate);
                    *weights += importance * d * d;
                }
            }
            let (activations, spread) = self.sums_without(scales, c);
            let value = |i: usize| {
                activations + self.energy[c] * candidates[i].powi(2) + weights[i] * (spread + self.power[c] / candidates[i].powi(2))
            };
            let stay = MOVES.iter().position(|step| *step == 1.0).unwrap_or(0);
            let best = (0..MOVES.len()).fold(stay, |best, i| if value(i) < value(best) { i } else { best });
            if candidates[best] != scales[c] {
                self.set(scales, &mut largest, c, candidates[best]);
            }
        }
    }

    /// Changes one scale. Outputs whose two largest may have changed places with a third are looked at anew.
    fn set(&self, scales: &mut [f64], largest: &mut [Largest], c: usize, scale: f64) {
        let before = scales[c];
        scales[c] = scale;
        for (o, step) in self.channel(c).iter().enumerate() {
            let (old, new, at) = (step * before, step * scale, &mut largest[o]);
            if at.channel == c && new >= at.second {
                at.first = new;
            } else if at.channel == c || (old >= at.second && new < old) {
                *at = self.largest(scales, o);
            } else if new > at.first {
                *at = Largest { first: new, channel: c, second: at.first };
            } else {
                at.second = greater(at.second, new);
            }
        }
    }

    fn largest(&self, scales: &[f64], o: usize) -> Largest {
        let outputs = self.importance.len();
        let start = Largest { first: 0.0, channel: usize::MAX, second: 0.0 };
        scales.iter().enumerate().fold(start, |at, (c, scale)| match self.steps[c * outputs + o] * scale {
            step if step > at.first => Largest { first: step, channel: c, second: at.first },
            step => Largest { second: greater(at.second, step), ..at },
        })
    }
}

/// The greater of two numbers that are numbers: one instruction, unlike `f64::max`.
fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    struct Case {
        full: Vec<f64>,
        weights: Vec<f64>,
        second_moment: Vec<f64>,
        importance: Vec<f64>,
    }

    impl Case {
        /// Channels of uneven ranges, outputs of uneven importance.
        fn random(random: &mut Random, outputs: usize, inputs: usize, kernel: usize) -> Self {
            let full: Vec<f64> = (0..inputs).map(|_| 10_f64.powf(random.uniform() * 2.0)).collect();
            let second_moment = (0..inputs * kernel).map(|i| (full[i / kernel] * (20.0 + 60.0 * random.uniform())).powi(2)).collect();
            let importance = (0..outputs).map(|_| 0.1 + random.uniform()).collect();
            Self { full, weights: random.normals(outputs * inputs * kernel), second_moment, importance }
        }

        fn layer(&self) -> InputScales<'_> {
            let Self { full, weights, second_moment, importance } = self;
            InputScales { full, weights, second_moment, importance, limit: 127 }
        }

        /// J as it is written.
        fn noise(&self, scales: &[f64]) -> f64 {
            let (inputs, outputs) = (self.full.len(), self.importance.len());
            let kernel = self.weights.len() / inputs / outputs;
            let weight = |o: usize, i: usize| self.weights[o * inputs * kernel + i];
            let of = |o: usize| {
                let activations: f64 = (0..inputs * kernel).map(|i| (weight(o, i) * scales[i / kernel]).powi(2) / 12.0).sum();
                let step = (0..inputs * kernel).map(|i| weight(o, i).abs() * scales[i / kernel] / 127.0).fold(0.0, f64::max);
                let spread: f64 = (0..inputs * kernel).map(|i| self.second_moment[i] / scales[i / kernel].powi(2)).sum();
                self.importance[o] * (activations + step * step / 12.0 * spread)
            };
            (0..outputs).map(of).sum()
        }
    }

    #[test]
    fn every_step_lowers_the_noise() {
        for seed in 0..20 {
            let mut random = Random(seed);
            let case = Case::random(&mut random, 1 + seed as usize % 9, 1 + seed as usize % 13, [1, 9][seed as usize % 2]);
            let objective = Objective::of(&case.layer());
            let widest = case.full.iter().copied().fold(0.0, f64::max);
            let mut scales = objective.best_of_grid(&case.full);
            let mut noise = case.noise(&scales);
            assert!((objective.value(&scales) / 12.0 / noise - 1.0).abs() < 1e-12);
            assert!(noise <= case.noise(&case.full) * (1.0 + 1e-12));
            assert!(noise <= case.noise(&vec![widest; case.full.len()]) * (1.0 + 1e-12));
            for _ in 0..SWEEPS {
                objective.sweep(&case.full, &mut scales);
                let next = case.noise(&scales);
                assert!(next <= noise * (1.0 + 1e-12), "{next} after {noise}");
                noise = next;
            }
            assert_eq!(scales, search_scales(&case.layer()));
            assert!(scales.iter().zip(&case.full).all(|(scale, full)| scale >= full));
        }
    }

    #[test]
    fn keeps_the_two_largest_right() {
        let mut random = Random(2);
        let case = Case::random(&mut random, 30, 8, 1);
        let objective = Objective::of(&case.layer());
        let mut scales = case.full.clone();
        let mut largest: Vec<Largest> = (0..30).map(|o| objective.largest(&scales, o)).collect();
        for _ in 0..300 {
            let c = (random.uniform() * 8.0) as usize;
            let scale = scales[c] * MOVES[(random.uniform() * 8.0) as usize];
            objective.set(&mut scales, &mut largest, c, scale);
            for (o, kept) in largest.iter().enumerate() {
                let anew = objective.largest(&scales, o);
                assert_eq!((kept.first, kept.channel, kept.second), (anew.first, anew.channel, anew.second));
            }
        }
    }

    #[test]
    fn comes_close_to_brute_force() {
        for seed in 0..6 {
            let mut random = Random(100 + seed);
            let case = Case::random(&mut random, 4, 3, 2);
            let found = case.noise(&search_scales(&case.layer()));
            let widest = case.full.iter().copied().fold(0.0, f64::max);
            let grid: Vec<Vec<f64>> = case
                .full
                .iter()
                .map(|full| {
                    let span = (4.0 * widest / full).ln();
                    (0..60).map(|i| full * (span * f64::from(i) / 59.0).exp()).collect()
                })
                .collect();
            let mut least = f64::INFINITY;
            for a in &grid[0] {
                for b in &grid[1] {
                    for c in &grid[2] {
                        least = least.min(case.noise(&[*a, *b, *c]));
                    }
                }
            }
            assert!(found <= 1.02 * least, "seed {seed}: {found} against {least}");
        }
    }

    #[test]
    fn takes_a_second_moment_a_channel_and_channels_without_weights_or_range() {
        let mut random = Random(4);
        let mut case = Case::random(&mut random, 3, 4, 9);
        (0..36).for_each(|i| case.second_moment[i] = case.second_moment[i / 9 * 9]);
        let each: Vec<f64> = (0..4).map(|c| case.second_moment[c * 9]).collect();
        let (all, short) = (search_scales(&case.layer()), search_scales(&InputScales { second_moment: &each, ..case.layer() }));
        assert!(all.iter().zip(&short).all(|(a, b)| (a / b - 1.0).abs() < 1e-9));
        case.weights.fill(0.0);
        case.full[2] = 0.0;
        assert!(search_scales(&case.layer()).iter().all(|scale| scale.is_finite()));
    }
}
