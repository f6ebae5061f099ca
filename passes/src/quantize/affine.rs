//! Unsigned 8-bit affine quantization: `q = clamp(round(x / scale) + zero, 0, 255)`, rounding half to even (ONNX `QuantizeLinear`).

/// Scale and zero point of a tensor, or of one of its channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The distance between two codes.
    pub scale: f32,
    /// The code of 0.
    pub zero: u8,
}

impl Affine {
    /// The outputs of a sigmoid.
    pub const UNIT: Self = Self { scale: 1.0 / 255.0, zero: 0 };

    /// Covers `lo..=hi`, made to include 0.
    pub fn of_range(lo: f32, hi: f32) -> Self {
        let (lo, hi) = (f64::from(lo.min(0.0)), f64::from(hi.max(0.0)));
        let scale = ((hi - lo) / 255.0) as f32;
        if !scale.is_finite() || scale < f32::MIN_POSITIVE {
            return Self { scale: 1.0, zero: 0 };
        }
        let zero = (-lo / f64::from(scale)).round_ties_even().clamp(0.0, 255.0);
        Self { scale, zero: zero as u8 }
    }

    /// The nearest value that has a code.
    pub fn nearest(self, x: f32) -> f32 {
        let code = ((x / self.scale).round_ties_even() + f32::from(self.zero)).clamp(0.0, 255.0);
        (code - f32::from(self.zero)) * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact() {
        for (lo, hi) in [(-1.0, 3.0), (0.5, 2.0), (-7.0, -1.0), (0.0, 0.0)] {
            assert_eq!(Affine::of_range(lo, hi).nearest(0.0), 0.0);
        }
        assert_eq!(Affine::of_range(0.0, 255.0), Affine { scale: 1.0, zero: 0 });
        assert_eq!(Affine::of_range(-128.0, 127.0), Affine { scale: 1.0, zero: 128 });
    }

    #[test]
    fn values_outside_are_cut() {
        let affine = Affine::of_range(0.0, 6.0);
        assert!((affine.nearest(9.0) - 6.0).abs() < 1e-5);
        assert_eq!(affine.nearest(-1.0), 0.0);
    }
}
