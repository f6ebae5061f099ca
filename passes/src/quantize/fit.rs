//! The numbers of one int8 layer: codes and scales of its weights, its bias, the scale of its output; and the three corrections of their error.
//!
//! *Least squares* moves the weights before they are rounded, so that rounded inputs give the float outputs. *Adaptive* rounding (GPTQ, arXiv 2210.17323)
//! lets each weight make up for the error of those rounded before it. The *mean* of the remaining error goes into the bias (arXiv 1906.04721).

use super::{affine::Affine, input::Input, layer::Layer};
use shrinx_calib::TensorStatistics;
use shrinx_solve::{Gram, Moments, absmax_scales, gptq, ridge, round_to_nearest};

/// Largest code of a weight.
const LIMIT: i32 = 127;
/// What is added to the diagonal of the second moments, in parts of its mean: when rounding, and in the least squares.
const DAMPING: f64 = 0.01;
const RIDGE: f64 = 0.1;
/// Above this many weights a channel, adaptive rounding costs more than it brings.
const MOST_WEIGHTS: usize = 2400;

/// Which corrections are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrections {
    /// The mean of the error goes into the bias.
    pub mean: bool,
    /// Weights are fitted to rounded inputs before they are rounded.
    pub least_squares: bool,
    /// Weights are rounded one after the other, each making up for the error so far.
    pub adaptive: bool,
}

impl Corrections {
    /// What pays for a layer: least squares only in matrix products, for on convolutions it does not hold on other samples.
    pub fn of(layer: &Layer) -> Self {
        Self { mean: true, least_squares: !layer.is_conv(), adaptive: layer.inputs * layer.kernel <= MOST_WEIGHTS }
    }

    /// Whether second moments are needed.
    pub fn need_moments(self) -> bool {
        self.least_squares || self.adaptive
    }
}

/// An int8 layer.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// How its input is rounded.
    pub input: Input,
    /// Codes of the weights, in rows.
    pub codes: Vec<i8>,
    /// Scales of the rows, as `DequantizeLinear` uses them.
    pub scales: Vec<f32>,
    /// What is added to each output channel.
    pub bias: Vec<f64>,
    /// How the output is rounded, where the layer has a pair of its own.
    pub output: Option<Output>,
}

/// How an output is rounded: by one scale, and read with one a channel, after the weights took up the quotient.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// What `QuantizeLinear` uses.
    pub quantize: Affine,
    /// What `DequantizeLinear` uses: one, or one a channel.
    pub dequantize: Vec<Affine>,
}

/// Codes and bias of a layer with this weight and bias. Without moments, weights are rounded to nearest and nothing is corrected.
pub fn fit(layer: &Layer, weights: &[f64], bias: &[f64], input: Input, moments: Option<&Gram>, corrections: Corrections) -> Fitted {
    let n = layer.inputs * layer.kernel;
    let common = f64::from(input.dequantize.scale);
    // What a code step of the input counts in `DequantizeLinear`'s units.
    let stretch: Vec<f64> = (0..n).map(|k| input.channel(k / layer.kernel).0 / common).collect();
    let moments = moments.filter(|m| m.rows() > 1);
    let spread = moments.filter(|_| corrections.need_moments()).map(Gram::centred);
    let target = spread.as_ref().filter(|_| corrections.least_squares).and_then(|c| refitted(weights, c, layer.outputs));
    let target = target.as_deref().unwrap_or(weights);
    let seen: Vec<f64> = target.iter().enumerate().map(|(k, w)| w * stretch[k % n]).collect();
    let scales: Vec<f64> = absmax_scales(&seen, layer.outputs, n, LIMIT).into_iter().map(|s| f64::from(s as f32)).collect();
    let adapted = spread.as_ref().filter(|_| corrections.adaptive).and_then(|c| {
        let hessian: Vec<f64> = c.inputs.iter().enumerate().map(|(k, h)| h / (stretch[k / n] * stretch[k % n])).collect();
        gptq(&seen, layer.outputs, n, &scales, &hessian, DAMPING, LIMIT)
    });
    let codes = adapted.unwrap_or_else(|| round_to_nearest(&seen, layer.outputs, n, &scales, LIMIT));
    let real = |o: usize, k: usize| f64::from(codes[o * n + k]) * scales[o];
    let mut bias = bias.to_vec();
    if let Some(moments) = moments.filter(|_| corrections.mean) {
        let (x, y) = (moments.mean(), moments.output_mean());
        for (o, b) in bias.iter_mut().enumerate() {
            let given: f64 = (0..n).map(|k| real(o, k) / stretch[k] * x[k]).sum();
            // A `MatMul` has no bias of its own: what is added behind it takes up the difference.
            *b = if layer.gives_int8() { y[o] - given } else { *b + y[o] - given };
        }
    }
    // The node subtracts one zero point everywhere.
    for (o, b) in bias.iter_mut().enumerate() {
        *b += (0..n).map(|k| real(o, k) * common * (f64::from(input.dequantize.zero) - input.channel(k / layer.kernel).1)).sum::<f64>();
    }
    Fitted { input, codes, scales: scales.iter().map(|s| *s as f32).collect(), bias, output: None }
}

