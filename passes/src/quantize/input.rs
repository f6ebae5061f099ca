//! How the input of a layer is rounded: by one scale, by one a channel, or by one after channels were evened out by a multiplication.
//!
//! A per-channel `QuantizeLinear` is followed by a `DequantizeLinear` per tensor, and the weights take up the quotient of the scales: the runtime sees an
//! ordinary int8 layer, and each channel uses the whole range of codes. Around padding all channels share a zero point, for the runtime fills in one code.

use super::{affine::Affine, layer::Layer};
use shrinx_calib::{RangeMethod, TensorStatistics, range};
use shrinx_solve::{InputScales, search_scales};

/// How a layer's input is rounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What `QuantizeLinear` uses: one, or one a channel.
    pub quantize: Vec<Affine>,
    /// What `DequantizeLinear` uses.
    pub dequantize: Affine,
    /// Factors that are multiplied to the channels before.
    pub premultiplied: Option<Vec<f32>>,
}

/// The ways to round an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// One scale.
    Tensor,
    /// One scale a channel.
    Channel,
    /// One scale, after a multiplication of the channels.
    Premultiplied,
}

/// Zero points tried for premultiplied inputs, besides that of the tensor.
const ZERO_POINTS: [u8; 5] = [32, 64, 96, 128, 160];

impl Input {
    /// One scale, given.
    pub fn tensor(affine: Affine) -> Self {
        Self { quantize: vec![affine], dequantize: affine, premultiplied: None }
    }

    /// A way to round the input of a layer whose weights are `rows`; ranges of channels reach `margin` standard deviations over those of the samples.
    /// `None` where the mode does not suit.
    pub fn of(layer: &Layer, rows: &[f64], seen: &TensorStatistics, mode: Mode, margin: f64, method: RangeMethod) -> Option<Self> {
        let whole = |(lo, hi): (f32, f32)| Affine::of_range(lo, hi);
        if mode == Mode::Tensor {
            return Some(Self::tensor(whole(range(seen, method))));
        }
        let channels = layer.channels(seen, layer.inputs)?;
        let ranges = channels.with_margin(margin);
        let widest = ranges.iter().fold((0.0f32, 0.0f32), |(l, h), (lo, hi)| (l.min(*lo), h.max(*hi)));
        let tensor = whole(widest);
        let (zero, least) = match mode {
            Mode::Premultiplied => std::iter::once(tensor.zero)
                .chain(ZERO_POINTS)
                .map(|z| (z, clip_free(&ranges, Some(z))))
                .min_by(|a, b| sum_of_logs(&a.1).total_cmp(&sum_of_logs(&b.1)))?,
            Mode::Tensor | Mode::Channel => (tensor.zero, clip_free(&ranges, layer.is_padded().then_some(tensor.zero))),
        };
        let (powers, even) = (channels.mean_square(), vec![1.0; layer.outputs]);
        let wanted = InputScales { full: &least, weights: rows, second_moment: &powers, importance: &even, limit: 127 };
        let scales = search_scales(&wanted);
        let common = (sum_of_logs(&scales) / scales.len() as f64).exp() as f32;
        if mode == Mode::Premultiplied {
            let factors = scales.iter().map(|s| common / *s as f32).collect();
            let affine = Affine { scale: common, zero };
            return Some(Self { quantize: vec![affine], dequantize: affine, premultiplied: Some(factors) });
        }
        let own = |(scale, (lo, _)): (&f64, &(f32, f32))| {
            let scale = *scale as f32;
            let zero = if layer.is_padded() { zero } else { (-lo / scale).round_ties_even().clamp(0.0, 255.0) as u8 };
            Affine { scale, zero }
        };
        let quantize = scales.iter().zip(&ranges).map(own).collect();
        Some(Self { quantize, dequantize: Affine { scale: common, zero: tensor.zero }, premultiplied: None })
    }

    /// What the codes of a channel stand for: scale and zero point.
    pub fn channel(&self, c: usize) -> (f64, f64) {
        let affine = self.quantize[if self.quantize.len() == 1 { 0 } else { c }];
        let factor = self.premultiplied.as_ref().map_or(1.0, |f| f64::from(f[c]));
        (f64::from(affine.scale) / factor, f64::from(affine.zero))
    }

    /// Rounds a value of a channel.
    pub fn round(&self, c: usize, x: f32) -> f32 {
        let affine = self.quantize[if self.quantize.len() == 1 { 0 } else { c }];
        match &self.premultiplied {
            None => affine.nearest(x),
            Some(factors) => affine.nearest(x * factors[c]) / factors[c],
        }
    }
}

/// The smallest scales that cut nothing, one a channel; with a common zero point where one is given.
fn clip_free(ranges: &[(f32, f32)], zero: Option<u8>) -> Vec<f64> {
    let one = |(lo, hi): &(f32, f32)| {
        let (lo, hi) = (f64::from(*lo), f64::from(*hi));
        match zero {
            None => (hi - lo) / 255.0,
            Some(z) => {
                let above = if z < 255 { hi / (255.0 - f64::from(z)) } else { 0.0 };
                above.max(if z > 0 { -lo / f64::from(z) } else { 0.0 })
            }
        }
    };
    let all: Vec<f64> = ranges.iter().map(one).collect();
    let most = all.iter().fold(0.0f64, |a, b| a.max(*b)).max(f64::from(f32::MIN_POSITIVE) * 1e6);
    // A channel without values in any sample may have some later.
    all.into_iter().map(|s| s.max(most * 1e-3)).collect()
}

fn sum_of_logs(scales: &[f64]) -> f64 {
    scales.iter().map(|s| s.ln()).sum()
}

