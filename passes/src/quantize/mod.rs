//! Int8 by calibration: which layers, with which scales, and how their error is made up for.
//!
//! *Survey*: the heavy nodes of the main graph that have int8 kernels ([`layer`]). *Place*: where Quantize and Dequantize stand for a choice of layers, by the
//! rules of the runtime's fusions ([`placement`]). *Round*: how inputs ([`input`]), weights, bias and outputs ([`fit`]) of each layer are rounded, and how the
//! error is corrected from second moments ([`evidence`]). *Choose*: noise of each layer alone ([`judge`]) against what it saves ([`cost`]), noise powers added
//! ([`select`]). *Write* the pairs into the model ([`apply`]). The decisions are plain data ([`plan`]).

pub mod affine;
pub mod apply;
pub mod cost;
pub mod evidence;
pub mod fit;
pub mod input;
pub mod judge;
pub mod layer;
pub mod observed;
pub mod placement;
pub mod plan;
pub mod select;

pub use judge::decibels;
pub use layer::{Layer, layers};
pub use observed::observed;
pub use plan::Plan;
pub use select::{Goal, Quantized, Settings, Trials, quantize};