/// Weights that give the outputs from the rounded inputs, in the least squares; a ridge holds them near the given ones.
fn refitted(weights: &[f64], spread: &Moments, outputs: usize) -> Option<Vec<f64>> {
    let (hessian, n) = (&spread.inputs, weights.len() / outputs);
    // Of the residual: cov(x, y − W x).
    let mut residual = spread.cross.clone();
    for k in 0..n {
        for o in 0..outputs {
            let row = &hessian[k * n..(k + 1) * n];
            residual[k * outputs + o] -= row.iter().zip(&weights[o * n..(o + 1) * n]).map(|(h, w)| h * w).sum::<f64>();
        }
    }
    let change = ridge(hessian, &residual, n, outputs, RIDGE)?;
    Some(weights.iter().enumerate().map(|(at, w)| w + change[at % n * outputs + at / n]).collect())
}

impl Fitted {
    /// Gives the layer a pair of its own at its output: per channel, unless the runtime would move the axis.
    #[must_use]
    pub fn with_output(mut self, layer: &Layer, seen: &TensorStatistics, per_channel: bool, margin: f64) -> Self {
        let ceiling = layer.activation.map_or(f32::INFINITY, |a| a.ceiling);
        let channels = layer.channels(seen, layer.outputs);
        let Some(channels) = channels else {
            let whole = cut(Affine::of_range(seen.min, seen.max.min(ceiling)), layer);
            self.output = Some(Output { quantize: whole, dequantize: vec![whole] });
            return self;
        };
        let ranges = channels.with_margin(margin);
        let (lo, hi) = ranges.iter().fold((0.0f32, 0.0f32), |(l, h), (lo, hi)| (l.min(*lo), h.max(*hi)));
        let whole = cut(Affine::of_range(lo, hi.min(ceiling)), layer);
        // A ceiling holds in real units: it would have to be another one in each channel.
        if !per_channel || ceiling.is_finite() {
            self.output = Some(Output { quantize: whole, dequantize: vec![whole] });
            return self;
        }
        let own = |(lo, hi): &(f32, f32)| {
            let scale = ((hi - lo) / 255.0).max(whole.scale * 1e-3);
            let zero = if layer.activation.is_some() { 0 } else { (-lo / scale).round_ties_even().clamp(0.0, 255.0) as u8 };
            Affine { scale, zero }
        };
        let dequantize: Vec<Affine> = ranges.iter().map(own).collect();
        for (o, own) in dequantize.iter().enumerate() {
            let quotient = f64::from(whole.scale) / f64::from(own.scale);
            self.scales[o] = (f64::from(self.scales[o]) * quotient) as f32;
            self.bias[o] = self.bias[o] * quotient + (f64::from(own.zero) - f64::from(whole.zero)) * f64::from(whole.scale);
        }
        self.output = Some(Output { quantize: whole, dequantize });
        self
    }