/// By how much premultiplying has to lower the expected error to be worth its time.
const WORTH: f64 = 1.3;

/// Whether an evened-out input is worth a multiplication: by the expected error of rounded inputs and weights.
pub fn pays(layer: &Layer, rows: &[f64], seen: &TensorStatistics, even: &Input, plain: &Input) -> bool {
    let Some(channels) = layer.channels(seen, layer.inputs) else { return false };
    let powers = channels.mean_square();
    expected_error(layer, rows, &powers, plain) > WORTH * expected_error(layer, rows, &powers, even)
}

/// Σ_o [ Σ_c w²s² / 12 + D² / 12 · Σ_c E[x²] / s² ], D = max_c |w| s / 127: uniform errors of half a step in inputs and weights.
fn expected_error(layer: &Layer, rows: &[f64], powers: &[f64], input: &Input) -> f64 {
    let n = layer.inputs * layer.kernel;
    let scales: Vec<f64> = (0..n).map(|k| input.channel(k / layer.kernel).0).collect();
    let seen: f64 = scales.iter().enumerate().map(|(k, s)| powers[k / layer.kernel] / (s * s)).sum();
    rows.chunks_exact(n)
        .map(|row| {
            let products = row.iter().zip(&scales).map(|(w, s)| (w * s).abs());
            let (squares, most) = products.fold((0.0, 0.0f64), |(sum, most), p| (sum + p * p, most.max(p)));
            (squares + (most / 127.0).powi(2) * seen) / 12.0
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::{
        fit::{Corrections, fit},
        layer::only_layer,
    };

    const NONE: Corrections = Corrections { mean: false, least_squares: false, adaptive: false };
    const X: [f32; 12] = [-1.0, 0.5, 2.0, 3.0, 10.0, -30.0, 0.0, 20.0, 0.01, 0.02, 0.04, 0.03];

    fn conv(attributes: &str) -> (Layer, Vec<f64>) {
        let graph = format!("g (float[N,3,2,2] x) => (float[N,2,H,W] y) <float[2,3,1,1] w> {{ y = Conv{attributes}(x, w) }}");
        let (_, layer) = only_layer(&graph);
        (layer, vec![0.5, -0.01, 9.0, -1.0, 0.02, 4.0])
    }

    fn searched(layer: &Layer, rows: &[f64], mode: Mode) -> Input {
        let axis = layer.channel_axis;
        Input::of(layer, rows, &TensorStatistics::of(&X, &[1, 3, 2, 2], axis), mode, 0.0, RangeMethod::MinMax).unwrap()
    }

    #[test]
    fn a_scale_a_channel_is_what_the_node_computes_with_one() {
        let (layer, rows) = conv("");
        let input = searched(&layer, &rows, Mode::Channel);
        let Affine { scale, zero } = input.dequantize;
        let fitted = fit(&layer, &rows, &[1.0, 2.0], input.clone(), None, NONE);
        let code = |c: usize| {
            (f64::from(X[4 * c + 1] / input.quantize[c].scale).round_ties_even() + f64::from(input.quantize[c].zero)).clamp(0.0, 255.0)
        };
        for o in 0..2 {
            let weight = |c: usize| f64::from(fitted.codes[3 * o + c]) * f64::from(fitted.scales[o]);
            let node: f64 = (0..3).map(|c| weight(c) * f64::from(scale) * (code(c) - f64::from(zero))).sum::<f64>() + fitted.bias[o];
            let meant = |c: usize| weight(c) * f64::from(scale) / input.channel(c).0 * f64::from(input.round(c, X[4 * c + 1]));
            let meant: f64 = (0..3).map(meant).sum::<f64>() + [1.0, 2.0][o];
            assert!((node - meant).abs() < 1e-4 * meant.abs(), "{node} {meant}");
        }
    }

    #[test]
    fn no_mode_cuts_what_was_seen() {
        let (layer, rows) = conv("");
        for mode in [Mode::Tensor, Mode::Channel, Mode::Premultiplied] {
            let input = searched(&layer, &rows, mode);
            for (k, x) in X.into_iter().enumerate() {
                let step = input.channel(k / 4).0;
                assert!(f64::from((input.round(k / 4, x) - x).abs()) <= step * 0.51 + 1e-6, "{mode:?} {x}");
            }
        }
    }

    #[test]
    fn around_padding_all_channels_share_the_code_of_zero() {
        let (layer, rows) = conv("<pads = [1, 1, 1, 1]>");
        let input = searched(&layer, &rows, Mode::Channel);
        assert!(input.quantize.iter().all(|a| a.zero == input.dequantize.zero));
        let (free, rows) = conv("");
        assert!(searched(&free, &rows, Mode::Channel).quantize.iter().any(|a| a.zero != input.dequantize.zero));
    }

    #[test]
    fn evening_out_pays_beside_an_outlier() {
        let (_, layer) = only_layer("g (float[N,3] x) => (float[N,2] y) <float[3,2] w> { y = MatMul(x, w) }");
        let rows = [0.01, 0.5, 0.5, 0.02, -0.4, 0.3];
        let pays = |x: &[f32]| {
            let seen = TensorStatistics::of(x, &[2, 3], Some(1));
            let [even, plain] =
                [Mode::Premultiplied, Mode::Tensor].map(|mode| Input::of(&layer, &rows, &seen, mode, 0.0, RangeMethod::MinMax).unwrap());
            super::pays(&layer, &rows, &seen, &even, &plain)
        };
        assert!(pays(&[100.0, 1.0, -1.0, -100.0, 0.5, 0.8]));
        assert!(!pays(&[1.0, 1.0, -1.0, -1.0, 0.9, 0.9]));
    }
}
