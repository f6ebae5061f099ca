//! What nodes cost to run: a table of measured kernels, from which the choice of precision follows. No clock is looked at when models are written.
//!
//! A [`Work`] is what a node asks of a kernel, a [`CostTable`] what kernels of a target take for it. The table that is shipped ([`CostTable::shipped`]) and
//! those of others are made by `shrinx bench --costs`, one text file each.
//!
//! Kernels that multiply are priced by a few rates, fitted to measured shapes by the least sum of relative errors: multiply-accumulates (channels rounded up
//! to whole blocks), elements gathered, read, written, weights, channels, the call. On shapes held out the median error is 1 to 6 % for convolutions of
//! blocks and for products. What lost: interpolation between the measured shapes, by inverse distance of the logarithms of reduction, channels and
//! positions: 4 to 14 %, and rates extrapolate to what was not measured, and can be read. Rates by least squares: shapes that other work on the machine
//! disturbed pulled the float ones 20 % down. Kernels that pass over elements follow a curve over their number: it bends where caches end.
//!
//! ONNX Runtime on x64 keeps float maps in blocks of channels (NCHWc), and int8 convolutions take channels last. An int8 convolution among float ones
//! therefore pays more than quantizing: [`CostTable::enter`] and [`CostTable::leave`].

mod table;
mod work;

pub use table::{CostError, CostTable, Curve, Pair, Rates};
pub use work::{SAMPLE_LENGTH, Work, lengths_of};

/// What a node is computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// float32.
    Float32,
    /// Activations of 8 bits, unsigned; weights of 8 bits, signed, a scale per output channel.
    Int8,
}

/// Which kernel computes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KernelClass {
    /// A convolution of a 1x1 kernel.
    ConvPointwise,
    /// A convolution of a larger kernel.
    ConvSpatial,
    /// A convolution of fewer than [`KernelClass::SHALLOW`] input channels: float takes them as they are, not in blocks; int8 gathers them one by one.
    ConvShallow,
    /// A convolution of each channel by itself.
    ConvDepthwise,
    /// A convolution in groups of channels.
    ConvGrouped,
    /// A product with a matrix. In int8 its output is float.
    MatMul,
    /// A product with a matrix, with a bias. In int8 its output is int8.
    Gemm,
    /// A simple function of each element: `Add`, `Mul`, `Relu`, `Clip`.
    Elementwise,
    /// A smooth function of each element: `Sigmoid`, `HardSwish`, `Erf`.
    Activation,
    /// `QuantizeLinear`.
    Quantize,
    /// `DequantizeLinear`.
    Dequantize,
    /// Between channels last and channels first, of int8.
    Transpose,
    /// Between blocks of channels and channels first, of float.
    Reorder,
}

impl KernelClass {
    /// With fewer input channels a convolution is shallow.
    pub const SHALLOW: u64 = 4;

    /// Whether it is a convolution.
    pub fn is_convolution(self) -> bool {
        match self {
            Self::ConvPointwise | Self::ConvSpatial | Self::ConvShallow | Self::ConvDepthwise | Self::ConvGrouped => true,
            Self::MatMul
            | Self::Gemm
            | Self::Elementwise
            | Self::Activation
            | Self::Quantize
            | Self::Dequantize
            | Self::Transpose
            | Self::Reorder => false,
        }
    }
}