    /// The bias as int32 codes at scale `input · weight` (ONNX `DequantizeLinear` of int32), the scales of rows enlarged where a code would leave no room for
    /// the sum that it is added to. Rows of zeros take whichever scale tells their bias best.
    pub fn integer_bias(&mut self) -> (Vec<i32>, Vec<f32>) {
        const MOST: f64 = (1 << 30) as f64;
        // Smaller steps would vanish.
        const LEAST: f32 = 1e-20;
        let (rows, n) = (self.bias.len(), self.codes.len() / self.bias.len().max(1));
        let mut codes = Vec::with_capacity(rows);
        let mut scales = Vec::with_capacity(rows);
        for o in 0..rows {
            let row = &mut self.codes[o * n..(o + 1) * n];
            let least = (self.bias[o].abs() / MOST / f64::from(self.input.dequantize.scale)) as f32;
            if row.iter().all(|q| *q == 0) {
                self.scales[o] = least.max(LEAST);
            } else if self.scales[o] < least {
                let quotient = f64::from(self.scales[o]) / f64::from(least);
                for q in row.iter_mut() {
                    *q = (f64::from(*q) * quotient).round_ties_even() as i8;
                }
                self.scales[o] = least;
            }
            let step = (self.input.dequantize.scale * self.scales[o]).max(f32::MIN_POSITIVE);
            codes.push((self.bias[o] / f64::from(step)).round_ties_even().clamp(-MOST, MOST) as i32);
            scales.push(step);
        }
        (codes, scales)
    }
}

/// With an absorbed activation the zero point is 0, and the largest code stays under the ceiling.
fn cut(affine: Affine, layer: &Layer) -> Affine {
    match layer.activation {
        None => affine,
        Some(activation) if activation.ceiling.is_finite() => {
            Affine { scale: affine.scale.min(activation.ceiling / 255.0 * (1.0 - f32::EPSILON)), zero: 0 }
        }
        Some(_) => Affine { scale: affine.scale, zero: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::layer::only_layer;

    const NONE: Corrections = Corrections { mean: false, least_squares: false, adaptive: false };
    const COARSE: Affine = Affine { scale: 0.25, zero: 100 };
    const WEIGHTS: [f64; 6] = [0.3, -0.7, 0.2, 0.9, 0.1, -0.4];

    fn gemm() -> Layer {
        only_layer("g (float[N,3] x) => (float[N,2] y) <float[3,2] w, float[2] k = {0.5, 0.5}> { y = Gemm(x, w, k) }").1
    }

    /// Rows of which the last two channels go together, as they come and rounded, with the float outputs.
    fn rows() -> (Vec<f32>, Vec<f32>) {
        let real =
            (0..60).flat_map(|k| [(k % 7) as f32 * 0.4 - 1.0, (k % 11) as f32 * 0.33, (k % 11) as f32 * 0.31 + (k % 3) as f32 * 0.1]);
        let real: Vec<f32> = real.collect();
        let output = |x: &[f32]| (0..2).map(|o| (0..3).map(|c| WEIGHTS[3 * o + c] as f32 * x[c]).sum::<f32>() + 0.5).collect::<Vec<_>>();
        let y = real.chunks(3).flat_map(output).collect();
        (real.iter().map(|x| COARSE.nearest(*x)).collect(), y)
    }

    /// What a fit with these corrections misses on the rows: the mean error of each output, and the mean square of all.
    fn missed(corrections: Corrections) -> ([f64; 2], f64) {
        let (x, y) = rows();
        let mut moments = Gram::new(3, 2);
        moments.add(&x, &y);
        let fitted = fit(&gemm(), &WEIGHTS, &[0.5; 2], Input::tensor(COARSE), Some(&moments), corrections);
        assert!(fitted.codes.iter().all(|q| *q > -128));
        let (mut mean, mut square) = ([0.0; 2], 0.0);
        for (x, y) in x.chunks(3).zip(y.chunks(2)) {
            for o in 0..2 {
                let weight = |c: usize| f64::from(fitted.codes[3 * o + c]) * f64::from(fitted.scales[o]);
                let error = (0..3).map(|c| weight(c) * f64::from(x[c])).sum::<f64>() + fitted.bias[o] - f64::from(y[o]);
                mean[o] += error / 60.0;
                square += error * error / 120.0;
            }
        }
        (mean, square)
    }

    #[test]
    fn the_bias_takes_up_the_mean_of_the_error() {
        assert!(missed(NONE).0.iter().any(|e| e.abs() > 1e-3));
        for adaptive in [false, true] {
            let (mean, _) = missed(Corrections { mean: true, adaptive, ..NONE });
            assert!(mean.iter().all(|e| e.abs() < 1e-6), "{mean:?}");
        }
    }

    #[test]
    fn least_squares_lower_the_error_on_the_rows() {
        let plain = Corrections { mean: true, ..NONE };
        assert!(missed(Corrections { least_squares: true, ..plain }).1 < 0.99 * missed(plain).1);
    }

    fn conv(behind: &str) -> (Layer, Fitted) {
        let constants = "float[2,3,1,1] w, float zero = {0}, float six = {6}";
        let graph = format!("g (float[N,3,1,2] x) => (float[N,2,1,2] y) <{constants}> {{ a = Conv(x, w) y = {behind} }}");
        let layer = only_layer(&graph).1;
        let fitted = fit(&layer, &WEIGHTS, &[0.5, -3.0], Input::tensor(COARSE), None, NONE);
        (layer, fitted)
    }

    #[test]
    fn an_output_read_channel_by_channel_means_the_same() {
        let (layer, fitted) = conv("Identity(a)");
        let seen = TensorStatistics::of(&[-1.0, 7.0, 0.01, 0.02], &[1, 2, 1, 2], Some(1));
        let paired = fitted.clone().with_output(&layer, &seen, true, 0.0);
        let Output { quantize, dequantize } = paired.output.as_ref().unwrap();
        assert_eq!(dequantize.len(), 2);
        assert!(dequantize[1].scale < 0.01 * dequantize[0].scale);
        for (o, own) in dequantize.iter().enumerate() {
            let real = |f: &Fitted| 77.0 * f64::from(f.scales[o]) + f.bias[o];
            let code = real(&paired) / f64::from(quantize.scale) + f64::from(quantize.zero);
            let meant = real(&fitted) / f64::from(own.scale) + f64::from(own.zero);
            assert!((code - meant).abs() < 1e-5 * meant.abs(), "{code} {meant}");
        }
    }

    #[test]
    fn codes_of_an_absorbed_activation_stay_within_it() {
        let seen = TensorStatistics::of(&[-5.0, 7.0, 0.0, 9.0], &[1, 2, 1, 2], Some(1));
        let output = |behind| {
            let (layer, fitted) = conv(behind);
            fitted.with_output(&layer, &seen, true, 0.0).output.unwrap()
        };
        let clipped = output("Clip(a, zero, six)");
        assert_eq!((clipped.quantize.zero, clipped.dequantize.as_slice()), (0, &[clipped.quantize][..]));
        assert!((5.99..=6.0).contains(&(255.0 * clipped.quantize.scale)));
        let cut = output("Relu(a)");
        assert!(cut.quantize.zero == 0 && cut.dequantize.iter().all(|a| a.zero == 0));
    }

    #[test]
    fn a_large_bias_leaves_room_for_the_sum() {
        let (_, mut fitted) = conv("Identity(a)");
        fitted.scales = vec![1e-6, 1e-6];
        // Just short of what int32 holds, and beyond.
        fitted.bias = vec![-0.9 * 2f64.powi(31) * 0.25e-6, 1e5];
        let asked = fitted.bias.clone();
        let (codes, scales) = fitted.integer_bias();
        for o in 0..2 {
            assert!(codes[o].unsigned_abs() <= 1 << 30, "{}", codes[o]);
            assert!((f64::from(codes[o]) * f64::from(scales[o]) - asked[o]).abs() < 1e-6 * asked[o].abs());
            assert!((scales[o] - fitted.input.dequantize.scale * fitted.scales[o]).abs() <= f32::EPSILON * scales[o]);
        }
    }

    #[test]
    fn rows_of_zeros_tell_their_bias() {
        let (layer, _) = conv("Identity(a)");
        let mut fitted = fit(&layer, &[0.0; 6], &[0.123, 0.0], Input::tensor(COARSE), None, NONE);
        let (codes, scales) = fitted.integer_bias();
        assert!((f64::from(codes[0]) * f64::from(scales[0]) - 0.123).abs() < 1e-7);
        assert!(codes[1] == 0 && scales[1] > 0.0);
    }
}
